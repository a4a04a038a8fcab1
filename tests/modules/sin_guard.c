/* SPDX-License-Identifier: Apache-2.0 */

/* A guard that masks what has an @ in it and 12 digits or more in a row, with single blanks or
 * hyphens between them. */
#include "tests/modules/sin.h"

enum { CARD_DIGITS = 12 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool in_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' ||
	       c == '+' || c == '-' || c == '_' || c == '@';
}

/* A run of digits with single separators: where it ends, and how many digits it has. */
static uint32_t number_end(baton_str t, uint32_t at, unsigned *ret_digits)
{
	unsigned digits = 0;
	uint32_t end = at;
	for (uint32_t k = at; k < t.n; k++) {
		if (is_digit(t.p[k])) {
			digits++;
			end = k + 1;
		} else if ((t.p[k] != ' ' && t.p[k] != '-') || end != k) {
			break;
		}
	}
	*ret_digits = digits;
	return end;
}

static uint32_t word_end(baton_str t, uint32_t at, bool *ret_mail)
{
	uint32_t k = at;
	*ret_mail = false;
	for (; k < t.n && in_word(t.p[k]); k++)
		*ret_mail |= t.p[k] == '@';
	return k;
}

/* The hit that begins at `at`, or what is to be passed over. */
static uint32_t next(baton_str t, uint32_t at, baton_hit *hit)
{
	unsigned digits;
	bool mail;
	uint32_t number = is_digit(t.p[at]) ? number_end(t, at, &digits) : at;
	uint32_t word = word_end(t, at, &mail);
	*hit = (baton_hit){ .begin = at, .action = BATON_GUARD_REDACT, .confidence_ppm = 900000 };
	if (number > at && digits >= CARD_DIGITS && number >= word) {
		hit->end = number;
		hit->type = str("card");
		return number;
	}
	if (mail) {
		hit->end = word;
		hit->type = str("email");
		return word;
	}
	if (number > word)
		return number;
	return word > at ? word : at + 1;
}

/* Where the last word or number begins: it may go on. */
static uint32_t safe_until(baton_str t)
{
	uint32_t at = 0;
	baton_hit hit;
	while (at < t.n) {
		uint32_t end = next(t, at, &hit);
		unsigned digits;
		/* A separator behind a number may be followed by more of it. */
		if (is_digit(t.p[at])) {
			uint32_t number = number_end(t, at, &digits);
			if (number + 1 >= t.n && number >= end)
				return at;
		}
		if (end >= t.n && in_word(t.p[at]))
			return at;
		at = end;
	}
	return (uint32_t)t.n;
}

static int32_t inspect(void *inst, const baton_inspection *what, baton_hits *out)
{
	struct inst *i = inst;
	baton_str t = what->text;
	uint32_t end = 0;
	if (is(i, "crash_no_turn") && !what->turn)
		crash();
	if (is(i, "asks_clock"))
		(void)i->host->now_ns(i->ctx);
	if (is(i, "logs_customer"))
		i->host->log(i->ctx, BATON_LOG_INFO, t);
	if (is(i, "slow") && t.n > 60000)
		nap(300);
	if (is(i, "sleeps"))
		nap(300);
	for (uint32_t at = 0; at < t.n; at = end) {
		baton_hit hit;
		end = next(t, at, &hit);
		if (hit.end == 0)
			continue;
		if (out->n == out->cap)
			return BATON_E_LIMIT;
		if (is(i, "overlaps") && out->n > 0)
			hit.begin = out->v[out->n - 1].begin;
		out->v[out->n++] = hit;
	}
	if (is(i, "remembers") && i->n++ % 3 == 0)
		out->n = 0;
	if (what->at != BATON_AT_ANSWER || what->final)
		return BATON_OK;
	out->safe = is(i, "hasty") ? (uint32_t)t.n : safe_until(t);
	if (is(i, "hasty"))
		while (out->safe > 0 && ((unsigned char)t.p[out->safe - 1] & 0x80u))
			out->safe--;
	if (is(i, "goes_back") && t.n % 7 == 0)
		out->safe = 0;
	return BATON_OK;
}

static int32_t describe(void *inst, const baton_sink *json)
{
	const char *text = is(inst, "describes_badly")
				   ? "[{\"name\":1}]"
				   : "[{\"type\":\"card\",\"action\":\"redact\"}]";
	return json->write(json->ud, text, strlen(text));
}

static const baton_guard guard = { .size = sizeof(guard),
				   .at = BATON_AT_CUSTOMER | BATON_AT_AGENT | BATON_AT_KNOWLEDGE |
					 BATON_AT_TOOL_RESULT | BATON_AT_TOOL_ARGS |
					 BATON_AT_ANSWER,
				   .describe = describe,
				   .inspect = inspect };
#define SIN_STATE NULL
#define VT BATON_GUARD, &guard
SIN_MODULE("sin-guard", "guard", VT);
