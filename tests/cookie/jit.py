#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""examples/jit.c: compiles and runs code alone, and under cmrun with the policy beside it, which
grants just its memory. Without that line, from memory of another name, and from memory that is
writable and executable it is refused; each refusal has a twin that the policy alone lets through.
"""

import os
import re
import signal
import subprocess
import sys
import time

from cm import BUILD, CMRUN, SLOWER, Tap, environment, show, write

JIT = os.path.join(BUILD, "examples/example-jit")
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/jit.policy")
FIB = "n < 2 ? n : f(n - 1) + f(n - 2)"
OWN = "memfd:jit-example"

with open(SOURCE, encoding="utf-8") as shipped:
    STRICT = shipped.read()
DEFAULT = STRICT.replace('"strict"', '"default"')
GRANT = re.search(r"^wx: .*;$", STRICT, re.M).group(0)

RESULTS = (
    (FIB, "30", 832040),
    ("n < 1 ? 1 : n * f(n - 1)", "20", 2432902008176640000),
    ("10 - 2 - 3 * -n + (4 < 5)", "7", 30),
    ("n < 100 ? f(n * 3) : n", "2", 162),
    ("n < 0 ? 0 - 1 : 0 < n ? 1 : 0", "-5", -1),
)


def run(t, policy, *argv):
    """policy: None: no cmrun; a profile's name; or the text of a policy"""
    if policy is None:
        return t.run("native", [JIT, *argv])
    if policy in ("default", "strict"):
        return t.run(policy, [JIT, *argv])
    path = os.path.join(t.home, "test.policy")
    write(t.home, "test.policy", policy)
    return t.run("native", [CMRUN, "-p", path, "--", JIT, *argv])


def works(t, name, policy, *argv, value=832040):
    done = run(t, policy, *argv)
    want = b"f(%s) = %d\n" % (argv[-1].encode(), value)
    t.ok(done.status == 0 and done.out == want and not done.err, name, show(done))


def refused(t, name, policy, *argv, says):
    """One report, that says all of this, and the program's own word; no result, status 1."""
    done = run(t, policy, *argv)
    lines = done.err.decode().splitlines()
    good = (done.status == 1 and not done.out and len(lines) == 2
            and lines[0].startswith("cookiemap: deny: ") and all(word in lines[0] for word in says)
            and lines[1] == "jit: no memory for code: Permission denied")
    t.ok(good, name, show(done))


def compiler(t):
    for text, n, value in RESULTS:
        for how, policy in (("alone", None), ("strict, granted", STRICT),
                            ("default, granted", DEFAULT)):
            works(t, "f(n) = %s: %s" % (text, how), policy, text, n, value=value)
    for text in ("10 -", "1 1", "(n", "f n", "n ? 1", "x", ""):
        done = run(t, None, text, "1")
        t.ok(done.status == 2 and not done.out and b"cannot read" in done.err,
             "no program: '%s'" % text, show(done))
    done = run(t, None, "+".join(["n"] * 20000), "1")
    t.ok(done.status == 1 and done.err == b"jit: too much code\n", "more code than the region",
         show(done))


def grants(t):
    t.ok(GRANT.count(OWN) == 1 and STRICT.count(GRANT) == 1, "the policy grants one name", STRICT)
    without = STRICT.replace(GRANT, "")
    for how, policy in (("default", "default"), ("strict", "strict"), ("the policy less that line",
                                                                      without)):
        refused(t, "without the grant: " + how, policy, FIB, "30", says=[OWN, "wx.file", GRANT])
    works(t, "another name: alone", None, "--name=other", FIB, "30")
    refused(t, "another name: refused", STRICT, "--name=other", FIB, "30",
            says=["memfd:other", "wx.file", GRANT.replace(OWN, "memfd:other")])
    for name in ("jit-example2", "jit-exampl", "memfd:jit-example"):
        refused(t, "the name %s: refused" % name, STRICT, "--name=" + name, FIB, "30",
                says=["memfd:" + name, "wx.file"])
    works(t, "another name, granted: it runs", STRICT.replace(OWN, "memfd:other"), "--name=other",
          FIB, "30")


def both_at_once(t):
    """The same program, as it would be without cookies."""
    opened = STRICT.replace(GRANT, 'wx: { map = "allow"; };\nkernel: { mdwe = false; };')
    works(t, "writable and executable: alone", None, "--rwx", FIB, "30")
    for how, policy in (("strict", STRICT), ("default", DEFAULT)):
        refused(t, "writable and executable: refused, " + how, policy, "--rwx", FIB, "30",
                says=["PROT_READ|PROT_WRITE|PROT_EXEC", "wx.map"])
    works(t, "writable and executable: where it is allowed", opened, "--rwx", FIB, "30")


def stores(t):
    """A store where the code runs."""
    want = b"f(30) = 832040\n"
    for how, policy in (("alone", None), ("strict", STRICT), ("default", DEFAULT)):
        done = run(t, policy, "--poke", FIB, "30")
        died = done.status in (-signal.SIGSEGV, 128 + signal.SIGSEGV)
        t.ok(died and done.out == want, "a store to the code ends it: " + how, show(done))
    works(t, "a store to code that is writable does not", None, "--rwx", "--poke", FIB, "30")


def mappings(name):
    """(pid, permissions of the mappings) of whoever has memory of this name, or None"""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/maps" % pid, encoding="utf-8", errors="replace") as file:
                lines = [line.split() for line in file if "/memfd:%s " % name in line]
        except OSError:
            continue
        if lines:
            return int(pid), sorted(line[1] for line in lines)
    return None


def views(t, how, policy):
    """While the code runs there are two views, and none can be written."""
    name = "jit-%d-%s" % (os.getpid(), how)
    path = write(t.home, how + ".policy", policy.replace(OWN, "memfd:" + name)) if policy else None
    before = [CMRUN, "-p", path, "--"] if path else []
    seen, never = None, set()
    with subprocess.Popen([*before, JIT, "--name=" + name, FIB, "43"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment(t.home)) as process:
        end = time.monotonic() + 10 * SLOWER
        while time.monotonic() < end and process.poll() is None:
            found = mappings(name)
            never |= set(found[1] if found else [])
            if found and found[1] == ["r--s", "r-xs"]:
                seen = found
                os.kill(found[0], signal.SIGKILL)
                break
        else:
            process.kill()
        said = process.communicate()
    t.ok(seen and not [p for p in never if "w" in p and "x" in p],
         "two views, one to read, one to run: " + how, "%s %s" % (sorted(never), said))


with Tap() as tap:
    if not os.path.exists(JIT):
        sys.exit("Bail out! %s is missing: build first" % JIT)
    compiler(tap)
    grants(tap)
    both_at_once(tap)
    stores(tap)
    views(tap, "alone", None)
    views(tap, "strict", STRICT)
