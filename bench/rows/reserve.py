# SPDX-License-Identifier: BSD-2-Clause
"""What the keys about where memory lies gain and cost: reserve.superpage with reserve.round, and
reuse.quarantine.

Measured beside the same program under the same policy without the key, in the same rounds. Nothing
is promised: what superpages are worth is the program's, and they may cost memory.
"""

import os
import shutil
import subprocess

from figure import Found
from rows.row import Row
from turns import Failed

ON = 'reserve: { superpage = "2M"; round = "2M"; };\n'
KEEP = 'extends = "strict"; reuse: { quarantine = "64M"; };\n'
REUSE = 'extends = "strict"; reuse: { quarantine = 0; };\n'

CODE_BYTES = 12 << 20

# Elements of 160 MB, in no order.
ARRAY = """const a = new Float64Array(2e7); let at = 1;
for (let i = 0; i < 1e7; i++) { at = (at * 7919 + 1) % 2e7; a[at] += i; }
if (!a[7920]) throw a[7920];"""
# One byte of each is used.
SPARSE = """import mmap
kept = [mmap.mmap(-1, 9 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(64)]
for one in kept: one[5 << 20] = 1"""


def code(bench):
    """What a compressor has to look far back for: machine code."""
    with open(shutil.which("node"), "rb") as file, open(bench.path("code"), "wb") as out:
        out.write(file.read(CODE_BYTES))


def policies(bench):
    return {name: bench.write(name + ".policy", lines)
            for name, lines in (("on", ON), ("keep", KEEP), ("reuse", REUSE))}


def under(bench, policy):
    return [bench.cmrun[0], "-p", bench.once_made(policies)[policy], *bench.cmrun[1:]]


def peak_kib(bench, command):
    """The most memory that it had at once. cmrun becomes the program."""
    with subprocess.Popen(command, cwd=bench.folder, env=bench.environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed("%s: status %d" % (" ".join(command), process.returncode))
    return float(used.ru_maxrss)


def seconds(work, *command):
    def take(bench):
        bench.once_made(code)
        once = [bench.tool["spawn"], "1", *command]
        native, ours, beside = bench.turns(once, under(bench, "on") + once, bench.cmrun + once)
        return Found(ours, native, beside)
    return Row("reserve", work, take, beside_is="cookiemap without these keys")


def memory(work, *command):
    def take(bench):
        bench.once_made(code)
        native, ours, beside = bench.turns(
            list(command), under(bench, "on") + list(command), bench.cmrun + list(command),
            take=lambda one: peak_kib(bench, one))
        return Found(ours, native, beside)
    return Row("reserve", work, take, unit="KiB", beside_is="cookiemap without these keys")


def keeping(work, name):
    def take(bench):
        once = [bench.tool["own"], name, bench.milliseconds, "-"]
        native, ours, beside = bench.turns(once, under(bench, "keep") + once,
                                           under(bench, "reuse") + once)
        return Found(ours, native, beside)
    return Row("reserve", work, take, beside_is="strict without the quarantine")


XZ = ("xz", "-9", "-T1", "-k", "-f", "code")
NODE = ("node", "-e", ARRAY)
PYTHON = ("/usr/bin/python3", "-c", SPARSE)

ROWS = [
    seconds("superpages: xz -9 of 12 MiB", *XZ),
    memory("superpages: xz -9 of 12 MiB, memory", *XZ),
    seconds("superpages: node, a large array", *NODE),
    memory("superpages: node, a large array, memory", *NODE),
    seconds("superpages: a byte of each 9 MiB", *PYTHON),
    memory("superpages: a byte of each 9 MiB, memory", *PYTHON),
    keeping("quarantine: malloc(1 MiB) and free", "malloc"),
    keeping("quarantine: pthread_create and join", "thread"),
]
