#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Programs of many kinds: what of them was mapped when they began is sealed (looked.py)."""

import os
import shutil
import socket
import ssl
import subprocess
from signal import SIGQUIT

from cm import Refused, write
from held import fetch
from looked import OFF, Looked

CODE = ("wx.map", "wx.transition")
JIT = Refused("it generates code", *CODE)

PERL = r"""use POSIX; use Digest::MD5; $| = 1; print "ready\n"; my $x = <STDIN>;
print Digest::MD5::md5_hex(join ",", map { $_ * $x } 1 .. 9999), "\n";"""
PYTHON = r"""import json, sqlite3, ssl, hashlib
print("ready", flush=True); n = int(input())
print(json.dumps({"n": n}), hashlib.sha256(b"x" * n).hexdigest(), ssl.OPENSSL_VERSION)"""
RUBY = r"""require "digest"; $stdout.sync = true; puts "ready"; n = gets.to_i
puts Digest::SHA256.hexdigest("x" * n), (1..n).inject(:*).to_s.size"""
NODE = r"""console.log("ready"); process.stdin.once("data", d => {
    let f = n => n < 2 ? n : f(n - 1) + f(n - 2);
    console.log(f(+d + 20), require("crypto").createHash("md5").update("x").digest("hex"));
    process.exit(3); });"""
PHP = r"""echo "ready\n"; $n = (int) fgets(STDIN);
for ($i = $s = 0; $i < 100000; $i++) $s += $i % $n; echo $s, md5("x"), "\n";"""
GUILE = r"""(begin (use-modules (ice-9 rdelim)) (display "ready\n") (force-output)
(let ((n (string->number (read-line)))) (display (expt n 99)) (newline)))"""
LUA = r"""io.write("ready\n") io.flush() local n = tonumber(io.read()) local s = 0
for i = 1, 5000000 do s = s + i % n end print(s)"""
JAVA = """public class Main { public static void main(String[] a) throws Exception {
    System.out.println("ready"); int n = System.in.read(); long s = 0;
    for (int i = 0; i < 5000000; i++) s += i % n;
    System.out.println(s + " " + java.util.stream.IntStream.range(0, n).sum()); } }
"""
C = "int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }\n"

NGINX = """daemon off; master_process on; worker_processes 2; pid %(w)s/pid; %(user)s
error_log %(w)s/log;
events { worker_connections 16; }
http { access_log off; client_body_temp_path %(w)s/a; proxy_temp_path %(w)s/b;
    fastcgi_temp_path %(w)s/c; uwsgi_temp_path %(w)s/d; scgi_temp_path %(w)s/e;
    server { listen 127.0.0.1:%(port)d; root %(w)s; gzip on; } }
"""


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def interpreters(t):
    t.program("bash", ["/bin/bash", "-c", "echo ready; read n; echo $((n * 6)); ls /usr | head"])
    t.program("perl", ["/usr/bin/perl", "-e", PERL])
    t.program("python3", ["/usr/bin/python3", "-c", PYTHON])
    t.program("ruby", ["ruby", "-e", RUBY])
    t.program("guile", ["guile", "--no-auto-compile", "-c", GUILE], strict=JIT,
              data={"*.go": "compiled Scheme, an ELF file that guile maps itself"})
    t.program("php", ["php", "-n", "-r", PHP])
    t.program("luajit -joff", ["luajit", "-joff", "-e", LUA])
    t.program("sqlite3", ["sqlite3"], before=b".mode list\nselect 'ready';\n",
              after=b"create table a(b); insert into a values (1), (2); select sum(b) from a;\n")
    t.program("git cat-file --batch", ["git", "cat-file", "--batch"], mark=b"", before=b"HEAD\n",
              after=b"HEAD:file\n", setup=repository,
              data={"*/.git/objects/pack/*": "what git keeps"})
    t.program("gdb", ["gdb", "-q", "-nx", "-batch", "-ex", "python print('ready', flush=True)",
                      "-ex", "python print(int(input()) * 6)"])
    t.program("cc1", ["/bin/sh", "-c", CC1], after=C.encode())


CC1 = 'cc1=$(gcc -print-prog-name=cc1); printf "ready\\n"; exec "$cc1" -quiet -O2 -o - -'


def repository(folder):
    env = {"PATH": os.environ["PATH"], "HOME": folder, "GIT_CONFIG_NOSYSTEM": "1"}
    for who in ("AUTHOR", "COMMITTER"):
        env.update({"GIT_%s_NAME" % who: "a", "GIT_%s_EMAIL" % who: "b",
                    "GIT_%s_DATE" % who: "1700000000 +0000"})
    write(folder, "file", "hello\n" * 99)
    for command in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "x"], ["gc", "-q"]):
        subprocess.run(["git", *command], cwd=folder, env=env, check=True)


def jits(t):
    t.program("node", ["node", "-e", NODE], status=3, strict=JIT,
              data={"/usr/bin/node": "V8 maps its built-in code once more"})
    made = t.fresh(lambda folder: write(folder, "Main.java", JAVA))
    subprocess.run(["javac", "Main.java"], cwd=made, check=True, timeout=60)
    jar = os.path.join(t.home, "Main.class")
    shutil.copy(os.path.join(made, "Main.class"), jar)
    t.program("java", ["java", "-XX:-UsePerfData", "-cp", t.home, "Main"], strict=JIT,
              data={"*.jsa": "shared classes", "*/lib/modules": "classes"})


def nginx(folder, port):
    conf = write(folder, "conf", NGINX % {
        "w": folder, "port": port, "user": "user root;" if os.getuid() == 0 else ""})
    write(folder, "index.html", "hello\n" * 999)
    return ["/usr/sbin/nginx", "-p", folder, "-c", conf, "-e", "log"]


def tls_keys(t):
    key, cert = t.home + "/key.pem", t.home + "/cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                    "-out", cert, "-subj", "/CN=t"], check=True, stderr=subprocess.DEVNULL)
    return key, cert


def tls_ask(port):
    """The server turns lines around."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        with context.wrap_socket(plain) as tls:
            tls.sendall(b"hello\n")
            return tls.recv(99)


def redis_ask(port):
    done = subprocess.run(["redis-cli", "-p", str(port)], stdout=subprocess.PIPE, check=False,
                          input=b"set k 5\nincr k\neval 'return 6 * 7' 0\nstrlen k\n")
    return done.stdout


def servers(t):
    t.server("nginx", nginx, lambda port: fetch(port, "/index.html"),
             lambda port: fetch(port, "/index.html"), least=3,
             data={"/dev/zero": "shared by the workers"}, stop=SIGQUIT)
    t.server("redis-server", lambda _, port: [
        "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        redis_ask, listens)
    key, cert = tls_keys(t)
    t.server("openssl s_server", lambda _, port: [
        "openssl", "s_server", "-quiet", "-key", key, "-cert", cert, "-accept",
        "127.0.0.1:%d" % port, "-rev"], tls_ask, listens)


with Looked({"off": OFF}) as t:
    interpreters(t)
    jits(t)
    servers(t)
