# SPDX-License-Identifier: BSD-2-Clause
"""What a process costs: to start one, to start a tree, and the memory that each has to itself."""

import subprocess
import time

from figure import Found, Target
from rows.row import Row, spawned
from turns import Failed

SETTLED = 0.2  # seconds: by then it sleeps


def cold(bench):
    many = [bench.tool["spawn"], "15"]
    native, ours = bench.turns(many + ["/bin/true"], many + bench.cmrun + ["/bin/true"])
    return Found(ours, native)


def private_kib(pid):
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
        lines = dict(line.split(":", 1) for line in file if ":" in line.split()[0])
    return sum(float(lines["Private_" + how].split()[0]) for how in ("Clean", "Dirty"))


def sleeper(bench, command):
    """cmrun becomes the program, so the process that was started is the one to look at."""
    process = subprocess.Popen(command, env=bench.environment, stdin=subprocess.DEVNULL)
    try:
        time.sleep(SETTLED)
        if process.poll() is not None:
            raise Failed("%s: ended" % " ".join(command))
        return private_kib(process.pid)
    finally:
        process.kill()
        process.wait()


def memory(bench):
    command = ["/bin/sleep", "60"]
    native, ours = bench.turns(command, bench.cmrun + command,
                               take=lambda command: sleeper(bench, command))
    return Found(ours, native)


ROWS = [
    Row("processes", "fork+exec+exit of /bin/true in the tree", spawned(40, "/bin/true"),
        Target("add", 300e3)),
    Row("processes", "cmrun -- /bin/true, cold", cold, Target("most", 5e6)),
    Row("processes", "private memory of a sleeping process", memory, Target("add", 400),
        unit="KiB"),
]
