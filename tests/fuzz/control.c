/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Requests of the control channel, with any registers, against a supervisor that has no listener:
 * its answers go nowhere. What must hold: nothing crashes, start-up ends only by SEALED, the policy
 * never gets looser, a patch kit is given at most once, before that, and seals are added by SEAL
 * alone and never fewer.
 *
 * The process that asks is this one. Of addresses that SITES is about a number names some that are
 * right, or nearly so: a number drawn at random never is.
 */

#include <fcntl.h>
#include <link.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common/control.h"
#include "supervise/supervisor.h"
#include "tests/fuzz/fuzz.h"

static struct supervisor s;
static uint64_t libc, loader, stubs;

static int find_libc(struct dl_phdr_info *i, size_t size, void *arg)
{
	if (strstr(i->dlpi_name, "/libc.so"))
		libc = i->dlpi_addr;
	if (strstr(i->dlpi_name, "/ld-linux"))
		loader = i->dlpi_addr;
	return 0;
}

/* A file of the library's name, where its stubs would be. It need not exist any more. */
static void map_stubs(void)
{
	char folder[] = "/tmp/cookiemap-fuzz-XXXXXX", path[64];
	void *at;
	int fd;

	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/libcminterpose.so", folder);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0700);
	if (fd < 0 || ftruncate(fd, KIT_STUBS_AT + 2 * CM_PAGE))
		abort();
	at = mmap(NULL, 2 * CM_PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, KIT_STUBS_AT);
	if (at == MAP_FAILED || unlink(path) || rmdir(folder))
		abort();
	stubs = (uint64_t)at;
	close(fd);
}

static uint64_t place(uint64_t word)
{
	uint64_t nearly = word >> 3 & 3 ? 0 : (word >> 5 & 0xf) * CM_PAGE / 2;

	switch (word & 7) {
	case 0:
		return libc + nearly;
	case 1:
		return loader + nearly;
	case 2:
		return stubs + nearly;
	case 3:
		return 0;
	default:
		return word;
	}
}

/* What SITES may have done, and nothing else may. */
static void check_kit(const struct proc *p, uint64_t before, bool sealed, uint64_t op)
{
	MUST(p->kit == before || (op == CONTROL_SITES && !before && !sealed));
	MUST(!p->kit || patch_is_kit(&s.patches, p->kit));
}

/* Whether the list is as it has to be, whatever was asked for. */
static void check_seals(const struct proc *p, size_t before, uint64_t op)
{
	uint64_t at = 0;

	MUST(op == CONTROL_SEAL || p->seals.n == before);
	for (size_t i = 0; i < p->seals.n; i++) {
		const struct seal_piece *e = &p->seals.at[i];

		MUST(e->range.start >= at && e->range.start < e->range.end);
		MUST(e->range.end <= 1ull << 56 && !((e->range.start | e->range.end) % CM_PAGE));
		MUST((e->seals | e->own) && !((e->seals | e->own) & ~SEAL_KNOWN));
		MUST(!e->seals || (e->key >= KEY_SEAL_TEXT && e->key <= KEY_SEAL_DISCARD));
		at = e->range.end;
	}
}

static void setup(void)
{
	struct policy_dirs none = {0};
	struct policy_set *set;
	uint64_t gate;
	int memfd;

	if (policy_set_new(&set, &none, stderr) < 0 || rules_init(&s.rules, set, NULL) < 0 ||
	    gate_make(&gate, &memfd) < 0 || supervisor_init(&s, gate, memfd) < 0)
		abort();
	s.listener = -1;
	report_init(&s.report, open("/dev/null", O_WRONLY | O_CLOEXEC));
	dl_iterate_phdr(find_libc, NULL);
	map_stubs();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proc p = {.pid = getpid(),
			 .via = getpid(),
			 .pidfd = -1,
			 .maps = -1,
			 .exe = (char *)"/usr/bin/fuzz"};
	struct task k = {.tid = p.pid, .pidfd = -1, .proc = &p};
	struct call c = {.nr = SYS_munmap, .arch = AUDIT_ARCH_X86_64};
	uint64_t words[6], kit;
	bool sealed = false;
	size_t n_seals;

	if (!s.epoll)
		setup();
	p.maps = vma_open(p.pid);
	p.rule = rules_for(&s.rules, p.exe);
	p.known = p.verified = true;
	for (; size >= sizeof(words); data += sizeof(words), size -= sizeof(words)) {
		memcpy(words, data, sizeof(words));
		memcpy(c.args, words, sizeof(words));
		c.args[0] = CONTROL_ADDR | (words[0] & 0xff);
		MUST(control_is(&c));
		if ((words[0] & 0xff) == CONTROL_NARROW)
			c.args[1] &= 15; /* descriptors of our own that are no policies */
		for (int i = 1; i < 4 && (words[0] & 0xff) == CONTROL_SITES; i++)
			c.args[i] = place(words[i]);
		kit = p.kit;
		n_seals = p.seals.n;
		control_handle(&s, &k, &c);
		check_kit(&p, kit, sealed, words[0] & 0xff);
		check_seals(&p, n_seals, words[0] & 0xff);
		sealed |= (words[0] & 0xff) == CONTROL_SEALED;
		MUST(p.started == sealed);
		MUST(policy_value(&p.rule->policy, KEY_WX_MAP) >= V_DENY);
	}
	if (p.maps >= 0)
		close(p.maps);
	seals_deinit(&p.seals);
	return 0;
}
