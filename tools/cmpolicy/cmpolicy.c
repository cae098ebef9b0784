/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/cmpolicy/cmpolicy.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include "config.h"
#include "policy/dirs.h"
#include "policy/near.h"

/*
 * cmpolicy(1): the command line. What a verb does is in verbs.c; here the words are told apart, and
 * those that are not known are answered with the nearest that is.
 */

static const struct verb verbs[] = {
	{"check", verb_check, 1, INT_MAX, false, false}, {"show", verb_show, 0, 1, true, false},
	{"explain", verb_explain, 1, 1, false, false},   {"list", verb_list, 0, 0, false, false},
	{"compile", verb_compile, 1, 1, false, true},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const char usage[] =
	"usage: cmpolicy check FILE...\n"
	"       cmpolicy show [--profile default|strict|audit | FILE]\n"
	"       cmpolicy explain PROGRAM\n"
	"       cmpolicy list\n"
	"       cmpolicy compile FILE -o OUT\n"
	"       cmpolicy --help | --version\n"
	"Check, show and compile cookiemap policies; see cmpolicy(1) and cmpolicy(5).\n";

/*
 * One line on standard error, after the program's name. The format has no newline.
 *
 * Return: EXIT_USAGE, for the caller to return.
 */
int complain(const char *format, ...)
{
	va_list args;

	fputs("cmpolicy: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

static int complain_unknown(const char *what, const char *word, const char *const *words, size_t n)
{
	const char *near = near_word(word, words, n);

	if (near)
		return complain("unknown %s \"%s\"; did you mean \"%s\"?", what, word, near);
	return complain("unknown %s \"%s\"; see cmpolicy --help", what, word);
}

static const struct verb *verb_find(const char *name)
{
	const char *words[N_VERBS];

	for (size_t i = 0; i < N_VERBS; i++) {
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
		words[i] = verbs[i].name;
	}
	complain_unknown("command", name, words, N_VERBS);
	return NULL;
}

/* The argument of an option that may be written as "--name VALUE" or, joined by `join`, as one
 * word. Return: NULL: not this option; "" where the value is missing. */
static const char *option_value(const char *name, const char *join, char ***argvp)
{
	const char *word = **argvp;
	size_t n = strlen(name);

	if (strncmp(word, name, n))
		return NULL;
	if (!word[n]) {
		if (!(*argvp)[1])
			return "";
		(*argvp)++;
		return **argvp;
	}
	if (strncmp(word + n, join, strlen(join)))
		return NULL;
	return word + n + strlen(join);
}

static int option_read(const struct verb *v, char ***argvp, struct request *q)
{
	static const char *const words[] = {"--profile", "--help", "--version", "-o"};
	const char *word = **argvp, *value;

	if (v->takes_profile && (value = option_value("--profile", "=", argvp)))
		q->profile = value;
	else if (v->takes_output && (value = option_value("-o", "", argvp)))
		q->output = value;
	else
		return complain_unknown("option", word, words, sizeof(words) / sizeof(words[0]));
	return *value ? 0 : complain("%s: expected a value", word);
}

/* Options may stand anywhere before "--"; what remains are the arguments, in place. */
static int request_read(const struct verb *v, char **argv, struct request *q)
{
	bool options = true;

	q->args = argv;
	for (char **at = argv; *at; at++) {
		int r = 0;

		if (options && !strcmp(*at, "--"))
			options = false;
		else if (options && **at == '-' && (*at)[1])
			r = option_read(v, &at, q);
		else
			q->args[q->n_args++] = *at;
		if (r)
			return r;
	}
	if (q->n_args < v->min_args)
		return complain("%s: expected an argument; see cmpolicy --help", v->name);
	if (q->n_args > v->max_args)
		return complain("%s: unexpected argument \"%s\"", v->name, q->args[v->max_args]);
	if (q->profile && q->n_args)
		return complain("%s: expected a profile or a file, found both", v->name);
	if (v->takes_output && !q->output)
		return complain("%s: expected -o OUT", v->name);
	return 0;
}

static int run(const struct verb *v, const struct request *q)
{
	struct policy_dirs dirs;
	struct policy_set *set;
	int status;

	if (policy_dirs_init(&dirs)) {
		complain("out of memory");
		return EXIT_POLICY;
	}
	status = policy_set_new(&set, &dirs, stderr) ? EXIT_POLICY : EXIT_FINE;
	if (status == EXIT_FINE) {
		status = v->run(set, q);
		policy_set_free(set);
	}
	policy_dirs_deinit(&dirs);
	return status;
}

/* What was printed counts only when it has arrived. */
static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write to standard output");
		return EXIT_POLICY;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct request q = {0};
	const struct verb *v;
	int r;

	if (argc < 2)
		return complain("expected a command; see cmpolicy --help");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		fputs(usage, stdout);
		return finish(EXIT_FINE);
	}
	if (!strcmp(argv[1], "--version")) {
		puts("cmpolicy " CM_VERSION);
		return finish(EXIT_FINE);
	}
	if (argv[1][0] == '-') {
		static const char *const words[] = {"--help", "--version"};

		return complain_unknown("option", argv[1], words, 2);
	}
	v = verb_find(argv[1]);
	if (!v)
		return EXIT_USAGE;
	r = request_read(v, argv + 2, &q);
	return r ? r : finish(run(v, &q));
}
