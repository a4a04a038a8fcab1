/* SPDX-License-Identifier: Apache-2.0 */

/* What help for agents must keep: it is for who has the case, of the hands that the case was in
 * when it was asked for, and a hand-over has one write-up. That nothing of it reaches a customer is
 * looked at where customers hear (people.c). */

#include "tests/sim/sim.h"

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
