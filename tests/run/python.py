#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""python3, unmodified: processes, threads, mmap, ctypes."""

from cm import Refused, Tap, write

PYTHON = "/usr/bin/python3"
ALL = ("default", "strict", "preload")

PROCESSES = """
import subprocess, multiprocessing, os
def double(x): return 2 * x
if __name__ == '__main__':
    print(subprocess.run(['/bin/echo', 'a'], capture_output=True).stdout)
    print(subprocess.run('exit 4', shell=True).returncode)
    print(subprocess.run(['/bin/cat'], input=b'x' * 100000, capture_output=True).stdout.count(b'x'))
    child = os.fork()
    if not child: os._exit(9)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    try: os.wait()
    except ChildProcessError as e: print('none left')
    for how in ('fork', 'spawn', 'forkserver'):
        with multiprocessing.get_context(how).Pool(2) as pool:
            print(how, pool.map(double, range(8)))
"""

THREADS = """
import threading, queue, hashlib, concurrent.futures as f
q = queue.Queue(); found = []
def work():
    while (n := q.get()) is not None: found.append(len(bytearray(n * 4096)))
threads = [threading.Thread(target=work) for _ in range(12)]
for x in threads: x.start()
for n in range(500): q.put(n)
for x in threads: q.put(None)
for x in threads: x.join()
print(sum(found))
with f.ThreadPoolExecutor(8) as pool:
    print(list(pool.map(lambda n: hashlib.sha256(b'a' * n * 100000).hexdigest()[:8], range(8))))
"""

MAPPINGS = """
import mmap, os, tempfile, multiprocessing.shared_memory as shm
with tempfile.TemporaryFile() as file:
    file.truncate(1 << 20)
    m = mmap.mmap(file.fileno(), 0); m[:5] = b'hello'; m.flush(); m.resize(2 << 20)
    m[-1:] = b'!'; m.madvise(mmap.MADV_WILLNEED); print(len(m), m[:5], os.pread(file.fileno(), 5, 0))
    c = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY); c[:5] = b'other'; print(m[:5], c[:5])
    m.close()
    try: m[0]
    except ValueError as e: print(e)
a = mmap.mmap(-1, 1 << 16); a.write(b'x' * 100); a.seek(0); print(a.read(3)); a.close()
try: mmap.mmap(-1, 0)
except OSError as e: print(e)
s = shm.SharedMemory(create=True, size=4096); s.buf[:3] = b'abc'
o = shm.SharedMemory(name=s.name); print(bytes(o.buf[:3])); o.close(); s.close(); s.unlink()
"""

CTYPES = """
import ctypes, ctypes.util
libc = ctypes.CDLL('libc.so.6', use_errno=True)
print(libc.abs(-5), libc.strlen(b'four'))
order = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
numbers = (ctypes.c_int * 9)(5, 2, 8, 1, 9, 3, 7, 4, 6)
libc.qsort(numbers, 9, ctypes.sizeof(ctypes.c_int), order(lambda a, b: a[0] - b[0]))
print(list(numbers))
kept = [order(lambda a, b: 0) for _ in range(500)]
print(len(kept))
print(libc.close(-1), ctypes.get_errno())
print(ctypes.CDLL('libm.so.6').floor and True)
"""

MODULES = """
import ssl, sqlite3, zlib, lzma, bz2, decimal, json, socket, curses, readline, hashlib, uuid, csv
a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))
db = sqlite3.connect(':memory:'); print(db.execute('select 6*7').fetchone())
data = b'abc' * 50000
print([len(m.decompress(m.compress(data))) for m in (zlib, lzma, bz2)])
print(decimal.Decimal(2).sqrt(), ssl.OPENSSL_VERSION_INFO[0])
"""

# A handler of its own, a child that makes code, and another that asks for the action of SIGSEGV.
FAULTS = """
import ctypes, faulthandler, os, signal
faulthandler.enable()
def child(work):
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    return os.waitpid(pid, 0)[1]
def code():
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: n + 1)(3)
def asks():
    ctypes.CDLL(None).sigaction(signal.SIGSEGV, None, ctypes.create_string_buffer(256))
print(child(code), child(asks), child(lambda: signal.signal(signal.SIGSEGV, signal.SIG_IGN)))
"""


def scripts(folder):
    for name, text in (("processes", PROCESSES), ("threads", THREADS), ("mappings", MAPPINGS),
                       ("ctypes_", CTYPES), ("modules", MODULES), ("faults", FAULTS)):
        write(folder, name + ".py", text)


with Tap() as t:
    for name in ("processes", "threads", "mappings", "modules"):
        t.compare("python3 " + name, [PYTHON, name + ".py"], modes=ALL, setup=scripts)
    t.compare("python3 ctypes with callbacks", [PYTHON, "ctypes_.py"], modes=ALL, setup=scripts,
              refused={"strict": Refused("libffi makes code for each callback", "wx.map", "wx.file")})
    t.compare("python3 faulthandler, children that make code and that do not",
              [PYTHON, "faults.py"], modes=("default", "preload"), setup=scripts)
    t.compare("python3 ctypes without callbacks", [PYTHON, "-c", "import ctypes; print("
                                                   "ctypes.CDLL('libc.so.6').abs(-5))"], modes=ALL)
    t.compare("python3 traceback", [PYTHON, "-c", "import os; os.nothing"], status=1, modes=ALL)
