# SPDX-License-Identifier: BSD-2-Clause
"""The same in an interpreter that nobody has changed: bytes are written to memory and called."""

import mmap
import sys

try:
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except OSError as error:
    sys.exit("refused: " + error.strerror)
page.write(b"\xb8\x2a\x00\x00\x00\xc3")  # mov $42, %eax; ret

import ctypes  # only to call what is there now

call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
print("the bytes ran and returned", call())
