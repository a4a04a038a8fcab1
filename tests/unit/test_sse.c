/* SPDX-License-Identifier: Apache-2.0 */

/* Event streams as WHATWG HTML section 9.2.6 reads them. Every stream is fed whole, in pieces of
 * one, two and three bytes, and cut once at every place: the events must be the same. */
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/loop/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct stream {
	const char *bytes;
	size_t n;
	const char *events; /* "<event>|<data>;" for each */
};

#define STREAM(text, expected)                       \
	{                                            \
		(text), sizeof(text) - 1, (expected) \
	}

static const struct stream streams[] = {
	STREAM("", ""),
	STREAM("\n", ""),
	STREAM("data: one\n\n", "message|one;"),
	STREAM("data:one\n\n", "message|one;"),
	STREAM("data:  one\n\n", "message| one;"),
	STREAM("data:\tone\n\n", "message|\tone;"),
	STREAM("data: one \n\n", "message|one ;"),
	/* the ends of lines */
	STREAM("data: one\r\rdata: two\r\r", "message|one;message|two;"),
	STREAM("data: one\r\n\r\ndata: two\r\n\r\n", "message|one;message|two;"),
	STREAM("data: one\r\n\ndata: two\n\r\n", "message|one;message|two;"),
	STREAM("data: one\n\rdata: two\r\n\r", "message|one;message|two;"),
	STREAM("data:test\r\ndata\ndata:test\r\n\r\n", "message|test\n\ntest;"),
	STREAM("data: a\rdata: b\ndata: c\r\n\n", "message|a\nb\nc;"),
	STREAM("\r\n\r\n\n\r\rdata: x\n\n", "message|x;"),
	/* the byte order mark: one, at the very beginning, is dropped */
	STREAM("\xef\xbb\xbf"
	       "data:1\n\n",
	       "message|1;"),
	STREAM("\xef\xbb\xbf\xef\xbb\xbf"
	       "data:1\n\ndata:2\n\n",
	       "message|2;"),
	STREAM("data:1\n\n\xef\xbb\xbf"
	       "data:2\n\ndata:3\n\n",
	       "message|1;message|3;"),
	STREAM("\xef\xbb\xbf\n\ndata:1\n\n", "message|1;"),
	STREAM("\xef\xbb"
	       "data:1\n\ndata:2\n\n",
	       "message|2;"),
	/* comments */
	STREAM(": keep-alive\n\n", ""),
	STREAM(":\n:\n\ndata: x\n\n", "message|x;"),
	STREAM("data:1\n:\ndata:2\n:longer comment: with colon\ndata:3\n\n", "message|1\n2\n3;"),
	STREAM(":data: no\ndata: yes\n\n", "message|yes;"),
	/* fields without a colon, unknown fields, other spellings */
	STREAM("data\n\n", "message|;"),
	STREAM("data\ndata\n\n", "message|\n;"),
	STREAM("data:\n\n", "message|;"),
	STREAM("data:\ndata:\n\n", "message|\n;"),
	STREAM("data:test\n\n", "message|test;"),
	STREAM("dat: x\n\n", ""),
	STREAM(" data: x\n\n", ""),
	STREAM("data : x\n\n", ""),
	STREAM("Data: x\n\n", ""),
	STREAM("DATA: x\ndata: y\n\n", "message|y;"),
	STREAM("foo: bar\nbaz\ndata: x\n\n", "message|x;"),
	STREAM("data: a: b: c\n\n", "message|a: b: c;"),
	/* ids and retry times are read over */
	STREAM("id: 7\nretry: 1000\ndata: x\n\n", "message|x;"),
	STREAM("id\nretry\n\nretry: abc\ndata: y\nid: 1\n\n", "message|y;"),
	/* names of events */
	STREAM("event: error\ndata: x\n\n", "error|x;"),
	STREAM("data: x\nevent: ping\n\ndata: y\n\n", "ping|x;message|y;"),
	STREAM("event: a\nevent: b\ndata: x\n\n", "b|x;"),
	STREAM("event: a\nevent:\ndata: x\n\n", "message|x;"),
	STREAM("event\ndata: x\n\n", "message|x;"),
	STREAM("event: a\n\ndata: x\n\n", "message|x;"),
	STREAM("event:  spaced\ndata: x\n\n", " spaced|x;"),
	/* an event that the end cuts does not count */
	STREAM("data: one\n\ndata: two", "message|one;"),
	STREAM("data: one\n\ndata: two\n", "message|one;"),
	STREAM("data: one\r", ""),
	STREAM("data: one\n", ""),
	/* what stands inside is none of our business */
	STREAM("data: gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80\n\n",
	       "message|gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80;"),
	STREAM("data: \xff\xfe\n\n", "message|\xff\xfe;"),
	STREAM("data: {\"a\":\"b\"}\n\ndata: [DONE]\n\n", "message|{\"a\":\"b\"};message|[DONE];"),
	STREAM("data: a\v\f\x85"
	       "b\n\n",
	       "message|a\v\f\x85"
	       "b;"),
};

static void on_event(void *ud, baton_str event, baton_str data)
{
	struct baton_buf *seen = ud;
	baton_buf_str(seen, event);
	baton_buf_add(seen, "|", 1);
	baton_buf_str(seen, data);
	baton_buf_add(seen, ";", 1);
}

/* Each piece is a block of its own, so that reading past its end is seen by the sanitizers. */
static void feed(struct baton_sse *sse, const char *bytes, size_t n)
{
	char *piece = baton_memdupz(bytes, n);
	assert_int_equal(baton_sse_feed(sse, (baton_str){ piece, n }), 0);
	baton_free(piece);
}

static void check_seen(const struct stream *stream, struct baton_buf *seen)
{
	baton_buf_add(seen, "", 0);
	assert_int_equal(seen->n, strlen(stream->events));
	if (seen->n)
		assert_memory_equal(seen->p, stream->events, seen->n);
	baton_buf_done(seen);
}

static void check_pieces(const struct stream *stream, size_t piece)
{
	struct baton_buf seen = { 0 };
	struct baton_sse sse;
	baton_sse_init(&sse, on_event, &seen);
	for (size_t at = 0; at < stream->n; at += piece)
		feed(&sse, stream->bytes + at, stream->n - at < piece ? stream->n - at : piece);
	baton_sse_done(&sse);
	check_seen(stream, &seen);
}

static void check_cut(const struct stream *stream, size_t cut)
{
	struct baton_buf seen = { 0 };
	struct baton_sse sse;
	baton_sse_init(&sse, on_event, &seen);
	feed(&sse, stream->bytes, cut);
	feed(&sse, stream->bytes + cut, stream->n - cut);
	baton_sse_done(&sse);
	check_seen(stream, &seen);
}

struct holding {
	struct baton_sse sse;
	struct baton_buf seen;
	unsigned told;
};

static void on_event_held(void *ud, baton_str event, baton_str data)
{
	struct holding *holding = ud;
	on_event(&holding->seen, event, data);
	holding->told++;
	holding->sse.hold = true;
}

static void a_reader_may_stop_behind_each_event(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		const struct stream *stream = &streams[i];
		struct holding holding = { .told = 0 };
		size_t at = 0;
		baton_sse_init(&holding.sse, on_event_held, &holding);
		while (at < stream->n) {
			holding.told = 0;
			feed(&holding.sse, stream->bytes + at, stream->n - at);
			assert_true(holding.told <= 1);
			assert_true(holding.sse.taken > 0);
			assert_true(holding.told == 1 || holding.sse.taken == stream->n - at);
			at += holding.sse.taken;
		}
		assert_int_equal(at, stream->n);
		baton_sse_done(&holding.sse);
		check_seen(stream, &holding.seen);
	}
}

static void streams_are_read_as_the_standard_says_in_pieces_of_any_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		const struct stream *stream = &streams[i];
		check_pieces(stream, stream->n + 1);
		for (size_t piece = 1; piece <= 3; piece++)
			check_pieces(stream, piece);
		for (size_t cut = 0; cut <= stream->n; cut++)
			check_cut(stream, cut);
	}
}

static void a_nul_byte_is_data(void **state)
{
	(void)state;
	struct baton_buf seen = { 0 };
	struct baton_sse sse;
	baton_sse_init(&sse, on_event, &seen);
	feed(&sse, "data: a\0b\n\n", 11);
	assert_int_equal(seen.n, 12);
	assert_memory_equal(seen.p, "message|a\0b;", 12);
	baton_sse_done(&sse);
	baton_buf_done(&seen);
}

static int feed_endless(const char *unit, size_t times)
{
	struct baton_buf seen = { 0 };
	struct baton_sse sse;
	int rc = 0;

	baton_sse_init(&sse, on_event, &seen);
	for (size_t i = 0; i < times && rc == 0; i++) {
		rc = baton_sse_feed(&sse, baton_str_of(unit));
		assert_true(sse.line.cap + sse.data.cap <= 5 * BATON_HTTP_LINE_BYTES_MAX);
	}
	baton_sse_done(&sse);
	baton_buf_done(&seen);
	return rc;
}

static void endless_lines_and_events_are_refused_in_bounded_memory(void **state)
{
	(void)state;
	assert_int_equal(feed_endless("data: x", BATON_HTTP_LINE_BYTES_MAX), BATON_E_TOO_BIG);
	assert_int_equal(feed_endless(":::::::", BATON_HTTP_LINE_BYTES_MAX), BATON_E_TOO_BIG);
	assert_int_equal(feed_endless("data: x\n", BATON_HTTP_LINE_BYTES_MAX), BATON_E_TOO_BIG);
	assert_int_equal(feed_endless("data\n", 2 * BATON_HTTP_LINE_BYTES_MAX), BATON_E_TOO_BIG);
	assert_int_equal(feed_endless("event: x\n:\n", BATON_HTTP_LINE_BYTES_MAX), 0);
	assert_int_equal(feed_endless(": keep-alive\n\n", BATON_HTTP_LINE_BYTES_MAX), 0);
}

static void a_line_of_the_greatest_length_passes_and_one_more_byte_does_not(void **state)
{
	(void)state;
	char *line = baton_alloc(BATON_HTTP_LINE_BYTES_MAX + 4);
	memset(line, 'x', BATON_HTTP_LINE_BYTES_MAX + 1);
	for (int over = 0; over <= 1; over++) {
		struct baton_buf seen = { 0 };
		struct baton_sse sse;
		size_t n = BATON_HTTP_LINE_BYTES_MAX + (size_t)over;
		line[0] = ':';
		line[n] = '\n';
		baton_sse_init(&sse, on_event, &seen);
		int rc = baton_sse_feed(&sse, (baton_str){ line, n + 1 });
		assert_int_equal(rc, over ? BATON_E_TOO_BIG : 0);
		baton_sse_done(&sse);
		line[n] = 'x';
	}
	baton_free(line);
}

static void a_reset_parser_starts_a_new_stream(void **state)
{
	(void)state;
	struct baton_buf seen = { 0 };
	struct baton_sse sse;
	baton_sse_init(&sse, on_event, &seen);
	feed(&sse, "event: old\ndata: half\ndat", 25);
	baton_sse_reset(&sse);
	feed(&sse,
	     "\xef\xbb\xbf"
	     "data: new\n\n",
	     14);
	assert_int_equal(seen.n, strlen("message|new;"));
	assert_memory_equal(seen.p, "message|new;", seen.n);
	baton_sse_done(&sse);
	baton_buf_done(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_read_as_the_standard_says_in_pieces_of_any_size),
		cmocka_unit_test(a_reader_may_stop_behind_each_event),
		cmocka_unit_test(a_nul_byte_is_data),
		cmocka_unit_test(endless_lines_and_events_are_refused_in_bounded_memory),
		cmocka_unit_test(a_line_of_the_greatest_length_passes_and_one_more_byte_does_not),
		cmocka_unit_test(a_reset_parser_starts_a_new_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
