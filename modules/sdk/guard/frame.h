/* SPDX-License-Identifier: Apache-2.0 */

/* What every guard has around its inspect(): an instance that is made of its configuration and let go
 * of, what it can find, and hits in the order the host wants them. A guard gives `guard_frame`, and
 * puts frame_load, frame_create and frame_destroy into its entry. */
#pragma once

#include <baton/module.h>
#include <string.h>

struct guard_frame {
	size_t bytes; /* of one instance; all of them are 0 when read() gets it */
	/* BATON_OK, or BATON_E_* and one line in `why` for the operator. */
	int32_t (*read)(void *guard, baton_str config_json, char *why, size_t cap);
	/* What the instance holds, also when read() has failed half way; never the instance itself.
	 * NULL: it holds nothing. */
	void (*done)(void *guard);
};
/* The guard's own. */
extern const struct guard_frame guard_frame;

int32_t frame_load(baton_ctx *ctx, const baton_host *host, void **mod);
int32_t frame_create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst);
void frame_destroy(void *inst);

/* One line of describe(). Nothing in it needs escaping. */
struct frame_kind {
	const char *type, *action, *description;
};
int32_t frame_describe(const baton_sink *json, const struct frame_kind *kinds, size_t n);

/* Puts a hit where it belongs by `begin`. BATON_E_LIMIT: there is no more room, and inspect() must
 * say so. Hits must not overlap: that is the caller's to see to. */
int32_t frame_hit(baton_hits *out, baton_hit hit);

/* Where the character begins that the byte at `at` is part of. */
size_t frame_character(baton_str text, size_t at);

static inline baton_str frame_str(const char *z)
{
	baton_str s = { z, strlen(z) };
	return s;
}
