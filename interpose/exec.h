/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the wrappers of execve(2) and execveat(2) do, for syscall(3) as well; see exec.c. */
int exec_execve(const char *path, char *const *argv, char *const *envp);
int exec_execveat(int dir, const char *path, char *const *argv, char *const *envp, int flags);
