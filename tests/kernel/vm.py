#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs a command, or the test suites of a build, in a virtual machine under another kernel.

usage: vm.py BUILD [ROW...] [-- COMMAND...]

The machine sees the files of this computer where they are here, and cannot change them: it writes
to a disk of its own, which is made anew for each run. It has no network but its own loopback. With
/dev/kvm it is nearly as fast as the computer, without it ten to twenty times slower.

BUILD must have been built. Without a ROW all of the table (tests/kernel/rows) are run, one after
the other. What a row leaves behind is in BUILD/kernels/ROW: the kernel, `console`, `meson-logs`.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True

import initrd  # pylint: disable=wrong-import-position
import kernel  # pylint: disable=wrong-import-position

HERE = os.path.dirname(os.path.realpath(__file__))
SUITES = ("unit", "verdict", "run", "interpose", "cookie", "escape")
OF_PROCESSORS = ("insn_cpu",) # compares with the processor, which an emulator is not
# Less what QEMU 7.2 does wrong: it ends itself over made-up instructions of AVX, and takes the far
# return of a program for an access by the kernel.
EMULATED = "max,avx=off,avx2=off,smap=off"
MEMORY = "4G"
SCRATCH = "16G"
LIMIT_S = 3600
SLOWER = 10 # an emulated processor


def has_kvm():
    """Whether KVM runs a kernel as it is. A KVM of a machine that is itself virtual may run only
    kernels made for it: the processor shows no extension for virtual machines then."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    return os.access("/dev/kvm", os.R_OK | os.W_OK) and ("vmx" in flags or "svm" in flags)


def slower():
    """How many times the time that a test may take here it may take there."""
    return 1 if has_kvm() else SLOWER


def shared(tag, path, more=""):
    return ["-virtfs", f"local,path={path},mount_tag={tag},security_model=none{more}"]


def machine(image, folder, out):
    """The command that is the machine; its second serial line is our standard output."""
    accel = (["-accel", "kvm", "-cpu", "host"] if has_kvm() else
             ["-accel", "tcg,thread=multi", "-cpu", EMULATED])
    return ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot",
            "-machine", "q35", *accel, "-smp", str(os.cpu_count()), "-m", MEMORY,
            "-display", "none", "-nic", "none",
            "-kernel", image, "-initrd", f"{folder}/initrd",
            "-append", "console=ttyS0 quiet panic=-1 syscall.x32=y",
            "-drive", f"file={folder}/scratch,format=raw,if=virtio,cache=unsafe",
            "-chardev", f"file,id=console,path={folder}/console", "-serial", "chardev:console",
            "-chardev", "stdio,id=said,signal=off", "-serial", "chardev:said",
            *shared("root", "/", ",readonly=on,multidevs=remap"), *shared("out", out)]


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def prepare(found, folder, script):
    """What the machine starts with: its archive, its disk, a command. Return: where it leaves
    things."""
    out = fresh(os.path.join(folder, "out"))
    with open(os.path.join(out, "command"), "w", encoding="utf-8") as file:
        file.write(script)
    initrd.write(os.path.join(folder, "initrd"), found, shutil.which("busybox"))
    scratch = os.path.join(folder, "scratch")
    if os.path.exists(scratch):
        os.unlink(scratch)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", scratch, SCRATCH], check=True,
                   stdout=subprocess.DEVNULL,
                   env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
    return out


def status_of(out):
    """The command's exit status, or None if the machine never came to it."""
    try:
        with open(os.path.join(out, "status"), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def boot(row, cache, script):
    """Runs a script under the kernel of a row. Return: (the folder of what it left, status)"""
    found = kernel.fetched(row, cache)
    folder = os.path.join(cache, row)
    out = prepare(found, folder, script)
    limit = LIMIT_S * slower()
    print(f"---- Linux {found.release}", flush=True)
    try:
        subprocess.run(machine(found.image, folder, out), stdin=subprocess.DEVNULL, timeout=limit,
                       check=False)
    except subprocess.TimeoutExpired:
        print(f"kernels: {row}: not done after {limit} s", file=sys.stderr)
    os.unlink(os.path.join(folder, "scratch"))
    status = status_of(out)
    if status is None:
        with open(os.path.join(folder, "console"), encoding="utf-8", errors="replace") as file:
            sys.stderr.write("".join(file.readlines()[-40:]))
        print(f"kernels: {row}: the machine ended before its command did", file=sys.stderr)
    return out, status


def tests_of(build):
    """The names of the build's tests that are to run in the machine."""
    listed = subprocess.run(["meson", "introspect", "--tests", build], check=True,
                            stdout=subprocess.PIPE).stdout
    names = [test["name"] for test in json.loads(listed)
             if any(suite.rpartition(":")[2] in SUITES for suite in test["suite"])]
    if has_kvm():
        return names
    print("left out, as the processor is emulated: " + ", ".join(OF_PROCESSORS))
    return [name for name in names if name not in OF_PROCESSORS]


def suites_script(build):
    """meson test, and its logs for the host even if it fails."""
    return (f"cd {shlex.quote(os.path.dirname(os.path.dirname(HERE)))} || exit\n"
            f"export CK_TIMEOUT_MULTIPLIER={slower()} CM_TEST_SLOWER={slower()}\n"
            f"meson test -C {shlex.quote(build)} --no-rebuild --num-processes $(nproc)"
            f" -t {slower()} {shlex.join(tests_of(build))} | cat\n"
            "status=${PIPESTATUS[0]}\n"
            f"cp -r {shlex.quote(build)}/meson-logs /run/out/ || exit\n"
            "exit $status\n")


def run_suites(row, build, cache):
    """Return: whether every case of every suite passed."""
    out, status = boot(row, cache, suites_script(build))
    if status is None:
        return False
    logs = os.path.join(cache, row, "meson-logs")
    shutil.rmtree(logs, ignore_errors=True)
    os.rename(os.path.join(out, "meson-logs"), logs)
    summary = os.path.join(HERE, "../summary.py")
    return not subprocess.run([sys.executable, summary, os.path.dirname(logs)],
                              check=False).returncode


def run_command(row, words, cache):
    script = f"cd {shlex.quote(os.getcwd())} && exec {shlex.join(words)}\n"
    return boot(row, cache, script)[1]


def arguments(words):
    """(BUILD, rows, command or [])"""
    command = []
    if "--" in words:
        at = words.index("--")
        words, command = words[:at], words[at + 1:]
    if not words:
        sys.exit(__doc__)
    known = kernel.rows()
    for row in words[1:]:
        if row not in known:
            sys.exit(f"kernels: no row '{row}' ({', '.join(known)})")
    return os.path.realpath(words[0]), words[1:] or list(known), command


def main():
    sys.stdout.reconfigure(line_buffering=True)
    build, names, command = arguments(sys.argv[1:])
    cache = os.path.join(build, "kernels")
    if command:
        status = [run_command(row, command, cache) for row in names]
        sys.exit(next((s if s is not None else 1 for s in status if s != 0), 0))
    results = [run_suites(row, build, cache) for row in names]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
