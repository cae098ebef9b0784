#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How often a race between a verdict and what it was about is lost, and what follows.

    race.py PROGRAMS CMRUN [ROUNDS [SECONDS]]

For each race, natively and under each profile: in how many rounds the attacker won, after how many
attempts (median), and in how many of those the process was ended afterwards. These are
measurements: it fails only if a winner that stays where it can be seen was left alive. One that
hides (it gives the memory back at once) is not found by looking afterwards; its row shows that.
"""

import pathlib
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap      # noqa: E402

RACES = ('dup2', 'dup2 process', 'dup2 hide', 'mremap')


def one(before, program, harmless, seconds):
    """(attempts, won, alive afterwards)"""
    name, *how = program
    outcome = tap.run(before + [name, harmless, seconds, *how], timeout_s=float(seconds) + 20)
    words = outcome.out.split()
    if 'WON' in words:
        return int(words[words.index('WON') + 1]), True, 'ALIVE' in words
    if 'LOST' in words:
        return int(words[words.index('LOST') + 1]), False, False
    return 0, False, False      # ended before it won


def measure(before, program, harmless, rounds, seconds):
    results = [one(before, program, harmless, seconds) for _ in range(rounds)]
    won = [r for r in results if r[1]]
    alive = sum(r[2] for r in won)
    text = f'{len(won)} of {rounds} rounds won'
    if won:
        text += (f', after {statistics.median(r[0] for r in won):.0f} attempts (median), '
                 f'{len(won) - alive} of {len(won)} ended afterwards')
    else:
        text += f', {sum(r[0] for r in results)} attempts'
    return text, alive


def main(argv):
    if len(argv) < 3:
        tap.fail_usage(__doc__)
    programs, cmrun = pathlib.Path(argv[1]).resolve(), argv[2]
    rounds = int(argv[3]) if len(argv) > 3 else 5
    seconds = argv[4] if len(argv) > 4 else '1'
    left_alive = 0
    with tempfile.NamedTemporaryFile() as harmless:
        harmless.write(bytes(4096))
        harmless.flush()
        for race in RACES:
            name, *how = race.split()
            for where, before in (('native', []), ('default', [cmrun, '--profile=default', '--']),
                                  ('strict', [cmrun, '--profile=strict', '--'])):
                text, alive = measure(before, [programs / f'race_{name}', *how], harmless.name,
                                      rounds, seconds)
                left_alive += alive if before and 'hide' not in how else 0
                print(f'{race:13} {where:8} {text}', flush=True)
    print(f'{0 if left_alive else 1} passed, {1 if left_alive else 0} failed')
    return left_alive != 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
