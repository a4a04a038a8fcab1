/* SPDX-License-Identifier: Apache-2.0 */

/* Frames and the structs in them: what is written is read again, and of what is cut short, too long
 * or a lie nothing is believed. */
#include "core/base/errors.h"
#include "core/isolate/pod.h"
#include "tests/unit/unit.h"

static const baton_msg msgs[] = {
	{ .role = BATON_ROLE_CUSTOMER, .text = { "Where is it?", 12 }, .name = { "", 0 } },
	{ .role = BATON_ROLE_BOT, .flags = 3, .text = { NULL, 0 }, .parts_json = { "[]", 2 } },
};
static const baton_turn turn = { .size = sizeof(turn),
				 .flags = BATON_TURN_DRILL,
				 .session_id = { "01J0", 4 },
				 .locale = { "de", 2 },
				 .msgs = msgs,
				 .n_msgs = 2,
				 .attempt = 7,
				 .deadline_ns = 9 };
static const baton_doc docs[] = {
	{ .id = { "a", 1 }, .title = { "A", 1 }, .snippet = { "text", 4 }, .score_ppm = 5 },
	{ .id = { "b", 1 }, .uri = { "/b", 2 }, .version = { "3", 1 }, .updated_unix_ms = 6 },
};

static void same_str(baton_str a, baton_str b)
{
	assert_int_equal(a.n, b.n);
	assert_true((a.p != NULL) == (b.p != NULL));
	if (a.n > 0 && a.p)
		assert_memory_equal(a.p, b.p, a.n);
}

static void same_turn(const baton_turn *t)
{
	same_str(t->session_id, turn.session_id);
	same_str(t->turn_id, turn.turn_id);
	same_str(t->locale, turn.locale);
	assert_int_equal(t->flags, turn.flags);
	assert_int_equal(t->attempt, turn.attempt);
	assert_int_equal(t->deadline_ns, turn.deadline_ns);
	assert_int_equal(t->n_msgs, 2);
	for (int i = 0; i < 2; i++) {
		same_str(t->msgs[i].text, msgs[i].text);
		same_str(t->msgs[i].name, msgs[i].name);
		same_str(t->msgs[i].parts_json, msgs[i].parts_json);
		assert_int_equal(t->msgs[i].role, msgs[i].role);
		assert_int_equal(t->msgs[i].flags, msgs[i].flags);
	}
}

static void same_docs(const baton_doc *d, uint32_t n)
{
	assert_int_equal(n, 2);
	for (int i = 0; i < 2; i++) {
		same_str(d[i].id, docs[i].id);
		same_str(d[i].title, docs[i].title);
		same_str(d[i].uri, docs[i].uri);
		same_str(d[i].snippet, docs[i].snippet);
		same_str(d[i].version, docs[i].version);
		assert_int_equal(d[i].score_ppm, docs[i].score_ppm);
		assert_int_equal(d[i].updated_unix_ms, docs[i].updated_unix_ms);
	}
}

static void a_prompt_is_read_as_it_was_written(void **state)
{
	const baton_prompt prompt = { .size = sizeof(prompt),
				      .turn = &turn,
				      .model = { "m", 1 },
				      .tools_json = { "[1]", 3 },
				      .max_output_tokens = 100,
				      .temperature_milli = -1,
				      .docs = docs,
				      .n_docs = 2,
				      .prefill = { "So", 2 } };
	struct baton_buf out = { 0 };
	struct baton_arena arena = { 0 };
	baton_prompt got;
	(void)state;
	baton_pod_put_prompt(&out, &prompt);
	struct baton_reader in = baton_reader_of(baton_buf_view(&out));
	baton_pod_get_prompt(&in, &arena, &got);
	assert_true(baton_reader_ended(&in));
	same_turn(got.turn);
	same_docs(got.docs, got.n_docs);
	same_str(got.model, prompt.model);
	same_str(got.tools_json, prompt.tools_json);
	same_str(got.prefill, prompt.prefill);
	assert_int_equal(got.max_output_tokens, 100);
	assert_int_equal(got.temperature_milli, -1);
	baton_arena_done(&arena);
	baton_buf_done(&out);
}

/* Whatever stands in memory where the strings were: it is not in the frame. */
static void no_address_leaves_the_process(void **state)
{
	const baton_prompt prompt = {
		.size = sizeof(prompt), .turn = &turn, .docs = docs, .n_docs = 2
	};
	const void *const addresses[] = { &turn, docs, msgs, turn.session_id.p, docs[0].id.p };
	struct baton_buf out = { 0 };
	(void)state;
	baton_pod_put_prompt(&out, &prompt);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		assert_null(memmem(out.p, out.n, &addresses[i], sizeof(addresses[i])));
	baton_buf_done(&out);
}

static void what_modules_answer_is_read_as_it_was_written(void **state)
{
	baton_intent v[] = { { { "refund", 6 }, 900000, 1, { "{}", 2 } },
			     { { "x", 1 }, 1, 0, { NULL, 0 } } };
	const baton_intents intents = { .size = sizeof(intents),
					.n = 2,
					.cap = 2,
					.sentiment_ppm = 4,
					.v = v,
					.language = { "en", 2 } };
	const baton_error error = { .size = sizeof(error),
				    .fail = BATON_FAIL_QUOTA,
				    .code = { "c", 1 },
				    .message = { "m", 1 },
				    .until_unix_ms = 8 };
	struct baton_buf out = { 0 };
	struct baton_arena arena = { 0 };
	baton_intents got;
	baton_error failed;
	uint32_t n;
	(void)state;
	baton_pod_put_intents(&out, &intents);
	baton_pod_put_error(&out, &error);
	baton_pod_put_docs(&out, docs, 2);
	struct baton_reader in = baton_reader_of(baton_buf_view(&out));
	baton_pod_get_intents(&in, &arena, &got);
	baton_pod_get_error(&in, &failed);
	const baton_doc *found = baton_pod_get_docs(&in, &arena, &n);
	same_docs(found, n);
	assert_true(baton_reader_ended(&in));
	assert_int_equal(got.n, 2);
	same_str(got.v[0].name, v[0].name);
	same_str(got.v[1].entities_json, v[1].entities_json);
	same_str(got.language, intents.language);
	assert_int_equal(failed.fail, BATON_FAIL_QUOTA);
	same_str(failed.message, error.message);
	assert_int_equal(failed.until_unix_ms, 8);
	baton_arena_done(&arena);
	baton_buf_done(&out);
}

static void a_verdict_is_read_as_it_was_written(void **state)
{
	const baton_verdict verdict = { .size = sizeof(verdict),
					.action = BATON_ACT_ESCALATE,
					.priority = 2,
					.rule = "r",
					.queue = "",
					.cooldown_ms = 3 };
	struct baton_buf out = { 0 };
	struct baton_arena arena = { 0 };
	baton_verdict got;
	(void)state;
	baton_pod_put_verdict(&out, &verdict);
	struct baton_reader in = baton_reader_of(baton_buf_view(&out));
	baton_pod_get_verdict(&in, &arena, &got);
	assert_true(baton_reader_ended(&in));
	assert_int_equal(got.action, BATON_ACT_ESCALATE);
	assert_string_equal(got.rule, "r");
	assert_null(got.reason);
	assert_string_equal(got.queue, "");
	assert_int_equal(got.cooldown_ms, 3);
	baton_arena_done(&arena);
	baton_buf_done(&out);
}

/* NULL with a length is a module's sin; it is still one on the other side. */
static void a_sin_survives_the_journey(void **state)
{
	const baton_doc doc = { .id = { NULL, 5 }, .title = { "t", 1 } };
	struct baton_buf out = { 0 };
	struct baton_arena arena = { 0 };
	uint32_t n;
	(void)state;
	baton_pod_put_docs(&out, &doc, 1);
	struct baton_reader in = baton_reader_of(baton_buf_view(&out));
	const baton_doc *got = baton_pod_get_docs(&in, &arena, &n);
	assert_true(baton_reader_ended(&in));
	assert_null(got[0].id.p);
	assert_int_equal(got[0].id.n, 5);
	same_str(got[0].title, doc.title);
	baton_arena_done(&arena);
	baton_buf_done(&out);
}

/* Each shorter beginning of it, in memory of just that size. */
static void what_is_cut_short_is_not_believed(void **state)
{
	const baton_prompt prompt = { .size = sizeof(prompt),
				      .turn = &turn,
				      .model = { "m", 1 },
				      .docs = docs,
				      .n_docs = 2 };
	struct baton_buf out = { 0 };
	(void)state;
	baton_pod_put_prompt(&out, &prompt);
	for (size_t n = 0; n < out.n; n++) {
		struct baton_arena arena = { 0 };
		baton_prompt got;
		char *copy = baton_memdupz(out.p, n);
		struct baton_reader in = baton_reader_of((baton_str){ copy, n });
		baton_pod_get_prompt(&in, &arena, &got);
		assert_false(baton_reader_ended(&in));
		baton_arena_done(&arena);
		baton_free(copy);
	}
	baton_buf_done(&out);
}

static void a_number_of_things_that_cannot_be_there_asks_for_no_memory(void **state)
{
	struct baton_buf out = { 0 };
	struct baton_arena arena = { 0 };
	uint32_t n = 1;
	(void)state;
	baton_put_u32(&out, UINT32_MAX);
	baton_put_u32(&out, 0);
	struct baton_reader in = baton_reader_of(baton_buf_view(&out));
	(void)baton_pod_get_docs(&in, &arena, &n);
	assert_int_equal(n, 0);
	assert_true(in.bad);
	assert_true(arena.bytes < 1024);
	baton_arena_done(&arena);
	baton_buf_done(&out);
}

static void frames_go_one_way(void **state)
{
	struct baton_buf out = { 0 };
	struct baton_frame frame;
	(void)state;
	size_t at = baton_frame_begin(&out, BATON_FRAME_DELTA, 77);
	baton_put_u32(&out, 0);
	baton_put_str(&out, BATON_STR("word"));
	assert_true(baton_frame_end(&out, at));
	baton_str bytes = baton_buf_view(&out);
	for (size_t n = 0; n < bytes.n; n++)
		assert_int_equal(
			baton_frame_next((baton_str){ bytes.p, n }, BATON_FRAME_UP, &frame), 0);
	assert_int_equal(baton_frame_next(bytes, BATON_FRAME_UP, &frame), 1);
	assert_int_equal(frame.head.call, 77);
	assert_int_equal(frame.payload.n, 12);
	assert_int_equal(baton_frame_next(bytes, BATON_FRAME_DOWN, &frame), BATON_E_INVAL);
	assert_int_equal(baton_frame_next(bytes, BATON_FRAME_REPORT, &frame), BATON_E_INVAL);
	baton_buf_done(&out);
}

/* Refused when it is written, so that the other side need not be killed for it. */
static void a_frame_that_is_too_long_is_taken_back(void **state)
{
	static char big[BATON_FRAME_LARGE + 16];
	struct baton_buf out = { 0 };
	struct baton_frame frame;
	struct baton_frame_head head = { .len = UINT32_MAX, .op = BATON_FRAME_DELTA };
	(void)state;
	baton_put_u32(&out, 1);
	size_t at = baton_frame_begin(&out, BATON_FRAME_DELTA, 1);
	baton_put_str(&out, (baton_str){ big, sizeof(big) });
	assert_false(baton_frame_end(&out, at));
	assert_int_equal(out.n, 4);
	assert_int_equal(baton_frame_next((baton_str){ (const char *)&head, sizeof(head) },
					  BATON_FRAME_UP, &frame),
			 BATON_E_INVAL);
	head = (struct baton_frame_head){ .op = BATON_FRAME_OPS };
	assert_int_equal(baton_frame_next((baton_str){ (const char *)&head, sizeof(head) },
					  BATON_FRAME_UP, &frame),
			 BATON_E_INVAL);
	baton_buf_done(&out);
}

static void names_are_known_and_places_bounded(void **state)
{
	(void)state;
	assert_string_equal(baton_frame_name(BATON_FRAME_DELTA), "DELTA");
	assert_string_equal(baton_frame_name(9999), "?");
	assert_string_equal(baton_place_name(BATON_PLACE_SEARCH), "search");
	assert_string_equal(baton_place_name(UINT32_MAX), baton_place_name(BATON_PLACE_NOWHERE));
	assert_int_not_equal(baton_frame_revision(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prompt_is_read_as_it_was_written),
		cmocka_unit_test(no_address_leaves_the_process),
		cmocka_unit_test(what_modules_answer_is_read_as_it_was_written),
		cmocka_unit_test(a_verdict_is_read_as_it_was_written),
		cmocka_unit_test(a_sin_survives_the_journey),
		cmocka_unit_test(what_is_cut_short_is_not_believed),
		cmocka_unit_test(a_number_of_things_that_cannot_be_there_asks_for_no_memory),
		cmocka_unit_test(frames_go_one_way),
		cmocka_unit_test(a_frame_that_is_too_long_is_taken_back),
		cmocka_unit_test(names_are_known_and_places_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
