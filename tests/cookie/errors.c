/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * usage: errors rows | fuzz CALLS | list
 *
 * The errors of the C interface. `rows`: each documented errno of each function is provoked, beside
 * a call that differs in nothing but the fault and works, and what has been provoked is all that is
 * documented. `fuzz`: random calls, of which no errno is another. `list` prints what is documented,
 * for errors_manual.py.
 */

#define N_ERRNOS 160

static bool seen[32][N_ERRNOS];

static unsigned function_number(const char *function)
{
	unsigned i = 0;

	while (errors_known[i].function && strcmp(errors_known[i].function, function))
		i++;
	if (!errors_known[i].function)
		claims_broken(function);
	return i;
}

/* Notes that this was provoked by other means than a row. */
void errors_seen(const char *function, int error)
{
	seen[function_number(function)][error] = true;
}

/* One row: result and errno of a call that was to fail. */
void errors_row(const char *function, int want, int result, int error, const char *text)
{
	bool good = result == -1 && error == want && outs_untouched();

	if (good)
		errors_seen(function, want);
	claim(good, "%s %s: %s", function, errors_name(want), text);
	if (good)
		return;
	if (result != -1)
		claim_note("  it worked (%d)", result);
	else if (error != want)
		claim_note("  got %s", errors_name(error));
	else
		claim_note("  something was written");
}

void errors_twin(int result, int error, const char *text)
{
	if (!claim(result >= 0, "works: %s", text))
		claim_note("  got %s", errors_name(error));
}

pid_t errors_fork(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		claims_broken("fork");
	return pid;
}

void errors_of_child(const char *function, int want, pid_t pid, const char *text)
{
	int got = child_end(pid);

	if (got == want)
		errors_seen(function, want);
	if (!claim(got == want, "%s %s: %s", function, errors_name(want), text))
		claim_note("  got %s (%d)", got > 0 && got < 255 ? errors_name(got) : "that", got);
}

/* What is documented and was not provoked, by name. */
static void all_is_provoked(void)
{
	for (const struct known *k = errors_known; k->function; k++)
		for (const int *e = k->errors; *e; e++)
			claim(seen[function_number(k->function)][*e], "%s: %s was provoked",
			      k->function, errors_name(*e));
}

static void nothing_else(void)
{
	unsigned n = 0;

	for (const struct known *k = errors_known; k->function; k++)
		for (int e = 1; e < N_ERRNOS; e++)
			if (seen[function_number(k->function)][e] &&
			    !errors_is_known(k->function, e)) {
				claim_note("  %s: %s is not documented", k->function,
					   errors_name(e));
				n++;
			}
	claim(!n, "nothing was provoked that is not documented");
}

static int rows(void)
{
	errors_of_cmmmap();
	errors_of_cmmmapreq();
	errors_of_cmsubmap();
	errors_of_ranges();
	errors_of_cookies();
	errors_of_pointers();
	errors_of_order();
	errors_inside();
	all_is_provoked();
	nothing_else();
	return claims_end();
}

static int list(void)
{
	for (const struct known *k = errors_known; k->function; k++)
		for (const int *e = k->errors; *e; e++)
			printf("%s %s\n", k->function, errors_name(*e));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "rows"))
		return rows();
	if (argc == 3 && !strcmp(argv[1], "fuzz"))
		return errors_fuzz(strtoul(argv[2], NULL, 10));
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list();
	fprintf(stderr, "usage: errors rows | fuzz CALLS | list\n");
	return 2;
}
