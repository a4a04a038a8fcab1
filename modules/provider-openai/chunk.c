/* SPDX-License-Identifier: Apache-2.0 */

/* Reads chunks. The usual one (a piece of text, nothing else) is scanned in place; whatever has
 * usage, tool calls, an error, more than one choice or anything unexpected is left to jansson,
 * which takes twenty times as long and sees a few chunks of each answer. */
#include "chunk.h"

#include "scan.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool key_is(baton_str key, const char *name)
{
	size_t n = strlen(name);
	return key.n == n && memcmp(key.p, name, n) == 0;
}

/* --- the quick way: false means that jansson shall have a look --- */

static bool text_value(struct scan *scan, struct chunk *chunk, struct text *to)
{
	if (scan_null(scan))
		return true;
	if (scan_peek(scan) != '"' || to->n)
		return false;
	baton_str inside = scan_string(scan);
	return !scan->bad && scan_unescape(inside, &chunk->half, to);
}

static bool delta_member(struct scan *scan, struct chunk *chunk, baton_str key)
{
	unsigned none = 0;

	if (key_is(key, "content"))
		return text_value(scan, chunk, &chunk->content);
	if (key_is(key, "reasoning_content") || key_is(key, "reasoning")) {
		if (scan_null(scan))
			return true;
		if (scan_peek(scan) != '"' || chunk->reasoning.n)
			return false;
		return scan_unescape(scan_string(scan), &none, &chunk->reasoning) && !none;
	}
	if (key_is(key, "tool_calls") || key_is(key, "function_call") || key_is(key, "refusal"))
		return scan_null(scan);
	scan_skip(scan);
	return true;
}

static bool finish_value(struct scan *scan, struct chunk *chunk)
{
	if (scan_null(scan))
		return true;
	baton_str reason = scan_string(scan);
	if (scan->bad || reason.n == 0 || reason.n >= sizeof(chunk->finish) ||
	    memchr(reason.p, '\\', reason.n))
		return false;
	memcpy(chunk->finish, reason.p, reason.n);
	chunk->finish[reason.n] = '\0';
	return true;
}

static bool members(struct scan *scan, struct chunk *chunk,
		    bool (*member)(struct scan *, struct chunk *, baton_str))
{
	scan_expect(scan, '{');
	if (scan_take(scan, '}'))
		return true;
	do {
		baton_str key = scan_string(scan);
		scan_expect(scan, ':');
		if (scan->bad || memchr(key.p, '\\', key.n) || !member(scan, chunk, key))
			return false;
	} while (scan_take(scan, ','));
	scan_expect(scan, '}');
	return !scan->bad;
}

static bool choice_member(struct scan *scan, struct chunk *chunk, baton_str key)
{
	if (key_is(key, "delta"))
		return members(scan, chunk, delta_member);
	if (key_is(key, "finish_reason"))
		return finish_value(scan, chunk);
	if (key_is(key, "message"))
		return false;
	if (key_is(key, "index"))
		return scan_take(scan, '0') && strchr(",}", scan_peek(scan));
	scan_skip(scan);
	return true;
}

static bool top_member(struct scan *scan, struct chunk *chunk, baton_str key)
{
	if (key_is(key, "choices")) {
		scan_expect(scan, '[');
		if (scan_take(scan, ']'))
			return true;
		return members(scan, chunk, choice_member) && scan_take(scan, ']');
	}
	if (key_is(key, "error") || key_is(key, "usage"))
		return scan_null(scan);
	if (key_is(key, "code") || key_is(key, "message") || key_is(key, "detail"))
		return false;
	scan_skip(scan);
	return true;
}

static bool chunk_scan(struct chunk *chunk, baton_str data)
{
	struct scan scan = { data.p, data.p + data.n, false };
	return members(&scan, chunk, top_member) && !scan_peek(&scan) && scan.at == scan.end;
}

/* --- the thorough way --- */

static bool text_take(const json_t *value, struct text *to)
{
	if (!json_is_string(value))
		return false;
	text_add(to, json_string_value(value), json_string_length(value));
	return json_string_length(value) > 0;
}

static uint64_t count(const json_t *usage, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(usage, name));
	return n > 0 ? (uint64_t)n : 0;
}

static void usage_take(struct chunk *chunk, const json_t *usage)
{
	if (!json_is_object(usage))
		return;
	chunk->has_usage = true;
	chunk->in_tokens = count(usage, "prompt_tokens");
	chunk->out_tokens = count(usage, "completion_tokens");
	chunk->cached_tokens =
		count(json_object_get(usage, "prompt_tokens_details"), "cached_tokens");
}

static void choice_take(struct chunk *chunk, const json_t *choice)
{
	const json_t *delta = json_object_get(choice, "delta");
	delta = json_is_object(delta) ? delta : json_object_get(choice, "message");

	text_take(json_object_get(delta, "content"), &chunk->content);
	if (!text_take(json_object_get(delta, "reasoning_content"), &chunk->reasoning))
		text_take(json_object_get(delta, "reasoning"), &chunk->reasoning);
	const char *refusal = json_string_value(json_object_get(delta, "refusal"));
	chunk->refusal = refusal && refusal[0];
	chunk->tool_calls_borrowed = json_object_get(delta, "tool_calls");
	const char *finish = json_string_value(json_object_get(choice, "finish_reason"));
	if (finish)
		snprintf(chunk->finish, sizeof(chunk->finish), "%s", finish);
}

static bool is_error(const json_t *root)
{
	const json_t *error = json_object_get(root, "error");
	if (error && !json_is_null(error) && !json_is_false(error))
		return true;
	const char *object = json_string_value(json_object_get(root, "object"));
	if (object && strcmp(object, "error") == 0) /* vLLM */
		return true;
	return !json_object_get(root, "choices") &&
	       (json_object_get(root, "message") || json_object_get(root, "detail"));
}

static bool half_escaped(baton_str data)
{
	for (size_t i = 0; i + 3 < data.n; i++)
		if (strncasecmp(data.p + i, "\\ud", 3) == 0)
			return true;
	return false;
}

/* The choice with index 0: we ask for one, but a proxy may send others between. */
static const json_t *choice_find(const json_t *root)
{
	const json_t *choice;
	size_t i;
	json_array_foreach(json_object_get(root, "choices"), i, choice) {
		if (json_integer_value(json_object_get(choice, "index")) == 0)
			return choice;
	}
	return NULL;
}

static enum chunk_kind chunk_load(struct chunk *chunk, baton_str data)
{
	chunk->root = json_loadb(data.p, data.n, 0, NULL);
	if (!json_is_object(chunk->root))
		return half_escaped(data) ? CHUNK_BROKEN : CHUNK_NOT_JSON;
	if (is_error(chunk->root))
		return CHUNK_ERROR;
	choice_take(chunk, choice_find(chunk->root));
	usage_take(chunk, json_object_get(chunk->root, "usage"));
	/* jansson gives whole characters only, so a half that waits will wait for ever. */
	return chunk->half && chunk->content.n ? CHUNK_BROKEN : CHUNK_GOOD;
}

static void chunk_reset(struct chunk *chunk)
{
	chunk->content.n = chunk->reasoning.n = 0;
	chunk->finish[0] = '\0';
	chunk->has_usage = chunk->refusal = false;
	json_decref(chunk->root);
	chunk->root = chunk->tool_calls_borrowed = NULL;
}

enum chunk_kind chunk_read(struct chunk *chunk, baton_str data)
{
	unsigned half = chunk->half;

	chunk_reset(chunk);
	if (!scan_utf8_ok(data))
		return CHUNK_BROKEN;
	if (chunk_scan(chunk, data))
		return CHUNK_GOOD;
	chunk_reset(chunk);
	chunk->half = half;
	return chunk_load(chunk, data);
}

void chunk_done(struct chunk *chunk)
{
	chunk_reset(chunk);
	text_done(&chunk->content);
	text_done(&chunk->reasoning);
}
