/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Functions of the library that model_mutant.c stands in for, and what they are really: see
 * ld(1), --wrap. Separate because such names are declared nowhere else.
 */

#include "cookie/calls.h"
#include "cookie/host.h"

int __real_aim_range(struct aim *a, size_t offset, size_t len);
int __wrap_aim_range(struct aim *a, size_t offset, size_t len);
int __real_aim_enter(struct aim *a, uint64_t caller, cm_t cookie, cm_ops_t op);
int __wrap_aim_enter(struct aim *a, uint64_t caller, cm_t cookie, cm_ops_t op);
void __real_slot_free(struct cookies *c, uint32_t index);
void __wrap_slot_free(struct cookies *c, uint32_t index);
int __real_check_pieces(const struct aim *a, enum seal seal, int prot, unsigned checks);
int __wrap_check_pieces(const struct aim *a, enum seal seal, int prot, unsigned checks);
void __real_pieces_seal(const struct aim *a, uint8_t seals);
void __wrap_pieces_seal(const struct aim *a, uint8_t seals);
void __real_pieces_protect(const struct aim *a, uint8_t prot);
void __wrap_pieces_protect(const struct aim *a, uint8_t prot);
long __real_views_unmap(const struct aim *a, bool stale);
long __wrap_views_unmap(const struct aim *a, bool stale);
long __real_host_call(uint64_t caller, long nr, long a, long b, long c, long d, long e, long f);
long __wrap_host_call(uint64_t caller, long nr, long a, long b, long c, long d, long e, long f);
