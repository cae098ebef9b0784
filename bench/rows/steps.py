# SPDX-License-Identifier: BSD-2-Clause
"""Instructions that are ours, counted one by one: they do not depend on the machine's mood.

`cookiemap` is what our library and the gate execute inside the program, once; all modules, natively
too, are in the detail.
"""

from figure import Found, Target
from rows.row import Row


def count(bench, around, when, work):
    """{module: instructions}"""
    lines = bench.output(around + [bench.tool["steps"], when, bench.tool["stepped"], work])
    return {name: int(number) for name, number in
            (line.rsplit(" ", 1) for line in lines.splitlines())}


def steps(row, when, work, target=None, times=3):
    def take(bench):
        native = count(bench, [], when, work)
        runs = [count(bench, bench.cmrun, when, work) for _ in range(times)]
        return Found([run["ours"] for run in runs],
                     detail={"modules": {"native": native, "cookiemap": runs[-1]}})
    return Row("steps", "instructions of ours: " + row, take, target, unit="instr")


ROWS = [
    steps("mmap+munmap", "work", "pair", Target("most", 400)),
    steps("mprotect", "work", "mprotect"),
    steps("malloc+free of 1 MiB", "work", "malloc"),
    steps("start to main", "start", "none", times=1),
]
