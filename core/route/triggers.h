/* SPDX-License-Identifier: Apache-2.0 */

/* The reasons for leaving the usual way, by name. */
#pragma once

#include "core/base/str.h"

enum baton_trigger {
#define TRIGGER(NAME, word, meaning) BATON_TRIGGER_##NAME,
#include "core/route/triggers.def"
#undef TRIGGER
	BATON_TRIGGERS_N
};

/* Static text; "" for NONE. */
const char *baton_trigger_name(enum baton_trigger trigger);
const char *baton_trigger_meaning(enum baton_trigger trigger);
/* BATON_TRIGGERS_N if there is none of that name. */
enum baton_trigger baton_trigger_find(baton_str word);
