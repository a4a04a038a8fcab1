/* SPDX-License-Identifier: Apache-2.0 */

/* Server frames: every one is JSON, says what the protocol page says, and shows customers nothing
 * that is not theirs. */

#include "channels/chat/wire_out.h"
#include "core/base/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

enum { FRAMES_MAX = 16 };

/* What was written, parsed. */
struct sheet {
	json_t *frames[FRAMES_MAX];
	char *text[FRAMES_MAX];
	size_t n;
	struct baton_buf out;
};

static json_t *parse(baton_str s)
{
	json_error_t error;
	json_t *json = json_loadb(s.p, s.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	if (!json)
		print_error("%.*s: %s\n", (int)s.n, s.p, error.text);
	assert_non_null(json);
	assert_null(memchr(s.p, '\n', s.n)); /* newlines stand between frames only */
	return json;
}

static void take(void *ud, struct baton_buf *out)
{
	struct sheet *sheet = ud;

	assert_true(sheet->n < FRAMES_MAX);
	sheet->text[sheet->n] = strndup(out->p, out->n);
	sheet->frames[sheet->n++] = parse(baton_buf_view(out));
	baton_buf_reset(out);
}

static void clear(struct sheet *sheet)
{
	for (size_t i = 0; i < sheet->n; i++) {
		json_decref(sheet->frames[i]);
		free(sheet->text[i]);
	}
	sheet->n = 0;
	baton_buf_done(&sheet->out);
}

static size_t tell(struct sheet *sheet, const struct baton_notice *notice,
		   enum baton_audience audience, struct baton_stream *stream)
{
	struct baton_frames frames = { sheet, take, &sheet->out };

	clear(sheet);
	baton_wire_notice(notice, audience, stream, &frames);
	assert_int_equal(sheet->out.n, 0);
	return sheet->n;
}

/* The string at a path of at most four keys, "" if there is none. */
static const char *at(const json_t *json, const char *a, const char *b, const char *c,
		      const char *d)
{
	const char *keys[] = { a, b, c, d };

	for (int i = 0; i < 4 && keys[i] && json; i++)
		json = json_object_get(json, keys[i]);
	return json && json_is_string(json) ? json_string_value(json) : "";
}

static const char *ev(const struct sheet *sheet, size_t i, const char *key)
{
	return at(sheet->frames[i], "ev", key, NULL, NULL);
}

static json_int_t number(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

static struct baton_notice event_notice(enum baton_event_type type, uint64_t seq)
{
	struct baton_notice notice = { .type = BATON_NOTE_EVENT, .seq = seq };

	notice.session.b[0] = 1;
	notice.event.type = type;
	notice.event.seq = seq;
	notice.event.unix_ms = 1795000000000;
	return notice;
}

static struct baton_notice answer(const char *text)
{
	struct baton_notice notice = event_notice(BATON_EV_ANSWER_GENERATED, 43);

	notice.event.answer_generated = (struct baton_ev_answer_generated){
		.turn = 40,
		.attempt = 2,
		.text = baton_str_of(text),
		.origin = BATON_STR("ai"),
		.sources = BATON_STR("[{\"id\":\"kb1\",\"title\":\"Returns\"}]"),
		.target = BATON_STR("secret-target"),
		.cost_microusd = 17,
	};
	return notice;
}

static struct baton_notice delta(uint64_t offset, const char *text)
{
	struct baton_notice notice = { .type = BATON_NOTE_DELTA,
				       .turn = 40,
				       .attempt = 2,
				       .offset = offset,
				       .text = baton_str_of(text) };
	return notice;
}

static void a_message_of_the_past_is_start_content_end(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_notice notice = answer("It left our depot.");
	struct baton_stream stream = { 0 };

	(void)state;
	assert_int_equal(tell(&sheet, &notice, BATON_AUDIENCE_CUSTOMER, &stream), 3);
	assert_string_equal(ev(&sheet, 0, "type"), "TEXT_MESSAGE_START");
	assert_string_equal(ev(&sheet, 0, "messageId"), "40-2");
	assert_string_equal(ev(&sheet, 0, "role"), "assistant");
	assert_string_equal(ev(&sheet, 1, "delta"), "It left our depot.");
	assert_int_equal(number(sheet.frames[1], "off"), 0);
	assert_string_equal(ev(&sheet, 2, "type"), "TEXT_MESSAGE_END");
	assert_int_equal(number(sheet.frames[2], "seq"), 43);
	assert_int_equal(number(sheet.frames[2], "ts"), 1795000000000);
	assert_null(json_object_get(sheet.frames[0], "seq"));
	assert_null(json_object_get(sheet.frames[1], "seq"));

	json_t *baton = json_object_get(
		json_object_get(json_object_get(sheet.frames[2], "ev"), "metadata"), "baton");
	assert_string_equal(at(baton, "author", "kind", NULL, NULL), "bot");
	assert_string_equal(at(baton, "origin", NULL, NULL, NULL), "ai");
	assert_int_equal(number(baton, "bytes"), 18);
	assert_int_equal(json_array_size(json_object_get(baton, "sources")), 1);
	assert_null(json_object_get(baton, "text"));
	clear(&sheet);
}

static void customers_are_shown_public_fields_alone(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_notice notice = answer("Hello.");

	(void)state;
	(void)tell(&sheet, &notice, BATON_AUDIENCE_CUSTOMER, NULL);
	for (size_t i = 0; i < sheet.n; i++) {
		assert_null(strstr(sheet.text[i], "secret-target"));
		assert_null(strstr(sheet.text[i], "session"));
	}
	(void)tell(&sheet, &notice, BATON_AUDIENCE_AGENT, NULL);
	assert_non_null(strstr(sheet.text[2], "secret-target"));
	assert_non_null(
		strstr(sheet.text[2], "\"session\":\"01000000-0000-0000-0000-000000000000\""));
	clear(&sheet);
}

static void no_internal_event_or_field_reaches_a_customer(void **state)
{
	struct sheet sheet = { .n = 0 };

	(void)state;
	for (unsigned type = 1; type < 64; type++) {
		const struct baton_event_info *info = baton_event_info(type);
		if (!info)
			continue;
		struct baton_notice notice = event_notice((enum baton_event_type)type, 5);
		for (size_t i = 0; i < info->n_fields; i++) {
			baton_str mark = info->fields[i].is_public ? BATON_STR("\"pub\"")
								   : BATON_STR("\"leak\"");
			if (info->fields[i].kind == BATON_FIELD_STR ||
			    info->fields[i].kind == BATON_FIELD_JSON)
				memcpy((char *)&notice.event + info->fields[i].offset, &mark,
				       sizeof(mark));
		}
		size_t n = tell(&sheet, &notice, BATON_AUDIENCE_CUSTOMER, NULL);
		assert_int_equal(n > 0, info->for_customers);
		for (size_t i = 0; i < n; i++)
			assert_null(strstr(sheet.text[i], "leak"));
		n = tell(&sheet, &notice, BATON_AUDIENCE_AGENT, NULL);
		assert_true(n > 0);
		assert_int_equal(number(sheet.frames[n - 1], "seq"), 5);
	}
	clear(&sheet);
}

/* A customer hears that a tool is at work, and that it is done; an agent, with what and what
 * came of it. */
static void what_a_tool_was_given_and_found_is_for_agents(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_notice called = event_notice(BATON_EV_TOOL_CALLED, 44);
	struct baton_notice finished = event_notice(BATON_EV_TOOL_FINISHED, 45);

	(void)state;
	called.event.tool_called =
		(struct baton_ev_tool_called){ .turn = 40,
					       .call = BATON_STR("c1"),
					       .title = BATON_STR("looks up your order"),
					       .tool = BATON_STR("order_status"),
					       .arguments = BATON_STR("{\"order\":\"HP-1\"}") };
	finished.event.tool_finished =
		(struct baton_ev_tool_finished){ .turn = 40,
						 .call = BATON_STR("c1"),
						 .ok = true,
						 .result = BATON_STR("{\"status\":\"sent\"}") };
	assert_int_equal(tell(&sheet, &called, BATON_AUDIENCE_CUSTOMER, NULL), 2);
	assert_string_equal(ev(&sheet, 0, "type"), "TOOL_CALL_START");
	assert_string_equal(ev(&sheet, 0, "toolCallName"), "looks up your order");
	assert_null(json_object_get(sheet.frames[0], "seq"));
	assert_string_equal(ev(&sheet, 1, "type"), "TOOL_CALL_END");
	assert_int_equal(number(sheet.frames[1], "seq"), 44);
	assert_null(strstr(sheet.text[0], "HP-1"));
	assert_int_equal(tell(&sheet, &finished, BATON_AUDIENCE_CUSTOMER, NULL), 1);
	assert_string_equal(ev(&sheet, 0, "type"), "TOOL_CALL_RESULT");
	assert_string_equal(ev(&sheet, 0, "toolCallId"), "c1");
	assert_int_equal(number(sheet.frames[0], "seq"), 45);
	assert_null(strstr(sheet.text[0], "sent"));

	assert_int_equal(tell(&sheet, &called, BATON_AUDIENCE_AGENT, NULL), 1);
	assert_string_equal(ev(&sheet, 0, "name"), "baton.tool_called");
	assert_non_null(strstr(sheet.text[0], "HP-1"));
	assert_int_equal(tell(&sheet, &finished, BATON_AUDIENCE_AGENT, NULL), 1);
	assert_non_null(strstr(sheet.text[0], "sent"));
	clear(&sheet);
}

static void a_streamed_answer_ends_with_end_alone(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_stream stream = { 0 };
	struct baton_notice first = delta(0, "It left "), second = delta(8, "our depot.");
	struct baton_notice end = answer("It left our depot.");

	(void)state;
	assert_int_equal(tell(&sheet, &first, BATON_AUDIENCE_CUSTOMER, &stream), 2);
	assert_string_equal(ev(&sheet, 0, "type"), "TEXT_MESSAGE_START");
	assert_int_equal(tell(&sheet, &second, BATON_AUDIENCE_CUSTOMER, &stream), 1);
	assert_int_equal(number(sheet.frames[0], "off"), 8);
	assert_int_equal(tell(&sheet, &end, BATON_AUDIENCE_CUSTOMER, &stream), 1);
	assert_string_equal(ev(&sheet, 0, "type"), "TEXT_MESSAGE_END");
	assert_int_equal(stream.turn, 0);
	clear(&sheet);
}

static void what_a_stream_missed_comes_before_its_end(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_stream stream = { 0 };
	struct baton_notice first = delta(0, "It "), gap = delta(8, "our "),
			    end = answer("It left our depot.");

	(void)state;
	(void)tell(&sheet, &first, BATON_AUDIENCE_CUSTOMER, &stream);
	assert_int_equal(tell(&sheet, &gap, BATON_AUDIENCE_CUSTOMER, &stream), 0);
	assert_int_equal(tell(&sheet, &end, BATON_AUDIENCE_CUSTOMER, &stream), 2);
	assert_int_equal(number(sheet.frames[0], "off"), 3);
	assert_string_equal(ev(&sheet, 0, "delta"), "left our depot.");
	clear(&sheet);
}

static void a_delta_told_again_from_the_start_is_cut(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_stream stream = { 0 };
	struct baton_notice first = delta(0, "It left "), again = delta(0, "It left our depot."),
			    same = delta(0, "It left ");

	(void)state;
	(void)tell(&sheet, &first, BATON_AUDIENCE_CUSTOMER, &stream);
	assert_int_equal(tell(&sheet, &same, BATON_AUDIENCE_CUSTOMER, &stream), 0);
	assert_int_equal(tell(&sheet, &again, BATON_AUDIENCE_CUSTOMER, &stream), 1);
	assert_int_equal(number(sheet.frames[0], "off"), 8);
	assert_string_equal(ev(&sheet, 0, "delta"), "our depot.");
	clear(&sheet);
}

static void another_attempt_is_another_message(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_stream stream = { 0 };
	struct baton_notice first = delta(0, "Wrong"), second = delta(0, "Right");

	(void)state;
	second.attempt = 3;
	(void)tell(&sheet, &first, BATON_AUDIENCE_CUSTOMER, &stream);
	assert_int_equal(tell(&sheet, &second, BATON_AUDIENCE_CUSTOMER, &stream), 2);
	assert_string_equal(ev(&sheet, 0, "messageId"), "40-3");
	assert_int_equal(number(sheet.frames[1], "off"), 0);
	clear(&sheet);
}

static void people_and_customers_speak_under_their_own_ids(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_notice said = event_notice(BATON_EV_MESSAGE_RECEIVED, 3);
	struct baton_notice human = event_notice(BATON_EV_HUMAN_MESSAGE, 9);

	(void)state;
	said.event.message_received.client_id = BATON_STR("01J8");
	said.event.message_received.text = BATON_STR("a\"b\\c\n\x01\xf0\x9f\x98\x80</script>");
	assert_int_equal(tell(&sheet, &said, BATON_AUDIENCE_CUSTOMER, NULL), 3);
	assert_string_equal(ev(&sheet, 0, "messageId"), "c-01J8");
	assert_string_equal(ev(&sheet, 0, "role"), "user");
	assert_string_equal(ev(&sheet, 1, "delta"), "a\"b\\c\n\x01\xf0\x9f\x98\x80</script>");

	human.event.human_message.text = BATON_STR("Nina here");
	human.event.human_message.agent_name = BATON_STR("Nina");
	human.event.human_message.agent = BATON_STR("nina@desk");
	assert_int_equal(tell(&sheet, &human, BATON_AUDIENCE_CUSTOMER, NULL), 3);
	assert_string_equal(ev(&sheet, 0, "messageId"), "s9");
	assert_non_null(strstr(sheet.text[2], "\"author\":{\"kind\":\"human\",\"name\":\"Nina\"}"));
	assert_null(strstr(sheet.text[2], "nina@desk"));
	clear(&sheet);
}

static void refusals_use_the_words_of_the_error_table(void **state)
{
	struct baton_buf out = { 0 };
	struct sheet sheet = { .n = 0 };

	(void)state;
	baton_wire_err(&(struct baton_refusal){ .code = BATON_E_RATE,
						.id = BATON_STR("m1"),
						.type = BATON_STR("msg"),
						.retry_after_ms = 50 },
		       &out);
	json_t *err = parse(baton_buf_view(&out));
	assert_string_equal(at(err, "code", NULL, NULL, NULL), "rate_limited");
	assert_true(json_is_true(json_object_get(err, "retryable")));
	assert_int_equal(number(err, "retry_after_ms"), 50);
	json_decref(err);
	baton_buf_done(&out);

	struct baton_notice conflict = { .type = BATON_NOTE_REFUSED,
					 .code = BATON_E_CONFLICT,
					 .client_id = BATON_STR("r1"),
					 .verb_name = BATON_STR("reply"),
					 .seq = 12 };
	assert_int_equal(tell(&sheet, &conflict, BATON_AUDIENCE_AGENT, NULL), 1);
	assert_string_equal(at(sheet.frames[0], "code", NULL, NULL, NULL), "conflict");
	assert_string_equal(at(sheet.frames[0], "for", NULL, NULL, NULL), "reply");
	assert_int_equal(number(sheet.frames[0], "seq"), 12);
	clear(&sheet);
}

static void welcome_gives_agents_neither_session_nor_token(void **state)
{
	struct baton_buf out = { 0 };
	struct baton_id id = { { 7 } };
	struct baton_welcome customer = { .role = BATON_CUSTOMER,
					  .session = &id,
					  .token = "tok",
					  .seq = 4,
					  .owner = BATON_OWNER_QUEUE,
					  .greeting = "Hi \"you\"",
					  .disclosure = "I am a bot" };

	(void)state;
	baton_wire_welcome(&customer, &out);
	json_t *json = parse(baton_buf_view(&out));
	assert_string_equal(at(json, "token", NULL, NULL, NULL), "tok");
	assert_string_equal(at(json, "owner", NULL, NULL, NULL), "queue");
	assert_string_equal(at(json, "greeting", NULL, NULL, NULL), "Hi \"you\"");
	assert_string_equal(at(json, "mode", NULL, NULL, NULL), "normal");
	json_decref(json);

	baton_buf_reset(&out);
	customer.mode = BATON_STR("night");
	baton_wire_welcome(&customer, &out);
	json = parse(baton_buf_view(&out));
	assert_string_equal(at(json, "mode", NULL, NULL, NULL), "night");
	json_decref(json);

	baton_buf_reset(&out);
	baton_wire_welcome(&(struct baton_welcome){ .role = BATON_SUPERVISOR,
						    .agent = BATON_STR("sara"),
						    .agent_name = BATON_STR("Sara") },
			   &out);
	json = parse(baton_buf_view(&out));
	assert_string_equal(at(json, "role", NULL, NULL, NULL), "supervisor");
	assert_string_equal(at(json, "agent", NULL, NULL, NULL), "sara");
	assert_string_equal(at(json, "agent_name", NULL, NULL, NULL), "Sara");
	assert_null(json_object_get(json, "session"));
	assert_null(json_object_get(json, "token"));
	assert_null(json_object_get(json, "disclosure"));
	json_decref(json);
	baton_buf_done(&out);
}

static void customers_are_told_of_a_mode_and_a_substitute_but_not_why(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_notice notice = event_notice(BATON_EV_MODE_ENTERED, 7);
	struct baton_notice words = answer("Hello.");

	(void)state;
	notice.event.mode_entered = (struct baton_ev_mode_entered){
		.mode = BATON_STR("night"),
		.what = BATON_STR("pause"),
		.text = BATON_STR("We answer tomorrow."),
		.until_ms = 1795000009000,
		.trigger = BATON_STR("declared"),
		.by = BATON_STR("nina"),
		.release = 3,
	};
	assert_int_equal(tell(&sheet, &notice, BATON_AUDIENCE_CUSTOMER, NULL), 1);
	json_t *value = json_object_get(json_object_get(sheet.frames[0], "ev"), "value");
	assert_string_equal(ev(&sheet, 0, "name"), "baton.mode_entered");
	assert_string_equal(at(value, "text", NULL, NULL, NULL), "We answer tomorrow.");
	assert_int_equal(number(value, "until_ms"), 1795000009000);
	assert_null(strstr(sheet.text[0], "nina"));
	assert_null(strstr(sheet.text[0], "declared"));
	assert_int_equal(tell(&sheet, &notice, BATON_AUDIENCE_AGENT, NULL), 1);
	assert_non_null(strstr(sheet.text[0], "\"by\":\"nina\""));

	words.event.answer_generated.marked = true;
	words.event.answer_generated.substitute = true;
	assert_int_equal(tell(&sheet, &words, BATON_AUDIENCE_CUSTOMER, NULL), 3);
	assert_non_null(strstr(sheet.text[2], "\"marked\":true"));
	assert_null(strstr(sheet.text[2], "substitute"));
	clear(&sheet);
}

static void a_case_says_what_is_known_and_nothing_else(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_notice notice = { .type = BATON_NOTE_CASE };

	(void)state;
	notice.kase.state = BATON_CASE_WAITING;
	assert_int_equal(tell(&sheet, &notice, BATON_AUDIENCE_AGENT, NULL), 1);
	assert_null(strstr(sheet.text[0], "due_ms"));
	assert_null(strstr(sheet.text[0], "verified"));
	assert_null(strstr(sheet.text[0], "tier_level"));
	notice.kase.position = 2;
	notice.kase.due_ms = 1795000000000;
	notice.kase.tier = 3;
	notice.kase.verified = notice.kase.claimable = true;
	notice.kase.customer_name = BATON_STR("Vera \"V\"");
	notice.kase.tags = BATON_STR("[\"late\"]");
	assert_int_equal(tell(&sheet, &notice, BATON_AUDIENCE_AGENT, NULL), 1);
	assert_int_equal(number(sheet.frames[0], "rank"), 2);
	assert_int_equal(number(sheet.frames[0], "tier_level"), 3);
	assert_string_equal(at(sheet.frames[0], "customer_name", NULL, NULL, NULL), "Vera \"V\"");
	assert_int_equal(json_array_size(json_object_get(sheet.frames[0], "tags")), 1);
	assert_true(json_is_true(json_object_get(sheet.frames[0], "claimable")));
	clear(&sheet);
}

static void a_place_tells_no_time_that_nobody_knows(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_notice notice = { .type = BATON_NOTE_PLACE,
				       .place = { .position = 3, .waiting = 7, .open = true } };

	(void)state;
	assert_int_equal(tell(&sheet, &notice, BATON_AUDIENCE_CUSTOMER, NULL), 1);
	json_t *content = json_object_get(json_object_get(sheet.frames[0], "ev"), "content");
	assert_string_equal(ev(&sheet, 0, "type"), "ACTIVITY_SNAPSHOT");
	assert_int_equal(number(content, "position"), 3);
	assert_null(json_object_get(content, "wait_ms"));
	notice.place.wait_ms = 60000;
	assert_int_equal(tell(&sheet, &notice, BATON_AUDIENCE_CUSTOMER, NULL), 1);
	content = json_object_get(json_object_get(sheet.frames[0], "ev"), "content");
	assert_int_equal(number(content, "wait_ms"), 60000);
	clear(&sheet);
}

static void the_rest_is_json_too(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_buf out = { 0 };
	const enum baton_notice_type types[] = { BATON_NOTE_ACK,   BATON_NOTE_CAUGHT_UP,
						 BATON_NOTE_RUN,   BATON_NOTE_TYPING,
						 BATON_NOTE_CASE,  BATON_NOTE_DESK,
						 BATON_NOTE_OFFER, BATON_NOTE_PLACE,
						 BATON_NOTE_DONE,  BATON_NOTE_REFUSED };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct baton_notice notice = { .type = types[i],
					       .client_id = BATON_STR("x\"y"),
					       .agent_name = BATON_STR("N\xc3\xa4h"),
					       .seq = 3 };
		notice.kase.preview = BATON_STR("\"<b>\t");
		notice.kase.has_draft = true;
		assert_int_equal(tell(&sheet, &notice, BATON_AUDIENCE_CUSTOMER, NULL), 1);
		assert_int_equal(tell(&sheet, &notice, BATON_AUDIENCE_AGENT, NULL), 1);
	}
	baton_wire_pong(true, 9, &out);
	json_decref(parse(baton_buf_view(&out)));
	baton_buf_reset(&out);
	baton_wire_bye("drain", 700, &out);
	json_decref(parse(baton_buf_view(&out)));
	baton_buf_done(&out);
	clear(&sheet);
}

/* A commit failed: the turn is run again, counts its attempts anew and finds other words. */
static void the_end_of_a_run_withdraws_what_was_shown(void **state)
{
	struct sheet sheet = { .n = 0 };
	struct baton_stream stream = { 0 };
	struct baton_notice first = delta(0, "Some words"), again = delta(0, "Others");
	struct baton_notice ended = { .type = BATON_NOTE_RUN, .turn = 40 };

	(void)state;
	(void)tell(&sheet, &first, BATON_AUDIENCE_CUSTOMER, &stream);
	(void)tell(&sheet, &ended, BATON_AUDIENCE_CUSTOMER, &stream);
	assert_string_equal(ev(&sheet, 0, "type"), "RUN_FINISHED");
	assert_int_equal(tell(&sheet, &again, BATON_AUDIENCE_CUSTOMER, &stream), 2);
	assert_string_equal(ev(&sheet, 0, "type"), "TEXT_MESSAGE_START");
	assert_string_equal(ev(&sheet, 1, "delta"), "Others");
	clear(&sheet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_of_the_past_is_start_content_end),
		cmocka_unit_test(customers_are_shown_public_fields_alone),
		cmocka_unit_test(no_internal_event_or_field_reaches_a_customer),
		cmocka_unit_test(what_a_tool_was_given_and_found_is_for_agents),
		cmocka_unit_test(a_streamed_answer_ends_with_end_alone),
		cmocka_unit_test(what_a_stream_missed_comes_before_its_end),
		cmocka_unit_test(a_delta_told_again_from_the_start_is_cut),
		cmocka_unit_test(another_attempt_is_another_message),
		cmocka_unit_test(the_end_of_a_run_withdraws_what_was_shown),
		cmocka_unit_test(people_and_customers_speak_under_their_own_ids),
		cmocka_unit_test(refusals_use_the_words_of_the_error_table),
		cmocka_unit_test(welcome_gives_agents_neither_session_nor_token),
		cmocka_unit_test(customers_are_told_of_a_mode_and_a_substitute_but_not_why),
		cmocka_unit_test(a_case_says_what_is_known_and_nothing_else),
		cmocka_unit_test(a_place_tells_no_time_that_nobody_knows),
		cmocka_unit_test(the_rest_is_json_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
