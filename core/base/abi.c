/* SPDX-License-Identifier: Apache-2.0 */

/* The form of what tools and guards say. The server, its proxies, the test host and `baton module
 * check` hold a module to the very same lines, so they stand here once. */
#include "core/base/abi.h"

#include "core/base/json.h"
#include "core/base/limits.h"

#include <stdio.h>

enum { PPM = 1000000, CODE_BYTES_MAX = 63, TYPE_BYTES_MAX = 31 };

static bool text_ok(baton_str s, size_t max)
{
	return s.n <= max && (s.p || s.n == 0) && baton_str_utf8_ok(s);
}

/* [a-z0-9_]{1,max} */
static bool word_ok(baton_str s, size_t max)
{
	if (!s.p || s.n == 0 || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
		      s.p[i] == '_'))
			return false;
	return true;
}

/* Ids stand in the record and in conditions: letters, digits and .-_ */
static bool id_ok(baton_str s)
{
	if (s.n > BATON_NAME_BYTES_MAX || (!s.p && s.n > 0))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '-' || c == '_'))
			return false;
	}
	return true;
}

const char *baton_abi_tool_wrong(const baton_tool_result *result)
{
	struct baton_json json;
	bool is_no = (result->flags & BATON_TOOL_NO) != 0;
	if (result->json.n > BATON_TOOL_RESULT_BYTES_MAX)
		return "a tool's result of more than 64 KiB";
	if (!result->json.p && result->json.n > 0)
		return "a tool's result is NULL";
	if ((result->json.n > 0 || !is_no) && baton_json_parse(result->json, &json) < 0)
		return "a tool's result is not one JSON value";
	if (is_no && !word_ok(result->code, CODE_BYTES_MAX))
		return "a tool's no without a code of [a-z0-9_]{1,63}";
	return NULL;
}

/* A character begins there, or the text ends. */
static bool is_border(baton_str text, uint32_t at)
{
	return at <= text.n && (at == text.n || ((unsigned char)text.p[at] & 0xc0u) != 0x80u);
}

static const char *hit_wrong(const baton_inspection *what, const baton_hit *hit)
{
	bool appends = hit->action == BATON_GUARD_APPEND;
	if (hit->end > what->text.n || hit->begin > hit->end ||
	    (hit->begin == hit->end && !appends))
		return "a hit that is empty or not inside the text";
	if (!is_border(what->text, hit->begin) || !is_border(what->text, hit->end))
		return "a hit that cuts a character";
	if (!word_ok(hit->type, TYPE_BYTES_MAX))
		return "a hit without a type of [a-z0-9_]{1,31}";
	if (!id_ok(hit->rule))
		return "a hit whose rule is not [A-Za-z0-9._-]{0,64}";
	if (hit->confidence_ppm > PPM)
		return "a hit's confidence_ppm above 1000000";
	if (!appends)
		return NULL;
	if (what->at != BATON_AT_ANSWER || !what->final)
		return "words to append to what is not a whole answer";
	if (hit->text.n == 0 || !text_ok(hit->text, BATON_TEXT_BYTES_MAX))
		return "words to append that are empty, too long or not UTF-8";
	return NULL;
}

const char *baton_abi_hits_wrong(const baton_inspection *what, const baton_hits *hits)
{
	if (hits->n > hits->cap)
		return "more hits than there is room for";
	for (uint32_t i = 0; i < hits->n; i++) {
		const char *wrong = hit_wrong(what, &hits->v[i]);
		if (wrong)
			return wrong;
		if (i > 0 && hits->v[i].begin < hits->v[i - 1].end)
			return "hits that overlap or are not in order";
	}
	if (!is_border(what->text, hits->safe))
		return "safe is not inside the text or cuts a character";
	return NULL;
}
