/* SPDX-License-Identifier: Apache-2.0 */

/* A replay with the real things: decisions out of the journal, rules and classifiers that are loaded.
 * Rules may be anybody's module, so the modules are asked, not the policies' text.
 *
 * A classifier is asked if the rack has it, if it is not the same on both sides and answers at once, as
 * ours does; one that works in a process of its own or asks a server is left out, and the sum says so.
 * Blocking: with a rack, on the thread of its loop. Host code.
 */
#pragma once

#include "core/journal/journal.h"
#include "core/module/release.h"
#include "core/swap/replay.h"

struct baton_replay_options {
	struct baton_journal *journal; /* may be opened read-only, beside the server that writes it */
	uint32_t turns;                /* the newest so many */
	uint64_t since_ms, until_ms;   /* unix; until_ms 0: now */
	uint32_t time_ms;              /* for all of it; 0: two seconds */
	struct baton_release *old, *now;
	struct baton_rack *rack; /* has a seat for both, on the caller's loop; NULL: one of rules alone is
				  * made for it, on a thread of its own */
};
/* 0 and the sum, to be ended with baton_replay_sum_done(); or an error of the journal, or
 * BATON_E_MODULE: a rule module made no instance, is not well, or often could not answer. */
int baton_replay_run(const struct baton_replay_options *options, struct baton_replay_sum *ret_sum);

/* Only what was recorded, until `deadline_ns` of CLOCK_MONOTONIC. */
int baton_replay_recorded(const struct baton_replay_options *options, uint64_t deadline_ns,
			  struct baton_replay **ret_replay);
