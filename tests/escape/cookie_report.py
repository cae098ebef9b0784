#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a report says of a call that touched a cookie's region past the cookie.

    cookie_report.py PROGRAMS CMRUN
"""

import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap      # noqa: E402

# The rule is on line 4.
POLICY = '''// a policy whose lines are known
extends = "default";
foreign: {
        KEY = "VERDICT";
};
'''

CALLS = {'unmap': 'munmap', 'replace': 'mmap', 'protect': 'mprotect'}


class Case:
    def __init__(self, programs, cmrun, place):
        self.programs = pathlib.Path(programs).resolve()
        self.cmrun = str(pathlib.Path(cmrun).resolve())
        self.place = pathlib.Path(place)
        self.tap = tap.Tap()
        self.n = 0

    def policy(self, text):
        self.n += 1
        path = self.place / f'{self.n}.policy'
        path.write_text(text)
        return path

    def run(self, policy, argv):
        """The process that we start becomes the program, so its pid is the report's."""
        proc = tap.start([self.cmrun, '-p', policy, '--', *argv], cwd=self.place)
        return proc.pid, tap.finish(proc, tap.TIMEOUT_S)


def lines_of(outcome):
    return [line for line in outcome.err.splitlines() if line.startswith('cookiemap: ')]


def check(c, key, verdict, program, argv, caller):
    """One line, which says who did what to what, by which rule, and what would let it."""
    name = f'{program}, {key} = "{verdict}"'
    policy = c.policy(POLICY.replace('KEY', key).replace('VERDICT', verdict))
    pid, outcome = c.run(policy, [c.programs / program, *argv])
    lines = lines_of(outcome)
    if not c.tap.check(len(lines) == 1, f'{name}: one line', str(outcome)):
        return
    line = lines[0]
    for what, part in (('verdict, program and pid', f'cookiemap: {verdict}: {program}[{pid}]: '),
                       ('call', f': {CALLS[key]}(0x'), ('caller', f'/{caller}+0x'),
                       ('memory', "on a cookie's region"), ('rule', f'foreign.{key}'),
                       ('policy', f'{policy}:4')):
        c.tap.check(part in line, f'{name}: names the {what}', f'{part}\n{line}')
    if verdict == 'deny':
        c.tap.check('EPERM' in line, f'{name}: names the error', line)
        check_advice(c, name, program, argv, line)


def check_advice(c, name, program, argv, line):
    """The policy's line that it names does what it says: the call is logged and made."""
    found = re.search(r'to allow: (.*)$', line)
    advice = found.group(1) if found else ''
    c.tap.check('"log"' in advice, f'{name}: names a line that would log it', line)
    _, outcome = c.run(c.policy(f'extends = "default"; {advice}\n'), [c.programs / program, *argv])
    lines = lines_of(outcome)
    c.tap.check(outcome.word == 'EXECUTED' and len(lines) == 1 and ': log: ' in lines[0],
                f'{name}: that line does', str(outcome))


def check_plain(c):
    """What is no cookie's is no business of these keys by default."""
    for way in ('unmap', 'replace', 'protect_none'):
        _, outcome = c.run(c.policy('extends = "default";\n'),
                           [c.programs / 'cookie_change', 'main', 'libc', 'plain', way])
        c.tap.check(outcome.word == 'EXECUTED' and not outcome.err,
                    f'{way} of plain memory: made, and nothing said', str(outcome))


def main(argv):
    if len(argv) != 3:
        tap.fail_usage(__doc__)
    with tempfile.TemporaryDirectory(prefix='cookiemap-report-') as place:
        c = Case(argv[1], argv[2], place)
        for key, way in (('unmap', 'unmap'), ('replace', 'replace'), ('protect', 'protect_none')):
            for verdict in ('deny', 'log'):
                check(c, key, verdict, 'cookie_change', ['main', 'libc', 'anon', way],
                      'cookie_change')
                check(c, key, verdict, 'cookie_caller', [key], 'libcookie_library.so')
        check_plain(c)
        return c.tap.done()


if __name__ == '__main__':
    sys.exit(main(sys.argv))
