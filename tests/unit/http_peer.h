/* SPDX-License-Identifier: Apache-2.0 */

/* A scripted HTTP server on loopback for tests: the path of a request picks what is answered, down
 * to single bytes, cut connections and silence. One thread for each connection; it never sleeps. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum peer_after {
	PEER_KEEP,  /* the connection serves the next request */
	PEER_CLOSE, /* orderly */
	PEER_RESET, /* RST */
	PEER_HANG,  /* says nothing until the client leaves */
	PEER_FLOOD, /* repeats `unit` until the client leaves */
};

struct peer_script {
	const char *path;
	const char *bytes; /* NULL: echo the request as a text/plain body */
	size_t n, piece;   /* piece: bytes per write, 0: all at once */
	enum peer_after after;
	const char *unit;
};

#define PEER_BYTES(text) (text), sizeof(text) - 1

enum { PEER_CONNS_MAX = 2048, PEER_REQUEST_MAX = 1024 * 1024 };

struct peer;
struct peer_conn {
	struct peer *peer;
	pthread_t thread;
	int fd;
};

struct peer {
	const struct peer_script *scripts;
	size_t n_scripts;
	int fd;
	uint16_t port;
	pthread_t thread;
	atomic_uint n_conns, n_requests,
		n_left; /* left: clients that closed while we hung or flooded */
	struct peer_conn conns[PEER_CONNS_MAX];
};

static bool peer_write(int fd, const char *p, size_t n, size_t piece)
{
	while (n) {
		size_t part = piece && piece < n ? piece : n;
		ssize_t written = send(fd, p, part, MSG_NOSIGNAL);
		if (written <= 0)
			return false;
		p += written;
		n -= (size_t)written;
	}
	return true;
}

/* Reads one request; its bytes, 0 at the end of the connection. */
static size_t peer_read(int fd, char *request, size_t cap)
{
	size_t n = 0, need = SIZE_MAX;

	while (n < need && n < cap - 1) {
		ssize_t got = recv(fd, request + n, cap - 1 - n, 0);
		if (got <= 0)
			return 0;
		n += (size_t)got;
		request[n] = '\0';
		char *end = strstr(request, "\r\n\r\n");
		if (!end || need != SIZE_MAX)
			continue;
		const char *length = strcasestr(request, "\r\ncontent-length:");
		size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
		need = (size_t)(end - request) + 4 + body;
	}
	return n;
}

static bool peer_echo(int fd, const char *request, size_t n)
{
	char head[128];
	int head_n = snprintf(
		head, sizeof(head),
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", n);
	return peer_write(fd, head, (size_t)head_n, 0) && peer_write(fd, request, n, 0);
}

static const struct peer_script *peer_find(const struct peer *peer, const char *request)
{
	const char *path = strchr(request, ' ');
	for (size_t i = 0; path && i < peer->n_scripts; i++) {
		size_t n = strlen(peer->scripts[i].path);
		if (strncmp(path + 1, peer->scripts[i].path, n) == 0 && path[1 + n] == ' ')
			return &peer->scripts[i];
	}
	return NULL;
}

static void peer_end(struct peer_conn *conn, const struct peer_script *script)
{
	char byte;
	switch (script->after) {
	case PEER_HANG:
		while (recv(conn->fd, &byte, 1, 0) > 0)
			;
		atomic_fetch_add(&conn->peer->n_left, 1);
		break;
	case PEER_FLOOD:
		while (peer_write(conn->fd, script->unit, strlen(script->unit), 0))
			;
		atomic_fetch_add(&conn->peer->n_left, 1);
		break;
	case PEER_RESET: {
		struct linger linger = { .l_onoff = 1 };
		setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		break;
	}
	case PEER_CLOSE:
	case PEER_KEEP:
		break;
	}
}

static void *peer_serve(void *ud)
{
	struct peer_conn *conn = ud;
	char *request = malloc(PEER_REQUEST_MAX);
	size_t n;
	bool keep = request != NULL;

	while (keep && (n = peer_read(conn->fd, request, PEER_REQUEST_MAX))) {
		atomic_fetch_add(&conn->peer->n_requests, 1);
		const struct peer_script *script = peer_find(conn->peer, request);
		if (!script)
			break;
		keep = script->bytes ? peer_write(conn->fd, script->bytes, script->n, script->piece)
				     : peer_echo(conn->fd, request, n);
		if (keep)
			peer_end(conn, script);
		keep = keep && script->after == PEER_KEEP;
	}
	free(request);
	shutdown(conn->fd, SHUT_WR);
	close(conn->fd);
	conn->fd = -1;
	return NULL;
}

static void *peer_accept(void *ud)
{
	struct peer *peer = ud;
	unsigned n = 0;

	while (n < PEER_CONNS_MAX) {
		int fd = accept(peer->fd, NULL, NULL);
		if (fd < 0)
			break;
		int one = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		struct peer_conn *conn = &peer->conns[n];
		conn->peer = peer;
		conn->fd = fd;
		atomic_store(&peer->n_conns, n + 1); /* before anything is served on it */
		if (pthread_create(&conn->thread, NULL, peer_serve, conn) != 0) {
			close(fd);
			break;
		}
		n++;
	}
	for (unsigned i = 0; i < n; i++)
		pthread_join(peer->conns[i].thread, NULL);
	return NULL;
}

/* Returns 0; else the test cannot run. */
static int peer_start(struct peer *peer, const struct peer_script *scripts, size_t n)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer->scripts = scripts;
	peer->n_scripts = n;
	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(peer->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(peer->fd, 1024) != 0 ||
	    getsockname(peer->fd, (struct sockaddr *)&address, &len) != 0)
		return -1;
	peer->port = ntohs(address.sin_port);
	return pthread_create(&peer->thread, NULL, peer_accept, peer);
}

/* After all clients have closed their connections. */
static void peer_stop(struct peer *peer)
{
	shutdown(peer->fd, SHUT_RDWR);
	pthread_join(peer->thread, NULL);
	close(peer->fd);
}
