/* SPDX-License-Identifier: Apache-2.0 */

/* An event loop: one thread's libuv loop with a mailbox, timers, jobs and outbound HTTP. Workers,
 * the exporter and the loader each have one. libuv appears in this folder, and in channels/ only as
 * the loop that libwebsockets is given.
 */
#pragma once

#include "core/base/str.h"

struct baton_loop;

/* A letter: embed it first in what you send. `deliver` runs once on the receiving loop and owns the
 * letter from then on. If the loop ends first, `deliver` is called with loop = NULL: only free. */
struct baton_mail {
	struct baton_mail *next; /* the mailbox's own */
	void (*deliver)(struct baton_mail *mail, struct baton_loop *loop);
};

/* [thread that will run it] Never NULL. `name` is for logs and the thread's name; copied. */
struct baton_loop *baton_loop_new(const char *name);
void baton_loop_free(struct baton_loop **loop);
/* Runs until baton_loop_stop(). */
void baton_loop_run(struct baton_loop *loop);
void baton_loop_stop(struct baton_loop *loop); /* [any] */
/* Lock-free, wakes the loop if it sleeps; letters of one sender arrive in order. One that the loop's
 * own thread posts is delivered in the same turn, never before the caller has returned. [any] */
void baton_loop_post(struct baton_loop *loop, struct baton_mail *mail);
/* The uv_loop_t, for libwebsockets' foreign loop. */
void *baton_loop_uv(struct baton_loop *loop);
uint64_t baton_loop_now_ns(struct baton_loop *loop); /* [any] CLOCK_MONOTONIC */
uint64_t baton_loop_unix_ms(void);                   /* [any] */
/* [loop] The same two clocks, as they were when this lap first asked, or its timers fired. To look at
 * a clock costs 60 ns on a virtual machine; what happens in one lap happens at one time. For what
 * takes time within a lap use those above. */
uint64_t baton_loop_lap_ns(struct baton_loop *loop);
uint64_t baton_loop_lap_unix_ms(struct baton_loop *loop);
/* [loop] libuv's, in milliseconds: when the last wait was over. Enough for deadlines of seconds. */
uint64_t baton_loop_lap_ms(struct baton_loop *loop);

/* One-shot timers, named by a number that is never reused. fn runs on the loop. [loop] */
uint64_t baton_loop_timer(struct baton_loop *loop, uint64_t delay_ms, void (*fn)(void *ud),
			  void *ud);
/* false if it has fired or never was. */
bool baton_loop_timer_stop(struct baton_loop *loop, uint64_t timer);

/* `work` on a pool thread, then `done` on the loop. 0 or BATON_E_AGAIN (queue full). [loop] */
int baton_loop_job(struct baton_loop *loop, void (*work)(void *ud), void (*done)(void *ud),
		   void *ud);

/* Called once per turn of the loop before it waits: where frames gathered during it are flushed.
 * At most 4 per loop; never removed. [loop] */
void baton_loop_before_wait(struct baton_loop *loop, void (*fn)(void *ud), void *ud);

/* Readiness of a descriptor that is not ours to close: fn(ud, readable, writable). [loop] */
uint64_t baton_loop_watch(struct baton_loop *loop, int fd, bool read, bool write,
			  void (*fn)(void *ud, bool readable, bool writable), void *ud);
void baton_loop_watch_stop(struct baton_loop *loop, uint64_t watch);

/* How long the loop was kept from waiting, worst since the last call, in microseconds; may be up to a
 * millisecond too much. [any] */
uint64_t baton_loop_lag_us(struct baton_loop *loop);
