#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""python3 and ctypes: libcookiemap comes by dlopen(3), with RTLD_LOCAL, into a program that was not
linked with it. Alone it does the work; under cmrun the preloaded library does, to which it passes
every call on. The mmap module's own mappings are as ever beside it.
"""

import os

from cm import BUILD, Tap, show, write

LIBRARY = os.path.join(BUILD, "cookie/libcookiemap.so.0")

# Prints what must be the same everywhere; its last line says who answered.
PROGRAM = r"""
import ctypes as c, errno, mmap, os, sys

cm = c.CDLL(sys.argv[1], use_errno=True)
libc = c.CDLL(None, use_errno=True)
U, P = c.c_uint64, c.c_void_p
cm.cmmmap.argtypes = [c.c_size_t, c.c_size_t, c.c_int, c.c_int, c.c_int, c.c_long, c.POINTER(U)]
for lib in (cm, libc):
    if hasattr(lib, 'cmgetptr'):
        lib.cmgetptr.argtypes = [U, c.POINTER(P)]
cm.cmgetcap.argtypes = [U, c.POINTER(P), c.c_int]
cm.cmprotect.argtypes = [U, c.c_size_t, c.c_size_t, c.c_int]
cm.cmunmap.argtypes = [U, c.c_size_t, c.c_size_t]
cm.cmclose.argtypes = [U, c.c_int]
libc.mprotect.argtypes = libc.munmap.argtypes = [P, c.c_size_t, c.c_int]
RW, PAGE = mmap.PROT_READ | mmap.PROT_WRITE, 4096

def said(r): return 'done' if r == 0 else errno.errorcode[c.get_errno()]
def pointer(get, *more):
    p = P()
    r = get(*more[:1], c.byref(p), *more[1:])
    return said(r), p.value

ours = mmap.mmap(-1, 8 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
ours[:5] = b'mmap0'
cookie = U()
print('cmmmap', said(cm.cmmmap(0, 4 * PAGE, RW, 0, -1, 0, c.byref(cookie))))
how, at = pointer(cm.cmgetptr, cookie)
c.memmove(at + PAGE, b'cookie', 7)
print('cmgetptr', how, at % PAGE, c.string_at(at + PAGE))
print('cmprotect', said(cm.cmprotect(cookie, PAGE, PAGE, mmap.PROT_READ)), c.string_at(at + PAGE))
print('cmgetcap', pointer(cm.cmgetcap, cookie, RW)[0])
print('cmunmap', said(cm.cmunmap(cookie, 0, PAGE)), said(cm.cmprotect(cookie, 0, PAGE, RW)))
print('forged', said(cm.cmprotect(cookie.value + 1, 0, PAGE, RW)))

ours.resize(300 * PAGE)
ours[-5:] = b'mmap1'
ours.madvise(mmap.MADV_DONTNEED, 299 * PAGE)
print('mmap', ours[:5], ours[-5:])

child = os.fork()
if not child:
    ok = cm.cmprotect(cookie, PAGE, PAGE, RW) == 0 and c.string_at(at + PAGE) == b'cookie'
    os._exit(7 if ok else 1)
print('fork', os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

sys.stdout.flush()
behind = said(libc.mprotect(at + PAGE, PAGE, 0))
seen = pointer(libc.cmgetptr, cookie) == ('done', at) if hasattr(libc, 'cmgetptr') else None
print('cmclose', said(cm.cmclose(cookie, 1)), pointer(cm.cmgetptr, cookie)[0])
print('behind its back:', behind, 'known to the program:', seen)
"""

SAME = """cmmmap done
cmgetptr done 0 b'cookie'
cmprotect done b'cookie'
cmgetcap ENOTSUP
cmunmap done ENOMEM
forged EBADF
mmap b'mmap0' b'\\x00\\x00\\x00\\x00\\x00'
fork 7
cmclose done EBADF
behind its back: %s known to the program: %s
"""

ALONE = SAME % ("done", None)
SERVED = SAME % ("EPERM", True)


def setup(folder):
    write(folder, "main.py", PROGRAM)


with Tap() as tap:
    if not os.path.exists(LIBRARY):
        raise SystemExit("Bail out! %s is missing: build first" % LIBRARY)
    for mode, want in (("native", ALONE), ("default", SERVED), ("strict", SERVED),
                       ("preload", SERVED)):
        done = tap.run(mode, ["/usr/bin/python3", "main.py", LIBRARY], setup=setup)
        tap.ok(done.status == 0 and done.out.decode() == want, "ctypes: " + mode,
               show(done))
        reports = done.reports()
        tap.ok(len(reports) == (mode != "native") and all(b"mprotect(" in line for line in reports),
               "ctypes: what was refused is reported: " + mode, show(done))
