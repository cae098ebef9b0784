/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/errors.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Random calls of every function, from fixed seeds. Arguments are drawn from what is good, what is
 * on its edge and what makes no sense, so that every check is passed at times and failed at times.
 * No errno is one that is not documented, and what fails writes nothing. Pointers are good or NULL:
 * with others the program ends, as with any function.
 *
 * Memory that is poisoned is the machine's, not this process's: MADV_HWPOISON and
 * MADV_SOFT_OFFLINE are not drawn. What fills memory at once is not asked of more than BIG.
 */

#define N_SEEDS   8
#define N_COOKIES 24
#define BIG       (64 * PAGE)

static uint64_t state;
static cm_t pool[N_COOKIES];
static int fds[12];
static unsigned n_outside, n_written;

static uint64_t draw(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

static bool once_in(unsigned n)
{
	return !draw(n);
}

#define ONE_OF(...)                                             \
	({                                                      \
		static const uint64_t these_[] = {__VA_ARGS__}; \
		these_[draw(COUNT(these_))];                    \
	})

static cm_t draw_cookie(void)
{
	cm_t c = pool[draw(N_COOKIES)];

	if (once_in(20))
		return c ^ 1ull << draw(64);
	return once_in(40) ? draw(3) : c;
}

static size_t draw_offset(void)
{
	if (once_in(12))
		return ONE_OF(1, 4095, -4096ul, 1ul << 46, 1ul << 63, SIZE_MAX, HUGE, BIG);
	return draw(8) * PAGE;
}

static size_t draw_len(void)
{
	if (once_in(12))
		return ONE_OF(0, 1, SIZE_MAX, -4096ul, -8192ul, 1ul << 47, 1ul << 63, HUGE,
			      HUGE + 1);
	return once_in(5) ? draw(4 * PAGE) : (1 + draw(6)) * PAGE;
}

static int draw_prot(void)
{
	int prot = (int)ONE_OF(0, R, RW, RW, RW, RW, RW, PROT_WRITE, RX, PROT_EXEC, RWX);

	if (once_in(6))
		prot |= PROT_MAX((int)draw(8));
	return once_in(30) ? prot ^ (1 << draw(32)) : prot;
}

static int draw_flags(size_t len)
{
	int flags = (int)ONE_OF(0, MAP_PRIVATE, MAP_SHARED, MAP_PRIVATE | MAP_ANONYMOUS,
				MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE | MAP_SHARED);

	for (int n = once_in(3) ? (int)draw(3) : 0; n; n--)
		flags |= (int)ONE_OF(CM_RESERVE, CM_EXACT, CM_SUPERPAGE, CM_ROUND, CM_NOREUSE,
				     CM_SHARE, CM_ALIAS, MAP_NORESERVE, MAP_POPULATE);
	if (once_in(30))
		flags |= CM_SEALED;
	if (once_in(40))
		flags ^= 1 << draw(32);
	return len > BIG ? flags & ~MAP_POPULATE : flags;
}

static off_t draw_file_offset(void)
{
	return once_in(12) ? (off_t)ONE_OF(1, PAGE, 2 * PAGE, -4096ul, 0x7ffffffffffff000, 512) : 0;
}

static int draw_fd(void)
{
	return draw(3) ? -1 : fds[draw(COUNT(fds))];
}

static int draw_advice(size_t len)
{
	int advice = (int)draw(27);

	if (len > BIG && (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE ||
			  advice == MADV_WILLNEED))
		return MADV_NORMAL;
	return once_in(10) ? (int)ONE_OF(-1, 102, 103, 4711, 99, INT32_MIN) : advice;
}

/* One in thirty pointers is NULL. */
#define OUT(what) (once_in(30) ? NULL : &(what))

static void keep(cm_t made)
{
	unsigned i = (unsigned)draw(N_COOKIES);

	cmclose(pool[i], CM_CLOSE_UNMAP);
	pool[i] = made;
}

static void draw_request(struct cmreq *r, char *name)
{
	static const char *const names[] = {"name", "", "a$b", "a b"};
	size_t len = draw_len();

	CMREQ_INIT(r, len, draw_prot());
	r->flags = draw_flags(len);
	r->fd = draw_fd();
	r->file_offset = draw_file_offset();
	r->map_offset = once_in(2) ? draw_offset() : 0;
	if (once_in(4))
		r->max = (int)draw(10) - 1;
	if (once_in(6))
		r->name = strcpy(name, names[draw(COUNT(names))]);
	if (once_in(30))
		r->size += (uint32_t)ONE_OF(-8, 8, -96, 1);
	if (once_in(30))
		r->zero = 1;
	if (once_in(20))
		r->hint = ONE_OF(1, PAGE, 1ul << 45, SIZE_MAX, 1ul << 62);
}

static int call_cmmmap(void)
{
	size_t len = draw_len();
	cm_vaddr_t hint = once_in(10) ? ONE_OF(1, PAGE, 1ul << 45, HUGE << 20, SIZE_MAX) : 0;
	int r = cmmmap(hint, len, draw_prot(), draw_flags(len), draw_fd(), draw_file_offset(),
		       OUT(outs.cookie));

	if (!r)
		keep(outs.cookie);
	return r;
}

static int call_cmmmapreq(void)
{
	struct {
		struct cmreq req;
		char more[64];
	} q = {0};
	char name[16];
	int r;

	draw_request(&q.req, name);
	r = cmmmapreq(once_in(50) ? NULL : &q.req, OUT(outs.cookie));
	if (!r)
		keep(outs.cookie);
	return r;
}

static int call_cmsubmap(void)
{
	size_t len = draw_len();

	return cmsubmap(draw_cookie(), draw_offset(), len, draw_prot(), draw_flags(len), draw_fd(),
			draw_file_offset());
}

static int call_csubmap(void)
{
	size_t len = draw_len();

	return csubmap(draw_cookie(), draw_offset(), len, draw_prot(), draw_flags(len), draw_fd(),
		       draw_file_offset());
}

static int call_cmsubmapreq(void)
{
	struct {
		struct cmreq req;
		char more[64];
	} q = {0};
	char name[16];

	draw_request(&q.req, name);
	return cmsubmapreq(draw_cookie(), once_in(50) ? NULL : &q.req);
}

static int call_cmunmap(void)
{
	return cmunmap(draw_cookie(), draw_offset(), draw_len());
}

static int call_cmclose(void)
{
	return cmclose(draw_cookie(), (int)ONE_OF(0, CM_CLOSE_UNMAP, CM_CLOSE_UNMAP, CM_NOREUSE,
						  CM_CLOSE_UNMAP | CM_NOREUSE, 2, -1));
}

static int call_cmrevoke(void)
{
	return cmrevoke(draw_cookie());
}

static int call_cmgetptr(void)
{
	return cmgetptr(draw_cookie(), OUT(outs.ptr));
}

static int call_cmgetcap(void)
{
	return cmgetcap(draw_cookie(), OUT(outs.ptr), (int)draw(9));
}

static int call_cmandperm(void)
{
	return cmandperm(draw_cookie(), (int)ONE_OF(7, 7, 7, 7, 3, 5, 8, -1), OUT(outs.perms));
}

static int call_cmrestrict(void)
{
	cm_ops_t ops = ~(cm_ops_t)0;

	if (once_in(8))
		ops ^= 1u << draw(32);
	return cmrestrict(draw_cookie(), ops, OUT(outs.ops));
}

static int call_cmstat(void)
{
	size_t index = once_in(8) ? ONE_OF(SIZE_MAX, 1ul << 32, SIZE_MAX >> 1) : draw(5);

	return cmstat(draw_cookie(), index | (once_in(8) ? CM_STAT_RESIDENT : 0), OUT(outs.stat));
}

static int call_cmprotect(void)
{
	return cmprotect(draw_cookie(), draw_offset(), draw_len(),
			 once_in(10) ? draw_prot() : (int)ONE_OF(0, R, RW, RX));
}

static int call_cmadvise(void)
{
	size_t len = draw_len();

	return cmadvise(draw_cookie(), draw_offset(), len, draw_advice(len));
}

static int call_cmsync(void)
{
	return cmsync(draw_cookie(), draw_offset(), draw_len(), (int)draw(10));
}

static int call_cmincore(void)
{
	size_t len = draw_len();

	/* what works may write a byte a page: none of the regions has more than this */
	return cmincore(draw_cookie(), draw_offset(), len > sizeof(outs.vec) * PAGE ? PAGE : len,
			once_in(30) ? NULL : outs.vec);
}

static int call_cminherit(void)
{
	return cminherit(draw_cookie(), once_in(2) ? 0 : draw_offset(), draw_len(),
			 (int)draw(6) - 1);
}

static int call_cmseal(void)
{
	return cmseal(draw_cookie(), draw_offset(), draw_len(),
		      once_in(10) ? (int)draw(1ul << 32) : 1 << draw(6));
}

static int call_cmmemfd(void)
{
	int fd = cmmemfd(once_in(30) ? NULL : "fuzz",
			 (int)ONE_OF(0, MFD_CLOEXEC, MFD_ALLOW_SEALING, CM_SHARE, CM_ALIAS, -1, 4));

	return fd < 0 ? fd : close(fd);
}

static const struct {
	const char *function;
	int (*make)(void);
	unsigned weight;
} functions[] = {
	{"cmmmap", call_cmmmap, 8},           {"cmmmapreq", call_cmmmapreq, 8},
	{"cmsubmap", call_cmsubmap, 6},       {"csubmap", call_csubmap, 2},
	{"cmsubmapreq", call_cmsubmapreq, 6}, {"cmunmap", call_cmunmap, 3},
	{"cmclose", call_cmclose, 1},         {"cmrevoke", call_cmrevoke, 1},
	{"cmgetptr", call_cmgetptr, 2},       {"cmgetcap", call_cmgetcap, 4},
	{"cmandperm", call_cmandperm, 2},     {"cmrestrict", call_cmrestrict, 1},
	{"cmstat", call_cmstat, 4},           {"cmprotect", call_cmprotect, 6},
	{"cmadvise", call_cmadvise, 6},       {"cmsync", call_cmsync, 3},
	{"cmincore", call_cmincore, 3},       {"cminherit", call_cminherit, 4},
	{"cmseal", call_cmseal, 1},           {"cmmemfd", call_cmmemfd, 1},
};

static unsigned long n_worked[COUNT(functions)], n_failed[COUNT(functions)];

static size_t draw_function(void)
{
	size_t i = 0, total = 0;
	uint64_t at;

	for (size_t k = 0; k < COUNT(functions); k++)
		total += functions[k].weight;
	for (at = draw(total); at >= functions[i].weight; i++)
		at -= functions[i].weight;
	return i;
}

static void one(unsigned long step)
{
	size_t i = draw_function();
	int r;

	outs_reset();
	errno = 0;
	r = functions[i].make();
	if (!r) {
		n_worked[i]++;
		return;
	}
	n_failed[i]++;
	if (r != -1 || !errors_is_known(functions[i].function, errno)) {
		claim_note("step %lu: %s returned %d with %s", step, functions[i].function, r,
			   errors_name(errno));
		n_outside++;
	}
	if (!outs_untouched()) {
		claim_note("step %lu: %s failed with %s and wrote", step, functions[i].function,
			   errors_name(errno));
		n_written++;
	}
}

static void open_all(void)
{
	int pipes[2];

	if (pipe(pipes))
		claims_broken("pipe");
	fds[0] = fds[1] = fds[2] = file_new(16);
	fds[3] = fds[4] = memfd_create("fuzz", MFD_ALLOW_SEALING);
	fds[5] = open("/proc/self/exe", O_RDONLY);
	fds[6] = open("/dev/null", O_WRONLY);
	fds[7] = open("/", O_RDONLY | O_DIRECTORY);
	fds[8] = pipes[0];
	fds[9] = 987;
	fds[10] = -2;
	fds[11] = open("/dev/zero", O_RDWR);
	if (ftruncate(fds[3], 16 * PAGE))
		claims_broken("ftruncate");
}

/* Whether each function has worked often, and failed. */
static bool is_wide(unsigned long n)
{
	bool good = true;

	for (size_t i = 0; i < COUNT(functions); i++) {
		claim_note("%s: %lu worked, %lu failed", functions[i].function, n_worked[i],
			   n_failed[i]);
		if (n_worked[i] < n / 2000 || n_failed[i] < n / 5000)
			good = false;
	}
	return good;
}

/* A seed in a process of its own: what cannot be closed ends with it. */
static int seed(void *with)
{
	unsigned long n = ((unsigned long *)with)[0];

	state = 0x9e3779b97f4a7c15 * (((unsigned long *)with)[1] + 1);
	open_all();
	for (unsigned i = 0; i < N_COOKIES; i++)
		pool[i] = region_new((8 + draw(8)) * PAGE, RW, once_in(2) ? 0 : MAP_SHARED);
	for (unsigned long step = 0; step < n; step++) {
		one(step);
		if (once_in(3))
			keep(region_new((8 + draw(8)) * PAGE, RW,
					(int)ONE_OF(0, MAP_SHARED, CM_ALIAS)));
	}
	if (n_outside || n_written)
		return 1;
	return is_wide(n) ? 0 : 2;
}

static int unlearned(void *with)
{
	errors_forget("cmunmap", ERANGE);
	return seed(with);
}

/* What is not documented is found. */
static void twin(void)
{
	unsigned long with[2] = {2000, 0};

	claim(child_run(unlearned, with) == 1, "one errno less, and a call is found that has it");
}

int errors_fuzz(unsigned long n_calls_wanted)
{
	for (unsigned long i = 0; i < N_SEEDS; i++) {
		unsigned long with[2] = {n_calls_wanted / N_SEEDS, i};
		int r = child_run(seed, with);

		claim(r >= 0, "seed %lu: no call ends the process", i);
		claim(r != 1, "seed %lu: what fails fails as documented, and writes nothing", i);
		claim(r != 2, "seed %lu: every function works at times, and fails at times", i);
	}
	twin();
	return claims_end();
}
