/* SPDX-License-Identifier: Apache-2.0 */

/* Listening sockets: one per worker on the same address (SO_REUSEPORT), so that the kernel spreads
 * the connections and no worker ever waits for another to accept. */

#include "core/server/worker.h"

#include "core/base/errors.h"
#include "core/base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the kernel grants by default (net.core.somaxconn): a restart brings everybody back at
 * once, and who does not fit waits a second or three for the next try. */
enum { BACKLOG = 4096 };

static int split(const char *listen, char host[128], char port[8])
{
	const char *colon = strrchr(listen, ':');
	size_t host_n = colon ? (size_t)(colon - listen) : 0;

	if (!colon || host_n >= 128 || strlen(colon + 1) >= 8 || colon[1] == '\0')
		return BATON_E_INVAL;
	if (host_n >= 2 && listen[0] == '[' && listen[host_n - 1] == ']') {
		listen++;
		host_n -= 2;
	}
	memcpy(host, listen, host_n);
	host[host_n] = '\0';
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	/* getaddrinfo() would take any number and keep its low 16 bits. */
	return host_n > 0 && strspn(port, "0123456789") == strlen(port) &&
			       strtoul(port, NULL, 10) <= UINT16_MAX
		       ? BATON_OK
		       : BATON_E_INVAL;
}

static int open_one(const struct sockaddr *address, socklen_t length, bool shared)
{
	int on = 1;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
	    bind(fd, address, length) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

/* Sockets that share a port would also share it with another server of the same user, and half the
 * customers would end there: the address must be free for one that does not share. */
static bool is_free(const struct sockaddr *address, socklen_t length)
{
	int fd = open_one(address, length, false);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* The address as it is bound; port 0 has become a number that the other sockets share. */
static void name_base(struct baton_server *server, const struct sockaddr_storage *bound,
		      socklen_t length)
{
	char host[64], port[8];

	if (getnameinfo((const struct sockaddr *)bound, length, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	snprintf(server->base, sizeof(server->base),
		 strchr(host, ':') ? "http://[%s]:%s" : "http://%s:%s", host, port);
}

static int open_all(struct baton_server *server, const struct addrinfo *found)
{
	struct sockaddr_storage bound;
	socklen_t length = found->ai_addrlen;

	if (length > sizeof(bound))
		return BATON_E_INVAL;
	memcpy(&bound, found->ai_addr, length);
	if (!is_free(found->ai_addr, length))
		return BATON_E_IO;
	for (unsigned i = 0; i < server->n_workers; i++) {
		int fd = open_one((const struct sockaddr *)&bound, length, true);

		server->workers[i].listen_fd = fd;
		if (fd < 0 || getsockname(fd, (struct sockaddr *)&bound, &length) != 0)
			return BATON_E_IO;
	}
	name_base(server, &bound, length);
	return BATON_OK;
}

int listen_open(struct baton_server *server)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo *found = NULL;
	char host[128], port[8];

	int rc = split(server->options.listen, host, port);
	if (rc < 0 || getaddrinfo(host, port, &hints, &found) != 0) {
		baton_log(BATON_LOG_ERROR, "listen_invalid", "ss", "listen", server->options.listen,
			  "hint", "write ADDRESS:PORT, for example 127.0.0.1:7070 or [::1]:7070");
		return BATON_E_INVAL;
	}
	rc = open_all(server, found);
	if (rc < 0)
		baton_log(BATON_LOG_ERROR, "listen_failed", "ss", "listen", server->options.listen,
			  "why", strerror(errno));
	freeaddrinfo(found);
	return rc;
}

void listen_close(struct baton_server *server)
{
	for (unsigned i = 0; i < server->n_workers; i++)
		if (server->workers[i].listen_fd >= 0)
			close(server->workers[i].listen_fd);
}
