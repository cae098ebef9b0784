/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * exec_several MICROSECONDS IMAGE: one thread executes an image, slowly, for it has much to copy;
 * meanwhile another's execve fails and it makes further calls. Who takes the one for the other
 * verifies the image too early, or never.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define N_WORDS 8000

static char *words[N_WORDS + 2];

static void *execute(void *image)
{
	static char word[200], loud[] = "loud";
	char *none[] = {NULL};

	memset(word, 'a', sizeof(word) - 1);
	words[0] = image;
	words[1] = loud;
	for (int i = 2; i < N_WORDS; i++)
		words[i] = word;
	execve(image, words, none);
	return NULL;
}

int main(int argc, char **argv)
{
	char *none[] = {NULL};
	pthread_t thread;

	if (argc != 3)
		return 2;
	pthread_create(&thread, NULL, execute, argv[2]);
	usleep((useconds_t)atoi(argv[1]));
	execve("/nonexistent", none, none);
	for (int i = 0; i < 3; i++)
		syscall(SYS_munmap, 0x10000, 4096);
	pthread_join(thread, NULL);
	printf("REFUSED execve\n");
	return 1;
}
