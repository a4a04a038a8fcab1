/* SPDX-License-Identifier: Apache-2.0 */

/* guard-policy: what a bot must not say, and what it must. A promise that is forbidden stops
 * the answer; words that are missing are put behind it, or a person reads it.
 *
 * While an answer grows, a sentence is let go when it is whole: only then is it known whether
 * it takes back what it began to promise ("a refund is not possible"). However long it gets, it is
 * held from where a promise begins, or may: what is found does not depend on the pieces in which
 * the answer comes.
 */
#include "modules/guard-policy/saying.h"
#include "modules/sdk/guard/frame.h"

BATON_MODULE_NOTE("guard-policy", "1.0.0", "guard", 0);

enum {
	SENTENCE_MAX = 800, /* a longer one is let go up to half of that, if nothing is in it */
	TAKEN_BACK_MAX = 1000
};

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

/* Blanks in front of it are its own. */
static size_t sentence_begin(baton_str text, size_t at)
{
	while (at > 0 && !ends_at(text, at - 1))
		at--;
	return at;
}

/* The sentences that what stands in [begin, end) is part of. *ret_whole: the last one has ended. */
static baton_str sentences_of(baton_str text, size_t begin, size_t end, bool *ret_whole)
{
	while (begin + 1 < end && is_blank(text.p[begin]))
		begin++;
	size_t from = sentence_begin(text, begin), to = end - 1;

	*ret_whole = false;
	while (to < text.n && !*ret_whole)
		*ret_whole = ends_at(text, to++);
	return (baton_str){ text.p + from, to - from };
}

/* All whole sentences. */
static size_t safe_until(baton_str text)
{
	size_t at = sentence_begin(text, text.n);

	return text.n - at > SENTENCE_MAX ? frame_character(text, text.n - SENTENCE_MAX / 2) : at;
}

/* --- looking -------------------------------------------------------------------------------- */

/* One reason for the same words is enough. */
static int32_t block(baton_hits *out, const char *type, const struct saying *saying, size_t begin,
		     size_t end)
{
	for (uint32_t i = 0; i < out->n; i++)
		if (begin < out->v[i].end && end > out->v[i].begin)
			return BATON_OK;
	return frame_hit(out, (baton_hit){ .begin = (uint32_t)begin,
					   .end = (uint32_t)end,
					   .action = BATON_GUARD_BLOCK,
					   .confidence_ppm = 1000000,
					   .type = frame_str(type),
					   .rule = frame_str(saying->id) });
}

/* Its sentence takes it back: 1; it does not: 0; not known yet: 2. */
static int taken_back(const struct saying *saying, const baton_inspection *what,
		      const struct match_spot *spot)
{
	bool whole;
	baton_str sentences = sentences_of(what->text, spot->begin, spot->end, &whole);

	if (saying->n_unless == 0)
		return 0;
	return whole || what->final ? saying_stands(saying->unless, saying->n_unless, sentences)
				    : 2;
}

/* The first time that it is promised, or may be: from there on nothing is let go (*safe). Of what
 * has been shown, the sentence that goes on counts. */
static int32_t look_for(const struct saying *saying, const baton_inspection *what, baton_hits *out,
			size_t *safe)
{
	size_t from =
		sentence_begin(what->text, what->from < what->text.n ? what->from : what->text.n);
	struct match_spot spot;

	for (unsigned i = 0; i < TAKEN_BACK_MAX; i++) {
		int found = saying_next(saying->words, saying->n_words, what, from, &spot);
		int back = found == 1 ? taken_back(saying, what, &spot) : found;

		if (found <= 0 || back < 0)
			return found < 0 || back < 0 ? BATON_E_STATE : BATON_OK;
		if (back != 1 && (back == 2 || spot.end > what->from)) {
			*safe = spot.start < *safe ? spot.start : *safe;
			return back == 2 ? BATON_OK
					 : block(out, "promise", saying, spot.begin, spot.end);
		}
		from = spot.start + 1;
		while (from < what->text.n && ((unsigned char)what->text.p[from] & 0xc0) == 0x80)
			from++;
	}
	return BATON_E_LIMIT;
}

/* It is put behind the answer; or the answer is stopped, for which something must be named: its
 * last character. */
static int32_t look_for_missing(const struct saying *saying, const baton_inspection *what,
				baton_hits *out)
{
	size_t n = what->text.n;
	int found = saying_stands(saying->words, saying->n_words, what->text);

	if (found != 0 || n == 0)
		return found < 0 ? BATON_E_STATE : BATON_OK;
	if (!saying->append)
		return block(out, "required", saying, frame_character(what->text, n - 1), n);
	return frame_hit(out, (baton_hit){ .begin = (uint32_t)n,
					   .end = (uint32_t)n,
					   .action = BATON_GUARD_APPEND,
					   .confidence_ppm = 1000000,
					   .type = frame_str("required"),
					   .rule = frame_str(saying->id),
					   .text = frame_str(saying->append) });
}

static int32_t inspect(void *inst, const baton_inspection *what, baton_hits *out)
{
	const struct sayings *sayings = inst;
	size_t safe = what->text.n;
	int32_t rc = BATON_OK;
	bool any = false;

	if (what->at != BATON_AT_ANSWER)
		return BATON_OK;
	for (size_t i = 0; rc == BATON_OK && i < sayings->n_promises; i++) {
		if (!saying_concerns(&sayings->promises[i], what->turn))
			continue;
		if (!any)
			safe = safe_until(what->text);
		any = true;
		rc = look_for(&sayings->promises[i], what, out, &safe);
	}
	for (size_t i = 0; rc == BATON_OK && what->final && i < sayings->n_required; i++)
		if (saying_concerns(&sayings->required[i], what->turn))
			rc = look_for_missing(&sayings->required[i], what, out);
	if (any && !what->final)
		out->safe = (uint32_t)(safe > what->from ? safe : what->from);
	return rc;
}

static int32_t describe(void *inst, const baton_sink *json)
{
	static const struct frame_kind kinds[] = {
		{ "promise", "block", "what a bot must not say" },
		{ "required", "append", "what it must say" },
	};

	(void)inst;
	return frame_describe(json, kinds, sizeof(kinds) / sizeof(kinds[0]));
}

/* --- the module ----------------------------------------------------------------------------- */

static int32_t settings_read(void *inst, baton_str config_json, char *why, size_t cap)
{
	return sayings_read(inst, config_json, why, cap);
}

static void settings_done(void *inst)
{
	sayings_done(inst);
}

const struct guard_frame guard_frame = { sizeof(struct sayings), settings_read, settings_done };

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
	.load = frame_load,
	.create = frame_create,
	.destroy = frame_destroy,
};
