# SPDX-License-Identifier: BSD-2-Clause
"""A kernel out of a Debian package: fetched by apt-get into a folder, never installed.

Separate from the machine that runs it, since this is all that needs a network, and only the first
time: what is in the folder stays until the folder is removed. apt-get is given lists and a cache of
its own, so it needs no root, and the packages of this computer stay what they are; it checks the
archive's signatures as ever.
"""

import glob
import lzma
import os
import re
import subprocess

ROWS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "rows")
MIRROR = "http://deb.debian.org/debian"
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
FETCH_S = 900


class Kernel:
    """Where a kernel and its modules lie, and its release as uname(1) prints it."""

    def __init__(self, folder):
        self.image, = glob.glob(os.path.join(folder, "boot/vmlinuz-*"))
        self.release = os.path.basename(self.image).partition("-")[2]
        modules, = (found for found in (os.path.join(folder, place, self.release)
                                        for place in ("lib/modules", "usr/lib/modules"))
                    if os.path.isdir(found))
        self.paths = {module_name(path): path for path in
                      glob.glob(os.path.join(modules, "kernel/**/*.ko*"), recursive=True)}
        with open(os.path.join(modules, "modules.builtin"), encoding="ascii") as file:
            self.builtin = {module_name(line.strip()) for line in file}

    def module(self, name):
        """The bytes of a module, or None if the kernel has it built in."""
        path = self.paths.get(name)
        if path is None:
            if name not in self.builtin:
                raise SystemExit(f"Linux {self.release} has no module {name}")
            return None
        with (lzma.open if path.endswith(".xz") else open)(path, "rb") as file:
            return file.read()

    def in_order(self, names):
        """{name: bytes} of these modules and all that they need, what is needed first."""
        found = {}

        def add(name):
            content = None if name in found else self.module(name)
            if content is not None:
                for needed in needs(content):
                    add(needed)
                found[name] = content

        for name in names:
            add(name)
        return found


def module_name(path):
    return os.path.basename(path).partition(".ko")[0].replace("-", "_")


def needs(content):
    """The modules that this one names as what it needs."""
    depends, = re.findall(rb"\0depends=([^\0]*)\0", content)
    return [name.replace("-", "_") for name in depends.decode().split(",") if name]


def rows():
    """{name: (suite, package)}"""
    with open(ROWS, encoding="utf-8") as file:
        words = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {name: (suite, package) for name, suite, package in words}


def apt(folder, suite):
    """Settings for an apt of our own. Return: the environment that names them."""
    for part in ("lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(folder, part), exist_ok=True)
    with open(os.path.join(folder, "sources.list"), "w", encoding="utf-8") as file:
        file.write(f"deb [signed-by={KEYS}] {MIRROR} {suite} main\n")
    with open(os.path.join(folder, "apt.conf"), "w", encoding="utf-8") as file:
        file.write(f'Dir::Etc::sourcelist "{folder}/sources.list";\n'
                   'Dir::Etc::sourceparts "-";\n'
                   'Dir::Etc::preferences "-";\n'
                   'Dir::Etc::preferencesparts "-";\n'
                   f'Dir::State::lists "{folder}/lists";\n'
                   'Dir::State::status "/dev/null";\n'
                   f'Dir::Cache "{folder}/cache";\n'
                   'APT::Architecture "amd64";\n'
                   'APT::Sandbox::User "";\n')
    return dict(os.environ, APT_CONFIG=os.path.join(folder, "apt.conf"), LC_ALL="C")


def run(argv, **more):
    """What a command printed; if it fails, the end of everything, and why."""
    done = subprocess.run(argv, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=FETCH_S, check=False, **more)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} failed:\n{done.stdout}")
    return done.stdout


def newest(package, env):
    """The package that holds the kernel: itself, or what the package of this name depends on."""
    for line in run(["apt-cache", "depends", package], env=env).splitlines():
        word, _, name = line.strip().partition(": ")
        if word == "Depends" and name.startswith("linux-image-"):
            return name
    return package


def fetched(row, cache):
    """The kernel of a row, fetched if it is not in the folder `cache` yet."""
    suite, package = rows()[row]
    folder = os.path.join(cache, row)
    tree = os.path.join(folder, "tree")
    if not os.path.isdir(tree):
        env = apt(os.path.join(folder, "apt"), suite)
        run(["apt-get", "-q", "update"], env=env)
        name = newest(package, env)
        run(["apt-get", "-q", "download", name], env=env, cwd=folder)
        deb, = glob.glob(os.path.join(folder, name + "_*.deb"))
        run(["dpkg-deb", "-x", deb, tree + ".part"])
        os.unlink(deb)
        os.rename(tree + ".part", tree)
    return Kernel(tree)
