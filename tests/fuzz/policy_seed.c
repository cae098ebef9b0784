/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include "policy/read.h"

/*
 * A policy file → its compiled form, as a first input for the target policy_blob. Made at build
 * time since a stored one would be refused, and fuzz nothing, after the first change of the keys.
 * Not cmpolicy, whose answer depends on the policies of the machine.
 *
 * Usage: policy_seed FILE OUT
 */
int main(int argc, char **argv)
{
	struct policy_set *set;
	struct policy_blob blob;
	FILE *out;

	if (argc != 3 || policy_set_new(&set, NULL, stderr) ||
	    policy_set_file(set, argv[1], &blob, stderr))
		return 1;
	out = fopen(argv[2], "wbe");
	if (!out || fwrite(blob.data, 1, blob.size_bytes, out) != blob.size_bytes || fclose(out)) {
		perror(argv[2]);
		return 1;
	}
	policy_blob_deinit(&blob);
	policy_set_free(set);
	return 0;
}
