#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A program sees of its signals what it sees natively, though SIGSEGV has a handler of the library's.

usage: signals.py CMRUN SIGNALS GROUP

GROUP is the first word of the cases' names, or "managed", or "python". Each case runs natively and
under a policy whose word for new code is flip: without such code, with code that is there before
the case's handlers are, and with code that comes after them. Output and status must be the same.
"managed" shows that there is something to hide: the handler, and memory that is never writable and
executable at once.
"""

import os
import re
import sys
import tempfile

from tap import Tap, run

FLIP = 'extends = "default";\nwx: { map = "flip"; transition = "flip"; };\n'
MODES = ("none", "before", "after")

# Cases that end by SIGSEGV themselves; all others come to their end.
DIE = {
    "handler_nested_kills_directly", "handler_resethand_sent", "handler_gives_up",
    "handler_gives_up_raising", "handler_ignored", "handler_default", "handler_default_sent",
    "stack_overflow_default",
}

FAULTHANDLER = """
import ctypes, faulthandler, mmap, os, signal, sys

def code(memory, n):
    memory[0:6] = b"\\xb8" + n.to_bytes(4, "little") + b"\\xc3"
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    return ctypes.CFUNCTYPE(ctypes.c_int)(address)()

def both():
    return mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
                     prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)

first = sys.argv[1] == "before"
if not first:
    faulthandler.enable()
memory, callback = both(), ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1)
print(code(memory, 42), callback(1), code(memory, 43))
if first:
    faulthandler.enable()
print(faulthandler.is_enabled(), code(memory, 44), callback(2), code(memory, 45))
print(any(" rwx" in line for line in open("/proc/self/maps")), file=sys.stdout, flush=True)
if sys.argv[2] == "sent":
    os.kill(os.getpid(), signal.SIGSEGV)
else:
    ctypes.string_at(0)
"""


# Where a program does see it: how it ends under flip, and why. What no longer differs must leave.
BLOCKED = "while it is blocked, a SIGSEGV that is sent is delivered at once"
KERNEL = "who asks the kernel for a mask gets the kernel's, with another signal for SIGSEGV"
REALLY = "blocked in a way that the library does not see, SIGSEGV ends the program"
LIBC = "what libc starts by itself does not inherit an ignored SIGSEGV, or a blocked one"
LIMITS = {
    "action_raw_others": (0, KERNEL),
    "action_sigset_segv": (-11, REALLY),
    "action_siginterrupt_kept": (0, "siginterrupt(3) is not kept for signal(3)"),
    "child_cloned_sharing": (-11, "a process that shares handlers is taken for a vfork child"),
    "child_raw_blocked": (0, KERNEL),
    "child_raw_ignored": (0, "an inline execve takes the library's handler for the program's"),
    "child_spawn_blocked": (0, LIBC),
    "child_spawn_ignored": (0, LIBC),
    "child_spawn_inside": (0, LIBC),
    "fault_sent_as_flip": (0, "a forged fault on memory that flip manages is taken for one"),
    "handler_changed_mask_blocks": (-11, REALLY),
    "handler_gives_up_raising": (-11, BLOCKED),
    "mask_changed_by_usr1": (-11, REALLY),
    "mask_full_in_action_raw": (-11, REALLY),
    "mask_raw": (-11, REALLY),
    "mask_sent_while_blocked": (0, BLOCKED),
    "mask_set_by_setcontext": (-11, REALLY),
    "mask_shown_by_contexts": (0, KERNEL),
    "mask_told_blocked": (0, KERNEL),
    "stack_in_jit_code": (-11, "a stack that is code as well, and no alternate one"),
    "stack_tight_usr1": (-11, "an alternate stack with no room for a second frame"),
    "thread_blocked_before, after": (-11, REALLY),
    "thread_by_timer": (-11, REALLY),
    "wait_ignored_others": (0, "an ignored SIGSEGV interrupts what is never restarted"),
    "wait_taken_segv": (0, BLOCKED),
}

# Cases that show a handler that nobody hides.
NAIVE = ("action_untouched", "action_signal", "handler_default_sent")


def differences(native, found):
    """The first lines that differ, as a comment."""
    want, got = native.splitlines(), found.splitlines()
    size = max(len(want), len(got))
    rows = zip(range(1, size + 1), want + [""] * (size - len(want)), got + [""] * (size - len(got)))
    for number, a, b in [row for row in rows if row[1] != row[2]][:8]:
        print("# line %d: %s\n#  natively: %s" % (number, b, a))


def same(t, claim, native, flip):
    if native.stdout != flip.stdout:
        differences(native.stdout, flip.stdout)
    t.expect(claim + ": the same output", native.stdout == flip.stdout, True)
    t.expect(claim + ": the same end, and no word of it", (flip.returncode, flip.stderr),
             (native.returncode, native.stderr))


def cases(t, hardened, program, group):
    names = [c for c in run([program]).stdout.split() if c.startswith(group + "_")]
    t.expect("there are cases", bool(names), True)
    for case in names:
        for mode in MODES:
            claim = "%s, %s" % (case, mode)
            native = run([program, case, mode])
            t.expect(claim + ": natively it comes to its end",
                     (native.returncode, native.stdout.endswith("end\n"), "jit:" in native.stdout),
                     (-11, False, False) if case in DIE else (0, True, False))
            flip = run([*hardened, program, case, mode])
            limit = LIMITS.get(case) or LIMITS.get("%s, %s" % (case, mode))
            if limit and mode != "none":
                t.expect("%s: a known limit: %s" % (claim, limit[1]),
                         (native.stdout != flip.stdout, flip.returncode), (True, limit[0]))
            else:
                same(t, claim, native, flip)


def managed(t, hardened, program):
    for case in NAIVE:
        t.expect(case + " shows a handler that is not hidden",
                 run([program, case, "naive"]).stdout != run([program, case, "none"]).stdout, True)
    line = "writable and executable: %d; SIGSEGV caught: %d\nend\n"
    for mode in MODES:
        t.expect(mode + ": natively both at once", run([program, "managed", mode]).stdout,
                 line % (mode != "none", 0))
        t.expect(mode + ": under flip never, and with a handler",
                 run([*hardened, program, "managed", mode]).stdout, line % (0, mode != "none"))


def python(t, hardened):
    def anonymous(text):
        return re.sub("0x[0-9a-f]+", "ADDRESS", text)

    for order in ("before", "after"):
        for how in ("sent", "fault"):
            argv = [sys.executable, "-c", FAULTHANDLER, order, how]
            native, flip = run(argv), run([*hardened, *argv])
            claim = "faulthandler, code %s, %s" % (order, how)
            t.expect(claim + ": natively it tells",
                     (native.returncode, "Fatal Python error: Segmentation fault" in native.stderr,
                      native.stdout), (-11, True, "42 2 43\nTrue 44 3 45\nTrue\n"))
            t.expect(claim + ": never both at once",
                     (flip.returncode, flip.stdout), (-11, "42 2 43\nTrue 44 3 45\nFalse\n"))
            t.expect(claim + ": the same words", anonymous(flip.stderr), anonymous(native.stderr))


def main():
    cmrun, program, group = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3]
    t = Tap()
    with tempfile.TemporaryDirectory() as folder:
        policy = os.path.join(folder, "flip.policy")
        with open(policy, "w", encoding="utf-8") as file:
            file.write(FLIP)
        hardened = [cmrun, "-p", policy, "--"]
        if group == "managed":
            managed(t, hardened, program)
        elif group == "python":
            python(t, hardened)
        else:
            cases(t, hardened, program, group)
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
