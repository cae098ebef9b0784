/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Raw calls, each of which is a notification, by processes and threads that come and go:
 *
 *   notifications COUNT
 *
 * It says "warm" after a tenth of them and waits for a line, and "done" at the end and waits again,
 * so that the supervisor can be looked at.
 */

#include "tests/escape/stress/check.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/sys.h"

#define PER_PROCESS 500

static void *call(void *arg)
{
	for (int i = 0; i < PER_PROCESS / 4; i++) {
		long p = sys_mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		CHECK(!sys_is_error(p));
		CHECK(!sys_munmap((uint64_t)p, 4096));
	}
	return NULL;
}

/* Half of them by a second thread. */
static void one_process(void)
{
	pthread_t thread;
	int status;
	pid_t pid = fork();

	if (!pid) {
		CHECK(!(errno = pthread_create(&thread, NULL, call, NULL)));
		call(NULL);
		CHECK(!(errno = pthread_join(thread, NULL)));
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void say_and_wait(const char *word)
{
	char line[8];

	puts(word);
	CHECK(read(STDIN_FILENO, line, sizeof(line)) > 0);
}

int main(int argc, char **argv)
{
	int n = argc == 2 ? atoi(argv[1]) : 200000;

	setvbuf(stdout, NULL, _IONBF, 0);
	for (int i = 0; i < n; i += PER_PROCESS) {
		if (i < n / 10 && i + PER_PROCESS >= n / 10)
			say_and_wait("warm");
		one_process();
	}
	say_and_wait("done");
	return 0;
}
