/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Prints what a program inherits and can see of itself, so that two runs can be compared: open
 * descriptors, children, signals, limits, terminal, session, working folder, arguments. The
 * environment is left out: LD_PRELOAD is in it, on purpose.
 */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir))
			printf("descriptor %s\n", entry->d_name);
	if (dir)
		closedir(dir);
}

static void print_status(void)
{
	static const char *const wanted[] = {"SigPnd", "ShdPnd",  "SigBlk",    "SigIgn",
					     "SigCgt", "Threads", "TracerPid", "CapEff",
					     "Uid",    "Gid",     "Groups",    "CoreDumping"};
	char line[512];
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof line, file))
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
			if (!strncmp(line, wanted[i], strlen(wanted[i])))
				fputs(line, stdout);
	if (file)
		fclose(file);
}

static void print_limits(void)
{
	struct rlimit limit;

	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (!getrlimit(i, &limit))
			printf("limit %d %llu %llu\n", i, (unsigned long long)limit.rlim_cur,
			       (unsigned long long)limit.rlim_max);
	printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
}

int main(int argc, char **argv)
{
	int death = -1;
	mode_t mask = umask(0);
	char folder[4096];

	if (wait(NULL) >= 0)
		puts("wait found a child");
	else
		printf("wait %s\n", strerror(errno));
	print_descriptors();
	print_status();
	print_limits();
	prctl(PR_GET_PDEATHSIG, &death);
	printf("umask %o pdeathsig %d dumpable %d timerslack %d\n", mask, death,
	       prctl(PR_GET_DUMPABLE), prctl(PR_GET_TIMERSLACK));
	printf("leads its group %d, its session %d; terminal %d\n", getpgrp() == getpid(),
	       getsid(0) == getpid(), isatty(0));
	printf("folder %s\n", getcwd(folder, sizeof folder) ? folder : "?");
	for (int i = 0; i < argc; i++)
		printf("argument %d %s\n", i, argv[i]);
	return 0;
}
