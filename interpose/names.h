/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Every name the library takes over from libc, in one list. The version script is preprocessed
 * from it, the wrappers carry it, and tests/run/interpose_exports.py holds the built library
 * against it: a name that is missing, or one too many, fails.
 */

#define INTERPOSE_MM_NAMES(X) \
	X(mmap)               \
	X(mmap64)             \
	X(munmap)             \
	X(mprotect)           \
	X(pkey_mprotect)      \
	X(mremap)             \
	X(madvise)            \
	X(posix_madvise)      \
	X(shmat)              \
	X(shmdt)              \
	X(remap_file_pages)   \
	X(mseal)              \
	X(mimmutable)         \
	X(cmsealrange)        \
	X(brk)                \
	X(sbrk)               \
	X(syscall)            \
	X(dlclose)

#define INTERPOSE_EXEC_NAMES(X) \
	X(execve)               \
	X(execveat)             \
	X(execv)                \
	X(execvp)               \
	X(execvpe)              \
	X(execl)                \
	X(execle)               \
	X(execlp)               \
	X(fexecve)              \
	X(posix_spawn)          \
	X(posix_spawnp)

/* What flip needs of signals and of system calls that store: mask.c, io.c. */
#define INTERPOSE_FLIP_NAMES(X)       \
	X(dlopen)                     \
	X(dlmopen)                    \
	X(sigaction)                  \
	X(signal)                     \
	X(sigprocmask)                \
	X(pthread_sigmask)            \
	X(sigsuspend)                 \
	X(__ppoll_chk)                \
	X(ppoll)                      \
	X(pselect)                    \
	X(epoll_pwait)                \
	X(epoll_pwait2)               \
	X(pthread_attr_setsigmask_np) \
	X(read)                       \
	X(pread)                      \
	X(pread64)                    \
	X(readv)                      \
	X(preadv)                     \
	X(preadv64)                   \
	X(recv)                       \
	X(recvfrom)                   \
	X(recvmsg)                    \
	X(preadv2)                    \
	X(preadv64v2)                 \
	X(getcwd)                     \
	X(recvmmsg)                   \
	X(fread)                      \
	X(fread_unlocked)             \
	X(__fread_chk)                \
	X(__fread_unlocked_chk)       \
	X(__getcwd_chk)               \
	X(waitpid)                    \
	X(getrandom)                  \
	X(__read_chk)                 \
	X(__pread_chk)                \
	X(__pread64_chk)              \
	X(__recv_chk)                 \
	X(__recvfrom_chk)             \
	INTERPOSE_STORE_NAMES(X)

#define INTERPOSE_STORE_NAMES(X) \
	X(getentropy)            \
	X(readlink)              \
	X(__readlink_chk)        \
	X(__readlinkat_chk)      \
	X(__poll_chk)            \
	X(readlinkat)            \
	X(stat)                  \
	X(stat64)                \
	X(lstat)                 \
	X(lstat64)               \
	X(fstat)                 \
	X(fstat64)               \
	X(fstatat)               \
	X(fstatat64)             \
	X(statx)                 \
	X(pipe)                  \
	X(pipe2)                 \
	X(poll)                  \
	X(epoll_wait)            \
	X(getsockopt)            \
	X(clock_getres)          \
	X(ioctl)

/*
 * Those that go on to the definition that would have been found without the library, in three
 * groups: the mmap family, what else is a bare system call in libc, and what is more than that.
 */
#define INTERPOSE_NEXT_NAMES(X) \
	X(mmap)                 \
	X(munmap)               \
	X(mprotect)             \
	X(pkey_mprotect)        \
	X(mremap)               \
	X(madvise)              \
	X(shmat)                \
	X(shmdt)                \
	X(remap_file_pages)     \
	X(execve)               \
	X(execveat)             \
	X(execvpe)              \
	X(fexecve)              \
	X(posix_spawn)          \
	X(posix_spawnp)         \
	X(brk)                  \
	X(sbrk)                 \
	X(dlclose)              \
	X(__register_atfork)    \
	X(pthread_atfork)       \
	INTERPOSE_FLIP_NAMES(X)

/* The C interface is in cookie/names.h; and by this libcookiemap finds it. */
#define INTERPOSE_SERVE_NAMES(X) X(__cm_server)

#define INTERPOSE_NAMES(X)    \
	INTERPOSE_MM_NAMES(X) \
	INTERPOSE_EXEC_NAMES(X) INTERPOSE_FLIP_NAMES(X) INTERPOSE_SERVE_NAMES(X)
