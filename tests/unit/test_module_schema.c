/* SPDX-License-Identifier: Apache-2.0 */

/* Configurations against schemas: what fits, what does not and where, and schemas that ask too
 * much. */
#include "core/module/schema.h"

#include "core/base/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static int check(const char *schema, const char *value, char *why)
{
	json_t *json = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
	if (value)
		assert_non_null(json);
	why[0] = 0;
	int rc = baton_schema_check(schema, json, why, 256);
	json_decref(json);
	return rc;
}

static void what_fits_fits(void **state)
{
	static const char *const rows[][2] = {
		{ NULL, "{\"anything\":1}" },
		{ "", "{}" },
		{ "{}", "[1,2]" },
		{ "{\"type\":\"integer\"}", "1.0" },
		{ "{\"type\":\"number\"}", "3" },
		{ "{\"type\":[\"string\",\"null\"]}", "null" },
		{ "{\"minLength\":2,\"maxLength\":2}", "\"\xc3\xa4\xc3\xb6\"" },
		{ "{\"minLength\":2}", "7" },
		{ "{\"enum\":[\"a\",{\"b\":[1]}]}", "{\"b\":[1]}" },
		{ "{\"items\":{\"type\":\"string\"},\"maxItems\":2}", "[\"a\",\"b\"]" },
		{ "{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"x\":1,\"y\":2}" },
		{ "{\"type\":\"object\",\"additionalProperties\":false,\"title\":\"t\"}",
		  "{\"policy\":{}}" },
		{ "{\"minimum\":-1.5,\"maximum\":2}", "-1.5" },
		{ "{\"type\":\"object\"}", NULL },
	};
	char why[256];
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (check(rows[i][0], rows[i][1], why) != 0)
			fail_msg("row %zu: %s", i, why);
}

static void what_does_not_fit_is_named_with_its_place(void **state)
{
	static const char *const rows[][3] = {
		{ "{\"type\":\"integer\"}", "1.5", "config: expected integer, found number" },
		{ "{\"type\":[\"string\",\"null\"]}", "1",
		  "config: integer is none of the types allowed" },
		{ "{\"properties\":{\"a\":{\"properties\":{\"b\":{\"type\":\"boolean\"}}}}}",
		  "{\"a\":{\"b\":1}}", "config.a.b: expected boolean, found integer" },
		{ "{\"required\":[\"url\"]}", "{}", "config: \"url\" is missing" },
		{ "{\"additionalProperties\":false,\"properties\":{\"a\":{}}}", "{\"b\":1}",
		  "config: \"b\" is not known" },
		{ "{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"x\":\"1\"}",
		  "config.x: expected integer, found string" },
		{ "{\"enum\":[1,2]}", "3", "config: not one of the values allowed" },
		{ "{\"maximum\":5}", "6", "config: expected maximum 5, found 6" },
		{ "{\"minLength\":1}", "\"\"", "config: expected minLength 1, found 0" },
		{ "{\"maxLength\":1}", "\"ab\"", "config: expected maxLength 1, found 2" },
		{ "{\"maxItems\":1}", "[1,2]", "config: expected maxItems 1, found 2" },
		{ "{\"items\":{\"type\":\"string\"}}", "[\"a\",2]",
		  "config.1: expected string, found integer" },
		/* only the host's own member at the top is passed over */
		{ "{\"properties\":{\"a\":{\"additionalProperties\":false}}}",
		  "{\"a\":{\"policy\":1}}", "config.a: \"policy\" is not known" },
		{ "{\"properties\":{\"policy\":{\"type\":\"object\"}}}", "{\"policy\":1}",
		  "config.policy: expected object, found integer" },
	};
	char why[256];
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(check(rows[i][0], rows[i][1], why), BATON_E_INVAL);
		assert_string_equal(why, rows[i][2]);
	}
}

static void a_schema_that_asks_for_more_is_refused_even_where_it_does_not_apply(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"pattern\":\"^a\"}", "config schema: unknown keyword at config: \"pattern\"" },
		{ "{\"properties\":{\"a\":{\"items\":{\"oneOf\":[]}}}}",
		  "config schema: unknown keyword at config.a.[]: \"oneOf\"" },
		{ "{\"additionalProperties\":{\"$ref\":\"#/x\"}}",
		  "config schema: unknown keyword at config.*: \"$ref\"" },
		{ "{\"type\":\"text\"}",
		  "config schema: bad value of keyword at config: \"type\"" },
		{ "{\"type\":[]}", "config schema: bad value of keyword at config: \"type\"" },
		{ "{\"required\":[1]}",
		  "config schema: bad value of keyword at config: \"required\"" },
		{ "{\"minLength\":-1}",
		  "config schema: bad value of keyword at config: \"minLength\"" },
		{ "{\"enum\":[]}", "config schema: bad value of keyword at config: \"enum\"" },
		{ "{\"properties\":{\"a\":7}}", "config schema: config.a is not an object" },
		{ "[]", "config schema: config is not an object" },
	};
	char why[256];
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(check(rows[i][0], "{}", why), BATON_E_SCHEMA);
		assert_string_equal(why, rows[i][1]);
	}
	assert_int_equal(check("{", "{}", why), BATON_E_SCHEMA);
	assert_int_equal(check("{\"type\":\"object\",\"type\":\"array\"}", "{}", why),
			 BATON_E_SCHEMA);
}

static void depth_and_width_are_bounded(void **state)
{
	json_t *wide = json_array();
	char why[256];
	(void)state;
	for (int i = 0; i < 70000; i++)
		assert_int_equal(json_array_append_new(wide, json_integer(i)), 0);
	assert_int_equal(
		baton_schema_check("{\"items\":{\"type\":\"integer\"}}", wide, why, sizeof(why)),
		BATON_E_INVAL);
	assert_string_equal(why, "config.65536: too many members to check");
	assert_int_equal(baton_schema_check("{\"type\":\"array\"}", wide, why, sizeof(why)), 0);
	json_decref(wide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_fits),
		cmocka_unit_test(what_does_not_fit_is_named_with_its_place),
		cmocka_unit_test(
			a_schema_that_asks_for_more_is_refused_even_where_it_does_not_apply),
		cmocka_unit_test(depth_and_width_are_bounded),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
