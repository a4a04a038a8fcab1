/* SPDX-License-Identifier: Apache-2.0 */

/* Recorded turns out of the log, and the comparison of what two releases make of them. */

#include "core/swap/replay_inside.h"

#include "core/base/table.h"
#include "core/policy/expr.h"
#include "core/policy/facts.h"

#include <stdlib.h>

enum {
	SESSIONS_MAX = 65536, /* conversations whose last words are remembered */
	GROUPS_MAX = 256,     /* ways in which turns change; further ones are only counted */
	ASK_EVERY = 64,       /* turns between two looks at the clock */
	HOUR_MS = 3600000
};

struct recorded {
	struct baton_replay_turn turn;
	struct baton_arena arena;
};

/* A conversation as the log goes on. */
struct talk {
	UT_hash_handle hh;
	struct baton_id id;
	uint64_t message; /* seq of the newest one */
	baton_str text;   /* owned */
	char *intent;     /* owned; of the turn that is under way */
	uint64_t intent_turn;
	uint32_t intent_ppm;
	uint64_t number; /* of its newest recorded turn, from 1; 0: none */
};

struct baton_replay {
	uint64_t since_ms, until_ms;
	struct recorded *ring;
	size_t cap;
	uint64_t n; /* recorded so far; the newest `cap` are in the ring */
	struct talk *talks;
};

/* --- what was recorded ----------------------------------------------------------------------- */

struct baton_replay *baton_replay_new(uint32_t turns, uint64_t since_ms, uint64_t until_ms)
{
	struct baton_replay *replay = baton_new(struct baton_replay);

	replay->cap = turns < BATON_REPLAY_TURNS_MAX ? turns : BATON_REPLAY_TURNS_MAX;
	replay->ring = baton_alloc(replay->cap * sizeof(*replay->ring) + 1);
	replay->since_ms = since_ms;
	replay->until_ms = until_ms;
	return replay;
}

static void talk_drop(struct baton_replay *replay, struct talk *talk)
{
	HASH_DEL(replay->talks, talk);
	baton_str_drop(&talk->text);
	baton_free(talk->intent);
	baton_free(talk);
}

void baton_replay_free(struct baton_replay **replay)
{
	struct baton_replay *r = *replay;

	*replay = NULL;
	if (!r)
		return;
	while (r->talks)
		talk_drop(r, r->talks);
	for (size_t i = 0; i < r->cap; i++)
		baton_arena_done(&r->ring[i].arena);
	baton_free(r->ring);
	baton_free(r);
}

size_t baton_replay_turns(const struct baton_replay *replay, bool *ret_full)
{
	*ret_full = replay->n >= replay->cap;
	return replay->n < replay->cap ? (size_t)replay->n : replay->cap;
}

static struct recorded *recorded_at(struct baton_replay *replay, uint64_t number)
{
	bool there = number > 0 && number + replay->cap > replay->n;

	return there ? &replay->ring[(number - 1) % replay->cap] : NULL;
}

static struct talk *talk_of(struct baton_replay *replay, const struct baton_id *id)
{
	struct talk *talk = NULL;

	HASH_FIND(hh, replay->talks, id, sizeof(*id), talk);
	if (talk)
		return talk;
	if (HASH_COUNT(replay->talks) >= SESSIONS_MAX)
		talk_drop(replay, replay->talks); /* the first that began */
	talk = baton_new(struct talk);
	talk->id = *id;
	HASH_ADD(hh, replay->talks, id, sizeof(talk->id), talk);
	return talk;
}

static baton_str keep(struct recorded *to, baton_str s)
{
	return s.n ? (baton_str){ baton_arena_dup(&to->arena, s.p, s.n), s.n } : BATON_STR_NONE;
}

/* A turn that began again on another release has its rules asked again: the last time counts. */
static void take_before(struct baton_replay *replay, struct talk *talk,
			const struct baton_event *event)
{
	const struct baton_ev_policy_decided *decided = &event->policy_decided;
	struct recorded *to = recorded_at(replay, talk->number);
	struct baton_arena arena = { NULL, 0 };
	baton_facts facts = { .size = sizeof(facts) };

	(void)baton_facts_parse(decided->facts, &arena, &facts);
	if (baton_str_is(facts.channel, "drill") || replay->cap == 0)
		talk->number = 0;
	else if (!to || to->turn.turn != decided->turn)
		talk->number = ++replay->n;
	to = recorded_at(replay, talk->number);
	if (to) {
		baton_arena_done(&to->arena);
		to->turn = (struct baton_replay_turn){ .session = talk->id,
						       .turn = decided->turn,
						       .unix_ms = event->unix_ms };
		to->turn.before = keep(to, decided->facts);
		to->turn.channel = keep(to, facts.channel);
		to->turn.locale = keep(to, facts.locale);
	}
	if (to && talk->message == decided->turn)
		to->turn.text = keep(to, talk->text);
	if (to && talk->intent_turn == decided->turn) {
		to->turn.intent = keep(to, baton_str_of(talk->intent));
		to->turn.intent_ppm = talk->intent_ppm;
	}
	baton_arena_done(&arena);
}

/* Of a decision that records only what had changed since the one before, in the same turn. */
static baton_str whole_facts(struct recorded *to, const struct baton_ev_policy_decided *decided)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_buf json = { NULL, 0, 0 };
	baton_facts facts = { .size = sizeof(facts) };
	bool read = baton_facts_parse(to->turn.before, &arena, &facts) == 0 &&
		    baton_env_parse(&baton_env_facts, decided->changed, &arena, &facts) == 0;

	if (read)
		baton_facts_json(&facts, &json);
	/* What cannot be read is no list of facts for whoever takes it either. */
	baton_str whole = keep(to, read ? baton_buf_view(&json) : decided->changed);
	baton_buf_done(&json);
	baton_arena_done(&arena);
	return whole;
}

static void take_decided(struct baton_replay *replay, struct talk *talk,
			 const struct baton_event *event)
{
	const struct baton_ev_policy_decided *decided = &event->policy_decided;
	struct recorded *to = recorded_at(replay, talk->number);

	if (baton_str_is(decided->stage, "before"))
		take_before(replay, talk, event);
	else if (to && to->turn.turn == decided->turn && baton_str_is(decided->stage, "after"))
		to->turn.after = decided->changed.n > 0 ? whole_facts(to, decided)
							: keep(to, decided->facts);
}

void baton_replay_event(struct baton_replay *replay, const struct baton_id *session,
			const struct baton_event *event)
{
	struct talk *talk;

	if (event->type != BATON_EV_MESSAGE_RECEIVED && event->type != BATON_EV_INTENT_DETECTED &&
	    event->type != BATON_EV_POLICY_DECIDED)
		return;
	talk = talk_of(replay, session);
	if (event->type == BATON_EV_MESSAGE_RECEIVED) {
		talk->message = event->seq;
		baton_str_drop(&talk->text);
		talk->text = baton_str_keep(event->message_received.text);
	} else if (event->type == BATON_EV_INTENT_DETECTED) {
		const struct baton_ev_intent_detected *detected = &event->intent_detected;

		baton_free(talk->intent);
		talk->intent = baton_memdupz(detected->intent.p, detected->intent.n);
		talk->intent_turn = detected->turn;
		talk->intent_ppm = (uint32_t)detected->confidence_ppm;
	} else if (event->unix_ms >= replay->since_ms && event->unix_ms <= replay->until_ms) {
		take_decided(replay, talk, event);
	}
}

/* --- the comparison -------------------------------------------------------------------------- */

struct queue {
	UT_hash_handle hh;
	uint64_t before, after;
	char name[];
};

struct group {
	UT_hash_handle hh;
	struct baton_replay_group group;
	size_t n; /* of the key: both sides in words */
	char words[];
};

struct comparing {
	const struct baton_replay_side *old_side, *new_side;
	struct replay_judge old_judge, new_judge;
	struct baton_replay_sum *sum;
	struct queue *queues;
	struct group *groups;
	struct baton_arena arena; /* of one turn */
	struct baton_buf words;
};

static void no_news(void *ud, const struct baton_happening *happening)
{
	(void)ud;
	(void)happening;
}

static struct replay_judge judge_new(const struct baton_replay_side *side)
{
	struct replay_judge judge = { side, baton_board_new(no_news, NULL) };

	baton_board_adopt(judge.board, (struct baton_now){ 1, 1 }, side->policy);
	return judge;
}

static void count_queue(struct comparing *c, const struct replay_decided *decided, bool after)
{
	struct queue *queue = NULL;

	if (!decided->handed_over)
		return;
	size_t n = strlen(decided->queue);
	HASH_FIND(hh, c->queues, decided->queue, n, queue);
	if (!queue) {
		queue = baton_alloc(sizeof(*queue) + n + 1);
		memcpy(queue->name, decided->queue, n);
		HASH_ADD(hh, c->queues, name, n, queue);
	}
	*(after ? &queue->after : &queue->before) += 1;
}

/* The newest stands for the others: it comes first. */
static void group_show(struct comparing *c, struct group *group,
		       const struct baton_replay_turn *turn, const struct replay_decided *old,
		       const struct replay_decided *now)
{
	struct baton_buf values = { NULL, 0, 0 };

	group->group.session = turn->session;
	group->group.turn = turn->turn;
	group->group.unix_ms = turn->unix_ms;
	replay_values(c->old_side->policy, old, c->new_side->policy, now, &values);
	group->group.values = baton_arena_dup(&c->sum->arena, values.p, values.n);
	baton_buf_done(&values);
}

static void count_group(struct comparing *c, const struct baton_replay_turn *turn, unsigned kinds,
			const struct replay_decided *old, const struct replay_decided *now)
{
	struct group *group = NULL;

	baton_buf_reset(&c->words);
	replay_words(old, &c->words);
	baton_buf_add(&c->words, "", 1);
	size_t behind = c->words.n;
	replay_words(now, &c->words);
	HASH_FIND(hh, c->groups, c->words.p, c->words.n, group);
	if (!group && HASH_COUNT(c->groups) >= GROUPS_MAX) {
		c->sum->groups_left++;
		return;
	}
	if (!group) {
		group = baton_alloc(sizeof(*group) + c->words.n + 1);
		group->n = c->words.n;
		memcpy(group->words, c->words.p, c->words.n);
		group->group.before = group->words;
		group->group.after = group->words + behind;
		HASH_ADD(hh, c->groups, words, group->n, group);
		group_show(c, group, turn, old, now);
	}
	group->group.count++;
	group->group.kinds |= kinds;
}

struct understood {
	baton_str intent;
	uint32_t ppm;
};

static bool hear(const struct baton_replay_side *side, const struct baton_replay_turn *turn,
		 struct baton_arena *arena, struct understood *ret)
{
	baton_str intent;

	if (side->classify(side->ud, turn, &intent, &ret->ppm) < 0)
		return false;
	ret->intent = (baton_str){ baton_arena_dup(arena, intent.p, intent.n), intent.n };
	return true;
}

/* Both classifiers, or what was recorded: one alone would differ for other reasons. */
static void understand(struct comparing *c, const struct baton_replay_turn *turn,
		       struct understood *old, struct understood *now)
{
	const struct understood recorded = { turn->intent, turn->intent_ppm };

	if (c->sum->classified && turn->text.n > 0 && hear(c->old_side, turn, &c->arena, old) &&
	    hear(c->new_side, turn, &c->arena, now))
		return;
	*old = *now = recorded;
}

static void compare_one(struct comparing *c, const struct baton_replay_turn *turn)
{
	struct replay_decided old, now;
	struct understood was, is;
	bool renamed = false;

	understand(c, turn, &was, &is);
	if (!replay_decide(&c->old_judge, turn, was.intent, was.ppm, &c->arena, &old) ||
	    !replay_decide(&c->new_judge, turn, is.intent, is.ppm, &c->arena, &now)) {
		c->sum->unread++;
		return;
	}
	unsigned kinds = replay_differs(&old, &now, &renamed);
	c->sum->turns++;
	c->sum->renamed += renamed;
	c->sum->unanswered += old.unanswered || now.unanswered;
	count_queue(c, &old, false);
	count_queue(c, &now, true);
	if (!kinds)
		return;
	c->sum->changed++;
	c->sum->intents += (kinds & BATON_REPLAY_INTENT) != 0;
	c->sum->rules += (kinds & BATON_REPLAY_RULE) != 0;
	c->sum->routes += (kinds & BATON_REPLAY_ROUTE) != 0;
	count_group(c, turn, kinds, &old, &now);
}

static int by_growth(const void *a, const void *b)
{
	const struct baton_replay_queue *x = a, *y = b;
	int64_t more_x = (int64_t)(x->after - x->before), more_y = (int64_t)(y->after - y->before);

	if (more_x != more_y)
		return more_x > more_y ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int by_count(const void *a, const void *b)
{
	const struct baton_replay_group *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->unix_ms != y->unix_ms ? (x->unix_ms > y->unix_ms ? -1 : 1)
					: strcmp(x->after, y->after);
}

static void sum_queues(struct comparing *c)
{
	struct baton_replay_sum *sum = c->sum;
	struct queue *queue, *next;

	sum->queues =
		baton_arena_alloc(&sum->arena, HASH_COUNT(c->queues) * sizeof(*sum->queues) + 1);
	HASH_ITER(hh, c->queues, queue, next) {
		sum->queues[sum->n_queues++] =
			(struct baton_replay_queue){ baton_arena_dup(&sum->arena, queue->name,
								     strlen(queue->name)),
						     queue->before, queue->after };
		HASH_DEL(c->queues, queue);
		baton_free(queue);
	}
	qsort(sum->queues, sum->n_queues, sizeof(*sum->queues), by_growth);
}

static void sum_groups(struct comparing *c)
{
	struct baton_replay_sum *sum = c->sum;
	size_t n = HASH_COUNT(c->groups);
	struct group *group, *next;

	sum->groups = baton_arena_alloc(&sum->arena, n * sizeof(*sum->groups) + 1);
	HASH_ITER(hh, c->groups, group, next) {
		struct baton_replay_group *to = &sum->groups[sum->n_groups++];

		*to = group->group;
		to->before = baton_arena_dup(&sum->arena, to->before, strlen(to->before));
		to->after = baton_arena_dup(&sum->arena, to->after, strlen(to->after));
		HASH_DEL(c->groups, group);
		baton_free(group);
	}
	qsort(sum->groups, sum->n_groups, sizeof(*sum->groups), by_count);
	for (size_t i = BATON_REPLAY_EXAMPLES; i < sum->n_groups; i++)
		sum->groups_left += sum->groups[i].count;
	if (sum->n_groups > BATON_REPLAY_EXAMPLES)
		sum->n_groups = BATON_REPLAY_EXAMPLES;
}

/* The time that the turns are from: since the first of them, which may be long after the window
 * began if the server is young. */
static void sum_times(struct baton_replay *replay, struct baton_replay_sum *sum, uint64_t from)
{
	const struct recorded *first = recorded_at(replay, from);

	sum->first_ms = first ? first->turn.unix_ms : replay->since_ms;
	sum->span_ms = replay->until_ms > sum->first_ms ? replay->until_ms - sum->first_ms : 0;
	if (sum->span_ms < HOUR_MS)
		sum->span_ms = HOUR_MS;
}

void baton_replay_compare(struct baton_replay *replay, const struct baton_replay_side *old,
			  const struct baton_replay_side *now, bool (*go_on)(void *ud), void *ud,
			  struct baton_replay_sum *ret_sum)
{
	struct comparing c = { .old_side = old, .new_side = now, .sum = ret_sum };
	uint64_t first = replay->n > replay->cap ? replay->n - replay->cap + 1 : 1;

	*ret_sum = (struct baton_replay_sum){ .classified = old->classify && now->classify };
	c.old_judge = judge_new(old);
	c.new_judge = judge_new(now);
	/* The newest first: if time runs out, it is the older ones that were not looked at. */
	uint64_t at = replay->n;
	for (; at >= first && !ret_sum->out_of_time; at--) {
		ret_sum->out_of_time = go_on && (replay->n - at) % ASK_EVERY == 0 && !go_on(ud);
		if (!ret_sum->out_of_time)
			compare_one(&c, &recorded_at(replay, at)->turn);
		baton_arena_done(&c.arena);
	}
	sum_times(replay, ret_sum, at + 1);
	sum_queues(&c);
	sum_groups(&c);
	baton_buf_done(&c.words);
	baton_board_free(&c.old_judge.board);
	baton_board_free(&c.new_judge.board);
}

void baton_replay_sum_done(struct baton_replay_sum *sum)
{
	baton_arena_done(&sum->arena);
	*sum = (struct baton_replay_sum){ .turns = 0 };
}
