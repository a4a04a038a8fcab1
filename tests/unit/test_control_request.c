/* SPDX-License-Identifier: Apache-2.0 */

/* Lines of the control socket: what is understood, and what is refused in which words. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/errors.h"
#include "core/server/control_request.h"

static char hint[400];

static int read_line(const char *line, struct baton_arena *arena, struct control_request *request)
{
	return control_request_read(baton_str_of(line), arena, request, hint, sizeof(hint));
}

static void expect(const char *line, int rc, const char *part)
{
	struct baton_arena arena = { NULL, 0 };
	struct control_request request;

	int got = read_line(line, &arena, &request);
	if (got != rc || (part && !strstr(hint, part)))
		fail_msg("%s: %d, \"%s\"; wanted %d, \"%s\"", line, got, hint, rc,
			 part ? part : "");
	baton_arena_done(&arena);
}

static void a_verb_comes_with_what_it_needs(void **state)
{
	struct baton_arena arena = { NULL, 0 };
	struct control_request request;

	(void)state;
	assert_int_equal(read_line("{\"do\":\"mode.enter\",\"mode\":\"pause\",\"for_ms\":1800000,"
				   "\"why\":\"planned\",\"tag\":\"7\"}",
				   &arena, &request),
			 BATON_OK);
	assert_int_equal(request.verb, CONTROL_MODE_ENTER);
	assert_string_equal(request.mode.p, "pause");
	assert_string_equal(request.why.p, "planned");
	assert_true(baton_str_is(request.tag, "7"));
	assert_int_equal(request.for_ms, 1800000);
	assert_string_equal(control_verb_name(request.verb), "mode.enter");
	baton_arena_done(&arena);
}

static void an_erasure_names_whom_and_may_only_count(void **state)
{
	struct baton_arena arena = { NULL, 0 };
	struct control_request request;

	(void)state;
	assert_int_equal(
		read_line("{\"do\":\"session.erase\",\"customer\":\"c-7\",\"dry_run\":true,"
			  "\"why\":\"a letter\"}",
			  &arena, &request),
		BATON_OK);
	assert_int_equal(request.verb, CONTROL_SESSION_ERASE);
	assert_string_equal(request.customer.p, "c-7");
	assert_true(request.dry_run);
	assert_int_equal(request.session.n, 0);
	expect("{\"do\":\"session.erase\",\"customer\":7}", BATON_E_INVAL, "customer");
	expect("{\"do\":\"session.erase\",\"session\":\"x\",\"dry_run\":\"no\"}", BATON_E_INVAL,
	       "dry_run");
	expect("{\"do\":\"ping\",\"dry_run\":true}", BATON_E_INVAL, "does not take `dry_run`");
	baton_arena_done(&arena);
}

static void a_line_of_a_conversation_has_a_key_and_no_verb(void **state)
{
	struct baton_arena arena = { NULL, 0 };
	struct control_request request;

	(void)state;
	assert_int_equal(read_line("{\"key\":\"a\",\"msg\":{\"id\":\"1\",\"text\":\"h\\u00e9\"}}",
				   &arena, &request),
			 BATON_OK);
	assert_int_equal(request.verb, CONTROL_MSG);
	assert_true(baton_str_is(request.text, "h\xc3\xa9"));
	assert_int_equal(read_line("{\"key\":\"a\",\"feedback\":{\"id\":\"2\",\"value\":\"down\","
				   "\"seq\":9,\"comment\":\"no\"}}",
				   &arena, &request),
			 BATON_OK);
	assert_int_equal(request.verb, CONTROL_FEEDBACK);
	assert_int_equal(request.about, 9);
	assert_int_equal(read_line("{\"key\":\"a\",\"leave\":true}", &arena, &request), BATON_OK);
	assert_int_equal(request.verb, CONTROL_LEAVE);
	baton_arena_done(&arena);
}

static void a_drill_is_read_whole(void **state)
{
	struct baton_arena arena = { NULL, 0 };
	struct control_request request;

	(void)state;
	assert_int_equal(
		read_line("{\"do\":\"drill.start\",\"name\":\"d\",\"for_ms\":600000,"
			  "\"share_ppm\":50000,\"labelled_only\":true,\"hold\":true,\"faults\":["
			  "{\"target\":\"primary\",\"fault\":\"rate_limit\",\"ms\":2000},"
			  "{\"target\":\"b\",\"fault\":\"cut\",\"deltas\":3,\"from_ms\":10,"
			  "\"to_ms\":20}]}",
			  &arena, &request),
		BATON_OK);
	assert_int_equal(request.drill.n_faults, 2);
	assert_int_equal(request.drill.share_ppm, 50000);
	assert_true(request.drill.labelled_only);
	assert_true(request.hold);
	assert_int_equal(request.drill.until_ms, 600000);
	assert_string_equal(request.drill.name, "d");
	assert_int_equal(request.drill.faults[0].fault.type, BATON_FAULT_RATE_LIMIT);
	assert_int_equal(request.drill.faults[0].fault.ms, 2000);
	assert_string_equal(request.drill.faults[1].target, "b");
	assert_int_equal(request.drill.faults[1].fault.deltas, 3);
	assert_int_equal(request.drill.faults[1].from_ms, 10);
	assert_int_equal(request.drill.faults[1].to_ms, 20);
	baton_arena_done(&arena);
}

static void a_wrong_line_is_answered_with_the_way_out(void **state)
{
	(void)state;
	expect("", BATON_E_JSON, "one JSON object per line");
	expect("nonsense", BATON_E_JSON, "one JSON object per line");
	expect("[1]", BATON_E_JSON, "one JSON object per line");
	expect("{}", BATON_E_INVAL, "`do`");
	expect("{\"do\":\"targts\"}", BATON_E_UNSUPPORTED, "did you mean `targets`");
	expect("{\"do\":7}", BATON_E_INVAL, "`do` must be a name");
	expect("{\"do\":\"ping\",\"whi\":\"x\"}", BATON_E_INVAL, "did you mean `why`");
	expect("{\"do\":\"target.disable\"}", BATON_E_INVAL, "needs `target`");
	expect("{\"do\":\"target.disable\",\"target\":\"a\",\"for_ms\":1}", BATON_E_INVAL,
	       "does not take `for_ms`");
	expect("{\"do\":\"drill.stop\",\"name\":\"d\",\"hold\":true}", BATON_E_INVAL, "hold");
	expect("{\"do\":\"converse\",\"key\":\"k\",\"customer_tier\":1}", BATON_E_INVAL, "a name");
	expect("{\"do\":\"converse\",\"key\":\"k\",\"as\":\"admin\"}", BATON_E_INVAL,
	       "\"customer\" or \"agent\"");
	expect("{\"key\":\"k\",\"human\":false}", BATON_E_INVAL, "only be true");
	expect("{\"key\":\"k\",\"human\":true,\"close\":true}", BATON_E_INVAL, "does not take");
	expect("{\"human\":true}", BATON_E_INVAL, "needs `key`");
	expect("{\"key\":\"k\",\"msg\":{\"id\":\"1\"}}", BATON_E_INVAL, "`text`");
	expect("{\"key\":\"k\",\"msg\":{\"text\":\"1\"}}", BATON_E_INVAL, "`id`");
	expect("{\"key\":\"k\",\"msg\":{\"id\":\"1\",\"txet\":\"1\"}}", BATON_E_INVAL,
	       "did you mean `text`");
	expect("{\"key\":\"k\",\"feedback\":{\"id\":\"1\",\"value\":\"good\"}}", BATON_E_INVAL,
	       "\"up\" or \"down\"");
}

static void a_wrong_drill_is_refused_whole(void **state)
{
	(void)state;
#define DRILL(rest) "{\"do\":\"drill.start\",\"name\":\"d\"," rest "}"
#define CUT "{\"target\":\"primary\",\"fault\":\"cut\"}"
	expect(DRILL("\"for_ms\":1"), BATON_E_INVAL, "needs `faults`");
	expect(DRILL("\"for_ms\":0,\"faults\":[" CUT "]"), BATON_E_LIMIT, "`for_ms`");
	expect(DRILL("\"for_ms\":3600001,\"faults\":[" CUT "]"), BATON_E_LIMIT, "3600000");
	expect(DRILL("\"for_ms\":1,\"share_ppm\":1000001,\"faults\":[" CUT "]"), BATON_E_INVAL,
	       "a part of a million");
	expect(DRILL("\"for_ms\":1,\"faults\":[]"), BATON_E_INVAL, "at least one");
	expect(DRILL("\"for_ms\":1,\"faults\":[1]"), BATON_E_INVAL, "an object");
	expect(DRILL("\"for_ms\":1,\"faults\":[{\"fault\":\"cut\"}]"), BATON_E_INVAL, "`target`");
	expect(DRILL("\"for_ms\":1,\"faults\":[{\"target\":\"t\"}]"), BATON_E_INVAL, "outage");
	expect(DRILL("\"for_ms\":1,\"faults\":[{\"target\":\"t\",\"fault\":\"cut\",\"m\":1}]"),
	       BATON_E_INVAL, "did you mean `ms`");
	expect(DRILL("\"for_ms\":1,\"faults\":[{\"target\":\"t\",\"fault\":\"cut\",\"ms\":-1}]"),
	       BATON_E_LIMIT, "whole numbers");
	expect(DRILL("\"for_ms\":1,\"faults\":[" CUT "," CUT "," CUT "," CUT "," CUT "," CUT "," CUT
		     "," CUT "," CUT "]"),
	       BATON_E_LIMIT, "at most 8");
}

static void names_are_bounded_and_hold_no_nul(void **state)
{
	char line[400], name[80];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[64] = '\0';
	snprintf(line, sizeof(line), "{\"do\":\"target.disable\",\"target\":\"%s\"}", name);
	expect(line, BATON_OK, NULL);
	snprintf(line, sizeof(line), "{\"do\":\"target.disable\",\"target\":\"%sx\"}", name);
	expect(line, BATON_E_INVAL, "64 bytes");
	expect("{\"do\":\"target.disable\",\"target\":\"a\\u0000b\"}", BATON_E_INVAL, "a name");
}

/* An answer to a wrong line can still be matched with it. */
static void a_refused_line_keeps_its_tag(void **state)
{
	struct baton_arena arena = { NULL, 0 };
	struct control_request request;

	(void)state;
	assert_int_equal(
		read_line("{\"do\":\"ping\",\"nonsense\":1,\"tag\":\"t\"}", &arena, &request),
		BATON_E_INVAL);
	assert_true(baton_str_is(request.tag, "t"));
	assert_non_null(strstr(hint, "nonsense"));
	baton_arena_done(&arena);
}

static void a_change_of_releases_is_read_whole(void **state)
{
	struct baton_arena arena = { NULL, 0 };
	struct control_request request;

	(void)state;
	assert_int_equal(read_line("{\"do\":\"module.canary\",\"module\":\"acme\","
				   "\"path\":\"/srv/acme.so\",\"share_ppm\":50000,"
				   "\"why\":\"try\",\"steps\":true,\"cold\":true}",
				   &arena, &request),
			 BATON_OK);
	assert_int_equal(request.verb, CONTROL_MODULE_CANARY);
	assert_string_equal(request.module.p, "acme");
	assert_string_equal(request.path.p, "/srv/acme.so");
	assert_int_equal(request.share_ppm, 50000);
	assert_true(request.steps && request.cold && !request.force);
	baton_arena_done(&arena);
	/* A share is a canary; a canary need not say its share. */
	assert_int_equal(read_line("{\"do\":\"reload\",\"share_ppm\":1000000}", &arena, &request),
			 BATON_OK);
	assert_true(request.canary);
	assert_int_equal(read_line("{\"do\":\"reload\",\"canary\":true}", &arena, &request),
			 BATON_OK);
	assert_true(request.canary);
	assert_int_equal(request.share_ppm, 0);
	assert_int_equal(read_line("{\"do\":\"reload\"}", &arena, &request), BATON_OK);
	assert_false(request.canary);
	baton_arena_done(&arena);
}

static void a_wrong_change_is_refused_with_the_way_out(void **state)
{
	static const struct {
		const char *line, *part;
	} wrong[] = {
		{ "{\"do\":\"relaod\"}", "did you mean `reload`" },
		{ "{\"do\":\"module.swap\"}", "`module.swap` needs `module`" },
		{ "{\"do\":\"module.swap\",\"module\":\"\"}", "a name of modules.yaml" },
		{ "{\"do\":\"module.swap\",\"module\":\"a\",\"path\":\"a.so\"}", "begins with /" },
		{ "{\"do\":\"module.swap\",\"module\":\"a\",\"path\":\"\"}", "begins with /" },
		{ "{\"do\":\"module.swap\",\"module\":\"a\",\"share_ppm\":5}", "does not take" },
		{ "{\"do\":\"reload\",\"share_ppm\":0}", "1 to 1000000" },
		{ "{\"do\":\"reload\",\"share_ppm\":1000001}", "1 to 1000000" },
		{ "{\"do\":\"reload\",\"share_ppm\":-5}", "1 to 1000000" },
		{ "{\"do\":\"reload\",\"share_ppm\":0.5}", "1 to 1000000" },
		{ "{\"do\":\"reload\",\"steps\":1}", "true or false" },
		{ "{\"do\":\"reload\",\"module\":\"a\"}", "does not take `module`" },
		{ "{\"do\":\"release.promote\",\"release\":3}", "does not take `release`" },
		{ "{\"do\":\"release.why_live\",\"release\":\"3\"}", "a whole number" },
		{ "{\"do\":\"module.forgive\"}", "needs `sha`" },
		{ "{\"do\":\"module.forgive\",\"sha\":\"abcdef01234\"}", "12 to 64 digits" },
		{ "{\"do\":\"module.forgive\",\"sha\":\"ABCDEF012345\"}", "12 to 64 digits" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect(wrong[i].line,
		       strstr(wrong[i].line, "relaod") ? BATON_E_UNSUPPORTED : BATON_E_INVAL,
		       wrong[i].part);
	expect("{\"do\":\"module.forgive\",\"sha\":\"abcdef012345\"}", BATON_OK, NULL);
	expect("{\"do\":\"release.why_live\"}", BATON_OK, NULL);
	expect("{\"do\":\"release.why_live\",\"release\":41}", BATON_OK, NULL);
}

static void a_path_is_bounded(void **state)
{
	static char line[CONTROL_PATH_MAX + 200], path[CONTROL_PATH_MAX + 2];

	(void)state;
	memset(path, '/', CONTROL_PATH_MAX + 1);
	path[CONTROL_PATH_MAX] = '\0';
	snprintf(line, sizeof(line), "{\"do\":\"module.load\",\"module\":\"a\",\"path\":\"%s\"}",
		 path);
	expect(line, BATON_OK, NULL);
	snprintf(line, sizeof(line), "{\"do\":\"module.load\",\"module\":\"a\",\"path\":\"%s/\"}",
		 path);
	expect(line, BATON_E_INVAL, "4095 bytes");
	expect("{\"do\":\"module.load\",\"module\":\"a\",\"path\":\"/a\\u0000b\"}", BATON_E_INVAL,
	       "a path");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_verb_comes_with_what_it_needs),
		cmocka_unit_test(an_erasure_names_whom_and_may_only_count),
		cmocka_unit_test(a_line_of_a_conversation_has_a_key_and_no_verb),
		cmocka_unit_test(a_drill_is_read_whole),
		cmocka_unit_test(a_wrong_line_is_answered_with_the_way_out),
		cmocka_unit_test(a_wrong_drill_is_refused_whole),
		cmocka_unit_test(names_are_bounded_and_hold_no_nul),
		cmocka_unit_test(a_refused_line_keeps_its_tag),
		cmocka_unit_test(a_change_of_releases_is_read_whole),
		cmocka_unit_test(a_wrong_change_is_refused_with_the_way_out),
		cmocka_unit_test(a_path_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
