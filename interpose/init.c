/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/state.h"

#include <sys/mman.h>
#include <unistd.h>
#include "common/fmt.h"
#include "interpose/arena.h"
#include "interpose/gate.h"
#include "interpose/link.h"
#include "interpose/maps.h"
#include "interpose/module.h"
#include "interpose/patch.h"
#include "interpose/reserve.h"
#include "interpose/seal.h"
#include "interpose/spawn.h"
#include "interpose/text.h"
#include "interpose/forbid.h"

/*
 * Start-up, before any other constructor of the program (-z initfirst), in stages. The wrappers
 * pass calls on as they are until the last of them: the supervisor judges those one by one.
 *
 *   LINK    finds ld.so's list; after it: the library's path and who else wraps what is known
 *   HELLO   asks for the gate's address; starts a supervisor where there is none
 *   GATE    maps the gate; after it: the stages' own calls go through it
 *   POLICY  maps the image's policy; after it: it is known what to watch
 *   MDWE    kernel.mdwe; after it: no page of this program gains execution
 *   ADOPT   only with something to watch: the mappings that exist enter the table
 *   SITES   finds what of libc and ld.so can be patched; after it: the stubs know where to go on
 *   PUBLISH the state becomes visible to the wrappers and stubs, and constant
 *   PATCH   replaces libc's pages; after it: its own calls go through the gate
 *   SEAL    makes text, constants and rights immutable
 *   SEALED  tells the supervisor that start-up is over
 *
 * A stage that fails leaves the process passive: the wrappers go on passing calls on, and the
 * supervisor polices every one of them. That is slower, never less safe, so it is no reason to end
 * a program; only a program that would run without any supervisor is ended (interpose/spawn.c).
 *
 * Nothing is left behind: no descriptor, and errno as it was.
 *
 * Context: the constructor; one thread.
 */

#define SET_MDWE     65 /* PR_SET_MDWE and its flags, Linux 6.3 and 6.6, linux/prctl.h */
#define REFUSE_GAIN  1
#define NOT_TO_FORKS 2

#define POLICY_BELOW (64 * CM_PAGE) /* the gate, if there is room */

extern char **environ;

static const char preload[] = "LD_PRELOAD=";

static void say(const char *what)
{
	char line[256];
	struct fmt f = FMT_INIT(line);

	fmt_str(&f, "cookiemap: ");
	fmt_str(&f, what);
	fmt_str(&f, "; the supervisor polices this program call by call\n");
	sys_write(STDERR_FILENO, line, f.len);
}

/* Copies `path` into a field of the state, made absolute; a path that does not fit stays "". */
static void path_set(char to[STATE_PATH_MAX], const char *path)
{
	struct fmt f = {to, STATE_PATH_MAX, 0, false};
	long n;

	if (path[0] != '/') {
		n = sys_raw6(SYS_getcwd, (long)to, STATE_PATH_MAX - 1, 0, 0, 0, 0);
		if (n <= 1 || to[0] != '/')
			n = 1;
		f.len = (size_t)n - 1;
		fmt_char(&f, '/');
		path += path[0] == '.' && path[1] == '/' ? 2 : 0;
	}
	fmt_str(&f, path);
	if (f.cut)
		to[0] = 0;
}

/* Whether a component of LD_PRELOAD, `n` bytes, has the library's file name. */
static bool names_library(const char *part, size_t n, const char *library)
{
	const char *base = text_base(library);
	size_t len = text_len(base);

	return n >= len && !memcmp(part + n - len, base, len) &&
	       (n == len || part[n - len - 1] == '/');
}

/*
 * Looks the library up in the program's LD_PRELOAD: s->loaded becomes its name there. A name
 * relative to the working folder would be lost on the first chdir(2), so it is made absolute in the
 * environment that the program, and what it executes, will see.
 */
static void preload_take(struct state *s, char **entry)
{
	static char absolute[2 * STATE_PATH_MAX]; /* the program's from now on */
	struct fmt loaded = {s->loaded, STATE_PATH_MAX, 0, false};
	struct fmt whole = FMT_INIT(absolute);
	const char *value = *entry + sizeof(preload) - 1;
	bool relative = false;
	size_t n;

	fmt_str(&whole, preload);
	for (; *value; value += n) {
		for (n = 0; value[n] && value[n] != ' ' && value[n] != ':';)
			n++;
		if (!n) {
			fmt_char(&whole, value[n++]);
		} else if (!loaded.len && names_library(value, n, s->path)) {
			fmt_strn(&loaded, value, n);
			relative = value[0] != '/' && text_base(s->loaded) != s->loaded;
			fmt_str(&whole, relative ? s->path : s->loaded);
		} else {
			fmt_strn(&whole, value, n);
		}
	}
	if (relative && s->path[0] && !whole.cut)
		*entry = absolute;
}

static void stage_link(struct state *s, struct link *l, char **envp)
{
	link_init(l, envp);
	if (!l->own)
		return;
	link_next(l, s);
	path_set(s->path, l->own->l_name);
	for (char **e = envp; *e; e++)
		if (text_begins(*e, preload))
			preload_take(s, e);
	link_step_aside(l);
}

/* The gate's address, 0 for none, or -errno. */
static long stage_hello(const struct state *s, char **envp)
{
	long gate = gate_control(CONTROL_HELLO, CONTROL_VERSION, 0, 0, 0, 0);

	if (gate != -EINVAL)
		return gate;
	spawn_supervisor(s->path, envp);
	return gate_control(CONTROL_HELLO, CONTROL_VERSION, 0, 0, 0, 0);
}

static int stage_gate(uint64_t gate, bool seals, int fd)
{
	long r;

	do {
		r = sys_mmap(gate, CM_PAGE, PROT_READ | PROT_EXEC,
			     MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0);
	} while (r == -EINTR);
	sys_close(fd);
	if (sys_is_error(r))
		return (int)r;
	if (seals) /* without: the supervisor refuses its removal */
		gate_enter(gate, SYS_mseal, (long)gate, CM_PAGE, 0, 0, 0, 0);
	return 0;
}

/* Its calls are the gate's already. */
static int stage_policy(struct policy *pp, uint64_t gate, bool seals, int fd)
{
	long len, at = -EINVAL;
	int r;

	if (fd < 0)
		return fd;
	len = sys_raw6(SYS_lseek, fd, 0, SEEK_END, 0, 0, 0);
	if (len > 0)
		at = gate_enter(gate, SYS_mmap, (long)(gate - POLICY_BELOW), len, PROT_READ,
				MAP_PRIVATE, fd, 0);
	sys_close(fd);
	if (sys_is_error(at))
		return (int)at;
	if (seals)
		gate_enter(gate, SYS_mseal, at, len, 0, 0, 0, 0);
	r = policy_open(pp, (const void *)at, (size_t)len);
	if (r)
		say("the policy of this image is of another version");
	return r;
}

static unsigned watch_of(const struct policy *p)
{
	static const struct {
		enum policy_key key;
		enum watch watch;
	} keys[] = {
		{KEY_FOREIGN_REPLACE, WATCH_REPLACE},
		{KEY_FOREIGN_UNMAP, WATCH_UNMAP},
		{KEY_FOREIGN_PROTECT, WATCH_PROTECT},
		{KEY_FIXED_REPLACE, WATCH_FIXED},
	};
	unsigned watch = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (policy_tightest(p, keys[i].key) != V_ALLOW)
			watch |= keys[i].watch;
	return watch;
}

/*
 * A mapping of a file enters the table as that file's. Heap, stack and other memory of no file do
 * not: the kernel moves their ends without a word, so what the table said of them would go stale.
 */
static int adopt_entry(void *arg, const struct maps_entry *e)
{
	const struct table *t = arg;
	const struct module_name *name;

	if (!e->path || e->path[0] != '/')
		return 0;
	name = module_name_of(e->path, e->path_len);
	if (!name)
		return -ENOMEM;
	table_map(t, &(struct region){
			     .range = e->range,
			     .owner = name->id,
			     .prot = e->prot,
			     .max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
			     .flags = REGION_FILE | (e->shared ? REGION_SHARED : 0),
		     });
	return e->prot & PROT_EXEC ? module_adopt(e->range, name) : 0;
}

/*
 * The table, and what exists in it. Without /proc (a chroot) it starts empty: mappings are unknown
 * until they are made, and callers are asked about one by one.
 */
static int stage_adopt(struct table *t, uint64_t gate, bool seals)
{
	const size_t size = 4 * MAPS_PATH_MAX;
	void *wipe;
	char *buf;
	int r;

	arena_reserve(gate, seals);
	wipe = (void *)arena_pages(CM_PAGE);
	/* a fork child's lock is free, whoever of its parent's threads held it */
	if (!wipe || gate_call6(SYS_madvise, (long)wipe, CM_PAGE, MADV_WIPEONFORK, 0, 0, 0))
		return -ENOMEM;
	r = table_init(t, arena_pages, wipe);
	if (r)
		return r;
	buf = (char *)gate_enter(gate, SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sys_is_error((long)buf))
		return -ENOMEM;
	maps_walk(buf, size, adopt_entry, t);
	gate_enter(gate, SYS_munmap, (long)buf, (long)size, 0, 0, 0, 0);
	return 0;
}

/*
 * kernel.mdwe: from here on the kernel itself refuses W and X together and X for what had none,
 * under its own lock. It is for ever, so what this program executes has it too where exec.policy
 * hands the policy down, and not where each program has its own. A kernel that cannot do this
 * leaves it to the supervisor.
 */
static void stage_mdwe(const struct policy *p)
{
	bool own = policy_value(p, KEY_EXEC_POLICY) == EXEC_OWN;

	if (policy_value(p, KEY_K_MDWE))
		sys_raw6(SYS_prctl, SET_MDWE, REFUSE_GAIN | (own ? NOT_TO_FORKS : 0), 0, 0, 0, 0);
}

/* GATE and POLICY, for which one answer brings the descriptors. */
static int stages_mapped(struct state *s, uint64_t gate)
{
	long fds = gate_control(CONTROL_GATE, 0, 0, 0, 0, 0);
	int policy = (int)(fds >> 32), r;

	if (sys_is_error(fds))
		return (int)fds;
	r = stage_gate(gate, s->kernel_seals, (int)fds);
	if (policy < 0) /* the program had one to spare, and that is free again */
		policy = (int)gate_control(CONTROL_POLICY, 0, 0, 0, 0, 0);
	if (!r)
		return stage_policy(&s->policy, gate, s->kernel_seals, policy);
	sys_close(policy);
	return r;
}

/*
 * From the gate to what is watched. Returns with s->gate set, or with all of it unset. What the
 * supervisor did not give is its to explain; where the page is taken in this image there is nothing
 * to tell.
 */
static void stages_active(struct state *s, const struct link *l, uint64_t gate)
{
	if (stages_mapped(s, gate))
		return;
	stage_mdwe(&s->policy);
	s->watch = watch_of(&s->policy) | (s->kernel_seals ? 0 : WATCH_SEAL);
	s->preload = policy_value(&s->policy, KEY_EXEC_PRELOAD) && s->path[0];
	s->debug = l->debug;
	if (s->watch & WATCH_TABLE && stage_adopt(&s->table, gate, s->kernel_seals)) {
		say("no memory for the region table");
		s->watch = 0;
		return;
	}
	s->gate = gate;
	seal_prepare(l, s);
}

/*
 * glibc calls constructors as main(); musl passes nothing, and what the registers then hold is not
 * the vector behind the arguments. glibc's own `environ` is not set yet, musl's is.
 */
static char **environment(int argc, char **argv, char **envp)
{
	return (uintptr_t)envp == (uintptr_t)(argv + argc + 1) ? envp : environ;
}

/*
 * valgrind makes a program's calls itself, from its own text, so the gate would be of no use, and
 * it complains to the user of calls that it does not know (mseal). It is told by what it preloads.
 */
static bool is_emulated(char **envp)
{
	static const char mark[] = "/vgpreload_";

	for (char **e = envp; *e; e++)
		for (const char *at = *e; text_begins(*e, preload) && *at; at++)
			if (text_begins(at, mark))
				return true;
	return false;
}

__attribute__((constructor)) static void interpose_init(int argc, char **argv, char **envp)
{
	static struct state s; /* too large for a small stack */
	struct patch patch = {.kit = NULL};
	struct link l;
	bool seals;
	long gate;

	envp = environment(argc, argv, envp);

	stage_link(&s, &l, envp);
	gate = stage_hello(&s, envp);
	s.supervised = gate >= 0;
	s.kernel_seals = s.supervised && gate & HELLO_SEALS;
	gate &= ~(long)HELLO_SEALS;
	if (gate > 0 && !is_emulated(envp))
		stages_active(&s, &l, (uint64_t)gate);
	if (s.gate)
		patch_prepare(&patch, &l, &s);
	state_publish(&s);
	reserve_start();
	patch_apply(&patch);
	seals = s.gate && seal_apply();
	if (s.supervised)
		gate_control(CONTROL_SEALED, patch.n_done[0], patch.n_done[1],
			     (seals ? SEALED_DONE : 0) | (s.unsealed ? SEALED_PARTLY : 0), 0, 0);
}
