/* SPDX-License-Identifier: Apache-2.0 */

/* What a message speaks of, by words: whole, in any case and form, in one walk. */

#include "tests/unit/unit.h"

#include "core/base/buf.h"
#include "core/policy/topics.h"

#include <time.h>

static const char *security[] = { "hacked", "stolen card", "account take over", "Straße",
				  "can't log in" };
static const char *legal[] = { "lawyer", "court", "small claims court", "律师", "stolen card" };
static const char *legal_intents[] = { "legal-question" };
static struct baton_topic_def topics[] = {
	{ .name = "security", .words = security, .n_words = 5 },
	{ .name = "legal", .words = legal, .n_words = 5, .intents = legal_intents, .n_intents = 1 },
};
enum { SECURITY = 1, LEGAL = 2 };
static struct baton_policy policy = { .topics = topics, .n_topics = 2 };

static int compile(void **state)
{
	(void)state;
	baton_topics_compile(&policy);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	baton_arena_done(&policy.arena);
	return 0;
}

static uint32_t of(const char *text)
{
	return baton_topics_of_text(&policy, baton_str_of(text));
}

static void words_are_found_whole_in_any_case_and_place(void **state)
{
	(void)state;
	assert_int_equal(of("I was HACKED!"), SECURITY);
	assert_int_equal(of("hacked"), SECURITY);
	assert_int_equal(of("(hacked)"), SECURITY);
	assert_int_equal(of("My lawyer says: hacked."), SECURITY | LEGAL);
	assert_int_equal(of("unhacked hackedness"), 0);
	assert_int_equal(of("what courtesy, dear courtier"), 0);
	assert_int_equal(of("court_"), LEGAL);
	assert_int_equal(of(""), 0);
}

static void a_phrase_is_found_whatever_stands_between_its_words(void **state)
{
	(void)state;
	assert_int_equal(of("a Small-Claims,  COURT it is"), LEGAL);
	assert_int_equal(of("account\n\ttake over"), SECURITY);
	assert_int_equal(of("account take-over"), SECURITY);
	assert_int_equal(of("small claims"), 0);
	assert_int_equal(of("claims small court"), LEGAL); /* of the word alone */
	assert_int_equal(of("account did take over"), 0);
	assert_int_equal(of("stolen card"), SECURITY | LEGAL); /* it stands in both */
}

static void forms_of_a_character_are_one(void **state)
{
	(void)state;
	assert_int_equal(of("in der STRASSE"), SECURITY);
	assert_int_equal(
		of("\xef\xbc\xa8\xef\xbc\xa1\xef\xbc\xa3\xef\xbc\xab\xef\xbc\xa5\xef\xbc\xa4"),
		SECURITY); /* full width */
	assert_int_equal(of("ha\xc2\xad"
			    "cked"),
			 SECURITY); /* a soft hyphen */
	assert_int_equal(of("I can\xe2\x80\x99t log in"), SECURITY);
	assert_int_equal(of("i cant LOG in"), SECURITY);
	assert_int_equal(of("\xf0\x9d\x90\xa1\xf0\x9d\x90\x9a\xf0\x9d\x90\x9c\xf0\x9d\x90\xa4"
			    "\xf0\x9d\x90\x9e\xf0\x9d\x90\x9d"),
			 SECURITY); /* mathematical bold */
}

static void scripts_without_spaces_are_searched_through(void **state)
{
	(void)state;
	assert_int_equal(of("我要找律师谈谈"), LEGAL);
	assert_int_equal(of("我要找律谈师"), 0);
}

static void bytes_that_are_no_text_end_it(void **state)
{
	(void)state;
	assert_int_equal(of("hacked \xff lawyer"), SECURITY);
	assert_int_equal(of("\xed\xa0\x80 lawyer"), 0);
	assert_int_equal(of("hacked \xc3"), SECURITY);
}

static void intents_belong_to_topics(void **state)
{
	(void)state;
	assert_int_equal(baton_topics_of_intent(&policy, BATON_STR("legal-question")), LEGAL);
	assert_int_equal(baton_topics_of_intent(&policy, BATON_STR("shipping")), 0);
	assert_int_equal(baton_topics_of_intent(&policy, BATON_STR("")), 0);
}

static void words_are_counted_as_they_are_compared(void **state)
{
	(void)state;
	assert_int_equal(baton_topic_words(BATON_STR("small-claims court")), 3);
	assert_int_equal(baton_topic_words(BATON_STR("!?")), 0);
	assert_int_equal(baton_topic_words(BATON_STR("can't")), 1);
	assert_int_equal(baton_topic_words(BATON_STR("")), 0);
}

static uint64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The worst there is: marks on marks, one-letter words, a phrase that almost begins everywhere. */
static void the_longest_message_is_read_in_a_moment(void **state)
{
	static const char *const pieces[] = { "\xcc\x81\xcc\xa3", "a ", "small claims ", "律",
					      "\xef\xb7\xba" /* one that comes apart into 18 */ };

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct baton_buf text = { NULL, 0, 0 };

		while (text.n + strlen(pieces[i]) <= BATON_TEXT_BYTES_MAX)
			baton_buf_z(&text, pieces[i]);
		uint64_t begun = cpu_us();
		for (int n = 0; n < 10; n++)
			(void)baton_topics_of_text(&policy, baton_buf_view(&text));
		assert_true(cpu_us() - begun <
			    400000); /* far below; a quadratic one is far above */
		baton_buf_done(&text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_found_whole_in_any_case_and_place),
		cmocka_unit_test(a_phrase_is_found_whatever_stands_between_its_words),
		cmocka_unit_test(forms_of_a_character_are_one),
		cmocka_unit_test(scripts_without_spaces_are_searched_through),
		cmocka_unit_test(bytes_that_are_no_text_end_it),
		cmocka_unit_test(intents_belong_to_topics),
		cmocka_unit_test(words_are_counted_as_they_are_compared),
		cmocka_unit_test(the_longest_message_is_read_in_a_moment),
	};

	return cmocka_run_group_tests(tests, compile, forget);
}
