/* SPDX-License-Identifier: Apache-2.0 */

/* One WebSocket connection: who is at its other end, which sessions it follows, what waits to be
 * sent. Small on purpose: most connections idle, and buffers exist only while they hold something.
 *
 * conn.c moves bytes, follow.c keeps the promise that each event arrives once and in order, talk.c
 * understands what the client says. All of it on the worker's loop.
 */
#pragma once

#include "channels/chat/wire_in.h"
#include "channels/chat/wire_out.h"
#include "channels/http/listener.h"

struct chat;

enum conn_state {
	CONN_NEW,      /* hello has not come */
	CONN_RESUMING, /* hello came; the session has not answered yet */
	CONN_CUSTOMER,
	CONN_AGENT,
	CONN_CLOSING /* nothing is read any more; closes once what is queued is out */
};

/* A session that the connection follows, and how far. */
struct follow {
	struct baton_id session;
	uint64_t told; /* seq of the newest event queued; nothing older is queued again */
	uint64_t sent; /* ... of the newest that the socket has taken */
	struct baton_stream stream; /* the answer in progress, as far as it was queued */
	bool running;               /* somebody works on an answer */
	uint16_t key;     /* names it in the queue; a follow may end before its frames do */
	uint16_t pending; /* subscriptions that have not been answered: what comes is older */
	bool replaying;   /* between SUBSCRIBED and CAUGHT_UP */
	bool more;        /* the replay paused; go on when all is sent */
};

/* What each message touches comes first, in as few cache lines as it takes: with a thousand
 * connections each of them is cold. */
struct conn {
	struct baton_peer peer; /* first: see channels/http/listener.h */
	enum conn_state state;
	struct chat *chat;
	struct lws *wsi;
	struct baton_buf out; /* frames waiting */
	uint32_t out_at, frame_at,
		last_at; /* in out: the queue, the frame being written, the one before */
	uint8_t role;    /* of `who` */
	bool is_dirty, is_open, ended; /* ended: libwebsockets was told to close */

	baton_conn id;
	struct follow **follows, *one; /* one: where the first is kept */
	uint64_t refilled_ms, heard_ms, progress_ms;
	struct conn *dirty_prev, *dirty_next; /* has something to flush in this turn of the loop */
	uint32_t tokens_milli;                /* of the bucket */
	uint16_t n_follows, limited;

	struct baton_who *who;
	struct baton_buf in;                  /* a message being put together */
	struct conn *young_prev, *young_next; /* has not been welcomed */
	uint64_t pinged_ms, born_ms;
	uint16_t next_key, pieces, close_code;
	uint8_t bad;
	bool is_young, wants_ping;
	bool known;    /* a ticket said who it is */
	bool lagging;  /* a slow reader: nothing but KEPT frames is queued */
	bool watches_operations;
	bool watches_desk, desk_has_more /* when this has been sent */,
		has_begun /* the session exists */;
	bool told_failure; /* its first word has carried why its identity was refused */
};

/* --- conn.c --- */

struct conn *conn_new(struct chat *chat, struct lws *wsi, const struct baton_upgrade *upgrade);
/* Leaves all sessions; frees. The slot is the caller's business. */
void conn_free(struct conn *conn);

/* Bytes of a message; a whole one goes to chat_take(). 0, or -1: close now (the reason is set). */
int conn_receive(struct conn *conn, const char *p, size_t n);
/* A whole message. A view: `bytes` is gone afterwards. */
void conn_message(struct conn *conn, baton_str bytes);
/* The socket takes bytes again. 0 or -1. */
int conn_writable(struct conn *conn);

/* What is known of the peer; "" for what is not. Views live until conn_identify() is called
 * again. */
void conn_identify(struct conn *conn, const struct baton_identity *identity, baton_str locale);
void conn_set_locale(struct conn *conn, baton_str locale);
/* All of the desk that this person sees, and every change. */
void conn_watch_desk(struct conn *conn);
baton_str conn_who(const struct conn *conn, enum who_field field);
enum baton_role conn_role(const struct conn *conn);
enum baton_audience conn_audience(const struct conn *conn);

/* A frame for the queue. EPHEMERAL ones are lost to a slow reader and come back by replay; KEPT
 * ones (answers to the client itself) are not. An event's frame carries its seq. */
enum frame_kind { FRAME_EPHEMERAL, FRAME_EVENT, FRAME_KEPT };
/* Begins a frame in conn->out; the caller appends its text and ends or cancels it. */
struct baton_buf *conn_frame_begin(struct conn *conn);
void conn_frame_end(struct conn *conn, enum frame_kind kind);
void conn_frame_cancel(struct conn *conn);
/* The frame ended last carries everything of `follow` up to `seq`. */
void conn_frame_carries(struct conn *conn, const struct follow *follow, uint64_t seq);
/* Bytes waiting. */
size_t conn_waiting(const struct conn *conn);
/* Drops what waits, but for KEPT frames. */
void conn_drop(struct conn *conn);

void conn_err(struct conn *conn, const struct baton_refusal *refusal);
/* Closes with `code` once the queue is out, at the latest after a few seconds. */
void conn_close(struct conn *conn, uint16_t code);
/* Before the loop waits: sends what can be sent without asking. */
void conn_flush(struct conn *conn);
/* Every few seconds: heartbeat, deadlines. */
void conn_tend(struct conn *conn, uint64_t now_ms);
/* Cuts it off without a word; `conn` is gone afterwards. */
void conn_kill(struct conn *conn);

/* --- follow.c --- */

struct follow *follow_find(struct conn *conn, const struct baton_id *session);
/* NULL: there are too many. */
struct follow *follow_add(struct conn *conn, const struct baton_id *session, uint64_t after);
void follow_subscribe(struct conn *conn, struct follow *follow);
void follow_leave(struct conn *conn, struct follow *follow);
void follow_leave_all(struct conn *conn);
void follow_notify(struct conn *conn, const struct baton_notice *notice);
/* All that was queued is with the socket: goes on with paused replays, ends a slow reader's lag. */
void follow_drained(struct conn *conn);
/* One of those it follows is being answered. */
bool follow_hears_answer(const struct conn *conn);
/* A slow reader: what waits is dropped, and comes again by replay from what was really sent. */
void follow_lag(struct conn *conn);

/* --- talk.c --- */

/* One whole message of the client. BATON_E_UTF8: it is none, and nothing was done with it. */
int talk(struct conn *conn, baton_str bytes);
/* The session that hello asked for has answered. */
void talk_resumed(struct conn *conn, const struct baton_notice *subscribed);
void talk_resume_refused(struct conn *conn, int code);

/* --- chat.c --- */

struct baton_port *chat_port(const struct chat *chat);
uint64_t chat_now_ms(const struct chat *chat);
void chat_count(const struct chat *chat, unsigned metric);
void chat_dirty(struct conn *conn);
/* A whole message has come: it is copied, and told to conn_message() within this turn of the loop,
 * behind those that came before. */
void chat_take(struct conn *conn, baton_str bytes);
/* Tells what was taken, now. */
void chat_read(struct chat *chat);
void chat_young(struct conn *conn, bool is_young);
