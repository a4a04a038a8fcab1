/* SPDX-License-Identifier: Apache-2.0 */

/* The quick reader of chunks against jansson: whatever it takes, jansson takes and reads the same.
 * Chunks are mutated a few hundred thousand times from a fixed seed. The reader is included, since
 * a module exports nothing. */
#include "modules/provider-openai/chunk.c"
#include "modules/provider-openai/scan.c"
#include "modules/provider-openai/text.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MUTATIONS = 300000, CHUNK_BYTES = 512 };

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
};

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

/* Differences that are meant: numbers too large for jansson and members named twice; halves of
 * surrogate pairs and U+0000 in strings that are only read over. */
static bool is_meant(baton_str data)
{
	json_error_t error;
	json_t *root = json_loadb(data.p, data.n, JSON_REJECT_DUPLICATES, &error);
	json_decref(root);
	enum json_error_code code = root ? json_error_unknown : json_error_code(&error);
	return code == json_error_numeric_overflow || code == json_error_duplicate_key ||
	       code == json_error_null_character || (!root && half_escaped(data));
}

static bool compare(baton_str data)
{
	struct chunk quick = { 0 }, thorough = { 0 };
	bool taken = scan_utf8_ok(data) && chunk_scan(&quick, data);

	if (taken && !quick.half && !is_meant(data)) {
		assert_int_equal(chunk_load(&thorough, data), CHUNK_GOOD);
		assert_int_equal(quick.content.n, thorough.content.n);
		if (quick.content.n)
			assert_memory_equal(quick.content.p, thorough.content.p, quick.content.n);
		assert_int_equal(quick.reasoning.n, thorough.reasoning.n);
		assert_string_equal(quick.finish, thorough.finish);
		assert_false(thorough.has_usage || thorough.refusal);
	}
	chunk_done(&quick);
	chunk_done(&thorough);
	return taken;
}

static void what_the_quick_reader_takes_jansson_reads_the_same(void **state)
{
	(void)state;
	uint32_t seed = 2026;
	unsigned taken = 0;

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		assert_true(compare((baton_str){ seeds[i], strlen(seeds[i]) }));
	for (unsigned i = 0; i < MUTATIONS; i++) {
		char *bytes = calloc(1, CHUNK_BYTES);
		const char *from = seeds[next_random(&seed) % (sizeof(seeds) / sizeof(seeds[0]))];
		size_t n = strlen(from);
		memcpy(bytes, from, n);
		for (uint32_t times = next_random(&seed) % 4 + 1; times > 0 && n > 0; times--)
			n = mutate(bytes, n, &seed);
		char *exact =
			malloc(n ? n : 1); /* reading past its end is seen by the sanitizers */
		memcpy(exact, bytes, n);
		taken += compare((baton_str){ exact, n });
		free(exact);
		free(bytes);
	}
	assert_true(taken > MUTATIONS / 20); /* else nothing was compared */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_quick_reader_takes_jansson_reads_the_same),
		cmocka_unit_test(deep_values_are_read_over_without_recursion),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
