#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""exec.preload: the library stays preloaded across the exec family, and only where it is asked for.

usage: execs.py CMRUN LIBRARY EXECS
"""

import os
import sys
import tempfile

from tap import Tap, run

ENVIRONMENTS = ("keep", "clean", "other", "none", "null")
REFUSED = {  # by libc itself: an environment of NULL
    ("fexecve", "null"): "EINVAL\n",
}


def policy(folder, name, word):
    path = os.path.join(folder, name + ".policy")
    with open(path, "w", encoding="utf-8") as file:
        file.write('extends = "default";\nexec: { preload = %s; };\n' % word)
    return path


def shown(preload, kept):
    return "LD_PRELOAD %s, KEPT %s, execs show a b c\n" % (preload, kept)


def wanted(kind, library):
    """What the new image must see; library is None where nothing is added."""
    if kind == "keep":
        return shown(library or "unset", "unset")
    if kind == "other":
        return shown(library + ":libm.so.6" if library else "libm.so.6", "1")
    return shown(library or "unset", "1" if kind == "clean" else "unset")


def family(t, names, execs, library, on, off):
    for name in names:
        for kind in ENVIRONMENTS:
            argv = [execs, name, execs, kind]
            refused = REFUSED.get((name, kind))
            native, kept, dropped = run(argv), run([*on, *argv]), run([*off, *argv])
            claim = "%s, environment %s" % (name, kind)
            t.expect(claim + ": natively nothing is added", native.stdout,
                     refused or wanted(kind, None))
            t.expect(claim + ": the library is kept", (kept.stdout, kept.stderr, kept.returncode),
                     (refused or wanted(kind, library), "", native.returncode))
            # cmrun's own exec has put it there, so `keep` has it without the key as well
            t.expect(claim + ": not without the key", (dropped.stdout, dropped.stderr),
                     (refused or wanted(kind, library if kind == "keep" else None), ""))


def failures(t, names, execs, folder, on):
    """A failure is libc's, word for word."""
    script = os.path.join(folder, "script")
    with open(script, "w", encoding="utf-8") as file:
        file.write("echo no interpreter $# $LD_PRELOAD\n")
    os.chmod(script, 0o755)
    empty = os.path.join(folder, "empty")
    os.mkdir(empty)
    for name in names:
        for path in ("/nonexistent", empty, "/dev/null/x"):
            argv = [execs, name, path, "clean"]
            native, ours = run(argv), run([*on, *argv])
            t.expect("%s of %s fails as natively" % (name, os.path.basename(path)),
                     (ours.stdout, ours.returncode, ours.stderr),
                     (native.stdout, native.returncode, ""))
    for name in names:
        native, ours = (run([*how, execs, name, script, "clean"]) for how in ([], on))
        ran = native.stdout.startswith("no interpreter")
        t.expect(name + " treats a file without interpreter as natively",
                 ours.stdout.startswith(native.stdout.rstrip() if ran else native.stdout), True)


def large(t, execs, library, on):
    """An environment of some size is copied; a vast one is passed on."""
    env = {"V%d" % i: "x" for i in range(3000)}
    r = run([*on, execs, "execve", execs, "keep"], env)
    t.expect("3000 variables pass", r.stdout, shown(library, "unset"))
    r = run([*on, "/bin/sh", "-c", "unset LD_PRELOAD; exec \"$@\"", "sh", execs, "execve", execs,
             "keep"], env)
    t.expect("3000 variables are copied", r.stdout, shown(library, "unset"))


def main():
    cmrun, library, execs = [os.path.abspath(a) for a in sys.argv[1:4]]
    t = Tap()
    names = run([execs]).stdout.split()
    t.expect("the ways are listed", len(names), 13)
    with tempfile.TemporaryDirectory() as folder:
        on = [cmrun, "-p", policy(folder, "on", "true"), "--"]
        off = [cmrun, "-p", policy(folder, "off", "false"), "--"]
        family(t, names, execs, library, on, off)
        failures(t, names, execs, folder, on)
        large(t, execs, library, on)
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
