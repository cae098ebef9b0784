/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>

void module_store(volatile unsigned char *to, const unsigned char *from, size_t len);
int module_memcpy(void *to, const void *from, size_t len);
void *module_jump(void *to, const void *from, size_t len);
