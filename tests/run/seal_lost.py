#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Seals that could get lost, and seals that could be taken for another process's.

A table that was left in the middle of a change must not come to allow what it forbade; what a
parent loads and seals after a fork must not stand in its child's way; a gap is passed over at once.
"""

import os

from cm import PROG, Tap, show

LOST = os.path.join(PROG, "seal_lost")
LIBRARIES = [os.path.join(PROG, "libseal_%s.so" % name) for name in ("plain", "nodelete")]
FORK = ["fork", *LIBRARIES], b"parent: loaded\nchild: loaded\n"
SEALED = (["jumps"], b"enough, Operation not permitted\n"), FORK, (["gaps"], b"0, -1\n")
NATIVELY = (["jumps"], b"enough, lost\n"), FORK, (["gaps"], b"0, 0\n")

with Tap() as t:
    for mode in ("native", "default", "strict", "preload"):
        for args, wanted in NATIVELY if mode == "native" else SEALED:
            got = t.run(mode, [LOST, *args])
            t.ok((got.out, got.err, got.status) == (wanted, b"", 0), "%s: %s" % (args[0], mode),
                 show(got))
