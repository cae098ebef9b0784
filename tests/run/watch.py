# SPDX-License-Identifier: BSD-2-Clause
"""Programs that generate code, compared and watched: no mapping of theirs is ever writable and
executable.

Every run goes through prog/watch, natively too: a program that asks for such memory must be seen
to have it when nothing keeps it from that, or the watcher proves nothing. A watcher that saw nothing
at all has failed as well.

Modes beyond those of cm.py: `writers` is `cmrun -p FILE` with wx.writers = "module".
"""

import dataclasses
import os
import shutil
import subprocess

from cm import CMRUN, LIB, POLICIES, PROG, SLOWER, Result, Tap, difference, show

SOURCES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "prog/jit")
WATCH = os.path.join(PROG, "watch")
REFUSED_S = 10
TRIES = 10


class Seen:
    """What prog/watch reported."""

    def __init__(self, path):
        self.looks = self.processes = self.unreadable = self.filters = 0
        self.both = []
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            lines = []
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == "both":
                self.both.append(rest)
            elif word in ("looks", "processes", "unreadable", "filters"):
                setattr(self, word, int(rest))

    def __str__(self):
        return "%d looks at %d processes, %d unreadable, %d filters\n%s" % (
            self.looks, self.processes, self.unreadable, self.filters, "\n".join(self.both))


@dataclasses.dataclass
class Row:
    """A program, and what is particular about it."""

    name: str
    argv: list
    status: int = 0
    wx: bool = True             # natively a mapping of it is writable and executable at some time
    modes: tuple = ("default",)
    base: str = "default"       # the policy file that is its own
    reported: str = ""          # a rule whose reports must be there, and are not compared
    noisy: bool = False         # its standard error is never twice the same; none of it may be ours
    sandbox: bool = False       # it has seccomp filters of its own, and must have as many
    after: object = None        # after(folder): what a run left behind, which must be the same
    setup: object = None        # setup(folder): instead of a copy of what was made
    timeout: int = 60


class Watched(Tap):
    """Compares as Tap does, and watches. as_user: the command by which all of it, cmrun too,
    becomes another user's.
    """

    def __init__(self, as_user=()):
        super().__init__()
        self.as_user = list(as_user)
        self.made = os.path.join(self.home, "made")
        self.cmrun, self.lib, self.policies = CMRUN, LIB, POLICIES

    def make(self, *commands):
        """Builds, natively and once, what the working folders are to begin with."""
        shutil.copytree(SOURCES, self.made)
        for command in commands:
            subprocess.run(command, cwd=self.made, check=True, timeout=60 * SLOWER)

    def copy(self, folder):
        shutil.copytree(self.made, folder, dirs_exist_ok=True)

    def under(self, mode, row):
        """The row's command in this mode; only the program itself is preloaded or policed."""
        if mode == "native":
            return row.argv
        if mode == "preload":
            return ["/usr/bin/env", "LD_PRELOAD=" + self.lib, *row.argv]
        if mode != "writers":
            profile = [] if mode == "default" else ["--profile=" + mode]
            return [self.cmrun, *profile, "--", *row.argv]
        policy = os.path.join(self.home, row.base + "-writers.policy")
        with open(policy, "w", encoding="utf-8") as file:
            file.write('extends = "%s";\nwx: { writers = "module"; };\n' % row.base)
        return [self.cmrun, "-p", policy, "--", *row.argv]

    def watched(self, mode, row):
        report = os.path.join(self.home, "seen")
        if os.path.exists(report):
            os.unlink(report)
        command = [WATCH, str(row.timeout * SLOWER), report, *self.as_user, *self.under(mode, row)]
        result = self.run("native", command, setup=row.setup or self.copy,
                          env={"CM_POLICY_DIR": self.policies}, timeout=row.timeout + 10)
        return result, Seen(report)

    def program(self, name, argv, writers=None, strict=None, **row):
        """The tests of one program: a Row, natively and in each of its modes, and

        writers: why wx.writers = "module" refuses it; it runs as natively when there is no why.
        strict: the rules one of which strict refuses it by.
        """
        row = Row(name, argv, **row)
        native, seen = self.watched("native", row)
        left = row.after(self.work) if row.after else None
        for _ in range(TRIES):
            if bool(seen.both) == row.wx or not row.wx:
                break   # a program that has it for less than a look's time is looked at again
            seen = self.watched("native", row)[1]
        sane = native.status == row.status and (left if row.after else native.out or native.err)
        if not self.ok(sane, name + ": natively", show(native)):
            return
        self.ok(seen.looks and bool(seen.both) == row.wx, "%s: natively %s" % (
            name, "writable and executable at once" if row.wx else "never both"), seen)
        for mode in (*row.modes, *([] if writers else ["writers"])):
            self.same(row, mode, native, left, seen.filters)
        if writers:
            self.refuses(row, "writers", ["wx.writers"], writers)
        if strict:
            self.refuses(row, "strict", strict, "it generates code")

    def same(self, row, mode, native, left, filters):
        got, seen = self.watched(mode, row)
        if row.reported:
            said, got = got, got.without(row.reported)
            self.ok(said is not got, "%s: %s reports %s" % (row.name, mode, row.reported),
                    show(said))
        if row.noisy and not got.reports():
            got = Result(got.out, native.err, got.status)
        same = got.key() == native.key() and (not row.after or row.after(self.work) == left)
        self.ok(same, "%s: %s" % (row.name, mode), difference(native, got))
        self.ok(seen.looks and not seen.both,
                "%s: %s: never writable and executable" % (row.name, mode), seen)
        if row.sandbox:
            self.ok(0 < filters == seen.filters - 1,
                    "%s: %s: in its own sandbox" % (row.name, mode), "natively %d filters\n%s" % (filters, seen))

    def refuses(self, row, mode, rules, why):
        """The program may go on for ever, as one that starts again what has been ended."""
        got, seen = self.watched(mode, dataclasses.replace(row, timeout=REFUSED_S))
        text = b"\n".join(got.reports()).decode(errors="replace")
        self.ok(any(rule in text for rule in rules) and not seen.both, "%s: %s refuses %s (%s)" % (
            row.name, mode, "/".join(rules), why), "%s\n%s" % (show(got), seen))
