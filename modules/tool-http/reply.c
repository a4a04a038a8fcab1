/* SPDX-License-Identifier: Apache-2.0 */

/* Surprising: a 2xx whose body is cut, too long or no JSON is a failure, and of what writes a
 * doubt: the effect is there, only the words about it are not. A status 5xx leaves it open, too,
 * also 503, which gateways say when a connection broke behind them; 429 says that nothing was
 * begun. Words of the service never stand in a message: they may be about a customer. */
#include "reply.h"

#include "modules/sdk/provider/hint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORDS_BYTES = 300 };

void reply_begin(struct reply *reply)
{
	reply_done(reply);
}

void reply_done(struct reply *reply)
{
	text_done(&reply->body);
	memset(reply, 0, sizeof(*reply));
}

/* "application/json", "application/problem+json; charset=utf-8". */
static bool type_is_json(baton_str header)
{
	static const char name[] = "content-type:";
	char type[96];
	size_t n = sizeof(name) - 1, used = 0;

	if (header.n <= n || strncasecmp(header.p, name, n) != 0)
		return false;
	while (n < header.n && (header.p[n] == ' ' || header.p[n] == '\t'))
		n++;
	while (n < header.n && !strchr("; \t", header.p[n]) && used < sizeof(type) - 1)
		type[used++] = header.p[n++];
	type[used] = '\0';
	return strcasecmp(type, "application/json") == 0 ||
	       (strncasecmp(type, "application/", 12) == 0 && used > 5 &&
		strcasecmp(type + used - 5, "+json") == 0);
}

void reply_head(struct reply *reply, uint32_t status, const baton_str *headers, uint32_t n,
		uint64_t unix_ms)
{
	reply->status = status;
	reply->retry_after_ms = hint_of_headers(headers, n, unix_ms);
	for (uint32_t i = 0; i < n; i++)
		reply->is_json = reply->is_json || type_is_json(headers[i]);
}

void reply_data(struct reply *reply, baton_str data, size_t max_bytes)
{
	if (reply->too_big || data.n > max_bytes - reply->body.n) {
		reply->too_big = true;
		return;
	}
	text_add(&reply->body, data.p, data.n);
}

/* --- into JSON -------------------------------------------------------------------------------- */

/* One step of a pointer, with ~1 for '/' and ~0 for '~'; moves *at behind it. */
static const json_t *step(const json_t *json, const char **at)
{
	char name[256];
	size_t n = 0;
	const char *p = *at + 1;

	for (; *p && *p != '/' && n < sizeof(name) - 1; p++) {
		char c = *p;

		if (c == '~' && (p[1] == '0' || p[1] == '1'))
			c = *++p == '0' ? '~' : '/';
		name[n++] = c;
	}
	*at = p;
	if (json_is_object(json))
		return json_object_getn(json, name, n);
	name[n] = '\0';
	if (!json_is_array(json) || n == 0 || n > 6 || strspn(name, "0123456789") != n)
		return NULL;
	return json_array_get(json, (size_t)strtoul(name, NULL, 10));
}

static const json_t *pointed(const json_t *json, const char *pointer)
{
	while (json && *pointer == '/')
		json = step(json, &pointer);
	return json;
}

/* What is not there is left out; whether it had to be says the tool's schema. */
static json_t *pick(const struct tool *tool, const json_t *body)
{
	const char *name;
	json_t *value;

	if (!tool->pick)
		return json_deep_copy(body);
	if (json_is_string(tool->pick)) {
		const json_t *found = pointed(body, json_string_value(tool->pick));

		return found ? json_deep_copy(found) : json_null();
	}
	json_t *all = json_object();
	json_object_foreach((json_t *)(uintptr_t)tool->pick, name, value) {
		const json_t *found = pointed(body, json_string_value(value));

		if (found)
			(void)json_object_set_new(all, name, json_deep_copy(found));
	}
	return all;
}

/* --- what it means ---------------------------------------------------------------------------- */

struct meaning {
	enum outcome outcome;
	uint32_t fail, scope, flags;
	const char *code, *words;
	bool open; /* whether anything has happened is not known */
};

/* The first row that fits. What is neither 2xx nor in here is a redirect. */
static const struct {
	uint32_t from, to;
	struct meaning meaning;
} statuses[] = {
	{ 401,
	  403,
	  { OUTCOME_FAILED, BATON_FAIL_ACCESS, BATON_SCOPE_ACCOUNT, BATON_ERROR_NOT_AGAIN, "access",
	    "it does not let us in", false } },
	{ 407,
	  407,
	  { OUTCOME_FAILED, BATON_FAIL_ACCESS, BATON_SCOPE_ACCOUNT, BATON_ERROR_NOT_AGAIN, "access",
	    "it does not let us in", false } },
	{ 408,
	  408,
	  { OUTCOME_AGAIN, BATON_FAIL_TIMEOUT, BATON_SCOPE_PROVIDER, 0, "timeout",
	    "it took too long for itself", true } },
	{ 425,
	  429,
	  { OUTCOME_AGAIN, BATON_FAIL_RATE_LIMITED, BATON_SCOPE_PROVIDER, 0, "rate_limited",
	    "too many requests", false } },
	{ 451,
	  451,
	  { OUTCOME_FAILED, BATON_FAIL_ACCESS, BATON_SCOPE_ACCOUNT, BATON_ERROR_NOT_AGAIN, "access",
	    "it does not let us in", false } },
	{ 400,
	  499,
	  { OUTCOME_FAILED, BATON_FAIL_BAD_REQUEST, BATON_SCOPE_REQUEST, BATON_ERROR_NOT_AGAIN,
	    "bad_request", "it does not take the request", false } },
	{ 503,
	  503,
	  { OUTCOME_AGAIN, BATON_FAIL_OVERLOADED, BATON_SCOPE_PROVIDER, 0, "overloaded",
	    "it is overloaded", true } },
	{ 504,
	  504,
	  { OUTCOME_AGAIN, BATON_FAIL_TIMEOUT, BATON_SCOPE_PROVIDER, 0, "timeout",
	    "it took too long for itself", true } },
	{ 500,
	  999,
	  { OUTCOME_AGAIN, BATON_FAIL_UNAVAILABLE, BATON_SCOPE_PROVIDER, 0, "server",
	    "it has failed", true } },
	{ 0,
	  399,
	  { OUTCOME_FAILED, BATON_FAIL_BAD_OUTPUT, BATON_SCOPE_PROVIDER, BATON_ERROR_NOT_AGAIN,
	    "redirect", "a redirect, which is not followed", false } },
};

static struct meaning meaning_of_status(uint32_t status)
{
	size_t i = 0;

	while (i + 1 < sizeof(statuses) / sizeof(statuses[0]) &&
	       (status < statuses[i].from || status > statuses[i].to))
		i++;
	return statuses[i].meaning;
}

/* The host's own words for a request without a whole answer. */
static struct meaning meaning_of_end(const baton_error *end)
{
	static const struct {
		const char *words;
		const char *code;
		bool unsent;
	} ends[] = { { "dns", "dns", true },
		     { "connect", "connect", true },
		     { "tls", "tls", true },
		     { "denied", "denied", true },
		     { "timeout_connect", "timeout_connect", true },
		     { "timeout_first_byte", "timeout", false },
		     { "timeout_idle", "timeout", false },
		     { "timeout_total", "timeout", false },
		     { "too_big", "too_big", false },
		     { "cut", "cut", false } };
	struct meaning meaning = {
		OUTCOME_AGAIN,          end->fail, BATON_SCOPE_PROVIDER, 0, "protocol",
		"no whole answer came", true
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (end->code.n != strlen(ends[i].words) ||
		    memcmp(end->code.p, ends[i].words, end->code.n) != 0)
			continue;
		meaning.code = ends[i].code;
		meaning.open = !ends[i].unsent;
		if (ends[i].unsent)
			meaning.words = "it cannot be reached";
	}
	if (strcmp(meaning.code, "denied") == 0) {
		meaning.outcome = OUTCOME_FAILED;
		meaning.flags = BATON_ERROR_NOT_AGAIN;
		meaning.words = "its address is not one that the module may reach";
	}
	if (strcmp(meaning.code, "too_big") == 0)
		meaning.outcome = OUTCOME_FAILED;
	return meaning;
}

/* An answer of 2xx that cannot be read: what it says did happen. */
static struct meaning unreadable(const char *code, const char *words)
{
	return (struct meaning){
		OUTCOME_FAILED, BATON_FAIL_BAD_OUTPUT, BATON_SCOPE_PROVIDER, 0, code, words, true
	};
}

static void refuse(struct verdict *verdict, const struct reply *reply, const struct tool *tool,
		   const struct meaning *meaning)
{
	char status[16] = "";

	if (reply->status)
		(void)snprintf(status, sizeof(status), " (%u)", reply->status);
	verdict->outcome = meaning->outcome;
	verdict->doubt = tool->writes && meaning->open;
	(void)snprintf(verdict->code, sizeof(verdict->code), "%s", meaning->code);
	(void)snprintf(verdict->why, sizeof(verdict->why), "%.64s: %s%s", tool->name,
		       meaning->words, status);
	verdict->error = (baton_error){ .size = sizeof(verdict->error),
					.fail = meaning->fail,
					.http_status = reply->status,
					.retry_after_ms = reply->retry_after_ms,
					.code = str_z(verdict->code),
					.message = str_z(verdict->why),
					.scope = meaning->scope,
					.flags = meaning->flags };
}

static void accept(struct verdict *verdict, const struct reply *reply, const struct tool *tool)
{
	json_t *body = reply->body.n > 0
			       ? json_loadb(reply->body.p, reply->body.n,
					    JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL)
			       : json_object(); /* 204: done, and nothing to say */
	json_t *picked = body ? pick(tool, body) : NULL;
	char *text = picked ? json_dumps(picked, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	struct meaning why = { 0 };

	if (reply->too_big || (text && strlen(text) > RESULT_MAX))
		why = unreadable("too_big", "its answer is too long");
	else if (reply->body.n > 0 && !reply->is_json)
		why = unreadable("content_type", "its answer is not of a JSON type");
	else if (!text)
		why = unreadable("not_json", "its answer is no JSON");
	if (why.code) {
		refuse(verdict, reply, tool, &why);
		free(text);
	} else {
		verdict->outcome = OUTCOME_RESULT;
		verdict->settled = true;
		verdict->json = text;
	}
	json_decref(picked);
	json_decref(body);
}

/* --- a no ------------------------------------------------------------------------------------- */

/* The word for a status that says no; NULL: it is none of those. */
static const char *no_of(const struct tool *tool, uint32_t status)
{
	char name[8];

	(void)snprintf(name, sizeof(name), "%u", status);
	const char *declared = json_string_value(json_object_get(tool->no, name));
	if (declared)
		return declared;
	switch (status) {
	case 404:
	case 410:
		return "not_found";
	case 409:
		return "conflict";
	case 422:
		return "refused";
	default:
		return NULL;
	}
}

/* The service's own word, if it says one: where the declaration says, or where most have it. */
static const char *word_of(const struct tool *tool, const json_t *body)
{
	static const char *const places[] = { "/code", "/error/code", "/error", "/type" };

	if (tool->code)
		return json_string_value(pointed(body, tool->code));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *word = json_string_value(pointed(body, places[i]));

		if (word && code_ok(word))
			return word;
	}
	return NULL;
}

/* Its sentence for the model and the agent, if there is one. */
static const char *words_of(const json_t *body)
{
	static const char *const places[] = { "/message", "/error/message", "/detail", "/title" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *words = json_string_value(pointed(body, places[i]));

		if (words && words[0] && strlen(words) <= WORDS_BYTES)
			return words;
	}
	return NULL;
}

static void say_no(struct verdict *verdict, const struct reply *reply, const struct tool *tool,
		   const char *code)
{
	json_t *body =
		reply->is_json && !reply->too_big && reply->body.n > 0
			? json_loadb(reply->body.p, reply->body.n, JSON_REJECT_DUPLICATES, NULL)
			: NULL;
	const char *own =
		body && reply->status != 404 && reply->status != 410 ? word_of(tool, body) : NULL;
	const char *words = body ? words_of(body) : NULL;

	(void)snprintf(verdict->code, sizeof(verdict->code), "%s",
		       own && code_ok(own) ? own : code);
	json_t *json = json_pack("{s:s, s:s*}", "error", verdict->code, "message", words);
	verdict->json = json ? json_dumps(json, JSON_COMPACT) : NULL;
	verdict->outcome = OUTCOME_NO;
	verdict->settled = true;
	json_decref(json);
	json_decref(body);
}

void reply_judge(const struct reply *reply, const struct tool *tool, const baton_error *end,
		 bool before, struct verdict *verdict)
{
	bool good = reply->status >= 200 && reply->status < 300;

	memset(verdict, 0, sizeof(*verdict));
	/* A bound of ours ends the request itself; what it had answered counts. */
	if (end && (!reply->status || good) && !reply->too_big) {
		struct meaning meaning = meaning_of_end(end);

		meaning.open = meaning.open || good;
		refuse(verdict, reply, tool, &meaning);
		return;
	}
	if (good) {
		accept(verdict, reply, tool);
		return;
	}
	const char *no = no_of(tool, reply->status);
	struct meaning meaning = meaning_of_status(reply->status);
	/* The first try may still be at work there: that is what a conflict over its key means. */
	if (no && before && reply->status == 409) {
		meaning = (struct meaning){ OUTCOME_AGAIN,
					    BATON_FAIL_UNAVAILABLE,
					    BATON_SCOPE_REQUEST,
					    0,
					    "conflict",
					    "it is still at the first try",
					    true };
		no = NULL;
	}
	if (no)
		say_no(verdict, reply, tool, no);
	else
		refuse(verdict, reply, tool, &meaning);
}

void verdict_done(struct verdict *verdict)
{
	free(verdict->json);
	verdict->json = NULL;
}
