/* SPDX-License-Identifier: Apache-2.0 */

/* Replies as RFC 9112 reads them. Every reply is fed whole, in pieces of one, two and three bytes,
 * and cut once at every place: what is told must be the same. */
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/loop/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct reply {
	const char *bytes;
	const char *told; /* "status:body" */
	int rc;
	char end;     /* 'o': over, 'e': over with the connection, 'c': cut */
	bool keeps;   /* once over */
	size_t after; /* bytes behind its end, not taken */
};

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static const struct reply replies[] = {
	/* by length */
	{ OK "Content-Length: 5\r\n\r\nhello", "200:hello", 0, 'o', true, 0 },
	{ OK "content-length:\t5 \r\n\r\nhello", "200:hello", 0, 'o', true, 0 },
	{ OK "Content-Length: 0\r\n\r\n", "200:", 0, 'o', true, 0 },
	{ OK "Content-Length: 5\nContent-Length: 5\n\nhello", "200:hello", 0, 'o', true, 0 },
	{ "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "200:ok", 0, 'o', true, 0 },
	{ OK "Content-Length: 2\r\n\r\nokHTTP/1.1 200", "200:ok", 0, 'o', true, 12 },
	{ OK "Content-Length: 5\r\n\r\nhell", "200:hell", 0, 'c', false, 0 },
	{ OK "X: 1\r\n folded: \r\nContent-Length: 2\r\n\r\nok", "200:ok", 0, 'o', true, 0 },
	/* in chunks */
	{ CHUNKED "2\r\nok\r\n0\r\n\r\n", "200:ok", 0, 'o', true, 0 },
	{ CHUNKED "2\nok\n0\n\n", "200:ok", 0, 'o', true, 0 },
	{ CHUNKED "02;a=b\r\nok\r\nA\r\n0123456789\r\n0\r\nX: 1\r\n\r\n", "200:ok0123456789", 0,
	  'o', true, 0 },
	{ CHUNKED "0\r\n\r\nrest", "200:", 0, 'o', true, 4 },
	{ CHUNKED "2\r\nok\r\n", "200:ok", 0, 'c', false, 0 },
	{ CHUNKED "2\r\nok\r\n0\r\n", "200:ok", 0, 'c', false, 0 },
	/* to the end */
	{ OK "\r\nuntil the end", "200:until the end", 0, 'e', false, 0 },
	{ "HTTP/1.0 200 OK\r\n\r\n", "200:", 0, 'e', false, 0 },
	/* without a body */
	{ "HTTP/1.1 204 No Content\r\n\r\n", "204:", 0, 'o', true, 0 },
	{ "HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", "304:", 0, 'o', true, 0 },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" OK
	  "Content-Length: 1\r\n\r\nx",
	  "200:x", 0, 'o', true, 0 },
	/* another request may follow, or not */
	{ OK "Content-Length: 1\r\nConnection: close\r\n\r\nx", "200:x", 0, 'o', false, 0 },
	{ OK "Content-Length: 1\r\nConnection: a, Close ,b\r\n\r\nx", "200:x", 0, 'o', false, 0 },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "200:x", 0, 'o', false, 0 },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx", "200:x", 0,
	  'o', true, 0 },
	{ OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "200:x",
	  0, 'o', false, 0 },
	/* what is no reply */
	{ "SSH-2.0-OpenSSH\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ "\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ "HTTP/2 200\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ "HTTP/1.2 200 OK\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ "HTTP/1.1 20 OK\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ "HTTP/1.1 2000 OK\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ "HTTP/1.1 099 Low\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ "HTTP/1.1 101 Switching\r\n\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ OK "Content-Length: 5\r\nContent-Length: 6\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ OK "Content-Length: -5\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ OK "Content-Length: 5, 5\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ OK "Content-Length: \r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ OK "Content-Length: 9999999999999999999\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ OK "Transfer-Encoding: gzip, chunked\r\n", "", BATON_E_INVAL, 'c', false, 0 },
	{ OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "", BATON_E_INVAL, 'c',
	  false, 0 },
	{ CHUNKED "zz\r\n", "200:", BATON_E_INVAL, 'c', false, 0 },
	{ CHUNKED "\r\n", "200:", BATON_E_INVAL, 'c', false, 0 },
	{ CHUNKED "-1\r\n", "200:", BATON_E_INVAL, 'c', false, 0 },
	{ CHUNKED "0x2\r\nok", "200:", BATON_E_INVAL, 'c', false, 0 },
	{ CHUNKED "fffffffffffffffff\r\n", "200:", BATON_E_INVAL, 'c', false, 0 },
	{ CHUNKED "2\r\nokay\r\n", "200:ok", BATON_E_INVAL, 'c', false, 0 },
};

static bool on_head(void *ud, unsigned status, baton_str head)
{
	assert_memory_equal(head.p, "HTTP/1.", 7);
	baton_buf_printf(ud, "%u:", status);
	return true;
}

static bool on_body(void *ud, baton_str piece)
{
	assert_true(piece.n > 0);
	baton_buf_str(ud, piece);
	return true;
}

static void begin(struct baton_reply *reply, struct baton_buf *told)
{
	*reply = (struct baton_reply){ .on_head = on_head, .on_body = on_body };
	baton_reply_begin(reply, told, false);
}

/* A block of its own, so that reading past its end is seen by the sanitizers. */
static int feed(struct baton_reply *reply, const char *bytes, size_t n, size_t *after)
{
	char *piece = baton_memdupz(bytes, n);
	size_t taken = 0;
	int rc = baton_reply_feed(reply, (baton_str){ piece, n }, &taken);

	assert_true(taken <= n);
	*after += rc ? 0 : n - taken;
	baton_free(piece);
	return rc;
}

/* First `cut` bytes, then pieces. */
static void check(const struct reply *expected, size_t cut, size_t piece)
{
	struct baton_buf told = { 0 };
	struct baton_reply reply;
	size_t n = strlen(expected->bytes), at = 0, after = 0;
	int rc = 0;

	begin(&reply, &told);
	while (at < n && rc == 0) {
		size_t part = at < cut ? cut : n - at < piece ? n - at : piece;
		rc = feed(&reply, expected->bytes + at, part, &after);
		at += part;
	}
	assert_int_equal(rc, expected->rc);
	assert_int_equal(after, expected->after);
	assert_int_equal(told.n, strlen(expected->told));
	if (told.n)
		assert_memory_equal(told.p, expected->told, told.n);
	bool over = reply.phase == BATON_REPLY_OVER;
	assert_true(over == (expected->end == 'o'));
	assert_true(!over || reply.keeps == expected->keeps);
	if (rc == 0)
		assert_true(baton_reply_end(&reply) == (expected->end != 'c'));
	baton_reply_done(&reply);
	baton_buf_done(&told);
}

static void replies_are_read_as_the_standard_says_in_pieces_of_any_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		for (size_t piece = 1; piece <= 3; piece++)
			check(&replies[i], 0, piece);
		for (size_t cut = 0; cut <= strlen(replies[i].bytes); cut++)
			check(&replies[i], cut, SIZE_MAX);
	}
}

static void the_answer_to_head_has_no_body(void **state)
{
	(void)state;
	struct baton_buf told = { 0 };
	struct baton_reply reply;
	size_t after = 0;

	begin(&reply, &told);
	baton_reply_begin(&reply, &told, true);
	assert_int_equal(feed(&reply, OK "Content-Length: 5\r\n\r\n", 38, &after), 0);
	assert_true(reply.phase == BATON_REPLY_OVER && reply.keeps);
	baton_reply_done(&reply);
	baton_buf_done(&told);
}

static void a_nul_in_the_head_is_no_http(void **state)
{
	(void)state;
	struct baton_buf told = { 0 };
	struct baton_reply reply;
	size_t after = 0;

	begin(&reply, &told);
	assert_int_equal(feed(&reply, OK "X: \0\r\n", 23, &after), BATON_E_INVAL);
	baton_reply_done(&reply);
	baton_buf_done(&told);
}

static int feed_endless(const char *first, const char *unit)
{
	struct baton_buf told = { 0 };
	struct baton_reply reply;
	size_t after = 0;

	begin(&reply, &told);
	int rc = feed(&reply, first, strlen(first), &after);
	for (size_t i = 0; i < BATON_HTTP_HEAD_BYTES_MAX && rc == 0; i++) {
		rc = feed(&reply, unit, strlen(unit), &after);
		assert_true(reply.head.cap + reply.line.cap <= 5 * BATON_HTTP_HEAD_BYTES_MAX);
	}
	baton_reply_done(&reply);
	baton_buf_done(&told);
	return rc;
}

static void heads_and_lines_without_end_are_refused_in_bounded_memory(void **state)
{
	(void)state;
	assert_int_equal(feed_endless(OK, "a: b\r\n"), BATON_E_TOO_BIG);
	assert_int_equal(feed_endless(OK, "a: b"), BATON_E_TOO_BIG);
	assert_int_equal(feed_endless("", "HTTP/1.1 100 Continue\r\n\r\n"), BATON_E_TOO_BIG);
	assert_int_equal(feed_endless(CHUNKED "0\r\n", "a: b\r\n"), BATON_E_TOO_BIG);
	assert_int_equal(feed_endless(CHUNKED "1;", "aaaa"), BATON_E_INVAL);
}

static bool refuse_body(void *ud, baton_str piece)
{
	baton_buf_str(ud, piece);
	return false;
}

static void who_has_heard_enough_is_told_no_more(void **state)
{
	(void)state;
	struct baton_buf told = { 0 };
	struct baton_reply reply = { .on_head = on_head, .on_body = refuse_body };
	const char bytes[] = CHUNKED "2\r\nok\r\n2\r\nno\r\n";
	size_t after = 0;

	baton_reply_begin(&reply, &told, false);
	assert_int_equal(feed(&reply, bytes, sizeof(bytes) - 1, &after), BATON_E_CLOSED);
	assert_int_equal(told.n, 6);
	assert_memory_equal(told.p, "200:ok", 6);
	baton_reply_done(&reply);
	baton_buf_done(&told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_read_as_the_standard_says_in_pieces_of_any_size),
		cmocka_unit_test(the_answer_to_head_has_no_body),
		cmocka_unit_test(a_nul_in_the_head_is_no_http),
		cmocka_unit_test(heads_and_lines_without_end_are_refused_in_bounded_memory),
		cmocka_unit_test(who_has_heard_enough_is_told_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
