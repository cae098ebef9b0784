# SPDX-License-Identifier: BSD-2-Clause
"""Run a real program natively and under cookiemap, compare, and say so in TAP.

A comparison runs the same command once natively and once in each mode, every time in a folder of
the same name made anew, and asks for the same bytes on both outputs and the same exit status. The
native run must do what the test expects of it: two failures that look alike prove nothing.

Modes: `default` is `cmrun --`, each program with the policy that is its own; `strict` is that
profile for all of the tree; `preload` is LD_PRELOAD alone.
"""

import os
import shutil
import subprocess
import sys
import tempfile

BUILD = os.environ.get("CM_BUILD", "build")
CMRUN = os.path.join(BUILD, "tools/cmrun/cmrun")
LIB = os.path.join(BUILD, "interpose/libcminterpose.so")
PROG = os.environ.get("CM_PROG", os.path.join(BUILD, "tests/run"))

POLICIES = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../policy/apps"))

# tests/kernel sets it where the processor is emulated.
SLOWER = int(os.environ.get("CM_TEST_SLOWER", "1"))

MODES = ("default", "strict", "preload")


class Refused:
    """What a mode is there to refuse: the report must name one of these rules."""

    def __init__(self, why, *rules):
        self.why, self.rules = why, rules


class Result:
    def __init__(self, out, err, status):
        self.out, self.err, self.status = out, err, status

    def key(self):
        return (self.status, self.out, self.err)

    def without(self, rule):
        """The same result less the reports that name this rule; itself if there is none."""
        mark = b": " + rule.encode() + b" ("
        lines = self.err.splitlines(keepends=True)
        kept = [line for line in lines if not (line.startswith(b"cookiemap: ") and mark in line)]
        return Result(self.out, b"".join(kept), self.status) if len(kept) < len(lines) else self

    def reports(self):
        return [line for line in self.err.splitlines() if line.startswith(b"cookiemap")]


def wrap(mode, argv, env):
    """The command and environment that run argv in this mode."""
    if mode == "native":
        return list(argv), env
    if mode == "preload":
        return list(argv), dict(env, LD_PRELOAD=LIB)
    profile = [] if mode == "default" else ["--profile=" + mode]
    return [CMRUN, *profile, "--", *argv], env


def environment(home, extra=None):
    """A small fixed environment, so that nothing of the caller's leaks into what is compared."""
    env = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": home,
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": home,
        "CM_POLICY_DIR": POLICIES,
    }
    env.update(extra or {})
    return env


class Tap:
    """Counts and prints; `with Tap() as t:` prints the plan and exits 1 if anything failed."""

    def __init__(self):
        self.count = self.failed = 0
        self.home = tempfile.mkdtemp(prefix="cm-run-")
        self.work = os.path.join(self.home, "w")

    def __enter__(self):
        for path in (CMRUN, LIB):
            if not os.path.exists(path):
                sys.exit("Bail out! %s is missing: build first" % path)
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.ok(False, "the test itself", "%s: %s" % (kind.__name__, value))
        shutil.rmtree(self.home, ignore_errors=True)
        print("1..%d" % self.count)
        print("# %d passed, %d failed" % (self.count - self.failed, self.failed))
        sys.stdout.flush()
        os._exit(1 if self.failed else 0)

    def ok(self, good, name, detail=""):
        self.count += 1
        self.failed += not good
        print("%s %d - %s" % ("ok" if good else "not ok", self.count, name))
        if not good:
            for line in str(detail).splitlines()[:24]:
                print("#   " + line[:400])
        sys.stdout.flush()
        return good

    def fresh(self, setup=None):
        """An empty working folder, always of the same name, filled by setup(folder)."""
        shutil.rmtree(self.work, ignore_errors=True)
        os.mkdir(self.work)
        if setup:
            setup(self.work)
        return self.work

    def run(self, mode, argv, setup=None, stdin=b"", env=None, timeout=60):
        timeout *= SLOWER
        folder = self.fresh(setup)
        command, full = wrap(mode, argv, environment(folder, env))
        try:
            done = subprocess.run(command, cwd=folder, env=full, input=stdin, timeout=timeout,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        except subprocess.TimeoutExpired as late:
            return Result(late.stdout or b"", (late.stderr or b"") + b"\n[no end within %d s]"
                          % timeout, None)
        return Result(done.stdout, done.stderr, done.returncode)

    def compare(self, name, argv, modes=("default", "strict"), status=0, quiet=False, refused=None,
                after=None, **how):
        """One test a mode. refused: {mode: Refused}; after(folder): what the run left behind.

        quiet: the program has nothing to say, so an empty output is no sign of a broken test.
        """
        native = self.run("native", argv, **how)
        left = after(self.work) if after else None
        sane = native.status == status and (quiet or native.out or native.err)
        if not self.ok(sane, name + ": natively", show(native)):
            return
        for mode in modes:
            got = self.run(mode, argv, **how)
            if refused and mode in refused:
                self.refusal(name, mode, got, refused[mode])
                continue
            same = got.key() == native.key() and (not after or after(self.work) == left)
            self.ok(same, "%s: %s" % (name, mode), difference(native, got))

    def refusal(self, name, mode, got, refused):
        text = b"\n".join(got.reports()).decode(errors="replace")
        named = any(rule in text for rule in refused.rules)
        self.ok(named, "%s: %s refuses %s (%s)" % (name, mode, "/".join(refused.rules),
                                                   refused.why), show(got))


def show(result):
    return "status %s\nstdout %r\nstderr %r" % (result.status, result.out[-600:],
                                                result.err[-900:])


def difference(native, got):
    lines = []
    for what in ("status", "out", "err"):
        a, b = getattr(native, what), getattr(got, what)
        if a != b:
            lines.append("%s natively %r" % (what, a if what == "status" else a[-500:]))
            lines.append("%s found    %r" % (what, b if what == "status" else b[-900:]))
    return "\n".join(lines) or "what was left behind differs"


def write(folder, name, text, mode=0o644):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def sh(script):
    return ["/bin/bash", "-c", "set -e\n" + script]
