/* SPDX-License-Identifier: Apache-2.0 */

/* Row 4: ends its call, which may be the last thing that keeps it loaded, and then goes on in
 * its own code for a while: on the loop, and in a job. */
#include <time.h>
#define HAS_START
#define FRAME_ID "linger"
#include "frame.h"

static volatile unsigned spun;

static void linger(long ms)
{
	struct timespec from, now;
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		for (unsigned i = 0; i < 1000; i++)
			spun = spun + i;
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 < ms);
}

static void work(void *user)
{
	(void)user;
	linger(200);
}

static void done(void *user, int32_t status)
{
	(void)user, (void)status;
	linger(1);
}

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)prompt;
	(void)f->host->job(f->ctx, work, done, NULL, NULL);
	(void)frame_say(f, call, f->text);
	linger(50);
	return BATON_OK;
}
