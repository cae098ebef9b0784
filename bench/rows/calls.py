# SPDX-License-Identifier: BSD-2-Clause
"""Calls that a program makes itself, through libc's symbols or past them."""

from figure import Target
from rows.row import Row, by_turns

BESIDE = {"allow": "a filter of one instruction that allows all",
          "notify": "mmap and munmap as bare notifications"}


def call(work, name, target, beside=None):
    return Row("calls", work, by_turns(
        lambda bench: [bench.tool["calls"], name, bench.milliseconds],
        (lambda bench: [bench.tool["notify"], beside]) if beside else None),
        target, beside_is=BESIDE.get(beside))


ROWS = [
    call("mmap+munmap 64 KiB", "pair", Target("add", 200)),
    call("mprotect toggle", "mprotect", Target("add", 120)),
    call("madvise", "madvise", Target("add", 80)),
    call("mmap, touch 16 pages, munmap", "touch", Target("times", 1.01)),
    Row("calls", "two threads mapping at once",
        by_turns(lambda bench: [bench.tool["threads"], bench.milliseconds]), Target("rate", 0.95)),
    call("getppid, beside an allow-all filter", "getppid", Target("add", 2), "allow"),
    call("raw mmap+munmap, beside a bare notification", "rawpair", Target("times", 1.15), "notify"),
]
