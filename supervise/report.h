/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "policy/eval.h"

/* One thing that the policy had a word for; see supervise/report.c. */
struct violation {
	const char *program; /* path of the image */
	pid_t pid;
	pid_t tid;
	const char *call;    /* name of the call, or "image" for what an image brought with it */
	const char *text;    /* the call with its arguments, or what was found */
	const char *module;  /* of the caller; NULL: unknown */
	uint64_t offset;     /* in the module's file */
	const char *grantee; /* whom a policy would have to trust with code; NULL: no module */
	const char *sealed;  /* of seal.*: the file whose memory it is; NULL: unknown */
	bool cookie;         /* of foreign.*: the memory is a region that a cookie names */
	const char *object;  /* of wx.file: what was to be mapped; NULL: unknown */
	const struct policy_ruling *ruling;
};

#define REPORT_SITES 512
#define REPORT_SINKS 4

struct report {
	int err;            /* descriptor for "stderr"; -1: given up, syslog instead */
	bool err_is_stream; /* not a file: its reader waits for its end */
	int syslog;
	uint64_t said[64]; /* hashes of what is said once */
	struct {
		uint64_t site;
		uint64_t count;
	} sites[REPORT_SITES];
	struct {
		char path[256];
		int fd;
	} sinks[REPORT_SINKS];
};

void report_init(struct report *r, int err);
void report_violation(struct report *r, const struct policy *p, const struct violation *v);
void report_note(struct report *r, const struct policy *p, const char *text);
bool report_once(struct report *r, const char *what, const char *which);
void report_release_stderr(struct report *r);
