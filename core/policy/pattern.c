/* SPDX-License-Identifier: Apache-2.0 */

/* A pattern that an admin writes runs over text that strangers write. PCRE2 backtracks, so
 * some patterns take longer than anybody's patience on text made for it: `(a+)+$` doubles with
 * every letter. Here each is tried on such text before it is let in, and its steps are counted
 * (callouts before each item of the pattern), not its time: the verdict is the same on every
 * machine, also on one that does not let PCRE2 make machine code. That takes the same steps in
 * half the time.
 *
 * Repetitions without an end are refused outright: `[0-9]+ EUR` looks harmless, and is a
 * million steps on a thousand digits, some of which no callout sees.
 */

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/policy/pattern.h"

#include <stdio.h>

enum {
	ATTACK_BYTES = 2048,
	STEPS_PER_BYTE_MAX = 150,
	MATCH_LIMIT = 1000000, /* of one start: the callouts end it long before */
	UNITS_MAX = 64
};

struct steps {
	uint64_t n, max;
};

static int on_callout(pcre2_callout_block *block, void *ud)
{
	struct steps *steps = ud;

	(void)block;
	return ++steps->n > steps->max ? PCRE2_ERROR_CALLOUT : 0;
}

/* The text is `unit` again and again and ends with what hardly any pattern wants there. */
static size_t attack_text(const char *unit, size_t n_unit, char *text)
{
	size_t n = 0;

	while (n + n_unit < ATTACK_BYTES - 4) {
		memcpy(text + n, unit, n_unit);
		n += n_unit;
	}
	memcpy(text + n, "\n!\x01", 3);
	return n + 3;
}

/* All matches of the text, as a guard asks for them. False: it took too many steps. */
static bool survives(const pcre2_code *code, pcre2_match_data *data, pcre2_match_context *context,
		     struct steps *steps, const char *text, size_t n)
{
	size_t at = 0;

	steps->n = 0;
	steps->max = (uint64_t)n * STEPS_PER_BYTE_MAX;
	while (at < n) {
		uint64_t before = steps->n;
		int rc = pcre2_match(code, (PCRE2_SPTR)text, n, at, 0, data, context);
		const PCRE2_SIZE *v = pcre2_get_ovector_pointer(data);

		if (rc == PCRE2_ERROR_JIT_STACKLIMIT) { /* a bound of machine code alone */
			steps->n = before;
			rc = pcre2_match(code, (PCRE2_SPTR)text, n, at, PCRE2_NO_JIT, data,
					 context);
		}
		if (rc == PCRE2_ERROR_NOMATCH)
			return true;
		if (rc < 0)
			return false;
		at = v[1] > at ? v[1] : at + 1;
	}
	return true;
}

/* What the texts are made of: each character of the pattern that stands for itself, what the
 * classes stand for, and the plain words of the pattern together. */
static size_t attack_units(baton_str pattern, char units[UNITS_MAX][64], size_t *lengths)
{
	static const char *const usual[] = { "a",  "0",  " ",  "-",   "@",       ".",
					     "a ", "0 ", "a.", "aA0", "\xc3\xa4" };
	size_t n = 0, words = 0;
	char all[64];

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		lengths[n] = strlen(usual[i]);
		memcpy(units[n++], usual[i], lengths[i]);
	}
	for (size_t i = 0; i < pattern.n; i++) {
		unsigned char c = (unsigned char)pattern.p[i];

		if (c < 0x20 || c > 0x7e || strchr("\\()[]{}*+?|^$", c))
			continue;
		if (words < sizeof(all))
			all[words++] = (char)c;
		if (n + 1 < UNITS_MAX && !memchr(pattern.p, c, i) && !strchr("a0 -@.", c)) {
			units[n][0] = (char)c;
			lengths[n++] = 1;
		}
	}
	if (words > 0) {
		memcpy(units[n], all, words);
		lengths[n++] = words;
	}
	return n;
}

static bool tried(const pcre2_code *code, baton_str pattern, char *why, size_t cap)
{
	char units[UNITS_MAX][64], text[ATTACK_BYTES];
	size_t lengths[UNITS_MAX], n = attack_units(pattern, units, lengths);
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
	struct steps steps = { 0, 0 };
	bool ok = context && data;

	if (ok) {
		pcre2_set_match_limit(context, MATCH_LIMIT);
		pcre2_set_callout(context, on_callout, &steps);
	}
	for (size_t i = 0; i < n && ok; i++) {
		ok = survives(code, data, context, &steps, text,
			      attack_text(units[i], lengths[i], text));
		if (!ok)
			snprintf(why, cap,
				 "it takes too long on a text such as `%.*s%.*s%.*s...`: allow "
				 "fewer repetitions inside each other",
				 (int)lengths[i], units[i], (int)lengths[i], units[i],
				 (int)lengths[i], units[i]);
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(context);
	return ok;
}

/* What finds the empty text would mask nothing, everywhere. */
static bool finds_something(const pcre2_code *code)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
	int rc = pcre2_match(code, (PCRE2_SPTR) "", 0, 0, 0, data, NULL);

	pcre2_match_data_free(data);
	return rc < 0;
}

/* `+`, `*` and {n,}, wherever they are none of the text's own characters. What is left out of
 * sight (a quoted \Q...\E, say) is refused rather than allowed. */
static bool has_end(baton_str pattern)
{
	bool in_class = false;

	for (size_t i = 0; i < pattern.n; i++) {
		char c = pattern.p[i];

		if (c == '\\') {
			i++;
		} else if (in_class) {
			in_class = c != ']' || pattern.p[i - 1] == '[';
		} else if (c == '[') {
			in_class = true;
		} else if (c == '+' || c == '*') {
			return false;
		} else if (c == '{') {
			while (i + 1 < pattern.n && strchr("0123456789,", pattern.p[i + 1]))
				i++;
			if (pattern.p[i] == ',' && i + 1 < pattern.n && pattern.p[i + 1] == '}')
				return false;
		}
	}
	return true;
}

bool baton_pattern_ok(baton_str pattern, char *why, size_t cap)
{
	PCRE2_SIZE at = 0;
	int error = 0;
	unsigned char words[120];
	pcre2_code *code =
		pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n,
			      PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C |
				      PCRE2_AUTO_CALLOUT | PCRE2_NO_START_OPTIMIZE,
			      &error, &at, NULL);

	if (!code) {
		pcre2_get_error_message(error, words, sizeof(words));
		snprintf(why, cap, "it is no regular expression: at %zu, %s", (size_t)at,
			 (const char *)words);
		return false;
	}
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	bool ok = finds_something(code);
	if (!ok)
		snprintf(why, cap, "it finds nothing at all as well: it would hit everywhere");
	if (ok && !has_end(pattern)) {
		ok = false;
		snprintf(why, cap,
			 "a repetition has no end, and a stranger decides how long it takes: write "
			 "{1,20} rather than + or *");
	}
	ok = ok && tried(code, pattern, why, cap);
	pcre2_code_free(code);
	return ok;
}
