# SPDX-License-Identifier: BSD-2-Clause
# gdb's own Python: callbacks that libffi makes, and the program that is debugged, natively a C one.
import ctypes
import gdb

UNARY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
kept = [UNARY(lambda x, k=k: x * k) for k in range(200)]
print(sum(f(2) for f in kept))
gdb.execute("break square")
gdb.execute("run")
for _ in range(3):
    print(gdb.selected_frame().name(), gdb.parse_and_eval("n"), kept[5](4))
    gdb.execute("continue")
gdb.execute("delete")
gdb.execute("continue")
print(gdb.parse_and_eval("$_exitcode"))
print(sum(f(3) for f in kept))
