#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""libc's own call sites: patched or left alone, what a call keeps, and what a stack looks like.

usage: sites.py CMRUN LIBRARY SITES STORM ALTERED
"""

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from tap import SLOWER, Tap, run

ON = os.environ["CM_TEST_PATCH"] == "true"
POLICY = 'extends = "%s";\ninterpose: { patch = %s; };\n%s'
FLIP = 'wx: { map = "flip"; transition = "flip"; };\n'
PATCHED = r"(?:patched (\d+) of (\d+) call sites of \S*/([^\s,]+))"


def whole(word, outcome):
    return "%s: %s, unwound; all kept\n" % (word, outcome)


class Runner:
    def __init__(self, cmrun, library, sites, storm, altered, folder):
        self.t = Tap()
        self.cmrun, self.library, self.folder = cmrun, library, folder
        self.sites, self.storm, self.altered = sites, storm, altered

    def policy(self, name, extends="default", patch="true", more=""):
        path = os.path.join(self.folder, name + ".policy")
        with open(path, "w", encoding="utf-8") as file:
            file.write(POLICY % (extends, patch, more))
        return path

    def under(self, policy, argv, *options, **more):
        return run([self.cmrun, *options, "-p", policy, "--", *argv], **more)

    def counts(self, policy, argv, **more):
        """{object: (patched, known)} of the last program that said so, its output, its status."""
        r = self.under(policy, argv, "-v", **more)
        lines = [line for line in r.stderr.splitlines() if "call sites of" in line]
        found = {name: (int(n), int(m)) for n, m, name in re.findall(PATCHED, lines[-1] if lines else "")}
        return found, r.stdout, r.returncode


def kept(r):
    """Registers, flags, vectors, red zone, and the way back, in each way a stub can take."""
    names = run([r.sites]).stdout.split()
    r.t.expect("there are cases", len(names) >= 10, True)
    for name in names:
        native = run([r.sites, name]).stdout
        r.t.expect(name + ": natively there is nothing to see", native.startswith("plain: ") and
                   native.endswith(", unwound; all kept\n"), True)
        wanted = native.split(": ")[1].split(",")[0]
        for how, policy, more, served in (
                ("", r.policy("on"), [], False),
                (" under strict", r.policy("strict", "strict"), [], False),
                (" with flip at work", r.policy("flip", more=FLIP), ["flip"], True)):
            outcome = wanted if served or not re.search("exec|both", name) else "EACCES"
            got = r.under(policy, [r.sites, name, *more]).stdout
            r.t.expect(name + how, got, whole("patched", outcome))
        got = r.under(r.policy("off", patch="false"), [r.sites, name]).stdout
        r.t.expect(name + " without patching", got.split(":")[0], "plain")
        alone = run([r.sites, name], {"LD_PRELOAD": r.library, "CM_POLICY": r.policy("on")}).stdout
        r.t.expect(name + " with LD_PRELOAD alone", alone.split(":")[0], "patched")


def noticed(r):
    """The test would see it if something were not kept."""
    for what in ("flags", "state", "zone", "r13"):
        got = r.under(r.policy("on"), [r.sites, "mmap", what]).stdout
        r.t.expect("what is damaged on the way is noticed: " + what, got,
                   "patched: done, unwound; %s\n" % what)


def told(r):
    found, _, status = r.counts(r.policy("on"), ["/bin/true"])
    r.t.expect("-v names libc and ld.so", (sorted(found), status),
               (["ld-linux-x86-64.so.2", "libc.so.6"], 0))
    for name, (n, known) in found.items():
        r.t.expect(name + ": most of what is known is patched", 0 < n <= known <= 12, True)
    found, _, status = r.counts(r.policy("off", patch="false"), ["/bin/true"])
    r.t.expect("-v says nothing where nothing is patched", (found, status), ({}, 0))
    got = r.under(r.policy("on"), ["/bin/true"])
    r.t.expect("without -v there is no word of it", (got.stdout, got.stderr), ("", ""))
    got = r.under(r.policy("on", more='wx: { map = "log"; };\n'), [r.sites, "mmap_exec"])
    r.t.expect("a call of libc's own is libc's in a report",
               bool(re.search(r"by \S*/libc\.so\.6\+0x[0-9a-f]+", got.stderr)), True)
    got = r.under(r.policy("on"), ["/bin/cat", "/proc/self/maps"]).stdout
    gone = r.under(r.policy("off", patch="false"), ["/bin/cat", "/proc/self/maps"]).stdout
    r.t.expect("two more mappings of each object", len(got.splitlines()) - len(gone.splitlines()), 4)
    sealed = r.under(r.policy("on"), ["/bin/cat", "/proc/self/smaps"]).stdout
    flags = re.findall(r"r-xp \S+ \S+ \S+ +/memfd:cookiemap-patch.*?VmFlags: ([a-z ]+)", sealed, re.S)
    if " sl" in sealed:  # the kernel has mseal
        r.t.expect("patched pages are sealed", [" sl" in " " + f for f in flags], [True, True])
    r.t.expect("nothing is left open", r.under(r.policy("on"), ["/bin/ls", "/proc/self/fd"]).stdout,
               run(["/bin/ls", "/proc/self/fd"]).stdout)


GDB = """
set pagination off
set confirm off
set debuginfod enabled off
set breakpoint pending on
set startup-with-shell off
handle SIGSEGV nostop noprint pass
break before_call
run
python
import re
def chain():
    names, f = [], gdb.newest_frame()
    while f is not None and len(names) < 30:
        names.append(f.name() or hex(f.pc()))
        f = f.older()
    return names
inside, gate, bad = 0, 0, []
for step in range(2000):
    gdb.execute("stepi", to_string=True)
    where = gdb.execute("info symbol $pc", to_string=True)
    names = chain()
    stub = where.startswith(("stub_", "block_"))
    page = gdb.parse_and_eval("*(unsigned long *)((unsigned long)$pc & ~4095ul)")
    if stub or int(page) & 0xffffffffffffff == 0xc3050ffa1e0ff3:
        inside += stub
        gate += not stub
        if "main" not in names or not any("mmap" in n for n in names):
            bad.append((where.strip(), names))
    if inside and names[0] == "after_call":
        break
print("STEPPED inside=%d gate=%d bad=%r" % (inside, gate, bad))
end
kill
"""


def debugged(r):
    """gdb, instruction by instruction from the site to behind it: there is always a way to main."""
    script = os.path.join(r.folder, "gdb")
    with open(script, "w", encoding="utf-8") as file:
        file.write(GDB)
    got = r.under(r.policy("on"), ["gdb", "-q", "-batch", "-x", script, "--args", r.storm, "one"])
    said = re.search(r"STEPPED inside=(\d+) gate=(\d+) bad=(.*)", got.stdout)
    r.t.expect("gdb finds the way from every instruction", said and said[3], "[]")
    r.t.expect("it saw the stub and the gate", said and (int(said[1]) > 8, int(said[2]) > 1),
               (True, True))


def site_offsets(data):
    """Where `mov $nr,%eax; syscall` of the family stands in a library's file."""
    calls = (9, 10, 11, 25, 28, 30, 31, 67, 329, 462)
    return [m.start() for m in re.finditer(rb"\xb8..\0\0\x0f\x05", data, re.S)
            if struct.unpack_from("<I", data, m.start() + 1)[0] in calls]


def other_libc(r, name, change):
    """A folder with a copy of libc in which some sites do the same in other bytes."""
    folder = os.path.join(r.folder, name)
    os.mkdir(folder)
    path = "/lib/x86_64-linux-gnu/libc.so.6"
    with open(path, "rb") as file:
        data = bytearray(file.read())
    for at in site_offsets(bytes(data)):
        number = struct.unpack_from("<I", data, at + 1)[0]
        if number < 128 and change(number):
            data[at:at + 5] = bytes((0x6a, number, 0x58, 0x90, 0x90))  # push; pop %rax; nop; nop
    with open(os.path.join(folder, "libc.so.6"), "wb") as file:
        file.write(data)
    os.chmod(os.path.join(folder, "libc.so.6"), 0o755)
    return folder


def altered(r):
    """A libc whose bytes were altered at a site is left alone there, in its file or in memory."""
    policy, work = r.policy("on"), [r.storm, "short"]
    whole_libc = r.counts(policy, work)[0]["libc.so.6"]
    for name, change in (("none", lambda n: False), ("mmap", lambda n: n == 9),
                         ("all", lambda n: True)):
        folder = other_libc(r, name, change)
        found, out, status = r.counts(policy, work, env={"LD_LIBRARY_PATH": folder})
        n, known = found.get("libc.so.6", (0, 0))
        r.t.expect("a libc with other bytes, %s: the program works" % name, (out, status),
                   ("done\n", 0))
        r.t.expect("a libc with other bytes, %s: what differs is left alone" % name, n,
                   {"none": whole_libc[0], "mmap": whole_libc[0] - 1, "all": n if n < 3 else -1}[name])
        r.t.expect("a libc with other bytes, %s: the copy was used" % name,
                   folder in r.under(policy, ["/bin/cat", "/proc/self/maps"],
                                     env={"LD_LIBRARY_PATH": folder}).stdout, True)
    allow = r.policy("allow", more='wx: { transition = "allow"; map = "allow"; };\n')
    audit = ["/usr/bin/env", "LD_AUDIT=" + r.altered, *work]
    found, out, status = r.counts(allow, audit)
    r.t.expect("libc's page as it is in memory: patched", (out, found["libc.so.6"][0]),
               ("done\n", whole_libc[0]))
    found, out, status = r.counts(allow, audit, env={"ALTER": "1"})
    r.t.expect("libc's page altered in memory: the program works", (out, status), ("done\n", 0))
    r.t.expect("libc's page altered in memory: left alone, and ld.so is not",
               (found["libc.so.6"][0], found["ld-linux-x86-64.so.2"][0] > 0), (0, True))


def pieces(r):
    """The patched pages stay what they are when the program cuts them up."""
    for how, policy, out in (("", r.policy("on"), "cut, done\n"),
                             (" under strict", r.policy("strict", "strict"), "cut, done\n"),
                             (" without patching", r.policy("off", patch="false"), "whole, done\n")):
        got = r.under(policy, [r.storm, "pieces"])
        r.t.expect("libc's text in pieces" + how, (got.stdout, got.stderr), (out, ""))


def storms(r):
    """Threads that map in libc all the time, under signals whose handlers do so too."""
    for how, policy in (("", r.policy("on")), (" under strict", r.policy("strict", "strict")),
                        (" without patching", r.policy("off", patch="false"))):
        got = r.under(policy, [r.storm, "long"])
        r.t.expect("a storm of signals and threads" + how, (got.stdout, got.stderr, got.returncode),
                   ("done\n", "", 0))


def musl(r):
    """Another libc: what fits is patched, what would not survive it is not."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "storm.c")
    program = os.path.join(r.folder, "musl")
    subprocess.run(["musl-gcc", "-D_GNU_SOURCE", "-O1", "-o", program, source], check=True)
    for how, policy in (("patched", r.policy("on")), ("not patched", r.policy("off", patch="false"))):
        found, out, status = r.counts(policy, [program, "musl"])
        r.t.expect("a program with musl, %s, runs" % how, (out, status), ("done\n", 0))
        n = sum(n for n, _ in found.values())
        r.t.expect("a program with musl, %s" % how, n > 0, how == "patched")


def as_user(r, home):
    """What to put before a command for it to run as nobody, with that home."""
    os.mkdir(home)
    before = ["/usr/bin/env", "HOME=" + home, "XDG_CACHE_HOME=" + home]
    if os.getuid() == 0:
        os.chmod(r.folder, 0o755)
        os.chown(home, 65534, 65534)
        before += ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return before


def hidden(r):
    """The supervisor may not look at it, and its loader maps a library all the same."""
    before = as_user(r, os.path.join(r.folder, "hidden"))
    for patch in ("true", "false"):
        got = run([*before, r.cmrun, "-p", r.policy("hide", patch=patch), "--", r.storm, "hide"])
        r.t.expect("a process that hides loads a library, patch = " + patch,
                   (got.stdout, got.stderr), ("done\n", ""))


def cached(r):
    """As a user, with a cache of one's own: made, used, and made again where it was damaged."""
    home = os.path.join(r.folder, "home")
    before = as_user(r, home)

    def once():
        got = run([*before, r.cmrun, "-v", "--", "/bin/true"])
        return bool(re.search(r"true: .*patched [1-9]", got.stderr)), got.returncode

    path = os.path.join(home, "cookiemap", "sites")
    r.t.expect("without a cache libc is patched", once(), (True, 0))
    with open(path, "rb") as file:
        good = file.read()
    r.t.expect("the cache holds something", len(good) > 64, True)
    r.t.expect("with a cache libc is patched", once(), (True, 0))
    for what, bad in (("cut", good[:len(good) // 2]), ("damaged", good[:80] + bytes([good[80] ^ 1]) + good[81:]),
                      ("empty", b""), ("foreign", b"x" * 4000)):
        with open(path, "wb") as file:
            file.write(bad)
        r.t.expect("with a cache that is %s libc is patched" % what, once(), (True, 0))
        with open(path, "rb") as file:
            r.t.expect("a cache that is %s is made again" % what, len(file.read()), len(good))
    shutil.rmtree(os.path.join(home, "cookiemap"))
    running = [subprocess.Popen([*before, r.cmrun, "-v", "--", "/bin/true"], stderr=subprocess.PIPE,
                                text=True) for _ in range(8)]
    said = [p.communicate(timeout=60 * SLOWER)[1] for p in running]
    r.t.expect("eight that make it at once all patch",
               [bool(re.search(r"true: .*patched [1-9]", s)) for s in said], [True] * 8)
    with open(path, "rb") as file:
        r.t.expect("eight that make it at once leave a whole one", len(file.read()), len(good))


def main():
    with tempfile.TemporaryDirectory() as folder:
        r = Runner(*[os.path.abspath(a) for a in sys.argv[1:]], folder)
        kept(r)
        noticed(r)
        told(r)
        debugged(r)
        altered(r)
        pieces(r)
        storms(r)
        musl(r)
        hidden(r)
        if ON:
            cached(r)
    return r.t.end()


if __name__ == "__main__":
    sys.exit(main())
