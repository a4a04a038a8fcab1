/* SPDX-License-Identifier: Apache-2.0 */

/* Row 11: has global functions with the names of another module's and of the server's. */
#define HAS_START
#define FRAME_ID "clash-a"
#include "frame.h"

const char *shared_name(void);
int baton_rack_new(void);

const char *shared_name(void)
{
	return "mine-a";
}

int baton_rack_new(void)
{
	return 41;
}

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)prompt;
	(void)snprintf(f->text, sizeof(f->text), "%s %d", shared_name(), baton_rack_new());
	return frame_say(f, call, f->text);
}
