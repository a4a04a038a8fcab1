/* SPDX-License-Identifier: Apache-2.0 */

/* Real TLS on loopback: whom the outbound client believes, and that it says so at once. */
#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/mem.h"
#include "core/loop/http.h"

#include "tests/unit/tls_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { YEAR = 365 * 24 * 3600, CONNECT_MS = 300, PATIENCE_MS = 5000 };

static struct tls_cert authority, other_authority;
static char ca_path[] = "/tmp/baton-test-ca-XXXXXX";

static int setup(void **state)
{
	(void)state;
	authority = cert_make(NULL, "Test Authority", NULL, YEAR);
	other_authority = cert_make(NULL, "Other Authority", NULL, YEAR);
	int fd = mkstemp(ca_path);
	if (fd < 0)
		return -1;
	close(fd);
	return cert_write(&authority, ca_path) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	cert_free(&authority);
	cert_free(&other_authority);
	return unlink(ca_path);
}

/* --- one request --- */

struct heard {
	struct baton_loop *loop;
	struct baton_buf text;
	unsigned left; /* ends that are waited for */
	uint32_t fail;
	char code[32];
	uint64_t ms;
};

static void on_head(void *ud, baton_http_handle h, uint32_t status, const baton_str *headers,
		    size_t n)
{
	(void)ud, (void)h, (void)status, (void)headers, (void)n;
}

static void on_data(void *ud, baton_http_handle h, baton_str event, baton_str data)
{
	struct heard *heard = ud;
	(void)h, (void)event;
	baton_buf_str(&heard->text, data);
}

static void on_end(void *ud, baton_http_handle h, const baton_error *error)
{
	struct heard *heard = ud;
	(void)h;
	if (error) {
		heard->fail = error->fail;
		(void)snprintf(heard->code, sizeof(heard->code), "%.*s", (int)error->code.n,
			       error->code.p);
	}
	if (--heard->left == 0)
		baton_loop_stop(heard->loop);
}

static const struct baton_http_events events = { on_head, on_data, on_end };

/* A busy machine may take its time over a handshake; who does not speak it is left soon. */
static void ask(struct heard *heard, struct baton_http *http, uint16_t port, const char *ca_file,
		uint32_t connect_ms)
{
	char url[64], allowed[32];
	baton_http_handle handle;

	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/", port);
	(void)snprintf(allowed, sizeof(allowed), "127.0.0.1:%u", port);
	const char *egress[] = { allowed };
	struct baton_http_ask how = { .method = BATON_STR("GET"),
				      .url = baton_str_of(url),
				      .connect_ms = connect_ms,
				      .total_ms = PATIENCE_MS,
				      .ca_file = ca_file,
				      .egress = egress,
				      .n_egress = 1,
				      .allow_loopback_http = true };
	uint64_t begun = baton_loop_now_ns(NULL);
	heard->left = 1;
	assert_int_equal(baton_http_start(http, &how, &events, heard, &handle), 0);
	baton_loop_run(heard->loop);
	heard->ms = (baton_loop_now_ns(NULL) - begun) / 1000000;
}

static void is_refused(const struct tls_cert *cert, enum tls_manner manner, const char *ca_file,
		       const char *code)
{
	struct tls_peer peer;
	struct heard heard = { .loop = baton_loop_new("test") };
	struct baton_http *http = baton_http_new(heard.loop);
	uint32_t limit_ms = strcmp(code, "timeout_connect") ? PATIENCE_MS : CONNECT_MS;

	assert_int_equal(tls_start(&peer, manner, cert), 0);
	ask(&heard, http, peer.port, ca_file, limit_ms);
	assert_string_equal(heard.code, code);
	assert_int_equal(heard.fail, strcmp(code, "timeout_connect") ? BATON_FAIL_UNAVAILABLE
								     : BATON_FAIL_TIMEOUT);
	assert_int_equal(heard.text.n, 0);
	assert_int_equal(atomic_load(&peer.n_requests),
			 0); /* nothing was said before it was sure */
	assert_true(heard.ms <= limit_ms + 200);
	baton_http_free(&http);
	tls_stop(&peer);
	baton_loop_free(&heard.loop);
	baton_buf_done(&heard.text);
}

/* --- promises --- */

static void a_certificate_of_a_trusted_authority_is_believed(void **state)
{
	(void)state;
	struct tls_cert cert = cert_make(&authority, "us", "IP:127.0.0.1", YEAR);
	struct tls_peer peer, other;
	struct heard heard = { .loop = baton_loop_new("test") };
	struct baton_http *http = baton_http_new(heard.loop);

	assert_int_equal(tls_start(&peer, TLS_SPEAK, &cert), 0);
	assert_int_equal(tls_start(&other, TLS_SPEAK, &cert), 0);
	for (int i = 0; i < 2; i++) /* the second time on the same connection */
		ask(&heard, http, peer.port, ca_path, PATIENCE_MS);
	assert_int_equal(heard.fail, 0);
	assert_int_equal(atomic_load(&peer.n_requests), 2);
	assert_int_equal(heard.text.n, 10);
	assert_memory_equal(heard.text.p, "hellohello", 10);
	/* Trust belongs to the question that was asked with it, and does not stay with the
	 * handle. */
	ask(&heard, http, other.port, NULL, PATIENCE_MS);
	assert_string_equal(heard.code, "tls");
	assert_int_equal(atomic_load(&other.n_requests), 0);
	baton_http_free(&http);
	tls_stop(&peer);
	tls_stop(&other);
	baton_loop_free(&heard.loop);
	baton_buf_done(&heard.text);
	cert_free(&cert);
}

static void certificates_that_prove_nothing_are_refused_before_a_word_is_said(void **state)
{
	(void)state;
	struct tls_cert good = cert_make(&authority, "us", "IP:127.0.0.1", YEAR);
	struct tls_cert expired = cert_make(&authority, "us", "IP:127.0.0.1", 60);
	struct tls_cert name = cert_make(&authority, "127.0.0.1", "DNS:api.example.org", YEAR);
	struct tls_cert strange = cert_make(&other_authority, "us", "IP:127.0.0.1", YEAR);
	struct tls_cert self = cert_make(NULL, "us", "IP:127.0.0.1", YEAR);

	is_refused(&good, TLS_SPEAK, NULL, "tls"); /* an authority that nobody knows */
	is_refused(&expired, TLS_SPEAK, ca_path, "tls");
	is_refused(&name, TLS_SPEAK, ca_path, "tls");
	is_refused(&strange, TLS_SPEAK, ca_path, "tls");
	is_refused(&self, TLS_SPEAK, ca_path, "tls");
	cert_free(&good);
	cert_free(&expired);
	cert_free(&name);
	cert_free(&strange);
	cert_free(&self);
}

static void servers_that_do_not_speak_it_are_left_within_the_connect_limit(void **state)
{
	(void)state;
	struct tls_cert good = cert_make(&authority, "us", "IP:127.0.0.1", YEAR);

	is_refused(&good, TLS_OLD, ca_path, "tls");
	is_refused(&good, TLS_PLAIN, ca_path, "tls");
	is_refused(&good, TLS_HANG_UP, ca_path, "tls");
	is_refused(&good, TLS_SILENT, ca_path, "timeout_connect");
	is_refused(&good, TLS_SPEAK, "/nonexistent/ca.pem", "tls");
	cert_free(&good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_of_a_trusted_authority_is_believed),
		cmocka_unit_test(certificates_that_prove_nothing_are_refused_before_a_word_is_said),
		cmocka_unit_test(servers_that_do_not_speak_it_are_left_within_the_connect_limit),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
