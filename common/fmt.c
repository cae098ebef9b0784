/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/fmt.h"

/*
 * A formatter that cannot overflow, allocate, lock or depend on the locale.
 *
 * Every function appends to a caller's buffer and keeps it NUL-terminated. What does not fit is
 * dropped and remembered in `cut`; the text before it stays valid. A buffer of size 0 takes
 * nothing.
 *
 * Separate from stdio because lines are also made inside the target, where stdio may not be used.
 *
 * Context: anywhere.
 */

void fmt_char(struct fmt *f, char c)
{
	if (f->size < 2 || f->len > f->size - 2) {
		f->cut = true;
		if (f->size && f->len < f->size)
			f->buf[f->len] = 0;
		return;
	}
	f->buf[f->len++] = c;
	f->buf[f->len] = 0;
}

void fmt_strn(struct fmt *f, const char *s, size_t n)
{
	for (size_t i = 0; i < n && s[i]; i++)
		fmt_char(f, s[i]);
}

void fmt_str(struct fmt *f, const char *s)
{
	while (*s)
		fmt_char(f, *s++);
}

static void fmt_digits(struct fmt *f, uint64_t v, unsigned base)
{
	char tmp[20];
	int n = 0;

	do {
		tmp[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (n)
		fmt_char(f, tmp[--n]);
}

void fmt_udec(struct fmt *f, uint64_t v)
{
	fmt_digits(f, v, 10);
}

void fmt_dec(struct fmt *f, int64_t v)
{
	if (v < 0)
		fmt_char(f, '-');
	fmt_digits(f, v < 0 ? -(uint64_t)v : (uint64_t)v, 10);
}

void fmt_hex(struct fmt *f, uint64_t v)
{
	fmt_str(f, "0x");
	fmt_digits(f, v, 16);
}

/*
 * One JSON string with its quotes (RFC 8259, section 7). Bytes outside ASCII are taken for UTF-8
 * where they are well-formed; others become U+FFFD, so that the line always parses.
 */
static size_t utf8_len(const unsigned char *s, size_t n)
{
	size_t want = s[0] < 0x80                   ? 1
		      : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		      : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
		      : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						    : 0;

	if (!want || want > n)
		return 0;
	for (size_t i = 1; i < want; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0; /* overlong, surrogate, beyond U+10FFFF */
	return want;
}

void fmt_json(struct fmt *f, const char *s, size_t n)
{
	fmt_char(f, '"');
	for (size_t i = 0; i < n && s[i];) {
		size_t k = utf8_len((const unsigned char *)s + i, n - i);
		unsigned char c = (unsigned char)s[i];

		if (!k) {
			fmt_str(f, "\\ufffd");
			k = 1;
		} else if (c < 0x20 || c == 0x7f) {
			fmt_str(f, "\\u00");
			fmt_char(f, "0123456789abcdef"[c >> 4]);
			fmt_char(f, "0123456789abcdef"[c & 15]);
		} else {
			if (c == '"' || c == '\\')
				fmt_char(f, '\\');
			fmt_strn(f, s + i, k);
		}
		i += k;
	}
	fmt_char(f, '"');
}
