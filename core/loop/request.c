/* SPDX-License-Identifier: Apache-2.0 */

/* One request as libcurl sees it: options, the callbacks that receive the answer, bounds, and what
 * an error means. Callbacks record and hand on; nothing here calls back into libcurl's multi
 * interface. A handle is set up once, and per request only what differs. */
#include "core/loop/request.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	NS_PER_MS = 1000000,
	TOTAL_MS = 60000,
	KEEP_BYTES = 64 * 1024,
	EXPECT_BYTES = 64 * 1024 /* libcurl asks with a body of 1 MB */
};

void baton_request_fail(struct baton_request *request, uint32_t fail, const char *code,
			const char *why)
{
	if (request->code)
		return;
	request->fail = fail;
	request->code = code;
	int n = snprintf(request->message, sizeof(request->message), "%s:%u: %s",
			 request->target->host, request->target->port, why);
	if (n >= (int)sizeof(request->message))
		request->message[sizeof(request->message) - 2] = '~'; /* cut */
}

/* --- connecting --- */

static bool may_connect(const struct baton_request *request, const struct sockaddr *address)
{
	return baton_address_allowed(address, request->target->https, request->allow_loopback) ||
	       (request->allow_private && baton_address_private(address));
}

static curl_socket_t on_socket_open(void *ud, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct baton_request *request = ud;
	(void)purpose;

	if (!may_connect(request, &address->addr)) {
		baton_request_fail(request, BATON_FAIL_ACCESS, "denied",
				   "resolves to an address that may not be reached");
		errno = EACCES;
		return CURL_SOCKET_BAD;
	}
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
			address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	request->sockets_opened++;
	request->socket = fd;
	baton_wires_opened(request->wires, fd);
	return fd;
}

static int on_socket_close(void *ud, curl_socket_t fd)
{
	struct baton_wires *wires = ud; /* the connection may outlive the request that opened it */
	baton_wires_closing(wires, fd);
	return close(fd);
}

/* Connected, the request is about to be sent. The connection may be one that another request with
 * other rights has opened, so the address is judged once more. */
static int on_connected(void *ud, char *ip, char *local_ip, int port, int local_port)
{
	struct baton_request *request = ud;
	struct sockaddr_storage address;
	(void)local_ip;
	(void)port;
	(void)local_port;

	if (!baton_address_of(ip, &address) ||
	    !may_connect(request, (const struct sockaddr *)&address)) {
		baton_request_fail(request, BATON_FAIL_ACCESS, "denied",
				   "connected to an address that may not be reached");
		return CURL_PREREQFUNC_ABORT;
	}
	if (request->sockets_opened > 1) { /* two addresses were tried; which one was it? */
		curl_socket_t fd = CURL_SOCKET_BAD;
		curl_easy_getinfo(request->easy, CURLINFO_ACTIVESOCKET, &fd);
		request->socket = fd;
	}
	if (request->sockets_opened && request->socket != CURL_SOCKET_BAD)
		baton_wires_connected(request->wires, request->socket);
	request->code = NULL; /* an address that was refused on the way does not matter any more */
	request->phase = BATON_REQUEST_FIRST_BYTE;
	return CURL_PREREQFUNC_OK;
}

/* --- the head of the answer --- */

static bool type_is(baton_str header, const char *type)
{
	static const char name[] = "content-type:";
	size_t n = sizeof(name) - 1;
	if (header.n < n || strncasecmp(header.p, name, n) != 0)
		return false;
	while (n < header.n && (header.p[n] == ' ' || header.p[n] == '\t'))
		n++;
	size_t len = strlen(type);
	if (header.n - n < len || strncasecmp(header.p + n, type, len) != 0)
		return false;
	return header.n - n == len || strchr("; \t", header.p[n + len]);
}

/* Splits the lines after the status line. Folded lines are obsolete and dropped. */
static size_t head_split(baton_str head, baton_str *headers, size_t max)
{
	size_t n = 0, at = 0;
	bool first = true;

	while (at < head.n && n < max) {
		const char *lf = memchr(head.p + at, '\n', head.n - at);
		size_t end = lf ? (size_t)(lf - head.p) : head.n;
		baton_str line = { head.p + at, end - at };
		at = end + 1;
		while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' '))
			line.n--;
		if (!first && line.n && line.p[0] != ' ' && line.p[0] != '\t')
			headers[n++] = line;
		first = false;
	}
	return n;
}

static bool head_tell(struct baton_request *request, long status)
{
	baton_str headers[BATON_HTTP_HEADERS_MAX + 1];
	size_t n = head_split(baton_buf_view(&request->head), headers, BATON_HTTP_HEADERS_MAX + 1);
	if (n > BATON_HTTP_HEADERS_MAX)
		return false;

	for (size_t i = 0; request->sse && i < n; i++)
		request->is_sse = request->is_sse || type_is(headers[i], "text/event-stream");
	request->head_told = true;
	if (request->handle)
		request->events.on_head(request->ud, request->handle, (uint32_t)status, headers, n);
	return true;
}

static size_t on_header(char *p, size_t size, size_t count, void *ud)
{
	struct baton_request *request = ud;
	size_t n = size * count;

	request->head_bytes += n;
	if (request->head_bytes > BATON_HTTP_HEAD_BYTES_MAX) {
		baton_request_fail(request, BATON_FAIL_BAD_OUTPUT, "too_big",
				   "the head of the answer has no end");
		return 0;
	}
	if (request->head_told) /* trailers */
		return n;
	baton_buf_add(&request->head, p, n);
	if (p[0] != '\r' && p[0] != '\n')
		return n;

	long status = 0;
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	bool ok = status < 200 || head_tell(request, status);
	baton_buf_reset(&request->head); /* 1xx: the head that counts follows */
	if (!ok)
		baton_request_fail(request, BATON_FAIL_BAD_OUTPUT, "too_big", "too many headers");
	return ok && request->handle ? n : 0;
}

/* --- the body --- */

static void data_tell(struct baton_request *request, baton_str event, baton_str data)
{
	if (request->handle && !request->code)
		request->events.on_data(request->ud, request->handle, event, data);
}

static void on_sse_event(void *ud, baton_str event, baton_str data)
{
	struct baton_request *request = ud;
	data_tell(request, event, data);
	request->parser.hold = request->paused || !request->handle || request->code;
}

static bool line_feed(struct baton_request *request, baton_str piece)
{
	if (request->line.n + piece.n > BATON_HTTP_LINE_BYTES_MAX + 1)
		return false;

	baton_buf_str(&request->line, piece);
	if (request->line.p[request->line.n - 1] != '\n')
		return true;
	baton_str line = { request->line.p, request->line.n - 1 };
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n)
		data_tell(request, BATON_STR_NONE, line);
	baton_buf_reset(&request->line);
	return true;
}

static void too_long(struct baton_request *request)
{
	baton_request_fail(request, BATON_FAIL_BAD_OUTPUT, "too_big",
			   "a line or an event of the answer is too long");
}

static bool wants_more(const struct baton_request *request)
{
	return !request->paused && request->handle && !request->code;
}

/* Returns how much was taken: behind each line or event the user may have paused or stopped. */
static size_t piece_feed(struct baton_request *request, baton_str rest)
{
	if (request->is_sse) {
		if (baton_sse_feed(&request->parser, rest) != 0)
			too_long(request);
		return request->parser.taken;
	}
	if (request->ndjson) {
		const char *lf = memchr(rest.p, '\n', rest.n);
		rest.n = lf ? (size_t)(lf - rest.p) + 1 : rest.n;
		if (!line_feed(request, rest))
			too_long(request);
		return rest.n;
	}
	data_tell(request, BATON_STR_NONE, rest);
	return rest.n;
}

static size_t body_feed(struct baton_request *request, baton_str bytes)
{
	size_t at = 0;

	while (at < bytes.n && wants_more(request))
		at += piece_feed(request, (baton_str){ bytes.p + at, bytes.n - at });
	return at;
}

static size_t on_body(char *p, size_t size, size_t count, void *ud)
{
	struct baton_request *request = ud;
	size_t n = size * count;

	if (!request->handle || request->code)
		return 0;
	if (request->paused || request->held.n) {
		request->curl_paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	request->body_bytes += n;
	if (request->body_bytes > BATON_HTTP_ANSWER_BYTES_MAX) {
		baton_request_fail(request, BATON_FAIL_BAD_OUTPUT, "too_big",
				   "the answer is too long");
		return 0;
	}
	request->phase = BATON_REQUEST_BODY;
	if (request->idle_ns)
		request->heard_ns = baton_loop_now_ns(NULL);

	size_t taken = body_feed(request, (baton_str){ p, n });
	if (!request->handle || request->code)
		return 0;
	baton_buf_add(&request->held, p + taken, n - taken);
	return n;
}

void baton_request_replay(struct baton_request *request)
{
	request->heard_ns = baton_loop_now_ns(NULL);
	size_t taken = body_feed(request, baton_buf_view(&request->held));
	baton_buf_drop(&request->held, taken);
}

void baton_request_flush(struct baton_request *request)
{
	if (request->ndjson && request->line.n)
		data_tell(request, BATON_STR_NONE, baton_buf_view(&request->line));
}

/* --- the clock --- */

uint64_t baton_request_due(const struct baton_request *request, const char **ret_code)
{
	uint64_t due = request->total_due, other = UINT64_MAX;
	const char *code = "timeout_connect";

	switch (request->phase) {
	case BATON_REQUEST_CONNECT:
		other = request->connect_due;
		break;
	case BATON_REQUEST_FIRST_BYTE:
		other = request->first_byte_due;
		code = "timeout_first_byte";
		break;
	case BATON_REQUEST_BODY:
		if (request->idle_ns && !request->paused && !request->held.n)
			other = request->heard_ns + request->idle_ns;
		code = "timeout_idle";
		break;
	}
	*ret_code = other < due ? code : "timeout_total";
	return other < due ? other : due;
}

/* One timer is enough, although phases change while it runs: it is set to the earliest of what may
 * come, and each silence begins after now. */
uint64_t baton_request_look(const struct baton_request *request, uint64_t now_ns)
{
	const char *code;
	uint64_t look = baton_request_due(request, &code);

	if (request->phase == BATON_REQUEST_CONNECT && request->first_byte_due < look)
		look = request->first_byte_due;
	if (request->idle_ns && now_ns + request->idle_ns < look)
		look = now_ns + request->idle_ns;
	return look;
}

/* --- what an error means --- */

struct meaning {
	CURLcode result;
	uint32_t fail;
	const char *code;
};

static const struct meaning meanings[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, BATON_FAIL_UNAVAILABLE, "dns" },
	{ CURLE_COULDNT_RESOLVE_PROXY, BATON_FAIL_UNAVAILABLE, "dns" },
	{ CURLE_COULDNT_CONNECT, BATON_FAIL_UNAVAILABLE, "connect" },
	{ CURLE_SSL_CONNECT_ERROR, BATON_FAIL_UNAVAILABLE, "tls" },
	{ CURLE_PEER_FAILED_VERIFICATION, BATON_FAIL_UNAVAILABLE, "tls" },
	{ CURLE_SSL_CERTPROBLEM, BATON_FAIL_UNAVAILABLE, "tls" },
	{ CURLE_SSL_CIPHER, BATON_FAIL_UNAVAILABLE, "tls" },
	{ CURLE_SSL_CACERT_BADFILE, BATON_FAIL_UNAVAILABLE, "tls" },
	{ CURLE_SSL_ISSUER_ERROR, BATON_FAIL_UNAVAILABLE, "tls" },
	{ CURLE_SSL_INVALIDCERTSTATUS, BATON_FAIL_UNAVAILABLE, "tls" },
	{ CURLE_OPERATION_TIMEDOUT, BATON_FAIL_TIMEOUT, "timeout_connect" },
	{ CURLE_GOT_NOTHING, BATON_FAIL_UNAVAILABLE, "cut" },
	{ CURLE_SEND_ERROR, BATON_FAIL_UNAVAILABLE, "cut" },
	{ CURLE_RECV_ERROR, BATON_FAIL_UNAVAILABLE, "cut" },
	{ CURLE_PARTIAL_FILE, BATON_FAIL_BAD_OUTPUT, "cut" },
	/* Memory never runs out (see curl_start): a line of the head had no end. */
	{ CURLE_OUT_OF_MEMORY, BATON_FAIL_BAD_OUTPUT, "too_big" },
};

static void result_explain(struct baton_request *request)
{
	const char *why = request->curl_message[0] ? request->curl_message
						   : curl_easy_strerror(request->result);
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		const struct meaning *meaning = &meanings[i];
		if (meaning->result != request->result)
			continue;
		bool cut_body = request->head_told && request->result == CURLE_RECV_ERROR;
		baton_request_fail(request, cut_body ? BATON_FAIL_BAD_OUTPUT : meaning->fail,
				   meaning->code, why);
		return;
	}
	baton_request_fail(request, BATON_FAIL_BAD_OUTPUT, "protocol", why);
}

bool baton_request_error(struct baton_request *request, baton_error *ret)
{
	if (request->result == CURLE_OK && !request->code)
		return false;

	result_explain(request);                  /* does nothing if we know better */
	for (char *c = request->message; *c; c++) /* parts of it may be the peer's words */
		*c = isprint((unsigned char)*c) ? *c : '?';
	*ret = (baton_error){
		.size = sizeof(baton_error),
		.fail = request->fail,
		.code = baton_str_of(request->code),
		.message = baton_str_of(request->message),
	};
	return true;
}

/* --- life --- */

#define SET(option, value) \
	baton_assert(curl_easy_setopt(request->easy, (option), (value)) == CURLE_OK)

static void easy_set_callbacks(struct baton_request *request)
{
	SET(CURLOPT_PRIVATE, request);
	SET(CURLOPT_ERRORBUFFER, request->curl_message);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_socket_open);
	SET(CURLOPT_OPENSOCKETDATA, request);
	SET(CURLOPT_CLOSESOCKETFUNCTION, on_socket_close);
	SET(CURLOPT_CLOSESOCKETDATA, request->wires);
	SET(CURLOPT_PREREQFUNCTION, on_connected);
	SET(CURLOPT_PREREQDATA, request);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, request);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, request);
}

/* What no request changes. Nothing is taken from the environment or from files of the user. */
static void easy_set_rules(struct baton_request *request)
{
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NOPROXY, "*");       /* else the environment is searched for each request */
	SET(CURLOPT_PROXY_CAINFO, NULL); /* else it is copied for each request */
	SET(CURLOPT_PROXY_CAPATH, NULL);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_NOPROGRESS, 1L);
	/* Without this, giving up on a slow name waits for the resolver's thread. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	/* libcurl 7.88's HTTP/2 has known stalls with pausing; one stream, one connection. */
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	/* The clock is ours. CURLOPT_CONNECTTIMEOUT stays what it is, 5 minutes: one that is set
	 * is a timer for as long as the request lasts, taken out and put in with each piece. */
	/* It is made anew for each request, a byte longer: 16 KB would not be a small block. */
	SET(CURLOPT_BUFFERSIZE, 8191L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* and newer */
}

struct baton_request *baton_request_new(struct baton_http *http, struct baton_wires *wires)
{
	struct baton_request *request = baton_new(struct baton_request);
	request->easy = curl_easy_init();
	request->http = http;
	request->wires = wires;
	if (!request->easy) {
		baton_free(request);
		return NULL;
	}
	easy_set_callbacks(request);
	easy_set_rules(request);
	baton_sse_init(&request->parser, on_sse_event, request);
	return request;
}

static void request_drop_ask(struct baton_request *request)
{
	if (request->n_text) /* one of the headers may be a key */
		explicit_bzero(request->text, request->n_text);
	request->n_text = 0;
	baton_free(request->body);
	request->body = NULL;
}

void baton_request_free(struct baton_request *request)
{
	curl_easy_cleanup(request->easy);
	baton_free(request->easy_ca_file);
	request_drop_ask(request);
	baton_free(request->lines);
	baton_target_unref(&request->target);
	baton_sse_done(&request->parser);
	baton_buf_done(&request->head);
	baton_buf_done(&request->line);
	baton_buf_done(&request->held);
	baton_free(request);
}

static void buf_keep_small(struct baton_buf *buf)
{
	if (buf->cap > KEEP_BYTES)
		baton_buf_done(buf);
	baton_buf_reset(buf);
}

void baton_request_reset(struct baton_request *request)
{
	request_drop_ask(request);
	baton_sse_reset(&request->parser);
	buf_keep_small(&request->head);
	buf_keep_small(&request->line);
	buf_keep_small(&request->held);
	request->handle = 0;
	request->listed = request->added = request->paused = request->curl_paused = false;
	request->resume = request->done = request->head_told = request->is_sse = false;
	request->result = CURLE_OK;
	request->phase = BATON_REQUEST_CONNECT;
	request->sockets_opened = 0;
	request->timer = 0;
	request->head_bytes = request->body_bytes = 0;
	request->code = NULL;
	request->message[0] = request->curl_message[0] = '\0';
}

/* --- asking --- */

static void line_add(struct baton_request *request, size_t i, baton_str line)
{
	char *text = request->text + request->n_text;

	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	request->n_text += line.n + 1;
	request->lines[i] = (struct curl_slist){ .data = text };
	if (i)
		request->lines[i - 1].next = &request->lines[i];
}

static void header_add(struct baton_request *request, size_t i, baton_str header)
{
	while (header.p[header.n - 1] == ' ' || header.p[header.n - 1] == '\t')
		header.n--; /* never all of it: there is a name */
	line_add(request, i, header);
	/* libcurl reads "Name:" as "leave it out" and "Name;" as "send it empty". */
	const char *colon = memchr(header.p, ':', header.n);
	if (colon == header.p + header.n - 1)
		request->text[request->n_text - 2] = ';';
}

/* A list of our own making, in one piece: libcurl only reads it. */
static void lines_room(struct baton_request *request, size_t n, size_t bytes)
{
	size_t cap = n * sizeof(struct curl_slist) + bytes;

	if (cap > request->lines_cap) {
		baton_free(request->lines); /* wiped when the last question was dropped */
		request->lines = baton_realloc(NULL, cap);
		request->lines_cap = cap;
	}
	request->text = (char *)&request->lines[n];
}

static int headers_set(struct baton_request *request, const struct baton_http_ask *ask)
{
	const baton_str expect = BATON_STR("Expect:"), type = BATON_STR("Content-Type:");
	bool typed = false;
	size_t bytes = 0, n = ask->n_headers;

	if (n > BATON_HTTP_HEADERS_MAX)
		return BATON_E_LIMIT;
	for (size_t i = 0; i < n; i++) {
		const baton_str header = ask->headers[i];
		bytes += header.n;
		if (!baton_header_ok(header))
			return BATON_E_INVAL;
		typed = typed || (header.n > type.n && strncasecmp(header.p, type.p, type.n) == 0);
	}
	if (bytes > BATON_HTTP_HEAD_BYTES_MAX)
		return BATON_E_LIMIT;

	lines_room(request, n + 2, bytes + n + expect.n + type.n + 2);
	for (size_t i = 0; i < n; i++)
		header_add(request, i, ask->headers[i]);
	if (ask->body.n >= EXPECT_BYTES) /* else libcurl does not ask whether it may send */
		line_add(request, n++, expect);
	if (!typed) /* else libcurl would call it a form */
		line_add(request, n++, type);
	SET(CURLOPT_HTTPHEADER, n ? request->lines : NULL);
	return BATON_OK;
}

static void easy_method_set(struct baton_request *request, const char *method)
{
	bool head = strcmp(method, "HEAD") == 0;

	SET(CURLOPT_HTTPGET, 1L); /* clears what the last question set */
	SET(CURLOPT_CUSTOMREQUEST, NULL);
	if (head)
		SET(CURLOPT_NOBODY, 1L);
	else if (strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0)
		SET(CURLOPT_CUSTOMREQUEST, method);
	memcpy(request->easy_method, method, BATON_REQUEST_METHOD);
}

static int method_set(struct baton_request *request, const struct baton_http_ask *ask)
{
	char method[BATON_REQUEST_METHOD] = { 0 };
	if (ask->method.n == 0 || ask->method.n >= sizeof(method))
		return BATON_E_INVAL;
	for (size_t i = 0; i < ask->method.n; i++)
		if (!isupper((unsigned char)ask->method.p[i]))
			return BATON_E_INVAL;
	memcpy(method, ask->method.p, ask->method.n);
	if (ask->body.n && strcmp(method, "GET") == 0)
		return BATON_E_INVAL;

	/* The one method that is asked again and again. */
	bool post = strcmp(method, "POST") == 0;
	if (!post || strcmp(request->easy_method, method) != 0)
		easy_method_set(request, method);
	if (strcmp(method, "HEAD") != 0 && (post || ask->body.n)) {
		request->body = baton_memdupz(ask->body.p, ask->body.n);
		SET(CURLOPT_POSTFIELDSIZE, (long)ask->body.n);
		SET(CURLOPT_POSTFIELDS, request->body); /* which makes it a POST */
	}
	return BATON_OK;
}

/* The parsed URL saves libcurl parsing it each time; the text is for what it sends again. Without
 * its path, which would be encoded byte by byte. */
static void target_set(struct baton_request *request, struct baton_target *target)
{
	if (request->target == target)
		return;
	if (!request->target || request->target->https != target->https)
		SET(CURLOPT_PROTOCOLS_STR, target->https ? "https" : "http");
	SET(CURLOPT_URL, target->server);
	SET(CURLOPT_REQUEST_TARGET, target->what);
	SET(CURLOPT_CURLU, target->parsed);
	baton_target_unref(&request->target);
	request->target = baton_target_ref(target);
}

/* There is no way back to the file that libcurl was built with, but to begin anew. */
static void trust_set(struct baton_request *request, const char *ca_file)
{
	bool same = ca_file && request->easy_ca_file ? strcmp(ca_file, request->easy_ca_file) == 0
						     : ca_file == request->easy_ca_file;
	if (same)
		return;
	baton_free(request->easy_ca_file);
	request->easy_ca_file = ca_file ? baton_memdupz(ca_file, strlen(ca_file)) : NULL;
	if (ca_file) {
		SET(CURLOPT_CAINFO, ca_file);
		return;
	}
	curl_easy_reset(request->easy);
	baton_target_unref(&request->target);
	request->easy_method[0] = '\0';
	request->easy_once = false;
	easy_set_callbacks(request);
	easy_set_rules(request);
}

static uint64_t due_after(uint64_t now, uint32_t ms, uint32_t otherwise_ms)
{
	ms = ms ? ms : otherwise_ms;
	return ms ? now + (uint64_t)ms * NS_PER_MS : UINT64_MAX;
}

int baton_request_ask(struct baton_request *request, const struct baton_http_ask *ask,
		      struct baton_target *target, uint64_t now_ns)
{
	if (ask->body.n > BATON_HTTP_ANSWER_BYTES_MAX)
		return BATON_E_LIMIT;
	trust_set(request, ask->ca_file);
	int rc = headers_set(request, ask);
	rc = rc ? rc : method_set(request, ask);
	if (rc)
		return rc;

	target_set(request, target);
	if (request->easy_once != ask->once)
		SET(CURLOPT_FRESH_CONNECT, ask->once ? 1L : 0L);
	request->easy_once = ask->once;

	request->sse = ask->sse;
	request->ndjson = ask->ndjson;
	request->allow_loopback = ask->allow_loopback_http;
	request->allow_private = baton_target_private(target, ask->egress, ask->n_egress);
	request->connect_due = due_after(now_ns, ask->connect_ms, BATON_CONNECT_MS);
	request->first_byte_due = due_after(now_ns, ask->first_byte_ms, 0);
	request->total_due = due_after(now_ns, ask->total_ms, TOTAL_MS);
	request->idle_ns = (uint64_t)ask->idle_ms * NS_PER_MS;
	return BATON_OK;
}
