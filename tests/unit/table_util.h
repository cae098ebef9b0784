/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <sys/types.h>
#include "cookie/table.h"

extern struct table table;

/* Called when the table asks for pages, which it does under its lock: once, then forgotten. */
extern void (*hook)(void);
extern bool no_memory;

void table_make(void);
struct range range_at(uint64_t first_page, uint64_t n_pages);
void map(uint64_t first_page, uint64_t n_pages, uint32_t owner);
void unmap(uint64_t first_page, uint64_t n_pages);
int owner_of(uint64_t page);
int check_usable(void);
void expect_success(pid_t pid);
