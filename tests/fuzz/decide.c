/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Any call, any facts, under profile default and strict. What must hold: memory that is writable
 * and executable, and anonymous memory with execution, is never let through in an image without a
 * JIT module; nothing is put over the gate but the gate; nothing that a seal forbids is made.
 */

#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "common/call.h"
#include "policy/read.h"
#include "supervise/decide.h"
#include "tests/fuzz/fuzz.h"

#define GATE 0x7e8012345000ull

struct input {
	uint8_t strict, started, by_libc, jit, caller, object, n_vmas, gap;
	uint8_t prots[4];
	uint32_t arch_odd;
	uint32_t nr;
	uint8_t seals, own, seal_pages, seal_key; /* of a piece at the first argument's page */
	uint64_t args[6];
	uint64_t ip;
};

static struct policy policies[2];

static void setup(void)
{
	struct policy_dirs none = {0};
	struct policy_blob b[2];
	struct policy_set *set;

	if (policy_set_new(&set, &none, stderr) < 0 ||
	    policy_set_profile(set, "default", &b[0], stderr) < 0 ||
	    policy_set_profile(set, "strict", &b[1], stderr) < 0)
		abort();
	for (int i = 0; i < 2; i++)
		if (policy_open(&policies[i], b[i].data, b[i].size_bytes) < 0)
			abort();
	policy_set_free(set);
}

static bool grants_code(const struct call *c)
{
	bool x = c->args[2] & PROT_EXEC, w = c->args[2] & PROT_WRITE;

	if (c->arch != AUDIT_ARCH_X86_64)
		return false;
	if (c->nr == SYS_mmap)
		return x && (w || c->args[3] & MAP_ANONYMOUS);
	return (c->nr == SYS_mprotect || c->nr == SYS_pkey_mprotect) && x && w;
}

static void make_seals(const struct input *in, const struct call *c, struct seals *s)
{
	uint64_t at = page_down(c->args[0]), len = (in->seal_pages % 9) * CM_PAGE;
	enum policy_key key = KEY_SEAL_TEXT + in->seal_key % 6;
	struct range r;

	if (!range_init(&r, at, len))
		return;
	if (in->seals & SEAL_KNOWN)
		MUST(!seals_add(s, r, in->seals & SEAL_KNOWN, key));
	if (in->own & SEAL_KNOWN)
		MUST(!seals_add(s, r, in->own & SEAL_KNOWN, KEY_NONE));
}

static bool breaks_seal(const struct call *c, const struct seals *s)
{
	struct seal_deed deed[SEAL_DEEDS];
	unsigned n = decide_is_foreign_arch(c) ? 0 : seal_deeds(c->nr, c->args, deed);

	while (n--)
		for (size_t i = 0; i < s->n; i++)
			if (range_overlaps(s->at[i].range, deed[n].range) &&
			    (s->at[i].seals | s->at[i].own) & deed[n].seal)
				return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;
	struct vma v[4] = {0};
	struct object o = {.regular = true};
	struct seals seals = {NULL, 0, 0};
	struct call c;
	struct facts f;
	struct decision d;
	struct range r;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	if (!policies[0].blob)
		setup();
	c = (struct call){.nr = (int)in.nr,
			  .arch = in.arch_odd & 1 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64,
			  .ip = in.ip};
	memcpy(c.args, in.args, sizeof(c.args));
	f = (struct facts){.policy = &policies[in.strict & 1],
			   .gate = GATE,
			   .user_end = (1ull << 47) - CM_PAGE,
			   .started = in.started & 1,
			   .by_libc = in.by_libc & 1,
			   .jit_image = in.jit & 1,
			   .vmas = v,
			   .caller = in.caller & 1 ? "/usr/bin/node" : NULL,
			   .n_vmas = in.n_vmas % 5,
			   .has_gap = in.gap & 1,
			   .seals = &seals,
			   .file = in.object & 1 ? &o : NULL};
	o.file.memfd = in.object & 2;
	for (int i = 0; i < 4; i++)
		v[i].prot = in.prots[i] & 7;
	make_seals(&in, &c, &seals);
	decide_needs(&c, &f);
	decide(&c, &f, &d);
	MUST(d.action != DECIDE_ANSWER || (d.value <= 0 && d.value >= -4095));
	/* What the kernel refuses by its registers alone may be left to it. */
	if (grants_code(&c) && !f.jit_image &&
	    (c.nr == SYS_mmap || range_init(&r, c.args[0], c.args[1])))
		MUST(d.action != DECIDE_CONTINUE);
	if (breaks_seal(&c, &seals))
		MUST(d.action != DECIDE_CONTINUE);
	seals_deinit(&seals);
	return 0;
}
