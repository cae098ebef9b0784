/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "policy/eval.h"
#include "supervise/object.h"
#include "supervise/seals.h"
#include "supervise/vma.h"

/* A call as the kernel describes it in a notification: registers only. */
struct call {
	int nr;
	uint32_t arch;
	uint64_t args[6];
	uint64_t ip; /* behind the syscall instruction */
};

/* What must be looked at before a call can be decided; see decide_needs(). */
enum decide_need {
	NEED_VMAS =
		1 << 0, /* the mappings of `decide_range()`, and the file behind those without X */
	NEED_FILE = 1 << 1, /* the object of descriptor args[4] */
	NEED_JIT = 1 << 2,  /* whether a module of wx.jit is mapped, if decide_is_code() says so */
	NEED_CALLER = 1 << 3, /* which module makes the call */
	NEED_SEGMENT = 1 << 4 /* how long the segment args[0] is */
};

#define FACTS_MAX_VMAS 64

struct facts {
	const struct policy *policy;
	uint64_t gate; /* address of the gate's page; 0: none in this tree */
	bool started;  /* the image's library has ended its start-up: `raw` applies */
	bool by_libc;  /* the instruction lies in libc, ld.so or our library */
	bool jit_image;
	bool blind;         /* we may not look at this process: what is unknown is refused */
	bool no_file;       /* the descriptor names none: the kernel's EBADF */
	uint64_t user_end;  /* where its address space ends; the kernel refuses what lies beyond */
	const char *caller; /* path of the calling module; NULL: unknown */
	const struct object *file; /* NULL: unknown */
	unsigned n_vmas;
	bool vmas_cut; /* there are more than FACTS_MAX_VMAS */
	bool has_gap;  /* part of the range is not mapped */
	const struct vma *vmas;
	const struct seals *seals; /* NULL: none */
	bool sealed;            /* its library has sealed it, with the kernel's help or without */
	uint64_t segment_bytes; /* 0: not known */
};

enum decide_action {
	DECIDE_CONTINUE, /* the kernel makes the call */
	DECIDE_ANSWER,   /* the call returns `value` and is not made */
	DECIDE_KILL,
};

struct decision {
	enum decide_action action;
	long value;                  /* with DECIDE_ANSWER: a result, or -errno */
	struct policy_ruling ruling; /* what policy says of it, for the report */
	bool report;                 /* it is worth a line */
	bool check;                  /* the executable mappings are verified once it was made */
	bool own;                    /* it maps what is the supervisor's: one of a few in a row */
	bool flips; /* it is refused, and the process's own library could serve it by flip */
};

unsigned decide_needs(const struct call *c, const struct facts *f);
bool decide_is_code(const struct call *c, const struct facts *f);
bool decide_range(const struct call *c, struct range *rp);
void decide(const struct call *c, const struct facts *f, struct decision *dp);
bool decide_is_foreign_arch(const struct call *c);
bool decide_is_told(const struct call *c, uint64_t gate);
bool decide_can_flip(const struct call *c, uint64_t gate);
bool decide_is_own(const struct call *c, const struct facts *f);
bool decide_is_flip(const struct call *c, uint64_t gate);
void decide_vma(const struct policy *p, const struct vma *v, const struct object *o, bool jit_image,
		const char *caller, struct policy_ruling *rp);

/* supervise/decide_seal.c */
bool decide_can_be_sealed(const struct call *c);
bool decide_takes_away(const struct call *c, const struct seal_deed *d);
bool decide_is_downgrade(const struct call *c);
bool decide_goes_by_mappings(const struct call *c, const struct facts *f);
bool decide_goes_by_length(const struct call *c, const struct facts *f);
bool decide_is_sealed(const struct call *c, const struct facts *f, enum policy_key *keyp);
