#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The calls that are found in an object are those that objdump shows, with the same numbers.

usage: sites_objdump.py SITES_PRINT

glibc's objects have functions (.eh_frame); those of musl, Go and busybox are gone through as
objdump does. Numbers are compared where objdump's listing has `mov $nr,%eax` directly before.
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

GO = "package main\n\nimport \"os\"\n\nfunc main() { os.Exit(len(os.Args)) }\n"
CALLS = {"syscall": "syscall", "sysenter": "sysenter", "int    $0x80": "int80"}
MOV = re.compile(r"mov +\$0x([0-9a-f]+),%eax$")
# mmap, mprotect, munmap, mremap, madvise, shmat, shmdt, pkey_mprotect, mseal
GATE = (9, 10, 11, 25, 28, 30, 67, 329, 462)


def run(argv, **more):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=150, check=False, **more)
    if done.returncode:
        raise RuntimeError("%s: %s" % (argv[0], done.stderr))
    return done.stdout


def shown(path):
    """{address: (kind, number or None)} as objdump has it."""
    found, last = {}, ""
    for line in run(["objdump", "-d", "-w", path]).splitlines():
        field = line.split("\t")
        if len(field) < 3:
            continue
        code = field[2].split("#")[0].rstrip()
        if code in CALLS:
            number = MOV.match(last)
            found[int(field[0].rstrip(":"), 16)] = (CALLS[code],
                                                    int(number[1], 16) if number else None)
        last = code
    return found


def printed(tool, *args):
    """{address: (kind, number or None, patchable)} as the finder has it."""
    found = {}
    for line in run([tool, *args]).splitlines():
        address, number, kind, patchable = line.split()
        found[int(address, 16)] = (kind, None if number == "?" else int(number),
                                   patchable == "patchable")
    return found


def go_binary(folder):
    source, binary = os.path.join(folder, "main.go"), os.path.join(folder, "main")
    with open(source, "w", encoding="utf-8") as file:
        file.write(GO)
    run(["go", "build", "-o", binary, source],
        env=dict(os.environ, CGO_ENABLED="0", GOPROXY="off", GOTOOLCHAIN="local", GO111MODULE="off",
                 GOCACHE=os.path.join(folder, "cache"), HOME=folder))
    return binary


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, claim, detail=""):
        self.count += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.count, claim), flush=True)
        if not good:
            print("# %s" % (detail,), flush=True)


def compare(t, tool, name, path, n_patchable):
    ours, theirs = printed(tool, path), shown(path)
    t.ok(theirs and {a: v[0] for a, v in theirs.items()} == {a: v[0] for a, v in ours.items()},
         "%s: %d calls, the same" % (name, len(theirs)),
         [hex(a) for a in set(ours) ^ set(theirs)][:20])
    pairs = [(a, ours[a][1], n) for a, (_, n) in theirs.items() if n is not None and a in ours]
    wrong = [(hex(a), x, n) for a, x, n in pairs if x is not None and x != n]
    t.ok(not wrong, "%s: no number but objdump's" % name, wrong[:20])
    unknown = [hex(a) for a, x, _ in pairs if x is None]
    t.ok(len(unknown) * 20 <= len(pairs), "%s: numbers that stand there are found" % name,
         "%d of %d: %s" % (len(unknown), len(pairs), unknown[:20]))
    fast = printed(tool, path, "patchable")
    t.ok(fast == {a: v for a, v in ours.items() if v[2]}, "%s: the short way finds the same" % name)
    wrong = [hex(a) for a in fast if theirs.get(a) not in [("syscall", n) for n in GATE]]
    t.ok(not wrong, "%s: only calls of the family are patchable" % name, wrong)
    t.ok(len(fast) >= n_patchable, "%s: some are patchable" % name, len(fast))


def main():
    tool, t = sys.argv[1], Tap()
    with tempfile.TemporaryDirectory() as folder:
        for name, path, n_patchable in (
                ("libc", "/lib/x86_64-linux-gnu/libc.so.6", 5),
                ("ld.so", "/lib64/ld-linux-x86-64.so.2", 2),
                ("musl", glob.glob("/usr/lib/x86_64-linux-musl/libc.so")[0], 2),
                ("busybox", "/bin/busybox", 2),
                ("Go", go_binary(folder), 1)):
            compare(t, tool, name, path, n_patchable)
    print("1..%d" % t.count)
    sys.exit(1 if t.failed else 0)


if __name__ == "__main__":
    main()
