#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""git, compilers, make, the debugger, musl, sanitizers: all as natively.

Under strict, `wx.file` is `settled`: a tree may not execute what it has itself compiled, nor may
it trace (`kernel.ptrace`), generate code (PCRE2's) or go round the library (`raw`). Those, and
nothing else, are excepted here.
"""

import os
from cm import Refused, Tap, sh, write

SETTLED = {"strict": Refused("the program was built by the tree itself", "wx.file")}

PCRE = {"strict": Refused("PCRE2 generates code", "wx.map")}
RAW = {"strict": Refused("the sanitizer's runtime makes system calls of its own", "raw")}

GIT = {
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z",
    "GIT_CONFIG_NOSYSTEM": "1",
}

HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 7; }\n'
NEST = ("#include <pthread.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
        "static void *work(void *p) { int *q = malloc(4096); *q = *(int *)p; return q; }\n"
        "int main(void) { pthread_t t[8]; int sum = 0; void *r; int k = 5;\n"
        "for (int i = 0; i < 8; i++) pthread_create(&t[i], 0, work, &k);\n"
        "for (int i = 0; i < 8; i++) { pthread_join(t[i], &r); sum += *(int *)r; free(r); }\n"
        "printf(\"%d\\n\", sum); return 0; }\n")
FAULTY = ("#include <stdlib.h>\n"
          "int main(int c, char **v) { char *p = malloc(8); (void)v; return p[c + 7]; }\n")
RACY = ("#include <pthread.h>\nint x;\nstatic void *w(void *p) { x++; return p; }\n"
        "int main(void) { pthread_t a, b; pthread_create(&a, 0, w, 0); pthread_create(&b, 0, w, 0);\n"
        "pthread_join(a, 0); pthread_join(b, 0); return 0; }\n")


def sources(folder):
    write(folder, "hello.c", HELLO)
    write(folder, "threads.c", NEST)
    write(folder, "hello.cc", "#include <iostream>\nint main() { try { throw 3; } catch (int x) "
                              "{ std::cout << x << std::endl; } }\n")


def project(folder):
    names = ["part%d" % n for n in range(8)]
    for n, name in enumerate(names):
        write(folder, name + ".c", "int %s(int x) { return x * %d + 1; }\n" % (name, n))
    calls = " + ".join("%s(2)" % name for name in names)
    heads = "".join("int %s(int);\n" % name for name in names)
    write(folder, "main.c", '#include <stdio.h>\n%sint main(void) { printf("%%d\\n", %s); }\n'
          % (heads, calls))
    write(folder, "Makefile", "OBJ = main.o %s\nprog: $(OBJ)\n\t@$(CC) -o $@ $(OBJ)\n%%.o: %%.c\n"
          "\t@$(CC) -O1 -c -o $@ $<\n" % " ".join(name + ".o" for name in names))


def built(folder):
    """The built program's own bytes: the same compiler must have made the same file."""
    with open(os.path.join(folder, "prog"), "rb") as file:
        return file.read()


def victims(t):
    """Programs that are built once, outside any tree, and then run in every mode."""
    folder = os.path.join(t.home, "bin")
    for name, text in (("hello", HELLO), ("threads", NEST), ("faulty", FAULTY), ("racy", RACY)):
        write(folder, name + ".c", text)
    builds = (("hello-musl", "musl-gcc", "hello", ()),
              ("hello-musl-static", "musl-gcc", "hello", ("-static",)),
              ("threads-static", "gcc", "threads", ("-static",)),
              ("threads-asan", "gcc", "threads", ("-fsanitize=address",)),
              ("faulty-asan", "gcc", "faulty", ("-fsanitize=address", "-g0")),
              ("threads-tsan", "gcc", "threads", ("-fsanitize=thread",)),
              ("racy-tsan", "gcc", "racy", ("-fsanitize=thread", "-g0")),
              ("hello-debug", "gcc", "hello", ("-g", "-O0")),
              ("threads-asan-clang", "clang", "threads", ("-fsanitize=address", "-shared-libasan")))
    for name, compiler, source, flags in builds:
        built_ok = t.run("native", [compiler, "-w", *flags, "-o", os.path.join(folder, name),
                                    os.path.join(folder, source + ".c"), "-lpthread"])
        t.ok(built_ok.status == 0, "%s is built" % name, built_ok.err.decode(errors="replace"))
    return folder


def clang_runtime(t):
    """The folder of clang's shared sanitizers."""
    said = t.run("native", ["clang", "-print-file-name=libclang_rt.asan-x86_64.so"])
    return os.path.dirname(said.out.decode().strip())


def sanitizers(t, folder):
    both = ("default", "strict", "preload")
    t.compare("ASan program", [folder + "/threads-asan"], modes=both, refused=RAW)
    t.compare("ASan program of clang's", [folder + "/threads-asan-clang"], modes=both, refused=RAW,
              env={"LD_LIBRARY_PATH": clang_runtime(t)})
    t.compare("TSan program", [folder + "/threads-tsan"], modes=both, refused=RAW)
    for name, program, word in (("ASan", "faulty-asan", "heap-buffer-overflow"),
                                ("TSan", "racy-tsan", "data race")):
        command = sh("%s/%s 2>&1 | grep -o '%s' | sort -u" % (folder, program, word))
        t.compare(name + " still finds its fault", command, modes=both, refused=RAW)


with Tap() as t:
    t.compare("git", sh(
        "git init -q -b main r; cd r; for i in 1 2 3; do seq $i 900 >f$i; git add .; "
        "git commit -qm $i; done; git log --format='%H %s'; git fsck; git repack -adq; "
        "cd ..; git clone -q r c; cd c; git status --porcelain -b; "
        "git diff --stat HEAD~2; git checkout -q -b side; git rebase -q HEAD~1; git blame f2 "
        "| tail -n 1; git gc -q; git archive HEAD | md5sum"), modes=("default", "strict", "preload"), env=GIT)
    t.compare("git grep -P", sh("git init -q r; cd r; seq 5000 >f; git add f; "
                                "git grep -cP '^(?=.*7)[0-9]+8$'; git grep -c 89"), env=GIT,
              modes=("default", "strict", "preload"), refused=PCRE)
    t.compare("grep -P", sh("seq 5000 | grep -cP '^(?=.*7)[0-9]+8$'"),
              refused=PCRE)
    t.compare("gcc compiles", sh("gcc -O2 -g -o prog hello.c; gcc -dumpversion"), setup=sources,
              after=built)
    t.compare("g++ and clang compile", sh("g++ -O2 -o prog hello.cc; clang -O2 -c hello.c; "
                                          "nm prog | grep -c main; nm hello.o"), setup=sources)
    t.compare("gcc compiles and the result runs", sh("gcc -O2 -o p hello.c; ./p || echo $?; "
                                                     "g++ -o q hello.cc; ./q"), setup=sources,
              refused=SETTLED)
    t.compare("make -j4", sh("make -j4 prog; nm prog | wc -l"), setup=project, after=built)
    t.compare("make -j4 and the result runs", sh("make -j4 prog; ./prog"), setup=project,
              refused=SETTLED)
    bin_dir = victims(t)
    t.compare("musl program", [bin_dir + "/hello-musl"], status=7,
              modes=("default", "strict"))
    t.compare("musl static program", [bin_dir + "/hello-musl-static"], status=7,
              modes=("default", "strict", "preload"))
    t.compare("static threaded program", [bin_dir + "/threads-static"])
    sanitizers(t, bin_dir)
    t.compare("gdb", sh("gdb -nx -q -batch -ex 'break puts' -ex run -ex 'bt 1' -ex delete -ex continue "
                        "%s/hello-debug 2>&1 | sed 's/process [0-9]*/process N/'" % bin_dir),
              refused={"strict": Refused("one program traces another", "kernel.ptrace")})
    t.compare("strace", sh("strace -e trace=write -o log %s/hello-debug >out || echo $?; "
                           "grep -c hello log" % bin_dir),
              refused={"strict": Refused("one program traces another", "kernel.ptrace")})
