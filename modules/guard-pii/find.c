/* SPDX-License-Identifier: Apache-2.0 */

/* What all finders share: spots, words in front of a place, and how much of a growing text is past
 * changing. */

#include "modules/guard-pii/find.h"

#include <stdlib.h>
#include <string.h>

const char *const pii_type_names[PII_TYPES] = {
	[PII_CARD] = "card",
	[PII_IBAN] = "iban",
	[PII_EMAIL] = "email",
	[PII_PHONE] = "phone",
	[PII_NATIONAL_ID] = "national_id",
	[PII_IP] = "ip",
	[PII_TOKEN] = "token",
	[PII_PASSWORD] = "password",
	[PII_DOCUMENT] = "document",
};

void find_add(struct find *find, size_t begin, size_t end, uint32_t type, uint32_t ppm)
{
	if (find->n_spots == find->cap) {
		find->full = true;
		return;
	}
	find->v[find->n_spots++] = (struct spot){ (uint32_t)begin, (uint32_t)end, type, ppm };
}

static int compare(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->ppm != y->ppm)
		return x->ppm > y->ppm ? -1 : 1;
	return x->end > y->end ? -1 : x->end < y->end;
}

void find_settle(struct find *find)
{
	size_t kept = 0;

	if (find->n_spots < 2)
		return;
	qsort(find->v, find->n_spots, sizeof(*find->v), compare);
	for (size_t i = 0; i < find->n_spots; i++) {
		struct spot *last = kept > 0 ? &find->v[kept - 1] : NULL;
		struct spot here = find->v[i];

		if (!last || here.begin >= last->end) {
			find->v[kept++] = here;
			continue;
		}
		/* Together they cover what either covers: half a secret is none. */
		uint32_t begin = last->begin, end = here.end > last->end ? here.end : last->end;
		if (here.ppm > last->ppm)
			*last = here;
		last->begin = begin;
		last->end = end;
	}
	find->n_spots = kept;
}

static bool word_at(const struct find *find, size_t at, const char *word, size_t n)
{
	if (at + n > find->n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (lower(find->p[at + i]) != (unsigned char)word[i])
			return false;
	return (at == 0 || !is_alnum(find->p[at - 1])) &&
	       (at + n == find->n || !is_alnum(find->p[at + n]) ||
		(find->p[at + n] == 's' &&
		 (at + n + 1 == find->n || !is_alnum(find->p[at + n + 1]))));
}

bool find_near(const struct find *find, size_t at, size_t reach, const char *words)
{
	size_t from = at > reach ? at - reach : 0;

	for (size_t i = from; i < at; i++) {
		if (i > 0 && is_alnum(find->p[i - 1]))
			continue;
		unsigned char first = lower(find->p[i]);

		for (const char *word = words; *word; word += strlen(word) + 1) {
			if ((unsigned char)*word != first)
				continue;
			size_t n = strlen(word);

			if (i + n <= at && word_at(find, i, word, n))
				return true;
		}
	}
	return false;
}

size_t find_word(const struct find *find, size_t at, const char *words)
{
	unsigned char first = at < find->n ? lower(find->p[at]) : 0;

	for (const char *word = words; *word; word += strlen(word) + 1)
		if ((unsigned char)*word == first && word_at(find, at, word, strlen(word)))
			return strlen(word);
	return 0;
}

/* --- text that grows --- */

enum { HELD_MAX = 512 }; /* nothing but a private key is longer */

static bool has_digit(const struct find *find, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (is_digit(find->p[i]))
			return true;
	return false;
}

static size_t token_start(const struct find *find, size_t end)
{
	size_t least = find->n > HELD_MAX ? find->n - HELD_MAX : 0;

	while (end > least && !is_blank(find->p[end - 1]))
		end--;
	return end;
}

static const unsigned char *bytes_in(const struct find *find, size_t from, size_t most,
				     const char *what)
{
	size_t left = find->n - from;

	return memmem(find->p + from, left < most ? left : most, what, strlen(what));
}

/* Where a private key begins that has not ended, perhaps. */
static size_t open_key(const struct find *find)
{
	enum { KEY_MAX = 16384, LINE_MAX_ = 60 };
	const unsigned char *begin = bytes_in(find, 0, find->n, "-----BEGIN ");

	while (begin) {
		size_t at = (size_t)(begin - find->p);
		const unsigned char *end = bytes_in(find, at, KEY_MAX, "-----END ");
		bool key = bytes_in(find, at, LINE_MAX_, "PRIVATE KEY-----") ||
			   find->n - at < LINE_MAX_;

		if (end)
			end = bytes_in(find, (size_t)(end - find->p) + 9, LINE_MAX_, "-----");
		if (key && !end && find->n - at < KEY_MAX)
			return at;
		begin = bytes_in(find, at + 11, find->n, "-----BEGIN ");
	}
	return find->n;
}

/* "ext." or the beginning of it: what follows belongs to the number in front. */
static bool may_extend(const struct find *find, size_t from, size_t to)
{
	static const char *const words[] = { "extension", "durchwahl", "dw", "x" };

	while (to > from && find->p[to - 1] == '.')
		to--;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = 0;

		while (from + n < to && lower(find->p[from + n]) == (unsigned char)words[i][n])
			n++;
		if (from + n == to)
			return true;
	}
	return false;
}

/* The token in front of the blanks at `end`; false: there is none. */
static bool token_before(const struct find *find, size_t end, size_t *ret_start, size_t *ret_end)
{
	while (end > 0 && is_blank(find->p[end - 1]))
		end--;
	*ret_end = end;
	*ret_start = token_start(find, end);
	return *ret_start < end;
}

/* A token may be a group of what is written in groups: it has digits, it is short and there are
 * digits in front of it (an IBAN's bank), it is the two letters that a number begins with, or
 * it is "ext.". */
static bool is_group(const struct find *find, size_t start, size_t end)
{
	size_t before, before_end, word = end;

	while (word > start && is_alnum(find->p[word - 1]))
		word--;
	if (has_digit(find, start, end) || may_extend(find, start, end) || end - word == 2)
		return true;
	return end - word <= 4 && token_before(find, start, &before, &before_end) &&
	       has_digit(find, before, before_end);
}

size_t find_safe(const struct find *find)
{
	size_t safe = token_start(find, find->n), key = open_key(find), start, end;

	for (unsigned groups = 0; groups < 16 && safe > 0 && is_blank(find->p[safe - 1]);
	     groups++) {
		if (!token_before(find, safe, &start, &end) || !is_group(find, start, end))
			break;
		safe = start;
	}
	if (key < safe)
		safe = key;
	for (size_t i = 0; i < find->n_spots; i++)
		if (find->v[i].begin < safe && find->v[i].end > safe)
			safe = find->v[i].begin;
	while (safe < find->n && safe > 0 && (find->p[safe] & 0xc0) == 0x80)
		safe--;
	return safe;
}
