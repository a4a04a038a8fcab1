/* SPDX-License-Identifier: Apache-2.0 */

/* The module's configuration (the intents of the policy set) and the models made from it. Loops that
 * were given the same configuration share one model: training happens once per release, not once
 * per loop. */
#pragma once

#include "model.h"

struct catalogue; /* thread-safe; lives as long as the module's generation */

/* NULL: no memory. */
struct catalogue *catalogue_new(void);
/* Every model must have been returned. */
void catalogue_free(struct catalogue **catalogue);

/* The model for this configuration, trained now or shared with an earlier caller, who waited for
 * nothing or for the same training. 0; -1: `why` (static text) says what is wrong with the text. */
int catalogue_take(struct catalogue *catalogue, const char *json, size_t n,
		   const struct model **ret_model, const char **why);
/* The last one to return a model frees it. */
void catalogue_return(struct catalogue *catalogue, const struct model *model);
