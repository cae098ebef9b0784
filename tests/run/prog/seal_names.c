/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Has libc load what it loads by itself, again and again: modules of the name service for
 * getpwnam(), of gconv for iconv(). Prints what they answered, and what all rounds but the first
 * few have left behind; then waits to be looked at.
 *
 *   seal_names ROUNDS
 */

#include <iconv.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seal_count.h"

static const char *const charsets[] = {"EUC-JP", "KOI8-R", "SHIFT_JIS", "ISO-2022-KR", "CP1252"};

#define FIRST 3 /* rounds in which libc fills its caches */

static void convert(const char *charset, int tell)
{
	char from[] = "abc \xc2\xa7 def", to[64];
	char *in = from, *out = to;
	size_t n = strlen(from), room = sizeof(to);
	iconv_t with = iconv_open(charset, "UTF-8");

	if (with == (iconv_t)-1) {
		perror(charset);
		exit(99);
	}
	iconv(with, &in, &n, &out, &room);
	if (tell)
		printf("%s: %zu bytes, %zu not converted\n", charset, sizeof(to) - room, n);
	iconv_close(with);
}

static void ask(int tell)
{
	const struct passwd *user = getpwnam("root");
	const struct servent *http;

	if (tell)
		printf("root %s\n", user ? user->pw_dir : "-");
	user = getpwnam("cookiemap-none");
	http = getservbyname("http", "tcp");
	if (tell)
		printf("nobody %s, http %d\n", user ? "there" : "-", http ? http->s_port : -1);
}

int main(int argc, char **argv)
{
	int rounds = argc == 2 ? atoi(argv[1]) : 0;
	struct count before = count_now(), left;

	for (int i = 0; i < rounds; i++) {
		if (i == FIRST)
			before = count_now();
		ask(!i);
		for (size_t j = 0; j < sizeof(charsets) / sizeof(charsets[0]); j++)
			convert(charsets[j], !i);
	}
	left = count_since(before);
	printf("left.mappings %ld\nleft.kib %ld\n", left.mappings, left.kib);
	count_wait();
	return 0;
}
