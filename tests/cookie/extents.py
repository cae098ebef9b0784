#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""redis-server, unmodified, with jemalloc's memory in a region (uses/extents.c): it answers as
ever, it saves by fork(2), and its memory comes and goes with its data. On a Unix socket.
"""

import os
import re
import subprocess
import time

from cm import BUILD, SLOWER, Tap, environment, wrap

EXTENTS = os.path.join(BUILD, "tests/cookie/uses/libcookie-extents.so")
MODES = ("native", "default", "strict", "preload")

FILL = ("for i = 1, 20000 do redis.call('set', 'k' .. i, string.rep('x', i % 3000)) end "
        "return 'full'")
SUM = ("local s = 0; for i = 1, 20000 do s = s + #(redis.call('get', 'k' .. i) or '') end "
       "return s")
STORED = sum(i % 3000 for i in range(1, 20001))


def region(pid):
    """Bytes in use of the region of 64 GiB: of the mappings in a row, one of them most of it."""
    run, last = 0, None
    with open("/proc/%d/maps" % pid, encoding="utf-8") as file:
        rows = [re.match(r"(\w+)-(\w+) (\S+)", line).groups() for line in file]
    best = None
    for start, end, rights in [(int(a, 16), int(b, 16), c) for a, b, c in rows]:
        run = (0 if start != last else run) + (end - start if rights == "rw-p" else 0)
        last = end
        if rights == "---p" and end - start > 48 << 30:
            best = run
    return best


class Redis:
    def __init__(self, t, mode, on_cookies):
        folder = t.fresh()
        self.socket = os.path.join(folder, "s")
        before = ["/usr/bin/env", "MALLOC_CONF=narenas:1"]
        before += ["LD_PRELOAD=" + EXTENTS] if on_cookies else []
        server = ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", ""]
        argv, env = wrap(mode, [*before, *server, "--dir", folder], environment(folder))
        with open(os.path.join(t.home, "log"), "wb") as log:
            self.process = subprocess.Popen(argv, env=env, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        self.log = os.path.join(t.home, "log")

    def __enter__(self):
        self.until("ping", "PONG")
        return self

    def __exit__(self, *raised):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10 * SLOWER)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def ask(self, *words):
        done = subprocess.run(["redis-cli", "-s", self.socket, *words], capture_output=True,
                              check=False, text=True, timeout=30 * SLOWER)
        return done.stdout.strip() + done.stderr.strip()

    def until(self, question, wanted):
        end = time.monotonic() + 15 * SLOWER
        while wanted not in self.ask(*question.split()) and time.monotonic() < end:
            time.sleep(0.03)

    def pid(self):
        return int(re.search(r"process_id:(\d+)", self.ask("info", "server")).group(1))

    def reports(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return [line for line in file if line.startswith(("cookiemap", "extents"))]


def work(redis):
    """(answers, bytes in use before, when full, and when empty again)"""
    pid = redis.pid()
    used = [region(pid)]
    said = [redis.ask("eval", FILL, "0"), redis.ask("eval", SUM, "0")]
    used.append(region(pid))
    said.append(redis.ask("bgsave"))
    redis.until("info persistence", "rdb_bgsave_in_progress:0")
    said += re.findall("rdb_last_bgsave_status:.*", redis.ask("info", "persistence"))
    said += [redis.ask("flushall"), redis.ask("memory", "purge"), redis.ask("dbsize")]
    used.append(region(pid))
    said += [redis.ask("eval", FILL, "0"), redis.ask("eval", SUM, "0"), redis.ask("shutdown"),
             "status %s" % redis.process.wait(15 * SLOWER)]
    return said, used


def serve(t):
    with Redis(t, "native", False) as redis:
        want, used = work(redis)
    t.ok(want[1] == str(STORED) and want[-1] == "status 0", "redis-server on its own", want)
    t.ok(used == [None] * 3, "it has no region", used)
    for mode in MODES:
        with Redis(t, mode, True) as redis:
            got, used = work(redis)
            reports = redis.reports()
        t.ok(got == want and not reports, "it answers the same on cookies: " + mode,
             "%s\n%s\n%s" % (want, got, reports))
        good = None not in used and used[1] - used[0] > STORED and used[1] - used[2] > STORED / 2
        t.ok(good, "its memory comes and goes: " + mode, used)


with Tap() as tap:
    if not os.path.exists(EXTENTS):
        raise SystemExit("Bail out! %s is missing: build first" % EXTENTS)
    serve(tap)
