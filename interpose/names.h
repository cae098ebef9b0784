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
	X(dlclose)

#define INTERPOSE_NAMES(X) INTERPOSE_MM_NAMES(X) INTERPOSE_EXEC_NAMES(X)
