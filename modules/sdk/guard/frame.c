/* SPDX-License-Identifier: Apache-2.0 */

/* The frame of a guard. A guard asks the host for nothing but a line to the operator, when its
 * settings are refused: so all that load() keeps is the host's table, which lives as long as the
 * process. */
#include "modules/sdk/guard/frame.h"

#include <stdio.h>
#include <stdlib.h>

enum { WHY_BYTES = 256, LINE_BYTES = 512 };

int32_t frame_load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	static const baton_host *table;

	(void)ctx;
	table = host;
	*mod = &table;
	return BATON_OK;
}

void frame_destroy(void *inst)
{
	if (guard_frame.done)
		guard_frame.done(inst);
	free(inst);
}

int32_t frame_create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	const baton_host *host = *(const baton_host **)mod;
	void *guard = calloc(1, guard_frame.bytes);
	char why[WHY_BYTES] = "";

	if (!guard)
		return BATON_E_NOMEM;
	int32_t rc = guard_frame.read(guard, config_json, why, sizeof(why));
	if (rc == BATON_OK) {
		*inst = guard;
		return BATON_OK;
	}
	host->log(ctx, BATON_LOG_ERROR,
		  frame_str(why[0] ? why : "its configuration cannot be read"));
	frame_destroy(guard);
	return rc;
}

int32_t frame_describe(const baton_sink *json, const struct frame_kind *kinds, size_t n)
{
	int32_t rc = json->write(json->ud, "[", 1);

	for (size_t i = 0; rc == BATON_OK && i < n; i++) {
		char line[LINE_BYTES];
		int bytes = snprintf(line, sizeof(line),
				     "%s{\"type\":\"%s\",\"action\":\"%s\",\"description\":\"%s\"}",
				     i > 0 ? "," : "", kinds[i].type, kinds[i].action,
				     kinds[i].description);

		rc = bytes > 0 && (size_t)bytes < sizeof(line)
			     ? json->write(json->ud, line, (size_t)bytes)
			     : BATON_E_LIMIT;
	}
	return rc == BATON_OK ? json->write(json->ud, "]", 1) : rc;
}

int32_t frame_hit(baton_hits *out, baton_hit hit)
{
	uint32_t at = out->n;

	if (out->n == out->cap)
		return BATON_E_LIMIT;
	while (at > 0 && out->v[at - 1].begin > hit.begin) {
		out->v[at] = out->v[at - 1];
		at--;
	}
	out->v[at] = hit;
	out->n++;
	return BATON_OK;
}

size_t frame_character(baton_str text, size_t at)
{
	while (at > 0 && at < text.n && ((unsigned char)text.p[at] & 0xc0) == 0x80)
		at--;
	return at;
}
