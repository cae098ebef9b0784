/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "policy/blob.h"
#include "tests/unit/policy_util.h"
#include "tests/unit/unit.h"

#define RICH                                                                              \
	"wx: { jit = [ \"/a/*\", \"b\" ]; file_allow = [ \"memfd:x\" ]; };"               \
	"modules = ( { name = \"m*\"; wx: { map = \"log\"; transition = \"allow\"; }; }," \
	" { name = \"n\"; foreign: { unmap = \"deny\"; }; seal: { text = false; }; } );"

static struct blob_header *head(const struct box *box)
{
	return (struct blob_header *)box->blob.data;
}

static void sum(const struct box *box)
{
	head(box)->checksum = blob_checksum(box->blob.data, (uint32_t)box->blob.size_bytes);
}

static int opened(const struct box *box)
{
	struct policy p;

	sum(box);
	return policy_open(&p, box->blob.data, box->blob.size_bytes);
}

START_TEST(blob_of_any_other_size_is_refused)
{
	struct box box = box_of_text(RICH);
	struct policy p;

	for (size_t n = 0; n < box.blob.size_bytes; n++) {
		/* An exact copy, so that a read past its end is one past an allocation's. */
		void *copy = malloc(n ? n : 1);

		memcpy(copy, box.blob.data, n);
		ck_assert_int_eq(policy_open(&p, copy, n), -EINVAL);
		free(copy);
	}
	box_deinit(&box);
}
END_TEST

START_TEST(blob_with_any_bit_flipped_is_refused)
{
	struct box box = box_of_text(RICH);
	unsigned char *bytes = box.blob.data;
	struct policy p;

	for (size_t i = 0; i < box.blob.size_bytes * 8; i++) {
		bytes[i / 8] ^= (unsigned char)(1 << i % 8);
		ck_assert_msg(policy_open(&p, bytes, box.blob.size_bytes) == -EINVAL, "bit %zu", i);
		bytes[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	box_deinit(&box);
}
END_TEST

START_TEST(blob_that_is_not_aligned_is_refused)
{
	struct box box = box_of_text(RICH);
	char *copy = malloc(box.blob.size_bytes + 4);
	struct policy p;

	for (int off = 0; off < 4; off++) {
		memcpy(copy + off, box.blob.data, box.blob.size_bytes);
		ck_assert_int_eq(policy_open(&p, copy + off, box.blob.size_bytes),
				 off ? -EINVAL : 0);
	}
	free(copy);
	box_deinit(&box);
}
END_TEST

/* Each damages one thing and leaves the checksum right. */
static void damage_magic(struct blob_header *h)
{
	h->magic++;
}

static void damage_version(struct blob_header *h)
{
	h->version++;
}

static void damage_keys(struct blob_header *h)
{
	h->n_keys--;
}

static void damage_items(struct blob_header *h)
{
	h->n_items++;
}

static void damage_name(struct blob_header *h)
{
	h->name = h->strings_bytes;
}

static void damage_word(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_WX_MAP].word = V_KILL + 1;
}

static void damage_flip(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_FIXED_REPLACE].word = V_FLIP;
}

static void damage_writers(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_WX_WRITERS].word = WRITERS_NONE + 1;
}

static void damage_inspect_flip(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_WX_INSPECT].word = V_FLIP;
}

static void damage_inspect_kill(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_WX_INSPECT].word = V_KILL;
}

static void damage_size(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_REUSE_QUARANTINE].word = SIZE_MAX_PAGES + 1;
}

static void damage_bool(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_K_MDWE].word = 2;
}

static void damage_later(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_WX_FREEZE].word = 1;
}

static void damage_seal_late(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_SEAL_LATE].word = LATE_ALWAYS + 1;
}

static void damage_seal_discard(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_SEAL_DISCARD].word = DISCARD_NOTIFY + 1;
}

/* The seal.text of RICH's module "n". */
static struct blob_override *seal_override(struct blob_header *h)
{
	struct blob_override *o = (struct blob_override *)blob_overrides(h);

	while (o->key != KEY_SEAL_TEXT)
		o++;
	return o;
}

static void damage_over_bool(struct blob_header *h)
{
	seal_override(h)->word = 2;
}

/* The word would fit the keys. */
static void damage_over_vdso(struct blob_header *h)
{
	seal_override(h)->key = KEY_SEAL_VDSO;
}

static void damage_over_discard(struct blob_header *h)
{
	seal_override(h)->key = KEY_SEAL_DISCARD;
}

static void damage_source(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_WX_MAP].at.file = h->strings_bytes;
}

static void damage_string(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_REPORT_TO].word = 0;
}

static void damage_list(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_WX_JIT].count = 4;
}

static void damage_list_shared(struct blob_header *h)
{
	((struct blob_value *)blob_values(h))[KEY_WX_FILE_ALLOW].word = 0;
}

static void damage_item(struct blob_header *h)
{
	((struct blob_item *)blob_items(h))[1].text = UINT32_MAX;
}

static void damage_item_empty(struct blob_header *h)
{
	((struct blob_item *)blob_items(h))[1].text = 0;
}

static void damage_module(struct blob_header *h)
{
	((struct blob_module *)blob_modules(h))[1].first = 0;
}

static void damage_module_count(struct blob_header *h)
{
	((struct blob_module *)blob_modules(h))[1].count = UINT32_MAX;
}

static void damage_pattern(struct blob_header *h)
{
	((struct blob_module *)blob_modules(h))[0].pattern = h->strings_bytes;
}

static void damage_override_key(struct blob_header *h)
{
	((struct blob_override *)blob_overrides(h))[0].key = KEY_RAW;
}

/* The word would fit the key. */
static void damage_over_writers(struct blob_header *h)
{
	((struct blob_override *)blob_overrides(h))[1].key = KEY_WX_WRITERS;
}

static void damage_over_inspect(struct blob_header *h)
{
	((struct blob_override *)blob_overrides(h))[1].key = KEY_WX_INSPECT;
}

static void damage_override_word(struct blob_header *h)
{
	((struct blob_override *)blob_overrides(h))[0].word = 5;
}

static void damage_end(struct blob_header *h)
{
	((char *)blob_string(h, h->strings_bytes - 1))[0] = 'x';
}

static void damage_first(struct blob_header *h)
{
	((char *)blob_string(h, 0))[0] = 'x';
}

static void damage_control(struct blob_header *h)
{
	((char *)blob_string(h, h->name))[0] = '\n';
}

static void (*const damages[])(struct blob_header *) = {
	damage_magic,         damage_version,      damage_keys,         damage_items,
	damage_name,          damage_word,         damage_flip,         damage_bool,
	damage_size,          damage_later,        damage_source,       damage_string,
	damage_list,          damage_list_shared,  damage_item,         damage_item_empty,
	damage_module,        damage_module_count, damage_pattern,      damage_override_key,
	damage_override_word, damage_end,          damage_first,        damage_control,
	damage_writers,       damage_inspect_flip, damage_inspect_kill, damage_over_writers,
	damage_over_inspect,  damage_seal_late,    damage_seal_discard, damage_over_bool,
	damage_over_vdso,     damage_over_discard,
};

START_TEST(blob_that_lies_is_refused_although_its_sum_is_right)
{
	struct box box = box_of_text(RICH);

	ck_assert_int_eq(opened(&box), 0);
	damages[_i](head(&box));
	ck_assert_msg(opened(&box) == -EINVAL, "damage %d", _i);
	box_deinit(&box);
}
END_TEST

START_TEST(blob_of_an_older_version_is_refused)
{
	struct box box = box_of_text(RICH);

	ck_assert_uint_gt(head(&box)->version, 3);
	head(&box)->version = 3; /* in which seal.* had no values */
	ck_assert_int_eq(opened(&box), -EINVAL);
	head(&box)->version = 1; /* in which wx.writers and wx.inspect had none either */
	ck_assert_int_eq(opened(&box), -EINVAL);
	box_deinit(&box);
}
END_TEST

START_TEST(blob_of_every_profile_opens)
{
	for (int i = 0; i < N_PROFILES; i++) {
		struct box box = box_of_profile(profile_names[i]);

		ck_assert_str_eq(policy_name(&box.p), profile_names[i]);
		box_deinit(&box);
	}
}
END_TEST

START_TEST(profiles_grow_tighter_from_default_to_strict)
{
	struct box loose = box_of_profile("default"), tight = box_of_profile("strict");

	for (unsigned k = 0; k < KEY_N; k++) {
		enum policy_key key = (enum policy_key)k;

		if (policy_key_type(key) != TYPE_LIST)
			ck_assert_msg(policy_value(&loose.p, key) <= policy_value(&tight.p, key),
				      "%s", policy_key_name(key));
	}
	ck_assert_uint_gt(policy_value(&loose.p, KEY_WX_JIT), 10);
	ck_assert_uint_eq(policy_value(&tight.p, KEY_WX_JIT), 0);
	box_deinit(&loose);
	box_deinit(&tight);
}
END_TEST

START_TEST(pcre2_is_no_jit_module_of_everybody)
{
	struct box box = box_of_profile("default");

	ck_assert(!policy_listed(&box.p, KEY_WX_JIT,
				 "/usr/lib/x86_64-linux-gnu/libpcre2-8.so.0.11.2"));
	ck_assert(policy_listed(&box.p, KEY_WX_JIT, "/usr/lib/x86_64-linux-gnu/libffi.so.8.1.2"));
	box_deinit(&box);
}
END_TEST

START_TEST(document_comes_back_as_it_was_compiled)
{
	struct box box = box_of_text(RICH);
	struct arena a = ARENA_INIT;
	struct policy_blob again;
	struct doc *doc;

	ck_assert_int_eq(doc_decode(&a, &box.p, &doc), 0);
	ck_assert_int_eq(doc_compile(doc, &again), 0);
	ck_assert_uint_eq(again.size_bytes, box.blob.size_bytes);
	ck_assert_mem_eq(again.data, box.blob.data, again.size_bytes);
	policy_blob_deinit(&again);
	arena_deinit(&a);
	box_deinit(&box);
}
END_TEST

START_TEST(document_too_large_for_a_blob_is_refused)
{
	static struct doc_item items[BLOB_MAX_ITEMS + 1];
	struct arena a = ARENA_INIT;
	struct policy_blob blob;
	struct doc *doc;

	for (size_t i = 0; i < BLOB_MAX_ITEMS + 1; i++)
		items[i] = (struct doc_item){"x", {"f", 1}};
	ck_assert_int_eq(profile_new(&a, 0, &doc), 0);
	doc->values[KEY_WX_JIT].list = (struct doc_list){items, BLOB_MAX_ITEMS};
	ck_assert_int_eq(doc_compile(doc, &blob), 0);
	policy_blob_deinit(&blob);
	doc->values[KEY_WX_JIT].list.n_items++;
	ck_assert_int_eq(doc_compile(doc, &blob), -E2BIG);
	arena_deinit(&a);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy_open");
	TCase *c = tcase_create("open");

	tcase_add_test(c, blob_of_any_other_size_is_refused);
	tcase_add_test(c, blob_with_any_bit_flipped_is_refused);
	tcase_add_test(c, blob_that_is_not_aligned_is_refused);
	tcase_add_loop_test(c, blob_that_lies_is_refused_although_its_sum_is_right, 0,
			    sizeof(damages) / sizeof(damages[0]));
	tcase_add_test(c, blob_of_an_older_version_is_refused);
	tcase_add_test(c, blob_of_every_profile_opens);
	tcase_add_test(c, profiles_grow_tighter_from_default_to_strict);
	tcase_add_test(c, pcre2_is_no_jit_module_of_everybody);
	tcase_add_test(c, document_comes_back_as_it_was_compiled);
	tcase_add_test(c, document_too_large_for_a_blob_is_refused);
	suite_add_tcase(suite, c);
	return unit_run(suite);
}
