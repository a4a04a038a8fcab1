/* SPDX-License-Identifier: Apache-2.0 */

/* The trained classifier: read-only after training and shared by all loops that were given the same
 * configuration. One int8 row of weights per feature, one column per intent.
 *
 * What predict() says of a message: the margin of every intent, the share of words that training
 * never saw (`unknown`), and from both a probability that the best intent is the right one.
 */
#pragma once

#include "slots.h"
#include "text.h"
#include "vectors.h"

#include <stdbool.h>

struct vocab_slot {
	uint32_t tag; /* upper hash bits */
	uint32_t row; /* + 1; 0: the slot is free */
};
struct vocab {
	struct vocab_slot *slots;
	uint32_t mask; /* slots - 1; slots is a power of two */
	uint32_t n;
};
/* 0 or -1 (no memory). `n` features will be put. */
int vocab_init(struct vocab *vocab, uint32_t n);
void vocab_done(struct vocab *vocab);
void vocab_put(struct vocab *vocab, uint64_t hash, uint32_t row);
/* Row of the feature or UINT32_MAX. Two features share a row once in 2^32 times the table's load. */
uint32_t vocab_get(const struct vocab *vocab, uint64_t hash);

/* p(best is right) = logistic(bias + margin * m + gap * g + unknown * u), see calibrate.c. */
struct calibration {
	float bias, margin, gap, unknown;
};

struct model_score {
	float margin, gap /* to the second */;
	float unknown; /* what training never saw of the words, see strangeness() */
};

struct model {
	uint32_t n_classes, n_padded; /* columns, padded to 8 */
	uint32_t n_rows, n_examples;
	char **names;
	uint32_t *tiers;
	struct slots **slots; /* per intent, NULL: it has none */
	struct human_words *human;
	bool *asks_person;    /* per intent: its examples ask for a person */
	struct vocab vocab;
	float *scales;   /* per row: weight = scale * q */
	int8_t *weights; /* [n_rows][n_padded] */
	float *bias;     /* [n_padded] */
	float *dense;    /* [n_padded][VECTORS_DIMS] */
	float center[VECTORS_DIMS]; /* the mean example */
	struct calibration calibration;
	float floor; /* margin - unknown below this: probably none of the intents */
	float held_out_accuracy; /* measured on the folds; -1 if too few examples */
	char **probes;           /* some of the examples, for the self-test */
	uint32_t *probe_labels, n_probes;
};

/* Working memory of one loop. */
struct scratch {
	struct slots_work *slots;
	uint64_t *seen; /* one bit per row, all zero between calls */
	float *margins; /* [n_padded], the last prediction */
	float *whole;   /* the same, of a message whose clauses are looked at */
	uint32_t rows[TEXT_FEATURES_MAX];
	struct text_features features;
	float dense[VECTORS_DIMS];
	char normal[TEXT_BYTES_MAX];
};
/* NULL if there is no memory. */
struct scratch *scratch_new(const struct model *model);
void scratch_free(struct scratch **scratch);

struct guess {
	uint32_t label; /* the best */
	struct model_score score;
	bool has_evidence; /* at least one feature is known */
	bool in_scope;     /* above the floor */
};
/* Any bytes are valid. Margins stay in scratch->margins until the next call. */
struct guess model_predict(const struct model *model, struct scratch *scratch, const char *text,
			   size_t n);
/* 0..1 for the best intent. */
float model_confidence(const struct model *model, const struct guess *guess);
/* 0..1 that no intent covers it; 0.5 at the floor. */
float model_doubt(const struct model *model, const struct guess *guess);
float calibration_apply(const struct calibration *calibration, struct model_score score);
/* Best and gap of a row of margins. */
uint32_t margins_best(const float *margins, uint32_t n, struct model_score *ret_score);
/* One number of the shares of features that training never saw, by block. Single words tell most of
 * all that an unknown thing is meant; a word of unknown letters is no mere typing error. */
float strangeness(const uint32_t known[TEXT_BLOCKS], const uint32_t all[TEXT_BLOCKS]);
/* Lengths of the blocks before everything is scaled to 1 (the recipe's 1 / 1 / 1.4). `ret_scale`
 * is the value of each feature of a block that has n[b] features. */
void block_scales(const uint32_t n[TEXT_BLOCKS], float ret_scale[TEXT_BLOCKS]);

/* What the words mean together, relative to the mean example: a vector of fixed length, or zeros if
 * no word is known. */
void dense_of(const struct text_features *features, const float center[VECTORS_DIMS],
	      float ret_dense[VECTORS_DIMS]);
/* The same before and after the mean example is known. */
bool dense_mean(const struct text_features *features, float ret_mean[VECTORS_DIMS]);
void dense_center(float mean[VECTORS_DIMS], const float center[VECTORS_DIMS]);

size_t model_bytes(const struct model *model);
/* NULL-tolerant, takes half-built ones. */
void model_free(struct model **model);
