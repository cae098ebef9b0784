/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>

/* What cookie_caller.c has a library of others do. */

int cookie_library_unmap(void *at, size_t len);
int cookie_library_replace(void *at, size_t len);
int cookie_library_protect(void *at, size_t len);
