/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>
#include "cookie/region.h"

/* A region table beside a model of it that is too simple to be wrong; see region_model.c. */
struct model {
	struct regions t;
	unsigned n_pages;
	struct region *page; /* what is known about each page; owner 0: nothing */
};

enum model_op {
	MODEL_SET,
	MODEL_CLEAR,
	MODEL_PROTECT,
	MODEL_FIRST,
	MODEL_FORGET,
	MODEL_SEAL,
	MODEL_OPS
};

uint64_t model_pages(size_t len_bytes);
void model_pages_fail(unsigned from, unsigned to);
unsigned model_pages_calls(void);

int model_init(struct model *m, unsigned n_pages);
void model_deinit(struct model *m);
int model_do(struct model *m, enum model_op op, unsigned first, unsigned n, uint8_t value);
void model_compare(const struct model *m);
void model_check_tree(const struct regions *t);
