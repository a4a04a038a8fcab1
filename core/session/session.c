/* SPDX-License-Identifier: Apache-2.0 */

/* The fold: what an event does to the state. Nothing here refuses; decide.c has done that. */

#include "core/session/session.h"

#include "core/base/assert.h"
#include "core/journal/journal.h"
#include "core/session/client_ids.h"

#include <stdio.h>

void baton_session_init(struct baton_session *session, const struct baton_id *id)
{
	memset(session, 0, sizeof(*session));
	session->id = *id;
}

void baton_session_done(struct baton_session *session)
{
	for (size_t i = 0; i < session->n_lines; i++)
		baton_str_drop(&session->lines[i].text);
	baton_free(session->lines);
	baton_str_drop(&session->draft_text);
	baton_client_ids_free(&session->client_ids);
	memset(session, 0, sizeof(*session));
}

static void set_name(char to[BATON_NAME_BYTES_MAX + 1], baton_str from)
{
	baton_str cut = baton_str_clip(from, BATON_NAME_BYTES_MAX);

	memcpy(to, cut.p ? cut.p : "", cut.n);
	to[cut.n] = '\0';
}

static void set_reason(struct baton_session *session, baton_str from)
{
	baton_str cut = baton_str_clip(from, sizeof(session->reason) - 1);

	memcpy(session->reason, cut.p ? cut.p : "", cut.n);
	session->reason[cut.n] = '\0';
}

static void add_line(struct baton_session *session, uint32_t role, uint64_t seq, baton_str text)
{
	if (!session->lines)
		session->lines = baton_alloc(BATON_PROMPT_MSGS_MAX * sizeof(*session->lines));
	if (session->n_lines == BATON_PROMPT_MSGS_MAX) {
		baton_str_drop(&session->lines[0].text);
		session->n_lines--;
		memmove(session->lines, session->lines + 1,
			session->n_lines * sizeof(*session->lines));
	}
	session->lines[session->n_lines++] = (struct baton_line){ seq, role, baton_str_keep(text) };
}

static void drop_draft(struct baton_session *session)
{
	session->draft = 0;
	baton_str_drop(&session->draft_text);
}

/* Everything the customer has said so far has found its outcome or its person. */
static void set_owner(struct baton_session *session, enum baton_owner owner, uint64_t epoch)
{
	session->owner = owner;
	session->epoch = epoch;
	session->answered_upto = session->last_message;
	session->restarts = 0;
}

static void apply_message(struct baton_session *session, const struct baton_event *event)
{
	session->messages++;
	session->last_message = event->seq;
	session->resolved = false;
	if (session->first_unanswered_ms == 0)
		session->first_unanswered_ms = event->unix_ms;
	if (session->owner != BATON_OWNER_BOT)
		session->answered_upto = event->seq; /* a person will see it: that is its outcome */
	baton_client_ids_add(&session->client_ids, BATON_CUSTOMER,
			     event->message_received.client_id, event->seq);
	add_line(session, BATON_ROLE_CUSTOMER, event->seq, event->message_received.text);
}

/* Nothing waits for a mode or a model any more. */
static void forget_hold(struct baton_session *session)
{
	session->resumes[0] = '\0';
	session->held_after = 0;
}

/* What is open now is to be taken up again once `resumes` has come true. What was held before stays
 * held: the oldest message counts. */
static void hold(struct baton_session *session, baton_str prefix, baton_str name)
{
	if (session->resumes[0] == '\0')
		session->held_after = session->answered_upto;
	(void)snprintf(session->resumes, sizeof(session->resumes), "%.*s%.*s", (int)prefix.n,
		       prefix.p, (int)name.n, name.p);
}

static void apply_escalated(struct baton_session *session, const struct baton_event *event)
{
	const struct baton_ev_escalation_triggered *why = &event->escalation_triggered;

	if (why->reversible && why->resumes.n > 0 && why->resumes.n < sizeof(session->resumes))
		hold(session, BATON_STR(""), why->resumes);
	else
		forget_hold(session);
}

static void apply_captured(struct baton_session *session, const struct baton_event *event)
{
	hold(session, BATON_STR("mode:"), event->message_captured.mode);
	session->answered_upto = event->message_captured.upto;
	session->restarts = 0;
}

static void apply_resumed(struct baton_session *session, const struct baton_event *event)
{
	session->owner = BATON_OWNER_BOT;
	session->epoch = event->automation_resumed.epoch;
	session->answered_upto = event->automation_resumed.after;
	session->restarts = 0;
	session->reason[0] = session->queue[0] = '\0';
	session->priority = 0;
	forget_hold(session);
}

static void apply_mode_left(struct baton_session *session, const struct baton_event *event)
{
	if (baton_str_is(event->mode_left.mode, session->mode))
		session->mode[0] = '\0';
}

enum { WEAK_PPM = 300000 };

static void apply_answer(struct baton_session *session, const struct baton_event *event)
{
	session->answered_upto = event->answer_generated.upto;
	session->exchanges++;
	session->restarts = 0;
	session->cost_microusd += event->answer_generated.cost_microusd;
	session->weak_answers =
		event->answer_generated.confidence_ppm < WEAK_PPM ? session->weak_answers + 1 : 0;
	forget_hold(session);
	if (session->answered_upto == session->last_message)
		session->first_unanswered_ms = 0;
	add_line(session, BATON_ROLE_BOT, event->seq, event->answer_generated.text);
}

static void apply_opened(struct baton_session *session, const struct baton_event *event)
{
	session->opened_ms = event->unix_ms;
	set_name(session->channel, event->session_opened.channel);
	set_name(session->locale, event->session_opened.locale);
	set_name(session->customer, event->session_opened.customer);
	set_name(session->customer_tier, event->session_opened.customer_tier);
}

static void apply_queued(struct baton_session *session, const struct baton_event *event)
{
	set_owner(session, BATON_OWNER_QUEUE, event->case_queued.epoch);
	set_name(session->queue, event->case_queued.queue);
	set_reason(session, event->case_queued.reason);
	session->priority = event->case_queued.priority;
}

static void apply_claimed(struct baton_session *session, const struct baton_event *event)
{
	set_owner(session, BATON_OWNER_AGENT, event->case_claimed.epoch);
	forget_hold(session); /* from here on only the agent gives it back */
	set_name(session->agent, event->case_claimed.agent);
	set_name(session->agent_name, event->case_claimed.agent_name);
}

static void apply_to_bot(struct baton_session *session, uint64_t epoch)
{
	set_owner(session, BATON_OWNER_BOT, epoch);
	session->exchanges = 0;
	session->weak_answers = 0;
	forget_hold(session);
	session->agent[0] = session->agent_name[0] = '\0';
	session->reason[0] = session->queue[0] = '\0';
	session->priority = 0;
	drop_draft(session);
}

static void apply_draft(struct baton_session *session, const struct baton_event *event)
{
	drop_draft(session);
	session->draft = event->seq;
	session->draft_text = baton_str_keep(event->draft_proposed.text);
	session->cost_microusd += event->draft_proposed.cost_microusd;
}

static void apply_reviewed(struct baton_session *session, const struct baton_event *event)
{
	baton_str client_id = event->draft_reviewed.client_id;

	drop_draft(session);
	if (client_id.n > 0)
		baton_client_ids_add(&session->client_ids, BATON_AGENT, client_id, event->seq);
}

static void apply_human(struct baton_session *session, const struct baton_event *event)
{
	session->first_unanswered_ms = 0;
	baton_client_ids_add(&session->client_ids, BATON_AGENT, event->human_message.client_id,
			     event->seq);
	add_line(session, BATON_ROLE_AGENT, event->seq, event->human_message.text);
}

static void apply_resolved(struct baton_session *session, const struct baton_event *event)
{
	apply_to_bot(session, event->session_resolved.epoch);
	session->resolved = true;
	session->first_unanswered_ms = 0;
}

static void apply_erased(struct baton_session *session, const struct baton_event *event)
{
	(void)event;
	session->erased = true;
	session->answered_upto = session->last_message;
}

static void apply_disclosed(struct baton_session *session, const struct baton_event *event)
{
	(void)event;
	session->disclosed = true;
}

static void apply_intent(struct baton_session *session, const struct baton_event *event)
{
	set_name(session->intent, event->intent_detected.intent);
}

static void apply_failed(struct baton_session *session, const struct baton_event *event)
{
	session->cost_microusd += event->model_failed.cost_microusd;
}

static void apply_released(struct baton_session *session, const struct baton_event *event)
{
	set_owner(session, BATON_OWNER_QUEUE, event->case_released.epoch);
	session->agent[0] = session->agent_name[0] = '\0';
}

static void apply_note(struct baton_session *session, const struct baton_event *event)
{
	baton_client_ids_add(&session->client_ids, BATON_AGENT, event->note_added.client_id,
			     event->seq);
}

static void apply_feedback(struct baton_session *session, const struct baton_event *event)
{
	baton_client_ids_add(&session->client_ids, BATON_CUSTOMER, event->feedback_given.client_id,
			     event->seq);
}

static void apply_handback(struct baton_session *session, const struct baton_event *event)
{
	apply_to_bot(session, event->handback_approved.epoch);
}

static void apply_restarted(struct baton_session *session, const struct baton_event *event)
{
	session->restarts = event->turn_restarted.times;
}

static void apply_mode_entered(struct baton_session *session, const struct baton_event *event)
{
	set_name(session->mode, event->mode_entered.mode);
}

/* What is not here is a fact for readers: the state does not turn on it. */
static void (*const folds[])(struct baton_session *session, const struct baton_event *event) = {
	[BATON_EV_SESSION_OPENED] = apply_opened,
	[BATON_EV_DISCLOSURE_MADE] = apply_disclosed,
	[BATON_EV_MESSAGE_RECEIVED] = apply_message,
	[BATON_EV_INTENT_DETECTED] = apply_intent,
	[BATON_EV_MODEL_FAILED] = apply_failed,
	[BATON_EV_ANSWER_GENERATED] = apply_answer,
	[BATON_EV_DRAFT_PROPOSED] = apply_draft,
	[BATON_EV_DRAFT_REVIEWED] = apply_reviewed,
	[BATON_EV_ESCALATION_TRIGGERED] = apply_escalated,
	[BATON_EV_CASE_QUEUED] = apply_queued,
	[BATON_EV_CASE_CLAIMED] = apply_claimed,
	[BATON_EV_CASE_RELEASED] = apply_released,
	[BATON_EV_HUMAN_MESSAGE] = apply_human,
	[BATON_EV_NOTE_ADDED] = apply_note,
	[BATON_EV_HANDBACK_APPROVED] = apply_handback,
	[BATON_EV_FEEDBACK_GIVEN] = apply_feedback,
	[BATON_EV_TURN_RESTARTED] = apply_restarted,
	[BATON_EV_SESSION_RESOLVED] = apply_resolved,
	[BATON_EV_SESSION_ERASED] = apply_erased,
	[BATON_EV_MODE_ENTERED] = apply_mode_entered,
	[BATON_EV_MODE_LEFT] = apply_mode_left,
	[BATON_EV_MESSAGE_CAPTURED] = apply_captured,
	[BATON_EV_AUTOMATION_RESUMED] = apply_resumed,
};
enum { FOLDS_N = sizeof(folds) / sizeof(folds[0]) };

void baton_session_apply(struct baton_session *session, const struct baton_event *event)
{
	baton_assert(event->seq == session->seq + 1);
	session->seq = event->seq;
	if ((size_t)event->type < FOLDS_N && folds[event->type])
		folds[event->type](session, event);
}

bool baton_session_turn_open(const struct baton_session *session)
{
	return session->owner == BATON_OWNER_BOT && !session->erased &&
	       session->last_message > session->answered_upto;
}

unsigned baton_session_marks(const struct baton_session *session)
{
	unsigned marks = 0;

	if (session->erased)
		return BATON_MARK_RESOLVED;
	if (baton_session_turn_open(session))
		marks |= BATON_MARK_TURN_OPEN;
	if (session->owner == BATON_OWNER_QUEUE)
		marks |= BATON_MARK_CASE_WAITING;
	if (session->resumes[0])
		marks |= BATON_MARK_HELD;
	if (session->owner == BATON_OWNER_AGENT)
		marks |= BATON_MARK_CASE_CLAIMED;
	if (session->resolved)
		marks |= BATON_MARK_RESOLVED;
	return marks;
}

uint64_t baton_session_seen(const struct baton_session *session, baton_str client_id)
{
	return baton_client_ids_find(session->client_ids, BATON_CUSTOMER, client_id);
}
