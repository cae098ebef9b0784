# SPDX-License-Identifier: BSD-2-Clause
"""Ordinary programs at ordinary work."""

import time

from figure import Target
from rows.row import Row, spawned

SQL = """create table t (a integer primary key, b text);
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000)
insert into t select i, 'row number ' || i from n;
commit;
create index tb on t (b);
select count(*), sum(length(b)) from t where b like '%7%';
select count(*) from t x join t y on y.b = 'row number ' || (x.a * 3);
"""

# Ten lines.
FUNCTION = """
int f%(n)d(int x, int y)
{
	if (x == %(n)d)
		return y;
	x ^= y * %(n)d;
	y += x << 3;
	return x %% 7 == y ? x : y;
}
"""


def source(first, n):
    return "#include <stdio.h>\n#include <stdlib.h>\n" + "".join(
        FUNCTION % {"n": number} for number in range(first, first + n))


def ten_thousand_lines(bench):
    bench.write("long.c", source(0, 1000))


def project(bench):
    """Twelve files and a program of them."""
    objects = " ".join("o%d.o" % n for n in range(12))
    for n in range(12):
        bench.write("project/o%d.c" % n, source(1000 * n, 60))
    bench.write("project/main.c", 'int f0(int, int);\n'
                'int main(void) { return f0(0, 0); }\n')
    bench.write("project/Makefile", "prog: main.o %s\n\t@gcc -o $@ $^\n"
                "%%.o: %%.c\n\t@gcc -O1 -c -o $@ $<\n" % objects)


def rows_of_sql(bench):
    bench.write("rows.sql", SQL)


def commit(bench, folder, message):
    git = ["git", "-C", bench.path(folder)]
    bench.output(git + ["add", "-A"])
    bench.output(git + ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "gc.auto=0", "commit",
                        "-qm", message])


def history(bench):
    bench.output(["git", "init", "-q", bench.path("r")])
    for first in range(1, 5):
        bench.write("r/f", "".join("%d\n" % n for n in range(first, 20000)))
        commit(bench, "r", str(first))


def large_repository(bench):
    """20 000 files in 200 folders; once they are a second old, git need not read them again."""
    bench.output(["git", "init", "-q", bench.path("large")])
    for n in range(20000):
        bench.write("large/d%d/f%d" % (n % 200, n), "%d\n" % (n % 100))
    commit(bench, "large", "all")
    time.sleep(1.1)
    bench.output(["git", "-C", bench.path("large"), "status"])


def program(work, limit, n, *command, prepare=None):
    return Row("programs", work, spawned(n, *command, prepare=prepare),
               Target("times", limit) if limit else None)


ROWS = [
    program("sqlite3, 200 000 rows", 1.02, 1, "sqlite3", ":memory:", ".read rows.sql",
            prepare=rows_of_sql),
    program("gcc -O2 of 10 000 lines", 1.02, 1, "gcc", "-O2", "-c", "-o", "long.o", "long.c",
            prepare=ten_thousand_lines),
    program("python3 -c pass, 50 times", 1.10, 50, "/usr/bin/python3", "-c", "pass"),
    program("make -j2, twelve files", 1.10, 1, "make", "-r", "-s", "-B", "-j2", "-C", "project",
            prepare=project),
    program("git status of 20 000 files", 1.02, 5, "git", "-C", "large", "status",
            prepare=large_repository),
    program("git log -p", None, 1, "git", "-C", "r", "log", "-p", "--stat", prepare=history),
    program("python3 -c 'import json, ssl'", None, 5, "/usr/bin/python3", "-c", "import json, ssl"),
    program("sort of 60 000 lines", None, 1, "sh", "-c",
            "seq 60000 | sort -R --random-source=/bin/sh | sort -n"),
]
