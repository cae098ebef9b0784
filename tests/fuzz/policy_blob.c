/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>
#include "policy/blob.h"
#include "policy/doc.h"

/*
 * Any bytes, opened as a compiled policy: refused, or every question can be asked of it, it can be
 * decoded and narrowed, and what comes out opens too. The bytes are tried as they are and with size
 * and checksum put right, as these alone would keep a fuzzer out.
 */

static void ask_everything(const struct policy *p)
{
	static const char *const callers[] = {NULL, "", "/usr/lib/libx.so.1", "memfd:x"};
	struct policy_file file = {.name = "/a/b"};
	const char *source;
	unsigned line;

	for (unsigned key = 0; key <= KEY_N; key++) {
		policy_value(p, (enum policy_key)key);
		policy_tightest(p, (enum policy_key)key);
		policy_string(p, (enum policy_key)key);
		policy_listed(p, (enum policy_key)key, "/usr/lib/libx.so.1");
		for (unsigned i = 0; i < 4; i++)
			MUST(policy_value_for(p, (enum policy_key)key, callers[i]) <=
			     policy_tightest(p, (enum policy_key)key));
		if (policy_source(p, (enum policy_key)key, &source, &line))
			MUST(strlen(source) < p->size_bytes);
	}
	for (unsigned i = 0; i < 4 * 11; i++) {
		struct policy_ask ask = {
			.deeds = i < 40 ? 1u << i / 4 : 0x3ff,
			.caller = callers[i % 4],
			.file = i % 2 ? &file : NULL,
			.kernel_key = (enum policy_key)i,
			.seal_key = i % 4 ? (enum policy_key)(KEY_SEAL_TEXT + i % 7) : KEY_NONE,
			.jit_image = i % 3,
		};
		struct policy_ruling r;

		policy_rule(p, &ask, &r);
		MUST(r.verdict <= V_KILL && r.rule <= KEY_NONE);
		MUST(strlen(r.file) < p->size_bytes);
		MUST(!r.error == (r.verdict < V_DENY));
	}
}

static void narrow(const struct policy *p)
{
	struct policy_blob strict, both;
	struct arena a = ARENA_INIT;
	struct policy q, n;
	struct doc *doc;

	MUST(!profile_new(&a, 1, &doc) && !doc_compile(doc, &strict));
	MUST(!policy_open(&q, strict.data, strict.size_bytes));
	if (!policy_narrow(p, &q, &both)) {
		MUST(!policy_open(&n, both.data, both.size_bytes));
		for (unsigned key = 0; key < KEY_N; key++)
			if (policy_key_type((enum policy_key)key) != TYPE_LIST &&
			    policy_key_type((enum policy_key)key) != TYPE_REPORT_FORMAT)
				MUST(policy_value(&n, (enum policy_key)key) >=
				     policy_value(p, (enum policy_key)key));
		policy_blob_deinit(&both);
	}
	policy_blob_deinit(&strict);
	arena_deinit(&a);
}

static void try(const void *data, size_t size)
{
	struct policy p;

	if (policy_open(&p, data, size))
		return;
	ask_everything(&p);
	narrow(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob_header *h = malloc(size ? size : 1);

	MUST(h);
	memcpy(h, data, size);
	try(h, size);
	if (size >= sizeof(*h) && size % 4 == 0 && size <= BLOB_MAX_BYTES) {
		h->size_bytes = (uint32_t)size;
		h->checksum = blob_checksum(h, h->size_bytes);
		try(h, size);
	}
	free(h);
	return 0;
}
