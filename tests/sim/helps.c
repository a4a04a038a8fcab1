/* SPDX-License-Identifier: Apache-2.0 */

/* What help for agents must keep: it is for who has the case, of the hands that the case was in
 * when it was asked for, and a hand-over has one write-up. That nothing of it reaches a customer is
 * looked at where customers hear (people.c). */

#include "tests/sim/sim.h"

#include "core/base/json.h"

#include <stdlib.h>

/* What a model wrote for agents says which epoch the case had when it was asked. */
static void promise_for_agents(struct sim *sim, const struct log *log, baton_str text)
{
	static const char mark[] = "for-agents-";

	PROMISE(sim, log->owner != BATON_OWNER_BOT, "help for agents is for who has the case",
		&log->session);
	if (text.n < sizeof(mark) || memcmp(text.p, mark, sizeof(mark) - 1) != 0)
		return;
	PROMISE(sim, strtoull(text.p + sizeof(mark) - 1, NULL, 10) == log->epoch,
		"help for agents ends when the case changes hands", &log->session);
}

void promise_suggestion(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_draft_proposed *draft = &event->draft_proposed;

	PROMISE(sim, log->owner == BATON_OWNER_AGENT && baton_str_is(draft->asked_by, log->agent),
		"a reply is suggested to who has the case", &log->session);
	promise_for_agents(sim, log, draft->text);
	log->draft = event->seq;
	sim->saw.suggestions++;
}

void promise_writeup(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_writeup_generated *written = &event->writeup_generated;
	bool by_model = baton_str_is(written->origin, "ai");

	PROMISE(sim,
		written->about > 0 && written->about < event->seq &&
			log->records[written->about - 1].type == BATON_EV_CASE_QUEUED,
		"a write-up is about a hand-over", &log->session);
	for (uint64_t seq = written->about; seq < event->seq - 1; seq++)
		PROMISE(sim,
			log->records[seq].type != BATON_EV_CASE_QUEUED &&
				log->records[seq].type != BATON_EV_WRITEUP_GENERATED,
			"a hand-over has one write-up, and the newest has it", &log->session);
	PROMISE(sim, by_model == (written->failed.n == 0), "a write-up without a model says why",
		&log->session);
	promise_for_agents(sim, log, written->text);
	sim->saw.writeups += by_model;
	sim->saw.templates += !by_model;
}

/* The seqs of a list say of events what they are. */
static void promise_list(struct sim *sim, const struct log *log, const struct baton_json *package,
			 const char *name, enum baton_event_type type)
{
	struct baton_json list = baton_json_get(package, name), item;

	for (size_t at = 0; baton_json_element(&list, &at, &item);) {
		struct baton_json seq = baton_json_get(&item, "seq");
		uint64_t n = baton_json_u64(&seq, 0);

		PROMISE(sim, n > 0 && n <= log->n && log->records[n - 1].type == (uint32_t)type,
			"a case package names the events that it rests on", &log->session);
	}
}

void promise_package(struct sim *sim, const struct baton_notice *notice)
{
	const struct log *log = store_log(sim, &notice->session);
	struct baton_json package, seq;

	PROMISE(sim,
		baton_json_parse(notice->text, &package) == 0 && package.type == BATON_JSON_OBJECT,
		"a case package is one JSON object", &notice->session);
	seq = baton_json_get(&package, "seq");
	PROMISE(sim, log && baton_json_u64(&seq, 0) > 0 && baton_json_u64(&seq, 0) <= log->n,
		"a case package tells of what is durable", &notice->session);
	promise_list(sim, log, &package, "questions", BATON_EV_MESSAGE_RECEIVED);
	promise_list(sim, log, &package, "tried", BATON_EV_ROUTE_SELECTED);
	promise_list(sim, log, &package, "drafts", BATON_EV_DRAFT_PROPOSED);
	promise_list(sim, log, &package, "notes", BATON_EV_NOTE_ADDED);
	sim->saw.packages++;
}
