# SPDX-License-Identifier: BSD-2-Clause
"""Programs held still while somebody looks at them, and then let go on to their end.

A program says `ready` when it has done what it is to be looked at for, and waits for a line; a
server is ready when it answers. Modes beyond those of cm.py are policies: `policies` of Held.
"""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from cm import CMRUN, Tap, environment, wrap, write

LIMIT_S = 30
PATCHED = os.environ.get("CM_PATCH", "true") == "true" # else nobody sees what ld.so loads
STILL_S = 0.15


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.03)
    return False


def fetch(port, path="/"):
    """What a server answers, or nothing."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path), timeout=5) as answer:
            return answer.read()
    except (OSError, urllib.error.URLError):
        return b""


def family(pid):
    """A process and all that descend from it."""
    found = [pid]
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task), encoding="ascii") as file:
                for child in file.read().split():
                    found += family(int(child))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def standing(pid):
    """{process: its program} of a family whose every process sleeps; else nothing."""
    found = {}
    for one in family(pid):
        try:
            with open("/proc/%d/stat" % one, encoding="ascii", errors="replace") as file:
                asleep = file.read().rpartition(")")[2].split()[0] == "S"
            found[one] = os.readlink("/proc/%d/exe" % one)
        except (FileNotFoundError, ProcessLookupError):
            asleep = False
        if not asleep:
            return {}
    return found


def settled(pid, least=1, seconds=5):
    """Waits until a family of at least so many has stood still for a while; not for ever."""
    end_by, last, since = time.monotonic() + seconds, {}, 0
    while time.monotonic() < end_by:
        now = standing(pid)
        if not now or now != last:
            last, since = now, time.monotonic()
        elif len(now) >= least and time.monotonic() - since > STILL_S:
            return
        time.sleep(0.02)


def end(process, seconds=20):
    """Its status; a process that does not end by itself is killed and has none."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


class Held(Tap):
    """policies: {mode: the text of its policy}."""

    def __init__(self, policies):
        super().__init__()
        self.policies = policies

    def command(self, mode, argv, folder):
        """(command, environment)"""
        if mode not in self.policies:
            return wrap(mode, argv, environment(folder))
        policy = write(self.home, mode + ".policy", self.policies[mode])
        return [CMRUN, "-p", policy, "--", *argv], environment(folder)

    def start(self, mode, argv, folder, out=subprocess.PIPE):
        command, env = self.command(mode, argv, folder)
        with open(folder + "/err", "wb") as err:
            return subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.PIPE,
                                    stdout=out, stderr=err, bufsize=0)

    def held(self, mode, argv, examine, setup=None, before=b"", after=b"\n", mark=b"ready"):
        """Runs it until a line of its output begins with the mark; examine(pid) looks at it.

        before, after: what it reads until then, and to go on.
        Return: (status, standard output, standard error, what examine said: None if never ready)
        """
        folder = self.fresh(setup)
        process = self.start(mode, argv, folder)
        alarm = signal.signal(signal.SIGALRM, lambda *_: process.kill())
        signal.alarm(LIMIT_S)
        out, found = b"", None
        try:
            process.stdin.write(before)
            for line in iter(process.stdout.readline, b""):
                out += line
                if line.startswith(mark):
                    settled(process.pid)
                    found = examine(process.pid)
                    break
            out += process.communicate(after)[0]
        except BrokenPipeError:
            pass
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, alarm)
            process.kill()
            process.wait()
        return process.returncode, out, said(folder), found


def said(folder):
    """What the program in this folder wrote to its standard error."""
    with open(folder + "/err", "rb") as err:
        return err.read()


def ours(text):
    return [line for line in text.splitlines() if line.startswith(b"cookiemap")]
