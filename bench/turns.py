# SPDX-License-Identifier: BSD-2-Clause
"""Work done by turns: in a round each variant runs once, and who begins changes.

So a slow minute of the machine falls on all variants. There are as many rounds as fit into the time
that a row is given, within bounds. The first warms up and tells how long one takes; it counts only
where it is longer than that time by itself, for then it is warm enough.
"""

import os
import shutil
import subprocess
import tempfile
import time

MOST_ROUNDS = 41
SECONDS_A_COMMAND = 300

TOOLS = ("calls", "own", "threads", "spawn", "notify", "region", "flip", "steps", "stepped", "mdwe",
         "cookies")


class Failed(Exception):
    """A row could not be measured; the others can."""


class Bench:
    """The tools, a folder to work in, and what was prepared in it. `with Bench(…)` removes it."""

    def __init__(self, build, quick, rounds=None):
        self.quick, self.rounds = quick, rounds
        self.seconds, self.least = (2, 3) if quick else (16, 5)
        self.milliseconds = "20" if quick else "60"
        self.source = os.path.dirname(os.path.abspath(__file__))
        self.build = os.path.join(build, "bench")
        self.cmrun = [os.path.join(build, "tools/cmrun/cmrun"), "--"]
        self.tool = {name: os.path.join(self.build, name) for name in TOOLS}
        self.folder, self.made = tempfile.mkdtemp(prefix="cm-bench-"), {}
        self.environment = dict(
            os.environ, HOME=self.folder, TMPDIR=self.folder, LC_ALL="C",
            GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null",
            CM_POLICY_DIR=os.environ.get("CM_POLICY_DIR",
                                         os.path.join(self.source, "../policy/apps")))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def once_made(self, maker):
        """What maker(bench) made, the first time anybody asked."""
        if maker not in self.made:
            self.made[maker] = maker(self)
        return self.made[maker]

    def output(self, command):
        try:
            done = subprocess.run(command, cwd=self.folder, env=self.environment, check=False,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                  timeout=SECONDS_A_COMMAND)
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise Failed(str(fault)) from fault
        if done.returncode:
            raise Failed("%s: status %d" % (" ".join(command), done.returncode))
        return done.stdout

    def figure(self, command):
        """The command prints one number."""
        try:
            return float(self.output(command))
        except ValueError as fault:
            raise Failed("%s: %s" % (" ".join(command), fault)) from fault

    def turns(self, *commands, take=None):
        """A list of figures for each command; take(command) is how one is had."""
        take, found = take or self.figure, [[] for _ in commands]
        start = time.monotonic()
        first = [[take(command)] for command in commands]
        took = time.monotonic() - start
        if took > self.seconds and not self.rounds:
            found = first
        for number in range(len(found[0]), self.how_many(took)):
            for turn in range(len(commands)):
                which = (turn + number) % len(commands)
                found[which].append(take(commands[which]))
        return found

    def how_many(self, seconds_a_round):
        if self.rounds:
            return self.rounds
        least = self.least if seconds_a_round < 2 * self.seconds else 2
        return max(least, min(MOST_ROUNDS, int(self.seconds / max(seconds_a_round, 1e-3))))
