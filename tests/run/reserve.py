#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""reserve.superpage, reserve.round and reuse.quarantine: where memory lies that a program has said
no place for. Every row has its twin: the same natively, or with the key off."""

import os
import re

from cm import CMRUN, PROG, Tap, show, write

RESERVE = os.path.join(PROG, "reserve")
THP = "/sys/kernel/mm/transparent_hugepage/enabled"
KEEP_KIB = 64 << 10

POLICIES = {
    "super": 'reserve: { superpage = "1M"; };',
    "round": 'reserve: { superpage = "1M"; round = "1M"; };',
    "round-large": 'reserve: { superpage = "1M"; round = "4M"; };',
    "keep": 'reuse: { quarantine = "64M"; };',
    "all": 'reserve: { superpage = "1M"; round = "1M"; }; reuse: { quarantine = "64M"; };',
    "strict": 'extends = "strict"; reserve: { superpage = "1M"; round = "1M"; };',
    "strict-off": 'extends = "strict"; reuse: { quarantine = 0; };',
}


def policies(folder):
    """malloc's own calls are the library's to place where libc is patched."""
    for name, text in POLICIES.items():
        write(folder, name + ".policy", text + " interpose: { patch = true; };")


def run(t, policy, *argv, program=(RESERVE,)):
    """policy: a name of POLICIES; `profile NAME`; None: natively."""
    wrap = []
    if policy:
        kind, _, profile = policy.partition(" ")
        wrap = [CMRUN, "--profile=" + profile] if profile else [CMRUN, "-p", kind + ".policy"]
        wrap.append("--")
    return t.run("native", wrap + [*program, *map(str, argv)], setup=policies)


def thp():
    try:
        with open(THP, encoding="ascii") as file:
            return re.search(r"\[(\w+)\]", file.read())[1]
    except FileNotFoundError:
        return "never"


LAY = re.compile(rb"(not )?aligned, (\d+) KiB of (\d+) in superpages, (\w+) behind\n")


def lays(t, name, argv, policy, huge, behind):
    """huge: KiB of superpages at least; None: not even aligned, in one of three runs."""
    done = [run(t, policy, *argv) for _ in range(1 if huge is not None else 3)]
    found = [LAY.fullmatch(one.out) for one in done]
    good = all(found) and not any(one.err or one.status for one in done)
    mode = thp()
    if huge is None:
        good = good and any(m[1] for m in found)
        good = good and (mode == "always" or all(m[2] == b"0" for m in found))
    else:
        good = good and not found[0][1]
        good = good and (mode == "never" or int(found[0][2]) >= huge)
    if behind is not None:
        good = good and found[0][4] == (b"something" if behind else b"nothing")
    t.ok(good, name, "\n".join(map(show, done)))


def superpages(t):
    if thp() == "never":
        print("# this kernel gives no superpages: only the alignment is held against the policy")
    odd = 3 * 1024 + 20
    for what in ("memory", "malloc"):
        argv = (what, odd)
        lays(t, what + " natively", argv, None, None, None)
        lays(t, what + ": keys off", argv, "profile default", None, None)
        lays(t, what + ": superpage", argv, "super", 2048, None)
        lays(t, what + ": superpage and round", argv, "round", 4096, True)
        lays(t, what + ": superpage, too short to be rounded", argv, "round-large", 2048, None)
        lays(t, what + ": all keys", argv, "all", 4096, True)
        lays(t, what + ": strict and all keys", argv, "strict", 4096, True)
    lays(t, "1200 KiB, rounded", ("memory", 1200), "round", 2048, True)
    lays(t, "1200 KiB, not rounded: no superpage", ("memory", 1200), "super", None, None)
    lays(t, "600 KiB: too short", ("memory", 600), "round", None, None)


# What is behind the last page after it, with reserve.round; natively there never is anything.
TAILS = {
    "none": "tail", "munmap": "none", "munmap-start": "tail", "munmap-last": "none",
    "munmap-more": "none", "munmap-pages": "none", "mremap-move": "none", "mremap-grow": "none",
    "mremap-shrink": "none", "mprotect": "none", "mprotect-start": "tail", "noreplace": "none",
    "fixed": "none", "wish": "none", "shmat": "none", "discard": "tail", "fork": "tail",
    "raw-replaced": "none", "raw-unmapped": "none",
}


def tails(t):
    """raw: only where policy lets a program go past the library."""
    for name, left in TAILS.items():
        for policy in (None, "super", "round", "all", "strict"):
            if policy == "strict" and name.startswith("raw"):
                continue
            want = left if policy in ("round", "all", "strict") else "none"
            done = run(t, policy, "tail", name)
            said = "%s: %s behind, as it should\n" % (name, want)
            t.ok(done.out.decode() == said and not done.err and not done.status,
                 "tail: %s: %s" % (name, policy or "natively"), "want %s%s" % (said, show(done)))


WALK = re.compile(rb"mapped (\d+) MiB, (?:nothing twice|again after (\d+) KiB)\n")

# What is mapped by one call at most, in KiB; the second goes round the area several times.
WALKS = {
    "small": ("walk", 6000, 1024, 0), "large": ("walk", 6000, 1000000, 0),
    "growing": ("walk", 6000, 4096, 1), "large, growing": ("walk", 6000, 200000, 1),
    "threads": ("threads", 2000, 1024), # with hundreds of MiB each it is seldom less: cmpolicy(5)
}


def walks(t):
    for name, argv in WALKS.items():
        least = KEEP_KIB - (4 * argv[2] if argv[0] == "threads" else 0)
        for policy in (None, "profile default", "strict-off", "keep", "all", "profile strict"):
            done = run(t, policy, *argv)
            found = WALK.fullmatch(done.out)
            kept = found and (not found[2] or int(found[2]) >= max(least, 1))
            good = found and not done.err and not done.status and (
                bool(kept) == (policy in ("keep", "all", "profile strict")))
            t.ok(good, "reuse: %s: %s" % (name, policy or "natively"), show(done))


PYTHON = r"""
import mmap, threading
d = {}
for i in range(300000): d[i] = str(i)
l = [bytearray(1500000 + 4096 * i) for i in range(60)]
for b in l[::2]: b[-1] = 1
def work():
    for i in range(200):
        b = bytearray(1200000 + i); m = mmap.mmap(-1, 3000000); m[2999999] = 7; m.close()
t = [threading.Thread(target=work) for _ in range(4)]
[x.start() for x in t]; [x.join() for x in t]
for i in range(22): d[0] = d[0] * 2
print(len(d), len(d[0]), sum(map(len, l)))
"""
SQL = """with recursive n(i) as (select 1 union all select i + 1 from n where i < 150000)
select count(*), sum(length(b)), max(b) from (select i, 'row ' || (i * 7919 % 150000) as b from n
order by b);"""
SORT = "seq 200000 | sort -R --random-source=/bin/sh | sort -S 64M -n | md5sum"
XZ = "head -c 2000000 /usr/bin/python3 | xz -9 -T2 | xz -d | md5sum"
GCC = "seq 2000 | sed 's/.*/int f&(int x) { return x * & + f0; }/;1i int f0;' | " \
    "gcc -O2 -x c - -c -o o && size o"


def programs(t):
    """They say the same; what the keys do is said above."""
    for name, argv in {
            "python3": ["/usr/bin/python3", "-c", PYTHON], "sqlite3": ["sqlite3", ":memory:", SQL],
            "sort": ["sh", "-c", SORT], "xz": ["sh", "-c", XZ], "gcc": ["sh", "-c", GCC]}.items():
        want = run(t, None, program=argv)
        t.ok(want.out and not want.status, name + ": natively", show(want))
        for policy in ("all", "strict"):
            done = run(t, policy, program=argv)
            t.ok(done.key() == want.key(), "%s: %s" % (name, policy), show(done))


def main():
    with Tap() as t:
        superpages(t)
        tails(t)
        walks(t)
        programs(t)


if __name__ == "__main__":
    main()
