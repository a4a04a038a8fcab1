/* SPDX-License-Identifier: Apache-2.0 */

/* Text, ids, buffers, errors, logs: the small things everything rests on. */

#include "tests/unit/unit.h"

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/id.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#include <stdio.h>

static void utf8_is_what_rfc_3629_says(void **state)
{
	static const char *const good[] = { "",
					    "abc",
					    "\xc2\x80",
					    "\xdf\xbf",
					    "\xe0\xa0\x80",
					    "\xed\x9f\xbf",
					    "\xee\x80\x80",
					    "\xf0\x90\x80\x80",
					    "\xf4\x8f\xbf\xbf",
					    "12345678\xc3\xa9" };
	static const char *const bad[] = {
		"\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
		"\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xc3",         "\xe2\x82",         "\xf0\x9f\x91",     "a\xff"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(baton_str_utf8_ok(baton_str_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(baton_str_utf8_ok(baton_str_of(bad[i])));
}

static void a_text_is_clipped_between_characters(void **state)
{
	baton_str text = BATON_STR("a\xc3\xa9\xf0\x9f\x91\x8bz");

	(void)state;
	assert_int_equal(baton_str_clip(text, 99).n, text.n);
	assert_int_equal(baton_str_clip(text, 2).n, 1);
	assert_int_equal(baton_str_clip(text, 3).n, 3);
	assert_int_equal(baton_str_clip(text, 6).n, 3);
	assert_int_equal(baton_str_clip(text, 7).n, 7);
	assert_int_equal(baton_str_clip(text, 0).n, 0);
}

static void an_unfinished_character_at_the_end_is_seen(void **state)
{
	(void)state;
	assert_int_equal(baton_str_utf8_tail(BATON_STR("ab")), 0);
	assert_int_equal(baton_str_utf8_tail(BATON_STR("a\xc3")), 1);
	assert_int_equal(baton_str_utf8_tail(BATON_STR("a\xc3\xa9")), 0);
	assert_int_equal(baton_str_utf8_tail(BATON_STR("a\xf0\x9f\x91")), 3);
	assert_int_equal(baton_str_utf8_tail(BATON_STR("a\xe2\x82")), 2);
	assert_int_equal(baton_str_utf8_tail(BATON_STR("")), 0);
}

static void an_id_is_a_version_7_uuid_and_reads_back(void **state)
{
	static const uint8_t random[10] = { 0xff, 0xff, 0xff, 0xff, 0xff,
					    0xff, 0xff, 0xff, 0xff, 0xff };
	struct baton_id id = baton_id_make(0x0123456789ab, random), back;
	char text[BATON_ID_TEXT + 1];

	(void)state;
	baton_id_text(&id, text);
	assert_string_equal(text, "01234567-89ab-7fff-bfff-ffffffffffff");
	assert_int_equal(baton_id_parse(baton_str_of(text), &back), 0);
	assert_true(baton_id_eq(&id, &back));
	assert_int_equal(baton_id_parse(BATON_STR("01234567-89AB-7fff-bfff-ffffffffffff"), &back),
			 0);
	assert_true(baton_id_eq(&id, &back));
}

static void what_is_no_id_is_refused(void **state)
{
	static const char *const bad[] = { "",
					   "01234567",
					   "01234567-89ab-7fff-bfff-fffffffffff",
					   "0123456789ab-7fff-bfff-ffffffffffff--",
					   "01234567-89ab-7fff-bfff-fffffffffffg",
					   "01234567-89ab-7fff-bfff-ffffffffffff0" };
	struct baton_id id;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(baton_id_parse(baton_str_of(bad[i]), &id), BATON_E_INVAL);
}

static void ids_of_one_moment_spread_over_workers(void **state)
{
	size_t on[3] = { 0, 0, 0 };

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		uint8_t random[10] = { 7, 7, 7, 7, 7, 7, 7, 7, (uint8_t)i, (uint8_t)(i >> 8) };
		struct baton_id id = baton_id_make(1795000000000, random);

		on[baton_id_hash(&id) % 3]++;
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(on[i], 900, 1100);
}

/* Eight bytes are looked at together: every byte at every place of them, alone and behind
 * another. */
static void json_plain_ends_at_what_must_be_escaped(void **state)
{
	char text[24];

	(void)state;
	for (size_t at = 0; at < sizeof(text); at++) {
		for (unsigned c = 0; c < 256; c++) {
			bool ends = c < 0x20 || c == '"' || c == '\\';

			memset(text, 'a', sizeof(text));
			text[at] = (char)c;
			assert_int_equal(baton_str_json_plain((baton_str){ text, sizeof(text) }),
					 ends ? at : sizeof(text));
			if (at > 0)
				text[at - 1] = '\xff';
			assert_int_equal(baton_str_json_plain((baton_str){ text, sizeof(text) }),
					 ends ? at : sizeof(text));
			assert_int_equal(baton_str_json_plain((baton_str){ text, at }), at);
		}
	}
}

/* One by one, as the words of the header say it. */
static size_t plain_bytes(const char *p, size_t n, bool ascii)
{
	size_t i = 0;

	while (i < n && (unsigned char)p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' &&
	       (!ascii || (unsigned char)p[i] < 0x80))
		i++;
	return i;
}

static void assert_found(const char *text, size_t n)
{
	baton_str s = { text, n };
	bool ascii = true;
	struct baton_buf json = { NULL, 0, 0 };

	assert_int_equal(baton_str_json_plain(s), plain_bytes(text, n, false));
	baton_buf_json(&json, s);
	if (plain_bytes(text, n, true) == n) {
		assert_int_equal(json.n, n + 2);
		assert_memory_equal(json.p + 1, text, n);
	} else if (!memchr(text, 0xdc, n)) { /* it alone can begin a character here */
		assert_true(json.n > n + 2);
	}
	assert_int_equal(json.p[0], '"');
	assert_string_equal(json.p + json.n - 1, "\"");
	baton_buf_done(&json);
	for (size_t i = 0; i < n; i++)
		ascii = ascii && (unsigned char)text[i] < 0x80;
	if (!memchr(text, 0xdc, n))
		assert_true(baton_str_utf8_ok(s) == ascii);
}

/* Texts of every length with two bytes that may be anything, at many distances. */
static void many_bytes_at_once_find_what_one_by_one_finds(void **state)
{
	(void)state;
	static const char odd[] = "\x00\x1f\x20\x21\"#\\\x7f\x80\xa0\xa2\xdc\xff";
	size_t kinds = sizeof(odd) - 1;
	char text[41];

	for (size_t n = 0; n < sizeof(text); n++) {
		memset(text, 'a', sizeof(text));
		assert_found(text, n);
		for (size_t of = 0; of < n * kinds * kinds; of++) {
			size_t at = of / (kinds * kinds);

			memset(text, 'a', sizeof(text));
			text[n - 1 - at / 2] = odd[of / kinds % kinds];
			text[at] = odd[of % kinds];
			assert_found(text, n);
		}
	}
}

static void numbers_are_written_in_full(void **state)
{
	(void)state;
	struct baton_buf buf = { NULL, 0, 0 };
	char want[64];

	for (unsigned bit = 0; bit < 64; bit++)
		for (uint64_t n = (1ull << bit) - 1; n <= (1ull << bit) + 1; n++) {
			baton_buf_reset(&buf);
			baton_buf_u64(&buf, n);
			snprintf(want, sizeof(want), "%llu", (unsigned long long)n);
			assert_string_equal(buf.p, want);
		}
	for (int64_t ten = 1; ten <= INT64_MAX / 10; ten *= 10) {
		baton_buf_reset(&buf);
		baton_buf_i64(&buf, ten);
		baton_buf_z(&buf, ",");
		baton_buf_i64(&buf, 1 - ten);
		snprintf(want, sizeof(want), "%lld,%lld", (long long)ten, (long long)(1 - ten));
		assert_string_equal(buf.p, want);
		assert_int_equal(buf.n, strlen(want));
	}
	baton_buf_done(&buf);
}

static void json_text_is_escaped_where_it_must_be(void **state)
{
	(void)state;
	struct baton_buf buf = { NULL, 0, 0 };

	baton_buf_json(&buf, BATON_STR_NONE);
	baton_buf_json(&buf, BATON_STR("plain, and longer than sixteen bytes"));
	baton_buf_json(&buf, BATON_STR("gr\xc3\xbc\xc3\x9f\x01\x1f\n\"\\ \xff!"));
	assert_string_equal(buf.p, "\"\"\"plain, and longer than sixteen bytes\""
				   "\"gr\xc3\xbc\xc3\x9f\\u0001\\u001f\\n\\\"\\\\ \xef\xbf\xbd!\"");
	assert_int_equal(buf.n, strlen(buf.p));
	baton_buf_done(&buf);
}

static void a_long_format_is_written_whole(void **state)
{
	struct baton_buf b = { NULL, 0, 0 };
	char longer[1000];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	for (int i = 0; i < 300; i++) { /* through every distance to the end of the buffer */
		baton_buf_printf(&b, "%.*s", i, longer);
		assert_int_equal(b.n, (size_t)i * ((size_t)i + 1) / 2);
		assert_int_equal(strlen(b.p), b.n);
	}
	baton_buf_done(&b);
	baton_buf_printf(&b, "%s", longer);
	assert_string_equal(b.p, longer);
	baton_buf_done(&b);
}

static void a_buffer_grows_and_drops(void **state)
{
	struct baton_buf buf = { NULL, 0, 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		baton_buf_u64(&buf, (uint64_t)i);
	assert_int_equal(buf.n, 10 + 180 + 2700);
	baton_buf_drop(&buf, buf.n - 3);
	assert_string_equal(buf.p, "999");
	baton_buf_reset(&buf);
	baton_buf_i64(&buf, INT64_MIN);
	baton_buf_printf(&buf, " %s%c", "x", '!');
	assert_string_equal(buf.p, "-9223372036854775808 x!");
	baton_buf_done(&buf);
	assert_null(buf.p);
}

static void an_arena_gives_zeroed_aligned_memory(void **state)
{
	struct baton_arena arena = { NULL, 0 };

	(void)state;
	for (size_t n = 1; n < 5000; n += 37) {
		char *p = baton_arena_alloc(&arena, n);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xaa, n);
	}
	assert_string_equal(baton_arena_dup(&arena, "abc", 2), "ab");
	baton_arena_done(&arena);
	assert_int_equal(arena.bytes, 0);
}

static void every_error_has_a_name_and_a_wire_code(void **state)
{
	(void)state;
	assert_string_equal(baton_error_info(BATON_E_FULL)->wire, "store_full");
	assert_true(baton_error_info(BATON_E_FULL)->may_retry);
	assert_false(baton_error_info(BATON_E_DENIED)->may_retry);
	assert_string_equal(baton_error_info(-12345)->wire, "internal");
}

static struct baton_buf logged;

static void keep_line(void *ud, baton_str line)
{
	(void)ud;
	baton_buf_str(&logged, line);
}

static uint64_t at_five(void *ud)
{
	(void)ud;
	return 5;
}

static void a_log_line_is_one_json_object(void **state)
{
	static const struct baton_id id;
	baton_str view = BATON_STR("b\n");

	(void)state;
	baton_log_to(keep_line, at_five, NULL, BATON_LOG_INFO);
	baton_log(BATON_LOG_DEBUG, "quiet", "");
	baton_log(BATON_LOG_WARN, "provider_late", "sSuid", "a", "x\"y", "b", &view, "c",
		  UINT64_MAX, "d", (int64_t)-1, "e", &id);
	baton_log_to(NULL, NULL, NULL, 0);
	assert_string_equal(
		logged.p,
		"{\"ts_ms\":5,\"level\":\"warn\",\"event\":\"provider_late\",\"a\":\"x\\\"y\",\"b\":\"b\\n\","
		"\"c\":18446744073709551615,\"d\":-1,\"e\":\"00000000-0000-0000-0000-000000000000\"}\n");
	baton_buf_done(&logged);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_what_rfc_3629_says),
		cmocka_unit_test(a_text_is_clipped_between_characters),
		cmocka_unit_test(an_unfinished_character_at_the_end_is_seen),
		cmocka_unit_test(an_id_is_a_version_7_uuid_and_reads_back),
		cmocka_unit_test(what_is_no_id_is_refused),
		cmocka_unit_test(ids_of_one_moment_spread_over_workers),
		cmocka_unit_test(json_plain_ends_at_what_must_be_escaped),
		cmocka_unit_test(many_bytes_at_once_find_what_one_by_one_finds),
		cmocka_unit_test(numbers_are_written_in_full),
		cmocka_unit_test(json_text_is_escaped_where_it_must_be),
		cmocka_unit_test(a_long_format_is_written_whole),
		cmocka_unit_test(a_buffer_grows_and_drops),
		cmocka_unit_test(an_arena_gives_zeroed_aligned_memory),
		cmocka_unit_test(every_error_has_a_name_and_a_wire_code),
		cmocka_unit_test(a_log_line_is_one_json_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
