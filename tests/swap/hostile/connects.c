/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: opens a connection of its own, past the list of hosts. Its `set` is the port. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#define HAS_START
#include "hostile.h"

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)atoi(f->set)) };
	(void)prompt;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = fd >= 0 ? connect(fd, (const struct sockaddr *)&to, sizeof(to)) : -1;
	(void)snprintf(f->text, sizeof(f->text), "connected: %s", rc == 0 ? "yes" : "no");
	if (fd >= 0)
		(void)close(fd);
	return frame_say(f, call, f->text);
}
