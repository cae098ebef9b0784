#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Programs that generate code: default lets the modules that are known for it, and logs it; strict
refuses, and says so. Nothing else of what they do changes.
"""

from cm import Refused, Tap, write

JAVA = """import java.util.*;
public class Main {
    public static void main(String[] args) throws Exception {
        long sum = 0;
        for (int round = 0; round < 200; round++)
            for (int i = 0; i < 20000; i++) sum += (i * 31 + round) % 7;
        Thread[] threads = new Thread[4];
        int[] found = new int[4];
        for (int t = 0; t < 4; t++) {
            final int me = t;
            threads[t] = new Thread(() -> { for (int i = 0; i < 100000; i++) found[me] += i % 3; });
            threads[t].start();
        }
        for (Thread t : threads) t.join();
        System.out.println(sum + " " + Arrays.toString(found));
        System.exit(5);
    }
}
"""

NODE = """
const f = n => n < 2 ? n : f(n - 1) + f(n - 2);
console.log(f(24), [3, 1, 2].sort(), require('crypto').createHash('sha1').update('a').digest('hex'));
const {Worker, isMainThread, parentPort} = require('worker_threads');
const w = new Worker('let s = 0; for (let i = 0; i < 1e6; i++) s += i % 7;' +
    'require("worker_threads").parentPort.postMessage(s)', {eval: true});
w.on('message', m => { console.log(m); console.log(/^(a+)+$/.test('a'.repeat(20)));
    console.log(require('child_process').execSync('echo child').toString()); process.exitCode = 6; });
"""

LUAJIT = """
local s = 0
for i = 1, 3000000 do s = (s + i * 7) % 1000003 end
local t = {}
for i = 1, 20000 do t[i] = tostring(i):rep(3) end
print(s, #table.concat(t), jit.status())
local ffi = require('ffi')
ffi.cdef'int abs(int); void qsort(void *, size_t, size_t, int (*)(const int *, const int *));'
local a = ffi.new('int[5]', {5, 3, 1, 4, 2})
ffi.C.qsort(a, 5, 4, function(x, y) return x[0] - y[0] end)
print(ffi.C.abs(-4), a[0], a[4])
"""

VALGRIND = "gcc -g -o a main.c && valgrind -q --error-exitcode=9 ./a"

C = """#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	int *some = calloc(100, sizeof(*some)), sum = 0;
	for (int i = 0; i < 100; i++)
		sum += some[i] + i;
	free(some);
	printf("%d\\n", sum);
	return 3;
}
"""

CODE = {"strict": Refused("it generates code", "wx.map", "wx.transition")}


def programs(folder):
    write(folder, "Main.java", JAVA)
    write(folder, "main.js", NODE)
    write(folder, "main.lua", LUAJIT)
    write(folder, "main.c", C)


with Tap() as t:
    t.compare("node", ["node", "main.js"], status=6, setup=programs, refused=CODE, logged="wx.jit",
              modes=("default", "strict", "preload"))
    t.compare("node --version", ["node", "--version"])
    t.compare("java, a source file", ["java", "-Xshare:auto", "Main.java"], status=5,
              setup=programs, refused=CODE, logged="wx.jit", timeout=120)
    t.compare("java -version", ["java", "-version"], refused=CODE, logged="wx.jit")
    t.compare("luajit", ["luajit", "main.lua"], setup=programs, refused=CODE, logged="wx.jit",
              modes=("default", "strict", "preload"))
    t.compare("luajit -joff", ["luajit", "-joff", "-e", "print(1 + 1)"])
    t.compare("valgrind", ["/bin/bash", "-c", VALGRIND], status=3, setup=programs, refused=CODE,
              logged="wx.jit", timeout=120)
