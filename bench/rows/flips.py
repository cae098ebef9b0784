# SPDX-License-Identifier: BSD-2-Clause
"""One page of code turned, beside the shortest SIGSEGV handler that does it."""

from figure import Found, Target
from rows.row import Row

POLICY = """extends = "default";
wx: { map = "flip"; transition = "flip"; };
"""


def policy(bench):
    return bench.write("flip.policy", POLICY)


def flip(work, what, beside_is, around=()):
    def take(bench):
        flips, rest = bench.tool["flip"], [what, bench.milliseconds]
        under = [bench.tool[around[0]], *around[1:]] if around else []
        ours = [bench.cmrun[0], "-p", bench.once_made(policy), "--"]
        native, bare, managed = bench.turns([flips, "rwx"] + rest, under + [flips, "bare"] + rest,
                                            ours + [flips, "managed"] + rest)
        return Found(managed, native, bare)
    return Row("flips", work, take, Target("times", 1.15), beside_is=beside_is)


ROWS = [
    flip("flip to writable, beside a bare handler", "store", "a bare SIGSEGV handler"),
    flip("flip to executable, the same + notification", "call",
         "a bare SIGSEGV handler whose mprotect is a bare notification", ("notify", "protect")),
]
