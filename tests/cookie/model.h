/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "include/cookiemap.h"

/* A model of the C interface that is too simple to be wrong; see model.c. */

#define PAGE        4096ul
#define SUPERPAGE   (2ul << 20)
#define MOST_LIVE   24   /* regions at a time */
#define MOST_PAGES  1024 /* in a region */
#define MOST_STALE  16
#define MOST_PLACES (1 + 8 + MOST_STALE)
#define FILE_PAGES  24
#define RIGHTS      7 /* PROT_READ | PROT_WRITE | PROT_EXEC */
#define WRITE_EXEC  6
#define MSEAL_SEALS 0x0f /* memory that has all of these is mseal(2)'s */

/* What the model knows of one page of a region. */
struct page {
	uint8_t kind; /* CM_KIND_* */
	uint8_t prot;
	uint8_t max;
	uint8_t inherit;
	uint8_t seals;
	int8_t file;       /* of files[]; -1: none */
	bool shared;       /* MAP_SHARED */
	bool share;        /* CM_SHARE */
	bool never_writes; /* a shared mapping of a descriptor that may only read */
	bool own;          /* a private page of a file that was written to: its content is here */
	bool unsure;       /* nobody knows what is in it (MADV_FREE) */
	bool resident;     /* it is in memory: it has been written to */
	uint32_t at;       /* page of the file */
	uint32_t submap;   /* the call that mapped it */
	uint64_t stamp;    /* its content: the first eight bytes */
};

/* A second mapping of a region's memory. */
struct mview {
	bool made;
	unsigned char *start; /* NULL: made with the region, nobody has asked yet */
	uint32_t submap;      /* that it shows */
};

struct mregion {
	cm_t cookie;
	unsigned char *start;
	struct mview view[RIGHTS + 1]; /* by their rights */
	unsigned char *stale[MOST_STALE];
	unsigned n_stale; /* views that were given out, and are not any more */
	size_t n_pages;
	struct page *page;
	cm_ops_t ops;
	uint8_t perms;
	uint8_t max;
	int flags;    /* CM_SUPERPAGE, CM_NOREUSE, CM_ALIAS */
	bool no_fork; /* CM_INHERIT_NONE */
	bool wished;  /* it lies where the program wished it, or near */
};

/* What cmmmap() is asked for; cmsubmap() uses a part. */
struct want {
	bool as_request;
	bool in_prot; /* the maximum is said in `prot` */
	int how;      /* enum malformed */
	uint64_t hint;
	size_t len;
	int prot;
	int max; /* -1: nothing said */
	int flags;
	int fd;
	off_t offset;
	size_t map_offset;
	const char *name;
};

enum malformed {
	WELL_FORMED,
	LONGER,       /* than this version knows, zeroes behind */
	LONGER_USED,  /* the same, and something there */
	SHORTER,      /* than any version */
	ZERO_IS_USED, /* the field that must be 0 */
	REQUEST_NULL,
	COOKIE_NULL, /* for a call that writes one */
};

/* Descriptors, and what the kernel lets map of them. */
struct mfile {
	int fd;
	bool reads;
	bool writes;
	bool maps;
	bool noexec;
	int of;         /* whose content it is: index of contents[] */
	unsigned pages; /* until its end */
};

enum { CONTENTS = 2 };

extern struct mregion *live[MOST_LIVE];
extern struct mfile files[];
extern const unsigned n_files;
extern uint64_t contents[CONTENTS][FILE_PAGES];
extern int view_refusal;

/* model_tell.c */
uint64_t draw(uint64_t below);
bool chance(unsigned percent);
void draw_seed(uint64_t seed);
void step_begin(uint64_t number, const char *call, unsigned n, ...);
int step_end(int result);
_Noreturn void disagree(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *error_name(int error);
void agree(int wanted, int got);

/* model_count.c */
void count_result(const char *call, int error);
void count_print(void);
unsigned count_missing(void);

/* model_files.c */
void files_open(void);
const struct mfile *file_of(int fd);
int file_maps(int fd, int prot, int flags);

/* model_page.c */
bool page_alike(const struct page *a, const struct page *b);
uint64_t page_content(const struct page *p);
bool page_ends(const struct page *p);
void page_store(struct page *p, uint64_t stamp);
void page_reserve(const struct mregion *r, struct page *p);
int range_of(const struct mregion *r, size_t offset, size_t len, size_t *firstp, size_t *endp);
bool range_malformed(size_t offset, size_t len);

/* What the calls are to return, and what they do: 0 or errno. model_map.c */
int ref_mmap(const struct want *w, struct mregion *r);
int ref_submap(struct mregion *r, const struct want *w);
int ref_unmap(struct mregion *r, size_t offset, size_t len);

/* model_change.c */
int ref_protect(struct mregion *r, size_t offset, size_t len, int prot);
int ref_sync(const struct mregion *r, size_t offset, size_t len, int flags);
int ref_incore(const struct mregion *r, size_t offset, size_t len, const void *vec);
int ref_inherit(struct mregion *r, size_t offset, size_t len, int inherit);
int ref_seal(struct mregion *r, size_t offset, size_t len, int seals);

/* model_advise.c */
void advice_init(void);
int advice_any(const struct mregion *r, size_t offset, size_t len);
int ref_advise(struct mregion *r, size_t offset, size_t len, int advice);

/* model_right.c */
void view_init(void);
int ref_getptr(const struct mregion *r, const void *p);
int ref_getcap(const struct mregion *r, const void *p, int perms);
int ref_andperm(struct mregion *r, int perms);
int ref_restrict(struct mregion *r, cm_ops_t ops);
int ref_stat(const struct mregion *r, size_t index, struct cm_stat *st);
int ref_close(const struct mregion *r, int flags);
int ref_revoke(const struct mregion *r);
bool is_uniform(const struct mregion *r, int prot);

/* model_look.c */
void look_init(bool faults);
bool look_faults(const void *p);
void look_page(const struct mregion *r, size_t i);
void look_range(const struct mregion *r, size_t offset, size_t len);
void look_views(const struct mregion *r, size_t i);
void look_gone(const unsigned char *start, size_t len);
void touch_page(struct mregion *r, size_t i);

/* model_whole.c */
void whole_pieces(const struct mregion *r);
void whole_kernel(void);
void whole_fork(void);

/* model_live.c */
void live_init(void);
struct mregion *live_add(const struct mregion *r);
void live_drop(struct mregion *r, bool unmapped, bool for_ever);
void live_give_up(struct mregion *r);
cm_t live_pick(struct mregion **rp);
struct mregion *live_any(void);
unsigned live_places(const struct mregion *r, uint64_t at[MOST_PLACES]);
bool live_touches(uint64_t start, size_t len);
bool live_is_held(uint64_t start, size_t len);
uint64_t live_held(void);
uint64_t live_exact(size_t len);
bool live_may_seal(void);

/* model_args.c */
void args_range(const struct mregion *r, size_t *offsetp, size_t *lenp);
int args_prot(void);
int args_seals(void);
void args_region(struct want *w);
void args_submap(struct want *w, const struct mregion *r);

/* model_call.c, model_call_map.c */
void call_any(uint64_t number);
void call_mmap(uint64_t number);
void call_submap(uint64_t number);
void call_unmap(uint64_t number);
void call_close(uint64_t number);
void call_revoke(uint64_t number);
void call_memfd(uint64_t number);
