/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: writes a file where it has no business, and reads one. */
#include <fcntl.h>
#include <unistd.h>
#define HAS_START
#include "hostile.h"

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	char path[64], byte = 0;
	(void)prompt;
	(void)snprintf(path, sizeof(path), "/tmp/baton-hostile-%s", f->set);
	int out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int in = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	(void)snprintf(f->text, sizeof(f->text), "wrote: %s, read: %s", out >= 0 ? "yes" : "no",
		       in >= 0 && read(in, &byte, 1) == 1 ? "yes" : "no");
	if (out >= 0)
		(void)close(out);
	if (in >= 0)
		(void)close(in);
	return frame_say(f, call, f->text);
}
