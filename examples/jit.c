/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A compiler for functions of one number, whose code is never writable and executable in the same
 * place: one region of memory with two views. The compiler writes through the one, at its address
 * nothing can be run; the processor runs the other, at its address nothing can be written.
 *
 *     jit 'n < 2 ? n : f(n - 1) + f(n - 2)' 30
 *
 * The region's memory has a name, and that is what a policy admits (jit.policy). With these options
 * the program does what is refused under that policy, though not without one:
 *
 *     --name=NAME   the same from memory of another name
 *     --rwx         as many a JIT does it: memory that is both
 *     --poke        run, then change the code where it runs: this ends it in any case
 *
 * A language: n, numbers, f(), + - * <, and c ? a : b. x86-64 only.
 */

#include <cookiemap.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CODE_BYTES ((size_t)64 << 10)
#define CODE_NAME  "jit-example"

/* ---- memory for code ------------------------------------------------------------------------- */

struct code {
	cm_t cookie; /* 0: ordinary memory */
	uint8_t *write;
	const uint8_t *run;
	size_t used;
};

static int code_open(struct code *c, const char *name)
{
	struct cmreq req;
	void *write, *run;

	CMREQ_INIT(&req, CODE_BYTES, PROT_READ | PROT_WRITE);
	CMREQ_SETMAX(&req, PROT_READ | PROT_WRITE | PROT_EXEC);
	CMREQ_SETFLAGS(&req, CM_ALIAS);
	CMREQ_SETNAME(&req, name);
	if (cmmmap(&req, &c->cookie) || cmgetptr(c->cookie, &write) ||
	    cmgetcap(c->cookie, &run, PROT_READ | PROT_EXEC))
		return -1;
	c->write = write;
	c->run = run;
	return 0;
}

/* How it is done by those who know nothing else. */
static int code_open_rwx(struct code *c)
{
	c->write = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	c->run = c->write;
	return c->write == MAP_FAILED ? -1 : 0;
}

/* All is compiled: nobody writes to it any more, asks for a view, or can use the cookie for
 * anything but to look at the region and to close it. */
static int code_finish(const struct code *c)
{
	const int seals = CM_SEAL_PROT | CM_SEAL_REPLACE | CM_SEAL_MOVE | CM_SEAL_DISCARD;

	if (!c->cookie)
		return 0;
	if (cmprotect(c->cookie, 0, CODE_BYTES, PROT_READ))
		return -1;
	if (cmseal(c->cookie, 0, CODE_BYTES, seals) || cmandperm(c->cookie, 0, NULL))
		return -1;
	return cmrestrict(c->cookie, CM_OP_STAT | CM_OP_CLOSE, NULL);
}

static void emit(struct code *c, const void *bytes, size_t n)
{
	if (n > CODE_BYTES - c->used) {
		fputs("jit: too much code\n", stderr);
		exit(1);
	}
	memcpy(c->write + c->used, bytes, n);
	c->used += n;
}

#define EMIT(c, ...) emit((c), (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

static void emit_distance(struct code *c, size_t to)
{
	int32_t distance = (int32_t)(to - (c->used + sizeof(distance)));

	emit(c, &distance, sizeof(distance));
}

/* A jump to what is not compiled yet. Return: where its distance is to be written. */
static size_t emit_jump(struct code *c)
{
	emit_distance(c, 0);
	return c->used - sizeof(int32_t);
}

static void land(struct code *c, size_t jump)
{
	int32_t distance = (int32_t)(c->used - (jump + sizeof(distance)));

	memcpy(c->write + jump, &distance, sizeof(distance));
}

/* ---- the compiler: each value ends up in rax; left operands wait on the stack ------------------
 */

struct source {
	const char *at;
	size_t function; /* where its code begins */
	unsigned depth;
};

static void compile_choice(struct code *c, struct source *s);

static _Noreturn void fail(const struct source *s)
{
	fprintf(stderr, "jit: cannot read this: '%s'\n", s->at);
	exit(2);
}

static bool take(struct source *s, char wanted)
{
	while (*s->at == ' ')
		s->at++;
	if (*s->at != wanted)
		return false;
	s->at++;
	return true;
}

static void need(struct source *s, char wanted)
{
	if (!take(s, wanted))
		fail(s);
}

static void compile_number(struct code *c, struct source *s)
{
	char *end;
	int64_t value = strtoll(s->at, &end, 10);

	if (end == s->at)
		fail(s);
	s->at = end;
	EMIT(c, 0x48, 0xb8); /* movabs $value, %rax */
	emit(c, &value, sizeof(value));
}

static void compile_factor(struct code *c, struct source *s)
{
	if (take(s, '-')) {
		compile_factor(c, s);
		EMIT(c, 0x48, 0xf7, 0xd8); /* neg %rax */
	} else if (take(s, 'n')) {
		EMIT(c, 0x48, 0x8b, 0x45, 0xf8); /* mov -8(%rbp), %rax */
	} else if (take(s, 'f')) {
		need(s, '(');
		compile_choice(c, s);
		need(s, ')');
		EMIT(c, 0x48, 0x89, 0xc7, 0xe8); /* mov %rax, %rdi; call */
		emit_distance(c, s->function);
	} else if (take(s, '(')) {
		compile_choice(c, s);
		need(s, ')');
	} else {
		compile_number(c, s);
	}
}

/* With the left operand in rcx and the right one in rax. */
static const struct operation {
	char sign;
	unsigned char binds, n, code[9];
} operations[] = {
	{'<', 0, 9, {0x48, 0x39, 0xc1, 0x0f, 0x9c, 0xc0, 0x0f, 0xb6, 0xc0}}, /* cmp; setl; movzbl */
	{'+', 1, 3, {0x48, 0x01, 0xc8}},                                     /* add %rcx, %rax */
	{'-', 1, 6, {0x48, 0xf7, 0xd8, 0x48, 0x01, 0xc8}},                   /* neg %rax; add */
	{'*', 2, 4, {0x48, 0x0f, 0xaf, 0xc1}},                               /* imul %rcx, %rax */
};

static const struct operation *take_operation(struct source *s, unsigned binds)
{
	for (unsigned i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (operations[i].binds == binds && take(s, operations[i].sign))
			return &operations[i];
	return NULL;
}

static void compile_sum(struct code *c, struct source *s, unsigned binds)
{
	const struct operation *o;

	if (binds > 2) {
		compile_factor(c, s);
		return;
	}
	compile_sum(c, s, binds + 1);
	while ((o = take_operation(s, binds))) {
		EMIT(c, 0x50); /* push %rax */
		compile_sum(c, s, binds + 1);
		EMIT(c, 0x59); /* pop %rcx */
		emit(c, o->code, o->n);
	}
}

static void compile_choice(struct code *c, struct source *s)
{
	size_t otherwise, end;

	if (++s->depth > 100)
		fail(s);
	compile_sum(c, s, 0);
	if (take(s, '?')) {
		EMIT(c, 0x48, 0x85, 0xc0, 0x0f, 0x84); /* test %rax, %rax; je */
		otherwise = emit_jump(c);
		compile_choice(c, s);
		need(s, ':');
		EMIT(c, 0xe9); /* jmp */
		end = emit_jump(c);
		land(c, otherwise);
		compile_choice(c, s);
		land(c, end);
	}
	s->depth--;
}

typedef int64_t function(int64_t n);

static function *compile(struct code *c, const char *text)
{
	struct source s = {.at = text, .function = c->used};
	const uint8_t *code = c->run + s.function;
	function *f;

	EMIT(c, 0x55, 0x48, 0x89, 0xe5, 0x57); /* push %rbp; mov %rsp, %rbp; push %rdi */
	compile_choice(c, &s);
	EMIT(c, 0xc9, 0xc3); /* leave; ret */
	if (!take(&s, '\0'))
		fail(&s);
	memcpy(&f, &code, sizeof(f));
	return f;
}

/* ---- the program ----------------------------------------------------------------------------- */

static int run(struct code *c, const char *text, const char *number, bool poke)
{
	function *f = compile(c, text);
	int64_t n = strtoll(number, NULL, 10);

	if (code_finish(c)) {
		perror("jit: finishing the code");
		return 1;
	}
	printf("f(%" PRId64 ") = %" PRId64 "\n", n, f(n));
	fflush(stdout);
	if (poke)
		*(volatile uint8_t *)(uintptr_t)c->run = 0xc3;
	if (c->cookie && cmclose(c->cookie, CM_CLOSE_UNMAP)) {
		perror("jit: closing the region");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = CODE_NAME;
	bool rwx = false, poke = false;
	struct code c = {0};
	int i = 1;

	for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
		rwx = rwx || !strcmp(argv[i], "--rwx");
		poke = poke || !strcmp(argv[i], "--poke");
		if (!strncmp(argv[i], "--name=", 7))
			name = argv[i] + 7;
	}
	if (argc - i != 2) {
		fputs("usage: jit [--name=NAME | --rwx] [--poke] EXPRESSION NUMBER\n", stderr);
		return 2;
	}
#ifndef __x86_64__
	fputs("jit: x86-64 is all it knows\n", stderr);
	return 77;
#endif
	if (rwx ? code_open_rwx(&c) : code_open(&c, name)) {
		fprintf(stderr, "jit: no memory for code: %s\n", strerror(errno));
		return 1;
	}
	return run(&c, argv[i], argv[i + 1], poke);
}
