/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The three places where a verdict is given, row by row, and they must agree: the filter (in the
 * simulator), the supervisor's decision, and the evaluator asked about the deeds of the row.
 */

#include <check.h>
#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <unistd.h>
#include "common/call.h"
#include "common/control.h"
#include "common/kit.h"
#include "policy/filter.h"
#include "policy/read.h"
#include "supervise/decide.h"
#include "tests/unit/unit.h"
#include "tests/verdict/bpf.h"

#define A    0x7f0000000000ull
#define G    0x7e8012345000ull
#define RW   (PROT_READ | PROT_WRITE)
#define RX   (PROT_READ | PROT_EXEC)
#define RWX  (PROT_READ | PROT_WRITE | PROT_EXEC)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

#define JIT_MODULE   "/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so"
#define OTHER_MODULE "/usr/lib/x86_64-linux-gnu/libz.so.1.2.13"

enum from {
	GATE,
	LIBC,
	CODE,
	STUB,       /* by a stub's entry of the gate's page */
	STUB_FIRST, /* … the first one's */
	STUB_LAST,
	STUB_BESIDE, /* a byte behind an entry's place */
	STUB_BEYOND, /* where one more stub would have its entry */
};

/* What lies at A, or behind descriptor 3, and who asks. */
enum world {
	NOTHING,
	STARTING, /* the library has not ended its start-up */
	RW_MEMORY,
	RX_MEMORY,
	RX_THEN_RW,
	RX_THEN_GAP,
	TOO_MANY, /* more mappings than fit the facts */
	DEVICE,
	MEMFD_RW, /* mapped at A, private and writable */
	MEMFD,
	NEW_FILE,
	SETTLED_FILE,
	TRUSTED_FILE,
	UNKNOWN_FILE,
	NO_FILE,
	HIDDEN, /* nothing of the process can be looked at */
	GATE_FILE,
	GATE_FILE_LATE,
	KIT_FILE, /* a patch kit, before start-up is over */
	KIT_FILE_LATE,
	JIT_ASKS,
	JIT_UNKNOWN,    /* a module of wx.jit is mapped, and nobody says who asks */
	JIT_OTHER_ASKS, /* it is mapped, and another module asks */
	JIT_CLAIMED,    /* it is said to ask, and is not mapped */
	LIBFFI_ASKS,
	SEALED_TEXT,   /* RX, sealed by seal.text */
	SEALED_BEHIND, /* the page behind A is, A is not */
	SEALED_RELRO,  /* RW as yet, of which rights may be taken away */
	SEALED_RELRO_R,
	SEALED_RELRO_UNKNOWN,
	OWN_PROT, /* RW, sealed by the program itself, and only its rights */
	OWN_DOWNGRADE,
	OWN_DISCARD,
	SEALED_SHORT_SEGMENT, /* text is, and the segment 0x1000 bytes long */
	SEALED_LONG_SEGMENT,  /* … three times that */
	SEALED_BELOW,         /* RW, and what lies not far below is sealed */
	SEALED_BY_KERNEL,     /* the library has sealed it, and told of nothing */
};

enum how { IS_PASSED, IS_MADE, IS_CHECKED, IS_ANSWERED, IS_KILLED };

struct outcome {
	enum how how;
	long value; /* with IS_ANSWERED */
};

struct row {
	const char *text;
	const char *policy;
	enum from from;
	enum world world;
	uint32_t arch;
	int nr;
	uint64_t args[6];
	unsigned deeds;
	enum policy_key rule;
	struct outcome outcome;
};

#define UNWRAP(...) __VA_ARGS__
#define PASS                 \
	{                    \
		IS_PASSED, 0 \
	}
#define GO                 \
	{                  \
		IS_MADE, 0 \
	}
#define GO_CHECKED            \
	{                     \
		IS_CHECKED, 0 \
	}
#define KILL                 \
	{                    \
		IS_KILLED, 0 \
	}
#define SAY(n)                 \
	{                      \
		IS_ANSWERED, n \
	}
#define NATIVE(name) AUDIT_ARCH_X86_64, SYS_##name
#define X32(name)    AUDIT_ARCH_X86_64, SYS_##name | 0x40000000
#define I386(number) AUDIT_ARCH_I386, number
#define ROW(policy, from, world, call, args, deeds, rule, outcome)               \
	{#policy " " #from " " #world " " #call #args " -> " #rule " " #outcome, \
	 #policy,                                                                \
	 from,                                                                   \
	 world,                                                                  \
	 call,                                                                   \
	 {UNWRAP args},                                                          \
	 deeds,                                                                  \
	 KEY_##rule,                                                             \
	 outcome},

static const struct row rows[] = {
#include "tests/verdict/decide.rows"
};

#define N_ROWS ((int)(sizeof(rows) / sizeof(*rows)))

/* Policies that are no profile. */
static const struct {
	const char *name;
	const char *text;
} files[] = {
	{"killing", "wx: { map = \"kill\"; transition = \"kill\"; }; raw = \"kill\";"},
	{"trusting", "wx: { file_allow = [ \"memfd:good*\" ]; };"
		     "modules = ( { name = \"libffi.so.*\"; wx: { map = \"log\"; }; } );"},
	{"transitive", "wx: { transition = \"allow\"; };"},
	{"trusted", "wx: { file = \"trusted\"; };"},
};

#define N_FILES (sizeof(files) / sizeof(*files))

static struct sock_fprog filter;
static struct policy_set *set;

static void open_policy(const char *name, struct policy_blob *b, struct policy *p)
{
	char path[] = "/tmp/cookiemap-verdict-XXXXXX";
	FILE *f;
	size_t i = 0;

	while (i < N_FILES && strcmp(files[i].name, name))
		i++;
	if (i == N_FILES) {
		ck_assert_int_eq(policy_set_profile(set, name, b, stderr), 0);
	} else {
		f = fdopen(mkstemp(path), "w");
		ck_assert_ptr_nonnull(f);
		fputs(files[i].text, f);
		fclose(f);
		ck_assert_int_eq(policy_set_file(set, path, b, stderr), 0);
		unlink(path);
	}
	ck_assert_int_eq(policy_open(p, b->data, b->size_bytes), 0);
}

static struct vma vma(uint64_t start, uint8_t prot)
{
	return (struct vma){.range = {start, start + CM_PAGE}, .prot = prot};
}

static void build_memory(enum world w, struct facts *f, struct vma *v)
{
	static const uint8_t rights[] = {
		[RW_MEMORY] = RW,     [MEMFD_RW] = RW,
		[SEALED_BEHIND] = RW, [SEALED_RELRO] = RW,
		[OWN_PROT] = RW,      [OWN_DOWNGRADE] = RW,
		[OWN_DISCARD] = RW,   [SEALED_BELOW] = RW,
		[RX_MEMORY] = RX,     [SEALED_RELRO_R] = PROT_READ,
	};

	v[0] = vma(A, w < sizeof(rights) && rights[w] ? rights[w] : RX);
	v[1] = vma(A + CM_PAGE, RW);
	f->vmas = v;
	switch (w) {
	case SEALED_TEXT:
	case SEALED_RELRO:
	case SEALED_RELRO_R:
	case OWN_PROT:
	case OWN_DOWNGRADE:
	case OWN_DISCARD:
	case SEALED_BELOW:
	case RW_MEMORY:
	case RX_MEMORY:
	case MEMFD_RW:
	case RX_THEN_GAP:
		f->n_vmas = 1;
		break;
	case RX_THEN_RW:
	case SEALED_BEHIND:
		f->n_vmas = 2;
		break;
	default:
		break;
	}
	f->vmas_cut = w == TOO_MANY || w == SEALED_RELRO_UNKNOWN;
	f->has_gap = w == RX_THEN_GAP || w == NOTHING;
}

#define RELRO_SEALS (SEAL_DOWNGRADE | (SEAL_ALL & ~SEAL_PROT))

/* What of it is sealed. */
static void build_seals(enum world w, struct facts *f, struct seals *s)
{
	static const struct {
		uint8_t seals, key;
	} how[] = {
		[SEALED_TEXT] = {SEAL_ALL, KEY_SEAL_TEXT},
		[SEALED_BEHIND] = {SEAL_ALL, KEY_SEAL_DATA},
		[SEALED_RELRO] = {RELRO_SEALS, KEY_SEAL_RELRO},
		[SEALED_RELRO_R] = {RELRO_SEALS, KEY_SEAL_RELRO},
		[SEALED_RELRO_UNKNOWN] = {RELRO_SEALS, KEY_SEAL_RELRO},
		[OWN_PROT] = {SEAL_PROT, KEY_NONE},
		[OWN_DOWNGRADE] = {SEAL_DOWNGRADE, KEY_NONE},
		[OWN_DISCARD] = {SEAL_DISCARD, KEY_NONE},
		[SEALED_SHORT_SEGMENT] = {SEAL_ALL, KEY_SEAL_TEXT},
		[SEALED_LONG_SEGMENT] = {SEAL_ALL, KEY_SEAL_TEXT},
		[SEALED_BELOW] = {SEAL_ALL, KEY_SEAL_TEXT},
	};
	uint64_t at = w == SEALED_BEHIND ? A + CM_PAGE : w == SEALED_BELOW ? A - (1 << 20) : A;

	*s = (struct seals){NULL, 0, 0};
	f->seals = s;
	f->segment_bytes = w == SEALED_SHORT_SEGMENT  ? CM_PAGE
			   : w == SEALED_LONG_SEGMENT ? 3 * CM_PAGE
						      : 0;
	f->sealed = w == SEALED_BY_KERNEL;
	if (w >= SEALED_TEXT && w != SEALED_BY_KERNEL)
		ck_assert_int_eq(
			seals_add(s, (struct range){at, at + CM_PAGE}, how[w].seals, how[w].key),
			0);
}

static void build_file(enum world w, struct facts *f, struct object *o)
{
	*o = (struct object){.regular = w != DEVICE, .name = "memfd:good"};
	o->file.name = o->name;
	o->is_gate = w == GATE_FILE || w == GATE_FILE_LATE;
	o->is_kit = w == KIT_FILE || w == KIT_FILE_LATE;
	o->file.memfd = w == MEMFD || w == MEMFD_RW || o->is_gate || o->is_kit;
	o->file.settled = w == SETTLED_FILE || w == TRUSTED_FILE;
	o->file.trusted = w == TRUSTED_FILE;
	if (w >= DEVICE && w <= KIT_FILE_LATE && w != UNKNOWN_FILE && w != NO_FILE && w != HIDDEN)
		f->file = o;
}

/* What the kernel reports: the address behind the instruction. */
static uint64_t ip_of(enum from from)
{
	switch (from) {
	case GATE:
		return G + 6;
	case STUB:
		return G + kit_entry(3) + 6;
	case STUB_FIRST:
		return G + kit_entry(0) + 6;
	case STUB_LAST:
		return G + kit_entry(KIT_SITES - 1) + 6;
	case STUB_BESIDE:
		return G + kit_entry(3) + 7;
	case STUB_BEYOND:
		return G + kit_entry(KIT_SITES) + 6;
	default:
		return 0x401002;
	}
}

static void build(const struct row *row, const struct policy *p, struct call *c, struct facts *f,
		  struct vma *v, struct object *o)
{
	static struct seals seals;

	enum world w = row->world;

	*c = (struct call){.nr = row->nr, .arch = row->arch, .ip = ip_of(row->from)};
	memcpy(c->args, row->args, sizeof(c->args));
	*f = (struct facts){.policy = p,
			    .gate = G,
			    .user_end = (1ull << 47) - CM_PAGE,
			    .by_libc = row->from == LIBC};
	f->blind = w == HIDDEN;
	f->no_file = w == NO_FILE;
	f->started = w != STARTING && w != GATE_FILE && w != KIT_FILE;
	build_memory(w, f, v);
	build_file(w, f, o);
	build_seals(w, f, &seals);
	f->jit_image = w == JIT_ASKS || w == JIT_UNKNOWN || w == JIT_OTHER_ASKS;
	if (w == JIT_ASKS || w == JIT_CLAIMED)
		f->caller = JIT_MODULE;
	if (w == JIT_OTHER_ASKS)
		f->caller = OTHER_MODULE;
	if (w == LIBFFI_ASKS)
		f->caller = "/usr/lib/x86_64-linux-gnu/libffi.so.8.1.2";
}

static bool filter_passes(const struct call *c)
{
	struct seccomp_data d = {.nr = c->nr, .arch = c->arch, .instruction_pointer = c->ip};
	uint32_t ret;

	memcpy(d.args, c->args, sizeof(c->args));
	ck_assert_int_eq(bpf_run(&filter, &d, &ret), 0);
	return ret == SECCOMP_RET_ALLOW;
}

static enum how how_of(const struct decision *d)
{
	if (d->action == DECIDE_KILL)
		return IS_KILLED;
	if (d->action == DECIDE_ANSWER)
		return IS_ANSWERED;
	return d->check ? IS_CHECKED : IS_MADE;
}

static void agree_with_evaluator(const struct row *row, const struct facts *f,
				 const struct decision *d)
{
	static const struct policy_file unknown, hidden = {.memfd = true};
	struct policy_ask ask = {.deeds = row->deeds,
				 .kernel_key = row->rule,
				 .seal_key = row->rule,
				 .caller = f->caller,
				 .jit_image = f->jit_image,
				 .writable = row->nr == SYS_shmat ? !(row->args[2] & SHM_RDONLY)
								  : row->args[2] & PROT_WRITE,
				 .file = f->file    ? &f->file->file
					 : f->blind ? &hidden
						    : &unknown};
	struct policy_ruling r;

	if (ask.kernel_key == KEY_NONE && row->deeds & DEED_KERNEL)
		ask.kernel_key = KEY_K_PTRACE; /* the one such row that a profile allows */
	policy_rule(f->policy, &ask, &r);
	ck_assert_msg(r.verdict == d->ruling.verdict && r.rule == d->ruling.rule,
		      "%s: the evaluator says %d by %s, the supervisor %d by %s", row->text,
		      r.verdict, policy_key_name(r.rule), d->ruling.verdict,
		      policy_key_name(d->ruling.rule));
}

/* Loop: every row. */
/* Nobody looks for modules of wx.jit then, so the verdict must be the same with and without. */
static void modules_do_not_count(const struct row *row, const struct call *c, struct facts f,
				 const struct decision *d)
{
	struct decision other;

	f.jit_image = !f.jit_image;
	decide(c, &f, &other);
	ck_assert_msg(other.action == d->action && other.value == d->value &&
			      other.flips == d->flips && other.check == d->check &&
			      other.ruling.rule == d->ruling.rule &&
			      other.ruling.verdict == d->ruling.verdict,
		      "%s: depends on what else is mapped", row->text);
}

START_TEST(filter_supervisor_and_evaluator_agree)
{
	const struct row *row = &rows[_i];
	struct policy_blob blob;
	struct policy p;
	struct call c;
	struct facts f;
	struct vma v[2];
	struct object o;
	struct decision d;

	open_policy(row->policy, &blob, &p);
	build(row, &p, &c, &f, v, &o);
	decide(&c, &f, &d);
	ck_assert_msg(filter_passes(&c) == (row->outcome.how == IS_PASSED),
		      "%s: the filter disagrees", row->text);
	ck_assert_msg(d.ruling.rule == row->rule, "%s: ruled by %s", row->text,
		      policy_key_name(d.ruling.rule));
	if (row->outcome.how == IS_PASSED)
		ck_assert_msg(d.action == DECIDE_CONTINUE && d.ruling.verdict == V_ALLOW,
			      "%s: the supervisor would not have let it through", row->text);
	else
		ck_assert_msg(how_of(&d) == row->outcome.how, "%s: outcome %d", row->text,
			      how_of(&d));
	if (row->outcome.how == IS_ANSWERED)
		ck_assert_msg(d.value == row->outcome.value, "%s: answered %ld", row->text,
			      d.value);
	agree_with_evaluator(row, &f, &d);
	if (decide_needs(&c, &f) & NEED_JIT && !decide_is_code(&c, &f))
		modules_do_not_count(row, &c, f, &d);
	policy_blob_deinit(&blob);
}
END_TEST

/* Whatever its registers hold, a call that may grant execution never passes the filter unseen. */
START_TEST(no_random_grant_passes_the_filter)
{
	static const int calls[] = {SYS_mmap, SYS_mprotect, SYS_pkey_mprotect};
	struct call c = {.arch = AUDIT_ARCH_X86_64, .ip = G + 6};

	srandom(1);
	for (int i = 0; i < 100000; i++) {
		c.nr = calls[i % 3];
		for (int k = 0; k < 6; k++)
			c.args[k] = (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^
				    (uint64_t)random();
		c.args[2] |= PROT_EXEC;
		ck_assert(!filter_passes(&c));
		c.args[2] &= ~(uint64_t)PROT_EXEC;
		ck_assert(filter_passes(&c));
	}
}
END_TEST

/* What only the library's own code says, it says at the gate's own entry. */
START_TEST(nobody_is_told_of_at_a_stubs_entry)
{
	static const enum from from[] = {STUB, STUB_FIRST, STUB_LAST, STUB_BESIDE, CODE};
	struct call c = {.nr = SYS_mprotect,
			 .arch = AUDIT_ARCH_X86_64,
			 .ip = ip_of(GATE),
			 .args = {A, CM_PAGE, RWX, 0, 0x401000, CONTROL_TOLD | TOLD_FLIP}};

	ck_assert(decide_is_told(&c, G) && decide_is_flip(&c, G) && decide_can_flip(&c, G));
	for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++) {
		c.ip = ip_of(from[i]);
		ck_assert(!decide_is_told(&c, G));
		ck_assert(!decide_is_flip(&c, G));
		ck_assert(!decide_can_flip(&c, G));
	}
}
END_TEST

/* What decides is looked at: with the rights of the memory unknown the verdict is the worst. */
START_TEST(rights_are_asked_for_where_they_count)
{
	static const enum world worlds[] = {SEALED_RELRO, SEALED_RELRO_R, OWN_DOWNGRADE};
	struct policy_blob blob;
	struct policy p;
	struct call c;
	struct facts f;
	struct vma v[2];
	struct object o;
	struct decision d;
	struct row row = {.from = LIBC, .arch = AUDIT_ARCH_X86_64, .nr = SYS_mprotect};

	open_policy("default", &blob, &p);
	row.args[0] = A;
	row.args[1] = CM_PAGE;
	row.args[2] = PROT_READ;
	for (size_t i = 0; i < sizeof(worlds) / sizeof(*worlds); i++) {
		row.world = worlds[i];
		build(&row, &p, &c, &f, v, &o);
		ck_assert(decide_needs(&c, &f) & NEED_VMAS);
		decide(&c, &f, &d);
		ck_assert(d.action == DECIDE_CONTINUE || !d.value);
		f.vmas_cut = true;
		decide(&c, &f, &d);
		ck_assert_int_eq(d.value, -EPERM);
		c.nr = SYS_munmap;
		ck_assert(!(decide_needs(&c, &f) & NEED_VMAS));
	}
	row.world = SEALED_BELOW;
	build(&row, &p, &c, &f, v, &o);
	ck_assert(!(decide_needs(&c, &f) & NEED_VMAS));
	c.args[2] |= 0x01000000; /* PROT_GROWSDOWN */
	ck_assert(decide_needs(&c, &f) & NEED_VMAS);
	row.world = SEALED_TEXT;
	build(&row, &p, &c, &f, v, &o);
	ck_assert(!(decide_needs(&c, &f) & NEED_VMAS));
	policy_blob_deinit(&blob);
}
END_TEST

static bool takes_away(int nr, uint64_t old, uint64_t new, uint64_t flags)
{
	struct call c = {.nr = nr, .arch = AUDIT_ARCH_X86_64, .args = {A, old, new, flags, G}};
	struct seal_deed deed[SEAL_DEEDS];
	unsigned n = seal_deeds(nr, c.args, deed);

	for (unsigned i = 0; i < n; i++)
		if (decide_takes_away(&c, &deed[i]) && deed[i].range.start == A)
			return true;
	return false;
}

START_TEST(a_segments_length_is_asked_for_where_it_counts)
{
	struct call c = {.nr = SYS_shmat, .arch = AUDIT_ARCH_X86_64, .args = {1, A, SHM_REMAP}};
	struct seals seals = {NULL, 0, 0};
	struct facts f = {.seals = &seals};

	ck_assert(!decide_goes_by_length(&c, &f));
	ck_assert_int_eq(seals_add(&seals, (struct range){A - CM_PAGE, A}, SEAL_ALL, KEY_NONE), 0);
	ck_assert(!decide_goes_by_length(&c, &f));
	ck_assert_int_eq(seals_add(&seals, (struct range){A, A + CM_PAGE}, SEAL_ALL, KEY_NONE), 0);
	ck_assert(decide_goes_by_length(&c, &f));
	c.args[2] = 0;
	ck_assert(!decide_goes_by_length(&c, &f));
}
END_TEST

START_TEST(memory_that_stays_keeps_its_seals)
{
	ck_assert(takes_away(SYS_munmap, CM_PAGE, 0, 0));
	ck_assert(takes_away(SYS_mmap, CM_PAGE, RW, ANON | MAP_FIXED));
	ck_assert(takes_away(SYS_mremap, CM_PAGE, 2 * CM_PAGE, MREMAP_MAYMOVE));
	ck_assert(takes_away(SYS_mremap, CM_PAGE, CM_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED));
	ck_assert(!takes_away(SYS_mremap, CM_PAGE, 2 * CM_PAGE, 0));
	ck_assert(!takes_away(SYS_mremap, 2 * CM_PAGE, CM_PAGE, MREMAP_MAYMOVE));
	ck_assert(!takes_away(SYS_mremap, CM_PAGE, CM_PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
	ck_assert(!takes_away(SYS_mprotect, CM_PAGE, PROT_READ, 0));
	ck_assert(!takes_away(SYS_madvise, CM_PAGE, MADV_DONTNEED, 0));
	ck_assert(!takes_away(SYS_shmat, A, SHM_REMAP, 0));
}
END_TEST

int main(void)
{
	struct policy_dirs none = {0};
	Suite *s = suite_create("decide");
	TCase *t = tcase_create("rows");

	if (filter_build(G, 0, &filter) < 0 || policy_set_new(&set, &none, stderr) < 0)
		return 1;
	tcase_add_loop_test(t, filter_supervisor_and_evaluator_agree, 0, N_ROWS);
	tcase_add_test(t, no_random_grant_passes_the_filter);
	tcase_add_test(t, nobody_is_told_of_at_a_stubs_entry);
	tcase_add_test(t, rights_are_asked_for_where_they_count);
	tcase_add_test(t, a_segments_length_is_asked_for_where_it_counts);
	tcase_add_test(t, memory_that_stays_keeps_its_seals);
	tcase_set_timeout(t, 30);
	suite_add_tcase(s, t);
	return unit_run(s);
}
