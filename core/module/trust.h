/* SPDX-License-Identifier: Apache-2.0 */

/* Where a module runs: in the server's process, or in one of its own. */
#pragma once

#include "core/module/elf.h"
#include "core/module/generation.h"

/* The modules directory's file `manifest` (lines of sha256sum) names this hash. The file is
 * judged as a module is: nobody else may write it. A missing one trusts nobody. Blocking. */
bool baton_trust_manifest(const char *modules_dir, const uint8_t sha256[32]);

/* What the policies say; where they say nothing: inline for what came with the server, else
 * process. A module may refuse to be inline. `*ret_isolated` and 0, or BATON_E_MODULE with one
 * line in `why`: no process can be had for it. */
int baton_trust_decide(const struct baton_stage_options *options,
		       const struct baton_policy_module *spec, const uint8_t sha256[32],
		       const struct baton_elf *elf, bool *ret_isolated, char *why, size_t cap);
