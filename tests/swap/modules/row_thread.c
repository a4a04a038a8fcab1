/* SPDX-License-Identifier: Apache-2.0 */

/* Row 5: leaves a thread running in its own code, whatever the rules say. */
#include <pthread.h>
#include <time.h>
#define HAS_CREATE
#define FRAME_ID "thread"
#include "frame.h"

static volatile unsigned laps;

static void *run(void *arg)
{
	struct timespec nap = { 0, 1000000 };
	for (;;) {
		laps = laps + 1;
		(void)nanosleep(&nap, NULL);
	}
	return arg;
}

static int32_t at_create(struct frame *f)
{
	pthread_t thread;
	pthread_attr_t attr;
	(void)f;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, 65536);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	return pthread_create(&thread, &attr, run, NULL) == 0 ? BATON_OK : BATON_E_NOMEM;
}
