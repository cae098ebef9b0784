/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/set.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * A folder of policy files → documents. What counts is a regular file (or a link to one) whose name
 * ends in ".policy" and does not begin with a dot; everything else may lie there unread. A file of
 * a name that the layer has already takes its place.
 */

#define SUFFIX ".policy"

static int complain(FILE *err, const char *path, int error)
{
	fprintf(err, "%s: %s\n", path, strerror(-error));
	return error;
}

static int is_wanted(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return e->d_name[0] != '.' && len > strlen(SUFFIX) &&
	       !strcmp(e->d_name + len - strlen(SUFFIX), SUFFIX);
}

static bool is_file(const char *path, const struct dirent *e)
{
	struct stat st;

	return e->d_type == DT_REG || (!stat(path, &st) && S_ISREG(st.st_mode));
}

static int layer_put(struct arena *a, struct layer *layer, struct doc *doc)
{
	struct doc **grown;

	for (size_t i = 0; i < layer->n_docs; i++)
		if (!strcmp(layer->docs[i]->name, doc->name)) {
			layer->docs[i] = doc;
			return 0;
		}
	grown = arena_grow(a, layer->docs, layer->n_docs, sizeof(struct doc *));
	if (!grown)
		return -ENOMEM;
	layer->docs = grown;
	layer->docs[layer->n_docs++] = doc;
	return 0;
}

static int entry_read(struct arena *a, const char *folder, const struct dirent *e,
		      struct layer *layer, FILE *err)
{
	size_t n = strlen(folder) + strlen(e->d_name) + 2;
	char *path = arena_alloc(a, n);
	struct doc *doc;
	int r;

	if (!path)
		return -ENOMEM;
	snprintf(path, n, "%s/%s", folder, e->d_name);
	if (!is_file(path, e)) {
		fprintf(err, "%s: not a regular file\n", path);
		return -EINVAL;
	}
	r = doc_load(a, path, err, &doc);
	if (r)
		return r;
	if (profile_find(doc->name) >= 0) {
		fprintf(err, "%s: %s is the name of a built-in profile; give the file another\n",
			path, doc->name);
		return -EINVAL;
	}
	return layer_put(a, layer, doc);
}

/*
 * Add a folder's policies to a layer. A folder that does not exist has none; NULL likewise. All
 * faulty files are reported, not just the first.
 *
 * Return: 0; the last error of a file or of the folder, after at least one line on err; -ENOMEM.
 */
int folder_read(struct arena *a, const char *path, struct layer *layer, FILE *err)
{
	struct dirent **entries;
	int n, r = 0;

	if (!path)
		return 0;
	n = scandir(path, &entries, is_wanted, alphasort);
	if (n < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (n < 0)
		return complain(err, path, -errno);
	for (int i = 0; i < n; i++) {
		int one = entry_read(a, path, entries[i], layer, err);

		if (one)
			r = one;
		free(entries[i]);
	}
	free(entries);
	return r;
}
