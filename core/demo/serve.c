/* SPDX-License-Identifier: Apache-2.0 */

/* The service's HTTP side, on libmicrohttpd: a thread for each connection, orders under one lock.
 *
 *	GET  /health                      well
 *	GET  /orders/{id}                 one order
 *	POST /orders/{id}/refunds         {amount?, reason?}, Idempotency-Key
 *	PUT  /orders/{id}/address         {address}, Idempotency-Key
 *	GET  /_effects, /_requests        what was done; what was asked, without its key
 *	POST /_faults?kind=K&times=N&ms=N&method=M    the next N requests of that method meet it
 *
 * Kinds: slow, hang, status-N (with Retry-After: ms), cut, html, huge, broken, redirect, reset, and
 * lost: it is done, and the connection breaks before it is said. none: all is well again.
 */
#include "core/demo/serve.h"

#include "core/base/mem.h"
#include "core/demo/orders.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BODY_BYTES_MAX = 64 * 1024,
	STATE_BYTES_MAX = 16 * 1024 * 1024,
	REQUESTS_MAX = 10000, /* kept for tests */
	FAULTS_MAX = 16,
	HANG_MS = 60000,
	HUGE_BYTES = 64 * 1024 * 1024,
};

struct fault {
	char kind[16], method[8];
	unsigned times, ms;
};
struct demo {
	struct demo_options options;
	struct MHD_Daemon *daemon;
	pthread_mutex_t lock;
	struct orders *orders;
	json_t *requests;
	struct fault faults[FAULTS_MAX];
	int state; /* fd, -1: none */
};
struct incoming {
	struct baton_buf body;
	bool too_long;
};

/* --- effects on disk ------------------------------------------------------------------------ */

static void state_put(struct demo *demo, const json_t *effect)
{
	char *text = demo->state >= 0 ? json_dumps(effect, JSON_COMPACT) : NULL;
	struct baton_buf line = { NULL, 0, 0 };

	if (!text)
		return;
	baton_buf_printf(&line, "%s\n", text);
	ssize_t n = write(demo->state, line.p, line.n);
	if (n == (ssize_t)line.n)
		(void)fdatasync(demo->state); /* what is answered stays done */
	baton_buf_done(&line);
	free(text); /* jansson's own allocation */
}

static void state_line(struct demo *demo, const char *p, size_t n)
{
	json_t *effect = json_loadb(p, n, 0, NULL);

	if (effect)
		(void)orders_replay(demo->orders, effect);
	json_decref(effect);
}

static bool state_open(struct demo *demo)
{
	struct baton_buf text = { NULL, 0, 0 };

	demo->state = -1;
	if (!demo->options.state)
		return true;
	demo->state = open(demo->options.state, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (demo->state < 0)
		return false;
	while (text.n < STATE_BYTES_MAX) {
		ssize_t n = read(demo->state, baton_buf_room(&text, 65536), 65536);

		if (n <= 0)
			break;
		text.n += (size_t)n;
	}
	for (size_t at = 0; at < text.n;) {
		const char *lf = memchr(text.p + at, '\n', text.n - at);
		size_t end = lf ? (size_t)(lf - text.p) : text.n;

		state_line(demo, text.p + at, end - at);
		at = end + 1;
	}
	baton_buf_done(&text);
	return true;
}

/* --- faults --------------------------------------------------------------------------------- */

static void sleep_ms(unsigned ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&time, NULL);
}

/* kind "" if this request meets none. */
static struct fault fault_take(struct demo *demo, const char *method)
{
	struct fault none = { .kind = "" };

	for (size_t i = 0; i < FAULTS_MAX; i++) {
		struct fault *fault = &demo->faults[i];

		if (!fault->times || (fault->method[0] && strcmp(fault->method, method) != 0))
			continue;
		fault->times--;
		return *fault;
	}
	return none;
}

static const char *query(struct MHD_Connection *c, const char *name, const char *otherwise)
{
	const char *value = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, name);

	return value ? value : otherwise;
}

static bool fault_put(struct demo *demo, struct MHD_Connection *c)
{
	if (strcmp(query(c, "kind", ""), "none") == 0) {
		memset(demo->faults, 0, sizeof(demo->faults));
		return true;
	}
	for (size_t i = 0; i < FAULTS_MAX; i++) {
		struct fault *fault = &demo->faults[i];

		if (fault->times)
			continue;
		(void)snprintf(fault->kind, sizeof(fault->kind), "%s", query(c, "kind", ""));
		(void)snprintf(fault->method, sizeof(fault->method), "%s", query(c, "method", ""));
		fault->times = (unsigned)strtoul(query(c, "times", "1"), NULL, 10);
		fault->ms = (unsigned)strtoul(query(c, "ms", "0"), NULL, 10);
		return true;
	}
	return false;
}

/* The other side gets a reset, not an end. */
static enum MHD_Result hang_up(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (info)
		(void)setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return MHD_NO;
}

static bool is(const struct fault *fault, const char *kind)
{
	return strcmp(fault->kind, kind) == 0;
}

/* --- answers -------------------------------------------------------------------------------- */

static enum MHD_Result send_response(struct MHD_Connection *c, int status, const char *type,
				     struct MHD_Response *response, const struct fault *fault)
{
	char seconds[16];

	if (!response)
		return MHD_NO;
	(void)MHD_add_response_header(response, "Content-Type", type);
	if (fault->ms && strncmp(fault->kind, "status-", 7) == 0) {
		(void)snprintf(seconds, sizeof(seconds), "%u", (fault->ms + 999) / 1000);
		(void)MHD_add_response_header(response, "Retry-After", seconds);
	}
	if (is(fault, "redirect"))
		(void)MHD_add_response_header(response, "Location", "/orders/HP-20441");
	enum MHD_Result rc = MHD_queue_response(c, (unsigned)status, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result send_text(struct MHD_Connection *c, int status, const char *type,
				 const char *text, const struct fault *fault)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), baton_memdupz(text, strlen(text)), MHD_RESPMEM_MUST_FREE);

	return send_response(c, status, type, response, fault);
}

/* A body that promises more than comes (`cut`), or much (`huge`). */
static ssize_t more_body(void *ud, uint64_t at, char *p, size_t max)
{
	const size_t *all = ud;
	size_t n = max < 4096 ? max : 4096;

	if (at >= *all)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	for (size_t i = 0; i < n; i++)
		p[i] = at + i == 0 ? '"' : 'x';
	return (ssize_t)n;
}

static enum MHD_Result send_long(struct MHD_Connection *c, const struct fault *fault)
{
	static const size_t huge = HUGE_BYTES, cut = 20;
	struct MHD_Response *response = MHD_create_response_from_callback(
		is(fault, "huge") ? HUGE_BYTES : 10000, 4096, more_body,
		(void *)(uintptr_t)(is(fault, "huge") ? &huge : &cut), NULL);

	return send_response(c, 200, "application/json", response, fault);
}

static enum MHD_Result send_json(struct MHD_Connection *c, int status, json_t *body,
				 const struct fault *fault)
{
	char *text = json_dumps(body, JSON_COMPACT);
	enum MHD_Result rc = send_text(c, status, "application/json", text ? text : "null", fault);

	free(text);
	json_decref(body);
	return rc;
}

/* What stands in front of the service itself. true: *ret is the end of it. */
static bool meet_fault(struct MHD_Connection *c, const struct fault *fault, enum MHD_Result *ret)
{
	if (is(fault, "slow") || is(fault, "hang"))
		sleep_ms(is(fault, "hang") ? HANG_MS : fault->ms);
	if (strncmp(fault->kind, "status-", 7) == 0)
		*ret = send_text(c, (int)strtol(fault->kind + 7, NULL, 10), "application/json",
				 "{\"code\":\"fault\",\"message\":\"As you asked.\"}", fault);
	else if (is(fault, "cut") || is(fault, "huge"))
		*ret = send_long(c, fault);
	else if (is(fault, "html"))
		*ret = send_text(c, 200, "text/html", "<html><h1>Please log in</h1></html>", fault);
	else if (is(fault, "broken"))
		*ret = send_text(c, 200, "application/json", "{\"order\":{\"status\":", fault);
	else if (is(fault, "redirect"))
		*ret = send_text(c, 302, "text/plain", "", fault);
	else if (is(fault, "reset") || is(fault, "hang"))
		*ret = hang_up(c);
	else
		return false;
	return true;
}

/* --- requests ------------------------------------------------------------------------------- */

static const char *header(struct MHD_Connection *c, const char *name)
{
	const char *value = MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);

	return value ? value : "";
}

static void remember(struct demo *demo, struct MHD_Connection *c, const char *method,
		     const char *url)
{
	if (json_array_size(demo->requests) >= REQUESTS_MAX)
		json_array_clear(demo->requests);
	json_array_append_new(demo->requests,
			      json_pack("{s:s, s:s, s:s, s:s, s:s}", "method", method, "path", url,
					"key", header(c, "Idempotency-Key"), "customer",
					header(c, "X-Customer"), "request_id",
					header(c, "X-Request-Id")));
}

static bool may_enter(const struct demo *demo, struct MHD_Connection *c)
{
	static const char bearer[] = "Bearer ";
	const char *said = header(c, "Authorization");

	return !demo->options.key || !demo->options.key[0] ||
	       (strncmp(said, bearer, sizeof(bearer) - 1) == 0 &&
		strcmp(said + sizeof(bearer) - 1, demo->options.key) == 0);
}

/* "/orders/ID" or "/orders/ID/WHAT". */
static bool order_path(const char *url, char id[32], const char **ret_what)
{
	static const char lead[] = "/orders/";
	const char *at = url + sizeof(lead) - 1;

	if (strncmp(url, lead, sizeof(lead) - 1) != 0)
		return false;
	size_t n = strcspn(at, "/");
	*ret_what = at[n] ? at + n + 1 : "";
	(void)snprintf(id, 32, "%.*s", (int)(n < 31 ? n : 31), at);
	return n > 0 && n < 32;
}

static void ask_orders(struct demo *demo, struct MHD_Connection *c, const char *method,
		       const char *url, const json_t *body, struct orders_answer *ret)
{
	const char *what = "", *customer = header(c, "X-Customer"),
		   *key = header(c, "Idempotency-Key");
	char id[32];

	if (!order_path(url, id, &what))
		return;
	if (!what[0] && strcmp(method, "GET") == 0)
		orders_look(demo->orders, id, customer, ret);
	else if (strcmp(what, "refunds") == 0 && strcmp(method, "POST") == 0 && body)
		orders_refund(demo->orders, id, customer, key, body, ret);
	else if (strcmp(what, "address") == 0 && strcmp(method, "PUT") == 0 && body)
		orders_address(demo->orders, id, customer, key, body, ret);
}

static enum MHD_Result answer_order(struct demo *demo, struct MHD_Connection *c, const char *method,
				    const char *url, const struct incoming *in)
{
	struct orders_answer answer = { 0 };
	json_t *body = in->body.n ? json_loadb(in->body.p, in->body.n, 0, NULL) : json_object();
	enum MHD_Result rc;

	(void)pthread_mutex_lock(&demo->lock);
	remember(demo, c, method, url);
	struct fault fault = fault_take(demo, method);
	(void)pthread_mutex_unlock(&demo->lock);
	if (!may_enter(demo, c)) {
		json_decref(body);
		return send_text(c, 401, "application/json", "{\"code\":\"key_wrong\"}", &fault);
	}
	if (meet_fault(c, &fault, &rc)) {
		json_decref(body);
		return rc;
	}
	(void)pthread_mutex_lock(&demo->lock);
	ask_orders(demo, c, method, url, json_is_object(body) ? body : NULL, &answer);
	if (answer.effect)
		state_put(demo, answer.effect);
	(void)pthread_mutex_unlock(&demo->lock);
	json_decref(body);
	bool lost = answer.effect && is(&fault, "lost");
	json_decref(answer.effect);
	if (!lost && answer.status)
		return send_json(c, answer.status, answer.body, &fault);
	json_decref(answer.body);
	return lost ? hang_up(c)
		    : send_text(c, 400, "application/json", "{\"code\":\"bad_request\"}", &fault);
}

/* For tests: what was asked and done, and what is to go wrong. */
static enum MHD_Result answer_behind(struct demo *demo, struct MHD_Connection *c,
				     const char *method, const char *url)
{
	static const struct fault none = { .kind = "" };
	json_t *body = NULL;
	int status = 200;

	(void)pthread_mutex_lock(&demo->lock);
	if (strcmp(url, "/_effects") == 0)
		body = orders_effects(demo->orders);
	else if (strcmp(url, "/_requests") == 0)
		body = json_deep_copy(demo->requests);
	else if (strcmp(url, "/_faults") == 0 && demo->options.faults &&
		 strcmp(method, "POST") == 0 && fault_put(demo, c))
		body = json_pack("{s:b}", "ok", 1);
	else
		status = 404;
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	(void)pthread_mutex_unlock(&demo->lock);
	enum MHD_Result rc = send_text(c, status, "application/json",
				       text ? text : "{\"code\":\"not_found\"}", &none);
	free(text);
	return rc;
}

static enum MHD_Result answer(struct demo *demo, struct MHD_Connection *c, const char *method,
			      const char *url, const struct incoming *in)
{
	static const struct fault none = { .kind = "" };

	if (in->too_long)
		return send_text(c, 413, "application/json", "{\"code\":\"too_long\"}", &none);
	if (strcmp(url, "/health") == 0)
		return send_text(c, 200, "application/json", "{\"ok\":true}", &none);
	if (url[0] == '/' && url[1] == '_')
		return answer_behind(demo, c, method, url);
	return answer_order(demo, c, method, url, in);
}

/* Comes once with the head, then for pieces of the body, then for the answer. */
static enum MHD_Result on_request(void *ud, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *n, void **request)
{
	struct incoming *in = *request;
	(void)version;

	if (!in) {
		*request = baton_new(struct incoming);
		return MHD_YES;
	}
	if (*n == 0)
		return answer(ud, c, method, url, in);
	if (in->body.n + *n > BODY_BYTES_MAX)
		in->too_long = true;
	else
		baton_buf_add(&in->body, data, *n);
	*n = 0;
	return MHD_YES;
}

static void on_done(void *ud, struct MHD_Connection *c, void **request,
		    enum MHD_RequestTerminationCode code)
{
	struct incoming *in = *request;
	(void)ud;
	(void)c;
	(void)code;

	if (in)
		baton_buf_done(&in->body);
	baton_free(in);
	*request = NULL;
}

/* --- life ----------------------------------------------------------------------------------- */

struct demo *demo_start(const struct demo_options *options, uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(options->port) };
	struct demo *demo = baton_new(struct demo);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	demo->options = *options;
	(void)pthread_mutex_init(&demo->lock, NULL);
	demo->orders = orders_new();
	demo->requests = json_array();
	if (state_open(demo))
		demo->daemon = MHD_start_daemon(
			MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
				MHD_USE_POLL,
			options->port, NULL, NULL, on_request, demo, MHD_OPTION_SOCK_ADDR, &address,
			MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_CONNECTION_LIMIT,
			200u, MHD_OPTION_END);
	const union MHD_DaemonInfo *info =
		demo->daemon ? MHD_get_daemon_info(demo->daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
	if (!info) {
		int why = errno;

		demo_stop(&demo);
		errno = why;
		return NULL;
	}
	*ret_port = info->port;
	return demo;
}

/* Threads that hang on purpose are not waited for: the process ends with them. */
void demo_stop(struct demo **demo)
{
	struct demo *d = *demo;

	if (d->state >= 0)
		(void)fdatasync(d->state);
	*demo = NULL;
	if (d->daemon)
		_exit(EXIT_SUCCESS);
	json_decref(d->requests);
	orders_free(&d->orders);
	(void)pthread_mutex_destroy(&d->lock);
	baton_free(d);
}
