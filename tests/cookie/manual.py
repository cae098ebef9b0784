#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""The pages of the C interface: they name what the header names, and their examples run.

usage: manual.py SOURCE BUILD CMRUN LIBRARY CC...

Each page has an example, which is compiled as it stands, as C and as C++, and prints what the page
says that it prints, alone and under cmrun. Where the policy decides, the page has the line of it,
and says what is printed without; both are tried.
"""

import os
import re
import sys
import tempfile

from build import BY_ADDRESS, Done, Tap, WARNINGS, compiled, flags, prototypes
from pages import Example, names_of, pages

ROOT, BUILD, CMRUN, LIBRARY = [os.path.abspath(arg) for arg in sys.argv[1:5]]
CC = sys.argv[5:]

COMPILERS = (("C", [*CC, "-std=c11", "-D_GNU_SOURCE"], ".c"),
             ("gnu17", [*CC, "-std=gnu17", "-D_GNU_SOURCE"], ".c"),
             ("C++", ["g++", "-std=c++11"], ".cc"))

# Every page has these, in this order.
SECTIONS = ("NAME", "LIBRARY", "SYNOPSIS", "DESCRIPTION", "RETURN VALUES", "EXAMPLES", "ERRORS",
            "SEE ALSO", "SECURITY CONSIDERATIONS")


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def faults_of_sections(page):
    has = re.findall(r"^\.Sh (.*)$", page, re.M)
    return [name for name in SECTIONS if name not in has] or (
        [] if [name for name in has if name in SECTIONS] == list(SECTIONS) else ["their order"])


def said(page):
    """The names of the header's that a page explains."""
    names = set(names_of(page))
    for line in re.findall(r"^\.(?:It |Pq )?(?:Dv|Fa) (.*)$", page, re.M):
        names |= set(re.findall(r"\bCM_\w+", line))
    names |= {n for line in re.findall(r"^\.It Fa (.*)$", page, re.M) for n in re.findall(r"\w+", line)}
    return names


def has(header):
    """The names that a user of the header meets; what is only for the header's own use is not."""
    plain = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    names = set(re.findall(r"^#define (CM_\w+|CMREQ_\w+)", plain, re.M)) - {"CM_PICK7", "CM_FORM"}
    stat = re.search(r"^struct cm_stat \{(.*?)^\};", plain, re.S | re.M)
    names |= set(re.findall(r"(\w+)(?:\[\d+\])?;", stat.group(1)))
    return names | (set(prototypes(header)) - BY_ADDRESS)


def test_names(t, header, found):
    union = set().union(*(said(page) for page in found.values()))
    missing, names = has(header) - union, has(header)
    t.ok(len(names) > 80, "the header is read", sorted(names))
    t.ok(not missing, "every name of the header is in a page", sorted(missing))
    strange = {n for n in union if n.startswith("CM") and n not in names}
    t.ok(not strange, "every name of a page is in the header", sorted(strange))
    less = found["cmseal.3"].replace("CM_SEAL_MOVE", "CM_SEAL_HOLD")
    t.ok("CM_SEAL_MOVE" not in said(less) and "CM_SEAL_HOLD" in said(less),
         "a name that is not explained is found")


def leads_right(link):
    with open(os.path.join(BUILD, "man", link), encoding="utf-8") as file:
        to = file.read().partition("man3/")[2].strip()
    return to and link[:-2] in names_of(text_of("man", to))


def test_links(t, found):
    """Each name has a page of its own, or one that leads to where it is explained."""
    wrong, n = [], 0
    for name, page in found.items():
        for other in names_of(page):
            link, want = os.path.join(BUILD, "man", other + ".3"), ".so man3/%s\n" % name
            if other + ".3" == name:
                continue
            n += 1
            if not os.path.exists(link) or open(link, encoding="utf-8").read() != want:
                wrong.append(link)
    t.ok(n > 20 and not wrong, "every other name leads to its page", wrong)
    stale = [link for link in sorted(os.listdir(os.path.join(BUILD, "man"))) if link.endswith(".3")
             and not leads_right(link)]
    t.ok(not stale, "and none leads to a page that does not explain it", stale)
    wrong = [(name, page, to) for name, page in found.items()
             for to in re.findall(r"^\.Xr (cm\w+) 3", page, re.M)
             if not os.path.exists(os.path.join(ROOT, "man", to + ".3"))
             and not os.path.exists(os.path.join(BUILD, "man", to + ".3"))]
    t.ok(not wrong, "every reference leads somewhere", [w[::2] for w in wrong])


def want_under_cmrun(example):
    """(status, output, what is on standard error) under the default profile"""
    if not example.policy:
        return 0, example.output, ""
    return 1, example.without.group(1) + "\n" if example.without else None, "wx."


def run_example(t, how, example, program, folder):
    env = {"LD_LIBRARY_PATH": os.path.dirname(LIBRARY)}
    done = Done([program], env=env)
    t.ok((done.status, done.out, done.err) == (0, example.output, ""),
         how + " prints what the page says", done, "not " + repr(example.output))
    done = Done([CMRUN, "--", program], env=env)
    status, out, err = want_under_cmrun(example)
    t.ok((done.status, done.out) == (status, out) and (err in done.err if err else not done.err),
         how + " prints it under cmrun", done, "not %r" % ((status, out, err),))
    if not example.policy:
        return
    path = os.path.join(folder, "example.policy")
    with open(path, "w", encoding="utf-8") as file:
        file.write(example.policy)
    done = Done([CMRUN, "-p", path, "--", program], env=env)
    t.ok((done.status, done.out, done.err) == (0, example.output, ""),
         how + " prints it under the policy that the page has", done)


def test_example(t, name, page, pc, folder):
    example = Example(page)
    if not t.ok(example.program and example.output, name + " has an example and what it prints"):
        return
    for how, compiler, suffix in COMPILERS:
        done, program = compiled([*compiler, *WARNINGS], example.program, suffix, folder,
                                 name[:-2], pc)
        how = "%s: its example in %s" % (name, how)
        if t.ok(done.status == 0 and not done.err, how + " compiles without a warning", done):
            run_example(t, how, example, program, folder)


def self_test(t, pc, folder):
    """What these tests would say of faulty pages."""
    page = text_of("man", "cmstat.3")
    none = Example(page.replace(".Bd -literal", ".Bd -filled"))
    t.ok(none.program is None, "a page without an example is found")
    t.ok(faults_of_sections(page.replace(".Sh SECURITY CONSIDERATIONS", ".Sh NOTES"))
         == ["SECURITY CONSIDERATIONS"], "a page without a section is found")
    wrong = Example(page.replace("CM_STAT_RESIDENT, &st", "CM_STAT_RESIDENTS, &st"))
    done, _ = compiled([*COMPILERS[0][1], *WARNINGS], wrong.program, ".c", folder, "wrong", pc)
    t.ok(done.status and "CM_STAT_RESIDENTS" in done.err, "an example with a wrong name is found",
         done)
    other = Example(page.replace(".Bd -literal -offset indent\n     0   4096",
                                 ".Bd -literal -offset indent\n     0   8192"))
    quiet = Tap()
    quiet.ok = lambda good, *rest: quiet.__dict__.update(failed=quiet.failed + (not good))
    done, program = compiled([*COMPILERS[0][1], *WARNINGS], other.program, ".c", folder, "other", pc)
    run_example(quiet, "", other, program, folder)
    t.ok(quiet.failed == 2, "an example that prints something else is found", quiet.failed)


def main():
    t, found = Tap(), pages(ROOT)
    header = text_of("include", "cookiemap.h")
    t.ok(len(found) == 7, "there are seven pages", sorted(found))
    for name, page in found.items():
        t.ok(not faults_of_sections(page), name + " has its sections", faults_of_sections(page))
    test_names(t, header, found)
    test_links(t, found)
    pc = flags({"PKG_CONFIG_PATH": os.path.join(BUILD, "cookie")}, "--cflags", "--libs")
    t.ok(pc, "pkg-config knows the library of the build", pc)
    pc = (pc or []) + ["-I", os.path.join(ROOT, "include")]
    with tempfile.TemporaryDirectory(prefix="cm-manual-") as folder:
        self_test(t, pc, folder)
        for name, page in found.items():
            test_example(t, name, page, pc, folder)
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
