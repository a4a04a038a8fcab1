/* SPDX-License-Identifier: Apache-2.0 */

/* The development server and its control socket. */

#include "core/cli/dev.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void show_log(void *ud, baton_str line)
{
	dev_show_log(ud, line);
}

int dev_server_start(struct dev *dev)
{
	char policies[BATON_SCRATCH_BYTES + 16], modules[BATON_SCRATCH_BYTES + 16];
	struct cli_child_options options = { .policies = policies,
					     .data = dev->data,
					     .modules = modules,
					     .secrets = dev->options->secrets,
					     .allow_loopback_http =
						     dev->options->allow_loopback_http,
					     .ud = dev,
					     .log = show_log };

	snprintf(policies, sizeof(policies), "%s/policies", dev->dir);
	snprintf(modules, sizeof(modules), "%s/modules", dev->dir);
	if (cli_child_start(&dev->child, &options) == CLI_OK)
		return CLI_OK;
	fprintf(stderr, "baton dev: the server did not start\n");
	return CLI_FAILED;
}

/* --- the control socket ---------------------------------------------------------------------- */

int dev_link_open(struct dev *dev, struct dev_link *link)
{
	*link = (struct dev_link){ .fd = cli_control_connect(dev->data) };
	return link->fd < 0 ? CLI_UNREACHABLE : CLI_OK;
}

void dev_link_close(struct dev_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	baton_buf_done(&link->in);
}

bool dev_link_send(struct dev_link *link, const struct baton_buf *line)
{
	struct baton_buf text = { NULL, 0, 0 };

	baton_buf_str(&text, baton_buf_view(line));
	baton_buf_z(&text, "\n");
	bool sent = send(link->fd, text.p, text.n, MSG_NOSIGNAL) == (ssize_t)text.n;
	baton_buf_done(&text);
	return sent;
}
