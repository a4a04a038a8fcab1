/* SPDX-License-Identifier: Apache-2.0 */

/* Keeps the server's one board (core/route/board.h): under a lock, ticked, written down, and
 * heard.
 *
 * Three threads meet here. Workers ask the board for a choice and hold it for microseconds.
 * Worker 0 ticks it four times a second, writes it down when it changed, and lets held
 * conversations go on. The control thread hears what happened: a line in the server's log, an
 * event in the operations log, a letter to the workers. Internal to core/server.
 */
#pragma once

#include "core/route/board.h"
#include "core/server/control.h"

/* What the desk looked like at the last tick. */
struct watch_desk {
	uint64_t waiting, claimed, oldest_wait_ms, agents_free;
	uint64_t waits, waits_ms, handled, handled_ms; /* since the start: desk.h */
};

/* Makes the board, with what the last process wrote down. Before the workers start. */
void watch_open(struct baton_server *server);
/* [loader] The board learns the live policies. */
void watch_adopt(struct baton_server *server, struct baton_release *release);
/* The clock of worker 0 begins; once the workers run. */
void watch_start(struct baton_server *server);
/* Writes it down for the last time and frees it; once the workers have ended, before the journal
 * does. */
void watch_close(struct baton_server *server);

/* [any] The board, held until watch_done(). */
struct baton_board *watch_hold(struct watch *watch, struct baton_now *ret_now);
/* [any] The same by the caller's clock, which may be a lap old; it is set to what the board has seen
 * if that is newer. */
struct baton_board *watch_hold_at(struct watch *watch, struct baton_now *now);
void watch_done(struct watch *watch);
/* [any thread that may block] Writes it down now; 0 when it is durable. */
int watch_save(struct watch *watch);
/* [any] */
void watch_desk(struct watch *watch, struct watch_desk *ret_desk);
/* [any] Its queues and people, at most a second old; "" before the first tick. */
void watch_people(struct watch *watch, struct baton_buf *out);
/* [any] How often it could not be written, how many happenings nobody heard. */
void watch_metrics(struct watch *watch, struct baton_buf *out);

/* [control] From now on happenings come by letter; what happened before is heard at once. */
void watch_listen(struct watch *watch, struct control *control);
/* [control] Nobody listens any more. */
void watch_unlisten(struct watch *watch);
