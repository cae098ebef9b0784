#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Includes point one way: common <- cookie, policy, trace <- interpose, supervise <- tools.

A file includes by path from the root, and only from its own folder or from one further down. Of
policy/, code that runs in the target takes the evaluator only.
"""

import os
import re
import sys

BELOW = {
    "common": (),
    "include": (),
    "cookie": ("common", "include"),
    "policy": ("common",),
    "trace": ("common",),
    "interpose": ("common", "include", "cookie", "policy", "trace"),
    "supervise": ("common", "include", "policy", "trace"),
    "tools": ("common", "include", "policy", "trace", "supervise"),
}

# What interpose/ may know of policy/: the evaluator and the list of keys.
EVALUATOR = ("policy/eval.h", "policy/key.h")

# Made by the build.
GENERATED = ("config.h", "jit_policy.h")

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def wrong(path, target, root):
    """Why this include must not be, or None."""
    top = path.split("/")[0]
    if target in GENERATED:
        return None
    if not os.path.exists(os.path.join(root, target)):
        return "%s is not a path from the root" % target
    other = target.split("/")[0]
    if other != top and other not in BELOW[top]:
        return "%s may not know %s" % (top, other)
    if top == "interpose" and other == "policy" and target not in EVALUATOR:
        return "interpose takes only the evaluator from policy, not " + target
    return None


def sources(root):
    for top in BELOW:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith((".c", ".h", ".S")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def self_test():
    """The test can fail: arrows that point back are found."""
    root = os.path.abspath(sys.argv[1])
    return (wrong("common/fmt.c", "policy/eval.h", root) is not None
            and wrong("interpose/wrap.c", "policy/read.h", root) is not None
            and wrong("cookie/region.c", "region.h", root) is not None
            and wrong("supervise/decide.c", "policy/eval.h", root) is None)


def main():
    root = os.path.abspath(sys.argv[1])
    found, failed = list(sources(root)), 0
    print("1..%d" % (len(found) + 1))
    if not self_test():
        failed += 1
    print("%s 1 - arrows that point back are found" % ("not ok" if failed else "ok"))
    for number, path in enumerate(found, 2):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            includes = INCLUDE.findall(file.read())
        faults = [fault for fault in (wrong(path, target, root) for target in includes) if fault]
        failed += bool(faults)
        print("%s %d - %s" % ("not ok" if faults else "ok", number, path))
        for fault in faults:
            print("#   " + fault)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
