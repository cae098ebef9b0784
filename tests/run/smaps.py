# SPDX-License-Identifier: BSD-2-Clause
"""What of a process is sealed, read from outside: /proc/PID/smaps against the ELF headers of the
files that it maps.

Where the kernel has no mseal(2) nothing is marked, and nothing may be.

Nothing here asks the library what it has done. Which objects were there at start-up follows from
their headers: the program, its interpreter, what is preloaded, and whatever these need. What else
is an object was loaded later. A mapping that is not sealed must be one of a few things by name:
memory of the program's own, a late object, a data file that the caller names with a reason.
"""

import bisect
import ctypes
import errno
import fnmatch
import os
import re
import struct
from dataclasses import dataclass, field

PAGE = 4096
SYS_MSEAL = 462
LIBRARY = "libcminterpose.so"
GATE, POLICY, PATCH = ("/memfd:cookiemap-" + name for name in ("gate", "policy", "patch"))
KERNEL = ("[vdso]", "[vvar]", "[vvar_vclock]")
NEAR = 256 * PAGE           # below the gate lie the policy and the list of what is sealed
ROOM = 1 << 36              # above it the table
REUSE = 0x7eec00000000      # from there on what reuse.quarantine places: the program's

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_RELRO = 1, 2, 3, 0x6474E552
DT_NEEDED, DT_STRTAB, DT_SONAME, DT_FLAGS_1 = 1, 5, 14, 0x6FFFFFFB
DF_1_NODELETE = 8

ALL = {"text": True, "relro": True, "data": True, "vdso": True}
NONE = dict.fromkeys(ALL, False)


def kernel_seals():
    """Whether there is an mseal(2); a kernel before 6.10 marks no mapping as sealed."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(SYS_MSEAL, 0, 0, 0) == 0 or ctypes.get_errno() != errno.ENOSYS


KERNEL_SEALS = kernel_seals()


def down(address):
    return address & -PAGE


def up(address):
    return -(-address // PAGE) * PAGE


@dataclass
class Mapping:
    start: int
    end: int
    perms: str
    offset: int
    inode: int
    path: str
    sealed: bool = False

    def __str__(self):
        return "%x-%x %s %x %s%s" % (self.start, self.end, self.perms, self.offset, self.path,
                                     " (sealed)" if self.sealed else "")


HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ (\d+)\s*(.*)")


def mappings(pid):
    found = []
    with open("/proc/%s/smaps" % pid, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            head = HEAD.match(line)
            if head:
                start, end, perms, offset, inode, path = head.groups()
                found.append(Mapping(int(start, 16), int(end, 16), perms, int(offset, 16),
                                     int(inode), path.removesuffix(" (deleted)")))
            elif line.startswith("VmFlags:"):
                found[-1].sealed = "sl" in line.split()
    return [m for m in found if m.path != "[vsyscall]"]     # an address, not a mapping


@dataclass
class Elf:
    fixed: bool
    loads: list                     # (address, offset, size in the file, in memory, flags)
    relro: tuple = None             # (address, size)
    interpreter: str = None
    soname: str = None
    needed: list = field(default_factory=list)
    nodelete: bool = False


def elf_read(path, known={}):   # pylint: disable=dangerous-default-value
    """The headers of a file that can be loaded, or None."""
    if path not in known:
        try:
            with open(path, "rb") as file:
                known[path] = elf_parse(file)
        except (OSError, struct.error, ValueError):
            known[path] = None
    return known[path]


def elf_parse(file):
    head = file.read(64)
    if head[:5] != b"\x7fELF\x02" or struct.unpack_from("<H", head, 16)[0] not in (2, 3):
        return None
    at, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
    elf = Elf(head[16] == 2, [])
    file.seek(at)
    dynamic = b""
    for kind, flags, offset, address, _, stored, size, _ in struct.iter_unpack(
            "<IIQQQQQQ", file.read(56 * count)):
        if kind == PT_LOAD:
            elf.loads.append((address, offset, stored, size, flags))
        elif kind == PT_RELRO:
            elf.relro = (address, size)
        elif kind in (PT_DYNAMIC, PT_INTERP):
            file.seek(offset)
            if kind == PT_DYNAMIC:
                dynamic = file.read(stored & -16)
            else:
                elf.interpreter = file.read(stored).rstrip(b"\0").decode()
    elf_dynamic(elf, file, list(struct.iter_unpack("<QQ", dynamic)))
    return elf if elf.loads else None


def elf_dynamic(elf, file, entries):
    tags = dict(entries)
    strings = tags.get(DT_STRTAB, 0)
    for address, offset, stored, _, _ in elf.loads:
        if address <= strings < address + stored:
            base = offset + strings - address
            break
    else:
        return

    def name(at):
        file.seek(base + at)
        return file.read(256).split(b"\0")[0].decode()

    elf.needed = [name(value) for tag, value in entries if tag == DT_NEEDED]
    elf.soname = name(tags[DT_SONAME]) if DT_SONAME in tags else None
    elf.nodelete = bool(tags.get(DT_FLAGS_1, 0) & DF_1_NODELETE)


@dataclass
class Piece:
    start: int
    end: int
    kind: str                       # text, relro, data, bss; constants are text


def pieces(elf, bias):
    """What the loader has made of an object, page by page, by what may become of it."""
    found = []
    relro = (0, 0)
    if elf.relro:
        relro = (down(bias + elf.relro[0]), down(bias + sum(elf.relro)))
    for address, _, stored, size, flags in elf.loads:
        start, end = down(bias + address), up(bias + address + size)
        if not flags & 2:
            found.append(Piece(start, end, "text"))
            continue
        if start <= relro[0] < end:
            found += [Piece(start, relro[0], "data"), Piece(*relro, "relro")]
            start = relro[1]
        filled = max(start, up(bias + address + stored))
        found += [Piece(start, min(filled, end), "data"), Piece(filled, end, "bss")]
    return [p for p in found if p.start < p.end]


class Object:
    """An ELF file at the place where a loader has put it."""

    def __init__(self, path, elf, bias):
        self.path, self.elf, self.bias = path, elf, bias
        self.pieces = pieces(elf, bias)
        self.start, self.end = self.pieces[0].start, self.pieces[-1].end

    def is_named(self, name):
        return name in (self.elf.soname, os.path.basename(self.path), self.path)

    def __str__(self):
        return "%s at %x" % (self.path, self.start)


def objects(found):
    """Every object that is loaded, by rising address; a file may be there more than once."""
    by_start = {m.start: m for m in found}
    listed = []
    for m in found:
        elf = elf_read(m.path) if m.path.startswith("/") and m.inode else None
        if not elf or m.offset != down(elf.loads[0][1]):
            continue
        bias = 0 if elf.fixed else m.start - down(elf.loads[0][0])
        places = [by_start.get(down(bias + load[0])) for load in elf.loads if load[2]]
        if m.start == down(bias + elf.loads[0][0]) and all(
                place and place.path in (m.path, PATCH) or within(found, load, bias, m.path)
                for place, load in zip(places, [load for load in elf.loads if load[2]])):
            listed.append(Object(m.path, elf, bias))
    return listed


def within(found, load, bias, path):
    """Whether a segment lies inside a mapping of its file: neighbours may have become one."""
    at = down(bias + load[0])
    return any(m.path in (path, PATCH) for m in touching(found, at, at + 1))


def n_mappings(found, o):
    """How many mappings an object takes."""
    return sum(len(touching(found, p.start, p.end)) for p in o.pieces)


def size_kib(o):
    return sum(p.end - p.start for p in o.pieces) >> 10


def at_startup(pid, listed):
    """The objects among these that were loaded before the program began."""
    program = os.readlink("/proc/%s/exe" % pid).removesuffix(" (deleted)")
    first = [o for o in listed if o.path == program][:1]
    if not first:
        return []
    wanted = [LIBRARY, first[0].elf.interpreter or LIBRARY]
    there, todo = list(first), list(first)
    while todo or wanted:
        if todo:
            wanted += todo.pop().elf.needed
        for name in wanted:
            real = os.path.realpath(name) if "/" in name else name
            # ld.so maps downwards: of several copies the first lies highest
            named = [o for o in listed if o.is_named(name) or o.path == real][-1:]
            todo += [o for o in named if o not in there]
            there += [o for o in named if o not in there]
        wanted = []
    return there


def touching(found, start, end):
    """The mappings that have a part in a range; `found` rises."""
    first = bisect.bisect_right(found, start, key=lambda m: m.end)
    return found[first:bisect.bisect_left(found, end, key=lambda m: m.start)]


def unsealed(found, start, end):
    """How much of a range is mapped and not sealed, and how much is; in bytes."""
    bare = held = 0
    for m in touching(found, start, end):
        size = min(end, m.end) - max(start, m.start)
        held, bare = held + size * m.sealed, bare + size * (not m.sealed)
    return bare, held


@dataclass
class Seen:
    """What a look at a process found. `wrong` is what should not be so."""

    wrong: list = field(default_factory=list)
    startup: list = field(default_factory=list)
    late: list = field(default_factory=list)    # (object, all of it sealed; None: a part of it)
    sealed_bytes: int = 0
    covered: set = field(default_factory=set)   # mappings that somebody answers for, by address
    kinds: dict = field(default_factory=dict)   # kind of piece: how many were sealed

    def __str__(self):
        return "\n".join(self.wrong) or "%d objects at start-up, %d late; %s; %d KiB sealed" % (
            len(self.startup), len(self.late), self.kinds, self.sealed_bytes >> 10)


def look_at_object(seen, found, o, seal, spared):
    """seal: as ALL. The library itself is sealed whatever a policy says of others."""
    own = KERNEL_SEALS and os.path.basename(o.path) == LIBRARY
    free = {kind for pattern, kinds in spared.items() if fnmatch.fnmatchcase(o.path, pattern)
            for kind in kinds}
    for p in o.pieces:
        kind = "data" if p.kind == "bss" else p.kind
        wanted = own or (seal[kind] and kind not in free)
        bare, held = unsealed(found, p.start, p.end)
        if bare if wanted else held:
            seen.wrong.append("%s: %s %x-%x: %d of %d bytes are %ssealed" % (
                o.path, p.kind, p.start, p.end, bare if wanted else held, p.end - p.start,
                "not " if wanted else ""))
        elif wanted and held:
            seen.kinds[p.kind] = seen.kinds.get(p.kind, 0) + 1
        writable = [m for m in touching(found, p.start, p.end) if "w" in m.perms]
        if p.kind in ("text", "relro") and writable:
            seen.wrong.append("%s: %s is writable: %s" % (o.path, p.kind, writable[0]))


def look_at_late(seen, found, o):
    bare = held = 0
    for p in o.pieces:
        bare, held = (a + b for a, b in zip((bare, held), unsealed(found, p.start, p.end)))
    seen.late.append((o, (None if bare else True) if held else False))
    if held and bare:
        seen.wrong.append("%s: %d bytes of it are sealed, %d not" % (o, held, bare))


def look_at_ours(seen, found, policed, reserved):
    """The gate, the policy, the list of what is sealed below it, the table above it."""
    gates = [m for m in found if m.path == GATE]
    if not policed:
        return
    if len(gates) != 1 or not any(m.path == POLICY for m in found):
        seen.wrong.append("%d mappings of the gate; the policy: %s" % (
            len(gates), [str(m) for m in found if m.path == POLICY]))
        return
    gate = gates[0].start
    for m in found:
        beside = not m.path and gate - NEAR <= m.start < min(gate + ROOM, REUSE)
        if beside or m.path in (GATE, POLICY):
            seen.covered.add(m.start)
            wanted = KERNEL_SEALS and (reserved or m.path or m.start < gate)
            if wanted and not m.sealed:
                seen.wrong.append("ours, and not sealed: %s" % m)


def look_at_rest(seen, found, listed, data_files):
    """What is neither of an object nor ours is not sealed, and of a known kind."""
    whole = sorted((p.start, p.end) for o in listed for p in o.pieces)
    for m in found:
        i = bisect.bisect_left(whole, (m.end,)) - 1
        if m.start in seen.covered or m.path in KERNEL or (i >= 0 and whole[i][1] > m.start):
            continue
        hole = m.perms.startswith("---") and any(o.start < m.start < o.end for o in listed)
        if m.sealed and hole:
            continue    # between the segments of an object that ld.so has mapped
        if m.sealed:
            seen.wrong.append("sealed, and nobody knows why: %s" % m)
        elif m.path.startswith("/") and not hole and not any(
                fnmatch.fnmatchcase(m.path, pattern) for pattern in data_files):
            seen.wrong.append("a file that nobody has named: %s" % m)


def look(pid, seal=None, policed=True, data_files=(), reserved=False, spared=None):
    """What is sealed of a process, held against what ought to be.

    seal: the policy's seal.text, relro, data, vdso; None: nothing is known of it.
    policed: it has the library, the gate and all.
    data_files: patterns of files that the program maps for itself, {pattern: why}.
    reserved: its table was made at start-up; one made when it is first needed is not sealed.
    spared: what the policy does not seal of some objects, {pattern: {"data"}}.
    """
    seal = seal or ALL
    found = mappings(pid)
    listed, seen = objects(found), Seen()
    seen.startup = at_startup(pid, listed)
    seen.sealed_bytes = sum(m.end - m.start for m in found if m.sealed)
    if not seen.startup:
        seen.wrong.append("no program found among %d mappings" % len(found))
    if policed and not any(os.path.basename(o.path) == LIBRARY for o in seen.startup):
        seen.wrong.append("the library is not there")
    for o in listed:
        if o in seen.startup:
            look_at_object(seen, found, o, seal, spared or {})
        else:
            look_at_late(seen, found, o)
    for m in found:
        if m.path in KERNEL and seal["vdso"] not in (None, m.sealed):
            seen.wrong.append("%ssealed: %s" % ("" if m.sealed else "not ", m))
    look_at_ours(seen, found, policed, reserved)
    look_at_rest(seen, found, listed, data_files)
    return seen
