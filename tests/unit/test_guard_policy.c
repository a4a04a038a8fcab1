/* SPDX-License-Identifier: Apache-2.0 */

/* guard-policy through the module's own door. */

#include "tests/unit/guard_look.h"

static const char config[] =
	"{\"policy\":{\"promises\":["
	"{\"id\":\"no-refund\",\"intents\":[\"refund\"],\"forbid\":[\"you'll get  a refund\",\"full "
	"refund\"],\"unless\":[\"cannot\",\"not possible\"]},"
	"{\"id\":\"no-day\",\"forbid\":[\"/(arrives?|delivered) (on|by) (mon|tues|wednes)day/\"]},"
	"{\"id\":\"nur-deutsch\",\"forbid\":[\"garantiert\"],\"languages\":[\"de\"]}],"
	"\"required\":[{\"id\":\"advice\",\"intents\":[\"tax\"],\"phrases\":\"no advice\",\"append\":\"This is "
	"no advice.\"},{\"id\":\"name\",\"intents\":[\"law\"],\"phrases\":[\"by law\",\"legally\"]}]}}";

static void expect(struct look *look, const char *intent, const char *text, const char *rules)
{
	baton_turn turn = look_turn(intent);
	const baton_hits *hits = look_answer(look, &turn, baton_str_of(text), 0, true);
	char said[256] = "";

	for (uint32_t i = 0; i < hits->n; i++) {
		size_t n = strlen(said);

		snprintf(said + n, sizeof(said) - n, "%s%.*s:%s", n ? " " : "",
			 (int)hits->v[i].rule.n, hits->v[i].rule.p,
			 hits->v[i].action == BATON_GUARD_BLOCK ? "block" : "append");
	}
	if (strcmp(said, rules) != 0)
		fail_msg("%s: %s, not %s", text, said, rules);
}

static void what_must_not_be_said_is_found_as_people_write_it(void **state)
{
	struct look *look = look_open("guard-policy", config);

	(void)state;
	expect(look, "refund", "Sure. You\xe2\x80\x99ll get\na  REFUND.", "no-refund:block");
	expect(look, "refund", "A full refund, delivered by Tuesday.",
	       "no-refund:block no-day:block");
	expect(look, "refund", "Careful refunds and a full refundable fare.", "");
	expect(look, "hours", "A full refund.", "");
	expect(look, "hours", "It arrives on Monday!", "no-day:block");
	expect(look, "", "Das kommt garantiert.", "");
	look_close(&look);
}

static void a_sentence_may_take_it_back(void **state)
{
	struct look *look = look_open("guard-policy", config);

	(void)state;
	expect(look, "refund", "A full refund is not possible.", "");
	expect(look, "refund", "We cannot say. You get a full refund.", "no-refund:block");
	expect(look, "refund", "It costs 3.50, so a full refund we cannot give.", "");
	look_close(&look);
}

static void what_must_be_said_is_put_behind_it_or_a_person_reads(void **state)
{
	struct look *look = look_open("guard-policy", config);

	(void)state;
	expect(look, "tax", "It is 19 %.", "advice:append");
	expect(look, "tax", "It is 19 %, but this is no advice.", "");
	expect(look, "law", "You have 14 days.", "name:block");
	expect(look, "law", "Legally, you have 14 days.", "");
	look_close(&look);
}

static void sentences_are_let_go_when_they_are_whole(void **state)
{
	struct look *look = look_open("guard-policy", config);
	baton_turn turn = look_turn("refund");
	static const char text[] = "We see. A full refund is not";

	(void)state;
	const baton_hits *hits = look_answer(look, &turn, baton_str_of(text), 0, false);
	assert_int_equal(hits->safe, 7);
	assert_int_equal(hits->n, 0);
	hits = look_answer(look, &turn, BATON_STR("We see. A full refund is yours. "), 7, false);
	assert_int_equal(hits->n, 1);
	look_grow(look, "Well. It arrives on Monday. And so on. ", 1);
	look_grow(look, "It arrives on Monday", 3);
	look_close(&look);
}

static void a_sentence_without_end_is_not_held_for_ever(void **state)
{
	struct look *look = look_open("guard-policy", config);
	char text[4000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_true(look_safe(look, text, 0) > 3000);
	look_close(&look);
}

/* Each of these was found, or was not, by where it happened to be cut. */
static void what_is_found_does_not_depend_on_the_pieces(void **state)
{
	struct look *look = look_open("guard-policy", config);
	baton_turn turn = look_turn("refund");
	static const char broken[] = "Sure. You'll get\na refund.";

	(void)state;
	const baton_hits *hits = look_answer(look, &turn, BATON_STR("So: a full refund"), 0, false);
	assert_int_equal(hits->n, 0); /* "refundable" is none */
	hits = look_answer(look, &turn, BATON_STR("So: a full refundable fare. "), 0, false);
	assert_int_equal(hits->n, 0);
	assert_int_equal(hits->safe, 27);
	hits = look_answer(look, &turn, BATON_STR("Sure. You'll get\n"), 6, false);
	assert_int_equal(hits->safe, 6); /* the line has ended, what was begun in it has not */
	hits = look_answer(look, &turn, baton_str_of(broken), 6, true);
	assert_int_equal(hits->n, 1);
	look_close(&look);
}

static void a_long_sentence_is_held_from_its_promise_on(void **state)
{
	struct look *look = look_open("guard-policy", config);
	baton_turn turn = look_turn("refund");
	char text[2000] = "A full refund ";

	(void)state;
	memset(text + 14, 'x', sizeof(text) - 15);
	const baton_hits *hits = look_answer(look, &turn, baton_str_of(text), 0, false);
	assert_int_equal(hits->n, 0);
	assert_int_equal(hits->safe, 2);
	hits = look_answer(look, &turn, baton_str_of(text), 2, true);
	assert_int_equal(hits->n, 1);
	memcpy(text + sizeof(text) - 14, " we cannot do", 13);
	assert_int_equal(look_answer(look, &turn, baton_str_of(text), 2, true)->n, 0);
	look_close(&look);
}

static void words_to_append_do_not_hide_that_others_are_missing(void **state)
{
	struct look *look =
		look_open("guard-policy",
			  "{\"policy\":{\"required\":["
			  "{\"id\":\"advice\",\"phrases\":\"no advice\",\"append\":\"No advice.\"},"
			  "{\"id\":\"name\",\"phrases\":\"by law\"}]}}");

	(void)state;
	expect(look, "", "It is 19 %.", "name:block advice:append");
	look_close(&look);
}

static void settings_that_are_wrong_are_refused(void **state)
{
	(void)state;
	look_refused("guard-policy", "{\"policy\":{\"promises\":[{\"id\":\"a\",\"forbid\":[]}]}}");
	look_refused("guard-policy",
		     "{\"policy\":{\"promises\":[{\"id\":\"a\",\"forbid\":[\"/(/\"]}]}}");
	look_refused("guard-policy", "{\"policy\":{\"required\":[{\"phrases\":\"b\"}]}}");
}

static void any_bytes_are_looked_at_without_harm(void **state)
{
	struct look *look = look_open("guard-policy", config);
	static const char *const texts[] = { "It arrives on Monday. ", "delivered by tuesday! \n" };

	(void)state;
	look_noise(look, texts, 2, 10000);
	look_close(&look);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_must_not_be_said_is_found_as_people_write_it),
		cmocka_unit_test(a_sentence_may_take_it_back),
		cmocka_unit_test(what_must_be_said_is_put_behind_it_or_a_person_reads),
		cmocka_unit_test(sentences_are_let_go_when_they_are_whole),
		cmocka_unit_test(a_sentence_without_end_is_not_held_for_ever),
		cmocka_unit_test(what_is_found_does_not_depend_on_the_pieces),
		cmocka_unit_test(a_long_sentence_is_held_from_its_promise_on),
		cmocka_unit_test(words_to_append_do_not_hide_that_others_are_missing),
		cmocka_unit_test(settings_that_are_wrong_are_refused),
		cmocka_unit_test(any_bytes_are_looked_at_without_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
