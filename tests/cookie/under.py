#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A test of what the interposer does for cookies, and would not be so without it.

usage: under.py [--policy=TEXT] [--reports=WORD:RULE] CMRUN PROGRAM [ARGUMENT...]

Under cmrun every claim holds, and each report has such a word (log, deny) and names such a rule, a
regular expression; without --reports there is none. The twin is the same program alone, where calls
by address are nobody's business: it comes to its end as well, and at least one claim fails there.
See twice.py for what must be the same in both.
"""

import os
import re
import sys
import tempfile

from twice import ALONE, SERVED, Tap, run, server


def failed(text):
    return [line for line in text.splitlines() if line.startswith(("not ok", "Bail out!"))]


def is_whole(result, status):
    return result[0] == status and re.search(r"^1\.\.\d+$", result[1], re.M)


def judge_reports(t, err, reports):
    if not reports:
        t.ok(err == "", "under cmrun: no word on standard error", err.splitlines()[:12])
        return
    word, _, rule = reports.partition(":")
    line = re.compile(r"cookiemap: %s: .*: (?:%s) \(" % (word, rule))
    other = [one for one in err.splitlines() if not line.match(one)]
    t.ok(err and not other, "under cmrun: reports, %s of %s only" % (word, rule), other[:12])


def main():
    argv, options = sys.argv[1:], {}
    while argv and argv[0].startswith("--"):
        word, _, value = argv.pop(0).partition("=")
        options[word] = value
    cmrun, program = [os.path.abspath(a) for a in argv[:2]]
    command = [program, *argv[2:]]
    t = Tap()
    with tempfile.TemporaryDirectory() as folder:
        before = [cmrun]
        if "--policy" in options:
            path = os.path.join(folder, "test.policy")
            with open(path, "w", encoding="utf-8") as file:
                file.write(options["--policy"])
            before += ["-p", path]
        served = run([*before, "--", *command])
    t.ok(not failed(served[1]), "under cmrun: every claim holds", failed(served[1])[:60])
    t.ok(is_whole(served, 0), "under cmrun: it runs to its end",
         ["status %s" % served[0], *served[1].splitlines()[-4:]])
    t.ok(server(served[1]) == SERVED, "under cmrun: the calls are the library's",
         [server(served[1])])
    judge_reports(t, served[2], options.get("--reports"))
    alone = run(command)
    t.ok(is_whole(alone, 1) and server(alone[1]) == ALONE, "twin: alone it runs to its end too",
         ["status %s" % alone[0], *alone[1].splitlines()[-4:]])
    t.ok(failed(alone[1]), "twin: where claims do not hold", alone[1].splitlines())
    print("1..%d" % t.count)
    print("# %d passed, %d failed" % (t.count - t.failed, t.failed))
    return 1 if t.failed else 0


if __name__ == "__main__":
    sys.exit(main())
