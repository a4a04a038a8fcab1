/* SPDX-License-Identifier: Apache-2.0 */

/* The reader of replies; see reply.h. Lines that arrive whole are read where they lie. */
#include "core/loop/reply.h"

#include "core/base/errors.h"
#include "core/base/limits.h"

enum { KEEP_BYTES = 4096, CHUNK_LINE_MAX = 4096 };

static void buf_keep_small(struct baton_buf *buf)
{
	if (buf->cap > KEEP_BYTES)
		baton_buf_done(buf);
	baton_buf_reset(buf);
}

static void head_begin(struct baton_reply *reply)
{
	reply->phase = BATON_REPLY_HEAD;
	reply->status = 0;
	reply->left = 0;
	reply->old = reply->counted = reply->chunked = false;
	reply->says_close = reply->says_keep = reply->keeps = false;
	buf_keep_small(&reply->head);
	buf_keep_small(&reply->line);
}

void baton_reply_begin(struct baton_reply *reply, void *ud, bool bodiless)
{
	head_begin(reply);
	reply->ud = ud;
	reply->line_bytes = 0;
	reply->begun = false;
	reply->bodiless = bodiless;
}

void baton_reply_done(struct baton_reply *reply)
{
	baton_buf_done(&reply->head);
	baton_buf_done(&reply->line);
}

/* --- the head --- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 and words" */
static int status_read(struct baton_reply *reply, baton_str line)
{
	static const char begin[] = "HTTP/1.";
	size_t n = sizeof(begin) - 1;

	if (line.n < n + 5 || memcmp(line.p, begin, n) != 0)
		return BATON_E_INVAL;
	const char *p = line.p + n;
	if ((p[0] != '0' && p[0] != '1') || p[1] != ' ' || (line.n > n + 5 && p[5] != ' '))
		return BATON_E_INVAL;
	if (p[2] < '1' || p[2] > '9' || !is_digit(p[3]) || !is_digit(p[4]))
		return BATON_E_INVAL;
	reply->old = p[0] == '0';
	reply->status = (unsigned)((p[2] - '0') * 100 + (p[3] - '0') * 10 + (p[4] - '0'));
	return BATON_OK;
}

static baton_str trimmed(baton_str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (baton_str){ s.p + 1, s.n - 1 };
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* `word` in small letters. */
static bool word_is(baton_str s, const char *word, size_t n)
{
	if (s.n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = s.p[i];
		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != word[i])
			return false;
	}
	return true;
}

#define WORD_IS(s, word) word_is((s), (word), sizeof(word) - 1)

static int length_read(struct baton_reply *reply, baton_str value)
{
	uint64_t length = 0;

	if (value.n == 0 || value.n > 18)
		return BATON_E_INVAL;
	for (size_t i = 0; i < value.n; i++) {
		if (!is_digit(value.p[i]))
			return BATON_E_INVAL;
		length = length * 10 + (uint64_t)(value.p[i] - '0');
	}
	if (reply->counted && reply->left != length)
		return BATON_E_INVAL;
	reply->counted = true;
	reply->left = length;
	return BATON_OK;
}

static void connection_read(struct baton_reply *reply, baton_str value)
{
	while (value.n) {
		const char *comma = memchr(value.p, ',', value.n);
		size_t n = comma ? (size_t)(comma - value.p) : value.n;
		baton_str word = trimmed((baton_str){ value.p, n });

		reply->says_close = reply->says_close || WORD_IS(word, "close");
		reply->says_keep = reply->says_keep || WORD_IS(word, "keep-alive");
		n += comma != NULL;
		value = (baton_str){ value.p + n, value.n - n };
	}
}

/* Only what says where the body ends is read here. */
static int field_read(struct baton_reply *reply, baton_str line)
{
	const char *colon = memchr(line.p, ':', line.n);

	if (memchr(line.p, '\0', line.n))
		return BATON_E_INVAL;
	if (!colon)
		return BATON_OK;
	baton_str name = { line.p, (size_t)(colon - line.p) };
	if (name.n != 10 && name.n != 14 && name.n != 17)
		return BATON_OK;
	baton_str value = trimmed((baton_str){ colon + 1, line.n - name.n - 1 });

	if (WORD_IS(name, "content-length"))
		return length_read(reply, value);
	if (WORD_IS(name, "connection"))
		connection_read(reply, value);
	if (!WORD_IS(name, "transfer-encoding"))
		return BATON_OK;
	if (reply->chunked || !WORD_IS(value, "chunked"))
		return BATON_E_INVAL;
	reply->chunked = true;
	return BATON_OK;
}

static void body_begin(struct baton_reply *reply)
{
	bool none = reply->bodiless || reply->status == 204 || reply->status == 304;

	reply->keeps = !reply->says_close && (!reply->old || reply->says_keep) &&
		       !(reply->chunked && reply->counted);
	if (none) {
		reply->phase = BATON_REPLY_OVER;
	} else if (reply->chunked) {
		reply->phase = BATON_REPLY_CHUNK_SIZE;
	} else if (reply->counted) {
		reply->phase = reply->left ? BATON_REPLY_COUNTED : BATON_REPLY_OVER;
	} else {
		reply->phase = BATON_REPLY_TO_THE_END;
		reply->keeps = false;
	}
}

static int head_over(struct baton_reply *reply)
{
	if (reply->status < 200) { /* the head that counts follows */
		if (reply->status == 101)
			return BATON_E_INVAL; /* to what? nobody asked */
		head_begin(reply);
		return BATON_OK;
	}
	body_begin(reply);
	bool more = reply->on_head(reply->ud, reply->status, baton_buf_view(&reply->head));
	return more ? BATON_OK : BATON_E_CLOSED;
}

static int head_line(struct baton_reply *reply, baton_str line)
{
	int rc = BATON_OK;

	if (!reply->status)
		rc = status_read(reply, line);
	else if (line.n == 0)
		return head_over(reply);
	else
		rc = field_read(reply, line);
	baton_buf_str(&reply->head, line);
	baton_buf_add(&reply->head, "\n", 1);
	return rc;
}

/* --- chunks --- */

static int hex_of(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1f;and what nobody reads" */
static int chunk_line(struct baton_reply *reply, baton_str line)
{
	uint64_t size = 0;
	size_t i = 0;

	for (; i < line.n && hex_of(line.p[i]) >= 0; i++) {
		if (i == 15)
			return BATON_E_INVAL;
		size = size * 16 + (uint64_t)hex_of(line.p[i]);
	}
	if (i == 0 || (i < line.n && !strchr("; \t", line.p[i])))
		return BATON_E_INVAL;
	reply->left = size;
	reply->phase = size ? BATON_REPLY_CHUNK : BATON_REPLY_TRAILER;
	return BATON_OK;
}

static int line_take(struct baton_reply *reply, baton_str line)
{
	switch (reply->phase) {
	case BATON_REPLY_HEAD:
		return head_line(reply, line);
	case BATON_REPLY_CHUNK_SIZE:
		return chunk_line(reply, line);
	case BATON_REPLY_CHUNK_END:
		reply->phase = BATON_REPLY_CHUNK_SIZE;
		return line.n ? BATON_E_INVAL : BATON_OK;
	case BATON_REPLY_TRAILER:
		if (line.n == 0)
			reply->phase = BATON_REPLY_OVER;
		return BATON_OK;
	case BATON_REPLY_COUNTED:
	case BATON_REPLY_TO_THE_END:
	case BATON_REPLY_CHUNK:
	case BATON_REPLY_OVER:
		break;
	}
	return BATON_E_INVAL;
}

/* --- bytes --- */

/* What has no end must not be waited for; what cannot be a reply is known by its first line. */
static int line_bound(struct baton_reply *reply, size_t n)
{
	bool head = reply->phase == BATON_REPLY_HEAD || reply->phase == BATON_REPLY_TRAILER;

	if (head) {
		reply->line_bytes += n;
		return reply->line_bytes > BATON_HTTP_HEAD_BYTES_MAX ? BATON_E_TOO_BIG : BATON_OK;
	}
	return reply->line.n + n > CHUNK_LINE_MAX ? BATON_E_INVAL : BATON_OK;
}

static int line_feed(struct baton_reply *reply, baton_str rest, size_t *ret_taken)
{
	const char *lf = memchr(rest.p, '\n', rest.n);
	baton_str line = { rest.p, lf ? (size_t)(lf - rest.p) : rest.n };
	size_t taken = line.n + (lf != NULL);
	int rc = line_bound(reply, taken);

	*ret_taken = taken;
	if (rc)
		return rc;
	if (!lf || reply->line.n) {
		baton_buf_str(&reply->line, line);
		line = baton_buf_view(&reply->line);
	}
	if (!lf)
		return BATON_OK;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	rc = line_take(reply, line);
	baton_buf_reset(&reply->line);
	return rc;
}

static int body_feed(struct baton_reply *reply, baton_str rest, size_t *ret_taken)
{
	bool bounded = reply->phase != BATON_REPLY_TO_THE_END;
	size_t n = bounded && reply->left < rest.n ? (size_t)reply->left : rest.n;

	*ret_taken = n;
	if (bounded)
		reply->left -= n;
	if (bounded && reply->left == 0)
		reply->phase = reply->phase == BATON_REPLY_CHUNK ? BATON_REPLY_CHUNK_END
								 : BATON_REPLY_OVER;
	bool more = reply->on_body(reply->ud, (baton_str){ rest.p, n });
	return more ? BATON_OK : BATON_E_CLOSED;
}

int baton_reply_feed(struct baton_reply *reply, baton_str bytes, size_t *ret_taken)
{
	size_t at = 0;
	int rc = BATON_OK;

	reply->begun = reply->begun || bytes.n > 0;
	while (rc == BATON_OK && at < bytes.n && reply->phase != BATON_REPLY_OVER) {
		baton_str rest = { bytes.p + at, bytes.n - at };
		bool body = reply->phase == BATON_REPLY_COUNTED ||
			    reply->phase == BATON_REPLY_CHUNK ||
			    reply->phase == BATON_REPLY_TO_THE_END;
		size_t taken = 0;

		rc = body ? body_feed(reply, rest, &taken) : line_feed(reply, rest, &taken);
		at += taken;
	}
	*ret_taken = at;
	return rc;
}

bool baton_reply_end(struct baton_reply *reply)
{
	if (reply->phase == BATON_REPLY_TO_THE_END)
		reply->phase = BATON_REPLY_OVER;
	return reply->phase == BATON_REPLY_OVER;
}
