#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs built with sanitizers run, and their runtimes still hear of what is mapped.

usage: runtime.py CMRUN LIBRARY CUT_SO [NAME PROGRAM]…
"""

import os
import sys

from tap import Tap, run


def main():
    cmrun, library, cut = [os.path.abspath(a) for a in sys.argv[1:4]]
    programs = dict(zip(sys.argv[4::2], sys.argv[5::2]))
    t = Tap()
    for name, program in programs.items():
        program = os.path.abspath(program)
        for how, argv, env in (("natively", [program], {}),
                               ("under cmrun", [cmrun, "--", program], {}),
                               ("by LD_PRELOAD", [program], {"LD_PRELOAD": library})):
            r = run(argv, env)
            t.expect("%s, %s" % (name, how), (r.stdout, r.stderr, r.returncode), ("fine\n", "", 0))
    r = run([os.path.abspath(programs["thread"])], {"LD_PRELOAD": cut})
    t.expect("a library that cuts the runtime out is found out", "data race" in r.stderr, True)
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
