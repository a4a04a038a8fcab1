/* SPDX-License-Identifier: Apache-2.0 */

/* The bare limit of asking a provider: keep-alive POSTs over epoll, one outstanding per connection,
 * straight at the mock or through a proxy.
 *
 *   httpload --to 127.0.0.1:PORT [--model plain|chunks-20-5] [--stream] [--conns 100] [--seconds 1]
 * [--warm 0.3] [--spread MS] [--pid PID[,PID]] [--header "Name: value"]... [--path
 * /v1/chat/completions] [--body-bytes N]
 *
 * --body-bytes makes the conversation so far so long that a body has that many bytes: a proxy that
 * carries 400 bytes and a server that carries a prompt cannot be compared.
 *
 * Prints one JSON object with the same names as the load generator of WebSockets. */

#include "kit.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNS_MAX = 20000, IN_BYTES = 64 * 1024, EVENTS = 512 };
enum { BODY_BYTES = 16384, REQUEST_BYTES = BODY_BYTES + 4096 };

struct conn {
	int fd;
	bool has_delta, chunked, head_done;
	size_t left; /* of a body of known length */
	uint64_t sent_ns;
	char tail[64]; /* the end of what came before: a mark may be cut in two */
	size_t tail_n;
};

static struct sockaddr_in to;
static char request[REQUEST_BYTES];
static size_t request_n;
static int epoll_fd;
static bool measuring, stopped;
static uint64_t n_done, n_errors, n_chunks, n_reconnects;
static struct kit_samples latency, first_delta, way_in, way_out;

/* `wanted` bytes, if that is more than the shortest body has: the first pass tells how many. */
static int make_body(char *body, size_t cap, const char *model, bool stream, size_t wanted)
{
	static char so_far[BODY_BYTES];
	size_t fill = 0;
	int n = 0;

	memset(so_far, 'w', sizeof(so_far));
	for (int pass = 0; pass < 2; pass++) {
		n = snprintf(body, cap,
			     "{\"model\":\"%s\",\"stream\":%s,\"messages\":[{\"role\":\"system\","
			     "\"content\":\"You help customers of a shop. Answer briefly.%.*s\"},"
			     "{\"role\":\"user\",\"content\":"
			     "\"How long does standard delivery take if I order today?\"}]}",
			     model, stream ? "true" : "false", (int)fill, so_far);
		if (pass == 0 && wanted > (size_t)n)
			fill = wanted - (size_t)n;
	}
	return n;
}

static void make_request(int argc, char **argv)
{
	static char body[BODY_BYTES];
	size_t wanted = (size_t)kit_number(argc, argv, "--body-bytes", 0);

	if (wanted >= sizeof(body))
		kit_usage("--body-bytes: less than 16384");
	int n = make_body(body, sizeof(body), kit_option(argc, argv, "--model", "plain"),
			  kit_switch(argc, argv, "--stream"), wanted);

	request_n = (size_t)snprintf(
		request, sizeof(request),
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: application/json\r\n"
		"Authorization: Bearer bench\r\nContent-Length: %d\r\n",
		kit_option(argc, argv, "--path", "/v1/chat/completions"), ntohs(to.sin_port), n);
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "--header") == 0)
			request_n +=
				(size_t)snprintf(request + request_n, sizeof(request) - request_n,
						 "%s\r\n", argv[i + 1]);
	request_n +=
		(size_t)snprintf(request + request_n, sizeof(request) - request_n, "\r\n%s", body);
}

static void ask(struct conn *conn)
{
	conn->has_delta = conn->head_done = false;
	conn->tail_n = 0;
	conn->sent_ns = kit_now_ns();
	kit_send(conn->fd, request, request_n);
}

static void connect_to(struct conn *conn)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = conn };

	conn->fd = kit_connect(&to, true);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) < 0)
		kit_fail("epoll_ctl");
	ask(conn);
}

static void answered(struct conn *conn, uint64_t now)
{
	if (measuring) {
		n_done++;
		kit_sample(&latency, now - conn->sent_ns);
	}
	if (!stopped)
		ask(conn);
}

static void count_chunks(struct conn *conn, const char *p, size_t n, uint64_t now)
{
	const char *at = p, *end = p + n;

	while ((at = memmem(at, (size_t)(end - at), "ts=", 3))) {
		uint64_t ts = strtoull(at + 3, NULL, 10);
		at += 3;
		n_chunks += measuring;
		if (measuring && conn->has_delta && now > ts)
			kit_sample(&way_out, now - ts);
		if (measuring && !conn->has_delta && ts > conn->sent_ns) {
			kit_sample(&way_in, ts - conn->sent_ns);
			kit_sample(&first_delta, now - conn->sent_ns);
		}
		conn->has_delta = true;
	}
}

/* The head is read once; it comes in one piece from everybody measured here. */
static size_t read_head(struct conn *conn, const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);

	if (!end)
		kit_fail("a head in pieces");
	if (memcmp(p + 9, "200", 3) != 0) {
		if (n_errors++ == 0)
			fprintf(stderr, "bench: %.*s\n", (int)(n < 400 ? n : 400), p);
	}
	size_t head = (size_t)(end - p) + 4;
	const char *length = memmem(p, head, "ontent-", 7);
	conn->chunked = memmem(p, head, "chunked", 7) != NULL;
	conn->left = 0;
	for (; length; length = memmem(length + 1, head - (size_t)(length + 1 - p), "ontent-", 7))
		if (strncasecmp(length, "ontent-length: ", 15) == 0)
			conn->left = strtoul(length + 15, NULL, 10);
	conn->head_done = true;
	return head;
}

static void take(struct conn *conn, char *p, size_t n, uint64_t now)
{
	if (!conn->head_done) {
		size_t head = read_head(conn, p, n);
		p += head;
		n -= head;
	}
	if (!conn->chunked) {
		conn->left -= n < conn->left ? n : conn->left;
		if (conn->left == 0)
			answered(conn, now);
		return;
	}
	count_chunks(conn, p, n, now);
	/* The end of a chunked body is looked for across reads. */
	char joined[2 * sizeof(conn->tail)];
	size_t last = n < sizeof(conn->tail) ? n : sizeof(conn->tail);
	memcpy(joined, conn->tail, conn->tail_n);
	memcpy(joined + conn->tail_n, p + n - last, last);
	last += conn->tail_n;
	if (last >= 5 && memcmp(joined + last - 5, "0\r\n\r\n", 5) == 0) {
		answered(conn, now);
		return;
	}
	conn->tail_n = last < 8 ? last : 8;
	memcpy(conn->tail, joined + last - conn->tail_n, conn->tail_n);
}

static void readable(struct conn *conn)
{
	static char in[IN_BYTES + 1];
	ssize_t n = recv(conn->fd, in, IN_BYTES, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) { /* a gateway may end a connection */
		n_reconnects++;
		close(conn->fd);
		connect_to(conn);
		return;
	}
	in[n] = '\0';
	take(conn, in, (size_t)n, kit_now_ns());
}

static void run_until(uint64_t end_ns)
{
	struct epoll_event events[EVENTS];

	while (kit_now_ns() < end_ns) {
		int n = epoll_wait(epoll_fd, events, EVENTS, 1);
		for (int i = 0; i < n; i++)
			readable(events[i].data.ptr);
	}
}

static void report(size_t conns, double seconds, uint64_t cpu_ns)
{
	printf("{\"mode\":\"http\",\"conns\":%zu,\"n\":%" PRIu64 ",\"per_s\":%.1f,\"p50_us\":%.1f,"
	       "\"p99_us\":%.1f,\"cpu_us\":%.3f,\"errors\":%" PRIu64 ",\"reconnects\":%" PRIu64,
	       conns, n_done, (double)n_done / seconds, kit_percentile(&latency, 0.5),
	       kit_percentile(&latency, 0.99), (double)cpu_ns / 1e3 / (n_done ? (double)n_done : 1),
	       n_errors, n_reconnects);
	printf(",\"chunks_per_s\":%.0f,\"ttft_p50_us\":%.1f,\"ttft_p99_us\":%.1f,\"in_p50_us\":%.1f,"
	       "\"in_p99_us\":%.1f,\"out_p50_us\":%.1f,\"out_p99_us\":%.1f}\n",
	       (double)n_chunks / seconds, kit_percentile(&first_delta, 0.5),
	       kit_percentile(&first_delta, 0.99), kit_percentile(&way_in, 0.5),
	       kit_percentile(&way_in, 0.99), kit_percentile(&way_out, 0.5),
	       kit_percentile(&way_out, 0.99));
}

int main(int argc, char **argv)
{
	const char *pids = kit_option(argc, argv, "--pid", "");
	size_t n = (size_t)kit_number(argc, argv, "--conns", 100);
	struct conn *conns = calloc(n, sizeof(*conns));

	if (n == 0 || n > CONNS_MAX || !conns)
		kit_usage("httpload --to 127.0.0.1:PORT [--conns 1..20000] [OPTION...]");
	kit_raise_files();
	to = kit_address(kit_option(argc, argv, "--to", ""));
	make_request(argc, argv);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		kit_fail("epoll");
	uint64_t start = kit_now_ns();
	uint64_t spread = (uint64_t)(kit_number(argc, argv, "--spread", 0) * 1e6);
	for (size_t i = 0; i < n; i++) {
		run_until(start + i * spread / n);
		connect_to(&conns[i]);
	}
	run_until(kit_now_ns() + (uint64_t)(kit_number(argc, argv, "--warm", 0.3) * 1e9));
	uint64_t begin = kit_now_ns(), cpu = kit_cpu_ns(pids);
	measuring = true;
	run_until(begin + (uint64_t)(kit_number(argc, argv, "--seconds", 1) * 1e9));
	measuring = false;
	stopped = true;
	uint64_t end = kit_now_ns();
	report(n, (double)(end - begin) / 1e9, kit_cpu_ns(pids) - cpu);
	return 0;
}
