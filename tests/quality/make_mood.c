/* SPDX-License-Identifier: Apache-2.0 */

/* Makes modules/classifier-linear/mood.bin: a linear layer over words and pairs of words beside the
 * lexicon, learned from texts whose valence people have judged. Every fifth text is left out: it is
 * what `make quality` asks. Run by `make mood`; the same texts give the same file.
 *
 *   make_mood OUT FILE.tsv... [FILE.txt]  (id, valence, text; what customers write every day)
 *   make_mood - FILE.tsv... [FILE.txt]    how well folds of what it learns from do, by penalty
 *
 * Of everyday messages nobody has judged the mood; for these the layer is taught to leave the
 * lexicon alone. Without them "please" would sound unhappy: in reviews it is.
 */

#include "modules/classifier-linear/mood.h"
#include "modules/classifier-linear/text.h"
#include "modules/classifier-linear/tone.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HELD_OUT = 5,
	EVERYDAY_EACH = 8, /* so many messages, one is taken */
	TEXTS_MAX = 20000,
	REFS_MAX = 2000000,
	SLOTS = 1 << 18,
	COUNT_MIN = 2,
	ROUNDS = 40,
	FOLDS = 4,
	LINE_BYTES = 16384
};

struct sample {
	size_t begin, n;
	double lexicon, valence;
	unsigned fold, file;
	bool everyday;
};
static struct sample samples[TEXTS_MAX];
static uint32_t refs[REFS_MAX];
static size_t n_samples, n_refs;
static struct {
	uint32_t hash, count;
	double weight;
} slots[SLOTS];
static double lexicon_weight;

static void fail(const char *why)
{
	fprintf(stderr, "make_mood: %s\n", why);
	exit(1);
}

static uint32_t slot_of(uint32_t hash)
{
	uint32_t at = hash % SLOTS;

	while (slots[at].count > 0 && slots[at].hash != hash)
		at = (at + 1) % SLOTS;
	slots[at].hash = hash;
	return at;
}

static void add_feature(void *ud, uint32_t hash)
{
	struct sample *sample = ud;
	uint32_t slot = slot_of(hash);

	if (n_refs == REFS_MAX)
		fail("too many words");
	for (size_t i = sample->begin; i < n_refs; i++)
		if (refs[i] == slot)
			return;
	slots[slot].count++;
	refs[n_refs++] = slot;
}

static void add_text(const struct tone_table *tone, double valence, const char *text, unsigned file)
{
	static struct text_features words;
	char normal[TEXT_BYTES_MAX];
	struct sample *sample = &samples[n_samples];
	size_t n = text_normalise(text, strlen(text), normal, sizeof(normal));

	if (n_samples++ == TEXTS_MAX)
		fail("too many texts");
	*sample = (struct sample){ .begin = n_refs, .valence = valence, .file = file };
	sample->fold = (unsigned)(n_samples % FOLDS);
	text_words(normal, n, &words);
	sample->lexicon = (double)tone_lexicon(tone, &words, text, strlen(text));
	mood_features(&words, add_feature, sample);
	sample->n = n_refs - sample->begin;
}

static void add_file(const struct tone_table *tone, const char *path, unsigned number)
{
	char line[LINE_BYTES];
	FILE *file = fopen(path, "r");
	size_t row = 0;

	if (!file || !fgets(line, sizeof(line), file))
		fail(path);
	for (; fgets(line, sizeof(line), file); row++) {
		char *valence = strchr(line, '\t'),
		     *text = valence ? strchr(valence + 1, '\t') : NULL;

		if (!text || row % HELD_OUT == 0)
			continue;
		text[1 + strcspn(text + 1, "\r\n")] = '\0';
		add_text(tone, strtod(valence + 1, NULL), text + 1, number);
	}
	fclose(file);
}

static void add_everyday(const struct tone_table *tone, const char *path)
{
	char line[LINE_BYTES];
	FILE *file = fopen(path, "r");

	if (!file)
		fail(path);
	for (size_t row = 0; fgets(line, sizeof(line), file); row++) {
		line[strcspn(line, "\r\n")] = '\0';
		if (row % EVERYDAY_EACH != 0)
			continue;
		add_text(tone, 0, line, UINT32_MAX);
		samples[n_samples - 1].everyday = true;
	}
	fclose(file);
}

static double value_of(const struct sample *sample)
{
	double sum = lexicon_weight * sample->lexicon;

	for (size_t i = 0; i < sample->n; i++)
		sum += slots[refs[sample->begin + i]].weight;
	return sum;
}

/* Ridge regression by steps along one example at a time; what one text alone has stays 0. */
static void learn(unsigned skip, double penalty)
{
	lexicon_weight = 0.3;
	for (uint32_t s = 0; s < SLOTS; s++)
		slots[s].weight = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		double rate = 0.05 / (1 + 0.1 * round);

		for (size_t k = 0; k < n_samples; k++) {
			const struct sample *sample = &samples[(k * 7919) % n_samples];
			double wanted = sample->everyday ? lexicon_weight * sample->lexicon
							 : sample->valence;
			double step = rate * (wanted - value_of(sample));

			if (sample->fold == skip)
				continue;
			if (!sample->everyday)
				lexicon_weight += 0.02 * step * sample->lexicon;
			for (size_t i = 0; i < sample->n; i++) {
				double *w = &slots[refs[sample->begin + i]].weight;

				if (slots[refs[sample->begin + i]].count >= COUNT_MIN)
					*w += step - rate * penalty * *w;
			}
		}
	}
}

static double auroc(unsigned fold, unsigned file)
{
	double wins = 0, pairs = 0;

	for (size_t i = 0; i < n_samples; i++)
		for (size_t k = 0; k < n_samples && samples[i].valence < 0; k++) {
			if (samples[i].fold != fold || samples[k].fold != fold ||
			    samples[i].file != file || samples[k].file != file ||
			    samples[k].valence < 0)
				continue;
			double bad = value_of(&samples[i]), good = value_of(&samples[k]);
			pairs++;
			wins += bad < good ? 1 : bad == good ? 0.5 : 0;
		}
	return pairs > 0 ? wins / pairs : 0;
}

static void show_folds(unsigned files)
{
	static const double penalties[] = { 0.8, 1.5, 3, 4.5, 6 };

	for (size_t p = 0; p < sizeof(penalties) / sizeof(penalties[0]); p++) {
		double sums[8] = { 0 };

		for (unsigned fold = 0; fold < FOLDS; fold++) {
			learn(fold, penalties[p]);
			for (unsigned f = 0; f < files && f < 8; f++)
				sums[f] += auroc(fold, f) / FOLDS;
		}
		printf("penalty %.2f, lexicon %.3f:", penalties[p], lexicon_weight);
		for (unsigned f = 0; f < files && f < 8; f++)
			printf(" %.4f", sums[f]);
		printf("\n");
	}
}

static int by_hash(const void *left, const void *right)
{
	uint32_t l = slots[*(const uint32_t *)left].hash, r = slots[*(const uint32_t *)right].hash;

	return (l > r) - (l < r);
}

static void write_file(const char *path)
{
	static uint32_t order[SLOTS];
	struct mood_head head = { .magic = MOOD_MAGIC };
	double largest = 0;
	FILE *file = fopen(path, "wb");

	for (uint32_t s = 0; s < SLOTS; s++)
		largest = fabs(slots[s].weight) > largest ? fabs(slots[s].weight) : largest;
	head.scale = (float)(largest / 127 / lexicon_weight);
	for (uint32_t s = 0; s < SLOTS; s++)
		if (lrint(slots[s].weight / largest * 127) != 0)
			order[head.n++] = s;
	qsort(order, head.n, sizeof(order[0]), by_hash);
	bool good = file && fwrite(&head, sizeof(head), 1, file) == 1;
	for (uint32_t i = 0; i < head.n && good; i++)
		good = fwrite(&slots[order[i]].hash, 4, 1, file) == 1;
	for (uint32_t i = 0; i < head.n && good; i++)
		good = fputc((int)lrint(slots[order[i]].weight / largest * 127) & 255, file) != EOF;
	if (!good || fclose(file) != 0)
		fail("cannot write");
	printf("%u features of %zu texts\n", head.n, n_samples);
}

int main(int argc, char **argv)
{
	static const double penalty = 3;
	struct tone_table *tone = tone_new();

	if (argc < 3 || !tone)
		fail("usage: make_mood OUT|- FILE.tsv...");
	for (int i = 2; i < argc; i++)
		if (strstr(argv[i], ".txt"))
			add_everyday(tone, argv[i]);
		else
			add_file(tone, argv[i], (unsigned)i - 2);
	if (strcmp(argv[1], "-") == 0) {
		show_folds((unsigned)argc - 2);
	} else {
		learn(FOLDS, penalty);
		write_file(argv[1]);
	}
	tone_free(&tone);
	return 0;
}
