#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs with a seccomp filter of their own, natively and with the library.

usage: sandboxed.py CMRUN LIBRARY SANDBOXED GROUP

A case must print the same and end the same, whether its filter kills for any call that it has not
named, or answers EPERM. GROUP is `default`, `foreign` (the region table at work, and other modules'
mappings refused), `flip`, or `strict`: flip, the region table and wx.inspect together.

The twins: `forbidden` shows that the filter kills for each call that is no longer made, and the
cases of `foreign` succeed natively, and are refused and reported under the policy. Natively what
asks for memory W and X is seen to have it, under flip never.
"""

import os
import re
import sys
import tempfile

from tap import Tap, run

FOREIGN = """foreign: { replace = "%(word)s"; unmap = "%(word)s"; protect = "%(word)s"; };
fixed: { replace = "%(word)s"; };
"""
POLICIES = {
    "default": 'extends = "default";\n',
    "foreign": 'extends = "default";\n' + FOREIGN % {"word": "deny"},
    "kill": 'extends = "default";\n' + FOREIGN % {"word": "kill"},
    "flip": 'extends = "default";\nwx: { map = "flip"; transition = "flip"; };\n',
    "strict": 'extends = "strict";\nwx: { map = "flip"; transition = "flip"; file = "any"; '
              'inspect = "deny"; writers = "any"; };\nkernel: { mdwe = false; };\n',
}
ALONE = "by LD_PRELOAD alone"
HOWS = ("kill", "errno")

# What the table and the rules for it refuse; the words are what is printed instead of "done".
REFUSED = {
    "foreign_unmap": ("foreign.unmap", ["EPERM", "EPERM"]),
    "foreign_protect": ("foreign.protect", ["EPERM"]),
    "foreign_attached": ("foreign.unmap", ["EPERM", "EPERM"]),
    "foreign_segment": ("foreign.replace", ["EPERM"]),
    "fixed_unknown": ("fixed.replace", ["EPERM"]),
}

# Limits: what needs a call that is not of the family. The first memory that flip serves in a process
# needs a handler of SIGSEGV; a fork child of a process that has one looks whether it has it too.
LIMITS = {
    ("late_map", "kill"): ["ended by signal 31"],
    ("late_map", "errno"): ["ENOMEM", "and on: 0", "ended by status 0"],
    ("late_protect", "kill"): ["ended by signal 31"],
    ("late_protect", "errno"): ["ENOMEM", "and on: 0", "ended by status 0"],
    ("late_fork", "kill"): ["child: signal 31", "ended by status 0"],
}


class Runner:
    def __init__(self, cmrun, library, program, folder):
        self.t = Tap()
        self.cmrun, self.library, self.program = cmrun, library, program
        self.folder = folder
        for name, text in POLICIES.items():
            with open(self.policy(name), "w", encoding="utf-8") as file:
                file.write(text)

    def policy(self, name):
        return os.path.join(self.folder, name + ".policy")

    def case(self, name, how, before=(), env=()):
        """(what it found, (times looked, times W and X), standard error)"""
        r = run([*before, self.program, name, how], dict(env))
        seen = re.findall(r"# looked (\d+) times, writable and executable (\d+) times", r.stdout)
        found = [line for line in r.stdout.splitlines() if not line.startswith("#")]
        return found, tuple(int(n) for n in seen[0]) if seen else None, r.stderr

    def under(self, name, how, policy, alone=False):
        if alone:
            return self.case(name, how, env={"LD_PRELOAD": self.library,
                                             "CM_POLICY": self.policy(policy)})
        return self.case(name, how, (self.cmrun, "-p", self.policy(policy), "--"))

    def names(self, pattern):
        listed = run([self.program]).stdout.split()
        return [name for name in listed if re.match(pattern, name)]

    def same(self, name, how, policy, alone=False):
        """One case: the same output and end, never W and X, and no word of it."""
        where = "%s, %s, %s" % (name, how, ALONE if alone else "under " + policy)
        native = self.case(name, how)
        found, seen, err = self.under(name, how, policy, alone)
        self.t.expect(where, found, LIMITS.get((name, how), native[0]))
        self.t.expect(where + ": not W and X", seen and seen[1], 0)
        self.t.expect(where + ": not a word", err, "")
        if name.startswith("flip_"):
            self.t.expect("%s, %s: natively W and X" % (name, how), native[1][1] > 0, True)

    def refused(self, name, how, policy):
        """One case of another module's mapping: done natively, refused and reported here."""
        key, words = REFUSED[name]
        where = "%s, %s, under %s" % (name, how, policy)
        self.t.expect("%s, %s, natively" % (name, how), self.case(name, how)[0],
                      ["done"] * len(words) + ["ended by status 0"])
        found, _, err = self.under(name, how, policy)
        self.t.expect(where, found, words + ["ended by status 0"])
        self.t.expect(where + ": reported", len(re.findall(r"deny: .*" + key, err)), len(words))


FAMILY = r"(?!flip_|late_(?!threads)|foreign_|fixed_)"


def group_default(r):
    for how in HOWS:
        for name in r.names(FAMILY):
            r.same(name, how, "default")
        r.same("storm", how, "default", alone=True)
    ends = r.case("forbidden", "kill")[0]
    r.t.expect("natively the filter kills for all of them",
               [line for line in ends if not line.endswith("signal 31")], ["ended by status 0"])
    ends = r.case("forbidden", "errno")[0]
    r.t.expect("natively the filter refuses all of them",
               [line for line in ends if not line.endswith(": status 1")], ["ended by status 0"])


def group_foreign(r):
    for how in HOWS:
        for name in r.names(FAMILY):
            r.same(name, how, "foreign")
        for name in REFUSED:
            r.refused(name, how, "foreign")
        found = r.under("foreign_unmap", how, "kill")[0]
        r.t.expect("kill ends the program, %s" % how, found, ["ended by signal 9"])
        r.same("storm", how, "foreign", alone=True)


def group_flip(r):
    for how in HOWS:
        for name in r.names("flip_|late_(?!threads)"):
            r.same(name, how, "flip")
        r.same("flip_faults", how, "flip", alone=True)


def group_strict(r):
    for how in HOWS:
        for name in r.names("(?!foreign_|fixed_|flip_guarded)"):
            r.same(name, how, "strict")
        found, _, err = r.under("flip_guarded", how, "strict")
        r.t.expect("wx.inspect ends what it finds, %s" % how, found, ["0", "ended by signal 11"])
        r.t.expect("wx.inspect reports it, %s" % how, "wx.inspect" in err, True)
        for name in REFUSED:
            r.refused(name, how, "strict")


def main():
    cmrun, library, program = [os.path.abspath(a) for a in sys.argv[1:4]]
    groups = {"default": group_default, "foreign": group_foreign, "flip": group_flip,
              "strict": group_strict}
    with tempfile.TemporaryDirectory() as folder:
        r = Runner(cmrun, library, program, folder)
        r.t.expect("there are cases", len(r.names("")) > 25, True)
        groups[sys.argv[4]](r)
    return r.t.end()


if __name__ == "__main__":
    sys.exit(main())
