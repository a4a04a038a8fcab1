/* SPDX-License-Identifier: Apache-2.0 */

/* Marks in a model's text: found however the text is cut, and nothing else is taken for one. */

#include "tests/unit/unit.h"

#include "core/turn/marks.h"

#include <stdio.h>

struct heard {
	struct baton_buf text;
	char marks[512];
};

static void on_mark(void *ud, baton_str inside)
{
	struct heard *heard = ud;
	size_t n = strlen(heard->marks);

	snprintf(heard->marks + n, sizeof(heard->marks) - n, "%s%.*s@%zu", n ? " " : "",
		 (int)inside.n, inside.p, heard->text.n);
}

/* The text in two pieces, the first of `cut` bytes; or byte by byte. */
static void take(struct heard *heard, const char *text, size_t cut, bool blanks)
{
	struct baton_mark_filter filter = { .blanks = blanks };
	size_t n = strlen(text);

	heard->marks[0] = '\0';
	baton_buf_reset(&heard->text);
	if (cut > n) {
		for (size_t i = 0; i < n; i++)
			baton_marks_take(&filter, (baton_str){ text + i, 1 }, &heard->text, on_mark,
					 heard);
	} else {
		baton_marks_take(&filter, (baton_str){ text, cut }, &heard->text, on_mark, heard);
		baton_marks_take(&filter, (baton_str){ text + cut, n - cut }, &heard->text, on_mark,
				 heard);
	}
	baton_marks_end(&filter, &heard->text);
	baton_buf_add(&heard->text, "", 1);
}

static void everywhere(const char *text, bool blanks, const char *expected, const char *marks)
{
	struct heard heard = { .text = { NULL, 0, 0 } };

	for (size_t cut = 0; cut <= strlen(text) + 1; cut++) {
		take(&heard, text, cut, blanks);
		assert_string_equal(heard.text.p, expected);
		assert_string_equal(heard.marks, marks);
	}
	baton_buf_done(&heard.text);
}

static void a_mark_is_taken_out_wherever_the_text_is_cut(void **state)
{
	(void)state;
	everywhere("Free [[returns]]. Really [[fees]]!", true, "Free. Really!",
		   "returns@4 fees@12");
	everywhere("Free [[returns]]. Really [[fees]]!", false, "Free . Really !",
		   "returns@5 fees@14");
	everywhere("[[unknown]] I do not know.", true, " I do not know.", "unknown@0");
	everywhere("Gr\xc3\xbc\xc3\x9f"
		   "e [[r\xc3\xbc"
		   "ck]]\xe2\x82\xac",
		   true,
		   "Gr\xc3\xbc\xc3\x9f"
		   "e\xe2\x82\xac",
		   "r\xc3\xbc"
		   "ck@7");
	everywhere("a[[b]][[c, d]]e", true, "ae", "b@1 c, d@1");
}

static void what_only_looks_like_a_mark_is_text(void **state)
{
	static const char *const texts[] = {
		"[order date], [amount]",
		"see [7].",
		"a[0][1]",
		"[[",
		"[[a",
		"[[a]",
		"[[a] b]]",
		"[[]]",
		"[[]",
		"[[a\nb]]",
		"x [[1,2],[3]]",
		"two  blanks  ",
		"] ]] [",
		"- [ ] to do",
		"[ [a] ]",
		"",
		" ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		everywhere(texts[i], true, texts[i], "");
		everywhere(texts[i], false, texts[i], "");
	}
}

static void brackets_in_a_row_end_in_the_innermost_mark(void **state)
{
	(void)state;
	everywhere("[[[a]]]", true, "[]", "a@1");
	everywhere("[[[[a]]", true, "[[", "a@2");
	everywhere("  [[a]] ", true, "  ", "a@1");
}

/* Whoever opens a mark and never ends it gets his text through, and holds nothing back for long. */
static void an_endless_mark_is_text(void **state)
{
	static char text[2048];
	struct heard heard = { .text = { NULL, 0, 0 } };

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "[[", 2);
	memcpy(text + sizeof(text) - 3, "]]", 2);
	for (size_t cut = 0; cut < sizeof(text); cut += 97) {
		take(&heard, text, cut, true);
		assert_string_equal(heard.text.p, text);
		assert_string_equal(heard.marks, "");
	}
	memset(text, '[', sizeof(text) - 1);
	take(&heard, text, sizeof(text) + 1, true);
	assert_string_equal(heard.text.p, text);
	baton_buf_done(&heard.text);
}

static void the_longest_mark_is_a_mark(void **state)
{
	char text[BATON_MARK_BYTES_MAX + 8] = "[[";
	struct heard heard = { .text = { NULL, 0, 0 } };

	(void)state;
	memset(text + 2, 'y', BATON_MARK_BYTES_MAX - 2);
	memcpy(text + BATON_MARK_BYTES_MAX, "]]", 3);
	take(&heard, text, 50, true);
	assert_string_equal(heard.text.p, "");
	assert_int_equal(heard.marks[0], 'y');
	baton_buf_done(&heard.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mark_is_taken_out_wherever_the_text_is_cut),
		cmocka_unit_test(what_only_looks_like_a_mark_is_text),
		cmocka_unit_test(brackets_in_a_row_end_in_the_innermost_mark),
		cmocka_unit_test(an_endless_mark_is_text),
		cmocka_unit_test(the_longest_mark_is_a_mark),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
