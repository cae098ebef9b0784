#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Chromium: its browser, zygote, renderer and GPU processes are sealed, and its page is drawn.

Its own data are not: V8 and Chromium change their protection, and policy/jit.policy spares them.
"""

import json
import os
import shutil

from cm import CMRUN, LIB, environment, write
from held import fetch
from looked import Looked

PAGE = "<title>t</title><script>document.title = [...Array(9).keys()].join('-')</script>"


class Browser(Looked):
    """Chromium, by an ordinary user and in its own sandbox; what the build made is taken to where
    that user can run it.
    """

    def __init__(self):
        super().__init__({})
        os.chmod(self.home, 0o755)
        for built, name in ((CMRUN, "tools/cmrun/cmrun"), (LIB, "interpose/libcminterpose.so")):
            os.makedirs(os.path.dirname(os.path.join(self.home, "build", name)))
            shutil.copy(built, os.path.join(self.home, "build", name))
        self.user = [] if os.geteuid() else [
            "/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]

    def command(self, mode, argv, folder):
        there = [os.path.join(self.home, "build/tools/cmrun/cmrun"), "--"]
        return [*self.user, *(there if mode != "native" else []), *argv], environment(folder)

    def place(self, folder):
        write(folder, "page.html", PAGE)
        if self.user:
            os.chown(folder, 65534, 65534)

    def title(self, port):
        """What the page's script made of its title, by the browser's own interface."""
        pages = json.loads(fetch(port, "/json/list") or b"[]")
        return [page["title"] for page in pages if page["title"].startswith("0-1-")]

    def browse(self):
        self.server("chromium", lambda folder, port: [
            "chromium", "--headless", "--disable-gpu", "--no-first-run",
            "--remote-debugging-port=%d" % port, "file://%s/page.html" % folder],
            self.title, self.title, least=4, setup=self.place, modes=("native", "default"),
            data={"/usr/lib/chromium/*": "resources", "*/w/.*": "its profile",
                  "/tmp/*": "its profile", "/dev/shm/*": "shared memory",
                  "/memfd:*": "shared memory", "/usr/share/*": "fonts",
                  "/var/cache/fontconfig/*": "fonts"})


with Browser() as t:
    t.browse()
