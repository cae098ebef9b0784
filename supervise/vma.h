/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include "common/range.h"

/* One mapping of a process, as the kernel describes it; see supervise/vma.c. */
struct vma {
	struct range range;
	uint8_t prot; /* PROT_READ | PROT_WRITE | PROT_EXEC */
	bool shared;
	uint64_t offset_bytes;
	dev_t dev; /* of the file behind it; 0 with ino 0: anonymous or special */
	uint64_t ino;
	char name[512]; /* path, "[vdso]", …; empty: none; cut where it does not fit */
};

enum vma_filter { VMA_ALL, VMA_EXEC };

struct vma_walk {
	int maps;
	enum vma_filter filter;
	uint64_t at;
	FILE *text; /* where mappings are read as text; NULL: not opened */
};

void vma_walk_begin(struct vma_walk *w, int maps, uint64_t from, enum vma_filter filter);
int vma_walk_next(struct vma_walk *w, struct vma *vp);
void vma_walk_end(struct vma_walk *w);

int vma_open(pid_t pid);
int vma_at(int maps, uint64_t addr, struct vma *vp);
int vma_next(int maps, uint64_t addr, enum vma_filter filter, struct vma *vp);
bool vma_is_kernel_code(const struct vma *v);
bool vma_is_libc(const struct vma *v);
bool vma_is_musl(const struct vma *v);
bool vma_is_library(const struct vma *v);
int vma_parse(const char *line, size_t len, struct vma *vp);
void vma_force_text(bool on);
