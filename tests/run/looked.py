# SPDX-License-Identifier: BSD-2-Clause
"""Real programs looked at while they run, natively and in each mode: everything that was mapped
when they began is sealed, in each of their processes, and they say what they say natively.

What is not sealed must be memory of the program's own, a library that came later, or a data
file that is named with a reason. Each program has two twins: natively, and by a policy that seals
nothing (`off`), the same look must find nothing sealed; and natively it must find fault with every
part, were it to be sealed.
"""

import os
import signal
import subprocess

from cm import Result, difference, show
from held import PATCHED, Held, end, family, free_port, ours, said, settled, wait_for
from smaps import ALL, KERNEL_SEALS, NONE, look

OFF = """extends = "default";
seal: { text = false; relro = false; data = false; vdso = false; late = "never"; };
"""
MODES = ("native", "off", "default", "preload", "strict")
NATIVE = dict(NONE, vdso=None)
SPARED = {"/usr/lib/chromium/chromium": {"data"}}   # policy/jit.policy says why
LOCALE = {"/usr/lib/locale/*": "locale", "*/gconv-modules.cache": "charsets"}


class Looked(Held):
    """One look at every process of a program, in each mode."""

    def seal_of(self, mode):
        if not KERNEL_SEALS:
            return NONE
        return {"native": NATIVE, "off": NONE}.get(mode, ALL)

    def looked(self, mode, pid, data, seal=None):
        """[(program, what was seen)] of a process and its descendants."""
        found = []
        for one in family(pid):
            try:
                name = os.path.basename(os.readlink("/proc/%d/exe" % one))
                found.append((name, look(one, seal or self.seal_of(mode), mode != "native",
                                         {**LOCALE, **data}, mode == "strict", SPARED)))
            except (FileNotFoundError, ProcessLookupError):
                pass    # it has ended meanwhile
        return found

    def judge(self, name, mode, found, least=1):
        """Every look went well; where something is to be sealed, each kind of it was."""
        wrong = ["%s: %s" % (program, seen) for program, seen in found or () if seen.wrong]
        nothing = mode in ("native", "off") or not KERNEL_SEALS
        kinds = [seen.kinds for _, seen in found or () if not nothing]
        # the program's own parts and the library's at least
        sane = all({"text", "relro", "data"} <= set(kind) and kind["text"] >= 4 for kind in kinds)
        self.ok(found and len(found) >= least and not wrong and sane, "%s: %s: %s" % (
            name, mode, "nothing is sealed" if nothing else "all is sealed"),
            "\n".join(wrong) or "%s" % [str(seen) for _, seen in found or ()])
        late = [(str(o), state) for _, seen in found or () for o, state in seen.late
                if o.elf.relro and state != self.late(mode, o)]
        self.ok(not late, "%s: %s: what came later is as seal.late says" % (name, mode), late)

    @staticmethod
    def late(mode, o):
        if not PATCHED or not KERNEL_SEALS:
            return False
        if mode == "strict":
            return "/gconv/" not in o.path  # libc loads these again and again
        return mode in ("default", "preload") and o.elf.nodelete

    def twin(self, name, pid, data):
        """The look itself: natively, it must say of every part that it is not sealed."""
        seen = self.looked("native", pid, data, ALL)[0][1]
        bare = [line for line in seen.wrong if "bytes are not sealed" in line]
        self.ok(len(bare) >= 3 * len(seen.startup) > 0, "%s: natively the look finds fault" % name,
                seen)

    def program(self, name, argv, after=b"7\n", status=0, strict=None, data=(), **how):
        """argv waits for `after`. strict: what that refuses; None: nothing."""
        native = None
        for mode in MODES:
            def examine(pid, mode=mode):
                if mode == "native":
                    self.twin(name, pid, dict(data))
                return self.looked(mode, pid, dict(data))
            got_status, out, err, found = self.held(mode, argv, examine, after=after, **how)
            got = Result(out, err, got_status)
            if mode == "strict" and strict:
                self.refusal(name, mode, got, strict)
                continue
            native = native or got
            self.ok(got.key() == native.key() and got.status == status and out,
                    "%s: %s: as natively" % (name, mode), difference(native, got))
            self.judge(name, mode, found)

    def server(self, name, argv, ask, ready, least=1, data=(), setup=None, stop=signal.SIGTERM,
               modes=MODES):
        """argv(folder, port) serves; ready(port) once it does; ask(port) is what it answers."""
        native = None
        for mode in modes:
            folder, port = self.fresh(setup), free_port()
            process = self.start(mode, argv(folder, port), folder, subprocess.DEVNULL)
            try:
                good = wait_for(lambda p=port: ready(p), 30)
                settled(process.pid, least)
                found = self.looked(mode, process.pid, dict(data))
                if mode == "native":
                    self.twin(name, process.pid, dict(data))
                answer = ask(port)
                process.send_signal(stop)
            finally:
                status = end(process)
                process.stdin.close()
            got = (good, answer, status)
            native = native or got
            self.ok(good and answer and got == native and not ours(said(folder)),
                    "%s: %s: as natively" % (name, mode), "%s\n%s" % (got, said(folder)[-600:]))
            self.judge(name, mode, found, least)
