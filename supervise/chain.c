/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common/control.h"
#include "common/fmt.h"
#include "supervise/disasm.h"

/*
 * The supervisor's part in flip, beyond the verdicts: it keeps the library's handler of SIGSEGV in
 * place, prints the code that wx.inspect has found, and counts.
 *
 * The handler: in a process that has it, rt_sigaction(2) of that signal is the library's to serve,
 * whoever makes the call. So are requests for W and X that libc makes past the wrappers: of a
 * library that was bound to libc first (RTLD_DEEPBIND). The answers lie in memory that is never
 * read here, so the thread is told, by a SIGSEGV. A fork child has its parent's handlers; every
 * flip is proof as well.
 */

/* A page became executable: its process has the handler, and counts its stores. */
void chain_flip(struct proc *p, const struct call *c)
{
	p->chain = true;
	p->n_fetches++;
	if (c->args[3] > p->n_writes)
		p->n_writes = c->args[3];
}

/* The library says whether its handler is in place. */
void chain_set(struct supervisor *s, struct proc *p, bool on)
{
	p->chain = on;
	if (on)
		s->chained[s->n_chained++ % CHAINED] = p->identity;
}

/* Whether any process of the image has had the handler. */
static bool was_chained(const struct supervisor *s, uint64_t identity)
{
	for (unsigned i = 0; i < CHAINED; i++)
		if (s->chained[i] && s->chained[i] == identity)
			return true;
	return false;
}

/*
 * A process that is known from now on, and executed nothing: it has the handler if it has one, and
 * its parent has the library's. Of a parent that is gone (daemon(3) forks twice) it is only known
 * that somebody of the image had it.
 */
void chain_inherit(struct supervisor *s, struct proc *p)
{
	struct proc *parent = proc_find(&s->table, proc_parent(p->pid));

	if (parent && (!parent->known || parent->identity != p->identity))
		parent = NULL;
	p->chain = (parent ? parent->chain : was_chained(s, p->identity)) &&
		   proc_catches(p->pid, SIGSEGV);
	if (s->any_jit && parent)
		p->jit = parent->rule == p->rule && parent->jit;
}

static bool is_library(struct supervisor *s, struct proc *p, uint64_t ip)
{
	struct vma v;

	return image_module(s, p, ip, &v) && vma_is_library(&v);
}

/*
 * Leaves a call to the library: the thread gets a SIGSEGV before its next instruction, and its
 * handler makes the call from the registers. Not where that signal would have to wait: a thread in
 * which SIGSEGV is blocked in the kernel, past the library.
 *
 * Return: false: it is still to be answered.
 */
bool chain_hand_over(struct supervisor *s, struct task *k, const struct call *c)
{
	siginfo_t info = {.si_signo = SIGSEGV, .si_code = CHAIN_CODE};

	info.si_pid = c->nr;
	info.si_value.sival_ptr = (void *)c->ip;
	if (!k->proc->chain || !proc_takes(k->tid, SIGSEGV) ||
	    syscall(SYS_rt_tgsigqueueinfo, k->proc->pid, k->tid, SIGSEGV, &info) < 0)
		return false;
	answer_value(s, 0);
	return true;
}

/* Answers rt_sigaction(2) of SIGSEGV. */
void chain_sigaction(struct supervisor *s, struct task *k, const struct call *c)
{
	if (is_library(s, k->proc, c->ip) || !chain_hand_over(s, k, c))
		answer_continue(s);
}

/* What wx.inspect has found: (verdict, address, sixteen bytes, caller). */
void chain_found(struct supervisor *s, struct task *k, const struct call *c)
{
	struct policy_ruling r = {.verdict = (enum policy_verdict)c->args[1],
				  .rule = KEY_WX_INSPECT};
	struct proc *p = k->proc;
	uint8_t code[16];
	char text[256];
	struct fmt f = FMT_INIT(text);
	struct violation w = {.program = p->exe,
			      .pid = p->pid,
			      .tid = k->tid,
			      .call = "inspect",
			      .text = text,
			      .ruling = &r};
	struct vma v;

	if (c->args[1] != V_LOG && c->args[1] != V_DENY) {
		answer_value(s, -EINVAL);
		return;
	}
	memcpy(code, &c->args[3], sizeof(code));
	r.error = r.verdict == V_DENY ? policy_refusal(KEY_WX_INSPECT) : 0;
	policy_source(&p->rule->policy, KEY_WX_INSPECT, &r.file, &r.line);
	disasm_insn(code, sizeof(code), c->args[2], &f);
	fmt_str(&f, " at ");
	fmt_hex(&f, c->args[2]);
	fmt_str(&f, ", about to become executable");
	if (image_module(s, p, c->args[5], &v)) {
		w.module = v.name[0] ? v.name : "[anonymous code]";
		w.offset = c->args[5] - v.range.start + v.offset_bytes;
	}
	report_violation(&s->report, &p->rule->policy, &w);
	answer_value(s, 0);
}

/* What a process has flipped, told when it ends or executes something else. */
void chain_count(struct supervisor *s, struct proc *p)
{
	char text[700];
	struct fmt f = FMT_INIT(text);

	if (!s->verbose || !p->n_fetches)
		return;
	fmt_str(&f, p->exe);
	fmt_char(&f, '[');
	fmt_udec(&f, (uint64_t)p->pid);
	fmt_str(&f, "]: flipped ");
	fmt_udec(&f, p->n_fetches);
	fmt_str(&f, " times to executable, ");
	fmt_udec(&f, p->n_writes);
	fmt_str(&f, " times to writable");
	report_note(&s->report, p->rule ? &p->rule->policy : NULL, text);
	p->n_fetches = p->n_writes = 0;
}
