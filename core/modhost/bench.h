/* SPDX-License-Identifier: Apache-2.0 */

/* The test bench a probed module stands on: a host table that gives it timers, jobs, letters and
 * descriptors, and nothing of the world. One process, one module, so its state is static. Jobs run
 * on the same thread, one after the other, when the module's own function has returned. */
#pragma once

#include "core/base/buf.h"

enum { BENCH_CHECK_CALL = 1 }; /* the one call there is: check()'s */

struct bench_view {
	unsigned open; /* timers and watches */
	bool check_ended;
	uint32_t fail;     /* of check(): UINT32_MAX if it ended well */
	char message[200]; /* of its failure */
};

const baton_host *bench_host(void);
/* A name for one instance. Never given back: the process ends soon. */
baton_ctx *bench_ctx(void);
/* What check() is about to answer. */
void bench_expect_check(void);
/* Runs what the module has asked for until check() has ended. False: nothing runs any more that could
 * end it. */
bool bench_run_until_checked(void);
/* Jobs that were begun are finished, as they are before destroy(). */
void bench_finish_jobs(void);
struct bench_view bench_view(void);
