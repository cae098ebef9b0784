# SPDX-License-Identifier: BSD-2-Clause
"""Programs that generate code: they compute the same, and check it, in both runs."""

import os
import shutil

from figure import Target
from rows.row import Row, spawned


def prepare(bench):
    work = os.path.join(bench.source, "work")
    for name in ("bench.js", "bench.lua"):
        shutil.copy(os.path.join(work, name), bench.folder)
    bench.output(["javac", "-d", bench.folder, os.path.join(work, "Bench.java")])


def jit(work, limit, *command):
    return Row("jits", work, spawned(1, *command, prepare=prepare), Target("times", limit))


ROWS = [
    jit("node bench.js", 1.03, "node", "bench.js"),
    jit("java Bench", 1.05, "java", "-Xmx256m", "-cp", ".", "Bench"),
    jit("luajit bench.lua", 1.05, "luajit", "bench.lua"),
]
