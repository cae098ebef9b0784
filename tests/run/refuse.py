#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Input and surroundings that cannot be right: one line that helps, status 125, nothing started."""

import errno
import os
from cm import CMRUN, LIB, PROG, Tap, show, write

POLICIES = {
    "key.policy": ('extends = "default";\nwx: { mpa = "deny"; };\n', 2, ["wx.mpa", "wx.map"]),
    "word.policy": ('wx: {\n  map = "denny";\n};\n', 2, ["denny", "deny"]),
    "type.policy": ("exec: { preload = 3; };\n", 1, ["exec.preload"]),
    "later.policy": ("// later\n\nshare: { fork = \"keep\"; };\n", 3, ["share.fork"]),
    "syntax.policy": ('wx: {\n  map = ;\n};\n', 2, ["syntax"]),
    "cycle.policy": ('extends = "cycle";\n', 1, ["cycle"]),
    "base.policy": ('extends = "defualt";\n', 1, ["defualt", "default"]),
}


def policies(folder):
    for name, (text, _, _) in POLICIES.items():
        write(folder, name, text)


def refused(t, name, argv, words, lines=1, **how):
    """argv must end with status 125, say these words on so many lines, and not make `marker`."""
    done = t.run("native", argv, **how)
    said = done.err.decode(errors="replace")
    missing = [word for word in words if word not in said]
    good = (done.status == 125 and not done.out and not missing and said.count("\n") == lines
            and not os.path.exists(os.path.join(t.work, "marker")))
    t.ok(good, name, "missing words: %s\n%s" % (missing, show(done)))


def options(t):
    touch = ["--", "/usr/bin/touch", "marker"]
    control = t.run("native", [CMRUN, *touch])
    t.ok(os.path.exists(os.path.join(t.work, "marker")) and control.status == 0,
         "with nothing wrong the marker is made", show(control))
    for option, words in (("--profle=strict", ["--profle", "--profile"]),
                          ("--profile=strickt", ["strickt", "strict"]),
                          ("--verbosely", ["--verbosely", "--verbose"]), ("-z", ["-z"]),
                          ("--profile=", ["profile"])):
        refused(t, "option " + option, [CMRUN, option, *touch], words)
    refused(t, "no such policy file", [CMRUN, "-p", "none.policy", *touch], ["none.policy"])
    refused(t, "-p without its argument", [CMRUN, "-p"], ["-p"])
    for name, (_, line, words) in POLICIES.items():
        refused(t, "policy with a wrong " + name.split(".", maxsplit=1)[0],
                [CMRUN, "-p", name, *touch], ["%s:%d:" % (name, line), *words], setup=policies)


def preloaded(t):
    """The same faults when there is no cmrun on the command line."""
    touch = ["/usr/bin/touch", "marker"]
    preload = {"LD_PRELOAD": LIB}
    done = t.run("native", touch, env=preload)
    t.ok(os.path.exists(os.path.join(t.work, "marker")) and done.status == 0 and not done.err,
         "preloaded with nothing wrong the marker is made", show(done))
    refused(t, "preloaded, unknown CM_PROFILE", touch, ["strickt", "strict"],
            env=dict(preload, CM_PROFILE="strickt"))
    refused(t, "preloaded, no such CM_POLICY", touch, ["none.policy"],
            env=dict(preload, CM_POLICY="none.policy"))
    refused(t, "preloaded, malformed CM_POLICY", touch, ["key.policy:2:", "wx.map"],
            env=dict(preload, CM_POLICY="key.policy"), setup=policies)


def surroundings(t):
    """Containers in which the mechanism cannot work."""
    touch = ["/usr/bin/touch", "marker"]
    confine = PROG + "/confine"
    cases = [("a listener is there already", "listener", ["listener"]),
             ("seccomp is forbidden", str(errno.EPERM), ["seccomp"]),
             ("no seccomp in the kernel", str(errno.ENOSYS), ["seccomp"]),
             ("no notifications in the kernel", str(errno.EINVAL), ["seccomp"])]
    for name, how, words in cases:
        free = t.run("native", [confine, how, *touch])
        t.ok(free.status == 0 and os.path.exists(os.path.join(t.work, "marker")),
             name + ": an ordinary program runs there", show(free))
        refused(t, name + ": cmrun", [confine, how, CMRUN, "--", *touch], words)
        refused(t, name + ": preloaded", [confine, how, "/usr/bin/env", "LD_PRELOAD=" + LIB, *touch],
                words)


def said_once(t):
    quiet = t.run("default", ["/bin/busybox", "true"])
    t.ok(not quiet.err and quiet.status == 0, "a static program runs without a word", show(quiet))
    loud = t.run("native", [CMRUN, "-v", "--", "/bin/busybox", "true"])
    t.ok(b"notification" in loud.err and loud.status == 0,
         "and -v says that it is policed by notification", show(loud))


with Tap() as t:
    options(t)
    preloaded(t)
    surroundings(t)
    said_once(t)
