# SPDX-License-Identifier: BSD-2-Clause
"""One row: a name, how its figures are taken, and what they have to reach."""

from dataclasses import dataclass
from typing import Callable

from figure import Found, Target


@dataclass
class Row:
    group: str
    work: str
    take: Callable  # of the bench: Found
    target: Target = None
    unit: str = "ns"
    beside_is: str = None


def by_turns(plain, around=None, inside=None):
    """How to take figures where `plain(bench)` is a command that prints one.

    `around(bench)` is what to run it under for what it is measured beside. Whatever the command
    starts is a process in the tree: cmrun's own start is not in the figures.
    """
    def take(bench):
        command = plain(bench)
        variants = [command, (inside(bench) if inside else bench.cmrun) + command]
        if around:
            variants.append(around(bench) + command)
        native, ours, *beside = bench.turns(*variants)
        return Found(ours, native, *beside)
    return take


def spawned(n, *command, prepare=None):
    """The same for a program: one fork, exec, run and exit of it, the median of n."""
    def plain(bench):
        if prepare:
            bench.once_made(prepare)
        return [bench.tool["spawn"], str(n), *command]
    return by_turns(plain)
