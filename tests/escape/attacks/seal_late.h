/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Pages of the library seal_late.c that nobody needs; its symbol `seal_late`. */
struct seal_late {
	char *text, *relro, *data;
};
