#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the attacks of table.py.

    run.py PROGRAMS CMRUN [NAME-PART...]

Each row is run natively, where it must succeed (the twin: it shows that the attack is one), under
the default and the strict profile, or a policy of its own, and with the mechanism that stops it
switched off, where it must succeed again. PROGRAMS is the folder of the attacks; CMRUN the tool, or
`none`: native twins only.
"""

import os
import pathlib
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap      # noqa: E402
from table import ROWS, SAME  # noqa: E402

TIMEOUT_S = 30 * tap.SLOWER
SETTLE_S = 0.05     # what is older than this is older by any clock of the kernel's


class Place:
    """A folder for the attacks to work in, and the files that must be older than the tree."""

    def __init__(self, programs):
        self.programs = pathlib.Path(programs).resolve()
        self.path = pathlib.Path(tempfile.mkdtemp(prefix='cookiemap-escape-'))
        code = bytes([0xb8, 42, 0, 0, 0, 0xc3])
        (self.path / 'two-pages').write_bytes(bytes(4096) + code.ljust(4096, b'\0'))
        self.memory = pathlib.Path(tempfile.mkdtemp(prefix='cookiemap-escape-', dir='/dev/shm'))
        self.n = 0
        time.sleep(SETTLE_S)

    def fill(self, word):
        """See table.py. A file of zeroes is a new one each time, and older than what is started."""
        if word.startswith('@'):
            return str(self.programs / word[1:])
        if word.startswith('%'):
            return str(self.path / word[1:])
        if word.startswith('0'):
            self.n += 1
            path = (self.memory if word == '0memory' else self.path) / f'zeroes-{self.n}'
            if word == '0folder':
                path.mkdir()
                return str(path)
            path.write_bytes(bytes(4096))
            time.sleep(SETTLE_S)
            return str(path)
        return word

    def policy(self, text):
        self.n += 1
        path = self.path / f'{self.n}.policy'
        path.write_text(text + '\n')
        return path

    def cwd(self):
        self.n += 1
        path = self.path / f'cwd-{self.n}'
        path.mkdir()
        return path


def attack(place, row, before):
    under, argv = ([place.fill(w) for w in words] for words in (row.under, row.argv))
    return tap.run(under + before + argv, timeout_s=TIMEOUT_S, cwd=place.cwd())


def words_of(expected):
    return expected if isinstance(expected, (list, tuple)) else (expected,)


def names(outcome, rule):
    return any(word in outcome.err for word in words_of(rule))


def judge(t, row, where, expected, outcome, rule=None):
    """The outcome must be one of those expected, and a refusal must have been reported."""
    words = words_of(expected)
    ok = outcome.word in words
    why = f'expected {" or ".join(words)}, got: {outcome.word}\n{outcome}'
    if ok and rule and outcome.word != 'EXECUTED' and not names(outcome, rule):
        ok, why = False, f'no report names {rule}\n{outcome}'
    meant = ' or '.join(words) if len(words) < 4 else 'refused'
    t.check(ok, f'{row.name}: {where}: {meant}', why)


def run_row(t, place, cmrun, row):
    native, said, instead = row.native, '', ()
    if row.absent and row.absent.missing():
        native, said = row.absent.native, f' ({row.absent.why})'
        instead = (native,)     # cookiemap need not forbid what the kernel does not do
    judge(t, row, 'native' + said, native, attack(place, row, []))
    if not cmrun:
        return
    for profile, expected in (('default', row.default), ('strict', row.strict)):
        if expected is not SAME:
            outcome = attack(place, row, [cmrun, f'--profile={profile}', '--'])
            judge(t, row, profile, (*words_of(expected), *instead), outcome,
                  None if instead else row.rule)
    outcome = attack(place, row, [cmrun, '--profile=audit', '--'])
    judge(t, row, 'audit', (*words_of(row.audit or native), *instead), outcome)
    # wx.file is a class and no verdict: audit's has nothing to log.
    if row.rule not in (None, 'wx.file') and row.audit_logs and not instead:
        t.check(names(outcome, row.rule) and 'cookiemap: log' in outcome.err,
                f'{row.name}: audit: logged for {row.rule}', str(outcome))
    if row.policy:
        run_under(t, place, cmrun, row, row.policy, row.ruled, row.rule)
    if row.off:
        run_under(t, place, cmrun, row, row.off, native)
    if row.logged:
        outcome = run_under(t, place, cmrun, row, row.logged, native)
        t.check(names(outcome, row.rule) and 'cookiemap: log' in outcome.err,
                f'{row.name}: logged for {row.rule}', str(outcome))


def run_under(t, place, cmrun, row, text, expected, rule=None):
    """The row under a policy of its own."""
    outcome = attack(place, row, [cmrun, '-p', place.policy(text), '--'])
    judge(t, row, 'with ' + text.split('\n')[-1].strip(), expected, outcome, rule)
    return outcome


def main(argv):
    if len(argv) < 3:
        tap.fail_usage(__doc__)
    cmrun = None if argv[2] == 'none' else str(pathlib.Path(argv[2]).resolve())
    t = tap.Tap()
    place = Place(argv[1])
    try:
        for row in ROWS:
            if not argv[3:] or any(part in row.name for part in argv[3:]):
                run_row(t, place, cmrun, row)
    finally:
        shutil.rmtree(place.path, ignore_errors=True)
        shutil.rmtree(place.memory, ignore_errors=True)
    return t.done()


if __name__ == '__main__':
    sys.exit(main(sys.argv))
