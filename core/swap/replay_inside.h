/* SPDX-License-Identifier: Apache-2.0 */

/* Inside of a replay: one decision of one side, and how two of them are told apart. */
#pragma once

#include "core/route/board.h"
#include "core/swap/replay.h"

/* One side, ready to decide. */
struct replay_judge {
	const struct baton_replay_side *side;
	struct baton_board *board; /* on which all is well */
};

/* What a side does with a turn. Strings are the policy's, the rules', or in the caller's arena. */
struct replay_decided {
	char intent[BATON_NAME_BYTES_MAX + 1]; /* "": not understood well enough */
	baton_facts before_facts, after_facts;
	baton_verdict before, after; /* after: action NONE if rules were not asked again */
	const struct baton_route *route; /* NULL: there is none */
	const struct baton_target *target;
	unsigned tier;
	bool handed_over; /* to a person, by a rule, its tier, a switch, or for want of a target */
	bool by_rule, asked_after;
	bool unanswered; /* by rules */
	const char *queue; /* that gets it; NULL: none */
	uint32_t priority;
};

/* False if its facts cannot be read. */
bool replay_decide(const struct replay_judge *judge, const struct baton_replay_turn *turn,
		   baton_str intent, uint32_t intent_ppm, struct baton_arena *arena,
		   struct replay_decided *ret);
/* BATON_REPLAY_* of what differs for somebody; *ret_renamed: only the rule's name does. */
unsigned replay_differs(const struct replay_decided *a, const struct replay_decided *b,
			bool *ret_renamed);
/* In words: "answer by `main` (route refund, tier 1)". */
void replay_words(const struct replay_decided *decided, struct baton_buf *out);
/* [{"rule","stage","old":{...},"now":{...}}] of the rules that either side fires. */
void replay_values(const struct baton_policy *old_policy, const struct replay_decided *old,
		   const struct baton_policy *new_policy, const struct replay_decided *now,
		   struct baton_buf *out);
