# SPDX-License-Identifier: BSD-2-Clause
"""TAP output, and how a program is started and what became of it."""

import ctypes
import os
import signal
import subprocess
import sys

# tests/kernel sets it where the processor is emulated.
SLOWER = int(os.environ.get('CM_TEST_SLOWER', '1'))
TIMEOUT_S = 60 * SLOWER
PR_SET_CHILD_SUBREAPER = 36


class Tap:
    """Counts and prints results. `done` gives the exit status."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, ok, name, detail=''):
        self.count += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}", flush=True)
        if not ok or detail.startswith('#'):
            for line in str(detail).rstrip().split('\n'):
                print('# ' + line.lstrip('# '), flush=True)
        return ok

    def done(self):
        print(f'1..{self.count}')
        print(f'# {self.count - self.failed} passed, {self.failed} failed')
        return self.failed != 0


class Outcome:
    """What a program wrote and how it ended, in one word: its line, or the signal's name."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err

    @property
    def word(self):
        if self.status is None:
            return 'TIMEOUT'
        if self.status < 0:
            return signal.Signals(-self.status).name
        said = self.out.strip()
        if (said == 'EXECUTED') != (self.status == 0) or said.startswith('BROKEN'):
            return f'{said or "nothing"} with status {self.status}'
        return said or f'nothing with status {self.status}'

    def __str__(self):
        return f'status {self.status}\nstdout: {self.out.strip()}\nstderr: {self.err.strip()}'


def clean_env(**more):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(('CM_', 'LD_', 'ASAN_', 'MALLOC_')) and k != 'XDG_CONFIG_HOME'}
    env.update(LC_ALL='C', **more)
    return env


def end_group(proc):
    """Ends the session that `start` made, whatever of it still lives."""
    try:
        os.killpg(proc.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def start(argv, cwd=None, env=None, stdin=subprocess.DEVNULL, **more):
    return subprocess.Popen([str(a) for a in argv], cwd=cwd, env=env or clean_env(), stdin=stdin,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            errors='replace', start_new_session=True, **more)


def finish(proc, timeout_s=TIMEOUT_S, say=None):
    try:
        out, err = proc.communicate(say, timeout=timeout_s)
        return Outcome(proc.returncode, out, err)
    except subprocess.TimeoutExpired:
        end_group(proc)
        out, err = proc.communicate()
        return Outcome(None, out, err)


def run(argv, timeout_s=TIMEOUT_S, say=None, **more):
    if say is not None:
        more['stdin'] = subprocess.PIPE
    return finish(start(argv, **more), timeout_s, say)


def adopt():
    """Orphans of ours become our children, so that a supervisor can be told from others'."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children():
    with open(f'/proc/self/task/{os.getpid()}/children') as f:
        return [int(pid) for pid in f.read().split()]


def supervisor_of(proc):
    """The process that adopt() brought to us and that is not the one we started; None so far."""
    for pid in children():
        if pid != proc.pid:
            try:
                with open(f'/proc/{pid}/stat') as f:
                    state = f.read().rsplit(')', 1)[1].split()[0]
            except OSError:
                continue
            if state == 'Z':
                reap(pid)
            else:
                return pid
    return None


def reap(pid):
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def fail_usage(text):
    print(text, file=sys.stderr)
    sys.exit(2)
