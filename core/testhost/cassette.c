/* SPDX-License-Identifier: Apache-2.0 */

/* Exchanges written as text: the lines of an HTTP dialogue as a person would write them down. See
 * the header for an example and README.md for every word. */
#include "core/testhost/inside.h"

#include "core/base/errors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_BYTES_MAX = 8192, BYTES_MAX = 16 * 1024 * 1024 };

struct tape {
	baton_testhost *host;
	baton_str rest;
	unsigned line; /* from 1 */
	baton_exchange e;
	bool begun;
	struct baton_arena words; /* method, url, ... of the exchange being read */
	struct baton_buf headers;
	char *why;
	size_t cap;
};

static int wrong(const struct tape *tape, const char *what, baton_str found)
{
	(void)snprintf(tape->why, tape->cap, "line %u: %s: %.*s", tape->line, what,
		       (int)(found.n < 60 ? found.n : 60), found.n ? found.p : "");
	return BATON_E_INVAL;
}

static baton_str line_take(struct tape *tape)
{
	const char *lf = memchr(tape->rest.p, '\n', tape->rest.n);
	size_t n = lf ? (size_t)(lf - tape->rest.p) : tape->rest.n;
	baton_str line = { tape->rest.p, n };
	tape->rest.p += n + (lf != NULL);
	tape->rest.n -= n + (lf != NULL);
	tape->line++;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool starts(baton_str s, const char *with, baton_str *ret_rest)
{
	size_t n = strlen(with);
	if (s.n < n || memcmp(s.p, with, n) != 0)
		return false;
	*ret_rest = (baton_str){ s.p + n, s.n - n };
	return true;
}

static baton_str word_take(baton_str *s)
{
	while (s->n && *s->p == ' ')
		s->p++, s->n--;
	size_t n = 0;
	while (n < s->n && s->p[n] != ' ' && s->p[n] != ',')
		n++;
	baton_str word = { s->p, n };
	s->p += n;
	s->n -= n;
	while (s->n && (*s->p == ' ' || *s->p == ','))
		s->p++, s->n--;
	return word;
}

static const char *word_keep(struct tape *tape, baton_str s)
{
	return s.n ? baton_arena_dup(&tape->words, s.p, s.n) : NULL;
}

static bool number(baton_str s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || v > max / 10)
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*ret = v;
	return s.n > 0 && v <= max;
}

static uint32_t fail_of(baton_str name)
{
	static const struct {
		const char *name;
		uint32_t fail;
	} fails[] = {
		{ "connect", BATON_FAIL_UNAVAILABLE },  { "dns", BATON_FAIL_UNAVAILABLE },
		{ "tls", BATON_FAIL_UNAVAILABLE },      { "cut", BATON_FAIL_BAD_OUTPUT },
		{ "too_big", BATON_FAIL_BAD_OUTPUT },   { "protocol", BATON_FAIL_BAD_OUTPUT },
		{ "denied", BATON_FAIL_ACCESS },        { "timeout_connect", BATON_FAIL_TIMEOUT },
		{ "timeout_idle", BATON_FAIL_TIMEOUT }, { "timeout_total", BATON_FAIL_TIMEOUT },
		{ "cancelled", BATON_FAIL_CANCELLED },
	};
	for (size_t i = 0; i < sizeof(fails) / sizeof(fails[0]); i++)
		if (baton_str_is(name, fails[i].name))
			return fails[i].fail;
	return 0;
}

/* "piece 7, wait 20": numbers, but for fail and hang. */
static int read_words(struct tape *tape, baton_str s)
{
	baton_exchange *e = &tape->e;
	while (s.n) {
		baton_str name = word_take(&s), value;
		uint64_t v = 0;
		if (baton_str_is(name, "hang")) {
			e->hang = true;
			continue;
		}
		value = word_take(&s);
		if (baton_str_is(name, "fail")) {
			e->fail = fail_of(value);
			e->fail_code = word_keep(tape, value);
			if (!e->fail)
				return wrong(tape, "no such failure", value);
			continue;
		}
		if (!number(value, UINT32_MAX, &v))
			return wrong(tape, "expected a number", name);
		uint32_t *const numbers[] = { &e->times, &e->connect_ms, &e->head_ms,
					      &e->piece_ms };
		static const char *const names[] = { "times", "connect", "head", "wait" };
		size_t i = 0;
		while (i < 4 && !baton_str_is(name, names[i]))
			i++;
		if (i < 4)
			*numbers[i] = (uint32_t)v;
		else if (baton_str_is(name, "piece"))
			e->piece = v;
		else if (baton_str_is(name, "split"))
			e->split = v;
		else
			return wrong(tape, "no such word", name);
	}
	return 0;
}

static void begin(struct tape *tape, baton_str rest)
{
	baton_arena_done(&tape->words);
	baton_buf_reset(&tape->headers);
	tape->e = baton_testhost_exchange();
	baton_str method = word_take(&rest), url = word_take(&rest);
	tape->e.method = baton_str_is(method, "*") ? NULL : word_keep(tape, method);
	tape->e.url = baton_str_is(url, "*") ? NULL : word_keep(tape, url);
	tape->begun = true;
}

static int read_answer(struct tape *tape, baton_str rest)
{
	uint64_t status;
	if (tape->e.status == 0 && number(rest, 999, &status) && status >= 100) {
		tape->e.status = (uint32_t)status;
		return 0;
	}
	if (!memchr(rest.p, ':', rest.n))
		return wrong(tape, "expected a status, then \"Name: value\"", rest);
	baton_buf_str(&tape->headers, rest);
	baton_buf_z(&tape->headers, "\n");
	return 0;
}

/* One line above the body. *ret_body: it was the empty line. */
static int read_line(struct tape *tape, baton_str line, bool *ret_body)
{
	baton_str rest;
	*ret_body = tape->begun && line.n == 0;
	if (line.n == 0 || line.p[0] == '#')
		return 0;
	if (line.n > LINE_BYTES_MAX)
		return wrong(tape, "a line of more than 8 KiB above the body", BATON_STR_NONE);
	if (starts(line, "> header: ", &rest))
		tape->e.header_has = word_keep(tape, rest);
	else if (starts(line, "> has: ", &rest))
		tape->e.body_has = word_keep(tape, rest);
	else if (starts(line, "> ", &rest))
		begin(tape, rest);
	else if (!tape->begun)
		return wrong(tape, "expected \"> METHOD URL\"", line);
	else if (starts(line, "< ", &rest))
		return read_answer(tape, rest);
	else if (starts(line, "@ ", &rest))
		return read_words(tape, rest);
	else
		return wrong(tape, "expected \"> \", \"< \", \"@ \" or an empty line", line);
	return 0;
}

static void finish(struct tape *tape, baton_str body)
{
	if (!tape->begun)
		return;
	tape->e.headers = tape->headers.n ? tape->headers.p : NULL;
	tape->e.body = body.n ? body.p : NULL;
	tape->e.body_n = body.n;
	baton_testhost_expect(tape->host, &tape->e);
	tape->begun = false;
}

/* The body goes on to the next request, so none of its own lines may begin with "> ". */
static baton_str body_take(struct tape *tape)
{
	baton_str body = { tape->rest.p, 0 };
	while (tape->rest.n > 0) {
		baton_str peek;
		if (starts(tape->rest, "> ", &peek))
			break;
		(void)line_take(tape);
		body.n = (size_t)(tape->rest.p - body.p);
	}
	return body;
}

int32_t baton_testhost_cassette(baton_testhost *host, baton_str text, char *why, size_t cap)
{
	struct tape tape = { .host = host, .rest = text, .why = why, .cap = cap };
	int rc = 0;
	while (rc == 0 && tape.rest.n > 0) {
		baton_str peek;
		bool body = false;
		/* An exchange without a body ends where the next one begins. */
		if (tape.begun && tape.e.status + tape.e.fail + tape.e.hang > 0 &&
		    starts(tape.rest, "> ", &peek))
			finish(&tape, BATON_STR_NONE);
		rc = read_line(&tape, line_take(&tape), &body);
		if (rc == 0 && body)
			finish(&tape, body_take(&tape));
	}
	if (rc == 0)
		finish(&tape, BATON_STR_NONE);
	baton_arena_done(&tape.words);
	baton_buf_done(&tape.headers);
	return rc;
}

int32_t baton_testhost_cassette_file(baton_testhost *host, const char *path, char *why, size_t cap)
{
	struct baton_buf text = { 0 };
	FILE *file = fopen(path, "rb");
	if (!file) {
		(void)snprintf(why, cap, "%s: %s", path, strerrordesc_np(errno));
		return BATON_E_IO;
	}
	for (size_t n = 1; n > 0 && text.n < BYTES_MAX;) {
		n = fread(baton_buf_room(&text, 65536), 1, 65536, file);
		text.n += n;
	}
	(void)fclose(file);
	int32_t rc = baton_testhost_cassette(host, baton_buf_view(&text), why, cap);
	baton_buf_done(&text);
	return rc;
}

void baton_testhost_play(baton_testhost *host, const char *text)
{
	char why[256];
	if (baton_testhost_cassette(host, baton_str_of(text), why, sizeof(why)) == 0)
		return;
	fprintf(stderr, "baton_testhost_play: %s\n", why);
	abort();
}
