/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A static program that never says that its start-up is over, and would have a memory object of its
 * own taken for a patch kit:
 *
 *   kit_forge HOW LIBRARY
 *
 *   posing    with the name, the size and the first page of the one that it was given
 *   copy      with all of its bytes, and sealed as it is
 *   swap      under the descriptor of the one that it was given, in the moment between verdict and
 *             call; then it goes on with ordinary calls
 *   silent    … and then it makes none
 *
 * Who wins that moment has won until somebody looks. One that never wins says REFUSED swap.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include "tests/escape/attacks/kit.h"

#define TRY_S    4.0
#define LOUD_S   0.3
#define SILENT_S 1.5 /* the last look comes after a second */

static struct kit_own good;
static int evil, slot;
static atomic_int stop;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of the kit of one object: its table, and its text. */
static size_t kit_bytes(void)
{
	return (size_t)good.offset + good.size;
}

/* As large as the kit, with `n` bytes of it in front; if that is not all, the code stands where the
 * kit's text does. */
static int forge(size_t n)
{
	size_t size = kit_bytes();
	int fd = memfd_create("cookiemap-patch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	unsigned char *bytes = calloc(1, size);

	if (fd < 0 || !bytes || pread(good.fd, bytes, n, 0) != (ssize_t)n)
		attack_broken("memfd");
	if (n < size)
		memcpy(bytes + good.offset, attack_code, sizeof(attack_code));
	if (write(fd, bytes, size) != (ssize_t)size ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
		attack_broken("write");
	return fd;
}

/* Where the kit belongs. */
static void *map_text(int fd)
{
	return mmap(good.at, good.size, ATTACK_RX, MAP_PRIVATE | MAP_FIXED, fd, good.offset);
}

static _Noreturn void pose(int fd)
{
	void *p = map_text(fd);

	if (p == MAP_FAILED)
		attack_refused("mmap");
	kit_run(p, good.size);
}

static void *swap(void *arg)
{
	while (!stop) {
		dup2(good.fd, slot);
		dup2(evil, slot);
	}
	return NULL;
}

/* The code is there, and is run for as long as it is let. */
static _Noreturn void hold(void *code, int silent)
{
	double end = now() + (silent ? SILENT_S : LOUD_S);
	int (*fn)(void) = (int (*)(void))code;

	while (now() < end) {
		if (fn() != 42)
			attack_broken("call");
		if (!silent)
			munmap(mmap(NULL, ATTACK_PAGE, PROT_READ, ATTACK_ANON, -1, 0), ATTACK_PAGE);
	}
	attack_executed();
}

static _Noreturn void race(int silent)
{
	double end = now() + TRY_S;
	pthread_t thread;

	evil = forge(ATTACK_PAGE);
	slot = dup(good.fd);
	if (slot < 0 || pthread_create(&thread, NULL, swap, NULL))
		attack_broken("start");
	while (now() < end) {
		unsigned char *p = map_text(slot);

		if (p == MAP_FAILED)
			continue;
		if (!memcmp(p, attack_code, sizeof(attack_code))) {
			stop = 1;
			hold(p, silent);
		}
	}
	errno = ETIMEDOUT;
	attack_refused("swap");
}

int main(int argc, char **argv)
{
	const char *how = argc == 3 ? argv[1] : "";

	if (argc != 3)
		attack_broken("usage");
	good = kit_get(argv[2]);
	if (attack_is(how, "posing"))
		pose(forge(ATTACK_PAGE));
	if (attack_is(how, "copy"))
		pose(forge(kit_bytes()));
	if (!attack_is(how, "swap") && !attack_is(how, "silent"))
		attack_broken("usage");
	race(attack_is(how, "silent"));
}
