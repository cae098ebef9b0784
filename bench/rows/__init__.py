# SPDX-License-Identifier: BSD-2-Clause
"""The rows of the first table, in its order."""

from rows import (calls, cookies, flips, jits, own, processes, programs, regions, reserve, seal,
                  servers, steps)

ROWS = [row for module in (calls, own, cookies, steps, flips, processes, seal, regions, reserve,
                           programs, servers, jits)
        for row in module.ROWS]
