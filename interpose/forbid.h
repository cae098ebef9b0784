/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What may not be named in code that runs inside an unmodified program. The last include of every
 * file here, so that headers may still declare these names.
 *
 * A wrapper may be entered with malloc half-way through its heap, under ld.so's lock, in a signal
 * handler, in a vfork child or on a thread whose TLS does not exist yet: whatever allocates,
 * locks, buffers, or is bound lazily would deadlock or corrupt the program now and then.
 */

#pragma GCC poison malloc calloc realloc reallocarray free aligned_alloc posix_memalign strdup
#pragma GCC poison printf fprintf dprintf sprintf snprintf vsnprintf puts fputs fopen fclose fwrite
#pragma GCC poison perror strerror abort exit _exit atexit assert
#pragma GCC poison getenv secure_getenv setenv unsetenv putenv
#pragma GCC poison dlsym dlvsym dladdr dl_iterate_phdr
#pragma GCC poison pthread_mutex_lock pthread_mutex_unlock pthread_once pthread_atfork
#pragma GCC poison pthread_getspecific pthread_self _Thread_local __thread thread_local
#pragma GCC poison open openat close write fstat lseek sysconf getpagesize getauxval
#pragma GCC poison strlen strcmp strncmp strchr strrchr strstr strcpy strcat strncpy
