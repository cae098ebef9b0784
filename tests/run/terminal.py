#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Job control on a terminal: Ctrl-C, Ctrl-Z, fg, bg, hang-up; the transcript is as natively.

An interactive shell is driven through a pseudo-terminal. It starts every program as `$RUN prog`,
so that what is echoed, and what `jobs` prints, is the same text in every mode.
"""

import os
import pty
import re
import select
import time
from cm import CMRUN, LIB, Tap, environment

PROMPT = b"READY> "

STEPS = [
    (b"$RUN sleep 60\n", 0.4, b"\x03"), (b"echo status $?\n", 0, b""),
    (b"$RUN sleep 60\n", 0.4, b"\x1a"), (b"echo status $?; jobs\n", 0, b""),
    (b"fg\n", 0.4, b"\x03"), (b"echo status $?; jobs\n", 0, b""),
    (b"$RUN sleep 60\n", 0.4, b"\x1a"), (b"bg; jobs; kill %1; wait %1; echo status $?\n", 0, b""),
    (b"$RUN bash -c 'trap \"echo caught; exit 4\" INT; sleep 60'\n", 0.4, b"\x03"),
    (b"echo status $?\n", 0, b""),
    (b"$RUN sleep 60\n", 0.4, b"\x1c"), (b"echo status $?\n", 0, b""),
    (b"$RUN cat\n", 0.3, b"line\n\x04"), (b"echo status $?\n", 0, b""),
    (b"$RUN stty -a | grep -o isig; $RUN tty | cut -c1-8\n", 0, b""),
    (b"$RUN bash -c 'sleep 60 | cat' \n", 0.4, b"\x1a"), (b"kill %%; fg\n", 0, b""),
    (b"echo status $?\n", 0, b""),
]


def until(fd, wanted, seconds=20):
    """Reads until `wanted` ends what was read; what was read."""
    got, end = b"", time.monotonic() + seconds
    while not got.endswith(wanted) and time.monotonic() < end:
        if not select.select([fd], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        got += piece
    return got


def shell(home, env):
    pid, fd = pty.fork()
    if pid == 0:
        full = environment(home, dict(env, PS1=PROMPT.decode(), TERM="dumb", HISTFILE=""))
        os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], full)
    return pid, fd


def transcript(home, env):
    """What the terminal showed, with the numbers that differ by nature taken out."""
    pid, fd = shell(home, env)
    text = until(fd, PROMPT)
    for line, delay, key in STEPS:
        os.write(fd, line)
        if key:
            time.sleep(delay)
            os.write(fd, key)
        text += until(fd, PROMPT)
    os.write(fd, b"exit\n")
    text += until(fd, b"never")
    os.close(fd)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return re.sub(rb"\[(\d)\] \d+|\d{3,7} (Term|Quit)", rb"[\1] N \2", text), status


def hang_up(home, env):
    """Whether a program is gone a moment after its terminal is."""
    pid, fd = shell(home, env)
    until(fd, PROMPT)
    os.write(fd, b"$RUN bash -c 'echo PID $$; exec sleep 61'\n")
    time.sleep(0.5)
    found = re.search(rb"PID (\d+)", until(fd, b"never", 0.5))
    os.close(fd)
    os.waitpid(pid, 0)
    for _ in range(40):
        if found and not os.path.exists("/proc/%d" % int(found[1])):
            return True
        time.sleep(0.05)
    return False


with Tap() as t:
    native = transcript(t.fresh(), {"RUN": ""})
    kept = native[0].decode(errors="replace")
    t.ok(kept.count("status 130") == 2 and "Stopped" in kept and "status 148" in kept
         and "status 4" in kept and "status 131" in kept and "isig" in kept,
         "keys act natively as they should", kept)
    for mode, env in (("default", {"RUN": CMRUN + " --"}),
                      ("strict", {"RUN": CMRUN + " --profile=strict --"}),
                      ("preload", {"RUN": "env LD_PRELOAD=" + LIB})):
        found = transcript(t.fresh(), env)
        t.ok(found == native, "job control is the same: " + mode,
             "natively\n%s\nfound\n%s" % (kept, found[0].decode(errors="replace")))
        t.ok(hang_up(t.fresh(), env), "a hang-up ends the program: " + mode)
    inside = transcript(t.fresh(), {"RUN": "", "CM_SHELL": "1"})
    t.ok(inside == native, "the transcript is the same twice", inside[0].decode(errors="replace"))
