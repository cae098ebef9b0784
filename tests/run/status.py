#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""The caller sees the program itself: exit status, pid, parent, descriptors, signals, children."""

import os
import subprocess
import time
from cm import CMRUN, PROG, MODES, Tap, environment, sh, show, wrap, write


def exits(t):
    for number in (0, 1, 42, 255):
        t.compare("exit %d" % number, sh("exit %d" % number), status=number, quiet=True,
                  modes=MODES)
    for number in (6, 9, 11, 15):
        t.compare("death by signal %d" % number, sh("ulimit -c 0; kill -%d $$" % number),
                  status=-number, quiet=True, modes=MODES)


def identity(t):
    """The pid that the caller started is the program's, and the caller is its parent."""
    for mode in ("native",) + MODES:
        folder = t.fresh()
        command, env = wrap(mode, ["/bin/sh", "-c", "echo $$ $PPID"], environment(folder))
        child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
        out, _ = child.communicate()
        t.ok(out.split() == [b"%d" % child.pid, b"%d" % os.getpid()], "same pid, same parent: "
             + mode, out)
        try:
            left = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            left = None
        t.ok(left is None, "the caller has got no other child: " + mode, left)


def inheritance(t):
    state = PROG + "/state"
    t.compare("what a program inherits", [state, "a", "", "b c"], modes=MODES)
    t.compare("what a program inherits from an odd shell", sh(
        "exec 7</dev/null 9>&1 <&-; umask 027; ulimit -n 64; trap '' INT USR1; "
        "nice -n 5 setsid -w %s" % state), modes=MODES)
    t.compare("a caller without descriptors", sh("exec 2>&- <&-; %s >out; exec >&-; %s" % (state, state)),
              quiet=True, modes=MODES, after=lambda f: open(f + "/out", "rb").read())
    t.compare("input is left where the program left it",
              ["/bin/sh", "-c", "head -c 3; cat"], stdin=b"abcdef\n", modes=MODES)
    t.compare("a full pipe downstream", sh("yes | head -n 1"), modes=MODES)
    plain, changed = sh("env | grep -v -e ^LD_PRELOAD= -e ^_= | sort"), sh("env | sort")
    t.compare("the environment, but for LD_PRELOAD", plain, modes=MODES)
    t.ok(b"LD_PRELOAD" in t.run("default", changed).out, "and LD_PRELOAD is in it")


def closed_descriptors(t):
    """cmrun itself started with standard descriptors closed: nothing of ours takes their numbers."""
    def out_of(mode, closed):
        command, env = wrap(mode, [PROG + "/state"], environment(t.fresh()))
        shell = "exec 5>&1 " + " ".join("%d>&-" % fd for fd in closed) + '; "$@" >&5'
        return subprocess.run(["/bin/sh", "-c", shell, "sh", *command], env=env, timeout=30, check=False,
                              stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout
    for closed in ((0,), (2,), (0, 2)):
        native = out_of("native", closed)
        for mode in MODES:
            found = out_of(mode, closed)
            t.ok(native and found == native, "started without %s: %s" % (closed, mode), found)


def daemon(t):
    """A program that leaves its caller: the caller's pipe ends at once, the policy stays."""
    for mode, expected in (("native", "granted"), ("default", "EACCES"), ("strict", "EACCES"),
                           ("preload", "EACCES")):
        file = os.path.join(t.home, "daemon-" + mode)
        before = time.monotonic()
        done = t.run(mode, [PROG + "/daemon", file], timeout=30)
        took = time.monotonic() - before
        t.ok(done.out == b"leaving\n" and done.status == 0 and not done.err and took < 1.8,
             "a daemon's caller goes on at once: " + mode, "%.1f s\n%s" % (took, show(done)))
        while not os.path.exists(file) and time.monotonic() - before < 20:
            time.sleep(0.05)
        found = open(file, encoding="utf-8").read() if os.path.exists(file) else "nothing"
        t.ok(found.strip() == expected, "a daemon is %s code: %s" % (
            "free to make" if mode == "native" else "refused", mode), found)


def own_failures(t):
    folder = t.fresh()
    text = write(folder, "not-a-program", "x", 0o644)
    for name, argv, status in (("no such program", ["./nothing-here"], 127),
                               ("no such program in PATH", ["nothing-here"], 127),
                               ("not executable", [text], 126),
                               ("a folder", ["/tmp"], 126)):
        done = t.run("default", argv, setup=lambda f: write(f, "not-a-program", "x"))
        line = done.err.decode(errors="replace")
        t.ok(done.status == status and not done.out and line.count("\n") == 1
             and argv[0] in line, "%s: %d and one line" % (name, status), show(done))
    done = t.run("native", [CMRUN])
    t.ok(done.status == 125 and done.err, "no program named: 125", show(done))
    script = t.run("default", ["./script"], setup=lambda f: write(f, "script", "#!/bin/sh\nexit 9\n",
                                                                  0o755))
    t.ok(script.status == 9, "a #! script", show(script))


with Tap() as t:
    exits(t)
    identity(t)
    inheritance(t)
    closed_descriptors(t)
    daemon(t)
    own_failures(t)
