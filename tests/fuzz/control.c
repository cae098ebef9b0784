/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Requests of the control channel, with any registers, against a supervisor that has no listener:
 * its answers go nowhere. What must hold: nothing crashes, start-up ends only by SEALED, and the
 * policy never gets looser.
 */

#include <fcntl.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/control.h"
#include "supervise/supervisor.h"
#include "tests/fuzz/fuzz.h"

static struct supervisor s;

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
	uint64_t words[6];
	bool sealed = false;

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
		control_handle(&s, &k, &c);
		sealed |= (words[0] & 0xff) == CONTROL_SEALED;
		MUST(p.started == sealed);
		MUST(policy_value(&p.rule->policy, KEY_WX_MAP) >= V_DENY);
	}
	if (p.maps >= 0)
		close(p.maps);
	return 0;
}
