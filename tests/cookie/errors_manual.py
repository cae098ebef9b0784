#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The ERRORS sections of the manual have what the table of errors.c has, for each function.

usage: errors_manual.py ERRORS FOLDER

A section says which functions (.Fn) fail, then with what (a list of .Bq Er). What the table has
was provoked, function by function, and nothing else ever was; so the manual is neither silent nor
wrong.
"""

import glob
import os
import re
import subprocess
import sys


def section(text):
    found = re.search(r"^\.Sh ERRORS\n(.*?)(?=^\.Sh )", text, re.M | re.S)
    return found.group(1) if found else ""


def pairs(text):
    """{(function, errno)} of one section: a list is of the functions named right before it."""
    found, functions, depth = set(), set(), 0
    for line in section(text).splitlines():
        if line.startswith(".Bl"):
            depth += 1
        elif line.startswith(".El"):
            depth, functions = depth - 1, set()
        elif line.startswith(".Pp") and not depth:
            functions = set()
        elif line.startswith(".Fn") and not depth:
            functions.add(re.match(r"\.Fn (\w+)", line).group(1))
        elif line.startswith(".It Bq Er") and depth == 1:
            found |= {(f, line.split()[3]) for f in functions}
    return found


def compare(functions, table, manual):
    """[(function, what the manual alone has, what the table alone has)]"""
    def of(function, pairs_of_all):
        return {e for f, e in pairs_of_all if f == function}
    return [(f, of(f, manual) - of(f, table), of(f, table) - of(f, manual)) for f in functions]


def main():
    listed = subprocess.run([sys.argv[1], "list"], check=True, capture_output=True, text=True)
    table = {tuple(line.split()) for line in listed.stdout.splitlines()}
    functions = sorted({f for f, _ in table})
    manual = set()
    for path in glob.glob(os.path.join(sys.argv[2], "cm*.3")):
        with open(path, encoding="utf-8") as file:
            manual |= pairs(file.read())
    results = [(not said and not have, "the manual has the errors of %s that were provoked" % f,
                said, have) for f, said, have in compare(functions, table, manual)]
    for twin, what in ((manual - {("cmprotect", "ENOTSUP")}, "missing"),
                       (manual | {("cmprotect", "ENOTTY")}, "too much")):
        found = [f for f, said, have in compare(["cmprotect"], table, twin) if said or have]
        results.append((found == ["cmprotect"], "were one %s, it would be seen" % what, [], []))
    print("1..%d" % len(results))
    for number, (good, name, said, have) in enumerate(results, 1):
        print("%sok %d - %s" % ("" if good else "not ", number, name))
        for where, words in (("manual", said), ("table", have)):
            if words:
                print("#   in the %s alone: %s" % (where, " ".join(sorted(words))))
    good = sum(result[0] for result in results)
    print("# %d passed, %d failed" % (good, len(results) - good))
    return 0 if good == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
