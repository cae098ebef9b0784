#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""What dlopen brings, under each seal.late: it works as natively, it is sealed where it ought to
be, and only what `always` has to keep is left behind.

The programs are looked at from outside (smaps.py) while they wait. Natively, and under `never`, the
same look must find nothing of it sealed.
"""

import os
import signal
import subprocess

from cm import PROG, write
from held import PATCHED, Held, end, fetch, free_port, ours, said, wait_for
from smaps import ALL, KERNEL_SEALS, NONE, look, mappings, n_mappings, size_kib

LOAD, NAMES = (os.path.join(PROG, "seal_" + name) for name in ("load", "names"))
ROUNDS, SPACES = 500, 15    # a namespace has room for sixteen
LATE = ("never", "nodelete", "always")
MODES = ("native", *LATE, "default", "strict", "preload")
DATA = {"/usr/lib/locale/*": "locale", "*/gconv-modules.cache": "gconv"}

IMPORTS = r"""
import importlib, os, sysconfig
names = sorted({name.split(".")[0] for name in os.listdir(sysconfig.get_path("platstdlib")
                + "/lib-dynload") if name.endswith(".so")} - {"_dbm", "_gdbm", "_tkinter"})
for name in names:
    importlib.import_module(name)
print(len(names), hex(importlib.import_module("zlib").crc32(b"x")), flush=True)
print("ready", flush=True)
input()
"""

PERL = r"""
use POSIX; use Socket; use Encode; use Fcntl; use Storable; use Data::Dumper; use List::Util;
use MIME::Base64; use Digest::MD5; use Digest::SHA; use Time::HiRes; use IO::Handle;
$| = 1; print Digest::MD5::md5_hex(encode_base64(Storable::freeze([1..9]))), "\n"; print "ready\n";
<STDIN>;
"""

NGINX = """load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
daemon off; master_process on; worker_processes 1; pid %(w)s/pid; error_log %(w)s/log; %(user)s
events { worker_connections 16; }
http { access_log off; client_body_temp_path %(w)s/a; proxy_temp_path %(w)s/b;
    fastcgi_temp_path %(w)s/c; uwsgi_temp_path %(w)s/d; scgi_temp_path %(w)s/e;
    server { listen 127.0.0.1:%(port)d; location / { echo "round %(round)d"; } } }
"""


def library(name):
    return os.path.join(PROG, "libseal_%s.so" % name)


def late_of(mode):
    """The seal.late that a mode comes to."""
    if not PATCHED and mode not in LATE:
        return "never"
    return {"native": "never", "default": "nodelete", "preload": "nodelete",
            "strict": "always"}.get(mode, mode)


class Loads(Held):
    def examined(self, mode, argv):
        """(status, output, errors, (what was seen, the mappings))"""
        def examine(pid):
            seal = ALL if mode != "native" and KERNEL_SEALS else dict(NONE, vdso=None)
            return look(pid, seal, mode != "native", DATA, mode == "strict"), mappings(pid)
        return self.held(mode, argv, examine)

    def loads(self, module, how, rounds):
        name = "%s, %s, %d times" % (module, how, rounds)
        native = None
        for mode in MODES:
            status, out, err, found = self.examined(mode, [LOAD, str(rounds), how,
                                                           library(module)])
            said = dict(line.split(" ") for line in out.decode().splitlines() if " " in line)
            shown = "status %s\n%s\n%s" % (status, out.decode(), err.decode()[-600:])
            if not self.ok(status == 0 and found and not err, "%s: %s" % (name, mode), shown):
                continue
            said_of_itself = [said[key] for key in ("counter", "refused", "again")]
            native = native or said_of_itself
            self.ok(said_of_itself == native and said["refused"] == "0",
                    "%s: %s: as natively" % (name, mode), shown)
            self.left(name, mode, module, how, rounds, said, found)

    def left(self, name, mode, module, how, rounds, said, found):
        """What the look found, against what seal.late promises."""
        seen, maps = found
        late = late_of(mode)
        stays = how == "nodelete" or module == "nodelete"
        sealed = module != "norelro" and (late == "always" or (late == "nodelete" and stays))
        kept = sealed and not stays     # a set of mappings a round
        copies = [(o, state) for o, state in seen.late if o.path == library(module)]
        others = [(o, state) for o, state in seen.late if o.path != library(module)]
        wanted = rounds + 1 if kept else int(stays)
        self.ok(not seen.wrong, "%s: %s: what was there at start-up" % (name, mode), seen)
        marked = sealed and KERNEL_SEALS
        self.ok(len(copies) == wanted and all(state is marked for _, state in copies),
                "%s: %s: %d copies, %ssealed" % (name, mode, wanted, "" if marked else "not "),
                "%d copies: %s" % (len(copies), [(str(o), state) for o, state in copies[:5]]))
        space = how == "space" and late == "always"
        own = [o for o, _ in (copies + others if space else copies if kept else [])]
        grown, kib = (sum(of(o) for o in own) * rounds // (rounds + 1)
                      for of in (lambda o: n_mappings(maps, o), size_kib))
        # unmarked memory becomes one mapping with its neighbours
        self.ok((int(said["left.mappings"]) == grown or not KERNEL_SEALS)
                and int(said["left.kib"]) == kib and (not kept or grown >= 4 * rounds),
                "%s: %s: %d mappings more" % (name, mode, grown), said)
        self.ok(space or not others, "%s: %s: nothing else was loaded" % (name, mode),
                [str(o) for o, _ in others])

    def libc_loads(self):
        """NSS and iconv: libc opens and closes by itself, and nothing may grow by it. Character
        sets, which are loaded again and again, are never sealed.
        """
        native = None
        for mode in MODES:
            status, out, err, found = self.examined(mode, [NAMES, "50"])
            said, _, left = out.decode().partition("left.mappings ")
            native = native or said
            self.ok(status == 0 and not err and said == native and "nobody -" in said,
                    "getpwnam, iconv: %s: as natively" % mode, "%s\n%s" % (out.decode(), err))
            grown = int(left.split()[0]) if left else -1
            self.ok(grown == 0, "getpwnam, iconv: %s: no mappings more" % mode, out.decode())
            self.ok(found and not found[0].wrong, "getpwnam, iconv: %s: start-up" % mode,
                    found and found[0])
            self.states("getpwnam, iconv", mode, found)

    def states(self, name, mode, found):
        """Of all that was loaded late: sealed where seal.late says so by their headers."""
        late = late_of(mode)
        wrong = [(str(o), state) for o, state in found[0].late if o.elf.relro and state != (
            KERNEL_SEALS and ((late == "always" and "/gconv/" not in o.path) or
                              (late == "nodelete" and o.elf.nodelete)))] if found else ["?"]
        self.ok(not wrong, "%s: %s: %d objects, sealed as seal.late says" % (
            name, mode, len(found[0].late) if found else 0), wrong)

    def extensions(self, name, argv, least):
        native = None
        for mode in MODES:
            status, out, err, found = self.examined(mode, argv)
            native = native or out
            self.ok(status == 0 and out == native and b"ready" in out and not err,
                    "%s: %s: as natively" % (name, mode), "%s\n%s\n%s" % (status, out, err))
            self.ok(found and len(found[0].late) >= least and not found[0].wrong,
                    "%s: %s: at least %d modules" % (name, mode, least),
                    found and "%d\n%s" % (len(found[0].late), found[0]))
            self.states(name, mode, found)

    def nginx(self, mode):
        """Copies of a module in the master: before, and after ten new configurations, each of which
        opens it before the one before closes it."""
        folder, port = self.fresh(), free_port()
        conf, user = folder + "/conf", "user root;" if os.getuid() == 0 else ""

        def configure(number):
            write(folder, "conf", NGINX % {"w": folder, "port": port, "round": number,
                                           "user": user})

        configure(0)
        server = self.start(mode, ["/usr/sbin/nginx", "-p", folder, "-c", conf, "-e", "log"],
                            folder, subprocess.DEVNULL)
        try:
            good = wait_for(lambda: fetch(port))
            before = self.copies(server.pid)
            for number in range(1, 11):
                configure(number)
                server.send_signal(signal.SIGHUP)
                good = good and wait_for(
                    lambda n=number: fetch(port) == b"round %d\n" % n)
            after = self.copies(server.pid)
            server.send_signal(signal.SIGQUIT)
        finally:
            status = end(server)
        return good, before, after, status, ours(said(folder))

    @staticmethod
    def copies(pid):
        return [state for o, state in look(pid, policed=False).late if "echo_module" in o.path]

    def servers(self):
        for mode in MODES:
            good, before, after, status, log = self.nginx(mode)
            self.ok(good and status == 0 and not log, "nginx, ten configurations: %s" % mode,
                    "%s %s %s" % (good, status, log))
            always = late_of(mode) == "always" and KERNEL_SEALS
            self.ok(before == after == [always],
                    "nginx, ten configurations: %s: its module" % mode, (before, after))


POLICY = """extends = "default";
seal: { late = "%s"; };
interpose: { patch = true; };
"""
POLICIES = {late: POLICY % late for late in LATE}

with Loads(POLICIES) as t:
    for kind in ("plain", "nodelete", "norelro"):
        for way in ("now", "nodelete"):
            t.loads(kind, way, ROUNDS)
    t.loads("plain", "space", SPACES)
    t.libc_loads()
    t.extensions("python3, all its extension modules", ["/usr/bin/python3", "-c", IMPORTS], 30)
    t.extensions("perl", ["/usr/bin/perl", "-e", PERL], 10)
    t.servers()
