/* SPDX-License-Identifier: Apache-2.0 */

/* What each event means for the figures. The session's state is folded for every event, told before
 * or not; what is counted goes to a slice that is thrown away when it is not to be counted
 * (baton_report_slice), so that no handler has to ask. */
#include "core/observe/report_inside.h"

#include <stdio.h>

static uint64_t since(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

static struct report_place here(const struct report_session *session)
{
	return (struct report_place){ session->intent, session->degraded ? BATON_SIDE_DEGRADED
									 : BATON_SIDE_HEALTHY };
}

/* Work that has to be done again, and whose it was. */
static void redo(struct report_fold *fold, struct report_place place, uint16_t target)
{
	struct baton_report_pair *pair = baton_report_pair_of(fold->report, place.intent, target);

	baton_report_slice(fold, place)->redone++;
	if (!fold->counts || target == UINT16_MAX)
		return;
	fold->report->targets[target].redone++;
	if (pair)
		pair->redone++;
}

static void set_owner(struct report_fold *fold, enum report_owner owner)
{
	struct report_session *session = fold->session;
	int change = (owner == REPORT_QUEUE) - (session->owner == REPORT_QUEUE);

	if (fold->counts)
		baton_report_step_of(fold->report, fold->event->unix_ms)->waiting += change;
	session->owner = owner;
}

/* The customer's view of an incident: who was met by it, and how it went. */
static void note_incident(struct report_fold *fold, enum report_outcome outcome, bool degraded)
{
	struct baton_incidents *incidents = &fold->report->incidents;
	uint64_t now = fold->event->unix_ms;

	if (!fold->counts)
		return;
	if (!degraded) {
		baton_incidents_healthy(incidents, now);
		return;
	}
	struct baton_incident *incident = baton_incidents_now(incidents, now);
	if (incident->degraded_ms == 0)
		incident->degraded_ms = now;
	incident->turns++;
	incident->answered += outcome == REPORT_ANSWERED;
	incident->drafted += outcome == REPORT_DRAFTED;
	incident->handed_over += outcome == REPORT_PERSON;
	incident->captured += outcome == REPORT_CAPTURED;
	if (fold->session->incident != incident->number)
		incident->conversations++;
	fold->session->incident = incident->number;
}

static void count_failures(struct report_fold *fold, struct baton_slice *slice,
			   enum report_outcome outcome)
{
	const struct report_turn *turn = &fold->session->turn;
	bool spoke = outcome == REPORT_ANSWERED || outcome == REPORT_DRAFTED;

	slice->attempts += turn->attempts;
	slice->failed_attempts += turn->failed;
	slice->failed_cost_microusd += turn->failed_cost_microusd;
	slice->superseded += turn->superseded;
	/* Where on_restarted() counted it. */
	baton_report_slice(fold, here(fold->session))->restarted_settled += turn->restarted;
	if (turn->failed == 0)
		return;
	slice->hurt++;
	slice->failed_to_person += outcome == REPORT_PERSON;
	if (spoke) {
		slice->rescued++;
		baton_spread_add(&slice->rescue_ms, since(fold->event->unix_ms, turn->failed_ms));
	}
}

/* The open turn is over. Returns where it is counted. */
static struct baton_slice *end_turn(struct report_fold *fold, enum report_outcome outcome,
				    bool degraded)
{
	struct report_session *session = fold->session;
	uint64_t now = fold->event->unix_ms;
	struct report_place place = { session->intent,
				      degraded ? BATON_SIDE_DEGRADED : BATON_SIDE_HEALTHY };
	struct baton_slice *slice = baton_report_slice(fold, place);

	count_failures(fold, slice, outcome);
	if (session->turn.late) {
		slice->late += outcome == REPORT_ANSWERED || outcome == REPORT_DRAFTED;
		baton_spread_add(&slice->late_ms, since(now, session->turn.asked_ms));
	} else {
		slice->turns++;
		slice->answered += outcome == REPORT_ANSWERED;
		slice->drafted += outcome == REPORT_DRAFTED;
		slice->handed_over += outcome == REPORT_PERSON;
		slice->captured += outcome == REPORT_CAPTURED;
		baton_spread_add(&slice->response_ms, since(now, session->turn.asked_ms));
		note_incident(fold, outcome, degraded);
	}
	if (fold->counts && !session->turn.late) {
		struct baton_report_step *step = baton_report_step_of(fold->report, now);
		step->turns[place.side]++;
		step->handed_over += outcome == REPORT_PERSON;
		baton_spread_add(&step->response[place.side], since(now, session->turn.asked_ms));
	}
	slice->outputs += outcome == REPORT_ANSWERED || outcome == REPORT_DRAFTED;
	session->held_ms =
		outcome == REPORT_CAPTURED || outcome == REPORT_PERSON ? session->turn.asked_ms : 0;
	session->degraded |= degraded;
	session->trouble |= degraded || outcome == REPORT_PERSON;
	session->last = place;
	session->last_outcome = outcome;
	session->turn = (struct report_turn){ 0 };
	return slice;
}

static void first_reply(struct report_fold *fold)
{
	struct report_session *session = fold->session;

	if (session->replied || session->first_message_ms == 0)
		return;
	session->replied = true;
	baton_spread_add(&baton_report_slice(fold, here(session))->first_response_ms,
			 since(fold->event->unix_ms, session->first_message_ms));
}

/* --- what customers do --- */

static void said_again(struct report_fold *fold)
{
	struct report_session *session = fold->session;
	struct baton_slice *slice = baton_report_slice(fold, here(session));

	slice->repeats++;
	if (fold->counts && session->degraded)
		baton_incidents_now(&fold->report->incidents, fold->event->unix_ms)->repeats++;
	if (session->handoff_repeated || !session->handoff_counted || session->takeover_ms == 0)
		return;
	session->handoff_repeated = true;
	slice = baton_report_slice(fold, session->handoff);
	slice->handoffs_repeated++;
	slice->handoffs_good -= session->handoff_full;
}

static void on_message(struct report_fold *fold)
{
	struct report_session *session = fold->session;
	uint64_t now = fold->event->unix_ms;
	struct baton_wordset words;
	bool again = false;

	baton_wordset_of(fold->event->message_received.text, &words);
	for (uint32_t i = 0; i < session->n_said && i < REPEAT_WINDOW; i++)
		again |= baton_wordset_same(&session->said[i], &words);
	if (again && session->trouble)
		said_again(fold);
	session->said[session->n_said++ % REPEAT_WINDOW] = words;
	session->last_message = fold->event->seq;
	session->messages_in_window |= now >= fold->report->options.since_ms;
	if (session->first_message_ms == 0)
		session->first_message_ms = now;
	session->reopens += session->resolved;
	session->resolved = session->abandoned = false;
	if (session->owner == REPORT_BOT && session->turn.asked_ms == 0)
		session->turn.asked_ms = now;
}

static void on_feedback(struct report_fold *fold)
{
	struct report_session *session = fold->session;
	bool up = baton_str_is(fold->event->feedback_given.value, "up");
	struct baton_slice *slice = baton_report_slice(fold, session->last);

	slice->rated++;
	slice->thumbs_up += up;
	session->down = !up;
	if (!up && session->last_outcome == REPORT_ANSWERED)
		redo(fold, session->last, session->target);
}

/* --- the turn --- */

static void on_route(struct report_fold *fold)
{
	const struct baton_ev_route_selected *route = &fold->event->route_selected;
	struct report_session *session = fold->session;
	uint16_t target = baton_report_target_of(fold->report, route->target);
	struct baton_report_pair *pair =
		baton_report_pair_of(fold->report, session->intent, target);

	session->turn.attempts++;
	session->turn.degraded |= route->mode.n > 0;
	session->target = target;
	if (target == UINT16_MAX)
		return;
	session->targets[target / 64] |= 1ull << (target % 64);
	if (fold->counts) {
		fold->report->targets[target].attempts++;
		if (pair)
			pair->attempts++;
	}
}

static void on_failed(struct report_fold *fold)
{
	const struct baton_ev_model_failed *failed = &fold->event->model_failed;
	struct report_session *session = fold->session;
	uint16_t target = baton_report_target_of(fold->report, failed->target);
	struct baton_report_pair *pair =
		baton_report_pair_of(fold->report, session->intent, target);

	session->turn.failed++;
	session->turn.failed_cost_microusd += failed->cost_microusd;
	session->trouble = true;
	if (session->turn.failed_ms == 0)
		session->turn.failed_ms = fold->event->unix_ms;
	if (!fold->counts)
		return;
	baton_incidents_trouble(&fold->report->incidents, fold->event->unix_ms);
	baton_report_step_of(fold->report, fold->event->unix_ms)->failed++;
	if (target == UINT16_MAX)
		return;
	struct baton_report_target *row = &fold->report->targets[target];
	row->failed++;
	row->cost_microusd += failed->cost_microusd;
	row->troubled[row->n_troubled++ % 4] = session->id;
	if (pair)
		pair->failed++;
}

static void on_superseded(struct report_fold *fold)
{
	struct report_session *session = fold->session;

	session->turn.superseded++;
	redo(fold, here(session), session->target);
}

static void count_target(struct report_fold *fold, baton_str name, bool substitute, uint64_t cost)
{
	uint16_t target = baton_report_target_of(fold->report, name);

	if (!fold->counts || target == UINT16_MAX)
		return;
	fold->report->targets[target].answered++;
	fold->report->targets[target].stood_in += substitute;
	fold->report->targets[target].cost_microusd += cost;
}

/* The bot speaks again in a conversation that a person had. */
static void note_resumed(struct report_fold *fold)
{
	struct report_session *session = fold->session;

	session->answers_since_resume++;
	if (session->takeover_ms == 0 || session->resumed_ms == 0)
		return;
	struct baton_slice *slice = baton_report_slice(fold, session->handoff);
	slice->resumes++;
	baton_spread_add(&slice->resume_ms, since(fold->event->unix_ms, session->takeover_ms));
	session->takeover_ms = session->resumed_ms = 0;
	session->answers_since_resume = 1;
	session->resumed = true;
}

static void on_answer(struct report_fold *fold)
{
	const struct baton_ev_answer_generated *answer = &fold->event->answer_generated;
	struct report_session *session = fold->session;
	bool degraded = answer->mode.n > 0 || answer->substitute || answer->marked ||
			session->mode_on || session->turn.degraded;
	struct baton_slice *slice = end_turn(fold, REPORT_ANSWERED, degraded);

	slice->fallbacks += answer->substitute;
	slice->marked += answer->marked && answer->substitute;
	slice->cost_microusd += answer->cost_microusd;
	if (answer->first_token_ms > 0)
		baton_spread_add(&slice->first_word_ms, answer->first_token_ms);
	if (answer->total_ms > 0)
		baton_spread_add(&slice->answer_ms, answer->total_ms);
	session->target = baton_report_target_of(fold->report, answer->target);
	session->spoken = true;
	session->spoke_undisclosed |= !session->disclosed;
	session->down = false;
	count_target(fold, answer->target, answer->substitute, answer->cost_microusd);
	note_resumed(fold);
	first_reply(fold);
}

/* An agent asked for it: no turn, no work of the intent's route, and counted apart. */
static void on_suggestion(struct report_fold *fold)
{
	const struct baton_ev_draft_proposed *draft = &fold->event->draft_proposed;
	struct report_session *session = fold->session;
	struct baton_slice *slice = baton_report_slice(fold, here(session));

	slice->suggestions++;
	slice->assist_cost_microusd += draft->cost_microusd;
	count_target(fold, draft->target, draft->substitute, draft->cost_microusd);
	session->draft_place = here(session);
	session->draft_target = baton_report_target_of(fold->report, draft->target);
	session->suggested = true;
}

static void on_writeup(struct report_fold *fold)
{
	const struct baton_ev_writeup_generated *written = &fold->event->writeup_generated;
	struct baton_slice *slice = baton_report_slice(fold, here(fold->session));

	slice->writeups++;
	slice->writeups_template += baton_str_is(written->origin, "template");
	slice->assist_cost_microusd += written->cost_microusd;
	if (written->target.n > 0)
		count_target(fold, written->target, false, written->cost_microusd);
}

static void on_draft(struct report_fold *fold)
{
	const struct baton_ev_draft_proposed *draft = &fold->event->draft_proposed;
	struct report_session *session = fold->session;

	if (draft->asked_by.n > 0) {
		on_suggestion(fold);
		return;
	}
	session->suggested = false;
	bool degraded = draft->mode.n > 0 || draft->substitute || session->mode_on ||
			session->turn.degraded;
	struct baton_slice *slice = end_turn(fold, REPORT_DRAFTED, degraded);

	slice->fallbacks += draft->substitute;
	slice->marked += draft->substitute; /* who reads a draft is always told */
	slice->cost_microusd += draft->cost_microusd;
	count_target(fold, draft->target, draft->substitute, draft->cost_microusd);
	session->draft_place = session->last;
	session->draft_target = baton_report_target_of(fold->report, draft->target);
	session->draft = true;
}

/* What people made of a target's drafts, and how much of those that were sent they changed. */
static void review_target(struct report_fold *fold, bool overridden, bool sent, uint64_t edit_ppm)
{
	uint16_t target = fold->session->draft_target;

	if (!fold->counts || target == UINT16_MAX)
		return;
	struct baton_report_target *row = &fold->report->targets[target];
	row->reviewed++;
	row->overridden += overridden;
	row->sent += sent;
	row->edit_ppm_sum += sent ? edit_ppm : 0;
}

static void on_reviewed(struct report_fold *fold)
{
	struct report_session *session = fold->session;
	const struct baton_ev_draft_reviewed *reviewed = &fold->event->draft_reviewed;
	struct baton_slice *slice = baton_report_slice(fold, session->draft_place);
	bool accepted = baton_str_is(reviewed->action, "accepted");
	bool sent = !baton_str_is(reviewed->action, "rejected");

	review_target(fold, !accepted, sent, reviewed->edit_ppm);
	if (session->suggested) {
		slice->suggestions_sent += sent;
		slice->suggestions_as_they_were += accepted;
		return;
	}
	slice->reviewed++;
	if (sent)
		baton_spread_add(&slice->edit_ppm, reviewed->edit_ppm);
	if (accepted)
		return;
	slice->overridden++;
	redo(fold, session->draft_place, session->draft_target);
}

static void on_captured(struct report_fold *fold)
{
	if (fold->session->turn.asked_ms > 0)
		end_turn(fold, REPORT_CAPTURED, true)->cost_microusd +=
			fold->event->message_captured.cost_microusd;
}

/* Past the bound those that are new are counted together. */
static struct baton_report_tool *tool_of(struct baton_report *report, baton_str name)
{
	struct baton_report_tool *tool = report->tools;

	for (size_t i = 0; i < report->n_tools; i++, tool++)
		if (baton_str_is(name, tool->name))
			return tool;
	if (report->n_tools == BATON_REPORT_TOOLS_MAX)
		return tool - 1;
	if (report->n_tools == BATON_REPORT_TOOLS_MAX - 1)
		name = BATON_STR("other");
	snprintf(tool->name, sizeof(tool->name), "%.*s", (int)name.n, name.n ? name.p : "");
	report->n_tools++;
	return tool;
}

static void on_tool(struct report_fold *fold)
{
	const struct baton_ev_tool_finished *call = &fold->event->tool_finished;

	if (!fold->counts)
		return;
	struct baton_report_tool *tool = tool_of(fold->report, call->tool);
	tool->answered += call->ok && call->code.n == 0;
	tool->declined += call->ok && call->code.n > 0;
	tool->in_doubt += !call->ok && baton_str_is(call->code, "in_doubt");
	tool->failed += !call->ok && !baton_str_is(call->code, "in_doubt");
}

/* --- people --- */

/* Rules that send somebody to a person while all is well: the customer's wish, the kind of
 * question, the policies' own rules. Those of modes and the core's other ones say that something
 * does not work. */
bool baton_report_rule_is_healthy(baton_str rule)
{
	static const char *const healthy[] = { "core.customer_asked", "core.tier_2_review",
					       "core.tier_3", "core.no_route", "core.refused" };

	if (rule.n > 5 && memcmp(rule.p, "mode.", 5) == 0)
		return false;
	if (rule.n < 5 || memcmp(rule.p, "core.", 5) != 0)
		return true;
	for (size_t i = 0; i < sizeof(healthy) / sizeof(healthy[0]); i++)
		if (baton_str_is(rule, healthy[i]))
			return true;
	return false;
}

static void on_escalation(struct report_fold *fold)
{
	const struct baton_ev_escalation_triggered *why = &fold->event->escalation_triggered;
	struct report_turn *turn = &fold->session->turn;

	turn->reasoned = why->reason.n > 0 && why->rule.n > 0;
	turn->degraded |= !baton_report_rule_is_healthy(why->rule);
	baton_report_slice(fold, here(fold->session))->cost_microusd += why->cost_microusd;
}

static void note_handoff(struct report_fold *fold, bool reasoned, bool degraded)
{
	struct report_session *session = fold->session;
	struct baton_slice *slice;

	session->handoff = (struct report_place){ session->intent, degraded ? BATON_SIDE_DEGRADED
									    : BATON_SIDE_HEALTHY };
	slice = baton_report_slice(fold, session->handoff);
	session->handoff_count++;
	session->trouble = true;
	session->handoff_full = reasoned && fold->event->case_queued.upto >= session->last_message;
	session->handoff_repeated = false;
	session->handoff_counted = fold->event->unix_ms >= fold->report->options.since_ms;
	slice->handoffs++;
	slice->handoffs_full += session->handoff_full;
	slice->handoffs_good += session->handoff_full;
	slice->relapses += session->resumed && session->answers_since_resume < 3;
	session->resumed = false;
	if (!fold->counts || !degraded)
		return;
	struct baton_incident *incident =
		baton_incidents_now(&fold->report->incidents, fold->event->unix_ms);
	incident->handoffs++;
	incident->handoffs_full += session->handoff_full;
}

static void on_queued(struct report_fold *fold)
{
	struct report_session *session = fold->session;
	bool reasoned = session->turn.reasoned;
	bool degraded = session->turn.degraded || session->turn.failed > 0 || session->mode_on;

	/* A draft's case is for reading it: the bot has done its work. */
	if (session->owner == REPORT_BOT && !session->draft)
		note_handoff(fold, reasoned, degraded);
	if (session->turn.asked_ms > 0)
		end_turn(fold, REPORT_PERSON, degraded);
	session->turn = (struct report_turn){ 0 };
	if (session->owner == REPORT_BOT) {
		session->takeover_ms = session->queued_ms = fold->event->unix_ms;
		session->resumed_ms = 0;
		session->wants_pickup = true;
	}
	set_owner(fold, REPORT_QUEUE);
}

static void on_claimed(struct report_fold *fold)
{
	struct report_session *session = fold->session;

	if (session->owner == REPORT_QUEUE)
		baton_spread_add(&baton_report_slice(fold, here(session))->wait_ms,
				 since(fold->event->unix_ms, session->queued_ms));
	session->claims++;
	session->claimed_ms = fold->event->unix_ms;
	set_owner(fold, REPORT_AGENT);
}

static void end_handling(struct report_fold *fold)
{
	struct report_session *session = fold->session;

	if (session->owner == REPORT_AGENT)
		baton_spread_add(&baton_report_slice(fold, here(session))->handle_ms,
				 since(fold->event->unix_ms, session->claimed_ms));
}

static void on_released(struct report_fold *fold)
{
	end_handling(fold);
	fold->session->queued_ms = fold->event->unix_ms;
	set_owner(fold, REPORT_QUEUE);
}

static void on_human(struct report_fold *fold)
{
	struct report_session *session = fold->session;

	first_reply(fold);
	if (session->wants_pickup)
		baton_spread_add(&baton_report_slice(fold, here(session))->pickup_ms,
				 since(fold->event->unix_ms, session->takeover_ms));
	session->wants_pickup = false;
}

static void to_bot(struct report_fold *fold)
{
	struct report_session *session = fold->session;

	end_handling(fold);
	session->draft = session->suggested = session->wants_pickup = false;
	session->turn = (struct report_turn){ 0 };
	set_owner(fold, REPORT_BOT);
}

static void on_handback(struct report_fold *fold)
{
	to_bot(fold);
	fold->session->resumed_ms = fold->event->unix_ms;
}

/* What a mode kept or a queue held is the bot's again: its answer, when it comes, is a late one. */
static void on_resumed(struct report_fold *fold)
{
	struct report_session *session = fold->session;

	on_handback(fold);
	session->turn.asked_ms = session->held_ms;
	session->turn.late = session->held_ms > 0;
	session->held_ms = 0;
}

static void on_resolved(struct report_fold *fold)
{
	struct report_session *session = fold->session;

	session->abandoned = session->owner == REPORT_QUEUE &&
			     baton_str_is(fold->event->session_resolved.by, "customer");
	to_bot(fold);
	session->takeover_ms = session->resumed_ms = session->held_ms = 0;
	session->resolved = true;
}

/* --- the table --- */

static void on_opened(struct report_fold *fold)
{
	fold->session->is_drill = !fold->report->options.only &&
				  baton_str_is(fold->event->session_opened.channel, "drill");
	if (fold->session->is_drill && !fold->report->options.drills)
		fold->counts = false;
}

static void on_intent(struct report_fold *fold)
{
	fold->session->intent =
		baton_report_intent_of(fold->report, fold->event->intent_detected.intent);
}

static void on_disclosure(struct report_fold *fold)
{
	fold->session->disclosed = true;
}

static void on_restarted(struct report_fold *fold)
{
	struct report_turn *turn = &fold->session->turn;

	baton_report_slice(fold, here(fold->session))->restarted += !turn->restarted;
	turn->restarted = true;
}

static void on_mode(struct report_fold *fold)
{
	fold->session->mode_on = fold->event->type == BATON_EV_MODE_ENTERED;
}

void baton_report_fold(struct report_fold *fold)
{
	static void (*const handlers[])(struct report_fold *) = {
		[BATON_EV_SESSION_OPENED] = on_opened,
		[BATON_EV_DISCLOSURE_MADE] = on_disclosure,
		[BATON_EV_MESSAGE_RECEIVED] = on_message,
		[BATON_EV_INTENT_DETECTED] = on_intent,
		[BATON_EV_ROUTE_SELECTED] = on_route,
		[BATON_EV_MODEL_FAILED] = on_failed,
		[BATON_EV_ANSWER_SUPERSEDED] = on_superseded,
		[BATON_EV_ANSWER_GENERATED] = on_answer,
		[BATON_EV_DRAFT_PROPOSED] = on_draft,
		[BATON_EV_DRAFT_REVIEWED] = on_reviewed,
		[BATON_EV_WRITEUP_GENERATED] = on_writeup,
		[BATON_EV_ESCALATION_TRIGGERED] = on_escalation,
		[BATON_EV_CASE_QUEUED] = on_queued,
		[BATON_EV_CASE_CLAIMED] = on_claimed,
		[BATON_EV_CASE_RELEASED] = on_released,
		[BATON_EV_HUMAN_MESSAGE] = on_human,
		[BATON_EV_HANDBACK_APPROVED] = on_handback,
		[BATON_EV_FEEDBACK_GIVEN] = on_feedback,
		[BATON_EV_TURN_RESTARTED] = on_restarted,
		[BATON_EV_SESSION_RESOLVED] = on_resolved,
		[BATON_EV_MODE_ENTERED] = on_mode,
		[BATON_EV_MODE_LEFT] = on_mode,
		[BATON_EV_MESSAGE_CAPTURED] = on_captured,
		[BATON_EV_TOOL_FINISHED] = on_tool,
		[BATON_EV_AUTOMATION_RESUMED] = on_resumed,
	};
	size_t type = (size_t)fold->event->type;

	if (type < sizeof(handlers) / sizeof(handlers[0]) && handlers[type])
		handlers[type](fold);
}
