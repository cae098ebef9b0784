#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Ordinary work, very often and in odd circumstances: it must go as it goes natively.

    stress.py PROGRAMS CMRUN GROUP...        GROUP: load errnos death memory rights traces
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tap      # noqa: E402

LOAD_TIMEOUT_S = 60
GROWTH_KIB = 256
NOBODY = 65534


class Bench:
    def __init__(self, programs, cmrun):
        self.programs = pathlib.Path(programs).resolve()
        self.cmrun = str(pathlib.Path(cmrun).resolve())
        self.place = pathlib.Path(tempfile.mkdtemp(prefix='cookiemap-stress-'))
        self.place.chmod(0o755)
        self.tap = tap.Tap()

    def program(self, words):
        first, *rest = words.split()
        return [str(self.programs / first) if '/' not in first else first] + rest

    def under(self, argv, *options):
        return [self.cmrun, *(options or ('--profile=default',)), '--', *argv]

    def run(self, argv, **more):
        return tap.run(argv, timeout_s=LOAD_TIMEOUT_S, cwd=self.place, **more)

    def check(self, ok, name, detail=''):
        return self.tap.check(ok, name, str(detail))


# --- load: it is done, and nothing failed ---------------------------------------------------------

LOADS = ('maps', 'threads', 'libraries libm.so.6 cos', 'forks', 'signals restart libc 2',
         'signals norestart libc 2', 'signals restart malloc 2', 'signals norestart malloc 2',
         'signals_static restart raw 2', 'crowd')
STRICT_LOADS = ('maps 500', 'threads', 'libraries libm.so.6 cos', 'crowd')


def group_load(b):
    for words, option in ([(w, '--profile=default') for w in LOADS] +
                          [(w, '--profile=strict') for w in STRICT_LOADS]):
        outcome = b.run(b.under(b.program(words), option))
        done = outcome.status == 0 and outcome.out.startswith('DONE')
        quiet = 'cookiemap:' not in outcome.err
        b.check(done and quiet, f'{words} under {option[10:]}: done, and no report', outcome)
    # A static program's calls without SA_RESTART can be interrupted by the kernel's own notification
    # wait. That is a documented limit: measured here, and bounded.
    outcome = b.run(b.under(b.program('signals_static norestart raw 2')))
    found = re.match(r'DONE (\d+) calls, (\d+) signals, (\d+) interrupted', outcome.out)
    rate = int(found[3]) / max(1, int(found[2])) if found else 1.0
    b.check(found and rate < 0.5, 'static program without SA_RESTART: fewer than half of the '
            f'signals interrupt a call ({rate:.3f})', outcome)


# --- the same errors ------------------------------------------------------------------------------

def group_errnos(b):
    for way in ('libc', 'raw'):
        native = b.run(b.program(f'errnos {way}'))
        lines = native.out.splitlines()
        b.check(native.status == 0 and len(lines) >= 100, f'errnos {way}: {len(lines)} calls',
                native)
        policed = b.run(b.under(b.program(f'errnos {way}')))
        got = policed.out.splitlines()
        wrong = [f'native: {a}\npoliced: {p}' for a, p in zip(lines, got) if a != p]
        b.check(policed.status == 0 and len(got) == len(lines) and not wrong,
                f'errnos {way}: as the kernel', '\n'.join(wrong) or policed)


# --- the supervisor's death -----------------------------------------------------------------------

def wait_for_supervisor(proc):
    for _ in range(200):
        pid = tap.supervisor_of(proc)
        if pid:
            return pid
        time.sleep(0.01)
    return None


def group_death(b):
    proc = tap.start(b.under(b.program('orphan')), cwd=b.place, stdin=subprocess.PIPE)
    proc.stdout.readline()
    pid = wait_for_supervisor(proc)
    if not b.check(pid is not None, 'a supervisor is found'):
        tap.end_group(proc)
        return
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    outcome = tap.finish(proc, 20, 'go\n')
    said = dict(line.rsplit(' ', 1) for line in outcome.out.splitlines())
    b.check(outcome.status == 0, 'its supervisor killed, a program ends by itself', outcome)
    for what, words in (('thread', ['ENOSYS']), ('raw mmap', ['ENOSYS']),
                        ('raw munmap', ['ENOSYS']), ('mprotect rx', ['ENOSYS', 'EACCES']),
                        ('mmap rwx', ['ENOSYS', 'EACCES']), ('exec', ['ENOSYS', 'killed'])):
        b.check(said.get(what) in words, f'its supervisor killed: {what}: {" or ".join(words)}',
                outcome)
    native = tap.start(b.program('orphan'), cwd=b.place, stdin=subprocess.PIPE)
    time.sleep(0.2)
    tap.end_group(native)       # its thread never ends where nothing fails
    tap.finish(native)
    kill_by_tree_process(b)


def kill_by_tree_process(b):
    """The attack needs the supervisor's number, so it is not in table.py. Its twin kills a bystander."""
    with subprocess.Popen(['sleep', '60']) as bystander:
        outcome = b.run(b.program('kill_supervisor'), say=f'{bystander.pid}\n')
        b.check(outcome.word == 'EXECUTED', 'kill_supervisor: native: EXECUTED', outcome)
        bystander.kill()
    for profile, word in (('default', 'EXECUTED'), ('strict', 'REFUSED kill EPERM')):
        proc = tap.start(b.under(b.program('kill_supervisor'), f'--profile={profile}'),
                         stdin=subprocess.PIPE)
        pid = wait_for_supervisor(proc)
        outcome = tap.finish(proc, 20, f'{pid}\n')
        b.check(outcome.word == word, f'kill_supervisor: {profile}: {word}', outcome)
        if pid:
            os.waitpid(pid, 0)


# --- the supervisor's memory ----------------------------------------------------------------------

def anon_kib(pid):
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    return int(re.search(r'RssAnon:\s+(\d+)', status)[1])


def group_memory(b):
    proc = tap.start(b.under(b.program('notifications 200000')), stdin=subprocess.PIPE)
    pid = wait_for_supervisor(proc)
    sizes = []
    for _ in range(2):
        proc.stdout.readline()
        sizes.append(anon_kib(pid))
        proc.stdin.write('go\n')
        proc.stdin.flush()
    outcome = tap.finish(proc)
    growth = sizes[1] - sizes[0]
    b.check(outcome.status == 0, '200 000 notifications: done', outcome)
    b.check(growth < GROWTH_KIB, f'200 000 notifications: the supervisor grew by {growth} KiB of '
            f'{sizes[1]}, less than {GROWTH_KIB}', f'{sizes}')


# --- rights ---------------------------------------------------------------------------------------

def group_rights(b):
    if os.geteuid() == 0:
        set_user_id(b)
        unprivileged(b, ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups'])
    else:
        unprivileged(b, [])


def set_user_id(b):
    copy = b.place / 'whoami'
    shutil.copy(b.programs / 'whoami', copy)
    os.chown(copy, NOBODY, NOBODY)
    copy.chmod(0o6755)
    native = b.run([str(copy)])
    b.check(f'euid {NOBODY}' in native.out, 'a set-user-ID program changes its rights natively',
            native)
    policed = b.run(b.under([str(copy)]))
    b.check(policed.out == native.out, 'a set-user-ID program changes them under cmrun', policed)
    b.check('no_new_privs 0' in policed.err, 'no_new_privs is not set for root', policed)
    nested = b.run(b.under(['/bin/sh', '-c', f'{copy}; true']))
    b.check(nested.out == native.out, 'also when another program starts it', nested)


def unprivileged(b, as_user):
    """What an ordinary user gets; the tool and the attack must be where that user can read them."""
    whoami, enter = b.program('whoami'), b.program('enter libc main rwx')
    native = b.run(as_user + whoami)
    policed = b.run(as_user + b.under(whoami))
    b.check(native.status == 0 and policed.out == native.out, 'as a user: the same rights', policed)
    b.check('no_new_privs 1' in policed.err, 'as a user: no_new_privs is set', policed)
    outcome = b.run(as_user + enter)
    b.check(outcome.word == 'EXECUTED', 'as a user: the attack works natively', outcome)
    outcome = b.run(as_user + b.under(enter))
    b.check(outcome.word == 'REFUSED mmap EACCES', 'as a user: and not under cmrun', outcome)


# --- what a program can see, and odd ways to start ------------------------------------------------

def group_traces(b):
    native = b.run(b.program('traces'))
    policed = b.run(b.under(b.program('traces')))
    b.check(native.out.startswith('wait ECHILD\ndescriptors 3\n'), 'no child, three descriptors',
            native)
    b.check(policed.out == native.out, 'the same under cmrun', policed)
    b.check(b.run(b.program('traces listener')).out.endswith('listener OK\nfilter OK\n'),
            'a seccomp listener of its own works natively')
    policed = b.run(b.under(b.program('traces listener')))
    b.check(policed.out.endswith('listener EBUSY\nlistener EBUSY\nfilter OK\n'),
            'a seccomp listener of its own: EBUSY', policed)
    said = [line for line in policed.err.splitlines() if 'listener' in line]
    b.check(len(said) == 1, 'a seccomp listener of its own: said once', policed)
    library_missing(b)
    nested(b)


def library_missing(b):
    enter = ' '.join(b.program('enter libc main rwx'))
    for name, script in (
            ('missing', f'export LD_PRELOAD=/nowhere/lib.so; for i in 1 2 3; do {enter}; done'),
            ('unset', f'unset LD_PRELOAD; for i in 1 2 3; do {enter}; done'),
            ('without a descriptor to spare', f'prlimit --nofile=3 {enter} <&-; '
             f'prlimit --nofile=3 {enter} <&-; prlimit --nofile=3 {enter} <&-')):
        native = b.run(['/bin/sh', '-c', script])
        b.check(native.out == 3 * 'EXECUTED\n', f'library {name}: the attack works natively',
                native)
        policed = b.run(b.under(['/bin/sh', '-c', script]))
        b.check(policed.out == 3 * 'REFUSED mmap EACCES\n', f'library {name}: policed all the same',
                policed)
        said = [line for line in policed.err.splitlines()
                if line.startswith('cookiemap: ') and 'library' in line]
        b.check(len(said) <= 1 if 'spare' in name else len(said) == 1,
                f'library {name}: said once', policed)


def nested(b):
    """The inner policy counts where it is the tighter one, and cannot be the looser one."""
    attack = b.program('object file written')
    for outer, inner, word in (('default', None, 'EXECUTED'),
                               ('default', 'default', 'EXECUTED'),
                               ('default', 'strict', 'REFUSED mmap_exec EACCES'),
                               ('strict', 'default', 'REFUSED mmap_exec EACCES')):
        argv = b.under(attack, f'--profile={inner}') if inner else attack
        outcome = b.run(b.under(argv, f'--profile={outer}'))
        b.check(outcome.word == word, f'cmrun {outer} in which cmrun {inner}: {word}', outcome)


GROUPS = {name[6:]: fn for name, fn in list(globals().items()) if name.startswith('group_')}


def main(argv):
    if len(argv) < 4 or not set(argv[3:]) <= set(GROUPS):
        tap.fail_usage(__doc__)
    tap.adopt()
    b = Bench(argv[1], argv[2])
    try:
        for name in argv[3:]:
            GROUPS[name](b)
    finally:
        shutil.rmtree(b.place, ignore_errors=True)
    return b.tap.done()


if __name__ == '__main__':
    sys.exit(main(sys.argv))
