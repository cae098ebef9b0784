/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/doc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A policy file → its text → a document. Separate from the reader so that text can be fuzzed
 * without files, and because what libconfig would do with a file is refused here: policies come
 * from folders that they must not lead out of, so there is no @include.
 */

#define MAX_FILE_BYTES (1 << 20)

static int complain(FILE *err, const char *path, int error)
{
	fprintf(err, "%s: %s\n", path, strerror(-error));
	return error;
}

/*
 * All there is to read: also from what is no regular file, such as a shell's <(…).
 *
 * Return: 0 and the malloc'ed text, NUL-terminated; -errno.
 */
static int fd_read(int fd, char **textp, size_t *lenp)
{
	size_t len = 0, size = 0;
	char *text = NULL, *more;
	ssize_t n;
	int r;

	for (;;) {
		if (len + 1 >= size) {
			size = size ? 2 * size : 8192;
			more = size > MAX_FILE_BYTES ? NULL : realloc(text, size);
			if (!more)
				break;
			text = more;
		}
		n = read(fd, text + len, size - len - 1);
		if (!n) {
			text[len] = 0;
			*textp = text;
			*lenp = len;
			return 0;
		}
		if (n < 0 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	r = size > MAX_FILE_BYTES ? -EFBIG : -(errno ? errno : EIO);
	free(text);
	return r;
}

static unsigned line_of(const char *text, const char *at)
{
	unsigned line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

/* What the parser would swallow silently: a NUL ends its text, or a string's; @include reads on
 * elsewhere (where a line begins with it, as the parser's lexer has it). */
static int text_check(const char *path, const char *text, size_t len, FILE *err)
{
	const char *at = memchr(text, 0, len);
	const char *what = "a NUL byte";

	if (!at && (at = strstr(text, "\\x00")))
		what = "the character \\x00";
	for (const char *line = text; !at && line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line + strspn(line, " \t"), "@include", 8)) {
			at = line;
			what = "@include";
		}
	}
	if (!at)
		return 0;
	fprintf(err, "%s:%u: %s is not allowed in a policy\n", path, line_of(text, at), what);
	return -EINVAL;
}

static int file_text(const char *path, char **textp, FILE *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = NULL;
	size_t len = 0;
	int r;

	if (fd < 0)
		return complain(err, path, -errno);
	r = fd_read(fd, &text, &len);
	close(fd);
	if (r)
		return complain(err, path, r);
	r = text_check(path, text, len, err);
	if (r)
		free(text);
	else
		*textp = text;
	return r;
}

/* A path is shown in lines and comments, which it must not break. */
static int path_check(const char *path, FILE *err)
{
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f) {
			fprintf(err, "a policy's path may not hold control characters\n");
			return -EINVAL;
		}
	return 0;
}

/* The last component without ".policy". */
static char *name_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = arena_strdup(a, slash ? slash + 1 : path);
	size_t len = name ? strlen(name) : 0;

	if (len > 7 && !strcmp(name + len - 7, ".policy"))
		name[len - 7] = 0;
	return name;
}

/*
 * Read and check one policy file.
 *
 * Return: 0 and *docp written; the negative errno of a file that cannot be read, or -EINVAL for
 * one that does not check, after at least one line on err.
 */
int doc_load(struct arena *a, const char *path, FILE *err, struct doc **docp)
{
	char *name = name_of(a, path), *text = NULL;
	int r;

	if (!name)
		return -ENOMEM;
	r = path_check(path, err);
	if (!r)
		r = file_text(path, &text, err);
	if (r)
		return r;
	r = doc_read(a, name, path, text, err, docp);
	free(text);
	return r;
}
