/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>
#include "tests/cookie/calls.h"
#include "tests/cookie/claims.h"
#include "tests/cookie/inside.h"

/* The rows of errors.c: a call that fails in one documented way, or its twin that does not. */

/* The call fails with `want`, and writes nothing. */
#define FAILS(function, want, ...)                                         \
	do {                                                               \
		outs_reset();                                              \
		errno = 0;                                                 \
		int result_ = (__VA_ARGS__);                               \
		errors_row(#function, want, result_, errno, #__VA_ARGS__); \
	} while (0)

/* The twin: without the fault it works. */
#define WORKS(...)                                         \
	do {                                               \
		errno = 0;                                 \
		int result_ = (__VA_ARGS__);               \
		errors_twin(result_, errno, #__VA_ARGS__); \
	} while (0)

/* As FAILS(), in a child that has prepared itself. */
#define FAILS_AFTER(prepare, function, want, ...)                                   \
	do {                                                                        \
		pid_t pid_ = errors_fork();                                         \
		if (!pid_) {                                                        \
			outs_reset();                                               \
			prepare;                                                    \
			errno = 0;                                                  \
			int result_ = (__VA_ARGS__);                                \
			_exit(result_ != -1 ? 0 : outs_untouched() ? errno : 255);  \
		}                                                                   \
		errors_of_child(#function, want, pid_, #prepare ", " #__VA_ARGS__); \
	} while (0)

struct known {
	const char *function;
	int errors[24]; /* ends with 0 */
};

/* What is documented of each function: nothing else may happen, and each of it does. */
extern const struct known errors_known[];
bool errors_is_known(const char *function, int error);
void errors_forget(const char *function, int error);
const char *errors_name(int error);

void errors_row(const char *function, int want, int result, int error, const char *text);
void errors_twin(int result, int error, const char *text);
pid_t errors_fork(void);
void errors_of_child(const char *function, int want, pid_t pid, const char *text);
void errors_seen(const char *function, int error);

void errors_of_cmmmap(void);
void errors_of_cmmmapreq(void);
void errors_of_cmsubmap(void);
void errors_of_ranges(void);
void errors_of_cookies(void);
void errors_of_pointers(void);
void errors_of_order(void);
void errors_inside(void);
int errors_fuzz(unsigned long n_calls_wanted);
