/* SPDX-License-Identifier: Apache-2.0 */

#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RETRY_AFTER_S_MAX = 3600 };

void verdict_begin(struct verdict *verdict)
{
	verdict->status = verdict->retry_after_ms = 0;
	verdict->n_said = 0;
}

/* Seconds only. A date, the other form, is answered with our own pause. */
static uint32_t retry_after(baton_str header)
{
	static const char name[] = "retry-after:";
	uint32_t seconds = 0;
	size_t at = sizeof(name) - 1;

	if (header.n <= at || strncasecmp(header.p, name, at) != 0)
		return 0;
	while (at < header.n && header.p[at] == ' ')
		at++;
	for (; at < header.n && header.p[at] >= '0' && header.p[at] <= '9'; at++) {
		seconds = seconds * 10 + (uint32_t)(header.p[at] - '0');
		if (seconds > RETRY_AFTER_S_MAX)
			return RETRY_AFTER_S_MAX * 1000;
	}
	return at == header.n ? seconds * 1000 : 0;
}

void verdict_head(struct verdict *verdict, uint32_t status, const baton_str *headers, uint32_t n)
{
	verdict->status = status;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t ms = retry_after(headers[i]);

		verdict->retry_after_ms = ms ? ms : verdict->retry_after_ms;
	}
}

/* Only what can be printed: it goes into a log. */
void verdict_data(struct verdict *verdict, baton_str data)
{
	for (size_t i = 0; i < data.n && verdict->n_said < VERDICT_SAID_BYTES; i++) {
		char c = data.p[i];

		verdict->said[verdict->n_said++] = c >= 0x20 && c < 0x7f ? c : ' ';
	}
}

static enum verdict_kind kind_of(uint32_t status)
{
	if (status >= 200 && status < 300)
		return VERDICT_ACCEPTED;
	if (status == 413)
		return VERDICT_SMALLER;
	if (status == 408 || status == 425 || status == 429 || status >= 500)
		return VERDICT_AGAIN;
	return VERDICT_PARKED;
}

static uint32_t fail_of(uint32_t status)
{
	switch (status) {
	case 401:
	case 403:
		return BATON_FAIL_ACCESS;
	case 429:
		return BATON_FAIL_RATE_LIMITED;
	case 503:
		return BATON_FAIL_OVERLOADED;
	case 408:
		return BATON_FAIL_TIMEOUT;
	default:
		return status >= 500 ? BATON_FAIL_UNAVAILABLE : BATON_FAIL_BAD_REQUEST;
	}
}

static const char *advice_of(uint32_t status)
{
	if (status >= 300 && status < 400)
		return ": a redirect, which is not followed; configure the new address";
	if (status == 401 || status == 403)
		return ": it does not accept the signature or the headers";
	if (status == 404)
		return ": nothing is at this address";
	if (status == 410)
		return ": it says that it is gone for good";
	if (status == 413)
		return ": a single event is too large for it";
	return "";
}

enum verdict_kind verdict_of(struct verdict *v, const baton_error *end, baton_error *ret_error)
{
	enum verdict_kind kind = v->status ? kind_of(v->status) : VERDICT_AGAIN;
	bool cut = end && kind == VERDICT_ACCEPTED;

	if (kind == VERDICT_ACCEPTED && !end)
		return kind;
	*ret_error = (baton_error){ .size = sizeof(*ret_error),
				    .fail = v->status ? fail_of(v->status) : end->fail,
				    .http_status = v->status,
				    .retry_after_ms = v->retry_after_ms };
	if (cut) {
		/* A promise that was cut short is none: the same letter goes out again. */
		kind = VERDICT_AGAIN;
		ret_error->fail = end->fail;
	}
	if (kind == VERDICT_PARKED || kind == VERDICT_SMALLER)
		ret_error->flags = BATON_ERROR_NOT_AGAIN;
	v->said[v->n_said] = 0;
	int n = v->status && !cut
			? snprintf(v->text, sizeof(v->text), "the receiver answered %u%s%s%s",
				   v->status, advice_of(v->status), v->n_said ? ": " : "", v->said)
			: snprintf(v->text, sizeof(v->text), "%s%.*s",
				   cut ? "the answer was not whole: " : "",
				   (int)(end->message.n < 400 ? end->message.n : 400),
				   end->message.p ? end->message.p : "");
	ret_error->message =
		(baton_str){ v->text,
			     (size_t)n < sizeof(v->text) ? (size_t)n : sizeof(v->text) - 1 };
	return kind;
}
