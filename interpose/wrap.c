/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/wrap.h"

#include <stdarg.h>
#include "interpose/chain.h"
#include "interpose/exec.h"
#include "interpose/late.h"
#include "interpose/mask.h"
#include "interpose/mm.h"
#include "interpose/forbid.h"

/*
 * The names of the mmap family as libc exports them: same arguments, same results, same errno.
 * Each checks what libc checks before the kernel is asked, makes one call, and converts the error
 * once. On success errno is left alone.
 *
 * Whoever calls these is known by the return address, so it is taken here and nowhere deeper.
 *
 * Context: whatever the program calls them from.
 * Source: behaviour of glibc 2.36, read and tried; tests/run/interpose.py compares.
 */

#define RTLD_DEEPBIND 8 /* dlfcn.h */

#define CALLER __builtin_return_address(0)

EXPORT void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return (void *)wrap_result(
		mm_call6(CALLER, false, SYS_mmap, (long)addr, (long)len, prot, flags, fd, off));
}

EXPORT void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t off)
	__attribute__((alias("mmap")));

EXPORT int munmap(void *addr, size_t len)
{
	return (int)wrap_result(
		mm_call6(CALLER, false, SYS_munmap, (long)addr, (long)len, 0, 0, 0, 0));
}

EXPORT int mprotect(void *addr, size_t len, int prot)
{
	return (int)wrap_result(
		mm_call6(CALLER, false, SYS_mprotect, (long)addr, (long)len, prot, 0, 0, 0));
}

/* Key -1 is libc's word for mprotect, and works where the processor has no keys. */
EXPORT int pkey_mprotect(void *addr, size_t len, int prot, int pkey)
{
	if (pkey == -1)
		return (int)wrap_result(mm_call6(CALLER, false, SYS_mprotect, (long)addr, (long)len,
						 prot, 0, 0, 0));
	return (int)wrap_result(mm_call6(CALLER, false, SYS_pkey_mprotect, (long)addr, (long)len,
					 prot, pkey, 0, 0));
}

EXPORT void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
	void *new_addr = NULL;
	va_list args;

	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
		va_start(args, flags);
		new_addr = va_arg(args, void *);
		va_end(args);
	}
	return (void *)wrap_result(mm_call6(CALLER, false, SYS_mremap, (long)addr, (long)old_len,
					    (long)new_len, flags, (long)new_addr, 0));
}

EXPORT int madvise(void *addr, size_t len, int advice)
{
	return (int)wrap_result(
		mm_call6(CALLER, false, SYS_madvise, (long)addr, (long)len, advice, 0, 0, 0));
}

/* Returns the error instead of setting errno. POSIX's DONTNEED may not lose data, as Linux's does:
 * libc makes nothing of it. */
EXPORT int posix_madvise(void *addr, size_t len, int advice)
{
	if (advice == POSIX_MADV_DONTNEED)
		return 0;
	return (int)-mm_call6(CALLER, false, SYS_madvise, (long)addr, (long)len, advice, 0, 0, 0);
}

EXPORT void *shmat(int id, const void *addr, int flags)
{
	return (void *)wrap_result(
		mm_call6(CALLER, false, SYS_shmat, id, (long)addr, flags, 0, 0, 0));
}

EXPORT int shmdt(const void *addr)
{
	return (int)wrap_result(mm_call6(CALLER, false, SYS_shmdt, (long)addr, 0, 0, 0, 0, 0));
}

EXPORT int remap_file_pages(void *addr, size_t len, int prot, size_t page, int flags)
{
	return (int)wrap_result(mm_call6(CALLER, false, SYS_remap_file_pages, (long)addr, (long)len,
					 prot, (long)page, flags, 0));
}

/*
 * syscall(3) for the numbers that are wrapped; entered by a jump from the assembly, so that
 * arguments and return address are those of syscall() itself.
 */
long syscall_wrapped(long nr, long a, long b, long c, long d, long e, long f)
{
	switch ((int)nr) {
	case SYS_execve:
		return exec_execve((const char *)a, (char *const *)b, (char *const *)c);
	case SYS_execveat:
		return exec_execveat((int)a, (const char *)b, (char *const *)c, (char *const *)d,
				     (int)e);
	case SYS_rt_sigaction:
		return wrap_result(
			mask_rt_sigaction((int)a, (const void *)b, (void *)c, (size_t)d));
	case SYS_rt_sigprocmask:
		return wrap_result(
			mask_rt_sigprocmask((int)a, (const void *)b, (void *)c, (size_t)d));
	case SYS_mseal:
		return wrap_result(mseal_call(CALLER, true, (uint64_t)a, (uint64_t)b, (uint64_t)c));
	default:
		return wrap_result(mm_call6(CALLER, true, (int)nr, a, b, c, d, e, f));
	}
}

/*
 * What is loaded with RTLD_DEEPBIND, or into a namespace of its own, is bound to libc past the
 * wrappers; what it asks of flip comes back by the signal, so the handler has to stand.
 */
static void before_unseen(void)
{
	const struct policy *p = &state()->policy;

	if (state()->gate &&
	    (policy_value(p, KEY_WX_JIT) || policy_value(p, KEY_WX_MAP) == V_FLIP ||
	     policy_value(p, KEY_WX_TRANSITION) == V_FLIP))
		chain_start();
}

/* Called by dlopen() in assembly. Return: where it goes on. */
void *dlopen_enter(int flags)
{
	late_note(flags);
	if (flags & RTLD_DEEPBIND)
		before_unseen();
	return state()->next[NEXT_dlopen];
}

/* The same by dlmopen(). */
void *dlmopen_enter(int flags)
{
	late_note(flags);
	before_unseen();
	return state()->next[NEXT_dlmopen];
}

/* What was loaded at run time may be gone afterwards, and its place taken. */
EXPORT int dlclose(void *handle)
{
	int (*next)(void *) = (int (*)(void *))state()->next[NEXT_dlclose];
	int r = next ? next(handle) : -1;

	module_flush();
	return r;
}
