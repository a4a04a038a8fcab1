/* SPDX-License-Identifier: Apache-2.0 */

/* The bare limit of WebSockets on this machine: epoll, read, unmask, write back. It shakes hands
 * with anybody and believes every length; it takes one frame of up to 64 KiB at a time, as the
 * bench sends them. */

#include "kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_BYTES = 64 * 1024, EVENTS = 512 };

struct conn {
	int fd;
	bool open; /* the handshake is done */
};

static void shake_hands(struct conn *conn, char *request)
{
	static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char sha1[20], accept[32];
	char text[128], answer[256];
	char *key = strcasestr(request, "Sec-WebSocket-Key: ");

	if (!key)
		kit_fail("no key");
	key += 19;
	key[strcspn(key, "\r")] = '\0';
	snprintf(text, sizeof(text), "%.60s%s", key, magic);
	EVP_Digest(text, strlen(text), sha1, NULL, EVP_sha1(), NULL);
	EVP_EncodeBlock(accept, sha1, sizeof(sha1));
	int n = snprintf(answer, sizeof(answer),
			 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			 accept);
	kit_send(conn->fd, answer, (size_t)n);
	conn->open = true;
}

static void unmask(unsigned char *p, size_t n, const unsigned char mask[4])
{
	uint64_t wide;

	for (size_t i = 0; i < 8; i++)
		((unsigned char *)&wide)[i] = mask[i % 4];
	for (; n >= 8; p += 8, n -= 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		word ^= wide;
		memcpy(p, &word, 8);
	}
	for (size_t i = 0; i < n; i++)
		p[i] ^= mask[i % 4];
}

/* The frame in `in` goes back without its mask: the header is rewritten in front of the payload. */
static void echo(struct conn *conn, unsigned char *in, size_t n)
{
	size_t length = in[1] & 127, head = 6;

	if (length == 126) {
		length = (size_t)in[2] << 8 | in[3];
		head = 8;
	}
	if ((in[0] & 15) == 8 || n != head + length)
		return;
	unmask(in + head, length, in + head - 4);
	unsigned char *frame = in + 4; /* the mask's room */
	frame[0] = in[0];
	frame[1] = (unsigned char)(length < 126 ? length : 126);
	if (length >= 126) {
		frame[2] = (unsigned char)(length >> 8);
		frame[3] = (unsigned char)length;
	}
	kit_send(conn->fd, frame, head - 4 + length);
}

static void readable(struct conn *conn)
{
	static unsigned char in[IN_BYTES];
	ssize_t n = recv(conn->fd, in, sizeof(in) - 1, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close(conn->fd);
		free(conn);
		return;
	}
	in[n] = '\0';
	if (conn->open)
		echo(conn, in, (size_t)n);
	else
		shake_hands(conn, (char *)in);
}

int main(void)
{
	struct epoll_event events[EVENTS], event = { .events = EPOLLIN };

	kit_raise_files();
	int listen_fd = kit_listen(), epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
		kit_fail("epoll");
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr) {
				readable(events[i].data.ptr);
				continue;
			}
			struct conn *conn = calloc(1, sizeof(*conn));
			event.data.ptr = conn;
			conn->fd = kit_accept(listen_fd);
			if (conn->fd < 0)
				free(conn);
			else if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) < 0)
				kit_fail("epoll_ctl");
		}
	}
}
