/* SPDX-License-Identifier: Apache-2.0 */

/* Dual coordinate descent for the L2-loss SVM (Hsieh et al. 2008), all intents in one pass: an
 * example's features are fetched once and serve every column. After the first pass most
 * (example, intent) pairs are inactive, so the update touches few columns: that is where the speed
 * comes from.
 *
 * Four trainings are made: one on everything, and three on two thirds each, whose verdict on the
 * third they did not see gives the calibration and the out-of-scope floor.
 */

#include "train.h"

#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	FOLDS = 3,
	EPOCHS_LARGE = 8,
	EPOCHS_SMALL = 6,
	EPOCHS_FOLD = 6, /* at most: held-out scores settle early */
	FEW_INTENTS = 64,
	LARGE_CELLS = 200000,     /* examples * intents from which a set counts as large */
	FOLDS_FROM = 6000,        /* examples of which a third says enough */
	FOLD_EXAMPLES_MIN = 30,   /* fewer: no held-out scores, fixed calibration */
	KEEP_ALL_BYTES = 2 << 20, /* smaller models keep features seen once */
};
static const float cost = 1.0F; /* C of the SVM */
/* A verdict without the true intent counts as much as one with it while the form of the confidence
 * is learned, so that it tells foreign messages from own ones; they are not expected that often.
 * The fewer intents there are, the more of what customers ask is none of them. */
static const float foreign_weight = 1.0F, foreign_expected = 0.27F, foreign_expected_few = 0.5F;

typedef float float4 __attribute__((vector_size(16)));

/* An example as rows of the weight matrix, block after block. */
struct sample {
	uint32_t begin, n[TEXT_BLOCKS];
	uint32_t all[TEXT_BLOCKS]; /* with what no other example has */
	uint32_t label, fold;
};

struct trainer {
	const struct train_set *set;
	struct sample *samples;
	uint32_t *rows;   /* of all samples */
	uint64_t *hashes; /* per row */
	uint32_t *counts; /* per row: samples that have it */
	uint32_t *held;   /* per row: samples of the held-out fold that have it */
	bool *is_word;
	uint32_t n_rows, rows_cap, n_refs, refs_cap;
	struct vocab vocab;
	uint32_t n_padded;
	float *weights; /* [n_rows + 1][n_padded]; the last row is the bias */
	float *dense;   /* [n_padded][VECTORS_DIMS], weights */
	float *meaning; /* [n][VECTORS_DIMS], of the samples */
	float *squares; /* [n], their lengths, squared */
	float center[VECTORS_DIMS];
	float *alpha; /* [n][n_padded] */
	float *z;
	uint32_t *order, n_order;
	uint32_t *touched; /* columns to update, and by how much */
	float *steps;
	float *spread; /* [n_padded], the same with zeros between */
	uint64_t random;
};

static uint64_t next_random(struct trainer *t)
{
	uint64_t x = t->random += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static float *floats_new(size_t n)
{
	size_t bytes = (n * sizeof(float) / 64 + 1) * 64;
	float *floats = aligned_alloc(64, bytes);

	if (floats)
		memset(floats, 0, bytes);
	return floats;
}

static int vocab_double(struct trainer *t)
{
	struct vocab larger = { 0 };

	if (vocab_init(&larger, t->vocab.mask + 2) < 0)
		return -1;
	for (uint32_t r = 0; r < t->n_rows; r++)
		vocab_put(&larger, t->hashes[r], r);
	vocab_done(&t->vocab);
	t->vocab = larger;
	return 0;
}

static int rows_grow(struct trainer *t)
{
	uint32_t cap = t->rows_cap * 2 + 8192;
	uint64_t *hashes = realloc(t->hashes, cap * sizeof(*hashes));

	t->hashes = hashes ? hashes : t->hashes;
	uint32_t *counts = realloc(t->counts, cap * sizeof(*counts));

	t->counts = counts ? counts : t->counts;
	bool *is_word = realloc(t->is_word, cap * sizeof(*is_word));

	t->is_word = is_word ? is_word : t->is_word;
	if (!hashes || !counts || !is_word)
		return -1;
	t->rows_cap = cap;
	return 0;
}

static int row_new(struct trainer *t, uint64_t hash, bool is_word, uint32_t *ret_row)
{
	if (t->n_rows == t->rows_cap && rows_grow(t) < 0)
		return -1;
	if (t->vocab.n + t->vocab.n / 2 > t->vocab.mask && vocab_double(t) < 0)
		return -1;
	t->hashes[t->n_rows] = hash;
	t->counts[t->n_rows] = 0;
	t->is_word[t->n_rows] = is_word;
	vocab_put(&t->vocab, hash, t->n_rows);
	*ret_row = t->n_rows++;
	return 0;
}

static int refs_grow(struct trainer *t, uint32_t n)
{
	if (n <= t->refs_cap)
		return 0;
	uint32_t *rows = realloc(t->rows, 2 * (size_t)n * sizeof(*rows));

	if (!rows)
		return -1;
	t->rows = rows;
	t->refs_cap = 2 * n;
	return 0;
}

/* True once per sample and row: `last` remembers the sample that had the row last. */
static bool is_first(uint32_t *last, uint32_t row, uint32_t sample)
{
	bool first = last[row] != sample + 1;

	last[row] = sample + 1;
	return first;
}

static int sample_read(struct trainer *t, uint32_t i, const struct text_features *f)
{
	struct sample *sample = &t->samples[i];

	if (refs_grow(t, t->n_refs + f->begin[TEXT_BLOCKS]) < 0)
		return -1;
	sample->begin = t->n_refs;
	for (unsigned b = 0; b < TEXT_BLOCKS; b++) {
		uint32_t start = t->n_refs;

		for (uint32_t k = f->begin[b]; k < f->begin[b + 1]; k++) {
			uint32_t row = vocab_get(&t->vocab, f->hash[k]);

			if (row == UINT32_MAX && row_new(t, f->hash[k], b == TEXT_WORDS, &row) < 0)
				return -1;
			/* counts doubles as the "last sample" mark while reading. */
			if (is_first(t->counts, row, i))
				t->rows[t->n_refs++] = row;
		}
		sample->n[b] = t->n_refs - start;
	}
	return 0;
}

/* Means of examples to what they have of their own. */
static void meanings_center(struct trainer *t)
{
	uint32_t known = 0;

	for (uint32_t i = 0; i < t->set->n; i++) {
		const float *meaning = t->meaning + (size_t)i * VECTORS_DIMS;

		known += t->squares[i] > 0;
		for (unsigned d = 0; d < VECTORS_DIMS; d++)
			t->center[d] += meaning[d];
	}
	for (unsigned d = 0; d < VECTORS_DIMS && known > 0; d++)
		t->center[d] /= (float)known;
	for (uint32_t i = 0; i < t->set->n; i++) {
		float *meaning = t->meaning + (size_t)i * VECTORS_DIMS, square = 0;

		if (t->squares[i] > 0)
			dense_center(meaning, t->center);
		for (unsigned d = 0; d < VECTORS_DIMS; d++)
			square += meaning[d] * meaning[d];
		t->squares[i] = square;
	}
}

static uint32_t sample_size(const struct sample *sample)
{
	return sample->n[TEXT_WORDS] + sample->n[TEXT_PAIRS] + sample->n[TEXT_LETTERS];
}

/* Large models drop features that one example alone has; words stay, `unknown` needs them. */
static bool keeps_row(const struct trainer *t, uint32_t row)
{
	return (size_t)t->n_rows * t->n_padded <= KEEP_ALL_BYTES || t->is_word[row];
}

/* What will be dropped need not be learned: that is a third of all rows, and they would push the
 * others out of the cache. */
static void samples_thin(struct trainer *t)
{
	uint32_t o = 0;

	for (uint32_t i = 0; i < t->set->n; i++) {
		struct sample *sample = &t->samples[i];
		const uint32_t *rows = t->rows + sample->begin;

		sample->begin = o;
		for (unsigned b = 0; b < TEXT_BLOCKS; b++) {
			uint32_t n = sample->all[b] = sample->n[b], start = o;

			for (uint32_t k = 0; k < n; k++)
				if (t->counts[rows[k]] > 1 || keeps_row(t, rows[k]))
					t->rows[o++] = rows[k];
			sample->n[b] = o - start;
			rows += n;
		}
	}
}

/* All examples to rows, and the folds: every third of an intent goes to the same one. */
static int samples_read(struct trainer *t)
{
	struct text_features *features = malloc(sizeof(*features));
	uint32_t *of_class = calloc(t->set->n_classes, sizeof(*of_class));
	char normal[TEXT_BYTES_MAX];
	int rc = features && of_class ? 0 : -1;

	for (uint32_t i = 0; i < t->set->n && rc == 0; i++) {
		const struct train_example *example = &t->set->examples[i];
		size_t n = text_normalise(example->text, strlen(example->text), normal,
					  sizeof(normal));

		text_features(normal, n, features);
		t->samples[i].label = example->label;
		t->samples[i].fold = of_class[example->label]++ % FOLDS;
		t->squares[i] = dense_mean(features, t->meaning + (size_t)i * VECTORS_DIMS);
		rc = sample_read(t, i, features);
	}
	free(features);
	free(of_class);
	if (rc < 0)
		return rc;
	meanings_center(t);
	memset(t->counts, 0, t->n_rows * sizeof(*t->counts));
	for (uint32_t r = 0; r < t->n_refs; r++)
		t->counts[t->rows[r]]++;
	samples_thin(t);
	return 0;
}

static const float *meaning_of(const struct trainer *t, uint32_t i)
{
	return t->meaning + (size_t)i * VECTORS_DIMS;
}

/* z = W^T x: the values within a block are equal, so rows are summed first and scaled once. */
static void margins_of(const struct trainer *t, const uint32_t *rows, const uint32_t n[TEXT_BLOCKS],
		       const float scales[TEXT_BLOCKS])
{
	const float4 *bias =
		(const float4 *)(const void *)(t->weights + (size_t)t->n_rows * t->n_padded);
	float4 *z = (float4 *)(void *)t->z;
	float4 *sum = z + t->n_padded / 4;

	memcpy(z, bias, t->n_padded * sizeof(float));
	for (unsigned b = 0; b < TEXT_BLOCKS; b++) {
		float4 s = { scales[b], scales[b], scales[b], scales[b] };

		memset(sum, 0, t->n_padded * sizeof(float));
		wide_add_rows(t->weights, rows, n[b], t->n_padded, (float *)(void *)sum);
		for (uint32_t c = 0; c < t->n_padded / 4; c++)
			z[c] += s * sum[c];
		rows += n[b];
	}
}

/* One step of the dual for every column; returns how many moved. */
static uint32_t dual_steps(struct trainer *t, uint32_t i)
{
	/* |x|^2 is 1 for the features and 1 for the bias. */
	const float ridge = 1.0F / (2.0F * cost), denominator = 2.0F + t->squares[i] + ridge;
	float *alpha = t->alpha + (size_t)i * t->n_padded;
	uint32_t n = 0, label = t->samples[i].label;

	for (uint32_t c = 0; c < t->set->n_classes; c++) {
		float y = c == label ? 1.0F : -1.0F;
		float gradient = y * t->z[c] - 1.0F + alpha[c] * ridge;

		if (gradient >= 0 && alpha[c] <= 0)
			continue;
		float a = alpha[c] - gradient / denominator;

		a = a > 0 ? a : 0;
		t->touched[n] = c;
		t->steps[n++] = y * (a - alpha[c]);
		alpha[c] = a;
	}
	return n;
}

static void update_row(struct trainer *t, uint32_t row, float value, uint32_t n)
{
	float *w = t->weights + (size_t)row * t->n_padded;

	for (uint32_t k = 0; k < n; k++)
		w[t->touched[k]] += value * t->steps[k];
}

/* All rows of a block. From some columns on it is less work to add to all of them, eight at once;
 * a zero changes nothing. */
static void update_block(struct trainer *t, const uint32_t *rows, uint32_t n_rows, float value,
			 uint32_t n)
{
	if (n < t->n_padded / 8) {
		for (uint32_t k = 0; k < n_rows; k++)
			update_row(t, rows[k], value, n);
		return;
	}
	memset(t->spread, 0, t->n_padded * sizeof(float));
	for (uint32_t k = 0; k < n; k++)
		t->spread[t->touched[k]] = value * t->steps[k];
	wide_add_to_rows(t->weights, rows, n_rows, t->n_padded, t->spread);
}

static void update_dense(struct trainer *t, uint32_t i, uint32_t n)
{
	const float *x = meaning_of(t, i);

	for (uint32_t k = 0; k < n; k++)
		wide_add_scaled(x, t->steps[k], t->dense + (size_t)t->touched[k] * VECTORS_DIMS);
}

static void learn(struct trainer *t, uint32_t i)
{
	const struct sample *sample = &t->samples[i];
	const uint32_t *rows = t->rows + sample->begin;
	float scales[TEXT_BLOCKS];

	block_scales(sample->n, scales);
	margins_of(t, rows, sample->n, scales);
	wide_dots(meaning_of(t, i), t->dense, t->set->n_classes, t->z);
	uint32_t n = dual_steps(t, i);

	if (n == 0)
		return;
	update_row(t, t->n_rows, 1.0F, n);
	update_dense(t, i, n);
	for (unsigned b = 0; b < TEXT_BLOCKS; b++) {
		update_block(t, rows, sample->n[b], scales[b], n);
		rows += sample->n[b];
	}
}

/* Trains on all samples but those of `fold` (FOLDS: on all). */
static void train_once(struct trainer *t, uint32_t fold, uint32_t epochs)
{
	memset(t->weights, 0, ((size_t)t->n_rows + 1) * t->n_padded * sizeof(float));
	memset(t->dense, 0, (size_t)t->n_padded * VECTORS_DIMS * sizeof(float));
	memset(t->alpha, 0, (size_t)t->set->n * t->n_padded * sizeof(float));
	t->random = 20190101; /* any constant: the order is arbitrary but always the same */
	t->n_order = 0;
	for (uint32_t i = 0; i < t->set->n; i++)
		if (t->samples[i].fold != fold)
			t->order[t->n_order++] = i;

	for (uint32_t e = 0; e < epochs; e++) {
		for (uint32_t i = t->n_order; i > 1; i--) {
			uint32_t k = (uint32_t)(next_random(t) % i), swap = t->order[i - 1];

			t->order[i - 1] = t->order[k];
			t->order[k] = swap;
		}
		for (uint32_t i = 0; i < t->n_order; i++)
			learn(t, t->order[i]);
	}
}

/* What the fold's model says of a sample it has not seen: only rows that others have count. The
 * second verdict is the one without the sample's own intent. */
static void judge(struct trainer *t, uint32_t i, struct train_verdict verdicts[2])
{
	const struct sample *sample = &t->samples[i];
	const uint32_t *rows = t->rows + sample->begin;
	uint32_t known[TEXT_BLOCKS] = { 0 }, kept[TEXT_BLOCKS] = { 0 }, n = t->set->n_classes;
	float scales[TEXT_BLOCKS];

	for (unsigned b = 0; b < TEXT_BLOCKS; b++) {
		for (uint32_t k = 0; k < sample->n[b]; k++) {
			uint32_t others = t->counts[rows[k]] - t->held[rows[k]];

			known[b] += others > 0;
			kept[b] += others > (keeps_row(t, rows[k]) ? 0 : 1);
		}
		rows += sample->n[b];
	}
	block_scales(known, scales);
	/* Rows unknown to the fold hold zeros: they may stay in the sum. */
	margins_of(t, t->rows + sample->begin, sample->n, scales);
	wide_dots(meaning_of(t, i), t->dense, n, t->z);
	float unknown = strangeness(kept, sample->all);

	verdicts[0] = (struct train_verdict){ .weight = 1.0F };
	verdicts[0].right = margins_best(t->z, n, &verdicts[0].score) == sample->label;
	verdicts[1] = (struct train_verdict){ .weight = n > 2 ? foreign_weight : 0 };
	t->z[sample->label] = -INFINITY;
	margins_best(t->z, n, &verdicts[1].score);
	verdicts[0].score.unknown = verdicts[1].score.unknown = unknown;
}

static void count_held(struct trainer *t, uint32_t fold)
{
	memset(t->held, 0, t->n_rows * sizeof(*t->held));
	for (uint32_t i = 0; i < t->set->n; i++) {
		const struct sample *sample = &t->samples[i];

		for (uint32_t k = 0; k < sample_size(sample) && sample->fold == fold; k++)
			t->held[t->rows[sample->begin + k]]++;
	}
}

/* Held-out scores of every example, then calibration and floor. */
static int calibrate(struct trainer *t, struct model *model, uint32_t epochs)
{
	uint32_t n = t->set->n, n_right = 0, judged = 0, folds = n < FOLDS_FROM ? FOLDS : 1;
	struct train_verdict *verdicts = calloc(n, 2 * sizeof(*verdicts));
	float *values = calloc(n, sizeof(*values));
	int rc = verdicts && values ? 0 : -1;

	for (uint32_t fold = 0; fold < folds && rc == 0; fold++) {
		train_once(t, fold, epochs);
		count_held(t, fold);
		for (uint32_t i = 0; i < n; i++) {
			struct train_verdict *v = &verdicts[2 * (size_t)judged];

			if (t->samples[i].fold != fold)
				continue;
			judge(t, i, v);
			values[judged++] = v->score.margin - v->score.unknown;
			n_right += v->right;
		}
	}
	if (rc == 0) {
		float wrong = (float)(judged - n_right) / (float)judged;
		float expected =
			t->set->n_classes < FEW_INTENTS ? foreign_expected_few : foreign_expected;

		model->calibration = calibration_fit(verdicts, 2 * judged);
		model->calibration.bias +=
			logf((wrong + verdicts[1].weight) /
			     (wrong + verdicts[1].weight * expected / foreign_weight));
		model->floor = quantile(values, judged, t->set->out_of_scope_share);
		model->held_out_accuracy = (float)n_right / (float)judged;
	}
	free(verdicts);
	free(values);
	return rc;
}

static uint32_t rows_to_keep(const struct trainer *t, uint32_t *kept)
{
	uint32_t n = 0;

	for (uint32_t r = 0; r < t->n_rows; r++)
		if (t->counts[r] > 1 || keeps_row(t, r))
			kept[n++] = r;
	return n;
}

static void quantise_row(const float *from, int8_t *to, uint32_t n, float *ret_scale)
{
	float largest = 0;

	for (uint32_t c = 0; c < n; c++)
		largest = fabsf(from[c]) > largest ? fabsf(from[c]) : largest;
	*ret_scale = largest / 127.0F;
	for (uint32_t c = 0; c < n; c++)
		to[c] = largest > 0 ? (int8_t)lrintf(from[c] / *ret_scale) : 0;
}

static int compact(const struct trainer *t, struct model *model)
{
	uint32_t *kept = malloc((t->n_rows + 1) * sizeof(*kept));

	if (!kept)
		return -1;
	model->n_rows = rows_to_keep(t, kept);
	model->scales = calloc(model->n_rows + 1, sizeof(*model->scales));
	model->weights = aligned_alloc(64, ((size_t)model->n_rows * t->n_padded / 64 + 1) * 64);
	model->bias = calloc(t->n_padded, sizeof(*model->bias));
	model->dense = calloc((size_t)t->n_padded * VECTORS_DIMS, sizeof(*model->dense));
	if (!model->scales || !model->weights || !model->bias || !model->dense ||
	    vocab_init(&model->vocab, model->n_rows) < 0) {
		free(kept);
		return -1;
	}
	for (uint32_t r = 0; r < model->n_rows; r++) {
		quantise_row(t->weights + (size_t)kept[r] * t->n_padded,
			     model->weights + (size_t)r * t->n_padded, t->n_padded,
			     &model->scales[r]);
		vocab_put(&model->vocab, t->hashes[kept[r]], r);
	}
	memcpy(model->dense, t->dense, (size_t)t->n_padded * VECTORS_DIMS * sizeof(float));
	memcpy(model->center, t->center, sizeof(model->center));
	memcpy(model->bias, t->weights + (size_t)t->n_rows * t->n_padded,
	       t->n_padded * sizeof(float));
	free(kept);
	return 0;
}

static int trainer_alloc(struct trainer *t)
{
	const struct train_set *set = t->set;

	t->weights = floats_new(((size_t)t->n_rows + 1) * t->n_padded);
	t->dense = floats_new((size_t)t->n_padded * VECTORS_DIMS);
	t->alpha = floats_new((size_t)set->n * t->n_padded);
	t->z = floats_new(2 * (size_t)t->n_padded);
	t->steps = floats_new(t->n_padded);
	t->spread = floats_new(t->n_padded);
	t->touched = calloc(t->n_padded, sizeof(*t->touched));
	t->order = calloc(set->n, sizeof(*t->order));
	t->held = calloc(t->n_rows + 1, sizeof(*t->held));
	return t->weights && t->dense && t->alpha && t->z && t->steps && t->spread && t->touched &&
			       t->order && t->held
		       ? 0
		       : -1;
}

static void trainer_done(struct trainer *t)
{
	free(t->samples);
	free(t->rows);
	free(t->hashes);
	free(t->counts);
	free(t->held);
	free(t->is_word);
	free(t->weights);
	free(t->dense);
	free(t->meaning);
	free(t->squares);
	free(t->alpha);
	free(t->z);
	free(t->steps);
	free(t->spread);
	free(t->touched);
	free(t->order);
	vocab_done(&t->vocab);
}

static int train(struct trainer *t, struct model *model)
{
	bool large = (uint64_t)t->set->n * t->set->n_classes > LARGE_CELLS;
	uint32_t epochs = t->set->epochs ? t->set->epochs : large ? EPOCHS_LARGE : EPOCHS_SMALL;

	t->samples = calloc(t->set->n, sizeof(*t->samples));
	t->meaning = calloc(t->set->n, VECTORS_DIMS * sizeof(*t->meaning));
	t->squares = calloc(t->set->n, sizeof(*t->squares));
	if (!t->samples || !t->meaning || !t->squares || vocab_init(&t->vocab, 4096) < 0 ||
	    samples_read(t) < 0 || trainer_alloc(t) < 0)
		return -1;
	/* Fixed values for sets too small to measure: a plain logistic of the margin. */
	model->calibration = (struct calibration){ 0.5F, 2.0F, 2.0F, -2.0F };
	model->floor = -0.9F;
	model->held_out_accuracy = -1;
	if (t->set->n >= FOLD_EXAMPLES_MIN &&
	    calibrate(t, model, epochs < EPOCHS_FOLD ? epochs : EPOCHS_FOLD) < 0)
		return -1;
	train_once(t, FOLDS, epochs);
	return compact(t, model);
}

int model_train(struct model *model, const struct train_set *set)
{
	struct trainer t = { .set = set, .n_padded = (set->n_classes + 7) / 8 * 8 };

	model->n_padded = t.n_padded;
	model->n_examples = set->n;
	int rc = set->n > 0 ? train(&t, model) : 0;

	trainer_done(&t);
	return rc;
}
