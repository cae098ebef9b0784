/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * daemon FILE: leaves its caller as daemons do (two forks, its own session, no descriptor kept),
 * and when the caller has long gone on asks for writable and executable memory; what came of it
 * is in FILE, which appears complete.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void leave(void)
{
	if (fork() > 0)
		_exit(0);
	setsid();
	if (fork() > 0)
		_exit(0);
	for (int fd = 0; fd < 1024; fd++)
		close(fd);
	open("/dev/null", O_RDWR);
	dup(0);
	dup(0);
}

int main(int argc, char **argv)
{
	char draft[4096];
	void *page;
	FILE *file;

	if (argc != 2)
		return 2;
	puts("leaving");
	fflush(stdout);
	leave();
	sleep(2);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	snprintf(draft, sizeof draft, "%s.draft", argv[1]);
	file = fopen(draft, "w");
	if (!file)
		return 1;
	fprintf(file, "%s\n", page == MAP_FAILED ? strerrorname_np(errno) : "granted");
	fclose(file);
	return rename(draft, argv[1]) ? 1 : 0;
}
