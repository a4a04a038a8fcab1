/* SPDX-License-Identifier: Apache-2.0 */

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "modules/sdk/match/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one start of one match. What baton check lets in needs a few hundred. */
enum { STEPS_MAX = 20000, DEPTH_MAX = 500, HEAP_KIB_MAX = 512 };

struct match {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	bool grows; /* there is machine code for texts that grow, too */
};

void match_free(struct match **match)
{
	if (!*match)
		return;
	pcre2_match_data_free((*match)->data);
	pcre2_match_context_free((*match)->context);
	pcre2_code_free((*match)->code);
	free(*match);
	*match = NULL;
}

static bool prepare(struct match *match)
{
	match->data = pcre2_match_data_create(2, NULL);
	match->context = pcre2_match_context_create(NULL);
	if (!match->data || !match->context)
		return false;
	pcre2_set_match_limit(match->context, STEPS_MAX);
	pcre2_set_depth_limit(match->context, DEPTH_MAX);
	pcre2_set_heap_limit(match->context, HEAP_KIB_MAX);
	/* Without leave to make code (a process with hard memory rights) it is slower, not
	 * wrong. */
	(void)pcre2_jit_compile(match->code, PCRE2_JIT_COMPLETE);
	return true;
}

struct match *match_new(const char *pattern, size_t n, char *why, size_t cap)
{
	struct match *match = calloc(1, sizeof(*match));
	unsigned char words[120] = "";
	PCRE2_SIZE at = 0;
	int error = 0;

	if (!match)
		return NULL;
	match->code =
		pcre2_compile((PCRE2_SPTR)pattern, n,
			      PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C,
			      &error, &at, NULL);
	if (match->code && prepare(match))
		return match;
	if (!match->code)
		pcre2_get_error_message(error, words, sizeof(words));
	(void)snprintf(why, cap, "at %zu, %s", (size_t)at,
		       match->code ? "no memory" : (char *)words);
	match_free(&match);
	return NULL;
}

/* Few patterns are asked about texts that grow: they get their second code when the first is. */
static uint32_t growing(struct match *match)
{
	if (!match->grows)
		(void)pcre2_jit_compile(match->code, PCRE2_JIT_PARTIAL_HARD);
	match->grows = true;
	return PCRE2_PARTIAL_HARD;
}

int match_next(struct match *match, baton_str text, size_t from, bool grows,
	       struct match_spot *ret_spot)
{
	uint32_t how = grows ? growing(match) : 0;

	while (from <= text.n) {
		int rc = pcre2_match(match->code, (PCRE2_SPTR)text.p, text.n, from, how,
				     match->data, match->context);
		const PCRE2_SIZE *v = pcre2_get_ovector_pointer(match->data);

		if (rc == PCRE2_ERROR_NOMATCH)
			return 0;
		if (rc < 0 && rc != PCRE2_ERROR_PARTIAL)
			return -1;
		ret_spot->start = v[0];
		if (rc == PCRE2_ERROR_PARTIAL)
			return 2;
		size_t group = rc != 1 && v[2] != PCRE2_UNSET && v[3] > v[2] ? 1 : 0;
		ret_spot->begin = v[2 * group];
		ret_spot->end = v[2 * group + 1];
		if (ret_spot->end > ret_spot->begin)
			return 1;
		from = v[1] + 1; /* it found nothing at all */
		while (from < text.n && ((unsigned char)text.p[from] & 0xc0) == 0x80)
			from++;
	}
	return 0;
}

int match_find(struct match *match, const char *text, size_t n, size_t from, size_t *ret_begin,
	       size_t *ret_end)
{
	struct match_spot spot;
	int found = match_next(match, (baton_str){ text, n }, from, false, &spot);

	if (found > 0) {
		*ret_begin = spot.begin;
		*ret_end = spot.end;
	}
	return found;
}
