/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "policy/near.h"

/*
 * All policies there are, and which of them is a program's.
 *
 * Two layers. The system's: what is shipped, with the administrator's files of the same name in
 * place of it. The user's own, whose say is added by narrowing, so that it can only tighten. In
 * each, the file with the most specific `exe` pattern that matches is the program's; two files
 * whose patterns are equally specific are an error, as an order between them would be an accident.
 *
 * `extends` leads from file to file to a built-in profile. A file of the system that says nothing
 * extends default; a file of the user's that says nothing extends what the system says about the
 * program, so that its silence tightens nothing.
 *
 * The set is read whole and checked whole: one faulty file and there is no set.
 */

#define MAX_CHAIN 32

/* A file and what it extends, in that order; then a profile, or -1: whatever lies below. */
struct chain {
	const struct doc *docs[MAX_CHAIN];
	size_t n;
	int profile;
};

static const struct doc *layer_find(const struct layer *layer, const char *name,
				    const struct doc *but)
{
	for (size_t i = 0; i < layer->n_docs; i++)
		if (layer->docs[i] != but && !strcmp(layer->docs[i]->name, name))
			return layer->docs[i];
	return NULL;
}

static int fault_unknown(const struct policy_set *set, const struct doc *doc, FILE *err)
{
	size_t n_max = N_PROFILES + set->system.n_docs, n = 0;
	const char **words = calloc(n_max, sizeof(*words)), *near;

	if (!words)
		return -ENOMEM;
	for (int i = 0; i < N_PROFILES; i++)
		words[n++] = profile_names[i];
	for (size_t i = 0; i < set->system.n_docs; i++)
		words[n++] = set->system.docs[i]->name;
	near = near_word(doc->extends.text, words, n);
	fprintf(err, "%s:%u: extends: expected the name of a profile or policy, found \"%s\"",
		doc->extends.at.file, doc->extends.at.line, doc->extends.text);
	if (near)
		fprintf(err, "; did you mean \"%s\"?", near);
	fputc('\n', err);
	free(words);
	return -EINVAL;
}

static int fault_cycle(const struct chain *c, const struct doc *again, FILE *err)
{
	const struct doc *last = c->docs[c->n - 1];
	size_t i = 0;

	fprintf(err, "%s:%u: extends: cycle: ", last->extends.at.file, last->extends.at.line);
	while (c->docs[i] != again)
		i++;
	for (; i < c->n; i++)
		fprintf(err, "%s → ", c->docs[i]->name);
	fprintf(err, "%s\n", again->name);
	return -EINVAL;
}

static bool chain_has(const struct chain *c, const struct doc *doc)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->docs[i] == doc)
			return true;
	return false;
}

/* What doc extends, or NULL at the end of the chain. is_userp: doc, and then what it extends, is of
 * the user's layer. */
static int chain_next(const struct policy_set *set, const struct doc *doc, bool *is_userp,
		      FILE *err, struct chain *c, const struct doc **nextp)
{
	const struct doc *next = NULL;

	if (!doc->extends.text) {
		c->profile = *is_userp ? -1 : 0;
		*nextp = NULL;
		return 0;
	}
	c->profile = profile_find(doc->extends.text);
	if (c->profile < 0) {
		if (*is_userp)
			next = layer_find(&set->user, doc->extends.text, doc);
		if (!next) {
			next = layer_find(&set->system, doc->extends.text, NULL);
			*is_userp = false;
		}
		if (!next)
			return fault_unknown(set, doc, err);
	}
	*nextp = next;
	return 0;
}

static int chain_of(const struct policy_set *set, const struct doc *doc, bool is_user, FILE *err,
		    struct chain *c)
{
	c->n = 0;
	while (doc) {
		int r;

		if (chain_has(c, doc))
			return fault_cycle(c, doc, err);
		if (c->n == MAX_CHAIN) {
			fprintf(err, "%s:%u: extends: a chain of more than %d files\n",
				doc->extends.at.file, doc->extends.at.line, MAX_CHAIN);
			return -EINVAL;
		}
		c->docs[c->n++] = doc;
		r = chain_next(set, doc, &is_user, err, c, &doc);
		if (r)
			return r;
	}
	return 0;
}

/* The complete document that a file stands for; below: what is below the user's layer. */
static int resolve(const struct policy_set *set, struct arena *a, const struct doc *doc,
		   struct doc *below, FILE *err, struct doc **docp)
{
	struct chain c;
	struct doc *d;
	int r = chain_of(set, doc, below != NULL, err, &c);

	if (r)
		return r;
	d = c.profile < 0 ? below : set->profiles[c.profile];
	for (size_t i = c.n; i-- && !r;)
		r = doc_layer(a, d, c.docs[i], &d);
	if (!r)
		*docp = d;
	return r;
}

/* Patterns that are the same text in two files cannot ever be told apart. */
static int check_exe(const struct layer *layer, size_t i, FILE *err)
{
	const struct doc *doc = layer->docs[i];
	int r = 0;

	for (size_t x = 0; x < doc->exe.n_items; x++)
		for (size_t j = 0; j < i; j++)
			for (size_t y = 0; y < layer->docs[j]->exe.n_items; y++) {
				const struct doc_item *p = &doc->exe.items[x];
				const struct doc_item *q = &layer->docs[j]->exe.items[y];

				if (strcmp(p->text, q->text))
					continue;
				fprintf(err, "%s:%u: exe: \"%s\" is also that of %s:%u\n",
					p->at.file, p->at.line, p->text, q->at.file, q->at.line);
				r = -EINVAL;
			}
	return r;
}

static int check_layer(const struct policy_set *set, const struct layer *layer, FILE *err)
{
	struct chain c;
	int r = 0;

	for (size_t i = 0; i < layer->n_docs; i++) {
		int chain = chain_of(set, layer->docs[i], layer == &set->user, err, &c);
		int exe = check_exe(layer, i, err);

		if (chain || exe)
			r = chain ? chain : exe;
	}
	return r;
}

/*
 * Read and check every policy of the folders, and the built-in profiles. dirs may be NULL: only the
 * profiles.
 *
 * Return: 0 and *setp written, to be freed with policy_set_free(); -EINVAL or the errno of a file
 * that cannot be read, after at least one line on err; -ENOMEM.
 */
int policy_set_new(struct policy_set **setp, const struct policy_dirs *dirs, FILE *err)
{
	static const struct policy_dirs none;
	struct policy_set *set = calloc(1, sizeof(*set));
	int r = set ? 0 : -ENOMEM, user;

	if (!dirs)
		dirs = &none;
	for (int i = 0; i < N_PROFILES && !r; i++)
		r = profile_new(&set->arena, i, &set->profiles[i]);
	if (!r)
		r = folder_read(&set->arena, dirs->shipped, &set->system, err);
	if (!r)
		r = folder_read(&set->arena, dirs->admin, &set->system, err);
	if (!r)
		r = folder_read(&set->arena, dirs->user, &set->user, err);
	if (!r) {
		r = check_layer(set, &set->system, err);
		user = check_layer(set, &set->user, err);
		r = r ? r : user;
	}
	if (r)
		policy_set_free(set);
	else
		*setp = set;
	return r;
}

/* Free a set. NULL is fine. Blobs that came from it live on. */
void policy_set_free(struct policy_set *set)
{
	if (!set)
		return;
	arena_deinit(&set->arena);
	free(set);
}

static int fault_tie(const char *exe, const struct doc_item *p, const struct doc_item *q, FILE *err)
{
	fprintf(err, "%s:%u: exe: \"%s\" is as specific for %s as \"%s\" of %s:%u\n", p->at.file,
		p->at.line, p->text, exe, q->text, q->at.file, q->at.line);
	return -EINVAL;
}

/*
 * The file of a layer that is for a program: the one with the most specific pattern that matches
 * the path of its executable.
 *
 * Return: 0 and *mp written (doc NULL: none matches); -EINVAL after a line on err: two do, equally.
 */
int set_match(const struct layer *layer, const char *exe, FILE *err, struct set_match *mp)
{
	struct set_match best = {0}, tie = {0};

	for (size_t i = 0; i < layer->n_docs; i++) {
		const struct doc *doc = layer->docs[i];

		for (size_t j = 0; j < doc->exe.n_items; j++) {
			const struct doc_item *p = &doc->exe.items[j];
			unsigned rank = pattern_rank(p->text);
			unsigned old = best.doc ? pattern_rank(best.pattern->text) : 0;

			if (!glob_match(p->text, exe) || (best.doc && rank < old))
				continue;
			if (best.doc == doc && rank == old)
				continue;
			tie = best.doc && rank == old ? best : (struct set_match){0};
			best = (struct set_match){doc, p};
		}
	}
	if (tie.doc)
		return fault_tie(exe, best.pattern, tie.pattern, err);
	*mp = best;
	return 0;
}

/*
 * What holds for a program, as a complete document: the system's say, narrowed by the user's. exe
 * is the path as the kernel has it. Without any match: the default profile.
 *
 * Return: 0 and *docp written, good as long as the set and the arena; -EINVAL after a line on err;
 * -ENOMEM.
 */
int set_exe(const struct policy_set *set, struct arena *a, const char *exe, FILE *err,
	    struct doc **docp)
{
	struct set_match system, user;
	struct doc *d = set->profiles[0], *own;
	int r = set_match(&set->system, exe, err, &system);

	if (!r)
		r = set_match(&set->user, exe, err, &user);
	if (!r && system.doc)
		r = resolve(set, a, system.doc, NULL, err, &d);
	if (!r && user.doc) {
		r = resolve(set, a, user.doc, d, err, &own);
		if (!r)
			r = doc_narrow(a, d, own, &d);
	}
	if (!r)
		*docp = d;
	return r;
}

/*
 * A built-in profile by name, as a complete document of the set's.
 *
 * Return: 0 and *docp written; -EINVAL after a line on err: there is none of that name.
 */
int set_profile(const struct policy_set *set, const char *profile, FILE *err, struct doc **docp)
{
	int i = profile_find(profile);
	const char *near;

	if (i >= 0) {
		*docp = set->profiles[i];
		return 0;
	}
	near = near_word(profile, profile_names, N_PROFILES);
	fprintf(err, "unknown profile \"%s\"; expected default, strict or audit", profile);
	if (near)
		fprintf(err, "; did you mean \"%s\"?", near);
	fputc('\n', err);
	return -EINVAL;
}

/*
 * A file that is named outright, as a complete document. It need not lie in a folder; it may extend
 * profiles and the system's policies. Its exe patterns choose nothing here.
 *
 * Return: 0 and *docp written, good as long as the set and the arena; -EINVAL or the errno of a
 * file that cannot be read, after at least one line on err; -ENOMEM.
 */
int set_file(const struct policy_set *set, struct arena *a, const char *path, FILE *err,
	     struct doc **docp)
{
	struct doc *doc;
	int r = doc_load(a, path, err, &doc);

	return r ? r : resolve(set, a, doc, NULL, err, docp);
}

static int compile_and_free(struct arena *a, int r, const struct doc *doc, const char *what,
			    struct policy_blob *blobp, FILE *err)
{
	if (!r) {
		r = doc_compile(doc, blobp);
		if (r)
			fprintf(err, "%s: %s\n", what, strerror(-r));
	}
	arena_deinit(a);
	return r;
}

/*
 * The compiled policy of a program, by the path of its executable as the kernel has it.
 *
 * Return: 0 and *blobp written, the caller's to policy_blob_deinit(); -EINVAL, -E2BIG after a line
 * on err; -ENOMEM.
 */
int policy_set_find(struct policy_set *set, const char *exe, struct policy_blob *blobp, FILE *err)
{
	struct arena a = ARENA_INIT;
	struct doc *doc = NULL;
	int r = set_exe(set, &a, exe, err, &doc);

	return compile_and_free(&a, r, doc, exe, blobp, err);
}

/*
 * A built-in profile, compiled.
 *
 * Return: as policy_set_find().
 */
int policy_set_profile(struct policy_set *set, const char *profile, struct policy_blob *blobp,
		       FILE *err)
{
	struct arena a = ARENA_INIT;
	struct doc *doc = NULL;
	int r = set_profile(set, profile, err, &doc);

	return compile_and_free(&a, r, doc, profile, blobp, err);
}

/*
 * A policy file that is named outright, compiled.
 *
 * Return: as policy_set_find(), and the errno of a file that cannot be read.
 */
int policy_set_file(struct policy_set *set, const char *path, struct policy_blob *blobp, FILE *err)
{
	struct arena a = ARENA_INIT;
	struct doc *doc = NULL;
	int r = set_file(set, &a, path, err, &doc);

	return compile_and_free(&a, r, doc, path, blobp, err);
}
