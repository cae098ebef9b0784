/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * For qemu-user: threads, code that is generated and rewritten, a fault that is handled, a child.
 * Linked statically, so that it brings no libraries of another tree.
 */

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;

static void fault(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

/* mov $n, %eax; ret, written and called once for every number. */
static void *generate(void *arg)
{
	unsigned char code[6] = {0xb8, 0, 0, 0, 0, 0xc3};
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long told = 0;

	if (page == MAP_FAILED)
		return NULL;
	for (int i = 0; i < 500; i++) {
		memcpy(code + 1, &i, 4);
		memcpy(page, code, 6);
		told += ((int (*)(void))page)();
	}
	munmap(page, 4096);
	return (char *)arg + told;
}

static int handled(void)
{
	volatile int count = 0;

	signal(SIGSEGV, fault);
	for (int i = 0; i < 50; i++) {
		if (sigsetjmp(back, 1))
			count++;
		else
			*(volatile int *)0 = 1;
	}
	return count;
}

int main(void)
{
	pthread_t threads[4];
	void *told;
	long sum = 0;
	int status;

	for (long i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, generate, (void *)i);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &told);
		sum += (long)told;
	}
	printf("%ld %d\n", sum, handled());
	fflush(stdout);
	if (fork() == 0)
		_exit((int)((long)generate(NULL) % 97));
	wait(&status);
	printf("%d\n", WEXITSTATUS(status));
	return 4;
}
