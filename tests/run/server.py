#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""redis-server and nginx serve on loopback as natively, in the foreground and as daemons.

Answers are compared byte for byte; what servers log has times in it and is only searched for
reports of ours, of which there must be none.
"""

import hashlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from cm import MODES, Tap, environment, wrap, write

REDIS = """set k 5
incr k
rpush l a b c
lrange l 0 -1
eval "local s = 0; for i = 1, 10000 do s = s + i end return s" 0
setrange big 1000000 x
strlen big
bgsave
config get maxmemory
object encoding l
"""

NGINX = """daemon %s;
master_process on;
worker_processes 2;
pid %s/nginx.pid;
error_log %s/error.log notice;
%s
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path %s/a; proxy_temp_path %s/b; fastcgi_temp_path %s/c;
    uwsgi_temp_path %s/d; scgi_temp_path %s/e;
    server { listen 127.0.0.1:%d; root %s; sendfile on; gzip on; gzip_types *; gzip_min_length 1;
             location /proxy/ { proxy_pass http://127.0.0.1:%d/; } }
}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.03)
    return False


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(mode, argv, folder):
    command, env = wrap(mode, argv, environment(folder))
    with open(folder + "/server.log", "wb") as log:
        return subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                stdout=log, stderr=subprocess.STDOUT)


def end(server, seconds=15):
    """The server's status; a server that does not end by itself is killed and has none."""
    try:
        return server.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
        return None


def logged(folder):
    with open(folder + "/server.log", encoding="utf-8", errors="replace") as log:
        return [line for line in log if "cookiemap" in line]


def redis_session(t, mode):
    """(answers, the benchmark's status, the server's status, our reports)"""
    folder, port = t.fresh(), free_port()
    server = start(mode, ["/usr/bin/redis-server", "--port", str(port), "--bind", "127.0.0.1",
                          "--save", "", "--io-threads", "2"], folder)
    try:
        if not wait_for(lambda: answers(port)):
            return "no server"
        client = ["/usr/bin/redis-cli", "-p", str(port)]
        said = subprocess.run(client, input=REDIS.encode(), stdout=subprocess.PIPE, check=False)
        load = subprocess.run(["/usr/bin/redis-benchmark", "-q", "-p", str(port), "-n", "3000",
                               "-c", "20", "-t", "set,get,lpush,lrange_100,mset"],
                              stdout=subprocess.DEVNULL, check=False)
        wait_for(lambda: os.path.exists(folder + "/dump.rdb"))
        subprocess.run(client + ["shutdown", "nosave"], stdout=subprocess.DEVNULL, check=False)
    finally:
        status = end(server)
    return said.stdout, load.returncode, status, logged(folder)


def site(folder, port, daemon):
    write(folder, "index.html", "hello\n" * 2000)
    user = "user root;" if os.getuid() == 0 else ""
    return write(folder, "nginx.conf", NGINX % (
        ("on" if daemon else "off"), folder, folder, user, *[folder] * 5, port, folder, port))


def fetch(port, path, headers=None):
    """(status, digest of the body)"""
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (port, path), headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, hashlib.md5(answer.read()).hexdigest()
    except urllib.error.HTTPError as error:
        return error.code, ""


def pages(port):
    return [fetch(port, "/index.html"), fetch(port, "/index.html", {"Accept-Encoding": "gzip"}),
            fetch(port, "/proxy/index.html"), fetch(port, "/none")]


def filters(pid):
    with open("/proc/%d/status" % pid, encoding="utf-8") as status:
        return [line.split()[1] for line in status if line.startswith("Seccomp:")][0]


def nginx_session(t, mode):
    folder, port = t.fresh(), free_port()
    conf = site(folder, port, daemon=False)
    server = start(mode, ["/usr/sbin/nginx", "-p", folder, "-c", conf, "-e", "error.log"], folder)
    try:
        if not wait_for(lambda: answers(port)):
            return "no server", logged(folder)
        found = pages(port)
        server.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        wait_for(lambda: answers(port))
        found += pages(port)
        server.send_signal(signal.SIGQUIT)
    finally:
        status = end(server)
    return found, status, logged(folder)


def nginx_daemon(t, mode):
    folder, port = t.fresh(), free_port()
    conf = site(folder, port, daemon=True)
    server = start(mode, ["/usr/sbin/nginx", "-p", folder, "-c", conf, "-e", "error.log"], folder)
    status = end(server)
    if not wait_for(lambda: os.path.exists(folder + "/nginx.pid") and answers(port)):
        return "no server", logged(folder)
    with open(folder + "/nginx.pid", encoding="utf-8") as file:
        pid = int(file.read())
    found, policed = pages(port), filters(pid) == "2"
    os.kill(pid, signal.SIGQUIT)
    gone = wait_for(lambda: not os.path.exists("/proc/%d" % pid))
    if not gone:
        os.kill(pid, signal.SIGKILL)
    return status, found, policed == (mode != "native"), gone, logged(folder)


def everywhere(t, name, session, sane):
    native = session(t, "native")
    t.ok(sane(native), name + ": natively", native)
    for mode in MODES:
        found = session(t, mode)
        t.ok(found == native, "%s: %s" % (name, mode), "natively %r\nfound %r" % (native, found))


with Tap() as t:
    everywhere(t, "redis-server", redis_session,
               lambda r: r[0].startswith(b"OK\n6\n3\na\nb\nc\n50005000\n") and r[1:3] == (0, 0))
    everywhere(t, "nginx", nginx_session,
               lambda r: [page[0] for page in r[0]] == [200, 200, 200, 404] * 2 and r[1] == 0)
    everywhere(t, "nginx as a daemon", nginx_daemon,
               lambda r: r[0] == 0 and r[1][0][0] == 200 and r[2] and r[3])
