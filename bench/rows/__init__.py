# SPDX-License-Identifier: BSD-2-Clause
"""The rows of the first table, in its order."""

from rows import calls, flips, jits, own, processes, programs, regions, seal, servers, steps

ROWS = [row for module in (calls, own, steps, flips, processes, seal, regions, programs, servers,
                           jits)
        for row in module.ROWS]
