#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""mseal, mimmutable and cmsealrange, by libc's symbols, by syscall() and by the bare instruction.

mseal must come to what the kernel's own comes to, in each case of prog/seal_table.c and each of its
ways; where the kernel has none (prefixed here by a filter that says so), to the same, by libc's
symbol and by syscall(). cmsealrange has no native twin: what it must come to is a table here, and
memory without seals must let every call through.
"""

import os

from cm import BUILD, CMRUN, LIB, PROG, Tap, show

TABLE, TYPES = (os.path.join(PROG, "seal_" + name) for name in ("table", "types"))
NO_MSEAL = os.path.join(BUILD, "tests/escape/no_mseal")
WAYS = ("libc", "syscall", "raw")
PAIRS = (("libc", "libc"), ("libc", "raw"), ("syscall", "syscall"), ("syscall", "raw"),
         ("raw", "raw"), ("raw", "libc"))
MODES = ("default", "strict", "preload")


def may(mode, *ways):
    """Strict refuses what goes past the library, whatever it is."""
    return mode != "strict" or "raw" not in ways


CALLS = ("mprotect: less", "mprotect: the same", "mprotect: more", "mprotect: none",
         "pkey_mprotect: less", "munmap", "munmap, mmap there, mprotect: more",
         "munmap of a page before it", "munmap of that and it", "mmap over", "shmat over",
         "mremap onto", "mremap away", "mremap: longer", "mremap: shorter", "mremap, leaving it",
         "DONTNEED", "DONTNEED, shared", "FREE", "REMOVE", "DONTFORK", "WIPEONFORK",
         "DONTNEED_LOCKED", "GUARD_INSTALL", "WILLNEED")

# A call is refused by any of these seals; DOWNGRADE refuses all but what its row leaves out.
BY = {
    "PROT": {"mprotect: less", "mprotect: the same", "mprotect: more", "mprotect: none",
             "pkey_mprotect: less"},
    "UNMAP": {"munmap", "munmap, mmap there, mprotect: more", "munmap of that and it",
              "mremap: shorter"},
    "REPLACE": {"mmap over", "shmat over", "mremap onto"},
    "MOVE": {"mremap away", "mremap: longer", "mremap: shorter", "mremap, leaving it"},
    "DISCARD": {"DONTNEED", "DONTNEED, shared", "FREE", "REMOVE", "DONTFORK", "WIPEONFORK",
                "DONTNEED_LOCKED", "GUARD_INSTALL"},
}
BY["DOWNGRADE"] = (BY["REPLACE"] | BY["MOVE"] | BY["DISCARD"] | {"mprotect: more"})
MSEAL = ("PROT", "UNMAP", "REPLACE", "MOVE")
ROWS = {
    "none": (),
    **{seal: (seal,) for seal in BY},
    "UNMAP+DISCARD": ("UNMAP", "DISCARD"),
    "mseal's": MSEAL,
    "ALL": (*MSEAL, "DISCARD"),
    "PROT, then UNMAP": ("PROT", "UNMAP"),
    "PROT, then the rest": (*MSEAL, "DISCARD"),
    "ALL, then DISCARD": (*MSEAL, "DISCARD"),
    "mimmutable": (*MSEAL, "DISCARD"),
}

ERRORS = """no seals: EINVAL
an unknown seal: EINVAL
an unknown one among others: EINVAL
a negative one: EINVAL
an unaligned address: EINVAL
a length that wraps: EINVAL
a gap at the end: ENOMEM
a gap inside: ENOMEM
a gap at the beginning: ENOMEM
after these, munmap: ok
no length: ok
one byte: ok
after that, munmap: EPERM
of the page behind: ok
mimmutable over a gap: ok
after that, munmap of the last: EPERM
mimmutable that wraps: EINVAL
mimmutable of nothing: ok
"""


def expected(calls):
    """What seal_types prints, for the calls that this kernel has."""
    rows = []
    for name, seals in ROWS.items():
        letters = ["P" if any(call in BY[seal] for seal in seals) else "." for call in CALLS]
        rows.append("%s: %s" % (name, "".join(
            letter if letter == "P" or there else "I" for letter, there in zip(letters, calls))))
    return "\n".join(rows) + "\n"


def where(text, other):
    """The first lines that differ, with the case they belong to."""
    case, lines = "", []
    for a, b in zip(text.splitlines(), other.splitlines()):
        case = a if not a.startswith(" ") else case
        if a != b:
            lines.append("%s | expected %s | found %s" % (case, a.strip(), b.strip()))
    return "\n".join(lines[:20])


class Seals(Tap):
    def on(self, mode, argv, without=False):
        """Runs it, on a kernel without mseal if so; strict reports of its own are not compared."""
        prefix = [NO_MSEAL] if without else []
        command = {"native": argv, "preload": ["/usr/bin/env", "LD_PRELOAD=" + LIB, *argv],
                   "default": [CMRUN, "--", *argv],
                   "strict": [CMRUN, "--profile=strict", "--", *argv]}[mode]
        return self.run("native", prefix + command)

    def printed(self, name, mode, argv, text, without=False):
        got = self.on(mode, argv, without)
        found = got.out.decode(errors="replace")
        self.ok(got.status == 0 and found == text and not got.err, "%s: %s%s" % (
            name, mode, ", no mseal in the kernel" if without else ""),
            where(text, found) or show(got))

    def tables(self):
        """A kernel that has mseal says what it comes to; one that has not is told in a file."""
        native = self.on("native", [TABLE, "raw", "raw"])
        self.ok(native.status == 0 and b"all: " in native.out, "mseal: natively", show(native))
        with open(os.path.join(os.path.dirname(os.path.realpath(__file__)), "prog/seal_table.out"),
                  encoding="ascii") as file:
            text = file.read()
        has = b"\nall: ok\n" in native.out
        self.ok(not has or native.out.decode() == text, "mseal: natively as in Linux 6.18",
                where(text, native.out.decode()))
        gone = self.on("native", [TABLE, "raw", "raw"], without=True)
        self.ok(b"\nall: ENOSYS\n" in gone.out and b"P" not in pages(gone.out),
                "no mseal in the kernel: natively", show(gone))
        for mode, way, other in ((mode, way, other) for mode in MODES for way, other in PAIRS):
            if has and may(mode, way, other):
                self.printed("mseal by %s, then %s" % (way, other), mode, [TABLE, way, other],
                             text)
            if way != "raw" and may(mode, way, other):
                self.printed("mseal by %s, then %s" % (way, other), mode, [TABLE, way, other],
                             text, without=True)
        refused = self.on("strict", [TABLE, "libc", "raw"])
        self.ok(b": raw (profile strict)" in refused.err, "mseal, then raw: strict refuses raw",
                show(refused))

    def types(self):
        """Natively there is no cmsealrange, and every call goes through; or is not there at all."""
        names = self.on("native", [TYPES, "calls"]).out.decode().splitlines()
        self.ok(names == list(CALLS), "cmsealrange: the calls", names)
        native = self.on("native", [TYPES, "raw", "self"]).out.decode()
        letters = native.removeprefix("none: ").rstrip("\n")
        self.ok(len(letters) == len(CALLS) and letters.count(".") >= len(CALLS) - 2
                and set(letters) <= {".", "I"}, "cmsealrange: natively", native)
        text = expected([letter == "." for letter in letters])
        for without, mode in ((without, mode) for without in (False, True) for mode in MODES):
            for way, who in ((way, who) for way in WAYS for who in ("self", "fork", "thread")):
                if may(mode, way):
                    self.printed("cmsealrange, then %s by %s" % (way, who), mode,
                                 [TYPES, way, who], text, without)
            self.printed("cmsealrange, mimmutable: errors", mode, [TYPES, "errors"], ERRORS,
                         without)


def pages(out):
    """The letters of a table, without names."""
    return b"".join(line[17:] for line in out.splitlines()
                    if line.startswith(b"  ") and b"all" not in line)


with Seals() as t:
    t.tables()
    t.types()
