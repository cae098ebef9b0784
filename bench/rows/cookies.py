# SPDX-License-Identifier: BSD-2-Clause
"""The C interface, by turns with the system calls that it makes and nothing else.

Each row is there twice: alone, in a program linked with libcookiemap; and served, where cmrun has
preloaded the interposer, which answers instead. Native is the same twin for both.
"""

from figure import Found, Target
from rows.row import Row
from turns import Failed

MANY = "1000000"
HOW = (("alone", False), ("served", True))

# work, its name in cookies.c, the most times native; for both
WORKS = (
    ("cmmmap+cmclose 64 KiB", "map64k", {"alone": 1.15, "served": 1.15}),
    ("cmmmap+cmclose 4 KiB", "map4k", {}),
    ("cmmmap+cmclose 1 MiB", "map1m", {}),
    ("cmmmap, touch one page, cmclose", "touch", {}),
    ("cmsubmap 64 KiB of a reservation", "submap", {"alone": 1.1}),
    ("cmunmap 64 KiB", "unmap", {}),
    ("cmprotect 64 KiB", "protect", {}),
    ("cmmmap+cmclose, two threads", "threads", {}),
)
# the same without a twin, the most nanoseconds
CALLS = (("cmgetptr", "getptr", 15), ("cmstat", "stat", 100))
# what of many live cookies, unit, the most
LIVE = (("bytes", "B", 96), ("lookup", "ns", None), ("pair", "ns", None), ("open", "ns", None),
        ("close", "ns", None))


def around(bench, served):
    return bench.cmrun if served else []


def beside_native(name, served):
    def take(bench):
        tool, budget = bench.tool["cookies"], bench.milliseconds
        native, ours = bench.turns([tool, "native", name, budget],
                                   around(bench, served) + [tool, "cookie", name, budget])
        return Found(ours, native)
    return take


def by_itself(name, served):
    def take(bench):
        command = [bench.tool["cookies"], "cookie", name, bench.milliseconds]
        ours, = bench.turns(around(bench, served) + command)
        return Found(ours)
    return take


def live(kind, what, served):
    """One of the figures of many live cookies; all are taken in the same runs."""
    def figures(bench):
        made = bench.made.setdefault("cookies", {})
        if (kind, served) not in made:
            command = around(bench, served) + [bench.tool["cookies"], kind, MANY]
            made[kind, served] = [dict(line.split() for line in bench.output(command).splitlines())
                                  for _ in range(bench.rounds or bench.least)]
        return made[kind, served]

    def take(bench):
        name = "%s_%s" % (kind, what)
        found = [float(run[name]) for run in figures(bench) if name in run]
        if not found:
            raise Failed("no figure named %s" % name)
        return Found(found)
    return take


def target(kind, limit):
    return Target(kind, limit) if limit else None


ROWS = [
    Row("cookies", "%s: %s" % (how, work), beside_native(name, served),
        target("times", limits.get(how)))
    for work, name, limits in WORKS for how, served in HOW
] + [
    Row("cookies", "%s: %s" % (how, work), by_itself(name, served), Target("most", limit))
    for work, name, limit in CALLS for how, served in HOW
] + [
    Row("cookies", "%s: %s at 1 000 000 %s" % (how, what, kind), live(kind, what, served),
        target("most", limit), unit=unit)
    for kind in ("reserved", "mapped") for what, unit, limit in LIVE for how, served in HOW
]
