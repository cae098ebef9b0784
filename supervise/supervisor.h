/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "supervise/decide.h"
#include "supervise/object.h"
#include "supervise/patch.h"
#include "supervise/proc.h"
#include "supervise/report.h"
#include "supervise/rules.h"

/* A check of a process's executable mappings that is due; see supervise/check.c. */
struct check {
	pid_t pid;
	pid_t tid; /* whose call is being made */
	struct range
		at; /* what it can have made executable, if nothing interferes; empty: anything */
	uint64_t due_ns; /* CLOCK_MONOTONIC */
	unsigned round;
	bool made;  /* the call has been made for certain */
	bool later; /* that is no reason to look at once */
};

#define MAX_CHECKS 256
#define MAX_HELD   64
#define CHAINED    64
#define SEALS_LEFT 64

struct supervisor {
	int listener;
	int epoll;    /* ends of those who have spoken: taken at a notification */
	int wakes;    /* an epoll set as well, of what is not to wait for one */
	int children; /* stop_init() */
	int gate_memfd;
	uint64_t gate;     /* 0: this tree has none */
	bool kernel_seals; /* mseal(2) works in it */
	uint64_t user_end; /* of an address space: user_end() */
	bool verbose;
	bool any_jit;    /* some image of the tree had a module of wx.jit */
	bool any_filter; /* … or has asked for a seccomp filter of its own */
	long n_filters;  /* that every process of the tree has */
	bool any_told;   /* … or a library that told of seals */
	bool preload;    /* images are expected to load the library */
	pid_t root;
	int root_pidfd;
	struct proc_table table;
	struct rules rules;
	struct object_rules objects;
	struct patches patches;
	struct report report;
	struct check checks[MAX_CHECKS];
	unsigned n_checks;
	int timer;         /* when the first of them is due; in `wakes` */
	uint64_t timer_ns; /* what it is set to; 0: nothing */
	struct held {      /* notifications of execve that wait: stop.c */
		struct seccomp_notif notif;
		pid_t pid;
	} held[MAX_HELD];
	unsigned n_held;
	struct seals_left { /* by processes that are gone: image_seal.c */
		uint64_t identity;
		struct seals seals;
	} left[SEALS_LEFT];
	unsigned n_left;
	uint64_t chained[CHAINED]; /* images that had the handler, by identity: chain.c */
	unsigned n_chained;
	/* The kernel may give larger structures than the headers know: SECCOMP_GET_NOTIF_SIZES. */
	struct seccomp_notif *notif;
	struct seccomp_notif_resp *resp;
	size_t notif_bytes;
	size_t resp_bytes;
};

/* Facts of one call, with the room that they point to. */
struct scene {
	struct facts facts;
	struct object file;
	struct vma vmas[FACTS_MAX_VMAS];
	struct vma caller;
	bool caller_known;
	uint64_t caller_addr;
	uint64_t call_ip;
};

/* supervise/scene.c */
void scene_look(struct supervisor *s, struct task *k, const struct call *c, struct scene *e);
void scene_find_caller(struct supervisor *s, struct task *k, const struct call *c, struct scene *e);
bool scene_is_loader(struct proc *p, const struct vma *v);
bool scene_is_by_loader(struct supervisor *s, struct proc *p, uint64_t ip);

/* supervise/supervisor.c */
int supervisor_init(struct supervisor *s, uint64_t gate, int gate_memfd);
int supervisor_run(struct supervisor *s, int listener);
void supervisor_handle(struct supervisor *s);
uint64_t now_ns(void);

/* supervise/gate.c */
int gate_make(uint64_t *gatep, int *memfdp);

/* supervise/image.c */
int image_know(struct supervisor *s, struct proc *p, pid_t tid);
void image_exec(struct supervisor *s, struct task *k);
bool image_verify(struct supervisor *s, struct proc *p, pid_t tid);
bool image_verify_range(struct supervisor *s, struct proc *p, pid_t tid, struct range range);
bool image_has_jit(struct supervisor *s, struct proc *p);
void image_maps(struct supervisor *s, struct proc *p, const struct object *o);
bool image_module(struct supervisor *s, struct proc *p, uint64_t addr, struct vma *vp);

/* supervise/image_seal.c */
void image_seal(struct supervisor *s, struct proc *p, const struct call *c);
void image_leave_seals(struct supervisor *s, struct proc *p);
int image_inherit_seals(struct supervisor *s, struct proc *p);

/* supervise/unseal.c */
void image_unseal(struct supervisor *s, struct proc *p, const struct call *c);

/* supervise/control.c */
bool control_is(const struct call *c);
void control_handle(struct supervisor *s, struct task *k, const struct call *c);

/* supervise/chain.c */
void chain_flip(struct proc *p, const struct call *c);
bool chain_hand_over(struct supervisor *s, struct task *k, const struct call *c);
void chain_sigaction(struct supervisor *s, struct task *k, const struct call *c);
void chain_set(struct supervisor *s, struct proc *p, bool on);
void chain_inherit(struct supervisor *s, struct proc *p);
void chain_found(struct supervisor *s, struct task *k, const struct call *c);
void chain_count(struct supervisor *s, struct proc *p);

/* supervise/check.c */
void check_later(struct supervisor *s, struct task *k, const struct call *c, bool own);
void check_settle(struct supervisor *s, struct proc *p, pid_t tid);
void check_now(struct supervisor *s, pid_t tid);
int check_init(void);
void check_arm(struct supervisor *s);
void check_due(struct supervisor *s);
void check_all(struct supervisor *s);

/* supervise/stop.c */
int stop_init(void);
enum stop { STOP_NOT, STOP_SEIZED, STOP_HELD };

enum stop stop_seize(struct supervisor *s, struct task *k);
void stop_interrupt(struct task *k);
void stop_event(struct supervisor *s, int fd);

/* supervise/answer.c */
void answer_continue(struct supervisor *s);
void answer_value(struct supervisor *s, long value);
void answer_fd(struct supervisor *s, int fd);
void answer_fds(struct supervisor *s, int first, int second);
bool answer_is_awaited(struct supervisor *s);
