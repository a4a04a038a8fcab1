/* SPDX-License-Identifier: Apache-2.0 */

/* What can be known of a shared object without running any of it: is it a module, of which ABI, and
 * does it stay within what a module may do. Works on bytes in memory, which may be anything at all;
 * every offset is checked against them. dlopen() is asked only about bytes that passed.
 */
#pragma once

#include "core/base/str.h"

enum { BATON_ELF_NEEDED_MAX = 32, BATON_ELF_BYTES_MAX = 64 * 1024 * 1024 };

/* What the module says of itself, and what the file shows. Pointers are into the bytes. */
struct baton_elf {
	uint32_t abi_major, abi_built, abi_needed, flags, module_size;
	char id[64], version[32], kinds[96];
	const char *needed[BATON_ELF_NEEDED_MAX];
	size_t n_needed;
	size_t n_imports;
	/* Its code may not be unmapped once it ran: the name of what shows that; NULL: it may. */
	const char *resident_because;
	/* It may run in a process of its own only: the name of what shows that; NULL: anywhere. */
	const char *isolated_because;
	char build_id[65]; /* hexadecimal, "" if the linker wrote none: debuggers name files by it */
};

/* 0, or BATON_E_MODULE with one line in `why`: what, what was expected, what was found, what to do.
 * `isolated`: it will get a process of its own, where libraries that are not on our list, LMDB, a
 * changed directory and the like are its own affair; what starts programs or ends the process is
 * refused there, too. */
int baton_elf_check_for(baton_str bytes, bool isolated, struct baton_elf *ret_elf, char *why,
			size_t cap);
/* For a module that shares the server's process. */
int baton_elf_check(baton_str bytes, struct baton_elf *ret_elf, char *why, size_t cap);

/* True if `kinds`, words separated by spaces or commas, has `kind` ("rule"), its interface
 * ("baton.rule/1") also counts. */
bool baton_elf_has_kind(const char *kinds, const char *kind);
