#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A test of the C interface, alone and under cmrun: every claim holds, and both say the same.

usage: twice.py [--policy=TEXT] [--refused=RULE] [--alone] CMRUN PROGRAM [ARGUMENT...]

Lines that begin with '#' are not compared. Alone the functions must be libcookiemap's, under cmrun
the preloaded library's: a run in which the wrong library answered proves nothing. --alone: what is
tried cannot be under cmrun; one run. --refused: a regular expression: the policy refuses some of
what is tried, and every report names such a rule; without it there is none.
"""

import os
import re
import subprocess
import sys
import tempfile

# tests/kernel sets it where the processor is emulated.
SLOWER = int(os.environ.get("CM_TEST_SLOWER", "1"))

ALONE, SERVED = "libcookiemap.so.0", "libcminterpose.so"


def run(argv, timeout=150):
    env = {k: v for k, v in os.environ.items()
           if k not in ("LD_PRELOAD", "CM_POLICY", "CM_PROFILE")}
    try:
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False,
                              timeout=timeout * SLOWER, errors="replace")
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        out = late.stdout or b""
        return "no end", out if isinstance(out, str) else out.decode(errors="replace"), ""


def claims(text):
    return [line for line in text.splitlines() if not line.startswith("#")]


def server(text):
    found = re.search(r"^# served by (\S+)", text, re.M)
    return re.sub(r"(\.so\.0)\.[\d.]+$", r"\1", found.group(1)) if found else None


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, detail=()):
        self.count += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.count, name), flush=True)
        for line in () if good else detail:
            print("#   " + line, flush=True)

    def judge(self, how, result, want, refused=None):
        """One run: its failed claims, and that it came to its end."""
        status, out, err = result
        lines = out.splitlines()
        bad = []
        for i, line in enumerate(lines):
            if line.startswith(("not ok", "Bail out!")):
                bad += [line] + [s for s in lines[i + 1:i + 2] if s.startswith("# ")]
        self.ok(not bad, how + ": every claim holds", bad[:60])
        self.ok(status == 0 and re.search(r"^1\.\.\d+$", out, re.M),
                how + ": it runs to its end", ["status %s" % status, *lines[-4:]])
        if refused:
            rule = re.compile(r"cookiemap: deny: .*: (?:%s) \(" % refused)
            other = [line for line in err.splitlines() if not rule.match(line)]
            self.ok(err and not other, how + ": reports, of " + refused + " only", other[:12])
        else:
            self.ok(err == "", how + ": no word on standard error", err.splitlines()[:12])
        self.ok(server(out) == want, how + ": the calls are " + want + "'s",
                ["it is " + str(server(out))])


def compare(t, alone, served):
    a, b = claims(alone[1]), claims(served[1])
    differs = ["alone %r, under cmrun %r" % pair
               for pair in zip(a + ["-"] * len(b), b + ["-"] * len(a)) if pair[0] != pair[1]]
    t.ok(len(a) > 3 and not differs, "the same under cmrun as alone", differs[:20])


def main():
    argv, options = sys.argv[1:], {}
    while argv and argv[0].startswith("--"):
        word, _, value = argv.pop(0).partition("=")
        options[word] = value
    cmrun, program = [os.path.abspath(a) for a in argv[:2]]
    command = [program, *argv[2:]]
    t = Tap()
    alone = run(command)
    t.judge("alone", alone, ALONE)
    if "--alone" not in options:
        with tempfile.TemporaryDirectory() as folder:
            before = [cmrun]
            if "--policy" in options:
                path = os.path.join(folder, "test.policy")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(options["--policy"])
                before += ["-p", path]
            served = run([*before, "--", *command])
        t.judge("under cmrun", served, SERVED, options.get("--refused"))
        compare(t, alone, served)
    print("1..%d" % t.count)
    print("# %d passed, %d failed" % (t.count - t.failed, t.failed))
    return 1 if t.failed else 0


if __name__ == "__main__":
    sys.exit(main())
