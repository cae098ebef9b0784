# SPDX-License-Identifier: BSD-2-Clause
"""What it costs to seal a program and the ten libraries that it needs, when it starts.

Measured against the same program under the same policy with nothing to seal, so that what else
cookiemap does at start-up is in both.
"""

import os

from figure import Found, Target
from rows.row import Row

OFF = """extends = "default";
seal: { text = false; relro = false; data = false; vdso = false; late = "never"; };
"""


def unsealed(bench):
    return bench.write("unsealed.policy", OFF)


def starts(bench):
    command = [os.path.join(bench.build, "start"), "40"]
    off = [bench.cmrun[0], "-p", bench.once_made(unsealed), *bench.cmrun[1:]]
    native, ours, beside = bench.turns(command, bench.cmrun + command, off + command)
    return Found(ours, native, beside)


ROWS = [
    Row("seal", "exec to main, ten libraries", starts, Target("add", 40e3),
        beside_is="the same with nothing to seal"),
]
