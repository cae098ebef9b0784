#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Programs that were there before, on cookies: SQLite with its heap and its page cache in regions,
Debian's programs with a malloc(3) that is one region, two processes with a ring. What comes out is
what comes out without; each alone, under cmrun (default and strict), and under LD_PRELOAD.
"""

import os
import re
import signal

from cm import BUILD, Tap, sh, show, write

USES = os.path.join(BUILD, "tests/cookie/uses")
MALLOC = os.path.join(USES, "libcookie-malloc.so")
MODES = ("native", "default", "strict", "preload")

SQL = b"""
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000)
    INSERT INTO t SELECT x, hex(x * 7919), x / 3.0 FROM n;
CREATE INDEX i ON t(b);
SELECT count(*), sum(a), round(sum(c), 2), min(b), max(b) FROM t;
SELECT b, count(*) FROM t GROUP BY substr(b, 1, 5) ORDER BY 2 DESC, 1 LIMIT 10;
DELETE FROM t WHERE a % 3 = 0;
VACUUM;
SELECT length(group_concat(b, ',')) FROM t;
SELECT a, b FROM t WHERE b LIKE '3%7' ORDER BY b DESC LIMIT 20;
PRAGMA integrity_check;
"""

PYTHON = """
import json, multiprocessing, subprocess, threading
words = [str(n * 7919) for n in range(200000)]
print(len(json.dumps(words)), sorted(words)[777], len(bytearray(30000000)))
def grow(n, out): out[n] = sum(len(bytearray(k * n % 99991)) for k in range(2000))
out = {}
threads = [threading.Thread(target=grow, args=(n, out)) for n in range(1, 9)]
for t in threads: t.start()
for t in threads: t.join()
print(sorted(out.items()))
if __name__ == '__main__':
    with multiprocessing.get_context('fork').Pool(3) as pool: print(pool.map(len, words[:1000])[:9])
    print(subprocess.run(['/bin/echo', 'child'], capture_output=True).stdout)
"""

PROGRAMS = {
    "sqlite3": (["sqlite3", ":memory:"], SQL),
    "python3: threads, processes": (["/usr/bin/python3", "main.py"], b""),
    "sort, two threads": (sh("seq 200000 | sed 's/$/ x/' | sort --parallel=2 -S 9M -k1,1 | cksum"),
                          b""),
    "perl": (["perl", "-e", "my %h; $h{$_ x 9} = 'y' x $_ for 1..3000; print length join '', "
              "map {$_ . $h{$_}} sort keys %h"], b""),
    "gcc, as, ld": (sh("gcc -O2 -o hello hello.c && ./hello"), b""),
    "git": (sh("git init -q -b main r && cd r && seq 20000 >f && git add f && "
               "git -c user.name=a -c user.email=a@b commit -qm one && git gc -q && "
               "git log --stat --format=%s && git fsck 2>&1 | head"), b""),
    "xz -T2": (sh("seq 300000 | xz -T2 | xz -dc | cksum"), b""),
    "openssl": (["openssl", "dgst", "-sha256"], b"x" * 1000000),
    "bash, many children": (sh("for i in {1..60}; do x=$(echo $i); done; echo $x"), b""),
}


def setup(folder):
    write(folder, "main.py", PYTHON)
    write(folder, "hello.c", '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')


def sqlite(t):
    want = t.run("native", ["sqlite3", ":memory:"], stdin=SQL)
    t.ok(want.status == 0 and want.out.endswith(b"ok\n"), "sqlite3(1)", show(want))
    for mode in MODES:
        done = t.run(mode, [os.path.join(USES, "cookie-sqlite")], stdin=SQL)
        t.ok(done.status == 0 and done.out == want.out and done.err == b"the heap has grown\n",
             "SQLite in two regions: " + mode, show(done))
        done = t.run(mode, [os.path.join(USES, "cookie-sqlite"), "sealed"], stdin=SQL)
        t.ok(done.status == 1 and done.out == b"Error: out of memory\n",
             "with a sealed heap it has no memory: " + mode, show(done))


def on_cookies(argv):
    return ["/usr/bin/env", "LD_PRELOAD=" + MALLOC, *argv]


def malloc(t):
    for name, (argv, stdin) in PROGRAMS.items():
        want = t.run("native", argv, setup=setup, stdin=stdin)
        if not t.ok(want.status == 0 and want.out, name + ": natively", show(want)):
            continue
        for mode in MODES:
            if mode == "strict" and name.startswith("gcc"):
                continue # what it makes is nothing that strict runs
            got = t.run(mode, on_cookies(argv), setup=setup, stdin=stdin, timeout=90)
            t.ok(got.key() == want.key(), "%s, malloc(3) on cookies: %s" % (name, mode), show(got))


def region(maps):
    """How much of a region of 64 GiB is reserved, in bytes."""
    sizes = [int(end, 16) - int(start, 16)
             for start, end in re.findall(r"^(\w+)-(\w+) ---p 0+ 00:00 0 ", maps, re.M)]
    return max(sizes, default=0)


def in_region(t):
    """That the programs above have had their memory from there."""
    for mode in MODES:
        for how, argv, there in (("on cookies", on_cookies(["cat", "/proc/self/maps"]), True),
                                 ("without", ["cat", "/proc/self/maps"], False)):
            done = t.run(mode, argv)
            maps = done.out.decode()
            good = ("[heap]" in maps) != there and (region(maps) > 60 << 30) == there
            t.ok(done.status == 0 and good, "the heap of malloc(3) %s: %s" % (how, mode), maps)


def ring(t):
    program, text = os.path.join(USES, "cookie-ring"), b"".join(b"%d\n" % n for n in range(300000))
    for mode in MODES:
        done = t.run(mode, [program, "ring"], stdin=text)
        t.ok(done.status == 0 and done.out == text and not done.err, "a ring: " + mode, show(done))
    done = t.run("native", [program, "once"], stdin=text)
    t.ok(done.status == 0 and done.out != text, "whose second mapping is another's: no copy",
         show(done))
    done = t.run("native", [program, "private"], stdin=text)
    t.ok(done.status == -signal.SIGALRM and done.out != text, "which one has for itself: no copy",
         show(done))


with Tap() as tap:
    if not os.path.exists(MALLOC):
        raise SystemExit("Bail out! %s is missing: build first" % MALLOC)
    sqlite(tap)
    in_region(tap)
    malloc(tap)
    ring(tap)
