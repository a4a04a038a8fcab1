/* SPDX-License-Identifier: Apache-2.0 */

/* One worker's chat channel: the table of its connections, the messages that came and the frames
 * that gathered in this turn of the loop, and one sweep that tends them all, so that an idle
 * connection costs no timer.
 *
 * Messages are taken first and read later, one behind the other: what a message needs of our code
 * is more than the first cache holds, and between two reads of sockets it would be gone each time.
 *
 * A connection's name holds the slot and how often the slot was used: a name whose connection is
 * gone finds nobody.
 */

#include "channels/chat/chat.h"

#include "channels/chat/conn.h"
#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/limits.h"

#include <libwebsockets.h>
#include <sys/random.h>
#include <utlist.h>

enum {
	SLOT_BITS = 24,
	SLICES = 5, /* the sweep takes one a second, so each connection is tended every 5 s */
	SWEEP_MS = 1000,
	FLUSH_LAPS = 4,
	INBOX_BYTES = 32 * 1024, /* so many are read without waiting for the lap's end */
	BYE_MS_MIN = 500,
	BYE_MS_MAX = 5000,
	CLOSE_RESTART = 1012,
	CLOSE_POLICY = 1008
};

struct slot {
	struct conn *conn;
	uint32_t generation, next_free;
};

struct chat {
	bool draining; /* no answer begins any more; who hears the end of one still may */
	struct baton_port *port;
	struct baton_listener listener;
	struct slot *slots;
	uint32_t n_slots, free_slot /* 1 + index, 0: none */, n_conns;
	struct conn *dirty, *young; /* young: in the order of their birth */
	struct baton_buf inbox;     /* messages, each behind a struct taken */
	bool is_reading;            /* the inbox */
	uint64_t timer;
	unsigned tick;
};

/* The loop keeps its before-wait hooks for ever, the channel ends before it does: the hook finds it
 * here, or nobody. One entry per worker, written by that worker alone. */
static struct chat *chats[BATON_WORKERS_MAX];

/* Has the inbox read in the turn in which it is posted. Like the hook it outlives the channel. */
static struct inbox_letter {
	struct baton_mail mail; /* first */
	struct chat **chat;
	bool is_posted;
} letters[BATON_WORKERS_MAX];

struct baton_port *chat_port(const struct chat *chat)
{
	return chat->port;
}

uint64_t chat_now_ms(const struct chat *chat)
{
	/* Every frame asks for it several times. */
	return baton_loop_lap_ms(baton_port_loop(chat->port));
}

void chat_count(const struct chat *chat, unsigned metric)
{
	baton_port_count(chat->port, metric, 1);
}

void chat_dirty(struct conn *conn)
{
	if (conn->is_dirty)
		return;
	conn->is_dirty = true;
	DL_APPEND2(conn->chat->dirty, conn, dirty_prev, dirty_next);
}

static void clean(struct conn *conn)
{
	if (!conn->is_dirty)
		return;
	conn->is_dirty = false;
	DL_DELETE2(conn->chat->dirty, conn, dirty_prev, dirty_next);
}

void chat_young(struct conn *conn, bool is_young)
{
	if (conn->is_young == is_young)
		return;
	conn->is_young = is_young;
	if (is_young)
		DL_APPEND2(conn->chat->young, conn, young_prev, young_next);
	else
		DL_DELETE2(conn->chat->young, conn, young_prev, young_next);
}

/* --- slots --------------------------------------------------------------------------------- */

static void slots_grow(struct chat *chat)
{
	uint32_t n = chat->n_slots ? 2 * chat->n_slots : 64;

	if (n > BATON_CONNS_MAX)
		n = BATON_CONNS_MAX;
	chat->slots = baton_realloc(chat->slots, n * sizeof(*chat->slots));
	for (uint32_t i = n; i-- > chat->n_slots;) {
		chat->slots[i] = (struct slot){ .next_free = chat->free_slot };
		chat->free_slot = i + 1;
	}
	chat->n_slots = n;
}

/* False: there is no room. */
static bool slot_take(struct chat *chat, struct conn *conn)
{
	if (chat->free_slot == 0 && chat->n_slots < BATON_CONNS_MAX)
		slots_grow(chat);
	if (chat->free_slot == 0)
		return false;

	uint32_t i = chat->free_slot - 1;
	struct slot *slot = &chat->slots[i];
	chat->free_slot = slot->next_free;
	slot->conn = conn;
	slot->generation++;
	conn->id = BATON_CONN(baton_port_worker(chat->port),
			      (uint64_t)slot->generation << SLOT_BITS | i);
	chat->n_conns++;
	return true;
}

static void slot_give(struct chat *chat, baton_conn id)
{
	uint32_t i = (uint32_t)(id & ((1u << SLOT_BITS) - 1));

	chat->slots[i].conn = NULL;
	chat->slots[i].next_free = chat->free_slot;
	chat->free_slot = i + 1;
	chat->n_conns--;
}

static struct conn *conn_named(const struct chat *chat, baton_conn id)
{
	uint32_t i = (uint32_t)(id & ((1u << SLOT_BITS) - 1));
	struct conn *conn = i < chat->n_slots ? chat->slots[i].conn : NULL;

	return conn && conn->id == id ? conn : NULL;
}

/* --- the inbox ------------------------------------------------------------------------------ */

struct taken {
	baton_conn from;
	size_t n; /* bytes that follow */
};

void chat_read(struct chat *chat)
{
	struct taken taken;

	if (chat->is_reading)
		return;
	chat->is_reading = true;
	for (size_t at = 0; at < chat->inbox.n; at += taken.n) {
		memcpy(&taken, chat->inbox.p + at, sizeof(taken));
		at += sizeof(taken);
		struct conn *conn = conn_named(chat, taken.from);
		if (conn)
			conn_message(conn, (baton_str){ chat->inbox.p + at, taken.n });
	}
	baton_buf_reset(&chat->inbox);
	chat->is_reading = false;
}

static void inbox_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct inbox_letter *letter = (struct inbox_letter *)mail;

	letter->is_posted = false;
	if (loop && *letter->chat)
		chat_read(*letter->chat);
}

void chat_take(struct conn *conn, baton_str bytes)
{
	struct chat *chat = conn->chat;
	struct inbox_letter *letter = &letters[baton_port_worker(chat->port)];
	struct taken taken = { conn->id, bytes.n };

	baton_buf_add(&chat->inbox, &taken, sizeof(taken));
	baton_buf_str(&chat->inbox, bytes);
	if (chat->inbox.n >= INBOX_BYTES) {
		chat_read(chat);
	} else if (!letter->is_posted) {
		letter->is_posted = true;
		baton_loop_post(baton_port_loop(chat->port), &letter->mail);
	}
}

/* --- what the socket tells ----------------------------------------------------------------- */

static struct conn *conn_of(struct baton_peer *peer)
{
	void *whole = peer; /* the peer is a conn's first member */

	baton_assert(peer->kind == BATON_PEER_WS);
	return whole;
}

static struct baton_peer *on_accept(void *ud, struct lws *wsi, const struct baton_upgrade *upgrade)
{
	struct chat *chat = ud;
	struct conn *conn = conn_new(chat, wsi, upgrade);

	if (!slot_take(chat, conn)) {
		conn_free(conn);
		return NULL;
	}
	chat_young(conn, true);
	return &conn->peer;
}

static int on_established(struct baton_peer *peer)
{
	conn_of(peer)->is_open = true;
	chat_count(conn_of(peer)->chat, BATON_METRIC_CONNECTIONS);
	return 0;
}

static int on_receive(struct baton_peer *peer, const char *p, size_t n)
{
	return conn_receive(conn_of(peer), p, n);
}

static void on_pong(struct baton_peer *peer)
{
	conn_of(peer)->heard_ms = chat_now_ms(conn_of(peer)->chat);
}

static int on_writable(struct baton_peer *peer)
{
	return conn_writable(conn_of(peer));
}

static void on_gone(struct baton_peer *peer)
{
	struct conn *conn = conn_of(peer);
	struct chat *chat = conn->chat;

	chat_read(chat); /* its last words may be there */
	if (conn->is_open)
		chat_count(chat, BATON_METRIC_CONNECTIONS_CLOSED);
	conn->ended = true;
	clean(conn);
	chat_young(conn, false);
	slot_give(chat, conn->id);
	conn_free(conn);
}

static const struct baton_ws_ops ws_ops = {
	.accept = on_accept,
	.established = on_established,
	.receive = on_receive,
	.pong = on_pong,
	.writable = on_writable,
	.gone = on_gone,
};

/* --- what the loop tells ------------------------------------------------------------------- */

/* Before the loop waits. Flushing may make connections dirty again (a replay goes on), so there
 * is a bound; those left over ask for the socket, and that wakes the loop. */
static void flush(void *ud)
{
	struct chat *chat = *(struct chat **)ud;
	uint64_t left = chat ? FLUSH_LAPS * ((uint64_t)chat->n_conns + 1) : 0;

	for (; left > 0 && chat->dirty; left--) {
		struct conn *conn = chat->dirty;
		clean(conn);
		conn_flush(conn);
	}
	for (struct conn *conn = chat ? chat->dirty : NULL; conn; conn = conn->dirty_next)
		lws_callback_on_writable(conn->wsi);
}

static void sweep_young(struct chat *chat, uint64_t now_ms)
{
	while (chat->young && now_ms - chat->young->born_ms > BATON_HELLO_MS)
		conn_close(chat->young, CLOSE_POLICY); /* takes it off the list */
}

static void sweep(void *ud)
{
	struct chat *chat = ud;
	uint64_t now_ms = chat_now_ms(chat);

	chat->timer = baton_loop_timer(baton_port_loop(chat->port), SWEEP_MS, sweep, chat);
	sweep_young(chat, now_ms);
	for (uint32_t i = chat->tick++ % SLICES; i < chat->n_slots; i += SLICES)
		if (chat->slots[i].conn)
			conn_tend(chat->slots[i].conn, now_ms);
}

/* --- what the server tells ----------------------------------------------------------------- */

static void chat_close(void *channel)
{
	struct chat *chat = channel;

	chats[baton_port_worker(chat->port)] = NULL;
	baton_loop_timer_stop(baton_port_loop(chat->port), chat->timer);
	baton_listener_close(&chat->listener);
	baton_buf_done(&chat->inbox);
	baton_free(chat->slots);
	baton_free(chat);
}

static int chat_open(struct baton_port *port, void **ret_channel)
{
	struct chat *chat = baton_new(struct chat);
	struct baton_loop *loop = baton_port_loop(port);
	unsigned worker = baton_port_worker(port);

	baton_assert(worker < BATON_WORKERS_MAX);
	chat->port = port;
	int rc = baton_listener_open(&chat->listener, port, &ws_ops, chat);
	if (rc < 0) {
		baton_free(chat);
		return rc;
	}
	chats[worker] = chat;
	letters[worker].mail.deliver = inbox_deliver;
	letters[worker].chat = &chats[worker];
	baton_loop_before_wait(loop, flush, &chats[worker]);
	chat->timer = baton_loop_timer(loop, SWEEP_MS, sweep, chat);
	*ret_channel = chat;
	return 0;
}

static void say_bye(struct conn *conn)
{
	uint16_t random = 0;

	/* Those who come back shall not come all at once. Without randomness: in the middle. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = UINT16_MAX / 2;
	uint64_t after_ms = BYE_MS_MIN + (uint64_t)random * (BYE_MS_MAX - BYE_MS_MIN) / UINT16_MAX;
	baton_wire_bye("drain", after_ms, conn_frame_begin(conn));
	conn_frame_end(conn, FRAME_KEPT);
	conn_close(conn, CLOSE_RESTART);
}

static void chat_notify(void *channel, baton_conn id, struct baton_notice *notice)
{
	struct chat *chat = channel;
	struct conn *conn = conn_named(chat, id);

	if (conn)
		follow_notify(conn, notice);
	/* It was held open by its answer alone; the notice may have closed it. */
	if (conn && chat->draining && notice->type == BATON_NOTE_RUN && !notice->running &&
	    conn_named(chat, id) == conn && conn->state != CONN_CLOSING &&
	    !follow_hears_answer(conn))
		say_bye(conn);
}

static void chat_drain(void *channel)
{
	struct chat *chat = channel;

	bool again = chat->draining;

	chat_read(chat); /* what came before is heard */
	baton_listener_drain(&chat->listener);
	chat->draining = true;
	for (uint32_t i = 0; i < chat->n_slots; i++) {
		struct conn *conn = chat->slots[i].conn;

		if (conn && conn->state != CONN_CLOSING && (again || !follow_hears_answer(conn)))
			say_bye(conn);
	}
}

const struct baton_channel_ops *baton_chat_channel(void)
{
	static const struct baton_channel_ops ops = {
		.open = chat_open,
		.notify = chat_notify,
		.drain = chat_drain,
		.close = chat_close,
	};

	return &ops;
}
