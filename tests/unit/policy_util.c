/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/policy_util.h"

#include <check.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Policies from text and from folders, for the tests of policy/. */

/* libconfig 1.5 forgets strings it is collecting when the text ends in a fault; harmless in a tool
 * that then ends, and no leak of ours. Read by the leak sanitizer, where there is one. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

struct box box_of_blob(struct policy_blob blob)
{
	struct box box = {.blob = blob};

	ck_assert_int_eq(policy_open(&box.p, blob.data, blob.size_bytes), 0);
	return box;
}

struct box box_of_text(const char *text)
{
	struct arena a = ARENA_INIT;
	struct doc *profile, *doc, *all;
	struct policy_blob blob;
	int base;

	ck_assert_int_eq(doc_read(&a, "test", "test.policy", text, stderr, &doc), 0);
	base = doc->extends.text ? profile_find(doc->extends.text) : 0;
	ck_assert_int_eq(profile_new(&a, base, &profile), 0);
	ck_assert_int_eq(doc_layer(&a, profile, doc, &all), 0);
	ck_assert_int_eq(doc_compile(all, &blob), 0);
	arena_deinit(&a);
	return box_of_blob(blob);
}

struct box box_of_profile(const char *profile)
{
	struct arena a = ARENA_INIT;
	struct policy_blob blob;
	struct doc *doc;

	ck_assert_int_eq(profile_new(&a, profile_find(profile), &doc), 0);
	ck_assert_int_eq(doc_compile(doc, &blob), 0);
	arena_deinit(&a);
	return box_of_blob(blob);
}

void box_deinit(struct box *box)
{
	policy_blob_deinit(&box->blob);
}

char *faults_of_text(const char *text)
{
	struct arena a = ARENA_INIT;
	struct doc *doc;
	char *said;
	size_t n;
	FILE *err = open_memstream(&said, &n);
	int r = doc_read(&a, "test", "test.policy", text, err, &doc);

	fclose(err);
	arena_deinit(&a);
	ck_assert_msg(!r == !n, "%s: returned %d and said \"%s\"", text, r, said);
	return said;
}

struct folders folders_new(void)
{
	char root[] = "/tmp/cookiemap-unit-XXXXXX";
	struct folders f = {0};
	char *path;

	ck_assert_ptr_nonnull(mkdtemp(root));
	f.root = strdup(root);
	ck_assert_int_gt(asprintf(&path, "%s/shipped", root), 0);
	f.dirs.shipped = path;
	ck_assert_int_gt(asprintf(&path, "%s/admin", root), 0);
	f.dirs.admin = path;
	ck_assert_int_gt(asprintf(&path, "%s/user", root), 0);
	f.dirs.user = path;
	return f;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

void folders_deinit(struct folders *f)
{
	nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free((void *)f->dirs.shipped);
	free((void *)f->dirs.admin);
	free((void *)f->dirs.user);
	free(f->root);
}

void folder_put(const char *folder, const char *name, const char *text)
{
	char *path;
	FILE *out;

	mkdir(folder, 0700);
	ck_assert_int_gt(asprintf(&path, "%s/%s", folder, name), 0);
	out = fopen(path, "we");
	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	ck_assert_int_eq(fclose(out), 0);
	free(path);
}

struct policy_set *set_of(const struct folders *f)
{
	struct policy_set *set;

	ck_assert_int_eq(policy_set_new(&set, &f->dirs, stderr), 0);
	return set;
}

char *faults_of_set(const struct folders *f)
{
	struct policy_set *set;
	char *said;
	size_t n;
	FILE *err = open_memstream(&said, &n);
	int r = policy_set_new(&set, &f->dirs, err);

	fclose(err);
	ck_assert_msg(r < 0, "the set is sound");
	return said;
}

struct box box_of_exe(struct policy_set *set, const char *exe)
{
	struct policy_blob blob;

	ck_assert_int_eq(policy_set_find(set, exe, &blob, stderr), 0);
	return box_of_blob(blob);
}
