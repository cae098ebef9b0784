/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/seals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * What is sealed of a process's memory, as far as the kernel does not know it: ranges, each with
 * what may not be done to it. Separate from where they come from (image_seal.c, control.c) and from
 * what follows from them (decide_seal.c).
 *
 * Pieces are apart and ascending, so one is found by halving; neighbours that are alike are one.
 * Seals only ever grow: what is added to a piece is added to what it has. They end with the memory:
 * when a call takes it away that they do not forbid.
 *
 * The room is doubled where it does not suffice and given back as a whole. A change in the middle
 * moves what lies behind it once.
 */

static bool is_alike(const struct seal_piece *a, const struct seal_piece *b)
{
	return a->seals == b->seals && a->own == b->own && a->key == b->key;
}

static bool can_forbid(unsigned seals, const struct seal_deed *d)
{
	return seals & d->seal || (seals & SEAL_DOWNGRADE && d->seal != SEAL_UNMAP);
}

static unsigned all_of(const struct seal_piece *p)
{
	return p->seals | p->own;
}

/* The first piece that ends behind an address. */
static size_t index_behind(const struct seals *s, uint64_t addr)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->at[mid].range.end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int make_room(struct seals *s, size_t n)
{
	size_t room = s->room ? s->room : 16;
	struct seal_piece *at;

	if (n <= s->room)
		return 0;
	while (room < n)
		room *= 2;
	at = realloc(s->at, room * sizeof(*at));
	if (!at)
		return -ENOMEM;
	s->at = at;
	s->room = room;
	return 0;
}

/* A list under construction, in room that suffices. */
static void push(struct seals *s, struct seal_piece p)
{
	struct seal_piece *last = s->n ? &s->at[s->n - 1] : NULL;

	if (p.range.start >= p.range.end || !all_of(&p))
		return;
	if (last && last->range.end == p.range.start && is_alike(last, &p))
		last->range.end = p.range.end;
	else
		s->at[s->n++] = p;
}

static void push_part(struct seals *s, struct seal_piece p, uint64_t start, uint64_t end)
{
	p.range = (struct range){start, end};
	push(s, p);
}

static struct seal_piece joined(struct seal_piece old, const struct seal_piece *add)
{
	if (old.key == KEY_NONE)
		old.key = add->key;
	old.seals |= add->seals;
	old.own |= add->own;
	return old;
}

/*
 * What stands in the list's place when `add` has joined pieces [from, to), which are those that it
 * touches. Between them and around them it stands alone.
 */
static void join(struct seals *out, const struct seals *s, size_t from, size_t to,
		 const struct seal_piece *add)
{
	uint64_t at = add->range.start, end = add->range.end;

	for (size_t i = from; i < to; i++) {
		struct seal_piece old = s->at[i];
		uint64_t start = old.range.start > at ? old.range.start : at;
		uint64_t stop = old.range.end < end ? old.range.end : end;

		push_part(out, *add, at, start);
		push_part(out, old, old.range.start, start);
		push_part(out, joined(old, add), start, stop);
		push_part(out, old, stop, old.range.end);
		at = stop;
	}
	push_part(out, *add, at, end);
}

/* The pieces that a range touches: [*fromp, Return). */
static size_t touched(const struct seals *s, struct range r, size_t *fromp)
{
	size_t i = *fromp = index_behind(s, r.start);

	while (i < s->n && s->at[i].range.start < r.end)
		i++;
	return i;
}

/* Puts `by` in the place of pieces [from, to), for which there is room. */
static void splice(struct seals *s, size_t from, size_t to, const struct seals *by)
{
	memmove(s->at + from + by->n, s->at + to, (s->n - to) * sizeof(*s->at));
	if (by->n)
		memcpy(s->at + from, by->at, by->n * sizeof(*s->at));
	s->n = s->n - (to - from) + by->n;
}

/* Before `from` and behind `to` lies what may be one with what is added: of the same end or start.
 */
static void widen(const struct seals *s, struct range r, size_t *fromp, size_t *top)
{
	if (*fromp && s->at[*fromp - 1].range.end == r.start)
		--*fromp;
	if (*top < s->n && s->at[*top].range.start == r.end)
		++*top;
}

/* As join(), of pieces some of which only touch the range's ends. */
static void join_all(struct seals *out, const struct seals *s, size_t from, size_t to,
		     const struct seal_piece *add)
{
	size_t first = from, last = to;

	if (first < last && s->at[first].range.end <= add->range.start)
		push(out, s->at[first++]);
	if (first < last && s->at[last - 1].range.start >= add->range.end)
		last--;
	join(out, s, first, last, add);
	if (last < to)
		push(out, s->at[last]);
}

/*
 * Seals a range: adds to what of it is sealed already. `key` is the policy key that this is by,
 * KEY_NONE: the program's own wish.
 *
 * Return: 0; -ENOSPC: there would be more than SEALS_MAX pieces; -ENOMEM. Nothing is changed then.
 */
int seals_add(struct seals *s, struct range range, unsigned seals, enum policy_key key)
{
	bool own = key == KEY_NONE;
	struct seal_piece add = {.range = range,
				 .seals = own ? 0 : (uint8_t)seals,
				 .own = own ? (uint8_t)seals : 0,
				 .key = (uint8_t)key};
	struct seals out = {NULL, 0, 0};
	size_t from, to = touched(s, range, &from);
	int r;

	widen(s, range, &from, &to);
	r = make_room(&out, 3 * (to - from) + 1);
	if (!r) {
		join_all(&out, s, from, to, &add);
		r = s->n - (to - from) + out.n > SEALS_MAX
			    ? -ENOSPC
			    : make_room(s, s->n - (to - from) + out.n);
	}
	if (!r)
		splice(s, from, to, &out);
	seals_deinit(&out);
	return r;
}

/*
 * A call is going to take memory away: what of it has no seal against that is forgotten. Where one
 * piece would become two and there is no memory for it, it stays whole.
 */
void seals_clear(struct seals *s, const struct seal_deed *d)
{
	struct seals out = {NULL, 0, 0};
	size_t from, to = touched(s, d->range, &from);

	if (from == to || make_room(&out, 2 * (to - from)) < 0)
		return;
	for (size_t i = from; i < to; i++) {
		struct seal_piece p = s->at[i];

		if (can_forbid(all_of(&p), d)) {
			push(&out, p);
			continue;
		}
		if (p.range.start < d->range.start)
			push_part(&out, p, p.range.start, d->range.start);
		if (p.range.end > d->range.end)
			push_part(&out, p, d->range.end, p.range.end);
	}
	if (!make_room(s, s->n - (to - from) + out.n))
		splice(s, from, to, &out);
	seals_deinit(&out);
}

/*
 * The first piece, from `from` on (NULL: of all), that can forbid a deed; SEAL_DOWNGRADE does so by
 * what the memory's protection is. Return: NULL: there is none.
 */
const struct seal_piece *seals_find(const struct seals *s, const struct seal_deed *d,
				    const struct seal_piece *from)
{
	size_t i = from ? (size_t)(from - s->at) : index_behind(s, d->range.start);

	for (; i < s->n && s->at[i].range.start < d->range.end; i++)
		if (can_forbid(all_of(&s->at[i]), d))
			return &s->at[i];
	return NULL;
}

/* Whether every page of a range is sealed in some way. */
bool seals_cover(const struct seals *s, struct range r)
{
	size_t i = index_behind(s, r.start);

	for (; r.start < r.end && i < s->n && s->at[i].range.start <= r.start; i++)
		r.start = s->at[i].range.end;
	return r.start >= r.end;
}

/* Gives everything back; the list is empty afterwards. */
void seals_deinit(struct seals *s)
{
	free(s->at);
	*s = (struct seals){NULL, 0, 0};
}
