#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The C interface against its model (model.c): alone, served by the preloaded library, and with
faults put into it.

usage: model.py alone MODEL SEED STEPS
       model.py served CMRUN MODEL SEED STEPS
       model.py memcheck MODEL SEED STEPS
       model.py mutants MODEL SEED STEPS

served: under a policy that allows execution, since what the policy refuses is no matter of the
interface's. mutants: MODEL is linked with model_mutant.c; with each fault it must disagree, and
without one it must not.
"""

import os
import subprocess
import sys
import tempfile

# tests/kernel sets it where the processor is emulated.
SLOWER = int(os.environ.get("CM_TEST_SLOWER", "1"))

POLICY = """extends = "default";
wx: { map = "allow"; transition = "allow"; file = "any"; };
"""
MUTANTS = ("range", "rights", "stale", "seals", "reserved", "maximum", "move", "protect", "views",
           "rights-of-memory", "wipe", "discard", "close")
SKIPPED = ("#", "--")  # counts; what valgrind says of calls that it does not know, as mseal(2)
# Looking for leaks it would read files behind their end.
VALGRIND = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=no",
            "--suppressions=" + os.path.join(os.path.dirname(__file__), "model.supp")]


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, detail=""):
        self.count += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.count, name), flush=True)
        for line in () if good else detail.splitlines()[-60:]:
            print("#   " + line, flush=True)

    def end(self):
        print("1..%d" % self.count)
        return 1 if self.failed else 0


def run(argv, mutant=None):
    """(status, output); a run that does not end has no status"""
    env = {k: v for k, v in os.environ.items()
           if k not in ("LD_PRELOAD", "CM_POLICY", "CM_PROFILE", "MODEL_MUTANT")}
    if mutant:
        env["MODEL_MUTANT"] = mutant
    try:
        done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", check=False, timeout=200 * SLOWER)
    except subprocess.TimeoutExpired:
        return None, "no end"
    return done.returncode, done.stdout


def agrees(t, name, argv, steps):
    """No disagreement in so many steps, and not a word of anything else."""
    status, out = run(argv)
    lines = [line for line in out.splitlines() if not line.startswith(SKIPPED)]
    t.ok(status == 0 and lines == ["%s steps, 0 disagreements" % steps], name,
         "status %s\n%s" % (status, out))


def alone(t, model, seed, steps):
    agrees(t, "the library does what the model says", [model, seed, steps], steps)


def served(t, cmrun, model, seed, steps):
    with tempfile.TemporaryDirectory() as folder:
        policy = os.path.join(folder, "executes.policy")
        with open(policy, "w", encoding="utf-8") as file:
            file.write(POLICY)
        agrees(t, "the preloaded library does what the model says",
               [cmrun, "-p", policy, "--", model, seed, steps], steps)


def memcheck(t, model, seed, steps):
    agrees(t, "nothing is read that was not written",
           VALGRIND + [model, seed, steps, "no-faults"], steps)


def mutants(t, model, seed, steps):
    agrees(t, "without a fault the model agrees", [model, seed, steps], steps)
    for mutant in MUTANTS:
        status, out = run([model, seed, steps], mutant)
        t.ok(status == 1 and "\ndisagreement at step " in out, "the fault '%s' is found" % mutant,
             "status %s\n%s" % (status, out))


def main():
    t, how = Tap(), sys.argv[1]
    {"alone": alone, "served": served, "memcheck": memcheck, "mutants": mutants}[how](
        t, *sys.argv[2:])
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
