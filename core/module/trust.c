/* SPDX-License-Identifier: Apache-2.0 */

/* Who is trusted with the server's own process. */
#include "core/module/trust.h"

#include "core/base/errors.h"

#include <stdio.h>
#include <string.h>

bool baton_trust_manifest(const char *modules_dir, const uint8_t sha256[32])
{
	struct baton_buf text = { 0 };
	char why[256], hex[65];
	bool found = false;
	baton_file_hex(sha256, 32, hex);
	if (baton_file_read(modules_dir, "manifest", &text, why, sizeof(why)) == 0)
		for (const char *line = text.p; !found && line && text.n > 0;) {
			size_t left = text.n - (size_t)(line - text.p);
			found = left > 64 && memcmp(line, hex, 64) == 0 && line[64] == ' ';
			const char *end = memchr(line, '\n', left);
			line = end && end + 1 < text.p + text.n ? end + 1 : NULL;
		}
	baton_buf_done(&text);
	return found;
}

int baton_trust_decide(const struct baton_stage_options *options,
		       const struct baton_policy_module *spec, const uint8_t sha256[32],
		       const struct baton_elf *elf, bool *ret_isolated, char *why, size_t cap)
{
	bool refuses = (elf->flags & BATON_MODF_NO_INLINE) || elf->isolated_because;
	bool inline_said = spec->isolation && strcmp(spec->isolation, "inline") == 0;
	bool process_said = spec->isolation && strcmp(spec->isolation, "process") == 0;
	if (inline_said && (elf->flags & BATON_MODF_NO_INLINE)) {
		(void)snprintf(
			why, cap,
			"it refuses to run in the server's process: write `isolation: process`");
		return BATON_E_MODULE;
	}
	*ret_isolated = process_said ||
			(!inline_said && (refuses || (elf->flags & BATON_MODF_ISOLATE) ||
					  !baton_trust_manifest(options->modules_dir, sha256)));
	if (*ret_isolated && !options->modhost && (process_said || refuses)) {
		(void)snprintf(
			why, cap,
			"it needs a process of its own, and the program baton-modhost is not beside baton");
		return BATON_E_MODULE;
	}
	/* Tools and tests without that program run what they are given. */
	*ret_isolated = *ret_isolated && options->modhost;
	return 0;
}
