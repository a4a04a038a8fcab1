/* SPDX-License-Identifier: Apache-2.0 */

/* The strict JSON reader: what it takes, what it refuses, and what it makes of strings and
 * numbers. */

#include "tests/unit/unit.h"

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/base/limits.h"

#include <jansson.h>

static int parse(const char *text, struct baton_json *ret)
{
	return baton_json_parse(baton_str_of(text), ret);
}

static void well_formed_texts_are_taken(void **state)
{
	static const char *const good[] = { "0",          "-0",          "1.5e+3",
					    "true",       "null",        " {} ",
					    "[1,[2],{}]", "\"\\u00e9\"", "{\"a\":{\"b\":[]}}",
					    "\t\"x\"\n" };
	struct baton_json value;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(parse(good[i], &value), 0);
}

static void malformed_texts_are_refused(void **state)
{
	static const char *const bad[] = {
		"",           " ",         "{",      "}",     "[1,]", "{\"a\"}", "{\"a\":}",
		"{\"a\":1,}", "{a:1}",     "01",     "1.",    ".5",   "1e",      "+1",
		"\"\\x\"",    "\"\\u12\"", "\"\n\"", "tru",   "nul",  "[1 2]",   "{} {}",
		"'a'",        "[}",        "{]",     "\"abc", "-",    "[1,,2]",  "{,}"
	};
	struct baton_json value;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &value), BATON_E_JSON);
	assert_int_equal(parse("\"\xff\"", &value), BATON_E_UTF8);
}

static void every_cut_of_a_text_is_refused(void **state)
{
	static const char text[] =
		"{\"t\":\"msg\",\"id\":\"a\\u00e9\",\"n\":[1,-2.5e3,true,null,{\"x\":\"y\"}]}";
	struct baton_json value;

	(void)state;
	for (size_t n = 0; n + 1 < sizeof(text); n++)
		assert_int_equal(baton_json_parse((baton_str){ text, n }, &value), BATON_E_JSON);
	assert_int_equal(baton_json_parse((baton_str){ text, sizeof(text) - 1 }, &value), 0);
}

static void depth_has_a_bound(void **state)
{
	char text[2 * BATON_JSON_DEPTH_MAX + 4];
	struct baton_json value;

	(void)state;
	memset(text, '[', BATON_JSON_DEPTH_MAX);
	memset(text + BATON_JSON_DEPTH_MAX, ']', BATON_JSON_DEPTH_MAX);
	assert_int_equal(baton_json_parse((baton_str){ text, 2 * BATON_JSON_DEPTH_MAX }, &value),
			 0);
	memset(text, '[', BATON_JSON_DEPTH_MAX + 1);
	memset(text + BATON_JSON_DEPTH_MAX + 1, ']', BATON_JSON_DEPTH_MAX + 1);
	assert_int_equal(
		baton_json_parse((baton_str){ text, 2 * BATON_JSON_DEPTH_MAX + 2 }, &value),
		BATON_E_JSON);
}

/* Reads `text` by both walks and compares them; what they say of it. */
static int walk_both_ways(baton_str text)
{
	struct baton_json object, key, value, checked_key, checked_value;
	size_t at = 0, checked_at = 0;
	int more, rc = baton_json_parse(text, &object);

	while ((more = baton_json_next(text, &at, &key, &value)) > 0) {
		if (rc < 0)
			continue;
		assert_true(baton_json_member(&object, &checked_at, &checked_key, &checked_value));
		assert_true(baton_str_eq(key.raw, checked_key.raw));
		assert_true(baton_str_eq(value.raw, checked_value.raw));
		assert_int_equal(value.type, checked_value.type);
		assert_int_equal(value.plain, checked_value.plain);
	}
	bool is_object = rc == 0 && object.type == BATON_JSON_OBJECT;
	assert_int_equal(more, is_object ? 0 : BATON_E_JSON);
	if (is_object)
		assert_false(baton_json_member(&object, &checked_at, &key, &value));
	return more;
}

static void a_walk_that_checks_agrees_with_the_parser(void **state)
{
	static const char *const texts[] = {
		" { \"a\" : 1 , \"b\" : {\"a\":[9]} , \"\\u0061\" : \"x\\n\" } ",
		"{}",
		" { } ",
		"{,}",
		"{\"a\":1,}",
		"{\"a\":1 \"b\":2}",
		"{\"a\":1}{",
		"{\"a\":1},",
		"{\"a\"}",
		"{\"a\" 1}",
		"{1:2}",
		"{\"a\":[1,]}",
		"{\"a\":{\"b\":}}",
		"[1]",
		"1",
		"",
		"\"a\"",
		"}",
		"{\"a\":01}",
		"{\"a\":1]",
		"{\"a\":\"b}",
		"{a:1}",
		"{\"a\":1,,\"b\":2}"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t n = 0; n <= strlen(texts[i]); n++)
			(void)walk_both_ways((baton_str){ texts[i], n });
	assert_int_equal(walk_both_ways(baton_str_of(texts[0])), 0);
}

static void a_walk_that_checks_has_the_same_bound_of_depth(void **state)
{
	struct baton_buf text = { NULL, 0, 0 };

	(void)state;
	for (unsigned inside = BATON_JSON_DEPTH_MAX - 1; inside <= BATON_JSON_DEPTH_MAX; inside++) {
		baton_buf_reset(&text);
		baton_buf_z(&text, "{\"a\":");
		for (unsigned i = 0; i < inside; i++)
			baton_buf_z(&text, "[");
		for (unsigned i = 0; i < inside; i++)
			baton_buf_z(&text, "]");
		baton_buf_z(&text, "}");
		assert_int_equal(walk_both_ways(baton_buf_view(&text)),
				 inside < BATON_JSON_DEPTH_MAX ? 0 : BATON_E_JSON);
	}
	baton_buf_done(&text);
}

static void members_are_found_by_name_and_the_last_one_wins(void **state)
{
	struct baton_json object, value;

	(void)state;
	assert_int_equal(parse("{ \"a\" : 1 , \"b\" : {\"a\":9} , \"a\" : 2 }", &object), 0);
	value = baton_json_get(&object, "a");
	assert_int_equal(baton_json_u64(&value, 0), 2);
	value = baton_json_get(&object, "c");
	assert_int_equal(value.type, BATON_JSON_NONE);
	value = baton_json_get(&value, "a"); /* of something that is no object */
	assert_int_equal(value.type, BATON_JSON_NONE);
}

static void elements_are_walked_in_order(void **state)
{
	struct baton_json array, value;
	size_t at = 0;
	uint64_t sum = 0, n = 0;

	(void)state;
	assert_int_equal(parse("[ 1, [5,[6]], 2 ,\"]\", 3]", &array), 0);
	while (baton_json_element(&array, &at, &value)) {
		n++;
		sum = sum * 10 + baton_json_u64(&value, 0);
	}
	assert_int_equal(n, 5);
	assert_int_equal(sum, 10203);
}

static void strings_are_unescaped(void **state)
{
	static const char text[] =
		"\"q\\\"b\\\\s\\/n\\nt\\tu\\u00e9\\u20ac\\ud83d\\udc4b lone\\ud83d.\\u0000!\"";
	static const char want[] =
		"q\"b\\s/n\nt\tu\xc3\xa9\xe2\x82\xac\xf0\x9f\x91\x8b lone\xef\xbf\xbd.\0!";
	struct baton_arena arena = { NULL, 0 };
	struct baton_json value;

	(void)state;
	assert_int_equal(parse(text, &value), 0);
	baton_str got = baton_json_text(&value, &arena);
	assert_int_equal(got.n, sizeof(want) - 1);
	assert_memory_equal(got.p, want, got.n);
	baton_arena_done(&arena);
}

static void numbers_out_of_range_give_the_default(void **state)
{
	struct baton_json value;

	(void)state;
	parse("18446744073709551615", &value);
	assert_true(baton_json_u64(&value, 7) == UINT64_MAX);
	parse("18446744073709551616", &value);
	assert_int_equal(baton_json_u64(&value, 7), 7);
	parse("-1", &value);
	assert_int_equal(baton_json_u64(&value, 7), 7);
	assert_int_equal(baton_json_i64(&value, 7), -1);
	parse("1.5", &value);
	assert_int_equal(baton_json_u64(&value, 7), 7);
	assert_true(baton_json_double(&value, 0) > 1.49);
	parse("\"1\"", &value);
	assert_int_equal(baton_json_u64(&value, 7), 7);
}

/* What the writer makes, an independent reader takes, and gives back the same text. */
static void written_strings_are_read_by_jansson(void **state)
{
	static const char raw[] = "a\"b\\c\n\x01\x1f\x7f \xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x91\x8b";
	struct baton_buf out = { NULL, 0, 0 };

	(void)state;
	baton_buf_json(&out, (baton_str){ raw, sizeof(raw) - 1 });
	json_t *read = json_loadb(out.p, out.n, JSON_DECODE_ANY, NULL);
	assert_non_null(read);
	assert_int_equal(json_string_length(read), sizeof(raw) - 1);
	assert_memory_equal(json_string_value(read), raw, sizeof(raw) - 1);
	json_decref(read);
	baton_buf_reset(&out);
	baton_buf_json(&out, BATON_STR("x\xff\xfey\xc3"));
	assert_string_equal(out.p, "\"x\xef\xbf\xbd\xef\xbf\xbdy\xef\xbf\xbd\"");
	baton_buf_done(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_texts_are_taken),
		cmocka_unit_test(malformed_texts_are_refused),
		cmocka_unit_test(every_cut_of_a_text_is_refused),
		cmocka_unit_test(depth_has_a_bound),
		cmocka_unit_test(a_walk_that_checks_agrees_with_the_parser),
		cmocka_unit_test(a_walk_that_checks_has_the_same_bound_of_depth),
		cmocka_unit_test(members_are_found_by_name_and_the_last_one_wins),
		cmocka_unit_test(elements_are_walked_in_order),
		cmocka_unit_test(strings_are_unescaped),
		cmocka_unit_test(numbers_out_of_range_give_the_default),
		cmocka_unit_test(written_strings_are_read_by_jansson),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
