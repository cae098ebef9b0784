# SPDX-License-Identifier: BSD-2-Clause
"""A plan, claims and a verdict in TAP, for the tests of the preloaded library."""

import os
import subprocess

# tests/kernel sets it where the processor is emulated.
SLOWER = int(os.environ.get("CM_TEST_SLOWER", "1"))


class Tap:
    def __init__(self):
        self.results = []

    def expect(self, claim, got, want):
        ok = got == want
        self.results.append(ok)
        print("%sok %d - %s" % ("" if ok else "not ", len(self.results), claim), flush=True)
        if not ok:
            print("# got %r\n# not %r" % (got, want), flush=True)

    def end(self):
        """The plan, and an exit status."""
        print("1..%d" % len(self.results))
        return 0 if self.results and all(self.results) else 1


def run(argv, env=None, **more):
    """The finished process; its output as text."""
    full = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "CM_POLICY", "CM_PROFILE")}
    full.update(env or {})
    return subprocess.run(argv, env=full, capture_output=True, text=True, timeout=120 * SLOWER,
                          **more)
