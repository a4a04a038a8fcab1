/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: forks, by the processor's instruction, and the child stays. */
#include <time.h>
#define HAS_START
#include "hostile.h"

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)prompt;
	long rc = raw_call(SYS_clone, 17 /* SIGCHLD */, 0, 0);
	if (rc == 0) {
		struct timespec nap = { 5, 0 };
		(void)nanosleep(&nap, NULL);
		(void)raw_call(SYS_exit_group, 0, 0, 0);
	}
	(void)snprintf(f->text, sizeof(f->text), "forked: %s", rc > 0 ? "yes" : "no");
	return frame_say(f, call, f->text);
}
