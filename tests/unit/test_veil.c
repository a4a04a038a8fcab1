/* SPDX-License-Identifier: Apache-2.0 */

/* Placeholders: given by first appearance, kept, and turned back however the text is cut. */

#include "tests/unit/unit.h"

#include "core/turn/veil.h"

#include <stdio.h>

static struct baton_arena arena;
static struct baton_veil veil;

static int begin(void **state)
{
	(void)state;
	veil = (struct baton_veil){ .arena = &arena, .seed = 7 };
	return 0;
}

static int end(void **state)
{
	(void)state;
	baton_arena_done(&arena);
	return 0;
}

static void put(const char *type, const char *value, const char *expected)
{
	struct baton_buf out = { NULL, 0, 0 };

	baton_veil_put(&veil, baton_str_of(type), baton_str_of(value), &out);
	assert_string_equal(out.p, expected);
	baton_buf_done(&out);
}

static void the_same_value_has_the_same_placeholder(void **state)
{
	(void)state;
	put("email", "a@b.example", "[EMAIL_1]");
	put("card", "4111111111111111", "[CARD_1]");
	put("email", "c@d.example", "[EMAIL_2]");
	put("email", "a@b.example", "[EMAIL_1]");
	put("national_id", "a@b.example", "[NATIONAL_ID_1]"); /* another kind is another thing */
}

static void numbers_that_were_given_before_are_kept(void **state)
{
	(void)state;
	put("email", "a@b.example", "[EMAIL_1]");
	put("email", "c@d.example", "[EMAIL_2]");
	uint64_t sum = veil.v[1].sum;

	/* The next turn: the first address is too far back to be seen. */
	veil = (struct baton_veil){ .arena = &arena, .seed = 7 };
	baton_veil_remember(&veil, BATON_STR("email"), 1, 123);
	baton_veil_remember(&veil, BATON_STR("email"), 2, sum);
	put("email", "c@d.example", "[EMAIL_2]");
	put("email", "e@f.example", "[EMAIL_3]");
	assert_false(veil.v[1].fresh);
	assert_true(veil.v[2].fresh);
}

static void more_than_can_be_kept_are_masked_and_never_turned_back(void **state)
{
	char value[32], mark[32];

	(void)state;
	for (unsigned i = 0; i < BATON_SECRETS_KEPT_MAX; i++) {
		snprintf(value, sizeof(value), "%u@b.example", i);
		snprintf(mark, sizeof(mark), "[EMAIL_%u]", i + 1);
		put("email", value, mark);
	}
	put("email", "one@too.many", "[EMAIL]");
	put("email", "3@b.example", "[EMAIL_4]");
}

/* Whole, and cut at each place into two and into single bytes. */
static void expect_back(const char *text, const char *expected)
{
	size_t n = strlen(text);

	for (size_t cut = 0; cut <= n + 1; cut++) {
		struct baton_unveil unveil = { .n = 0 };
		struct baton_buf out = { NULL, 0, 0 };

		baton_buf_z(&out, "");
		if (cut <= n) {
			baton_unveil_take(&unveil, &veil, (baton_str){ text, cut }, &out);
			baton_unveil_take(&unveil, &veil, (baton_str){ text + cut, n - cut }, &out);
		}
		for (size_t i = 0; cut > n && i < n; i++)
			baton_unveil_take(&unveil, &veil, (baton_str){ text + i, 1 }, &out);
		baton_unveil_end(&unveil, &out);
		assert_int_equal(out.n, strlen(expected));
		assert_memory_equal(out.p, expected, out.n);
		baton_buf_done(&out);
	}
}

static void placeholders_are_turned_back_however_the_text_is_cut(void **state)
{
	(void)state;
	put("email", "a@b.example", "[EMAIL_1]");
	put("card", "4111 1111", "[CARD_1]");
	expect_back("Write to [EMAIL_1] or pay with [CARD_1].",
		    "Write to a@b.example or pay with 4111 1111.");
	expect_back("[EMAIL_1][EMAIL_1]", "a@b.examplea@b.example");
	expect_back("[[EMAIL_1]]", "[a@b.example]");
	expect_back("[a link](x) [EMAIL", "[a link](x) [EMAIL");
}

static void placeholders_that_nobody_made_stay_as_they_are(void **state)
{
	(void)state;
	put("email", "a@b.example", "[EMAIL_1]");
	expect_back(
		"[EMAIL_2] [EMAIL_01] [EMAIL_] [EMAIL] [PHONE_1] [email_1] [EMAIL_9999999] [_1] [1]",
		"[EMAIL_2] [EMAIL_01] [EMAIL_] [EMAIL] [PHONE_1] [email_1] [EMAIL_9999999] [_1] [1]");
	expect_back("[AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_1]",
		    "[AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_1]");
}

static void a_value_does_not_become_a_placeholder_of_another(void **state)
{
	(void)state;
	put("name", "[CARD_1]", "[NAME_1]"); /* somebody types one */
	put("card", "4111", "[CARD_1]");
	expect_back("[NAME_1]", "[CARD_1]"); /* turned back once */
}

static void what_is_known_is_veiled_wherever_it_stands(void **state)
{
	struct baton_buf out = { NULL, 0, 0 };

	(void)state;
	put("email", "a@b.example", "[EMAIL_1]");
	put("email", "a@b.example.org", "[EMAIL_2]");
	put("password", "1234", "[PASSWORD_1]");
	baton_veil_known(&veil, BATON_STR("a@b.example, a@b.example.org, 1234"), &out);
	assert_string_equal(out.p, "[EMAIL_1], [EMAIL_2], 1234");
	baton_buf_done(&out);
}

static void arguments_get_back_what_is_revealed_as_json(void **state)
{
	static const char *const types[] = { "email" };
	struct baton_buf out = { NULL, 0, 0 };

	(void)state;
	put("email", "\"a b\"@c.example", "[EMAIL_1]");
	put("card", "4111", "[CARD_1]");
	baton_unveil_json(&veil,
			  BATON_STR("{\"to\":\"[EMAIL_1]\",\"card\":\"[CARD_1]\",\"l\":[1]}"),
			  types, 1, &out);
	assert_string_equal(out.p,
			    "{\"to\":\"\\\"a b\\\"@c.example\",\"card\":\"[CARD_1]\",\"l\":[1]}");
	baton_buf_done(&out);
}

#define VEIL(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VEIL(the_same_value_has_the_same_placeholder),
		VEIL(numbers_that_were_given_before_are_kept),
		VEIL(more_than_can_be_kept_are_masked_and_never_turned_back),
		VEIL(placeholders_are_turned_back_however_the_text_is_cut),
		VEIL(placeholders_that_nobody_made_stay_as_they_are),
		VEIL(a_value_does_not_become_a_placeholder_of_another),
		VEIL(what_is_known_is_veiled_wherever_it_stands),
		VEIL(arguments_get_back_what_is_revealed_as_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
