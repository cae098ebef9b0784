#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""The samples of the slides, and every form of the names, with each compiler and language.

usage: slides.py SOURCE CMRUN LIBRARY CC...

They compile without a warning, and print the same, with whatever they were compiled, alone and under
cmrun. What the header must not take does not compile.
"""

import os
import sys
import tempfile

from build import Done, Tap, WARNINGS, compiled

ROOT, CMRUN, LIBRARY = [os.path.abspath(arg) for arg in sys.argv[1:4]]
CC = sys.argv[4:]
HERE = os.path.join(ROOT, "tests/cookie")
LINK = [LIBRARY, "-Wl,-rpath," + os.path.dirname(LIBRARY)]

C = [[*CC, "-std=c11", "-D_GNU_SOURCE"], ["gcc", "-std=gnu17", "-D_GNU_SOURCE"],
     ["gcc", "-std=gnu2x", "-D_GNU_SOURCE"], ["clang", "-std=c11", "-D_GNU_SOURCE"],
     ["clang", "-std=gnu17", "-D_GNU_SOURCE"]]
CXX = [["g++", "-std=c++11"], ["g++", "-std=c++20"], ["clang++", "-std=c++11"],
       ["clang++", "-std=c++20"]]

PROTOTYPES = """cmmmap: done
cmgetptr: done
csubmap: done
cmstat: done
8192 at 4096 of 16384
cmadvise: done
cmincore: done
1 1
cminherit: done
cmsync: done
cmunmap: done
cmclose: done
cmclose again: Bad file descriptor
cmmmap: done
cmgetcap: done
cmandperm: done
before, 1
cmgetcap to write: Permission denied
cmgetcap to read: done
seen, 1
cmrestrict: done
before, 1
cmgetptr: Operation not permitted
cmclose: done
"""

HINTS = """0: done
NULL: done
void *: done
char *: done
const char *: done
uintptr_t: done
an expression: done
"""

FORMS = """a request: done
of a part: done
by the short name: done
by arguments: done
those by the short name: done
a cookie: done
of a request: done
the same: 1
of a constant request: done
closed: done
of a request that is closed: Bad file descriptor
map: done
sub: done
subrequest: done
get: done
of no cookie: Bad file descriptor
close: done
maprequest: done
close: done
"""

# (file, languages, more arguments, what it prints)
ROWS = (
    ("slides_prototypes.c", "both", [], PROTOTYPES),
    ("slides_request.c", "both", [], "bcd X\n"),
    ("slides_request.c", "both", ["-Dcmt=cmr"], "-bc X\n"),
    ("forms.c", "C", [], HINTS + FORMS),
    ("forms.cc", "C++", [], HINTS + "nullptr: done\n0L: done\n" + FORMS),
)

# Lines that no compiler may take: (language, line)
BAD = (
    ("C", "return cmmmap(&request, &cookie, 0);"),
    ("C", "return cmmmap(&cookie, &request);"),
    ("C", "return cmgetptr(&cookie, &pointer);"),
    ("C", "return cmsubmap(&request, cookie);"),
    ("C++", "return cmmmap(&cookie, &request);"),
    ("C++", "return cmgetptr(&cookie, &pointer);"),
    ("C++", "return cmsubmap(&request, cookie);"),
    ("C++", "return cmmmap(request, 4096, 0, 0, -1, 0, &cookie);"),
)
GOOD = "return cmmmap(&request, &cookie) || cmgetptr(&request, &pointer) || " \
       "cmsubmap(cookie, &request);"
FRAME = """#include <cookiemap.h>
int main(void)
{
	struct cmreq request;
	cm_t cookie = 0;
	void *pointer;

	CMREQ_INIT(&request, 4096, 0);
	(void)cookie, (void)pointer;
	%s
}
"""


def languages(word):
    chosen = (C if word != "C++" else []), (CXX if word != "C" else [])
    return [(argv, "c") for argv in chosen[0]] + [(argv, "c++") for argv in chosen[1]]


def test_row(t, row, folder):
    name, word, more, want = row
    for argv, language in languages(word):
        how = "%s %s: %s" % (name, " ".join(more), " ".join(a for a in argv if a[:2] != "-D"))
        program = os.path.join(folder, "program")
        done = Done([*argv, *WARNINGS, "-Wpedantic", "-I", os.path.join(ROOT, "include"), *more,
                     "-x", language, os.path.join(HERE, name), "-x", "none", "-o", program, *LINK])
        if not t.ok(done.status == 0 and not done.err, how + " compiles without a warning", done):
            continue
        for place, before in (("alone", []), ("under cmrun", [CMRUN, "--"])):
            done = Done([*before, program])
            t.ok((done.status, done.out, done.err) == (0, want, ""),
                 "%s prints what it should, %s" % (how, place), done)


def test_bad(t, folder):
    for word, line in [("C", GOOD), ("C++", GOOD), *BAD]:
        for argv, language in languages(word):
            done, _ = compiled([*argv, "-Werror", "-I", os.path.join(ROOT, "include"), "-x",
                                language], FRAME % line, ".c", folder, "bad", ["-x", "none", *LINK])
            t.ok((done.status == 0) == (line == GOOD), "%s: %s %s" % (
                " ".join(a for a in argv if a[:2] != "-D"), "takes" if line == GOOD else "refuses",
                line), done)


def main():
    t = Tap()
    with tempfile.TemporaryDirectory(prefix="cm-slides-") as folder:
        for row in ROWS:
            test_row(t, row, folder)
        test_bad(t, folder)
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
