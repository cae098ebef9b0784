#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What work costs natively and under cookiemap, measured by turns in the same run.

bench/README.md says what the rows do and how the figures are made. Ends with 1 if a row could not
be measured, and with 0 whatever the figures are.

usage: run.py BUILD [--quick] [--rounds=N] [--only=PATTERN] [--json]
"""

import fnmatch
import json
import os
import sys

sys.dont_write_bytecode = True

import figure  # pylint: disable=wrong-import-position
import output  # pylint: disable=wrong-import-position
import rows  # pylint: disable=wrong-import-position
from rows import others  # pylint: disable=wrong-import-position
from turns import Bench, Failed  # pylint: disable=wrong-import-position


def usage():
    sys.exit(__doc__.rsplit("\n", 2)[1])


def options():
    """(the build, the options by name)"""
    places = [word for word in sys.argv[1:] if not word.startswith("--")]
    named = dict(word[2:].partition("=")[::2] for word in sys.argv[1:] if word.startswith("--"))
    wrong = set(named) - {"quick", "rounds", "only", "json"}
    if len(places) != 1 or wrong or not named.get("rounds", "1").isdigit():
        usage()
    return os.path.abspath(places[0]), named


def chosen(pattern, listed):
    """The rows whose name has the pattern in it; a pattern may hold * ? [ ]."""
    pattern = "*" + pattern.lower() + "*"
    return [row for row in listed if fnmatch.fnmatchcase(row.work.lower(), pattern)]


def measure(bench, listed, take, show):
    """(what was found, how many rows failed)"""
    found, failed = [], 0
    for row in listed:
        try:
            found.append(take(row, row.take(bench)))
            show(found[-1])
        except (Failed, OSError) as fault:
            failed += 1
            print("bench: %s: %s" % (row.work, fault), file=sys.stderr)
    return found, failed


def main():
    build, named = options()
    first, second = (chosen(named.get("only", ""), listed) for listed in (rows.ROWS, others.ROWS))
    if not first and not second:
        sys.exit("bench: no row has '%s' in its name; there are\n  %s" % (
            named["only"], "\n  ".join(row.work for row in rows.ROWS + others.ROWS)))
    as_json = "json" in named
    table = sys.stderr if as_json else sys.stdout
    with Bench(build, "quick" in named, int(named.get("rounds", 0))) as bench:
        if first:
            output.head(table)
        found, failed = measure(bench, first, figure.judge, lambda r: output.row(r, table))
        if second:
            output.others_head([tool.name for tool in others.TOOLS], table)
        beside, failed_too = measure(bench, second, others.judge,
                                     lambda r: output.others_row(r, table))
    missed = sum(row["met"] is False for row in found)
    print("%d figures missed their target" % missed, file=table)
    if as_json:
        print(json.dumps({"host": output.host(), "quick": bench.quick, "rows": found,
                          "others": beside, "missed": missed, "failed": failed + failed_too},
                         indent=1))
    sys.exit(1 if failed + failed_too else 0)


if __name__ == "__main__":
    main()
