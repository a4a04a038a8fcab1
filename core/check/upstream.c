/* SPDX-License-Identifier: Apache-2.0 */

/* A provider and what its upstream does: streams in every piece, every status, lines that break.
 * What a class of failure means is docs/FAULTS.md; where two are as good, both are taken. */
#include "core/check/inside.h"

#include "core/base/errors.h"

#include <stdio.h>

enum { HUGE_LINE = 10 * 1024 * 1024, CLASSES_MAX = 5, NO_CLASS = 255 };

/* Asks once and lets it end. NULL: told. */
static const baton_heard *ask(struct baton_try *trial, const char *what)
{
	baton_call call;
	baton_try_step(trial, "%s", what);
	int32_t rc = baton_try_begin(trial, trial->host, trial->inst, 0, &call);
	if (rc < 0) {
		baton_try_fail(trial, "%s: start() refuses with %d", what, rc);
		return NULL;
	}
	if (!baton_testhost_run(trial->host, call, trial->call_ms)) {
		baton_try_fail(trial, "%s: the call has no end", what);
		return NULL;
	}
	return baton_testhost_heard(trial->host, call);
}

static const baton_heard *ask_with(struct baton_try *trial, const baton_exchange *e,
				   const char *what)
{
	baton_testhost_expect_nothing(trial->host);
	baton_testhost_expect(trial->host, e);
	return ask(trial, what);
}

/* It must fail, as one of `classes`. */
static const baton_heard *fails_as(struct baton_try *trial, const baton_exchange *e,
				   const char *what, const uint8_t *classes)
{
	const baton_heard *heard = ask_with(trial, e, what);
	if (!heard)
		return NULL;
	if (heard->ended) {
		baton_try_fail(trial, "%s: it ended as if all were well, \"%.80s\"", what,
			       heard->text);
		return heard;
	}
	for (unsigned i = 0; i < CLASSES_MAX && classes[i] != NO_CLASS; i++)
		if (heard->error.fail == classes[i])
			return heard;
	baton_try_fail(trial, "%s: expected BATON_FAIL_%s, found %s (%s)", what,
		       baton_try_fail_name(classes[0]), baton_try_fail_name(heard->error.fail),
		       heard->error.message.p);
	return heard;
}

/* --- right streams ------------------------------------------------------------------------- */

void baton_check_http_200(struct baton_try *trial)
{
	static const size_t pieces[] = { 0, 1, 2, 3, 5, 7, 16, 64, 1000 };
	if (!baton_try_open_http(trial))
		return;
	baton_try_note(trial, "it understands %s", trial->wire->name);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		char what[64];
		baton_exchange e = baton_try_answer(trial);
		e.piece = pieces[i];
		e.piece_ms = i % 2 ? 1 : 0;
		(void)snprintf(what, sizeof(what), "pieces of %zu bytes", pieces[i]);
		const baton_heard *heard = ask_with(trial, &e, what);
		if (!heard || !baton_try_right(trial, heard))
			return;
	}
}

void baton_check_http_utf8(struct baton_try *trial)
{
	if (!baton_try_open_http(trial))
		return;
	size_t n = strlen(trial->wire->body);
	for (size_t at = 1; at < n; at++) {
		char what[64];
		baton_exchange e = baton_try_answer(trial);
		e.split = at;
		e.piece_ms = 1;
		(void)snprintf(what, sizeof(what), "cut behind byte %zu", at);
		const baton_heard *heard = ask_with(trial, &e, what);
		if (!heard || !baton_try_right(trial, heard))
			return;
	}
	baton_try_note(trial, "%zu places", n - 1);
}

void baton_check_http_drip(struct baton_try *trial)
{
	static const uint8_t silent[] = { BATON_FAIL_STALL, BATON_FAIL_TIMEOUT, BATON_FAIL_TOTAL,
					  BATON_FAIL_TRUNCATED, NO_CLASS };
	if (!baton_try_open_http(trial))
		return;
	baton_exchange e = baton_try_answer(trial);
	e.piece = 1;
	e.piece_ms = 3;
	const baton_heard *heard = ask_with(trial, &e, "a byte every 3 ms");
	if (heard)
		(void)baton_try_right(trial, heard);
	e = baton_try_answer(trial);
	e.body_n = baton_wire_mark(trial->wire);
	e.hang = true;
	(void)fails_as(trial, &e, "it falls silent in mid-answer", silent);
	e.status = 0;
	(void)fails_as(trial, &e, "a connection, and no answer ever", silent);
}

/* --- a status ------------------------------------------------------------------------------ */

static const struct status_case {
	uint32_t status;
	uint8_t classes[CLASSES_MAX];
} statuses[] = {
	{ 401, { BATON_FAIL_ACCESS, NO_CLASS } },
	{ 402, { BATON_FAIL_QUOTA, NO_CLASS } },
	{ 403, { BATON_FAIL_ACCESS, NO_CLASS } },
	{ 404, { BATON_FAIL_MODEL_GONE, BATON_FAIL_BAD_OUTPUT, NO_CLASS } },
	{ 408, { BATON_FAIL_TIMEOUT, BATON_FAIL_UNAVAILABLE, NO_CLASS } },
	{ 429, { BATON_FAIL_RATE_LIMITED, NO_CLASS } },
	{ 500, { BATON_FAIL_UNAVAILABLE, BATON_FAIL_OVERLOADED, NO_CLASS } },
	{ 502, { BATON_FAIL_UNAVAILABLE, BATON_FAIL_OVERLOADED, NO_CLASS } },
	{ 503, { BATON_FAIL_OVERLOADED, BATON_FAIL_UNAVAILABLE, NO_CLASS } },
	{ 529, { BATON_FAIL_OVERLOADED, BATON_FAIL_UNAVAILABLE, NO_CLASS } },
};

void baton_check_http_status(struct baton_try *trial)
{
	static const struct {
		const char *name, *type, *body;
	} bodies[] = {
		{ "JSON", "Content-Type: application/json\n",
		  "{\"error\":{\"message\":\"something went wrong\"}}" },
		{ "nothing", "Content-Length: 0\n", "" },
	};
	if (!baton_try_open_http(trial))
		return;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		for (size_t b = 0; b < 2; b++) {
			const struct status_case *c = &statuses[i];
			char what[64];
			baton_exchange e = baton_testhost_exchange();
			e.times = 8;
			e.status = c->status;
			e.headers = bodies[b].type;
			e.body = bodies[b].body;
			(void)snprintf(what, sizeof(what), "%u with %s", c->status, bodies[b].name);
			const baton_heard *heard = fails_as(trial, &e, what, c->classes);
			if (heard && heard->failed && heard->error.http_status != c->status)
				baton_try_fail(trial, "%s: http_status says %u", what,
					       heard->error.http_status);
		}
}

void baton_check_http_retry(struct baton_try *trial)
{
	static const uint8_t limited[] = { BATON_FAIL_RATE_LIMITED, NO_CLASS };
	if (!baton_try_open_http(trial))
		return;
	baton_exchange e = baton_testhost_exchange();
	e.status = 429;
	e.headers = "Content-Type: application/json\nRetry-After: 7\n";
	e.body = "{\"error\":{\"message\":\"slow down\"}}";
	const baton_heard *heard = fails_as(trial, &e, "429 with Retry-After: 7", limited);
	if (heard && heard->failed && heard->error.retry_after_ms != 7000)
		baton_try_fail(trial, "Retry-After: 7, and retry_after_ms is %u",
			       heard->error.retry_after_ms);
	static const char *const odd[] = { "-3", "soon", "99999999999999999999", "",
					   "Wed, 21 Oct 1999 07:28:00 GMT" };
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		char headers[96];
		(void)snprintf(headers, sizeof(headers), "Retry-After: %s\n", odd[i]);
		e.headers = headers;
		heard = fails_as(trial, &e, headers, limited);
		if (heard && heard->error.retry_after_ms > 24 * 3600 * 1000)
			baton_try_fail(trial, "Retry-After: %s becomes %u ms", odd[i],
				       heard->error.retry_after_ms);
	}
}

/* --- a line that breaks -------------------------------------------------------------------- */

void baton_check_http_refused(struct baton_try *trial)
{
	static const uint8_t down[] = { BATON_FAIL_CONNECT, BATON_FAIL_UNAVAILABLE, NO_CLASS };
	static const uint8_t late[] = { BATON_FAIL_CONNECT, BATON_FAIL_TIMEOUT,
					BATON_FAIL_UNAVAILABLE, BATON_FAIL_FIRST_TOKEN, NO_CLASS };
	static const uint8_t denied[] = { BATON_FAIL_ACCESS, BATON_FAIL_CONNECT,
					  BATON_FAIL_UNAVAILABLE, BATON_FAIL_BAD_REQUEST,
					  BATON_FAIL_INTERNAL };
	static const char *const codes[] = { "connect", "dns", "tls", "cut" };
	if (!baton_try_open_http(trial))
		return;
	for (size_t i = 0; i < 4; i++) {
		baton_exchange e = baton_testhost_exchange();
		e.fail = BATON_FAIL_UNAVAILABLE;
		e.fail_code = codes[i];
		(void)fails_as(trial, &e, codes[i], down);
	}
	baton_exchange e = baton_testhost_exchange();
	e.fail = BATON_FAIL_TIMEOUT;
	e.fail_code = "timeout_connect";
	(void)fails_as(trial, &e, "no connection in time", late);
	e.fail = BATON_FAIL_ACCESS;
	e.fail_code = "denied";
	(void)fails_as(trial, &e, "an address that may not be reached", denied);
}

void baton_check_http_cut(struct baton_try *trial)
{
	static const uint8_t cut[] = { BATON_FAIL_TRUNCATED, BATON_FAIL_BAD_OUTPUT,
				       BATON_FAIL_EMPTY, BATON_FAIL_UNAVAILABLE, NO_CLASS };
	if (!baton_try_open_http(trial))
		return;
	size_t mark = baton_wire_mark(trial->wire);
	for (size_t at = 0; at <= mark && trial->fails == 0; at += at < 64 ? 1 : 7)
		for (int reset = 0; reset < 2; reset++) {
			char what[64];
			baton_exchange e = baton_try_answer(trial);
			e.body_n = at;
			e.body = at ? trial->wire->body : "";
			e.fail = reset ? (uint32_t)BATON_FAIL_BAD_OUTPUT : 0;
			e.fail_code = "cut";
			(void)snprintf(what, sizeof(what), "%s behind byte %zu",
				       reset ? "reset" : "ended", at);
			(void)fails_as(trial, &e, what, cut);
		}
}

/* --- what is no answer --------------------------------------------------------------------- */

static const struct garbage {
	const char *what;
	uint32_t status;
	const char *type, *body;
} garbages[] = {
	{ "a page of HTML", 200, "Content-Type: text/html\n", "<html><body>Sign in</body></html>" },
	{ "nothing at all", 200, "Content-Type: text/event-stream\n", "" },
	{ "an empty object", 200, "Content-Type: application/json\n", "{}" },
	{ "a list", 200, "Content-Type: application/json\n", "[]" },
	{ "broken JSON", 200, "Content-Type: application/json\n", "{\"choices\":[{\"message\":" },
	{ "events of broken JSON", 200, "Content-Type: text/event-stream\n",
	  "data: {not json\n\ndata: }{\n\ndata: \xff\xfe\n\n" },
	{ "events without data", 200, "Content-Type: text/event-stream\n",
	  ": ping\n\nevent: x\n\nid: 7\n\n" },
	{ "events of other types", 200, "Content-Type: text/event-stream\n",
	  "data: 7\n\ndata: null\n\ndata: \"text\"\n\ndata: [1,2]\n\n" },
	{ "deep JSON", 200, "Content-Type: text/event-stream\n",
	  "data: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
	  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n\n" },
	{ "a redirect", 302, "Location: https://elsewhere.example.test/\n", "" },
	{ "no content", 204, "", "" },
	{ "a status of tomorrow", 799, "", "" },
};

void baton_check_http_garbage(struct baton_try *trial)
{
	if (!baton_try_open_http(trial))
		return;
	for (size_t i = 0; i < sizeof(garbages) / sizeof(garbages[0]); i++) {
		const struct garbage *g = &garbages[i];
		baton_exchange e = baton_testhost_exchange();
		e.times = 8;
		e.status = g->status;
		e.headers = g->type;
		e.body = g->body;
		const baton_heard *heard = ask_with(trial, &e, g->what);
		if (heard && heard->ended)
			baton_try_fail(trial, "%s: it ended as if all were well, \"%.80s\"",
				       g->what, heard->text);
	}
	static const char begin[] = "data: {\"x\":\"";
	char *line = baton_alloc(HUGE_LINE);
	memset(line, 'a', HUGE_LINE);
	memcpy(line, begin, sizeof(begin) - 1);
	baton_exchange e = baton_testhost_exchange();
	e.status = 200;
	e.headers = trial->wire->type;
	e.body = line;
	e.body_n = HUGE_LINE;
	e.piece = 65536;
	const baton_heard *heard = ask_with(trial, &e, "a line of 10 MB");
	if (heard && heard->ended)
		baton_try_fail(trial, "a line of 10 MB: it ended as if all were well");
	baton_free(line);
	baton_try_upstream_good(trial, trial->host);
	if (trial->fails == 0)
		(void)baton_try_usual(trial, trial->host, trial->inst, 0);
}
