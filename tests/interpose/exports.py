#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the preloaded library asks of the dynamic linker, held against an exact list.

usage: exports.py LIBRARY NAMES_H COOKIE_NAMES_H

An import that is not on the list may allocate, lock or be bound lazily inside someone else's
program; an export that is not on it changes what that program binds to.
"""

import re
import subprocess
import sys

IMPORTS = {"__errno_location", "environ", "__environ"}


def tool(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def wrapped(path):
    """The names of the lists that INTERPOSE_NAMES joins."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    lists = re.findall(r"#define INTERPOSE_(?:MM|EXEC|FLIP|STORE|SERVE)_NAMES\(X\)((?:.*\\\n)*.*\n)", text)
    return {name for part in lists for name in re.findall(r"X\((\w+)\)", part)}


def cookies(path):
    """The functions of the C interface."""
    with open(path, encoding="utf-8") as file:
        return set(re.findall(r"^\tX\((\w+),", file.read(), re.M))


def symbols(library):
    imports, exports = set(), set()
    for line in tool("nm", "-D", "--without-symbol-versions", library).splitlines():
        kind, name = line.split()[-2:]
        (imports if kind in "Uw" else exports).add(name)
    return imports, exports


def claims(library, names_h, cookie_names_h):
    """Yields (claim, what is wrong or nothing)."""
    imports, exports = symbols(library)
    names, interface = wrapped(names_h), cookies(cookie_names_h)
    yield "the list of names is read", "" if len(names) > 20 else repr(names)
    yield "so is the interface's", "" if len(interface) > 15 else repr(interface)
    names |= interface
    yield "nothing is imported but %s" % ", ".join(sorted(IMPORTS)), " ".join(imports - IMPORTS)
    yield "the wrapped names are exported", " ".join(names - exports)
    yield "nothing else is exported", " ".join(exports - names)

    dynamic = tool("readelf", "-dW", library)
    flags = re.search(r"\(FLAGS_1\)\s+Flags: (.*)", dynamic).group(1).split()
    for flag in ("NOW", "INITFIRST", "NOOPEN"):
        yield "it is linked %s" % flag, "" if flag in flags else " ".join(flags)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    yield "it needs libc only", "" if needed == ["libc.so.6"] else " ".join(needed)
    yield "its text is not relocated", "TEXTREL" if "TEXTREL" in dynamic else ""
    yield "no name is bound lazily", "JMPREL" if "JMPREL" in dynamic else ""

    segments = tool("readelf", "-lW", library)
    yield "no segment is writable and executable", "".join(re.findall(r".*RWE.*", segments))
    yield "its stack is not executable", "" if re.search(r"GNU_STACK.* RW ", segments) else segments
    yield "it has no thread-local storage", "TLS" if re.search(r"^\s+TLS", segments, re.M) else ""
    yield "it has RELRO", "" if "GNU_RELRO" in segments else "none"
    yield "it is marked for CET", "" if "IBT, SHSTK" in tool("readelf", "-nW", library) else "not"


def main():
    results = list(claims(*sys.argv[1:]))
    print("1..%d" % len(results))
    for i, (claim, wrong) in enumerate(results, 1):
        print("%s %d - %s%s" % ("not ok" if wrong else "ok", i, claim, wrong and ": " + wrong))
    return any(wrong for _, wrong in results)


if __name__ == "__main__":
    sys.exit(main())
