# SPDX-License-Identifier: BSD-2-Clause
"""The region table's own figures; there is nothing native to compare them with."""

from figure import Found, Target
from rows.row import Row
from turns import Failed

BYTES_A_REGION = 64

# regions, as the tool writes the number, the most nanoseconds of one operation, operations
SIZES = (
    ("1 000", "1000", 150, ("lookup", "remove", "insert", "pair", "protect", "toggle",
                            "locked_map_unmap", "locked_map_take")),
    ("1 000 000", "1000000", 300, ("lookup", "remove", "insert", "pair", "protect", "toggle")),
)
ORDERS = ("random", "ascending", "descending")


def figures(bench):
    """{name: value}, all of them in one run of the tool, each a median of rounds already"""
    words = (line.split() for line in bench.output([bench.tool["region"]]).splitlines())
    return {name: float(value) for name, value, _ in words}


def region(work, name, target, unit):
    def take(bench):
        found = bench.once_made(figures)
        if name not in found:
            raise Failed("no figure named %s" % name)
        value = found[name]
        return Found([value], spread=found.get(name + "_spread", 0.0) / value if value else 0.0)
    return Row("regions", work, take, target, unit=unit)


ROWS = [
    region("region %s at %s" % (operation.replace("_", " "), words),
           "region_%s_%s" % (operation, size), Target("most", limit), "ns")
    for words, size, limit, operations in SIZES for operation in operations
] + [
    region("region bytes %s at %s" % (order, words), "region_bytes_%s_%s" % (order, size),
           Target("most", BYTES_A_REGION), "B")
    for words, size, _, _ in SIZES for order in ORDERS
]
