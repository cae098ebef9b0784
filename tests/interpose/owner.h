/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>

/* What a module of its own maps, and undoes; built twice, as owner.so and late.so. */
void *owner_map(void *at, size_t len, int prot, int flags);
int owner_unmap(void *at, size_t len);
void *owner_remap(void *at, size_t len, size_t new_len);
void *owner_attach(int id);
