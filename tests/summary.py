#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Counts every case of Meson's last test runs, not only the files they are in.

usage: summary.py BUILD...

Prints what failed, the ends of the logs that say why, and `N passed, N failed` last; the exit
status is 1 if anything failed or nothing ran. A skipped case did not pass: it is counted and named.
"""

import json
import os
import sys
import xml.etree.ElementTree as tree

TAIL = 30


def cases(logs):
    """{test: [(case, passed | failed | skipped)]} from the tests that report case by case."""
    found = {}
    for suite in tree.parse(os.path.join(logs, "testlog.junit.xml")).getroot():
        name = suite.get("name", "").rpartition(" / ")[2].rpartition(".")[2]
        for case in suite.findall("testcase"):
            kinds = {child.tag for child in case}
            word = ("failed" if kinds & {"failure", "error"} else
                    "skipped" if "skipped" in kinds else "passed")
            found.setdefault(name, []).append((case.get("name"), word))
    return found


def whole(result):
    """What the result of a test that is one case counts as."""
    if result in ("OK", "EXPECTEDFAIL"):
        return "passed"
    return "skipped" if result == "SKIP" else "failed"


def count(logs):
    """(counts, [(test, failed or skipped case, log)])"""
    by_case, counts, noted = cases(logs), {"passed": 0, "failed": 0, "skipped": 0}, []
    with open(os.path.join(logs, "testlog.json"), encoding="utf-8", errors="replace") as file:
        runs = [json.loads(line) for line in file]
    for run in runs:
        name = run["name"].rpartition(" / ")[2]
        listed = by_case.get(name) or [("the whole test", whole(run["result"]))]
        words = [word for _, word in listed]
        # A test can fail as a whole although each case that it reached went well: a missing
        # plan, a crash, a timeout.
        if whole(run["result"]) == "failed" and "failed" not in words:
            listed = listed + [("the whole test: " + run["result"].lower(), "failed")]
        for case, word in listed:
            counts[word] += 1
            if word != "passed":
                noted.append((name, case, word))
        if any(word == "failed" for _, word in listed):
            print_tail(name, run)
    return counts, noted


def print_tail(name, run):
    text = (run.get("stdout") or "") + (run.get("stderr") or "")
    lines = text.splitlines()
    kept = []
    for number, line in enumerate(lines):
        if line.startswith("not ok"):
            kept.append(line)
            for more in lines[number + 1:number + 9]:
                if not more.startswith("#"):
                    break
                kept.append(more)
    print("---- %s (%s)" % (name, run["result"].lower()))
    print("\n".join((kept or lines)[-TAIL * 2:]))


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: summary.py BUILD...")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for build in sys.argv[1:]:
        logs = os.path.join(build, "meson-logs")
        if not os.path.exists(os.path.join(logs, "testlog.json")):
            sys.exit("no test has run in " + build)
        found, noted = count(logs)
        for word, number in found.items():
            counts[word] += number
        for name, case, word in noted:
            print("%s: %s: %s (%s)" % (word, name, case, os.path.basename(build)))
    if counts["skipped"]:
        print("%d skipped" % counts["skipped"])
    print("%d passed, %d failed" % (counts["passed"], counts["failed"]))
    sys.exit(1 if counts["failed"] or not counts["passed"] else 0)


if __name__ == "__main__":
    main()
