/* SPDX-License-Identifier: Apache-2.0 */

/* Whether an answer that is late is the module's fault or the machine's. A clock on the wall cannot
 * tell: a process that did not get a processor has done nothing wrong, and to kill it makes a busy
 * machine busier. So what is held against a module is the processor time that its process had since
 * it was asked, or that it sleeps; a process that could run and may not is waited for longer, though
 * not for ever. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	BATON_PULSE_LOOK_MS = 5 /* between two looks at a process that is late */
};

/* One look at a process. */
struct baton_pulse {
	uint64_t cpu_ms; /* processor time of all of its threads so far */
	char state;      /* of its main thread, a letter of /proc/PID/stat; 0: not known */
	bool inside;     /* a function of the module is on that thread's stack */
};

/* What an answer that is due may cost. `budget_ms` counts processor time, and on the wall alike for
 * one that sleeps; `limit_ms` counts on the wall, whatever the machine does. */
struct baton_patience {
	uint32_t budget_ms, limit_ms;
};

/* A wait for one answer. */
struct baton_wait {
	uint64_t since_ms;  /* when it was asked */
	uint64_t cpu_ms;    /* what its process had had at the first look */
	uint64_t asleep_ms; /* when the first of the looks in a row was that found it asleep */
	bool looked;
};

enum baton_wait_end {
	BATON_WAIT_ON,
	BATON_WAIT_HUNG,   /* it had what it may have, or sleeps: the module is at fault */
	BATON_WAIT_STARVED /* it could have run, and the limit is over: nobody is at fault */
};

static inline struct baton_wait baton_wait_from(uint64_t now_ms)
{
	return (struct baton_wait){ .since_ms = now_ms };
}
/* What the look `at` says of the wait; pure. An answer that has come meanwhile is to be read before
 * this is acted upon. */
enum baton_wait_end baton_wait_look(struct baton_wait *wait, struct baton_patience patience,
				    const struct baton_pulse *at, uint64_t now_ms);
/* How long until the next look is worth it, at least 1. */
uint32_t baton_wait_next_ms(const struct baton_wait *wait, struct baton_patience patience,
			    uint64_t now_ms);

/* Looks at a process that has not been reaped yet. What cannot be found out is 0. */
void baton_pulse_read(pid_t pid, struct baton_pulse *ret);
