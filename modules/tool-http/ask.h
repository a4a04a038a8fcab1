/* SPDX-License-Identifier: Apache-2.0 */

/* One request as it goes out, made of a tool's declaration and a call's arguments. The same bytes
 * for each try, but for X-Request-Id. */
#pragma once

#include "settings.h"

enum { LINES_MAX = HEADERS_MAX * 2 + 6 };

struct ask {
	struct text url, body;
	struct text lines;      /* header lines, one behind the other */
	size_t ends[LINES_MAX]; /* of each in `lines` */
	uint32_t n_lines;
};

/* false: it cannot be made of these arguments, and nothing may be sent; *why names the argument,
 * never its value. *ask is to be done either way. */
bool ask_make(struct ask *ask, const struct settings *settings, const struct tool *tool,
	      const json_t *args, baton_str key, struct why *why);
void ask_done(struct ask *ask);
