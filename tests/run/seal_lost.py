#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Seals that could get lost, and seals that could be taken for another process's.

A table that was left in the middle of a change must not come to allow what it forbade; what a
parent loads and seals after a fork must not stand in its child's way; a gap is passed over at once;
a program's own filter that ends it for mseal(2) does not end it for the library's;
libraries that are laid out as linkers seldom do are sealed.
"""

import os
import signal

from cm import PROG, Tap, show
from smaps import KERNEL_SEALS

LOST, ODD = (os.path.join(PROG, "seal_" + name) for name in ("lost", "odd"))
LIBRARIES = [os.path.join(PROG, "libseal_%s.so" % name) for name in ("plain", "nodelete")]
FORK = ["fork", *LIBRARIES], b"parent: loaded\nchild: loaded\n"
CONFINED = (["exec", "/bin/echo", "lives"], b"lives\n"), (["late", LIBRARIES[1]], b"loaded\n")
SEALED = (["jumps"], b"enough, Operation not permitted\n"), FORK, (["gaps"], b"0, -1\n"), *CONFINED
NATIVELY = (["jumps"], b"enough, lost\n"), FORK, (["gaps"], b"0, 0\n"), *CONFINED

with Tap() as t:
    for mode in ("native", "default", "strict", "preload"):
        for args, wanted in NATIVELY if mode == "native" else SEALED:
            got = t.run(mode, [LOST, *args])
            t.ok((got.out, got.err, got.status) == (wanted, b"", 0), "%s: %s" % (args[0], mode),
                 show(got))
    for mode in ("native", "default", "strict", "preload"):
        got = t.run(mode, [ODD])
        wanted = b"all of many\n" if mode == "native" or not KERNEL_SEALS else b"none of many\n"
        t.ok((got.out, got.status) == (wanted, 0), "odd layouts: %s" % mode, show(got))
    got = t.run("native", [LOST, "exec", LOST, "mseal"])
    t.ok((got.out, got.status) == (b"", -signal.SIGSYS), "the filter kills for mseal", show(got))
