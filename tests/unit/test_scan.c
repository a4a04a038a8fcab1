/* SPDX-License-Identifier: Apache-2.0 */

/* The module's own reader of JSON against jansson: what one takes the other takes, and what a
 * chunk or a whole answer means is the same. A few hundred thousand mutated texts from a fixed
 * seed. Sources are included, since a module exports nothing. */
#include "modules/provider-openai/chat.c"
#include "modules/sdk/provider/heard.c"
#include "modules/sdk/provider/prompt.c"
#include "modules/sdk/provider/scan.c"
#include "modules/sdk/provider/text.c"
#include "tests/unit/often.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include <cmocka.h>

/* Its address alone is looked at: what it writes otherwise is not this wire's. */
const struct wire wire_ollama = { 0 };

enum { MUTATIONS = OFTEN(100000), TEXT_BYTES = 2048 };

static const char *const seeds[] = {
	"{\"id\":\"c\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
	"\"logprobs\":null,\"finish_reason\":null}]}",
	"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi \\u00e9\\n\\\\ \\\"x\\\" gr\xc3\xbc\xc3\x9f \\ud83d\\ude00\"},"
	"\"finish_reason\":null}]}",
	"{\"choices\":[{\"delta\":{},\"index\":0,\"finish_reason\":\"stop\"}],\"usage\":null,\"x\":[1,-2.5e+3,true,{}]}",
	"{\"choices\":[],\"error\":null,\"a\":{\"b\":[[],[{}],0.1]}}",
	"{\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"Hm\",\"content\":null,\"tool_calls\":null}}]}",
	"{}",
	" { \"choices\" : [ { \"index\" : 0 , \"delta\" : { \"content\" : \"a\" } } ] } ",
	"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1795000000,\"model\":\"m\",\"choices\":[{\"index\":0,"
	"\"message\":{\"role\":\"assistant\",\"content\":\"Your order left.\",\"refusal\":null},\"logprobs\":null,"
	"\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":31,\"completion_tokens\":9,\"total_tokens\":40,"
	"\"prompt_tokens_details\":{\"cached_tokens\":7,\"audio_tokens\":0}},\"system_fingerprint\":\"fp\"}",
	"{\"choices\":[{\"index\":1,\"message\":{\"content\":\"other\"}},{\"index\":0,\"message\":{\"content\":null,"
	"\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"order\",\"arguments\":\"{\\\"id\\\":7}\"}},"
	"{\"id\":\"b\",\"function\":{\"name\":\"mail\",\"arguments\":\"\"}}]},\"finish_reason\":\"tool_calls\"}]}",
	"{\"error\":{\"message\":\"Rate limit\",\"type\":\"requests\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}",
	"{\"object\":\"error\",\"message\":\"too long\",\"type\":\"BadRequestError\",\"code\":400}",
	"{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\"}]}",
	"{\"choices\":[{\"message\":{\"refusal\":\"no\"},\"delta\":null}],\"error\":false}",
};
enum { SEEDS_N = sizeof(seeds) / sizeof(seeds[0]) };

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static size_t mutate(char *bytes, size_t n, uint32_t *seed)
{
	static const char interesting[] = "{}[]\",:\\u0dD8e+-. nt\x80\xc3\xed\xff\x01";
	size_t at = n ? next_random(seed) % n : 0;
	switch (next_random(seed) % 4) {
	case 0: /* another byte */
		bytes[at] = interesting[next_random(seed) % (sizeof(interesting) - 1)];
		return n;
	case 1: /* one less */
		memmove(bytes + at, bytes + at + 1, n - at - 1);
		return n - 1;
	case 2: /* one more */
		memmove(bytes + at + 1, bytes + at, n - at);
		bytes[at] = interesting[next_random(seed) % (sizeof(interesting) - 1)];
		return n + 1;
	default: /* cut */
		return next_random(seed) % 8 ? n : at;
	}
}

/* --- what jansson says of the same text --- */

struct meant {
	bool json, error;
	const char *content, *reasoning, *finish, *refusal;
	uint64_t in, cached, out;
	const json_t *tools;
};

static uint64_t count_of(const json_t *usage, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(usage, name));
	return n > 0 ? (uint64_t)n : 0;
}

static bool error_meant(const json_t *root)
{
	const json_t *error = json_object_get(root, "error");
	const char *object = json_string_value(json_object_get(root, "object"));

	if (error && !json_is_null(error) && !json_is_false(error))
		return true;
	if (object && strcmp(object, "error") == 0)
		return true;
	return !json_object_get(root, "choices") &&
	       (json_object_get(root, "message") || json_object_get(root, "detail"));
}

static const json_t *choice_meant(const json_t *root)
{
	const json_t *choice;
	size_t i;

	json_array_foreach(json_object_get(root, "choices"), i, choice) {
		if (json_integer_value(json_object_get(choice, "index")) <= 0)
			return choice;
	}
	return NULL;
}

static struct meant meaning_of(const json_t *root)
{
	struct meant meant = { .json = json_is_object(root) };
	const json_t *choice = choice_meant(root), *usage = json_object_get(root, "usage");
	const json_t *delta = json_object_get(choice, "delta");

	delta = json_is_object(delta) ? delta : json_object_get(choice, "message");
	meant.error = error_meant(root);
	meant.content = json_string_value(json_object_get(delta, "content"));
	meant.reasoning = json_string_value(json_object_get(delta, "reasoning_content"));
	meant.refusal = json_string_value(json_object_get(delta, "refusal"));
	meant.finish = json_string_value(json_object_get(choice, "finish_reason"));
	meant.tools = json_object_get(delta, "tool_calls");
	meant.in = count_of(usage, "prompt_tokens");
	meant.out = count_of(usage, "completion_tokens");
	meant.cached = count_of(json_object_get(usage, "prompt_tokens_details"), "cached_tokens");
	return meant;
}

/* --- the comparison --- */

static bool half_escaped(baton_str data)
{
	for (size_t i = 0; i + 3 < data.n; i++)
		if (strncasecmp(data.p + i, "\\ud", 3) == 0)
			return true;
	return false;
}

/* Differences that are meant: numbers too large for jansson, members named twice; halves of
 * surrogate pairs and U+0000 in strings that are only read over; whole numbers of more than 18
 * digits. */
static bool is_meant(baton_str data)
{
	json_error_t error;
	json_t *root = json_loadb(data.p, data.n, JSON_REJECT_DUPLICATES, &error);
	json_decref(root);
	enum json_error_code code = root ? json_error_unknown : json_error_code(&error);
	return code == json_error_numeric_overflow || code == json_error_duplicate_key ||
	       code == json_error_null_character || (!root && half_escaped(data));
}

static void is_text(const struct text *text, const char *expected)
{
	size_t n = expected ? strlen(expected) : 0;
	assert_int_equal(text->n, n);
	if (n)
		assert_memory_equal(text->p, expected, n);
}

static void tools_compare(struct heard *heard, const json_t *tools)
{
	const json_t *call;
	size_t i;

	json_array_foreach(tools, i, call) {
		const json_t *index = json_object_get(call, "index");
		const json_t *function = json_object_get(call, "function");
		if (index || i >= TOOLS_MAX)
			return;
		assert_true(heard->n_tools > i);
		is_text(&heard->tools[i].id, json_string_value(json_object_get(call, "id")));
		is_text(&heard->tools[i].name,
			json_string_value(json_object_get(function, "name")));
		is_text(&heard->tools[i].args,
			json_string_value(json_object_get(function, "arguments")));
	}
}

static void heard_compare(struct heard *heard, enum heard_kind kind, const struct meant *meant)
{
	assert_int_equal(kind == HEARD_ERROR, meant->error);
	if (meant->error)
		return;
	assert_int_equal(kind, HEARD_GOOD);
	is_text(&heard->content, meant->content);
	if (meant->reasoning)
		is_text(&heard->reasoning, meant->reasoning);
	assert_int_equal(heard->finish == FINISH_NONE, !meant->finish || !meant->finish[0]);
	assert_int_equal(heard->finish == FINISH_LENGTH,
			 meant->finish && (strcmp(meant->finish, "length") == 0 ||
					   strcmp(meant->finish, "max_tokens") == 0));
	assert_int_equal(heard->refusal, meant->refusal && meant->refusal[0]);
	assert_int_equal(heard->in_tokens, meant->in);
	assert_int_equal(heard->out_tokens, meant->out);
	assert_int_equal(heard->cached_tokens, meant->cached);
	tools_compare(heard, meant->tools);
}

static bool compare(baton_str data)
{
	struct heard heard = { 0 };
	bool utf8 = scan_utf8_ok(data);
	enum heard_kind kind = utf8 ? wire_chat.whole(&heard, data) : HEARD_BROKEN;
	json_t *root = json_loadb(data.p, data.n, 0, NULL);
	struct meant meant = meaning_of(root);

	if (meant.json) /* whatever it takes, we take: strict, but no stricter */
		assert_int_not_equal(kind, HEARD_NOT_JSON);
	if (!is_meant(data)) {
		assert_int_equal(kind != HEARD_NOT_JSON && kind != HEARD_BROKEN, meant.json);
		if (meant.json)
			heard_compare(&heard, kind, &meant);
	}
	json_decref(root);
	heard_done(&heard);
	return meant.json;
}

static void what_is_read_is_what_jansson_reads(void **state)
{
	(void)state;
	uint32_t seed = 2026;
	unsigned taken = 0, mutations = MUTATIONS * often_times();

	for (size_t i = 0; i < SEEDS_N; i++)
		assert_true(compare((baton_str){ seeds[i], strlen(seeds[i]) }));
	for (unsigned i = 0; i < mutations; i++) {
		char bytes[TEXT_BYTES];
		const char *from = seeds[next_random(&seed) % SEEDS_N];
		size_t n = strlen(from);
		memcpy(bytes, from, n);
		for (uint32_t times = next_random(&seed) % 4 + 1; times > 0 && n > 0; times--)
			n = mutate(bytes, n, &seed);
		/* Of its own size: reading past its end is seen by the sanitizers. */
		char *exact = malloc(n ? n : 1);
		memcpy(exact, bytes, n);
		taken += compare((baton_str){ exact, n });
		free(exact);
	}
	assert_true(taken > mutations / 10); /* else nothing was compared */
}

/* As listen.c takes an event; without `again`, as if it had no shortcut. */
static enum heard_kind event_hear(struct heard *heard, baton_str data, bool again, unsigned *known)
{
	static const baton_str no_name = { "", 0 };
	baton_str words;

	heard_next(heard);
	again = again && heard_again(heard, data, &words);
	*known += again;
	if (!scan_utf8_ok(again ? words : data))
		return HEARD_BROKEN;
	return again ? heard_text(heard, words) : wire_chat.event(heard, no_name, data);
}

static void same_heard(const struct heard *a, const struct heard *b)
{
	assert_int_equal(a->content.n, b->content.n);
	if (a->content.n)
		assert_memory_equal(a->content.p, b->content.p, a->content.n);
	assert_int_equal(a->half, b->half);
	assert_int_equal(a->finish, b->finish);
	assert_int_equal(a->over, b->over);
	assert_int_equal(a->refusal, b->refusal);
	assert_int_equal(a->text_bytes, b->text_bytes);
	assert_int_equal(a->in_tokens, b->in_tokens);
	assert_int_equal(a->n_tools, b->n_tools);
	assert_int_equal(a->error.n, b->error.n);
}

static void an_event_like_the_last_is_read_as_if_it_were_not(void **state)
{
	(void)state;
	uint32_t seed = 77;
	unsigned known = 0, none = 0, mutations = MUTATIONS * often_times();

	for (unsigned i = 0; i < mutations; i++) {
		struct heard whole = { 0 }, like = { 0 };
		const char *from = seeds[next_random(&seed) % 3]; /* those that stream words */
		size_t n = strlen(from);
		char bytes[TEXT_BYTES], *exact;
		memcpy(bytes, from, n);
		assert_int_equal(event_hear(&whole, (baton_str){ bytes, n }, false, &none),
				 event_hear(&like, (baton_str){ bytes, n }, true, &known));
		for (uint32_t times = next_random(&seed) % 3; times > 0 && n > 0; times--)
			n = mutate(bytes, n, &seed);
		exact = malloc(n ? n : 1);
		memcpy(exact, bytes, n);
		assert_int_equal(event_hear(&whole, (baton_str){ exact, n }, false, &none),
				 event_hear(&like, (baton_str){ exact, n }, true, &known));
		same_heard(&whole, &like);
		heard_done(&whole);
		heard_done(&like);
		free(exact);
	}
	assert_int_equal(none, 0);
	assert_true(known > mutations / 20); /* else nothing was compared */
}

static void deep_values_are_read_over_without_recursion(void **state)
{
	(void)state;
	char deep[256];
	for (int n = SCAN_DEPTH_MAX; n <= SCAN_DEPTH_MAX + 1; n++) {
		memset(deep, '[', (size_t)n);
		memset(deep + n, ']', (size_t)n);
		struct scan scan = { deep, deep + 2 * n, false };
		scan_skip(&scan);
		assert_int_equal(scan.bad, n > SCAN_DEPTH_MAX);
	}
}

static void words_are_known_however_they_are_written(void **state)
{
	(void)state;
	static const struct {
		const char *inside, *word;
		bool is;
	} cases[] = {
		{ "content", "content", true },
		{ "\\u0063ontent", "content", true },
		{ "conten\\u0074", "content", true },
		{ "\\u0063ontent", "context", false },
		{ "a\\/b", "a/b", true },
		{ "a\\n", "a\n", true },
		{ "content\\u0000", "content", false },
		{ "conten", "content", false },
		{ "\\u0163ontent", "content", false },
		{ "", "", true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(scan_is((baton_str){ cases[i].inside, strlen(cases[i].inside) },
					 cases[i].word),
				 cases[i].is);
}

static void whole_numbers_are_read_and_nothing_else_is(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t value;
		bool bad;
	} cases[] = {
		{ "0", 0, false },    { "42", 42, false },
		{ " 7 ", 7, false },  { "123456789012345678", 123456789012345678, false },
		{ "1e3", 0, false },  { "-5", 0, false },
		{ "1.5", 0, false },  { "1234567890123456789", 0, false },
		{ "null", 0, false }, { "\"9\"", 0, false },
		{ "-", 0, true },     { "+1", 0, true },
		{ "", 0, true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scan scan = scan_of((baton_str){ cases[i].text, strlen(cases[i].text) });
		assert_int_equal(scan_count(&scan), cases[i].value);
		assert_int_equal(scan.bad, cases[i].bad);
	}
}

static void what_is_gathered_of_a_tool_call_is_bounded(void **state)
{
	(void)state;
	static char args[TOOL_ARGS_MAX / 4 + 1];
	struct heard heard = { 0 };
	const baton_str none = { NULL, 0 };

	memset(args, 'x', sizeof(args));
	struct tool *tool = heard_tool(&heard, TOOLS_MAX - 1);
	assert_non_null(tool);
	assert_int_equal(heard.n_tools, TOOLS_MAX);
	assert_null(heard_tool(&heard, TOOLS_MAX));
	assert_null(heard_tool(&heard, UINT64_MAX));
	for (int i = 0; i < 8; i++) {
		tool_hear(tool, none, none, (baton_str){ args, sizeof(args) });
		tool_hear_raw(&heard.tools[0], (baton_str){ args, sizeof(args) });
	}
	assert_int_equal(tool->args.n, 3 * sizeof(args));
	assert_int_equal(heard.tools[0].args.n, 3 * sizeof(args));
	heard_done(&heard);
}

/* Each byte of ASCII at each place of words of eight, alone and twice. */
static void what_is_written_jansson_reads_back_and_no_fence_is_closed(void **state)
{
	(void)state;
	char plain[40];

	for (unsigned c = 1; c < 0x80; c++) {
		for (size_t at = 0; at < sizeof(plain); at++) {
			struct text text = { 0 };
			memset(plain, 'x', sizeof(plain));
			plain[at] = plain[sizeof(plain) - 1 - at / 2] = (char)c;
			text_json(&text, (baton_str){ plain, sizeof(plain) });
			json_t *json = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
			assert_int_equal(json_string_length(json), sizeof(plain));
			assert_memory_equal(json_string_value(json), plain, sizeof(plain));
			assert_null(memchr(text.p, '<', text.n));
			assert_null(memchr(text.p, 0x7f, text.n));
			bool bare = c >= ' ' && c != '"' && c != '\\';
			size_t first =
				sizeof(plain) - 1 - at / 2 < at ? sizeof(plain) - 1 - at / 2 : at;
			assert_int_equal(text_plain(plain, sizeof(plain)),
					 bare ? sizeof(plain) : first);
			json_decref(json);
			text_done(&text);
		}
	}
}

static void numbers_are_written_in_figures(void **state)
{
	(void)state;
	static const uint64_t values[] = { 0, 7, 10, 4096, UINT64_MAX };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char expected[24];
		struct text text = { 0 };
		snprintf(expected, sizeof(expected), "%llu", (unsigned long long)values[i]);
		text_u64(&text, values[i]);
		assert_int_equal(text.n, strlen(expected));
		assert_memory_equal(text.p, expected, text.n);
		text_done(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_is_what_jansson_reads),
		cmocka_unit_test(an_event_like_the_last_is_read_as_if_it_were_not),
		cmocka_unit_test(deep_values_are_read_over_without_recursion),
		cmocka_unit_test(words_are_known_however_they_are_written),
		cmocka_unit_test(whole_numbers_are_read_and_nothing_else_is),
		cmocka_unit_test(what_is_gathered_of_a_tool_call_is_bounded),
		cmocka_unit_test(what_is_written_jansson_reads_back_and_no_fence_is_closed),
		cmocka_unit_test(numbers_are_written_in_figures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
