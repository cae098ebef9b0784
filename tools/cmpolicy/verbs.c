/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/cmpolicy/cmpolicy.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What cmpolicy(1) does. Whatever is shown has been compiled, opened and decoded again, so it is
 * what a program would get and not what a file hoped for.
 */

/* Show a document that has been through its compiled form. exe: the patterns of the file, which a
 * compiled policy does not hold. */
static int show_compiled(struct arena *a, const struct doc *doc)
{
	struct policy_blob blob;
	struct policy p;
	struct doc *back;
	int r = doc_compile(doc, &blob);

	if (r) {
		complain("%s: %s", doc->file, strerror(-r));
		return EXIT_POLICY;
	}
	r = policy_open(&p, blob.data, blob.size_bytes);
	if (!r)
		r = doc_decode(a, &p, &back);
	if (r) {
		complain("%s: %s", doc->file, strerror(-r));
	} else {
		back->exe = doc->exe;
		doc_print(stdout, back);
	}
	policy_blob_deinit(&blob);
	return r ? EXIT_POLICY : EXIT_FINE;
}

/*
 * cmpolicy check FILE...: all faults of all files, then the status.
 *
 * Return: exit status.
 */
int verb_check(struct policy_set *set, const struct request *q)
{
	int status = EXIT_FINE;

	for (int i = 0; i < q->n_args; i++) {
		struct policy_blob blob = {0};

		if (policy_set_file(set, q->args[i], &blob, stderr))
			status = EXIT_POLICY;
		else
			policy_blob_deinit(&blob);
	}
	return status;
}

/*
 * cmpolicy show [--profile P | FILE]: the complete effective policy; without either, of the profile
 * default.
 *
 * Return: exit status.
 */
int verb_show(struct policy_set *set, const struct request *q)
{
	struct arena a = ARENA_INIT;
	struct doc *doc;
	int r, status = EXIT_POLICY;

	if (q->n_args)
		r = set_file(set, &a, q->args[0], stderr, &doc);
	else
		r = set_profile(set, q->profile ? q->profile : "default", stderr, &doc);
	if (!r)
		status = show_compiled(&a, doc);
	arena_deinit(&a);
	return status;
}

/* A program as it is typed → its path as the kernel has it, by PATH where there is no '/'. */
static bool program_find(const char *name, char path[PATH_MAX])
{
	const char *dirs = getenv("PATH");
	char tried[PATH_MAX];

	if (strchr(name, '/'))
		return realpath(name, path) != NULL;
	while (dirs && *dirs) {
		size_t n = strcspn(dirs, ":");

		snprintf(tried, sizeof(tried), "%.*s/%s", n ? (int)n : 1, n ? dirs : ".", name);
		if (!access(tried, X_OK))
			return realpath(tried, path) != NULL;
		dirs += n + (dirs[n] == ':');
	}
	errno = ENOENT;
	return false;
}

static int put_match(const struct layer *layer, const char *name, const char *none, const char *exe)
{
	struct set_match m;

	if (set_match(layer, exe, stderr, &m))
		return -EINVAL;
	if (m.doc)
		printf("// %s: %s:%u, exe \"%s\"\n", name, m.pattern->at.file, m.pattern->at.line,
		       m.pattern->text);
	else
		printf("// %s: %s\n", name, none);
	return 0;
}

/*
 * cmpolicy explain PROGRAM: the files that apply to it, and its complete policy with sources.
 *
 * Return: exit status.
 */
int verb_explain(struct policy_set *set, const struct request *q)
{
	struct arena a = ARENA_INIT;
	char exe[PATH_MAX];
	struct doc *doc;
	int status = EXIT_POLICY;

	if (!program_find(q->args[0], exe)) {
		complain("%s: %s", q->args[0], strerror(errno));
		return EXIT_POLICY;
	}
	printf("// program: %s\n", exe);
	if (!put_match(&set->system, "system", "no file; the profile default", exe) &&
	    !put_match(&set->user, "user", "no file", exe) &&
	    !set_exe(set, &a, exe, stderr, &doc)) {
		/* The patterns of one file are not this program's alone. */
		doc->exe.n_items = 0;
		status = show_compiled(&a, doc);
	}
	arena_deinit(&a);
	return status;
}

static void put_policy(const struct doc *doc, const char *layer)
{
	printf("%-16s %-8s %s", doc->name, layer, doc->file);
	for (size_t i = 0; i < doc->exe.n_items; i++)
		printf(" %s", doc->exe.items[i].text);
	putchar('\n');
}

/*
 * cmpolicy list: every policy there is, one a line: name, where from, file, exe patterns.
 *
 * Return: exit status.
 */
int verb_list(struct policy_set *set, const struct request *q)
{
	for (int i = 0; i < N_PROFILES; i++)
		printf("%-16s %-8s -\n", profile_names[i], "profile");
	for (size_t i = 0; i < set->system.n_docs; i++)
		put_policy(set->system.docs[i], "system");
	for (size_t i = 0; i < set->user.n_docs; i++)
		put_policy(set->user.docs[i], "user");
	return EXIT_FINE;
}

/* Half a policy is none; but what is no plain file was not made by us. */
static void remove_half(FILE *out, const char *path)
{
	struct stat st;

	if (!fstat(fileno(out), &st) && S_ISREG(st.st_mode))
		unlink(path);
}

static int blob_write(const struct policy_blob *blob, const char *path)
{
	FILE *out = fopen(path, "we");
	bool fine = out && fwrite(blob->data, 1, blob->size_bytes, out) == blob->size_bytes;
	int error;

	if (fine && fflush(out))
		fine = false;
	error = errno;
	if (out && !fine)
		remove_half(out, path);
	if (out && fclose(out) && fine) {
		fine = false;
		error = errno;
	}
	if (fine)
		return EXIT_FINE;
	complain("%s: %s", path, strerror(error));
	return EXIT_POLICY;
}

/*
 * cmpolicy compile FILE -o OUT: the compiled form, for this machine and this version.
 *
 * Return: exit status.
 */
int verb_compile(struct policy_set *set, const struct request *q)
{
	struct policy_blob blob;
	int status;

	if (policy_set_file(set, q->args[0], &blob, stderr))
		return EXIT_POLICY;
	status = blob_write(&blob, q->output);
	policy_blob_deinit(&blob);
	return status;
}
