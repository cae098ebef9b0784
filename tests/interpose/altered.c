// SPDX-License-Identifier: BSD-2-Clause
/*
 * An audit module (rtld-audit(7)) that changes a byte of libc's text as soon as libc is mapped,
 * before anybody's constructor: with ALTER in the environment, the byte before munmap(2)'s call
 * site, which is padding. It writes as a debugger does, past the rights of the mapping, which stays
 * as it is.
 */

#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned char *site_in(unsigned char *p, size_t n)
{
	static const unsigned char bytes[] = {0xb8, SYS_munmap, 0, 0, 0, 0x0f, 0x05, 0x48, 0x3d};

	return memmem(p, n, bytes, sizeof(bytes));
}

static unsigned char *find_site(const struct link_map *m)
{
	const ElfW(Ehdr) *e = (const void *)m->l_addr;
	const ElfW(Phdr) *ph = (const void *)(m->l_addr + e->e_phoff);
	unsigned char *p = NULL;

	for (int i = 0; !p && i < e->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_X)
			p = site_in((unsigned char *)m->l_addr + ph[i].p_vaddr, ph[i].p_filesz);
	return p;
}

unsigned la_version(unsigned version)
{
	return version;
}

unsigned la_objopen(struct link_map *m, Lmid_t lmid, uintptr_t *cookie)
{
	unsigned char *at, byte;
	int mem;

	(void)cookie;
	if (lmid != LM_ID_BASE || !getenv("ALTER") || !strstr(m->l_name, "/libc.so"))
		return 0;
	at = find_site(m);
	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	byte = at ? at[-1] ^ 1 : 0;
	if (!at || pwrite(mem, &byte, 1, (off_t)(uintptr_t)(at - 1)) != 1 || at[-1] != byte)
		fputs("not altered\n", stderr);
	close(mem);
	return 0;
}
