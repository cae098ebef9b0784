#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a report says: program, pid, call, caller, rule, and where the rule was written.

    report.py PROGRAMS CMRUN
"""

import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap      # noqa: E402

FIELDS = {'time_ns': int, 'verdict': str, 'program': str, 'pid': int, 'tid': int, 'call': str,
          'text': str, 'module': str, 'offset': int, 'rule': str, 'file': str, 'line': int,
          'errno': str, 'allow': str, 'count': int}

# The rule is on line 4.
POLICY = '''// a policy whose lines are known
extends = "default";
wx: {
        map = "deny";
};
report: { format = "FORMAT"; to = "TO"; };
'''

LOOP = '''
import mmap
for i in range(150):
    try:
        mmap.mmap(-1, 4096, prot=7)
    except PermissionError:
        pass
'''


class Case:
    def __init__(self, programs, cmrun, place):
        self.programs = pathlib.Path(programs).resolve()
        self.cmrun = str(pathlib.Path(cmrun).resolve())
        self.place = pathlib.Path(place)
        self.tap = tap.Tap()
        self.n = 0

    def policy(self, form, to='stderr'):
        self.n += 1
        path = self.place / f'{self.n}.policy'
        path.write_text(POLICY.replace('FORMAT', form).replace('TO', str(to)))
        return path

    def run(self, policy, argv):
        """The process that we start becomes the program, so its pid is the report's."""
        proc = tap.start([self.cmrun, '-p', policy, '--', *argv], cwd=self.place)
        return proc.pid, tap.finish(proc, 30)

    def enter(self, *words):
        return [self.programs / 'enter', *words]


def lines_of(text):
    return [line for line in text.splitlines() if line.startswith('cookiemap: deny')]


def check_text(c, way):
    policy = c.policy('text')
    pid, outcome = c.run(policy, c.enter(way, 'main', 'rwx'))
    lines = lines_of(outcome.err)
    if not c.tap.check(len(lines) == 1, f'text, {way}: one line', str(outcome)):
        return
    for what, part in (('program and pid', f'enter[{pid}]'), ('call', 'mmap('),
                       ('protection', 'PROT_READ|PROT_WRITE|PROT_EXEC'), ('caller', '/enter+0x'),
                       ('rule', 'wx.map'), ('policy', f'{policy}:4'), ('errno', 'EACCES')):
        c.tap.check(part in lines[0], f'text, {way}: names the {what}', f'{part}\n{lines[0]}')


def check_json(c, way):
    policy = c.policy('json', c.place / f'{way}.json')
    pid, outcome = c.run(policy, c.enter(way, 'main', 'rwx'))
    written = c.place / f'{way}.json'
    text = written.read_text() if written.exists() else ''
    objects = []
    try:
        objects = [json.loads(line) for line in text.splitlines()]
    except ValueError as e:
        c.tap.check(False, f'json, {way}: parses', f'{e}\n{text}')
        return
    objects = [o for o in objects if 'note' not in o]
    if not c.tap.check(len(objects) == 1, f'json, {way}: one object', f'{text}\n{outcome}'):
        return
    o = objects[0]
    wrong = [k for k, kind in FIELDS.items() if not isinstance(o.get(k), kind)]
    c.tap.check(not wrong, f'json, {way}: has its fields', f'{wrong}\n{o}')
    program = str(c.programs / 'enter')
    expected = dict(verdict='deny', program=program, pid=pid, tid=pid, call='mmap', module=program,
                    rule='wx.map', file=str(policy), line=4,
                    errno='EACCES', count=1)
    wrong = {k: o.get(k) for k, v in expected.items() if o.get(k) != v}
    c.tap.check(not wrong, f'json, {way}: says what happened', f'{wrong}\n{o}')


def check_count(c):
    """The first, the tenth and the hundredth time of one call site."""
    _, outcome = c.run(c.policy('text'), ['/usr/bin/python3', '-c', LOOP])
    lines = lines_of(outcome.err)
    c.tap.check(outcome.status == 0 and len(lines) == 3, 'repeats: three lines for 150',
                str(outcome))
    c.tap.check([n in line for n, line in zip(('deny', '10 times', '100 times'), lines)] ==
                3 * [True], 'repeats: counted', '\n'.join(lines))


def check_quiet(c):
    _, outcome = c.run(c.policy('text'), ['/bin/true'])
    c.tap.check(outcome.status == 0 and not outcome.err, 'nothing to say, nothing said',
                str(outcome))


def main(argv):
    if len(argv) != 3:
        tap.fail_usage(__doc__)
    with tempfile.TemporaryDirectory(prefix='cookiemap-report-') as place:
        c = Case(argv[1], argv[2], place)
        for way in ('libc', 'syscall', 'inline'):
            check_text(c, way)
            check_json(c, way)
        check_count(c)
        check_quiet(c)
        return c.tap.done()


if __name__ == '__main__':
    sys.exit(main(sys.argv))
