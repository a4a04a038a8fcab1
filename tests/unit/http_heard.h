/* SPDX-License-Identifier: Apache-2.0 */

/* What a test of the outbound client asks and hears: the scripts of the server on loopback, names
 * that are hostile or slow, and one record for each request. */
#pragma once

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/loop/http.h"

#include "tests/unit/http_peer.h"

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define SSE_HEAD \
	OK_HEAD "Content-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
#define SSE_BODY "16\r\ndata: one\n\nevent: two\n\r\nd\r\ndata: zwei\n\n\n\r\n0\r\n\r\n"
#define NDJSON_HEAD OK_HEAD "Content-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"
#define TEN "xxxxxxxxxx"

static const struct peer_script scripts[] = {
	{ "/echo", NULL, 0, 0, PEER_KEEP, NULL },
	{ "/plain", PEER_BYTES(OK_HEAD "Content-Length: 5\r\nX-A: 1\r\nx-b:  two \r\n\r\nhello"), 0,
	  PEER_KEEP, NULL },
	{ "/bytes", PEER_BYTES(OK_HEAD "Content-Length: 5\r\n\r\nhello"), 1, PEER_KEEP, NULL },
	{ "/empty", PEER_BYTES("HTTP/1.1 204 No Content\r\n\r\n"), 0, PEER_KEEP, NULL },
	{ "/close", PEER_BYTES(OK_HEAD "Connection: close\r\n\r\nuntil the end"), 0, PEER_CLOSE,
	  NULL },
	{ "/continue",
	  PEER_BYTES(
		  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK_HEAD
		  "Content-Length: 2\r\n\r\nok"),
	  0, PEER_KEEP, NULL },
	{ "/trailer",
	  PEER_BYTES(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Late: 1\r\n\r\n"),
	  0, PEER_KEEP, NULL },
	{ "/sse", PEER_BYTES(SSE_HEAD SSE_BODY), 0, PEER_KEEP, NULL },
	{ "/sse-bytes", PEER_BYTES(SSE_HEAD SSE_BODY), 1, PEER_KEEP, NULL },
	{ "/sse-not",
	  PEER_BYTES(
		  "HTTP/1.1 429 Slow Down\r\nContent-Type: application/json\r\nRetry-After: 2\r\n"
		  "Content-Length: 12\r\n\r\n{\"error\":{}}"),
	  0, PEER_KEEP, NULL },
	{ "/ndjson", PEER_BYTES(NDJSON_HEAD "{\"a\":1}\r\n\n{\"b\":2}\n{\"c\""), 3, PEER_CLOSE,
	  NULL },
	{ "/gzip",
	  PEER_BYTES(OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"),
	  0, PEER_KEEP, NULL },
	{ "/redirect",
	  PEER_BYTES(
		  "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"),
	  0, PEER_KEEP, NULL },
	{ "/cookie", PEER_BYTES(OK_HEAD "Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"), 0,
	  PEER_KEEP, NULL },
	{ "/cut-length", PEER_BYTES(OK_HEAD "Content-Length: 10\r\n\r\nhalf"), 0, PEER_CLOSE,
	  NULL },
	{ "/cut-chunk", PEER_BYTES(OK_HEAD "Transfer-Encoding: chunked\r\n\r\na\r\nhalf"), 0,
	  PEER_CLOSE, NULL },
	{ "/cut-last-chunk", PEER_BYTES(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
	  0, PEER_CLOSE, NULL },
	{ "/cut-head", PEER_BYTES(OK_HEAD "Content-"), 0, PEER_CLOSE, NULL },
	{ "/hang-up", PEER_BYTES(""), 0, PEER_CLOSE, NULL },
	{ "/reset", PEER_BYTES(""), 0, PEER_RESET, NULL },
	{ "/reset-body", PEER_BYTES(OK_HEAD "Content-Length: 10\r\n\r\nhalf"), 0, PEER_RESET,
	  NULL },
	{ "/silent", PEER_BYTES(""), 0, PEER_HANG, NULL },
	{ "/silent-body", PEER_BYTES(OK_HEAD "Content-Length: 10\r\n\r\n"), 0, PEER_HANG, NULL },
	{ "/silent-later", PEER_BYTES(OK_HEAD "Content-Length: 10\r\n\r\nhalf"), 0, PEER_HANG,
	  NULL },
	{ "/endless-head", PEER_BYTES(OK_HEAD), 0, PEER_FLOOD,
	  "X-Long: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" },
	{ "/endless-headers", PEER_BYTES(OK_HEAD), 0, PEER_FLOOD,
	  "a:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\n" },
	{ "/endless-header", PEER_BYTES(OK_HEAD "X-Long: "), 0, PEER_FLOOD,
	  TEN TEN TEN TEN TEN TEN },
	{ "/endless-body", PEER_BYTES(OK_HEAD "\r\n"), 0, PEER_FLOOD,
	  TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN },
	{ "/endless-line", PEER_BYTES(OK_HEAD "Content-Type: text/event-stream\r\n\r\ndata: "), 0,
	  PEER_FLOOD, TEN TEN TEN TEN TEN TEN },
	{ "/endless-ndjson", PEER_BYTES(NDJSON_HEAD), 0, PEER_FLOOD, TEN TEN TEN TEN TEN TEN },
	{ "/endless-sse", PEER_BYTES(OK_HEAD "Content-Type: text/event-stream\r\n\r\n"), 0,
	  PEER_FLOOD, "data: x\n\n: y\n\ndata: z\n\n" },
	{ "/not-http", PEER_BYTES("SSH-2.0-OpenSSH_9.2p1\r\nand so on\r\n\r\n"), 0, PEER_CLOSE,
	  NULL },
	{ "/bad-chunk", PEER_BYTES(OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n"), 0,
	  PEER_CLOSE, NULL },
};

static struct peer peer;

/* --- names --- */

static pthread_mutex_t slow_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t slow_cond = PTHREAD_COND_INITIALIZER;
static bool slow_go, slow_done;

static const struct name {
	const char *name, *ip;
} names[] = {
	{ "loop.test", "127.0.0.1" },           { "private.test", "10.0.0.1" },
	{ "metadata.test", "169.254.169.254" }, { "zero.test", "0.0.0.0" },
	{ "multicast.test", "224.0.0.1" },      { "slow.test", "127.0.0.1" },
};

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
						       const struct addrinfo *hints,
						       struct addrinfo **ret);
__attribute__((visibility("default"))) void freeaddrinfo(struct addrinfo *ai);

/* Takes the place of the C library's for libcurl's resolver threads. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	struct {
		struct addrinfo ai;
		struct sockaddr_in in;
	} *answer = NULL;
	const char *ip = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, node) == 0)
			ip = names[i].ip;
	if (!ip || (hints && hints->ai_family == AF_INET6))
		return EAI_NONAME;
	if (strcmp(node, "slow.test") == 0) {
		pthread_mutex_lock(&slow_lock);
		while (!slow_go)
			pthread_cond_wait(&slow_cond, &slow_lock);
		slow_done = true;
		pthread_cond_signal(&slow_cond);
		pthread_mutex_unlock(&slow_lock);
		return EAI_NONAME;
	}
	answer = calloc(1, sizeof(*answer));
	answer->in.sin_family = AF_INET;
	answer->in.sin_port = htons((uint16_t)(service ? strtoul(service, NULL, 10) : 0));
	inet_pton(AF_INET, ip, &answer->in.sin_addr);
	answer->ai = (struct addrinfo){ .ai_family = AF_INET,
					.ai_socktype = SOCK_STREAM,
					.ai_addrlen = sizeof(answer->in) };
	answer->ai.ai_addr = (struct sockaddr *)&answer->in;
	*ret = &answer->ai;
	return 0;
}

void freeaddrinfo(struct addrinfo *ai)
{
	free(ai);
}

/* --- asking and hearing --- */

struct heard {
	struct baton_loop *loop;
	struct baton_http *http;
	baton_http_handle handle;
	unsigned *open; /* the loop stops when this reaches 0 */
	unsigned heads, ends, datas, status, fail;
	struct baton_buf headers, text; /* "event|data;" for each event, or the bytes */
	char code[32], message[300];
	/* what to do at the nth data, counted from 1 */
	unsigned stop_at, pause_at, datas_at_pause;
	bool stop_at_head, ask_again;
};

static void heard_leave(struct heard *heard)
{
	if (--*heard->open == 0)
		baton_loop_stop(heard->loop);
}

static void on_head(void *ud, baton_http_handle h, uint32_t status, const baton_str *headers,
		    size_t n)
{
	struct heard *heard = ud;
	assert_true(h == heard->handle);
	heard->heads++;
	heard->status = status;
	for (size_t i = 0; i < n; i++) {
		baton_buf_str(&heard->headers, headers[i]);
		baton_buf_add(&heard->headers, ";", 1);
	}
	if (heard->stop_at_head) {
		baton_http_stop(heard->http, h);
		heard_leave(heard);
	}
}

static void resume(void *ud)
{
	struct heard *heard = ud;
	assert_int_equal(heard->datas, heard->datas_at_pause); /* silent while paused */
	unsigned before = heard->datas;
	baton_http_pause(heard->http, heard->handle, false);
	assert_int_equal(heard->datas, before); /* and never from inside pause() */
}

static void on_data(void *ud, baton_http_handle h, baton_str event, baton_str data)
{
	struct heard *heard = ud;
	heard->datas++;
	if (event.n) {
		baton_buf_str(&heard->text, event);
		baton_buf_add(&heard->text, "|", 1);
	}
	baton_buf_str(&heard->text, data);
	if (event.n)
		baton_buf_add(&heard->text, ";", 1);
	if (heard->datas == heard->pause_at) {
		baton_http_pause(heard->http, h, true);
		heard->datas_at_pause = heard->datas;
		baton_loop_timer(heard->loop, 3, resume, heard);
	}
	if (heard->datas == heard->stop_at) {
		baton_http_stop(heard->http, h);
		heard_leave(heard);
	}
}

static void ask(struct heard *heard, const char *path, struct baton_http_ask *how);

static void on_end(void *ud, baton_http_handle h, const baton_error *error)
{
	struct heard *heard = ud;
	assert_true(h == heard->handle);
	heard->ends++;
	if (error) {
		heard->fail = error->fail;
		snprintf(heard->code, sizeof(heard->code), "%.*s", (int)error->code.n,
			 error->code.p);
		snprintf(heard->message, sizeof(heard->message), "%.*s", (int)error->message.n,
			 error->message.p);
	}
	baton_http_stop(heard->http, h); /* nothing any more */
	if (heard->ask_again) {
		heard->ask_again = false;
		struct baton_http_ask how = { 0 };
		ask(heard, "/plain", &how);
		return;
	}
	heard_leave(heard);
}

static const struct baton_http_events events = { on_head, on_data, on_end };
static const char *const egress[] = { "127.0.0.1",     "loop.test",   "private.test",
				      "metadata.test", "zero.test",   "multicast.test",
				      "slow.test",     "unknown.test" };

static void ask(struct heard *heard, const char *path, struct baton_http_ask *how)
{
	char url[128];
	unsigned before = heard->heads + heard->datas + heard->ends;
	if (path[0] == '/')
		snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", peer.port, path);
	else if (strstr(path, "://"))
		snprintf(url, sizeof(url), "%s", path);
	else
		snprintf(url, sizeof(url), "http://%s:%u/plain", path, peer.port);
	how->url = baton_str_of(url);
	how->method = how->method.n ? how->method : BATON_STR("GET");
	how->egress = egress;
	how->n_egress = sizeof(egress) / sizeof(egress[0]);
	how->allow_loopback_http = true;
	assert_int_equal(baton_http_start(heard->http, how, &events, heard, &heard->handle), 0);
	assert_int_equal(heard->heads + heard->datas + heard->ends, before); /* not from inside */
}

static void heard_init(struct heard *heard, unsigned *open)
{
	heard->loop = baton_loop_new("test");
	heard->http = baton_loop_http(heard->loop);
	heard->open = open;
	*open = 1;
}

static void heard_done(struct heard *heard)
{
	baton_loop_free(&heard->loop);
	baton_buf_done(&heard->headers);
	baton_buf_done(&heard->text);
}

static void hear(struct heard *heard, const char *path, struct baton_http_ask how)
{
	unsigned open;
	heard_init(heard, &open);
	ask(heard, path, &how);
	baton_loop_run(heard->loop);
}

static void is_text(struct heard *heard, const char *text)
{
	assert_int_equal(heard->text.n, strlen(text));
	if (heard->text.n)
		assert_memory_equal(heard->text.p, text, heard->text.n);
}

/* A reset may overtake the bytes before it, so the head may have come or not. */
enum { EITHER = 0xffff };

static void is_end(struct heard *heard, uint32_t fail, const char *code)
{
	assert_string_equal(heard->code, code);
	if (fail != EITHER)
		assert_int_equal(heard->fail, fail);
	assert_int_equal(heard->ends, 1);
}
