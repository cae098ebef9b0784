/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "supervise/sites.h"
#include "supervise/sweep.h"

/* The numbers that system calls of an object are made with; see supervise/siteflow.c. */
struct siteflow;

struct siteflow *siteflow_new(const struct sweep *s);
struct siteflow *siteflow_free(struct siteflow *f);
int siteflow_find(struct siteflow *f, const struct elf_range *r, bool is_function,
		  struct site_list *l);
