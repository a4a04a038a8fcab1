/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls on a thread of the pool. */
#define HAS_START
#include "hostile.h"

static void work(void *user)
{
	(void)user;
	hostile_crash();
}

static void done(void *user, int32_t status)
{
	(void)user, (void)status;
}

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)call, (void)prompt;
	return f->host->job(f->ctx, work, done, f, NULL);
}
