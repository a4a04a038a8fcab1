/* SPDX-License-Identifier: Apache-2.0 */

/* The checker against modules that get one thing wrong each (tests/modules/sin_*.c): without a sin
 * nothing fails, and each sin is seen by the check that is there for it. */
#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/check/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libgen.h>
#include <limits.h>

/* Sanitizers keep what was freed: how much stays behind cannot be seen then. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SEES_MEMORY = 0 };
#else
enum { SEES_MEMORY = 1 };
#endif

static struct baton_check_report report;
static char why[512];

static void built(char *path, size_t cap, const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(n > 0);
	self[n] = 0;
	(void)snprintf(path, cap, "%s/../%s", dirname(self), name);
}

static bool isolated;

static void check(const char *file, const char *sin, const char *only, unsigned swaps)
{
	char path[PATH_MAX + 64], program[PATH_MAX + 64], modhost[PATH_MAX + 64], config[64];
	struct baton_check_options options = { .seed = 1, .only = only, .swaps = swaps };
	built(path, sizeof(path), file);
	built(program, sizeof(program), "baton");
	(void)snprintf(config, sizeof(config), "{\"sin\":\"%s\"}", sin);
	built(modhost, sizeof(modhost), "baton-modhost");
	options.path = path;
	options.program = program;
	options.modhost = isolated ? modhost : NULL;
	options.config = sin[0] ? config : NULL;
	baton_check_report_done(&report);
	if (baton_check_run(&options, NULL, NULL, &report, why, sizeof(why)) != 0)
		fail_msg("%s", why);
}

static const struct baton_check_result *row(const char *name)
{
	for (size_t i = 0; i < report.n; i++)
		if (strcmp(report.v[i].name, name) == 0)
			return &report.v[i];
	fail_msg("no row %s", name);
	return NULL;
}

static const char *text(const struct baton_buf *buf)
{
	return buf->n ? buf->p : "";
}

static int done(void **state)
{
	(void)state;
	isolated = false;
	baton_check_report_done(&report);
	return 0;
}

/* --- without a sin --- */

static void a_good_module_reaches_level_c(void **state)
{
	static const char *const files[] = { "sin_calls",     "sin_upstream", "sin_classifier",
					     "sin_retriever", "sin_rule",     "sin_transcript",
					     "sin_tool",      "sin_guard" };
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char file[64];
		(void)snprintf(file, sizeof(file), "tests/modules/%s.so", files[i]);
		check(file, "", NULL, 60);
		for (size_t r = 0; r < report.n; r++)
			if (report.v[r].verdict == BATON_CHECK_FAILED)
				fail_msg("%s: %s: %s", files[i], report.v[r].name,
					 text(&report.v[r].detail));
		assert_int_equal(report.swaps_done, 60);
		assert_int_equal(report.level, 'B'); /* C asks for a thousand swaps */
	}
	check("tests/modules/sin_rule.so", "", NULL, 0);
	assert_int_equal(report.level, 'C');
	assert_int_equal(report.swaps_done, 1000);
}

/* --- each sin --- */

static const struct {
	const char *file, *sin, *check, *words;
} sins[] = {
	{ "sin_calls", "two_ends", "start-end", "two_ends" },
	{ "sin_calls", "after_end", "start-end", "word_after_end" },
	{ "sin_calls", "never", "start-end", "no end" },
	{ "sin_calls", "bad_utf8", "start-end", "bad_output" },
	{ "sin_calls", "wrong_thread", "start-end", "wrong_thread" },
	{ "sin_calls", "late_word", "cancel-every-step", "word_after_cancel" },
	{ "sin_calls", "no_end", "cancel-every-step", "no_end_after_cancel" },
	{ "sin_calls", "one_at_a_time", "many-at-once", "no end" },
	{ "sin_calls", "late_hangs", "deadline-passed", "no end" },
	{ "sin_calls", "left_timers", "destroy-busy", "leftovers" },
	{ "sin_calls", "fault_hangs", "faults", "timer() number" },
	{ "sin_calls", "insists", "back-pressure", "word_after_again" },
	{ "sin_calls", "forgets_again", "back-pressure", "does not go on" },
	{ "sin_calls", "skips_word", "back-pressure", "before it said" },
	{ "sin_calls", "stale_timer", "turn-gone", "of calls that are gone" },
	{ "sin_calls", "crash_no_docs", "odd-prompts", "it crashed: SIGSEGV, in: no document" },
	{ "sin_calls", "models_text", "models", "no JSON" },
	{ "sin_calls", "no_usage", "usage", "never called" },
	{ "sin_calls", "logs_customer", "secrets", "what a customer said" },
	{ "sin_calls", "logs_config", "secrets", "a key" },
	{ "sin_calls", "sleeps", "loop-budget", "ms in start" },
	{ "sin_calls", "sick", "health-0", "not well" },
	{ "sin_calls", "crash_huge", "config-huge", "SIGSEGV" },
	{ "sin_calls", "eight_crash", "instances-8", "SIGSEGV" },
	{ "sin_calls", "opens_fd", "surroundings", "descriptor" },
	{ "sin_handler", "", "surroundings", "SIGUSR2" },
	{ "sin_calls", "reads_once", "state-round-trip", "load() said" },
	{ "sin_calls", "state_crash", "state-garbage", "SIGSEGV" },
	{ "sin_calls", "leaks", "swaps", "KiB stay behind" },
	{ "sin_calls", "opens_fd", "swaps", "descriptors stay" },
	{ "sin_upstream", "raw_bytes", "http-200", "a call failed" },
	{ "sin_upstream", "raw_bytes", "http-utf8", "a call failed" },
	{ "sin_upstream", "one_class", "http-status", "expected BATON_FAIL_ACCESS" },
	{ "sin_upstream", "no_status", "http-status", "http_status says 0" },
	{ "sin_upstream", "no_hint", "http-retry-after", "retry_after_ms is 0" },
	{ "sin_upstream", "reset_hangs", "http-refused", "no end" },
	{ "sin_upstream", "reset_hangs", "http-drip", "no end" },
	{ "sin_upstream", "takes_cut", "http-cut", "as if all were well" },
	{ "sin_upstream", "takes_anything", "http-garbage", "as if all were well" },
	{ "sin_upstream", "crash_garbage", "http-garbage", "SIGSEGV" },
	{ "sin_upstream", "guesses_usage", "usage", "it estimates" },
	{ "sin_upstream", "key_once", "idempotency-key", "not again" },
	{ "sin_upstream", "left_http", "cancel-every-step", "word_after_cancel" },
	{ "sin_classifier", "labels_text", "labels", "no JSON" },
	{ "sin_classifier", "crash_empty", "odd-turns", "SIGSEGV" },
	{ "sin_classifier", "ppm", "fuzz-turns", "--reproduce" },
	{ "sin_classifier", "refuses", "start-end", "does not exist" },
	{ "sin_retriever", "too_many", "documents", "more documents than were asked for" },
	{ "sin_retriever", "worst_first", "documents", "better than the one before" },
	{ "sin_retriever", "no_id", "odd-queries", "without id" },
	{ "sin_retriever", "crash_no_turn", "odd-queries", "SIGSEGV" },
	{ "sin_rule", "describes_badly", "describe", "no JSON" },
	{ "sin_rule", "asks_clock", "pure", "rule_not_pure" },
	{ "sin_rule", "remembers", "pure", "another verdict" },
	{ "sin_rule", "odd_action", "fuzz-facts", "--reproduce" },
	{ "sin_tool", "never", "start-end", "no end" },
	{ "sin_tool", "without_result", "start-end", "without a result" },
	{ "sin_tool", "late_result", "cancel-every-step", "word_after_cancel" },
	{ "sin_tool", "describes_badly", "tools", "no array" },
	{ "sin_tool", "crash_args", "odd-arguments", "SIGSEGV, in: 8 KB" },
	{ "sin_tool", "crash_null", "odd-arguments", "SIGSEGV, in: null" },
	{ "sin_tool", "takes_anything", "tool-upstream", "as if all were well" },
	{ "sin_tool", "odd_code", "tool-upstream", "without a code" },
	{ "sin_tool", "sure", "in-doubt", "does not say BATON_ERROR_IN_DOUBT" },
	{ "sin_tool", "insists", "in-doubt", "asked for 2 times" },
	{ "sin_tool", "acts", "shadow", "it sends POST" },
	{ "sin_tool", "odd_code", "fuzz-arguments", "--reproduce" },
	{ "sin_tool", "logs_customer", "secrets", "what a customer said" },
	{ "sin_tool", "sleeps", "loop-budget", "ms in invoke" },
	{ "sin_guard", "describes_badly", "finds", "no type" },
	{ "sin_guard", "asks_clock", "same-hits", "rule_not_pure" },
	{ "sin_guard", "remembers", "same-hits", "other hits" },
	{ "sin_guard", "overlaps", "same-hits", "overlap" },
	{ "sin_guard", "hasty", "grows", "were safe" },
	{ "sin_guard", "goes_back", "grows", "safe goes back" },
	{ "sin_guard", "crash_no_turn", "odd-texts", "SIGSEGV" },
	{ "sin_guard", "slow", "slow-texts", "a loop stands so long" },
	{ "sin_guard", "hasty", "fuzz-texts", "--reproduce" },
	{ "sin_guard", "logs_customer", "secrets", "what a customer said" },
	{ "sin_guard", "sleeps", "loop-budget", "ms in inspect" },
	{ "sin_transcript", "loses", "append", "entry 7 is nowhere" },
	{ "sin_transcript", "backwards", "append", "stands before" },
	{ "sin_transcript", "twice", "append-twice", "times" },
	{ "sin_transcript", "crash_none", "append-odd", "SIGSEGV, in: no entry" },
	{ "sin_transcript", "gives_up", "append-fails", "it fails still" },
	{ "wrong_id", "", "descriptor", "the note says" },
	{ "odd_schema", "", "schema", "" },
	{ "bad_load", "", "config-default", "cannot be loaded" },
};

static void each_sin_is_seen_by_its_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sins) / sizeof(sins[0]); i++) {
		char file[64];
		if (!SEES_MEMORY && strcmp(sins[i].sin, "leaks") == 0)
			continue;
		(void)snprintf(file, sizeof(file), "tests/modules/%s.so", sins[i].file);
		check(file, sins[i].sin, sins[i].check, 60);
		const struct baton_check_result *r = row(sins[i].check);
		if (r->verdict != BATON_CHECK_FAILED || !strstr(text(&r->detail), sins[i].words))
			fail_msg("%s, %s: %s says %d, \"%s\"", sins[i].file, sins[i].sin,
				 sins[i].check, r->verdict, text(&r->detail));
		assert_int_equal(report.level, '-'); /* of some checks there is no level */
	}
}

static void a_module_in_a_process_of_its_own_is_checked_too(void **state)
{
	static const char *const good[] = { "sin_calls", "sin_upstream",   "sin_classifier",
					    "sin_rule",  "sin_transcript", "sin_tool",
					    "sin_guard" };
	static const struct {
		const char *file, *sin, *check, *words;
	} bad[] = {
		{ "sin_calls", "two_ends", "start-end", "two_ends" },
		{ "sin_calls", "bad_utf8", "start-end", "bad_output" },
		{ "sin_calls", "models_text", "models", "no JSON" },
		{ "sin_classifier", "crashes", "start-end", "its process died" },
		{ "sin_retriever", "too_many", "documents", "more documents" },
		{ "sin_rule", "describes_badly", "describe", "no JSON" },
		{ "sin_transcript", "loses", "append", "entry 7 is nowhere" },
		{ "sin_tool", "without_result", "start-end", "without a result" },
		{ "sin_guard", "overlaps", "same-hits", "overlap" },
	};
	char file[64];
	(void)state;
	isolated = true;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(file, sizeof(file), "tests/modules/%s.so", good[i]);
		check(file, "", NULL, 0);
		for (size_t r = 0; r < report.n; r++)
			if (report.v[r].verdict == BATON_CHECK_FAILED)
				fail_msg("%s: %s: %s", good[i], report.v[r].name,
					 text(&report.v[r].detail));
		assert_int_equal(report.level, 'B');
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(file, sizeof(file), "tests/modules/%s.so", bad[i].file);
		check(file, bad[i].sin, bad[i].check, 0);
		const struct baton_check_result *r = row(bad[i].check);
		if (r->verdict != BATON_CHECK_FAILED || !strstr(text(&r->detail), bad[i].words))
			fail_msg("%s, %s: %s says %d, \"%s\"", bad[i].file, bad[i].sin,
				 bad[i].check, r->verdict, text(&r->detail));
	}
}

/* --- files --- */

static const struct {
	const char *file, *row;
} files[] = {
	{ "exec_stack", "stack" },    { "no_note", "note" },   { "other_major", "abi" },
	{ "newer_minor", "abi" },     { "static_tls", "tls" }, { "forbidden", "imports" },
	{ "two_exports", "exports" },
};

static void what_the_file_shows_has_a_row_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char file[64];
		(void)snprintf(file, sizeof(file), "tests/modules/%s.so", files[i].file);
		check(file, "", NULL, 0);
		if (row(files[i].row)->verdict != BATON_CHECK_FAILED)
			fail_msg("%s: %s did not fail", files[i].file, files[i].row);
		assert_int_equal(report.failed, 1);
		assert_int_equal(report.level, '-');
		assert_int_equal(report.n, 12); /* nothing was run */
	}
	check("tests/modules/resident.so", "", "descriptor", 0);
	assert_non_null(strstr(text(&row("unload")->detail), "it will stay mapped"));
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
	const struct baton_check_options options = { .path = "/nowhere/x.so", .seed = 1 };
	(void)state;
	assert_int_equal(baton_check_run(&options, NULL, NULL, &report, why, sizeof(why)),
			 BATON_E_INVAL);
	assert_non_null(strstr(why, "/nowhere/x.so"));
}

/* --- reports --- */

static unsigned count(const char *in, const char *what)
{
	unsigned n = 0;
	for (const char *at = strstr(in, what); at; at = strstr(at + 1, what))
		n++;
	return n;
}

static void the_three_reports_say_the_same(void **state)
{
	struct baton_buf tap = { 0 }, json = { 0 }, junit = { 0 };
	struct baton_json object;
	(void)state;
	check("tests/modules/sin_calls.so", "models_text", "models,usage,tool-calls", 0);
	for (size_t i = 0; i < report.n; i++)
		baton_check_tap(&report, &report.v[i], &tap);
	baton_check_json(&report, &json);
	baton_check_junit(&report, &junit);
	assert_int_equal(baton_json_parse(baton_buf_view(&json), &object), 0);
	struct baton_json failed = baton_json_get(&object, "failed");
	assert_int_equal(baton_json_u64(&failed, 99), 1);
	assert_int_equal(count(tap.p, "\nnot ok "), 1);
	assert_int_equal(count(tap.p, " # SKIP "), 1);
	assert_int_equal(count(junit.p, "<failure "), 1);
	assert_int_equal(count(junit.p, "<skipped "), 1);
	assert_int_equal(count(junit.p, "<testcase "), report.n);
	baton_buf_done(&tap);
	baton_buf_done(&json);
	baton_buf_done(&junit);
}

static void every_check_stands_in_the_documentation(void **state)
{
	static char page[64 * 1024];
	char path[PATH_MAX + 64];
	struct baton_buf list = { 0 };
	(void)state;
	built(path, sizeof(path), "../../docs/CHECKER.md");
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t n = fread(page, 1, sizeof(page) - 1, f);
	assert_true(n > 0 && n < sizeof(page) - 1);
	(void)fclose(f);
	baton_check_list(&list);
	baton_buf_add(&list, "", 1);
	for (char *line = list.p; *line; line = strchr(line, '\n') + 1) {
		char row_text[64];
		(void)snprintf(row_text, sizeof(row_text), "| `%.*s` |", (int)strcspn(line, " "),
			       line);
		if (!strstr(page, row_text))
			fail_msg("docs/CHECKER.md has no row %s", row_text);
	}
	baton_buf_done(&list);
}

/* "again: --reproduce 9:fuzz-turns": the same input fails again, alone. */
static void an_input_by_chance_can_be_made_again(void **state)
{
	char path[PATH_MAX + 64], program[PATH_MAX + 64];
	(void)state;
	check("tests/modules/sin_classifier.so", "ppm", "fuzz-turns", 0);
	const char *at = strstr(text(&row("fuzz-turns")->detail), "--reproduce ");
	assert_non_null(at);
	uint64_t number = strtoull(at + 12, NULL, 10);
	built(path, sizeof(path), "tests/modules/sin_classifier.so");
	built(program, sizeof(program), "baton");
	const struct baton_check_options options = { .path = path,
						     .program = program,
						     .config = "{\"sin\":\"ppm\"}",
						     .seed = 77,
						     .reproduce = number,
						     .only = "fuzz-turns" };
	baton_check_report_done(&report);
	assert_int_equal(baton_check_run(&options, NULL, NULL, &report, why, sizeof(why)), 0);
	assert_int_equal(row("fuzz-turns")->verdict, BATON_CHECK_FAILED);
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, done)
	const struct CMUnitTest tests[] = {
		T(a_good_module_reaches_level_c),
		T(each_sin_is_seen_by_its_check),
		T(a_module_in_a_process_of_its_own_is_checked_too),
		T(what_the_file_shows_has_a_row_of_its_own),
		T(a_file_that_is_not_there_is_an_error),
		T(the_three_reports_say_the_same),
		T(every_check_stands_in_the_documentation),
		T(an_input_by_chance_can_be_made_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
