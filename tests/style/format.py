#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every C file is as clang-format makes it; every shell script is as shellcheck likes it."""

import os
import subprocess
import sys

FOLDERS = ("bench", "common", "cookie", "examples", "include", "interpose", "policy", "supervise",
           "tests", "tools", "trace")


def files(root):
    """(C files, shell scripts), by name and by first line"""
    sources, scripts = [], [os.path.join(root, "bootstrap"), os.path.join(root, ".ci/run")]
    for top in FOLDERS:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if name.endswith((".c", ".h")):
                    sources.append(path)
                elif name.endswith(".sh"):
                    scripts.append(path)
    return sorted(sources), sorted(scripts)


def main():
    root = os.path.abspath(sys.argv[1])
    sources, scripts = files(root)
    jobs = [(path, ["clang-format", "--dry-run", "-Werror", path]) for path in sources]
    jobs += [(path, ["shellcheck", path]) for path in scripts]
    failed = 0
    print("1..%d" % len(jobs))
    for number, (path, command) in enumerate(jobs, 1):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False, text=True)
        good = done.returncode == 0
        failed += not good
        print("%s %d - %s %s" % ("ok" if good else "not ok", number, command[0],
                                 os.path.relpath(path, root)))
        for line in [] if good else done.stdout.splitlines()[:12]:
            print("#   " + line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
