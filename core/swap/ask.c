/* SPDX-License-Identifier: Apache-2.0 */

/* From the journal and from racks into core/swap/replay.h. */

#include "core/swap/ask.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/module/host.h"
#include "core/module/rack.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum {
	DEFAULT_MS = 2000,
	READY_MS = 5000,       /* for rules that are elsewhere */
	RECORDS_PER_TURN = 10, /* about; a second look goes further back if it was not enough */
	READ_AT_ONCE = 4096,
	CLOCK_SLACK_MS = 60000, /* how far a step of the clock may have put records out of order */
	CLASSIFY_MSGS = 1,
	UNANSWERED_PART = 20 /* more than one in so many: nothing can be said */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- the journal ----------------------------------------------------------------------------- */

static bool take_record(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct baton_event event = { .seq = record->seq, .unix_ms = record->unix_ms };
	struct baton_arena arena = { NULL, 0 };
	bool wanted = record->type == BATON_EV_MESSAGE_RECEIVED ||
		      record->type == BATON_EV_INTENT_DETECTED ||
		      record->type == BATON_EV_POLICY_DECIDED;

	/* Empty: it was erased. */
	if (wanted && record->payload.n > 0 &&
	    baton_event_parse(record->type, record->payload, &arena, &event) == 0)
		baton_replay_event(ud, session, &event);
	baton_arena_done(&arena);
	return true;
}

static bool look_at_time(void *ud, const struct baton_id *session,
			 const struct baton_record *record)
{
	(void)session;
	*(uint64_t *)ud = record->unix_ms;
	return false;
}

/* The last position whose record is older than the window: the log is in the order of time, but for
 * moments. */
static uint64_t window_start(struct baton_journal *journal, uint64_t since_ms)
{
	uint64_t low = 0, high = baton_journal_last_position(journal);

	since_ms = since_ms > CLOCK_SLACK_MS ? since_ms - CLOCK_SLACK_MS : 0;
	while (since_ms > 0 && low < high) {
		uint64_t middle = low + (high - low) / 2, unix_ms = 0, last = 0;
		int64_t n = baton_journal_follow(journal, middle, 1, look_at_time, &unix_ms, &last);

		if (n == 1 && unix_ms < since_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return since_ms > 0 ? low : 0;
}

static int feed(struct baton_journal *journal, struct baton_replay *replay, uint64_t at,
		uint64_t deadline_ns)
{
	uint64_t end = baton_journal_last_position(journal);

	while (at < end && now_ns() < deadline_ns) {
		uint64_t last = at;
		int64_t n = baton_journal_follow(journal, at,
						 end - at < READ_AT_ONCE ? end - at : READ_AT_ONCE,
						 take_record, replay, &last);

		/* A damaged record is passed over: fsck is for that. */
		if (n < 0 && !(n == BATON_E_CORRUPT && last > at))
			return (int)n;
		if (n == 0)
			break;
		at = last;
	}
	return 0;
}

int baton_replay_recorded(const struct baton_replay_options *options, uint64_t deadline_ns,
			  struct baton_replay **ret_replay)
{
	uint64_t until_ms = options->until_ms ? options->until_ms : baton_loop_unix_ms();
	uint64_t start = window_start(options->journal, options->since_ms);
	uint64_t end = baton_journal_last_position(options->journal);
	uint64_t back = (uint64_t)options->turns * RECORDS_PER_TURN;
	bool full = false, all = false;
	int rc = 0;

	*ret_replay = NULL;
	while (rc == 0 && !full && !all) {
		uint64_t from = end > back && end - back > start ? end - back : start;

		baton_replay_free(ret_replay);
		*ret_replay = baton_replay_new(options->turns, options->since_ms, until_ms);
		rc = feed(options->journal, *ret_replay, from, deadline_ns);
		(void)baton_replay_turns(*ret_replay, &full);
		all = from == start || now_ns() >= deadline_ns;
		back *= 4;
	}
	if (rc < 0)
		baton_replay_free(ret_replay);
	return rc;
}

/* --- a release decides ----------------------------------------------------------------------- */

struct asked {
	struct baton_rack *rack;
	struct baton_release *release;
	char intent[BATON_NAME_BYTES_MAX + 1];
	size_t intent_n;
	uint32_t ppm;
	uint64_t ticket;
	bool heard, ended;
	bool deaf, spoke; /* deaf: it does not answer at once; spoke: it has answered once */
};

static int ask_rules(void *ud, const baton_facts *facts, baton_verdict *ret)
{
	const struct asked *asked = ud;

	int rc = baton_rack_rules(asked->rack, asked->release, facts, ret);

	/* One in another process may have been late, on a machine that does much else; rules are
	 * pure, so asking again is the same question. */
	return rc < 0 ? baton_rack_rules(asked->rack, asked->release, facts, ret) : rc;
}

static void hear_intents(void *ud, uint64_t ticket, const baton_intents *intents)
{
	struct asked *asked = ud;

	if (ticket != asked->ticket)
		return;
	asked->heard = true;
	asked->intent_n = 0;
	asked->ppm = 0;
	if (intents->n == 0 || intents->v[0].name.n > BATON_NAME_BYTES_MAX)
		return;
	asked->intent_n = intents->v[0].name.n;
	memcpy(asked->intent, intents->v[0].name.p, asked->intent_n);
	asked->ppm = intents->v[0].confidence_ppm;
}

static void hear_end(void *ud, uint64_t ticket, uint32_t reason)
{
	struct asked *asked = ud;

	(void)reason;
	asked->ended = asked->ended || ticket == asked->ticket;
}

static void hear_fail(void *ud, uint64_t ticket, const baton_error *error)
{
	struct asked *asked = ud;

	(void)error;
	asked->ended = asked->ended || ticket == asked->ticket;
}

/* The rack's owner hears nothing of this: what waits for it is told before, and while its ears are
 * ours only our call speaks. */
static int classify_now(struct asked *asked, const baton_turn *view)
{
	struct baton_rack *rack = asked->rack;
	struct baton_rack_events theirs;

	baton_call_tell_all(rack);
	theirs = rack->events;
	rack->events = (struct baton_rack_events){
		.ud = asked, .intents = hear_intents, .end = hear_end, .fail = hear_fail
	};
	asked->heard = asked->ended = false;
	asked->ticket--;
	int rc = baton_rack_classify(rack, asked->release, asked->ticket, view);
	if (rc == 0)
		baton_call_tell_all(rack);
	if (rc == 0 && !asked->ended) {
		asked->deaf = true;
		baton_rack_cancel(rack, asked->ticket, BATON_CANCEL_DRAIN);
		rc = BATON_E_UNSUPPORTED;
	}
	rack->events = theirs;
	return rc;
}

static int ask_classifier(void *ud, const struct baton_replay_turn *turn, baton_str *ret_intent,
			  uint32_t *ret_ppm)
{
	struct asked *asked = ud;
	char id[BATON_ID_TEXT + 1];
	baton_msg message = { .role = BATON_ROLE_CUSTOMER, .text = turn->text };
	baton_turn view = { .size = sizeof(view),
			    .channel = turn->channel,
			    .locale = turn->locale,
			    .msgs = &message,
			    .n_msgs = CLASSIFY_MSGS };

	baton_id_text(&turn->session, id);
	view.session_id = baton_str_of(id);
	if (asked->deaf)
		return BATON_E_UNSUPPORTED;
	int rc = classify_now(asked, &view);
	/* One that has not learned yet says so, and would for every message. */
	asked->deaf = asked->deaf || (rc < 0 && !asked->spoke);
	if (rc < 0 || !asked->heard)
		return rc < 0 ? rc : BATON_E_MODULE;
	asked->spoke = true;
	*ret_intent = (baton_str){ asked->intent, asked->intent_n };
	*ret_ppm = asked->ppm;
	return 0;
}

/* The generation that classifies, NULL: none does. */
static const struct baton_generation *classifier_of(const struct baton_release *release)
{
	for (size_t i = 0; i < baton_release_generations(release); i++) {
		const struct baton_generation *g = baton_release_generation(release, i);

		if (strcmp(g->spec->kind, "classifier") == 0)
			return g;
	}
	return NULL;
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool time_left(void *ud)
{
	return now_ns() < *(const uint64_t *)ud;
}

static struct baton_replay_side side_of(struct asked *asked)
{
	return (struct baton_replay_side){ .policy = baton_release_policy(asked->release),
					   .ud = asked,
					   .rules = ask_rules };
}

static int run(const struct baton_replay_options *options, struct baton_replay_sum *ret_sum)
{
	struct asked a = { .rack = options->rack, .release = options->old, .ticket = UINT64_MAX };
	struct asked b = { .rack = options->rack,
			   .release = options->now,
			   .ticket = UINT64_MAX / 2 };
	struct baton_replay_side old = side_of(&a), now = side_of(&b);
	uint32_t time_ms = options->time_ms ? options->time_ms : DEFAULT_MS;
	uint64_t start = now_ns(), deadline = start + (uint64_t)time_ms * 1000000u;
	const struct baton_generation *was = classifier_of(options->old),
				      *is = classifier_of(options->now);
	struct baton_replay *replay = NULL;

	/* Reading gets half of the time at most: a few decisions well compared are worth more. */
	int rc = baton_replay_recorded(options, start + (deadline - start) / 2, &replay);
	if (rc < 0)
		return rc;
	if (was && is && was != is)
		old.classify = now.classify = ask_classifier;
	baton_replay_compare(replay, &old, &now, time_left, &deadline, ret_sum);
	ret_sum->classified = ret_sum->classified && !a.deaf && !b.deaf;
	baton_replay_free(&replay);
	/* Two sets whose rules both cannot answer are not the same. */
	if (ret_sum->unanswered * UNANSWERED_PART <= ret_sum->turns)
		return 0;
	baton_log(BATON_LOG_WARN, "replay_unanswered", "uu", "turns", ret_sum->turns, "unanswered",
		  ret_sum->unanswered);
	baton_replay_sum_done(ret_sum);
	return BATON_E_MODULE;
}

/* --- without a rack ------------------------------------------------------------------------- */

/* A thread with a loop of its own, and instances of rules alone: a module in a process of its own
 * needs a loop that turns before it can answer, and whoever calls us is on a loop that waits. A
 * classifier would have to learn first. */
struct own {
	const struct baton_replay_options *options;
	struct baton_replay_sum *ret_sum;
	struct baton_loop *loop;
	struct baton_rack *rack;
	struct baton_release *sides[2];
	unsigned asked; /* modules that have not said yet that they are ready */
	int rc;
	char why[512];
};

static void own_ready(void *ud, uint64_t ticket, uint32_t reason)
{
	struct own *own = ud;

	(void)ticket;
	(void)reason;
	if (--own->asked == 0)
		baton_loop_stop(own->loop);
}

static void own_failed(void *ud, uint64_t ticket, const baton_error *error)
{
	struct own *own = ud;

	own->rc = BATON_E_MODULE;
	snprintf(own->why, sizeof(own->why), "a rule module is not well: %.*s",
		 (int)error->message.n, error->message.n ? error->message.p : "");
	own_ready(ud, ticket, 0);
}

static void own_late(void *ud)
{
	struct own *own = ud;

	own->rc = BATON_E_MODULE;
	snprintf(own->why, sizeof(own->why), "a rule module is not ready after %d ms", READY_MS);
	baton_loop_stop(own->loop);
}

static void own_bring_up(struct own *own)
{
	for (unsigned i = 0; i < 2 && own->rc == 0; i++) {
		own->rc = baton_rack_adopt(own->rack, own->sides[i], own->why, sizeof(own->why));
		for (size_t k = 0; own->rc == 0 && k < baton_release_generations(own->sides[i]);
		     k++)
			if (baton_rack_check(own->rack, own->sides[i], k, ++own->asked, 0) < 0)
				own->asked--;
	}
	if (own->rc < 0 || own->asked == 0)
		return;
	(void)baton_loop_timer(own->loop, READY_MS, own_late, own);
	baton_loop_run(own->loop);
}

static void *own_main(void *ud)
{
	static const char *const rules[] = { "rule", NULL };
	struct own *own = ud;
	struct baton_rack_events events = { .ud = own, .end = own_ready, .fail = own_failed };
	struct baton_replay_options mine = *own->options;

	own->loop = baton_loop_new("replay");
	own->rack = baton_rack_new(own->loop, &events);
	own->sides[0] = baton_release_part(own->options->old, rules);
	own->sides[1] = baton_release_part(own->options->now, rules);
	own_bring_up(own);
	mine.rack = own->rack;
	mine.old = own->sides[0];
	mine.now = own->sides[1];
	if (own->rc == 0)
		own->rc = run(&mine, own->ret_sum);
	else
		baton_log(BATON_LOG_WARN, "replay_without_rules", "s", "why", own->why);
	baton_rack_free(&own->rack);
	baton_loop_free(&own->loop);
	baton_release_unref(&own->sides[1]);
	baton_release_unref(&own->sides[0]);
	baton_mem_thread_done();
	return NULL;
}

int baton_replay_run(const struct baton_replay_options *options, struct baton_replay_sum *ret_sum)
{
	struct own own = { .options = options, .ret_sum = ret_sum };
	pthread_t thread;

	if (options->rack)
		return run(options, ret_sum);
	if (pthread_create(&thread, NULL, own_main, &own) != 0)
		return BATON_E_AGAIN;
	pthread_join(thread, NULL);
	return own.rc;
}
