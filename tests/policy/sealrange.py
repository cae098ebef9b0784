#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""cmsealrange(3) has the seals and functions of include/cookiemap.h, and an example that runs.

Usage: sealrange.py SOURCE-FOLDER CC...
"""

import os
import re
import subprocess
import sys
import tempfile

ROOT, CC = os.path.abspath(sys.argv[1]), sys.argv[2:]
results = []


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def claim(name, holds, *seen):
    results.append(bool(holds))
    print("%s %d - %s" % ("ok" if holds else "not ok", len(results), name))
    if not holds:
        print("# saw: %r" % (seen,))


def differences(header, manual):
    """Names that only one of both has, of seals and of the functions that seal by address."""
    has = set(re.findall(r"#define (CM_SEAL_\w+)", header)) | set(re.findall(r"\b(\w+)\(void \*", header))
    said = set(re.findall(r"^\.It Dv (CM_SEAL_\w+)", manual, re.M))
    said |= set(re.findall(r'^\.Fn (\w+) "', manual, re.M)) - {"mseal"}  # libc's, not the header's
    return has ^ said


def example_of(manual):
    text = manual.partition(".Sh EXAMPLES\n")[2].partition(".Bd ")[2].partition(".Ed\n")[0]
    return text.partition("\n")[2].replace(r"\e", "\\")


def build(text, folder):
    """Compiler's status, what it said, the program."""
    source, program = os.path.join(folder, "example.c"), os.path.join(folder, "example")
    with open(source, "w", encoding="utf-8") as out:
        out.write(text)
    p = subprocess.run([*CC, "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-I",
                        os.path.join(ROOT, "include"), source, "-o", program, "-ldl"],
                       capture_output=True, text=True, check=False, timeout=60)
    return p.returncode, p.stderr, program


def test_names(header, manual):
    got = differences(header, manual)
    claim("manual and header name the same", not got, got)
    claim("a manual without a seal is found", differences(
        header, manual.replace(".It Dv CM_SEAL_MOVE\n", "")) == {"CM_SEAL_MOVE"})
    claim("a seal that no header has is found", differences(
        header, manual.replace(".It Dv CM_SEAL_MOVE\n", ".It Dv CM_SEAL_HOLD\n"))
          == {"CM_SEAL_MOVE", "CM_SEAL_HOLD"})


def test_example(manual, folder):
    text = example_of(manual)
    status, said, program = build(text, folder)
    claim("the example compiles without a warning", text and not status and not said, text, said)
    status, said, _ = build(text.replace("CM_SEAL_ALL", "CM_SEAL_AL"), folder)
    claim("an example with a wrong name does not", status and "CM_SEAL_AL" in said, status, said)
    p = subprocess.run([program], capture_output=True, text=True, check=False, timeout=20,
                       env={"PATH": "/usr/bin:/bin"})
    claim("the example says that it is not sealed where it is not",
          (p.returncode, p.stdout) == (0, "nobody may be changed\n") and "not sealed" in p.stderr,
          p)


with tempfile.TemporaryDirectory(prefix="cookiemap-sealrange-") as tmp:
    test_names(text_of("include", "cookiemap.h"), text_of("man", "cmsealrange.3"))
    test_example(text_of("man", "cmsealrange.3"), tmp)
print("1..%d" % len(results))
sys.exit(not all(results))
