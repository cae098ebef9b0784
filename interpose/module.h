/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/range.h"

/* A file that mappings come from. Made once for a path and kept: its number names an owner. */
struct module_name {
	const struct module_name *next;
	uint32_t id; /* within the process, from 1 */
	bool libc;   /* libc or ld.so: what they do is nobody's doing */
	bool own;    /* the library itself */
	char path[];
};

/* One executable mapping of a file. */
struct module {
	struct range range;
	const struct module_name *name;
	bool late; /* came after start-up, so it may go and leave its place to another */
};

const struct module_name *module_name_of(const char *path, size_t len);
int module_adopt(struct range range, const struct module_name *name);
const struct module *module_find(uint64_t addr);
const struct module *module_renew(uint64_t addr);
const struct module *module_caller(uint64_t ret, const struct module *of_ret);
uint64_t module_address(uint32_t id);
void module_flush(void);
