#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""One table: what work costs natively and under cookiemap, measured by turns in the same run.

Every figure is the median of several rounds; in a round each variant runs once, so that a slow
minute of the machine falls on all of them. `beside` is what the target is measured against where
that is not the native run: the kernel's own mechanism without anything of ours. The spread is the
half of the rounds in the middle, as a part of the median, of the worse of the two.

usage: run.py BUILD [--rounds=N] [--quick]
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile

# work, arguments of `calls`, what it is measured beside, (kind, limit)
CALLS = (
    ("mmap+munmap 64 KiB", "pair", None, ("add", 300, "ns a pair")),
    ("mprotect toggle", "mprotect", None, ("add", 170, "ns a call")),
    ("madvise", "madvise", None, ("add", 100, "ns a call")),
    ("getppid, beside an allow-all filter", "getppid", "allow", ("add", 2, "ns a call")),
    ("raw mmap+munmap, beside a bare notification", "rawpair", "notify", ("times", 1.15, "")),
)

# one page of code turned, what of `flip` it is, what the bare handler runs under
FLIPS = (
    ("flip to writable, beside a bare handler", "store", ()),
    ("flip to executable, the same + notification", "call", ("notify", "protect")),
)

# a program that generates code, command, limit; the files are in bench/work
JITS = (
    ("node bench.js", ["node", "bench.js"], 1.03),
    ("java Bench", ["java", "-Xmx256m", "-cp", ".", "Bench"], 1.05),
    ("luajit bench.lua", ["luajit", "bench.lua"], 1.05),
)

FLIP_POLICY = """extends = "default";
wx: { map = "flip"; transition = "flip"; };
"""

REGION = (
    ("at 1 000 regions", 150, "_1000"),
    ("at 1 000 000 regions", 300, "_1000000"),
)


class Bench:
    def __init__(self, build, rounds):
        self.build, self.rounds, self.missed = build, rounds, 0
        self.cmrun = [os.path.join(build, "tools/cmrun/cmrun"), "--"]
        self.tool = {name: os.path.join(build, "bench", name)
                     for name in ("calls", "spawn", "notify", "region", "flip")}
        self.folder = tempfile.mkdtemp(prefix="cm-bench-")

    def once(self, command):
        done = subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            sys.exit("bench: %s: status %d" % (" ".join(command), done.returncode))
        return float(done.stdout)

    def turns(self, *commands):
        """A list of figures for each command, one of each a round; who begins, changes."""
        found = [[] for _ in commands]
        for number in range(self.rounds + 1):
            for turn in range(len(commands)):
                which = (turn + number) % len(commands)
                figure = self.once(commands[which])
                if number:  # the first round warms up
                    found[which].append(figure)
        return found

    def line(self, work, native, ours, beside=None, target=None):
        base = beside or native
        a, b = statistics.median(base), statistics.median(ours)
        met, wanted = judge(target, a, b)
        self.missed += met == "missed"
        print("%-44s %11s %11s %11s %7.2f %6.0f%%  %-22s %s" % (
            work, human(statistics.median(native)), human(a) if beside else "", human(b), b / a,
            100 * max(spread(base), spread(ours)), wanted, met), flush=True)


def judge(target, base, ours):
    """(met or missed, what the target says and what was found)"""
    if not target:
        return "", ""
    kind, limit, unit = target
    if kind == "add":
        text = "%+.0f of +%g %s" % (ours - base, limit, unit)
        return ("met" if ours - base <= limit else "missed"), text
    if kind == "times":
        return ("met" if ours / base <= limit else "missed"), "at most %g x" % limit
    return ("met" if ours <= limit else "missed"), "at most %s" % human(limit)


def spread(figures):
    if len(figures) < 4:
        return (max(figures) - min(figures)) / statistics.median(figures)
    low, _, high = statistics.quantiles(figures, n=4)
    return (high - low) / statistics.median(figures)


def human(ns):
    if ns < 1e4:
        return "%.1f ns" % ns
    return "%.1f us" % (ns / 1e3) if ns < 1e6 else "%.2f ms" % (ns / 1e6)


def calls(bench, milliseconds):
    for work, name, beside, target in CALLS:
        plain = [bench.tool["calls"], name, str(milliseconds)]
        variants = [plain, bench.cmrun + plain]
        if beside:
            variants.append([bench.tool["notify"], beside] + plain)
        native, ours, *rest = bench.turns(*variants)
        bench.line(work, native, ours, rest[0] if rest else None, target)


def flips(bench, milliseconds):
    policy = bench.folder + "/flip.policy"
    with open(policy, "w", encoding="utf-8") as file:
        file.write(FLIP_POLICY)
    flip, under_policy = bench.tool["flip"], [bench.cmrun[0], "-p", policy, "--"]
    for work, what, under in FLIPS:
        rest = [what, str(milliseconds)]
        around = [bench.tool[under[0]], *under[1:]] if under else []
        native, bare, ours = bench.turns([flip, "rwx"] + rest, around + [flip, "bare"] + rest,
                                         under_policy + [flip, "managed"] + rest)
        bench.line(work, native, ours, bare, ("times", 1.15, ""))


def jits(bench):
    """Whole programs: they compute the same, and check it, in both runs."""
    work = os.path.join(os.path.dirname(os.path.abspath(__file__)), "work")
    for name in ("bench.js", "bench.lua"):
        shutil.copy(os.path.join(work, name), bench.folder)
    subprocess.run(["javac", "-d", bench.folder, os.path.join(work, "Bench.java")], check=True)
    once = [bench.tool["spawn"], "1"]
    for name, command, limit in JITS:
        native, ours = bench.turns(once + command, once + bench.cmrun + command)
        bench.line(name, native, ours, target=("times", limit, ""))


def processes(bench):
    many = [bench.tool["spawn"], "60", "/bin/true"]
    native, ours = bench.turns(many, bench.cmrun + many)
    bench.line("fork+exec+exit of /bin/true in the tree", native, ours,
               target=("add", 500000, "ns each"))
    few = [bench.tool["spawn"], "15"]
    native, ours = bench.turns(few + ["/bin/true"], few + bench.cmrun + ["/bin/true"])
    bench.line("cmrun -- /bin/true, cold", native, ours, target=("most", 8e6, ""))


def programs(bench):
    folder = bench.folder
    with open(folder + "/main.c", "w", encoding="utf-8") as file:
        file.write("#include <stdio.h>\n#include <stdlib.h>\n" + "".join(
            "int f%d(int x) { for (int i = 0; i < x; i++) x ^= i * %d; return x; }\n" % (n, n)
            for n in range(150)) + "int main(void) { return f1(0); }\n")
    with open(folder + "/Makefile", "w", encoding="utf-8") as file:
        file.write("OBJ = o1.o o2.o o3.o o4.o\nall: $(OBJ)\n$(OBJ):\n\t@gcc -O1 -c -o $@ main.c\n")
    repository = ("git init -q r && cd r && for i in 1 2 3 4; do seq $i 20000 >f; git add f; "
                  "git -c user.name=a -c user.email=a@b commit -qm $i; done")
    subprocess.run(["/bin/sh", "-c", repository], cwd=folder, check=True)
    for work, command in (
            ("git log -p", ["git", "-C", "r", "log", "-p", "--stat"]),
            ("python3 -c 'import json, ssl'", ["/usr/bin/python3", "-c", "import json, ssl"]),
            ("gcc -O2", ["gcc", "-O2", "-o", "prog", "main.c"]),
            ("make -j2, four files", ["make", "-r", "-s", "-B", "-j2"]),
            ("sort of 60 000 lines", ["sh", "-c", "seq 60000 | sort -R --random-source=/bin/sh "
                                       "| sort -n"])):
        plain = [bench.tool["spawn"], "1"] + command
        native, ours = bench.turns(plain, [bench.tool["spawn"], "1"] + bench.cmrun + command)
        bench.line(work, native, ours)


def regions(bench):
    """The region table's own figures; nothing native to compare them with."""
    done = subprocess.run([bench.tool["region"]], stdout=subprocess.PIPE, check=True, text=True)
    found = {}
    for row in done.stdout.splitlines():
        name, value, unit = row.split()
        found[name] = (float(value), unit)
    for where, limit, suffix in REGION:
        for name, (value, unit) in found.items():
            if name.endswith(suffix) and name.startswith("region_"):
                most = limit if unit == "ns" else 64
                met = "met" if value <= most else "missed"
                bench.missed += value > most
                band = found.get(name + "_spread", (0, ""))[0]
                print("%-44s %11s %11s %11s %7s %6.0f%%  %-22s %s" % (
                    "region " + name[len("region_"):-len(suffix)] + " " + where, "", "",
                    "%.1f %s" % (value, unit), "", 100 * band / value if value else 0,
                    "at most %g %s" % (most, unit), met), flush=True)


def main():
    places = [word for word in sys.argv[1:] if not word.startswith("--")]
    options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:] if word.startswith("--"))
    if len(places) != 1 or set(options) - {"rounds", "quick"}:
        sys.exit(__doc__.rsplit("\n", 2)[1])
    quick = "quick" in options
    bench = Bench(os.path.abspath(places[0]), int(options.get("rounds", 3 if quick else 9)))
    print("%-44s %11s %11s %11s %7s %7s  %-22s" % ("work", "native", "beside", "cookiemap", "ratio",
                                                 "spread", "target"))
    try:
        calls(bench, 30 if quick else 150)
        flips(bench, 30 if quick else 150)
        processes(bench)
        regions(bench)
        programs(bench)
        jits(bench)
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)
    print("%d figures missed their target" % bench.missed)


if __name__ == "__main__":
    main()
