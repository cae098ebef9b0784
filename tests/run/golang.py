#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""A static binary of Go's: own threads, own allocator, no libc, raw system calls only."""

import os
from cm import Refused, Tap, write

PROGRAM = """package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
)

func main() {
	var wait sync.WaitGroup
	sums := make([]int, 16)
	for g := range sums {
		wait.Add(1)
		go func(g int) {
			defer wait.Done()
			for round := 0; round < 40; round++ {
				block := make([]int, 20000)
				for i := range block {
					block[i] = g
				}
				sums[g] += block[len(block)-1]
			}
		}(g)
	}
	wait.Wait()
	runtime.GC()
	out, err := exec.Command("/bin/echo", "child").CombinedOutput()
	fmt.Printf("%v %s%v\\n", sums, out, err)
	os.Exit(3)
}
"""


with Tap() as t:
    folder = os.path.join(t.home, "go")
    source = write(folder, "main.go", PROGRAM)
    binary = os.path.join(folder, "main")
    done = t.run("native", ["go", "build", "-o", binary, source], timeout=180,
                 env={"CGO_ENABLED": "0", "GOPROXY": "off", "GOTOOLCHAIN": "local",
                      "GOFLAGS": "-mod=mod", "GO111MODULE": "off",
                      "GOCACHE": os.path.join(t.home, "cache")})
    if t.ok(done.status == 0, "a static Go binary is built", done.err.decode(errors="replace")):
        t.compare("Go static binary", [binary], status=3, modes=("default", "strict", "preload"))
        t.compare("Go static binary, one thread", [binary], status=3, env={"GOMAXPROCS": "1"})
    t.compare("go version", ["go", "version"],
              refused={"strict": Refused("its runtime makes system calls of its own", "raw")})
