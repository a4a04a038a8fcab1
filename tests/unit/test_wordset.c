/* SPDX-License-Identifier: Apache-2.0 */

/* Who says the same again. */
#include "core/observe/wordset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static bool same(const char *a, const char *b)
{
	struct baton_wordset x, y;

	baton_wordset_of(baton_str_of(a), &x);
	baton_wordset_of(baton_str_of(b), &y);
	return baton_wordset_same(&x, &y);
}

static void the_same_words_are_the_same_whatever_their_order_and_case(void **state)
{
	(void)state;
	assert_true(same("Where is my order 123?", "order 123: WHERE is my"));
	assert_true(same("where is my order 123", "hello? where is my order 123!!"));
	assert_true(same("est ma commande Ünal", "Est ma commande Ünal ??"));
}

static void another_question_is_another_question(void **state)
{
	(void)state;
	assert_false(same("Where is my order?", "I want a refund for the blue lamp"));
	assert_false(same("", ""));
	assert_false(same("...", "!!!"));
}

static void who_says_yes_twice_does_not_repeat_himself(void **state)
{
	(void)state;
	assert_false(same("yes", "yes"));
	assert_false(same("yes please", "yes please"));
}

static void a_text_of_any_length_is_taken(void **state)
{
	size_t n = 200000;
	char *text = malloc(n);
	struct baton_wordset set;

	(void)state;
	for (size_t i = 0; i < n; i++)
		text[i] = i % 7 == 6 ? ' ' : (char)('a' + (char)(i * 31 / 7 % 26));
	baton_wordset_of((baton_str){ text, n }, &set);
	assert_int_equal(set.n, BATON_WORDSET_MAX);
	memset(text, 'x', n); /* one word */
	baton_wordset_of((baton_str){ text, n }, &set);
	assert_int_equal(set.n, 1);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_words_are_the_same_whatever_their_order_and_case),
		cmocka_unit_test(another_question_is_another_question),
		cmocka_unit_test(who_says_yes_twice_does_not_repeat_himself),
		cmocka_unit_test(a_text_of_any_length_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
