#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""node, java and luajit: what they print is as natively, and none of their memory is ever writable
and executable, under cmrun, under LD_PRELOAD alone, and when only they may write their code.
Strict refuses them, and says so.
"""

from watch import Watched

CODE = ("wx.map", "wx.transition")
JAVA = "javac Main.java && cksum Main*.class && java -Xmx24m Main"

with Watched() as t:
    t.make()
    t.program("node", ["node", "main.js"], status=6, modes=("default", "preload"), strict=CODE)
    t.program("javac, java", ["/bin/sh", "-c", JAVA], status=5, modes=("default", "preload"),
              strict=CODE, timeout=120)
    t.program("luajit", ["luajit", "main.lua"], status=7, modes=("default", "preload"), wx=False,
              strict=CODE)
    t.compare("node --version", ["node", "--version"])
    t.compare("luajit -joff", ["luajit", "-joff", "-e", "print(1 + 1)"])
