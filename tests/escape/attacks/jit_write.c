/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A small JIT with a bug: whoever it compiles code for can make it write anywhere. What is written
 * is code, over other compiled code that has run, which is then called. Written by
 *
 *   code          compiled code
 *   code_string   the same, by a string instruction
 *   code_memcpy   libc's memcpy, which compiled code calls
 *   code_across   compiled code, by one store that begins in a page that has not run
 *   code_itself   compiled code, over itself
 *   code_thread   compiled code, in another thread
 *   code_child    compiled code, in a child of fork
 *   module        another module
 *   module_memcpy libc's memcpy, which another module calls
 *   module_jump   the same, but the other module jumps to it, and it returns to the JIT
 *   module_mremap_same, module_mremap_flags, module_mremap_away, module_mprotect
 *                 another module, after a call about the page: see there
 *   code_pread    the kernel, by a pread that compiled code calls
 *   module_pread  the same, which another module calls
 *   own           the JIT itself
 *   own_memcpy    libc's memcpy, which the JIT calls
 *   own_pread     the kernel, by a pread that the JIT calls
 *   fresh         compiled code, over code that has not run since the JIT wrote to its page
 */

#include "tests/escape/attack.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include "tests/escape/attacks/jit_module.h"

typedef void writer(void *to, const void *from, size_t len);

/* What calls for memcpy shall be the call. */
static void *(*volatile call_memcpy)(void *, const void *, size_t) = memcpy;

/* movzbl (%rsi),%eax; mov %al,(%rdi); inc %rsi; inc %rdi; dec %rdx; jnz; ret */
static const unsigned char by_store[] = {0x0f, 0xb6, 0x06, 0x88, 0x07, 0x48, 0xff, 0xc6, 0x48,
					 0xff, 0xc7, 0x48, 0xff, 0xca, 0x75, 0xf0, 0xc3};
/* mov %rdx,%rcx; rep movsb; ret */
static const unsigned char by_string[] = {0x48, 0x89, 0xd1, 0xf3, 0xa4, 0xc3};
/* mov (%rsi),%rax; mov %rax,(%rdi); ret */
static const unsigned char by_eight[] = {0x48, 0x8b, 0x06, 0x48, 0x89, 0x07, 0xc3};
/* sub $8,%rsp; movabs $function,%rax; call *%rax; add $8,%rsp; ret */
static const unsigned char by_call[] = {0x48, 0x83, 0xec, 0x08, 0x48, 0xb8, 0,
					0,    0,    0,    0,    0,    0,    0,
					0xff, 0xd0, 0x48, 0x83, 0xc4, 0x08, 0xc3};
#define BY_CALL_ADDRESS 6

static void jit_put(volatile unsigned char *to, const unsigned char *code, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = code[i];
	attack_show((void *)to);
}

static unsigned char *jit_memory(size_t pages)
{
	void *p = mmap(NULL, pages * ATTACK_PAGE, ATTACK_RWX, ATTACK_ANON, -1, 0);

	if (p == MAP_FAILED)
		attack_refused("mmap");
	return p;
}

/* Compiles a function that returns 1, and runs it. */
static void jit_function(unsigned char *at)
{
	static const unsigned char code[] = {0xb8, 1, 0, 0, 0, 0xc3};

	jit_put(at, code, sizeof(code));
	if (((int (*)(void))(uintptr_t)at)() != 1)
		attack_broken("function");
}

/* Compiles one that hands its arguments to a function of libc's. */
static void *jit_caller(uintptr_t target)
{
	unsigned char *p = jit_memory(1);

	jit_put(p, by_call, sizeof(by_call));
	jit_put(p + BY_CALL_ADDRESS, (unsigned char *)&target, sizeof(target));
	return p;
}

/* Compiles one that writes. */
static writer *jit_writer(const char *how)
{
	unsigned char *p = jit_memory(1);

	if (attack_is(how, "code_memcpy")) {
		return (writer *)(uintptr_t)jit_caller((uintptr_t)memcpy);
	} else if (attack_is(how, "code_string")) {
		jit_put(p, by_string, sizeof(by_string));
	} else if (attack_is(how, "code_across")) {
		jit_put(p, by_eight, sizeof(by_eight));
	} else {
		jit_put(p, by_store, sizeof(by_store));
	}
	return (writer *)(uintptr_t)p;
}

static writer *module_writer(const char *how, const char *path)
{
	void *module = dlopen(path, RTLD_NOW);
	void *at = NULL;

	if (module)
		at = dlsym(module, attack_is(how, "module") ? "module_store" : how);
	if (!at)
		attack_broken("dlopen");
	return (writer *)(uintptr_t)at;
}

static void own_writer(void *to, const void *from, size_t len)
{
	jit_put(to, from, len);
}

static void own_memcpy(void *to, const void *from, size_t len)
{
	void *volatile r = call_memcpy(to, from, len);

	if (r != to)
		attack_broken("memcpy");
}

static struct {
	writer *write;
	void *to;
} job;

typedef ssize_t reader(int fd, void *to, size_t len, off_t at);

static reader *pread_by;

static void read_in(void *to, const void *from, size_t len)
{
	int fd = memfd_create("code", 0);

	if (fd < 0 || write(fd, from, len) != (ssize_t)len)
		attack_broken("memfd");
	if (pread_by(fd, to, len, 0) != (ssize_t)len)
		attack_refused("pread");
}

static ssize_t own_pread(int fd, void *to, size_t len, off_t at)
{
	volatile ssize_t n = pread(fd, to, len, at);

	return n;
}

static void *work(void *arg)
{
	(void)arg;
	job.write(job.to, attack_code, sizeof(attack_code));
	return NULL;
}

static void by_thread(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, work, NULL) || pthread_join(t, NULL))
		attack_broken("thread");
}

static _Noreturn void by_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		work(NULL);
		attack_run(job.to);
	}
	attack_end_as(pid);
}

/* The first half of the store goes to a page that is still writable. */
static _Noreturn void across(writer *write)
{
	unsigned char *p = jit_memory(2), *at = p + ATTACK_PAGE - 2;
	unsigned char code[8] = {0x90, 0x90};

	memcpy(code + 2, attack_code, sizeof(attack_code));
	jit_function(at + 2);
	jit_put(at, code, 2);
	write(at, code, sizeof(code));
	attack_run(at + 2);
}

static writer *writer_of(const char *how, const char *module)
{
	if (attack_is(how, "code_pread"))
		pread_by = (reader *)(uintptr_t)jit_caller((uintptr_t)pread);
	if (attack_is(how, "own_pread"))
		pread_by = own_pread;
	if (attack_is(how, "module_pread"))
		pread_by = (reader *)(uintptr_t)module_writer(how, module);
	if (pread_by)
		return read_in;
	if (!strncmp(how, "module", 6))
		return module_writer(how, module);
	if (attack_is(how, "own"))
		return own_writer;
	if (attack_is(how, "own_memcpy"))
		return own_memcpy;
	return jit_writer(how);
}

int main(int argc, char **argv)
{
	const char *how = argc >= 2 ? argv[1] : "";

	job.write = writer_of(how, argc >= 3 ? argv[2] : "");
	if (attack_is(how, "code_across"))
		across(job.write);
	job.to = attack_is(how, "code_itself") ? (unsigned char *)job.write + 128 : jit_memory(2);
	jit_function(job.to);
	if (attack_is(how, "fresh"))
		jit_put((unsigned char *)job.to + 128, attack_code, 1);
	if (attack_is(how, "code_child"))
		by_child();
	if (attack_is(how, "code_thread"))
		by_thread();
	else
		work(NULL);
	attack_run(job.to);
}
