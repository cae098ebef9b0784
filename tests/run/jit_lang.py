#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Languages whose programs become code while they run: compiled by their own just-in-time
compiler, by PCRE2's, or piece by piece as libffi's callbacks.
"""

from watch import Watched

CODE = ("wx.map", "wx.transition")
PHP = ["php", "-d", "opcache.enable_cli=1", "-d", "opcache.jit=tracing",
       "-d", "opcache.jit_buffer_size=16M", "main.php"]
GREP = r"seq 1 5000000 | grep -cP '^(\d)\d*(\d)\2\1$'"
GIT = r"""git init -q . && seq 1 1000000 > numbers && git add numbers &&
    git grep -cP '^(\d)\d*(\d)\2\1$'"""
SBCL = ["sbcl", "--noinform", "--no-sysinit", "--no-userinit", "--disable-debugger",
        "--load", "main.lisp"]

with Watched() as t:
    t.make()
    t.program("python3 ctypes", ["/usr/bin/python3", "callbacks.py"], status=4,
              modes=("default", "preload"), strict=CODE)
    t.program("python3 cffi", ["/usr/bin/python3", "callbacks.py", "cffi"], status=4, strict=CODE)
    t.program("php, tracing", PHP, status=3, base="php", strict=CODE)
    t.program("grep -P", ["/bin/sh", "-c", GREP], base="grep", strict=CODE)
    t.program("git grep -P", ["/bin/sh", "-c", GIT], base="git", strict=CODE)
    t.program("ruby, fiddle", ["ruby", "main.rb"], status=3, base="ruby", strict=CODE)
    t.program("ruby --yjit", ["ruby", "--yjit", "main.rb"], status=3, base="ruby", strict=CODE)
    t.program("mcs, mono", ["/bin/sh", "-c", "mcs -nowarn:649 Main.cs && mono Main.exe"], status=5,
              strict=CODE)
    t.program("guile", ["guile", "--no-auto-compile", "main.scm"], status=3, strict=CODE)
    t.program("pypy3", ["pypy3", "callbacks.py"], status=4, strict=CODE)
    t.program("sbcl", SBCL, status=3, strict=CODE,
              writers="what writes to its heap is Lisp code, in such memory itself")
