/* SPDX-License-Identifier: BSD-2-Clause */

/* Lines of /proc/PID/maps, as a kernel without PROCMAP_QUERY gives them, or as nobody does. */

#include <stdlib.h>
#include <string.h>
#include "supervise/vma.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vma v;
	char *line = malloc(size ? size : 1); /* exactly sized: a byte too far is found */

	memcpy(line, data, size);
	memset(&v, 0xa5, sizeof(v));
	if (!vma_parse(line, size, &v))
		MUST(!(v.prot & ~7) && strnlen(v.name, sizeof(v.name)) < sizeof(v.name));
	free(line);
	return 0;
}
