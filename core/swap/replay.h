/* SPDX-License-Identifier: Apache-2.0 */

/* Would it decide otherwise? Recorded turns, with everything that rules saw, are decided again: once as
 * the old release does, once as the new one does, and the two are compared. So a change of rules,
 * routes or classifier is known by what it does to yesterday's customers before it meets today's.
 *
 * Both sides are computed; what was recorded is the question, never the answer. So what came of the turn
 * then (a model that failed, a mode that was on) is the same on both sides: targets are all well here.
 * An answer that only the new side lets a model write has no facts of stage `after`: it counts as one
 * that nothing was said against.
 *
 * Pure: events come in, whoever decides stands behind a side. One thread at a time.
 */
#pragma once

#include "core/base/buf.h"
#include "core/policy/policy.h"
#include "core/session/event.h"

struct baton_replay;

/* What is known of one recorded turn. Strings live until it is pushed out, or the replay ends. */
struct baton_replay_turn {
	struct baton_id session;
	uint64_t turn, unix_ms;
	baton_str text, channel, locale;  /* text: of the message, empty if it was not seen */
	baton_str intent;                 /* as the classifier had it, before any limit; empty: none */
	uint32_t intent_ppm;
	baton_str before, after; /* facts as JSON; after: empty if rules were not asked again */
};

/* A release, as far as it decides. */
struct baton_replay_side {
	const struct baton_policy *policy;
	void *ud;
	/* The strictest verdict of its rules, as of seam.rules(); its strings live until the side ends. */
	int (*rules)(void *ud, const baton_facts *facts, baton_verdict *ret);
	/* What its classifier makes of the text; `ret_intent` lives until the next call. <0: as recorded.
	 * NULL: nobody to ask, or the same one as on the other side. */
	int (*classify)(void *ud, const struct baton_replay_turn *turn, baton_str *ret_intent,
			uint32_t *ret_ppm);
};

/* --- what was recorded --- */

enum { BATON_REPLAY_TURNS_MAX = 100000, BATON_REPLAY_EXAMPLES = 10 };

/* Keeps the newest `turns` that begin in [since_ms, until_ms]. */
struct baton_replay *baton_replay_new(uint32_t turns, uint64_t since_ms, uint64_t until_ms);
void baton_replay_free(struct baton_replay **replay);
/* Every event of the log, in its order; sessions of drills are passed over. */
void baton_replay_event(struct baton_replay *replay, const struct baton_id *session,
			const struct baton_event *event);
/* How many turns it holds; true with `older`: it has pushed some out, there is no need for more. */
size_t baton_replay_turns(const struct baton_replay *replay, bool *ret_full);

/* --- what comes of it --- */

enum baton_replay_kind { /* of a change; a turn may have several */
	BATON_REPLAY_INTENT = 1, /* it is understood otherwise */
	BATON_REPLAY_RULE = 2,   /* a rule's verdict: whether to a person, which queue, how urgent */
	BATON_REPLAY_ROUTE = 4   /* who is asked, in which tier and class */
};

struct baton_replay_queue {
	const char *name;
	uint64_t before, after; /* turns that it gets */
};
/* Turns that change in the same way, with the newest of them. */
struct baton_replay_group {
	uint64_t count;
	unsigned kinds;
	struct baton_id session;
	uint64_t turn, unix_ms;
	const char *before, *after; /* in words */
	const char *values;         /* JSON: rules that one side fires, their conditions, their facts */
};
struct baton_replay_sum {
	uint64_t turns, changed, intents, rules, routes;
	uint64_t renamed;  /* another rule says the same: no change for anybody */
	uint64_t unread;   /* facts that cannot be read: not looked at */
	uint64_t unanswered; /* the rules of a side could not answer: to a person, as in a turn */
	uint64_t first_ms, span_ms; /* of the turns; span: at least an hour */
	bool out_of_time;  /* the newest were looked at until time was over */
	bool classified;   /* both classifiers were asked */
	struct baton_replay_queue *queues; /* those that gain most are first */
	size_t n_queues;
	struct baton_replay_group *groups; /* the largest are first */
	size_t n_groups, groups_left;      /* groups_left: turns of further groups */
	struct baton_arena arena;
};

/* Decides all turns twice. `go_on` is asked now and then, NULL: always. */
void baton_replay_compare(struct baton_replay *replay, const struct baton_replay_side *old,
			  const struct baton_replay_side *now, bool (*go_on)(void *ud), void *ud,
			  struct baton_replay_sum *ret_sum);
void baton_replay_sum_done(struct baton_replay_sum *sum);

/* Too many? At least a hundred turns must say so. */
enum { BATON_REPLAY_BLOCKS_FROM = 100 };
bool baton_replay_blocks(const struct baton_replay_sum *sum, uint32_t max_changed_ppm);
/* One line: "1,204 of 10,000 recorded decisions would change (12.0 %); worst: queue billing +340 %" */
void baton_replay_line(const struct baton_replay_sum *sum, struct baton_buf *out);
/* Why it is too many: "... at most 10.0 %); worst: ...; `baton rules diff` shows them, ..." */
void baton_replay_refusal(const struct baton_replay_sum *sum, uint32_t max_changed_ppm,
			  struct baton_buf *out);
/* Everything for people, and as one JSON object (docs/RULES.md). */
void baton_replay_text(const struct baton_replay_sum *sum, struct baton_buf *out);
void baton_replay_json(const struct baton_replay_sum *sum, struct baton_buf *out);
