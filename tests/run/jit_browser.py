#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Chromium and Firefox draw a page whose text and colours come from hot JavaScript and WebAssembly:
the same picture as natively, byte for byte, by an ordinary user and in their own sandboxes.

Their standard error tells of buses that are not there, with the time in each line.
"""

import os
import shutil

from cm import CMRUN, LIB, POLICIES
from watch import Watched

NOBODY = 65534
AS_NOBODY = ["/usr/bin/setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups",
             "--"]
SIZE = "--window-size=400,300"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (400).to_bytes(4, "big") + (300).to_bytes(4, "big")


class Browsers(Watched):
    """What the build made is taken to where any user can run it."""

    def __init__(self):
        super().__init__(as_user=[] if os.geteuid() else AS_NOBODY)
        os.chmod(self.home, 0o755)
        there = os.path.join(self.home, "build")
        for built, name in ((CMRUN, "tools/cmrun/cmrun"), (LIB, "interpose/libcminterpose.so")):
            os.makedirs(os.path.dirname(os.path.join(there, name)))
            shutil.copy(built, os.path.join(there, name))
        shutil.copytree(POLICIES, os.path.join(there, "policy"))
        self.cmrun = os.path.join(there, "tools/cmrun/cmrun")
        self.lib = os.path.join(there, "interpose/libcminterpose.so")
        self.policies = os.path.join(there, "policy")

    def place(self, folder):
        shutil.copy(os.path.join(self.made, "page.html"), folder)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)


def picture(folder):
    """The picture, if there is one of the size that was asked for."""
    if not os.path.exists(os.path.join(folder, "page.png")):
        return None
    with open(os.path.join(folder, "page.png"), "rb") as file:
        data = file.read()
    return data if data.startswith(PNG) else None


with Browsers() as t:
    t.make()
    page = "file://%s/page.html" % t.work
    shot = os.path.join(t.work, "page.png")
    how = {"setup": t.place, "noisy": True, "sandbox": True, "after": picture, "timeout": 90}
    t.program("chromium", ["chromium", "--headless", "--disable-gpu", "--no-first-run", SIZE,
                           "--screenshot=" + shot, page], **how)
    t.program("firefox", ["firefox-esr", "--headless", SIZE, "--screenshot", shot, page],
              writers="mozglue in firefox-esr maps the memory, libxul.so writes to it", **how)
