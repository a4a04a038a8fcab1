/* SPDX-License-Identifier: Apache-2.0 */

/* Sentiment by lexicon, after the rules of VADER (Hutto & Gilbert 2014): words add up, a negation
 * shortly before turns a word around, "very" strengthens it, what follows "but" counts more.
 *
 * tone_words.inc carries VADER's own English words. The table below adds what customers of a
 * support desk write and that lexicon lacks, and the plainest words of five more languages.
 */

#include "tone.h"

#include "language.h"
#include "mood.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const words_derived[] = {
#include "tone_words.inc"
};

static const char *const words_own[] = {
	"unacceptable-28 refuse-15 waiting-9 unresolved-15 unanswered-15 useless-25 incompetent-27",
	"nobody-8 nowhere-8 overcharged-20 twice-5 weeks-5 scammed-31 ripped-18 rubbish-23 joke-16",
	"nonsense-18 broken-17 faulty-17 late-10 damaged-18 missing-11 wasted-20",
	"schlecht-25 furchtbar-30 schrecklich-30 wütend-30 sauer-25 enttäuscht-24 unverschämt-30",
	"frechheit-30 katastrophe-30 ärgerlich-24 kaputt-18 unmöglich-18 betrug-30 danke+19 super+27",
	"toll+27 prima+24 wunderbar+30 zufrieden+20 freundlich+20 perfekt+27",
	"inacceptable-28 horrible-25 furieux-30 déçu-24 déçue-24 nul-25 arnaque-30 scandaleux-30 cassé-17",
	"merci+19 parfait+27 excellent+27 génial+28 ravi+25",
	"terrible-25 pésimo-30 malo-22 horrible-25 enfadado-27 decepcionado-24 estafa-30 roto-17",
	"vergüenza-27 gracias+19 perfecto+27 excelente+28 genial+28 encantado+25",
	"pessimo-30 orribile-30 arrabbiato-28 deluso-24 truffa-30 rotto-17 vergogna-27 grazie+19",
	"perfetto+27 ottimo+28",
	"slecht-25 vreselijk-30 boos-27 teleurgesteld-24 belachelijk-27 oplichting-30 kapot-17",
	"bedankt+19 dank+15 geweldig+30 prachtig+28 tevreden+20",
};

/* Turn the next words around; strengthen the next word. All in normalised form. */
static const char *const words_negation[] = {
	"not+1 no+1 never+1 none+1 dont+1 doesnt+1 didnt+1 isnt+1 wasnt+1 arent+1 cant+1 cannot+1 wont+1",
	"wouldnt+1 couldnt+1 shouldnt+1 havent+1 hasnt+1 without+1 hardly+1 nicht+1 kein+1 keine+1 nie+1",
	"pas+1 jamais+1 non+1 nunca+1 mai+1 niet+1 geen+1 nooit+1",
};
static const char *const words_booster[] = {
	"very+1 really+1 so+1 extremely+1 totally+1 absolutely+1 completely+1 incredibly+1 too+1",
	"utterly+1 sehr+1 wirklich+1 total+1 très+1 vraiment+1 trop+1 muy+1 molto+1 davvero+1 heel+1 erg+1",
};

struct tone_word {
	uint32_t tag; /* 0: free */
	int8_t tenths;
	bool negates : 1, boosts : 1, turns : 1; /* turns: "but" */
	uint8_t languages;
};
enum { TONE_SLOTS = 16384, TONE_SLOTS_USED_MAX = TONE_SLOTS * 3 / 4 };

struct tone_table {
	struct tone_word words[TONE_SLOTS];
	uint32_t n;
};

static struct tone_word *word_slot(struct tone_word *words, const char *word, size_t n)
{
	uint64_t hash = text_hash(word, n, 1);
	uint32_t tag = (uint32_t)(hash >> 32) | 1U, at = (uint32_t)hash % TONE_SLOTS;

	while (words[at].tag != 0 && words[at].tag != tag)
		at = (at + 1) % TONE_SLOTS;
	if (words[at].tag == 0)
		words[at] = (struct tone_word){ .tag = tag };
	return &words[at];
}

/* A free slot if it is none that we know. */
static const struct tone_word *word_find(const struct tone_table *table, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32) | 1U, at = (uint32_t)hash % TONE_SLOTS;

	while (table->words[at].tag != 0 && table->words[at].tag != tag)
		at = (at + 1) % TONE_SLOTS;
	return &table->words[at];
}

enum word_use { WORD_MOOD, WORD_NEGATES, WORD_BOOSTS };

/* "word-12 word+7 ..." into the table. */
static void line_read(struct tone_table *table, const char *text, enum word_use use)
{
	while (*text && table->n < TONE_SLOTS_USED_MAX) {
		size_t n = strcspn(text, "+-");
		char *end;
		long tenths = strtol(text + n, &end, 10);
		struct tone_word *word = word_slot(table->words, text, n);

		table->n++;
		switch (use) {
		case WORD_MOOD:
			word->tenths = (int8_t)tenths;
			break;
		case WORD_NEGATES:
			word->negates = true;
			break;
		case WORD_BOOSTS:
			word->boosts = true;
			break;
		}
		text = end + (*end == ' ');
	}
}

#define WORDS_READ(table, lines, use)                                              \
	do {                                                                       \
		for (size_t i_ = 0; i_ < sizeof(lines) / sizeof((lines)[0]); i_++) \
			line_read((table), (lines)[i_], (use));                    \
	} while (0)

static void language_word(void *ud, const char *word, uint8_t languages)
{
	struct tone_table *table = ud;

	word_slot(table->words, word, strlen(word))->languages = languages;
}

struct tone_table *tone_new(void)
{
	struct tone_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	WORDS_READ(table, words_derived, WORD_MOOD);
	WORDS_READ(table, words_own, WORD_MOOD);
	WORDS_READ(table, words_negation, WORD_NEGATES);
	WORDS_READ(table, words_booster, WORD_BOOSTS);
	word_slot(table->words, "but", 3)->turns = true;
	word_slot(table->words, "aber", 4)->turns = true;
	word_slot(table->words, "mais", 4)->turns = true;
	word_slot(table->words, "pero", 4)->turns = true;
	language_words(language_word, table);
	return table;
}

void tone_free(struct tone_table **table)
{
	free(*table);
	*table = NULL;
}

/* How loud: exclamation marks, and capitals unless everything is in capitals or too short. */
static float loudness(const char *raw, size_t n)
{
	unsigned marks = 0, upper = 0, lower = 0, run = 0, runs = 0;

	for (size_t i = 0; i < n; i++) {
		if (raw[i] >= 'A' && raw[i] <= 'Z') {
			upper++;
			runs += ++run == 4;
			continue;
		}
		run = 0;
		lower += raw[i] >= 'a' && raw[i] <= 'z';
		marks += raw[i] == '!' && marks < 4;
	}
	return 1.0F + 0.08F * (float)marks + (runs > 0 || (upper > 8 && lower == 0) ? 0.2F : 0.0F);
}

struct tally {
	float sum, before_but;
	unsigned negated_for; /* words that the last negation still reaches */
	bool boosted;
};

static void tally_word(struct tally *tally, const struct tone_word *word)
{
	bool boosted = tally->boosted;

	tally->boosted = false;
	tally->negated_for -= tally->negated_for > 0;
	if (word->turns) {
		/* What stands before "but" is politeness as often as not. */
		tally->before_but += tally->sum * 0.5F;
		tally->sum = 0;
		tally->negated_for = 0;
	}
	if (word->tenths != 0) {
		float value = (float)word->tenths / 10.0F * (boosted ? 1.3F : 1.0F);

		tally->sum += tally->negated_for > 0 ? -0.74F * value : value;
	} else if (word->negates) {
		tally->negated_for = 4;
	}
	tally->boosted = word->boosts;
}

float tone_lexicon(const struct tone_table *table, const struct text_features *text,
		   const char *raw, size_t n_raw)
{
	struct tally tally = { 0 };

	for (uint32_t i = 0; i < text_n_words(text); i++)
		tally_word(&tally, word_find(table, text->hash[i]));
	return (tally.sum + tally.before_but) *
	       loudness(raw, n_raw < TEXT_BYTES_MAX ? n_raw : TEXT_BYTES_MAX);
}

uint32_t tone_ppm(const struct tone_table *table, const struct text_features *text, const char *raw,
		  size_t n_raw)
{
	float sum = tone_lexicon(table, text, raw, n_raw) + mood_sum(text);

	/* What hardly says anything says nothing. */
	sum *= sum * sum / (sum * sum + 1.0F);
	float compound = sum / sqrtf(sum * sum + 15.0F);

	return (uint32_t)lrintf(500000.0F + 500000.0F * compound);
}

const char *tone_language(const struct tone_table *table, const struct text_features *text)
{
	struct language_scores scores = { 0 };

	for (uint32_t i = 0; i < text_n_words(text); i++)
		language_count(&scores, word_find(table, text->hash[i])->languages);
	return language_best(&scores);
}
