/* SPDX-License-Identifier: Apache-2.0 */

/* Words are read as people mean them: compatibility forms taken apart, case folded (utf8proc),
 * apostrophes left out ("can't" is "cant"), everything else that is no letter, digit or mark between
 * words. In scripts that do not space their words each character is a word, so that a phrase of
 * several is found in the middle of a sentence.
 *
 * One walk over the text: the last words stay in a ring, and each phrase that ends here is looked
 * up by a hash of its words, if any phrase ends with this word. Nothing is copied. Characters are
 * taken apart one by one; the sorting of stacked marks that full normalisation asks for is left
 * out, because it is not linear. Two phrases of one hash would be taken for each other: with 64
 * bits that needs intent, and whoever has that can write the word itself.
 */

#include "core/policy/topics.h"

#include <string.h>
#include <utf8proc.h>

enum { APART_MAX = 32 }; /* characters that one can be taken apart into: 18 is the most */

struct words {
	uint64_t ring[BATON_TOPIC_PHRASE_MAX], word; /* hashes; of the word that is being read */
	size_t n;                                    /* whole words so far */
	bool inside;
};

static uint64_t mix(uint64_t hash, uint64_t with)
{
	hash = (hash ^ with) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

static bool is_apostrophe(utf8proc_int32_t c)
{
	return c == '\'' || c == 0x2019 || c == 0x02bc;
}

static bool is_letter(utf8proc_int32_t c)
{
	utf8proc_category_t category = utf8proc_category(c);

	return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
	       (category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME) ||
	       (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

/* Thai to Khmer, and what China and Japan write. */
static bool is_unspaced(utf8proc_int32_t c)
{
	return (c >= 0x0e00 && c <= 0x0eff) || (c >= 0x1000 && c <= 0x109f) ||
	       (c >= 0x1780 && c <= 0x17ff) || (c >= 0x2e80 && c <= 0x30ff) ||
	       (c >= 0x31f0 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) ||
	       (c >= 0x20000 && c <= 0x3ffff);
}

typedef void word_fn(void *ud, const struct words *words);

static void end_word(struct words *words, word_fn *each, void *ud)
{
	if (!words->inside)
		return;
	words->ring[words->n++ % BATON_TOPIC_PHRASE_MAX] = words->word;
	words->inside = false;
	words->word = 0;
	each(ud, words);
}

static void read_char(struct words *words, utf8proc_int32_t c, word_fn *each, void *ud)
{
	if (is_apostrophe(c))
		return;
	bool letter = is_letter(c), alone = letter && is_unspaced(c);
	if (!letter || alone)
		end_word(words, each, ud);
	if (!letter)
		return;
	words->word = mix(words->word, (uint64_t)c);
	words->inside = true;
	if (alone)
		end_word(words, each, ud);
}

/* The same for the first 128, which need no tables: letters without case, digits, nothing else. */
static void read_ascii(struct words *words, unsigned char c, word_fn *each, void *ud)
{
	unsigned char small = c | 0x20;
	bool letter = small >= 'a' && small <= 'z';

	if (letter || (c >= '0' && c <= '9')) {
		words->word = mix(words->word, letter ? small : c);
		words->inside = true;
	} else if (c != '\'') {
		end_word(words, each, ud);
	}
}

static void walk(baton_str text, struct words *words, word_fn *each, void *ud)
{
	static const utf8proc_option_t how =
		UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
	const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text.p;
	size_t left = text.n;

	while (left > 0) {
		utf8proc_int32_t c, apart[APART_MAX];

		if (*at < 0x80) {
			read_ascii(words, *at++, each, ud);
			left--;
			continue;
		}
		utf8proc_ssize_t bytes = utf8proc_iterate(at, (utf8proc_ssize_t)left, &c);

		if (bytes <= 0)
			break; /* no UTF-8: what was read so far counts */
		at += bytes;
		left -= (size_t)bytes;
		utf8proc_ssize_t n = utf8proc_decompose_char(c, apart, APART_MAX, how, NULL);
		for (utf8proc_ssize_t i = 0; i < n && i < APART_MAX; i++)
			read_char(words, apart[i], each, ud);
	}
	end_word(words, each, ud);
}

/* The `n`-th word from the end, 1 being the last. */
static uint64_t word_back(const struct words *words, size_t n)
{
	return words->ring[(words->n - n) % BATON_TOPIC_PHRASE_MAX];
}

/* Of the last `n` words, backwards: one more word goes on where one less has ended. */
static uint64_t phrase_hash(const struct words *words, size_t n)
{
	uint64_t hash = 0;

	for (size_t back = 1; back <= n; back++)
		hash = mix(hash, word_back(words, back));
	return hash;
}

/* Where in topic_ends the last word stands. */
static size_t end_place(const struct words *words)
{
	return word_back(words, 1) >> 6 & 7;
}

static uint64_t end_bit(const struct words *words)
{
	return (uint64_t)1 << (word_back(words, 1) & 63);
}

/* --- making ------------------------------------------------------------------------------- */

static void count_word(void *ud, const struct words *words)
{
	(void)ud;
	(void)words;
}

size_t baton_topic_words(baton_str text)
{
	struct words words = { .n = 0 };

	walk(text, &words, count_word, NULL);
	return words.n;
}

/* Where the phrase is, or its place if it is not there. */
static struct baton_topic_phrase *place_of(const struct baton_policy *policy, uint64_t hash)
{
	size_t at = (size_t)hash & (policy->n_topic_places - 1);

	while (policy->topic_phrases[at].topics != 0 && policy->topic_phrases[at].hash != hash)
		at = (at + 1) & (policy->n_topic_places - 1);
	return &policy->topic_phrases[at];
}

/* The same phrase may stand in several topics. */
static void add_phrase(struct baton_policy *policy, const char *text, size_t topic)
{
	struct words words = { .n = 0 };

	walk(baton_str_of(text), &words, count_word, NULL);
	if (words.n == 0 || words.n > BATON_TOPIC_PHRASE_MAX)
		return; /* refused by the checks */
	uint64_t hash = phrase_hash(&words, words.n);
	struct baton_topic_phrase *phrase = place_of(policy, hash);
	phrase->hash = hash;
	phrase->topics |= 1u << topic;
	policy->topic_lengths |= 1u << words.n;
	policy->topic_ends[end_place(&words)] |= end_bit(&words);
}

void baton_topics_compile(struct baton_policy *policy)
{
	size_t n = 0;

	for (size_t i = 0; i < policy->n_topics; i++)
		n += policy->topics[i].n_words;
	policy->topic_lengths = 0;
	memset(policy->topic_ends, 0, sizeof(policy->topic_ends));
	policy->n_topic_places = 0;
	if (n == 0 || policy->n_topics > BATON_TOPICS_MAX)
		return;
	policy->n_topic_places = 4; /* at least half of them stay empty */
	while (policy->n_topic_places < 2 * n)
		policy->n_topic_places *= 2;
	policy->topic_phrases = baton_arena_alloc(
		&policy->arena, policy->n_topic_places * sizeof(*policy->topic_phrases));
	for (size_t i = 0; i < policy->n_topics; i++)
		for (size_t j = 0; j < policy->topics[i].n_words; j++)
			add_phrase(policy, policy->topics[i].words[j], i);
}

/* --- looking ------------------------------------------------------------------------------ */

struct looking {
	const struct baton_policy *policy;
	uint32_t topics;
};

static void look(void *ud, const struct words *words)
{
	struct looking *looking = ud;
	const struct baton_policy *policy = looking->policy;
	uint64_t hash = 0;

	if (!(policy->topic_ends[end_place(words)] & end_bit(words)))
		return;
	for (size_t n = 1; n <= BATON_TOPIC_PHRASE_MAX && n <= words->n; n++) {
		hash = mix(hash, word_back(words, n));
		if (policy->topic_lengths & 1u << n)
			looking->topics |= place_of(policy, hash)->topics;
	}
}

uint32_t baton_topics_of_text(const struct baton_policy *policy, baton_str text)
{
	struct looking looking = { policy, 0 };
	struct words words = { .n = 0 };

	if (policy->n_topic_places > 0)
		walk(text, &words, look, &looking);
	return looking.topics;
}

uint32_t baton_topics_of_intent(const struct baton_policy *policy, baton_str intent)
{
	uint32_t topics = 0;

	for (size_t i = 0; intent.n > 0 && i < policy->n_topics && i < BATON_TOPICS_MAX; i++)
		for (size_t j = 0; j < policy->topics[i].n_intents; j++)
			if (baton_str_is(intent, policy->topics[i].intents[j]))
				topics |= 1u << i;
	return topics;
}

uint32_t baton_topics_flags(const struct baton_policy *policy, uint32_t topics)
{
	static const struct {
		const char *topic;
		uint32_t flag;
	} known[] = { { "security", BATON_FACT_SECURITY },
		      { "billing", BATON_FACT_BILLING },
		      { "legal", BATON_FACT_LEGAL },
		      /* Plain words have been heard before a turn begins (core/session/asks.c). */
		      { "person", BATON_FACT_ASKED_HUMAN } };
	uint32_t flags = 0;

	for (size_t i = 0; topics != 0 && i < policy->n_topics && i < BATON_TOPICS_MAX; i++)
		for (size_t j = 0; j < sizeof(known) / sizeof(known[0]); j++)
			if (topics & 1u << i && strcmp(policy->topics[i].name, known[j].topic) == 0)
				flags |= known[j].flag;
	return flags;
}
