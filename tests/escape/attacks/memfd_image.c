/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Executes an image that lies in a memfd (or in a file written just now): code of the attacker's
 * choice in executable memory, without any mm call.
 *
 *   memfd_image HOW PROGRAM    HOW: fexecve execveat path script file
 *   memfd_image interp PROGRAM OTHER    OTHER's ELF interpreter is descriptor 9
 *
 * The image is a copy of PROGRAM, which says EXECUTED.
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

static int copy(const char *from, int to)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || to < 0 || fstat(fd, &st))
		attack_broken("open");
	for (off_t at = 0; at < st.st_size;) {
		if (sendfile(to, fd, &at, (size_t)(st.st_size - at)) <= 0)
			attack_broken("copy");
	}
	return to;
}

static void exec_script(const char *interpreter)
{
	int fd = open("./script", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0700);

	if (fd < 0 || dprintf(fd, "#!%s\n", interpreter) < 0)
		attack_broken("script");
	close(fd);
	execl("./script", "./script", NULL);
}

/* A file must not be open for writing when it is executed. */
static void exec_file(const char *program)
{
	close(copy(program, open("./image", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0700)));
	execl("./image", "./image", NULL);
}

int main(int argc, char **argv)
{
	char path[64];
	char *args[] = {argv[0], NULL};
	int fd;

	if (argc < 3)
		attack_broken("usage");
	if (attack_is(argv[1], "file"))
		exec_file(argv[2]);
	fd = copy(argv[2], memfd_create("image", 0));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (argc == 4 && dup2(fd, 9) == 9)
		execv(argv[3], args);
	else if (attack_is(argv[1], "fexecve"))
		fexecve(fd, args, environ);
	else if (attack_is(argv[1], "execveat"))
		syscall(SYS_execveat, fd, "", args, environ, AT_EMPTY_PATH);
	else if (attack_is(argv[1], "path"))
		execv(path, args);
	else if (attack_is(argv[1], "script"))
		exec_script(path);
	attack_refused("execve");
}
