/* SPDX-License-Identifier: Apache-2.0 */

/* What a generation is known by: how often it was called, how long it held a loop, which rules of
 * the contract it broke, what it counted itself. Any thread. */
#pragma once

#include "core/base/buf.h"

#include <pthread.h>
#include <stdatomic.h>

/* Rules of the contract as the host meets them: X(NAME, "label") */
#define BATON_BREACHES(X)                                                                   \
	X(STALE, "stale_handle")             /* a handle that never was or is long gone */  \
	X(TWO_ENDS, "two_ends")              /* end or fail after end or fail */            \
	X(AFTER_END, "word_after_end")       /* delta, usage or result after end or fail */ \
	X(AFTER_CANCEL, "word_after_cancel") /* anything but the end after cancel() */      \
	X(NO_END, "no_end_after_cancel")     /* no end within 250 ms of cancel() */         \
	X(THREAD, "wrong_thread")            /* a [loop] function from another thread */    \
	X(STATE, "wrong_state")     /* not possible now: a timer before there is a loop */  \
	X(ARGUMENT, "bad_argument") /* NULL with a length, an unknown enumerator */         \
	X(OUTPUT, "bad_output")     /* not UTF-8, too long, out of range */                 \
	X(LEFTOVER, "leftovers")    /* timers, HTTP, watches or calls open at destroy */    \
	X(SURROUNDINGS, "surroundings") /* signal handlers, locale, directory, mask changed */

enum baton_breach {
#define X(NAME, label) BATON_BREACH_##NAME,
	BATON_BREACHES(X)
#undef X
		BATON_BREACH_COUNT
};

enum {
	BATON_METER_VALUES_MAX = 64,
	BATON_METER_NAME_BYTES = 48,
	BATON_METER_LOG_BURST = 50,
	BATON_METER_LOG_PER_S = 10,
	BATON_METER_TIMES = 128 /* four steps for each doubling of microseconds */
};

struct baton_meter_value {
	char name[BATON_METER_NAME_BYTES];
	bool is_time;
	uint64_t n, sum; /* count: sum alone; time: samples and microseconds */
};

struct baton_meter {
	const char *module; /* its name in the policies; borrowed */
	_Atomic(uint64_t) calls, overruns, overrun_us_max, log_dropped;
	_Atomic(uint64_t) visits_us, asked_us; /* all stays in its code; all units of work */
	_Atomic(uint64_t) breaches[BATON_BREACH_COUNT];
	_Atomic(uint64_t) asked, failed; /* units of work: classify, search, start, append, check */
	_Atomic(uint32_t) times[BATON_METER_TIMES];
	pthread_mutex_t lock; /* what follows */
	struct baton_meter_value values[BATON_METER_VALUES_MAX];
	size_t n_values;
	double log_tokens;
	uint64_t log_ns;
};

void baton_meter_init(struct baton_meter *meter, const char *module);
void baton_meter_done(struct baton_meter *meter);
/* Counts a broken rule and says so once in a while. `detail` is ours, never the module's text. */
void baton_meter_breach(struct baton_meter *meter, enum baton_breach breach, const char *detail);
/* One call into the module took `us`. Above 5 ms it is an overrun; create and activate have 100. */
void baton_meter_visit(struct baton_meter *meter, const char *where, uint64_t us);
/* A unit of work has ended after `us`, with a failure or not. */
void baton_meter_answer(struct baton_meter *meter, bool failed, uint64_t us);
/* The time that 95 of 100 units of work stayed below, within a fifth; 0: there were none. */
uint64_t baton_meter_p95_us(const struct baton_meter *meter);
/* false: the module has logged too much lately. */
bool baton_meter_may_log(struct baton_meter *meter);
/* Names are [a-z0-9_]{1,47}; others, and more than 64 of them, are dropped: false. */
bool baton_meter_add(struct baton_meter *meter, const char *name, bool is_time, uint64_t v);
/* {"breaches":{rule:n},"counters":{name:n},"times":{name:{"n","us"}}}: everything, 0 included. */
void baton_meter_json(struct baton_meter *meter, struct baton_buf *out);
/* Adds what `from` has counted to `to`, which is another generation of the same name. */
void baton_meter_merge(struct baton_meter *to, struct baton_meter *from);
/* All families of `n` meters in Prometheus text exposition. */
void baton_meter_text(struct baton_meter *const *meters, size_t n, struct baton_buf *out);
