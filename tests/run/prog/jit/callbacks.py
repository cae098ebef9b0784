# SPDX-License-Identifier: BSD-2-Clause
# ctypes and cffi: callbacks, each a piece of code that libffi makes, called from C and threads.
import ctypes
import sys
import threading
import time

INT = ctypes.POINTER(ctypes.c_int)
ORDER = ctypes.CFUNCTYPE(ctypes.c_int, INT, INT)
UNARY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


def sort_ctypes(numbers):
    array = (ctypes.c_int * len(numbers))(*numbers)
    ctypes.CDLL("libc.so.6").qsort(array, len(numbers), ctypes.sizeof(ctypes.c_int),
                                   ORDER(lambda a, b: a[0] - b[0]))
    return list(array)


def sort_cffi(numbers):
    import cffi

    ffi = cffi.FFI()
    ffi.cdef("void qsort(void *, size_t, size_t, int (*)(const void *, const void *));")
    array = ffi.new("int[]", numbers)

    @ffi.callback("int(const void *, const void *)")
    def order(a, b):
        return ffi.cast("int *", a)[0] - ffi.cast("int *", b)[0]

    ffi.dlopen(None).qsort(array, len(numbers), ffi.sizeof("int"), order)
    return list(array)


def many(kind):
    made = [UNARY(lambda x, k=k: x * k) for k in range(300)]
    told[kind] = sum(f(3) for f in made)


NUMBERS = [(n * 7919) % 1009 for n in range(300)]
told = {}
threads = [threading.Thread(target=many, args=(kind,)) for kind in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(told[0], sorted(told) == list(range(4)), len(set(told.values())))
sort = sort_cffi if sys.argv[1:] == ["cffi"] else sort_ctypes
print(sort(NUMBERS) == sorted(NUMBERS))
kept = [UNARY(lambda x, k=k: x + k) for k in range(500)]
time.sleep(0.05)
print(sum(f(1) for f in kept))
sys.exit(4)
