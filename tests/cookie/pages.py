# SPDX-License-Identifier: BSD-2-Clause
"""The manual's pages of the C interface, and what their EXAMPLES hold."""

import os
import re

WITHOUT = re.compile(r"^and prints\n\.Ql (.*)\nwhere it has not\.$", re.M)


def pages(root):
    """{file: text} of those that are about this library."""
    found, folder = {}, os.path.join(root, "man")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".3"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text = file.read()
            if "libcookiemap" in text.partition(".Sh SYNOPSIS")[0]:
                found[name] = text
    return found


def names_of(page):
    """What a page explains, its own name among it."""
    return re.findall(r"^\.Nm (\w+)", page.partition(".Sh LIBRARY")[0], re.M)


class Example:
    """What a page's EXAMPLES hold, or None where something is missing."""

    def __init__(self, page):
        part = page.partition(".Sh EXAMPLES\n")[2].partition("\n.Sh ")[0]
        blocks = [block.replace(r"\e", "\\")
                  for block in re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", part, re.M)]
        self.program = next((b for b in blocks if "int main(" in b), None)
        others = [b for b in blocks if b is not self.program]
        self.policy = next((b for b in others if b.startswith("wx:")), None)
        self.output = next((b for b in others if b is not self.policy), None)
        self.without = WITHOUT.search(part)
