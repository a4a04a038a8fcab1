/* SPDX-License-Identifier: Apache-2.0 */

/* A mapped module's descriptor, `baton_module_entry`, against the note of its file and what its
 * kind must offer. */
#pragma once

#include "core/base/str.h"

#include <baton/module.h>

struct baton_elf;

/* `*ret_vt`: the table of functions of `kind` ("provider"). 0, or BATON_E_MODULE with one line in
 * `why`: what, expected, found. */
int baton_descriptor_check(const baton_module *entry, const struct baton_elf *elf,
			   const char *kind, const void **ret_vt, char *why, size_t cap);
