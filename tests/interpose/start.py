#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the library leaves behind in a process that has started.

usage: start.py CMRUN START
"""

import os
import platform
import sys

from tap import Tap, run

CLOSED_FILES = """
import os, sys
os.closerange(3, 256)
for fd in range(3, 12):
    os.dup2(2, fd)
os.execv(sys.argv[1], [sys.argv[1], "gate"])
"""


def main():
    cmrun, start = [os.path.abspath(a) for a in sys.argv[1:3]]
    t = Tap()
    kernel = tuple(int(n) for n in platform.release().split("-")[0].split(".")[:2])

    def ours(what):
        r = run([cmrun, "--", start, what])
        return r.stdout.strip() or "status %d" % r.returncode

    t.expect("natively there is no gate", run([start, "gate"]).stdout, "none\n")
    t.expect("the gate is mapped, read and execute", ours("gate"), "r-xp")
    t.expect("the state cannot be written", ours("state"), "fault")
    t.expect("nor made writable, where the kernel has seals", ours("unprotect"),
             "EPERM" if kernel >= (6, 10) else "done")
    t.expect("natively errno starts as 0", run([start, "errno"]).stdout, "0\n")
    t.expect("and so it does here", ours("errno"), "0")

    listing = ["/bin/sh", "-c", "ls /proc/self/fd | wc -l"]
    t.expect("no descriptor is left", run([cmrun, "--", *listing]).stdout, run(listing).stdout)
    loader = "/lib64/ld-linux-x86-64.so.2"
    t.expect("started by ld.so by name, too", run([cmrun, "--", loader, start, "gate"]).stdout,
             "r-xp\n")
    t.expect("with an empty environment, too",
             run([cmrun, "--", "/usr/bin/env", "-i", start, "gate"]).stdout, "r-xp\n")
    r = run([cmrun, "--", "/bin/sh", "-c", "ulimit -n 3; exec \"$0\" gate", start])
    t.expect("without a descriptor to spare it is passive, or not loaded",
             (r.stdout, r.returncode != 0), ("", True))
    r = run([cmrun, "--", "/usr/bin/python3", "-c", CLOSED_FILES, start])
    t.expect("with descriptors taken it starts", r.stdout, "r-xp\n")

    traced = run([cmrun, "--version"], {"LD_TRACE_LOADED_OBJECTS": "1"}).stdout
    t.expect("cmrun starts without what only a report needs",
             ("libc.so" in traced, "capstone" in traced), (True, False))
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
