# SPDX-License-Identifier: BSD-2-Clause
"""redis-server under load: the time of one request, by redis-benchmark, which is always native.

Two servers, one of them under cookiemap, live at the same time and are asked by turns. The one
that waits does next to nothing: nothing is saved, no table is rehashed, its clock ticks once a
second.
"""

import contextlib
import csv
import subprocess
import time

from figure import Found, Target
from rows.row import Row
from turns import Failed

SERVER = ["redis-server", "--port", "0", "--save", "", "--appendonly", "no", "--hz", "1",
          "--activerehashing", "no", "--dynamic-hz", "no", "--logfile", "/dev/null"]
SECONDS_TO_START = 10


def is_there(bench, socket):
    done = subprocess.run(["redis-cli", "-s", socket, "ping"], env=bench.environment, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout == b"PONG\n"


@contextlib.contextmanager
def server(bench, around, name):
    """The path of a new server's socket."""
    socket = bench.path(name)
    process = subprocess.Popen(around + SERVER + ["--unixsocket", socket], cwd=bench.folder,
                               env=bench.environment, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + SECONDS_TO_START
        while not is_there(bench, socket):
            if process.poll() is not None or time.monotonic() > until:
                raise Failed("redis-server did not start")
            time.sleep(0.05)
        yield socket
    finally:
        process.kill()
        process.wait()


def load(bench, socket, what):
    """Nanoseconds a request."""
    text = bench.output(["redis-benchmark", "-s", socket, "-t", what, "--csv", "-r", "10000",
                         "-c", "20", "-n", "60000" if bench.quick else "150000"])
    for row in csv.reader(text.splitlines()):
        if row[:1] == [what.upper()]:
            return 1e9 / float(row[1])
    raise Failed("redis-benchmark says nothing of " + what)


def redis(what):
    def take(bench):
        with server(bench, [], "native.sock") as native, \
                server(bench, bench.cmrun, "ours.sock") as ours:
            one, other = bench.turns(native, ours,
                                     take=lambda socket: load(bench, socket, what))
        return Found(other, one)
    return Row("servers", "redis-benchmark " + what.upper(), take, Target("times", 1.02))


ROWS = [redis("set"), redis("get")]
