/* SPDX-License-Identifier: Apache-2.0 */

/* How an answer is heard. What the body says decides what a failure means, wherever it stands: in
 * the status, in the stream, or instead of it. */
#include "modules/sdk/provider/hint.h"
#include "modules/sdk/provider/inside.h"

#include <strings.h>

enum {
	ERROR_BODY_MAX = 16 * 1024,
	ANSWER_BODY_MAX = 1024 * 1024,
	BAD_EVENTS_MAX = 3, /* in a row: then it is not a slip but another language */
};

static bool error_take(struct answer *answer, baton_str body)
{
	const struct provider *provider = answer->provider;
	struct failure failure = { .retry_after_ms = answer->retry_after_ms };

	failure_from_body(&failure, answer->status, body, provider->host->unix_ms(provider->ctx));
	return answer_fail(answer, &failure);
}

static bool heard_take(struct answer *answer)
{
	const struct provider *provider = answer->provider;

	if (answer->heard.reasoning.n) /* a courtesy: without room for it, it is dropped */
		provider->host->delta(provider->ctx, answer->call, BATON_DELTA_REASONING,
				      text_view(&answer->heard.reasoning));
	return answer_say(answer) && answer_settle(answer);
}

static bool kind_take(struct answer *answer, enum heard_kind kind)
{
	switch (kind) {
	case HEARD_GOOD:
		answer->bad = 0;
		return heard_take(answer);
	case HEARD_ERROR:
		return error_take(answer, answer->heard.error);
	case HEARD_BROKEN:
		return answer_fail_protocol(answer, "text that is not UTF-8");
	case HEARD_NOT_JSON:
		break;
	}
	if (++answer->bad >= BAD_EVENTS_MAX || !(answer->sse || answer->lines))
		return answer_fail_protocol(answer, "not JSON");
	return true;
}

static bool event_take(struct answer *answer, baton_str event, baton_str data)
{
	const struct wire *wire = answer->provider->config.wire;
	struct heard *heard = &answer->heard;
	baton_str words;

	while (data.n && (data.p[data.n - 1] == ' ' || data.p[data.n - 1] == '\t'))
		data.n--;
	if (event.n == 5 && memcmp(event.p, "error", 5) == 0)
		return error_take(answer, data);
	heard_next(heard);
	bool again = heard_again(heard, data, &words);
	if (!scan_utf8_ok(again ? words : data))
		return kind_take(answer, HEARD_BROKEN);
	answer->events++;
	return kind_take(answer,
			 again ? heard_text(heard, words) : wire->event(heard, event, data));
}

static bool whole_take(struct answer *answer, baton_str body)
{
	const struct wire *wire = answer->provider->config.wire;

	heard_next(&answer->heard);
	if (!scan_utf8_ok(body))
		return kind_take(answer, HEARD_BROKEN);
	answer->heard.over = true;
	return kind_take(answer, wire->whole(&answer->heard, body));
}

/* --- what the host's HTTP client calls --- */

static bool type_is(baton_str header, const char *type)
{
	static const char name[] = "content-type:";
	size_t n = sizeof(name) - 1, len = strlen(type);
	if (header.n < n || strncasecmp(header.p, name, n) != 0)
		return false;
	while (n < header.n && header.p[n] == ' ')
		n++;
	return header.n - n >= len && strncasecmp(header.p + n, type, len) == 0;
}

static void on_head(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n)
{
	struct answer *answer = user;
	const struct provider *provider = answer->provider;
	const struct config *config = &provider->config;
	bool lines = config->stream && config->wire->http_flags == BATON_HTTP_NDJSON;
	bool json = false;
	(void)h;

	answer->head = true;
	answer->status = status;
	answer->not_again = hint_not_again(headers, n);
	answer->retry_after_ms =
		hint_of_headers(headers, n, provider->host->unix_ms(provider->ctx));
	for (uint32_t i = 0; i < n; i++) {
		answer->sse = answer->sse || (!lines && type_is(headers[i], "text/event-stream"));
		answer->lines =
			answer->lines || (lines && type_is(headers[i], "application/x-ndjson"));
		json = json || type_is(headers[i], "application/json");
	}
	if (status == 200 && !answer->sse && !answer->lines && !json)
		answer_fail_protocol(answer, "the answer is neither a stream of events nor JSON");
}

static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct answer *answer = user;
	(void)h;

	if (answer->told)
		return;
	if (answer->status == 200 && ((answer->sse && event.n) || answer->lines)) {
		event_take(answer, event, data);
		return;
	}
	size_t max = answer->status == 200 ? ANSWER_BODY_MAX : ERROR_BODY_MAX;
	size_t room = max - answer->body.n;
	text_add(&answer->body, data.p, data.n < room ? data.n : room);
}

static bool check_conclude(struct answer *answer)
{
	if (answer->status == 200)
		return answer_end(answer, BATON_END_STOP);
	return error_take(answer, text_view(&answer->body));
}

/* The body has ended as it should: was that an answer? */
static bool answer_finish(struct answer *answer)
{
	if (answer->check)
		return check_conclude(answer);
	if (answer->status != 200)
		return error_take(answer, text_view(&answer->body));
	if (!answer->sse && !answer->lines)
		return whole_take(answer, text_view(&answer->body));
	if (answer->heard.finish || answer->heard.over) {
		answer->heard.over = true;
		return answer_settle(answer);
	}
	if (!answer->events)
		return answer_fail_protocol(answer, "a stream without events");
	return answer_fail_as(answer, BATON_FAIL_TRUNCATED, "truncated",
			      "the stream ended without a finish mark");
}

static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct answer *answer = user;
	struct failure failure = { 0 };
	(void)h;

	answer->http = 0;
	if (answer->told) {
		answer_close(answer);
		return;
	}
	bool stream = answer->sse || answer->lines;
	bool complete = stream && (answer->heard.finish || answer->heard.over);
	bool refused = answer->head && answer->status != 200; /* the status says why, cut or not */
	if (!error || complete || refused) {
		answer_finish(answer);
		return;
	}
	failure_from_http(&failure, error, answer->head);
	answer_fail(answer, &failure);
}

const baton_http_cb listen_cb = {
	.size = sizeof(listen_cb),
	.on_head = on_head,
	.on_data = on_data,
	.on_end = on_end,
};
