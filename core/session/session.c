/* SPDX-License-Identifier: Apache-2.0 */

/* The fold: what an event does to the state. Nothing here refuses; decide.c has done that. What
 * people at the desk do is in case.c. */

#include "core/session/decide.h"
#include "core/session/fold.h"

#include "core/base/assert.h"
#include "core/journal/journal.h"
#include "core/session/client_ids.h"
#include "core/session/slots.h"

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
	baton_free(session->lines_room);
	baton_str_drop(&session->draft_text);
	baton_str_drop(&session->tags);
	baton_str_drop(&session->slots);
	baton_str_drop(&session->summary);
	baton_str_drop(&session->marks);
	baton_calls_done(&session->calls);
	baton_client_ids_done(&session->client_ids);
	memset(session, 0, sizeof(*session));
}

void fold_name(char to[BATON_NAME_BYTES_MAX + 1], baton_str from)
{
	baton_str cut = baton_str_clip(from, BATON_NAME_BYTES_MAX);

	memcpy(to, cut.p ? cut.p : "", cut.n);
	to[cut.n] = '\0';
}

void fold_line(struct baton_session *session, uint32_t role, uint64_t seq, baton_str text)
{
	enum { ROOM = BATON_PROMPT_MSGS_MAX + 8 };

	if (!session->lines_room)
		session->lines = session->lines_room = baton_alloc(ROOM * sizeof(*session->lines));
	if (session->n_lines == BATON_PROMPT_MSGS_MAX) {
		baton_str_drop(&session->lines[0].text);
		session->lines++;
		session->n_lines--;
	}
	if (session->lines + session->n_lines == session->lines_room + ROOM) {
		memmove(session->lines_room, session->lines,
			session->n_lines * sizeof(*session->lines));
		session->lines = session->lines_room;
	}
	session->lines[session->n_lines++] = (struct baton_line){ seq, role, baton_str_keep(text) };
}

void fold_client_id(struct baton_session *session, unsigned speaker, baton_str client_id,
		    uint64_t seq)
{
	baton_client_ids_add(&session->client_ids, speaker, client_id, seq);
}

void fold_drop_draft(struct baton_session *session)
{
	session->draft = 0;
	baton_str_drop(&session->draft_text);
}

/* A message that is nothing but files goes by their line. */
static void add_words(struct baton_session *session, uint32_t role, uint64_t seq, baton_str text)
{
	if (text.n == 0 && session->n_lines > 0)
		session->lines[session->n_lines - 1].seq = seq;
	else
		fold_line(session, role, seq, text);
}

static void apply_file(struct baton_session *session, const struct baton_event *event)
{
	const struct baton_ev_attachment_added *file = &event->attachment_added;
	struct baton_buf line = { NULL, 0, 0 };

	fold_client_id(session, SPEAKER_FILE, file->attachment, event->seq);
	baton_buf_printf(&line, "[file: %.*s]", (int)file->name.n,
			 file->name.n ? file->name.p : "");
	fold_line(session, baton_str_is(file->by, "human") ? BATON_ROLE_AGENT : BATON_ROLE_CUSTOMER,
		  event->seq, baton_buf_view(&line));
	baton_buf_done(&line);
}

static void apply_message(struct baton_session *session, const struct baton_event *event)
{
	session->messages++;
	session->idle_ms = session->last_message_ms && event->unix_ms > session->last_message_ms
				   ? event->unix_ms - session->last_message_ms
				   : 0;
	session->last_message_ms = event->unix_ms;
	session->last_message = event->seq;
	session->reopen_count += session->resolved;
	session->resolved = session->abandoned = false;
	if (session->first_unanswered_ms == 0)
		session->first_unanswered_ms = event->unix_ms;
	if (session->owner != BATON_OWNER_BOT)
		session->answered_upto = event->seq; /* a person will see it: that is its outcome */
	fold_client_id(session, BATON_CUSTOMER, event->message_received.client_id, event->seq);
	add_words(session, BATON_ROLE_CUSTOMER, event->seq, event->message_received.text);
}

void fold_forget_hold(struct baton_session *session)
{
	session->resumes[0] = '\0';
	session->held_after = 0;
}

void fold_hold(struct baton_session *session, baton_str prefix, baton_str name)
{
	if (session->resumes[0] == '\0')
		session->held_after = session->answered_upto;
	(void)snprintf(session->resumes, sizeof(session->resumes), "%.*s%.*s", (int)prefix.n,
		       prefix.p, (int)name.n, name.p);
}

static void apply_captured(struct baton_session *session, const struct baton_event *event)
{
	fold_hold(session, BATON_STR("mode:"), event->message_captured.mode);
	session->answered_upto = event->message_captured.upto;
	session->cost_microusd += event->message_captured.cost_microusd;
	session->restarts = 0;
}

static void apply_mode_left(struct baton_session *session, const struct baton_event *event)
{
	if (baton_str_is(event->mode_left.mode, session->mode))
		session->mode[0] = '\0';
}

static void apply_answer(struct baton_session *session, const struct baton_event *event)
{
	session->answered_upto = event->answer_generated.upto;
	session->exchanges++;
	session->restarts = 0;
	session->cost_microusd += event->answer_generated.cost_microusd;
	session->weak_answers = event->answer_generated.confidence_ppm < BATON_WEAK_PPM ||
						event->answer_generated.unknown
					? session->weak_answers + 1
					: 0;
	fold_forget_hold(session);
	baton_calls_told(&session->calls);
	if (session->answered_upto == session->last_message)
		session->first_unanswered_ms = 0;
	fold_line(session, BATON_ROLE_BOT, event->seq, event->answer_generated.text);
}

static void apply_opened(struct baton_session *session, const struct baton_event *event)
{
	session->opened_ms = event->unix_ms;
	fold_name(session->channel, event->session_opened.channel);
	fold_name(session->locale, event->session_opened.locale);
	fold_name(session->customer, event->session_opened.customer);
	fold_name(session->customer_tier, event->session_opened.customer_tier);
}

static void apply_draft(struct baton_session *session, const struct baton_event *event)
{
	fold_drop_draft(session);
	session->draft = event->seq;
	session->draft_text = baton_str_keep(event->draft_proposed.text);
	session->draft_suggested = event->draft_proposed.asked_by.n > 0;
	fold_name(session->draft_target, event->draft_proposed.target);
	session->cost_microusd += event->draft_proposed.cost_microusd;
}

static void apply_reviewed(struct baton_session *session, const struct baton_event *event)
{
	baton_str client_id = event->draft_reviewed.client_id;

	fold_drop_draft(session);
	if (client_id.n > 0)
		fold_client_id(session, BATON_AGENT, client_id, event->seq);
}

static void apply_human(struct baton_session *session, const struct baton_event *event)
{
	session->first_unanswered_ms = 0;
	session->open_after = event->seq;
	baton_calls_told(&session->calls);
	fold_client_id(session, BATON_AGENT, event->human_message.client_id, event->seq);
	add_words(session, BATON_ROLE_AGENT, event->seq, event->human_message.text);
}

static void apply_erased(struct baton_session *session, const struct baton_event *event)
{
	(void)event;
	session->erased = true;
	baton_calls_done(&session->calls);
	session->answered_upto = session->last_message;
	baton_str_drop(&session->slots);
}

static void apply_disclosed(struct baton_session *session, const struct baton_event *event)
{
	(void)event;
	session->disclosed = true;
}

static void keep_slots(struct baton_session *session, baton_str newer)
{
	struct baton_buf merged = { NULL, 0, 0 };

	if (newer.n == 0)
		return;
	baton_slots_merge(newer, session->slots, &merged);
	baton_str_drop(&session->slots);
	if (merged.n > 0)
		session->slots = baton_str_keep(baton_buf_view(&merged));
	baton_buf_done(&merged);
}

static void apply_intent(struct baton_session *session, const struct baton_event *event)
{
	baton_str language =
		baton_str_clip(event->intent_detected.language, BATON_LANGUAGE_BYTES_MAX);

	fold_name(session->intent, event->intent_detected.intent);
	memcpy(session->language, language.p ? language.p : "", language.n);
	session->language[language.n] = '\0';
	keep_slots(session, event->intent_detected.slots);
}

static void apply_failed(struct baton_session *session, const struct baton_event *event)
{
	session->cost_microusd += event->model_failed.cost_microusd;
}

static void apply_note(struct baton_session *session, const struct baton_event *event)
{
	fold_client_id(session, BATON_AGENT, event->note_added.client_id, event->seq);
}

static void apply_feedback(struct baton_session *session, const struct baton_event *event)
{
	fold_client_id(session, BATON_CUSTOMER, event->feedback_given.client_id, event->seq);
}

static void apply_restarted(struct baton_session *session, const struct baton_event *event)
{
	session->restarts = event->turn_restarted.times;
}

static void apply_mode_entered(struct baton_session *session, const struct baton_event *event)
{
	fold_name(session->mode, event->mode_entered.mode);
}

static void apply_sources(struct baton_session *session, const struct baton_event *event)
{
	session->lookup_failures += event->sources_retrieved.failed.n > 0;
}

static void apply_identity(struct baton_session *session, const struct baton_event *event)
{
	const struct baton_ev_identity_verified *identity = &event->identity_verified;

	fold_name(session->customer, identity->customer);
	fold_name(session->customer_name, identity->name);
	fold_name(session->customer_tier, identity->customer_tier);
	session->verified = true;
	session->identity_hash = people_identity_hash(identity);
}

static void apply_claimed_attributes(struct baton_session *session, const struct baton_event *event)
{
	session->claimed_hash = people_claimed_hash(event->attributes_claimed.attributes);
}

static void apply_auth_failed(struct baton_session *session, const struct baton_event *event)
{
	(void)event;
	session->auth_failures++;
}

static void apply_offered(struct baton_session *session, const struct baton_event *event)
{
	(void)event;
	session->offered_at = session->exchanges ? session->exchanges : 1;
}

static void apply_writeup(struct baton_session *session, const struct baton_event *event)
{
	session->cost_microusd += event->writeup_generated.cost_microusd;
	session->written_about = event->writeup_generated.about;
}

static void apply_plan(struct baton_session *session, const struct baton_event *event)
{
	session->cost_microusd += event->plan_made.cost_microusd;
}

/* "[a]" and "[b]" are "[a,b]". Past the bound new values have numbers for one turn only. */
static void apply_redaction(struct baton_session *session, const struct baton_event *event)
{
	enum { MARKS_BYTES_MAX = 64 * 1024 };
	baton_str old = session->marks, more = event->redaction_applied.marks;
	struct baton_buf all = { NULL, 0, 0 };

	if (more.n <= 2 || old.n + more.n > MARKS_BYTES_MAX)
		return;
	if (old.n > 2) {
		baton_buf_add(&all, old.p, old.n - 1);
		baton_buf_z(&all, ",");
		baton_buf_add(&all, more.p + 1, more.n - 1);
	} else {
		baton_buf_str(&all, more);
	}
	session->marks = baton_str_keep(baton_buf_view(&all));
	baton_str_drop(&old);
	baton_buf_done(&all);
}

static void apply_summary(struct baton_session *session, const struct baton_event *event)
{
	baton_str_drop(&session->summary);
	session->summary = baton_str_keep(event->summary_made.text);
	session->summary_upto = event->summary_made.upto;
	session->cost_microusd += event->summary_made.cost_microusd;
}

static void apply_call(struct baton_session *session, const struct baton_event *event)
{
	baton_calls_apply(&session->calls, event);
	if (event->type == BATON_EV_TOOL_FINISHED)
		session->lookup_failures += !event->tool_finished.ok;
	if (event->type == BATON_EV_TOOL_REVIEWED)
		fold_client_id(session, BATON_AGENT, event->tool_reviewed.client_id, event->seq);
}

/* What is not here is a fact for readers: the state does not turn on it. */
static fold_fn *const folds[] = {
	[BATON_EV_SESSION_OPENED] = apply_opened,
	[BATON_EV_DISCLOSURE_MADE] = apply_disclosed,
	[BATON_EV_MESSAGE_RECEIVED] = apply_message,
	[BATON_EV_INTENT_DETECTED] = apply_intent,
	[BATON_EV_MODEL_FAILED] = apply_failed,
	[BATON_EV_ANSWER_GENERATED] = apply_answer,
	[BATON_EV_DRAFT_PROPOSED] = apply_draft,
	[BATON_EV_DRAFT_REVIEWED] = apply_reviewed,
	[BATON_EV_ESCALATION_TRIGGERED] = fold_escalated,
	[BATON_EV_CASE_QUEUED] = fold_queued,
	[BATON_EV_CASE_CLAIMED] = fold_claimed,
	[BATON_EV_CASE_RELEASED] = fold_released,
	[BATON_EV_HUMAN_MESSAGE] = apply_human,
	[BATON_EV_NOTE_ADDED] = apply_note,
	[BATON_EV_HANDBACK_APPROVED] = fold_handback,
	[BATON_EV_FEEDBACK_GIVEN] = apply_feedback,
	[BATON_EV_TURN_RESTARTED] = apply_restarted,
	[BATON_EV_SESSION_RESOLVED] = fold_resolved,
	[BATON_EV_SESSION_ERASED] = apply_erased,
	[BATON_EV_MODE_ENTERED] = apply_mode_entered,
	[BATON_EV_MODE_LEFT] = apply_mode_left,
	[BATON_EV_MESSAGE_CAPTURED] = apply_captured,
	[BATON_EV_AUTOMATION_RESUMED] = fold_resumed,
	[BATON_EV_SOURCES_RETRIEVED] = apply_sources,
	[BATON_EV_ATTACHMENT_ADDED] = apply_file,
	[BATON_EV_IDENTITY_VERIFIED] = apply_identity,
	[BATON_EV_ATTRIBUTES_CLAIMED] = apply_claimed_attributes,
	[BATON_EV_AUTHENTICATION_FAILED] = apply_auth_failed,
	[BATON_EV_HUMAN_OFFERED] = apply_offered,
	[BATON_EV_CASE_TRANSFERRED] = fold_transferred,
	[BATON_EV_TICKET_LEFT] = fold_ticket,
	[BATON_EV_CASE_ABANDONED] = fold_abandoned,
	[BATON_EV_WRITEUP_GENERATED] = apply_writeup,
	[BATON_EV_CASE_TAGGED] = fold_tagged,
	[BATON_EV_PLAN_MADE] = apply_plan,
	[BATON_EV_SUMMARY_MADE] = apply_summary,
	[BATON_EV_REDACTION_APPLIED] = apply_redaction,
	[BATON_EV_TOOL_CALLED] = apply_call,
	[BATON_EV_TOOL_FINISHED] = apply_call,
	[BATON_EV_TOOL_PROPOSED] = apply_call,
	[BATON_EV_TOOL_REVIEWED] = apply_call,
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
	/* A call that is not over is found at a start as an open turn is. */
	if (baton_session_turn_open(session) || baton_calls_due(&session->calls))
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
	return baton_client_ids_find(&session->client_ids, BATON_CUSTOMER, client_id);
}
