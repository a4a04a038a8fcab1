/* SPDX-License-Identifier: Apache-2.0 */

/* How much of a draft was changed: what people would say it is, and what any distance must keep. */

#include "tests/unit/unit.h"

#include "core/base/mem.h"
#include "core/session/edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint32_t ppm(const char *from, const char *to)
{
	return baton_edit_ppm(baton_str_of(from), baton_str_of(to));
}

static void the_same_words_are_no_edit(void **state)
{
	(void)state;
	assert_int_equal(ppm("It left today.", "It left today."), 0);
	assert_int_equal(ppm("It  left\n\ntoday.", " It left today. \t"), 0);
	assert_int_equal(ppm("It\xc2\xa0left\xe2\x80\x89today.", "It left today."), 0);
	assert_int_equal(ppm("", " \n "), 0);
}

static void each_changed_word_counts_once(void **state)
{
	(void)state;
	assert_int_equal(ppm("a b c d", "a b c x"), 250000);
	assert_int_equal(ppm("a b c d", "a b c"), 250000);
	assert_int_equal(ppm("a b c", "a b c d"), 250000);
	assert_int_equal(ppm("a b c d", "x a b c d y z k"), 500000);
	assert_int_equal(ppm("a b c d", "e f g h"), 1000000);
	assert_int_equal(ppm("", "one two"), 1000000);
	assert_int_equal(ppm("one two", ""), 1000000);
	assert_int_equal(ppm("gr\xc3\xbc\xc3\x9f dich", "gr\xc3\xbc\xc3\x9f euch"), 500000);
	/* A word is compared whole: a comma makes it another one. */
	assert_int_equal(ppm("yes no", "yes, no"), 500000);
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void any_text(uint32_t *seed, char *to, size_t words)
{
	size_t at = 0;

	for (size_t i = 0; i < words; i++)
		at += (size_t)snprintf(to + at, 16, "w%u%s", next(seed) % 6,
				       next(seed) % 9 == 0 ? "\n" : " ");
	to[at] = '\0';
}

/* Words differing: the share times the longer text. */
static double words_apart(const char *a, const char *b, size_t n, size_t m)
{
	return (double)ppm(a, b) * (double)(n > m ? n : m) / 1e6;
}

static void it_is_a_distance(void **state)
{
	static char a[4096], b[4096], c[4096];
	uint32_t seed = 7;

	(void)state;
	for (int i = 0; i < 400; i++) {
		size_t n = next(&seed) % 30, m = next(&seed) % 30, k = next(&seed) % 30;

		any_text(&seed, a, n);
		any_text(&seed, b, m);
		any_text(&seed, c, k);
		assert_int_equal(ppm(a, b), ppm(b, a));
		assert_int_equal(ppm(a, a), 0);
		assert_true(ppm(a, b) <= 1000000);
		double ab = words_apart(a, b, n, m), bc = words_apart(b, c, m, k),
		       ac = words_apart(a, c, n, k);
		assert_true(ac <= ab + bc + 0.01);
		double gap = n > m ? (double)(n - m) : (double)(m - n);
		assert_true(ab + 0.01 >= gap);
	}
}

static char *long_text(size_t words, size_t per_line, size_t changed)
{
	char *text = baton_alloc(words * 8 + 1);
	size_t at = 0;

	for (size_t i = 0; i < words; i++)
		at += (size_t)snprintf(text + at, 9, "%c%05zu%c", i == changed ? 'x' : 'w',
				       i % 100000, (i + 1) % per_line == 0 ? '\n' : ' ');
	return text;
}

static void long_texts_are_compared_by_lines(void **state)
{
	char *a = long_text(1000, 10, SIZE_MAX), *b = long_text(1000, 10, 500);

	(void)state;
	assert_int_equal(ppm(a, b), 1000); /* a thousand words fit */
	baton_free(a);
	baton_free(b);
	a = long_text(2000, 10, SIZE_MAX);
	b = long_text(2000, 10, 500);
	assert_int_equal(ppm(a, b), 5000); /* one of 200 lines */
	assert_int_equal(ppm(a, a), 0);
	baton_free(a);
	baton_free(b);
	/* More lines than fit: the rest is one line, and a change in it is seen. */
	a = long_text(3000, 2, SIZE_MAX);
	b = long_text(3000, 2, 2900);
	assert_int_equal(ppm(a, b), 1000);
	assert_int_equal(ppm(a, a), 0);
	baton_free(a);
	baton_free(b);
}

static void the_longest_texts_take_milliseconds(void **state)
{
	char *a = long_text(1000, 1000, SIZE_MAX), *b = long_text(1000, 1000, SIZE_MAX);
	struct timespec begin, end;

	(void)state;
	for (size_t i = 0; a[i]; i++) /* nothing in common: the whole table is filled */
		if (a[i] == 'w')
			a[i] = 'v';
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	for (int i = 0; i < 10; i++)
		assert_int_equal(ppm(a, b), 1000000);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	double ms = ((double)(end.tv_sec - begin.tv_sec) * 1e3 +
		     (double)(end.tv_nsec - begin.tv_nsec) / 1e6) /
		    10;
	print_message("# 1000 words against 1000 others: %.2f ms\n", ms);
	assert_true(ms < 100); /* bounded, also under a sanitizer on a busy machine */
	baton_free(a);
	baton_free(b);
}

static void bytes_that_are_no_text_are_survived(void **state)
{
	static char a[600], b[600];
	uint32_t seed = 99;

	(void)state;
	for (int round = 0; round < 300; round++) {
		for (size_t i = 0; i < sizeof(a); i++) {
			a[i] = (char)next(&seed);
			b[i] = (char)(next(&seed) % 3 ? a[i] : (char)0xe2);
		}
		baton_str one = { a, next(&seed) % sizeof(a) },
			  two = { b, next(&seed) % sizeof(b) };
		assert_true(baton_edit_ppm(one, two) <= 1000000);
		assert_int_equal(baton_edit_ppm(one, two), baton_edit_ppm(two, one));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_words_are_no_edit),
		cmocka_unit_test(each_changed_word_counts_once),
		cmocka_unit_test(it_is_a_distance),
		cmocka_unit_test(long_texts_are_compared_by_lines),
		cmocka_unit_test(the_longest_texts_take_milliseconds),
		cmocka_unit_test(bytes_that_are_no_text_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
