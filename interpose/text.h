/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h> /* memcpy, memmove, memset, memcmp: the library's own, see mem.c */

/* See interpose/text.c. */
size_t text_len(const char *s);
bool text_begins(const char *s, const char *prefix);
const char *text_base(const char *path);
