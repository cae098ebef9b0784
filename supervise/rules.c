/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Which policy an image gets, and the policies that are in use.
 *
 * Policies are kept for the life of the tree, once each by content: a tree has few, and its images
 * point to them. What a path gets is remembered in a small direct-mapped cache, so that the table
 * stays as small for a build of ten thousand programs as for one.
 */

/*
 * Takes a compiled policy over. Return: the one of its content, ours; NULL: no memory, not a
 * policy, or more of them than a tree can honestly have. `blob` is consumed either way.
 */
struct rule *rules_add(struct rules *r, struct policy_blob *blob)
{
	struct rule *n;

	for (n = r->all; n; n = n->next)
		if (n->blob.size_bytes == blob->size_bytes &&
		    !memcmp(n->blob.data, blob->data, blob->size_bytes)) {
			policy_blob_deinit(blob);
			return n;
		}
	n = r->n_all < MAX_RULES ? calloc(1, sizeof(*n)) : NULL;
	if (!n || policy_open(&n->policy, blob->data, blob->size_bytes) < 0) {
		free(n);
		policy_blob_deinit(blob);
		return NULL;
	}
	n->blob = *blob;
	n->memfd = -1;
	n->next = r->all;
	r->all = n;
	r->n_all++;
	if (policy_value(&n->policy, KEY_EXEC_POLICY) != EXEC_OWN)
		r->lineage_counts = true;
	return n;
}

/*
 * `set` stays the caller's; `tree` (every image's policy, or NULL) is consumed.
 * Return: 0, or -errno.
 */
int rules_init(struct rules *r, struct policy_set *set, struct policy_blob *tree)
{
	*r = (struct rules){.set = set};
	if (tree) {
		r->tree = rules_add(r, tree);
		if (!r->tree)
			return -EINVAL;
	}
	return 0;
}

static unsigned path_slot(const char *s)
{
	unsigned h = 2166136261u;

	while (*s)
		h = (h ^ (unsigned char)*s++) * 16777619u;
	return h % 64;
}

/*
 * The policy of an executable by its path. Return: NULL where its policies contradict each other
 * (which has been said with file and line) or there is no memory: it gets nothing then.
 */
struct rule *rules_for(struct rules *r, const char *exe)
{
	unsigned i = path_slot(exe);
	struct policy_blob blob;
	struct rule *found = NULL;

	if (r->tree)
		return r->tree;
	if (r->cache[i].exe && !strcmp(r->cache[i].exe, exe))
		return r->cache[i].rule;
	if (!policy_set_find(r->set, exe, &blob, stderr))
		found = rules_add(r, &blob);
	if (!found)
		return NULL;
	free(r->cache[i].exe);
	r->cache[i].exe = strdup(exe);
	r->cache[i].rule = found;
	return found;
}

/*
 * The tighter of two, value by value; a missing one asks for nothing. Return: NULL where the result
 * does not fit a policy or memory (policy_narrow()): there is none then that would be tight enough.
 */
struct rule *rules_narrow(struct rules *r, struct rule *a, struct rule *b)
{
	struct policy_blob blob;

	if (!a || a == b)
		return b;
	if (!b)
		return a;
	if (policy_narrow(&a->policy, &b->policy, &blob) < 0)
		return NULL;
	return rules_add(r, &blob);
}

/*
 * For a process of which nobody can say who forked it: narrowed by everything that an ancestor
 * could have handed down. Return: NULL as rules_narrow().
 */
struct rule *rules_tightest(struct rules *r, struct rule *own)
{
	struct rule *n;

	for (n = r->all; n && own; n = n->next)
		if (policy_value(&n->policy, KEY_EXEC_POLICY) != EXEC_OWN)
			own = rules_narrow(r, n, own);
	return own ? rules_narrow(r, r->nested, own) : NULL;
}

/*
 * The descriptor of a sealed copy, for the library to map; ours.
 * Return: the descriptor, or -errno.
 */
int rule_memfd(struct rule *r)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int fd;

	if (r->memfd >= 0)
		return r->memfd;
	fd = memfd_create("cookiemap-policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (write(fd, r->blob.data, r->blob.size_bytes) != (ssize_t)r->blob.size_bytes ||
	    fcntl(fd, F_ADD_SEALS, seals) < 0) {
		close(fd);
		return -EIO;
	}
	r->memfd = fd;
	return fd;
}
