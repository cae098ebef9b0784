/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <sys/types.h>

void module_store(volatile unsigned char *to, const unsigned char *from, size_t len);
int module_memcpy(void *to, const void *from, size_t len);
ssize_t module_pread(int fd, void *to, size_t len, off_t at);
void module_mremap_same(void *to, const void *from, size_t len);
void module_mremap_flags(void *to, const void *from, size_t len);
void module_mremap_away(void *to, const void *from, size_t len);
void module_mprotect(void *to, const void *from, size_t len);
void *module_jump(void *to, const void *from, size_t len);
