/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls in a rule, for some intents; says nothing otherwise. */
#define HAS_EVALUATE
#include "hostile.h"

static int32_t at_evaluate(struct frame *f, const baton_facts *facts, baton_verdict *out)
{
	(void)f;
	if (facts->intent.n == 3 && memcmp(facts->intent.p, "bad", 3) == 0)
		hostile_crash();
	out->action = BATON_ACT_NONE;
	return BATON_OK;
}
