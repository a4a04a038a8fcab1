/* SPDX-License-Identifier: Apache-2.0 */

/* The module's configuration (the intents of the policy set), and the model made from it. */
#pragma once

#include "model.h"

/* Reads and trains; takes seconds for a large set. NULL: `why` (static text) says what is wrong with
 * the text. */
struct model *model_make(const char *json, size_t n, const char **why);
