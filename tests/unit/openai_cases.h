/* SPDX-License-Identifier: Apache-2.0 */

/* Answers of real endpoints, healthy and broken, and what each of them means. */
#pragma once

#include <baton/module.h>

#define CHUNK(inside)                                                                                    \
	"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\"," inside \
	"}\n\n"
#define ROLE \
	CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]")
#define SAY(text)                                                        \
	CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text \
	      "\"},\"logprobs\":null,\"finish_reason\":null}]")
#define FINISH(reason) \
	CHUNK("\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]")
#define USAGE \
	CHUNK("\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":4}}")
#define DONE "data: [DONE]\n\n"

static const struct recorded recorded[] = {
	{ ROLE SAY("Your order") SAY(" left\\nour \\\"depot\\\".") FINISH("stop") USAGE DONE,
	  "Your order left\nour \"depot\".", BATON_END_STOP, 9, 4, 3 },
	/* Azure: an empty first chunk; comments; CRLF */
	{ ": ping\r\n\r\n" CHUNK(
		  "\"choices\":[],\"prompt_filter_results\":[{\"a\":[1,2.5e3,true]}]")
		  ROLE SAY("Hi") FINISH("length") USAGE DONE,
	  "Hi", BATON_END_LENGTH, 9, 4, 3 },
	/* no usage: estimated */
	{ SAY("12345678") FINISH("stop") DONE, "12345678", BATON_END_STOP, 0, 0, 2 },
	/* no [DONE], no role, finish in the last text chunk, usage in it too */
	{ SAY("A") CHUNK(
		  "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"B\"},\"finish_reason\":\"stop\"}],"
		  "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}"),
	  "AB", BATON_END_STOP, 1, 0, 2 },
	/* [DONE] is a finish mark, too */
	{ SAY("A") DONE, "A", BATON_END_STOP, 0, 0, 1 },
	/* characters: raw, escaped, a pair, a pair whose halves come in two chunks */
	{ SAY("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \\u00e9\\u20ac \\ud83d\\ude00") SAY(" \\ud83d")
		  SAY("\\ude00 end") FINISH("stop") DONE,
	  "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \xc3\xa9\xe2\x82\xac \xf0\x9f\x98\x80 \xf0\x9f\x98\x80 end",
	  BATON_END_STOP, 0, 0, 9 },
	/* one chunk that is not JSON is skipped, and again after a good one */
	{ SAY("A") "data: {\"id\": oops\n\n" SAY("B") "data: oops\n\ndata: oops\n\n" SAY("C")
		  FINISH("stop") DONE,
	  "ABC", BATON_END_STOP, 0, 0, 1 },
	/* filtered after some text */
	{ SAY("A") FINISH("content_filter") DONE, "A", BATON_END_FILTERED, 0, 0, 1 },
	/* text in parts, between thoughts; a reason with its own reason */
	{ CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\","
		"\"text\":\"no\"}]},{\"type\":\"text\",\"text\":\"A\"},{\"type\":\"text\",\"text\":\"B\"}]}}]") SAY("C")
		  FINISH("content_filter: PROHIBITED_CONTENT") DONE,
	  "ABC", BATON_END_FILTERED, 0, 0, 1 },
	{ SAY("A") FINISH("STOP") USAGE DONE, "A", BATON_END_STOP, 9, 4, 3 },
	/* refused after some words */
	{ SAY("A") CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"I cannot\"}}]") FINISH("stop")
		  DONE,
	  "A", BATON_END_FILTERED, 0, 0, 1 },
	/* a usage that counts other things */
	{ SAY("12345678") FINISH("stop") CHUNK("\"choices\":[],\"usage\":{\"seconds\":3}") DONE, "12345678",
	  BATON_END_STOP, 0, 0, 2 },
	/* unusual but good: other choices, unknown fields, deep values, spaces */
	{ "data:  { \"choices\" : [ { \"delta\" : { \"content\" : \"A\" , \"x\" : {\"y\":[[],{}]} } , \"index\" : 0 } ] } \n\n" CHUNK(
		  "\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}},{\"index\":0,\"delta\":{\"content\":\"B\"}}]")
		  CHUNK("\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}}]") CHUNK(
			  "\"choices\":[{\"delta\":{\"\\u0063ontent\":\"C\"}}],\"error\":null,\"usage\":null")
			  FINISH("stop") DONE,
	  "ABC", BATON_END_STOP, 0, 0, 1 },
};

#define ERR(code, type, message)                                   \
	"{\"error\":{\"message\":\"" message "\",\"type\":\"" type \
	"\",\"param\":null,\"code\":" code "}}"

static const struct {
	uint32_t status;
	const char *body;
	uint32_t fail;
	const char *code;
} bodies[] = {
	{ 429, ERR("\"rate_limit_exceeded\"", "requests", "Rate limit reached for requests"),
	  BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ 429, ERR("null", "tokens", "Rate limit reached on tokens per min"),
	  BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ 429, "", BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ 429, "Too Many Requests", BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ 429, "{\"message\":\"slow down\"}", BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ 429,
	  ERR("\"insufficient_quota\"", "insufficient_quota", "You exceeded your current quota"),
	  BATON_FAIL_QUOTA, "quota" },
	{ 429, ERR("null", "insufficient_quota", ""), BATON_FAIL_QUOTA, "quota" },
	{ 429, ERR("null", "requests", "You exceeded your current quota, please check your plan"),
	  BATON_FAIL_QUOTA, "quota" },
	{ 429, ERR("\"billing_hard_limit_reached\"", "", ""), BATON_FAIL_QUOTA, "quota" },
	{ 400, ERR("\"billing_hard_limit_reached\"", "invalid_request_error", ""), BATON_FAIL_QUOTA,
	  "quota" },
	{ 400,
	  ERR("null", "invalid_request_error", "You have reached your specified API usage limits."),
	  BATON_FAIL_QUOTA, "quota" },
	{ 400, ERR("null", "invalid_request_error", "Your credit balance is too low"),
	  BATON_FAIL_QUOTA, "quota" },
	{ 402, "{\"error\":{\"message\":\"Insufficient Balance\"}}", BATON_FAIL_QUOTA, "quota" },
	{ 402, "", BATON_FAIL_QUOTA, "quota" },
	{ 403, ERR("\"insufficient_quota\"", "", ""), BATON_FAIL_QUOTA, "quota" },
	{ 400,
	  ERR("\"context_length_exceeded\"", "invalid_request_error",
	      "This model's maximum context length is 8192 tokens"),
	  BATON_FAIL_TOO_LONG, "context_too_long" },
	{ 400,
	  "{\"object\":\"error\",\"message\":\"This model's maximum context length is 4096 tokens\",\"type\":\"BadRequestError\",\"code\":400}",
	  BATON_FAIL_TOO_LONG, "context_too_long" },
	{ 400,
	  "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context size\",\"type\":\"exceed_context_size_error\"}}",
	  BATON_FAIL_TOO_LONG, "context_too_long" },
	{ 413, "", BATON_FAIL_TOO_LONG, "context_too_long" },
	{ 400,
	  ERR("\"content_policy_violation\"", "invalid_request_error", "Your request was rejected"),
	  BATON_FAIL_REFUSED, "refused" },
	{ 400,
	  ERR("\"content_filter\"", "",
	      "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."),
	  BATON_FAIL_REFUSED, "refused" },
	{ 400,
	  ERR("null", "invalid_request_error", "Your request was rejected by our safety system"),
	  BATON_FAIL_REFUSED, "refused" },
	{ 401,
	  ERR("\"invalid_api_key\"", "invalid_request_error", "Incorrect API key provided: sk-..."),
	  BATON_FAIL_ACCESS, "access" },
	{ 401, "<html>login</html>", BATON_FAIL_ACCESS, "access" },
	{ 403,
	  ERR("\"unsupported_country_region_territory\"", "request_forbidden",
	      "Country not supported"),
	  BATON_FAIL_ACCESS, "access" },
	{ 403, "", BATON_FAIL_ACCESS, "access" },
	{ 404, ERR("\"model_not_found\"", "invalid_request_error", "The model does not exist"),
	  BATON_FAIL_MODEL_GONE, "model_gone" },
	{ 404, "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":\"gone\"}}",
	  BATON_FAIL_MODEL_GONE, "model_gone" },
	{ 404, "{\"error\":\"model 'x' not found, try pulling it first\"}", BATON_FAIL_MODEL_GONE,
	  "model_gone" },
	{ 404, "<html>404</html>", BATON_FAIL_BAD_OUTPUT, "protocol" },
	{ 410, ERR("\"model_deprecated\"", "", ""), BATON_FAIL_MODEL_GONE, "model_gone" },
	{ 408, "", BATON_FAIL_TIMEOUT, "timeout" },
	{ 500, ERR("null", "server_error", "The server had an error"), BATON_FAIL_UNAVAILABLE,
	  "server" },
	{ 500, "", BATON_FAIL_UNAVAILABLE, "server" },
	{ 502, "<html>Bad Gateway</html>", BATON_FAIL_UNAVAILABLE, "server" },
	{ 503, ERR("\"overloaded\"", "server_error", ""), BATON_FAIL_OVERLOADED, "overloaded" },
	{ 503, ERR("null", "server_error", "That model is currently overloaded"),
	  BATON_FAIL_OVERLOADED, "overloaded" },
	{ 503,
	  "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}",
	  BATON_FAIL_OVERLOADED, "overloaded" },
	{ 529,
	  "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
	  BATON_FAIL_OVERLOADED, "overloaded" },
	{ 529, "", BATON_FAIL_OVERLOADED, "overloaded" },
	{ 400, ERR("\"assistant_prefill_not_supported\"", "invalid_request_error", ""),
	  BATON_FAIL_BAD_REQUEST, "prefill_refused" },
	{ 400, "{\"error\":{\"message\":[1]}}", BATON_FAIL_BAD_REQUEST, "bad_request" },
	{ 400,
	  "[{\"error\":{\"code\":400,\"message\":\"Invalid value\",\"status\":\"INVALID_ARGUMENT\"}}]",
	  BATON_FAIL_BAD_REQUEST, "bad_request" },
	{ 400, "{\"error\":", BATON_FAIL_BAD_REQUEST, "bad_request" },
	{ 422, "{\"detail\":[{\"msg\":\"field required\"}]}", BATON_FAIL_BAD_REQUEST,
	  "bad_request" },
	{ 302, "", BATON_FAIL_BAD_OUTPUT, "protocol" },
	{ 304, "", BATON_FAIL_BAD_OUTPUT, "protocol" },
	/* in a stream, or in place of one, with status 200 */
	{ 200, "{\"error\":{\"message\":\"Overloaded\",\"type\":\"overloaded_error\"}}",
	  BATON_FAIL_OVERLOADED, "overloaded" },
	{ 200, "{\"error\":{\"code\":429,\"message\":\"Provider returned error\"}}",
	  BATON_FAIL_RATE_LIMITED, "rate_limited" },
	{ 200, "{\"error\":{\"code\":\"502\",\"message\":\"upstream\"}}", BATON_FAIL_UNAVAILABLE,
	  "server" },
	{ 200, ERR("\"insufficient_quota\"", "insufficient_quota", ""), BATON_FAIL_QUOTA, "quota" },
	{ 200, ERR("\"content_filter\"", "", ""), BATON_FAIL_REFUSED, "refused" },
	{ 200, ERR("\"context_length_exceeded\"", "", ""), BATON_FAIL_TOO_LONG,
	  "context_too_long" },
	{ 200, "{\"error\":\"boom\"}", BATON_FAIL_UNAVAILABLE, "inband" },
	{ 200, "{\"error\":{}}", BATON_FAIL_UNAVAILABLE, "inband" },
	{ 200,
	  "{\"object\":\"error\",\"message\":\"x\",\"type\":\"InternalServerError\",\"code\":500}",
	  BATON_FAIL_UNAVAILABLE, "server" },
	{ 200, "{\"detail\":\"Not authenticated\"}", BATON_FAIL_UNAVAILABLE, "inband" },
};

static const struct {
	const char *type, *stream;
	uint32_t fail;
	const char *code;
} streams[] = {
	{ "text/event-stream", ROLE FINISH("stop") DONE, BATON_FAIL_EMPTY, "empty" },
	{ "text/event-stream", ROLE FINISH("length") USAGE DONE, BATON_FAIL_EMPTY, "empty" },
	{ "text/event-stream", DONE, BATON_FAIL_EMPTY, "empty" },
	{ "text/event-stream", ROLE FINISH("content_filter") DONE, BATON_FAIL_REFUSED, "refused" },
	{ "text/event-stream",
	  CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"I cannot\"}}]") FINISH("stop")
		  DONE,
	  BATON_FAIL_REFUSED, "refused" },
	{ "text/event-stream", ROLE SAY("A"), BATON_FAIL_TRUNCATED, "truncated" },
	{ "text/event-stream", ROLE SAY("A") FINISH("abort") DONE, BATON_FAIL_TRUNCATED, "truncated" },
	{ "text/event-stream", ROLE SAY("A") FINISH("insufficient_system_resource") DONE,
	  BATON_FAIL_TRUNCATED, "truncated" },
	{ "text/event-stream", ROLE FINISH("SAFETY") DONE, BATON_FAIL_REFUSED, "refused" },
	{ "text/event-stream", ROLE, BATON_FAIL_TRUNCATED, "truncated" },
	{ "text/event-stream", "", BATON_FAIL_BAD_OUTPUT, "protocol" },
	{ "text/event-stream", ": ping\n\n", BATON_FAIL_BAD_OUTPUT, "protocol" },
	{ "text/event-stream", "<!doctype html><title>502</title>\n\n", BATON_FAIL_BAD_OUTPUT,
	  "protocol" },
	{ "text/event-stream", "data: a\n\ndata: b\n\ndata: c\n\n" SAY("A") FINISH("stop") DONE,
	  BATON_FAIL_BAD_OUTPUT, "protocol" },
	{ "text/event-stream", "data: [1]\n\ndata: \"x\"\n\ndata: 7\n\n", BATON_FAIL_BAD_OUTPUT,
	  "protocol" },
	{ "text/event-stream", SAY("A") SAY(" \xc3\x28\xff") SAY("B") FINISH("stop") DONE,
	  BATON_FAIL_BAD_OUTPUT, "protocol" },
	{ "text/event-stream", SAY("\xed\xa0\xbd") FINISH("stop") DONE, BATON_FAIL_BAD_OUTPUT,
	  "protocol" },
	{ "text/event-stream", SAY("\xc0\xaf") FINISH("stop") DONE, BATON_FAIL_BAD_OUTPUT,
	  "protocol" },
	{ "text/event-stream", SAY("a\\ud83d") SAY("b") FINISH("stop") DONE, BATON_FAIL_BAD_OUTPUT,
	  "protocol" },
	{ "text/event-stream", SAY("a\\ud83d") FINISH("stop") DONE, BATON_FAIL_BAD_OUTPUT,
	  "protocol" },
	{ "text/event-stream", SAY("\\ude00") FINISH("stop") DONE, BATON_FAIL_BAD_OUTPUT,
	  "protocol" },
	{ "text/html; charset=utf-8", "<html>", BATON_FAIL_BAD_OUTPUT, "protocol" },
	{ "text/plain", "data: x\n\n", BATON_FAIL_BAD_OUTPUT, "protocol" },
};

/* The same with what they say something about, and until when. */
static const struct body_case scoped[] = {
	{ 429, ERR("\"credit_balance_exhausted\"", "insufficient_quota", "no credits"),
	  BATON_FAIL_QUOTA, "quota", BATON_SCOPE_ACCOUNT },
	{ 429, ERR("\"slow_down\"", "rate_limit_error", "Please try again in 20 seconds"),
	  BATON_FAIL_RATE_LIMITED, "rate_limited", BATON_SCOPE_MODEL, 0, 20000 },
	{ 429,
	  "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"Please retry in 34.5s.\"}}",
	  BATON_FAIL_RATE_LIMITED, "rate_limited", BATON_SCOPE_MODEL, 0, 34500 },
	{ 400,
	  ERR("\"content_filter\"", "",
	      "filtered\",\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"},\"x\":\""),
	  BATON_FAIL_REFUSED, "refused", BATON_SCOPE_REQUEST },
	{ 401, "", BATON_FAIL_ACCESS, "access", BATON_SCOPE_ACCOUNT },
	{ 404, ERR("\"model_not_found\"", "", ""), BATON_FAIL_MODEL_GONE, "model_gone",
	  BATON_SCOPE_MODEL },
	{ 503,
	  "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}",
	  BATON_FAIL_OVERLOADED, "overloaded", BATON_SCOPE_PROVIDER },
	/* names that say nothing yield to a status that does; one deeper down wins */
	{ 404, ERR("null", "invalid_request_error", "gone"), BATON_FAIL_MODEL_GONE,
	  "model_gone", BATON_SCOPE_MODEL },
	{ 403, ERR("null", "invalid_request_error", "no"), BATON_FAIL_ACCESS, "access",
	  BATON_SCOPE_ACCOUNT },
	{ 429,
	  "{\"error\":{\"code\":\"rate_limit_exceeded\",\"details\":{\"error_code\":\"insufficient_quota\"}}}",
	  BATON_FAIL_QUOTA, "quota", BATON_SCOPE_ACCOUNT },
	/* half an array is no JSON, so that its words do not count */
	{ 400, "[{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\"}}", BATON_FAIL_BAD_REQUEST,
	  "bad_request", BATON_SCOPE_REQUEST },
	{ 500, "", BATON_FAIL_UNAVAILABLE, "server", BATON_SCOPE_PROVIDER },
	{ 400,
	  "{\"object\":\"error\",\"message\":\"bad\",\"type\":\"BadRequestError\",\"code\":400}",
	  BATON_FAIL_BAD_REQUEST, "bad_request", BATON_SCOPE_REQUEST },
	{ 200,
	  "{\"error\":{\"object\":\"error\",\"message\":\"x\",\"type\":\"InternalServerError\",\"code\":500}}",
	  BATON_FAIL_UNAVAILABLE, "server", BATON_SCOPE_PROVIDER },
};
