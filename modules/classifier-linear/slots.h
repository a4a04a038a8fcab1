/* SPDX-License-Identifier: Apache-2.0 */

/* What a message names: the slots that the policy declares with its intents, compiled to patterns
 * once, and the values found in one message. */
#pragma once

#include <baton/module.h>

#include <jansson.h>
#include <stdbool.h>

enum { SLOTS_OUT_BYTES = 8192, SLOT_VALUE_BYTES_MAX = 256 };

struct slots; /* of one intent; read-only */

/* From the intent's list "slots" (NULL: none). NULL without `why`: there are none. */
struct slots *slots_new(json_t *list, const char **why);
void slots_free(struct slots **slots);

/* What one loop needs to look: memory for matches, with bounds on how long a pattern may try. */
struct slots_work;
struct slots_work *slots_work_new(void);
void slots_work_free(struct slots_work **work);
/* Forgets what was found. */
void slots_begin(struct slots_work *work);
/* {"slot":"value",...} or empty; a view until slots_begin(). `months_first`: 3/4 is the fourth of
 * March. */
baton_str slots_find(struct slots_work *work, const struct slots *slots, baton_str text,
		     bool months_first);
