/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "common/range.h"
#include "supervise/rules.h"
#include "supervise/seals.h"

struct supervisor;

#define EXEC_SEVERAL (-1)

/* What is remembered of a process of the tree; see supervise/proc.c. */
struct proc {
	struct proc *next; /* of the bucket */
	pid_t pid;         /* thread group id */
	pid_t via; /* a thread of it that lives: what /proc is asked by; the leader may have ended
		    */
	int pidfd; /* of the whole group; -1: gone */
	int maps;  /* vma_open() of the present image; -1: not opened, or not allowed */
	unsigned n_refs;   /* the table's, and one a task */
	struct rule *rule; /* policy of the present image */
	struct rule
		*nested;   /* what a cmrun inside the tree asked to be narrowed to; NULL: nothing */
	char *exe;         /* path of the image, as the kernel names it */
	uint64_t identity; /* of the image, to tell a new one from a failed execve */
	bool jit;          /* a module of wx.jit has been seen mapped */
	pid_t exec_by;     /* the thread whose execve is under way; 0: none; EXEC_SEVERAL */
	pid_t seizer;      /* its thread that stop_seize() holds; 0: none */
	bool misplaced;    /* another file stands at its path in our own eyes */
	bool known;        /* image facts below are of the present image */
	bool by_exec;      /* it was seen to be executed; else it is a fork of an image that was */
	bool verified;     /* its executable mappings were looked at */
	bool hello;        /* the library has spoken */
	bool started;      /* CONTROL_SEALED, or a fork of one that had */
	bool library;      /* it was our library that spoke */
	bool sealed;       /* … and has sealed the image */
	bool own_sealed;   /* what the supervisor seals by itself is in `seals` */
	bool heir;         /* a fork that may have seals from its parent */
	struct seals seals;
	uint64_t entry;  /* where the program begins: AT_ENTRY */
	uint64_t vdso;   /* 0: it has none */
	uint64_t loader; /* where its interpreter is mapped; 0: static, nothing loads the library */
	struct range loader_text; /* its code, once it has been seen to call; empty: not yet */
	bool loader_is_libc;      /* so it calls for others as well: musl's */
	bool reaper;              /* may become the parent of processes it did not fork */
	uint64_t kit;             /* inode of the patch kit that it was given; 0: none */
	bool killed;
	uint64_t next_walk_ns; /* not before this time are all its mappings looked at once more */
	bool chain;            /* the library's handler of SIGSEGV is installed: CONTROL_CHAIN */
	uint64_t
		n_fetches; /* flips to executable, and to writable as far as the library has told */
	uint64_t n_writes;
};

/* A thread that has sent a notification. */
struct task {
	struct task *next;
	pid_t tid;
	int pidfd; /* of the thread; -1: its process's serves, or the kernel has none for threads */
	struct proc *proc;
	uint64_t caller; /* CONTROL_CALLER of the call to come; 0: none */
};

struct proc_table {
	int epoll;
	struct task *tasks[1024];
	struct proc *procs[1024];
	unsigned n_tasks;
	unsigned n_procs;
	unsigned n_watched; /* threads with a pidfd of their own */
	unsigned max_watched;
	unsigned sweep; /* of which bucket the threads that ended are forgotten next */
};

int proc_table_init(struct proc_table *t, int epoll);
struct task *task_get(struct proc_table *t, pid_t tid);
struct proc *proc_find(struct proc_table *t, pid_t pid);
struct proc *proc_find_alike(struct proc_table *t, const struct proc *p);
void proc_table_event(struct proc_table *t, uint64_t tag);
void proc_table_each(struct proc_table *t, void (*fn)(struct supervisor *, struct proc *),
		     struct supervisor *s);
void proc_kill(struct proc *p);
pid_t proc_parent(pid_t pid);
bool proc_is_namespace_init(pid_t pid);
long proc_filters(pid_t pid);
bool proc_never_executed(pid_t tid);
bool proc_shares_memory(pid_t pid);
bool proc_takes(pid_t tid, int sig);
bool proc_catches(pid_t pid, int sig);
