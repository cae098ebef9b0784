/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What flip_module.c exports. It is loaded by dlopen: these are the types to call it by. */

#include <stddef.h>
#include <sys/types.h>

void *module_map(size_t len);
void *module_map_at(void *at, size_t len, int prot, int flags, int fd);
int module_protect(void *at, size_t len, int prot);
int module_unmap(void *at, size_t len);
void *module_remap(void *at, size_t len, size_t new_len);
ssize_t module_pread(int fd, void *to, size_t len);
int module_memcpy(void *to, const void *from, size_t len);
