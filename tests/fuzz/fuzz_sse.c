/* SPDX-License-Identifier: Apache-2.0 */

/* Event streams: the same bytes give the same events however they are cut into pieces. */

#include "core/loop/sse.h"
#include "tests/fuzz/fuzz.h"

struct heard {
	struct baton_buf all;
	size_t events;
};

static void on_event(void *ud, baton_str event, baton_str data)
{
	struct heard *heard = ud;

	baton_buf_u64(&heard->all, event.n);
	baton_buf_add(&heard->all, ":", 1);
	baton_buf_str(&heard->all, event);
	baton_buf_u64(&heard->all, data.n);
	baton_buf_add(&heard->all, "=", 1);
	baton_buf_str(&heard->all, data);
	heard->events++;
}

static int feed(baton_str bytes, size_t piece, struct heard *heard)
{
	struct baton_sse sse;
	int rc = 0;

	baton_sse_init(&sse, on_event, heard);
	/* A small bound, so that it is met. */
	sse.line_bytes_max = 200;
	for (size_t at = 0; at < bytes.n && rc == 0; at += piece) {
		size_t n = bytes.n - at < piece ? bytes.n - at : piece;
		/* A block of its own: a view kept beyond the call is a use after free. */
		char *copy = malloc(n);
		if (!copy)
			break;
		memcpy(copy, bytes.p + at, n);
		rc = baton_sse_feed(&sse, (baton_str){ copy, n });
		free(copy);
	}
	baton_sse_done(&sse);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t piece = 1u + fuzz_byte(&data, &n) % 16;
	struct heard whole = { 0 }, pieces = { 0 };
	int a = feed(fuzz_rest(data, n), n ? n : 1, &whole);
	int b = feed(fuzz_rest(data, n), piece, &pieces);

	/* A byte order mark that comes in pieces counts towards the bound of the first line. */
	bool mark = n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0;
	FUZZ_CHECK((a == 0) == (b == 0) || mark);
	FUZZ_CHECK(a != 0 || b != 0 ||
		   baton_str_eq(baton_buf_view(&whole.all), baton_buf_view(&pieces.all)));
	baton_buf_done(&whole.all);
	baton_buf_done(&pieces.all);
	return 0;
}
