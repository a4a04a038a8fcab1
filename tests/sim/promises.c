/* SPDX-License-Identifier: Apache-2.0 */

/* The promises of docs/DESIGN.md as code: checked by a fold of their own, which shares nothing with
 * core/session, on every event that reaches the disk; and once more when all has settled. */

#include "tests/sim/sim.h"

#include "core/base/json.h"

#include <stdio.h>

enum {
	OUTCOME_MS_MAX = 20000 + 3000, /* the route's total, and a slow disk on both ends */
	DISK_MS = 1000 /* a disk that thinks: the way between two events looks that much shorter */
};

void promise_shown(struct sim *sim, const struct baton_notice *delta)
{
	struct log *log = store_log(sim, &delta->session);

	PROMISE(sim, log && delta->turn > log->answered, "no word for a turn that is over",
		&delta->session);
	if (log->shown.turn != delta->turn || log->shown.attempt != delta->attempt)
		log->shown.bytes = 0;
	log->shown.turn = delta->turn;
	log->shown.attempt = delta->attempt;
	if (log->shown.bytes < delta->offset + delta->text.n)
		log->shown.bytes = delta->offset + delta->text.n;
}

/* What was shown and is not the answer must have been taken back, on record. */
static void promise_nothing_left(struct sim *sim, const struct log *log)
{
	PROMISE(sim, log->shown.turn == 0, "what was shown and did not stay is on record",
		&log->session);
}

static void committed_superseded(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_answer_superseded *gone = &event->answer_superseded;

	if (gone->turn != log->shown.turn || gone->attempt != log->shown.attempt)
		return;
	PROMISE(sim, gone->text.n >= log->shown.bytes, "all that was shown is taken back",
		&log->session);
	log->shown.turn = 0;
}

static void message_opened(struct sim *sim, struct log *log)
{
	if (log->owner != BATON_OWNER_BOT || log->last_message > log->answered)
		return;
	log->open_since_ns = sim->now_ns;
	log->disturbed = false;
}

/* Messages up to `upto` have their outcome now. */
static void outcome(struct sim *sim, struct log *log, uint64_t upto)
{
	bool was_open = log->owner == BATON_OWNER_BOT && log->last_message > log->answered;

	if (was_open && !log->disturbed)
		PROMISE(sim, sim->now_ns - log->open_since_ns <= OUTCOME_MS_MAX * MS,
			"an outcome within the route's total time", &log->session);
	log->answered = upto;
	log->open_since_ns = sim->now_ns;
	log->restarts = 0;
}

void promise_release_hold(struct log *log)
{
	log->resumes[0] = '\0';
	log->held_after = 0;
}

void promise_hold(struct log *log, const char *prefix, baton_str what)
{
	if (log->resumes[0] == '\0')
		log->held_after = log->answered;
	snprintf(log->resumes, sizeof(log->resumes), "%s%.*s", prefix, (int)what.n, what.p);
}

void promise_own(struct sim *sim, struct log *log, enum baton_owner owner, uint64_t epoch)
{
	PROMISE(sim, epoch == log->epoch + 1, "each change of owner raises the epoch by one",
		&log->session);
	promise_nothing_left(sim, log);
	outcome(sim, log, log->last_message);
	log->agent[0] = '\0';
	if (owner == BATON_OWNER_BOT)
		log->draft = 0;
	log->owner = owner;
	log->epoch = epoch;
}

static void bot_speaks(struct sim *sim, struct log *log, uint64_t turn)
{
	PROMISE(sim, log->owner == BATON_OWNER_BOT, "the bot never speaks over a person",
		&log->session);
	PROMISE(sim, turn > log->answered && turn <= log->last_message, "a message has one outcome",
		&log->session);
}

uint64_t stored_u64(const struct stored *stored, const char *key)
{
	struct baton_json object, value;

	if (baton_json_parse(stored->payload, &object) < 0)
		return 0;
	value = baton_json_get(&object, key);
	return baton_json_u64(&value, 0);
}

static void committed_message(struct sim *sim, struct log *log, const struct baton_event *event)
{
	struct message *message =
		people_message(sim, &log->session, event->message_received.client_id);

	PROMISE(sim, message != NULL, "only what a customer wrote is stored", &log->session);
	PROMISE(sim, !message->stored, "a message is stored once", &log->session);
	PROMISE(sim, baton_str_is(event->message_received.text, message->text),
		"as the customer wrote it", &log->session);
	message->stored = true;
	if (log->unanswered_ms == 0)
		log->unanswered_ms = event->unix_ms;
	log->given_up = false;
	message_opened(sim, log);
	log->last_message = event->seq;
	if (log->owner != BATON_OWNER_BOT)
		log->answered = event->seq;
}

/* What each class lets a customer read; the sim's own table, see policy_make(). */
static void promise_class(struct sim *sim, const struct log *log, baton_str target)
{
	bool primary = baton_str_is(target, "main"), backup = baton_str_is(target, "backup");

	PROMISE(sim, baton_str_is(target, log->asked.target), "who was asked has answered",
		&log->session);
	if (strcmp(log->asked.class_name, "money") == 0)
		PROMISE(sim, primary || backup, "money is spoken of by who is approved",
			&log->session);
	if (strcmp(log->asked.class_name, "careful") == 0 ||
	    strcmp(log->asked.class_name, "patient") == 0)
		PROMISE(sim, primary, "no downgrade of a class that forbids it", &log->session);
}

/* A turn that began after the customer was told of a mode knows of it, or tells its end first. */
static void promise_mode(struct sim *sim, const struct log *log, uint64_t turn, baton_str mode)
{
	PROMISE(sim, turn <= log->mode_after || baton_str_is(mode, log->mode),
		"who was told of a mode is told of its end", &log->session);
}

static void spend(struct sim *sim, struct log *log, uint64_t cost_microusd)
{
	log->asked.cost_microusd += cost_microusd;
	PROMISE(sim, log->asked.cost_microusd <= SIM_TURN_MICROUSD,
		"a turn costs no more than it may", &log->session);
}

/* What an answer that asks for tools costs at least, by the prices of policy_make(): 20 tokens. */
static void round_costs(struct log *log)
{
	log->asked.rounds_microusd += baton_str_is(BATON_STR("main"), log->asked.target)     ? 20
				      : baton_str_is(BATON_STR("backup"), log->asked.target) ? 10
											     : 0;
}

/* However the turn ends. */
static void spend_last(struct sim *sim, struct log *log, uint64_t cost_microusd)
{
	spend(sim, log, cost_microusd);
	PROMISE(sim, log->asked.cost_microusd >= log->asked.rounds_microusd,
		"what rounds of tools have cost is on record", &log->session);
}

static void committed_answer(struct sim *sim, struct log *log, const struct baton_event *event)
{
	bot_speaks(sim, log, event->answer_generated.turn);
	PROMISE(sim, !baton_str_is(event->answer_generated.finish, "filtered"),
		"what a provider stopped is no answer", &log->session);
	PROMISE(sim,
		event->answer_generated.substitute !=
			baton_str_is(event->answer_generated.target, "main"),
		"a substitute's answer is marked as one", &log->session);
	promise_mode(sim, log, event->answer_generated.turn, event->answer_generated.mode);
	spend_last(sim, log, event->answer_generated.cost_microusd);
	PROMISE(sim, log->disclosed, "the customer was told about the AI first", &log->session);
	PROMISE(sim, event->answer_generated.text.n > 0, "an answer has words", &log->session);
	if (log->shown.turn == event->answer_generated.turn &&
	    log->shown.attempt == event->answer_generated.attempt)
		log->shown.turn = 0;
	promise_nothing_left(sim, log);
	promise_class(sim, log, event->answer_generated.target);
	outcome(sim, log, event->answer_generated.upto);
	if (log->answered == log->last_message)
		log->unanswered_ms = 0;
	log->answers++;
	promise_release_hold(log);
	sim->saw.answers++;
}

/* A mode keeps the message: that is its outcome, and a plan to come back to it. */
static void committed_captured(struct sim *sim, struct log *log, const struct baton_event *event)
{
	bot_speaks(sim, log, event->message_captured.turn);
	promise_nothing_left(sim, log);
	PROMISE(sim, baton_str_is(event->message_captured.mode, log->mode),
		"who is kept waiting by a mode was told of it", &log->session);
	PROMISE(sim, event->message_captured.upto == event->message_captured.turn,
		"a mode keeps all that is open", &log->session);
	promise_hold(log, "mode:", event->message_captured.mode);
	spend_last(sim, log, event->message_captured.cost_microusd);
	outcome(sim, log, event->message_captured.upto);
	sim->saw.captured++;
}

static void committed_resumed(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_automation_resumed *back = &event->automation_resumed;

	PROMISE(sim, log->owner != BATON_OWNER_AGENT, "only an agent gives back what an agent has",
		&log->session);
	PROMISE(sim, log->resumes[0] && baton_str_is(back->reason, log->resumes),
		"automation goes on when what it waits for is back", &log->session);
	PROMISE(sim, back->after == log->held_after, "nothing that was kept is passed over",
		&log->session);
	/* A moment ago is soon enough: a disk thinks. */
	bool waited_for_targets = strcmp(log->resumes, "targets") == 0;
	PROMISE(sim,
		!waited_for_targets || sim->off_ns[0] == 0 ||
			sim->now_ns < sim->off_ns[0] + DISK_MS * MS,
		"who waits for a target waits until it is back", &log->session);
	sim->saw.targets_back += waited_for_targets;
	promise_own(sim, log, BATON_OWNER_BOT, back->epoch);
	promise_nobody_waits(log);
	log->answered = back->after;
	log->disturbed = false;
	promise_release_hold(log);
	sim->saw.resumed++;
}

static void promise_target(struct sim *sim, struct log *log, unsigned i)
{
	PROMISE(sim, ++log->asked.times[i] <= 2, "a turn asks the same target twice at most",
		&log->session);
	PROMISE(sim,
		sim->now_ns + DISK_MS * MS >= log->asked.failed_ns[i] + log->asked.hint_ms[i] * MS,
		"who says when is not asked before", &log->session);
}

static void committed_failed(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_model_failed *failed = &event->model_failed;
	unsigned i = sim_target(failed->target);

	bot_speaks(sim, log, failed->turn);
	log->asked.refused =
		baton_str_is(failed->fail, "refused") || baton_str_is(failed->fail, "filtered");
	log->asked.failed_ns[i] = sim->now_ns;
	log->asked.hint_ms[i] = failed->retry_after_ms;
	spend(sim, log, failed->cost_microusd);
	sim->saw.model_failures++;
}

static void committed_mode(struct sim *sim, struct log *log, baton_str mode, bool on)
{
	PROMISE(sim, baton_str_is(mode, log->mode) != on, "a mode begins once and ends once",
		&log->session);
	snprintf(log->mode, sizeof(log->mode), "%.*s", on ? (int)mode.n : 0, mode.p);
	log->mode_after = log->last_message;
	sim->saw.told += log->owner != BATON_OWNER_BOT || log->answered == log->last_message;
}

static void committed_route(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_route_selected *route = &event->route_selected;

	bot_speaks(sim, log, route->turn);
	if (log->asked.turn != route->turn || route->attempt == 1)
		memset(&log->asked, 0, sizeof(log->asked));
	log->asked.turn = route->turn;
	PROMISE(sim, !log->asked.refused, "a refusal is never routed around", &log->session);
	/* Who asked for tools is asked again with what they brought: that is no further try. */
	bool round = baton_str_is(route->reason, "tools");
	sim->saw.rounds += round;
	log->asked.rounds += round;
	if (round)
		round_costs(log);
	PROMISE(sim, round || ++log->asked.attempts <= BATON_TURN_ATTEMPTS_MAX + log->asked.rounds,
		"a turn asks so often and no more", &log->session);
	PROMISE(sim, log->asked.rounds <= BATON_TOOL_ROUNDS_MAX + 1,
		"a turn has so many rounds and no more", &log->session);
	if (!round)
		promise_target(sim, log, sim_target(route->target));
	snprintf(log->asked.class_name, sizeof(log->asked.class_name), "%.*s",
		 (int)route->class_name.n, route->class_name.p);
	snprintf(log->asked.route, sizeof(log->asked.route), "%.*s", (int)route->route.n,
		 route->route.p);
	snprintf(log->asked.target, sizeof(log->asked.target), "%.*s", (int)route->target.n,
		 route->target.p);
}

static void committed_draft(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_draft_proposed *draft = &event->draft_proposed;

	if (draft->asked_by.n > 0) {
		promise_suggestion(sim, log, event);
		return;
	}
	bot_speaks(sim, log, draft->turn);
	promise_mode(sim, log, draft->turn, draft->mode);
	spend_last(sim, log, draft->cost_microusd);
	log->draft = event->seq;
	sim->saw.drafts++;
}

static void committed_review(struct sim *sim, struct log *log, const struct baton_event *event)
{
	PROMISE(sim, log->draft > 0 && event->draft_reviewed.draft == log->draft,
		"the draft that waits is reviewed, once", &log->session);
	log->draft = 0;
}

/* --- releases --- */

/* What was in front of a commit that failed may arrive behind it: then nothing is known. */
static void turn_at(struct log *log, uint64_t turn)
{
	if (log->on.turn == turn && !log->disturbed)
		return;
	memset(&log->on, 0, sizeof(log->on));
	log->on.turn = turn;
}

/* `release` says something about the turn: it is the one that the turn is on. 0: nobody's. */
static void turn_is_on(struct sim *sim, struct log *log, uint64_t turn, uint64_t release)
{
	if (turn == 0 || release == 0)
		return;
	turn_at(log, turn);
	sim_note(sim, "on release", turn, release);
	PROMISE(sim, log->on.release == 0 || log->on.release == release,
		"all of a turn is one release's, unless it was moved", &log->session);
	log->on.release = release;
}

/* Something that was asked did not answer well. On a release that was never live, the turn goes on
 * elsewhere before anything comes of it. */
static void turn_failed(struct log *log, uint64_t turn, bool failed)
{
	turn_at(log, turn);
	log->on.failed = log->on.failed || failed;
}

static void turn_comes_to_something(struct sim *sim, const struct log *log)
{
	const struct sim_release *r = log->on.release ? release_of(sim, log->on.release) : NULL;

	/* One that was on trial when it failed may be live by now, but none that always fails. */
	PROMISE(sim,
		!r || !r->broken || r->state == RELEASE_LIVE || !log->on.failed || log->disturbed,
		"what fails on a canary is not the customer's trouble", &log->session);
}

static void committed_moved(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_turn_moved *moved = &event->turn_moved;

	sim_note(sim, "moved", moved->from, moved->release);
	PROMISE(sim,
		log->disturbed || log->on.turn != moved->turn || log->on.release == 0 ||
			log->on.release == moved->from,
		"a turn is moved from where it is", &log->session);
	PROMISE(sim, moved->release != moved->from && moved->from > 0 && moved->release > 0,
		"a turn is moved to another release", &log->session);
	log->on.turn = moved->turn;
	log->on.release = moved->release;
	log->on.failed = log->on.understood = false;
	sim->saw.moved++;
}

/* A turn that is taken up again (after a crash, a failed commit, or because what it waits for is
 * back) is on the release of then. */
void promise_begins_anew(struct log *log)
{
	memset(&log->on, 0, sizeof(log->on));
	log->asked.rounds_microusd = 0; /* the run that had paid for them is gone */
}

/* What the customer or the clock decides is nobody's turn. */
static void committed_run_escalates(struct sim *sim, struct log *log,
				    const struct baton_ev_escalation_triggered *why)
{
	static const char *const others[] = { "core.customer_asked", "core.mode_expired",
					      "core.restart", "core.too_many_turns" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (baton_str_is(why->rule, others[i]))
			return;
	turn_is_on(sim, log, why->turn, why->release);
	turn_comes_to_something(sim, log);
	if (why->turn == log->asked.turn)
		spend_last(sim, log, why->cost_microusd);
}

/* A run understands its message once. The second time is another run: the first had its outcome
 * refused because too much of the session was on its way to the disk. */
static void committed_intent(struct log *log, const struct baton_ev_intent_detected *detected)
{
	if (log->on.turn == detected->turn && log->on.understood)
		promise_begins_anew(log);
	turn_failed(log, detected->turn, detected->failed.n > 0);
	log->on.understood = true;
}

static void committed_on_release(struct sim *sim, struct log *log, const struct baton_event *event)
{
	switch ((int)event->type) {
	case BATON_EV_INTENT_DETECTED:
		committed_intent(log, &event->intent_detected);
		break;
	case BATON_EV_SOURCES_RETRIEVED:
		turn_failed(log, event->sources_retrieved.turn,
			    event->sources_retrieved.failed.n > 0);
		break;
	case BATON_EV_MODEL_FAILED:
		/* A refusal is never routed around, and a drill's fault is on purpose. */
		turn_failed(log, event->model_failed.turn,
			    event->model_failed.shown_bytes == 0 &&
				    event->model_failed.drill.n == 0 &&
				    !baton_str_is(event->model_failed.fail,
						  baton_fail_name(BATON_FAIL_REFUSED)));
		break;
	case BATON_EV_POLICY_DECIDED:
		turn_is_on(sim, log, event->policy_decided.turn, event->policy_decided.release);
		turn_failed(log, event->policy_decided.turn,
			    baton_str_is(event->policy_decided.rule, "core.rules_failed"));
		break;
	case BATON_EV_ESCALATION_TRIGGERED:
		committed_run_escalates(sim, log, &event->escalation_triggered);
		break;
	case BATON_EV_DRAFT_PROPOSED:
		if (event->draft_proposed.asked_by.n > 0)
			break;
		turn_comes_to_something(sim, log);
		break;
	case BATON_EV_ANSWER_GENERATED:
	case BATON_EV_MESSAGE_CAPTURED:
		turn_comes_to_something(sim, log);
		break;
	case BATON_EV_TURN_MOVED:
		committed_moved(sim, log, event);
		break;
	case BATON_EV_TURN_RESTARTED:
	case BATON_EV_AUTOMATION_RESUMED:
		promise_begins_anew(log);
		break;
	default:
		break;
	}
}

void promise_committed(struct sim *sim, struct log *log, const struct baton_event *event)
{
	committed_on_release(sim, log, event);
	promise_case(sim, log, event);
	promise_said(sim, log, event);
	promise_calls(sim, log, event);
	switch ((int)event->type) {
	case BATON_EV_DISCLOSURE_MADE:
		log->disclosed = true;
		break;
	case BATON_EV_MESSAGE_RECEIVED:
		committed_message(sim, log, event);
		break;
	case BATON_EV_ANSWER_GENERATED:
		committed_answer(sim, log, event);
		break;
	case BATON_EV_DRAFT_PROPOSED:
		committed_draft(sim, log, event);
		break;
	case BATON_EV_WRITEUP_GENERATED:
		promise_writeup(sim, log, event);
		break;
	case BATON_EV_ROUTE_SELECTED:
		committed_route(sim, log, event);
		break;
	case BATON_EV_MESSAGE_CAPTURED:
		committed_captured(sim, log, event);
		break;
	case BATON_EV_AUTOMATION_RESUMED:
		committed_resumed(sim, log, event);
		break;
	case BATON_EV_MODEL_FAILED:
		committed_failed(sim, log, event);
		break;
	case BATON_EV_MODE_ENTERED:
		committed_mode(sim, log, event->mode_entered.mode, true);
		break;
	case BATON_EV_MODE_LEFT:
		committed_mode(sim, log, event->mode_left.mode, false);
		break;
	case BATON_EV_ANSWER_SUPERSEDED:
		bot_speaks(sim, log, event->answer_superseded.turn);
		committed_superseded(sim, log, event);
		sim->saw.superseded++;
		break;
	case BATON_EV_DRAFT_REVIEWED:
		committed_review(sim, log, event);
		break;
	case BATON_EV_TURN_RESTARTED:
		PROMISE(sim, event->turn_restarted.times == ++log->restarts,
			"each restart of a turn is counted", &log->session);
		PROMISE(sim, log->restarts <= BATON_TURN_RESTARTS_MAX + 1,
			"a turn that kills the server goes to a person", &log->session);
		break;
	case BATON_EV_TRANSCRIPT_SAVED:
		PROMISE(sim, event->transcript_saved.upto < event->seq,
			"what was saved was there before", &log->session);
		sim->saw.saved++;
		break;
	default:
		break;
	}
}

/* --- when all has settled --- */

static void fold_from(struct sim *sim, struct log *log, struct baton_session *state)
{
	for (size_t i = state->seq; i < log->n; i++) {
		const struct stored *stored = &log->records[i];
		struct baton_event event = { .seq = stored->seq, .unix_ms = stored->unix_ms };
		struct baton_arena arena = { NULL, 0 };

		PROMISE(sim, baton_event_parse(stored->type, stored->payload, &arena, &event) == 0,
			"an event reads back", &log->session);
		baton_session_apply(state, &event);
		baton_arena_done(&arena);
	}
}

static void check_snapshot(struct sim *sim, struct log *log)
{
	struct baton_session all, rest;
	struct baton_buf a = { NULL, 0, 0 }, b = { NULL, 0, 0 };

	baton_session_init(&all, &log->session);
	fold_from(sim, log, &all);
	PROMISE(sim,
		all.owner == log->owner && all.answered_upto == log->answered &&
			all.epoch == log->epoch && strcmp(all.resumes, log->resumes) == 0,
		"two folds agree", &log->session);
	if (log->snapshot_seq > 0) {
		int rc = baton_session_load(&rest, &log->session, log->snapshot);

		PROMISE(sim, rc == 0 && rest.seq == log->snapshot_seq, "a snapshot reads back",
			&log->session);
		fold_from(sim, log, &rest);
		baton_session_save(&all, &a);
		baton_session_save(&rest, &b);
		/* Client ids may stand in another order in a table that grew another way. */
		baton_str whole = { a.p, (size_t)(strstr(a.p, "\"client_ids\"") - a.p) };
		PROMISE(sim, b.n >= whole.n && memcmp(b.p, whole.p, whole.n) == 0 && a.n == b.n,
			"snapshot and rest are the whole", &log->session);
		baton_session_done(&rest);
	}
	baton_session_done(&all);
	baton_buf_done(&a);
	baton_buf_done(&b);
}

static void check_customer(struct sim *sim, const struct customer *customer)
{
	struct log *log = store_log(sim, &customer->session);
	uint64_t last_public = 0;

	for (size_t i = 0; i < customer->n_messages; i++) {
		const struct message *a = &customer->messages[i];

		PROMISE(sim, a->stored && a->acked, "every message arrives in the end",
			&customer->session);
		for (size_t j = i + 1; j < customer->n_messages; j++)
			PROMISE(sim,
				a->acked_ns >= customer->messages[j].made_ns ||
					a->acked_seq < customer->messages[j].acked_seq,
				"what was acknowledged before comes before", &customer->session);
	}
	PROMISE(sim, !customer->wants_person, "a person can always be reached", &customer->session);
	for (size_t i = 0; log && i < log->n; i++)
		if (baton_event_info(log->records[i].type)->for_customers)
			last_public = i + 1;
	PROMISE(sim, customer->seen >= last_public, "a customer who is back has seen everything",
		&customer->session);
}

void promises_at_the_end(struct sim *sim)
{
	uint64_t waiting = 0, claimed = 0, desk_waiting, desk_claimed;

	for (struct log *log = sim->logs; log; log = log->hh.next) {
		PROMISE(sim, log->owner != BATON_OWNER_BOT || log->answered == log->last_message,
			"every message ends in an outcome", &log->session);
		PROMISE(sim, log->owner != BATON_OWNER_BOT || log->resumes[0] == '\0',
			"what a mode kept is not forgotten", &log->session);
		check_snapshot(sim, log);
		promise_served(sim, log);
		waiting += log->owner == BATON_OWNER_QUEUE;
		claimed += log->owner == BATON_OWNER_AGENT;
	}
	for (size_t i = 0; i < SIM_CUSTOMERS; i++)
		check_customer(sim, &sim->customers[i]);
	calls_at_the_end(sim);
	followers_at_the_end(sim);
	releases_at_the_end(sim);
	board_at_the_end(sim);
	desk_at_the_end(sim);
	baton_desk_counts(sim->desk, &desk_waiting, &desk_claimed);
	PROMISE(sim, desk_waiting == waiting && desk_claimed == claimed,
		"the desk shows every case", NULL);
}
