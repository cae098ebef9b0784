/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/decide.h"

#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include "common/call.h"
#include "common/control.h"
#include "common/kit.h"

/*
 * The supervisor's decision, as a pure function: a call, what was found out about it, and the
 * policy give a verdict. Nothing is looked at here, so every row of tests/verdict runs without a
 * process.
 *
 * Two rules shape it. A call that the verdict cannot depend on anything but registers for is
 * continued. One whose verdict depends on mappings or descriptors is answered where an answer is
 * possible, and checked after it was made where it is not: between verdict and execution another
 * thread can put a different mapping under the address.
 */

#define SHM_EXEC_FLAG   0100000 /* include/uapi/linux/shm.h */
#define SHM_RDONLY_FLAG 010000
#define X32_BIT         0x40000000
#define PR_SET_MM_      35
#define UFFD_IOC_NEW    0xaa00 /* _IO(0xAA, 0), include/uapi/linux/userfaultfd.h */
#define MAP_TYPE_MASK   15

/* A call that is not of the native 64-bit interface: its arguments cannot be judged. */
bool decide_is_foreign_arch(const struct call *c)
{
	return c->arch != AUDIT_ARCH_X86_64 || c->nr & X32_BIT;
}

static bool is_protect(const struct call *c)
{
	return c->nr == SYS_mprotect || c->nr == SYS_pkey_mprotect;
}

static bool asks_exec(const struct call *c)
{
	if (c->nr == SYS_mmap || is_protect(c))
		return c->args[2] & PROT_EXEC;
	if (c->nr == SYS_shmat)
		return c->args[2] & SHM_EXEC_FLAG;
	return false;
}

static bool asks_write(const struct call *c)
{
	if (c->nr == SYS_shmat)
		return !(c->args[2] & SHM_RDONLY_FLAG);
	return c->nr == SYS_uselib || c->args[2] & PROT_WRITE;
}

static bool is_anonymous(const struct call *c)
{
	return c->nr == SYS_mmap && c->args[3] & MAP_ANONYMOUS;
}

static bool is_mm(const struct call *c)
{
	switch (c->nr) {
#define X(NAME, name, n, how) case SYS_##name:
		CM_MM_CALLS(X)
#undef X
		return true;
	}
	return false;
}

/* The range whose mappings the verdict depends on. Return: false: none, or the kernel refuses it
 * by itself. */
bool decide_range(const struct call *c, struct range *rp)
{
	return is_protect(c) && range_init(rp, c->args[0], c->args[1]);
}

static bool is_through_gate(const struct call *c, const struct facts *f)
{
	return kit_is_gate(f->gate, c->ip);
}

/* Whether the library has told who asks in registers that the kernel does not read. */
bool decide_is_told(const struct call *c, uint64_t gate)
{
	return gate && c->ip == gate + KIT_ENTRY_RETURN && is_protect(c) &&
	       (c->args[5] & ~0xffull) == CONTROL_TOLD;
}

/* Whether flip could serve this request, did policy say so: without W anything that is granted
 * does, with both it is the library's to serve. */
bool decide_can_flip(const struct call *c, uint64_t gate)
{
	bool at_gate = gate && c->ip == gate + KIT_ENTRY_RETURN;

	return !asks_write(c) || (at_gate && c->nr != SYS_shmat);
}

/* Whether it asks for itself, to execute a page that flip manages. Anyone can say so; what is
 * granted depends on policy and what is mapped there. */
bool decide_is_flip(const struct call *c, uint64_t gate)
{
	return decide_is_told(c, gate) && c->nr == SYS_mprotect && (c->args[5] & 0xff) == TOLD_FLIP;
}

/* A descriptor that could not be looked at, where the mapping can be afterwards; and where nothing
 * can: then it is taken for the worst. */
static const struct policy_file unknown_file;
static const struct policy_file hidden_file = {.memfd = true};

/* Whether policy would serve the request by flip, had it not come past the library. */
static bool would_flip(const struct call *c, const struct facts *f, unsigned deeds)
{
	struct policy_ask ask = {.deeds = deeds,
				 .kernel_key = KEY_NONE,
				 .file = f->file ? &f->file->file : &unknown_file,
				 .caller = f->caller,
				 .jit_image = f->jit_image};
	struct policy_ruling r;

	policy_rule(f->policy, &ask, &r);
	return r.verdict == V_FLIP;
}

/* What decide() will want to know of this call. Return: enum decide_need, any number. */
unsigned decide_needs(const struct call *c, const struct facts *f)
{
	unsigned needs = 0;

	if (decide_is_foreign_arch(c))
		return 0;
	if (decide_is_flip(c, f->gate) && would_flip(c, f, DEED_ADD_X))
		return NEED_VMAS;
	if (asks_exec(c)) {
		needs = NEED_CALLER;
		if (policy_tightest(f->policy, KEY_WX_MAP) >= V_DENY ||
		    policy_tightest(f->policy, KEY_WX_TRANSITION) >= V_DENY)
			needs |= NEED_JIT;
		if (is_protect(c))
			needs |= NEED_VMAS;
		else if (c->nr == SYS_mmap && !is_anonymous(c))
			needs |= NEED_FILE;
	}
	if (decide_goes_by_mappings(c, f))
		needs |= NEED_VMAS;
	if (decide_goes_by_length(c, f))
		needs |= NEED_SEGMENT;
	if (is_mm(c) && f->started && !is_through_gate(c, f) &&
	    policy_value(f->policy, KEY_RAW) != RAW_POLICE)
		needs |= NEED_CALLER;
	return needs;
}

static enum policy_key kernel_key(const struct call *c)
{
	uint32_t low0 = (uint32_t)c->args[0];

	switch (c->nr) {
	case SYS_personality:
		/* 0xffffffff asks and sets nothing (kernel/exec_domain.c) */
		return low0 != 0xffffffff && low0 & READ_IMPLIES_EXEC ? KEY_K_PERSONALITY
								      : KEY_NONE;
	case SYS_prctl:
		return low0 == PR_SET_MM_ ? KEY_K_PRCTL_MM : KEY_NONE;
	case SYS_arch_prctl:
		return low0 >= 0x2001 && low0 <= 0x2003 ? KEY_K_MAP_VDSO : KEY_NONE;
	case SYS_ioctl:
		return (uint32_t)c->args[1] == UFFD_IOC_NEW ? KEY_K_USERFAULTFD : KEY_NONE;
	case SYS_ptrace:
		return c->args[0] == PTRACE_TRACEME || c->args[0] == PTRACE_ATTACH ||
				       c->args[0] == PTRACE_SEIZE
			       ? KEY_K_PTRACE
			       : KEY_NONE;
	case SYS_remap_file_pages:
		return KEY_K_REMAP_FILE_PAGES;
	case SYS_userfaultfd:
		return KEY_K_USERFAULTFD;
	case SYS_io_uring_setup:
		return KEY_K_IO_URING;
	case SYS_modify_ldt:
		return KEY_K_MODIFY_LDT;
	case SYS_io_setup:
		return KEY_K_AIO;
	case SYS_perf_event_open:
		return KEY_K_PERF_EVENT;
	case SYS_bpf:
		return KEY_K_BPF;
	case SYS_process_vm_writev:
		return KEY_K_PROCESS_VM_WRITEV;
	}
	return KEY_NONE;
}

static bool covers_gate(const struct facts *f, uint64_t addr, uint64_t len)
{
	struct range page = {f->gate, f->gate + CM_PAGE}, r;

	return range_init(&r, addr, len) && r.end <= f->user_end && range_overlaps(r, page);
}

/* A move takes its place by force, or as a wish that the kernel grants where it can; growing takes
 * what lies behind. */
static bool remap_touches_gate(const struct call *c, const struct facts *f)
{
	const uint64_t *a = c->args;

	if (a[3] & (MREMAP_FIXED | MREMAP_DONTUNMAP) && covers_gate(f, a[4], a[2]))
		return true;
	return covers_gate(f, a[0], a[1]) || covers_gate(f, a[0], a[2]);
}

/* Whether a call would put a mapping over the gate's page, or take it away. A wish for that address
 * is refused where it could become code. */
static bool touches_gate(const struct call *c, const struct facts *f)
{
	const uint64_t *a = c->args;
	uint64_t at;

	switch (c->nr) {
	case SYS_mmap:
		if (a[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE))
			return covers_gate(f, a[0], a[1]);
		return asks_exec(c) && (covers_gate(f, page_down(a[0]), a[1]) ||
					covers_gate(f, page_up(a[0]), a[1]));
	case SYS_mremap:
		return remap_touches_gate(c, f);
	case SYS_shmat: /* the segment's size is not in the registers: anything that could reach */
		at = page_down(a[1]);
		return at && at <= f->gate && f->gate - at < 1ull << 32;
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_pkey_mprotect:
	case SYS_remap_file_pages:
		return covers_gate(f, a[0], a[1]);
	}
	return false;
}

/* A mapping of what the supervisor has made itself, as the library makes it before start-up is
 * over. */
static bool is_own_code(const struct call *c, const struct facts *f)
{
	return c->nr == SYS_mmap && !f->started && c->args[2] == (PROT_READ | PROT_EXEC) &&
	       (c->args[3] & MAP_TYPE_MASK) == MAP_PRIVATE && f->file;
}

/* The same, of a patch kit. */
bool decide_is_own(const struct call *c, const struct facts *f)
{
	return is_own_code(c, f) && f->file->is_kit;
}

/* The one mapping that belongs at the gate's address. */
static bool is_gate_mapping(const struct call *c, const struct facts *f)
{
	return is_own_code(c, f) && c->args[0] == f->gate && c->args[1] == CM_PAGE && !c->args[5] &&
	       f->file->is_gate;
}

static bool changes_nothing(const struct call *c, const struct facts *f)
{
	if (f->vmas_cut || c->args[2] & ~7ull)
		return false;
	if (c->nr == SYS_pkey_mprotect && (int)c->args[3] != -1)
		return false;
	for (unsigned i = 0; i < f->n_vmas; i++)
		if (f->vmas[i].prot != (c->args[2] & 7))
			return false;
	return true;
}

static bool all_exec(const struct facts *f)
{
	for (unsigned i = 0; i < f->n_vmas; i++)
		if (!(f->vmas[i].prot & PROT_EXEC))
			return false;
	return !f->vmas_cut;
}

static unsigned exec_deeds(const struct call *c, const struct facts *f)
{
	unsigned deeds = 0;

	if (c->nr == SYS_shmat || is_anonymous(c))
		return DEED_WX;
	if (is_protect(c)) {
		if (c->args[2] & PROT_WRITE)
			deeds |= DEED_WX;
		if (!(c->args[2] & PROT_WRITE) || f->file || !all_exec(f))
			deeds |= DEED_ADD_X;
		if (f->file)
			deeds |= DEED_X_FILE; /* as if it had been mapped so at once */
		return deeds;
	}
	if (c->args[2] & PROT_WRITE || (f->file && !f->file->regular))
		deeds |= DEED_WX; /* a device such as /dev/zero is anonymous memory by another name
				   */
	return deeds | DEED_X_FILE;
}

/* Whether the call asks for code of its own making, not just for a file's, as far as mappings and
 * file tell: only then it counts what else is mapped (policy/eval.c, rule_code()). */
bool decide_is_code(const struct call *c, const struct facts *f)
{
	return exec_deeds(c, f) & (DEED_WX | DEED_ADD_X);
}

static void rule(const struct call *c, const struct facts *f, unsigned deeds, enum policy_key key,
		 struct policy_ruling *rp)
{
	struct policy_ask ask = {.deeds = deeds,
				 .kernel_key = key,
				 .seal_key = key,
				 .file = f->file    ? &f->file->file
					 : f->blind ? &hidden_file
						    : &unknown_file,
				 .caller = f->caller,
				 .jit_image = f->jit_image,
				 .writable = asks_write(c)};

	policy_rule(f->policy, &ask, rp);
}

static void refuse(struct decision *d, long error)
{
	d->action = DECIDE_ANSWER;
	d->value = -error;
}

static void apply(struct decision *d)
{
	enum policy_verdict v = d->ruling.verdict;

	d->report = v != V_ALLOW && v != V_FLIP;
	if (v == V_KILL)
		d->action = DECIDE_KILL;
	else if (v == V_DENY)
		refuse(d, d->ruling.error);
}

/* The kernel gives these errors from registers alone, before any mapping is looked at
 * (mm/mprotect.c, do_mprotect_pkey()): there is nothing to judge, and nothing to race for. */
static bool is_invalid_protect(const struct call *c)
{
	struct range r;

	return is_protect(c) && !range_init(&r, c->args[0], c->args[1]);
}

/*
 * A protection that includes X is either what is there, and answered, or counts as X added, also
 * where what is there has X: were it continued, another thread could put pages of its own making
 * under the address before the kernel gets there.
 */
static void decide_exec(const struct call *c, const struct facts *f, unsigned deeds,
			struct decision *d)
{
	if (is_invalid_protect(c))
		return;
	if (f->no_file) {
		refuse(d, EBADF);
		return;
	}
	if (is_protect(c) && changes_nothing(c, f)) {
		refuse(d, f->has_gap ? ENOMEM : 0);
		return;
	}
	rule(c, f, deeds | exec_deeds(c, f), KEY_NONE, &d->ruling);
	apply(d);
	d->flips = f->by_libc && f->started && c->nr != SYS_shmat && asks_write(c) &&
		   would_flip(c, f, deeds | exec_deeds(c, f));
	d->check = d->action == DECIDE_CONTINUE;
}

/* A seal forbids it. Of the program's own nobody is told; what policy says of such a call besides
 * holds as well. */
static void decide_sealed(const struct call *c, const struct facts *f, unsigned deeds,
			  enum policy_key key, struct decision *d)
{
	rule(c, f, deeds | (key == KEY_NONE ? 0 : DEED_SEALED), key, &d->ruling);
	apply(d);
	if (d->action == DECIDE_CONTINUE)
		refuse(d, EPERM);
}

static void decide_mm(const struct call *c, const struct facts *f, struct decision *d)
{
	unsigned deeds = f->started && !f->by_libc && !is_through_gate(c, f) ? DEED_RAW : 0;
	enum policy_key key;

	if (f->gate && touches_gate(c, f)) {
		d->own = d->check = is_gate_mapping(c, f);
		if (!d->own)
			refuse(d, EPERM);
		return;
	}
	if (decide_is_own(c, f)) {
		d->own = d->check = true; /* the descriptor may have become another's */
		return;
	}
	if (decide_is_sealed(c, f, &key)) {
		decide_sealed(c, f, deeds, key, d);
		return;
	}
	if (decide_goes_by_mappings(c, f) && !(c->args[2] & PROT_EXEC) && changes_nothing(c, f)) {
		refuse(d, f->has_gap ? ENOMEM : 0); /* another may take rights away meanwhile */
		return;
	}
	if (asks_exec(c)) {
		decide_exec(c, f, deeds, d);
		return;
	}
	if (c->nr == SYS_remap_file_pages)
		rule(c, f, deeds | DEED_KERNEL, KEY_K_REMAP_FILE_PAGES, &d->ruling);
	else
		rule(c, f, deeds, KEY_NONE, &d->ruling);
	apply(d);
}

/*
 * Decides one call. `f->policy` must be set; of the other facts those that decide_needs() named.
 * Writes the whole of *dp. Pure.
 */
void decide(const struct call *c, const struct facts *f, struct decision *dp)
{
	struct decision d = {.action = DECIDE_CONTINUE, .ruling = {.rule = KEY_NONE}};
	enum policy_key key;

	if (decide_is_foreign_arch(c)) {
		rule(c, f, DEED_KERNEL, KEY_K_COMPAT, &d.ruling);
		apply(&d);
	} else if (is_mm(c)) {
		decide_mm(c, f, &d);
	} else if (c->nr == SYS_uselib) { /* a segment of a file, RWX */
		rule(c, f, DEED_WX | DEED_X_FILE, KEY_NONE, &d.ruling);
		apply(&d);
		d.check = d.action == DECIDE_CONTINUE;
	} else if ((key = kernel_key(c)) != KEY_NONE) {
		rule(c, f, DEED_KERNEL, key, &d.ruling);
		apply(&d);
	}
	*dp = d;
}

/*
 * Whether a mapping that is executable may be so: asked of every image at its first notification,
 * and of every process after it was granted something. `o` is the object behind it, NULL for
 * anonymous memory; `caller` a module that may have asked for it, or NULL. Anonymous memory without
 * W may have come by wx.map or by wx.transition: it is enough that one of them allows it. Pure.
 */
void decide_vma(const struct policy *p, const struct vma *v, const struct object *o, bool jit_image,
		const char *caller, struct policy_ruling *rp)
{
	struct policy_ask ask = {.file = o ? &o->file : &unknown_file,
				 .caller = caller,
				 .jit_image = jit_image,
				 .writable = v->prot & PROT_WRITE};

	if (!o && !(v->prot & PROT_WRITE)) {
		ask.deeds = DEED_ADD_X;
		policy_rule(p, &ask, rp);
		if (rp->verdict < V_DENY)
			return;
	}
	ask.deeds = (!o || v->prot & PROT_WRITE ? DEED_WX : 0) | (o ? DEED_X_FILE : 0);
	policy_rule(p, &ask, rp);
}
