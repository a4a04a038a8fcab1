/* SPDX-License-Identifier: Apache-2.0 */

/* guard-policy: what a bot must not say, and what it must. A promise that is forbidden stops
 * the answer; words that are missing are put behind it, or a person reads it.
 *
 * While an answer grows, a sentence is let go when it is whole: only then is it known whether
 * it takes back what it began to promise ("a refund is not possible").
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <baton/module.h>

#include "modules/guard-policy/saying.h"

BATON_MODULE_NOTE("guard-policy", "1.0.0", "guard", 0);

enum { SENTENCE_MAX = 800 }; /* a longer one is let go up to half of that */

static baton_str str_of(const char *z)
{
	return (baton_str){ z, strlen(z) };
}

/* --- sentences ------------------------------------------------------------------------------ */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A sentence ends behind this byte: a line does, and a mark that a blank follows. */
static bool ends_at(baton_str text, size_t at)
{
	char c = text.p[at];

	if (c == '\n')
		return true;
	return (c == '.' || c == '!' || c == '?') && at + 1 < text.n && is_blank(text.p[at + 1]);
}

static size_t sentence_begin(baton_str text, size_t at)
{
	while (at > 0 && !ends_at(text, at - 1))
		at--;
	while (at < text.n && is_blank(text.p[at]))
		at++;
	return at;
}

/* Behind the sentence's last byte; *ret_whole: it has ended. */
static size_t sentence_end(baton_str text, size_t at, bool *ret_whole)
{
	*ret_whole = false;
	while (at < text.n && !*ret_whole)
		*ret_whole = ends_at(text, at++);
	return at;
}

/* All whole sentences. */
static size_t safe_until(baton_str text)
{
	size_t at = text.n;

	while (at > 0 && !ends_at(text, at - 1))
		at--;
	if (text.n - at > SENTENCE_MAX) {
		at = text.n - SENTENCE_MAX / 2;
		while (at > 0 && ((unsigned char)text.p[at] & 0xc0) == 0x80)
			at--;
	}
	return at;
}

/* --- looking -------------------------------------------------------------------------------- */

/* Sorted in, unless it overlaps what is there: one reason is enough. */
static int32_t add(baton_hits *out, const struct saying *saying, size_t begin, size_t end)
{
	uint32_t at = out->n;

	for (uint32_t i = 0; i < out->n; i++)
		if (begin < out->v[i].end && end > out->v[i].begin)
			return BATON_OK;
	if (out->n == out->cap)
		return BATON_E_LIMIT;
	while (at > 0 && out->v[at - 1].begin > begin) {
		out->v[at] = out->v[at - 1];
		at--;
	}
	out->v[at] = (baton_hit){ .begin = (uint32_t)begin,
				  .end = (uint32_t)end,
				  .action = BATON_GUARD_BLOCK,
				  .confidence_ppm = 1000000,
				  .type = str_of("promise"),
				  .rule = str_of(saying->id) };
	out->n++;
	return BATON_OK;
}

/* The sentence takes it back: 1; it does not: 0; not known yet: 2. */
static int taken_back(const struct saying *saying, const baton_inspection *what, size_t at)
{
	size_t begin = sentence_begin(what->text, at), from, to;
	bool whole;
	size_t end = sentence_end(what->text, at, &whole);
	int rc;

	if (saying->n_unless == 0)
		return 0;
	rc = saying_find(saying->unless, saying->n_unless,
			 (baton_str){ what->text.p + begin, end - begin }, 0, &from, &to);
	return rc == 0 && !whole && !what->final ? 2 : rc;
}

/* Of what has been shown, the sentence that goes on counts. */
static int32_t look_for(const struct saying *saying, const baton_inspection *what, baton_hits *out)
{
	size_t from =
		sentence_begin(what->text, what->from < what->text.n ? what->from : what->text.n);
	size_t begin, end;

	for (;;) {
		int found =
			saying_find(saying->words, saying->n_words, what->text, from, &begin, &end);

		if (found <= 0)
			return found < 0 ? BATON_E_STATE : BATON_OK;
		int back = taken_back(saying, what, begin);
		if (back < 0)
			return BATON_E_STATE;
		if (back == 0 && end > what->from) {
			int32_t rc = add(out, saying, begin, end);
			if (rc < 0)
				return rc;
		}
		from = end;
	}
}

static int32_t look_for_missing(const struct saying *saying, const baton_inspection *what,
				baton_hits *out)
{
	size_t begin, end;
	int found = saying_find(saying->words, saying->n_words, what->text, 0, &begin, &end);

	if (found != 0)
		return found < 0 ? BATON_E_STATE : BATON_OK;
	if (out->n == out->cap)
		return BATON_E_LIMIT;
	begin = what->text.n;
	while (!saying->append && begin > 0 && begin + 1 > what->text.n) {
		begin--; /* to stop it, something must be named: its last character */
		while (begin > 0 && ((unsigned char)what->text.p[begin] & 0xc0) == 0x80)
			begin--;
	}
	if (!saying->append && out->n > 0 && out->v[out->n - 1].end > begin)
		return BATON_OK; /* it is stopped already */
	out->v[out->n++] = (baton_hit){
		.begin = (uint32_t)begin,
		.end = (uint32_t)what->text.n,
		.action = saying->append ? BATON_GUARD_APPEND : BATON_GUARD_BLOCK,
		.confidence_ppm = 1000000,
		.type = str_of("required"),
		.rule = str_of(saying->id),
		.text = saying->append ? str_of(saying->append) : (baton_str){ "", 0 },
	};
	return BATON_OK;
}

static int32_t inspect(void *inst, const baton_inspection *what, baton_hits *out)
{
	const struct sayings *sayings = inst;
	int32_t rc = BATON_OK;
	bool any = false;

	if (what->at != BATON_AT_ANSWER)
		return BATON_OK;
	for (size_t i = 0; rc == BATON_OK && i < sayings->n_promises; i++) {
		if (!saying_concerns(&sayings->promises[i], what->turn))
			continue;
		any = true;
		rc = look_for(&sayings->promises[i], what, out);
	}
	for (size_t i = 0; rc == BATON_OK && what->final && i < sayings->n_required; i++)
		if (saying_concerns(&sayings->required[i], what->turn))
			rc = look_for_missing(&sayings->required[i], what, out);
	if (rc == BATON_OK && any && !what->final) {
		size_t safe = safe_until(what->text);

		out->safe = (uint32_t)(safe > what->from ? safe : what->from);
	}
	return rc;
}

/* --- describing ----------------------------------------------------------------------------- */

static int32_t describe(void *inst, const baton_sink *json)
{
	static const char text[] =
		"[{\"type\":\"promise\",\"action\":\"block\",\"description\":\"what a bot must not say\"},"
		"{\"type\":\"required\",\"action\":\"append\",\"description\":\"what it must say\"}]";

	(void)inst;
	return json->write(json->ud, text, sizeof(text) - 1);
}

/* --- the module ----------------------------------------------------------------------------- */

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	static const baton_host *table;

	(void)ctx;
	table = host;
	*mod = &table;
	return BATON_OK;
}

static void destroy(void *inst)
{
	sayings_done(inst);
	free(inst);
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	const baton_host *host = *(const baton_host **)mod;
	struct sayings *sayings = calloc(1, sizeof(*sayings));
	char why[256] = "";

	if (!sayings)
		return BATON_E_NOMEM;
	int32_t rc = sayings_read(sayings, config_json, why, sizeof(why));
	if (rc == BATON_OK) {
		*inst = sayings;
		return BATON_OK;
	}
	if (why[0])
		host->log(ctx, BATON_LOG_ERROR, str_of(why));
	destroy(sayings);
	return rc;
}

static const baton_guard guard_vt = {
	.size = sizeof(guard_vt), .at = BATON_AT_ANSWER, .describe = describe, .inspect = inspect
};
static const baton_iface ifaces[] = { { BATON_GUARD, &guard_vt } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "guard-policy",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Stops answers that promise what they must not, adds what they must say",
	.config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
			 "\"policy\":{\"type\":\"object\"}}}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
};
