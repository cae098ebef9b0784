/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The functions of include/cookiemap.h, as they are inside: with the address of who asks, and
 * -errno for a result. And what they share with each other.
 */

#include "cookie/cookies.h"
#include "cookie/want.h"

int cookie_map(uint64_t caller, struct cmreq *req, cm_t *cookiep);
int cookie_submap(uint64_t caller, cm_t cookie, const struct cmreq *req);
int cookie_unmap(uint64_t caller, cm_t cookie, size_t offset, size_t len);
int cookie_close(uint64_t caller, cm_t cookie, int flags);
int cookie_revoke(uint64_t caller, cm_t cookie);

int cookie_getcap(uint64_t caller, cm_t cookie, void **ptrp, cm_perm_t perms);
int cookie_andperm(uint64_t caller, cm_t cookie, cm_perm_t perms, cm_perm_t *oldp);
int cookie_restrict(uint64_t caller, cm_t cookie, cm_ops_t ops, cm_ops_t *oldp);
int cookie_stat(uint64_t caller, cm_t cookie, size_t index, struct cm_stat *st);

int cookie_protect(uint64_t caller, cm_t cookie, size_t offset, size_t len, int prot);
int cookie_advise(uint64_t caller, cm_t cookie, size_t offset, size_t len, int advice);
int cookie_sync(uint64_t caller, cm_t cookie, size_t offset, size_t len, int flags);
int cookie_incore(uint64_t caller, cm_t cookie, size_t offset, size_t len, unsigned char *vec);
int cookie_inherit(uint64_t caller, cm_t cookie, size_t offset, size_t len, int inherit);
int cookie_seal(uint64_t caller, cm_t cookie, size_t offset, size_t len, int seals);
int cookie_memfd(const char *name, int flags);

/* fill.c: what is mapped into a region */
long fill_map(uint64_t caller, const struct want *w, uint64_t at, uint64_t len, int place);
uint64_t fill_huge_page(int fd, uint64_t at);
int fill_memfd(const struct want *w);
void fill_name(struct range range, const char *name);
struct region fill_piece(const struct aim *a, const struct want *w, int kind);
int fill_seal(const struct aim *a);

/* view.c */
long views_close(const struct aim *a, bool for_ever);
long views_unmap(const struct aim *a, bool stale);
void views_advise(const struct aim *a, int advice);

/* check.c */
enum check { CHECK_MAPPED = 1 << 0, CHECK_MAX = 1 << 1 };
int check_pieces(struct aim *a, enum seal seal, int prot, unsigned checks);
