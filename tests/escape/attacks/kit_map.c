/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Maps a patch kit executable, other than the library does it. With the program's own kit, which it
 * has as libc's text:
 *
 *   kit_map reopened     by /proc/self/map_files
 *
 * and, as a static program that asks for one itself and tells the supervisor whatever it likes:
 *
 *   kit_map HOW LIBRARY
 *
 *   in_place     where it belongs, as the library does, and goes on: what the others are compared
 *                with
 *   elsewhere    somewhere else, while start-up goes on, and goes on
 *   shared wx    where it belongs, but shared; but writable
 *   kept         when start-up is over, by the descriptor
 *   kept_path    … by the descriptor, opened again
 *   kept_child   … in a fork
 *   protected    mapped to be read, and when start-up is over given execution
 *   write grow   what would change it
 */

#include "tests/escape/attacks/kit.h"

#define LIFE_MS 300 /* the supervisor's first looks come after 1, 10 and 100 */

static char *must_map(char *at, const struct kit_own *k, int prot, int flags)
{
	char *p = mmap(at, k->size, prot, flags | (at ? MAP_FIXED : 0), k->fd, k->offset);

	if (p == MAP_FAILED)
		attack_refused("mmap");
	return p;
}

static void seal(void)
{
	control(CONTROL_SEALED, 0, 0, 0, 0, 0);
}

static void reopen(struct kit_own *k, const char *path)
{
	k->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (k->fd < 0)
		attack_refused("open");
}

static _Noreturn void map_reopened(void)
{
	struct kit_pages pages = kit_find();
	struct kit_own k = {-1, NULL, ATTACK_PAGE, ATTACK_PAGE};
	char path[96];

	if (!pages.size) {
		k = kit_substitute();
		snprintf(path, sizeof(path), "/proc/self/fd/%d", k.fd);
	} else {
		snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", pages.start,
			 pages.start + pages.size);
	}
	reopen(&k, path);
	kit_run(must_map(NULL, &k, ATTACK_RX, MAP_PRIVATE), k.size);
}

static _Noreturn void map_kept(const char *how, struct kit_own *k)
{
	char path[64];
	pid_t pid;

	seal();
	if (attack_is(how, "kept_child")) {
		pid = fork();
		if (pid)
			attack_end_as(pid);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", k->fd);
	if (attack_is(how, "kept_path"))
		reopen(k, path);
	kit_run(must_map(k->at, k, ATTACK_RX, MAP_PRIVATE), k->size);
}

static _Noreturn void protect(struct kit_own *k)
{
	char *p = must_map(NULL, k, PROT_READ, MAP_PRIVATE);

	seal();
	if (mprotect(p, k->size, ATTACK_RX))
		attack_refused("mprotect");
	kit_run(p, k->size);
}

/* Goes on with ordinary calls for as long as somebody may look. */
static _Noreturn void map_and_live(char *at, struct kit_own *k)
{
	char *p = must_map(at, k, ATTACK_RX, MAP_PRIVATE);

	for (int i = 0; i < LIFE_MS; i++) {
		munmap(attack_page(PROT_READ, ATTACK_ANON), ATTACK_PAGE);
		usleep(1000);
	}
	kit_run(p, k->size);
}

static _Noreturn void change(const char *how, struct kit_own *k)
{
	if (attack_is(how, "write") &&
	    pwrite(k->fd, attack_code, sizeof(attack_code), k->offset) < 0)
		attack_refused(how);
	if (attack_is(how, "grow") && ftruncate(k->fd, 1 << 20))
		attack_refused(how);
	attack_executed();
}

int main(int argc, char **argv)
{
	const char *how = argc >= 2 ? argv[1] : "";
	struct kit_own k;

	if (attack_is(how, "reopened"))
		map_reopened();
	if (argc != 3)
		attack_broken("usage");
	k = kit_get(argv[2]);
	if (!strncmp(how, "kept", 4))
		map_kept(how, &k);
	if (attack_is(how, "protected"))
		protect(&k);
	if (attack_is(how, "elsewhere"))
		map_and_live(NULL, &k);
	if (attack_is(how, "in_place"))
		map_and_live(k.at, &k);
	if (attack_is(how, "shared"))
		kit_run(must_map(k.at, &k, ATTACK_RX, MAP_SHARED), k.size);
	if (attack_is(how, "wx"))
		kit_run(must_map(k.at, &k, ATTACK_RWX, MAP_PRIVATE), k.size);
	if (!attack_is(how, "write") && !attack_is(how, "grow"))
		attack_broken("usage");
	change(how, &k);
}
