/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

void spawn_supervisor(const char *library, char **envp);
