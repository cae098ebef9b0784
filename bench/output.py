# SPDX-License-Identifier: BSD-2-Clause
"""The two tables, and the one object that --json prints."""

import os
import platform

from figure import human

ROW = "%-44s %11s %11s %11s %7s %6s  %-26s %s"
COLUMN = " %12s"


def head(file):
    print(ROW % ("work", "native", "beside", "cookiemap", "ratio", "spread", "target", ""),
          file=file, flush=True)


def detail(found):
    """`modules` of a row of instructions."""
    return ["    %s: %s" % (how, ", ".join("%s %d" % item for item in modules.items()))
            for how, modules in found["modules"].items()]


def row(found, file):
    value = {name: "" if found[name] is None else human(found[name], found["unit"])
             for name in ("native", "beside", "ours")}
    print((ROW % (found["work"], value["native"], value["beside"], value["ours"],
                  "%.3f" % found["ratio"] if found["ratio"] else "",
                  "%.0f%%" % (100 * found["spread"]),
                  found["target"]["text"] if found["target"] else "",
                  {True: "met", False: "missed", None: ""}[found["met"]])).rstrip(), file=file)
    for line in detail(found["detail"]) if found["detail"] else []:
        print(line, file=file)
    file.flush()


def others_head(names, file):
    print("\nwhat others cost, as times native\n%-44s" % "work"
          + "".join(COLUMN % name for name in ("native", *names)), file=file, flush=True)


def others_row(found, file):
    cells = ["-" if tool is None else "%.2f" % tool["ratio"] for tool in found["tools"].values()]
    print("%-44s" % found["work"] + "".join(COLUMN % cell for cell in
                                            (human(found["native"], found["unit"]), *cells)),
          file=file, flush=True)


def host():
    """What figures depend on, and nothing that names the machine."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"kernel": platform.release(), "machine": platform.machine(),
            "cpus": len(os.sched_getaffinity(0)), "memory_bytes": memory,
            "libc": " ".join(platform.libc_ver()), "python": platform.python_version()}
