/* SPDX-License-Identifier: Apache-2.0 */

/* Shared by guard.c and guard_answer.c alone. */
#pragma once

#include "core/turn/run.h"

struct guard_look {
	uint32_t at;
	baton_str text; /* in: what is looked at; out: what is left of it */
	baton_str subject;
	bool loud; /* what is found is news, and goes on record */
	bool json; /* what is left must be JSON again */
	bool blocked;
	const char **reveals; /* kinds that are left as they are */
	size_t n_reveals;
};

/* All guards of the place, one behind the other. False: one that is not open could not look. */
bool guard_look(struct baton_run *run, struct guard_look *look);
bool guard_applies(const struct baton_run *run, const struct baton_guard_def *def, uint32_t at);
/* One guard, into run->found. */
int guard_ask(struct baton_run *run, const struct baton_guard_def *def,
	      const baton_inspection *what);
void guard_turn_view(const struct baton_run *run, baton_turn *ret_turn);
/* `hit` may be NULL. Strings are the run's. */
struct baton_ev_guard_hit guard_event(struct baton_run *run, const struct baton_guard_def *def,
				      uint32_t at, const char *action, const baton_hit *hit);
baton_str guard_excerpt(struct baton_run *run, baton_str text, const baton_hit *hit);
