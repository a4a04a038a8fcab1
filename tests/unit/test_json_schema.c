/* SPDX-License-Identifier: Apache-2.0 */

/* What models want tools to be given, against schemas: the checker of
 * core/policy/json_schema.h, held to the same verdicts as the one for modules' configurations
 * where both know the words; and the one spelling that equality rests on. */

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/json_canon.h"
#include "core/module/schema.h"
#include "core/policy/json_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- one spelling --- */

static void spelled(const char *text, const char *expected)
{
	struct baton_json value;
	struct baton_buf out = { NULL, 0, 0 };

	assert_int_equal(baton_json_parse(baton_str_of(text), &value), 0);
	baton_json_canon(&value, &out);
	assert_int_equal(out.n, strlen(expected));
	if (out.n > 0)
		assert_memory_equal(out.p, expected, out.n);
	baton_buf_done(&out);
}

static void what_means_the_same_is_spelled_the_same(void **state)
{
	(void)state;
	spelled(" { \"b\" : 1 , \"a\" : [ ] } ", "{\"a\":[],\"b\":1}");
	spelled("{\"a\":1,\"a\":2}", "{\"a\":2}");
	spelled("{\"\\u0061\":1,\"a\":2}", "{\"a\":2}");
	spelled("[1.0,1e2,-0,-0.0,100]", "[1,100,0,0,100]");
	spelled("[0.1,1e-7]", "[0.10000000000000001,9.9999999999999995e-08]");
	spelled("9007199254740993", "9007199254740993");
	spelled("18446744073709551616", "18446744073709551616");
	spelled("[1e388,-2.5E999]", "[1e388,-2.5E999]");
	spelled("\"\\u00e9\\/\\n\"", "\"\xc3\xa9/\\n\"");
	spelled("{\"\":{\"\":null},\"a\":{},\"aa\":true}",
		"{\"\":{\"\":null},\"a\":{},\"aa\":true}");
}

static void the_deepest_value_that_is_read_is_spelled(void **state)
{
	char text[80];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 32; i++)
		text[n++] = '[';
	for (int i = 0; i < 32; i++)
		text[n++] = ']';
	text[n] = '\0';
	spelled(text, text);
}

/* --- schemas --- */

struct verdict {
	const char *schema, *value;
	bool fits;
	const char *why; /* NULL: not looked at */
};

#define ORDER_                                                                             \
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"order\"],"    \
	"\"properties\":{\"order\":{\"type\":\"string\",\"minLength\":4,\"maxLength\":8}," \
	"\"n\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9},"                        \
	"\"tags\":{\"type\":\"array\",\"maxItems\":2,\"items\":{\"enum\":[\"a\",{\"x\":[1,2]}]}}}}"

/* Both checkers know these words. */
static const struct verdict shared[] = {
	{ ORDER_, "{\"order\":\"4711\"}", true, NULL },
	{ ORDER_, "{\"order\":\"4711\",\"n\":9,\"tags\":[\"a\",{\"x\":[1,2]}]}", true, NULL },
	{ ORDER_, "{\"order\":4711}", false, "arguments.order: expected string, found integer" },
	{ ORDER_, "{\"order\":\"471\"}", false, "arguments.order: expected minLength 4" },
	{ ORDER_, "{\"order\":\"471147114711\"}", false, "arguments.order: expected maxLength 8" },
	{ ORDER_, "{\"order\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}", true, NULL },
	{ ORDER_, "{}", false, "arguments: \"order\" is missing" },
	{ ORDER_, "{\"order\":\"4711\",\"n\":1.5}", false,
	  "arguments.n: expected integer, found number" },
	{ ORDER_, "{\"order\":\"4711\",\"n\":2.0}", true, NULL },
	{ ORDER_, "{\"order\":\"4711\",\"n\":0}", false, "arguments.n: expected minimum 1" },
	{ ORDER_, "{\"order\":\"4711\",\"n\":10}", false, "arguments.n: expected maximum 9" },
	{ ORDER_, "{\"order\":\"4711\",\"x\":1}", false, "arguments: a member that is not known" },
	{ ORDER_, "{\"order\":\"4711\",\"tags\":[\"b\"]}", false,
	  "arguments.tags.0: not one of the values allowed" },
	{ ORDER_, "{\"order\":\"4711\",\"tags\":[\"a\",\"a\",\"a\"]}", false,
	  "arguments.tags: expected maxItems 2" },
	{ ORDER_, "[]", false, "arguments: expected object, found array" },
	{ ORDER_, "null", false, "arguments: expected object, found null" },
	{ "{\"type\":[\"string\",\"null\"]}", "null", true, NULL },
	{ "{\"type\":[\"string\",\"null\"]}", "1", false,
	  "arguments: integer is none of the types allowed" },
	{ "{\"additionalProperties\":{\"type\":\"boolean\"}}", "{\"a\":true,\"b\":false}", true,
	  NULL },
	{ "{\"additionalProperties\":{\"type\":\"boolean\"}}", "{\"a\":true,\"b\":0}", false,
	  "arguments.b: expected boolean, found integer" },
	{ "{}", "{\"anything\":[{}]}", true, NULL },
};

static void both_checkers_come_to_the_same_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		const struct verdict *v = &shared[i];
		char why[200] = "", theirs[200];
		int rc = baton_json_schema_fits(baton_str_of(v->schema), baton_str_of(v->value),
						"arguments", why, sizeof(why));
		json_t *json = json_loads(v->value, JSON_DECODE_ANY, NULL);

		if ((rc == 0) != v->fits || (v->why && strcmp(why, v->why) != 0))
			fail_msg("%s: %d %s", v->value, rc, why);
		assert_int_equal(rc == 0,
				 baton_schema_check(v->schema, json, theirs, sizeof(theirs)) == 0);
		json_decref(json);
	}
}

static const struct verdict ours[] = {
	{ "{\"pattern\":\"^[0-9]{4}$\"}", "\"4711\"", true, NULL },
	{ "{\"pattern\":\"^[0-9]{4}$\"}", "\"47111\"", false,
	  "arguments: does not have the form that is asked for" },
	{ "{\"pattern\":\"^[0-9]{4}$\"}", "\"4711\\n\"", false, NULL },
	{ "{\"pattern\":\"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"", false,
	  NULL },
	{ "{\"pattern\":\"x\"}", "17", true, NULL },
	{ "{\"const\":{\"a\":1}}", "{\"a\":1.0}", true, NULL },
	{ ORDER_, "{\"order\":\"4711\",\"tags\":[\"a\",{\"x\":[1.0,2]}]}", true, NULL },
	{ "{\"const\":\"EUR\"}", "\"USD\"", false, "arguments: not one of the values allowed" },
	/* What counts is the text of a name, and each of what is said twice. */
	{ ORDER_, "{\"\\u006frder\":\"4711\"}", true, NULL },
	{ ORDER_, "{\"order\":17,\"order\":\"4711\"}", false, NULL },
	{ "", "{\"a\":1}", true, NULL },
	{ "", "{\"a\":", false, "arguments: no JSON" },
	{ ORDER_, "{\"order\":\"\xff\xfe\"}", false, "arguments: no JSON" },
	{ "{\"additionalProperties\":{\"type\":\"string\"}}", "{\"a\\nb\":1}", false,
	  "arguments.a?b: expected string, found integer" },
};

static void values_are_checked_whatever_their_spelling(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		const struct verdict *v = &ours[i];
		char why[200] = "";
		int rc = baton_json_schema_fits(baton_str_of(v->schema), baton_str_of(v->value),
						"arguments", why, sizeof(why));

		if ((rc == 0) != v->fits || (v->why && strcmp(why, v->why) != 0))
			fail_msg("%s: %d %s", v->value, rc, why);
	}
}

static void a_schema_that_could_not_be_kept_is_refused(void **state)
{
	static const char *const bad[][2] = {
		{ "{\"format\":\"date\"}", "unknown keyword at the schema: \"format\"" },
		{ "{\"properties\":{\"a\":{\"$ref\":\"#\"}}}",
		  "unknown keyword at the schema.a: \"$ref\"" },
		{ "{\"items\":{\"oneOf\":[]}}", "unknown keyword at the schema.[]: \"oneOf\"" },
		{ "{\"additionalProperties\":{\"x\":1}}",
		  "unknown keyword at the schema.*: \"x\"" },
		{ "{\"type\":\"strin\"}", "bad value of keyword at the schema: \"type\"" },
		{ "{\"type\":[]}", "bad value of keyword at the schema: \"type\"" },
		{ "{\"required\":\"a\"}", "bad value of keyword at the schema: \"required\"" },
		{ "{\"enum\":[]}", "bad value of keyword at the schema: \"enum\"" },
		{ "{\"minimum\":\"1\"}", "bad value of keyword at the schema: \"minimum\"" },
		{ "{\"maxLength\":-1}", "bad value of keyword at the schema: \"maxLength\"" },
		{ "{\"maxLength\":1.5}", "bad value of keyword at the schema: \"maxLength\"" },
		{ "{\"pattern\":\"(\"}", "bad value of keyword at the schema: \"pattern\"" },
		{ "{\"pattern\":\"(?=a)\"}", "bad value of keyword at the schema: \"pattern\"" },
		{ "{\"properties\":{\"a\":true}}", "the schema.a is not an object" },
		{ "[]", "the schema is not an object" },
		{ "{\"a", "no JSON, or more than 32 levels" },
	};
	char why[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(baton_json_schema_sound(baton_str_of(bad[i][0]), why, sizeof(why)),
				 BATON_E_SCHEMA);
		assert_string_equal(why, bad[i][1]);
	}
	assert_int_equal(baton_json_schema_sound(baton_str_of(ORDER_), why, sizeof(why)), 0);
}

static void a_schema_longer_than_the_bound_is_refused(void **state)
{
	struct baton_buf text = { NULL, 0, 0 };
	char why[200];

	(void)state;
	baton_buf_z(&text, "{\"title\":\"");
	while (text.n < BATON_SCHEMA_BYTES_MAX)
		baton_buf_z(&text, "long ");
	baton_buf_z(&text, "\"}");
	assert_int_equal(baton_json_schema_sound(baton_buf_view(&text), why, sizeof(why)),
			 BATON_E_SCHEMA);
	baton_buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_means_the_same_is_spelled_the_same),
		cmocka_unit_test(the_deepest_value_that_is_read_is_spelled),
		cmocka_unit_test(both_checkers_come_to_the_same_verdict),
		cmocka_unit_test(values_are_checked_whatever_their_spelling),
		cmocka_unit_test(a_schema_that_could_not_be_kept_is_refused),
		cmocka_unit_test(a_schema_longer_than_the_bound_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
