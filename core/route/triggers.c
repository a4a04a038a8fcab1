/* SPDX-License-Identifier: Apache-2.0 */

/* The table of triggers.def. */

#include "core/route/triggers.h"

static const struct {
	const char *name, *meaning;
} triggers[] = {
#define TRIGGER(NAME, word, meaning) { word, meaning },
#include "core/route/triggers.def"
#undef TRIGGER
};

const char *baton_trigger_name(enum baton_trigger trigger)
{
	return triggers[trigger < BATON_TRIGGERS_N ? trigger : BATON_TRIGGER_NONE].name;
}

const char *baton_trigger_meaning(enum baton_trigger trigger)
{
	return triggers[trigger < BATON_TRIGGERS_N ? trigger : BATON_TRIGGER_NONE].meaning;
}

enum baton_trigger baton_trigger_find(baton_str word)
{
	unsigned i = 0;

	while (i < BATON_TRIGGERS_N && !baton_str_is(word, triggers[i].name))
		i++;
	return (enum baton_trigger)i;
}
