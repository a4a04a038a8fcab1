/* SPDX-License-Identifier: Apache-2.0 */

/* Those who look on: agents who follow a session, and other tabs of the same customer. They come,
 * go, begin anew in the middle and send again what the first tab has sent; whatever they do, each
 * must hear every event it may see, once and in order, and words that are those of the answer. */

#include "tests/sim/sim.h"

#include "core/base/errors.h"

#include <stdio.h>

static const struct baton_id *session_of(const struct follower *follower)
{
	return &follower->sim->customers[follower->customer].session;
}

static void forget_stream(struct follower *follower)
{
	follower->turn = follower->attempt = 0;
	baton_buf_reset(&follower->text);
}

/* --- what it does -------------------------------------------------------------------------- */

static void subscribe(struct follower *follower, uint64_t after)
{
	follower->pending++;
	follower->told = after;
	follower->caught_up = follower->paused = false;
	forget_stream(follower);
	server_subscribe(follower->sim, session_of(follower), follower->conn, follower->audience,
			 after);
}

static void arrive(struct follower *follower)
{
	struct sim *sim = follower->sim;

	follower->conn = ++sim->last_conn;
	follower->sent = 0;
	follower->pending = 0;
	subscribe(follower, sim_chance(sim, 50) ? 0 : follower->told);
}

static void go_away(struct follower *follower)
{
	if (follower->conn && sim_chance(follower->sim, 85))
		server_unsubscribe(follower->sim, session_of(follower), follower->conn);
	follower->conn = 0;
	follower->caught_up = false;
}

/* Another tab of the customer sends what the first one has sent, or has tried to. */
static void send_too(struct follower *follower)
{
	struct sim *sim = follower->sim;
	const struct customer *customer = &sim->customers[follower->customer];

	if (customer->n_messages == 0)
		return;
	uint64_t i = sim_below(sim, customer->n_messages);
	if (customer->messages[i].id[strlen(customer->messages[i].id) - 1] == '3')
		return; /* its file is with the first tab */
	follower->sent |= 1u << i;
	sim->saw.tab_sends++;
	server_command(sim, &customer->session, follower->conn,
		       &(struct baton_command){ .verb = BATON_CMD_MESSAGE,
						.role = BATON_CUSTOMER,
						.client_id = baton_str_of(customer->messages[i].id),
						.text = baton_str_of(customer->messages[i].text) });
}

static void follower_act(struct sim *sim, void *what)
{
	struct follower *follower = what;
	bool is_tab = follower->audience == BATON_AUDIENCE_CUSTOMER;

	if (!follower->conn) {
		if (sim->up && (sim->calm || sim_chance(sim, 70)))
			arrive(follower);
	} else if (!sim->calm) {
		uint64_t now = sim_below(sim, 10);

		if (now < 2)
			go_away(follower);
		else if (now < 4)
			subscribe(follower, sim_below(sim, follower->told + 1));
		else if (now < 6 && is_tab && follower->caught_up)
			send_too(follower);
		else if (now < 7)
			server_typing(sim, session_of(follower), follower->conn,
				      is_tab ? BATON_CUSTOMER : BATON_AGENT, follower->name);
	}
	if (!sim->calm || (sim->up && !follower->caught_up))
		sim_later(sim, (50 + sim_below(sim, 3000)) * MS, follower_act, follower);
}

/* --- what it hears ------------------------------------------------------------------------- */

static bool may_see(const struct follower *follower, const struct stored *stored)
{
	return follower->audience == BATON_AUDIENCE_AGENT ||
	       baton_event_info(stored->type)->for_customers;
}

/* Its own words come back as an acknowledgement, unless another tab was faster. */
static bool is_own(const struct follower *follower, const struct stored *stored)
{
	const struct customer *customer = &follower->sim->customers[follower->customer];

	for (size_t i = 0; i < customer->n_messages; i++)
		if ((follower->sent & 1u << i) != 0 &&
		    stored_is_message(stored, customer->messages[i].id))
			return true;
	return false;
}

/* Nothing that it may see lies between what it was told and `seq`. */
static void expect_no_gap(const struct follower *follower, uint64_t seq)
{
	struct sim *sim = follower->sim;

	for (uint64_t at = follower->told + 1; at < seq; at++) {
		const struct stored *stored = store_record(sim, session_of(follower), at);

		PROMISE(sim, stored != NULL, "nobody is told of what is not durable",
			session_of(follower));
		PROMISE(sim, !may_see(follower, stored) || is_own(follower, stored),
			"who follows misses nothing", session_of(follower));
	}
}

static void hear_event(struct follower *follower, const struct baton_notice *notice)
{
	struct sim *sim = follower->sim;
	const struct baton_id *session = session_of(follower);
	const struct stored *stored = store_record(sim, session, notice->seq);
	const struct baton_ev_answer_generated *answer = &notice->event.answer_generated;

	PROMISE(sim, stored && stored->type == (uint32_t)notice->event.type,
		"who follows is told what is stored", session);
	PROMISE(sim, may_see(follower, stored), "nobody hears what is not for him", session);
	PROMISE(sim, notice->seq > follower->told, "who follows hears an event once, in order",
		session);
	expect_no_gap(follower, notice->seq);
	follower->told = notice->seq;
	sim->saw.followed++;
	if (notice->event.type != BATON_EV_ANSWER_GENERATED)
		return;
	if (answer->turn == follower->turn && answer->attempt == follower->attempt)
		PROMISE(sim, baton_str_eq(answer->text, baton_buf_view(&follower->text)),
			"the words that were shown are those of the answer", session);
	forget_stream(follower);
}

static void hear_delta(struct follower *follower, const struct baton_notice *notice)
{
	struct sim *sim = follower->sim;

	if (notice->turn != follower->turn || notice->attempt != follower->attempt) {
		forget_stream(follower);
		follower->turn = notice->turn;
		follower->attempt = notice->attempt;
	}
	/* From the first byte again only if the run was ended in between. */
	PROMISE(sim, notice->offset == follower->text.n, "text comes without a gap, and once",
		session_of(follower));
	baton_buf_str(&follower->text, notice->text);
}

/* It has read what was there; until now nothing new may have come. */
static void go_on(struct sim *sim, void *what)
{
	struct follower *follower = what;

	(void)sim;
	if (follower->conn && follower->paused)
		subscribe(follower, follower->told);
}

static void hear_replayed(struct follower *follower, const struct baton_notice *notice)
{
	struct sim *sim = follower->sim;

	PROMISE(sim, notice->seq >= follower->told || follower->told == 0 || notice->seq == 0,
		"a replay does not end before it began", session_of(follower));
	expect_no_gap(follower, notice->seq + 1);
	if (notice->seq > follower->told)
		follower->told = notice->seq;
	if (notice->type == BATON_NOTE_CAUGHT_UP) {
		follower->caught_up = true;
		return;
	}
	sim->saw.pauses++;
	follower->paused = true;
	sim_later(sim, sim_below(sim, 300) * MS, go_on, follower);
}

void follower_hear(struct follower *follower, const struct baton_notice *notice)
{
	if (notice->type == BATON_NOTE_SUBSCRIBED) {
		follower->pending -= follower->pending > 0;
		return;
	}
	if (notice->type == BATON_NOTE_REFUSED && baton_str_is(notice->verb_name, "resume")) {
		go_away(follower); /* no such session yet, or the disk is away: comes again */
		return;
	}
	if (follower->pending > 0)
		return; /* of a subscription that was begun anew */
	switch (notice->type) {
	case BATON_NOTE_EVENT:
		hear_event(follower, notice);
		break;
	case BATON_NOTE_DELTA:
		hear_delta(follower, notice);
		break;
	case BATON_NOTE_RUN:
		PROMISE(follower->sim, !notice->running || follower->text.n == 0,
			"an answer begins when the one before has ended", session_of(follower));
		if (!notice->running && notice->turn == follower->turn)
			forget_stream(follower);
		break;
	case BATON_NOTE_MORE:
	case BATON_NOTE_CAUGHT_UP:
		hear_replayed(follower, notice);
		break;
	case BATON_NOTE_TYPING:
		PROMISE(follower->sim,
			notice->agent_name.n == 0 ||
				!baton_str_is(notice->agent_name, follower->name),
			"nobody is told that he types", session_of(follower));
		break;
	case BATON_NOTE_ACK:
	case BATON_NOTE_REFUSED:
	case BATON_NOTE_SUBSCRIBED:
	case BATON_NOTE_CASE:
	case BATON_NOTE_DESK:
	case BATON_NOTE_OFFER:
	case BATON_NOTE_OVERVIEW:
	case BATON_NOTE_PLACE:
	case BATON_NOTE_PACKAGE:
	case BATON_NOTE_OPERATIONS:
	case BATON_NOTE_DONE:
		break;
	}
}

/* --- beginning and end --------------------------------------------------------------------- */

void followers_begin(struct sim *sim)
{
	for (unsigned i = 0; i < SIM_FOLLOWERS; i++) {
		struct follower *follower = &sim->followers[i];

		follower->sim = sim;
		follower->customer = i % SIM_CUSTOMERS;
		follower->audience =
			i < SIM_FOLLOWERS / 2 ? BATON_AUDIENCE_AGENT : BATON_AUDIENCE_CUSTOMER;
		snprintf(follower->name, sizeof(follower->name), "follower%u", i);
		if (follower->audience == BATON_AUDIENCE_CUSTOMER)
			sim->customers[follower->customer].has_tabs = true;
		sim_later(sim, sim_below(sim, 3000) * MS, follower_act, follower);
	}
}

void followers_lose_server(struct sim *sim)
{
	for (size_t i = 0; i < SIM_FOLLOWERS; i++) {
		sim->followers[i].conn = 0;
		sim->followers[i].caught_up = false;
	}
}

void followers_settle(struct sim *sim)
{
	for (size_t i = 0; i < SIM_FOLLOWERS; i++)
		if (sim->followers[i].caught_up) /* else it is still at it */
			sim_later(sim, MS, follower_act, &sim->followers[i]);
}

/* All have been back for a while: each has heard all there is. */
void followers_at_the_end(struct sim *sim)
{
	for (size_t i = 0; i < SIM_FOLLOWERS; i++) {
		const struct follower *follower = &sim->followers[i];
		struct log *log = store_log(sim, session_of(follower));

		if (!log)
			continue;
		PROMISE(sim, follower->caught_up, "who follows is caught up in the end",
			&log->session);
		expect_no_gap(follower, log->n + 1);
	}
}

void followers_free(struct sim *sim)
{
	for (size_t i = 0; i < SIM_FOLLOWERS; i++)
		baton_buf_done(&sim->followers[i].text);
}
