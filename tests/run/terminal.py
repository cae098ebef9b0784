#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Job control on a terminal: Ctrl-C, Ctrl-Z, fg, bg, hang-up; the transcript is as natively.

An interactive shell is driven through a pseudo-terminal. It starts every program as `$RUN prog`,
so that what is echoed, and what `jobs` prints, is the same text in every mode.
"""

import difflib
import os
import pty
import re
import select
import signal
import time
from cm import CMRUN, LIB, Tap, environment

PROMPT = b"READY> "

# (line, what shows that the program has started, or nothing to wait for; key)
STEPS = [
    (b"$RUN sleep 60\n", b"", b"\x03"), (b"echo status $?\n", b"", b""),
    (b"$RUN sleep 60\n", b"", b"\x1a"), (b"echo status $?; jobs\n", b"", b""),
    (b"fg\n", b"", b"\x03"), (b"echo status $?; jobs\n", b"", b""),
    (b"$RUN sleep 60\n", b"", b"\x1a"), (b"bg; jobs; kill %1; wait %1; echo status $?\n", b"", b""),
    (b"$RUN bash -c 'trap \"echo caught; exit 4\" INT; echo up; sleep 60'\n", b"\nup\r\n", b"\x03"),
    (b"echo status $?\n", b"", b""),
    (b"$RUN sleep 60\n", b"", b"\x1c"), (b"echo status $?\n", b"", b""),
    (b"$RUN cat\n", b"", b"line\n\x04"), (b"echo status $?\n", b"", b""),
    (b"$RUN stty -a | grep -o isig; $RUN tty | cut -c1-8\n", b"", b""),
    (b"$RUN bash -c 'echo up; sleep 60 | cat'\n", b"\nup\r\n", b"\x1a"), (b"fg\n", b"", b"\x03"),
    (b"echo status $?\n", b"", b""),
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


def shell(home, env, under=()):
    pid, fd = pty.fork()
    if pid == 0:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)  # nohup(1), or a caller's `&`, ignores some
        full = environment(home, dict(env, PS1=PROMPT.decode(), TERM="dumb", HISTFILE=""))
        command = [*under, "/bin/bash", "--norc", "--noprofile", "--noediting", "-i"]
        os.execve(command[0], command, full)
    return pid, fd


def sleeps_in(group):
    """Whether a sleep or a cat of that process group waits: what the keys are meant for."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        fields = rest.split()
        if name in ("sleep", "cat") and fields[0] == "S" and int(fields[2]) == group:
            return True
    return False


def in_foreground(fd, pid, seconds=20):
    """Waits until the terminal is another's than the shell's, and that one is what it was to be."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        group = os.tcgetpgrp(fd)
        if group != pid and sleeps_in(group):
            return
        time.sleep(0.02)


def transcript(home, env, under=()):
    """What the terminal showed, with the numbers that differ by nature taken out."""
    pid, fd = shell(home, env, under)
    text = until(fd, PROMPT)
    for line, started, key in STEPS:
        os.write(fd, line)
        if started:
            text += until(fd, started)
        if key:
            in_foreground(fd, pid)
            time.sleep(0.1)
            os.write(fd, key)
        text += until(fd, PROMPT)
    os.write(fd, b"exit\n")
    text += until(fd, b"never")
    os.close(fd)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return re.sub(rb"\[(\d)\] \d+|\d{3,7} (Term|Quit)", rb"[\1] N \2", text), status


def changes(native, found):
    """How the second transcript differs from the first, with the last line in front of it."""
    a, b = (one[0].decode(errors="replace").splitlines() for one in (native, found))
    lines = difflib.unified_diff(a, b, "natively", "found", n=2, lineterm="")
    return "\n".join(["statuses %s and %s" % (native[1], found[1]), *lines])


def has_ended(pid):
    """Whoever inherits it may take a while to wait for it."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def hang_up(home, env):
    """Whether a program is gone a moment after its terminal is."""
    pid, fd = shell(home, env)
    until(fd, PROMPT)
    os.write(fd, b"$RUN bash -c 'echo PID $$; exec sleep 61'\n")
    text = b""
    for _ in range(40):
        text += until(fd, b"never", 0.25)
        found = re.search(rb"PID (\d+)\r", text)
        if found:
            break
    os.close(fd)
    os.waitpid(pid, 0)
    for _ in range(200):
        if found and has_ended(int(found[1])):
            return True
        time.sleep(0.05)
    return False


with Tap() as t:
    native = transcript(t.fresh(), {"RUN": ""})
    kept = native[0].decode(errors="replace")
    t.ok(kept.count("status 130") == 3 and "Stopped" in kept and "status 148" in kept
         and "status 4" in kept and "status 131" in kept and "isig" in kept,
         "keys act natively as they should", kept)
    for mode, env in (("default", {"RUN": CMRUN + " --"}),
                      ("strict", {"RUN": CMRUN + " --profile=strict --"}),
                      ("preload", {"RUN": "env LD_PRELOAD=" + LIB})):
        found = transcript(t.fresh(), env)
        t.ok(found == native, "job control is the same: " + mode,
             changes(native, found))
        t.ok(hang_up(t.fresh(), env), "a hang-up ends the program: " + mode)
    inside = transcript(t.fresh(), {"RUN": ""}, (CMRUN, "--"))
    t.ok(inside == native, "a policed shell controls its jobs", changes(native, inside))
