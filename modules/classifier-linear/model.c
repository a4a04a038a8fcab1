/* SPDX-License-Identifier: Apache-2.0 */

/* Serving: the vocabulary, one prediction, and what a model costs. No allocation per message. */

#include "model.h"

#include "human.h"
#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int vocab_init(struct vocab *vocab, uint32_t n)
{
	uint32_t slots = 16;

	while (slots < n + n / 2)
		slots *= 2;
	vocab->slots = calloc(slots, sizeof(*vocab->slots));
	if (!vocab->slots)
		return -1;
	vocab->mask = slots - 1;
	vocab->n = 0;
	return 0;
}

void vocab_done(struct vocab *vocab)
{
	free(vocab->slots);
	*vocab = (struct vocab){ 0 };
}

/* The slot that holds the feature or the free one where it belongs. The table is never full. */
static struct vocab_slot *slot_of(const struct vocab *vocab, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32), at = (uint32_t)hash & vocab->mask;

	while (vocab->slots[at].row != 0 && vocab->slots[at].tag != tag)
		at = (at + 1) & vocab->mask;
	return &vocab->slots[at];
}

void vocab_put(struct vocab *vocab, uint64_t hash, uint32_t row)
{
	struct vocab_slot *slot = slot_of(vocab, hash);

	vocab->n += slot->row == 0;
	*slot = (struct vocab_slot){ .tag = (uint32_t)(hash >> 32), .row = row + 1 };
}

uint32_t vocab_get(const struct vocab *vocab, uint64_t hash)
{
	return slot_of(vocab, hash)->row - 1;
}

struct scratch *scratch_new(const struct model *model)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return NULL;
	scratch->seen = calloc(model->n_rows / 64 + 1, sizeof(*scratch->seen));
	scratch->margins = aligned_alloc(64, ((model->n_padded * sizeof(float)) / 64 + 1) * 64);
	scratch->whole = aligned_alloc(64, ((model->n_padded * sizeof(float)) / 64 + 1) * 64);
	scratch->slots = slots_work_new();
	if (!scratch->seen || !scratch->margins || !scratch->whole || !scratch->slots)
		scratch_free(&scratch);
	return scratch;
}

void scratch_free(struct scratch **scratch)
{
	if (!*scratch)
		return;
	free((*scratch)->seen);
	free((*scratch)->margins);
	free((*scratch)->whole);
	slots_work_free(&(*scratch)->slots);
	free(*scratch);
	*scratch = NULL;
}

void block_scales(const uint32_t n[TEXT_BLOCKS], float ret_scale[TEXT_BLOCKS])
{
	static const float lengths[TEXT_BLOCKS] = { 1.0F, 1.0F, 1.4F };
	float square = 0;

	for (unsigned b = 0; b < TEXT_BLOCKS; b++)
		square += n[b] > 0 ? lengths[b] * lengths[b] : 0;
	for (unsigned b = 0; b < TEXT_BLOCKS; b++)
		ret_scale[b] = n[b] > 0 ? lengths[b] / sqrtf((float)n[b] * square) : 0;
}

uint32_t margins_best(const float *margins, uint32_t n, struct model_score *ret_score)
{
	float best = -INFINITY, second = -INFINITY;
	uint32_t label = 0;

	for (uint32_t c = 0; c < n; c++) {
		if (margins[c] > best) {
			second = best;
			best = margins[c];
			label = c;
		} else if (margins[c] > second) {
			second = margins[c];
		}
	}
	/* A lone intent has no rival: its gap is the one to a clear no. */
	ret_score->margin = best;
	ret_score->gap = best - (n > 1 ? second : -1.0F);
	return label;
}

float strangeness(const uint32_t known[TEXT_BLOCKS], const uint32_t all[TEXT_BLOCKS])
{
	static const float weights[TEXT_BLOCKS] = { 1.0F, 0.33F, 1.33F };
	float sum = 0;

	for (unsigned b = 0; b < TEXT_BLOCKS; b++)
		sum += weights[b] * (all[b] > 0 ? 1.0F - (float)known[b] / (float)all[b] : 1.0F);
	return sum;
}

/* Known, distinct rows of the message by block; returns how strange it is. */
static float find_rows(const struct model *model, struct scratch *scratch, uint32_t n[TEXT_BLOCKS])
{
	const struct text_features *f = &scratch->features;
	uint32_t o = 0, known[TEXT_BLOCKS] = { 0 }, all[TEXT_BLOCKS];

	for (unsigned b = 0; b < TEXT_BLOCKS; b++) {
		uint32_t start = o;

		all[b] = f->begin[b + 1] - f->begin[b];
		for (uint32_t i = f->begin[b]; i < f->begin[b + 1]; i++) {
			uint32_t row = vocab_get(&model->vocab, f->hash[i]);

			if (row == UINT32_MAX)
				continue;
			known[b]++;
			uint64_t bit = UINT64_C(1) << (row % 64);

			if (scratch->seen[row / 64] & bit)
				continue;
			scratch->seen[row / 64] |= bit;
			scratch->rows[o++] = row;
		}
		n[b] = o - start;
	}
	for (uint32_t i = 0; i < o; i++)
		scratch->seen[scratch->rows[i] / 64] = 0;
	return strangeness(known, all);
}

bool dense_mean(const struct text_features *features, float ret_mean[VECTORS_DIMS])
{
	uint32_t n = vectors_sum(features->hash, features->begin[TEXT_PAIRS], ret_mean);

	for (unsigned d = 0; d < VECTORS_DIMS && n > 0; d++)
		ret_mean[d] /= (float)n;
	return n > 0;
}

void dense_center(float mean[VECTORS_DIMS], const float center[VECTORS_DIMS])
{
	static const float length = 0.4F;
	float square = 1e-12F, scale;

	for (unsigned d = 0; d < VECTORS_DIMS; d++) {
		mean[d] -= center[d];
		square += mean[d] * mean[d];
	}
	scale = length / sqrtf(square);
	for (unsigned d = 0; d < VECTORS_DIMS; d++)
		mean[d] *= scale;
}

void dense_of(const struct text_features *features, const float center[VECTORS_DIMS],
	      float ret_dense[VECTORS_DIMS])
{
	if (dense_mean(features, ret_dense))
		dense_center(ret_dense, center);
}

struct guess model_predict(const struct model *model, struct scratch *scratch, const char *text,
			   size_t n)
{
	struct guess guess = { 0 };
	uint32_t counts[TEXT_BLOCKS], r = 0;
	float scales[TEXT_BLOCKS];

	n = text_normalise(text, n, scratch->normal, sizeof(scratch->normal));
	text_features(scratch->normal, n, &scratch->features);
	if (model->n_rows == 0)
		return guess;
	guess.score.unknown = find_rows(model, scratch, counts);
	block_scales(counts, scales);
	memcpy(scratch->margins, model->bias, model->n_padded * sizeof(float));
	for (unsigned b = 0; b < TEXT_BLOCKS; b++) {
		wide_add_bytes(model->weights, model->scales, scratch->rows + r, counts[b],
			       model->n_padded, scales[b], scratch->margins);
		r += counts[b];
	}
	dense_of(&scratch->features, model->center, scratch->dense);
	wide_dots(scratch->dense, model->dense, model->n_classes, scratch->margins);
	guess.label = margins_best(scratch->margins, model->n_classes, &guess.score);
	guess.has_evidence = r > 0;
	guess.in_scope =
		guess.has_evidence && guess.score.margin - guess.score.unknown >= model->floor;
	return guess;
}

float calibration_apply(const struct calibration *calibration, struct model_score score)
{
	float x = calibration->bias + calibration->margin * score.margin +
		  calibration->gap * score.gap + calibration->unknown * score.unknown;

	return 1.0F / (1.0F + expf(-x));
}

float model_confidence(const struct model *model, const struct guess *guess)
{
	/* Below the floor the best intent is only the nearest of the wrong ones. A quarter is less
	 * than any sensible threshold, and still shows in the transcript what it looked like. */
	const float out_of_scope_max = 0.25F;
	float p = calibration_apply(&model->calibration, guess->score);

	if (!guess->has_evidence)
		return 0;
	return guess->in_scope || p < out_of_scope_max ? p : out_of_scope_max;
}

float model_doubt(const struct model *model, const struct guess *guess)
{
	if (!guess->has_evidence)
		return 1;
	float below = model->floor - (guess->score.margin - guess->score.unknown);

	return 1.0F / (1.0F + expf(-4.0F * below));
}

size_t model_bytes(const struct model *model)
{
	size_t bytes = sizeof(*model) + (size_t)model->n_rows * (model->n_padded + sizeof(float));

	if (model->vocab.slots)
		bytes += ((size_t)model->vocab.mask + 1) * sizeof(*model->vocab.slots);
	for (uint32_t i = 0; i < model->n_probes; i++)
		bytes += strlen(model->probes[i]) + 1 + sizeof(char *);
	return bytes;
}

static void free_texts(char **texts, uint32_t n)
{
	for (uint32_t i = 0; texts && i < n; i++)
		free(texts[i]);
	free(texts);
}

void model_free(struct model **model)
{
	struct model *m = *model;

	if (!m)
		return;
	for (uint32_t c = 0; m->slots && c < m->n_classes; c++)
		slots_free(&m->slots[c]);
	free(m->slots);
	free(m->asks_person);
	human_words_free(&m->human);
	free_texts(m->names, m->n_classes);
	free_texts(m->probes, m->n_probes);
	free(m->probe_labels);
	free(m->tiers);
	free(m->scales);
	free(m->weights);
	free(m->bias);
	free(m->dense);
	vocab_done(&m->vocab);
	free(m);
	*model = NULL;
}
