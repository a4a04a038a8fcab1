/* SPDX-License-Identifier: Apache-2.0 */

/* Customers who type, drop, repeat and come back; agents who take over whenever they like. Each
 * keeps to the protocol: what is not acknowledged is sent again under the same id. */

#include "tests/sim/sim.h"

#include "core/base/errors.h"
#include "core/base/json.h"

#include <stdio.h>

enum { MESSAGES_MAX = 30, MESSAGES_MOST = 10, ANSWER_MS_MAX = 5000 };

static struct customer *customer_of(struct sim *sim, baton_conn conn)
{
	for (size_t i = 0; i < SIM_CUSTOMERS; i++)
		if (conn != 0 && sim->customers[i].conn == conn)
			return &sim->customers[i];
	return NULL;
}

struct message *people_message(struct sim *sim, const struct baton_id *session, baton_str id)
{
	for (size_t i = 0; i < SIM_CUSTOMERS; i++) {
		struct customer *customer = &sim->customers[i];

		if (!baton_id_eq(&customer->session, session))
			continue;
		for (size_t j = 0; j < customer->n_messages; j++)
			if (baton_str_is(id, customer->messages[j].id))
				return &customer->messages[j];
	}
	return NULL;
}

/* --- connections --- */

static void connect_customer(struct customer *customer)
{
	struct sim *sim = customer->sim;

	customer->conn = ++sim->last_conn;
	customer->n_conns++;
	customer->caught_up = !customer->began;
	customer->conn_seen = customer->seen;
	customer->turn = customer->attempt = customer->bytes = 0;
	if (!customer->began)
		return;
	sim->saw.resumes++;
	server_subscribe(sim, &customer->session, customer->conn, BATON_AUDIENCE_CUSTOMER,
			 customer->seen);
}

static void disconnect(struct customer *customer)
{
	struct sim *sim = customer->sim;

	/* A server may learn of it, or find out much later. */
	if (sim_chance(sim, 70))
		server_unsubscribe(sim, &customer->session, customer->conn);
	customer->conn = 0;
	customer->caught_up = false;
}

void people_lose_server(struct sim *sim)
{
	for (size_t i = 0; i < SIM_CUSTOMERS; i++) {
		sim->customers[i].conn = 0;
		sim->customers[i].caught_up = false;
	}
	for (size_t i = 0; i < SIM_AGENTS; i++)
		sim->agents[i].conn = 0;
	followers_lose_server(sim);
}

/* --- what a customer does --- */

/* One message in eight comes with a file; the id is the message's, so a repeat is the same. */
static size_t files_of(const struct message *message, struct baton_attachment *file)
{
	if (message->id[strlen(message->id) - 1] != '3')
		return 0;
	*file = (struct baton_attachment){ .id = baton_str_of(message->id),
					   .name = BATON_STR("receipt.png"),
					   .media_type = BATON_STR("image/png"),
					   .sha256 = BATON_STR("00"),
					   .bytes = 17 };
	return 1;
}

/* One customer cannot prove who he is, one is signed in, and now and then somebody else's page
 * holds his session. */
static void add_identity(const struct customer *customer, struct baton_command *command)
{
	struct sim *sim = customer->sim;
	const struct log *log = store_log(sim, &customer->session);

	if (customer->index == SIM_UNPROVED)
		command->auth_failed = BATON_STR("expired");
	if (customer->index != SIM_SIGNED)
		return;
	bool other = log && log->verified && sim_chance(sim, 5);
	command->identity.customer = other ? BATON_STR("somebody") : BATON_STR("signed");
	command->identity.customer_tier = sim_chance(sim, 20) ? BATON_STR("vip") : BATON_STR("");
}

static void customer_send(struct customer *customer, struct message *message)
{
	struct baton_attachment file;
	size_t n_files = files_of(message, &file);

	customer->began = true;
	if (!message->first_conn)
		message->first_conn = customer->conn;
	if (message->asked_conn != customer->conn)
		message->unanswered = 0;
	message->asked_conn = customer->conn;
	message->asked_ns = customer->sim->now_ns;
	message->unanswered++;
	struct baton_command command = { .verb = BATON_CMD_MESSAGE,
					 .role = BATON_CUSTOMER,
					 .client_id = baton_str_of(message->id),
					 .text = baton_str_of(message->text),
					 .attachments = &file,
					 .n_attachments = n_files };
	add_identity(customer, &command);
	server_command(customer->sim, &customer->session, customer->conn, &command);
}

static void new_message(struct customer *customer)
{
	static const char *const texts[] = { "Where is my order?",
					     "And how long does it take?",
					     "hmm",
					     "I want my money back",
					     "grüße 👋",
					     "ok thanks",
					     "my card is " SIM_CARD ", is it charged?" };
	struct sim *sim = customer->sim;
	struct message *message = &customer->messages[customer->n_messages];

	if (customer->n_messages == (customer->index == 0 ? MESSAGES_MAX : MESSAGES_MOST))
		return;
	customer->n_messages++;
	snprintf(message->id, sizeof(message->id), "c%u-m%zu", customer->index,
		 customer->n_messages);
	snprintf(message->text, sizeof(message->text), "%s",
		 sim_chance(sim, 5) ? "let me talk to a human" : texts[sim_below(sim, 7)]);
	message->made_ns = sim->now_ns;
	sim->saw.messages++;
	if (customer->conn)
		customer_send(customer, message);
}

static void send_plain(struct customer *customer, enum baton_verb verb)
{
	char id[24];

	customer->began = true;
	snprintf(id, sizeof(id), "c%u-f%llu", customer->index,
		 (unsigned long long)customer->sim->now_ns);
	server_command(customer->sim, &customer->session, customer->conn,
		       &(struct baton_command){
			       .verb = verb,
			       .role = BATON_CUSTOMER,
			       .client_id = verb == BATON_CMD_FEEDBACK || verb == BATON_CMD_TICKET
						    ? baton_str_of(id)
						    : BATON_STR(""),
			       .value = BATON_STR("up") });
}

static void customer_act(struct sim *sim, void *what)
{
	struct customer *customer = what;

	if (sim->calm)
		return;
	if (!customer->conn) {
		if (sim->up && sim_chance(sim, 60))
			connect_customer(customer);
	} else {
		uint64_t what_now = sim_below(sim, 20);

		/* The first of them says everything in three messages. */
		if (what_now < 8)
			for (unsigned i = 0; i < (customer->index == 0 ? 3 : 1); i++)
				new_message(customer);
		else if (what_now < 10 && customer->n_messages > 0) {
			sim->saw.repeats++;
			customer_send(customer,
				      &customer->messages[sim_below(sim, customer->n_messages)]);
		} else if (what_now < 14)
			disconnect(customer);
		else if (what_now == 14)
			send_plain(customer, BATON_CMD_HUMAN);
		else if (what_now == 15)
			send_plain(customer, BATON_CMD_FEEDBACK);
		else if (what_now == 16 && sim_chance(sim, 30))
			send_plain(customer, BATON_CMD_RESOLVE);
		else if (what_now == 17)
			send_plain(customer, BATON_CMD_TICKET);
	}
	sim_later(sim, (50 + sim_below(sim, 4000)) * MS, customer_act, customer);
}

/* Whatever is asked is answered, by a yes or a no. */
static void expect_answers(const struct customer *customer)
{
	struct sim *sim = customer->sim;

	for (size_t i = 0; customer->conn && i < customer->n_messages; i++) {
		const struct message *message = &customer->messages[i];

		PROMISE(sim,
			message->asked_conn != customer->conn || message->unanswered == 0 ||
				sim->now_ns - message->asked_ns < ANSWER_MS_MAX * MS,
			"each frame with an id is answered", &customer->session);
	}
}

/* The outbox: once a second, whatever is not acknowledged yet, in order. Also in calm times. */
static void customer_outbox(struct sim *sim, void *what)
{
	struct customer *customer = what;

	if (sim->calm && !customer->conn && sim->up)
		connect_customer(customer);
	expect_answers(customer);
	for (size_t i = 0; customer->conn && i < customer->n_messages; i++)
		if (!customer->messages[i].acked)
			customer_send(customer, &customer->messages[i]);
	if (sim->calm && customer->conn && customer->wants_person)
		send_plain(customer, BATON_CMD_HUMAN);
	if (!sim->calm || !people_settled(sim) || customer->wants_person)
		sim_later(sim, 1000 * MS, customer_outbox, customer);
}

bool people_settled(const struct sim *sim)
{
	for (size_t i = 0; i < SIM_CUSTOMERS; i++) {
		const struct customer *customer = &sim->customers[i];

		if (!customer->conn || !customer->caught_up)
			return false;
		for (size_t j = 0; j < customer->n_messages; j++)
			if (!customer->messages[j].acked)
				return false;
	}
	return true;
}

/* --- what a customer hears --- */

bool stored_is_message(const struct stored *stored, const char *id)
{
	struct baton_json object, found;

	if (stored->type != BATON_EV_MESSAGE_RECEIVED ||
	    baton_json_parse(stored->payload, &object) < 0)
		return false;
	found = baton_json_get(&object, "client_id");
	return found.raw.n == strlen(id) + 2 && memcmp(found.raw.p + 1, id, strlen(id)) == 0;
}

static void seen_up_to(struct customer *customer, uint64_t seq)
{
	customer->began = true;
	if (seq > customer->seen)
		customer->seen = seq;
}

static void hear_ack(struct customer *customer, const struct baton_notice *notice)
{
	struct sim *sim = customer->sim;
	struct message *message = people_message(sim, &customer->session, notice->client_id);
	const struct stored *stored = store_record(sim, &customer->session, notice->seq);

	if (!message)
		return; /* of a feedback */
	message->unanswered -= message->unanswered > 0;
	PROMISE(sim, stored != NULL, "acknowledged means durable", &customer->session);
	PROMISE(sim, stored_is_message(stored, message->id),
		"the acknowledgement names the message's own event", &customer->session);
	PROMISE(sim, !message->acked || message->acked_seq == notice->seq,
		"a repeated message is the same message", &customer->session);
	if (!message->acked)
		message->acked_ns = sim->now_ns;
	message->acked = true;
	message->acked_seq = notice->seq;
	sim->saw.acks++;
	/* An own message counts as seen only if all before it was: a resume asks from there. */
	if (customer->caught_up)
		seen_up_to(customer, notice->seq);
	customer->began = true;
}

static void hear_refusal(struct customer *customer, const struct baton_notice *notice)
{
	struct message *message =
		people_message(customer->sim, &customer->session, notice->client_id);

	if (message)
		message->unanswered -= message->unanswered > 0;
}

/* Its own words come to a connection as an acknowledgement alone. */
static bool is_echo(const struct customer *customer, const struct baton_notice *notice)
{
	const struct message *message;

	if (notice->event.type != BATON_EV_MESSAGE_RECEIVED || customer->has_tabs)
		return false;
	message = people_message(customer->sim, &customer->session,
				 notice->event.message_received.client_id);
	return message && message->first_conn == customer->conn;
}

/* What a model wrote for agents reaches a customer when an agent has sent it, and no other way. */
static void promise_not_for_agents(const struct customer *customer, baton_str text)
{
	PROMISE(customer->sim, text.n == 0 || !memmem(text.p, text.n, "for-agents-", 11),
		"nothing of help for agents reaches a customer", &customer->session);
}

static void hear_event(struct customer *customer, const struct baton_notice *notice)
{
	struct sim *sim = customer->sim;
	const struct stored *stored = store_record(sim, &customer->session, notice->seq);
	const struct baton_event *event = &notice->event;

	PROMISE(sim, stored && stored->type == (uint32_t)event->type,
		"nothing is visible before it is durable", &customer->session);
	PROMISE(sim, baton_event_info(event->type)->for_customers,
		"customers hear no events of agents", &customer->session);
	PROMISE(sim, notice->seq > customer->conn_seen, "events come once and in order",
		&customer->session);
	PROMISE(sim, !is_echo(customer, notice), "nobody is told his own words again",
		&customer->session);
	customer->conn_seen = notice->seq;
	seen_up_to(customer, notice->seq);
	if (event->type == BATON_EV_ANSWER_GENERATED) {
		promise_not_for_agents(customer, event->answer_generated.text);
		promise_words(sim, &customer->session, event->answer_generated.text);
	}
	if (event->type == BATON_EV_ANSWER_GENERATED &&
	    event->answer_generated.turn == customer->turn &&
	    event->answer_generated.attempt == customer->attempt)
		/* Nothing streamed of a model that answers in one piece. */
		PROMISE(sim,
			customer->bytes == 0 || event->answer_generated.text.n == customer->bytes,
			"what was streamed is what was said", &customer->session);
}

static void hear_delta(struct customer *customer, const struct baton_notice *notice)
{
	struct sim *sim = customer->sim;
	const struct stored *question = store_record(sim, &customer->session, notice->turn);

	PROMISE(sim, question && question->type == BATON_EV_MESSAGE_RECEIVED,
		"no word before the question is durable", &customer->session);
	if (notice->turn != customer->turn || notice->attempt != customer->attempt ||
	    notice->offset == 0) {
		customer->turn = notice->turn;
		customer->attempt = notice->attempt;
		customer->bytes = 0;
	}
	promise_not_for_agents(customer, notice->text);
	promise_words(sim, &customer->session, notice->text);
	PROMISE(sim, notice->offset == customer->bytes, "text comes without a gap",
		&customer->session);
	customer->bytes += notice->text.n;
}

static void customer_hear(struct customer *customer, const struct baton_notice *notice)
{
	struct sim *sim = customer->sim;

	switch (notice->type) {
	case BATON_NOTE_ACK:
		hear_ack(customer, notice);
		break;
	case BATON_NOTE_EVENT:
		hear_event(customer, notice);
		break;
	case BATON_NOTE_DELTA:
		hear_delta(customer, notice);
		break;
	case BATON_NOTE_MORE:
		server_subscribe(sim, &customer->session, customer->conn, BATON_AUDIENCE_CUSTOMER,
				 notice->seq);
		break;
	case BATON_NOTE_CAUGHT_UP:
		customer->caught_up = true;
		break;
	case BATON_NOTE_REFUSED:
		sim->saw.refused++;
		hear_refusal(customer, notice);
		/* A resume that failed: this connection is of no use. */
		if (!baton_str_is(notice->verb_name, "resume"))
			break;
		if (notice->code == BATON_E_NOTFOUND)
			customer->caught_up = true; /* nothing of it reached the disk: as if new */
		else
			disconnect(customer);
		break;
	case BATON_NOTE_SUBSCRIBED:
	case BATON_NOTE_RUN: /* withdrawn with its run: the next may have other words */
		if (!notice->running && notice->turn == customer->turn)
			customer->bytes = 0;
		break;
	case BATON_NOTE_TYPING:
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
	sim_note(sim, "hear", (uint64_t)notice->type << 32 | customer->index, notice->seq);
}

void people_hear(struct sim *sim, baton_conn conn, struct baton_notice *notice)
{
	struct customer *customer = customer_of(sim, conn);

	if (customer && baton_id_eq(&customer->session, &notice->session))
		customer_hear(customer, notice);
	for (size_t i = 0; conn != 0 && i < SIM_AGENTS; i++)
		if (sim->agents[i].conn == conn && notice->type == BATON_NOTE_PACKAGE)
			promise_package(sim, notice);
	for (size_t i = 0; conn != 0 && i < SIM_FOLLOWERS; i++)
		if (sim->followers[i].conn == conn)
			follower_hear(&sim->followers[i], notice);
}

/* --- agents --- */

static const enum baton_verb agent_verbs[] = {
	BATON_CMD_CLAIM,       BATON_CMD_CLAIM,       BATON_CMD_CLAIM,      BATON_CMD_REPLY,
	BATON_CMD_REPLY,       BATON_CMD_NOTE,        BATON_CMD_DRAFT,      BATON_CMD_DRAFT,
	BATON_CMD_HANDBACK,    BATON_CMD_RELEASE,     BATON_CMD_RESOLVE,    BATON_CMD_SUGGEST,
	BATON_CMD_SUGGEST,     BATON_CMD_TRANSFER,    BATON_CMD_TRANSFER,   BATON_CMD_TAG,
	BATON_CMD_TOOL_REVIEW, BATON_CMD_TOOL_REVIEW, BATON_CMD_TOOL_REVIEW
};

/* To a queue or a colleague that exist, and sometimes to none that does. */
static void add_transfer(struct sim *sim, struct baton_command *command)
{
	static const char *const queues[] = { "general", "billing", "", "nowhere" };

	command->value = baton_str_of(queues[sim_below(sim, sim_chance(sim, 90) ? 3 : 4)]);
	command->to_agent = sim_chance(sim, 40)
				    ? baton_str_of(sim->agents[sim_below(sim, SIM_AGENTS)].id)
				    : BATON_STR("");
}

/* A supervisor may do more, and does it on purpose only. */
static void act_as(struct sim *sim, const struct agent *agent, struct baton_command *command)
{
	command->agent = baton_str_of(agent->id);
	command->agent_name = baton_str_of(agent->name);
	command->role = agent->index == SIM_SUPERVISOR && sim_chance(sim, 60) ? BATON_SUPERVISOR
									      : BATON_AGENT;
	command->take = command->verb == BATON_CMD_CLAIM && sim_chance(sim, 40);
	if (command->verb == BATON_CMD_TRANSFER)
		add_transfer(sim, command);
	if (command->verb == BATON_CMD_TAG)
		command->value = BATON_STR("[\"late\",\"order-17\"]");
}

static uint64_t draft_of(struct sim *sim, const struct baton_id *session)
{
	struct log *log = store_log(sim, session);

	for (size_t i = log ? log->n : 0; i > 0; i--)
		if (log->records[i - 1].type == BATON_EV_DRAFT_PROPOSED)
			return i;
	return 0;
}

static void agent_act(struct sim *sim, void *what)
{
	struct agent *agent = what;
	/* The last customers are left to the bot: long talks must happen too. */
	struct customer *customer = &sim->customers[sim_below(sim, SIM_CUSTOMERS - 2)];
	enum baton_verb verb =
		agent_verbs[sim_below(sim, sizeof(agent_verbs) / sizeof(agent_verbs[0]))];
	char id[32];

	if (sim->calm)
		return;
	if (verb == BATON_CMD_TOOL_REVIEW)
		customer = calls_case(sim, agent->id, customer);
	if (!agent->conn)
		agent->conn = ++sim->last_conn;
	if (sim_chance(sim, 10))
		server_package(sim, &customer->session, agent->conn);
	uint64_t if_seq = sim_chance(sim, 30) ? 1 + sim_below(sim, 40) : 0;
	uint64_t draft = draft_of(sim, &customer->session);
	if (draft > 0 && sim_chance(sim, 15))
		draft = 1 + sim_below(sim, draft); /* an old view of things */
	/* The id says on what it rests, for the promises. */
	snprintf(id, sizeof(id), "%llu/%llu/%s-%llu", (unsigned long long)if_seq,
		 (unsigned long long)draft, agent->id, (unsigned long long)++agent->serial);
	struct baton_command command = {
		.verb = verb,
		.client_id = baton_str_of(id),
		.text = BATON_STR("I am on it."),
		.value = sim_chance(sim, 50) ? BATON_STR("accept") : BATON_STR("edit"),
		.about_seq = draft,
		.if_seq = verb == BATON_CMD_REPLY ? if_seq : 0,
	};
	if (verb == BATON_CMD_TOOL_REVIEW) {
		command.about_seq = calls_proposal(sim, &customer->session);
		command.value = sim_chance(sim, 70) ? BATON_STR("approve") : BATON_STR("reject");
	}
	act_as(sim, agent, &command);
	struct baton_attachment file = { .id = baton_str_of(id), .name = BATON_STR("label.pdf") };
	if (verb == BATON_CMD_REPLY && sim_chance(sim, 20)) {
		command.attachments = &file;
		command.n_attachments = 1;
	}
	server_command(sim, &customer->session, agent->conn, &command);
	sim_later(sim, (100 + sim_below(sim, 6000)) * MS, agent_act, agent);
}

/* One storm in sixteen: a colleague who writes notes without end, so that a replay has pages. */
static void chatterbox(struct sim *sim, void *nothing)
{
	struct agent *agent = &sim->agents[0];
	char id[32];

	(void)nothing;
	if (sim->calm)
		return;
	snprintf(id, sizeof(id), "note-%llu", (unsigned long long)++agent->serial);
	server_command(sim, &sim->customers[0].session, ++sim->last_conn,
		       &(struct baton_command){ .verb = BATON_CMD_NOTE,
						.role = BATON_AGENT,
						.client_id = baton_str_of(id),
						.text = BATON_STR("note"),
						.agent = baton_str_of(agent->id),
						.agent_name = baton_str_of(agent->name) });
	sim_later(sim, 30 * MS, chatterbox, NULL);
}

/* --- beginning and end --- */

void people_begin(struct sim *sim)
{
	for (unsigned i = 0; i < SIM_CUSTOMERS; i++) {
		struct customer *customer = &sim->customers[i];
		uint8_t random[10];

		for (size_t j = 0; j < sizeof(random); j++)
			random[j] = (uint8_t)sim_random(sim);
		customer->sim = sim;
		customer->index = i;
		customer->session = baton_id_make(sim->wall_ms, random);
		customer->messages = baton_alloc(MESSAGES_MAX * sizeof(*customer->messages));
		sim_later(sim, sim_below(sim, 2000) * MS, customer_act, customer);
		sim_later(sim, 1000 * MS, customer_outbox, customer);
	}
	for (unsigned i = 0; i < SIM_AGENTS; i++) {
		struct agent *agent = &sim->agents[i];

		agent->sim = sim;
		agent->index = i;
		snprintf(agent->id, sizeof(agent->id), "agent%u", i);
		snprintf(agent->name, sizeof(agent->name), "Agent %u", i);
		sim_later(sim, sim_below(sim, 3000) * MS, agent_act, agent);
	}
	followers_begin(sim);
	desk_people_begin(sim);
	if (sim->seed % 16 == 0)
		sim_later(sim, 0, chatterbox, NULL);
}

void people_settle(struct sim *sim)
{
	/* Everything else being down, a person can still be reached. */
	for (size_t i = 0; i < SIM_CUSTOMERS; i++) {
		struct customer *customer = &sim->customers[i];
		struct log *log = store_log(sim, &customer->session);

		/* The others must find their outcome without asking for it. */
		customer->wants_person =
			(!log || log->owner == BATON_OWNER_BOT) && sim_chance(sim, 50);
		customer->wants_since_ns = sim->now_ns;
	}
	followers_settle(sim);
	desk_people_settle(sim);
}

void people_free(struct sim *sim)
{
	for (size_t i = 0; i < SIM_CUSTOMERS; i++)
		baton_free(sim->customers[i].messages);
	followers_free(sim);
}
