/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Forks 400 times (and vforks and execs 100 times) while four threads map and unmap without pause,
 * half through libc and half raw. A child maps at once: whatever lock another thread held at the
 * moment of the fork must be free in it. It uses no malloc, which has locks of its own.
 */

#include "tests/escape/stress/check.h"
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/sys.h"

#define LEN 65536ul

static atomic_int stop;

static int map_once(int raw)
{
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	p[0] = p[LEN - 1] = 1;
	if (mprotect(p, 4096, PROT_READ))
		return -1;
	if (p[0] != 1 || p[LEN - 1] != 1)
		return -1;
	return raw ? (int)sys_munmap((uint64_t)p, LEN) : munmap(p, LEN);
}

static void *work(void *arg)
{
	while (!stop)
		CHECK(map_once(arg != NULL) == 0);
	return NULL;
}

static void end(pid_t pid)
{
	int status;

	CHECK(pid > 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(status == 0);
}

static void fork_once(void)
{
	pid_t pid = fork();

	if (!pid) {
		for (int i = 0; i < 5; i++) {
			if (map_once(i & 1))
				_exit(3);
		}
		_exit(0);
	}
	end(pid);
}

static void spawn_once(void)
{
	char name[] = "true", *args[] = {name, NULL};
	pid_t pid;

	CHECK(!(errno = posix_spawn(&pid, "/bin/true", NULL, NULL, args, environ)));
	end(pid);
}

int main(void)
{
	pthread_t threads[4];

	for (long i = 0; i < 4; i++)
		CHECK(!(errno = pthread_create(&threads[i], NULL, work, (void *)(i & 1))));
	for (int i = 0; i < 400; i++)
		fork_once();
	for (int i = 0; i < 100; i++)
		spawn_once();
	stop = 1;
	for (int i = 0; i < 4; i++)
		CHECK(!(errno = pthread_join(threads[i], NULL)));
	puts("DONE");
	return 0;
}
