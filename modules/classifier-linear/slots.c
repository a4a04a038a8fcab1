/* SPDX-License-Identifier: Apache-2.0 */

/* Slots by PCRE2. Every pattern is tried with bounds on steps, depth and memory: one that tries too
 * long on some message has found nothing in it. All types but `date` are one pattern; words carry
 * their number as a mark, so that the value is written as in the policy. */

#define PCRE2_CODE_UNIT_WIDTH 8

#include "slots.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	SLOTS_MAX = 32,
	STEPS_MAX = 20000,
	DEPTH_MAX = 500,
	HEAP_KIB_MAX = 512,
	TEXT_LOOKED_AT = 4096,
	WORDS_PATTERN_MAX = 256 * 1024,
};

/* What a value may not stand in the middle of. */
#define FREE_BEFORE "(?<![\\pL\\pN_])"
#define FREE_BEHIND "(?![\\pL\\pN_])"
static const char email_pattern[] =
	"\\[EMAIL_\\d+\\]|[\\w.+-]{1,64}@[\\w-]{1,63}(?:\\.[\\w-]{1,63})+";
static const char number_pattern[] = FREE_BEFORE "(\\d{1,18}(?:[.,]\\d{1,6})*)" FREE_BEHIND;
#define MONTH \
	"(jan|feb|mar|m\xc3\xa4r|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-z]{0,7}\\.?"
static const char date_pattern[] = FREE_BEFORE
	"(?:(?<y>\\d{4})-(?<m>\\d{1,2})-(?<d>\\d{1,2})"
	"|(?<a>\\d{1,2})([./])(?<b>\\d{1,2})(?:[./](?<c>\\d{4}|\\d{2})?)?"
	"|(?<e>\\d{1,2})(?:st|nd|rd|th|\\.)? (?:of )?(?<f>" MONTH ")(?:,? (?<g>\\d{4}))?"
	"|(?<h>" MONTH ") (?<i>\\d{1,2})(?:st|nd|rd|th)?(?:,? (?<j>\\d{4}))?"
	"|(?<w>today|tomorrow|yesterday|heute|morgen|gestern))" FREE_BEHIND;

enum kind { BY_PATTERN, BY_WORDS, BY_DATE };
struct slot {
	char *name;
	enum kind kind;
	pcre2_code *code;
	char **words;
	size_t n_words;
};
struct slots {
	struct slot v[SLOTS_MAX];
	size_t n;
};

struct slots_work {
	pcre2_match_data *match;
	pcre2_match_context *context;
	size_t n;
	char out[SLOTS_OUT_BYTES];
};

/* --- compiled ----------------------------------------------------------------------------- */

static pcre2_code *compile(const char *pattern)
{
	int rc;
	PCRE2_SIZE at;

	return pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
			     PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C |
				     PCRE2_MATCH_INVALID_UTF | PCRE2_DUPNAMES,
			     &rc, &at, NULL);
}

static size_t put_word(char *to, size_t n, const char *word)
{
	for (; *word; word++) {
		unsigned char c = (unsigned char)*word;
		bool plain = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z');

		if (c == ' ') {
			memcpy(to + n, "\\s+", 3);
			n += 3;
			continue;
		}
		if (!plain)
			to[n++] = '\\';
		to[n++] = (char)c;
	}
	return n;
}

static int by_length(const void *left, const void *right)
{
	size_t l = strlen(*(char *const *)left), r = strlen(*(char *const *)right);

	return (l < r) - (l > r);
}

/* Longest first: "gift card" before "gift". */
static int compile_words(struct slot *slot, json_t *words)
{
	size_t n = json_array_size(words), bytes = 64, o;

	slot->words = calloc(n + 1, sizeof(*slot->words));
	for (size_t i = 0; slot->words && i < n; i++) {
		const char *word = json_string_value(json_array_get(words, i));

		slot->words[slot->n_words] = word ? strdup(word) : NULL;
		if (!slot->words[slot->n_words])
			return -1;
		bytes += 3 * strlen(word) + 32;
		slot->n_words++;
	}
	char *pattern = bytes <= WORDS_PATTERN_MAX ? calloc(1, bytes + 64) : NULL;

	if (!pattern || !slot->words || n == 0) {
		free(pattern);
		return -1;
	}
	qsort(slot->words, n, sizeof(*slot->words), by_length);
	o = (size_t)snprintf(pattern, 64, "%s(?:", FREE_BEFORE);
	for (size_t i = 0; i < n; i++) {
		o = put_word(pattern, o, slot->words[i]);
		o += (size_t)snprintf(pattern + o, 32, "(*MARK:%zu)%s", i, i + 1 < n ? "|" : "");
	}
	(void)snprintf(pattern + o, 32, ")%s", FREE_BEHIND);
	slot->code = compile(pattern);
	free(pattern);
	return slot->code ? 0 : -1;
}

static int slot_read(struct slot *slot, json_t *json)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const char *type = json_string_value(json_object_get(json, "type"));
	const char *pattern = json_string_value(json_object_get(json, "pattern"));

	if (!name || !*name || !type)
		return -1;
	slot->name = strdup(name);
	if (!slot->name)
		return -1;
	if (strcmp(type, "words") == 0) {
		slot->kind = BY_WORDS;
		return compile_words(slot, json_object_get(json, "words"));
	}
	slot->kind = strcmp(type, "date") == 0 ? BY_DATE : BY_PATTERN;
	slot->code = compile(strcmp(type, "email") == 0    ? email_pattern
			     : strcmp(type, "number") == 0 ? number_pattern
			     : slot->kind == BY_DATE       ? date_pattern
			     : pattern && *pattern         ? pattern
							   : "(");
	return slot->code ? 0 : -1;
}

struct slots *slots_new(json_t *list, const char **why)
{
	size_t n = json_array_size(list), i;
	json_t *json;

	if (list && !json_is_array(list)) {
		*why = "the slots of an intent are not a list";
		return NULL;
	}
	if (n > SLOTS_MAX)
		*why = "more than 32 slots";
	if (n == 0 || *why)
		return NULL;
	struct slots *slots = calloc(1, sizeof(*slots));

	if (!slots) {
		*why = "out of memory";
		return NULL;
	}
	json_array_foreach(list, i, json) {
		slots->n++;
		if (slot_read(&slots->v[i], json) < 0) {
			*why = "a slot has no name, no known type, or a pattern that is none";
			slots_free(&slots);
			return NULL;
		}
	}
	return slots;
}

void slots_free(struct slots **slots)
{
	for (size_t i = 0; *slots && i < (*slots)->n; i++) {
		struct slot *slot = &(*slots)->v[i];

		for (size_t k = 0; k < slot->n_words; k++)
			free(slot->words[k]);
		free(slot->words);
		free(slot->name);
		pcre2_code_free(slot->code);
	}
	free(*slots);
	*slots = NULL;
}

struct slots_work *slots_work_new(void)
{
	struct slots_work *work = calloc(1, sizeof(*work));

	if (!work)
		return NULL;
	work->match = pcre2_match_data_create(32, NULL);
	work->context = pcre2_match_context_create(NULL);
	if (!work->match || !work->context) {
		slots_work_free(&work);
		return NULL;
	}
	(void)pcre2_set_match_limit(work->context, STEPS_MAX);
	(void)pcre2_set_depth_limit(work->context, DEPTH_MAX);
	(void)pcre2_set_heap_limit(work->context, HEAP_KIB_MAX);
	return work;
}

void slots_work_free(struct slots_work **work)
{
	if (!*work)
		return;
	pcre2_match_data_free((*work)->match);
	pcre2_match_context_free((*work)->context);
	free(*work);
	*work = NULL;
}

/* --- found -------------------------------------------------------------------------------- */

/* A named group of the last match; n = 0: it took no part. */
static baton_str group(const struct slots_work *work, const struct slot *slot, baton_str text,
		       const char *name)
{
	int number = pcre2_substring_number_from_name(slot->code, (PCRE2_SPTR)name);
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(work->match);

	if (number < 0 || (uint32_t)number >= pcre2_get_ovector_count(work->match) ||
	    at[2 * number] == PCRE2_UNSET)
		return (baton_str){ "", 0 };
	return (baton_str){ text.p + at[2 * number], at[2 * number + 1] - at[2 * number] };
}

static unsigned number_of(baton_str s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n && i < 4; i++)
		n = n * 10 + (unsigned)(s.p[i] - '0');
	return n;
}

static unsigned month_of(baton_str s)
{
	static const char *const names[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug",
					     "sep", "oct", "nov", "dec", "mai", "okt", "dez" };
	static const unsigned months[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 5, 10, 12 };

	for (size_t i = 0; i < sizeof(months) / sizeof(months[0]); i++)
		if (s.n >= 3 && strncasecmp(s.p, names[i], 3) == 0)
			return months[i];
	return 3; /* the one month with a letter beyond ASCII within its first three */
}

struct date {
	unsigned year, month, day;
};

static struct date date_read(const struct slots_work *work, const struct slot *slot, baton_str text,
			     bool months_first)
{
	struct date date = { number_of(group(work, slot, text, "y")),
			     number_of(group(work, slot, text, "m")),
			     number_of(group(work, slot, text, "d")) };
	baton_str month = group(work, slot, text, "f");
	unsigned a = number_of(group(work, slot, text, "a")),
		 b = number_of(group(work, slot, text, "b"));

	if (a > 0) {
		bool swapped = b > 12 || (months_first && a <= 12);
		date = (struct date){ number_of(group(work, slot, text, "c")), swapped ? a : b,
				      swapped ? b : a };
		date.year += date.year > 0 && date.year < 100 ? 2000 : 0;
	} else if (month.n > 0) {
		date = (struct date){ number_of(group(work, slot, text, "g")), month_of(month),
				      number_of(group(work, slot, text, "e")) };
	} else if ((month = group(work, slot, text, "h")).n > 0) {
		date = (struct date){ number_of(group(work, slot, text, "j")), month_of(month),
				      number_of(group(work, slot, text, "i")) };
	}
	return date;
}

/* YYYY-MM-DD; without a year, or as "yesterday", it is as it was written. false: no such day. */
static bool date_value(const struct slots_work *work, const struct slot *slot, baton_str text,
		       bool months_first, char to[16], baton_str *value)
{
	struct date date;

	if (group(work, slot, text, "w").n > 0)
		return true;
	date = date_read(work, slot, text, months_first);
	if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31)
		return false;
	if (date.year == 0)
		return true;
	int n = snprintf(to, 16, "%04u-%02u-%02u", date.year % 10000, date.month, date.day);

	*value = (baton_str){ to, (size_t)n };
	return true;
}

static bool find(struct slots_work *work, const struct slot *slot, baton_str text,
		 bool months_first, char room[16], baton_str *ret_value)
{
	int rc = pcre2_match(slot->code, (PCRE2_SPTR)text.p, text.n, 0, 0, work->match,
			     work->context);
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(work->match);

	if (rc < 0)
		return false;
	unsigned g = rc > 1 && slot->kind == BY_PATTERN && at[2] != PCRE2_UNSET ? 1 : 0;

	if (at[2 * g + 1] < at[2 * g])
		return false; /* \K may do that */
	*ret_value = (baton_str){ text.p + at[2 * g], at[2 * g + 1] - at[2 * g] };
	if (slot->kind == BY_WORDS) {
		PCRE2_SPTR mark = pcre2_get_mark(work->match);
		unsigned long number = mark ? strtoul((const char *)mark, NULL, 10) : 0;

		if (number >= slot->n_words)
			return false;
		*ret_value = (baton_str){ slot->words[number], strlen(slot->words[number]) };
	}
	if (slot->kind == BY_DATE && !date_value(work, slot, text, months_first, room, ret_value))
		return false;
	return ret_value->n > 0 && ret_value->n <= SLOT_VALUE_BYTES_MAX;
}

/* --- written ------------------------------------------------------------------------------ */

static bool put(struct slots_work *work, const char *p, size_t n)
{
	if (work->n + n > sizeof(work->out))
		return false;
	memcpy(work->out + work->n, p, n);
	work->n += n;
	return true;
}

static bool put_json(struct slots_work *work, baton_str s)
{
	bool fits = put(work, "\"", 1);

	for (size_t i = 0; i < s.n && fits; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char escaped[8];

		if (c >= 0x20 && c != '"' && c != '\\') {
			fits = put(work, s.p + i, 1);
			continue;
		}
		int n = snprintf(escaped, sizeof(escaped), "\\u%04x", c);
		fits = put(work, escaped, (size_t)n);
	}
	return fits && put(work, "\"", 1);
}

void slots_begin(struct slots_work *work)
{
	work->n = 0;
}

baton_str slots_find(struct slots_work *work, const struct slots *slots, baton_str text,
		     bool months_first)
{
	size_t begin = work->n;

	text.n = text.n < TEXT_LOOKED_AT ? text.n : TEXT_LOOKED_AT;
	for (size_t i = 0; slots && i < slots->n; i++) {
		const struct slot *slot = &slots->v[i];
		char room[16];
		baton_str value;
		size_t before = work->n;

		if (!find(work, slot, text, months_first, room, &value))
			continue;
		if (!put(work, work->n == begin ? "{" : ",", 1) ||
		    !put_json(work, (baton_str){ slot->name, strlen(slot->name) }) ||
		    !put(work, ":", 1) || !put_json(work, value))
			work->n = before;
	}
	if (work->n == begin || !put(work, "}", 1)) {
		work->n = begin;
		return (baton_str){ "", 0 };
	}
	return (baton_str){ work->out + begin, work->n - begin };
}
