/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A bounded line of text under construction; see common/fmt.c. */
struct fmt {
	char *buf;
	size_t size; /* bytes in buf, the final NUL included */
	size_t len;  /* bytes written, the NUL not counted; never more than size - 1 */
	bool cut;    /* something did not fit */
};

#define FMT_INIT(array)                          \
	{                                        \
		(array), sizeof(array), 0, false \
	}

void fmt_char(struct fmt *f, char c);
void fmt_str(struct fmt *f, const char *s);
void fmt_strn(struct fmt *f, const char *s, size_t n);
void fmt_dec(struct fmt *f, int64_t v);
void fmt_udec(struct fmt *f, uint64_t v);
void fmt_hex(struct fmt *f, uint64_t v);
void fmt_json(struct fmt *f, const char *s, size_t n);
