/* SPDX-License-Identifier: Apache-2.0 */

/* Outbound requests per second: a bare epoll client against the loop's client, on one server thread
 * of this process, keep-alive POSTs of 100 at a time, answers of 700 bytes.
 *
 *   build/release/tests/http_bench [requests] [at a time]
 */
#include "core/base/mem.h"
#include "core/loop/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY = 700, EVENTS = 256, FD_MAX = 4096 };

static char answer[1024], question[512];
static size_t answer_n, question_n;
static int listener;
static uint16_t port;

static void on_core(unsigned core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static double cpu_s(void)
{
	struct rusage usage;
	getrusage(RUSAGE_THREAD, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void nodelay(int fd)
{
	int one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* --- the server: one answer for every read, which holds for one request at a time --- */

static void *serve(void *ud)
{
	int ep = epoll_create1(0);
	struct epoll_event events[EVENTS], add = { .events = EPOLLIN, .data.fd = listener };
	(void)ud;
	on_core(1);
	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &add);
	for (;;) {
		int n = epoll_wait(ep, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			char buf[4096];
			int fd = events[i].data.fd;
			if (fd == listener) {
				add.data.fd = accept(listener, NULL, NULL);
				nodelay(add.data.fd);
				epoll_ctl(ep, EPOLL_CTL_ADD, add.data.fd, &add);
			} else if (read(fd, buf, sizeof(buf)) <= 0) {
				close(fd);
			} else if (write(fd, answer, answer_n) < 0) {
				close(fd);
			}
		}
	}
	return NULL;
}

static void server_start(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	char body[BODY + 1];
	pthread_t thread;

	memset(body, 'x', BODY);
	body[BODY] = '\0';
	answer_n = (size_t)snprintf(answer, sizeof(answer),
				    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
				    "Content-Length: %d\r\n\r\n%s",
				    BODY, body);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	bind(listener, (struct sockaddr *)&address, sizeof(address));
	listen(listener, 1024);
	getsockname(listener, (struct sockaddr *)&address, &len);
	port = ntohs(address.sin_port);
	pthread_create(&thread, NULL, serve, NULL);
	pthread_detach(thread);
}

/* --- the bare client: what the machine gives --- */

static void raw_run(unsigned requests, unsigned at_a_time)
{
	static size_t got[FD_MAX];
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct epoll_event events[EVENTS];
	unsigned sent = 0, done = 0;
	int ep = epoll_create1(0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (unsigned i = 0; i < at_a_time; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		struct epoll_event add = { .events = EPOLLIN, .data.fd = fd };
		if (fd < 0 || fd >= FD_MAX ||
		    connect(fd, (struct sockaddr *)&address, sizeof(address)))
			exit(1);
		nodelay(fd);
		got[fd] = 0;
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &add);
		sent += write(fd, question, question_n) > 0;
	}
	while (done < requests) {
		int n = epoll_wait(ep, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			char buf[4096];
			int fd = events[i].data.fd;
			ssize_t r = read(fd, buf, sizeof(buf));
			if (r <= 0)
				exit(1);
			got[fd] += (size_t)r;
			if (got[fd] < answer_n)
				continue;
			got[fd] = 0;
			done++;
			if (sent < requests)
				sent += write(fd, question, question_n) > 0;
		}
	}
	close(ep);
}

/* --- ours --- */

struct load {
	struct baton_loop *loop;
	struct baton_http *http;
	struct baton_http_ask ask;
	unsigned requests, sent, done, failed;
	size_t bytes;
};

static void on_head(void *ud, baton_http_handle h, uint32_t status, const baton_str *headers,
		    size_t n)
{
	(void)ud;
	(void)h;
	(void)status;
	(void)headers;
	(void)n;
}

static void on_data(void *ud, baton_http_handle h, baton_str event, baton_str data)
{
	struct load *load = ud;
	(void)h;
	(void)event;
	load->bytes += data.n;
}

static void on_end(void *ud, baton_http_handle h, const baton_error *error);
static const struct baton_http_events events_of_load = { on_head, on_data, on_end };

static void send_one(struct load *load)
{
	baton_http_handle h;
	load->sent++;
	if (baton_http_start(load->http, &load->ask, &events_of_load, load, &h) != 0)
		exit(1);
}

static void on_end(void *ud, baton_http_handle h, const baton_error *error)
{
	struct load *load = ud;
	(void)h;
	load->failed += error != NULL;
	if (++load->done == load->requests)
		baton_loop_stop(load->loop);
	else if (load->sent < load->requests)
		send_one(load);
}

static void ours_run(struct load *load, unsigned requests, unsigned at_a_time)
{
	load->requests = requests;
	load->sent = load->done = 0;
	for (unsigned i = 0; i < at_a_time; i++)
		send_one(load);
	baton_loop_run(load->loop);
}

static void report(const char *what, unsigned requests, uint64_t ns, double cpu)
{
	printf("%-10s %9.0f requests/s %7.2f us CPU each\n", what,
	       (double)requests * 1e9 / (double)ns, cpu * 1e6 / requests);
}

int main(int argc, char **argv)
{
	unsigned requests = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 200000;
	unsigned at_a_time = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 100;
	const char *const egress[] = { "127.0.0.1" };
	const baton_str headers[] = { BATON_STR("Content-Type: application/json"),
				      BATON_STR("Authorization: Bearer key") };
	char url[64];

	server_start();
	on_core(0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1/chat/completions", port);
	question_n = (size_t)snprintf(question, sizeof(question),
				      "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
				      "Accept: */*\r\nContent-Type: application/json\r\n"
				      "Authorization: Bearer key\r\nContent-Length: 2\r\n\r\n{}",
				      port);
	struct load load = { .loop = baton_loop_new("bench"),
			     .ask = { .method = BATON_STR("POST"),
				      .url = baton_str_of(url),
				      .body = BATON_STR("{}"),
				      .headers = headers,
				      .n_headers = 2,
				      .egress = egress,
				      .n_egress = 1,
				      .allow_loopback_http = true,
				      .connect_ms = 1000,
				      .first_byte_ms = 8000,
				      .idle_ms = 5000 } };
	load.http = baton_loop_http(load.loop);
	ours_run(&load, requests / 10, at_a_time); /* connections, memory */

	for (int round = 0; round < 3; round++) {
		uint64_t start = baton_loop_now_ns(load.loop);
		double cpu = cpu_s();
		raw_run(requests, at_a_time);
		uint64_t raw_ns = baton_loop_now_ns(load.loop) - start;
		report("bare epoll", requests, raw_ns, cpu_s() - cpu);
		start = baton_loop_now_ns(load.loop);
		cpu = cpu_s();
		ours_run(&load, requests, at_a_time);
		uint64_t ours_ns = baton_loop_now_ns(load.loop) - start;
		report("baton", requests, ours_ns, cpu_s() - cpu);
		printf("ratio %.2f, failed %u\n", (double)raw_ns / (double)ours_ns, load.failed);
	}
	baton_loop_free(&load.loop);
	return load.failed ? 1 : 0;
}
