#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""examples/arena.c and examples/window.c do what other programs do too, alone and under cmrun, the
library of which serves them there.
"""

import os
import random
import re
import subprocess

from cm import BUILD, CMRUN, Tap, environment, sh, show, wrap

ARENA = os.path.join(BUILD, "examples/example-arena")
WINDOW = os.path.join(BUILD, "examples/example-window")
SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples")
MODES = ("native", "default", "strict", "preload")
PAGE, STEP = 4096, 64 << 10


def lines(n):
    dice = random.Random(4)
    return b"\n".join(b"%x" % dice.getrandbits(dice.randrange(1, 400)) for _ in range(n))


TEXTS = {
    "nothing": b"",
    "one end of line": b"\n",
    "a last line without an end": b"b\na\n\nc",
    "bytes that are no text": b"\xff\0b\n\xff\0a\n\xff\n\0\n" * 50,
    "one line of 3 MiB": b"y" * (3 << 20),
    "200 000 lines": lines(200000),
}


def arena(t):
    for what, text in TEXTS.items():
        want = t.run("native", ["sort"], stdin=text, env={"LC_ALL": "C"})
        for mode in MODES:
            done = t.run(mode, [ARENA], stdin=text)
            t.ok(done.key() == want.key() and want.status == 0,
                 "arena: %s, as sort(1): %s" % (what, mode), show(done))


def arena_size(t):
    """As much memory as the text needs, and what was taken too much is given back."""
    text = TEXTS["200 000 lines"]
    want = (len(text) + PAGE - 1) // PAGE * PAGE
    for mode in MODES:
        done = t.run(mode, [ARENA, "-v"], stdin=text)
        said = re.findall(rb"^text: (\d+) bytes (\w+)$", done.err, re.M)
        t.ok(said == [(b"%d" % want, b"mapped"), (b"%d" % ((64 << 30) - want), b"reserved")],
             "arena: what is mapped is what is used: " + mode, show(done))
    done = t.run("native", sh("ulimit -v 4000000; exec %s" % ARENA), stdin=b"a\n")
    t.ok(done.status == 1 and done.err == b"arena: no room for an arena: Cannot allocate memory\n",
         "arena: where addresses are few it says so", show(done))


def offsets(text, what):
    found, at = [], text.find(what)
    while at >= 0:
        found.append(at)
        at = text.find(what, at + len(what))
    return b"".join(b"%d\n" % at for at in found)


def window(t):
    """Texts at the edges of the window's parts, in files of lengths that are no multiple of it."""
    word = b"needle"
    long = b"0123456789abcdef" * (PAGE // 16)
    cases = {
        "an empty file": (b"", word),
        "a small one": (b"a needle in hay\n", word),
        "across every edge": (b"." * (STEP - 3) + (word + b"." * (STEP - 6)) * 20, word),
        "just before and just after an edge": (b"." * (STEP - 6) + word * 2 + b"." * (STEP - 6)
                                               + word, word),
        "nothing but it": (word * 60000, word),
        "one that overlaps itself": (b"aa" * STEP + b"a", b"aaa"),
        "as long as it may be, across an edge": (b"." * (STEP - 1) + long + b"." * 9 + long, long),
        "up to the last byte": (b"." * (3 * STEP - 6) + word, word),
        "half of it at the end": (b"." * (3 * STEP + 100) + word[:4], word),
    }
    for what, (text, word) in cases.items():
        def setup(folder, text=text):
            with open(os.path.join(folder, "file"), "wb") as file:
                file.write(text)
        for mode in MODES:
            done = t.run(mode, [WINDOW, "file", word.decode()], setup=setup)
            t.ok(done.status == 0 and done.out == offsets(text, word) and not done.err,
                 "window: %s: %s" % (what, mode), show(done))
    done = t.run("native", [WINDOW, "none", "a"])
    t.ok(done.status == 1 and done.err == b"window: none: No such file or directory\n",
         "window: no such file", show(done))


def window_wins(t):
    """A file of 64 MiB takes no more addresses than the window has."""
    def setup(folder):
        with open(os.path.join(folder, "file"), "wb") as file:
            file.truncate(64 << 20)
            file.seek(40 << 20)
            file.write(b"needle")
    limited = "ulimit -v 16000; exec %s file needle" % WINDOW
    done = t.run("native", sh(limited), setup=setup)
    t.ok(done.out == b"%d\n" % (40 << 20) and not done.err,
         "window: a file greater than there are addresses", show(done))
    code = "import mmap; f = open('file', 'rb'); mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)"
    done = t.run("native", sh("ulimit -v 50000; exec /usr/bin/python3 -c \"%s\"" % code),
                 setup=setup)
    t.ok(b"Cannot allocate memory" in done.err, "as a whole it cannot be mapped", show(done))


def server(t, mode, program):
    """Whose functions ld.so has bound a program's calls to."""
    out = os.path.join(t.home, "bindings")
    traced = {"LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": out, "LD_BIND_NOW": "1"}
    command, env = wrap(mode, [program], environment(t.home, traced))
    subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                   timeout=60)
    found = set()
    for name in [n for n in os.listdir(t.home) if n.startswith("bindings")]:
        with open(os.path.join(t.home, name), encoding="utf-8", errors="replace") as file:
            found |= set(re.findall(r"binding file %s \[0\] to (\S+) \[0\]: normal symbol `cm\w+'"
                                    % re.escape(program), file.read()))
        os.unlink(os.path.join(t.home, name))
    return {os.path.basename(path) for path in found}


def served(t):
    for program in (ARENA, os.path.join(BUILD, "examples/example-jit")):
        for mode in MODES:
            want = {"libcookiemap.so.0" if mode == "native" else "libcminterpose.so"}
            got = server(t, mode, program)
            t.ok(got == want, "%s is served by %s: %s" % (os.path.basename(program),
                                                         *want, mode), got)


def alone(t):
    """They need nothing of this tree but the one header, and are clean C17."""
    for name in ("arena", "jit", "window"):
        for std in ("-std=gnu17 -O2", "-std=c17 -pedantic -D_DEFAULT_SOURCE"):
            made = os.path.join(t.work, "made")
            script = "cd %s; cc -Wall -Wextra -Werror %s -I../include -o %s -c %s.c"
            done = t.run("native", sh(script % (SOURCES, std, made, name)))
            t.ok(done.status == 0 and os.path.exists(made), "%s.c by itself: %s"
                 % (name, std), show(done))


with Tap() as tap:
    for needed in (ARENA, WINDOW, CMRUN):
        if not os.path.exists(needed):
            raise SystemExit("Bail out! %s is missing: build first" % needed)
    arena(tap)
    arena_size(tap)
    window(tap)
    window_wins(tap)
    served(tap)
    alone(tap)
