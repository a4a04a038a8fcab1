/* SPDX-License-Identifier: Apache-2.0 */

/* The HTTP beside the chat: what is answered, with which headers, and that whatever comes in, the
 * client gets an answer or the end of the connection and never waits. */

#include "core/module/scratch.h"
#include "tests/unit/house.h"

#include <sys/stat.h>

static struct baton_port *house;
static char web[BATON_SCRATCH_BYTES];

enum { BIG_BYTES = 300 * 1000 };

static void write_file(const char *name, const char *text, size_t n)
{
	char path[BATON_SCRATCH_BYTES + 32];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", web, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static const char *const folders[] = { "shop", "shop/img", "console", "widget", "widget/dist" };
static const char *const files[] = { "shop/index.html",
				     "shop/.env",
				     "shop/key.pem",
				     "shop/img/a.svg",
				     "console/big.js",
				     "widget/baton-chat.js",
				     "secret.html",
				     "widget/dist/built.js",
				     "widget/dist/built.js.gz",
				     "widget/built.js",
				     "shop/link.html" };

static int make_web(void **state)
{
	char path[BATON_SCRATCH_BYTES + 32];
	char *big = malloc(BIG_BYTES);

	(void)state;
	assert_int_equal(baton_scratch_make(web, "web"), BATON_OK);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", web, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) - 1; i++)
		write_file(files[i], files[i], strlen(files[i]));
	for (int i = 0; i < BIG_BYTES; i++)
		big[i] = (char)('a' + i % 26);
	write_file("console/big.js", big, BIG_BYTES);
	free(big);
	(void)snprintf(path, sizeof(path), "%s/shop/link.html", web);
	assert_int_equal(symlink("../secret.html", path), 0);
	return 0;
}

static int remove_web(void **state)
{
	char path[BATON_SCRATCH_BYTES + 32];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", web, files[i]);
		(void)unlink(path);
	}
	for (size_t i = sizeof(folders) / sizeof(folders[0]); i-- > 0;) {
		(void)snprintf(path, sizeof(path), "%s/%s", web, folders[i]);
		(void)rmdir(path);
	}
	(void)rmdir(web);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	house = house_open(web);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	house_close(house);
	return 0;
}

#define POST(headers) "POST /v1/tickets HTTP/1.1\r\nHost: h\r\n" headers "\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

static void supervisors_and_prometheus_are_answered(void **state)
{
	(void)state;
	expect_http(house, GET("/livez"), 200, "\r\n\r\nok\n");
	expect_http(house, GET("/readyz"), 200, "\r\n\r\nready\n");
	expect_http(house, GET("/readyz?verbose"), 200, "{\"journal\":\"ok\"}");
	expect_http(house, GET("/metrics"), 200, "text/plain; version=0.0.4");
	expect_http(house, GET("/metrics"), 200, "baton_up 1\n");
	expect_http(house, "HEAD /livez HTTP/1.1\r\nHost: h\r\n\r\n", 200, "Content-Length: 3\r\n");
	expect_http(house, "GET /livez HTTP/1.0\r\n\r\n", 200, "ok\n");
}

static void every_answer_carries_the_security_headers(void **state)
{
	static const char *const lines[] = {
		"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
		"connect-src 'self'; img-src 'self' data:; form-action 'none'; "
		"frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'\r\n",
		"X-Content-Type-Options: nosniff\r\n",
		"Referrer-Policy: no-referrer\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		expect_http(house, GET("/shop/"), 200, lines[i]);
		expect_http(house, GET("/nothing"), 404, lines[i]);
		expect_http(house, GET("/metrics"), 200, lines[i]);
	}
}

static void wrong_requests_are_told_what_is_wrong(void **state)
{
	static const struct {
		const char *request;
		unsigned status;
		const char *part;
	} cases[] = {
		{ GET("/nothing"), 404, "\"code\":\"not_found\"" },
		{ GET("/"), 404, "" },
		{ "DELETE /livez HTTP/1.1\r\nHost: h\r\n\r\n", 405, "Allow: GET, HEAD\r\n" },
		{ "POST /shop/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 405,
		  "Allow: GET" },
		{ GET("/v1/tickets"), 405, "Allow: POST, OPTIONS\r\n" },
		{ "GET /livez HTTP/1.1\r\n\r\n", 400, "" },
		{ "GET /livez HTTP/3.0\r\nHost: h\r\n\r\n", 505, "" },
		{ "GET /livez HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", 413, "" },
		{ POST("Content-Length: -1\r\n"), 400, "" },
		{ POST("Content-Length: +1\r\n") "{", 400, "" },
		{ POST("Content-Length: 2\r\nContent-Length: 3\r\n") "{} ", 400, "" },
		{ POST("Content-Length: 99999999999999999999\r\n"), 413, "" },
		{ POST("Content-Length: 16385\r\n"), 413, "\"code\":\"too_big\"" },
		{ POST("Transfer-Encoding: chunked\r\n") "2\r\n{}\r\n0\r\n\r\n", 501, "" },
		{ POST("Content-Length: 3\r\n") "[1]", 400, "\"code\":\"bad_json\"" },
		{ POST("Content-Length: 3\r\n") "{{}", 400, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_http(house, cases[i].request, cases[i].status, cases[i].part);
}

static void a_long_path_is_refused(void **state)
{
	char request[2048];

	(void)state;
	(void)snprintf(request, sizeof(request), "GET /%0*d HTTP/1.1\r\nHost: h\r\n\r\n",
		       BATON_HTTP_URI_BYTES_MAX, 7);
	expect_http(house, request, 414, "");
}

static void files_are_served_from_the_table_alone(void **state)
{
	(void)state;
	expect_http(house, GET("/shop/"), 200, "\r\n\r\nshop/index.html");
	expect_http(house, GET("/shop/"), 200, "Content-Type: text/html; charset=utf-8\r\n");
	expect_http(house, GET("/shop"), 308, "Location: /shop/\r\n");
	expect_http(house, GET("/shop/img/a.svg"), 200, "Content-Type: image/svg+xml\r\n");
	expect_http(house, GET("/shop/.env"), 404, "");
	expect_http(house, GET("/shop/key.pem"), 404, "");
	expect_http(house, GET("/shop/link.html"), 404, "");
	expect_http(house, GET("/shop/../secret.html"), 404, "");
	expect_http(house, GET("/shop/%2e%2e/secret.html"), 404, "");
	expect_http(house, GET("/shop/..%2fsecret.html"), 404, "");
	expect_http(house, GET("/secret.html"), 404, "");
	expect_http(house, "HEAD /shop/ HTTP/1.1\r\nHost: h\r\n\r\n", 200,
		    "Content-Length: 15\r\n");
}

static void the_widget_may_be_loaded_by_other_pages(void **state)
{
	(void)state;
	expect_http(house, GET("/w/1/baton-chat.js"), 200, "Access-Control-Allow-Origin: *\r\n");
	expect_http(house, GET("/w/1/baton-chat.js"), 200,
		    "Cache-Control: public, max-age=300\r\n");
	expect_http(house, GET("/w/1/baton-chat.js"), 200,
		    "Content-Type: text/javascript; charset=utf-8\r\n");
	struct client *client = http(house, GET("/shop/"));
	assert_null(strstr(client->message, "Access-Control-Allow-Origin"));
	client_free(client);
}

static void what_is_built_goes_before_its_source_and_small_to_who_reads_it(void **state)
{
	(void)state;
	const char *small = "GET /w/1/built.js HTTP/1.1\r\nHost: h\r\n"
			    "Accept-Encoding: deflate, gzip\r\n\r\n";
	expect_http(house, small, 200, "Content-Encoding: gzip\r\n");
	expect_http(house, small, 200, "Content-Type: text/javascript; charset=utf-8\r\n");
	expect_http(house, small, 200, "widget/dist/built.js.gz");
	struct client *client = http(house, GET("/w/1/built.js"));
	assert_non_null(strstr(client->message, "Vary: Accept-Encoding\r\n"));
	assert_null(strstr(client->message, "Content-Encoding"));
	assert_non_null(strstr(client->message, "widget/dist/built.js"));
	client_free(client);
	expect_http(house,
		    "GET /w/1/built.js HTTP/1.1\r\nHost: h\r\n"
		    "Accept-Encoding: gzip;q=0\r\n\r\n",
		    200, "Content-Length: 20\r\n");
	expect_http(house, GET("/w/src/built.js"), 200, "widget/built.js");
	expect_http(house, GET("/w/1/baton-chat.js"), 200, "widget/baton-chat.js");
	expect_http(house, GET("/w/src/dist/built.js"), 404, "");
}

static void an_unchanged_file_is_not_sent_again(void **state)
{
	char etag[64] = "", request[256];
	struct client *client = http(house, GET("/shop/"));
	const char *at = strstr(client->message, "ETag: ");

	(void)state;
	assert_non_null(at);
	(void)snprintf(etag, sizeof(etag), "%.*s", (int)strcspn(at + 6, "\r"), at + 6);
	client_free(client);
	(void)snprintf(request, sizeof(request),
		       "GET /shop/ HTTP/1.1\r\nHost: h\r\nIf-None-Match: %s\r\n\r\n", etag);
	expect_http(house, request, 304, etag);
}

static void a_large_file_arrives_whole(void **state)
{
	struct client *client = http(house, GET("/console/big.js"));
	const char *body = strstr(client->message, "\r\n\r\n");

	(void)state;
	assert_non_null(body);
	body += 4;
	assert_int_equal(strlen(body), BIG_BYTES);
	for (size_t i = 0; i < BIG_BYTES; i++)
		assert_true(body[i] == (char)('a' + i % 26));
	client_free(client);
}

/* Reads until `end` has come, and uses up all that was read. */
static void read_until(struct client *client, const char *end)
{
	for (size_t n = 1; !memmem(client->bytes, client->n, end, strlen(end)); n = client->n + 1)
		assert_true(client_need(client, n));
	client->n = 0;
}

static void requests_may_share_a_connection(void **state)
{
	static const char both[] = GET("/livez") GET("/shop/");
	static const char post[] = POST("Content-Length: 2\r\n") "{";
	struct client *client = client_open(house, 0);

	(void)state;
	client_send(client, both, sizeof(both) - 1);
	read_until(client, "shop/index.html");
	client_send(client, post, sizeof(post) - 1);
	client_send(client, "}", 1);
	read_until(client, "\"customer\"}\n");
	client_send(client, both, sizeof(both) - 1);
	read_until(client, "shop/index.html");
	client_free(client);
}

/* --- tickets ------------------------------------------------------------------------------- */

#define TICKET(headers) \
	"POST /v1/tickets HTTP/1.1\r\nHost: h\r\n" headers "Content-Length: 2\r\n\r\n{}"

static void tickets_are_for_allowed_origins(void **state)
{
	(void)state;
	expect_http(house, TICKET("Origin: " HOUSE_ORIGIN "\r\n"), 201, "\"role\":\"customer\"");
	expect_http(house, TICKET("Origin: " HOUSE_ORIGIN "\r\n"), 201,
		    "Access-Control-Allow-Origin: " HOUSE_ORIGIN "\r\nVary: Origin\r\n");
	expect_http(house, TICKET("Origin: " HOUSE_ORIGIN "\r\n"), 201,
		    "Cache-Control: no-store\r\n");
	expect_http(house, TICKET(""), 201, "\"expires_ms\":30000");
	expect_http(house, TICKET("Origin: https://evil.example\r\n"), 403, "\"origin_refused\"");
	expect_http(house, TICKET("Origin: null\r\n"), 403, "\"origin_refused\"");
	expect_http(house, POST("Content-Length: 0\r\n"), 201, "\"ticket\"");
	expect_http(house, "POST /v1/tickets HTTP/1.1\r\nHost: h\r\n\r\n", 201, "\"ticket\"");
}

static void a_browser_may_ask_first(void **state)
{
	(void)state;
	expect_http(house,
		    "OPTIONS /v1/tickets HTTP/1.1\r\nHost: h\r\nOrigin: " HOUSE_ORIGIN "\r\n\r\n",
		    204, "Access-Control-Allow-Headers: authorization, content-type\r\n");
	expect_http(
		house,
		"OPTIONS /v1/tickets HTTP/1.1\r\nHost: h\r\nOrigin: https://evil.example\r\n\r\n",
		403, "");
}

static void guessing_agent_tokens_is_slow(void **state)
{
	(void)state;
	expect_http(house, TICKET("Authorization: Bearer " HOUSE_TOKEN "\r\n"), 201,
		    "\"role\":\"agent\"");
	for (int i = 0; i < 5; i++)
		expect_http(house, TICKET("Authorization: Bearer wrong\r\n"), 401,
			    "\"unauthorized\"");
	expect_http(house, TICKET("Authorization: Bearer wrong\r\n"), 429, "Retry-After: 60\r\n");
	expect_http(house, TICKET("Authorization: Bearer " HOUSE_TOKEN "\r\n"), 429, "");
	expect_http(house, TICKET(""), 201,
		    "\"role\":\"customer\""); /* customers are not concerned */
}

/* --- garbage ------------------------------------------------------------------------------- */

static const char *const seeds[] = {
	GET("/livez"),
	GET("/shop/?a=b&verbose"),
	TICKET("Origin: " HOUSE_ORIGIN "\r\nAuthorization: Bearer x\r\n"),
	"GET /v1/chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" WS_KEY
		WS_VERSION "Sec-WebSocket-Protocol: baton.v1\r\n\r\n\x81\x82\x01\x02\x03\x04{}",
	"GET /v1/chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET http://h/livez HTTP/1.1\r\nHost: h\r\n\r\n",
	"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
};

static uint64_t next_random(uint64_t *rng)
{
	*rng ^= *rng << 13;
	*rng ^= *rng >> 7;
	*rng ^= *rng << 17;
	return *rng;
}

static size_t garble(char *p, size_t size, uint64_t *rng)
{
	const char *seed = seeds[next_random(rng) % (sizeof(seeds) / sizeof(seeds[0]))];
	size_t n = (size_t)snprintf(p, size, "%s", seed);

	for (uint64_t edits = next_random(rng) % 6; edits > 0; edits--) {
		uint64_t r = next_random(rng);
		size_t at = (size_t)(r % n);
		if (r >> 60 < 4 && n > 8) { /* cut a piece out */
			memmove(p + at, p + at + 1, n - at - 1);
			n--;
		} else {
			p[at] = (r >> 60) < 10 ? (char)(r >> 40) : " \r\n\t:/%\0"[(r >> 40) % 8];
		}
	}
	return n;
}

static void five_hundred_requests_of_garbage_all_come_to_an_end(void **state)
{
	uint64_t rng = 0x9e3779b97f4a7c15u;
	char request[1024];

	(void)state;
	for (int i = 0; i < 500; i++) {
		size_t n = garble(request, sizeof(request), &rng);
		struct client *client = client_open(house, 0);
		client_send(client, request, n);
		(void)shutdown(client->fd, SHUT_WR);
		const char *answer = client_slurp(client); /* fails the test if nothing ends it */
		assert_true(answer[0] == '\0' || strncmp(answer, "HTTP/1.", 7) == 0);
		client_free(client);
	}
	expect_http(house, GET("/livez"), 200, "ok");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(supervisors_and_prometheus_are_answered),
		T(every_answer_carries_the_security_headers),
		T(wrong_requests_are_told_what_is_wrong),
		T(a_long_path_is_refused),
		T(files_are_served_from_the_table_alone),
		T(the_widget_may_be_loaded_by_other_pages),
		T(what_is_built_goes_before_its_source_and_small_to_who_reads_it),
		T(an_unchanged_file_is_not_sent_again),
		T(a_large_file_arrives_whole),
		T(requests_may_share_a_connection),
		T(tickets_are_for_allowed_origins),
		T(a_browser_may_ask_first),
		T(guessing_agent_tokens_is_slow),
		T(five_hundred_requests_of_garbage_all_come_to_an_end),
	};

	return cmocka_run_group_tests(tests, make_web, remove_web);
}
