/* SPDX-License-Identifier: Apache-2.0 */

/* A board in virtual time with a small shop's policy, providers that are functions, and turns that
 * ask them as a run does. Nothing sleeps: a call takes as long as its provider says. */
#pragma once

#include "tests/unit/unit.h"

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/route/board.h"
#include "core/route/failure.h"

#include <stdio.h>

enum { RIG_HAPPENED_MAX = 4096, RIG_TURN_MS = 30000 };
static const uint64_t RIG_UNIX_MS = 1795219200000; /* 2026-11-21, midnight UTC */

struct rig;
/* One call: `ret` is zeroed; set answered or fail, and total_ms, which is how long it takes. */
typedef void rig_provider(struct rig *rig, const struct baton_choice *choice,
			  struct baton_outcome *ret, bool *ret_showed);

struct rig {
	struct baton_target targets[4]; /* main, spare, other (another account), big */
	struct baton_class class_;
	struct baton_route route; /* main; spare, other */
	struct baton_policy policy;
	struct baton_board *board;
	uint64_t ms, random;
	rig_provider *provider;
	uint64_t calls[4], asked_ms[4]; /* of each target; the last time */
	size_t n_happened;
	struct {
		enum baton_happening_type type;
		enum baton_trigger trigger;
		char subject[80], is[32], by[32];
	} happened[RIG_HAPPENED_MAX];
	/* of the last turn: */
	struct baton_attempt past[BATON_TURN_ATTEMPTS_MAX];
	struct baton_choice choices[BATON_TURN_ATTEMPTS_MAX + 1]; /* the last is the refusal */
	uint64_t began_ms[BATON_TURN_ATTEMPTS_MAX], spent;
	size_t n_past;
};

static inline void rig_heard(void *ud, const struct baton_happening *happening)
{
	struct rig *rig = ud;

	if (rig->n_happened == RIG_HAPPENED_MAX)
		return;
	rig->happened[rig->n_happened].type = happening->type;
	rig->happened[rig->n_happened].trigger = happening->trigger;
	(void)snprintf(rig->happened[rig->n_happened].subject, 80, "%s", happening->subject);
	(void)snprintf(rig->happened[rig->n_happened].is, 32, "%s", happening->is);
	(void)snprintf(rig->happened[rig->n_happened].by, 32, "%s", happening->by);
	rig->n_happened++;
}

static inline struct baton_now rig_now(const struct rig *rig)
{
	return (struct baton_now){ .ms = 1000000 + rig->ms, .unix_ms = RIG_UNIX_MS + rig->ms };
}

static inline struct baton_target rig_target(const char *name, const char *account)
{
	return (struct baton_target){ .name = name,
				      .provider = "p",
				      .model = name,
				      .account = account,
				      .region = "",
				      .substitute = "",
				      .prompt = "",
				      .max_output_tokens = 1000 };
}

static inline void rig_open(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->targets[0] = rig_target("main", "acme");
	rig->targets[1] = rig_target("spare", "acme");
	rig->targets[2] = rig_target("other", "globex");
	rig->targets[3] = rig_target("big", "globex");
	rig->class_ =
		(struct baton_class){ .name = "drafting", .on_failure = BATON_ON_FAILURE_FALLBACK };
	rig->route = (struct baton_route){ .intent = "refund",
					   .primary = &rig->targets[0],
					   .fallbacks = { &rig->targets[1], &rig->targets[2] },
					   .n_fallbacks = 2,
					   .class_ = &rig->class_,
					   .tier = 1,
					   .queue = "q" };
	rig->policy = (struct baton_policy){ .targets = rig->targets,
					     .n_targets = 4,
					     .classes = &rig->class_,
					     .n_classes = 1,
					     .routes = &rig->route,
					     .n_routes = 1 };
	rig->random = 88172645463325252ull;
	rig->board = baton_board_new(rig_heard, rig);
	baton_board_adopt(rig->board, rig_now(rig), &rig->policy);
}

static inline void rig_close(struct rig *rig)
{
	baton_board_free(&rig->board);
	assert_null(rig->board);
}

/* xorshift64: tests bring their own chance, with a seed. */
static inline uint64_t rig_random(struct rig *rig)
{
	rig->random ^= rig->random << 13;
	rig->random ^= rig->random >> 7;
	rig->random ^= rig->random << 17;
	return rig->random;
}

static inline struct baton_ask rig_ask(struct rig *rig)
{
	static const struct baton_id session = { .b = { 7 } };

	return (struct baton_ask){ .policy = &rig->policy,
				   .route = &rig->route,
				   .session = &session,
				   .past = rig->past,
				   .n_past = rig->n_past,
				   .left_ms = RIG_TURN_MS,
				   .random = rig_random(rig),
				   .in_tokens = 100 };
}

/* The name of who would be asked now, and no lease is kept. */
static inline const char *rig_next(struct rig *rig, struct baton_ask *ask,
				   struct baton_choice *ret_choice)
{
	static const struct baton_outcome never_mind = { .cancelled = true };

	if (!baton_board_next(rig->board, rig_now(rig), ask, ret_choice)) {
		assert_int_equal(ret_choice->lease, 0);
		return "nobody";
	}
	assert_true(ret_choice->lease != 0);
	baton_board_settle(rig->board, rig_now(rig), ret_choice->lease, &never_mind);
	return ret_choice->target->name;
}

static inline void rig_attempt(struct rig *rig, const struct baton_choice *choice)
{
	struct baton_outcome outcome = { 0 };
	bool showed = false;
	size_t which = (size_t)(choice->target - rig->targets);

	rig->ms += choice->delay_ms;
	rig->calls[which]++;
	rig->asked_ms[which] = rig->ms;
	rig->began_ms[rig->n_past] = rig->ms;
	rig->provider(rig, choice, &outcome, &showed);
	rig->ms += outcome.total_ms;
	rig->spent += outcome.cost_microusd;
	rig->past[rig->n_past++] = (struct baton_attempt){ .target = choice->target,
							   .fail = outcome.fail,
							   .scope = outcome.scope,
							   .retry_after_ms = outcome.retry_after_ms,
							   .failed = !outcome.answered,
							   .showed = showed,
							   .proceeded = choice->proceed };
	baton_board_settle(rig->board, rig_now(rig), choice->lease, &outcome);
	if (outcome.answered)
		rig->past[rig->n_past - 1].failed = false;
}

/* One turn; who answered, or "nobody". Attempts are in rig->past and rig->choices. */
static inline const char *rig_turn(struct rig *rig)
{
	uint64_t deadline_ms = rig->ms + RIG_TURN_MS;

	rig->n_past = 0;
	rig->spent = 0;
	for (;;) {
		struct baton_choice *choice = &rig->choices[rig->n_past];
		struct baton_ask ask = rig_ask(rig);

		ask.left_ms = rig->ms < deadline_ms ? deadline_ms - rig->ms : 0;
		ask.spent_microusd = rig->spent;
		baton_board_tick(rig->board, rig_now(rig));
		if (!baton_board_next(rig->board, rig_now(rig), &ask, choice))
			return "nobody";
		rig_attempt(rig, choice);
		if (!rig->past[rig->n_past - 1].failed)
			return rig->past[rig->n_past - 1].target->name;
	}
}

/* --- providers --- */

static inline void rig_answer(struct baton_outcome *ret)
{
	*ret = (struct baton_outcome){
		.answered = true, .first_token_ms = 300, .total_ms = 1000, .out_tokens = 60
	};
}

static inline void rig_fail(struct baton_outcome *ret, uint32_t fail, uint64_t ms)
{
	*ret = (struct baton_outcome){ .fail = fail, .total_ms = ms };
}

static inline void rig_all_well(struct rig *rig, const struct baton_choice *choice,
				struct baton_outcome *ret, bool *ret_showed)
{
	(void)rig;
	(void)choice;
	(void)ret_showed;
	rig_answer(ret);
}

static inline size_t rig_count(const struct rig *rig, enum baton_happening_type type,
			       const char *subject, const char *is)
{
	size_t n = 0;

	for (size_t i = 0; i < rig->n_happened; i++)
		n += rig->happened[i].type == type &&
		     strcmp(rig->happened[i].subject, subject) == 0 &&
		     strcmp(rig->happened[i].is, is) == 0;
	return n;
}
