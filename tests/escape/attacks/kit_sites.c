/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A static program that asks for a patch kit of what is none of libc's text, or for none of the
 * library's stubs:
 *
 *   kit_sites HOW LIBRARY
 *
 *   nonsense    addresses of nothing, of itself, in the middle of libc; stubs that are none; then
 * RWX late        once start-up is over; then RWX twice       others while it has one; then RWX
 *   own_file    of a "libc.so" of its own, mapped to be read only
 *   own_memfd   … that is a memory object
 *   own_shared  … mapped executable, but shared
 *   own_code    … mapped as it should be, where that is allowed
 *   turned      of libc, when its text is not mapped from where the file has it
 *   gadget      with stubs at such a distance that the jump's bytes are code, and runs that
 *
 * A descriptor for one of the first three would be BROKEN given.
 */

#include "tests/escape/attacks/kit.h"

/* What is mapped before anything is asked. */
static uintptr_t stubs, good, readable, writable, anonymous;

static uintptr_t libc(int prot)
{
	return kit_load(open(KIT_LIBC, O_RDONLY | O_CLOEXEC), prot);
}

/* No kit must be given; EINVAL is what everybody is told where there is no supervisor. */
static void expect(int error, uintptr_t base, uintptr_t other, uintptr_t to)
{
	long r = control(CONTROL_SITES, base, other, to, 0, 0);

	errno = (int)-r;
	if (r != -error && r != -EINVAL)
		attack_broken("given");
}

static _Noreturn void map_rwx(void)
{
	void *p = mmap(NULL, ATTACK_PAGE, ATTACK_RWX, ATTACK_ANON, -1, 0);

	if (p == MAP_FAILED)
		attack_refused("mmap");
	attack_plant(p);
	attack_run(p);
}

static void ask_nonsense(int error)
{
	uintptr_t own = 0x400000, at = good;
	uintptr_t bad[] = {0,
			   1,
			   ATTACK_PAGE,
			   own,
			   own + 4096,
			   at + 1,
			   at + ATTACK_PAGE,
			   at + 0x100000,
			   1ul << 47,
			   ~0ul,
			   ~ATTACK_PAGE + 1,
			   (uintptr_t)&errno,
			   1ul << 63,
			   0x7ffffffff000,
			   0xffffffffff600000,
			   at - ATTACK_PAGE};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		expect(error, bad[i], 0, stubs);
		expect(error, bad[i], bad[i], stubs);
		expect(error, at, 0, bad[i]);
	}
	expect(error, at, 0, anonymous);
	expect(error, at, 0, at + (1ul << 32));
	expect(error, readable, 0, stubs);
	expect(error, writable, 0, stubs);
}

/* For those who ask properly there is one; a fork does, since none is given twice. */
static void ask_properly(void)
{
	pid_t pid = fork();
	int status, fd;

	if (!pid) {
		fd = kit_ask(good, stubs);
		_exit(fd < 0 && errno != EINVAL ? errno : 0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		attack_broken("fork");
	errno = WEXITSTATUS(status);
	if (errno)
		attack_refused("sites");
}

static _Noreturn void ask_late(void)
{
	ask_properly();
	control(CONTROL_SEALED, 0, 0, 0, 0, 0);
	expect(EPERM, good, 0, stubs);
	control(CONTROL_HELLO, CONTROL_VERSION, 0, 0, 0, 0);
	expect(EPERM, good, 0, stubs);
	ask_nonsense(EPERM);
	map_rwx();
}

static _Noreturn void ask_twice(void)
{
	kit_of(good, stubs);
	expect(EPERM, good, 0, stubs);
	expect(EPERM, good, 0, stubs + 64);
	expect(EPERM, libc(ATTACK_RX), 0, stubs);
	ask_nonsense(EPERM);
	map_rwx();
}

static void copy_libc(int to)
{
	static char bytes[1 << 16];
	int from = open(KIT_LIBC, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, (size_t)n) != n)
			attack_broken("copy");
	close(from);
}

/* Puts code of its own in front of the first call to mmap(2). */
static void plant_in(int fd)
{
	static const unsigned char site[] = {0xb8, SYS_mmap, 0, 0, 0, 0x0f, 0x05};
	off_t size = lseek(fd, 0, SEEK_END);
	unsigned char *p = mmap(NULL, (size_t)size, ATTACK_RW, MAP_SHARED, fd, 0), *at;

	at = p == MAP_FAILED ? NULL : memmem(p, (size_t)size, site, sizeof(site));
	if (!at)
		attack_broken("site");
	memcpy(at - 32, attack_code, sizeof(attack_code));
	munmap(p, (size_t)size);
}

static int own_libc(const char *how)
{
	int memory = attack_is(how, "own_memfd");
	int fd = memory ? memfd_create("/libc.so.6", MFD_CLOEXEC)
			: open("./libc.so.6", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0700);

	if (fd < 0)
		attack_broken("open");
	copy_libc(fd);
	return fd;
}

static uintptr_t load_shared(int fd)
{
	uintptr_t base = kit_load(fd, PROT_READ);
	char *text = mmap((void *)(base + ATTACK_PAGE), KIT_ROOM - ATTACK_PAGE, ATTACK_RX,
			  MAP_SHARED | MAP_FIXED, fd, ATTACK_PAGE);

	if (text == MAP_FAILED)
		attack_refused("load");
	return base;
}

/* Runs what was planted, from the kit's pages. */
static _Noreturn void run_kit(const struct kit_own *k)
{
	char *p = mmap(k->at, k->size, ATTACK_RX, MAP_PRIVATE | MAP_FIXED, k->fd, k->offset), *at;

	if (p == MAP_FAILED)
		attack_refused("mmap");
	at = memmem(p, k->size, attack_code, sizeof(attack_code));
	if (!at)
		attack_broken("code");
	attack_run(at);
}

static _Noreturn void ask_for_own(const char *how)
{
	int fd = own_libc(how);
	struct kit_own k;

	plant_in(fd);
	k = kit_of(attack_is(how, "own_shared")
			   ? load_shared(fd)
			   : kit_load(fd, attack_is(how, "own_code") ? ATTACK_RX : PROT_READ),
		   stubs);
	run_kit(&k);
}

/* libc's text, a page further on than the file has it. */
static _Noreturn void ask_turned(void)
{
	int fd = open(KIT_LIBC, O_RDONLY | O_CLOEXEC);
	uintptr_t base = kit_load(fd, PROT_READ);
	struct kit_own k;

	if (mmap((void *)(base + 2 * ATTACK_PAGE), KIT_ROOM - 2 * ATTACK_PAGE, ATTACK_RX,
		 MAP_PRIVATE | MAP_FIXED, fd, ATTACK_PAGE) == MAP_FAILED)
		attack_refused("load");
	k = kit_of(base, stubs);
	kit_run(mmap(k.at, k.size, ATTACK_RX, MAP_PRIVATE | MAP_FIXED, k.fd, k.offset), k.size);
}

/* Where the first jump starts, as a fork is told that asks for a kit. */
static uintptr_t first_jump(uintptr_t base)
{
	uintptr_t *told = mmap(NULL, ATTACK_PAGE, ATTACK_RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int fd;

	if (!pid) {
		fd = kit_ask(base, stubs);
		if (fd >= 0)
			*told = ((struct kit *)mmap(NULL, ATTACK_PAGE, PROT_READ, MAP_PRIVATE, fd,
						    0))
					->site[0]
					.back -
				KIT_SITE_BYTES;
		_exit(fd < 0 ? errno : 0);
	}
	if (waitpid(pid, &fd, 0) != pid || !WIFEXITED(fd))
		attack_broken("fork");
	errno = WEXITSTATUS(fd);
	if (errno && errno != EINVAL)
		attack_refused("sites");
	return *told;
}

/* The library once more, as near to an address as pages allow. */
static void put_library(const char *library, uintptr_t want)
{
	void *page = (void *)(want & -ATTACK_PAGE);

	if (mmap(page, 2 * ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE | MAP_FIXED_NOREPLACE,
		 open(library, O_RDONLY | O_CLOEXEC), KIT_STUBS_AT) != page)
		attack_broken("library");
}

static _Noreturn void ask_for_gadget(const char *library)
{
	static const unsigned char code[] = {0xb0, 42, 0xc3, 0x10}; /* mov $42,%al; ret */
	uintptr_t base = good, mov = first_jump(base), want;
	unsigned distance;
	struct kit_own k;
	char *p, *at;

	if (!mov) /* there is nobody to ask */
		map_rwx();
	memcpy(&distance, code, sizeof(distance));
	want = base + mov + KIT_JUMP_BYTES + distance - KIT_STUB_AT;
	put_library(library, want);
	k = kit_of(base, want);
	p = mmap(k.at, k.size, ATTACK_RX, MAP_PRIVATE | MAP_FIXED, k.fd, k.offset);
	if (p == MAP_FAILED)
		attack_refused("mmap");
	at = memmem(p, k.size, code, sizeof(code));
	if (!at || (((int (*)(void))at)() & 0xff) != 42)
		attack_broken("code");
	attack_executed();
}

int main(int argc, char **argv)
{
	const char *how = argc == 3 ? argv[1] : "";

	if (argc != 3)
		attack_broken("usage");
	stubs = kit_stubs(argv[2]);
	good = libc(ATTACK_RX);
	readable = libc(PROT_READ);
	writable = libc(ATTACK_RW);
	anonymous = (uintptr_t)attack_page(PROT_READ, ATTACK_ANON);
	if (attack_is(how, "late"))
		ask_late();
	if (attack_is(how, "twice"))
		ask_twice();
	if (attack_is(how, "gadget"))
		ask_for_gadget(argv[2]);
	if (attack_is(how, "turned"))
		ask_turned();
	if (!strncmp(how, "own_", 4))
		ask_for_own(how);
	if (!attack_is(how, "nonsense"))
		attack_broken("usage");
	ask_properly();
	ask_nonsense(ENOENT);
	map_rwx();
}
