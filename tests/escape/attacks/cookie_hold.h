/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What a program knows its memory by, as a number: a cookie, or its address. The second is the twin
 * of every attack on the first: what tells a live value from any other is missing.
 */

#include <stdbool.h>
#include <stdint.h>

void hold_by(const char *name); /* "cookie" or "pointer" */
uint64_t hold_new(void);
char *hold_at(uint64_t value);
void hold_end(uint64_t value, int how);
bool hold_reach(uint64_t value);
bool hold_reach_fast(uint64_t value);
void hold_spoil(uint64_t value, unsigned how);
uint64_t hold_near(uint64_t value, uint64_t n);
uint64_t hold_step(void);
