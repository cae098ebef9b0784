/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/module.h"

#include <errno.h>
#include "interpose/arena.h"
#include "interpose/gate.h"
#include "interpose/maps.h"
#include "interpose/text.h"
#if defined(__x86_64__)
#include "interpose/arch/x86_64/callsite.h"
#else
#error "no way to read a call instruction on this architecture yet"
#endif
#include "interpose/forbid.h"

/*
 * Which file a code address belongs to: who called, and who owns a mapping.
 *
 * Executable file mappings lie in one sorted array that is never written after it was published;
 * a change makes a new one. The first comes from the start-up map; an address that is in none is
 * asked of the supervisor, which asks the kernel, and entered as late. Memory of no file (a JIT's
 * code) has no module and is asked each time.
 *
 * A late entry can outlive its file: dlclose(3) is wrapped and drops all of them, but libc also
 * unloads by itself (NSS, iconv). So whoever is about to hold something against a late caller asks
 * again, with module_renew().
 *
 * Holds: an entry once handed out stays readable for ever; a path has one number for ever.
 *
 * Context: anywhere after the constructor has begun; takes no lock. A miss makes control calls.
 */

struct modules {
	size_t n;
	size_t room; /* entries there is memory for */
	struct module at[];
};

static struct modules *published;
static const struct module_name *names;

static bool is_libc(const char *path)
{
	const char *base = text_base(path);

	return text_begins(base, "ld-linux") || text_begins(base, "libc.so") ||
	       text_begins(base, "libpthread") || text_begins(base, "ld-musl");
}

static const struct module_name *name_find(const struct module_name *n, const char *path,
					   size_t len)
{
	for (; n; n = n->next)
		if (text_len(n->path) == len && !memcmp(n->path, path, len))
			return n;
	return NULL;
}

/* The kernel adds this to the name of a file that has been removed; it is the same file. */
static size_t without_deleted(const char *path, size_t len)
{
	static const char mark[] = " (deleted)";
	size_t n = sizeof(mark) - 1;

	return len > n && !memcmp(path + len - n, mark, n) ? len - n : len;
}

/*
 * The name of a path, made if it is new.
 *
 * Return: NULL where there is no memory for it.
 */
const struct module_name *module_name_of(const char *path, size_t len)
{
	/* pairs with the release of the exchange: the name is written */
	const struct module_name *head = __atomic_load_n(&names, __ATOMIC_ACQUIRE), *known;
	struct module_name *fresh = NULL;

	len = without_deleted(path, len);
	do {
		known = name_find(head, path, len);
		if (known)
			return known;
		if (!fresh)
			fresh = arena_alloc(sizeof(*fresh) + len + 1);
		if (!fresh)
			return NULL;
		memcpy(fresh->path, path, len);
		fresh->next = head;
		fresh->id = head ? head->id + 1 : 1;
		fresh->libc = is_libc(fresh->path);
		fresh->own = text_begins(text_base(fresh->path), "libcminterpose.so");
	} while (!__atomic_compare_exchange_n(&names, &head, fresh, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	return fresh;
}

static struct modules *modules_new(size_t room)
{
	struct modules *m = arena_alloc(sizeof(*m) + room * sizeof(m->at[0]));

	if (m)
		m->room = room;
	return m;
}

/* A copy of `old` with `add` in its place and without what it overlaps. */
static struct modules *with(const struct modules *old, const struct module *add)
{
	size_t n_old = old ? old->n : 0, i = 0;
	struct modules *m = modules_new(n_old + 1);

	if (!m)
		return NULL;
	for (; i < n_old && old->at[i].range.end <= add->range.start; i++)
		m->at[m->n++] = old->at[i];
	m->at[m->n++] = *add;
	for (; i < n_old; i++)
		if (!range_overlaps(old->at[i].range, add->range))
			m->at[m->n++] = old->at[i];
	return m;
}

static const struct module *lookup(const struct modules *m, uint64_t addr)
{
	size_t from = 0, to = m ? m->n : 0;

	while (from < to) {
		size_t mid = (from + to) / 2;
		const struct module *at = &m->at[mid];

		if (addr < at->range.start)
			to = mid;
		else if (addr >= at->range.end)
			from = mid + 1;
		else
			return at;
	}
	return NULL;
}

static const struct module *remembered(uint64_t addr)
{
	/* pairs with the release of the exchange in enter(): the array is written */
	return lookup(__atomic_load_n(&published, __ATOMIC_ACQUIRE), addr);
}

static const struct module *enter(const struct module *add)
{
	/* pairs with the release of the exchange: the array is written */
	struct modules *old = __atomic_load_n(&published, __ATOMIC_ACQUIRE), *m;

	do {
		m = with(old, add);
		if (!m)
			return NULL;
	} while (!__atomic_compare_exchange_n(&published, &old, m, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	return lookup(m, add->range.start);
}

/*
 * Enters an executable mapping of the start-up map, above those before it. Return: 0 or -ENOMEM.
 *
 * Context: the constructor; nobody reads yet, so the array grows in place.
 */
int module_adopt(struct range range, const struct module_name *name)
{
	struct modules *m = published, *more;

	if (!m || m->n == m->room) {
		more = modules_new(m ? 2 * m->room : 32);
		if (!more)
			return -ENOMEM;
		for (; m && more->n < m->n; more->n++)
			more->at[more->n] = m->at[more->n];
		published = m = more;
	}
	m->at[m->n++] = (struct module){.range = range, .name = name};
	return 0;
}

/* The path of the VMA at `addr`, seven bytes an answer; returns its length. */
static size_t ask_path(uint64_t addr, char *path, size_t size)
{
	size_t len = 0;
	long r;

	while (len + 7 <= size) {
		r = gate_control(CONTROL_MODULE, addr, MODULE_NAME, len, 0, 0);
		if (r < 0)
			return 0;
		for (int i = 0; i < 7; i++, r >>= 8) {
			if (!(r & 0xff))
				return len;
			path[len++] = (char)(r & 0xff);
		}
	}
	return len;
}

/*
 * As module_find(), but what is remembered of a late module is asked again.
 *
 * Context: as the file; up to some dozen control calls.
 */
const struct module *module_renew(uint64_t addr)
{
	long start = gate_control(CONTROL_MODULE, addr, MODULE_START, 0, 0, 0);
	long end = gate_control(CONTROL_MODULE, addr, MODULE_END, 0, 0, 0);
	struct module add = {.range = {(uint64_t)start, (uint64_t)end}, .late = true};
	char path[MAPS_PATH_MAX];
	size_t len;

	if (start < 0 || end < 0 || start >= end)
		return NULL;
	len = ask_path(addr, path, sizeof(path));
	if (!len || path[0] != '/')
		return NULL;
	add.name = module_name_of(path, len);
	return add.name ? enter(&add) : NULL;
}

/*
 * The module that an address of code belongs to. The entry stays readable for ever.
 *
 * Context: as the file.
 * Return: NULL for memory of no file, and where nobody can say.
 */
const struct module *module_find(uint64_t addr)
{
	const struct module *m = remembered(addr);

	return m ? m : module_renew(addr);
}

/*
 * The module that made a call whose return address is `ret`, in the module `of_ret`. The two differ
 * where a function of another module ends in a jump to the wrapper: a compiler makes one of
 * `return munmap(p, n);`. The instruction before `ret` tells which function was really called, if
 * it names it; a call through a pointer leaves no trace, and counts for the module it lies in. libc
 * does not end in a jump to a wrapper: what names it is bound past us.
 *
 * Context: as the file. of_ret may be NULL.
 */
const struct module *module_caller(uint64_t ret, const struct module *of_ret)
{
	const struct module *called;
	uint64_t target;

	if (!of_ret || ret - of_ret->range.start < 8)
		return of_ret;
	target = callsite_target(ret);
	called = remembered(target);
	if (!called || called->range.end - target < 16)
		return of_ret;
	target = callsite_through_plt(target);
	called = remembered(target);
	return !called || called->name->own || called->name->libc ? of_ret : called;
}

/*
 * An address in the module with this number, as far as it has been seen to call; 0: it has not.
 *
 * Context: as the file; makes no calls.
 */
uint64_t module_address(uint32_t id)
{
	const struct modules *m = __atomic_load_n(&published, __ATOMIC_ACQUIRE);

	for (size_t i = 0; m && i < m->n; i++)
		if (m->at[i].name->id == id)
			return m->at[i].range.start;
	return 0;
}

/*
 * Forgets the late modules: one of them may be gone.
 *
 * Context: as the file.
 */
void module_flush(void)
{
	struct modules *old = __atomic_load_n(&published, __ATOMIC_ACQUIRE), *m;
	size_t n_late;

	do {
		n_late = 0;
		for (size_t i = 0; old && i < old->n; i++)
			n_late += old->at[i].late;
		if (!n_late)
			return;
		m = modules_new(old->n - n_late);
		if (!m)
			return;
		for (size_t i = 0; i < old->n; i++)
			if (!old->at[i].late)
				m->at[m->n++] = old->at[i];
	} while (!__atomic_compare_exchange_n(&published, &old, m, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
}
