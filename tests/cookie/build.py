# SPDX-License-Identifier: BSD-2-Clause
"""What the tests that compile programs against the C interface share: TAP, compilers, runs.

A program is compiled as a user of the library compiles it, with what pkg-config says, and run alone
and under cmrun.
"""

import os
import re
import subprocess

# tests/kernel sets it where the processor is emulated.
SLOWER = int(os.environ.get("CM_TEST_SLOWER", "1"))

WARNINGS = ["-Wall", "-Wextra", "-Werror"]


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, *detail):
        self.count += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.count, name), flush=True)
        for part in () if good else detail:
            for line in (part if isinstance(part, str) else repr(part)).splitlines()[:24]:
                print("#   " + line, flush=True)
        return good

    def end(self):
        """The plan, and an exit status."""
        print("1..%d" % self.count)
        print("# %d passed, %d failed" % (self.count - self.failed, self.failed))
        return 1 if self.failed or not self.count else 0


class Done:
    """A command that has ended, or has not within its time: its status is None then."""

    def __init__(self, argv, env=None, timeout=60, cwd=None):
        full = {k: v for k, v in os.environ.items()
                if k not in ("LD_PRELOAD", "CM_POLICY", "CM_PROFILE", "PKG_CONFIG_PATH")}
        full.update(env or {}, LC_ALL="C")
        try:
            done = subprocess.run(argv, env=full, cwd=cwd, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=timeout * SLOWER, check=False)
            self.status, out, err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            self.status, out, err = None, late.stdout or b"", late.stderr or b""
        except OSError as error:
            self.status, out, err = None, b"", str(error).encode()
        self.out, self.err = (text.decode(errors="replace") for text in (out, err))

    def __repr__(self):
        return "status %s\nstdout %r\nstderr %r" % (self.status, self.out[-900:], self.err[-1500:])


def flags(env, *what):
    """What pkg-config says of the library, as arguments."""
    done = Done(["pkg-config", *what, "cookiemap"], env=env)
    return done.out.split() if done.status == 0 else None


def compiled(argv, text, suffix, folder, name, more=(), timeout=60):
    """(the compiler's end, the program)"""
    source, program = os.path.join(folder, name + suffix), os.path.join(folder, name)
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    return Done([*argv, source, "-o", program, *more], timeout=timeout), program


def prototypes(header):
    """The functions that the header declares for C, by name, in its order."""
    plain = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    plain = re.sub(r"#ifdef __cplusplus\n\}.*?#else", "", plain, flags=re.S)
    return re.findall(r"^int (\w+)\([^;{}]*\);$", plain, re.M)


# Of the header, but the interposer's alone.
BY_ADDRESS = {"cmsealrange", "mimmutable"}
