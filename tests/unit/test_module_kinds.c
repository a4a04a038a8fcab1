/* SPDX-License-Identifier: Apache-2.0 */

/* Tools and guards in a rack: what a turn hears of those that behave, and of those that do not; and
 * that the test host says the same of the same sins. */
#include "tests/unit/module_rig.h"

#include <baton/testhost.h>

/* --- tools --- */

static int invoke(struct rig *rig, uint64_t ticket, uint32_t flags)
{
	baton_turn turn = { .size = sizeof(turn), .session_id = BATON_STR("s") };
	const baton_tool_req req = { .size = sizeof(req),
				     .flags = flags,
				     .turn = &turn,
				     .name = BATON_STR("look"),
				     .args_json = BATON_STR("{}"),
				     .idempotency_key = BATON_STR("k") };
	return baton_rack_invoke(rig->rack, rig->release, ticket, "sinner", &req);
}

static void invoke_tells(struct rig *rig, const char *sin, const char *heard)
{
	rig_sinner(rig, "tool", sin, "");
	assert_int_equal(invoke(rig, 1, 0), 0);
	assert_string_equal(rig_heard(rig), ""); /* never from inside the starting call */
	rig_run(rig, 1);
	rig_idle(rig, 5);
	assert_string_equal(rig_heard(rig), heard);
}

static uint64_t asked(const struct rig *rig)
{
	struct baton_generation_view view;
	baton_release_view(rig->release, 0, &view);
	return view.asked;
}

static void a_result_comes_before_the_end(void **state)
{
	invoke_tells(*state, "",
		     "1 tool 0 {\"did\":\"look\",\"said\":\"\"} http 200 tries 1\n1 end 0\n");
	assert_int_equal(asked(*state), 1);
}

static void a_result_may_come_later(void **state)
{
	invoke_tells(*state, "t_later", "1 tool 0 {\"late\":true} http 200 tries 1\n1 end 0\n");
}

static void a_no_has_a_code_and_may_have_nothing_else(void **state)
{
	invoke_tells(*state, "t_no", "1 tool 1 null not_found http 200 tries 1\n1 end 0\n");
}

static void a_tool_says_itself_that_it_is_in_doubt(void **state)
{
	struct rig *rig = *state;
	invoke_tells(rig, "t_doubt", "1 fail 2 \n");
	assert_int_equal(rig->error.flags, BATON_ERROR_IN_DOUBT);
}

static const struct bad_tool {
	const char *sin, *why;
} bad_tools[] = {
	{ "t_no_code", "a tool's no without a code of [a-z0-9_]{1,63}" },
	{ "t_json", "a tool's result is not one JSON value" },
	{ "t_empty", "a tool's result is not one JSON value" },
	{ "t_huge", "a tool's result of more than 64 KiB" },
	{ "t_short", "tool/1: too short" },
	{ "t_delta", "a delta in a call that has no text" },
	{ "t_nothing", "an end without a result" },
};

static void results_of_the_wrong_form_fail_the_call(void **state)
{
	for (size_t i = 0; i < sizeof(bad_tools) / sizeof(bad_tools[0]); i++) {
		char heard[128];
		(void)snprintf(heard, sizeof(heard), "1 fail 11 %s\n", bad_tools[i].why);
		invoke_tells(*state, bad_tools[i].sin, heard);
		assert_true(rig_broken(*state, "sinner", "bad_output") == 1);
		(void)rig_teardown(state);
		(void)rig_setup(state);
	}
}

static void two_results_fail_the_call(void **state)
{
	invoke_tells(*state, "t_twice",
		     "1 tool 0 {\"did\":\"look\",\"said\":\"\"} http 200 tries 1\n"
		     "1 fail 11 two results in one call\n");
}

static void what_ends_a_writing_call_for_the_tool_leaves_doubt(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "tool", "t_json", "");
	assert_int_equal(invoke(rig, 1, 0), 0);
	rig_run(rig, 1);
	assert_int_equal(rig->error.flags, 0); /* it only looked */
	assert_int_equal(invoke(rig, 2, BATON_TOOL_WRITES), 0);
	rig_run(rig, 2);
	assert_int_equal(rig->error.flags, BATON_ERROR_IN_DOUBT);
}

static void the_end_of_a_rack_leaves_doubt(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "tool", "t_hang", "");
	assert_int_equal(invoke(rig, 1, BATON_TOOL_WRITES), 0);
	baton_rack_free(&rig->rack);
	assert_string_equal(rig_heard(rig), "1 fail 12 \n");
	assert_int_equal(rig->error.flags, BATON_ERROR_IN_DOUBT);
}

static void a_release_that_is_shut_leaves_doubt(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "tool", "t_hang", "");
	assert_int_equal(invoke(rig, 1, BATON_TOOL_WRITES), 0);
	baton_rack_shut(rig->rack, rig->release);
	rig_run(rig, 1);
	assert_string_equal(rig_heard(rig), "1 fail 13 its release has ended\n");
	assert_int_equal(rig->error.flags, BATON_ERROR_IN_DOUBT);
	assert_int_equal(invoke(rig, 2, 0), BATON_E_CLOSED);
}

static void a_refused_invocation_was_not_started(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "tool", "t_refuse", "");
	assert_int_equal(invoke(rig, 1, BATON_TOOL_WRITES), BATON_E_DENIED);
	rig_idle(rig, 5);
	assert_string_equal(rig_heard(rig), "");
}

static void nothing_comes_of_a_cancelled_tool(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "tool", "t_late", "");
	assert_int_equal(invoke(rig, 1, 0), 0);
	baton_rack_cancel(rig->rack, 1, BATON_CANCEL_DEADLINE);
	rig_idle(rig, 20);
	assert_string_equal(rig_heard(rig), "");
	assert_int_equal(rig_broken(rig, "sinner", "word_after_cancel"), 1);
	assert_int_equal(rig_broken(rig, "sinner", "no_end_after_cancel"), 0);
}

static void a_tool_that_hangs_is_fenced(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "tool", "t_hang", "");
	assert_int_equal(invoke(rig, 1, 0), 0);
	baton_rack_cancel(rig->rack, 1, BATON_CANCEL_DEADLINE);
	rig_idle(rig, 300);
	assert_string_equal(rig_heard(rig), "");
	assert_int_equal(rig_broken(rig, "sinner", "no_end_after_cancel"), 1);
}

static void a_secret_that_comes_back_is_taken_out(void **state)
{
	struct rig *rig = *state;
	char path[128];
	rig->secret[0] = "KEY";
	rig_path(path, sizeof(path), rig->secrets, "KEY");
	rig_write(path, BATON_STR("sk-very-secret"));
	assert_int_equal(chmod(path, 0600), 0);
	rig_sinner(rig, "tool", "", "is sk-very-secret");
	assert_int_equal(invoke(rig, 1, 0), 0);
	rig_run(rig, 1);
	assert_string_equal(
		rig_heard(rig),
		"1 tool 0 {\"did\":\"look\",\"said\":\"is [secret]\"} http 200 tries 1\n"
		"1 end 0\n");
}

static void a_tool_is_found_by_its_name_and_kind(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "guard", "", "");
	assert_int_equal(invoke(rig, 1, 0), BATON_E_NOTFOUND);
}

/* --- guards --- */

struct look {
	baton_hit v[4];
	baton_hits hits;
	int rc;
};

static void look(struct rig *rig, baton_str text, uint32_t at, uint32_t final, struct look *ret)
{
	baton_turn turn = { .size = sizeof(turn), .session_id = BATON_STR("s") };
	const baton_inspection what = {
		.size = sizeof(what), .at = at, .turn = &turn, .text = text, .final = final
	};
	*ret = (struct look){ .hits = { .size = sizeof(ret->hits), .cap = 4 } };
	ret->hits.v = ret->v;
	ret->rc = baton_rack_inspect(rig->rack, rig->release, "sinner", &what, &ret->hits);
}

static void hits_are_copied(void **state)
{
	struct rig *rig = *state;
	struct look seen;
	rig_sinner(rig, "guard", "g_two", "");
	look(rig, BATON_STR("4111 1111"), BATON_AT_CUSTOMER, 1, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.hits.n, 2);
	assert_int_equal(seen.v[0].action, BATON_GUARD_REDACT);
	assert_memory_equal(seen.v[1].type.p, "card", 4);
	assert_true(baton_str_eq(seen.v[1].rule, seen.v[1].type)); /* it said none */
	assert_int_equal(seen.hits.safe, 9);
	assert_int_equal(asked(rig), 1);
}

static void where_a_guard_is_of_no_use_it_is_not_asked(void **state)
{
	struct rig *rig = *state;
	struct look seen;
	rig_sinner(rig, "guard", "g_fails", "");
	look(rig, BATON_STR("{}"), BATON_AT_TOOL_ARGS, 1, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.hits.n, 0);
	assert_int_equal(seen.hits.safe, 2);
}

static void what_is_safe_matters_while_an_answer_grows(void **state)
{
	struct rig *rig = *state;
	struct look seen;
	rig_sinner(rig, "guard", "g_half", "");
	look(rig, BATON_STR("abcd"), BATON_AT_ANSWER, 0, &seen);
	assert_int_equal(seen.hits.safe, 2);
	look(rig, BATON_STR("abcd"), BATON_AT_ANSWER, 1, &seen);
	assert_int_equal(seen.hits.safe, 4);
	look(rig, BATON_STR("abcd"), BATON_AT_CUSTOMER, 1, &seen);
	assert_int_equal(seen.hits.safe, 4);
}

static void an_action_that_does_not_exist_is_a_mark(void **state)
{
	struct rig *rig = *state;
	struct look seen;
	rig_sinner(rig, "guard", "g_action", "");
	look(rig, BATON_STR("x"), BATON_AT_CUSTOMER, 1, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.v[0].action, BATON_GUARD_MARK);
}

static void words_are_appended_to_whole_answers_alone(void **state)
{
	struct rig *rig = *state;
	struct look seen;
	rig_sinner(rig, "guard", "g_append", "");
	look(rig, BATON_STR("x"), BATON_AT_ANSWER, 1, &seen);
	assert_int_equal(seen.rc, 0);
	assert_memory_equal(seen.v[0].text.p, "words", 5);
	look(rig, BATON_STR("x"), BATON_AT_ANSWER, 0, &seen);
	assert_int_equal(seen.rc, BATON_E_MODULE);
	look(rig, BATON_STR("x"), BATON_AT_CUSTOMER, 1, &seen);
	assert_int_equal(seen.rc, BATON_E_MODULE);
}

static const struct bad_guard {
	const char *sin, *why;
} bad_guards[] = {
	{ "g_overlap", "hits that overlap or are not in order" },
	{ "g_order", "hits that overlap or are not in order" },
	{ "g_outside", "a hit that is empty or not inside the text" },
	{ "g_empty", "a hit that is empty or not inside the text" },
	{ "g_cut", "a hit that cuts a character" },
	{ "g_ppm", "a hit's confidence_ppm above 1000000" },
	{ "g_type", "a hit without a type of [a-z0-9_]{1,31}" },
	{ "g_rule", "a hit whose rule is not [A-Za-z0-9._-]{0,64}" },
	{ "g_safe", "safe is not inside the text or cuts a character" },
	{ "g_many", "more hits than there is room for" },
	{ "g_list", "the host's own list of hits was exchanged" },
	{ "g_odd", "a result that inspect() does not have" },
};

static void hits_of_the_wrong_form_are_worth_nothing(void **state)
{
	for (size_t i = 0; i < sizeof(bad_guards) / sizeof(bad_guards[0]); i++) {
		struct rig *rig = *state;
		struct look seen;
		rig_sinner(rig, "guard", bad_guards[i].sin, "");
		look(rig, BATON_STR("\xc3\xbc\xc3\xbc"), BATON_AT_CUSTOMER, 1, &seen);
		if (seen.rc != BATON_E_MODULE || seen.hits.n != 0 || seen.hits.safe != 0 ||
		    !rig_logged(rig, bad_guards[i].why))
			fail_msg("%s: %d, %u hits: %s", bad_guards[i].sin, seen.rc, seen.hits.n,
				 rig->log.n ? rig->log.p : "");
		assert_int_equal(rig_broken(rig, "sinner", "bad_output"), 1);
		(void)rig_teardown(state);
		(void)rig_setup(state);
	}
}

static void a_guard_that_cannot_say_is_heard(void **state)
{
	struct rig *rig = *state;
	struct look seen;
	rig_sinner(rig, "guard", "g_fails", "");
	look(rig, BATON_STR("x"), BATON_AT_CUSTOMER, 1, &seen);
	assert_int_equal(seen.rc, BATON_E_MODULE);
	assert_int_equal(seen.hits.safe, 0);
	assert_true(rig_logged(rig, "\"event\":\"guard_failed\""));
	assert_int_equal(rig_broken(rig, "sinner", "bad_output"), 0);
	(void)rig_teardown(state);
	(void)rig_setup(state);
	rig = *state;
	rig_sinner(rig, "guard", "g_limit", "");
	look(rig, BATON_STR("x"), BATON_AT_CUSTOMER, 1, &seen);
	assert_int_equal(seen.rc, BATON_E_LIMIT);
}

static void a_slow_guard_is_an_overrun(void **state)
{
	struct rig *rig = *state;
	struct look seen;
	rig_sinner(rig, "guard", "sleepy", "");
	look(rig, BATON_STR("x"), BATON_AT_CUSTOMER, 1, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(rig_metric(rig, "baton_module_call_overruns_total{module=\"sinner\"} "),
			 1);
}

static void a_shut_release_is_still_guarded(void **state)
{
	struct rig *rig = *state;
	struct look seen;
	rig_sinner(rig, "guard", "", "");
	baton_rack_shut(rig->rack, rig->release);
	look(rig, BATON_STR("x"), BATON_AT_ANSWER, 1, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.hits.n, 1);
}

/* --- swapped --- */

/* The next release, with the sinner as that kind and with another text, beside the first. */
static struct baton_release *next_release(struct rig *rig, const char *kind, const char *sin)
{
	char config[128];
	struct baton_release *old = rig->release;
	(void)snprintf(config, sizeof(config), "{\"sin\":\"%s\",\"text\":\"new\"}", sin);
	(void)rig_module(rig, "sinner", kind, "sinner.so", config);
	if (rig_stage(rig) != 0 ||
	    baton_rack_adopt(rig->rack, rig->release, rig->why, sizeof(rig->why)) != 0)
		fail_msg("%s", rig->why);
	return old;
}

static void a_call_of_the_old_release_ends_in_the_old_one(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "tool", "t_later", "old");
	struct baton_release *first = rig->release;
	baton_rack_pin(rig->rack, first);
	assert_int_equal(invoke(rig, 1, BATON_TOOL_WRITES), 0);
	struct baton_release *old = next_release(rig, "tool", "");
	assert_ptr_equal(old, first);
	assert_true(baton_rack_retire(rig->rack, old));
	assert_int_equal(invoke(rig, 2, BATON_TOOL_WRITES), 0); /* the new one */
	rig_run(rig, 2);
	assert_string_equal(
		rig_heard(rig),
		"2 tool 0 {\"did\":\"look\",\"said\":\"new\"} http 200 tries 1\n2 end 0\n"
		"1 tool 0 {\"late\":true} http 200 tries 1\n1 end 0\n");
	/* The pin holds it: a turn that goes on may call once more. */
	struct baton_release *new = rig->release;
	rig->release = old;
	assert_int_equal(invoke(rig, 3, 0), 0);
	rig->release = new;
	rig_run(rig, 3);
	assert_int_equal(baton_rack_pins(rig->rack, old), 1);
	baton_rack_unpin(rig->rack, old);
	rig_idle(rig, 5);
	assert_int_equal(baton_rack_pins(rig->rack, old), 0);
	baton_release_unref(&old);
}

static void a_turn_is_guarded_by_its_own_release(void **state)
{
	struct rig *rig = *state;
	struct look seen;
	rig_sinner(rig, "guard", "g_two", "");
	baton_rack_pin(rig->rack, rig->release);
	struct baton_release *old = next_release(rig, "guard", ""), *new = rig->release;
	assert_true(baton_rack_retire(rig->rack, old));
	for (unsigned i = 0; i < 10; i++) {
		rig->release = i % 2 ? old : new;
		look(rig, BATON_STR("4111"), BATON_AT_CUSTOMER, 1, &seen);
		assert_int_equal(seen.rc, 0);
		assert_int_equal(seen.hits.n, i % 2 ? 2 : 1);
	}
	rig->release = new;
	baton_rack_unpin(rig->rack, old);
	rig_idle(rig, 5);
	rig->release = old;
	look(rig, BATON_STR("4111"), BATON_AT_CUSTOMER, 1, &seen);
	assert_int_equal(seen.rc, BATON_E_CLOSED); /* it has gone */
	rig->release = new;
	baton_release_unref(&old);
}

/* --- the test host says the same --- */

static baton_testhost *host;

static uint32_t host_sinner(const struct rig *rig, const char *kind, const char *sin)
{
	const baton_testhost_options options = { .size = sizeof(options), .kind = kind };
	char path[400], config[64], why[256];
	uint32_t inst;
	rig_path(path, sizeof(path), rig->base, "tests/modules/sinner.so");
	host = baton_testhost_open(path, &options, why, sizeof(why));
	if (!host)
		fail_msg("%s", why);
	(void)snprintf(config, sizeof(config), "{\"sin\":\"%s\"}", sin);
	assert_int_equal(baton_testhost_create(host, config, &inst), BATON_OK);
	return inst;
}

static void the_test_host_holds_tools_to_the_same(void **state)
{
	baton_call call;
	uint32_t inst = host_sinner(*state, "tool", "");
	assert_int_equal(baton_testhost_tool(host, inst, "look", "{}", 0, &call), BATON_OK);
	assert_string_equal(baton_testhost_heard(host, call)->tool->json.p,
			    "{\"did\":\"look\",\"said\":\"\"}");
	assert_true(baton_testhost_heard(host, call)->ended);
	/* load() of the sinner asks for a timer too early, on purpose. */
	assert_int_equal(baton_testhost_close(&host), 1);
	for (size_t i = 0; i < sizeof(bad_tools) / sizeof(bad_tools[0]); i++) {
		inst = host_sinner(*state, "tool", bad_tools[i].sin);
		(void)baton_testhost_tool(host, inst, "look", "{}", 0, &call);
		assert_string_equal(baton_testhost_heard(host, call)->error.message.p,
				    bad_tools[i].why);
		assert_int_equal(baton_testhost_breach(host, BATON_TESTHOST_BREACH_OUTPUT), 1);
		(void)baton_testhost_close(&host);
	}
	inst = host_sinner(*state, "tool", "t_late");
	(void)baton_testhost_tool(host, inst, "look", "{}", 0, &call);
	baton_testhost_cancel(host, call, BATON_CANCEL_DEADLINE);
	assert_null(baton_testhost_heard(host, call)->tool);
	assert_int_equal(baton_testhost_breach(host, BATON_TESTHOST_BREACH_AFTER_CANCEL), 1);
	(void)baton_testhost_close(&host);
}

static void the_test_host_holds_guards_to_the_same(void **state)
{
	uint32_t inst = host_sinner(*state, "guard", "g_two");
	const baton_hits *hits = baton_testhost_look(host, inst, BATON_AT_CUSTOMER, "4111");
	assert_non_null(hits);
	assert_int_equal(hits->n, 2);
	assert_string_equal(hits->v[0].rule.p, "card");
	hits = baton_testhost_look(host, inst, BATON_AT_KNOWLEDGE, "4111");
	assert_int_equal(hits->n, 0);
	/* load() of the sinner asks for a timer too early, on purpose. */
	assert_int_equal(baton_testhost_close(&host), 1);
	for (size_t i = 0; i < sizeof(bad_guards) / sizeof(bad_guards[0]); i++) {
		inst = host_sinner(*state, "guard", bad_guards[i].sin);
		assert_null(baton_testhost_look(host, inst, BATON_AT_CUSTOMER, "\xc3\xbc\xc3\xbc"));
		assert_int_equal(baton_testhost_breach(host, BATON_TESTHOST_BREACH_OUTPUT), 1);
		assert_non_null(strstr(baton_testhost_breach_text(host), bad_guards[i].why));
		(void)baton_testhost_close(&host);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		T(a_result_comes_before_the_end),
		T(a_result_may_come_later),
		T(a_no_has_a_code_and_may_have_nothing_else),
		T(a_tool_says_itself_that_it_is_in_doubt),
		T(results_of_the_wrong_form_fail_the_call),
		T(two_results_fail_the_call),
		T(what_ends_a_writing_call_for_the_tool_leaves_doubt),
		T(the_end_of_a_rack_leaves_doubt),
		T(a_release_that_is_shut_leaves_doubt),
		T(a_refused_invocation_was_not_started),
		T(nothing_comes_of_a_cancelled_tool),
		T(a_tool_that_hangs_is_fenced),
		T(a_secret_that_comes_back_is_taken_out),
		T(a_tool_is_found_by_its_name_and_kind),
		T(hits_are_copied),
		T(where_a_guard_is_of_no_use_it_is_not_asked),
		T(what_is_safe_matters_while_an_answer_grows),
		T(an_action_that_does_not_exist_is_a_mark),
		T(words_are_appended_to_whole_answers_alone),
		T(hits_of_the_wrong_form_are_worth_nothing),
		T(a_guard_that_cannot_say_is_heard),
		T(a_slow_guard_is_an_overrun),
		T(a_shut_release_is_still_guarded),
		T(a_call_of_the_old_release_ends_in_the_old_one),
		T(a_turn_is_guarded_by_its_own_release),
		T(the_test_host_holds_tools_to_the_same),
		T(the_test_host_holds_guards_to_the_same),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
