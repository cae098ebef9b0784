# SPDX-License-Identifier: BSD-2-Clause
"""What the keys about where memory lies gain and cost: reserve.superpage with reserve.round, and
reuse.quarantine.

Measured beside the same program under the same policy without the key, in the same rounds. Nothing
is promised: what superpages are worth is the program's, and they may cost memory.
"""

import os
import random
import subprocess

from figure import Found
from rows.row import Row
from turns import Failed

ON = 'reserve: { superpage = "2M"; round = "2M"; };\n'
KEEP = 'extends = "strict"; reuse: { quarantine = "64M"; };\n'
REUSE = 'extends = "strict"; reuse: { quarantine = 0; };\n'

WORDS = 60000
TEXT_BYTES = 6 << 20

# Half a million entries, looked up in another order.
DICT = """d = {}
for i in range(500000): d[i * 7919 % 4000037] = i
print(sum(d[i * 104729 % 500000 * 7919 % 4000037] for i in range(500000)))"""
# One byte of each array is used.
SPARSE = """kept = [bytearray(9 << 20) for _ in range(64)]
for b in kept: b[5 << 20] = 1
print(len(kept))"""


def text(bench):
    """Words in no order: what a compressor has to look far back for."""
    draw = random.Random(1)
    words = ["%x" % draw.getrandbits(48) for _ in range(WORDS)]
    return bench.write("words.txt", " ".join(draw.choices(words, k=TEXT_BYTES // 13)))


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
        bench.once_made(text)
        once = [bench.tool["spawn"], "1", *command]
        native, ours, beside = bench.turns(once, under(bench, "on") + once, bench.cmrun + once)
        return Found(ours, native, beside)
    return Row("reserve", work, take, beside_is="cookiemap without these keys")


def memory(work, *command):
    def take(bench):
        bench.once_made(text)
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


XZ = ("xz", "-9", "-T1", "-k", "-f", "words.txt")
PYTHON = ("/usr/bin/python3", "-c")

ROWS = [
    seconds("superpages: xz -9 of 6 MiB", *XZ),
    memory("superpages: xz -9 of 6 MiB, memory", *XZ),
    seconds("superpages: python3, a large dict", *PYTHON, DICT),
    memory("superpages: python3, a large dict, memory", *PYTHON, DICT),
    seconds("superpages: python3, a byte of each of 64 arrays", *PYTHON, SPARSE),
    memory("superpages: python3, a byte of each of 64 arrays, memory", *PYTHON, SPARSE),
    keeping("quarantine: malloc(1 MiB) and free", "malloc"),
    keeping("quarantine: pthread_create and join", "thread"),
]
