/* SPDX-License-Identifier: Apache-2.0 */

/* What this process may do from now on, and its whole life. Entered before the first byte of the
 * module is mapped. No privilege is needed for any of it; what the kernel does not have is left out
 * and said. */
#pragma once

#include "core/base/str.h"

struct baton_sandbox_grant {
	const char *path;
	bool write;
};

struct baton_sandbox {
	uint32_t server_pid;
	uint64_t memory_bytes;
	uint32_t cpu_s, nofile;
	const char *module;
	const struct baton_sandbox_grant *grants;
	size_t n_grants;
};

/* Returns whether system calls are filtered. If not, processes are kept from being made by
 * baton_sandbox_no_more(), after the threads that this process needs.
 * `line` gets what holds: "landlock 7, seccomp, limits"; `missing` what does not, "" if nothing. */
bool baton_sandbox_enter(const struct baton_sandbox *sandbox, char *line, size_t line_cap,
			 char *missing, size_t missing_cap);

void baton_sandbox_no_more(void);

/* seccomp.c: the filter over system calls. 0, or the errno why not. */
int baton_seccomp_enter(bool may_write_files);
