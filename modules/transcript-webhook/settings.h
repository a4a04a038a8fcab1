/* SPDX-License-Identifier: Apache-2.0 */

/* What the operator wrote under `config`, with everything filled in. */
#pragma once

#include <baton/module.h>
#include <stdbool.h>

enum { KEYS_MAX = 4, HEADERS_MAX = 16 };

struct settings {
	char *url;
	char *keys[KEYS_MAX]; /* names of secrets, the newest first */
	unsigned n_keys;
	char *headers[HEADERS_MAX];
	unsigned n_headers;
	uint32_t max_events, max_bytes, connect_ms, total_ms;
};

/* false with a sentence in *ret_why: it cannot be used. */
bool settings_read(struct settings *settings, baton_str config, const char **ret_why);
void settings_done(struct settings *settings);
