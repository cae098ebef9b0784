/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "policy/eval.h"
#include "supervise/vma.h"

struct patches;

/* What the tree's supervisor knows about objects that are mapped; see supervise/object.c. */
struct object_rules {
	dev_t memory_dev;      /* where memfds and shared anonymous memory live */
	struct timespec since; /* start of the tree, by the clock that file systems stamp with */
	dev_t gate_dev;
	ino_t gate_ino;
	const struct patches *patches;
};

struct object {
	struct policy_file file; /* file.name points to `name` */
	bool regular;            /* a regular file or a memory object: not a device */
	bool is_gate;
	bool is_kit; /* of patch.c's */
	dev_t dev;
	uint64_t ino;
	char name[512];
};

int object_rules_init(struct object_rules *r, int gate_memfd);
int object_stat(const char *path, struct stat *stp);
bool object_is_at(const char *path, dev_t dev, uint64_t ino);
int object_of_fd(const struct object_rules *r, pid_t pid, int fd, bool look_deeper,
		 struct object *op);
int object_find(pid_t pid, const struct vma *v, struct stat *stp);
int object_open(pid_t pid, const struct vma *v);
int object_open_path(pid_t pid, const char *path);
bool object_is_anonymous(const struct object_rules *r, const struct vma *v);
const char *object_fault(const struct object *o);
int object_of_vma(const struct object_rules *r, pid_t pid, const struct vma *v, bool look_deeper,
		  struct object *op);
