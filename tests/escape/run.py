#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the attacks of table.py.

    run.py PROGRAMS CMRUN [NAME-PART...]

Each row is run natively, where it must succeed (the twin: it shows that the attack is one), under
the default and the strict profile, and with the mechanism that stops it switched off, where it must
succeed again. PROGRAMS is the folder of the attacks; CMRUN the tool, or `none`: native twins only.
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

TIMEOUT_S = 30


class Place:
    """A folder for the attacks to work in, and the files that must be older than the tree."""

    def __init__(self, programs):
        self.programs = pathlib.Path(programs).resolve()
        self.path = pathlib.Path(tempfile.mkdtemp(prefix='cookiemap-escape-'))
        code = bytes([0xb8, 42, 0, 0, 0, 0xc3])
        (self.path / 'two-pages').write_bytes(bytes(4096) + code.ljust(4096, b'\0'))
        self.n = 0
        time.sleep(0.1)     # what is written from here on is younger than those by any clock

    def fill(self, word):
        return word.replace('@', str(self.programs) + '/').replace('%', str(self.path) + '/')

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
    return tap.run(before + [place.fill(w) for w in row.argv], timeout_s=TIMEOUT_S,
                   cwd=place.cwd())


def judge(t, row, where, expected, outcome, rule=None):
    """The outcome must be one of those expected, and a refusal must have been reported."""
    words = expected if isinstance(expected, (list, tuple)) else [expected]
    ok = outcome.word in words
    why = f'expected {" or ".join(words)}, got: {outcome.word}\n{outcome}'
    if ok and rule and outcome.word != 'EXECUTED' and rule not in outcome.err:
        ok, why = False, f'no report names {rule}\n{outcome}'
    t.check(ok, f'{row.name}: {where}: {" or ".join(words)}', why)


def run_row(t, place, cmrun, row):
    native, said = row.native, ''
    if row.absent and row.absent.missing():
        native, said = row.absent.native, f' ({row.absent.why})'
    judge(t, row, 'native' + said, native, attack(place, row, []))
    if not cmrun:
        return
    for profile, expected in (('default', row.default), ('strict', row.strict)):
        if expected is not SAME:
            outcome = attack(place, row, [cmrun, f'--profile={profile}', '--'])
            judge(t, row, profile, expected, outcome, row.rule)
    if row.off:
        policy = place.policy(row.off)
        outcome = attack(place, row, [cmrun, '-p', policy, '--'])
        judge(t, row, 'with ' + row.off.split('\n')[-1].strip(), native, outcome)


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
    return t.done()


if __name__ == '__main__':
    sys.exit(main(sys.argv))
