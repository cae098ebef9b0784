#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Programs that run other programs: emulators that translate them, a debugger with a Python of its
own, and valgrind, which is static and therefore has to be allowed what nobody can serve.
"""

from cm import Refused
from watch import Watched

CODE = ("wx.map", "wx.transition")
FREE = ["-O1", "-ffreestanding", "-fno-stack-protector", "-nostdlib", "-static"]
BUILD = (
    ["gcc", "-g", "-O0", "-o", "debugged", "debugged.c"],
    ["gcc", *FREE, "-o", "foreign.x86_64", "foreign.c"],
    ["clang", "--target=aarch64-linux-gnu", *FREE, "-fuse-ld=lld", "-o", "foreign.aarch64",
     "foreign.c"],
    ["musl-gcc", "-O1", "-static", "-o", "guest", "guest.c", "-pthread"],
    ["gcc", "-c", "-o", "boot.o", "boot.S"],
    ["ld", "-m", "elf_x86_64", "-Ttext", "0x7c00", "-e", "_start", "--oformat", "binary",
     "-o", "boot.img", "boot.o"],
)
SYSTEM = ["qemu-system-x86_64", "-M", "pc", "-m", "16", "-accel", "tcg", "-display", "none",
          "-monitor", "none", "-serial", "stdio", "-nic", "none",
          "-drive", "file=boot.img,format=raw,if=floppy"]
GDB = "gdb -q -nx -batch -x inner.py debugged | sed 's/(process [0-9]*)//'"

with Watched() as t:
    t.make(*BUILD)
    for arch in ("x86_64", "aarch64"):
        t.program("qemu-" + arch, ["qemu-" + arch, "foreign." + arch], status=6, strict=CODE)
    t.program("qemu-x86_64, threads and faults", ["qemu-x86_64", "guest"], status=4, strict=CODE)
    t.program("qemu-system", SYSTEM, reported="kernel.io_uring", strict=CODE)
    t.program("gdb's Python", ["/bin/bash", "-o", "pipefail", "-c", GDB])
    t.compare("valgrind", ["valgrind", "-q", "./debugged"], status=3, setup=t.copy,
              refused={"strict": Refused("it generates code", *CODE)})
