#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""What `meson install` makes serves a program that is built against it, and nothing but it.

usage: install.py BUILD SOURCE CC...

An example of the manual is compiled with what the installed pkg-config file says: in a staging
folder, as a package is made (PKG_CONFIG_SYSROOT_DIR), and from the tree moved elsewhere, as
`./bootstrap install` promises. It runs with the installed library, alone and under the installed
cmrun.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile

from build import Done, Tap, compiled, flags
from pages import Example, names_of, pages

BUILD, ROOT = [os.path.abspath(arg) for arg in sys.argv[1:3]]
CC = sys.argv[3:]
SONAME, FULL = "libcookiemap.so.0", "libcookiemap.so.0.1.0"


def one(t, root, pattern):
    """The one file of that name in a tree."""
    found = glob.glob(os.path.join(glob.escape(root), "**", pattern), recursive=True)
    return found[0] if t.ok(len(found) == 1, pattern + " is there", found) else ""


def install(t, stage):
    """Installs. Return: where the prefix is in the staging folder."""
    done = subprocess.run(["/usr/bin/meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"],
                          env=dict(os.environ, DESTDIR=stage), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    t.ok(done.returncode == 0, "it installs", done.stdout.decode(errors="replace"))
    return os.path.dirname(os.path.dirname(one(t, stage, "bin/cmrun")))


def test_files(t, top):
    """Return: (the pkg-config file's folder, the library's)"""
    library = one(t, top, FULL)
    folder = os.path.dirname(library)
    links = {name: os.path.basename(os.path.realpath(os.path.join(folder, name)))
             for name in (SONAME, "libcookiemap.so")}
    t.ok(set(links.values()) == {FULL}, "the library's other names lead to it", links)
    one(t, top, "include/cookiemap.h")
    pc = one(t, top, "cookiemap.pc")
    with open(pc, encoding="utf-8") as file:
        text = file.read()
    t.ok(ROOT not in text and BUILD not in text, "cookiemap.pc does not name where it was made", text)
    return os.path.dirname(pc), folder


def test_manual(t, top):
    """By man(1)'s own rules: each name leads to a page, in the tree as it was installed."""
    manual, wrong, n = os.path.join(top, "share/man"), [], 0
    for name, page in pages(ROOT).items():
        for other in names_of(page):
            done = Done(["mandoc", "-T", "ascii", "man3/%s.3" % other], cwd=manual)
            n += 1
            if done.status or not done.out.startswith(name[:-2].upper() + "(3)"):
                wrong.append((other, done.out[:60], done.err))
    t.ok(n > 25 and not wrong, "every name of the interface has its page", n, wrong[:4])


def test_program(t, how, top, env, where, example):
    """Compiles it by pkg-config alone, and runs it. `where`: as test_files() returns it."""
    pc, libs = where
    env = dict(env, PKG_CONFIG_LIBDIR=pc)
    t.ok(Done(["pkg-config", "--modversion", "cookiemap"], env=env).out == "0.1.0\n",
         how + ": pkg-config finds it")
    args = flags(env, "--cflags", "--libs") or []
    paths = [os.path.realpath(a[2:]) for a in args if a[:2] in ("-I", "-L")]
    t.ok(len(paths) == 2 and all(p.startswith(os.path.realpath(top)) for p in paths),
         how + ": its paths are in the tree", args)
    with tempfile.TemporaryDirectory(prefix="cm-install-") as work:
        done, program = compiled([*CC, "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Werror"],
                                 example.program, ".c", work, "example", args)
        if not t.ok(done.status == 0 and not done.err, how + ": a program is built by it", done):
            return
        run_program(t, how, top, libs, program, example)


def run_program(t, how, top, libs, program, example):
    needed = Done(["readelf", "-d", program]).out
    t.ok("[%s]" % SONAME in needed, how + ": it needs the library by its soname", needed)
    env = {"LD_LIBRARY_PATH": libs}
    listed = Done(["/usr/bin/ldd", program], env=env)
    t.ok(os.path.join(libs, SONAME) in listed.out, how + ": it finds the one of the tree", listed)
    for place, before in (("alone", []), ("under cmrun", [os.path.join(top, "bin/cmrun"), "--"])):
        done = Done([*before, program], env=env)
        t.ok((done.status, done.out, done.err) == (0, example.output, ""),
             "%s: it does what it should, %s" % (how, place), done)
    os.rename(os.path.join(libs, SONAME), os.path.join(libs, "away"))
    done, listed = Done([program], env=env), Done(["/usr/bin/ldd", program], env=env)
    os.rename(os.path.join(libs, "away"), os.path.join(libs, SONAME))
    # ... unless this machine has the library installed as well
    t.ok(done.status if "not found" in listed.out else libs not in listed.out,
         how + ": and without that it does not run", done, listed)


def main():
    t = Tap()
    example = Example(pages(ROOT)["cmmmap.3"])
    with tempfile.TemporaryDirectory(prefix="cm-stage-") as folder:
        stage = os.path.join(folder, "stage")
        top = install(t, stage)
        if t.failed:
            return t.end()
        where = test_files(t, top)
        test_manual(t, top)
        test_program(t, "staged", top, {"PKG_CONFIG_SYSROOT_DIR": stage}, where, example)
        moved = os.path.join(folder, "moved", "elsewhere")
        os.mkdir(os.path.dirname(moved))
        os.rename(top, moved)
        shutil.rmtree(stage)
        where = [os.path.join(moved, os.path.relpath(path, top)) for path in where]
        test_program(t, "moved", moved, {}, where, example)
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
