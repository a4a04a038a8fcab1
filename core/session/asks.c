/* SPDX-License-Identifier: Apache-2.0 */

/* "Let me talk to a human": recognised here, in the core, so that it works when everything else has
 * failed. A word of wanting followed within a few words by a word for a person, or the bare word
 * alone ("agent!"). Deliberately simple: a missed phrase is one click on the button away, and a
 * false alarm costs a colleague one look.
 */

#include "core/session/asks.h"
#include "core/session/session.h"

#include <endian.h>

enum { WORDS_MAX = 48, WORD_BYTES_MAX = 24, REACH = 6, BARE_WORDS_MAX = 4 };

/* Zeros behind it: as three big numbers words are in the order of their bytes. */
struct word {
	_Alignas(8) char text[WORD_BYTES_MAX];
};

static const struct {
	struct word word;
	unsigned kinds;
} known[] = {
#define WORD(word, kinds) { { word }, kinds },
#include "core/session/asks.def"
#undef WORD
};

/* What its words are to us; what they are in themselves does not matter. */
struct words {
	unsigned kinds[WORDS_MAX];
	/* a comma or a full stop follows: "no, talk to a human" refuses nothing */
	bool ends[WORDS_MAX];
	size_t n;
};

/* As it stands in a word, in lower case; 0: it stands in none. */
static char in_word(char c)
{
	unsigned char small = (unsigned char)c | 0x20, byte = (unsigned char)c;

	if (small >= 'a' && small <= 'z')
		return (char)small;
	return byte >= 0x80 || byte == '\'' || (byte >= '0' && byte <= '9') ? c : 0;
}

static bool ends_part(char c)
{
	return c == ',' || c == '.' || c == ';' || c == ':' || c == '!' || c == '?' || c == '\n';
}

/* As memcmp() of the two, without a call. */
static int order_of(const struct word *a, const struct word *b)
{
	for (size_t at = 0; at < WORD_BYTES_MAX; at += sizeof(uint64_t)) {
		uint64_t x, y;

		memcpy(&x, a->text + at, sizeof(x));
		memcpy(&y, b->text + at, sizeof(y));
		if (x != y)
			return be64toh(x) < be64toh(y) ? -1 : 1;
	}
	return 0;
}

static unsigned kinds_of(const struct word *word)
{
	size_t low = 0, high = sizeof(known) / sizeof(known[0]);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = order_of(&known[middle].word, word);

		if (order == 0)
			return known[middle].kinds;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

static void split(baton_str text, struct words *words)
{
	size_t i = 0;

	words->n = 0;
	while (i < text.n && words->n < WORDS_MAX) {
		struct word word = { { 0 } };
		size_t len = 0;

		for (char c; i < text.n && (c = in_word(text.p[i])) != 0; i++)
			if (len < WORD_BYTES_MAX)
				word.text[len++] = c;
		if (len > 0) {
			words->ends[words->n] = false;
			words->kinds[words->n++] = kinds_of(&word);
			continue;
		}
		if (words->n > 0 && ends_part(text.p[i]))
			words->ends[words->n - 1] = true;
		i++;
	}
}

static bool refused(const struct words *words, size_t wish)
{
	for (size_t back = 1; back <= 3 && back <= wish && !words->ends[wish - back]; back++)
		if (words->kinds[wish - back] & REFUSES)
			return true;
	return false;
}

static bool wishes_for_person(const struct words *words, size_t wish)
{
	for (size_t i = wish + 1; i < words->n && i <= wish + REACH; i++) {
		if (words->kinds[i] & REFUSES)
			return false;
		if (words->kinds[i] & PERSON)
			return !(words->kinds[i - 1] & SPOILS) && !refused(words, wish);
	}
	return false;
}

static bool person_then_speaking(const struct words *words, size_t person)
{
	for (size_t i = person + 1; i < words->n && i <= person + 2; i++)
		if (words->kinds[i] & SPEAKS)
			return !refused(words, person);
	return false;
}

/* "... my parcel is lost, a human please" */
static bool person_please(const struct words *words, size_t person)
{
	return person + 1 < words->n && words->kinds[person + 1] & COURTEOUS &&
	       !refused(words, person);
}

/* "agent", "human please", "real person!", "live agent please" */
static bool bare_request(const struct words *words)
{
	unsigned met = 0;

	if (words->n > BARE_WORDS_MAX)
		return false;
	for (size_t i = 0; i < words->n; i++) {
		if (!(words->kinds[i] & (BARE | BESIDE)))
			return false;
		met |= words->kinds[i];
	}
	return met & BARE;
}

bool baton_asks_for_person(baton_str text)
{
	struct words words;

	split(text, &words);
	if (bare_request(&words))
		return true;
	for (size_t i = 0; i < words.n; i++) {
		if (words.kinds[i] & WANTS && wishes_for_person(&words, i))
			return true;
		if (words.kinds[i] & PERSON && person_then_speaking(&words, i))
			return true;
		if (words.kinds[i] & BARE && person_please(&words, i))
			return true;
	}
	return false;
}
