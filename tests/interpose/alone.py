#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""LD_PRELOAD without cmrun: the same protection, and nothing of it to be seen.

usage: alone.py CMRUN LIBRARY
"""

import os
import shutil
import sys
import tempfile

from tap import Tap, run

PYTHON = "/usr/bin/python3"

RWX = """
import mmap
try:
    mmap.mmap(-1, 4096, prot=7)
    print("granted")
except OSError as error:
    print("refused", error.errno)
"""

LOOK = """
import os
try:
    os.wait()
    print("a child")
except ChildProcessError:
    print("no child")
print(sorted(os.listdir("/proc/self/fd")))
for name in ("SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd", "Threads"):
    print([line for line in open("/proc/self/status") if line.startswith(name)])
print(open("/proc/self/task/%d/children" % os.getpid()).read())
"""

# A filter with a listener of its own, so that Linux refuses a second one.
OTHER_SANDBOX = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
allow = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000))
class Prog(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
prog = Prog(1, ctypes.cast(allow, ctypes.c_void_p))
libc.prctl(38, 1, 0, 0, 0)
fd = libc.syscall(317, 1, 8, ctypes.byref(prog))
if fd < 0:
    sys.exit(99)
os.set_inheritable(fd, True) # a listener that is gone would answer ENOSYS
os.environ["LD_PRELOAD"] = sys.argv[1]
os.execv("/bin/echo", ["echo", "ran"])
"""


def unseen(t, env):
    t.expect("natively RWX is granted", run([PYTHON, "-c", RWX]).stdout, "granted\n")
    r = run([PYTHON, "-c", RWX], env)
    t.expect("RWX is refused", r.stdout, "refused 13\n")
    t.expect("the report names rule and program", ("wx.map" in r.stderr, "python3" in r.stderr),
             (True, True))
    native, ours = run([PYTHON, "-c", LOOK]), run([PYTHON, "-c", LOOK], env)
    t.expect("no child, no descriptor, no signal more", (ours.stdout, ours.stderr),
             (native.stdout, ""))
    t.expect("an exit status passes", run(["/bin/sh", "-c", "exit 3"], env).returncode, 3)
    t.expect("so does a signal", run(["/bin/sh", "-c", "kill -TERM $$"], env).returncode, -15)
    r = run(["/bin/sh", "-c", "exec <&- >&- 2>&-; /bin/sh -c 'exit 5'"], env)
    t.expect("closed standard descriptors do no harm", r.returncode, 5)
    r = run(["/bin/sh", "-c", 'exec <&- >&- 2>&-; LD_PRELOAD="$0" /bin/sh -c "exit 6"',
             env["LD_PRELOAD"]])
    t.expect("nor where the supervisor starts", r.returncode, 6)
    r = run(["/bin/sh", "-c", "/bin/sh -c '%s -c \"$0\"' \"$1\"" % PYTHON, "", RWX], env)
    t.expect("a grandchild is supervised by the same", r.stdout, "refused 13\n")
    r = run(["/usr/bin/env", "-u", "LD_PRELOAD", PYTHON, "-c", RWX], env)
    t.expect("and one without the library too", r.stdout, "refused 13\n")


REAPER = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
if os.environ.get("LIBRARY"):
    os.environ["LD_PRELOAD"] = os.environ.pop("LIBRARY")
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""

REAPED = """
import ctypes, os
flag = ctypes.c_int(7)
ctypes.CDLL(None).prctl(37, ctypes.byref(flag), 0, 0, 0)
print(flag.value)
"""


def subreaper(t, env):
    """A process that adopts orphans does not adopt the supervisor."""
    for script, want in ((REAPED, run([PYTHON, "-c", REAPER, REAPED]).stdout),
                         (LOOK, run([PYTHON, "-c", REAPER, LOOK]).stdout)):
        r = run([PYTHON, "-c", REAPER, script], {"LIBRARY": env["LD_PRELOAD"]})
        t.expect("a subreaper sees " + want.split()[0], (r.stdout, r.stderr), (want, ""))


def chosen(t, env):
    for profile, want in (("default", "refused 13\n"), ("audit", "granted\n")):
        r = run([PYTHON, "-c", RWX], dict(env, CM_PROFILE=profile))
        t.expect("CM_PROFILE=%s is obeyed" % profile, r.stdout, want)
    r = run(["/bin/echo", "ran"], dict(env, CM_PROFILE="nonsense"))
    t.expect("an unknown profile starts nothing", (r.stdout, r.returncode), ("", 125))
    t.expect("and is named", "nonsense" in r.stderr, True)


def unprivileged(t, env, folder, cmrun, library):
    """As nobody, from an installation in a folder that nobody can read."""
    os.chmod(folder, 0o755)
    for libdir in ("lib", "lib/x86_64-linux-gnu"):
        prefix = os.path.join(folder, libdir.replace("/", "-"))
        os.makedirs(os.path.join(prefix, libdir))
        os.makedirs(os.path.join(prefix, "bin"))
        copy = shutil.copy(library, os.path.join(prefix, libdir))
        shutil.copy(cmrun, os.path.join(prefix, "bin"))
        argv = ["/usr/bin/grep", "NoNewPrivs", "/proc/self/status"]
        as_nobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                     "/usr/bin/env", "HOME=" + folder, "LD_PRELOAD=" + copy]
        if os.geteuid():
            as_nobody = as_nobody[4:]
        r = run([*as_nobody, PYTHON, "-c", RWX], cwd="/")
        t.expect("from %s, without privileges" % libdir, r.stdout, "refused 13\n")
        r = run([*as_nobody, *argv], cwd="/")
        t.expect("from %s, no_new_privs where it is needed" % libdir, r.stdout, "NoNewPrivs:\t1\n")
    if not os.geteuid():
        t.expect("and not where it is not", run(argv, env).stdout, "NoNewPrivs:\t0\n")


def refused(t, folder, library):
    """Whatever is missing: one line, 125, and the program has not run."""
    lone = os.path.join(folder, "lone", "lib")
    os.makedirs(lone)
    copy = shutil.copy(library, lone)
    r = run(["/bin/echo", "ran"], {"LD_PRELOAD": copy})
    t.expect("without a cmrun nothing runs", (r.stdout, r.returncode), ("", 125))
    t.expect("which is said in a line", (r.stderr.count("\n"), "cmrun" in r.stderr), (1, True))
    os.makedirs(os.path.join(folder, "lone", "bin"))
    fake = os.path.join(folder, "lone", "bin", "cmrun")
    for claim, text in (("a cmrun that cannot be executed", "\x7fELF, hardly"),
                        ("a cmrun that ends at once", "#!/bin/sh\nexit 1\n")):
        with open(fake, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(fake, 0o755)
        r = run(["/bin/echo", "ran"], {"LD_PRELOAD": copy})
        t.expect(claim + " starts nothing", (r.stdout, r.returncode), ("", 125))
        t.expect(claim + " is a line", (r.stderr.count("\n"), "bin/cmrun" in r.stderr), (1, True))
    r = run([PYTHON, "-c", OTHER_SANDBOX, library])
    t.expect("inside another sandbox nothing runs", (r.stdout, r.returncode), ("", 125))
    t.expect("and the other sandbox is named", "seccomp listener" in r.stderr, True)


def named(t, folder, library):
    """However LD_PRELOAD names the library, it stays preloaded."""
    env = {"LD_PRELOAD": "./" + os.path.basename(library)}
    script = 'cd /; exec /usr/bin/env -i /bin/sh -c "echo \\$LD_PRELOAD"'
    r = run(["/bin/sh", "-c", script], env, cwd=os.path.dirname(library))
    t.expect("a relative name is made absolute", r.stdout, library + "\n")
    env = {"LD_PRELOAD": "libm.so.6 " + library}
    r = run(["/bin/sh", "-c", "echo $LD_PRELOAD"], env)
    t.expect("a list is left as it is", r.stdout, env["LD_PRELOAD"] + "\n")


def main():
    cmrun, library = [os.path.abspath(a) for a in sys.argv[1:3]]
    env = {"LD_PRELOAD": library}
    t = Tap()
    with tempfile.TemporaryDirectory() as folder:
        unseen(t, env)
        subreaper(t, env)
        chosen(t, env)
        unprivileged(t, env, folder, cmrun, library)
        refused(t, folder, library)
        named(t, folder, library)
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
