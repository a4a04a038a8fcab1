/* SPDX-License-Identifier: Apache-2.0 */

/* Bytes in and bytes out of one connection.
 *
 * The queue is one buffer of frames, each with a small head that says what it is, so that a slow
 * reader's can be dropped by kind, and so that `sent` is exact: an event counts as sent when the
 * socket has taken its frame and not before. Frames that gather in one turn of the loop leave as
 * one WebSocket message, joined where they lie: the head of the first makes room for the socket's.
 *
 * Surprising: writing outside the WRITEABLE callback is allowed only while libwebsockets itself
 * holds nothing back, or the stream is corrupted; can_write() is the guard.
 */

#include "channels/chat/conn.h"

#include "core/base/errors.h"
#include "core/base/limits.h"

#include <libwebsockets.h>

enum {
	JOIN_BYTES = 16 * 1024, /* frames are joined up to this */
	WRITES_PER_FLUSH = 4,   /* then others get a turn */
	PIECES_MAX = 1024,      /* WebSocket frames of one message */
	CLOSE_MS = 5000         /* to take what is queued before the close */
};

/* --- who ----------------------------------------------------------------------------------- */

void conn_identify(struct conn *conn, const struct baton_identity *identity, baton_str locale)
{
	struct baton_who *who = baton_who_new(identity, locale);

	baton_free(conn->who);
	conn->who = who;
	conn->role = (uint8_t)baton_who_role(who);
}

baton_str conn_who(const struct conn *conn, enum who_field field)
{
	return baton_who_text(conn->who, field);
}

void conn_watch_desk(struct conn *conn)
{
	struct baton_identity who;

	baton_who_identity(conn->who, &who);
	baton_port_desk_watch(chat_port(conn->chat), conn->id, &who);
}

void conn_set_locale(struct conn *conn, baton_str locale)
{
	struct baton_who *who = baton_who_in(conn->who, locale);

	baton_free(conn->who);
	conn->who = who;
}

enum baton_role conn_role(const struct conn *conn)
{
	return (enum baton_role)conn->role;
}

enum baton_audience conn_audience(const struct conn *conn)
{
	return conn_role(conn) == BATON_CUSTOMER ? BATON_AUDIENCE_CUSTOMER : BATON_AUDIENCE_AGENT;
}

/* --- life ---------------------------------------------------------------------------------- */

struct conn *conn_new(struct chat *chat, struct lws *wsi, const struct baton_upgrade *upgrade)
{
	struct conn *conn = baton_new_lasting(struct conn);
	uint64_t now = chat_now_ms(chat);

	conn->peer.kind = BATON_PEER_WS;
	conn->state = CONN_NEW;
	conn->chat = chat;
	conn->wsi = wsi;
	conn->known = upgrade->known;
	conn_identify(conn, &upgrade->identity, BATON_STR_NONE);
	conn->tokens_milli = BATON_MSG_BURST * 1000;
	conn->refilled_ms = conn->heard_ms = conn->pinged_ms = conn->born_ms = now;
	conn->progress_ms = now;
	return conn;
}

void conn_free(struct conn *conn)
{
	follow_leave_all(conn);
	baton_buf_done(&conn->in);
	baton_buf_done(&conn->out);
	baton_free(conn->who);
	baton_free(conn);
}

/* --- the queue ----------------------------------------------------------------------------- */

struct frame_head {
	uint64_t seq;    /* EVENT: what is sent with it */
	uint32_t bytes;  /* that follow */
	uint16_t follow; /* EVENT: key of the session followed */
	uint8_t kind;
	uint8_t unused[LWS_PRE - 15]; /* when it has been read, libwebsockets writes its own */
};

struct baton_buf *conn_frame_begin(struct conn *conn)
{
	conn->frame_at = (uint32_t)conn->out.n;
	(void)baton_buf_room(&conn->out, sizeof(struct frame_head));
	conn->out.n += sizeof(struct frame_head);
	return &conn->out;
}

void conn_frame_cancel(struct conn *conn)
{
	conn->out.n = conn->frame_at;
}

void conn_frame_end(struct conn *conn, enum frame_kind kind)
{
	struct frame_head head = {
		.bytes = (uint32_t)(conn->out.n - conn->frame_at - sizeof(head)),
		.kind = (uint8_t)kind,
	};

	if (conn_waiting(conn) == conn->out.n - conn->frame_at) /* the first that waits */
		conn->progress_ms = chat_now_ms(conn->chat);
	memcpy(conn->out.p + conn->frame_at, &head, sizeof(head));
	conn->last_at = conn->frame_at;
	chat_dirty(conn);
}

void conn_frame_carries(struct conn *conn, const struct follow *follow, uint64_t seq)
{
	struct frame_head head;

	memcpy(&head, conn->out.p + conn->last_at, sizeof(head));
	head.kind = FRAME_EVENT;
	head.follow = follow->key;
	head.seq = seq;
	memcpy(conn->out.p + conn->last_at, &head, sizeof(head));
}

size_t conn_waiting(const struct conn *conn)
{
	return conn->out.n - conn->out_at;
}

void conn_drop(struct conn *conn)
{
	size_t to = 0;
	struct frame_head head;

	for (size_t at = conn->out_at; at < conn->out.n; at += sizeof(head) + head.bytes) {
		memcpy(&head, conn->out.p + at, sizeof(head));
		if (head.kind != FRAME_KEPT)
			continue;
		memmove(conn->out.p + to, conn->out.p + at, sizeof(head) + head.bytes);
		to += sizeof(head) + head.bytes;
	}
	conn->out.n = to;
	conn->out_at = 0;
}

static void is_sent(struct conn *conn, const struct frame_head *head)
{
	for (int i = 0; head->kind == FRAME_EVENT && i < conn->n_follows; i++) {
		struct follow *follow = conn->follows[i];

		if (follow->key == head->follow && follow->sent < head->seq)
			follow->sent = head->seq;
	}
}

/* Takes the next frames off the queue and joins them by newlines, in place: the first stays where
 * it is, the others move up behind it. Returns the text. */
static char *join_frames(struct conn *conn, size_t *ret_bytes, unsigned *ret_frames)
{
	char *text = conn->out.p + conn->out_at + sizeof(struct frame_head);
	size_t bytes = 0;
	struct frame_head head;
	unsigned n = 0;

	while (conn->out_at < conn->out.n) {
		memcpy(&head, conn->out.p + conn->out_at, sizeof(head));
		if (n > 0 && bytes + head.bytes > JOIN_BYTES)
			break;
		const char *from = conn->out.p + conn->out_at + sizeof(head);
		if (n++ > 0) {
			text[bytes++] = '\n';
			memmove(text + bytes, from, head.bytes);
		}
		bytes += head.bytes;
		conn->out_at += (uint32_t)(sizeof(head) + head.bytes);
		is_sent(conn, &head);
	}
	*ret_bytes = bytes;
	*ret_frames = n;
	return text;
}

static bool can_write(const struct conn *conn)
{
	return !conn->ended && conn->is_open && !lws_partial_buffered(conn->wsi);
}

/* Sends one joined message. 0, or -1: the socket is broken. */
static int send_joined(struct conn *conn)
{
	unsigned frames;
	size_t n;
	char *text = join_frames(conn, &n, &frames);

	if (lws_write(conn->wsi, (unsigned char *)text, n, LWS_WRITE_TEXT) < (int)n)
		return -1;
	baton_port_count(chat_port(conn->chat), BATON_METRIC_FRAMES_OUT, frames);
	conn->progress_ms = chat_now_ms(conn->chat);
	return 0;
}

static int send_ping(struct conn *conn)
{
	unsigned char nothing[LWS_PRE + 1];

	conn->wants_ping = false;
	return lws_write(conn->wsi, nothing + LWS_PRE, 0, LWS_WRITE_PING) < 0 ? -1 : 0;
}

static void queue_emptied(struct conn *conn)
{
	conn->out_at = 0;
	baton_buf_done(&conn->out);
	follow_drained(conn);
}

/* Sends what can be sent now. 0, or -1: the socket is broken. */
static int send_waiting(struct conn *conn)
{
	if (conn->wants_ping && can_write(conn) && send_ping(conn) < 0)
		return -1;
	for (int i = 0; i < WRITES_PER_FLUSH && conn_waiting(conn) > 0 && can_write(conn); i++) {
		int rc = send_joined(conn);
		if (rc < 0)
			return rc;
	}
	if (conn_waiting(conn) == 0 && can_write(conn))
		queue_emptied(conn);
	return 0;
}

/* --- the end ------------------------------------------------------------------------------- */

static void leave(struct conn *conn, uint16_t code)
{
	conn->ended = true;
	conn->state = CONN_CLOSING;
	conn->progress_ms = chat_now_ms(conn->chat);
	follow_leave_all(conn);
	chat_young(conn, false);
	baton_buf_done(&conn->out);
	conn->out_at = 0;
	lws_close_reason(conn->wsi, (enum lws_close_status)code, NULL, 0);
}

/* [receiving] Closes now; returns what the callback returns. What it said before counts. */
static int end_now(struct conn *conn, uint16_t code)
{
	chat_read(conn->chat);
	leave(conn, code);
	return -1;
}

/* [outside of callbacks] The same; the peer is told why, then libwebsockets waits for its answer. A
 * callback for writing cannot do this: Debian's build closes twice there, the second time without a
 * word. */
static void end_later(struct conn *conn)
{
	leave(conn, conn->close_code);
	lws_set_timeout(conn->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
}

void conn_close(struct conn *conn, uint16_t code)
{
	if (conn->state == CONN_CLOSING)
		return;
	conn->state = CONN_CLOSING;
	conn->close_code = code;
	conn->progress_ms = chat_now_ms(conn->chat);
	follow_leave_all(conn);
	chat_young(conn, false);
	chat_dirty(conn);
}

void conn_kill(struct conn *conn)
{
	conn->ended = true;
	if (conn->is_open)
		lws_set_timeout(conn->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
}

void conn_flush(struct conn *conn)
{
	if (conn->ended || !conn->is_open)
		return;
	if (send_waiting(conn) < 0)
		conn_kill(conn);
	else if (conn_waiting(conn) > 0 || !can_write(conn))
		lws_callback_on_writable(conn->wsi);
	else if (conn->state == CONN_CLOSING)
		end_later(conn);
}

int conn_writable(struct conn *conn)
{
	if (conn->ended)
		return 0;
	if (send_waiting(conn) < 0)
		return -1;
	if (conn_waiting(conn) > 0)
		lws_callback_on_writable(conn->wsi);
	else if (conn->state == CONN_CLOSING)
		chat_dirty(conn);
	return 0;
}

void conn_tend(struct conn *conn, uint64_t now_ms)
{
	if (!conn->is_open) /* the handshake failed; libwebsockets is closing it */
		return;

	bool stuck = conn_waiting(conn) > 0 || lws_partial_buffered(conn->wsi);
	if ((conn->state == CONN_CLOSING && now_ms - conn->progress_ms > CLOSE_MS) ||
	    (stuck && now_ms - conn->progress_ms > BATON_DEAD_MS) ||
	    now_ms - conn->heard_ms > BATON_DEAD_MS) {
		conn_kill(conn);
		return;
	}
	if (now_ms - conn->pinged_ms >= BATON_HEARTBEAT_MS) {
		conn->pinged_ms = now_ms;
		conn->wants_ping = true;
		chat_dirty(conn);
	}
}

void conn_err(struct conn *conn, const struct baton_refusal *refusal)
{
	baton_wire_err(refusal, conn_frame_begin(conn));
	conn_frame_end(conn, FRAME_KEPT);
}

/* --- in ------------------------------------------------------------------------------------ */

static int refuse_size(struct conn *conn)
{
	chat_count(conn->chat, BATON_METRIC_FRAMES_LIMITED);
	return end_now(conn, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE);
}

void conn_message(struct conn *conn, baton_str bytes)
{
	if (conn->state == CONN_CLOSING)
		return;
	chat_count(conn->chat, BATON_METRIC_FRAMES_IN);
	if (talk(conn, bytes) != BATON_E_UTF8)
		return;
	chat_count(conn->chat, BATON_METRIC_FRAMES_BAD);
	conn_close(conn, LWS_CLOSE_STATUS_INVALID_PAYLOAD);
}

int conn_receive(struct conn *conn, const char *p, size_t n)
{
	bool frame_ends = lws_remaining_packet_payload(conn->wsi) == 0;
	bool ends = frame_ends && lws_is_final_fragment(conn->wsi);

	conn->heard_ms = chat_now_ms(conn->chat);
	if (conn->state == CONN_CLOSING)
		return 0;
	if (lws_frame_is_binary(conn->wsi))
		return end_now(conn, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE);
	/* What the frame announces counts at once: nobody waits for the end of 2^62 bytes. */
	if (conn->in.n + n > BATON_FRAME_BYTES_MAX ||
	    lws_remaining_packet_payload(conn->wsi) > BATON_FRAME_BYTES_MAX)
		return refuse_size(conn);
	if (frame_ends && !ends && ++conn->pieces > PIECES_MAX)
		return end_now(conn, LWS_CLOSE_STATUS_POLICY_VIOLATION);
	if (ends && conn->in.n == 0) {
		chat_take(conn, (baton_str){ p, n });
		return 0;
	}

	baton_buf_add(&conn->in, p, n);
	if (!ends)
		return 0;
	chat_take(conn, baton_buf_view(&conn->in));
	baton_buf_done(&conn->in);
	conn->pieces = 0;
	return 0;
}
