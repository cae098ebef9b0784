# SPDX-License-Identifier: BSD-2-Clause
"""What is made of one row: its medians, ratio and spread, and whether the target was met."""

import statistics
from dataclasses import dataclass, field


@dataclass
class Target:
    """What a row has to reach, measured against `beside` where there is one, else against native.

    add    no more than `limit` over it          times  no more than `limit` times it
    rate   at least `limit` of its throughput    most   no more than `limit`, whatever it is
    """

    kind: str
    limit: float

    def met(self, base, ours):
        if self.kind == "add":
            return ours - base <= self.limit
        if self.kind == "times":
            return ours <= self.limit * base
        if self.kind == "rate":
            return base >= self.limit * ours
        return ours <= self.limit

    def text(self, base, ours, unit):
        if self.kind == "add":
            found = ours - base
            return "%s%s of +%s" % ("-" if found < 0 else "+", human(abs(found), unit),
                                    human(self.limit, unit))
        if self.kind == "times":
            return "at most %g x" % self.limit
        if self.kind == "rate":
            return "%.2f of at least %g" % (base / ours, self.limit)
        return "at most %s" % human(self.limit, unit)


@dataclass
class Found:
    """The figures of every round, by what they are of; `detail` is for those who want to know."""

    ours: list
    native: list = field(default_factory=list)
    beside: list = field(default_factory=list)
    detail: dict = None
    spread: float = None  # where the figures are medians already


def spread(figures):
    """The half of the rounds in the middle, as a part of the median; of few rounds, all of them."""
    middle = statistics.median(figures)
    if len(figures) < 2 or not middle:
        return 0.0
    if len(figures) < 4:
        return (max(figures) - min(figures)) / middle
    low, _, high = statistics.quantiles(figures, n=4)
    return (high - low) / middle


def human(value, unit):
    if unit != "ns":
        return "%.*f %s" % (0 if value == int(value) else 1, value, unit)
    if value < 1e4:
        return "%.1f ns" % value
    return "%.1f us" % (value / 1e3) if value < 1e6 else "%.2f ms" % (value / 1e6)


def judge(row, found):
    """The row as one object: what --json prints of it, and what the table is made of."""
    medians = {name: statistics.median(values) if values else None
               for name, values in (("native", found.native), ("beside", found.beside),
                                    ("ours", found.ours))}
    base, ours = medians["beside"], medians["ours"]
    base = medians["native"] if base is None else base
    asked = [found.ours, found.beside or found.native]
    target = row.target
    return {
        "group": row.group, "work": row.work, "unit": row.unit, **medians,
        "beside_is": row.beside_is,
        "ratio": ours / base if base else None,
        "spread": max(spread(values) for values in asked if values)
                  if found.spread is None else found.spread,
        "rounds": len(found.ours),
        "target": None if target is None else {
            "kind": target.kind, "limit": target.limit,
            "text": target.text(base or 0, ours, row.unit)},
        "met": None if target is None else target.met(base or 0, ours),
        "detail": found.detail,
    }
