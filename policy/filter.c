/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/filter.h"

/*
 * The seccomp filter of a tree of processes: which calls the kernel takes as they come, and which
 * it hands to the supervisor. It is separate from the policy because there is one filter for all of
 * them: the images of a tree may have different policies and every one inherits the filter of its
 * root, so whatever some policy could have a word for becomes a notification, and the supervisor
 * gives the verdict. Nothing is refused here.
 *
 * The program has two parts. First a prefix of our own, which can do nothing but allow, because
 * libseccomp cannot compare the instruction pointer: a gate call, made by the gate, that grants no
 * execution. Then libseccomp's program, which holds for everything else; its jumps are relative,
 * so it may stand behind anything.
 *
 * What holds inside:
 * - Before a number is known to be a gate's, nothing but arch and nr is loaded. So for every call
 *   outside common/call.h the answer depends on these two alone, and the kernel keeps it in its
 *   action cache and runs no BPF for it (Linux 6.18 kernel/seccomp.c, seccomp_is_const_allow()).
 * - Words are compared as wide as the kernel reads them. Bits are masked, never compared: prot is
 *   an unsigned long of which the kernel looks at a few bits and ignores the rest.
 */

#include <asm/mman.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/call.h"
#include "common/range.h"

#if !defined(__x86_64__)
#error "the gate's length and the calls' word order are x86-64's"
#endif

#ifndef ARCH_MAP_VDSO_X32
#define ARCH_MAP_VDSO_X32 0x2001 /* asm/prctl.h; _32 and _64 follow it */
#define ARCH_MAP_VDSO_32  0x2002
#define ARCH_MAP_VDSO_64  0x2003
#endif
#define USERFAULTFD_NEW 0xaa00 /* USERFAULTFD_IOC_NEW, linux/userfaultfd.h since 6.1 */

/*
 * What about a gate call could grant execution (or undo what keeps sealed memory as it is), and so
 * has to be looked at. Every GATE call of common/call.h needs a line: one without does not compile.
 */
enum prefix_label {
	NEXT, /* the instruction that follows */
	LOOK_MMAP,
	LOOK_PROT,
	LOOK_SHMFLG,
	LOOK_ADVICE,
	LOOK_REMAP,
	LOOK_TARGET,
	LOOK_RANGE, /* that the first two arguments are */
	LOOK_PLACE,
	LOOK_IP, /* nothing about the call itself matters */
	PASS,
	OUT, /* libseccomp's program */
	N_LABELS,

	GATE_MMAP = LOOK_MMAP,
	GATE_MPROTECT = LOOK_PROT,
	GATE_PKEY_MPROTECT = LOOK_PROT,
	GATE_SHMAT = LOOK_SHMFLG,
	GATE_MADVISE = LOOK_ADVICE,
	GATE_MUNMAP = LOOK_RANGE,
	GATE_MREMAP = LOOK_REMAP,
	GATE_SHMDT = LOOK_IP,
	GATE_MSEAL = LOOK_IP,
};

/*
 * Advice that neither changes what a fork child gets nor discards what mseal(2) promises to keep.
 * FREE and DONTNEED do discard; they are the allocators' daily bread and mseal refuses them where
 * it matters most, so they pass unless FILTER_NOTIFY_DISCARDS is set. Advice unknown to this list
 * is the supervisor's.
 */
#define BIT(n) (1u << (n))
#define PLAIN_ADVICE                                                                               \
	(BIT(MADV_NORMAL) | BIT(MADV_RANDOM) | BIT(MADV_SEQUENTIAL) | BIT(MADV_WILLNEED) |         \
	 BIT(MADV_MERGEABLE) | BIT(MADV_UNMERGEABLE) | BIT(MADV_HUGEPAGE) | BIT(MADV_NOHUGEPAGE) | \
	 BIT(MADV_DONTDUMP) | BIT(MADV_DODUMP) | BIT(MADV_COLD) | BIT(MADV_PAGEOUT) |              \
	 BIT(MADV_POPULATE_READ) | BIT(MADV_POPULATE_WRITE) | BIT(MADV_COLLAPSE))
#define DAILY_DISCARDS (BIT(MADV_DONTNEED) | BIT(MADV_FREE))

/*
 * Where memory lies that is sealed in every process, in steps of 4 GiB, from one step below it: a
 * range of less than that may begin there and reach it. Programs that are linked to a place lie in
 * step 0; others from two thirds of the address space on, by at most 2^32 pages (Linux 6.18
 * arch/x86/include/asm/elf.h, ELF_ET_DYN_BASE; arch/x86/Kconfig, ARCH_MMAP_RND_BITS_MAX). The
 * library keeps its own pages by the gate (interpose/arena.c, place(); interpose/seal.c).
 */
#define STEP_BITS     32
#define STEP_LINKED   0u
#define STEP_PROGRAM  0x5554u
#define STEP_PROGRAMS 0x1003u
#define GATE_STEPS    18u

/* The low and the high half of a 64-bit word of struct seccomp_data; BPF loads 32 bits. */
#define LOW(field)  offsetof(struct seccomp_data, field)
#define HIGH(field) (offsetof(struct seccomp_data, field) + 4)

/* The prefix under construction. Jumps hold labels until prefix_link() makes offsets of them. */
struct prefix {
	struct sock_filter insn[96];
	unsigned n;
	unsigned flags; /* enum filter_flag */
	uint64_t gate;
	unsigned at[N_LABELS]; /* index of the instruction that a label stands before */
};

static void prefix_stmt(struct prefix *p, uint16_t code, uint32_t k)
{
	p->insn[p->n++] = (struct sock_filter)BPF_STMT(code, k);
}

static void prefix_jump(struct prefix *p, uint16_t test, uint32_t k, enum prefix_label yes,
			enum prefix_label no)
{
	p->insn[p->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, k, yes, no);
}

static void prefix_load(struct prefix *p, enum prefix_label here, uint32_t offset)
{
	p->at[here] = p->n;
	prefix_stmt(p, BPF_LD | BPF_W | BPF_ABS, offset);
}

/* Goes to the look that a gate call needs, and past the prefix with any other call. */
static void prefix_dispatch(struct prefix *p)
{
	prefix_load(p, NEXT, LOW(arch));
	prefix_jump(p, BPF_JEQ, AUDIT_ARCH_X86_64, NEXT, OUT);
	prefix_load(p, NEXT, LOW(nr)); /* equal to a gate's number: has no x32 bit */
#define GATE(NAME, name)           prefix_jump(p, BPF_JEQ, SYS_##name, GATE_##NAME, NEXT);
#define NOTIFY(NAME, name)         /* has no gate */
#define X(NAME, name, n_args, how) how(NAME, name)
	CM_MM_CALLS(X)
#undef X
#undef NOTIFY
#undef GATE
	prefix_jump(p, BPF_JA, OUT, NEXT, NEXT);
}

/* Two labels may stand before the same instruction. */
static void prefix_label(struct prefix *p, enum prefix_label here)
{
	p->at[here] = p->n;
}

static void prefix_look_at_advice(struct prefix *p)
{
	bool all = p->flags & FILTER_NOTIFY_DISCARDS;

	prefix_load(p, LOOK_ADVICE, LOW(args[2])); /* an int: the high half is not read */
	prefix_jump(p, BPF_JGE, 32, OUT, NEXT);    /* a shift by more is not defined */
	prefix_stmt(p, BPF_MISC | BPF_TAX, 0);
	prefix_stmt(p, BPF_LD | BPF_IMM, 1);
	prefix_stmt(p, BPF_ALU | BPF_LSH | BPF_X, 0);
	prefix_jump(p, BPF_JSET, PLAIN_ADVICE | (all ? 0 : DAILY_DISCARDS), LOOK_IP, OUT);
}

static void prefix_look_at_arguments(struct prefix *p)
{
	prefix_label(p, LOOK_MMAP);
	prefix_load(p, LOOK_PROT, LOW(args[2]));
	prefix_jump(p, BPF_JSET, PROT_EXEC, OUT, LOOK_IP);
	prefix_load(p, LOOK_SHMFLG, LOW(args[2]));
	prefix_jump(p, BPF_JSET, SHM_EXEC, OUT, LOOK_IP);
	prefix_look_at_advice(p);
	prefix_label(p, LOOK_REMAP);
	prefix_label(p, LOOK_RANGE);
}

/* Whether the upper half of an address, which is loaded, is where sealed memory lies: OUT, or
 * `clear`. `second` is a label of its own. */
static void prefix_look_at_place(struct prefix *p, enum prefix_label second,
				 enum prefix_label clear)
{
	uint32_t gate = (uint32_t)(p->gate >> STEP_BITS), first = gate ? gate - 1 : 0;

	prefix_jump(p, BPF_JEQ, STEP_LINKED, OUT, NEXT);
	prefix_jump(p, BPF_JGE, STEP_PROGRAM, NEXT, second);
	prefix_jump(p, BPF_JGE, STEP_PROGRAM + STEP_PROGRAMS, NEXT, OUT);
	prefix_label(p, second);
	prefix_jump(p, BPF_JGE, first, NEXT, clear);
	prefix_jump(p, BPF_JGE, first + GATE_STEPS, clear, OUT);
}

/* Where the kernel has no mseal(2), what could change memory that ought to be sealed is looked at
 * as well: by where it is, and by a length that could reach there from anywhere. */
static void prefix_look_at_ranges(struct prefix *p)
{
	prefix_load(p, LOOK_MMAP, LOW(args[2]));
	prefix_jump(p, BPF_JSET, PROT_EXEC, OUT, NEXT);
	prefix_load(p, NEXT, LOW(args[3]));
	prefix_jump(p, BPF_JSET, MAP_FIXED, LOOK_RANGE, LOOK_IP);
	prefix_load(p, LOOK_PROT, LOW(args[2]));
	prefix_jump(p, BPF_JSET, PROT_EXEC, OUT, LOOK_RANGE);
	prefix_load(p, LOOK_SHMFLG, LOW(args[2]));
	prefix_jump(p, BPF_JSET, SHM_EXEC | SHM_REMAP, OUT, LOOK_IP); /* its length is not known */
	prefix_look_at_advice(p);
	prefix_load(p, LOOK_REMAP, LOW(args[3]));
	prefix_jump(p, BPF_JSET, MREMAP_FIXED, NEXT, LOOK_RANGE);
	prefix_load(p, NEXT, HIGH(args[2]));
	prefix_jump(p, BPF_JEQ, 0, NEXT, OUT);
	prefix_load(p, NEXT, HIGH(args[4]));
	prefix_look_at_place(p, LOOK_TARGET, LOOK_RANGE);
	prefix_load(p, LOOK_RANGE, HIGH(args[1]));
	prefix_jump(p, BPF_JEQ, 0, NEXT, OUT);
	prefix_load(p, NEXT, HIGH(args[0]));
	prefix_look_at_place(p, LOOK_PLACE, LOOK_IP);
}

static void prefix_look_at_ip(struct prefix *p, uint64_t ip)
{
	prefix_load(p, LOOK_IP, LOW(instruction_pointer));
	prefix_jump(p, BPF_JEQ, (uint32_t)ip, NEXT, OUT);
	prefix_load(p, NEXT, HIGH(instruction_pointer));
	prefix_jump(p, BPF_JEQ, (uint32_t)(ip >> 32), PASS, OUT);
	p->at[PASS] = p->n;
	prefix_stmt(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	p->at[OUT] = p->n;
}

static uint32_t prefix_offset(const struct prefix *p, unsigned from, uint32_t label)
{
	return label == NEXT ? 0 : p->at[label] - (from + 1);
}

static void prefix_link(struct prefix *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct sock_filter *f = &p->insn[i];

		if (BPF_CLASS(f->code) != BPF_JMP)
			continue;
		if (BPF_OP(f->code) == BPF_JA) {
			f->k = prefix_offset(p, i, f->k);
			continue;
		}
		f->jt = prefix_offset(p, i, f->jt);
		f->jf = prefix_offset(p, i, f->jf);
	}
}

static void prefix_init(struct prefix *p, uint64_t gate, unsigned flags)
{
	memset(p, 0, sizeof(*p));
	p->flags = flags;
	p->gate = gate;
	if (!gate)
		return;
	prefix_dispatch(p);
	if (flags & FILTER_NO_MSEAL)
		prefix_look_at_ranges(p);
	else
		prefix_look_at_arguments(p);
	prefix_look_at_ip(p, gate + FILTER_GATE_RETURN);
	prefix_link(p);
}

/*
 * Calls that are the supervisor's only with certain arguments; several lines for a call are
 * alternatives. A call of common/call.h without a line is notified whatever its arguments are.
 *
 * Widths are those of the kernel's definitions (Linux 6.18): int or unsigned int for all but
 * ptrace, whose request is a long, so that a bit in its upper half makes another request of it.
 */
struct condition {
	int nr;
	unsigned n_cmp;
	struct scmp_arg_cmp cmp[3];
};

#define INT_IS(arg, value)                                 \
	{                                                  \
		arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, value \
	}
#define LONG_IS(arg, value)                \
	{                                  \
		arg, SCMP_CMP_EQ, value, 0 \
	}
#define LONG_IS_NOT(arg, value)            \
	{                                  \
		arg, SCMP_CMP_NE, value, 0 \
	}
#define BIT_SET(arg, mask)                          \
	{                                           \
		arg, SCMP_CMP_MASKED_EQ, mask, mask \
	}

static const struct condition conditions[] = {
	{SYS_ioctl, 1, {INT_IS(1, USERFAULTFD_NEW)}},
	{SYS_personality, 1, {BIT_SET(0, READ_IMPLIES_EXEC)}},
	{SYS_prctl, 1, {INT_IS(0, PR_SET_MM)}},
	{SYS_prctl, 1, {INT_IS(0, PR_SET_CHILD_SUBREAPER)}},
	{SYS_arch_prctl, 1, {INT_IS(0, ARCH_MAP_VDSO_X32)}},
	{SYS_arch_prctl, 1, {INT_IS(0, ARCH_MAP_VDSO_32)}},
	{SYS_arch_prctl, 1, {INT_IS(0, ARCH_MAP_VDSO_64)}},
	{SYS_ptrace, 1, {LONG_IS(0, PTRACE_TRACEME)}},
	{SYS_ptrace, 1, {LONG_IS(0, PTRACE_ATTACH)}},
	{SYS_ptrace, 1, {LONG_IS(0, PTRACE_SEIZE)}},
	{SYS_prctl, 1, {INT_IS(0, PR_SET_SECCOMP)}},
	{SYS_seccomp,
	 2,
	 {INT_IS(0, SECCOMP_SET_MODE_FILTER),
	  LONG_IS_NOT(2, 0)}}, /* libseccomp asks with NULL what the kernel can do */
	{SYS_rt_sigaction, 1, {INT_IS(0, SIGSEGV)}},
};

static int rules_add_call(scmp_filter_ctx ctx, int nr)
{
	bool conditional = false;
	int r;

	for (unsigned i = 0; i < sizeof(conditions) / sizeof(*conditions); i++) {
		const struct condition *c = &conditions[i];

		if (c->nr != nr)
			continue;
		conditional = true;
		r = seccomp_rule_add_exact_array(ctx, SCMP_ACT_NOTIFY, nr, c->n_cmp, c->cmp);
		if (r < 0)
			return r;
	}
	if (conditional)
		return 0;
	return seccomp_rule_add_exact_array(ctx, SCMP_ACT_NOTIFY, nr, 0, NULL);
}

static int rules_add(scmp_filter_ctx ctx)
{
	static const int calls[] = {
#define X(NAME, name, n_args, how) SYS_##name,
		CM_ALL_CALLS(X)
#undef X
	};
	int r;

	/* i386 (int 0x80) and x32: their arguments cannot be judged here. */
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_NOTIFY);
	if (r < 0)
		return r;
	/* The numbers as a binary tree: ioctl and prctl are not cached, so the way there counts. */
	r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		r = rules_add_call(ctx, calls[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* libseccomp's program as the content of a memfd, the only place 2.5.4 can put it. */
static int rules_export(int fd)
{
	scmp_filter_ctx ctx;
	int r;

	if (seccomp_api_get() < 5) /* what a NOTIFY rule says to that is EINVAL */
		return -EOPNOTSUPP;
	ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (!ctx)
		return -ENOMEM;
	r = rules_add(ctx);
	if (r == 0)
		r = seccomp_export_bpf(ctx, fd);
	seccomp_release(ctx);
	return r;
}

static int program_join(const struct prefix *p, int fd, struct sock_fprog *progp)
{
	struct sock_filter *f;
	struct stat st;
	size_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	n = p->n + st.st_size / sizeof(*f);
	if (n > BPF_MAXINSNS)
		return -E2BIG;
	f = malloc(n * sizeof(*f));
	if (!f)
		return -ENOMEM;
	memcpy(f, p->insn, p->n * sizeof(*f));
	if (pread(fd, f + p->n, st.st_size, 0) != st.st_size) {
		free(f);
		return -EIO;
	}
	*progp = (struct sock_fprog){.len = n, .filter = f};
	return 0;
}

/**
 * filter_build() - the filter of a tree whose gate is at an address
 * @gate: address of the gate's page; 0: the tree has no gate, every mm call is notified
 * @flags: enum filter_flag: what of the gate's calls is notified as well
 * @progp: written on success; the caller owns it and gives it back with filter_deinit()
 *
 * Opens and closes one descriptor and calls into libseccomp, which allocates: for the supervisor
 * and the tools, never for the target.
 *
 * Return: 0; -EINVAL: the address is no user page; -EOPNOTSUPP: this kernel or a filter around this
 * process gives no notifications; -ENOMEM, -EMFILE, -E2BIG and the like.
 *
 * Source: seccomp(2), "Filters"; seccomp_api_get(3), level 5; the gate's own text is `endbr64;
 * syscall; ret`, and the kernel reports the address of the instruction after `syscall`.
 */
int filter_build(uint64_t gate, unsigned flags, struct sock_fprog *progp)
{
	struct prefix prefix;
	struct range page;
	int fd, r;

	if (gate && !range_init(&page, gate, CM_PAGE))
		return -EINVAL;
	prefix_init(&prefix, gate, flags);
	fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = rules_export(fd);
	if (r == 0)
		r = program_join(&prefix, fd, progp);
	close(fd);
	return r;
}

/**
 * filter_deinit() - give back what filter_build() made
 * @prog: the program; may be empty, and is empty afterwards
 */
void filter_deinit(struct sock_fprog *prog)
{
	free(prog->filter);
	*prog = (struct sock_fprog){0};
}
