// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a call of libc's own keeps, looked at instruction by instruction: the program steps itself
 * through a function of libc's with the trap flag. From the `mov $nr,%eax` of its call site to
 * behind the `syscall`, every register but rax, rcx and r11, the flags, the vector state and the
 * red zone must come out as they went in, and at every instruction in between the stack must unwind
 * to the site and to whoever called the function.
 *
 *   sites CASE [WHAT]     WHAT is damaged on the way, to see that it would be noticed
 *
 * Prints what was found in one line.
 */

#include <cpuid.h>
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unwind.h>

#define TRAP_FLAG 0x100
#define FLAGS     0xcd5 /* CF PF AF ZF SF DF OF */
#define SET_FLAGS 0x8d5 /* all of them but DF, which the ABI wants clear */
#define RED_ZONE  128
#define STATE_MAX 8192
#define SW_AT     464 /* what the kernel adds to it: struct _fpx_sw_bytes */

/* The processor's state as XSAVE lays it out: Intel SDM volume 1, 13.4. */
#define X87_AT       32
#define SSE_AT       160
#define LEGACY_BYTES 416
#define HEADER_AT    512

static const char *damage = "";

static struct {
	uint64_t mov, back;
	bool patched;
} site;

static struct {
	bool inside, done;
	unsigned n_steps, n_unwound, n_gate;
	gregset_t before, real;
	unsigned char red[RED_ZONE], state[STATE_MAX];
	char broken[256];
} seen;

static const int kept[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8,  REG_R9,
			   REG_RBX, REG_RBP, REG_R12, REG_R13, REG_R14, REG_R15};
static const char *const kept_names[] = {"rdi", "rsi", "rdx", "r10", "r8",  "r9",
					 "rbx", "rbp", "r12", "r13", "r14", "r15"};

/* The site in a function of libc's own: `mov $nr,%eax`, or a jump in its place, and `syscall`. */
static bool find_site(const char *name, int nr)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	const unsigned char *f = libc ? dlsym(libc, name) : NULL;

	for (int i = 0; f && i < 128; i++) {
		if (f[i + 5] != 0x0f || f[i + 6] != 0x05 || (f[i] != 0xb8 && f[i] != 0xe9))
			continue;
		if (f[i] == 0xb8 && (f[i + 1] != nr || f[i + 2]))
			continue;
		site.mov = (uint64_t)f + (unsigned)i;
		site.back = site.mov + 7;
		site.patched = f[i] == 0xe9;
		return true;
	}
	return false;
}

/* ---- unwinding ----------------------------------------------------------------------------- */

static void measure(void);

struct frames {
	bool site, caller;
};

static _Unwind_Reason_Code frame(struct _Unwind_Context *c, void *arg)
{
	struct frames *f = arg;

	f->site |= _Unwind_GetIP(c) == site.back;
	f->caller |= f->site && _Unwind_GetRegionStart(c) == (uintptr_t)measure;
	return _URC_NO_REASON;
}

static bool is_in_site(uint64_t rip)
{
	return rip >= site.mov && rip < site.back;
}

/* The gate's page is code of no file, so there is nothing that could describe it. */
static void look_at_stack(uint64_t rip)
{
	static const unsigned char gate[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x05, 0xc3};
	const unsigned char *page = (const unsigned char *)(rip & ~4095ull);
	struct frames f = {false, false};

	seen.n_steps++;
	if (!memcmp(page, gate, sizeof(gate))) {
		seen.n_gate++;
		return;
	}
	_Unwind_Backtrace(frame, &f);
	seen.n_unwound += (f.site && f.caller) || is_in_site(rip);
}

/* ---- registers ----------------------------------------------------------------------------- */

static size_t state_size(const struct _libc_fpstate *fp)
{
	uint32_t size;

	memcpy(&size, (const unsigned char *)fp + SW_AT + 4, sizeof(size));
	return size < sizeof(*fp) ? sizeof(*fp) : size > STATE_MAX ? STATE_MAX : size;
}

/* As FXSAVE lays it out (SDM volume 1, 10.5.1): each x87 register has six reserved bytes behind it,
 * which an emulated processor leaves as they are. */
static bool same_legacy(const unsigned char *a, const unsigned char *b)
{
	bool same = !memcmp(a, b, X87_AT);

	for (unsigned at = X87_AT; at < SSE_AT; at += 16)
		same &= !memcmp(a + at, b + at, 10);
	return same && !memcmp(a + SSE_AT, b + SSE_AT, LEGACY_BYTES - SSE_AT);
}

/* Whether the parts that are in use are the same: x87 and SSE, and what the processor says is
 * where. */
static bool same_state(const unsigned char *a, const unsigned char *b, size_t n)
{
	unsigned eax, ebx, ecx, edx;
	uint64_t used;

	memcpy(&used, a + HEADER_AT, sizeof(used));
	if (!same_legacy(a, b) || memcmp(a + HEADER_AT, b + HEADER_AT, sizeof(used)))
		return false;
	for (unsigned i = 2; i < 63; i++) {
		if (!(used >> i & 1) || !__get_cpuid_count(13, i, &eax, &ebx, &ecx, &edx))
			continue;
		if (ebx + eax > n || memcmp(a + ebx, b + ebx, eax))
			return false;
	}
	return true;
}

static void begin(ucontext_t *uc)
{
	greg_t *r = uc->uc_mcontext.gregs;
	unsigned char *red = (unsigned char *)r[REG_RSP] - RED_ZONE;

	seen.inside = true;
	memcpy(seen.real, r, sizeof(gregset_t));
	memcpy(seen.red, red, RED_ZONE);
	for (int i = 0; i < RED_ZONE; i++)
		red[i] = (unsigned char)(i * 37 + 11);
	for (unsigned i = 6; i < sizeof(kept) / sizeof(*kept); i++)
		r[kept[i]] = (greg_t)(0x1122334455667788u * (i + 1));
	r[REG_EFL] |= SET_FLAGS;
	memcpy(seen.before, r, sizeof(gregset_t));
	memcpy(seen.state, uc->uc_mcontext.fpregs, state_size(uc->uc_mcontext.fpregs));
}

static void note(const char *what)
{
	strcat(seen.broken, " ");
	strcat(seen.broken, what);
}

static void end(ucontext_t *uc)
{
	greg_t *r = uc->uc_mcontext.gregs;
	unsigned char *red = (unsigned char *)r[REG_RSP] - RED_ZONE;
	bool zone = true;

	for (unsigned i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		if (r[kept[i]] != seen.before[kept[i]])
			note(kept_names[i]);
	if (r[REG_RSP] != seen.before[REG_RSP])
		note("rsp");
	if (site.patched && (r[REG_EFL] ^ seen.before[REG_EFL]) & FLAGS)
		note("flags");
	for (int i = 0; i < RED_ZONE; i++)
		zone &= red[i] == (unsigned char)(i * 37 + 11);
	if (!zone)
		note("zone");
	if (!same_state(seen.state, (unsigned char *)uc->uc_mcontext.fpregs,
			state_size(uc->uc_mcontext.fpregs)))
		note("state");
	memcpy(red, seen.red, RED_ZONE);
	for (unsigned i = 6; i < sizeof(kept) / sizeof(*kept); i++)
		r[kept[i]] = seen.real[kept[i]];
	r[REG_EFL] &= ~(greg_t)(site.patched ? SET_FLAGS | TRAP_FLAG : TRAP_FLAG);
	seen.inside = false;
	seen.done = true;
}

static void break_something(ucontext_t *uc)
{
	greg_t *r = uc->uc_mcontext.gregs;

	if (!strcmp(damage, "flags"))
		r[REG_EFL] ^= 0x40;
	else if (!strcmp(damage, "state"))
		((unsigned char *)uc->uc_mcontext.fpregs)[160 + 16 * 15 + 3] ^= 1; /* xmm15 */
	else if (!strcmp(damage, "zone"))
		((unsigned char *)seen.before[REG_RSP])[-RED_ZONE] ^= 1;
	else if (!strcmp(damage, "r13"))
		r[REG_R13]++;
}

static void trap(int sig, siginfo_t *info, void *arg)
{
	ucontext_t *uc = arg;
	uint64_t rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];

	(void)sig;
	(void)info;
	if (rip == site.mov && !seen.inside && !seen.done)
		begin(uc);
	if (!seen.inside)
		return;
	if (rip == site.back || (!site.patched && !is_in_site(rip))) {
		end(uc); /* the trap behind a `syscall` comes one instruction late */
		return;
	}
	look_at_stack(rip);
	if (seen.n_steps == 2)
		break_something(uc);
}

/* ---- the cases ------------------------------------------------------------------------------- */

#define PAGE 4096ul

static char *area;
static struct {
	void *fn;
	long arg[6];
} call;
static long result;

#define FILL(insn, reg) __asm__ volatile(insn " %0, %%" reg : : "m"(bytes))
#define FILL_4(insn, reg, a, b, c, d) \
	FILL(insn, reg #a);           \
	FILL(insn, reg #b);           \
	FILL(insn, reg #c);           \
	FILL(insn, reg #d)
#define FILL_16(insn, reg)               \
	FILL_4(insn, reg, 0, 1, 2, 3);   \
	FILL_4(insn, reg, 4, 5, 6, 7);   \
	FILL_4(insn, reg, 8, 9, 10, 11); \
	FILL_4(insn, reg, 12, 13, 14, 15)

static void fill_vectors(void)
{
	static unsigned char bytes[64] __attribute__((aligned(64)));
	uint32_t control = 0x7fa0; /* another rounding */

	for (int i = 0; i < 64; i++)
		bytes[i] = (unsigned char)(i * 3 + 1);
	__asm__ volatile("fninit; fldpi; fld1; fldl2e; ldmxcsr %0" : : "m"(control));
	FILL_16("movups", "xmm");
	if (!__builtin_cpu_supports("avx"))
		return;
	FILL_16("vmovups", "ymm");
	if (!__builtin_cpu_supports("avx512f"))
		return;
	FILL_4("vmovups", "zmm", 0, 7, 15, 16);
	FILL_4("vmovups", "zmm", 20, 23, 27, 31);
	__asm__ volatile("kmovw %0, %%k3" : : "r"(0x5a5a));
}

static void empty_vectors(void)
{
	uint32_t control = 0x1f80;

	__asm__ volatile("fninit; ldmxcsr %0" : : "m"(control));
}

/* Calls the function with the trap flag set; it is cleared behind the site. */
__attribute__((noinline)) static void measure(void)
{
	register long d __asm__("rcx") = call.arg[3];
	register long e __asm__("r8") = call.arg[4];
	register long f __asm__("r9") = call.arg[5];
	long r;

	fill_vectors();
	__asm__ volatile("subq $128, %%rsp\n\t"
			 "pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
			 "call *%[fn]\n\t"
			 "addq $128, %%rsp"
			 : "=a"(r), "+r"(d), "+r"(e), "+r"(f)
			 : [fn] "b"(call.fn), "D"(call.arg[0]), "S"(call.arg[1]), "d"(call.arg[2])
			 : "r10", "r11", "memory", "cc");
	empty_vectors();
	result = r;
}

static const struct row {
	const char *name, *function;
	int nr;
	long arg[6];
	bool in_area; /* the first argument is to be the area */
} rows[] = {
	{"mmap", "mmap", SYS_mmap, {0, 4 * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}, false},
	{"mmap_exec", "mmap", SYS_mmap, {0, PAGE, 5, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}, false},
	{"mmap_both", "mmap", SYS_mmap, {0, PAGE, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}, false},
	{"munmap", "munmap", SYS_munmap, {0, PAGE, 0, 0, 0, 0}, true},
	{"munmap_bad", "munmap", SYS_munmap, {1, PAGE, 0, 0, 0, 0}, false},
	{"mprotect", "mprotect", SYS_mprotect, {0, PAGE, 1, 0, 0, 0}, true},
	{"mprotect_exec", "mprotect", SYS_mprotect, {0, PAGE, 5, 0, 0, 0}, true},
	{"madvise", "madvise", SYS_madvise, {0, PAGE, MADV_DONTNEED, 0, 0, 0}, true},
	{"madvise_rare", "madvise", SYS_madvise, {0, PAGE, MADV_DONTFORK, 0, 0, 0}, true},
	{"mremap", "mremap", SYS_mremap, {0, PAGE, 64 * PAGE, MREMAP_MAYMOVE, 0, 0}, true},
};

static const struct row *row_of(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static const char *outcome(void)
{
	return result == -1 || (int)result == -1 ? strerrorname_np(errno) : "done";
}

int main(int argc, char **argv)
{
	const struct row *row = argc > 1 ? row_of(argv[1]) : NULL;
	struct sigaction act = {.sa_sigaction = trap, .sa_flags = SA_SIGINFO};
	struct frames f = {false, false};
	void *libc;

	if (!row) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
			puts(rows[i].name);
		return 0;
	}
	damage = argc > 2 ? argv[2] : "";
	if (!strcmp(damage, "flip")) /* the library's handler, and all calls for its C code */
		mmap(NULL, PAGE, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area = mmap(NULL, 8 * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	if (!find_site(row->function, row->nr) || !libc) {
		puts("no site");
		return 1;
	}
	call.fn = dlsym(libc, row->function);
	memcpy(call.arg, row->arg, sizeof(call.arg));
	if (row->in_area)
		call.arg[0] = (long)area;
	_Unwind_Backtrace(frame, &f); /* whatever it does the first time */
	sigaction(SIGTRAP, &act, NULL);
	measure();
	printf("%s: %s, %s;%s\n", site.patched ? "patched" : "plain", outcome(),
	       !seen.done                                     ? "not seen"
	       : seen.n_unwound == seen.n_steps - seen.n_gate ? "unwound"
							      : "not unwound",
	       seen.broken[0] ? seen.broken : " all kept");
	return 0;
}
