/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A static program (no library, no gate of its own) that maps a page of its own file at the
 * address that the filter trusts, and makes a call from there:
 *
 *   gate_plant               find the gate, then execute the static program given as argv[1]
 *   gate_plant at ADDRESS    plant, and call
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include <stdint.h>
#include "tests/escape/attacks/gate.h"
#include "common/sys.h"

/* One page of this program's own file, laid out as the gate is. */
__asm__(".pushsection .text.gate, \"ax\"\n"
	".balign 4096\n"
	"plant_page:\n"
	"	endbr64\n"
	"	syscall\n"
	"	ret\n"
	".balign 4096\n"
	".popsection\n");
extern const char plant_page[];

/* Where in the file that page is: found, since only the linker knows. */
static off_t plant_offset(int fd)
{
	static char page[ATTACK_PAGE];

	for (off_t at = 0; pread(fd, page, sizeof(page), at) == sizeof(page); at += ATTACK_PAGE) {
		if (memcmp(page, plant_page, sizeof(page)) == 0)
			return at;
	}
	attack_broken("offset");
}

static _Noreturn void plant(uintptr_t at)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	long r;

	r = sys_mmap(at, ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE | MAP_FIXED, fd, plant_offset(fd));
	if (sys_is_error(r)) {
		errno = (int)-r;
		attack_refused("mmap");
	}
	__asm__ volatile("call *%[at]"
			 : "=a"(r)
			 : "a"(SYS_getpid), [at] "r"(at + 4)
			 : "rcx", "r11", "memory");
	if (r != getpid())
		attack_broken("call");
	attack_executed();
}

int main(int argc, char **argv)
{
	uintptr_t gate = gate_find();
	char address[32];

	if (argc == 3)
		plant(strtoul(argv[2], NULL, 16));
	if (argc != 2)
		attack_broken("usage");
	snprintf(address, sizeof(address), "%lx", gate ? gate : 0x600000000000ul);
	execl(argv[1], argv[1], "at", address, NULL);
	attack_broken("execve");
}
