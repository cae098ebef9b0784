# SPDX-License-Identifier: BSD-2-Clause
"""What a kernel starts with: an archive of busybox, the modules that reach the disks, and `init`.

Separate, as the format is: cpio's "newc" (Linux, Documentation/driver-api/early-userspace/
buffer-format.rst), which the kernel unpacks by itself. Uncompressed; it is made anew for each run.
"""

import os
import stat

MODULES = ("virtio_pci", "virtio_blk", "9p", "9pnet_virtio", "overlay", "ext4", "crc32c_generic")
FOLDERS = ("bin", "dev", "modules", "new", "proc", "scratch", "sys", "lower")
INIT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "init.sh")


def entry(number, name, mode, content=b""):
    """One file, as newc has it: thirteen numbers of eight digits, the name, the content."""
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return padded(head) + padded(content)


def padded(content):
    return content + b"\0" * (-len(content) % 4)


def files(kernel, busybox):
    """[(name, mode, content)], modules in the order of their loading."""
    found = [(name, stat.S_IFDIR | 0o755, b"") for name in FOLDERS]
    with open(busybox, "rb") as file:
        found.append(("bin/busybox", stat.S_IFREG | 0o755, file.read()))
    with open(INIT, "rb") as file:
        found.append(("init", stat.S_IFREG | 0o755, file.read()))
    for place, (name, content) in enumerate(kernel.in_order(MODULES).items()):
        found.append((f"modules/{place:03}-{name}.ko", stat.S_IFREG | 0o644, content))
    return found


def write(path, kernel, busybox):
    with open(path, "wb") as file:
        for number, (name, mode, content) in enumerate(files(kernel, busybox), 1):
            file.write(entry(number, name, mode, content))
        file.write(entry(0, "TRAILER!!!", 0))
