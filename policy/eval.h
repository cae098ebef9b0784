/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "policy/key.h"

/* A compiled policy, read in place; see policy/eval.c. Only policy_open() makes one. */
struct policy {
	const void *blob;
	size_t size_bytes;
};

/* What a call would do, as far as policy has a word for it. A call may do several at once. */
enum policy_deed {
	DEED_WX = 1 << 0,     /* W and X together, or anonymous (unnamed) memory with X: wx.map */
	DEED_ADD_X = 1 << 1,  /* X where there was none: wx.transition */
	DEED_X_FILE = 1 << 2, /* an executable mapping of a file: wx.file */
	DEED_FOREIGN_REPLACE = 1 << 3, /* over another module's mapping: foreign.replace */
	DEED_FOREIGN_UNMAP = 1 << 4,
	DEED_FOREIGN_PROTECT = 1 << 5,
	DEED_FIXED_REPLACE = 1 << 6, /* MAP_FIXED over neither a reservation nor one's own */
	DEED_RAW = 1 << 7,           /* an mm call that passed the gate by, after start-up: raw */
	DEED_KERNEL = 1 << 8,        /* a call ruled by one key: policy_ask.kernel_key */
	DEED_SEALED = 1 << 9,        /* what a seal forbids: policy_ask.seal_key */
};

/* The object behind an executable file mapping, as wx.file asks for it. */
struct policy_file {
	const char *name; /* path, or "memfd:NAME"; NULL when unknown */
	bool memfd;       /* a memory object without a name in any directory */
	bool settled;     /* not a memfd, and unchanged since the tree started */
	bool trusted;     /* settled, and its user cannot write it */
};

struct policy_ask {
	unsigned deeds; /* enum policy_deed, any number of them */
	enum policy_key kernel_key;
	enum policy_key seal_key;       /* with DEED_SEALED: KEY_NONE: the program's own seal */
	const struct policy_file *file; /* with DEED_X_FILE */
	const char *caller;             /* path of the module that asks; NULL when unknown */
	bool jit_image;                 /* a module of wx.jit is mapped in the image */
	bool writable; /* it would be writable as well, for the kernel: flip cannot serve that */
};

struct policy_ruling {
	enum policy_verdict verdict;
	enum policy_key rule; /* the key that decided; KEY_NONE with V_ALLOW */
	int error;            /* the errno of a refusal; 0 where there is none */
	const char *file;     /* where the rule was written: "default" profile or a file's path */
	unsigned line;        /* 0: the profile built in */
};

int policy_open(struct policy *pp, const void *blob, size_t size_bytes);
void policy_rule(const struct policy *p, const struct policy_ask *ask, struct policy_ruling *rp);
int policy_refusal(enum policy_key rule);

uint64_t policy_value(const struct policy *p, enum policy_key key);
uint64_t policy_value_for(const struct policy *p, enum policy_key key, const char *module);
unsigned policy_modules(const struct policy *p);
uint64_t policy_tightest(const struct policy *p, enum policy_key key);
const char *policy_string(const struct policy *p, enum policy_key key);
bool policy_listed(const struct policy *p, enum policy_key key, const char *name);
bool policy_source(const struct policy *p, enum policy_key key, const char **filep,
		   unsigned *linep);
const char *policy_name(const struct policy *p);
const char *policy_key_name(enum policy_key key);
bool glob_match(const char *pattern, const char *string);
