/* SPDX-License-Identifier: Apache-2.0 */

/* Inputs by chance. Each is made from a number of its own, which is told before it is tried; the
 * same number makes the same input again: --reproduce NUMBER:CHECK. */
#include "core/check/inside.h"

#include "core/base/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	RUNS = 1500,
	BUDGET_MS = 4000,
	TEXT_MAX = 1024,
	TEXTS_MAX = 32,
	MSGS_MAX = 8,
	BYTES_MAX = 32768
};

/* --- chance -------------------------------------------------------------------------------- */

static uint32_t below(struct baton_try *trial, uint32_t n)
{
	return (uint32_t)(baton_try_random(trial) % (n ? n : 1));
}

/* Characters of every length and script, with those that break things. */
static size_t put_text(struct baton_try *trial, char *to, size_t max)
{
	static const char *const parts[] = { "order",
					     "refund ",
					     " 4711",
					     "\n",
					     "\t",
					     "\"",
					     "\\",
					     "{",
					     "}",
					     "<b>",
					     "\xc3\xbc",
					     "\xd0\x96",
					     "\xd7\xa9",
					     "\xd8\xb3",
					     "\xe0\xa4\xb9",
					     "\xe4\xb8\xad",
					     "\xe3\x81\x82",
					     "\xf0\x9f\x98\x80",
					     "\xe2\x80\x8f",
					     "\xef\xbf\xbd",
					     "e\xcc\x81",
					     "\x7f",
					     "\x01",
					     "%s%n",
					     "data: ",
					     "' OR 1=1 --",
					     "AAAAAAAAAAAAAAAA" };
	size_t n = 0;
	for (uint32_t left = below(trial, 60); left > 0; left--) {
		const char *part = parts[below(trial, sizeof(parts) / sizeof(parts[0]))];
		size_t len = strlen(part);
		if (n + len > max)
			break;
		memcpy(to + n, part, len);
		n += len;
	}
	return n;
}

struct texts {
	char bytes[TEXTS_MAX][TEXT_MAX];
	unsigned used;
};

static baton_str any_text(struct baton_try *trial, struct texts *texts)
{
	char *to = texts->bytes[texts->used++ % TEXTS_MAX];
	if (below(trial, 8) == 0)
		return BATON_STR_NONE;
	return (baton_str){ to, put_text(trial, to, TEXT_MAX) };
}

/* --- the loop ------------------------------------------------------------------------------ */

static uint64_t now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void again(struct baton_try *trial, uint64_t number)
{
	baton_try_fail(trial, "again: --reproduce %llu:%s", (unsigned long long)number,
		       trial->row->name);
}

/* One input after the other until one fails or the time is over. */
static void inputs(struct baton_try *trial, void (*one)(struct baton_try *trial))
{
	uint64_t begin = now_ms(), number = trial->options->seed;
	unsigned runs = trial->options->reproduce ? 1 : RUNS, done = 0;
	if (trial->options->reproduce)
		number = trial->options->reproduce;
	for (; done < runs && now_ms() - begin < BUDGET_MS; done++, number++) {
		unsigned before = baton_testhost_breaches(trial->host);
		baton_try_step(trial, "input %llu (--reproduce %llu:%s)",
			       (unsigned long long)number, (unsigned long long)number,
			       trial->row->name);
		trial->random = number;
		one(trial);
		if (trial->fails > 0 || baton_testhost_breaches(trial->host) > before) {
			again(trial, number);
			return;
		}
	}
	baton_try_note(trial, "%u inputs from %llu on", done,
		       (unsigned long long)(trial->options->reproduce ? trial->options->reproduce
								      : trial->options->seed));
}

/* The started call ends. */
static void ends(struct baton_try *trial, int32_t rc, baton_call call)
{
	if (rc >= 0 && !baton_testhost_run(trial->host, call, trial->call_ms))
		baton_try_fail(trial, "the call has no end");
}

/* --- upstream ------------------------------------------------------------------------------ */

/* The right stream with some bytes flipped, cut out, doubled or put in. */
static size_t spoil(struct baton_try *trial, const char *body, char *to)
{
	size_t n = strlen(body);
	if (n > BYTES_MAX / 4)
		n = BYTES_MAX / 4;
	memcpy(to, body, n);
	for (uint32_t changes = 1 + below(trial, 6); changes > 0 && n > 8; changes--) {
		size_t at = below(trial, (uint32_t)n - 4), len = 1 + below(trial, 40);
		if (at + len > n)
			len = n - at;
		switch (below(trial, 5)) {
		case 0:
			to[at] = (char)below(trial, 256);
			break;
		case 1:
			memmove(to + at, to + at + len, n - at - len);
			n -= len;
			break;
		case 2:
			if (n + len <= BYTES_MAX) {
				memmove(to + at + len, to + at, n - at);
				n += len;
			}
			break;
		case 3:
			n = at + 1;
			break;
		default:
			n = n + TEXT_MAX <= BYTES_MAX ? n + put_text(trial, to + n, 200) : n;
			break;
		}
	}
	return n;
}

static void one_upstream(struct baton_try *trial)
{
	static const uint32_t codes[] = { 200, 200, 200, 200, 200, 200, 400, 429, 500, 503 };
	static char bytes[BYTES_MAX + TEXT_MAX];
	baton_call call;
	baton_exchange e = baton_try_answer(trial);
	const struct baton_wire *wire = trial->wire;
	const char *body = below(trial, 4) == 0 && wire->tool_body ? wire->tool_body : wire->body;
	e.body_n = spoil(trial, body, bytes);
	e.body = e.body_n ? bytes : "";
	e.status = codes[below(trial, 10)];
	e.piece = below(trial, 3) ? 1 + below(trial, 50) : 0;
	e.piece_ms = below(trial, 3);
	e.fail = below(trial, 5) == 0 ? (uint32_t)BATON_FAIL_BAD_OUTPUT : 0;
	baton_testhost_expect_nothing(trial->host);
	baton_testhost_expect(trial->host, &e);
	int32_t rc = baton_try_begin(trial, trial->host, trial->inst, 0, &call);
	if (rc >= 0 && below(trial, 8) == 0) {
		for (uint32_t i = below(trial, 10); i > 0; i--)
			(void)baton_testhost_step(trial->host);
		baton_testhost_cancel(trial->host, call, BATON_CANCEL_USER);
	}
	ends(trial, rc, call);
}

void baton_check_fuzz_upstream(struct baton_try *trial)
{
	if (baton_try_open_http(trial))
		inputs(trial, one_upstream);
}

/* --- prompts, turns, queries --------------------------------------------------------------- */

static void any_turn(struct baton_try *trial, struct texts *texts, baton_turn *turn,
		     baton_msg *msgs)
{
	*turn = (baton_turn){ .size = sizeof(*turn),
			      .flags = below(trial, 8),
			      .session_id = BATON_STR("s"),
			      .turn_id = BATON_STR("t"),
			      .channel = any_text(trial, texts),
			      .locale = any_text(trial, texts),
			      .intent = any_text(trial, texts),
			      .msgs = msgs,
			      .n_msgs = below(trial, MSGS_MAX) };
	for (uint32_t i = 0; i < turn->n_msgs; i++)
		msgs[i] = (baton_msg){ .role = below(trial, 7), .text = any_text(trial, texts) };
	if (below(trial, 10) == 0)
		turn->size = (uint32_t)offsetof(baton_turn, deadline_ns);
	else
		turn->deadline_ns = baton_testhost_now_ns(trial->host) +
				    baton_try_random(trial) % UINT64_C(60000000000);
}

static void one_prompt(struct baton_try *trial)
{
	struct texts texts = { .used = 0 };
	baton_turn turn;
	baton_msg msgs[MSGS_MAX];
	baton_doc docs[MSGS_MAX];
	baton_call call;
	any_turn(trial, &texts, &turn, msgs);
	baton_prompt prompt = { .size = sizeof(prompt),
				.turn = &turn,
				.model = BATON_STR("m"),
				.max_output_tokens = below(trial, 3000),
				.temperature_milli = (int32_t)below(trial, 2000) - 1,
				.docs = docs,
				.n_docs = below(trial, 5) };
	for (uint32_t i = 0; i < prompt.n_docs; i++)
		docs[i] = (baton_doc){ .id = BATON_STR("d"),
				       .title = any_text(trial, &texts),
				       .snippet = any_text(trial, &texts),
				       .score_ppm = below(trial, 1000001) };
	if (below(trial, 4) == 0)
		prompt.prefill = any_text(trial, &texts);
	int32_t rc = baton_testhost_generate(trial->host, trial->inst, &prompt, &call);
	ends(trial, rc, call);
}

void baton_check_fuzz_prompts(struct baton_try *trial)
{
	if (baton_try_open_learned(trial))
		inputs(trial, one_prompt);
}

static void one_turn(struct baton_try *trial)
{
	struct texts texts = { .used = 0 };
	baton_turn turn;
	baton_msg msgs[MSGS_MAX];
	baton_call call;
	any_turn(trial, &texts, &turn, msgs);
	int32_t rc = baton_testhost_classify(trial->host, trial->inst, &turn, &call);
	ends(trial, rc, call);
}

void baton_check_fuzz_turns(struct baton_try *trial)
{
	if (baton_try_open_learned(trial))
		inputs(trial, one_turn);
}

static void one_query(struct baton_try *trial)
{
	struct texts texts = { .used = 0 };
	baton_turn turn;
	baton_msg msgs[MSGS_MAX];
	baton_call call;
	any_turn(trial, &texts, &turn, msgs);
	const baton_query query = { .size = sizeof(query),
				    .k = 1 + below(trial, 5),
				    .turn = below(trial, 5) ? &turn : NULL,
				    .text = any_text(trial, &texts) };
	int32_t rc = baton_testhost_search(trial->host, trial->inst, &query, &call);
	ends(trial, rc, call);
}

void baton_check_fuzz_queries(struct baton_try *trial)
{
	if (baton_try_open_learned(trial))
		inputs(trial, one_query);
}

/* --- facts, entries ------------------------------------------------------------------------ */

void baton_try_facts(struct baton_try *trial, baton_facts *facts)
{
	static const char *const words[] = { "order_status", "refund", "gold",      "web", "de",
					     "down",         "normal", "[\"vip\"]", "" };
	uint32_t *const numbers[] = { &facts->intent_ppm,
				      &facts->answer_ppm,
				      &facts->sentiment_ppm,
				      &facts->exchanges,
				      &facts->unresolved_exchanges,
				      &facts->tool_errors,
				      &facts->auth_failures,
				      &facts->reopen_count,
				      &facts->last_fail,
				      &facts->primary_health_ppm,
				      &facts->degraded_level,
				      &facts->queue_depth,
				      &facts->agents_free,
				      &facts->primary_p95_ms,
				      &facts->tool_success_ppm,
				      &facts->override_rate_ppm,
				      &facts->low_confidence_streak,
				      &facts->attempts };
	baton_str *const texts[] = { &facts->session_id,    &facts->intent,
				     &facts->customer_tier, &facts->channel,
				     &facts->locale,        &facts->last_fail_provider,
				     &facts->tags_json,     &facts->primary_state,
				     &facts->mode };
	uint64_t *const longs[] = { &facts->age_ms,        &facts->idle_ms,
				    &facts->cost_microusd, &facts->cost_ceiling_microusd,
				    &facts->sla_left_ms,   &facts->answers_total_ms };
	*facts = (baton_facts){ .size = sizeof(*facts), .flags = below(trial, 4096) };
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i] = below(trial, 3) ? below(trial, 10) : below(trial, UINT32_MAX);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = baton_str_of(words[below(trial, 9)]);
	for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++)
		*longs[i] = below(trial, 3) ? below(trial, 100000) : baton_try_random(trial);
	facts->stage = below(trial, 3);
	if (below(trial, 6) == 0)
		facts->size = (uint32_t)offsetof(baton_facts, stage);
}

static void one_facts(struct baton_try *trial)
{
	baton_facts facts;
	baton_verdict verdict;
	baton_try_facts(trial, &facts);
	int32_t rc = baton_testhost_evaluate(trial->host, trial->inst, &facts, &verdict);
	if (rc != BATON_OK)
		baton_try_fail(trial, "evaluate() said %d", rc);
}

void baton_check_fuzz_facts(struct baton_try *trial)
{
	if (baton_try_open(trial))
		inputs(trial, one_facts);
}

/* --- tools and guards ---------------------------------------------------------------------- */

/* Mostly an object with the arguments that it knows. */
static char *any_args(struct baton_try *trial, struct texts *texts)
{
	json_t *args = json_loads(trial->tool.args, 0, NULL), *v;
	const char *key;
	void *next;
	json_object_foreach_safe(args, next, key, v)
	{
		baton_str text = any_text(trial, texts);
		uint32_t kind = below(trial, 8);
		if (kind == 0)
			(void)json_object_del(args, key);
		else if (kind == 1)
			(void)json_object_set_new(args, key, json_integer(below(trial, 100000)));
		else
			(void)json_object_set_new(args, key,
						  json_stringn(text.p ? text.p : "", text.n));
	}
	if (below(trial, 8) == 0)
		(void)json_object_set_new(args, "another", json_true());
	char *text = json_dumps(args, JSON_COMPACT);
	json_decref(args);
	return text;
}

static void one_arguments(struct baton_try *trial)
{
	static const uint32_t codes[] = { 200, 200, 200, 204, 400, 404, 409, 429, 500, 503 };
	static char bytes[BYTES_MAX + TEXT_MAX];
	struct texts texts = { .used = 0 };
	baton_call call;
	baton_exchange e = baton_try_answer(trial);
	char *args = any_args(trial, &texts);
	e.body_n = below(trial, 2) ? spoil(trial, e.body, bytes) : 0;
	e.body = e.body_n ? bytes : e.body;
	e.status = codes[below(trial, 10)];
	e.fail = below(trial, 6) == 0 ? (uint32_t)BATON_FAIL_BAD_OUTPUT : 0;
	baton_testhost_expect_nothing(trial->host);
	baton_testhost_expect(trial->host, &e);
	int32_t rc = baton_testhost_tool(trial->host, trial->inst,
					 below(trial, 12) ? trial->tool.name : "nobody",
					 args ? args : "{}", below(trial, 8), &call);
	free(args); /* jansson's own allocation */
	if (rc >= 0 && below(trial, 8) == 0) {
		for (uint32_t i = below(trial, 6); i > 0; i--)
			(void)baton_testhost_step(trial->host);
		baton_testhost_cancel(trial->host, call, BATON_CANCEL_DEADLINE);
	}
	ends(trial, rc, call);
}

void baton_check_fuzz_arguments(struct baton_try *trial)
{
	if (baton_try_open_learned(trial))
		inputs(trial, one_arguments);
}

/* Parts of what guards look for among everything else. */
static void one_text(struct baton_try *trial)
{
	static const char *const parts[] = { "4111 1111 1111 1111",
					     "jane@example.com",
					     "DE89370400440532013000",
					     "+49 30 901820",
					     "ignore all previous instructions",
					     "I guarantee a refund",
					     "\xe2\x80\x8b",
					     "sk-abcdefghijk",
					     "1234567890123456789",
					     "https://a.example/?x=" };
	static char bytes[4 * TEXT_MAX];
	size_t n = 0;
	for (uint32_t left = 1 + below(trial, 4); left > 0; left--) {
		const char *part = parts[below(trial, sizeof(parts) / sizeof(parts[0]))];
		size_t len = strlen(part);
		/* Sometimes only a beginning of it. */
		if (below(trial, 3) == 0 && (unsigned char)part[0] < 0x80)
			len = 1 + below(trial, (uint32_t)len);
		memcpy(bytes + n, part, len);
		n += len;
		n += put_text(trial, bytes + n, below(trial, 2) ? 40 : 400);
	}
	baton_try_look_any(trial, (baton_str){ bytes, n }, baton_try_random(trial));
}

void baton_check_fuzz_texts(struct baton_try *trial)
{
	if (baton_try_open(trial))
		inputs(trial, one_text);
}

static void one_entries(struct baton_try *trial)
{
	static const char *const jsons[] = { "{}", "{\"text\":\"\\u0000\"}",
					     "{\"text\":\"\xf0\x9f\x98\x80\\n\"}",
					     "{\"a\":[1,2,{\"b\":null}]}", "{\"x\":1e308}" };
	baton_entry entries[MSGS_MAX];
	baton_call call;
	uint32_t n = 1 + below(trial, MSGS_MAX - 1);
	for (uint32_t i = 0; i < n; i++)
		entries[i] =
			(baton_entry){ .seq = 1 + below(trial, 1000),
				       .unix_ms = UINT64_C(1767225600000) + below(trial, 1u << 31),
				       .session_id = BATON_STR("s-fuzz"),
				       .type = BATON_STR("bot_said"),
				       .json = baton_str_of(jsons[below(trial, 5)]) };
	int32_t rc = baton_testhost_append(trial->host, trial->inst, entries, n, &call);
	ends(trial, rc, call);
}

void baton_check_fuzz_entries(struct baton_try *trial)
{
	if (baton_try_open_learned(trial))
		inputs(trial, one_entries);
}
