/* SPDX-License-Identifier: Apache-2.0 */

/* The promises about tools, held on every event that reaches the disk and on every request that
 * reaches the world outside, with a fold of their own: what is made is on disk before, once,
 * and with a person's leave where the policies of this world want one (`pay` always does;
 * nothing else). And what models ask for here. */

#include "tests/sim/sim.h"

#include "core/base/json.h"

#include <stdio.h>

static struct sim_call *call_of(struct log *log, baton_str id)
{
	for (size_t i = 0; i < log->n_calls; i++)
		if (baton_str_is(id, log->calls[i].id))
			return &log->calls[i];
	return NULL;
}

static struct sim_proposal *proposal_of(struct log *log, uint64_t seq)
{
	for (size_t i = 0; i < log->n_proposals; i++)
		if (log->proposals[i].seq == seq)
			return &log->proposals[i];
	return NULL;
}

static void copy(char *to, size_t cap, baton_str from)
{
	snprintf(to, cap, "%.*s", (int)from.n, from.n ? from.p : "");
}

/* --- on disk --- */

static void called(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_tool_called *from = &event->tool_called;
	struct sim_proposal *proposal = proposal_of(log, from->proposal);

	PROMISE(sim, !call_of(log, from->call), "a call begins once", &log->session);
	PROMISE(sim, from->proposal == 0 || proposal, "a call of an agent was proposed",
		&log->session);
	PROMISE(sim, !proposal || proposal->state == PROPOSAL_APPROVED,
		"what a person has not allowed, or has already had, is not done", &log->session);
	PROMISE(sim, proposal || !baton_str_is(from->tool, "pay"),
		"nothing is paid without a person's leave", &log->session);
	PROMISE(sim, proposal || (log->owner == BATON_OWNER_BOT && from->turn > log->answered),
		"a turn calls while it is the open one", &log->session);
	PROMISE(sim, !proposal || baton_str_is(from->key, proposal->key),
		"what is done is what was allowed", &log->session);
	if (proposal)
		proposal->state = PROPOSAL_CALLED;
	if (log->calls_turn != from->turn)
		log->calls_in_turn = 0;
	log->calls_turn = from->turn;
	PROMISE(sim, from->turn == 0 || ++log->calls_in_turn <= 2 * BATON_TOOL_CALLS_MAX,
		"a turn calls so often and no more", &log->session);
	log->calls = baton_realloc(log->calls, (log->n_calls + 1) * sizeof(*log->calls));
	struct sim_call *to = &log->calls[log->n_calls++];
	*to = (struct sim_call){ .writes = from->writes, .turn = from->turn };
	copy(to->id, sizeof(to->id), from->call);
	copy(to->key, sizeof(to->key), from->key);
	copy(to->tool, sizeof(to->tool), from->tool);
	sim->saw.calls++;
}

static void finished(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_tool_finished *from = &event->tool_finished;
	struct sim_call *call = call_of(log, from->call);

	PROMISE(sim, call && !call->over, "a call has one end, behind its beginning",
		&log->session);
	call->over = true;
	if (!baton_str_is(from->code, "in_doubt"))
		return;
	PROMISE(sim, call->writes, "only what writes is in doubt", &log->session);
	sim->saw.in_doubt++;
	if (log->owner == BATON_OWNER_BOT && log->last_message > log->answered)
		log->doubt = log->last_message;
}

static void proposed(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_tool_proposed *from = &event->tool_proposed;

	PROMISE(sim, log->owner == BATON_OWNER_BOT && from->turn > log->answered,
		"a turn proposes while it is the open one", &log->session);
	log->proposals =
		baton_realloc(log->proposals, (log->n_proposals + 1) * sizeof(*log->proposals));
	struct sim_proposal *to = &log->proposals[log->n_proposals++];
	*to = (struct sim_proposal){ .seq = event->seq, .turn = from->turn };
	copy(to->key, sizeof(to->key), from->key);
	sim->saw.proposals++;
}

static void reviewed(struct sim *sim, struct log *log, const struct baton_event *event)
{
	const struct baton_ev_tool_reviewed *from = &event->tool_reviewed;
	struct sim_proposal *proposal = proposal_of(log, from->proposal);

	PROMISE(sim, proposal && proposal->state == PROPOSAL_OPEN, "a proposal is decided on once",
		&log->session);
	PROMISE(sim, log->owner == BATON_OWNER_AGENT && baton_str_is(from->agent, log->agent),
		"who has the case decides", &log->session);
	proposal->state =
		baton_str_is(from->action, "approved") ? PROPOSAL_APPROVED : PROPOSAL_REJECTED;
	sim->saw.approvals += proposal->state == PROPOSAL_APPROVED;
	sim->saw.rejections += proposal->state == PROPOSAL_REJECTED;
}

/* The customer has been told, by whom does not matter. */
static void told(struct log *log)
{
	for (size_t i = 0; i < log->n_proposals; i++)
		log->proposals[i].told = true;
}

/* Nobody decides on it any more. */
static void voided(struct log *log)
{
	for (size_t i = 0; i < log->n_proposals; i++)
		if (log->proposals[i].state == PROPOSAL_OPEN)
			log->proposals[i].state = PROPOSAL_VOID;
}

void promise_calls(struct sim *sim, struct log *log, const struct baton_event *event)
{
	switch ((int)event->type) {
	case BATON_EV_TOOL_CALLED:
		called(sim, log, event);
		break;
	case BATON_EV_TOOL_FINISHED:
		finished(sim, log, event);
		break;
	case BATON_EV_TOOL_PROPOSED:
		proposed(sim, log, event);
		break;
	case BATON_EV_TOOL_REVIEWED:
		reviewed(sim, log, event);
		break;
	case BATON_EV_ANSWER_GENERATED:
		PROMISE(sim, event->answer_generated.turn > log->doubt,
			"what is in doubt is a person's, and not answered away", &log->session);
		told(log);
		break;
	case BATON_EV_HUMAN_MESSAGE:
		told(log);
		break;
	case BATON_EV_SESSION_RESOLVED:
		told(log);
		voided(log);
		break;
	case BATON_EV_HANDBACK_APPROVED:
		voided(log);
		break;
	default:
		break;
	}
}

uint64_t promise_untold(const struct log *log)
{
	uint64_t first = 0;

	for (size_t i = 0; i < log->n_proposals; i++) {
		const struct sim_proposal *proposal = &log->proposals[i];
		bool allowed =
			proposal->state == PROPOSAL_APPROVED || proposal->state == PROPOSAL_CALLED;

		if (allowed && !proposal->told && (first == 0 || proposal->turn < first))
			first = proposal->turn;
	}
	return first;
}

/* --- outside --- */

/* Whoever is asked finds it on disk, by its key, and not over. */
void promise_on_record(struct sim *sim, const baton_tool_req *req)
{
	struct baton_id session;
	struct log *log;
	bool found = false;

	PROMISE(sim, baton_id_parse(req->turn->session_id, &session) == 0, "a tool knows for whom",
		NULL);
	log = store_log(sim, &session);
	for (size_t i = 0; log && i < log->n_calls; i++)
		found = found || (!log->calls[i].over &&
				  baton_str_is(req->idempotency_key, log->calls[i].key) &&
				  baton_str_is(req->name, log->calls[i].tool));
	PROMISE(sim, found, "a call is on disk before it is made", &session);
}

/* --- what models ask for --- */

static const char *some_call(struct sim *sim, char *text, size_t cap)
{
	static const char *const tools[] = { "find", "find", "note", "burn", "pay", "hack" };
	const char *tool = tools[sim_below(sim, sim_chance(sim, 90) ? 5 : 6)];

	if (sim_chance(sim, 6))
		snprintf(text, cap, "{\"id\":\"x\",\"name\":\"%s\",\"arguments\":{\"n\":\"much\"}}",
			 tool);
	else if (sim_chance(sim, 2))
		snprintf(text, cap, "{\"id\":\"x\",\"name\":\"%s\",\"arg", tool);
	else
		snprintf(text, cap, "{\"id\":\"x\",\"name\":\"%s\",\"arguments\":{ \"n\" : %llu }}",
			 tool, (unsigned long long)(1 + sim_below(sim, 2)));
	return text;
}

bool calls_wanted(struct sim *sim, const baton_prompt *prompt)
{
	if (sim->cell || prompt->tools_json.n == 0)
		return false;
	/* Some never stop. */
	return sim_chance(sim, sim->calm ? 10 : 35);
}

void calls_say(struct sim *sim, struct sim_shard *shard, uint64_t ticket)
{
	unsigned n = 1 + (unsigned)sim_below(sim, sim_chance(sim, 3) ? 40 : 3);
	char text[128];

	for (unsigned i = 0; i < n; i++)
		baton_shard_heard_delta(shard->shard, ticket, BATON_DELTA_TOOL_CALL,
					baton_str_of(some_call(sim, text, sizeof(text))));
}

/* --- what agents decide --- */

uint64_t calls_proposal(struct sim *sim, const struct baton_id *session)
{
	struct log *log = store_log(sim, session);

	if (!log || log->n_proposals == 0)
		return 0;
	/* Mostly the newest, now and then one that is long over. */
	return sim_chance(sim, 80) ? log->proposals[log->n_proposals - 1].seq
				   : log->proposals[sim_below(sim, log->n_proposals)].seq;
}

/* Somebody whose case this agent has, and about whom he is asked; the one he was about to look
 * at if there is none. */
struct customer *calls_case(struct sim *sim, const char *agent, struct customer *otherwise)
{
	for (size_t i = 0; i < SIM_CUSTOMERS; i++) {
		struct log *log = store_log(sim, &sim->customers[i].session);

		for (size_t j = 0; log && j < log->n_proposals; j++)
			if (log->proposals[j].state == PROPOSAL_OPEN &&
			    log->owner == BATON_OWNER_AGENT && strcmp(log->agent, agent) == 0)
				return &sim->customers[i];
	}
	return otherwise;
}

/* --- when all has settled --- */

void calls_at_the_end(struct sim *sim)
{
	for (struct log *log = sim->logs; log; log = log->hh.next) {
		for (size_t i = 0; i < log->n_calls; i++)
			PROMISE(sim, log->calls[i].over, "every call has its end", &log->session);
		for (size_t i = 0; i < log->n_proposals; i++)
			PROMISE(sim, log->proposals[i].state != PROPOSAL_APPROVED,
				"what a person has allowed is done", &log->session);
	}
}
