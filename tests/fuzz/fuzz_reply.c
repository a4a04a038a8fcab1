/* SPDX-License-Identifier: Apache-2.0 */

/* Replies of HTTP/1.1: the same bytes give the same head and body however they are cut, nothing is
 * taken behind the end, and a body is never longer than the bytes that came. */

#include "core/loop/reply.h"
#include "tests/fuzz/fuzz.h"

struct heard {
	struct baton_buf all;
	size_t heads, body;
};

static bool on_head(void *ud, unsigned status, baton_str head)
{
	struct heard *heard = ud;

	heard->heads++;
	baton_buf_u64(&heard->all, status);
	baton_buf_str(&heard->all, head);
	return true;
}

static bool on_body(void *ud, baton_str piece)
{
	struct heard *heard = ud;

	heard->body += piece.n;
	baton_buf_str(&heard->all, piece);
	return true;
}

struct end {
	int rc;
	bool over, keeps;
	size_t taken;
};

static struct end feed(baton_str bytes, size_t piece, bool bodiless, struct heard *heard)
{
	struct baton_reply reply = { .on_head = on_head, .on_body = on_body };
	struct end end = { 0 };

	baton_reply_begin(&reply, heard, bodiless);
	for (size_t at = 0; at < bytes.n && end.rc == 0; at += piece) {
		size_t n = bytes.n - at < piece ? bytes.n - at : piece, taken = 0;
		/* A block of its own: a view kept beyond the call is a use after free. */
		char *copy = malloc(n);
		if (!copy)
			break;
		memcpy(copy, bytes.p + at, n);
		end.rc = baton_reply_feed(&reply, (baton_str){ copy, n }, &taken);
		end.taken += taken;
		FUZZ_CHECK(taken <= n && (end.rc || taken == n || reply.phase == BATON_REPLY_OVER));
		free(copy);
	}
	end.over = baton_reply_end(&reply);
	end.keeps = end.over && reply.keeps;
	baton_reply_done(&reply);
	return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t how = fuzz_byte(&data, &n);
	size_t piece = 1u + how % 16;
	struct heard whole = { 0 }, pieces = { 0 };
	struct end a = feed(fuzz_rest(data, n), n ? n : 1, how & 0x80, &whole);
	struct end b = feed(fuzz_rest(data, n), piece, how & 0x80, &pieces);

	FUZZ_CHECK((a.rc == 0) == (b.rc == 0));
	FUZZ_CHECK(a.rc || (a.over == b.over && a.keeps == b.keeps && a.taken == b.taken));
	FUZZ_CHECK(a.rc || baton_str_eq(baton_buf_view(&whole.all), baton_buf_view(&pieces.all)));
	FUZZ_CHECK(whole.heads <= 1 && whole.body <= n);
	FUZZ_CHECK(!(how & 0x80) || whole.body == 0);
	baton_buf_done(&whole.all);
	baton_buf_done(&pieces.all);
	return 0;
}
