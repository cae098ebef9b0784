/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)

/* Mappings as the kernel lists them, for those who ask where theirs are; reserve_maps.c. */
bool maps_covers(const void *at, size_t len);
bool maps_any(const void *at, size_t len);
long maps_huge_kib(const void *at);

/* Memory as malloc(3) maps it; NULL on failure. */
void *memory(size_t len);

int tails(const char *name);
int walk(int argc, char **argv);
int walk_threads(int argc, char **argv);
