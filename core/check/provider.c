/* SPDX-License-Identifier: Apache-2.0 */

/* What only providers have: prompts, models, usage, tool calls, the key of a question. */
#include "core/check/inside.h"

#include "core/base/errors.h"

#include <stdio.h>

/* As much as a question of the server ever has; a document may be of any size. */
enum { LONG = 48 * 1024, HUGE = 1024 * 1024 };

/* One prompt; it may be answered, failed or refused, but it ends. */
static void try_prompt(struct baton_try *trial, const baton_prompt *prompt, const char *what)
{
	baton_call call;
	baton_try_step(trial, "%s", what);
	if (baton_testhost_generate(trial->host, trial->inst, prompt, &call) < 0)
		return;
	if (!baton_testhost_run(trial->host, call, trial->call_ms))
		baton_try_fail(trial, "%s: the call has no end", what);
}

static void try_long(struct baton_try *trial)
{
	baton_prompt prompt;
	baton_turn turn;
	baton_msg msg;
	char *text = baton_alloc(HUGE + 1);
	memset(text, 'a', HUGE);
	for (size_t i = 99; i < HUGE; i += 100)
		text[i] = ' ';
	baton_try_prompt(&prompt, &turn, &msg, text);
	msg.text.n = LONG;
	try_prompt(trial, &prompt, "a message of 48 KiB");
	baton_try_prompt(&prompt, &turn, &msg, "?");
	baton_doc doc = { .id = BATON_STR("d"), .snippet = { text, HUGE }, .score_ppm = 1 };
	prompt.docs = &doc;
	prompt.n_docs = 1;
	try_prompt(trial, &prompt, "a document of 1 MB");
	baton_free(text);
}

void baton_check_prompts(struct baton_try *trial)
{
	baton_prompt prompt;
	baton_turn turn;
	baton_msg msg;
	if (!baton_try_open_learned(trial))
		return;
	baton_try_prompt(&prompt, &turn, &msg, "");
	try_prompt(trial, &prompt, "an empty message");
	turn.n_msgs = 0;
	turn.msgs = NULL;
	try_prompt(trial, &prompt, "no message");
	baton_try_prompt(&prompt, &turn, &msg, "hello");
	prompt.docs = NULL;
	prompt.n_docs = 0;
	try_prompt(trial, &prompt, "no document");
	msg.role = 4711;
	try_prompt(trial, &prompt, "a role of tomorrow");
	msg = (baton_msg){ .role = BATON_ROLE_TOOL, .text = BATON_STR("{}") };
	try_prompt(trial, &prompt, "a tool's word without its id");
	baton_try_prompt(&prompt, &turn, &msg, "\x01\x02\t\"\\ \xe2\x80\xa8 \xef\xbf\xbd");
	try_prompt(trial, &prompt, "control characters");
	prompt.model = BATON_STR_NONE;
	prompt.idempotency_key = BATON_STR_NONE;
	try_prompt(trial, &prompt, "no model, no key");
	prompt.size = (uint32_t)offsetof(baton_prompt, prefill);
	try_prompt(trial, &prompt, "a prompt without the last fields (an older server)");
	prompt.size = sizeof(prompt);
	prompt.prefill = BATON_STR("Your order has ");
	try_prompt(trial, &prompt, "a beginning that shall be continued");
	prompt.response_schema = BATON_STR("{\"type\":\"object\"}");
	try_prompt(trial, &prompt, "an answer's schema");
	turn.flags = 0xffffffffu;
	prompt.flags = 0xffffffffu;
	try_prompt(trial, &prompt, "flags of tomorrow");
	try_long(trial);
	if (trial->fails == 0)
		(void)baton_try_usual(trial, trial->host, trial->inst, 0);
}

void baton_check_models(struct baton_try *trial)
{
	baton_str text;
	baton_prompt prompt;
	baton_turn turn;
	baton_msg msg;
	baton_usage usage = { .size = sizeof(usage) };
	if (!baton_try_open(trial))
		return;
	const baton_provider *vt = baton_testhost_vt(trial->host);
	if (!vt->models)
		baton_try_note(trial, "it has no models()");
	else if (baton_testhost_read_sink(trial->host, vt->models, trial->inst, &text) ==
		 BATON_OK) {
		json_t *json = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
		if (!json)
			baton_try_fail(trial, "models() is no JSON: %.100s", text.p);
		json_decref(json);
	}
	if (!vt->estimate) {
		baton_try_note(trial, "it has no estimate()");
		return;
	}
	baton_try_prompt(&prompt, &turn, &msg, "How long does delivery take?");
	baton_try_step(trial, "estimate()");
	int32_t rc = vt->estimate(baton_testhost_inst(trial->host, trial->inst), &prompt, &usage);
	if (rc > 0)
		baton_try_fail(trial, "estimate() said %d", rc);
	if (rc == BATON_OK && usage.in_tokens == 0 && usage.out_tokens == 0)
		baton_try_note(trial, "estimate() says that a question costs nothing");
}

void baton_check_usage(struct baton_try *trial)
{
	baton_call call;
	if (!baton_try_open_learned(trial))
		return;
	if (!trial->text) {
		baton_try_skip(trial, "its answer to anything is a failure");
		return;
	}
	if (baton_try_begin(trial, trial->host, trial->inst, 0, &call) < 0)
		return;
	(void)baton_testhost_run(trial->host, call, trial->call_ms);
	const baton_heard *heard = baton_testhost_heard(trial->host, call);
	const baton_usage *usage = &heard->usage;
	if (heard->n_usage == 0) {
		baton_try_fail(trial, "usage() was never called: nobody knows what it costs");
		return;
	}
	if (usage->out_tokens == 0)
		baton_try_fail(trial, "an answer of %zu bytes, and no token out", heard->text_n);
	if (usage->cached_tokens > usage->in_tokens)
		baton_try_fail(trial, "more cached tokens than tokens");
	bool estimated = usage->flags & BATON_USAGE_ESTIMATED;
	if (trial->wire && trial->wire->in_tokens > 0 && !estimated &&
	    (usage->in_tokens != trial->wire->in_tokens ||
	     usage->out_tokens != trial->wire->out_tokens))
		baton_try_fail(trial, "the upstream said %llu in, %llu out; it tells %llu, %llu",
			       (unsigned long long)trial->wire->in_tokens,
			       (unsigned long long)trial->wire->out_tokens,
			       (unsigned long long)usage->in_tokens,
			       (unsigned long long)usage->out_tokens);
	if (trial->wire && trial->wire->in_tokens > 0 && estimated)
		baton_try_fail(trial, "the upstream said what was used, and it estimates");
}

/* --- tool calls ---------------------------------------------------------------------------- */

static void look_at_tools(struct baton_try *trial, const baton_heard *heard)
{
	const char *at = heard->tool_calls;
	for (unsigned i = 0; i < heard->n_tool_calls; i++) {
		size_t n = strcspn(at, "\n");
		json_t *json = json_loadb(at, n, JSON_REJECT_DUPLICATES, NULL);
		const char *name = json_string_value(json_object_get(json, "name"));
		if (!json_is_object(json) || !name || !name[0])
			baton_try_fail(trial, "a tool call is no object with a name: %.*s",
				       (int)(n < 120 ? n : 120), at);
		else if (!json_is_object(json_object_get(json, "arguments")))
			baton_try_fail(trial, "arguments of a tool call are no object: %.*s",
				       (int)(n < 120 ? n : 120), at);
		else if (trial->wire->in_tokens > 0 && strcmp(name, "order") != 0)
			baton_try_fail(trial, "the tool was called order, it tells %.60s", name);
		json_decref(json);
		at += n + (at[n] == '\n');
	}
}

void baton_check_tools(struct baton_try *trial)
{
	baton_call call;
	if (!baton_try_open_http(trial))
		return;
	if (!trial->wire->tool_body) {
		baton_try_skip(trial, "no stream with a tool call for what it understands");
		return;
	}
	baton_exchange e = baton_try_answer(trial);
	e.body = trial->wire->tool_body;
	baton_testhost_expect_nothing(trial->host);
	baton_testhost_expect(trial->host, &e);
	if (baton_try_begin(trial, trial->host, trial->inst, 0, &call) < 0)
		return;
	(void)baton_testhost_run(trial->host, call, trial->call_ms);
	const baton_heard *heard = baton_testhost_heard(trial->host, call);
	if (heard->n_tool_calls == 0) {
		baton_try_note(trial, "it does not tell tool calls (%s)",
			       heard->ended ? "ended" : baton_try_fail_name(heard->error.fail));
		if (heard->ended && heard->text_n == 0)
			baton_try_fail(trial, "an answer without text or tool call ended well");
		return;
	}
	look_at_tools(trial, heard);
	if (heard->ended && heard->end_reason != BATON_END_TOOL_CALLS)
		baton_try_fail(trial, "it ended with reason %u, expected BATON_END_TOOL_CALLS",
			       heard->end_reason);
}

void baton_check_idempotency(struct baton_try *trial)
{
	baton_call call;
	if (!baton_try_open_http(trial))
		return;
	bool seen[2];
	for (unsigned i = 0; i < 2; i++) {
		unsigned before = baton_testhost_requests(trial->host);
		if (baton_try_begin(trial, trial->host, trial->inst, 0, &call) < 0)
			return;
		(void)baton_testhost_run(trial->host, call, trial->call_ms);
		const baton_asked *asked = baton_testhost_asked(trial->host, before);
		seen[i] = asked && (strstr(asked->headers, "check-key-7d1f") ||
				    strstr(asked->body, "check-key-7d1f"));
	}
	if (!seen[0])
		baton_try_skip(trial, "it sends no key; its API may know none");
	else if (!seen[1])
		baton_try_fail(trial, "the key went upstream once and then not again");
}
