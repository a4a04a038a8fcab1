/* SPDX-License-Identifier: Apache-2.0 */

/* A chat channel with a small core of the test's own behind it: it keeps conversations in
 * memory, acknowledges, echoes and replays in pages. The channel runs on a loop in its own
 * thread, on a port the system picks; the test talks to it as a client over the loopback,
 * blocking.
 *
 * It implements core/server/port.h, so a test that includes it is linked without the real
 * server.
 */
#pragma once

#include "channels/chat/chat.h"
#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/observe/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUSE_ORIGIN "https://shop.example"
#define HOUSE_TOKEN "agent-token"
#define HELPER __attribute__((unused)) static

enum {
	HOUSE_SESSIONS_MAX = 16,
	HOUSE_TICKETS_MAX = 32768,
	HOUSE_FOLLOWERS_MAX = 8,
	HOUSE_PAGE = 8, /* events of one replay step: small, so that pages happen */
	CLIENT_WAIT_MS = 10000
};

struct house_event {
	enum baton_event_type type;
	char id[BATON_CLIENT_ID_BYTES_MAX + 1];
	char *text;
};

struct house_session {
	struct baton_id id;
	struct house_event *events; /* event i has seq i + 1 */
	size_t n;
	struct {
		baton_conn conn;
		enum baton_audience audience;
	} followers[HOUSE_FOLLOWERS_MAX];
	size_t n_followers;
};

struct baton_port {
	struct baton_loop *loop;
	int listen_fd;
	in_port_t tcp_port; /* network order */
	const char *web_dir;
	pthread_t thread;
	void *channel;
	bool draining;
	/* --- the core: only the loop's thread --- */
	struct house_session sessions[HOUSE_SESSIONS_MAX];
	size_t n_sessions, n_born;
	struct {
		struct baton_identity identity;
		bool used;
	} tickets[HOUSE_TICKETS_MAX];
	size_t n_tickets;
	baton_conn desk;
	/* --- shared --- */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t counters[BATON_METRIC_COUNT];
	bool is_open;
};

/* --- the core ------------------------------------------------------------------------------ */

HELPER void house_notify(struct baton_port *port, baton_conn conn, struct baton_notice *notice)
{
	baton_chat_channel()->notify(port->channel, conn, notice);
}

HELPER struct house_session *house_session(struct baton_port *port, const struct baton_id *id,
					   bool make)
{
	for (size_t i = 0; i < port->n_sessions; i++)
		if (baton_id_eq(&port->sessions[i].id, id))
			return &port->sessions[i];
	if (!make)
		return NULL;
	struct house_session *session = &port->sessions[port->n_sessions++];
	session->id = *id;
	return session;
}

HELPER void house_follow(struct house_session *session, baton_conn conn,
			 enum baton_audience audience)
{
	for (size_t i = 0; i < session->n_followers; i++)
		if (session->followers[i].conn == conn)
			return;
	session->followers[session->n_followers].conn = conn;
	session->followers[session->n_followers++].audience = audience;
}

HELPER void house_unfollow(struct house_session *session, baton_conn conn)
{
	for (size_t i = 0; i < session->n_followers; i++)
		if (session->followers[i].conn == conn)
			session->followers[i] = session->followers[--session->n_followers];
}

HELPER void house_tell_event(struct baton_port *port, struct house_session *session, size_t i,
			     baton_conn conn)
{
	struct baton_notice notice = { .type = BATON_NOTE_EVENT, .session = session->id };
	struct house_event *event = &session->events[i];

	notice.seq = notice.event.seq = i + 1;
	notice.event.type = event->type;
	if (event->type == BATON_EV_MESSAGE_RECEIVED) {
		notice.event.message_received.client_id = baton_str_of(event->id);
		notice.event.message_received.text = baton_str_of(event->text);
	} else if (event->type == BATON_EV_HUMAN_MESSAGE) {
		notice.event.human_message.text = baton_str_of(event->text);
	} else {
		notice.event.answer_generated.turn = i;
		notice.event.answer_generated.attempt = 1;
		notice.event.answer_generated.origin = BATON_STR("ai");
		notice.event.answer_generated.text = baton_str_of(event->text);
	}
	house_notify(port, conn, &notice);
}

HELPER void house_append(struct baton_port *port, struct house_session *session, baton_conn sender,
			 const struct house_event *event)
{
	session->events = realloc(session->events, (session->n + 1) * sizeof(*session->events));
	session->events[session->n++] = *event;
	for (size_t i = 0; i < session->n_followers; i++)
		if (session->followers[i].conn != sender)
			house_tell_event(port, session, session->n - 1, session->followers[i].conn);
}

HELPER void house_answer(struct baton_port *port, struct house_session *session, const char *text)
{
	house_append(
		port, session, 0,
		&(struct house_event){ .type = BATON_EV_ANSWER_GENERATED, .text = strdup(text) });
}

/* "flood N" makes the bot write N answers of 8 KB. */
HELPER void house_flood(struct baton_port *port, struct house_session *session, int n)
{
	char text[8192];

	memset(text, 'z', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < n; i++)
		house_answer(port, session, text);
}

HELPER void house_hear(struct baton_port *port, struct house_session *session, baton_conn conn,
		       const struct baton_command *command)
{
	struct house_event event = { .type = command->verb == BATON_CMD_REPLY
						     ? BATON_EV_HUMAN_MESSAGE
						     : BATON_EV_MESSAGE_RECEIVED };
	struct baton_notice ack = { .type = BATON_NOTE_ACK, .session = session->id };

	(void)snprintf(event.id, sizeof(event.id), "%.*s", (int)command->client_id.n,
		       command->client_id.p);
	event.text = strndup(command->text.p, command->text.n);
	ack.client_id = command->client_id;
	if (command->role == BATON_CUSTOMER)
		house_follow(session, conn, BATON_AUDIENCE_CUSTOMER);
	house_append(port, session, conn, &event);
	ack.seq = session->n;
	house_notify(port, conn, &ack);
	if (strncmp(event.text, "flood ", 6) == 0)
		house_flood(port, session, (int)strtol(event.text + 6, NULL, 10));
	else if (command->verb == BATON_CMD_MESSAGE)
		house_answer(port, session, event.text);
}

void baton_port_command(struct baton_port *port, const struct baton_id *session, baton_conn conn,
			const struct baton_command *command)
{
	struct baton_notice refused = { .type = BATON_NOTE_REFUSED,
					.session = *session,
					.code = BATON_E_STATE,
					.client_id = command->client_id };

	if (command->verb == BATON_CMD_MESSAGE || command->verb == BATON_CMD_REPLY)
		house_hear(port, house_session(port, session, true), conn, command);
	else
		house_notify(port, conn, &refused);
}

void baton_port_subscribe(struct baton_port *port, const struct baton_id *session, baton_conn conn,
			  enum baton_audience audience, uint64_t after)
{
	struct house_session *found = house_session(port, session, false);
	struct baton_notice notice = { .type = BATON_NOTE_REFUSED,
				       .session = *session,
				       .code = BATON_E_NOTFOUND,
				       .verb_name = BATON_STR("resume") };

	if (!found) {
		house_notify(port, conn, &notice);
		return;
	}
	house_unfollow(found, conn);
	notice = (struct baton_notice){ .type = BATON_NOTE_SUBSCRIBED,
					.session = *session,
					.seq = found->n };
	house_notify(port, conn, &notice);
	size_t upto = found->n - (size_t)after > HOUSE_PAGE ? (size_t)after + HOUSE_PAGE : found->n;
	for (size_t i = (size_t)after; i < upto; i++)
		house_tell_event(port, found, i, conn);
	notice.type = upto < found->n ? BATON_NOTE_MORE : BATON_NOTE_CAUGHT_UP;
	notice.seq = upto;
	if (upto == found->n)
		house_follow(found, conn, audience);
	house_notify(port, conn, &notice);
}

void baton_port_unsubscribe(struct baton_port *port, const struct baton_id *session,
			    baton_conn conn)
{
	struct house_session *found = house_session(port, session, false);

	if (found)
		house_unfollow(found, conn);
}

void baton_port_typing(struct baton_port *port, const struct baton_id *session, baton_conn conn,
		       enum baton_role role, baton_str agent_name)
{
	struct house_session *found = house_session(port, session, false);
	struct baton_notice notice = { .type = BATON_NOTE_TYPING,
				       .session = *session,
				       .actor = role == BATON_CUSTOMER ? 0 : 1,
				       .agent_name = agent_name };

	for (size_t i = 0; found && i < found->n_followers; i++)
		if (found->followers[i].conn != conn)
			house_notify(port, found->followers[i].conn, &notice);
}

void baton_port_desk_watch(struct baton_port *port, baton_conn conn,
			   const struct baton_identity *who)
{
	struct baton_notice desk = { .type = BATON_NOTE_DESK, .seq = 1 };
	struct baton_notice kase = { .type = BATON_NOTE_CASE };
	struct baton_notice more = { .type = BATON_NOTE_MORE };

	assert_string_equal(who->agent, "nina");
	port->desk = conn;
	kase.kase.state = BATON_CASE_WAITING;
	kase.kase.queue = BATON_STR("billing");
	house_notify(port, conn, &desk);
	house_notify(port, conn, &kase);
	house_notify(port, conn, &more);
}

void baton_port_desk_more(struct baton_port *port, baton_conn conn)
{
	struct baton_notice kase = { .type = BATON_NOTE_CASE };

	kase.kase.state = BATON_CASE_WAITING;
	kase.kase.queue = BATON_STR("page-two");
	house_notify(port, conn, &kase);
}

void baton_port_desk_status(struct baton_port *port, baton_conn conn, bool available)
{
	struct baton_notice notice = { .type = BATON_NOTE_OVERVIEW };

	notice.text = available ? BATON_STR("\"queues\":[],\"agents\":[],\"groups\":[]")
				: BATON_STR("\"queues\":[],\"agents\":[{\"state\":\"away\"}],"
					    "\"groups\":[]");
	house_notify(port, conn, &notice);
}

void baton_port_desk_decline(struct baton_port *port, baton_conn conn,
			     const struct baton_id *session)
{
	struct baton_notice notice = { .type = BATON_NOTE_OFFER, .session = *session };

	house_notify(port, conn, &notice);
}

void baton_port_desk_unwatch(struct baton_port *port, baton_conn conn)
{
	assert_true(port->desk == conn);
	port->desk = 0;
}

/* No admins, no demonstration in this house. */
void baton_port_operations(struct baton_port *port, baton_conn conn, bool on)
{
	(void)port;
	(void)conn;
	(void)on;
}

void baton_port_admin(struct baton_port *port, baton_conn conn, baton_str who, baton_str client_id,
		      baton_str request_json)
{
	struct baton_notice done = { .type = BATON_NOTE_DONE,
				     .client_id = client_id,
				     .code = BATON_E_DENIED };

	(void)who;
	(void)request_json;
	house_notify(port, conn, &done);
}

int baton_port_demo(struct baton_port *port, struct baton_buf *out)
{
	(void)port;
	(void)out;
	return BATON_E_NOTFOUND;
}

int baton_port_demo_switch(struct baton_port *port, bool on)
{
	(void)port;
	(void)on;
	return BATON_E_NOTFOUND;
}

int baton_port_demo_identity(struct baton_port *port, struct baton_buf *out)
{
	(void)port;
	(void)out;
	return BATON_E_NOTFOUND;
}

void baton_port_package(struct baton_port *port, const struct baton_id *session, baton_conn conn)
{
	struct baton_notice notice = { .type = BATON_NOTE_PACKAGE,
				       .session = *session,
				       .text = BATON_STR("{}") };

	house_notify(port, conn, &notice);
}

struct baton_id baton_port_new_session(struct baton_port *port)
{
	const uint8_t random[10] = { (uint8_t)port->n_born++, 1, 2, 3, 4, 5, 6, 7, 8, 9 };

	return baton_id_make(1795000000000 + port->n_born, random);
}

/* --- who is who ---------------------------------------------------------------------------- */

int baton_port_ticket_make(struct baton_port *port, const struct baton_identity *identity,
			   char text[BATON_TICKET_TEXT + 1])
{
	if (port->n_tickets == HOUSE_TICKETS_MAX)
		return BATON_E_RATE;
	port->tickets[port->n_tickets].identity = *identity;
	(void)snprintf(text, BATON_TICKET_TEXT + 1, "%043zu", port->n_tickets++);
	return 0;
}

int baton_port_ticket_take(struct baton_port *port, baton_str ticket, baton_str origin,
			   struct baton_identity *ret_identity)
{
	char text[BATON_TICKET_TEXT + 1] = "";

	if (ticket.n != BATON_TICKET_TEXT)
		return BATON_E_AUTH;
	memcpy(text, ticket.p, ticket.n);
	size_t i = strtoul(text, NULL, 10);
	if (i >= port->n_tickets || port->tickets[i].used)
		return BATON_E_AUTH;
	port->tickets[i].used = true;
	if (origin.p && !baton_str_is(origin, port->tickets[i].identity.origin))
		return BATON_E_ORIGIN;
	*ret_identity = port->tickets[i].identity;
	return 0;
}

void baton_port_resume_token(struct baton_port *port, const struct baton_id *session,
			     char text[BATON_RESUME_TEXT + 1])
{
	(void)port;
	(void)snprintf(text, BATON_RESUME_TEXT + 1, "%043lu",
		       (unsigned long)baton_id_hash(session));
}

bool baton_port_resume_ok(struct baton_port *port, const struct baton_id *session, baton_str token)
{
	char text[BATON_RESUME_TEXT + 1];

	baton_port_resume_token(port, session, text);
	return baton_str_is(token, text);
}

int baton_port_agent_token(struct baton_port *port, baton_str token,
			   struct baton_identity *ret_identity)
{
	(void)port;
	if (!baton_str_is(token, HOUSE_TOKEN))
		return BATON_E_AUTH;
	*ret_identity = (struct baton_identity){ .role = BATON_AGENT,
						 .agent = "nina",
						 .agent_name = "Nina" };
	return 0;
}

/* Takes the token "signed" for customer 42, and no other. */
struct baton_identity_answer baton_port_customer(struct baton_port *port,
						 const struct baton_identity_shown *shown,
						 struct baton_identity *ret)
{
	(void)port;
	ret->role = BATON_CUSTOMER;
	if (shown->claimed.n > 0)
		(void)snprintf(ret->claimed, sizeof(ret->claimed), "%.*s", (int)shown->claimed.n,
			       shown->claimed.p);
	if (shown->token.n == 0)
		return (struct baton_identity_answer){ "", "" };
	if (baton_str_is(shown->token, "signed")) {
		(void)snprintf(ret->customer, sizeof(ret->customer), "42");
		return (struct baton_identity_answer){ "", "" };
	}
	(void)snprintf(ret->auth_failed, sizeof(ret->auth_failed), "bad_signature");
	return (struct baton_identity_answer){ "bad_signature", "sign with the other key" };
}

int baton_port_agent_jwt(struct baton_port *port, baton_str token,
			 struct baton_identity *ret_identity, struct baton_identity_answer *ret)
{
	(void)port;
	(void)token;
	(void)ret_identity;
	*ret = (struct baton_identity_answer){ "expired", "make a new one" };
	return BATON_E_AUTH;
}

int baton_port_login_make(struct baton_port *port, const struct baton_identity *agent,
			  char text[BATON_LOGIN_TEXT_MAX + 1], uint64_t *ret_expires_ms)
{
	(void)port;
	(void)snprintf(text, BATON_LOGIN_TEXT_MAX + 1, "login-of-%s", agent->agent);
	*ret_expires_ms = baton_loop_unix_ms() + 3600000;
	return 0;
}

int baton_port_login_check(struct baton_port *port, baton_str text,
			   struct baton_identity *ret_identity, uint64_t *ret_expires_ms)
{
	if (!baton_str_is(text, "login-of-nina"))
		return BATON_E_AUTH;
	*ret_expires_ms = 1;
	return baton_port_agent_token(port, BATON_STR(HOUSE_TOKEN), ret_identity);
}

const char *baton_port_role_word(enum baton_role role)
{
	return role == BATON_AGENT ? "agent" : "customer";
}

bool baton_port_origin_self(baton_str origin, baton_str host)
{
	return baton_str_is(host, "h") && baton_str_is(origin, "https://h");
}

bool baton_port_origin_ok(struct baton_port *port, baton_str origin, baton_str host)
{
	(void)port;
	(void)host;
	return baton_str_is(origin, HOUSE_ORIGIN);
}

const char *baton_port_greeting(struct baton_port *port)
{
	(void)port;
	return "Welcome!";
}

struct baton_file_limits baton_port_file_limits(struct baton_port *port)
{
	(void)port;
	return (struct baton_file_limits){ .bytes = 0 };
}

void baton_port_desk_words(struct baton_port *port, baton_str agent, struct baton_buf *out)
{
	(void)port, (void)agent;
	baton_buf_z(out, ",\"queues\":[],\"canned\":[]");
}

const char *baton_port_disclosure(struct baton_port *port)
{
	(void)port;
	return "You are talking to a machine.";
}

/* --- the worker ---------------------------------------------------------------------------- */

struct baton_loop *baton_port_loop(struct baton_port *port)
{
	return port->loop;
}

unsigned baton_port_worker(const struct baton_port *port)
{
	(void)port;
	return 3;
}

unsigned baton_port_workers(const struct baton_port *port)
{
	(void)port;
	return 4;
}

void baton_port_metrics(struct baton_port *port, struct baton_buf *out)
{
	(void)port;
	baton_buf_z(out, "baton_up 1\n");
}

bool baton_port_ready(struct baton_port *port, struct baton_buf *out)
{
	baton_buf_z(out, "{\"journal\":\"ok\"}");
	return !port->draining;
}

bool baton_port_rate_limited(const struct baton_port *port)
{
	(void)port;
	return true;
}

bool baton_port_draining(struct baton_port *port)
{
	return port->draining;
}

void baton_port_count(struct baton_port *port, unsigned metric, uint64_t add)
{
	pthread_mutex_lock(&port->lock);
	port->counters[metric] += add;
	pthread_cond_broadcast(&port->changed);
	pthread_mutex_unlock(&port->lock);
}

const char *baton_port_web_dir(struct baton_port *port)
{
	return port->web_dir;
}

int baton_port_listen_fd(struct baton_port *port)
{
	return port->listen_fd;
}

/* --- the house ----------------------------------------------------------------------------- */

HELPER void *house_run(void *ud)
{
	struct baton_port *port = ud;

	port->loop = baton_loop_new("house");
	int rc = baton_chat_channel()->open(port, &port->channel);
	if (rc < 0)
		abort();
	pthread_mutex_lock(&port->lock);
	port->is_open = true;
	pthread_cond_broadcast(&port->changed);
	pthread_mutex_unlock(&port->lock);
	baton_loop_run(port->loop);
	baton_chat_channel()->close(port->channel);
	baton_loop_free(&port->loop);
	return NULL;
}

/* `web_dir` may be NULL. */
HELPER struct baton_port *house_open(const char *web_dir)
{
	struct baton_port *port = calloc(1, sizeof(*port));
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);
	int on = 1;

	pthread_mutex_init(&port->lock, NULL);
	pthread_cond_init(&port->changed, NULL);
	port->web_dir = web_dir;
	port->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)setsockopt(port->listen_fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	assert_int_equal(bind(port->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(port->listen_fd, 1024), 0);
	(void)getsockname(port->listen_fd, (struct sockaddr *)&address, &n);
	port->tcp_port = address.sin_port;
	pthread_create(&port->thread, NULL, house_run, port);
	pthread_mutex_lock(&port->lock);
	while (!port->is_open)
		pthread_cond_wait(&port->changed, &port->lock);
	pthread_mutex_unlock(&port->lock);
	return port;
}

HELPER void house_close(struct baton_port *port)
{
	baton_loop_stop(port->loop);
	pthread_join(port->thread, NULL);
	for (size_t i = 0; i < port->n_sessions; i++) {
		for (size_t j = 0; j < port->sessions[i].n; j++)
			free(port->sessions[i].events[j].text);
		free(port->sessions[i].events);
	}
	close(port->listen_fd);
	pthread_mutex_destroy(&port->lock);
	pthread_cond_destroy(&port->changed);
	free(port);
}

struct house_letter {
	struct baton_mail mail;
	struct baton_port *port;
};

HELPER void house_on_drain(struct baton_mail *mail, struct baton_loop *loop)
{
	struct house_letter *letter = (struct house_letter *)(void *)mail;

	if (loop) {
		letter->port->draining = true;
		baton_chat_channel()->drain(letter->port->channel);
	}
	free(letter);
}

HELPER void house_drain(struct baton_port *port)
{
	struct house_letter *letter = calloc(1, sizeof(*letter));

	letter->mail.deliver = house_on_drain;
	letter->port = port;
	baton_loop_post(port->loop, &letter->mail);
}

/* Waits until the counter has reached `n`. */
HELPER void house_wait(struct baton_port *port, unsigned metric, uint64_t n)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CLIENT_WAIT_MS / 1000;
	pthread_mutex_lock(&port->lock);
	while (port->counters[metric] < n)
		if (pthread_cond_timedwait(&port->changed, &port->lock, &until) != 0)
			break;
	bool reached = port->counters[metric] >= n;
	pthread_mutex_unlock(&port->lock);
	assert_true(reached);
}

/* --- a blocking client --------------------------------------------------------------------- */

struct client {
	int fd;
	unsigned char bytes[256 * 1024];
	size_t n; /* read, not yet used */
	char message[512 * 1024];
	size_t message_n, message_at;
	unsigned close_code; /* of a close frame, 0: none came */
	unsigned pongs;
};

/* Connects; receive_bytes > 0 makes the socket's buffer that small. */
HELPER struct client *client_open(struct baton_port *port, int receive_bytes)
{
	struct client *client = calloc(1, sizeof(*client));
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = port->tcp_port,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval wait = { .tv_sec = CLIENT_WAIT_MS / 1000 };

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (receive_bytes > 0)
		(void)setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
				 sizeof(receive_bytes));
	(void)setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return client;
}

HELPER void client_free(struct client *client)
{
	close(client->fd);
	free(client);
}

/* The peer may have closed: then there is nothing to be said any more. */
HELPER void client_send(struct client *client, const void *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(client->fd, p, n, MSG_NOSIGNAL);
		if (k <= 0)
			return;
		p = (const char *)p + k;
		n -= (size_t)k;
	}
}

/* Reads until there are `n` bytes: false at the end of the connection. A silent peer fails the
 * test. */
HELPER bool client_need(struct client *client, size_t n)
{
	assert_true(n <= sizeof(client->bytes));
	while (client->n < n) {
		ssize_t k = recv(client->fd, client->bytes + client->n,
				 sizeof(client->bytes) - client->n, 0);
		if (k < 0 && errno == EAGAIN)
			fail_msg("the server is silent");
		if (k <= 0)
			return false;
		client->n += (size_t)k;
	}
	return true;
}

HELPER void client_use(struct client *client, size_t n)
{
	client->n -= n;
	memmove(client->bytes, client->bytes + n, client->n);
}

/* Everything until the end of the connection, as text. */
HELPER const char *client_slurp(struct client *client)
{
	size_t n = 0;

	for (;;) {
		ssize_t k =
			recv(client->fd, client->message + n, sizeof(client->message) - n - 1, 0);
		if (k < 0 && errno == EAGAIN)
			fail_msg("the server hangs");
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	client->message[n] = '\0';
	client->message_n = n;
	return client->message;
}

/* One request on a connection of its own; head and body of the answer. Free the client. */
HELPER struct client *http(struct baton_port *port, const char *request)
{
	struct client *client = client_open(port, 0);

	client_send(client, request, strlen(request));
	(void)shutdown(client->fd, SHUT_WR);
	(void)client_slurp(client);
	return client;
}

HELPER unsigned status_of(const char *answer)
{
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(answer + 9, NULL, 10) : 0;
}

/* Sends one request, checks the status and that the answer contains `part`. */
HELPER void expect_http(struct baton_port *port, const char *request, unsigned status,
			const char *part)
{
	struct client *client = http(port, request);

	if (status_of(client->message) != status || !strstr(client->message, part))
		print_error("%s\n->\n%s\n", request, client->message);
	assert_int_equal(status_of(client->message), status);
	assert_non_null(strstr(client->message, part));
	client_free(client);
}

/* A ticket for a customer, or for an agent if `token`. Static storage. */
HELPER const char *house_ticket(struct baton_port *port, const char *origin, const char *token)
{
	static char ticket[BATON_TICKET_TEXT + 1];
	char request[512];

	(void)snprintf(
		request, sizeof(request),
		"POST /v1/tickets HTTP/1.1\r\nHost: h\r\n%s%s%s%s%s%sContent-Length: 2\r\n\r\n{}",
		origin ? "Origin: " : "", origin ? origin : "", origin ? "\r\n" : "",
		token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "");
	struct client *client = http(port, request);
	const char *at = strstr(client->message, "\"ticket\":\"");
	assert_non_null(at);
	(void)snprintf(ticket, sizeof(ticket), "%s", at + 10);
	client_free(client);
	return ticket;
}

#define WS_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define WS_VERSION "Sec-WebSocket-Version: 13\r\n"

/* Asks for an upgrade; the status of the answer. After 101 the client speaks WebSocket. */
HELPER unsigned client_upgrade(struct client *client, const char *path, const char *headers)
{
	char request[1024];
	int n = snprintf(request, sizeof(request),
			 "GET %s HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n%s\r\n", path,
			 headers);

	client_send(client, request, (size_t)n);
	for (size_t k = 1; client_need(client, k); k = client->n + 1) {
		const char *end = memmem(client->bytes, client->n, "\r\n\r\n", 4);
		if (!end)
			continue;
		size_t head = (size_t)(end + 4 - (const char *)client->bytes);
		memcpy(client->message, client->bytes, head);
		client->message[head] = '\0';
		client_use(client, head);
		return status_of(client->message);
	}
	return 0;
}

HELPER unsigned client_upgrade_with(struct client *client, const char *origin,
				    const char *protocols)
{
	char headers[512];

	(void)snprintf(headers, sizeof(headers),
		       "Upgrade: websocket\r\n" WS_KEY WS_VERSION
		       "Origin: %s\r\nSec-WebSocket-Protocol: %s\r\n",
		       origin, protocols);
	return client_upgrade(client, "/v1/chat", headers);
}

/* `first` is FIN, RSV and opcode. */
HELPER void client_frame(struct client *client, unsigned first, const void *p, size_t n)
{
	unsigned char *frame = malloc(n + 14), *at = frame;
	static const unsigned char mask[4] = { 0x12, 0x34, 0x56, 0x78 };

	*at++ = (unsigned char)first;
	if (n < 126) {
		*at++ = (unsigned char)(0x80 | n);
	} else {
		*at++ = 0x80 | 126;
		*at++ = (unsigned char)(n >> 8);
		*at++ = (unsigned char)n;
	}
	memcpy(at, mask, 4);
	at += 4;
	for (size_t i = 0; i < n; i++)
		*at++ = ((const unsigned char *)p)[i] ^ mask[i % 4];
	client_send(client, frame, (size_t)(at - frame));
	free(frame);
}

HELPER void client_say(struct client *client, const char *json)
{
	client_frame(client, 0x81, json, strlen(json));
}

/* Reads one WebSocket frame into `message`. False at the end. */
HELPER bool client_message(struct client *client)
{
	if (!client_need(client, 2))
		return false;
	size_t head = 2, n = client->bytes[1] & 0x7f;
	if (n >= 126) {
		head = n == 126 ? 4 : 10;
		if (!client_need(client, head))
			return false;
		n = 0;
		for (size_t i = 2; i < head; i++)
			n = n << 8 | client->bytes[i];
	}
	if (!client_need(client, head + n))
		return false;
	unsigned opcode = client->bytes[0] & 15;
	assert_true(n < sizeof(client->message));
	memcpy(client->message, client->bytes + head, n);
	client->message[n] = '\0';
	client->message_n = opcode == 1 ? n : 0;
	client->message_at = 0;
	if (opcode == 8) {
		if (n >= 2)
			client->close_code =
				(unsigned)client->bytes[head] << 8 | client->bytes[head + 1];
		client_frame(client, 0x88, client->bytes + head, n);
	}
	client->pongs += opcode == 10;
	client_use(client, head + n);
	return true;
}

/* The next server frame, NULL at the end of the connection. Valid until the next call. */
HELPER const char *client_hear(struct client *client)
{
	while (client->message_at >= client->message_n)
		if (!client_message(client))
			return NULL;

	char *frame = client->message + client->message_at;
	char *end = strchr(frame, '\n');
	if (!end)
		end = client->message + client->message_n;
	client->message_at = (size_t)(end + 1 - client->message);
	*end = '\0';
	return frame;
}

/* The next one that contains `what`; fails the test if the connection ends before. */
HELPER const char *client_hear_until(struct client *client, const char *what)
{
	const char *frame;

	do
		frame = client_hear(client);
	while (frame && !strstr(frame, what));
	if (!frame)
		fail_msg("the connection ended without %s", what);
	return frame;
}

/* Reads on until the connection ends; the close code, 0 if it ended without. */
HELPER unsigned client_end(struct client *client)
{
	while (client_hear(client))
		;
	return client->close_code;
}

/* A WebSocket with a fresh ticket, hello not said yet. */
HELPER struct client *client_chat(struct baton_port *port, const char *token, int receive_bytes)
{
	char protocols[128];
	struct client *client = client_open(port, receive_bytes);

	(void)snprintf(protocols, sizeof(protocols), "baton.v1, btn.%s",
		       house_ticket(port, HOUSE_ORIGIN, token));
	assert_int_equal(client_upgrade_with(client, HOUSE_ORIGIN, protocols), 101);
	return client;
}

/* ... and welcomed. */
HELPER struct client *client_welcomed(struct baton_port *port, const char *token)
{
	struct client *client = client_chat(port, token, 0);

	client_say(client, "{\"t\":\"hello\"}");
	(void)client_hear_until(client, "\"t\":\"welcome\"");
	return client;
}

/* The string value of `"key":"` in a frame. */
HELPER void frame_value(const char *frame, const char *key, char *ret, size_t size)
{
	char what[64];

	(void)snprintf(what, sizeof(what), "\"%s\":\"", key);
	const char *at = strstr(frame, what);
	assert_non_null(at);
	at += strlen(what);
	size_t n = strcspn(at, "\"");
	assert_true(n < size);
	memcpy(ret, at, n);
	ret[n] = '\0';
}
