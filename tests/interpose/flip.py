#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A program that asks for memory W and X at once, natively and under flip.

usage: flip.py CMRUN LIBRARY FLIP MODULE GROUP [CASE...]

Every case must print the same and end the same natively and under flip. Natively the program
itself must have seen a mapping that is writable and executable (the twin: otherwise it asks for
nothing), under flip it must have looked and seen none. GROUP is `flip`, `clock` (the cases that run
against the clock), a word of wx.writers, `strict`, or `rights`: cases of their own, under policies
that look at what is given X, and let it be.
"""

import difflib
import os
import re
import sys
import tempfile

from tap import Tap, run

POLICY = """extends = "%s";
wx: { map = "flip"; transition = "flip"; %s};
%s"""

# The module is what may have such memory, whoever asks it to.
JIT_POLICY = 'extends = "default";\nwx: { jit = [ "%s" ]; };\n'
JIT_CASES = ("writers_module", "closed_module")

# Policies that grant what the cases of `rights` ask for, and look at it.
LOOKS = {
    "audit": 'extends = "audit";\n',
    "inspect = deny":
        'extends = "default";\nwx: { map = "allow"; transition = "allow"; inspect = "deny"; };\n',
}

ALONE = "by LD_PRELOAD alone"
ALONE_CASES = ("basic", "to_rx", "remap_move", "own_inc", "io_read", "fork_both", "vfork",
               "exec_self", "neighbours")

CLOCK = ("patch_all", "patch_one", "patch_one_cpu", "own_regions", "churn",
         "churn_among_many")
RIGHTS, LOGGED = "rights_", r"cookiemap: log: flip\[\d+\]: mprotect\("
CLOCK_NATIVE_S, CLOCK_S, CLOCK_LONG_S = "1", "3", "10"

# Cases of which a mapping of the process need not be seen W and X natively when it looks.
NATIVELY_UNSEEN = ("errors_of_files",)

# What a case prints under flip where that is not what it prints natively: limits. Calls that are
# not libc's, and one whose structure is not looked into, find a buffer read-only when it has run.
# Nor is such memory sealed: it would keep one of its two rights for ever.
# And a process that shared the memory but not the signal handlers before there was any such memory
# has nobody to serve its faults.
LIMITS = {"io_" + name: [name + ": 0 of 4, EFAULT"] for name in ("inline", "process_vm_readv")}
LIMITS["heap"] = ["stdio has its buffer", "heap: 16 of 16 pages", "new heap, call: returns 1"]
LIMITS["deep_pread"] = ["-1 EFAULT 1"]

# Where libc's own calls are not sent through the gate (interpose.patch): what libc unmaps by itself,
# and the program had made executable by mprotect, stays what it was when libc maps something else
# there. Of what a module asks of libc past the library (RTLD_DEEPBIND), only what would be W and X is
# handed over.
UNPATCHED = {}
UNPATCHED["malloced"] = [
    "malloc: 16 of 16 pages", "the same place: 1",
    "given back, call: SIGSEGV, code 2 at +0", "forgotten, call: returns 1"]
UNPATCHED["deep_protect"] = [
    "7", "filled: 4 of 4 pages", "call: returns 100", "write: written", "call: returns 101",
    "write: written", "call: returns 102", "write: written", "call: returns 103", "write: written",
    "RW, write: written", "RW, call: returns 100", "given back: 4 of 4 pages",
    "NONE, read: SIGSEGV, code 2 at +0"]
UNPATCHED["deep_remap"] = ["EFAULT"]
UNPATCHED["deep_reused"] = ["call: returns 9"]
if os.environ["CM_TEST_PATCH"] == "false":
    LIMITS.update(UNPATCHED)
LIMITS["sealed"] = ["mseal: -1, EPERM", "and on: 4"]
LIMITS["clone_vm_early"] = ["early clone: signal 11", "parent has 16"]

# Not for strict, which refuses before the kernel has looked at all arguments, and gives no address
# twice in a row; and cases in which the program stores into a module's memory.
NOT_STRICT = re.compile(r"errors_of_mremap|closed_module|malloced|deep_(?!writes|errors|pread)")

# What wx.writers refuses: a store by code in managed memory, which has no module, and one by
# another module than the one that asked.
MODULE_REFUSES = re.compile(r"own_(?!regions)|code_to_code|dlclose_caller")
WRITERS_CASES = re.compile(r"writers_|deep_writes|own_(?!regions)|code_to_code|basic|by_libc|"
                           r"span_|reserve|remap_move|io_read$|io_recvmsg|fork_both|dlclose_caller|neighbours")


class Runner:
    def __init__(self, cmrun, library, program, module, folder):
        self.t = Tap()
        self.cmrun, self.library, self.folder = cmrun, library, folder
        self.program, self.module = program, module

    def write(self, name, text):
        path = os.path.join(self.folder, name + ".policy")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def policy(self, name, text="", extends="default", more=""):
        return self.write(name, POLICY % (extends, text, more))

    def case(self, name, before=(), seconds=CLOCK_NATIVE_S, env=()):
        """(exit status, what it found, (looks, W and X), remarks, standard error)"""
        r = run([*before, self.program, name, self.module], {"FLIP_SECONDS": seconds, **dict(env)})
        lines = r.stdout.splitlines()
        seen = re.findall(r"# looked (\d+) times, writable and executable (\d+) times", r.stdout)
        seen = tuple(sum(int(s[i]) for s in seen) for i in (0, 1))
        remarks = [line for line in lines if line.startswith("# ") and "looked" not in line]
        found = [line for line in lines if not line.startswith("#")]
        return r.returncode, found, seen, remarks, r.stderr

    def listed(self):
        return run([self.program]).stdout.split()

    def remark(self, how, remarks):
        for line in remarks:
            print("# %s: %s" % (how, line[2:]), flush=True)

    def same(self, name, how, policy, seconds=CLOCK_NATIVE_S):
        """One case natively and under a policy: its output is the same, and nothing is W and X."""
        native = self.case(name)
        if how == ALONE:
            got = self.case(name, env={"LD_PRELOAD": self.library, "CM_POLICY": policy})
        else:
            got = self.case(name, (self.cmrun, "-p", policy, "--"), seconds)
        self.remark("natively", native[3])
        self.remark(how, got[3])
        want = LIMITS.get(name, native[1])
        self.t.expect("%s natively, seen W and X" % name,
                      (native[0], native[2][1] > 0 or name in NATIVELY_UNSEEN), (0, True))
        if got[1] != want:
            for line in difflib.unified_diff(want, got[1], "natively", how, lineterm="", n=0):
                print("# " + line)
        self.t.expect("%s: the same %s" % (name, how), (got[0], got[1] == want), (0, True))
        self.t.expect("%s: never W and X %s" % (name, how), (got[2][0] > 0, got[2][1]), (True, 0))
        self.t.expect("%s: no word of it %s" % (name, how), got[4], "")

    def refused(self, name, how, policy):
        """One case that stores where wx.writers does not let it: reported, ended by SIGSEGV."""
        got = self.case(name, (self.cmrun, "-p", policy, "--"))
        self.t.expect("%s: ended %s" % (name, how), got[0], -11)
        self.t.expect("%s: reported %s" % (name, how), "wx.writers" in got[4], True)


def flips(r):
    """cmrun -v says how often pages changed sides: more than once a round, and none for none."""
    before = (r.cmrun, "-v", "-p", r.policy("verbose"), "--")
    said = re.search(r"flipped (\d+) times to executable, (\d+) times to writable",
                     r.case("basic", before)[4])
    r.t.expect("-v says how many flips there were", said and said.groups(), ("1000", "999"))
    r.t.expect("-v says nothing of flips where there were none",
               "flipped" in run([r.cmrun, "-v", "--", "/bin/true"]).stderr, False)


def default_refuses(r):
    """The same program under the default profile, in which it is no JIT."""
    status, found, *_ = r.case("basic", (r.cmrun, "--"))
    r.t.expect("without flip it gets no such memory", (status, found), (2, ["BROKEN mmap: EACCES"]))


def group_flip(r, names):
    policy = r.policy("flip")
    for name in names:
        if name not in CLOCK and not name.startswith(RIGHTS):
            r.same(name, "under flip", policy)
    for name in names:
        if name in ALONE_CASES:
            r.same(name, ALONE, policy)
    listed = r.write("listed", JIT_POLICY % os.path.realpath(r.module))
    for name in names:
        if name in JIT_CASES:
            r.same(name, "asked by a listed module", listed)
    flips(r)
    default_refuses(r)


def group_strict(r, names):
    """What else strict polices goes on as well; compiled code may not store into code."""
    policy = r.policy("strict", 'file = "any"; inspect = "allow"; ', "strict",
                      "kernel: { mdwe = false; };\n")
    for name in names:
        if name in CLOCK or NOT_STRICT.match(name) or name.startswith(RIGHTS):
            continue
        if MODULE_REFUSES.match(name):
            r.refused(name, "under strict", policy)
        else:
            r.same(name, "under strict", policy)


def group_clock(r, names):
    policy = r.policy("flip")
    for name in names:
        if name in CLOCK:
            r.same(name, "under flip", policy, CLOCK_LONG_S if name == "patch_all" else CLOCK_S)


def group_rights(r, names):
    for name in names:
        if not name.startswith(RIGHTS):
            continue
        native = r.case(name)
        r.t.expect("%s: natively it comes to its end" % name, (native[0], bool(native[1])),
                   (0, True))
        for how, text in LOOKS.items():
            got = r.case(name, (r.cmrun, "-p", r.write("looks", text), "--"))
            r.t.expect("%s: the same under %s" % (name, how), got[:2], native[:2])
            logged = bool(re.search(LOGGED, got[4]))
            r.t.expect("%s: reported by audit alone, %s" % (name, how), (logged, bool(got[4])),
                       (how == "audit", how == "audit"))


def group_writers(r, names, word):
    how, policy = "with writers = " + word, r.policy(word, 'writers = "%s"; ' % word)
    for name in names:
        if not WRITERS_CASES.match(name):
            continue
        if word == "none" or MODULE_REFUSES.match(name):
            r.refused(name, how, policy)
        else:
            r.same(name, how, policy)


def main():
    cmrun, library, program, module = [os.path.abspath(a) for a in sys.argv[1:5]]
    group, only = sys.argv[5], sys.argv[6:]
    with tempfile.TemporaryDirectory() as folder:
        r = Runner(cmrun, library, program, module, folder)
        names = [n for n in r.listed() if not only or n in only]
        r.t.expect("there are cases", len(names) > (0 if only else 90), True)
        if group == "flip":
            group_flip(r, names)
        elif group == "clock":
            group_clock(r, names)
        elif group == "strict":
            group_strict(r, names)
        elif group == "rights":
            group_rights(r, names)
        else:
            group_writers(r, names, group)
    return r.t.end()


if __name__ == "__main__":
    sys.exit(main())
