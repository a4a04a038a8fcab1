/* SPDX-License-Identifier: Apache-2.0 */

/* What only tools have: arguments that a model makes up, an upstream that breaks, and what is said
 * of a change that may have happened. A tool that asks nobody over HTTP is not tried with an
 * upstream. */
#include "core/check/inside.h"

#include "core/base/errors.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_BYTES = 10 * 1024 * 1024, LONG_ARG = 8000, LEGS_MAX = 32 };

/* --- asking -------------------------------------------------------------------------------- */

/* One call to its end. NULL: refused, which is told if `must`; or it has none, which is told. */
static const baton_heard *invoke(struct baton_try *trial, const struct baton_try_tool *tool,
				 const char *args, uint32_t flags, const char *what)
{
	baton_call call;
	baton_try_step(trial, "%s", what);
	int32_t rc = baton_testhost_tool(trial->host, trial->inst, tool->name, args, flags, &call);
	if (rc < 0)
		return NULL;
	if (!baton_testhost_run(trial->host, call, trial->call_ms)) {
		baton_try_fail(trial, "%s: the call has no end", what);
		return NULL;
	}
	return baton_testhost_heard(trial->host, call);
}

static const baton_heard *invoke_with(struct baton_try *trial, const struct baton_try_tool *tool,
				      const baton_exchange *e, const char *what)
{
	baton_testhost_expect_nothing(trial->host);
	baton_testhost_expect(trial->host, e);
	return invoke(trial, tool, tool->args, baton_try_tool_flags(tool), what);
}

/* --- what it says of itself ------------------------------------------------------------------ */

void baton_check_tool_list(struct baton_try *trial)
{
	baton_str text;
	const json_t *entry;
	size_t i;
	if (!baton_try_open(trial))
		return;
	const baton_tool *vt = baton_testhost_vt(trial->host);
	if (!vt->describe) {
		baton_try_skip(trial, "it has no describe()");
		return;
	}
	int32_t rc = baton_testhost_read_sink(trial->host, vt->describe, trial->inst, &text);
	if (rc != BATON_OK) {
		baton_try_fail(trial, "describe() said %d", rc);
		return;
	}
	json_t *list = json_loadb(text.p, text.n, 0, NULL);
	if (!json_is_array(list))
		baton_try_fail(trial, "describe() is no array of JSON: %.100s", text.p);
	json_array_foreach(list, i, entry) {
		if (!json_is_string(json_object_get(entry, "name")))
			baton_try_fail(trial, "describe(): tool %zu has no name", i + 1);
	}
	baton_try_note(trial, "%zu tools", json_array_size(list));
	json_decref(list);
}

/* --- arguments ------------------------------------------------------------------------------- */

/* `text` as the value of every argument. New text. */
static char *args_of(const struct baton_try_tool *tool, json_t *value)
{
	json_t *args = json_loads(tool->args, 0, NULL), *v;
	const char *key;
	void *next;
	if (json_object_size(args) == 0)
		(void)json_object_set(args, "value", value);
	json_object_foreach_safe(args, next, key, v)
	{
		(void)json_object_set(args, key, value);
	}
	char *text = json_dumps(args, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(args);
	json_decref(value);
	return text;
}

static void try_value(struct baton_try *trial, const struct baton_try_tool *tool, json_t *value,
		      const char *what)
{
	char *args = args_of(tool, value);
	(void)invoke(trial, tool, args ? args : "{}", baton_try_tool_flags(tool), what);
	free(args); /* jansson's own allocation */
}

static json_t *long_value(void)
{
	char *text = baton_alloc(LONG_ARG + 1);
	memset(text, 'a', LONG_ARG);
	json_t *value = json_string(text);
	baton_free(text);
	return value;
}

void baton_check_arguments(struct baton_try *trial)
{
	static const char *const objects[] = { "{}", "{\"\":\"\"}", "{\"no-such-argument\":1}",
					       "{\"a\":{\"b\":[[[]]]}}" };
	static const char *const no_objects[] = { "", "[]", "null", "7", "\"text\"", "{broken" };
	static char none[] = "", another[] = "no-such-tool", object[] = "{}";
	const struct baton_try_tool nameless = { .name = none, .args = object };
	const struct baton_try_tool unknown = { .name = another, .args = object };
	if (!baton_try_open_learned(trial))
		return;
	const struct baton_try_tool *tool = &trial->tool;
	for (size_t i = 0; i < baton_try_odd_n && trial->fails == 0; i++)
		try_value(trial, tool, json_string(baton_try_odd_texts[i]), baton_try_odd_texts[i]);
	try_value(trial, tool, json_integer(-1), "a number where there is text");
	try_value(trial, tool, json_null(), "null everywhere");
	try_value(trial, tool, json_array(), "a list everywhere");
	try_value(trial, tool, long_value(), "8 KB in one argument");
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		(void)invoke(trial, tool, objects[i], 0, objects[i]);
	/* The server never sends these. They must not crash it all the same. */
	for (size_t i = 0; i < sizeof(no_objects) / sizeof(no_objects[0]); i++)
		(void)invoke(trial, tool, no_objects[i], 0, "arguments that are no object");
	const struct baton_try_tool *const odd[] = { &nameless, &unknown };
	for (size_t i = 0; i < 2; i++) {
		const baton_heard *heard =
			invoke(trial, odd[i], "{}", 0, "a tool it does not have");
		if (heard && heard->ended && !(heard->tool->flags & BATON_TOOL_NO))
			baton_try_note(trial, "it performs a tool named \"%s\"", odd[i]->name);
	}
	baton_try_upstream_good(trial, trial->host);
	if (trial->fails == 0)
		(void)baton_try_usual(trial, trial->host, trial->inst, 0);
}

/* --- an upstream that breaks ----------------------------------------------------------------- */

static const struct answer {
	const char *what;
	uint32_t status;
	const char *headers, *body;
	bool is_fine; /* a result may well come of it */
} answers[] = {
	{ "nothing at all", 200, "Content-Type: application/json\n", "", true },
	{ "no content", 204, "", "", true },
	{ "a list", 200, "Content-Type: application/json\n", "[]", true },
	{ "null", 200, "Content-Type: application/json\n", "null", true },
	{ "not found", 404, "Content-Type: application/json\n", "{\"error\":\"no such order\"}",
	  true },
	{ "gone", 410, "", "", true },
	{ "a conflict", 409, "Content-Type: application/json\n", "{}", true },
	{ "unprocessable", 422, "Content-Type: application/json\n", "{\"code\":\"TOO LATE!\"}",
	  true },
	{ "a bad request", 400, "Content-Type: text/plain\n", "no", true },
	{ "a page of HTML", 200, "Content-Type: text/html\n", "<html>Sign in</html>", false },
	{ "broken JSON", 200, "Content-Type: application/json\n", "{\"status\":", false },
	{ "JSON that is no UTF-8", 200, "Content-Type: application/json\n",
	  "{\"status\":\"\xff\xfe\"}", false },
	{ "deep JSON", 200, "Content-Type: application/json\n",
	  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	  false },
	{ "no key", 401, "Content-Type: application/json\n", "{}", false },
	{ "no right", 403, "", "", false },
	{ "a timeout", 408, "", "", false },
	{ "too many", 429, "Retry-After: 2\n", "", false },
	{ "an error", 500, "Content-Type: application/json\n", "{\"error\":\"x\"}", false },
	{ "a bad gateway", 502, "Content-Type: text/html\n", "<html>", false },
	{ "overload", 503, "Retry-After: 1\n", "", false },
	{ "a redirect", 302, "Location: https://elsewhere.example.test/\n", "", false },
	{ "a status of tomorrow", 799, "", "", false },
};

static void try_answer(struct baton_try *trial, const struct baton_try_tool *tool,
		       const struct answer *answer)
{
	baton_exchange e = baton_testhost_exchange();
	e.times = LEGS_MAX;
	e.status = answer->status;
	e.headers = answer->headers;
	e.body = answer->body;
	const baton_heard *heard = invoke_with(trial, tool, &e, answer->what);
	if (heard && heard->ended && !answer->is_fine && !(heard->tool->flags & BATON_TOOL_NO))
		baton_try_fail(trial, "%s: it ended as if all were well, %.80s", answer->what,
			       heard->tool->json.p);
}

static void try_huge(struct baton_try *trial, const struct baton_try_tool *tool)
{
	char *body = baton_alloc(BODY_BYTES + 1);
	memset(body, 'a', BODY_BYTES);
	body[0] = '"';
	body[BODY_BYTES - 1] = '"';
	baton_exchange e = baton_testhost_exchange();
	e.times = LEGS_MAX;
	e.status = 200;
	e.headers = "Content-Type: application/json\n";
	e.body = body;
	e.body_n = BODY_BYTES;
	e.piece = 65536;
	const baton_heard *heard = invoke_with(trial, tool, &e, "an answer of 10 MB");
	if (heard && heard->ended && !(heard->tool->flags & BATON_TOOL_NO))
		baton_try_fail(trial, "an answer of 10 MB: it ended as if all were well");
	baton_free(body);
}

static void try_line(struct baton_try *trial, const struct baton_try_tool *tool)
{
	static const char *const codes[] = { "connect", "dns", "tls", "cut" };
	for (size_t i = 0; i < 4; i++) {
		baton_exchange e = baton_testhost_exchange();
		e.times = LEGS_MAX;
		e.fail = BATON_FAIL_UNAVAILABLE;
		e.fail_code = codes[i];
		const baton_heard *heard = invoke_with(trial, tool, &e, codes[i]);
		if (heard && heard->ended)
			baton_try_fail(trial, "%s: it ended as if all were well", codes[i]);
	}
	baton_exchange e = baton_try_answer(trial);
	e.times = LEGS_MAX;
	e.hang = true;
	e.status = 0;
	const baton_heard *heard = invoke_with(trial, tool, &e, "a connection, and no answer ever");
	if (heard && heard->ended)
		baton_try_fail(trial, "without any answer it ended as if all were well");
	e = baton_try_answer(trial);
	e.piece = 1;
	e.piece_ms = 3;
	heard = invoke_with(trial, tool, &e, "a byte every 3 ms");
	if (heard)
		(void)baton_try_right(trial, heard);
}

void baton_check_tool_upstream(struct baton_try *trial)
{
	if (!baton_try_open_http(trial))
		return;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		try_answer(trial, &trial->tool, &answers[i]);
	try_huge(trial, &trial->tool);
	try_line(trial, &trial->tool);
	baton_try_upstream_good(trial, trial->host);
	if (trial->fails == 0)
		(void)baton_try_usual(trial, trial->host, trial->inst, 0);
}

/* --- what may have happened ------------------------------------------------------------------ */

static bool changes(const char *method)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
	       strcmp(method, "OPTIONS") != 0;
}

/* Requests from the i-th on that may change something. */
static unsigned changing(const struct baton_try *trial, unsigned from)
{
	unsigned n = 0;
	for (unsigned i = from; i < baton_testhost_requests(trial->host); i++)
		n += changes(baton_testhost_asked(trial->host, i)->method);
	return n;
}

static const struct leg {
	const char *what;
	uint32_t status, fail;
	const char *fail_code;
	bool hang, in_doubt;
} legs[] = {
	{ "no answer ever", 0, 0, NULL, true, true },
	{ "a connection that is cut before the answer", 0, BATON_FAIL_BAD_OUTPUT, "cut", false,
	  true },
	{ "an answer that is cut", 200, BATON_FAIL_BAD_OUTPUT, "cut", false, true },
	{ "a refused connection", 0, BATON_FAIL_UNAVAILABLE, "connect", false, false },
	{ "a name that is not known", 0, BATON_FAIL_UNAVAILABLE, "dns", false, false },
};

static void try_leg(struct baton_try *trial, const struct baton_try_tool *tool,
		    const struct leg *leg)
{
	unsigned before = baton_testhost_requests(trial->host);
	baton_exchange e = baton_testhost_exchange();
	e.times = LEGS_MAX;
	e.status = leg->status;
	e.headers = "Content-Type: application/json\n";
	e.body = leg->status ? "{\"status\":\"do" : "";
	e.fail = leg->fail;
	e.fail_code = leg->fail_code;
	e.hang = leg->hang;
	const baton_heard *heard = invoke_with(trial, tool, &e, leg->what);
	if (!heard)
		return;
	unsigned sent = changing(trial, before);
	bool doubts = heard->failed && (heard->error.flags & BATON_ERROR_IN_DOUBT);
	if (heard->ended)
		baton_try_fail(trial, "%s: it ended as if all were well", leg->what);
	else if (leg->in_doubt && sent > 0 && !doubts)
		baton_try_fail(trial,
			       "%s: it was sent, and fail() does not say BATON_ERROR_IN_DOUBT",
			       leg->what);
	else if (!leg->in_doubt && doubts)
		baton_try_note(trial, "%s: it is in doubt, and nothing was sent", leg->what);
	if (leg->in_doubt && sent > 1 && !tool->idempotent)
		baton_try_fail(trial, "%s: what may have happened was asked for %u times",
			       leg->what, sent);
}

void baton_check_in_doubt(struct baton_try *trial)
{
	if (!baton_try_open_http(trial))
		return;
	const struct baton_try_tool *tool = trial->writer.name ? &trial->writer : &trial->tool;
	struct baton_try_tool writer = *tool;
	writer.writes = true;
	for (size_t i = 0; i < sizeof(legs) / sizeof(legs[0]) && trial->fails == 0; i++)
		try_leg(trial, &writer, &legs[i]);
	/* Cancelled when the request is out. */
	unsigned before = baton_testhost_requests(trial->host);
	baton_call call;
	baton_exchange e = baton_testhost_exchange();
	e.hang = true;
	baton_testhost_expect_nothing(trial->host);
	baton_testhost_expect(trial->host, &e);
	baton_try_step(trial, "cancelled when the request is out");
	if (baton_testhost_tool(trial->host, trial->inst, writer.name, writer.args,
				baton_try_tool_flags(&writer), &call) < 0)
		return;
	baton_testhost_advance(trial->host, 100);
	baton_testhost_cancel(trial->host, call, BATON_CANCEL_DEADLINE);
	baton_testhost_advance(trial->host, 300);
	const baton_heard *heard = baton_testhost_heard(trial->host, call);
	if (changing(trial, before) > 0 && heard->failed &&
	    !(heard->error.flags & BATON_ERROR_IN_DOUBT))
		baton_try_fail(trial, "cancelled when the request was out, it is not in doubt");
}

/* A turn that is tried out changes nothing. */
void baton_check_shadow(struct baton_try *trial)
{
	if (!baton_try_open_learned(trial))
		return;
	const struct baton_try_tool *tool = trial->writer.name ? &trial->writer : &trial->tool;
	unsigned before = baton_testhost_requests(trial->host);
	const baton_heard *heard =
		invoke(trial, tool, tool->args, BATON_TOOL_WRITES | BATON_TOOL_SHADOW,
		       "a change in a turn that is tried out");
	if (changing(trial, before) > 0)
		baton_try_fail(trial, "with BATON_TOOL_SHADOW it sends %s",
			       baton_testhost_asked(trial->host, before)->method);
	else if (heard && heard->ended)
		baton_try_note(trial, "it says %.100s", heard->tool->json.p);
}
