#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The family behaves as libc's: same results, same errno, whether a policy watches or not.

usage: edges.py CMRUN LIBRARY EDGES
"""

import os
import sys
import tempfile

from tap import Tap, run

WATCHED = """extends = "default";
foreign: { replace = "deny"; unmap = "deny"; protect = "deny"; };
fixed: { replace = "deny"; };
"""


def main():
    cmrun, library, edges = [os.path.abspath(a) for a in sys.argv[1:4]]
    t = Tap()
    native = run([edges])
    lines = native.stdout.splitlines()
    t.expect("natively it runs to its end", (native.returncode, len(lines) > 100), (0, True))
    t.expect("success leaves errno alone", sum(", errno 77" in line for line in lines) > 40, True)
    with tempfile.TemporaryDirectory() as folder:
        watched = os.path.join(folder, "watched.policy")
        with open(watched, "w", encoding="utf-8") as file:
            file.write(WATCHED)
        for how, argv, env in (
                ("under cmrun", [cmrun, "--", edges], {}),
                ("with owners watched", [cmrun, "-p", watched, "--", edges], {}),
                ("by LD_PRELOAD alone", [edges], {"LD_PRELOAD": library})):
            r = run(argv, env)
            for want, got in zip(lines, r.stdout.splitlines() + [""] * len(lines)):
                if want != got:
                    print("# %s: %s, natively: %s" % (how, got, want))
            t.expect("the same results " + how, r.stdout == native.stdout, True)
            t.expect("no word of it " + how, (r.stderr, r.returncode), ("", 0))
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
