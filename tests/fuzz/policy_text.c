/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>
#include "policy/doc.h"

/*
 * Any text, read as a policy: refused with a line, or it compiles to a blob that opens, and what is
 * shown of it is read again as the same policy.
 */

/* libconfig 1.5 forgets strings it is collecting when the text ends in a fault; harmless in a tool
 * that then ends, and no leak of ours. Read by the leak sanitizer, where there is one. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

/* The text of a policy, malloc'ed, as cmpolicy shows it but without the comments' sources. */
static char *shown(const struct doc *doc)
{
	char *text, *out;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	MUST(f);
	doc_print(f, doc);
	MUST(!fclose(f));
	out = text;
	for (char *line = text; line && *line;) {
		char *end = strchr(line, '\n');
		char *comment = NULL;

		/* Patterns may hold "//"; the source is behind the last, and holds none. */
		for (char *c = line; c < end; c++)
			if (!strncmp(c, "// ", 3))
				comment = c;
		memmove(out, line, (size_t)((comment ? comment : end) - line));
		out += (comment ? comment : end) - line;
		*out++ = '\n';
		line = end + 1;
	}
	*out = 0;
	return text;
}

static void check_shown(struct arena *a, const struct doc *profile, const struct doc *doc)
{
	char *text = shown(doc), *again;
	struct doc *read, *all;

	MUST(!doc_read(a, doc->name, "again", text, stderr, &read));
	MUST(!doc_layer(a, profile, read, &all));
	again = shown(all);
	MUST(!strcmp(text, again));
	free(text);
	free(again);
}

static void check_compiled(struct arena *a, const struct doc *doc)
{
	struct policy_blob blob, both;
	struct policy p;
	struct doc *back;
	int r = doc_compile(doc, &blob);

	if (r)
		return; /* too large */
	MUST(!policy_open(&p, blob.data, blob.size_bytes));
	MUST(!doc_decode(a, &p, &back));
	if (!policy_narrow(&p, &p, &both)) {
		MUST(!policy_open(&p, both.data, both.size_bytes));
		policy_blob_deinit(&both);
	}
	policy_blob_deinit(&blob);
}

static void check(const char *text, FILE *err)
{
	struct arena a = ARENA_INIT;
	struct doc *profile, *doc, *all;

	if (!doc_read(&a, "fuzz", "fuzz", text, err, &doc)) {
		MUST(!profile_new(&a, 1, &profile));
		MUST(!doc_layer(&a, profile, doc, &all));
		check_compiled(&a, all);
		check_shown(&a, profile, all);
	} else {
		MUST(ftell(err) > 0);
	}
	arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *said;
	size_t n;
	FILE *err = open_memstream(&said, &n);

	MUST(text && err);
	memcpy(text, data, size);
	text[size] = 0;
	/* Refused before the parser sees it: policy/load.c. */
	if (!strstr(text, "@include") && !strstr(text, "\\x00"))
		check(text, err);
	fclose(err);
	free(said);
	free(text);
	return 0;
}
