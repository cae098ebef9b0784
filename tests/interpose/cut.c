/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the library must not be: wrappers that cut out whoever else wraps the names. */
void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, off);
}

int munmap(void *addr, size_t len)
{
	return (int)syscall(SYS_munmap, addr, len);
}
