/* SPDX-License-Identifier: Apache-2.0 */

/* The vendor's codes, types and phrases, and what each means. The body decides before the status:
 * 429 may be a rate or an empty account, 400 may be a long prompt, a refusal or a spend limit.
 *
 * Surprising: `code` may be a number (OpenRouter), `error` may be a string (Ollama), and vLLM puts
 * the fields of the error at the top. */
#include "failure.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { RETRY_MS_MAX = 3600 * 1000 };

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
	{ "payment_required", BATON_FAIL_QUOTA, "quota" },
	{ "invalid_api_key", BATON_FAIL_ACCESS, "access" },
	{ "authentication_error", BATON_FAIL_ACCESS, "access" },
	{ "invalid_authentication", BATON_FAIL_ACCESS, "access" },
	{ "permission_error", BATON_FAIL_ACCESS, "access" },
	{ "permission_denied", BATON_FAIL_ACCESS, "access" },
	{ "account_deactivated", BATON_FAIL_ACCESS, "access" },
	{ "access_terminated", BATON_FAIL_ACCESS, "access" },
	{ "unsupported_country_region_territory", BATON_FAIL_ACCESS, "access" },
	{ "model_not_found", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "model_not_available", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "model_deprecated", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "model_decommissioned", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "DeploymentNotFound", BATON_FAIL_MODEL_GONE, "model_gone" },
	{ "context_length_exceeded", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "context_window_exceeded", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "string_above_max_length", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "request_too_large", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "exceed_context_size_error", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "content_policy_violation", BATON_FAIL_REFUSED, "refused" },
	{ "content_filter", BATON_FAIL_REFUSED, "refused" },
	{ "moderation_blocked", BATON_FAIL_REFUSED, "refused" },
	{ "ResponsibleAIPolicyViolation", BATON_FAIL_REFUSED, "refused" },
	{ "overloaded", BATON_FAIL_UNAVAILABLE, "overloaded" },
	{ "overloaded_error", BATON_FAIL_UNAVAILABLE, "overloaded" },
	{ "engine_overloaded", BATON_FAIL_UNAVAILABLE, "overloaded" },
	{ "service_unavailable", BATON_FAIL_UNAVAILABLE, "overloaded" },
	{ "unavailable_error", BATON_FAIL_UNAVAILABLE, "overloaded" },
	{ "timeout", BATON_FAIL_TIMEOUT, "timeout" },
	{ "timeout_error", BATON_FAIL_TIMEOUT, "timeout" },
	{ "server_error", BATON_FAIL_UNAVAILABLE, "server" },
	{ "internal_error", BATON_FAIL_UNAVAILABLE, "server" },
	{ "internal_server_error", BATON_FAIL_UNAVAILABLE, "server" },
	{ "InternalServerError", BATON_FAIL_UNAVAILABLE, "server" },
	{ "api_error", BATON_FAIL_UNAVAILABLE, "server" },
};

/* Phrases of messages, for servers that give no usable code. Lower case. */
static const struct meaning phrases[] = {
	{ "maximum context length", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "context length exceeded", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "exceeds the context window", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "exceeds the available context size", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "prompt is too long", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ "exceeded your current quota", BATON_FAIL_QUOTA, "quota" },
	{ "usage limits", BATON_FAIL_QUOTA, "quota" },
	{ "spend limit", BATON_FAIL_QUOTA, "quota" },
	{ "spending limit", BATON_FAIL_QUOTA, "quota" },
	{ "credit balance", BATON_FAIL_QUOTA, "quota" },
	{ "insufficient credits", BATON_FAIL_QUOTA, "quota" },
	{ "content management policy", BATON_FAIL_REFUSED, "refused" },
	{ "content policy", BATON_FAIL_REFUSED, "refused" },
	{ "usage policies", BATON_FAIL_REFUSED, "refused" },
	{ "safety system", BATON_FAIL_REFUSED, "refused" },
	{ "overloaded", BATON_FAIL_UNAVAILABLE, "overloaded" },
};

static const struct meaning *meaning_of_status(uint32_t status, bool json)
{
	static const struct meaning quota = { "", BATON_FAIL_QUOTA, "quota" };
	static const struct meaning access = { "", BATON_FAIL_ACCESS, "access" };
	static const struct meaning gone = { "", BATON_FAIL_MODEL_GONE, "model_gone" };
	static const struct meaning timeout = { "", BATON_FAIL_TIMEOUT, "timeout" };
	static const struct meaning too_long = { "", BATON_FAIL_TOO_LONG, "context_too_long" };
	static const struct meaning rate = { "", BATON_FAIL_RATE_LIMITED, "rate_limited" };
	static const struct meaning overloaded = { "", BATON_FAIL_UNAVAILABLE, "overloaded" };
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
	for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].words, name) == 0)
			return &names[i];
	return NULL;
}

static const struct meaning *meaning_of_message(const char *message)
{
	for (size_t i = 0; message && i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (strcasestr(message, phrases[i].words))
			return &phrases[i];
	return NULL;
}

void failure_set(struct failure *failure, uint32_t fail, const char *code, const char *message)
{
	failure->fail = fail;
	failure->code = code;
	size_t n = 0;
	for (; message[n] && n < sizeof(failure->message) - 1; n++) /* ASCII: may be cut anywhere */
		failure->message[n] = isprint((unsigned char)message[n]) ? message[n] : '?';
	failure->message[n] = '\0';
}

struct vendor_error {
	const char *code, *type, *message;
	uint32_t status; /* where `code` is a number */
};

static struct vendor_error vendor_read(const json_t *root)
{
	const json_t *error = json_object_get(root, "error");
	struct vendor_error vendor = { 0 };

	if (json_is_string(error)) {
		vendor.message = json_string_value(error);
		return vendor;
	}
	const json_t *from = json_is_object(error) ? error : root;
	const json_t *code = json_object_get(from, "code");
	vendor.code = json_string_value(code);
	vendor.type = json_string_value(json_object_get(from, "type"));
	vendor.message = json_string_value(json_object_get(from, "message"));
	json_int_t number = json_is_integer(code) ? json_integer_value(code) : 0;
	if (vendor.code && isdigit((unsigned char)vendor.code[0]))
		number = strtol(vendor.code, NULL, 10);
	vendor.status = number >= 400 && number <= 599 ? (uint32_t)number : 0;
	return vendor;
}

static void vendor_judge(struct failure *failure, const struct vendor_error *vendor, bool json)
{
	uint32_t status =
		failure->status >= 300 || !vendor->status ? failure->status : vendor->status;
	const struct meaning *meaning = meaning_of_name(vendor->code);
	meaning = meaning ? meaning : meaning_of_name(vendor->type);
	/* "server_error" under a 503 is the vendor's catch-all: the status says more. */
	if (meaning && strcmp(meaning->code, "server") == 0 && status >= 500)
		meaning = NULL;
	/* A phrase may refine a mere rate or nothing, never contradict a code. */
	if (!meaning || meaning->fail == BATON_FAIL_RATE_LIMITED) {
		const struct meaning *phrase = meaning_of_message(vendor->message);
		meaning = phrase ? phrase : meaning;
	}
	meaning = meaning ? meaning : meaning_of_status(status, json);

	char words[FAILURE_MESSAGE];
	int n = snprintf(words, sizeof(words), "status %u, code %s, type %s: %s", failure->status,
			 vendor->code ? vendor->code : "-", vendor->type ? vendor->type : "-",
			 vendor->message ? vendor->message : (json ? "no message" : "no JSON"));
	failure_set(failure, meaning->fail, meaning->code, n < 0 ? "" : words);
}

void failure_from_body(struct failure *failure, uint32_t status, baton_str body)
{
	json_t *root = body.n ? json_loadb(body.p, body.n, 0, NULL) : NULL;
	if (json_is_array(root)) { /* Google wraps it in an array */
		json_t *inner = json_incref(json_array_get(root, 0));
		json_decref(root);
		root = inner;
	}
	struct vendor_error vendor = vendor_read(root);
	failure->status = status;
	vendor_judge(failure, &vendor, json_is_object(root));
	json_decref(root);
}

void failure_from_http(struct failure *failure, const baton_error *error, bool head)
{
	char words[FAILURE_MESSAGE];
	int n = snprintf(words, sizeof(words), "%.*s: %.*s", (int)error->code.n, error->code.p,
			 (int)error->message.n, error->message.p);
	const char *message = n < 0 ? "" : words;
	bool cut = error->code.n == 3 && memcmp(error->code.p, "cut", 3) == 0;

	if (cut && head)
		failure_set(failure, BATON_FAIL_BAD_OUTPUT, "truncated", message);
	else if (cut || error->fail == BATON_FAIL_UNAVAILABLE)
		failure_set(failure, BATON_FAIL_UNAVAILABLE, "connect", message);
	else if (error->fail == BATON_FAIL_TIMEOUT)
		failure_set(failure, BATON_FAIL_TIMEOUT, "timeout", message);
	else if (error->fail == BATON_FAIL_ACCESS)
		failure_set(failure, BATON_FAIL_ACCESS, "access", message);
	else if (error->fail == BATON_FAIL_CANCELLED)
		failure_set(failure, BATON_FAIL_CANCELLED, "cancelled", message);
	else
		failure_set(failure, BATON_FAIL_BAD_OUTPUT, "protocol", message);
}

/* --- hints --- */

static bool header_is(baton_str header, const char *name, baton_str *ret_value)
{
	size_t n = strlen(name);
	if (header.n <= n || header.p[n] != ':' || strncasecmp(header.p, name, n) != 0)
		return false;
	n++;
	while (n < header.n && (header.p[n] == ' ' || header.p[n] == '\t'))
		n++;
	*ret_value = (baton_str){ header.p + n, header.n - n };
	return true;
}

static uint32_t bounded(double ms)
{
	if (!(ms > 0)) /* negative, zero, not a number */
		return 0;
	return ms < RETRY_MS_MAX ? (uint32_t)ms : RETRY_MS_MAX;
}

/* "Wed, 21 Oct 2015 07:28:00 GMT", without strptime, whose month names follow the locale. */
static bool date_read(const char *text, uint64_t *ret_unix_s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char month[4];
	int used = 0;
	struct tm tm = { 0 };

	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month,
		   &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6 ||
	    used == 0 || text[used] != '\0')
		return false;
	const char *at = strstr(months, month);
	if (!at || (at - months) % 3 != 0)
		return false;
	tm.tm_mon = (int)(at - months) / 3;
	tm.tm_year -= 1900;
	time_t when = timegm(&tm);
	*ret_unix_s = when > 0 ? (uint64_t)when : 0;
	return when > 0;
}

static uint32_t hint_read(baton_str value, double unit_ms, uint64_t unix_ms)
{
	char text[48];
	uint64_t when;
	if (value.n == 0 || value.n >= sizeof(text))
		return 0;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	if (isalpha((unsigned char)text[0])) {
		if (!date_read(text, &when) || when <= unix_ms / 1000)
			return 0;
		return bounded((double)(when * 1000 - unix_ms));
	}
	char *end;
	double number = strtod(text, &end);
	return *end == '\0' && strspn(text, "0123456789.") == value.n ? bounded(number * unit_ms)
								      : 0;
}

uint32_t failure_retry_after(const baton_str *headers, uint32_t n, uint64_t unix_ms)
{
	uint32_t coarse = 0;
	for (uint32_t i = 0; i < n; i++) {
		baton_str value;
		if (header_is(headers[i], "retry-after-ms", &value)) {
			uint32_t fine = hint_read(value, 1, unix_ms);
			if (fine)
				return fine;
		} else if (header_is(headers[i], "retry-after", &value)) {
			coarse = hint_read(value, 1000, unix_ms);
		}
	}
	return coarse;
}
