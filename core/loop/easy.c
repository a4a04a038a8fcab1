/* SPDX-License-Identifier: Apache-2.0 */

/* A request as libcurl sees it: options, callbacks, and what its errors mean. Callbacks record and
 * hand on; nothing here calls back into libcurl's multi interface. A handle is set up once, and per
 * request only what differs. */
#include "core/loop/request.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- connecting --- */

static curl_socket_t on_socket_open(void *ud, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct baton_request *request = ud;
	(void)purpose;

	if (!baton_request_may_connect(request, &address->addr)) {
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
	    !baton_request_may_connect(request, (const struct sockaddr *)&address)) {
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

/* --- the answer --- */

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
	bool more = status < 200 ||
		    baton_request_head(request, (unsigned)status, baton_buf_view(&request->head));
	baton_buf_reset(&request->head); /* 1xx: the head that counts follows */
	return more ? n : 0;
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
	return baton_request_body(request, (baton_str){ p, n }) ? n : 0;
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

void baton_easy_explain(struct baton_request *request)
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
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_NOPROGRESS, 1L);
	/* Without this, giving up on a slow name waits for the resolver's thread. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	/* libcurl 7.88's HTTP/2 has known stalls with pausing; one stream, one connection. */
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_CONNECTTIMEOUT_MS, 3600000L);               /* the clock is ours */
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* and newer */
}

/* --- asking --- */

static bool headers_add(struct baton_request *request, baton_str header)
{
	/* libcurl reads "Name:" as "leave it out" and "Name;" as "send it empty". */
	char *text = baton_memdupz(header.p, header.n);
	size_t n = header.n;
	while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	text[n] = '\0';
	if (text[n - 1] == ':' && strchr(text, ':') == text + n - 1)
		text[n - 1] = ';';
	struct curl_slist *longer = curl_slist_append(request->headers, text);
	explicit_bzero(text, n);
	baton_free(text);
	if (longer)
		request->headers = longer;
	return longer;
}

static int headers_set(struct baton_request *request, const struct baton_http_ask *ask)
{
	bool typed = false;

	for (size_t i = 0; i < ask->n_headers; i++) {
		if (!headers_add(request, ask->headers[i]))
			return BATON_E_LIMIT;
		typed = typed || (ask->headers[i].n > 13 &&
				  strncasecmp(ask->headers[i].p, "content-type:", 13) == 0);
	}
	struct curl_slist *longer = curl_slist_append(request->headers, "Expect:");
	request->headers = longer ? longer : request->headers;
	if (!typed) /* else libcurl would call it a form */
		longer = curl_slist_append(request->headers, "Content-Type:");
	request->headers = longer ? longer : request->headers;
	SET(CURLOPT_HTTPHEADER, request->headers);
	return BATON_OK;
}

static void method_set(struct baton_request *request, const struct baton_http_ask *ask)
{
	char method[BATON_REQUEST_METHOD + 1];

	memcpy(method, ask->method.p, ask->method.n);
	method[ask->method.n] = '\0';
	SET(CURLOPT_HTTPGET, 1L); /* clears what the last request set */
	SET(CURLOPT_CUSTOMREQUEST, NULL);
	bool post = strcmp(method, "POST") == 0;
	if (strcmp(method, "HEAD") == 0) {
		SET(CURLOPT_NOBODY, 1L);
	} else if (post || ask->body.n) {
		request->body = baton_memdupz(ask->body.p, ask->body.n);
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE, (long)ask->body.n);
		SET(CURLOPT_POSTFIELDS, request->body);
	}
	if (!post && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		SET(CURLOPT_CUSTOMREQUEST, method);
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
	request->easy_takes_http = false;
	easy_set_callbacks(request);
	easy_set_rules(request);
}

int baton_easy_ask(struct baton_request *request, const struct baton_http_ask *ask,
		   const struct baton_target *target)
{
	if (!request->easy) {
		request->easy = curl_easy_init();
		if (!request->easy)
			return BATON_E_LIMIT;
		easy_set_callbacks(request);
		easy_set_rules(request);
	}
	trust_set(request, ask->ca_file);
	int rc = headers_set(request, ask);
	if (rc)
		return rc;
	method_set(request, ask);

	bool http = !target->https;
	if (http != request->easy_takes_http)
		SET(CURLOPT_PROTOCOLS_STR, http ? "http" : "https");
	request->easy_takes_http = http;
	SET(CURLOPT_URL, target->url);
	SET(CURLOPT_FRESH_CONNECT, ask->once ? 1L : 0L);
	return BATON_OK;
}

/* --- afterwards --- */

void baton_easy_drop_ask(struct baton_request *request)
{
	for (struct curl_slist *header = request->headers; header; header = header->next)
		explicit_bzero(header->data, strlen(header->data)); /* one of them may be a key */
	curl_slist_free_all(request->headers);
	baton_free(request->body);
	request->headers = NULL;
	request->body = NULL;
}

void baton_easy_free(struct baton_request *request)
{
	curl_easy_cleanup(request->easy);
	baton_free(request->easy_ca_file);
}
