/* SPDX-License-Identifier: Apache-2.0 */

/* What messages name, merged over a conversation: newest words first, bounded, and never anything
 * but texts, whatever a module said. */

#include "core/session/session.h"
#include "core/session/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void is_merged(const char *newer, const char *older, const char *expected)
{
	struct baton_buf out = { NULL, 0, 0 };

	baton_slots_merge(baton_str_of(newer), baton_str_of(older), &out);
	baton_buf_z(&out, "");
	if (!baton_str_is(baton_buf_view(&out), expected))
		fail_msg("%s over %s is %.*s", newer, older, (int)out.n, out.p ? out.p : "");
	baton_buf_done(&out);
}

static void what_was_named_last_counts(void **state)
{
	(void)state;
	is_merged("{\"order\":\"2\"}", "{\"order\":\"1\"}", "{\"order\":\"2\"}");
	is_merged("{\"order\":\"2\"}", "{\"email\":\"[EMAIL_1]\",\"order\":\"1\"}",
		  "{\"order\":\"2\",\"email\":\"[EMAIL_1]\"}");
	is_merged("", "{\"a\":\"x\"}", "{\"a\":\"x\"}");
	is_merged("{\"a\":\"\\u00e4\\\"\"}", "", "{\"a\":\"\xc3\xa4\\\"\"}");
	is_merged("", "", "");
}

static void what_is_no_text_is_left_out(void **state)
{
	(void)state;
	is_merged("{\"a\":1,\"b\":{\"c\":\"d\"},\"e\":null,\"f\":\"\",\"\":\"g\",\"h\":\"i\"}", "",
		  "{\"h\":\"i\"}");
	is_merged("[\"a\"]", "nonsense", "");
	is_merged("{\"a\":\"1\",\"a\":\"2\"}", "", "{\"a\":\"1\"}");
}

static void it_stays_bounded_and_the_oldest_goes(void **state)
{
	struct baton_buf kept = { NULL, 0, 0 };
	struct baton_arena arena = { NULL, 0 };

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct baton_buf next = { NULL, 0, 0 };
		char newer[300];

		snprintf(newer, sizeof(newer), "{\"slot-%d\":\"%0*d\"}", i, 1 + i % 250, i);
		baton_slots_merge(baton_str_of(newer), baton_buf_view(&kept), &next);
		baton_buf_done(&kept);
		kept = next;
		assert_true(kept.n <= BATON_SLOTS_BYTES_MAX);
		snprintf(newer, sizeof(newer), "slot-%d", i);
		assert_true(baton_slots_value(baton_buf_view(&kept), newer, &arena).n > 0);
	}
	assert_int_equal(baton_slots_value(baton_buf_view(&kept), "slot-0", &arena).n, 0);
	baton_buf_done(&kept);
	baton_arena_done(&arena);
}

static void hear(struct baton_session *session, const char *slots)
{
	struct baton_event event = { .type = BATON_EV_INTENT_DETECTED, .seq = session->seq + 1 };

	event.intent_detected.slots = baton_str_of(slots);
	baton_session_apply(session, &event);
}

static void a_session_keeps_them_also_in_its_snapshot(void **state)
{
	const struct baton_id id = { { 7 } };
	struct baton_arena arena = { NULL, 0 };
	struct baton_session session, back;
	struct baton_buf bytes = { NULL, 0, 0 };

	(void)state;
	baton_session_init(&session, &id);
	hear(&session, "{\"order\":\"4711\"}");
	hear(&session, "");
	hear(&session, "{\"email\":\"[EMAIL_1]\"}");
	assert_true(baton_str_is(baton_slots_value(session.slots, "order", &arena), "4711"));
	baton_session_save(&session, &bytes);
	assert_int_equal(baton_session_load(&back, &id, baton_buf_view(&bytes)), 0);
	assert_true(baton_str_eq(session.slots, back.slots));
	assert_true(baton_str_is(baton_slots_value(back.slots, "email", &arena), "[EMAIL_1]"));
	struct baton_event erased = { .type = BATON_EV_SESSION_ERASED, .seq = back.seq + 1 };
	baton_session_apply(&back, &erased);
	assert_int_equal(back.slots.n, 0);
	baton_session_done(&session);
	baton_session_done(&back);
	baton_buf_done(&bytes);
	baton_arena_done(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_named_last_counts),
		cmocka_unit_test(what_is_no_text_is_left_out),
		cmocka_unit_test(it_stays_bounded_and_the_oldest_goes),
		cmocka_unit_test(a_session_keeps_them_also_in_its_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
