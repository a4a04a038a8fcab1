/* SPDX-License-Identifier: Apache-2.0 */

/* A provider that costs as little as possible: POST .../chat/completions in the shape of OpenAI's
 * API, whole or streamed. What it does is in the name of the model:
 *
 *   plain                  answers at once with about 700 bytes
 *   chunks-20-5            streams 20 chunks, the first at once, then one every 5 ms
 *
 * A request without a body asks how many there were, and how many bytes their bodies had.
 *
 * Every chunk carries `ts=`, the time at which it was sent (CLOCK_MONOTONIC, ns), so that a
 * client on this machine can tell the way in from the way out. Trusts its peers: it is for
 * measuring only. */

#include "kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_BYTES = 128 * 1024, CONNS_MAX = 20000, EVENTS = 512 };

struct conn {
	int fd;
	char *in;
	size_t n, cap;
	unsigned left; /* chunks to come */
	uint64_t every_ns, due_ns;
	size_t heap_at; /* 1 + index, 0: not waiting */
};

static int epoll_fd;
static struct conn *heap[CONNS_MAX];
static size_t n_heap;
static char plain[2048];
static size_t plain_n;
static unsigned long long n_bodies, n_body_bytes;

/* --- what is due next: a binary heap --- */

static void heap_put(size_t i, struct conn *conn)
{
	heap[i] = conn;
	conn->heap_at = i + 1;
}

static void heap_down(size_t i, struct conn *conn)
{
	for (size_t child; (child = 2 * i + 1) < n_heap; i = child) {
		if (child + 1 < n_heap && heap[child + 1]->due_ns < heap[child]->due_ns)
			child++;
		if (heap[child]->due_ns >= conn->due_ns)
			break;
		heap_put(i, heap[child]);
	}
	heap_put(i, conn);
}

static void heap_up(size_t i, struct conn *conn)
{
	for (size_t parent; i > 0 && heap[parent = (i - 1) / 2]->due_ns > conn->due_ns; i = parent)
		heap_put(i, heap[parent]);
	heap_put(i, conn);
}

static void heap_remove(struct conn *conn)
{
	if (conn->heap_at == 0)
		return;
	size_t i = conn->heap_at - 1;
	struct conn *last = heap[--n_heap];

	conn->heap_at = 0;
	if (last == conn)
		return;
	heap_up(i, last);
	heap_down(last->heap_at - 1, last);
}

/* --- answers --- */

static void conn_close(struct conn *conn)
{
	heap_remove(conn);
	close(conn->fd);
	free(conn->in);
	free(conn);
}

/* A peer that is gone or does not read ends its connection. */
static bool conn_send(struct conn *conn, const char *p, size_t n)
{
	if (send(conn->fd, p, n, MSG_NOSIGNAL) == (ssize_t)n)
		return true;
	conn_close(conn);
	return false;
}

static size_t put_chunk(char *out, size_t cap, const char *json)
{
	int n = (int)strlen(json) + 8; /* "data: " and the empty line */

	return (size_t)snprintf(out, cap, "%x\r\ndata: %s\n\n\r\n", (unsigned)n, json);
}

/* The next piece of a stream; the last one says that it was, and ends the answer. */
static size_t next_piece(struct conn *conn, char *out, size_t cap)
{
	static const char finish[] =
		"{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"mock\","
		"\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}";
	char json[320];

	snprintf(
		json, sizeof(json),
		"{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"mock\","
		"\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word ts=%llu \"},"
		"\"finish_reason\":null}]}",
		(unsigned long long)kit_now_ns());
	size_t n = put_chunk(out, cap, json);
	if (--conn->left > 0)
		return n;
	n += put_chunk(out + n, cap - n, finish);
	n += put_chunk(out + n, cap - n, "[DONE]");
	return n + (size_t)snprintf(out + n, cap - n, "0\r\n\r\n");
}

static bool stream_go(struct conn *conn, size_t head_n, char *out, size_t cap)
{
	size_t n = head_n + next_piece(conn, out + head_n, cap - head_n);

	if (!conn_send(conn, out, n))
		return false;
	if (conn->left > 0) {
		conn->due_ns += conn->every_ns;
		heap_up(n_heap++, conn);
	}
	return true;
}

static bool stream_begin(struct conn *conn, const char *model)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				   "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
	char out[2048], *end = NULL;

	conn->left = 1;
	conn->every_ns = 0;
	if (strncmp(model, "chunks-", 7) == 0) {
		conn->left = (unsigned)strtoul(model + 7, &end, 10);
		conn->every_ns = (uint64_t)(strtod(end + (*end == '-'), NULL) * 1e6);
	}
	conn->due_ns = kit_now_ns();
	memcpy(out, head, sizeof(head) - 1);
	return stream_go(conn, sizeof(head) - 1, out, sizeof(out));
}

static void make_plain(void)
{
	char body[1024], words[600];
	int n;

	memset(words, 'w', sizeof(words));
	for (size_t i = 6; i < sizeof(words); i += 7)
		words[i] = ' ';
	n = snprintf(
		body, sizeof(body),
		"{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"mock\",\"choices\":[{"
		"\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%.480s\"},"
		"\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":100,"
		"\"completion_tokens\":90,\"total_tokens\":190}}",
		words);
	plain_n = (size_t)snprintf(plain, sizeof(plain),
				   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
				   "Content-Length: %d\r\n\r\n%s",
				   n, body);
}

/* --- requests --- */

static const char *find(const char *p, size_t n, const char *what)
{
	return memmem(p, n, what, strlen(what));
}

/* The value of a header, whose name is written in one of two usual ways. */
static const char *header(const char *p, size_t n, const char *usual, const char *lower)
{
	const char *at = find(p, n, usual);

	return at ? at + strlen(usual) : (at = find(p, n, lower)) ? at + strlen(lower) : NULL;
}

static bool answer_counts(struct conn *conn)
{
	char body[96], out[192];
	int n = snprintf(body, sizeof(body), "{\"bodies\":%llu,\"bytes\":%llu}", n_bodies,
			 n_body_bytes);

	n = snprintf(out, sizeof(out), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n, body);
	return conn_send(conn, out, (size_t)n);
}

static bool answer(struct conn *conn, const char *body, size_t n)
{
	const char *model = find(body, n, "\"model\":");
	char name[64] = "plain";

	if (n == 0)
		return answer_counts(conn);
	n_bodies++;
	n_body_bytes += n;
	if (model) {
		model += 8 + strspn(model + 8, " \"");
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(model, "\""), model);
	}
	if (find(body, n, "\"stream\":true") || find(body, n, "\"stream\": true"))
		return stream_begin(conn, name);
	return conn_send(conn, plain, plain_n);
}

/* Takes whole requests from what was read. False: the connection is gone. */
static bool requests(struct conn *conn)
{
	for (;;) {
		conn->in[conn->n] = '\0';
		const char *end = find(conn->in, conn->n, "\r\n\r\n");
		if (!end || conn->left > 0)
			return true;
		size_t head = (size_t)(end - conn->in) + 4;
		const char *length =
			header(conn->in, head, "\nContent-Length: ", "\ncontent-length: ");
		size_t body = length ? strtoul(length, NULL, 10) : 0;
		if (conn->n < head + body)
			return true;
		if (!answer(conn, conn->in + head, body))
			return false;
		conn->n -= head + body;
		memmove(conn->in, conn->in + head + body, conn->n);
	}
}

static void readable(struct conn *conn)
{
	if (!conn->in) {
		conn->cap = IN_BYTES;
		conn->in = malloc(conn->cap);
		if (!conn->in)
			kit_fail("memory");
	}
	ssize_t n = recv(conn->fd, conn->in + conn->n, conn->cap - conn->n - 1, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		conn_close(conn);
		return;
	}
	conn->n += (size_t)n;
	(void)requests(conn);
}

static void accept_all(int listen_fd)
{
	for (int fd; (fd = kit_accept(listen_fd)) >= 0;) {
		struct conn *conn = fd < CONNS_MAX ? calloc(1, sizeof(*conn)) : NULL;
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = conn };

		if (!conn)
			kit_fail("too many connections");
		conn->fd = fd;
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
			kit_fail("epoll_ctl");
	}
}

static void send_due(void)
{
	char out[2048];
	uint64_t now = kit_now_ns();

	while (n_heap > 0 && heap[0]->due_ns <= now) {
		struct conn *conn = heap[0];

		heap_remove(conn);
		if (stream_go(conn, 0, out, sizeof(out)) && conn->left == 0)
			(void)requests(conn);
	}
}

int main(void)
{
	struct epoll_event events[EVENTS], event = { .events = EPOLLIN };

	kit_raise_files();
	make_plain();
	int listen_fd = kit_listen();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
		kit_fail("epoll");
	for (;;) {
		uint64_t now = kit_now_ns(), due = n_heap ? heap[0]->due_ns : 0;
		uint64_t wait = due > now ? due - now : 0;
		struct timespec timeout = { (time_t)(wait / KIT_NS_PER_S),
					    (long)(wait % KIT_NS_PER_S) };
		int n = epoll_pwait2(epoll_fd, events, EVENTS, n_heap ? &timeout : NULL, NULL);

		for (int i = 0; i < n; i++)
			if (events[i].data.ptr)
				readable(events[i].data.ptr);
			else
				accept_all(listen_fd);
		send_due();
	}
}
