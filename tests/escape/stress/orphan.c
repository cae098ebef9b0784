/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a program can still do when its supervisor has been killed. It says "ready", reads a line,
 * and then prints what each call came to. A thread that is in the middle of raw calls all the
 * while must come to an end by itself.
 */

#include "tests/escape/stress/check.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/sys.h"

#define LEN 4096ul

static const char *word(long r)
{
	return sys_is_error(r) ? strerrorname_np((int)-r) : "OK";
}

static void *call_until_failure(void *arg)
{
	long p;

	do {
		p = sys_mmap(0, LEN, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (!sys_is_error(p))
			p = sys_munmap((uint64_t)p, LEN);
	} while (!sys_is_error(p));
	return (void *)p;
}

/* Whether another program can be started; it must not be one that runs without a policy. */
static const char *exec_word(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(errno == ENOSYS ? 99 : 98);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status))
		return "killed";
	return WEXITSTATUS(status) == 99 ? "ENOSYS" : WEXITSTATUS(status) ? "failed" : "OK";
}

int main(void)
{
	pthread_t thread;
	void *rw, *last;
	char line[8];
	long r;

	setvbuf(stdout, NULL, _IONBF, 0);
	rw = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(rw != MAP_FAILED);
	CHECK(!(errno = pthread_create(&thread, NULL, call_until_failure, NULL)));
	printf("ready\n");
	CHECK(read(STDIN_FILENO, line, sizeof(line)) > 0);
	pthread_join(thread, &last);
	printf("thread %s\n", word((long)last));
	printf("raw mmap %s\n",
	       word(sys_mmap(0, LEN, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
	printf("raw munmap %s\n", word(sys_munmap((uint64_t)rw, LEN)));
	r = mprotect(rw, LEN, PROT_READ | PROT_EXEC);
	printf("mprotect rx %s\n", r ? strerrorname_np(errno) : "OK");
	r = mmap(NULL, LEN, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0) == MAP_FAILED;
	printf("mmap rwx %s\n", r ? strerrorname_np(errno) : "OK");
	printf("exec %s\n", exec_word());
	return 0;
}
