/* SPDX-License-Identifier: Apache-2.0 */

/* What one message says, all of it: its intents, which may be several, how likely none covers it, and
 * whether it asks for a person. */
#pragma once

#include "model.h"

#include <baton/module.h>

enum { READING_MAX = 8 };
struct reading {
	struct {
		uint32_t label;
		float p;
	} v[READING_MAX]; /* best first */
	uint32_t n;
	float doubt, human;
};

/* At most `cap` intents. The words of the message stay in scratch->features. */
void model_read(const struct model *model, struct scratch *scratch, baton_str text, uint32_t cap,
		struct reading *out);
/* The message may answer our question for something ("4711"): it is short, and says nothing better. */
bool reading_is_answer(const struct scratch *scratch, const struct reading *reading);
/* Puts an intent first. */
void reading_put_first(struct reading *reading, uint32_t label, float p, uint32_t cap);
