#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""run.py measures, and --json says what README.md promises; no figure is asserted.

What the rows rest on is tried too: that the others of the second table do what they are there to
do, and that instructions are counted where they are executed.
"""

import json
import os
import subprocess
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("CM_BUILD", "build"))
sys.path.insert(0, FOLDER)
sys.dont_write_bytecode = True

from figure import Found, Target, judge  # pylint: disable=wrong-import-position
from rows.row import Row  # pylint: disable=wrong-import-position

ROW = {"group": str, "work": str, "unit": str, "native": float, "beside": float, "beside_is": str,
       "ours": float, "ratio": float, "spread": float, "rounds": int, "target": dict, "met": bool}
HOST = {"kernel": str, "machine": str, "cpus": int, "memory_bytes": int}
WRITE_EXEC = """import mmap
mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)"""
READ_EXEC = "import mmap\nmmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)"


def run(command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, timeout=100, **more)


def bench(*options, build=BUILD):
    """(status, the object or None, what was said)"""
    done = run([sys.executable, os.path.join(FOLDER, "run.py"), build, "--quick", "--json",
                "--rounds=2", *options])
    try:
        return done.returncode, json.loads(done.stdout), done.stderr
    except ValueError:
        return done.returncode, None, done.stderr


def typed(found, fields):
    return [name for name, kind in fields.items() if not isinstance(found.get(name), kind)]


def a_row_is_measured():
    status, found, said = bench("--only=getppid, beside")
    assert status == 0 and found, said
    assert found["quick"] is True and found["failed"] == 0 and not found["others"]
    assert not typed(found["host"], HOST), typed(found["host"], HOST)
    row, = found["rows"]
    assert not typed(row, ROW), typed(row, ROW)
    assert row["rounds"] == 2 and row["target"]["kind"] == "add"
    assert abs(row["ratio"] - row["ours"] / row["beside"]) < 1e-9 and row["native"] > 0
    assert found["missed"] == (not row["met"])


def a_pattern_that_no_row_has_is_refused():
    status, found, said = bench("--only=there is no such row")
    assert status == 1 and found is None and "mprotect toggle" in said


def a_row_that_cannot_be_measured_is_counted():
    """There is no program to run; there is one that prints a figure and fails, or prints none."""
    for script, fault in ((None, "No such file"), ("echo 5; exit 3", "status 3"),
                          ("echo five", "could not convert")):
        with tempfile.TemporaryDirectory() as build:
            os.mkdir(os.path.join(build, "bench"))
            if script:
                path = os.path.join(build, "bench/calls")
                with open(path, "w", encoding="ascii") as file:
                    file.write("#!/bin/sh\n" + script + "\n")
                os.chmod(path, 0o755)
            status, found, said = bench("--only=getppid, beside", build=build)
        assert status == 1 and found["failed"] == 1 and not found["rows"], said
        assert fault in said, said


def others_are_measured():
    status, found, said = bench("--only=others: getppid")
    assert status == 0 and not found["rows"], said
    row, = found["others"]
    assert {"cookiemap", "forwarder", "mdwe", "strace", "strace bpf", "ltrace"} == set(row["tools"])
    for name in ("cookiemap", "forwarder", "mdwe"):
        assert not typed(row["tools"][name], {"median": float, "ratio": float, "spread": float})


def instructions_are_counted_where_they_are_executed():
    status, found, said = bench("--only=instructions of ours: mmap+munmap")
    assert status == 0, said
    row, = found["rows"]
    native, ours = (row["detail"]["modules"][how] for how in ("native", "cookiemap"))
    assert native["ours"] == 0 and native["libc.so.6"] > 0
    assert ours["ours"] == row["ours"] == (ours["libcminterpose.so"]
                                           + ours["memfd:cookiemap-gate"]) > 0
    for counts in (native, ours):
        assert counts["all"] == sum(number for name, number in counts.items()
                                    if name not in ("ours", "all"))


def targets_are_met_up_to_their_limit():
    for kind, limit, base, met, missed in (("add", 10, 100, 110, 111), ("times", 2, 100, 200, 201),
                                           ("most", 7, 100, 7, 8), ("rate", 0.5, 100, 200, 201)):
        for figure, wanted in ((met, True), (missed, False)):
            row = Row("group", "work", None, Target(kind, limit))
            assert judge(row, Found([figure] * 3, [base] * 3))["met"] is wanted, (kind, figure)
            # Native does not matter where there is something to be measured beside.
            assert judge(row, Found([figure] * 3, [1e9] * 3, [base] * 3))["met"] is wanted


def the_forwarder_forwards():
    calls = [os.path.join(BUILD, "bench/calls"), "pair", "1"]
    names = {}
    for preload in ("", os.path.join(BUILD, "bench/forward.so")):
        done = run(calls, env=dict(os.environ, LD_DEBUG="bindings", LD_PRELOAD=preload))
        assert done.returncode == 0
        names[bool(preload)] = [line for line in done.stderr.splitlines()
                                if "bench/calls [0]" in line and "forward.so" in line
                                and ("`mmap" in line or "`munmap'" in line)]
    assert len(names[True]) == 2 and not names[False], names


def the_filter_refuses():
    mdwe = [os.path.join(BUILD, "bench/mdwe")]
    for around, code, refused in (([], WRITE_EXEC, False), (mdwe, WRITE_EXEC, True),
                                  (mdwe, READ_EXEC, False)):
        done = run(around + ["/usr/bin/python3", "-c", code])
        assert (done.returncode != 0) == refused and ("PermissionError" in done.stderr) == refused


CASES = (a_row_is_measured, a_pattern_that_no_row_has_is_refused,
         a_row_that_cannot_be_measured_is_counted, others_are_measured,
         instructions_are_counted_where_they_are_executed, targets_are_met_up_to_their_limit,
         the_forwarder_forwards, the_filter_refuses)


def main():
    failed = 0
    print("1..%d" % len(CASES))
    for number, case in enumerate(CASES, 1):
        fault = None
        try:
            case()
        except Exception as found:  # pylint: disable=broad-except
            fault = "%s: %s" % (type(found).__name__, found)
        failed += fault is not None
        print("%s %d - %s" % ("not ok" if fault else "ok", number, case.__name__))
        for line in fault.splitlines() if fault else []:
            print("#   " + line, flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
