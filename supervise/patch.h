/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include "common/kit.h"
#include "supervise/vma.h"

struct supervisor;
struct proc;

#define PATCH_FILES 16 /* libcs and loaders of a tree */
#define PATCH_KITS  32 /* that are kept for whoever has the same layout */

/* A libc or ld.so, as far as it can be patched; see supervise/patch.c. */
struct patch_file {
	dev_t map_dev; /* as the kernel names it in maps */
	uint64_t map_ino;
	bool stale; /* it has changed since */
	struct stat st;
	char name[512];
	uint64_t offset; /* of the window, in the file */
	uint64_t start;  /* of the window, from the object's base */
	unsigned n_pages;
	unsigned n_known; /* sites that could be patched */
	unsigned n_sites; /* those in the window */
	uint64_t back[KIT_SITES];
	uint32_t nr[KIT_SITES];
	uint8_t *text; /* the window's bytes, as the file has them */
};

/* What a kit was made from, kept for as long as it may be mapped somewhere. */
struct patch_known {
	uint64_t ino; /* of the memfd; 0: a free place */
	const struct patch_file *file[KIT_OBJECTS];
};

struct patch_kit {
	int fd;
	struct patch_known of;
	uint64_t to_stubs[KIT_OBJECTS]; /* from the objects' bases */
};

struct patches {
	dev_t dev; /* that memory objects live on */
	struct patch_file *file[PATCH_FILES];
	unsigned n_files;
	struct patch_kit kit[PATCH_KITS];
	unsigned n_kits; /* ever made */
	struct patch_known *known;
	unsigned n_known, room;
};

/* supervise/patch_file.c */
struct patch_file *patch_file_get(struct supervisor *s, pid_t pid, const struct vma *v);

/* supervise/patch_known.c */
struct patch_known *patch_known_place(const struct patches *ps, uint64_t ino);
const struct patch_known *patch_known_find(const struct patches *ps, uint64_t ino);
bool patch_known_room(struct patches *ps);
bool patch_is_kit(const struct patches *ps, uint64_t ino);
bool patch_origin(const struct patches *ps, struct vma *v);
bool patch_is_in_place(const struct patches *ps, int maps, const struct vma *v);
bool patch_caller(const struct patches *ps, uint64_t ino, unsigned stub, struct vma *vp);

/* supervise/patch.c */
int patch_give(struct supervisor *s, struct proc *p, const uint64_t base[KIT_OBJECTS],
	       uint64_t stubs);
uint64_t patch_find(struct supervisor *s, struct proc *p);
void patch_note(struct supervisor *s, struct proc *p, const uint64_t n_done[KIT_OBJECTS]);
