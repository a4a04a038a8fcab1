/* SPDX-License-Identifier: Apache-2.0 */

/* A conversation for tests: every command is decided and its events are folded through their JSON,
 * as the actor and the disk do it. */
#pragma once

#include "tests/unit/unit.h"

#include "core/base/errors.h"
#include "core/journal/journal.h"
#include "core/session/session.h"

#include <stdio.h>

static const struct baton_says says = { .disclosure = { "I am an AI.", 11 },
					.handed_over = { "A colleague comes.", 18 },
					.handed_back = { "Back to the bot.", 16 },
					.draft_pending = { "We are checking.", 16 },
					.resumed = { "Going on.", 9 },
					.transferred = { "To a colleague.", 15 },
					.ticket = { "We will write.", 14 },
					.lost_agent = { "Another comes.", 14 },
					.release = 7,
					.default_queue = { "general", 7 } };

struct talk {
	struct baton_session session;
	struct baton_decision decision;
	uint64_t now_ms;
};

static inline int open_talk(void **state)
{
	static struct talk talk;
	static const struct baton_id id = { { 1 } };

	memset(&talk, 0, sizeof(talk));
	talk.now_ms = 1000;
	baton_session_init(&talk.session, &id);
	*state = &talk;
	return 0;
}

static inline int close_talk(void **state)
{
	struct talk *talk = *state;

	baton_session_done(&talk->session);
	return 0;
}

/* Decides and applies through copies, for an event may borrow from the state it changes. */
static inline int take(struct talk *talk, struct baton_command command)
{
	struct baton_buf payloads[BATON_DECISION_EVENTS_MAX] = { { NULL, 0, 0 } };
	struct baton_arena arena = { NULL, 0 };

	talk->decision.says = &says;
	command.unix_ms = talk->now_ms += 1000;
	if (command.epoch == 0 &&
	    (command.verb == BATON_CMD_EVENT || command.verb == BATON_CMD_HAND_OVER))
		command.epoch = talk->session.epoch;
	int rc = baton_session_decide(&talk->session, &command, &talk->decision);
	for (size_t i = 0; rc == 0 && i < talk->decision.n_events; i++)
		baton_event_json(&talk->decision.events[i], BATON_AUDIENCE_AGENT, &payloads[i]);
	for (size_t i = 0; rc == 0 && i < talk->decision.n_events; i++) {
		struct baton_event event = talk->decision.events[i];

		assert_int_equal(
			baton_event_parse(event.type, baton_buf_view(&payloads[i]), &arena, &event),
			0);
		baton_session_apply(&talk->session, &event);
	}
	for (size_t i = 0; i < BATON_DECISION_EVENTS_MAX; i++)
		baton_buf_done(&payloads[i]);
	baton_arena_done(&arena);
	return rc;
}

static inline int say(struct talk *talk, const char *id, const char *text)
{
	return take(talk, (struct baton_command){ .verb = BATON_CMD_MESSAGE,
						  .role = BATON_CUSTOMER,
						  .client_id = baton_str_of(id),
						  .text = baton_str_of(text) });
}

static inline int customer(struct talk *talk, enum baton_verb verb)
{
	return take(talk, (struct baton_command){ .verb = verb, .role = BATON_CUSTOMER });
}

static inline int agent(struct talk *talk, enum baton_verb verb, const char *who, const char *id,
		 const char *text)
{
	return take(talk, (struct baton_command){ .verb = verb,
						  .role = BATON_AGENT,
						  .agent = baton_str_of(who),
						  .agent_name = baton_str_of(who),
						  .client_id = baton_str_of(id),
						  .text = baton_str_of(text) });
}

static inline int answer(struct talk *talk, uint64_t turn)
{
	struct baton_event event = { .type = BATON_EV_ANSWER_GENERATED };

	event.answer_generated.turn = event.answer_generated.upto = turn;
	event.answer_generated.text = BATON_STR("Tomorrow.");
	return take(talk, (struct baton_command){ .verb = BATON_CMD_EVENT,
						  .role = BATON_SELF,
						  .turn = turn,
						  .events = &event,
						  .n_events = 1 });
}

static inline int answer_of_epoch(struct talk *talk, uint64_t turn, uint64_t epoch)
{
	struct baton_event event = { .type = BATON_EV_ANSWER_GENERATED };

	event.answer_generated.turn = event.answer_generated.upto = turn;
	event.answer_generated.text = BATON_STR("Too late.");
	return take(talk, (struct baton_command){ .verb = BATON_CMD_EVENT,
						  .role = BATON_SELF,
						  .turn = turn,
						  .epoch = epoch,
						  .events = &event,
						  .n_events = 1 });
}

static inline int draft(struct talk *talk, uint64_t turn)
{
	struct baton_event event = { .type = BATON_EV_DRAFT_PROPOSED };

	event.draft_proposed.turn = event.draft_proposed.upto = turn;
	event.draft_proposed.text = BATON_STR("Shall I say tomorrow?");
	return take(talk, (struct baton_command){ .verb = BATON_CMD_EVENT,
						  .role = BATON_SELF,
						  .turn = turn,
						  .events = &event,
						  .n_events = 1 });
}

static inline enum baton_event_type event_type(const struct talk *talk, size_t i)
{
	return i < talk->decision.n_events ? talk->decision.events[i].type : BATON_EV_NONE;
}
