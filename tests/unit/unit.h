/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <check.h>

/* Runs a suite and speaks TAP on standard output. Return: an exit status. */
static inline int unit_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
