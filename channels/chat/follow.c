/* SPDX-License-Identifier: Apache-2.0 */

/* Sessions that a connection follows: each event once, in order, none missing, also to a reader
 * that is too slow and across a replay in pages.
 *
 * The core may have notices under way when we subscribe anew. Until the new subscription is
 * answered, whatever comes belongs to the old one and is dropped: the replay brings it again. An
 * acknowledgement that would run ahead of a replay is dropped too, because a client resumes
 * after the highest seq it has seen; the replay contains the message itself.
 */

#include "channels/chat/conn.h"

#include "core/base/errors.h"
#include "core/base/limits.h"

enum {
	FOLLOWS_MAX = 64, /* sessions that one agent has open */
	CLOSE_POLICY = 1008,
	CLOSE_FAILED = 1011,
	CLOSE_LATER = 1013
};

struct follow *follow_find(struct conn *conn, const struct baton_id *session)
{
	for (int i = 0; i < conn->n_follows; i++)
		if (baton_id_eq(&conn->follows[i]->session, session))
			return conn->follows[i];
	return NULL;
}

/* Customers follow one session: it needs no list of its own. */
static void add_follow(struct conn *conn, struct follow *follow)
{
	size_t n = conn->n_follows++;

	if (!conn->follows) {
		conn->follows = &conn->one;
	} else if (conn->follows != &conn->one) {
		conn->follows = baton_realloc(conn->follows, (n + 1) * sizeof(conn->one));
	} else if (n > 0) {
		conn->follows = baton_alloc((n + 1) * sizeof(conn->one));
		conn->follows[0] = conn->one;
	}
	conn->follows[n] = follow;
}

struct follow *follow_add(struct conn *conn, const struct baton_id *session, uint64_t after)
{
	struct follow *follow = follow_find(conn, session);

	if (!follow) {
		if (conn->n_follows == FOLLOWS_MAX)
			return NULL;
		follow = baton_new_lasting(struct follow);
		follow->session = *session;
		add_follow(conn, follow);
	}
	follow->key = ++conn->next_key; /* frames queued for an earlier position are none of ours */
	follow->told = follow->sent = after;
	follow->stream = (struct baton_stream){ 0 };
	follow->replaying = follow->more = false;
	return follow;
}

void follow_subscribe(struct conn *conn, struct follow *follow)
{
	follow->pending++;
	follow->more = false;
	baton_port_subscribe(chat_port(conn->chat), &follow->session, conn->id, conn_audience(conn),
			     follow->told);
}

void follow_leave(struct conn *conn, struct follow *follow)
{
	if (conn->has_begun || conn_audience(conn) == BATON_AUDIENCE_AGENT)
		baton_port_unsubscribe(chat_port(conn->chat), &follow->session, conn->id);
	for (int i = 0; i < conn->n_follows; i++) {
		if (conn->follows[i] != follow)
			continue;
		conn->follows[i] = conn->follows[--conn->n_follows];
		break;
	}
	baton_free(follow);
}

void follow_leave_all(struct conn *conn)
{
	while (conn->n_follows > 0)
		follow_leave(conn, conn->follows[conn->n_follows - 1]);
	if (conn->follows != &conn->one)
		baton_free(conn->follows);
	conn->follows = NULL;
	if (conn->watches_desk)
		baton_port_desk_unwatch(chat_port(conn->chat), conn->id);
	conn->watches_desk = false;
	if (conn->watches_operations)
		baton_port_operations(chat_port(conn->chat), conn->id, false);
	conn->watches_operations = false;
}

/* --- slow readers -------------------------------------------------------------------------- */

void follow_lag(struct conn *conn)
{
	chat_count(conn->chat, BATON_METRIC_LAGGING);
	conn->lagging = true;
	conn->desk_has_more = false;
	conn_drop(conn);
	for (int i = 0; i < conn->n_follows; i++) {
		struct follow *follow = conn->follows[i];
		follow->told = follow->sent;
		follow->stream = (struct baton_stream){ 0 };
		follow->replaying = follow->more = false;
	}
}

void follow_drained(struct conn *conn)
{
	/* A customer's session that has not begun is nowhere to be asked for. */
	bool exists = conn->has_begun || conn_audience(conn) == BATON_AUDIENCE_AGENT;
	bool lagged = conn->lagging;

	if (conn->state == CONN_CLOSING)
		return;
	conn->lagging = false;
	/* Backwards, and looking again: a subscription refused at once takes its entry away. */
	for (int i = conn->n_follows; i-- > 0;) {
		if (i < conn->n_follows && (conn->follows[i]->more || (lagged && exists)))
			follow_subscribe(conn, conn->follows[i]);
	}
	if (lagged && conn->watches_desk)
		conn_watch_desk(conn);
	else if (conn->desk_has_more)
		baton_port_desk_more(chat_port(conn->chat), conn->id);
	conn->desk_has_more = false;
}

bool follow_hears_answer(const struct conn *conn)
{
	for (int i = 0; i < conn->n_follows; i++)
		if (conn->follows[i]->running)
			return true;
	return false;
}

/* --- notices ------------------------------------------------------------------------------- */

struct queueing {
	struct conn *conn;
	enum frame_kind kind;
	unsigned n;
};

static void take_frame(void *ud, struct baton_buf *out)
{
	struct queueing *queueing = ud;

	(void)out; /* is conn->out */
	queueing->n++;
	conn_frame_end(queueing->conn, queueing->kind);
	(void)conn_frame_begin(queueing->conn);
}

/* Queues all frames of the notice; returns how many. */
static unsigned queue_frames(struct conn *conn, const struct baton_notice *notice,
			     struct baton_stream *stream, enum frame_kind kind)
{
	struct queueing queueing = { conn, kind, 0 };
	struct baton_frames frames = { &queueing, take_frame, conn_frame_begin(conn) };

	baton_wire_notice(notice, conn_audience(conn), stream, &frames);
	conn_frame_cancel(conn);
	return queueing.n;
}

/* A long conversation does not fit into the queue: what is there goes out first, then the replay is
 * asked for again from there. To drop it, as a slow reader's, would come to no end. */
static void pause_replay(struct conn *conn, struct follow *follow)
{
	follow->replaying = false;
	follow->more = true;
	chat_dirty(conn);
}

/* When the last frame of the notice is sent, all of `follow` up to `seq` is; 0: it says nothing. */
static void queue(struct conn *conn, const struct baton_notice *notice, struct follow *follow,
		  uint64_t seq)
{
	unsigned n = queue_frames(conn, notice, follow ? &follow->stream : NULL, FRAME_EPHEMERAL);

	if (n > 0 && follow && seq > 0)
		conn_frame_carries(conn, follow, seq);
	if (conn_waiting(conn) <= BATON_OUT_BYTES_MAX)
		return;
	if (follow && follow->replaying)
		pause_replay(conn, follow);
	else
		follow_lag(conn);
}

static void queue_kept(struct conn *conn, const struct baton_notice *notice)
{
	(void)queue_frames(conn, notice, NULL, FRAME_KEPT);
	if (conn_waiting(conn) > BATON_OUT_BYTES_MAX)
		conn_close(conn, CLOSE_POLICY); /* asks and asks, and does not read the answers */
}

static void on_event(struct conn *conn, struct follow *follow, const struct baton_notice *notice)
{
	if (notice->event.seq <= follow->told)
		return;
	follow->told = notice->event.seq;
	queue(conn, notice, follow, notice->event.seq);
}

static void on_ack(struct conn *conn, struct follow *follow, const struct baton_notice *notice)
{
	bool replay = follow && (follow->pending > 0 || follow->replaying || follow->more);

	if (conn->lagging || (replay && notice->seq > follow->told))
		return;
	queue(conn, notice, NULL, 0);
}

/* The core refused a subscription, or could not finish the replay of one. */
static void on_resume_refused(struct conn *conn, struct follow *follow,
			      const struct baton_notice *notice)
{
	bool begun = follow->replaying;

	if (follow->pending > 0 && --follow->pending > 0)
		return;
	int code = notice->code; /* the notice may be all that is left */
	follow_leave(conn, follow);
	if (conn->state == CONN_RESUMING) {
		talk_resume_refused(conn, code);
		return;
	}
	queue_kept(conn, notice);
	/* A customer in the middle of a conversation comes back and tries again. */
	if (conn->state == CONN_CUSTOMER)
		conn_close(conn, begun ? CLOSE_FAILED : CLOSE_LATER);
}

static void on_refused(struct conn *conn, struct follow *follow, const struct baton_notice *notice)
{
	if (follow && notice->client_id.n == 0 && baton_str_is(notice->verb_name, "resume"))
		on_resume_refused(conn, follow, notice);
	else
		queue_kept(conn, notice);
}

static void on_subscribed(struct conn *conn, struct follow *follow,
			  const struct baton_notice *notice)
{
	if (follow->pending == 0 || --follow->pending > 0)
		return;
	follow->replaying = true;
	if (conn->state == CONN_RESUMING)
		talk_resumed(conn, notice);
}

/* A page of the desk's list: the next one when this one has been taken. */
static void on_desk_more(struct conn *conn)
{
	if (!conn->watches_desk || conn->lagging)
		return;
	conn->desk_has_more = true;
	chat_dirty(conn);
}

/* The replay has come as far as `seq`, also past events that this audience does not see. */
static void on_replayed(struct conn *conn, struct follow *follow, const struct baton_notice *notice)
{
	if (!follow->replaying)
		return;
	if (follow->told < notice->seq)
		follow->told = notice->seq;
	if (notice->type == BATON_NOTE_MORE) {
		follow->more = true;
		chat_dirty(conn);
		return;
	}
	follow->replaying = false;
	queue(conn, notice, follow, notice->seq);
}

static void on_followed(struct conn *conn, struct follow *follow, const struct baton_notice *notice)
{
	if (notice->type == BATON_NOTE_SUBSCRIBED) {
		on_subscribed(conn, follow, notice);
		return;
	}
	if (conn->lagging || follow->pending > 0 || follow->more)
		return;
	if (notice->type == BATON_NOTE_EVENT)
		on_event(conn, follow, notice);
	else if (notice->type == BATON_NOTE_MORE || notice->type == BATON_NOTE_CAUGHT_UP)
		on_replayed(conn, follow, notice);
	else
		queue(conn, notice, follow, 0);
}

void follow_notify(struct conn *conn, const struct baton_notice *notice)
{
	if (conn->state == CONN_CLOSING || conn->state == CONN_NEW)
		return;

	struct follow *follow = follow_find(conn, &notice->session);
	switch (notice->type) {
	case BATON_NOTE_CASE:
	case BATON_NOTE_DESK:
	case BATON_NOTE_OFFER:
	case BATON_NOTE_OVERVIEW:
		if (conn->watches_desk && !conn->lagging)
			queue(conn, notice, NULL, 0);
		break;
	case BATON_NOTE_PACKAGE: /* answers to the connection itself */
	case BATON_NOTE_OPERATIONS:
	case BATON_NOTE_DONE:
		if (!conn->lagging)
			queue(conn, notice, NULL, 0);
		break;
	case BATON_NOTE_ACK:
		on_ack(conn, follow, notice);
		break;
	case BATON_NOTE_REFUSED:
		on_refused(conn, follow, notice);
		break;
	case BATON_NOTE_RUN:
		if (!follow)
			break;
		follow->running = notice->running;
		on_followed(conn, follow, notice);
		break;
	case BATON_NOTE_EVENT:
	case BATON_NOTE_SUBSCRIBED:
	case BATON_NOTE_MORE:
	case BATON_NOTE_CAUGHT_UP:
	case BATON_NOTE_DELTA:
	case BATON_NOTE_TYPING:
	case BATON_NOTE_PLACE:
		if (follow)
			on_followed(conn, follow, notice);
		else if (notice->type == BATON_NOTE_MORE && baton_id_is_zero(&notice->session))
			on_desk_more(conn);
		break;
	}
}
