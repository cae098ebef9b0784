# SPDX-License-Identifier: BSD-2-Clause
"""Calls that libc and the loader make inside themselves."""

import os

from figure import Target
from rows.row import Row, by_turns


def own(work, name, limit, path=lambda bench: "-"):
    return Row("own", work, by_turns(
        lambda bench: [bench.tool["own"], name, bench.milliseconds, path(bench)]),
        Target("times", limit))


def small_file(bench):
    return bench.write("small.txt", "a line of a small file\n" * 40)


def small_library(bench):
    return os.path.join(bench.build, "small.so")


ROWS = [
    own("malloc(1 MiB) and free", "malloc", 1.05),
    own("pthread_create and join", "thread", 1.06),
    own("pthread_create and join, on one processor", "thread1", 1.06),
    own("fopen, read and fclose of a small file", "file", 1.03,
        lambda bench: bench.once_made(small_file)),
    own("dlopen and dlclose of a small library", "dlopen", 1.40, small_library),
]
