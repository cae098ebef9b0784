/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* See interpose/mem.c. */
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *at, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

size_t text_len(const char *s);
bool text_is(const char *a, const char *b);
bool text_begins(const char *s, const char *prefix);
const char *text_base(const char *path);
