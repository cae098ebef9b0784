#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""foreign.* and fixed.replace: what one module may do to another's mappings.

usage: foreign.py CMRUN LIBRARY FOREIGN LATE_SO

Every case runs natively, under a policy that rules the four keys, and under the same policy with
them allowed. The first and the last must succeed: then it is the keys that refuse.
"""

import os
import subprocess
import sys
import tempfile

from tap import SLOWER

KEYS = ("foreign.replace", "foreign.unmap", "foreign.protect", "fixed.replace")

# case: the key that refuses it, or None
EXPECT = {
    "unmap_own": None,
    "unmap_others": "foreign.unmap",
    "unmap_others_middle": "foreign.unmap",
    "unmap_by_syscall": "foreign.unmap",
    "unmap_unknown": None,
    "unmap_program": "foreign.unmap",
    "owner_unmaps_own": None,
    "protect_own": None,
    "protect_others": "foreign.protect",
    "remap_others": "foreign.unmap",
    "remap_onto_others": "foreign.replace",
    "remapped_stays_own": None,
    "remapped_stays_others": "foreign.unmap",
    "fixed_own": None,
    "fixed_hole": None,
    "fixed_others": "foreign.replace",
    "fixed_others_reservation": "foreign.replace",
    "fixed_unknown": "fixed.replace",
    "fixed_part_unknown": None,
    "fixed_fails_cleanly": None,
    "attach_onto_others": "foreign.replace",
    "detach_own": None,
    "detach_others": "foreign.unmap",
    "late_module": None,
    "unmap_late": "foreign.unmap",
    "unmap_reused": "foreign.unmap",
    "refused_stays_known": "foreign.unmap",
}


def policy(folder, name, words, extra=""):
    path = os.path.join(folder, name + ".policy")
    with open(path, "w", encoding="utf-8") as file:
        # what a case unmaps may be the program's own
        file.write('extends = "default";\nseal: { text = false; relro = false; data = false; };\n')
        for group in ("foreign", "fixed"):
            keys = [k.split(".")[1] for k in KEYS if k.startswith(group)]
            body = " ".join('%s = "%s";' % (k, words[group + "." + k]) for k in keys)
            file.write("%s: { %s };\n" % (group, body))
        file.write(extra)
    return path


class Runner:
    def __init__(self, cmrun, library, program, late):
        self.cmrun, self.library, self.program, self.late = cmrun, library, program, late
        self.results = []

    def run(self, how, case):
        """(what the program printed, the report) of one case."""
        env = dict(os.environ)
        argv = [self.program, case, self.late]
        if how and how[0] == "preload":
            env.update(LD_PRELOAD=self.library, CM_POLICY=how[1])
        elif how:
            argv = [self.cmrun, "-p", how[1], "--", *argv]
        r = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60 * SLOWER)
        return (r.stdout.strip() or "status %d" % r.returncode), r.stderr

    def expect(self, claim, got, want):
        ok = got == want
        self.results.append(ok)
        print("%sok %d - %s%s" % ("" if ok else "not ", len(self.results), claim,
                                  "" if ok else ": %r, not %r" % (got, want)), flush=True)


def deny(t, folder):
    words = dict.fromkeys(KEYS, "deny")
    path, open_path = policy(folder, "deny", words), policy(folder, "allow", dict.fromkeys(KEYS, "allow"))
    for case, key in EXPECT.items():
        t.expect(case + " natively", t.run(None, case)[0], "done")
        t.expect(case + " with the keys allowed", t.run(("cmrun", open_path), case)[0], "done")
        out, report = t.run(("cmrun", path), case)
        t.expect(case + " with the keys denied", out, "EPERM" if key else "done")
        if key:
            t.expect(case + " is reported under its key",
                     key + " (" + path in report or key + " (" in report, True)
        else:
            t.expect(case + " is not worth a line", report, "")


def one_key(t, folder):
    """Each key refuses its own cases and no others."""
    for key in KEYS:
        path = policy(folder, key, dict(dict.fromkeys(KEYS, "allow"), **{key: "deny"}))
        for case in ("unmap_others", "protect_others", "fixed_others", "fixed_unknown"):
            # what another module has mapped for use is, over and above that, not one's own
            refused = EXPECT[case] == key or (case, key) == ("fixed_others", "fixed.replace")
            t.expect("%s with %s alone" % (case, key), t.run(("cmrun", path), case)[0],
                     "EPERM" if refused else "done")


def other_words(t, folder):
    log = policy(folder, "log", dict.fromkeys(KEYS, "log"))
    out, report = t.run(("cmrun", log), "unmap_others")
    t.expect("log lets the call pass", out, "done")
    t.expect("log says so", "foreign.unmap" in report and "munmap(" in report, True)
    kill = policy(folder, "kill", dict.fromkeys(KEYS, "kill"))
    t.expect("kill ends the program", t.run(("cmrun", kill), "unmap_others")[0], "status -9")
    deny_path = policy(folder, "alone", dict.fromkeys(KEYS, "deny"))
    t.expect("LD_PRELOAD alone obeys CM_POLICY", t.run(("preload", deny_path), "unmap_others")[0],
             "EPERM")
    words = dict.fromkeys(KEYS, "deny")
    over = policy(folder, "over", words, 'modules = ( { name = "foreign-*"; '
                  'foreign: { unmap = "allow"; }; } );\n')
    t.expect("a module's own word is taken", t.run(("cmrun", over), "unmap_others")[0], "done")
    words = dict.fromkeys(KEYS, "allow")
    over = policy(folder, "over2", words, 'modules = ( { name = "foreign-*"; '
                  'foreign: { unmap = "deny"; }; } );\n')
    t.expect("a module's word alone suffices", t.run(("cmrun", over), "unmap_others")[0], "EPERM")


def main():
    t = Runner(*[os.path.abspath(a) for a in sys.argv[1:]])
    listed = subprocess.run([t.program, ""], capture_output=True, text=True).stdout.split()
    with tempfile.TemporaryDirectory() as folder:
        t.expect("every case has an expectation", sorted(listed), sorted(EXPECT))
        deny(t, folder)
        one_key(t, folder)
        other_words(t, folder)
    print("1..%d" % len(t.results))
    return not all(t.results)


if __name__ == "__main__":
    sys.exit(main())
