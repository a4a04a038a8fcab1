/* SPDX-License-Identifier: Apache-2.0 */

/* Training: a one-vs-rest linear SVM over all intents at once, with its confidence measured on
 * examples it was not trained on. Deterministic: the same examples give the same model. */
#pragma once

#include "model.h"

struct train_example {
	const char *text; /* borrowed, NUL-terminated UTF-8 */
	uint32_t label;
};
struct train_set {
	const struct train_example *examples;
	uint32_t n;
	uint32_t n_classes;
	uint32_t epochs;           /* 0: chosen by size */
	float out_of_scope_share;  /* quantile of held-out scores that becomes the floor: 0.05 */
};

/* Fills everything of `model` but names, tiers and probes. 0 or -1 (no memory; the model is then
 * half-built and may be freed). */
int model_train(struct model *model, const struct train_set *set);

/* One held-out score, whether the best intent was the true one, and how much it counts. */
struct train_verdict {
	struct model_score score;
	bool right;
	float weight;
};
struct calibration calibration_fit(const struct train_verdict *verdicts, uint32_t n);
/* The value below which a share of the scores lies. Sorts `values`. */
float quantile(float *values, uint32_t n, float share);
