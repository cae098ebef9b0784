#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""What libcookiemap.so exports, in the four places that say so: one set of names.

usage: symbols.py SOURCE LIBRARY VERSION-SCRIPT INTERPOSER PROJECT-VERSION

The header declares it, the version script lists it, the library has it, and the symbols file of a
Debian package promises it, with the version that each name came with. A name that is missing in one,
or too many, fails; so does an import that is new.
"""

import os
import re
import sys

from build import BY_ADDRESS, Done, Tap, prototypes

ROOT, LIBRARY, SCRIPT, INTERPOSER = [os.path.abspath(arg) for arg in sys.argv[1:5]]
VERSION = sys.argv[5]

SONAME, PACKAGE = "libcookiemap.so.0", "libcookiemap0"

# What the dynamic linker must find elsewhere; the weak ones need not be there.
IMPORTS = {"__errno_location", "__register_atfork"}
WEAK = {"__cm_server", "__cxa_finalize", "__gmon_start__", "_ITM_deregisterTMCloneTable",
        "_ITM_registerTMCloneTable"}


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def dynamic(library):
    """({name: node} of what it defines, {name} of what it needs, {name} of what it asks for weakly)"""
    defined, needs, asks = {}, set(), set()
    for line in Done(["nm", "-D", library]).out.splitlines():
        kind, symbol = line.split()[-2:]
        name, _, node = symbol.partition("@")
        if kind in "Uw":
            (needs if kind == "U" else asks).add(name)
        else:
            defined[name] = node.lstrip("@")
    return defined, needs, asks


def script(text):
    """{name: node} of a version script"""
    return {name: node for node, names in re.findall(r"([\w.]+) \{\s*global:(.*?)local:", text, re.S)
            for name in re.findall(r"(\w+);", names)}


def promised(text):
    """(first line, {name: (node, version)}) of a symbols file, less the nodes' own lines"""
    lines = [line for line in text.splitlines() if line and line[0] not in "#*"]
    rows = [re.fullmatch(r" (\w+)@(\S+) (\S+)", line) for line in lines[1:]]
    own = r" (\S+)@\1 \S+"
    if not lines or not all(row or re.fullmatch(own, line) for row, line in zip(rows, lines[1:])):
        return "", {}
    return lines[0], {row[1]: (row[2], row[3]) for row in rows if row and row[1] != row[2]}


def nodes(text):
    return set(re.findall(r"^ (\S+)@\1 \S+$", text, re.M))


def differ(a, b):
    return sorted(set(a) ^ set(b))


def number(version):
    return tuple(int(part) for part in version.split("."))


def test_sets(t, header, listed, defined, text):
    first, file = promised(text)
    t.ok(len(header) > 15, "the header is read", header)
    t.ok(not differ(header, listed), "the version script has the header's functions",
         differ(header, listed))
    names = {name: node for name, node in defined.items() if name != node and node}
    extra = [name for name, node in defined.items() if not node and name not in listed.values()]
    t.ok(names == listed and not extra, "the library has these under their nodes, and no others",
         differ(names.items(), listed.items()), extra)
    t.ok(first.split()[:2] == [SONAME, PACKAGE], "the symbols file is that of the library", first)
    got = {name: node for name, (node, _) in file.items()}
    t.ok(got == listed and nodes(text) == set(listed.values()), "and promises the same names",
         differ(got.items(), listed.items()))
    late = [name for name, (node, since) in file.items()
            if number(since) > number(VERSION) or not since.startswith(node.split("_")[-1])]
    t.ok(not late, "since a version that there was", late)


def test_faults(t, listed, text):
    less = promised(re.sub(r"^ cmsync@.*\n", "", text, flags=re.M))[1]
    t.ok(differ(less, listed) == ["cmsync"], "a name that is not promised would be found", less)
    more = promised(text + " cmmove@COOKIEMAP_0.1 0.1.0\n")[1]
    t.ok(differ(more, listed) == ["cmmove"], "a name that is not there would be found")
    t.ok(promised(text + "cmmove 0.1.0\n") == ("", {}), "a line that is none would be found")


def test_library(t, needs, asks):
    t.ok(needs == IMPORTS, "nothing is imported but " + ", ".join(sorted(IMPORTS)), needs)
    t.ok(asks <= WEAK and "__cm_server" in asks, "and weakly", asks)
    out = Done(["readelf", "-dW", LIBRARY]).out
    t.ok(re.findall(r"\(SONAME\).*\[(.*)\]", out) == [SONAME], "its soname is " + SONAME, out)
    t.ok(re.findall(r"\(NEEDED\).*\[(.*)\]", out) == ["libc.so.6"], "it needs libc only", out)
    t.ok("NODELETE" in out and "TEXTREL" not in out, "it is never unloaded, its text not relocated",
         out)
    segments = Done(["readelf", "-lW", LIBRARY]).out
    t.ok("RWE" not in segments and re.search(r"GNU_STACK.* RW ", segments)
         and "GNU_RELRO" in segments, "no segment is writable and executable; it has RELRO", segments)


def main():
    t = Tap()
    header = [name for name in prototypes(text_of(os.path.join(ROOT, "include/cookiemap.h")))
              if name not in BY_ADDRESS]
    text = text_of(os.path.join(ROOT, "cookie/libcookiemap0.symbols"))
    listed = script(text_of(SCRIPT))
    defined, needs, asks = dynamic(LIBRARY)
    test_sets(t, header, listed, defined, text)
    test_faults(t, listed, text)
    test_library(t, needs, asks)
    served = dynamic(INTERPOSER)[0]
    missing = [name for name in {*header, *BY_ADDRESS} if served.get(name) != ""]
    t.ok(not missing, "the preloaded library has every function of the header, without a node",
         missing)
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
