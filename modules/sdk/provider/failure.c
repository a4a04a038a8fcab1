/* SPDX-License-Identifier: Apache-2.0 */

/* The vendors' codes, types and phrases, and what each means. The body decides before the status:
 * 429 may be a rate or an empty account, 400 may be a long prompt, a refusal or a spend limit.
 *
 * Surprising: `code` may be a number (OpenRouter), `error` may be a string (Ollama) or stand in an
 * array (Google), vLLM puts the fields of the error at the top, and Anthropic calls a spend limit a
 * rate limit unless one reads error.details.error_code.
 */
#include "modules/sdk/provider/failure.h"

#include "modules/sdk/provider/hint.h"
#include "modules/sdk/provider/scan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

struct meaning {
	const char *words;
	uint32_t fail;
	const char *code;
};

/* `error.code` and `error.type`, compared whole. */
static const struct meaning names[] = {
	{ "rate_limit_exceeded", BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ "rate_limit_error", BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ "rate_limit_reached", BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ "too_many_requests", BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ "slow_down", BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ "RESOURCE_EXHAUSTED", BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ "requests", BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ "tokens", BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ "insufficient_quota", BATON_FAIL_QUOTA, "quota" },
	{ "quota_exceeded", BATON_FAIL_QUOTA, "quota" },
	{ "insufficient_credits", BATON_FAIL_QUOTA, "quota" },
	{ "insufficient_balance", BATON_FAIL_QUOTA, "quota" },
	{ "billing_hard_limit_reached", BATON_FAIL_QUOTA, "quota" },
	{ "billing_not_active", BATON_FAIL_QUOTA, "quota" },
	{ "billing_error", BATON_FAIL_QUOTA, "quota" },
	{ "spend_limit_exceeded", BATON_FAIL_QUOTA, "quota" },
	{ "enforced_spend_limit_reached", BATON_FAIL_QUOTA, "quota" },
	{ "organization_spend_limit_exceeded", BATON_FAIL_QUOTA, "quota" },
	{ "project_spend_limit_exceeded", BATON_FAIL_QUOTA, "quota" },
	{ "organization_usage_limit_exceeded", BATON_FAIL_QUOTA, "quota" },
	{ "credit_balance_exhausted", BATON_FAIL_QUOTA, "quota" },
	{ "payment_required", BATON_FAIL_QUOTA, "quota" },
	{ "invalid_api_key", BATON_FAIL_ACCESS, "access" },
	{ "authentication_error", BATON_FAIL_ACCESS, "access" },
	{ "invalid_authentication", BATON_FAIL_ACCESS, "access" },
	{ "permission_error", BATON_FAIL_ACCESS, "access" },
	{ "permission_denied", BATON_FAIL_ACCESS, "access" },
	{ "PERMISSION_DENIED", BATON_FAIL_ACCESS, "access" },
	{ "UNAUTHENTICATED", BATON_FAIL_ACCESS, "access" },
	{ "account_deactivated", BATON_FAIL_ACCESS, "access" },
	{ "access_terminated", BATON_FAIL_ACCESS, "access" },
	{ "unsupported_country_region_territory", BATON_FAIL_ACCESS, "access" },
	{ "model_not_found", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "model_not_available", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "model_deprecated", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "model_decommissioned", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "DeploymentNotFound", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "not_found_error", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "NotFoundError", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "context_length_exceeded", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "context_window_exceeded", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "string_above_max_length", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "request_too_large", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "exceed_context_size_error", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "content_policy_violation", BATON_FAIL_REFUSED, "refused" },
	{ "content_filter", BATON_FAIL_REFUSED, "refused" },
	{ "image_content_policy_violation", BATON_FAIL_REFUSED, "refused" },
	{ "moderation_blocked", BATON_FAIL_REFUSED, "refused" },
	{ "ResponsibleAIPolicyViolation", BATON_FAIL_REFUSED, "refused" },
	{ "overloaded", BATON_FAIL_OVERLOADED, "overloaded" },
	{ "server_is_overloaded", BATON_FAIL_OVERLOADED, "overloaded" },
	{ "service_unavailable_error", BATON_FAIL_OVERLOADED, "overloaded" },
	{ "UNAVAILABLE", BATON_FAIL_OVERLOADED, "overloaded" },
	{ "overloaded_error", BATON_FAIL_OVERLOADED, "overloaded" },
	{ "engine_overloaded", BATON_FAIL_OVERLOADED, "overloaded" },
	{ "service_unavailable", BATON_FAIL_OVERLOADED, "overloaded" },
	{ "unavailable_error", BATON_FAIL_OVERLOADED, "overloaded" },
	{ "timeout", BATON_FAIL_TIMEOUT, "timeout" },
	{ "timeout_error", BATON_FAIL_TIMEOUT, "timeout" },
	{ "server_error", BATON_FAIL_UNAVAILABLE, "server" },
	{ "internal_error", BATON_FAIL_UNAVAILABLE, "server" },
	{ "internal_server_error", BATON_FAIL_UNAVAILABLE, "server" },
	{ "InternalServerError", BATON_FAIL_UNAVAILABLE, "server" },
	{ "api_error", BATON_FAIL_UNAVAILABLE, "server" },
	{ "INTERNAL", BATON_FAIL_UNAVAILABLE, "server" },
	{ "assistant_prefill_not_supported", BATON_FAIL_BAD_REQUEST, "prefill_refused" },
	{ "invalid_request_error", BATON_FAIL_BAD_REQUEST, "bad_request" },
	{ "invalid_prompt", BATON_FAIL_BAD_REQUEST, "bad_request" },
	{ "BadRequestError", BATON_FAIL_BAD_REQUEST, "bad_request" },
	{ "INVALID_ARGUMENT", BATON_FAIL_BAD_REQUEST, "bad_request" },
};

/* Phrases of messages, for servers that give no usable code. Lower case. */
static const struct meaning phrases[] = {
	{ "maximum context length", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "context length exceeded", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "exceeds the context window", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "exceeds the available context size", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "prompt is too long", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "exceeded your current quota", BATON_FAIL_QUOTA, "quota" },
	{ "usage limit", BATON_FAIL_QUOTA, "quota" },
	{ "spend limit", BATON_FAIL_QUOTA, "quota" },
	{ "spending limit", BATON_FAIL_QUOTA, "quota" },
	{ "credit balance", BATON_FAIL_QUOTA, "quota" },
	{ "insufficient credits", BATON_FAIL_QUOTA, "quota" },
	{ "content management policy", BATON_FAIL_REFUSED, "refused" },
	{ "content filtering policy", BATON_FAIL_REFUSED, "refused" },
	{ "content policy", BATON_FAIL_REFUSED, "refused" },
	{ "usage policies", BATON_FAIL_REFUSED, "refused" },
	{ "safety system", BATON_FAIL_REFUSED, "refused" },
	{ "usage policy", BATON_FAIL_REFUSED, "refused" },
	{ "not found, try pulling it first", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "prefill", BATON_FAIL_BAD_REQUEST, "prefill_refused" },
	{ "must end with a user message", BATON_FAIL_BAD_REQUEST, "prefill_refused" },
	{ "server busy", BATON_FAIL_OVERLOADED, "overloaded" },
	{ "overloaded", BATON_FAIL_OVERLOADED, "overloaded" },
};

static const struct meaning *meaning_of_status(uint32_t status, bool json)
{
	static const struct meaning quota = { "", BATON_FAIL_QUOTA, "quota" };
	static const struct meaning access = { "", BATON_FAIL_ACCESS, "access" };
	static const struct meaning gone = { "", BATON_FAIL_MODEL_GONE, "model_gone" };
	static const struct meaning timeout = { "", BATON_FAIL_TIMEOUT, "timeout" };
	static const struct meaning too_long = { "", BATON_FAIL_TOO_LONG, "context_too_long" };
	static const struct meaning rate = { "", BATON_FAIL_RATE_LIMITED, "rate_limited" };
	static const struct meaning overloaded = { "", BATON_FAIL_OVERLOADED, "overloaded" };
	static const struct meaning server = { "", BATON_FAIL_UNAVAILABLE, "server" };
	static const struct meaning inband = { "", BATON_FAIL_UNAVAILABLE, "inband" };
	static const struct meaning protocol = { "", BATON_FAIL_BAD_OUTPUT, "protocol" };
	static const struct meaning bad = { "", BATON_FAIL_BAD_REQUEST, "bad_request" };

	switch (status) {
	case 401:
	case 403:
	case 451:
		return &access;
	case 402:
		return &quota;
	case 404:
	case 410:
		return json ? &gone : &protocol; /* a page says nothing about the model */
	case 408:
		return &timeout;
	case 413:
		return &too_long;
	case 429:
		return &rate;
	case 503:
	case 529:
		return &overloaded;
	default:
		break;
	}
	if (status >= 500 && status <= 599)
		return &server;
	if (status >= 400)
		return &bad;
	return status < 300 ? &inband : &protocol; /* redirects lead nowhere */
}

static const struct meaning *meaning_of_name(const char *name)
{
	for (size_t i = 0; name[0] && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].words, name) == 0)
			return &names[i];
	return NULL;
}

static const struct meaning *meaning_of_message(const char *message)
{
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (strcasestr(message, phrases[i].words))
			return &phrases[i];
	return NULL;
}

/* What the failure says something about: see "What a failure means" in docs/PROVIDERS.md. */
static uint32_t scope_of(uint32_t fail)
{
	switch (fail) {
	case BATON_FAIL_RATE_LIMITED:
	case BATON_FAIL_MODEL_GONE:
	case BATON_FAIL_EMPTY:
		return BATON_SCOPE_MODEL;
	case BATON_FAIL_QUOTA:
	case BATON_FAIL_ACCESS:
		return BATON_SCOPE_ACCOUNT;
	case BATON_FAIL_REFUSED:
	case BATON_FAIL_TOO_LONG:
	case BATON_FAIL_BAD_REQUEST:
	case BATON_FAIL_CANCELLED:
		return BATON_SCOPE_REQUEST;
	default: /* the ABI's numbers, not our enum: servers and lines that failed */
		return BATON_SCOPE_PROVIDER;
	}
}

void failure_set(struct failure *failure, uint32_t fail, const char *code, const char *message)
{
	failure->fail = fail;
	failure->scope = scope_of(fail);
	failure->code = code;
	size_t n = 0;
	for (; message[n] && n < sizeof(failure->message) - 1; n++) /* ASCII: may be cut anywhere */
		failure->message[n] = isprint((unsigned char)message[n]) ? message[n] : '?';
	failure->message[n] = '\0';
}

/* --- the body --- */

enum { NAME = 64, MESSAGE = 512 };

struct vendor {
	char code[NAME], type[NAME], status_name[NAME], detail[NAME], message[MESSAGE];
	uint32_t status; /* where `code` is a number */
	bool json;
};

static void code_read(struct scan *scan, struct vendor *vendor)
{
	char digits[8];
	baton_str raw = scan_raw(scan);

	if (raw.n >= 2 && raw.p[0] == '"')
		raw = (baton_str){ raw.p + 1, raw.n - 2 };
	else if (raw.n == 0 || raw.p[0] < '0' || raw.p[0] > '9')
		return;
	scan_copy(raw, vendor->code, sizeof(vendor->code));
	snprintf(digits, sizeof(digits), "%.3s", vendor->code);
	unsigned long number = strlen(vendor->code) == 3 ? strtoul(digits, NULL, 10) : 0;
	vendor->status = number >= 400 && number <= 599 ? (uint32_t)number : 0;
}

static void inside_copy(struct scan *scan, char *to, size_t cap)
{
	baton_str inside;
	if (scan_text(scan, &inside))
		scan_copy(inside, to, cap);
}

/* `details` of Anthropic, `innererror` of Azure: one level down, a name that says more. */
static void detail_read(struct scan *scan, struct vendor *vendor)
{
	bool begun = false;
	baton_str key;

	while (scan_member(scan, &begun, &key)) {
		if (scan_is(key, "error_code") || scan_is(key, "code"))
			inside_copy(scan, vendor->detail, sizeof(vendor->detail));
		else
			scan_skip(scan);
	}
}

static void fields_read(struct scan *scan, struct vendor *vendor, baton_str *ret_error)
{
	bool begun = false;
	baton_str key;

	while (scan_member(scan, &begun, &key)) {
		if (ret_error && scan_is(key, "error"))
			*ret_error = scan_raw(scan);
		else if (scan_is(key, "code"))
			code_read(scan, vendor);
		else if (scan_is(key, "type"))
			inside_copy(scan, vendor->type, sizeof(vendor->type));
		else if (scan_is(key, "status"))
			inside_copy(scan, vendor->status_name, sizeof(vendor->status_name));
		else if (scan_is(key, "message") || scan_is(key, "detail"))
			inside_copy(scan, vendor->message, sizeof(vendor->message));
		else if (scan_is(key, "details") || scan_is(key, "innererror"))
			detail_read(scan, vendor);
		else
			scan_skip(scan);
	}
}

/* The error is what `error` holds, or else the object itself. */
static void vendor_read(struct vendor *vendor, baton_str body)
{
	struct scan scan = scan_of(body);
	baton_str error = { NULL, 0 };

	*vendor = (struct vendor){ 0 };
	if (!body.n || !scan_utf8_ok(body))
		return;
	bool wrapped = scan_take(&scan, '[');
	vendor->json = scan_peek(&scan) == '{';
	fields_read(&scan, vendor, &error);
	if (wrapped)
		scan_expect(&scan, ']');
	vendor->json = vendor->json && scan_ended(&scan);
	if (!vendor->json) {
		*vendor = (struct vendor){ 0 };
		return;
	}
	struct scan inner = scan_of(error);
	if (error.n && error.p[0] == '{') {
		*vendor = (struct vendor){ .json = true };
		fields_read(&inner, vendor, NULL);
	} else if (error.n && error.p[0] == '"') {
		inside_copy(&inner, vendor->message, sizeof(vendor->message));
	}
}

static const struct meaning *meaning_of_names(const struct vendor *vendor)
{
	const char *const said[] = { vendor->detail, vendor->code, vendor->type,
				     vendor->status_name };
	const struct meaning *meaning = NULL;

	for (size_t i = 0; !meaning && i < sizeof(said) / sizeof(said[0]); i++)
		meaning = meaning_of_name(said[i]);
	return meaning;
}

static const struct meaning *vendor_judge(const struct vendor *vendor, uint32_t status)
{
	const struct meaning *meaning = meaning_of_names(vendor);
	status = status >= 300 || !vendor->status ? status : vendor->status;

	/* "server_error" under a 503, "invalid_request_error" under a 404: names for whatever has
	 * no other, where the status says more. */
	if (meaning && strcmp(meaning->code, "server") == 0 && status >= 500)
		meaning = NULL;
	if (meaning && strcmp(meaning->code, "bad_request") == 0 && status > 400)
		meaning = NULL;
	/* A phrase may refine a mere rate, a mere refusal to work, or nothing; never contradict a
	 * code. */
	if (!meaning || meaning->fail == BATON_FAIL_RATE_LIMITED ||
	    meaning->fail == BATON_FAIL_BAD_REQUEST) {
		const struct meaning *phrase = meaning_of_message(vendor->message);
		meaning = phrase ? phrase : meaning;
	}
	return meaning ? meaning : meaning_of_status(status, vendor->json);
}

static void until_set(struct failure *failure, const struct vendor *vendor, uint64_t unix_ms)
{
	if (failure->fail != BATON_FAIL_QUOTA)
		return;
	failure->until_unix_ms = hint_of_day(vendor->message);
	if (!failure->until_unix_ms && strcmp(vendor->detail, "enforced_spend_limit_reached") == 0)
		failure->until_unix_ms = hint_next_month(unix_ms);
	if (!failure->until_unix_ms && failure->retry_after_ms)
		failure->until_unix_ms = unix_ms + failure->retry_after_ms;
}

void failure_from_body(struct failure *failure, uint32_t status, baton_str body, uint64_t unix_ms)
{
	struct vendor vendor;
	char words[FAILURE_MESSAGE];

	vendor_read(&vendor, body);
	const struct meaning *meaning = vendor_judge(&vendor, status);
	const char *message = vendor.message[0] ? vendor.message
			      : vendor.json     ? "no message"
						: "no JSON";
	int n = snprintf(words, sizeof(words), "status %u, code %s, type %s: %.*s", status,
			 vendor.detail[0] ? vendor.detail
			 : vendor.code[0] ? vendor.code
					  : "-",
			 vendor.type[0] ? vendor.type : "-", FAILURE_MESSAGE, message);
	failure_set(failure, meaning->fail, meaning->code, n < 0 ? "" : words);
	failure->status = status;
	if (!failure->retry_after_ms)
		failure->retry_after_ms = hint_of_words(vendor.message);
	until_set(failure, &vendor, unix_ms);
}

/* --- the connection --- */

void failure_from_http(struct failure *failure, const baton_error *error, bool head)
{
	/* The codes of the host's HTTP client; `cut` depends on how far it came. */
	static const struct meaning codes[] = {
		{ "connect", BATON_FAIL_CONNECT, "connect" },
		{ "dns", BATON_FAIL_CONNECT, "connect" },
		{ "tls", BATON_FAIL_CONNECT, "connect" },
		{ "timeout_connect", BATON_FAIL_CONNECT, "connect" },
		{ "timeout_first_byte", BATON_FAIL_FIRST_TOKEN, "first_token" },
		{ "timeout_idle", BATON_FAIL_STALL, "stall" },
		{ "timeout_total", BATON_FAIL_TOTAL, "total" },
		{ "denied", BATON_FAIL_ACCESS, "access" },
		{ "cancelled", BATON_FAIL_CANCELLED, "cancelled" },
	};
	char words[FAILURE_MESSAGE];
	int n = snprintf(words, sizeof(words), "%.*s: %.*s", (int)error->code.n, error->code.p,
			 (int)error->message.n, error->message.p);
	const char *message = n < 0 ? "" : words;

	if (scan_is(error->code, "cut")) {
		failure_set(failure, head ? BATON_FAIL_TRUNCATED : BATON_FAIL_CONNECT,
			    head ? "truncated" : "connect", message);
		return;
	}
	failure_set(failure, BATON_FAIL_BAD_OUTPUT, "protocol", message);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (scan_is(error->code, codes[i].words))
			failure_set(failure, codes[i].fail, codes[i].code, message);
	if (scan_is(error->code,
		    "denied")) /* our own list forbids the address, not their account */
		failure->scope = BATON_SCOPE_PROVIDER;
}
