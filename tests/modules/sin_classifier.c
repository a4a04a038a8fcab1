/* SPDX-License-Identifier: Apache-2.0 */

/* A classifier that always says the same two intents. */
#include "tests/modules/sin.h"

static int32_t labels(void *inst, const baton_sink *json)
{
	const char *text = is(inst, "labels_text") ? "order, other" : "[\"order\",\"other\"]";
	return json->write(json->ud, text, strlen(text));
}

static int32_t classify(void *inst, baton_call call, const baton_turn *turn, baton_intents *out)
{
	struct inst *i = inst;
	(void)call;
	size_t n = turn->n_msgs ? turn->msgs[0].text.n : 0;
	if (is(i, "crash_empty") && n == 0)
		crash();
	if (is(i, "crashes"))
		crash();
	if (is(i, "refuses"))
		return 42;
	out->n = 2;
	out->v[0] = (baton_intent){ .name = str("order"), .confidence_ppm = 900000 };
	out->v[1] = (baton_intent){ .name = str("other"), .confidence_ppm = 100000 };
	if (is(i, "ppm") && n % 3 == 0)
		out->v[1].confidence_ppm = 2000000;
	return BATON_OK;
}

static const baton_classifier classifier = { .size = sizeof(classifier),
					     .labels = labels,
					     .classify = classify };
#define SIN_STATE NULL
#define VT BATON_CLASSIFIER, &classifier
SIN_MODULE("sin-classifier", "classifier", VT);
