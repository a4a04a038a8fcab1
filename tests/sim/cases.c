/* SPDX-License-Identifier: Apache-2.0 */

/* Who has a conversation, and what people do with it: one owner at any time, nobody takes what is
 * not his to take, the clock of waiting runs through all of it, what is given back is answered. A
 * fold of its own, beside the one in promises.c. */

#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

static void set(char *to, size_t cap, baton_str from)
{
	snprintf(to, cap, "%.*s", (int)from.n, from.n ? from.p : "");
}

static void clear_wish(struct sim *sim, const struct log *log)
{
	for (size_t i = 0; i < SIM_CUSTOMERS; i++) {
		struct customer *customer = &sim->customers[i];

		if (!customer->wants_person || !baton_id_eq(&customer->session, &log->session))
			continue;
		customer->wants_person = false;
	}
}

/* The client's id says on what it rested: "<if_seq>/<draft>/...". */
static void said_by_person(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_human_message *said = &event->human_message;
	const struct stored *before = store_record(sim, &log->session, event->seq - 1);
	char id[48];
	char *rest;

	PROMISE(sim, log->owner == BATON_OWNER_AGENT && baton_str_is(said->agent, log->agent),
		"only the agent who holds a case speaks in it", &log->session);
	snprintf(id, sizeof(id), "%.*s", (int)said->client_id.n, said->client_id.p);
	uint64_t if_seq = strtoull(id, &rest, 10), draft = strtoull(rest + 1, NULL, 10);
	if (before && before->type == BATON_EV_DRAFT_REVIEWED)
		PROMISE(sim, stored_u64(before, "draft") == draft,
			"the draft that the agent meant is accepted", &log->session);
	else
		PROMISE(sim, if_seq == 0 || log->last_message <= if_seq,
			"a reply rests on what the agent has seen", &log->session);
	log->open_after = event->seq;
	log->unanswered_ms = 0;
	sim->saw.human_messages++;
}

/* What failed, and what nobody has replied to, is the bot's if the agent gives it back; what the
 * rules or the customer gave to a person is not. */
static void open_from(struct log *log)
{
	if (log->resumes[0])
		log->open_after = log->held_after;
	else if (log->owner == BATON_OWNER_BOT)
		log->open_after = log->answered;
}

static bool is_supervisor(const struct sim *sim, baton_str agent)
{
	return baton_str_is(agent, sim->agents[SIM_SUPERVISOR].id);
}

/* In a queue from here on, as long as it has waited already. */
static void waits(struct log *log, uint64_t unix_ms, bool waited)
{
	if (!waited)
		log->waiting_ms = log->unanswered_ms ? log->unanswered_ms : unix_ms;
}

static void nobody_waits(struct log *log)
{
	log->waiting_ms = 0;
	log->given_up = log->gave_up_told = false;
	log->to_agent[0] = '\0';
}

void promise_nobody_waits(struct log *log)
{
	nobody_waits(log);
	log->ticket = false;
	log->queue[0] = '\0';
}

static void to_bot(struct sim *sim, struct log *log, uint64_t epoch)
{
	promise_own(sim, log, BATON_OWNER_BOT, epoch);
	promise_release_hold(log);
	promise_nobody_waits(log);
	log->answers = log->offered_at = 0;
}

static void queued(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_case_queued *queued = &event->case_queued;

	PROMISE(sim, log->owner == BATON_OWNER_BOT, "only the bot's conversation is queued",
		&log->session);
	PROMISE(sim,
		queued->waiting_since_ms ==
			(log->unanswered_ms ? log->unanswered_ms : event->unix_ms),
		"the clock starts at the first message without a reply", &log->session);
	promise_own(sim, log, BATON_OWNER_QUEUE, queued->epoch);
	log->open_after = log->last_message;
	if (log->unanswered_ms == 0)
		log->unanswered_ms = queued->waiting_since_ms;
	waits(log, event->unix_ms, false);
	set(log->queue, sizeof(log->queue), queued->queue);
	sim->saw.handovers++;
}

/* Agent 0 works on one queue; what is transferred to him, or comes from the bot, is his as well. */
static bool may_claim(const struct sim *sim, const struct log *log, baton_str agent)
{
	return !baton_str_is(agent, sim->agents[0].id) || log->owner == BATON_OWNER_BOT ||
	       strcmp(log->queue, "general") == 0 || baton_str_is(agent, log->to_agent);
}

static void claimed(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_case_claimed *claim = &event->case_claimed;

	if (claim->from.n > 0) {
		PROMISE(sim,
			log->owner == BATON_OWNER_AGENT && baton_str_is(claim->from, log->agent) &&
				!baton_str_is(claim->agent, log->agent),
			"what is taken over is somebody else's", &log->session);
		PROMISE(sim, is_supervisor(sim, claim->agent), "only a supervisor takes over",
			&log->session);
		sim->saw.takeovers++;
	} else {
		PROMISE(sim, log->owner != BATON_OWNER_AGENT, "a case is claimed once",
			&log->session);
		PROMISE(sim, may_claim(sim, log, claim->agent),
			"a case is claimed by who works on its queue", &log->session);
	}
	open_from(log);
	promise_own(sim, log, BATON_OWNER_AGENT, claim->epoch);
	promise_release_hold(log);
	nobody_waits(log);
	set(log->agent, sizeof(log->agent), claim->agent);
	sim->saw.claims++;
}

static void released(struct sim *sim, struct log *log, const struct baton_event *event)
{
	PROMISE(sim, log->owner == BATON_OWNER_AGENT, "only a claimed case is released",
		&log->session);
	PROMISE(sim, event->case_released.queue.n > 0, "a case that waits is in a queue",
		&log->session);
	set(log->queue, sizeof(log->queue), event->case_released.queue);
	promise_own(sim, log, BATON_OWNER_QUEUE, event->case_released.epoch);
	waits(log, event->unix_ms, false);
}

static void transferred(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_case_transferred *transfer = &event->case_transferred;
	bool supervisor = is_supervisor(sim, transfer->agent);
	bool waited = log->owner == BATON_OWNER_QUEUE;

	PROMISE(sim, log->owner != BATON_OWNER_BOT, "what is transferred is with people",
		&log->session);
	PROMISE(sim, supervisor || (!waited && baton_str_is(transfer->agent, log->agent)),
		"a case is transferred by who has it", &log->session);
	PROMISE(sim,
		baton_str_is(transfer->queue, "general") ||
			baton_str_is(transfer->queue, "billing"),
		"a transfer leads somewhere", &log->session);
	promise_own(sim, log, BATON_OWNER_QUEUE, transfer->epoch);
	promise_release_hold(log);
	waits(log, event->unix_ms, waited);
	set(log->queue, sizeof(log->queue), transfer->queue);
	set(log->to_agent, sizeof(log->to_agent), transfer->to_agent);
	sim->saw.transfers++;
}

static void handed_back(struct sim *sim, struct log *log, const struct baton_event *event)
{
	PROMISE(sim, log->owner == BATON_OWNER_AGENT, "only its agent hands a case back",
		&log->session);
	to_bot(sim, log, event->handback_approved.epoch);
	/* What a person has allowed is told by the bot, if nobody has told it. */
	uint64_t untold = promise_untold(log);
	if (untold > 0 && untold - 1 < log->open_after)
		log->open_after = untold - 1;
	if (log->open_after < log->last_message) {
		log->answered = log->open_after;
		log->disturbed = false;
		memset(&log->on, 0, sizeof(log->on)); /* a new turn over the same message */
	} else {
		log->unanswered_ms = 0;
	}
	sim->saw.handbacks++;
}

static void resolved(struct sim *sim, struct log *log, const struct baton_event *event)
{
	to_bot(sim, log, event->session_resolved.epoch);
	log->unanswered_ms = 0;
	server_saved(sim, &log->session, event->seq);
}

static void abandoned(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_case_abandoned *gone = &event->case_abandoned;
	/* The wall clock may have been set back meanwhile. */
	uint64_t waited_ms =
		event->unix_ms > log->waiting_ms ? event->unix_ms - log->waiting_ms : 0;

	PROMISE(sim, log->owner == BATON_OWNER_QUEUE, "who gives up had not been served",
		&log->session);
	PROMISE(sim, !log->ticket, "who left an address has not given up", &log->session);
	PROMISE(sim, !log->gave_up_told, "giving up is noted once for each wait", &log->session);
	PROMISE(sim, gone->waited_ms == waited_ms, "the clock of waiting never starts anew",
		&log->session);
	log->given_up = log->gave_up_told = true;
}

static void left_ticket(struct sim *sim, struct log *log)
{
	PROMISE(sim, log->owner != BATON_OWNER_BOT, "a ticket is left while a person is waited for",
		&log->session);
	log->ticket = true;
	log->given_up = false;
	sim->saw.tickets++;
}

/* Of the same commit: nothing comes between a file and its message. */
static void file_added(struct sim *sim, struct log *log, const struct baton_event *event)
{
	char id[40];

	set(id, sizeof(id), event->attachment_added.attachment);
	for (size_t i = 0; i + 1 < log->n; i++)
		PROMISE(sim,
			log->records[i].type != BATON_EV_ATTACHMENT_ADDED ||
				!memmem(log->records[i].payload.p, log->records[i].payload.n, id,
					strlen(id)),
			"a file is sent once", &log->session);
	sim->saw.files++;
}

static void follows_files(struct sim *sim, const struct log *log, const struct baton_event *event)
{
	const struct stored *before = store_record(sim, &log->session, event->seq - 1);

	PROMISE(sim,
		!before || before->type != BATON_EV_ATTACHMENT_ADDED ||
			event->type == BATON_EV_ATTACHMENT_ADDED ||
			event->type == BATON_EV_MESSAGE_RECEIVED ||
			event->type == BATON_EV_HUMAN_MESSAGE,
		"a file precedes its message", &log->session);
}

/* Once for each connection that could not, however much it says. */
static void not_proved(struct sim *sim, struct log *log)
{
	const struct customer *customer = &sim->customers[SIM_UNPROVED];

	PROMISE(sim, baton_id_eq(&customer->session, &log->session),
		"a failed proof is its own customer's", &log->session);
	PROMISE(sim, ++log->auth_failures <= customer->n_conns,
		"a failed proof counts once for each connection", &log->session);
	sim->saw.not_proved++;
}

static void verified(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct stored *before = store_record(sim, &log->session, event->seq - 1);

	PROMISE(sim, baton_str_is(event->identity_verified.customer, "signed"),
		"a session is one customer's", &log->session);
	PROMISE(sim, !before || before->type != BATON_EV_IDENTITY_VERIFIED,
		"who somebody is, is noted when it is new", &log->session);
	log->verified = true;
	sim->saw.verified++;
}

static void offered(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct stored *before = store_record(sim, &log->session, event->seq - 1);

	PROMISE(sim, log->owner == BATON_OWNER_BOT, "the bot never speaks over a person",
		&log->session);
	PROMISE(sim, before && before->type == BATON_EV_ANSWER_GENERATED,
		"a person is offered behind an answer", &log->session);
	PROMISE(sim, log->offered_at == 0 || log->answers - log->offered_at >= 3,
		"a person is offered once in three exchanges", &log->session);
	log->offered_at = log->answers;
	sim->saw.person_offered++;
}

static void escalated(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_escalation_triggered *why = &event->escalation_triggered;

	sim->saw.ran_out += baton_str_is(why->rule, "core.mode_expired");
	if (why->resumes.n > 0)
		promise_hold(log, "", why->resumes);
	else
		promise_release_hold(log);
}

void promise_case(struct sim *sim, struct log *log, const struct baton_event *event)
{
	follows_files(sim, log, event);
	switch ((int)event->type) {
	case BATON_EV_CASE_QUEUED:
		queued(sim, log, event);
		break;
	case BATON_EV_CASE_CLAIMED:
		claimed(sim, log, event);
		break;
	case BATON_EV_CASE_RELEASED:
		released(sim, log, event);
		break;
	case BATON_EV_CASE_TRANSFERRED:
		transferred(sim, log, event);
		break;
	case BATON_EV_HANDBACK_APPROVED:
		handed_back(sim, log, event);
		break;
	case BATON_EV_SESSION_RESOLVED:
		resolved(sim, log, event);
		break;
	case BATON_EV_CASE_ABANDONED:
		abandoned(sim, log, event);
		break;
	case BATON_EV_TICKET_LEFT:
		left_ticket(sim, log);
		break;
	case BATON_EV_ATTACHMENT_ADDED:
		file_added(sim, log, event);
		break;
	case BATON_EV_AUTHENTICATION_FAILED:
		not_proved(sim, log);
		break;
	case BATON_EV_IDENTITY_VERIFIED:
		verified(sim, log, event);
		break;
	case BATON_EV_HUMAN_OFFERED:
		offered(sim, log, event);
		break;
	case BATON_EV_HUMAN_MESSAGE:
		said_by_person(sim, log, event);
		break;
	case BATON_EV_ESCALATION_TRIGGERED:
		escalated(sim, log, event);
		break;
	case BATON_EV_CASE_TAGGED:
		sim->saw.labels++;
		break;
	default:
		break;
	}
	if (log->owner != BATON_OWNER_BOT)
		clear_wish(sim, log);
}

/* Only who waits is told a place; what the session decides next has not been told to the desk. */
void promise_place(struct sim *sim, const struct baton_notice *notice)
{
	const struct log *log = store_log(sim, &notice->session);

	PROMISE(sim, log && log->owner == BATON_OWNER_QUEUE, "a place is told to who waits",
		&notice->session);
}

/* What the consoles show waits since the customer does. */
void promise_served(struct sim *sim, const struct log *log)
{
	for (size_t i = 1; i < SIM_AGENTS; i++)
		for (size_t j = 0; j < SIM_CUSTOMERS; j++) {
			const struct shown_case *shown = &sim->consoles[i].cases[j];

			if (!baton_id_eq(&sim->customers[j].session, &log->session) ||
			    !shown->shown || log->owner != BATON_OWNER_QUEUE)
				continue;
			PROMISE(sim, shown->since_ms == log->waiting_ms,
				"a case keeps its place in time", &log->session);
		}
}
