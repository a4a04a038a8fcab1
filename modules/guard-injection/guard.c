/* SPDX-License-Identifier: Apache-2.0 */

/* guard-injection: words that mean to be instructions to the model, characters that nobody
 * sees, and addresses that carry data away.
 *
 * It marks and never trusts: a text without a mark is data all the same, and a mark alone stops
 * nothing but what the host makes of it. What is invisible is taken out everywhere; in answers,
 * pictures of strangers are taken out (a browser fetches them by itself), and links to
 * strangers that carry data stop the answer.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/guard-injection/link.h"
#include "modules/guard-injection/score.h"
#include "modules/guard-injection/weights.inc"
#include "modules/sdk/guard/frame.h"

BATON_MODULE_NOTE("guard-injection", "1.0.0", "guard", 0);

enum {
	AT_ALL = BATON_AT_CUSTOMER | BATON_AT_AGENT | BATON_AT_KNOWLEDGE | BATON_AT_TOOL_RESULT |
		 BATON_AT_TOOL_ARGS | BATON_AT_ANSWER,
	AT_READ = BATON_AT_CUSTOMER | BATON_AT_KNOWLEDGE | BATON_AT_TOOL_RESULT,
	AT_SOURCES = BATON_AT_KNOWLEDGE | BATON_AT_TOOL_RESULT,
	PPM = 1000000
};

struct guard {
	uint32_t threshold_ppm;
	bool blocks_sources;
	char **hosts;
	size_t n_hosts;
	float weights[SCORE_BUCKETS];
	struct score_scratch scratch;
};

static int32_t add(baton_hits *out, size_t begin, size_t end, uint32_t action, const char *type,
		   uint32_t ppm)
{
	return frame_hit(out, (baton_hit){ .begin = (uint32_t)begin,
					   .end = (uint32_t)end,
					   .action = action,
					   .confidence_ppm = ppm,
					   .type = frame_str(type) });
}

/* --- what nobody sees ----------------------------------------------------------------------- */

static bool is_plain(const unsigned char *p, size_t n, size_t at)
{
	return at < n && p[at] > 0x20 && p[at] < 0x7f;
}

/* A flag of a part of a country is written in tags behind a black flag. */
static bool is_flag(const unsigned char *p, size_t at)
{
	return at >= 4 && memcmp(p + at - 4, "\xf0\x9f\x8f\xb4", 4) == 0 && p[at] == 0xf3;
}

static int32_t find_invisible(const baton_inspection *what, size_t from, baton_hits *out)
{
	const unsigned char *p = (const unsigned char *)what->text.p;
	size_t n = what->text.n;

	for (size_t at = from; at < n; at++) {
		size_t end = at, length;
		bool alone = true, one;

		if (p[at] < 0xc2)
			continue;
		while (end < n && (length = score_invisible(p, n, end, &one)) > 0) {
			alone = alone && one && end == at;
			end += length;
		}
		if (end == at)
			continue;
		/* A single joiner between letters of a script that has them, a picture's, or a
		 * flag. */
		bool kept = alone && !(at > 0 && is_plain(p, n, at - 1) && is_plain(p, n, end));
		if (!kept && !is_flag(p, at)) {
			int32_t rc = add(out, at, end, BATON_GUARD_REMOVE, "invisible", PPM);
			if (rc < 0)
				return rc;
		}
		at = end - 1;
	}
	return BATON_OK;
}

/* --- words that mean to be instructions ----------------------------------------------------- */

/* Articles and what tools bring is prose, and held to another measure than a message. */
static uint32_t chance_ppm(float value, const baton_inspection *what)
{
	bool prose = (what->at & AT_SOURCES) && what->text.n > SCORE_LONG_BYTES;
	float middle = prose ? weight_middle_long : weight_middle;

	return (uint32_t)(1000000.0f / (1.0f + expf(-1.5f * (value - middle))));
}

/* Where the words begin, as far as nothing else has been found there: hits do not overlap. */
static int32_t mark(const struct guard *guard, const baton_inspection *what,
		    const struct score *score, uint32_t ppm, baton_hits *out)
{
	uint32_t action = guard->blocks_sources && (what->at & AT_SOURCES) ? BATON_GUARD_BLOCK
									   : BATON_GUARD_MARK;
	size_t begin = score->begin, end = score->end;
	uint32_t at = 0;

	while (at < out->n && out->v[at].end <= begin)
		at++;
	while (at < out->n && out->v[at].begin <= begin)
		begin = out->v[at++].end;
	if (at < out->n && out->v[at].begin < end)
		end = out->v[at].begin;
	return begin < end ? add(out, begin, end, action, "injection", ppm) : BATON_OK;
}

static int32_t inspect(void *inst, const baton_inspection *what, baton_hits *out)
{
	struct guard *guard = inst;
	size_t from = what->at == BATON_AT_ANSWER ? what->from : 0;
	int32_t rc = BATON_OK;

	if (what->at == BATON_AT_ANSWER) {
		struct links links = { .hosts = guard->hosts, .n_hosts = guard->n_hosts };
		size_t safe = 0;

		rc = links_find(&links, what, from, out, &safe);
		if (!what->final)
			out->safe = (uint32_t)(safe > from ? safe : from);
		return rc;
	}
	rc = find_invisible(what, from, out);
	if (rc < 0 || !(what->at & AT_READ))
		return rc;
	struct score score = score_text(guard->weights, weight_bias, what->text.p, what->text.n,
					&guard->scratch);
	uint32_t ppm = score.end > score.begin ? chance_ppm(score.value, what) : 0;
	return score.end > score.begin && ppm >= guard->threshold_ppm
		       ? mark(guard, what, &score, ppm, out)
		       : BATON_OK;
}

/* --- describing, settings ------------------------------------------------------------------- */

static int32_t describe(void *inst, const baton_sink *json)
{
	static const struct frame_kind kinds[] = {
		{ "injection", "mark", "words that mean to be instructions to the model" },
		{ "invisible", "remove", "characters that nobody sees" },
		{ "picture", "remove", "pictures of strangers in answers" },
		{ "link", "block", "links to strangers that carry data" },
	};

	(void)inst;
	return frame_describe(json, kinds, sizeof(kinds) / sizeof(kinds[0]));
}

static int32_t read_hosts(struct guard *guard, const json_t *list)
{
	size_t n = json_array_size(list);

	if (n > 1000)
		return BATON_E_LIMIT;
	guard->hosts = calloc(n ? n : 1, sizeof(*guard->hosts));
	for (size_t i = 0; guard->hosts && i < n; i++) {
		const char *host = json_string_value(json_array_get(list, i));

		guard->hosts[i] = host ? strdup(host) : NULL;
		if (!guard->hosts[i])
			return BATON_E_INVAL;
		guard->n_hosts = i + 1;
	}
	return guard->hosts ? BATON_OK : BATON_E_NOMEM;
}

static int32_t settings_read(void *inst, baton_str config_json, char *why, size_t cap)
{
	struct guard *guard = inst;
	json_t *config = json_loadb(config_json.p, config_json.n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *own = json_object_get(json_object_get(config, "policy"), "injection");
	const json_t *threshold = json_object_get(own, "threshold");
	const char *sources = json_string_value(json_object_get(own, "sources"));
	int32_t rc = config ? BATON_OK : BATON_E_INVAL;

	for (size_t i = 0; i < SCORE_BUCKETS; i++)
		guard->weights[i] = (float)weight_of[i] * weight_scale;
	guard->threshold_ppm = PPM / 2;
	if (json_is_number(threshold)) {
		double value = json_number_value(threshold);

		if (value < 0 || value > 1)
			rc = BATON_E_INVAL;
		else
			guard->threshold_ppm = (uint32_t)(value * PPM);
	}
	guard->blocks_sources = sources && strcmp(sources, "block") == 0;
	if (rc == BATON_OK)
		rc = read_hosts(guard, json_object_get(own, "links"));
	json_decref(config);
	if (rc < 0)
		(void)snprintf(why, cap,
			       "injection: threshold is 0.0 .. 1.0, links are names of hosts");
	return rc;
}

static void settings_done(void *inst)
{
	struct guard *guard = inst;

	for (size_t i = 0; i < guard->n_hosts; i++)
		free(guard->hosts[i]);
	free(guard->hosts);
}

/* --- the module ----------------------------------------------------------------------------- */

const struct guard_frame guard_frame = { sizeof(struct guard), settings_read, settings_done };

static const baton_guard guard_vt = {
	.size = sizeof(guard_vt), .at = AT_ALL, .describe = describe, .inspect = inspect
};
static const baton_iface ifaces[] = { { BATON_GUARD, &guard_vt } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "guard-injection",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Marks words that mean to be instructions, takes out what nobody sees",
	.config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
			 "\"policy\":{\"type\":\"object\"}}}",
	.ifaces = ifaces,
	.load = frame_load,
	.create = frame_create,
	.destroy = frame_destroy,
};
