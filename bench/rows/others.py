# SPDX-License-Identifier: BSD-2-Clause
"""The second table: the same work under what people use today to watch or refuse such calls.

Some only watch, some only refuse, and what they see differs; bench/README.md says how.
"""

import shutil
import statistics
from dataclasses import dataclass
from typing import Callable

from figure import spread
from rows import own, programs

MEMORY = ["-f", "-e", "trace=%memory", "-o", "/dev/null"]
NAMES = "mmap+mmap64+munmap+mprotect+madvise+mremap"


@dataclass
class Tool:
    name: str
    around: Callable  # of the bench: what to run the work under
    command: str = None  # what has to be installed


@dataclass
class Other:
    work: str
    command: Callable  # of the bench: prints one figure

    def take(self, bench):
        """(native figures, {tool: figures})"""
        plain = self.command(bench)
        there = [tool for tool in TOOLS if not tool.command or shutil.which(tool.command)]
        native, *found = bench.turns(plain, *[tool.around(bench) + plain for tool in there])
        return native, dict(zip((tool.name for tool in there), found))


TOOLS = [
    Tool("cookiemap", lambda bench: bench.cmrun),
    Tool("forwarder", lambda bench: ["env", "LD_PRELOAD=%s/forward.so" % bench.build]),
    Tool("mdwe", lambda bench: [bench.tool["mdwe"]]),
    Tool("strace", lambda bench: ["strace", *MEMORY], "strace"),
    Tool("strace bpf", lambda bench: ["strace", "--seccomp-bpf", *MEMORY], "strace"),
    Tool("ltrace", lambda bench: ["ltrace", "-f", "-e", NAMES, "-o", "/dev/null"], "ltrace"),
]


def calls(work, name):
    return Other("others: " + work, lambda bench: [bench.tool["calls"], name, "10"])


def of_libc(work, name, path=lambda bench: "-"):
    return Other("others: " + work, lambda bench: [bench.tool["own"], name, "10", path(bench)])


def spawned(work, n, prepare, *command):
    def plain(bench):
        if prepare:
            bench.once_made(prepare)
        return [bench.tool["spawn"], str(n), *command]
    return Other("others: " + work, plain)


def judge(row, taken):
    """The row as one object; a tool that is not installed is null."""
    native, found = taken
    base = statistics.median(native)
    return {"work": row.work, "unit": "ns", "native": base, "rounds": len(native), "tools": {
        tool.name: found.get(tool.name) and {
            "median": statistics.median(found[tool.name]),
            "ratio": statistics.median(found[tool.name]) / base,
            "spread": max(spread(native), spread(found[tool.name]))}
        for tool in TOOLS}}


ROWS = [
    calls("mmap+munmap 64 KiB", "pair"),
    calls("mprotect toggle", "mprotect"),
    calls("madvise", "madvise"),
    calls("getppid", "getppid"),
    of_libc("malloc(1 MiB) and free", "malloc"),
    of_libc("pthread_create and join, one processor", "thread1"),
    of_libc("dlopen and dlclose", "dlopen", own.small_library),
    spawned("python3 -c pass", 5, None, "/usr/bin/python3", "-c", "pass"),
    spawned("make -j2, twelve files", 1, programs.project, "make", "-r", "-s", "-B", "-j2", "-C",
            "project"),
    spawned("sqlite3, 200 000 rows", 1, programs.rows_of_sql, "sqlite3", ":memory:",
            ".read rows.sql"),
]
