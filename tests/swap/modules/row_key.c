/* SPDX-License-Identifier: Apache-2.0 */

/* Row 6: thread-specific data whose destructor runs when the server's threads end, long after. */
#include <pthread.h>
#define HAS_START
#define FRAME_ID "key"
#include "frame.h"

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static volatile unsigned dropped;

static void drop(void *p)
{
	dropped = dropped + 1;
	free(p);
}

static void make(void)
{
	(void)pthread_key_create(&key, drop);
}

static void touch(void *user)
{
	(void)user;
	(void)pthread_once(&once, make);
	if (!pthread_getspecific(key))
		(void)pthread_setspecific(key, malloc(16));
}

static void done(void *user, int32_t status)
{
	struct frame *f = user;
	(void)status;
	(void)frame_say(f, f->call, f->text);
}

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)prompt, (void)call;
	touch(NULL); /* on the loop's thread, and on one of the pool */
	return f->host->job(f->ctx, touch, done, f, NULL);
}
