#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Ordinary work, very often and in odd circumstances: it must go as it goes natively.

    stress.py PROGRAMS CMRUN GROUP...        GROUP: load errnos death memory
                                             rights hidden traces preload
"""

import ctypes
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

LOAD_TIMEOUT_S = 60 * tap.SLOWER
GROWTH_KIB = 256
NOBODY = 65534


def is_open_to_all(path):
    """Whether an ordinary user can get there."""
    return all(folder.stat().st_mode & 1 for folder in (path, *path.parents) if folder.is_dir())


class Bench:
    def __init__(self, programs, cmrun):
        self.programs = pathlib.Path(programs).resolve()
        self.cmrun = str(pathlib.Path(cmrun).resolve())
        self.place = pathlib.Path(tempfile.mkdtemp(prefix='cookiemap-stress-'))
        self.place.chmod(0o755)
        self.tap = tap.Tap()
        if not is_open_to_all(self.programs):
            self.move()

    def move(self):
        """A build in somebody's home is taken to where any user can run it."""
        build, there = pathlib.Path(self.cmrun).parents[2], self.place / 'build'
        for name in ('tools/cmrun/cmrun', 'interpose/libcminterpose.so'):
            (there / name).parent.mkdir(parents=True)
            shutil.copy(build / name, there / name)
        policies = 'tools/share/cookiemap/policy.d'
        shutil.copytree(build / policies, there / policies)
        shutil.copytree(self.programs, there / 'programs', ignore=shutil.ignore_patterns('*.p'))
        (there / 'programs').chmod(0o755)
        self.cmrun = str(there / 'tools/cmrun/cmrun')
        self.programs = there / 'programs'
        time.sleep(0.05)    # all of it is older than any tree, also by a coarse clock

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
         'signals_static restart raw 2', 'execs 30', 'crowd')
STRICT_LOADS = ('maps 500 libc', 'threads', 'libraries libm.so.6 cos', 'execs 30', 'crowd')


def group_load(b):
    for words, option in ([(w, '--profile=default') for w in LOADS] +
                          [(w, '--profile=strict') for w in STRICT_LOADS]):
        outcome = b.run(b.under(b.program(words), option))
        done = outcome.status == 0 and outcome.out.startswith('DONE')
        quiet = 'cookiemap:' not in outcome.err
        b.check(done and quiet, f'{words} under {option[10:]}: done, and no report', outcome)
    # A static program's calls without SA_RESTART can be interrupted while they wait to be received.
    # That is a documented limit: EINTR is all that it may see, and the program goes on.
    outcome = b.run(b.under(b.program('signals_static norestart raw 2')))
    found = re.match(r'DONE (\d+) calls, (\d+) signals, (\d+) interrupted', outcome.out)
    rate = int(found[3]) / max(1, int(found[2])) if found else 1.0
    b.check(found and outcome.status == 0, 'static program without SA_RESTART: nothing but EINTR, '
            f'at {100 * rate:.0f} % of the signals', outcome)
    few_descriptors(b)


def few_descriptors(b):
    """Where one may open fewer files than the tree has processes, as long as one may raise that."""
    outcome = b.run(['prlimit', '--nofile=64:4096', '--', *b.under(b.program('crowd'))])
    b.check(outcome.status == 0 and outcome.out == 'DONE\n' and not outcome.err,
            'crowd, with 64 descriptors until one asks for more: done', outcome)
    crowd = ' '.join(b.program('crowd')) + ' & '
    attack = ' '.join(b.program('enter_static inline main rwx'))
    script = crowd + f'for i in 1 2 3 4 5 6 7 8 9 10; do {attack}; done; wait'
    outcome = b.run(['prlimit', '--nofile=64', '--', *b.under(['/bin/sh', '-c', script])])
    b.check('EXECUTED' not in outcome.out, 'with 64 descriptors and no more: closed, not open',
            outcome)


# --- the same errors ------------------------------------------------------------------------------

def until_mseal(lines):
    """What comes before the calls of mseal: where the kernel has none, libc's callers have one."""
    for number, line in enumerate(lines):
        if line.startswith('mseal(') and line.endswith('ENOSYS'):
            return number
    return len(lines)


def group_errnos(b):
    for way in ('libc', 'raw'):
        native = b.run(b.program(f'errnos {way}'))
        lines = native.out.splitlines()
        b.check(native.status == 0 and len(lines) >= 100, f'errnos {way}: {len(lines)} calls',
                native)
        policed = b.run(b.under(b.program(f'errnos {way}')))
        got = policed.out.splitlines()
        alike = until_mseal(lines) if way == 'libc' else len(lines)
        wrong = [f'native: {a}\npoliced: {p}' for a, p in zip(lines[:alike], got) if a != p]
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
    attacks_on_supervisor(b)
    blinded_supervisor(b)


# What the kernel says to a user, and to whoever is in the supervisor's Landlock domain.
SUPERVISOR_ATTACKS = (('kill', 'EXECUTED', 'EPERM'), ('mem', 'REFUSED mem EACCES', 'EACCES'),
                      ('writev', 'REFUSED writev EPERM', 'EPERM'),
                      ('ptrace', 'REFUSED ptrace EPERM', 'EPERM'),
                      ('getfd', 'REFUSED getfd EPERM', 'EPERM'))


def landlock_scopes_signals():
    """Landlock ABI 6, Linux 6.12: without it the supervisor can be ended under strict, too."""
    return ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1) >= 6


def attacks_on_supervisor(b):
    """Not in table.py, since they need the supervisor's number. Their twins attack a bystander."""
    for how, by_user, errno in SUPERVISOR_ATTACKS:
        words = {'default': ['EXECUTED' if os.geteuid() == 0 else by_user],
                 'strict': [f'REFUSED {how} {errno}', f'REFUSED {how} ENOSYS']}
        if how == 'kill' and not landlock_scopes_signals():
            words['strict'] = ['EXECUTED']
        with subprocess.Popen(['sleep', '60']) as bystander:
            outcome = b.run(b.program(f'supervisor {how}'), say=f'{bystander.pid}\n')
            b.check(outcome.word == 'EXECUTED', f'supervisor {how}: native: EXECUTED', outcome)
            bystander.kill()
        for profile, right in words.items():
            proc = tap.start(b.under(b.program(f'supervisor {how}'), f'--profile={profile}'),
                             stdin=subprocess.PIPE)
            pid = wait_for_supervisor(proc)
            outcome = tap.finish(proc, 20, f'{pid}\n')
            b.check(outcome.word in right, f'supervisor {how}: {profile}: {" or ".join(right)}',
                    outcome)
            if pid:
                os.waitpid(pid, 0)


def blinded_supervisor(b):
    """A process of the same user may take its files from the supervisor: it must then refuse."""
    with subprocess.Popen(['sleep', '60']) as bystander:
        outcome = b.run(b.program('supervisor limit'), say=f'{bystander.pid}\n')
        b.check(outcome.word == 'EXECUTED', 'supervisor limit: native: EXECUTED', outcome)
        bystander.kill()
    for profile in ('default', 'strict'):
        proc = tap.start(b.under(b.program('supervisor limit'), f'--profile={profile}'),
                         stdin=subprocess.PIPE)
        pid = wait_for_supervisor(proc)
        outcome = tap.finish(proc, 20, f'{pid}\n')
        b.check(outcome.word.startswith('REFUSED') or outcome.word == 'SIGKILL',
                f'supervisor limit: {profile}: refused', outcome)
        if pid:
            os.waitpid(pid, 0)


# --- the supervisor's memory ----------------------------------------------------------------------

def anon_kib(pid):
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    return int(re.search(r'RssAnon:\s+(\d+)', status)[1])


def n_descriptors(pid):
    """Root alone may look; for others there is nothing to compare."""
    return len(os.listdir(f'/proc/{pid}/fd')) if os.geteuid() == 0 else 0


def group_memory(b):
    proc = tap.start(b.under(b.program('notifications 200000')), stdin=subprocess.PIPE)
    pid = wait_for_supervisor(proc)
    sizes, descriptors = [], []
    for _ in range(2):
        proc.stdout.readline()
        sizes.append(anon_kib(pid))
        descriptors.append(n_descriptors(pid))
        proc.stdin.write('go\n')
        proc.stdin.flush()
    outcome = tap.finish(proc)
    growth = sizes[1] - sizes[0]
    b.check(outcome.status == 0, '200 000 notifications: done', outcome)
    b.check(growth < GROWTH_KIB, f'200 000 notifications: the supervisor grew by {growth} KiB of '
            f'{sizes[1]}, less than {GROWTH_KIB}', f'{sizes}')
    b.check(descriptors[1] <= descriptors[0] + 2, f'200 000 notifications: {descriptors[1]} '
            f'descriptors of the supervisor\'s', f'{descriptors}')


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
    as_user = ['env', '-u', 'HOME', *as_user]    # which would be root's
    native = b.run(as_user + whoami)
    policed = b.run(as_user + b.under(whoami))
    b.check(native.status == 0 and policed.out == native.out, 'as a user: the same rights', policed)
    b.check('no_new_privs 1' in policed.err, 'as a user: no_new_privs is set', policed)
    outcome = b.run(as_user + enter)
    b.check(outcome.word == 'EXECUTED', 'as a user: the attack works natively', outcome)
    outcome = b.run(as_user + b.under(enter))
    b.check(outcome.word == 'REFUSED mmap EACCES', 'as a user: and not under cmrun', outcome)


# --- what a user can hide -------------------------------------------------------------------------

def group_hidden(b):
    """
    Where the supervisor is a user's own, /proc shows it nothing of a process that is not dumpable,
    nor of an image that its user may not read. Root sees everything, so this is always tried as a
    user. An image that cannot be looked at is ended. A process that was looked at, and hides later,
    maps no code but what its loader opens.
    """
    as_user = ['env', '-u', 'HOME']
    if os.geteuid() == 0:
        as_user += ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups']
        b.place.chmod(0o777)
    for name in ('rwx_segment', 'object', 'enter'):
        copy = b.place / f'unreadable-{name}'
        shutil.copy(b.programs / name, copy)
        copy.chmod(0o111)
    place = str(b.place) + '/'
    for words, default in (('object memfd undumpable', False),
                           (place + 'unreadable-object memfd written', False),
                           (place + 'unreadable-rwx_segment loud', False),
                           (place + 'unreadable-enter inline main rwx', False),
                           (place + 'unreadable-enter inline main addx', False)):
        name = words.replace(place, '')
        outcome = b.run(as_user + b.program(words))
        b.check(outcome.word == 'EXECUTED', f'as a user: {name}: native: EXECUTED', outcome)
        for profile in ('default', 'strict'):
            outcome = b.run(as_user + b.under(b.program(words), f'--profile={profile}'))
            wins = default and profile == 'default'
            refused = 'EXECUTED' not in outcome.out and outcome.status not in (None, 0, 2)
            b.check(outcome.out == 'EXECUTED\n' if wins else refused,
                    f'as a user: {name}: {profile}: {"EXECUTED" if wins else "refused"}', outcome)
    undumpable_work(b, as_user)


def undumpable_work(b, as_user):
    """Programs with secrets make themselves so (ssh-agent(1)), and load libraries after it."""
    script = ('import ctypes, threading; ctypes.CDLL(None).prctl(4, 0); '
              'ctypes.CDLL("libm.so.6"); t = threading.Thread(target=print, args=["DONE"]); '
              't.start(); t.join()')
    argv = ['/usr/bin/python3', '-c', script]
    b.check(b.run(as_user + argv).out == 'DONE\n', 'as a user: an undumpable program works')
    outcome = b.run(as_user + b.under(argv))
    b.check(outcome.out == 'DONE\n' and not outcome.err, 'as a user: and under cmrun', outcome)
    # An execve that fails leaves the image that was looked at, or that a fork has from such a one.
    for where in ('', 'os.fork() and (os.wait(), os._exit(0)); '):
        script = ('import ctypes, os; ctypes.CDLL(None).prctl(4, 0); ' + where +
                  'os.environ["PATH"] = "/nowhere:/none:/usr/bin:/bin"; '
                  'os.execvp("echo", ["echo", "DONE"])')
        outcome = b.run(as_user + b.under(['/usr/bin/python3', '-c', script]))
        b.check(outcome.out == 'DONE\n' and not outcome.err,
                f'as a user: an undumpable {"fork" if where else "program"} looks along PATH', outcome)


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
    """Taken away by a static shell, whose exec nobody watches from inside."""
    enter = ' '.join(b.program('enter libc main rwx'))
    for name, script, notes in (
            ('preloaded from nowhere', f'export LD_PRELOAD=/nowhere/lib.so; {enter}', 1),
            ('not preloaded', f'unset LD_PRELOAD; {enter}', 1),
            ('without a descriptor to spare', f'prlimit --nofile=3 {enter} <&-', None)):
        script = 'for i in 1 2 3; do ' + script + '; done'
        native = b.run(['/bin/busybox', 'sh', '-c', script])
        b.check(native.out == 3 * 'EXECUTED\n', f'library {name}: the attack works natively',
                native)
        policed = b.run(b.under(['/bin/busybox', 'sh', '-c', script]))
        policed_without(b, name, policed, 3, notes)
    library_broken(b)


def policed_without(b, name, outcome, times, notes):
    b.check(outcome.out == times * 'REFUSED mmap EACCES\n', f'library {name}: policed all the same',
            outcome)
    said = [line for line in outcome.err.splitlines()
            if line.startswith('cookiemap: ') and 'libcminterpose.so' in line or
            line.startswith('cmrun: libcminterpose.so')]
    b.check(len(said) <= 1 if notes is None else len(said) == notes,
            f'library {name}: said once', outcome)


def library_broken(b):
    """A copy of the tool, and beside it a library that is not there, is none, or cannot be read."""
    tool = b.place / 'tools' / 'cmrun' / 'cmrun'
    library = b.place / 'interpose' / 'libcminterpose.so'
    for path in (tool, library):
        path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(b.cmrun, tool)
    argv = [str(tool), '--profile=default', '--', *b.program('enter libc main rwx')]
    outcome = b.run(argv)
    policed_without(b, 'gone', outcome, 1, 1)
    library.write_text('not a library')
    policed_without(b, 'that is none', b.run(argv), 1, 1)
    shutil.copy(pathlib.Path(b.cmrun).parents[2] / 'interpose' / library.name, library)
    policed_without(b, 'beside it', b.run(argv), 1, 0)
    library.chmod(0)
    if os.geteuid() == 0:
        argv = ['env', '-u', 'HOME', 'setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}',
                '--clear-groups', *argv]
    policed_without(b, 'unreadable', b.run(argv), 1, 1)


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
    for profile, word in (('default', 'EXECUTED'), ('strict', 'REFUSED mmap EACCES')):
        words = b.program(f'other_parent {b.cmrun} --profile={profile}')
        outcome = b.run(b.under(words))
        b.check(outcome.word == word, f'a child with another parent, inside {profile}: {word}', outcome)


# --- the library alone ----------------------------------------------------------------------------

def group_preload(b):
    """LD_PRELOAD without cmrun: the library starts the supervisor itself."""
    library = pathlib.Path(b.cmrun).parents[2] / 'interpose' / 'libcminterpose.so'
    alone = tap.clean_env(LD_PRELOAD=str(library))
    strict = tap.clean_env(LD_PRELOAD=str(library), CM_PROFILE='strict')
    for words in ('enter libc main rwx', 'enter inline main rwx', 'enter inline empty rwx',
                  'enter libc thread rwx'):
        outcome = b.run(b.program(words), env=alone)
        b.check(outcome.word == 'REFUSED mmap EACCES' and 'wx.map' in outcome.err,
                f'library alone: {words}: refused, and reported', outcome)
    outcome = b.run(['/bin/sh', '-c', ' '.join(b.program('enter_static inline main rwx'))],
                    env=alone)
    b.check(outcome.word == 'REFUSED mmap EACCES', 'library alone: a static child is policed',
            outcome)
    outcome = b.run(b.program('enter inline constructor rwx'), env=alone)
    b.check(outcome.word == 'REFUSED mmap EACCES', "library alone: the program's constructors too",
            outcome)
    attack = b.program('object file written')
    b.check(b.run(attack, env=alone).word == 'EXECUTED', 'library alone: the default profile')
    outcome = b.run(attack, env=strict)
    b.check(outcome.word == 'REFUSED mmap_exec EACCES', 'library alone: CM_PROFILE=strict', outcome)
    native = b.run(b.program('traces'))
    outcome = b.run(b.program('traces'), env=alone)
    b.check(outcome.out == native.out and not outcome.err,
            'library alone: no child, no descriptor, no word', outcome)
    outcome = b.run(b.program('maps 300'), env=alone)
    b.check(outcome.out == 'DONE\n' and not outcome.err, 'library alone: maps: done', outcome)


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
