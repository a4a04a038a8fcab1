/* SPDX-License-Identifier: Apache-2.0 */

/* transcript-webhook in a rack, against a receiver that checks signatures as the specification says
 * and answers, fails, stalls or hangs up as it is told. */
#include "tests/unit/module_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <strings.h>
#include <sys/socket.h>

enum { REQUESTS_MAX = 32, REQUEST_BYTES = 65536 };

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define SAYS(status, more, body)                                                         \
	"HTTP/1.1 " status "\r\n" more "Connection: close\r\nContent-Length: 100000\r\n" \
	"\r\n" body
#define EMPTY(status, more) \
	"HTTP/1.1 " status "\r\n" more "Connection: close\r\nContent-Length: 0\r\n\r\n"
/* Accepts the request and then says nothing until the client leaves. */
#define SILENCE ""

/* One thread; each connection is one request. */
static struct {
	int fd;
	uint16_t port;
	pthread_t thread;
	pthread_mutex_t lock;
	const char *answers[REQUESTS_MAX]; /* NULL: OK */
	char *requests[REQUESTS_MAX];
	unsigned n;
} receiver = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const unsigned char key[] = "a key of sixteen";
/* The same in base64, as Standard Webhooks writes keys. */
static const char secret[] = "whsec_YSBrZXkgb2Ygc2l4dGVlbg==";

/* Reads one request; its bytes, 0 at the end of the connection. */
static size_t read_request(int fd, char *request)
{
	size_t n = 0, need = REQUEST_BYTES - 1;

	request[0] = 0;
	while (n < need) {
		ssize_t got = recv(fd, request + n, need - n, 0);
		if (got <= 0)
			return 0;
		n += (size_t)got;
		request[n] = 0;
		const char *end = strstr(request, "\r\n\r\n"),
			   *length = strcasestr(request, "\r\ncontent-length:");
		if (end)
			need = (size_t)(end - request) + 4 +
			       (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
	}
	return n;
}

static void receive(int fd)
{
	char *request = malloc(REQUEST_BYTES), byte;
	assert_non_null(request);
	size_t n = read_request(fd, request);

	(void)pthread_mutex_lock(&receiver.lock);
	const char *answer = receiver.n < REQUESTS_MAX ? receiver.answers[receiver.n] : NULL;
	if (n > 0 && receiver.n < REQUESTS_MAX)
		receiver.requests[receiver.n++] = request;
	else
		free(request);
	(void)pthread_mutex_unlock(&receiver.lock);
	if (answer && !answer[0])
		while (recv(fd, &byte, 1, 0) > 0)
			continue;
	else if (n > 0)
		(void)send(fd, answer ? answer : OK, strlen(answer ? answer : OK), MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
	(void)close(fd);
}

static void *receiver_main(void *ud)
{
	(void)ud;
	for (;;) {
		int fd = accept(receiver.fd, NULL, NULL);
		if (fd < 0)
			return NULL;
		receive(fd);
	}
}

static void receiver_start(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	receiver.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(receiver.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(receiver.fd, 16), 0);
	assert_int_equal(getsockname(receiver.fd, (struct sockaddr *)&address, &len), 0);
	receiver.port = ntohs(address.sin_port);
	receiver.n = 0;
	memset(receiver.answers, 0, sizeof(receiver.answers));
	memset(receiver.requests, 0, sizeof(receiver.requests));
	assert_int_equal(pthread_create(&receiver.thread, NULL, receiver_main, NULL), 0);
}

static void receiver_stop(void)
{
	(void)shutdown(receiver.fd, SHUT_RDWR);
	(void)pthread_join(receiver.thread, NULL);
	(void)close(receiver.fd);
	for (unsigned i = 0; i < receiver.n; i++)
		free(receiver.requests[i]);
}

/* --- the rack ----------------------------------------------------------------------------- */

static int load_module(struct rig *rig, const char *more)
{
	char config[400];

	(void)snprintf(config, sizeof(config),
		       "{\"url\":\"http://127.0.0.1:%u/hook\",\"signing\":[\"HOOK\"]%s}",
		       receiver.port, more);
	(void)rig_module(rig, "hook", "transcript", "transcript-webhook.so", config);
	return rig_stage(rig) != 0 ? -1 : rig_rack(rig);
}

static int setup(void **state)
{
	assert_int_equal(rig_setup(state), 0);
	struct rig *rig = *state;
	receiver_start();
	assert_int_equal(setenv("BATON_SECRET_HOOK", secret, 1), 0);
	rig->secret[0] = "HOOK";
	rig->egress[0] = "127.0.0.1";
	rig->loopback = true;
	rig_install(rig, "modules/transcript-webhook.so", "transcript-webhook.so");
	return 0;
}

static int start(void **state)
{
	assert_int_equal(setup(state), 0);
	struct rig *rig = *state;
	if (load_module(rig, "") != 0)
		fail_msg("%s", rig->why);
	return 0;
}

static int finish(void **state)
{
	int rc = rig_teardown(state);
	receiver_stop();
	return rc;
}

static int rig_transcript(struct rig *rig, uint64_t ticket, const char *name,
			  const baton_entry *entries, uint32_t n)
{
	return baton_rack_transcript(rig->rack, rig->release, ticket, name, entries, n);
}

static baton_entry entry(const char *session, uint64_t seq)
{
	return (baton_entry){ .seq = seq,
			      .unix_ms = 1790000000123 + seq,
			      .session_id = baton_str_of(session),
			      .type = BATON_STR("message_received"),
			      .json = BATON_STR("{\"text\":\"h\xc3\xa9\"}") };
}

/* Appends and waits for the end. Returns what was told. */
static const char *append(struct rig *rig, const baton_entry *entries, uint32_t n)
{
	baton_buf_reset(&rig->heard);
	rig->ends = 0;
	assert_int_equal(rig_transcript(rig, 1, "hook", entries, n), 0);
	rig_run(rig, 1);
	return rig_heard(rig);
}

/* --- what arrived ------------------------------------------------------------------------- */

static void header_of(unsigned i, const char *name, char to[200])
{
	char line[64];
	(void)snprintf(line, sizeof(line), "\r\n%s: ", name);
	assert_true(i < receiver.n);
	const char *at = strcasestr(receiver.requests[i], line);
	assert_non_null(at);
	at += strlen(line);
	size_t n = strcspn(at, "\r\n");
	assert_true(n < 200);
	memcpy(to, at, n);
	to[n] = 0;
}

static const char *body_of(unsigned i)
{
	assert_true(i < receiver.n);
	return strstr(receiver.requests[i], "\r\n\r\n") + 4;
}

/* As a receiver does it: the code over id, time and body, compared with each one that was sent. */
static void signature_holds(unsigned i)
{
	char id[200], when[200], said[200], text[64], want[80];
	struct baton_buf content = { 0 };
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	header_of(i, "webhook-id", id);
	header_of(i, "webhook-timestamp", when);
	header_of(i, "webhook-signature", said);
	baton_buf_printf(&content, "%s.%s.%s", id, when, body_of(i));
	assert_non_null(HMAC(EVP_sha256(), key, sizeof(key) - 1, (unsigned char *)content.p,
			     content.n, mac, &n));
	baton_buf_done(&content);
	(void)EVP_EncodeBlock((unsigned char *)text, mac, (int)n);
	(void)snprintf(want, sizeof(want), "v1,%s", text);
	assert_string_equal(said, want);
	assert_true(strtoull(when, NULL, 10) > 1700000000);
	assert_null(strchr(id, '.'));
}

static void a_batch_is_one_signed_request_in_order(void **state)
{
	baton_entry entries[] = { entry("A1b2", 1), entry("A1b2", 2), entry("c3", 7) };
	char text[200];

	assert_string_equal(append(*state, entries, 3), "1 end 0\n");
	assert_int_equal(receiver.n, 1);
	signature_holds(0);
	assert_non_null(strstr(receiver.requests[0], "POST /hook HTTP/1.1\r\n"));
	header_of(0, "content-type", text);
	assert_string_equal(text, "application/json");
	header_of(0, "webhook-id", text);
	assert_string_equal(text, "msg_A1b2_1_3");
	assert_string_equal(
		body_of(0),
		"{\"type\":\"transcript.events\",\"timestamp\":\"2026-09-21T14:13:20.130Z\","
		"\"data\":{\"events\":["
		"{\"session\":\"A1b2\",\"seq\":1,\"ts\":1790000000124,\"type\":"
		"\"message_received\",\"data\":{\"text\":\"h\xc3\xa9\"}},"
		"{\"session\":\"A1b2\",\"seq\":2,\"ts\":1790000000125,\"type\":"
		"\"message_received\",\"data\":{\"text\":\"h\xc3\xa9\"}},"
		"{\"session\":\"c3\",\"seq\":7,\"ts\":1790000000130,\"type\":"
		"\"message_received\",\"data\":{\"text\":\"h\xc3\xa9\"}}]}}");
}

static void what_failed_comes_again_under_the_same_id_with_the_same_body(void **state)
{
	baton_entry entries[] = { entry("a", 1), entry("a", 2) };
	char first[200], second[200];

	receiver.answers[0] = EMPTY("503 Service Unavailable", "Retry-After: 7\r\n");
	assert_string_equal(append(*state, entries, 2), "1 fail 14 the receiver answered 503\n");
	struct rig *rig = *state;
	assert_int_equal(rig->error.http_status, 503);
	assert_int_equal(rig->error.retry_after_ms, 7000);
	assert_int_equal(rig->error.flags, 0);
	assert_string_equal(append(*state, entries, 2), "1 end 0\n");
	assert_int_equal(receiver.n, 2);
	header_of(0, "webhook-id", first);
	header_of(1, "webhook-id", second);
	assert_string_equal(first, second);
	assert_string_equal(body_of(0), body_of(1));
	signature_holds(0);
	signature_holds(1);
}

static void what_is_for_the_operator_is_marked_as_such(void **state)
{
	static const struct {
		const char *answer, *told;
	} cases[] = {
		{ EMPTY("410 Gone", ""),
		  "1 fail 10 the receiver answered 410: it says that it is gone for good\n" },
		{ SAYS("400 Bad Request", "", "no \x01such event\n"),
		  "1 fail 10 the receiver answered 400: no  such event \n" },
		{ EMPTY("401 Unauthorized", ""),
		  "1 fail 6 the receiver answered 401: it does not accept the signature or the "
		  "headers\n" },
		{ EMPTY("404 Not Found", ""),
		  "1 fail 10 the receiver answered 404: nothing is at this address\n" },
		{ EMPTY("307 Temporary Redirect", "Location: http://127.0.0.1:1/\r\n"),
		  "1 fail 10 the receiver answered 307: a redirect, which is not followed; "
		  "configure the new address\n" },
		{ EMPTY("413 Payload Too Large", ""),
		  "1 fail 10 the receiver answered 413: a single event is too large for it\n" },
	};
	struct rig *rig = *state;
	baton_entry e = entry("a", 1);

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		receiver.answers[i] = cases[i].answer;
		assert_string_equal(append(rig, &e, 1), cases[i].told);
		assert_int_equal(rig->error.flags, BATON_ERROR_NOT_AGAIN);
	}
	assert_string_equal(append(rig, &e, 1), "1 end 0\n");
}

static void an_answer_that_is_cut_is_no_promise(void **state)
{
	baton_entry e = entry("a", 1);
	struct rig *rig = *state;

	receiver.answers[0] = SAYS("200 OK", "", "{\"ok\":");
	receiver.answers[1] = "HTTP/1.1 200 O";
	assert_non_null(strstr(append(rig, &e, 1), " the answer was not whole: "));
	assert_int_equal(rig->error.flags, 0);
	assert_non_null(strstr(append(rig, &e, 1), "1 fail "));
	assert_int_equal(rig->error.flags, 0);
	assert_string_equal(append(rig, &e, 1), "1 end 0\n");
	assert_int_equal(receiver.n, 3);
}

static void a_receiver_that_says_nothing_is_left_in_time(void **state)
{
	struct rig *rig = *state;
	baton_entry e = entry("a", 1);

	baton_rack_free(&rig->rack);
	baton_release_unref(&rig->release);
	assert_int_equal(load_module(rig, ",\"total_ms\":500"), 0);
	receiver.answers[0] = SILENCE;
	assert_non_null(strstr(append(rig, &e, 1), "1 fail 2 "));
	assert_string_equal(append(rig, &e, 1), "1 end 0\n");
}

static void too_large_is_sent_in_pieces_and_accepted_pieces_once(void **state)
{
	baton_entry entries[] = { entry("a", 1), entry("a", 2), entry("a", 3), entry("a", 4) };
	char id[200];

	receiver.answers[0] = EMPTY("413 Payload Too Large", "");
	receiver.answers[2] = EMPTY("500 Internal Server Error", "");
	assert_string_equal(append(*state, entries, 4), "1 fail 1 the receiver answered 500\n");
	assert_int_equal(receiver.n, 3); /* all; 1-2, accepted; 3-4, not */
	assert_string_equal(append(*state, entries, 4), "1 end 0\n");
	assert_int_equal(receiver.n, 4);
	header_of(1, "webhook-id", id);
	assert_string_equal(id, "msg_a_1_2");
	header_of(3, "webhook-id", id);
	assert_string_equal(id, "msg_a_3_2");
	for (unsigned i = 0; i < 4; i++)
		signature_holds(i);
}

static void a_cancelled_batch_is_told_to_nobody_and_may_come_again(void **state)
{
	struct rig *rig = *state;
	baton_entry e = entry("a", 1);
	struct rig_totals totals;

	receiver.answers[0] = SILENCE;
	assert_int_equal(rig_transcript(rig, 1, "hook", &e, 1), 0);
	rig_idle(rig, 50);
	assert_int_equal(rig_transcript(rig, 2, "hook", &e, 1), BATON_E_AGAIN);
	baton_rack_cancel(rig->rack, 1, BATON_CANCEL_DEADLINE);
	assert_string_equal(append(rig, &e, 1), "1 end 0\n");
	rig_totals(rig, &totals);
	assert_int_equal(totals.broken, 0);
}

static const char *health(struct rig *rig, uint32_t level)
{
	baton_buf_reset(&rig->heard);
	rig->ends = 0;
	assert_int_equal(baton_rack_check(rig->rack, rig->release, 0, 5, level), 0);
	rig_run(rig, 1);
	return rig_heard(rig);
}

/* Whoever answers HEAD is there; no events are made up to ask. */
static void its_health_asks_whether_anybody_answers(void **state)
{
	struct rig *rig = *state;

	assert_string_equal(health(rig, 0), "5 end 0\n");
	assert_int_equal(receiver.n, 0);
	receiver.answers[0] = EMPTY("405 Method Not Allowed", "");
	assert_string_equal(health(rig, 1), "5 end 0\n");
	assert_non_null(strstr(receiver.requests[0], "HEAD /hook HTTP/1.1\r\n"));
	receiver.answers[1] = "nonsense\r\n\r\n";
	assert_non_null(strstr(health(rig, 1), "5 fail "));
}

static void an_address_outside_the_list_is_never_asked(void **state)
{
	struct rig *rig = *state;
	baton_entry e = entry("a", 1);

	rig->egress[0] = "archive.example";
	assert_int_equal(load_module(rig, ""), 0);
	assert_non_null(strstr(append(rig, &e, 1), "1 fail 6 the address is not in the module's"));
	assert_int_equal(rig->error.flags, BATON_ERROR_NOT_AGAIN);
	assert_int_equal(receiver.n, 0);
}

static void nothing_goes_out_unsigned(void **state)
{
	struct rig *rig = *state;
	baton_entry e = entry("a", 1);

	assert_int_equal(unsetenv("BATON_SECRET_HOOK"), 0);
	assert_int_equal(load_module(rig, ""), 0);
	assert_non_null(strstr(append(rig, &e, 1), "1 fail 6 a secret it signs"));
	baton_rack_free(&rig->rack);
	baton_release_unref(&rig->release);
	assert_int_equal(setenv("BATON_SECRET_HOOK", "whsec_never base64", 1), 0);
	assert_int_equal(load_module(rig, ""), 0);
	assert_non_null(strstr(append(rig, &e, 1), "1 fail 6 a signing key begins with whsec_"));
	assert_int_equal(receiver.n, 0);
}

static void a_configuration_that_cannot_work_is_refused_with_a_reason(void **state)
{
	static const char *const wrong[] = {
		"{\"url\":\"ftp://127.0.0.1/\",\"signing\":[\"HOOK\"]}",
		"{\"url\":\"https://127.0.0.1/\"}",
		"{\"url\":\"https://127.0.0.1/\",\"signing\":[]}",
		"{\"url\":\"https://a.example/\",\"signing\":[\"HOOK\"],\"headers\":[\"webhook-id: x\"]}",
		"{\"url\":\"https://127.0.0.1/\",\"signing\":[\"HOOK\"],\"total_ms\":60000}",
	};
	struct rig *rig = *state;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)rig_module(rig, "hook", "transcript", "transcript-webhook.so", wrong[i]);
		assert_true(rig_stage(rig) != 0 || rig_rack(rig) != 0);
		assert_true(strlen(rig->why) > 20);
		baton_release_unref(&rig->release);
		baton_policy_free(&rig->policy);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, finish)
#define T_BARE(name) cmocka_unit_test_setup_teardown(name, setup, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_batch_is_one_signed_request_in_order),
		T(what_failed_comes_again_under_the_same_id_with_the_same_body),
		T(what_is_for_the_operator_is_marked_as_such),
		T(an_answer_that_is_cut_is_no_promise),
		T(a_receiver_that_says_nothing_is_left_in_time),
		T(too_large_is_sent_in_pieces_and_accepted_pieces_once),
		T(a_cancelled_batch_is_told_to_nobody_and_may_come_again),
		T(its_health_asks_whether_anybody_answers),
		T_BARE(an_address_outside_the_list_is_never_asked),
		T_BARE(nothing_goes_out_unsigned),
		T_BARE(a_configuration_that_cannot_work_is_refused_with_a_reason),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
