/* SPDX-License-Identifier: Apache-2.0 */

/* The load generator: many WebSocket connections, one message outstanding on each, one thread.
 *
 *   load MODE --to 127.0.0.1:PORT [--conns 100] [--seconds 1] [--warm 0.3] [--pid PID[,PID]]
 *        [--idle N] [--each K --pool N] [--spread MS] [--save FILE] [--resume FILE] [--window 64]
 *        [--first-turn] [--bare [--silent]] [--pause]
 *
 *   raw      200 bytes, echoed by a bare server
 *   ping     a ping of 200 bytes -> pong: the server's message path, with nothing behind it
 *   durable  a message of 200 bytes -> ack, in a session that waits for a person: no model is asked
 *   turn     a question -> RUN_FINISHED
 *   stream   the same; the chunks' `ts=` tell the way in from the way out
 *   hold     opens --conns connections, says so, and keeps them until stdin ends
 *   resume   opens the sessions of --resume FILE again, --window at a time, until each is caught up
 *
 * --idle opens that many connections more, which do nothing. With --each a conversation ends after
 * K messages and the next of --pool N opened ones takes its place, so that --conns are always under
 * way: a model is asked with the conversation so far, and real ones are short. --spread begins the
 * conversations over that time and not all at once: what lasts equally long would go on in step.
 * --save writes sessions and tokens for a later `resume`. --first-turn lets each connection of
 * `hold` have one turn before it idles; with --bare it speaks to a server that merely echoes its
 * hello, and with --silent it says none. With --pause it says `begin` and `end` around what it
 * measures and waits each time for a line on stdin, in which a profiler is switched on and off.
 *
 * The first chunk of an answer counts as the time to the first word, the others as way out. Prints
 * one JSON object; CPU is that of --pid, per message. */

#include "kit.h"
#include "ws.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNS_MAX = 40000, IN_BYTES = 256 * 1024, OUT_BYTES = 1024 };
enum { EVENTS = 512, TEXT_BYTES = 200 };

enum mode { RAW, PING, DURABLE, TURN, STREAM, HOLD, RESUME, MODES };
static const char *const mode_names[MODES] = { "raw",    "ping", "durable", "turn",
					       "stream", "hold", "resume" };

enum state { SHAKING, GREETING, PREPARING, READY, WAITING, GONE };

struct conn {
	int fd;
	enum state state;
	bool is_idle, has_delta;
	uint32_t sent;       /* messages so far */
	uint64_t sent_ns;    /* the one outstanding; before that: when it was opened */
	unsigned char *part; /* a frame that has begun */
	size_t part_n;
	char session[40], token[48], ticket[48];
	uint64_t seq;
};

static struct {
	enum mode mode;
	struct sockaddr_in to;
	const char *pids;
	size_t conns, idle, window, pool;
	uint32_t each;
	uint64_t warm_ns, run_ns, spread_ns;
	bool first_turn, pause, silent;
} options;

static struct conn *conns;
static size_t n_conns, n_opened, n_ready, next_fresh;
static int epoll_fd;
static bool measuring, stopped;
static uint64_t n_done, n_chunks, n_errors, n_handed_over;
static struct kit_samples latency, first_delta, way_in, way_out;

static bool has(const char *p, size_t n, const char *what)
{
	return memmem(p, n, what, strlen(what)) != NULL;
}

/* --- tickets: one HTTP connection, one request at a time --- */

/* Reads an answer; false if the server has closed the connection. */
static bool read_answer(int fd, char *answer, size_t cap)
{
	size_t n = 0;

	for (;;) {
		struct pollfd wait = { fd, POLLIN, 0 };
		poll(&wait, 1, 10000);
		ssize_t got = recv(fd, answer + n, cap - n - 1, 0);
		if (got <= 0)
			return false;
		n += (size_t)got;
		answer[n] = '\0';
		if (strstr(answer, "\"}"))
			return true;
	}
}

static void get_ticket(char ticket[48])
{
	static int fd = -1;
	static char request[256], answer[4096];

	if (!request[0])
		snprintf(request, sizeof(request),
			 "POST /v1/tickets HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
			 "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
			 ntohs(options.to.sin_port));
	for (int tries = 0; tries < 3; tries++) {
		if (fd < 0)
			fd = kit_connect(&options.to, true);
		const char *at = NULL;
		if (send(fd, request, strlen(request), MSG_NOSIGNAL) > 0 &&
		    read_answer(fd, answer, sizeof(answer)))
			at = strstr(answer, "\"ticket\":\"");
		if (at) {
			snprintf(ticket, 48, "%.43s", at + 10);
			return;
		}
		close(fd);
		fd = -1;
	}
	fprintf(stderr, "bench: no ticket: %s\n", answer);
	exit(1);
}

/* --- out --- */

static void send_text(struct conn *conn, unsigned char *frame, size_t n, unsigned opcode)
{
	size_t bytes;
	unsigned char *p = ws_seal(frame, n, opcode, 0x9e3779b9u + conn->sent, &bytes);

	if (send(conn->fd, p, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
		kit_fail("the server takes no more");
}

static void send_format(struct conn *conn, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void send_format(struct conn *conn, const char *format, ...)
{
	unsigned char frame[WS_HEAD_MAX + OUT_BYTES];
	va_list args;

	va_start(args, format);
	int n = vsnprintf((char *)frame + WS_HEAD_MAX, OUT_BYTES, format, args);
	va_end(args);
	send_text(conn, frame, (size_t)n, WS_TEXT);
}

/* What customers of the shop ask; each is understood by the demonstration's classifier. */
static const char *const questions[] = {
	"how long does standard delivery take if I order today",
	"where is my order",
	"what are your opening hours",
	"can you tell me the status of order 48213",
	"do you deliver on saturdays",
	"do you offer gift wrapping",
};
enum { N_QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

static void send_next(struct conn *conn, uint64_t now)
{
	static char pad[TEXT_BYTES + 1];

	if (!pad[0])
		memset(pad, 'x', TEXT_BYTES);
	conn->state = WAITING;
	conn->has_delta = false;
	conn->sent_ns = now;
	conn->sent++;
	if (options.mode == RAW)
		send_format(conn, "%s", pad);
	else if (options.mode == PING)
		send_format(conn, "{\"t\":\"ping\",\"n\":%u,\"pad\":\"%.*s\"}", conn->sent,
			    TEXT_BYTES - 34, pad);
	else if (options.mode == DURABLE)
		send_format(conn, "{\"t\":\"msg\",\"id\":\"m%u\",\"text\":\"%.*s\"}", conn->sent,
			    TEXT_BYTES - 36, pad);
	else
		send_format(conn, "{\"t\":\"msg\",\"id\":\"m%u\",\"text\":\"%s\"}", conn->sent,
			    questions[conn->sent % N_QUESTIONS]);
}

/* --- in --- */

static void copy_field(const char *p, size_t n, const char *name, char *to, size_t cap)
{
	const char *at = memmem(p, n, name, strlen(name));

	if (!at)
		return;
	at += strlen(name);
	const char *end = memchr(at, '"', n - (size_t)(at - p));
	if (end)
		snprintf(to, cap, "%.*s", (int)(end - at), at);
}

static void ready(struct conn *conn)
{
	if (options.mode == RESUME)
		kit_sample(&latency, kit_now_ns() - conn->sent_ns);
	conn->state = READY;
	n_ready++;
}

/* Before it is ready: the greeting, and what the mode needs a session for. */
static void prepare(struct conn *conn, const char *p, size_t n, uint64_t now)
{
	if (has(p, n, "\"t\":\"err\"")) {
		fprintf(stderr, "bench: refused: %.*s\n", (int)n, p);
		exit(1);
	}
	if (conn->session[0] == '-') { /* the echo of the hello */
		ready(conn);
		return;
	}
	if (conn->state == GREETING && has(p, n, "\"t\":\"welcome\"")) {
		copy_field(p, n, "\"session\":\"", conn->session, sizeof(conn->session));
		copy_field(p, n, "\"token\":\"", conn->token, sizeof(conn->token));
		conn->state = PREPARING;
		if (options.mode == DURABLE && !conn->is_idle)
			send_format(conn, "{\"t\":\"human\",\"id\":\"h\"}");
		else if (options.mode == HOLD && options.first_turn)
			send_next(conn, now), conn->state = PREPARING;
		else if (options.mode != RESUME)
			ready(conn);
	}
	if (conn->state != PREPARING)
		return;
	if ((options.mode == DURABLE && has(p, n, "\"t\":\"ack\"")) ||
	    (options.mode == RESUME && has(p, n, "\"t\":\"caught_up\"")) ||
	    (options.mode == HOLD && has(p, n, "RUN_FINISHED")))
		ready(conn);
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
		if (!conn->has_delta && measuring && ts > conn->sent_ns) {
			kit_sample(&way_in, ts - conn->sent_ns);
			kit_sample(&first_delta, now - conn->sent_ns);
		}
		conn->has_delta = true;
	}
}

/* True if the message completes what is waited for. */
static bool completes(const char *p, size_t n)
{
	if (options.mode == RAW)
		return true;
	if (options.mode == PING)
		return has(p, n, "\"t\":\"pong\"");
	if (options.mode == DURABLE)
		return has(p, n, "\"t\":\"ack\"");
	return has(p, n, "RUN_FINISHED");
}

/* The next message of the conversation, or the first of another one. */
static void go_on(struct conn *conn, uint64_t now)
{
	if (options.each == 0 || conn->sent < options.each) {
		send_next(conn, now);
		return;
	}
	if (next_fresh >= n_conns) {
		fprintf(stderr, "bench: --pool is too small\n");
		exit(1);
	}
	send_next(&conns[next_fresh++], now);
}

static void message(struct conn *conn, const char *p, size_t n, uint64_t now)
{
	if (conn->state < READY) {
		prepare(conn, p, n, now);
		return;
	}
	if (options.mode == STREAM)
		count_chunks(conn, p, n, now);
	if (options.mode != RAW && has(p, n, "\"t\":\"err\""))
		n_errors++;
	if (options.mode >= TURN && has(p, n, "baton.case_queued"))
		n_handed_over++;
	if (conn->state != WAITING || !completes(p, n))
		return;
	if (measuring) {
		n_done++;
		kit_sample(&latency, now - conn->sent_ns);
	}
	conn->state = READY;
	if (!stopped)
		go_on(conn, now);
}

static void frame_in(struct conn *conn, struct ws_frame *frame, uint64_t now)
{
	unsigned char pong[WS_HEAD_MAX + 128];

	if (frame->opcode == WS_PING && frame->n <= 125) {
		memcpy(pong + WS_HEAD_MAX, frame->payload, frame->n);
		send_text(conn, pong, frame->n, WS_PONG);
	} else if (frame->opcode == WS_CLOSE) {
		fprintf(stderr, "bench: closed by the server\n");
		exit(1);
	} else if (frame->opcode <= WS_TEXT) {
		message(conn, frame->payload, frame->n, now);
	}
}

static void shaken(struct conn *conn)
{
	conn->state = GREETING;
	if (options.mode == RAW || options.silent)
		ready(conn);
	else if (options.mode == RESUME)
		send_format(conn,
			    "{\"t\":\"hello\",\"locale\":\"en\",\"resume\":{\"session\":\"%s\","
			    "\"token\":\"%s\",\"after\":%" PRIu64 "}}",
			    conn->session, conn->token, conn->seq);
	else
		send_format(conn, "{\"t\":\"hello\",\"locale\":\"en\",\"client\":\"bench\"}");
}

/* Takes what is whole from `in`; returns how much that was. */
static size_t take(struct conn *conn, unsigned char *in, size_t n, uint64_t now)
{
	size_t at = 0;
	struct ws_frame frame;

	if (conn->state == SHAKING) {
		unsigned char *end = memmem(in, n, "\r\n\r\n", 4);
		if (!end)
			return 0;
		if (n < 12 || memcmp(in + 9, "101", 3) != 0) {
			fprintf(stderr, "bench: no upgrade: %.*s\n", (int)n, (char *)in);
			exit(1);
		}
		at = (size_t)(end - in) + 4;
		shaken(conn);
	}
	while (ws_open(in + at, n - at, &frame)) {
		frame_in(conn, &frame, now);
		at += frame.bytes;
	}
	return at;
}

static void readable(struct conn *conn)
{
	static unsigned char in[IN_BYTES];
	size_t had = conn->part_n;

	if (had > 0)
		memcpy(in, conn->part, had);
	ssize_t got = recv(conn->fd, in + had, sizeof(in) - had, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		kit_fail("the server closed a connection");
	size_t n = had + (size_t)got, taken = take(conn, in, n, kit_now_ns());

	free(conn->part);
	conn->part = NULL;
	conn->part_n = n - taken;
	if (conn->part_n > 0) {
		conn->part = malloc(conn->part_n);
		if (!conn->part)
			kit_fail("memory");
		memcpy(conn->part, in + taken, conn->part_n);
	}
}

/* --- connections --- */

static void open_one(struct conn *conn)
{
	char request[512], protocols[96] = "";
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = conn };

	if (options.mode != RAW && conn->session[0] != '-') {
		if (!conn->ticket[0])
			get_ticket(conn->ticket);
		snprintf(protocols, sizeof(protocols),
			 "Sec-WebSocket-Protocol: baton.v1, btn.%s\r\n", conn->ticket);
	}
	conn->sent_ns = kit_now_ns();
	conn->fd = kit_connect(&options.to, true);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) < 0)
		kit_fail("epoll_ctl");
	int n = snprintf(request, sizeof(request),
			 "GET /v1/chat HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
			 "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			 "Sec-WebSocket-Version: 13\r\n%s\r\n",
			 ntohs(options.to.sin_port), protocols);
	kit_send(conn->fd, request, (size_t)n);
}

/* One lap; `wait_ms` as for epoll_wait(). */
static void lap(int wait_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll_fd, events, EVENTS, wait_ms);

	for (int i = 0; i < n; i++)
		if (events[i].data.ptr)
			readable(events[i].data.ptr);
}

static void open_all(void)
{
	uint64_t give_up_ns = kit_now_ns() + 120 * KIT_NS_PER_S;

	while (n_ready < n_conns) {
		for (int i = 0; i < 16 && n_opened < n_conns && n_opened - n_ready < options.window;
		     i++)
			open_one(&conns[n_opened++]);
		lap(n_opened < n_conns && n_opened - n_ready < options.window ? 0 : 100);
		if (kit_now_ns() > give_up_ns) {
			fprintf(stderr, "bench: only %zu of %zu connections got ready\n", n_ready,
				n_conns);
			exit(1);
		}
	}
}

/* Lines of "session token seq". */
static void read_sessions(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file)
		kit_fail(path);
	while (n_conns < CONNS_MAX && fscanf(file, "%39s %47s %" SCNu64, conns[n_conns].session,
					     conns[n_conns].token, &conns[n_conns].seq) == 3)
		n_conns++;
	fclose(file);
	if (options.conns > 0 && n_conns > options.conns)
		n_conns = options.conns;
}

static void write_sessions(const char *path)
{
	FILE *file = fopen(path, "we");

	if (!file)
		kit_fail(path);
	for (size_t i = 0; i < n_conns; i++)
		fprintf(file, "%s %s 0\n", conns[i].session, conns[i].token);
	fclose(file);
}

/* --- the run --- */

static void run_until(uint64_t end_ns)
{
	while (kit_now_ns() < end_ns)
		lap(1);
}

static void report(double seconds, uint64_t cpu_ns, uint64_t own_ns)
{
	double n = n_done ? (double)n_done : 1;

	printf("{\"mode\":\"%s\",\"conns\":%zu,\"idle\":%zu,\"n\":%" PRIu64 ",\"per_s\":%.1f,"
	       "\"p50_us\":%.1f,\"p99_us\":%.1f,\"cpu_us\":%.3f,\"client_cpu_us\":%.3f,"
	       "\"errors\":%" PRIu64 ",\"handed_over\":%" PRIu64,
	       mode_names[options.mode], options.conns, options.idle, n_done,
	       (double)n_done / seconds, kit_percentile(&latency, 0.5),
	       kit_percentile(&latency, 0.99), (double)cpu_ns / 1e3 / n, (double)own_ns / 1e3 / n,
	       n_errors, n_handed_over);
	if (options.mode == STREAM)
		printf(",\"chunks_per_s\":%.0f,\"ttft_p50_us\":%.1f,\"ttft_p99_us\":%.1f,"
		       "\"in_p50_us\":%.1f,\"in_p99_us\":%.1f,\"out_p50_us\":%.1f,"
		       "\"out_p99_us\":%.1f",
		       (double)n_chunks / seconds, kit_percentile(&first_delta, 0.5),
		       kit_percentile(&first_delta, 0.99), kit_percentile(&way_in, 0.5),
		       kit_percentile(&way_in, 0.99), kit_percentile(&way_out, 0.5),
		       kit_percentile(&way_out, 0.99));
	printf("}\n");
	fflush(stdout);
}

static void pause_at(const char *where)
{
	char line[8];

	if (!options.pause)
		return;
	puts(where);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

static void measure(void)
{
	char own[24];

	snprintf(own, sizeof(own), "%d", (int)getpid());
	next_fresh = options.idle + options.conns;
	uint64_t start = kit_now_ns();
	for (size_t i = options.idle; i < next_fresh; i++) {
		run_until(start + (i - options.idle) * options.spread_ns / options.conns);
		send_next(&conns[i], kit_now_ns());
	}
	run_until(kit_now_ns() + options.warm_ns);
	pause_at("begin");
	uint64_t begin = kit_now_ns(), cpu = kit_cpu_ns(options.pids), mine = kit_cpu_ns(own);
	measuring = true;
	run_until(begin + options.run_ns);
	measuring = false;
	stopped = true;
	uint64_t end = kit_now_ns(), cpu_end = kit_cpu_ns(options.pids), mine_end = kit_cpu_ns(own);
	pause_at("end");
	report((double)(end - begin) / 1e9, cpu_end - cpu, mine_end - mine);
}

/* Answers heartbeats until stdin ends. */
static void hold(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
	char byte;

	(void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	for (;;) {
		lap(500);
		if (poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0)
			return;
	}
}

/* All of them ahead, so that what they cost is not in what is measured next. Returns the server's
 * CPU for each, in microseconds. */
static double get_tickets(void)
{
	uint64_t cpu_ns = kit_cpu_ns(options.pids);

	for (size_t i = 0; i < n_conns; i++)
		get_ticket(conns[i].ticket);
	return (double)(kit_cpu_ns(options.pids) - cpu_ns) / 1e3 / (n_conns ? (double)n_conns : 1);
}

static void report_opened(uint64_t begin_ns, uint64_t cpu_ns, double ticket_us)
{
	double n = n_conns ? (double)n_conns : 1;

	printf("{\"mode\":\"%s\",\"conns\":%zu,\"seconds\":%.3f,\"cpu_us\":%.2f,\"p50_us\":%.1f,"
	       "\"p99_us\":%.1f,\"ticket_cpu_us\":%.1f}\n",
	       mode_names[options.mode], n_conns, (double)(kit_now_ns() - begin_ns) / 1e9,
	       (double)(kit_cpu_ns(options.pids) - cpu_ns) / 1e3 / n, kit_percentile(&latency, 0.5),
	       kit_percentile(&latency, 0.99), ticket_us);
	fflush(stdout);
}

static enum mode mode_of(const char *name)
{
	for (int i = 0; i < MODES; i++)
		if (strcmp(name, mode_names[i]) == 0)
			return (enum mode)i;
	kit_usage("load raw|ping|durable|turn|stream|hold|resume --to 127.0.0.1:PORT [OPTION...]");
}

static void read_options(int argc, char **argv)
{
	options.mode = mode_of(argc > 1 ? argv[1] : "");
	options.to = kit_address(kit_option(argc, argv, "--to", ""));
	options.pids = kit_option(argc, argv, "--pid", "");
	options.idle = (size_t)kit_number(argc, argv, "--idle", 0);
	options.conns = (size_t)kit_number(argc, argv, "--conns", options.mode == RESUME ? 0 : 100);
	options.window = (size_t)kit_number(argc, argv, "--window", 64);
	options.warm_ns = (uint64_t)(kit_number(argc, argv, "--warm", 0.3) * 1e9);
	options.run_ns = (uint64_t)(kit_number(argc, argv, "--seconds", 1) * 1e9);
	options.spread_ns = (uint64_t)(kit_number(argc, argv, "--spread", 0) * 1e6);
	options.first_turn = kit_switch(argc, argv, "--first-turn");
	options.pause = kit_switch(argc, argv, "--pause");
	options.silent = kit_switch(argc, argv, "--silent");
	options.each = (uint32_t)kit_number(argc, argv, "--each", 0);
	options.pool = (size_t)kit_number(argc, argv, "--pool", (double)options.conns);
	if (options.conns + options.pool + options.idle > CONNS_MAX || options.window == 0)
		kit_usage("--conns, --pool, --idle: at most 40000 together; --window: at least 1");
}

int main(int argc, char **argv)
{
	const char *save = kit_option(argc, argv, "--save", NULL);

	read_options(argc, argv);
	kit_raise_files();
	conns = calloc(CONNS_MAX, sizeof(*conns));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!conns || epoll_fd < 0)
		kit_fail("setting up");
	if (options.mode == RESUME)
		read_sessions(kit_option(argc, argv, "--resume", ""));
	else
		n_conns = options.idle + (options.each > 0 ? options.pool : options.conns);
	bool bare = kit_switch(argc, argv, "--bare");
	for (size_t i = 0; i < n_conns; i++) {
		conns[i].is_idle = i < options.idle;
		if (bare)
			conns[i].session[0] = '-';
	}
	double ticket_us = options.mode >= HOLD && !bare ? get_tickets() : 0;
	uint64_t begin = kit_now_ns(), cpu = kit_cpu_ns(options.pids);
	open_all();
	if (save)
		write_sessions(save);
	if (options.mode == HOLD || options.mode == RESUME)
		report_opened(begin, cpu, ticket_us);
	if (options.mode == HOLD)
		hold();
	else if (options.mode != RESUME)
		measure();
	return 0;
}
