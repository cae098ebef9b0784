/* SPDX-License-Identifier: BSD-2-Clause */

/* 500 processes that start at once: all wait for one pipe to close, then execute /bin/true. */

#include "tests/escape/stress/check.h"
#include <sys/wait.h>
#include <unistd.h>

#define N 500

int main(void)
{
	int go[2], status, failed = 0;
	char c;

	CHECK(pipe(go) == 0);
	for (int i = 0; i < N; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid)
			continue;
		close(go[1]);
		if (read(go[0], &c, 1) != 0)
			_exit(2);
		execl("/bin/true", "true", NULL);
		_exit(3);
	}
	close(go[1]);
	for (int i = 0; i < N; i++) {
		CHECK(wait(&status) > 0);
		failed += status != 0;
	}
	CHECK(failed == 0);
	puts("DONE");
	return 0;
}
