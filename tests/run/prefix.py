#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""What `meson install` makes can be moved anywhere, and works there without the source tree."""

import glob
import os
import shutil
import subprocess
from cm import BUILD, PROG, Tap, environment, sh, show


def install(t):
    """Installs to a staging folder and moves the tree; where it is then."""
    stage, moved = os.path.join(t.home, "stage"), os.path.join(t.home, "moved", "elsewhere")
    env = dict(os.environ, DESTDIR=stage)
    done = subprocess.run(["/usr/bin/meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"],
                          env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    tops = glob.glob(stage + "/**/bin/cmrun", recursive=True)
    if not t.ok(done.returncode == 0 and len(tops) == 1, "it installs",
                done.stdout.decode(errors="replace")):
        return None
    os.mkdir(os.path.dirname(moved))
    os.rename(os.path.dirname(os.path.dirname(tops[0])), moved)
    shutil.rmtree(stage, ignore_errors=True)
    return moved


def says(t, name, argv, out, status=0, env=None):
    clean = environment(t.work, env)
    del clean["CM_POLICY_DIR"]
    done = subprocess.run(argv, cwd=t.fresh(), env=clean, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    text = done.stdout.decode(errors="replace").strip()
    t.ok(text == out and done.returncode == status, name,
         "%s\n%s" % (done.stdout, done.stderr.decode(errors="replace")))
    return done


def leaks(moved):
    """Files that name the folder they were built in."""
    word, found = os.path.abspath(BUILD).encode(), []
    for folder, _, names in os.walk(moved):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                if word in file.read():
                    found.append(name)
    return found


with Tap() as t:
    moved = install(t)
    if moved:
        cmrun = moved + "/bin/cmrun"
        library = glob.glob(moved + "/lib*/**/libcminterpose.so", recursive=True)
        t.ok(len(library) == 1, "the library is there", library)
        rwx = PROG + "/rwx"
        says(t, "natively the attack works", [rwx], "granted")
        refused = says(t, "a moved cmrun refuses it", [cmrun, "--", rwx], "EACCES")
        t.ok(b"cookiemap" in refused.stderr and b"wx.map" in refused.stderr,
             "and says so", refused.stderr)
        preload = {"LD_PRELOAD": library[0]} if library else {}
        says(t, "a moved library alone refuses it", [rwx], "EACCES", env=preload)
        says(t, "exit status", [cmrun, "--", "/bin/sh", "-c", "exit 3"], "", status=3)
        says(t, "the preload is in the program's environment",
             [cmrun, "--", "/bin/sh", "-c", "case $LD_PRELOAD in *libcminterpose*) echo yes;; esac"],
             "yes")
        grep = sh("git init -q r; cd r; seq 500 >f; git add f; git grep -cP '^(?=.*7).8$'")
        says(t, "policies of applications are found there", [cmrun, "--", *grep], "f:1")
        says(t, "cmpolicy finds them too",
             ["/bin/sh", "-c", '"$0" list | grep -c /policy.d/git.policy', moved + "/bin/cmpolicy"],
             "1")
        pages = glob.glob(moved + "/share/man/man1/cmrun.1*")
        t.ok(bool(pages), "the manual is there", os.listdir(moved + "/share"))
        t.ok(not leaks(moved + "/share"), "no data file names the build folder",
             leaks(moved + "/share"))
