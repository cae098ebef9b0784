/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * execs ROUNDS: five threads of a process execute at once, one of them slowly. One wins; nothing
 * may hang, natively or under whoever looks at images.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_WORDS 8000

static char *words[N_WORDS + 2];
static pthread_barrier_t start;

static void *slowly(void *arg)
{
	char *none[] = {NULL};

	pthread_barrier_wait(&start);
	execve("/bin/true", words, none);
	return arg;
}

static void *quickly(void *arg)
{
	static char name[] = "true";
	char *none[] = {NULL}, *one[] = {name, NULL};

	pthread_barrier_wait(&start);
	usleep(200);
	execve("/bin/true", one, none);
	return arg;
}

static void child(void)
{
	pthread_t t;

	pthread_barrier_init(&start, NULL, 6);
	pthread_create(&t, NULL, slowly, NULL);
	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, quickly, NULL);
	pthread_barrier_wait(&start);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	static char word[200];
	int rounds = argc > 1 ? atoi(argv[1]) : 30, status;

	alarm(60);
	memset(word, 'a', sizeof(word) - 1);
	for (int i = 0; i < N_WORDS; i++)
		words[i] = word;
	for (int i = 0; i < rounds; i++) {
		if (!fork())
			child();
		if (wait(&status) < 0 || status) {
			printf("FAILED round %d status %#x\n", i, status);
			return 1;
		}
	}
	printf("DONE\n");
	return 0;
}
