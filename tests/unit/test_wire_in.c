/* SPDX-License-Identifier: Apache-2.0 */

/* Client frames: what is taken, what is refused and with which word. Half of it is garbage. */

#include "channels/chat/wire_in.h"
#include "core/base/errors.h"
#include "core/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#define SESSION "0190c3a4-7d5e-7abc-8def-0123456789ab"
#define TOKEN "0123456789012345678901234567890123456789012"

/* One of every frame, with every field. */
static const char *const valid[] = {
	"{\"t\":\"hello\"}",
	"{\"t\":\"hello\",\"ticket\":\"" TOKEN "\",\"locale\":\"de-CH\",\"client\":\"widget/1.4\"}",
	"{\"t\":\"hello\",\"resume\":{\"session\":\"" SESSION "\",\"token\":\"" TOKEN
	"\",\"after\":41}}",
	"{\"t\":\"msg\",\"id\":\"01J8\",\"text\":\"Wo ist mein Paket? \\u00e4\\ud83d\\ude00\"}",
	"{\"t\":\"human\",\"id\":\"h1\",\"reason\":\"please\"}",
	"{\"t\":\"human\"}",
	"{\"t\":\"typing\"}",
	"{\"t\":\"typing\",\"session\":\"" SESSION "\"}",
	"{\"t\":\"read\",\"seq\":7}",
	"{\"t\":\"feedback\",\"id\":\"f1\",\"value\":\"up\",\"seq\":9,\"comment\":\"danke\"}",
	"{\"t\":\"close\"}",
	"{\"t\":\"ping\",\"n\":12}",
	"{\"t\":\"desk\"}",
	"{\"t\":\"open\",\"session\":\"" SESSION "\",\"after\":3}",
	"{\"t\":\"leave\",\"session\":\"" SESSION "\"}",
	"{\"t\":\"claim\",\"session\":\"" SESSION "\"}",
	"{\"t\":\"release\",\"session\":\"" SESSION "\",\"reason\":\"lunch\"}",
	"{\"t\":\"reply\",\"session\":\"" SESSION "\",\"id\":\"r1\",\"text\":\"Hi\",\"if_seq\":5}",
	"{\"t\":\"note\",\"session\":\"" SESSION "\",\"id\":\"n1\",\"text\":\"vip\"}",
	"{\"t\":\"draft\",\"session\":\"" SESSION
	"\",\"id\":\"d1\",\"draft\":8,\"action\":\"edit\","
	"\"text\":\"better\"}",
	"{\"t\":\"handback\",\"session\":\"" SESSION "\"}",
	"{\"t\":\"resolve\",\"session\":\"" SESSION "\",\"code\":\"solved\"}",
	"{\"t\":\"msg\",\"id\":\"m2\",\"text\":\"look\",\"attachments\":[\"a1\",\"a2\"]}",
	"{\"t\":\"ticket\",\"id\":\"t1\",\"contact\":\"vera@example.org\"}",
	"{\"t\":\"claim\",\"session\":\"" SESSION "\",\"take\":true}",
	"{\"t\":\"transfer\",\"session\":\"" SESSION
	"\",\"queue\":\"billing\",\"agent\":\"omar\",\"reason\":\"a refund\"}",
	"{\"t\":\"tag\",\"session\":\"" SESSION "\",\"id\":\"g1\",\"tags\":[\"late\", \"vip\"]}",
	"{\"t\":\"suggest\",\"session\":\"" SESSION "\"}",
	"{\"t\":\"status\",\"available\":true}",
	"{\"t\":\"decline\",\"session\":\"" SESSION "\"}",
	"{\"t\":\"package\",\"session\":\"" SESSION "\"}",
	"{\"t\":\"operations\",\"on\":false}",
	"{\"t\":\"admin\",\"id\":\"o1\",\"request\":{\"do\":\"status\"}}",
	"{\"t\":\"tool\",\"session\":\"" SESSION
	"\",\"id\":\"k1\",\"proposal\":9,\"action\":\"approve\",\"reason\":\"paid twice\"}",
};
/* Where those that are looked at stand. */
enum {
	MSG_WITH_FILES = 22,
	TICKET,
	TAKE,
	TRANSFER,
	TAG,
	STATUS = 28,
	OPERATIONS = 31,
	ADMIN,
	TOOL
};
enum { VALID = sizeof(valid) / sizeof(valid[0]) };

static struct baton_arena arena;

static int read_n(const char *p, size_t n, struct baton_frame *ret)
{
	baton_arena_done(&arena);
	return baton_frame_read((baton_str){ p, n }, &arena, ret);
}

static int read_z(const char *z, struct baton_frame *ret)
{
	return read_n(z, strlen(z), ret);
}

static int teardown(void **state)
{
	(void)state;
	baton_arena_done(&arena);
	return 0;
}

static void every_frame_of_the_protocol_is_read(void **state)
{
	struct baton_frame frame;
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < VALID; i++) {
		assert_int_equal(read_z(valid[i], &frame), 0);
		seen |= 1u << frame.type;
	}
	assert_int_equal(seen, (1u << BATON_FRAME_TYPES) - 1);
}

static void fields_arrive_where_they_belong(void **state)
{
	struct baton_frame frame;

	(void)state;
	assert_int_equal(read_z(valid[2], &frame), 0);
	assert_true(frame.has_resume && frame.has_session);
	assert_int_equal(frame.after, 41);
	assert_true(baton_str_is(frame.token, TOKEN));

	assert_int_equal(read_z(valid[3], &frame), 0);
	assert_true(baton_str_is(frame.id, "01J8"));
	assert_true(baton_str_is(frame.text, "Wo ist mein Paket? \xc3\xa4\xf0\x9f\x98\x80"));

	struct baton_command command;
	assert_int_equal(read_z(valid[19], &frame), 0);
	assert_true(baton_frame_command(&frame, &command));
	assert_int_equal(command.verb, BATON_CMD_DRAFT);
	assert_int_equal(command.about_seq, 8);
	assert_true(baton_str_is(command.value, "edit"));
	assert_true(baton_str_is(command.text, "better"));

	assert_int_equal(read_z(valid[16], &frame), 0);
	assert_true(baton_frame_command(&frame, &command));
	assert_true(baton_str_is(command.text, "lunch"));
}

static void fields_of_the_desk_arrive_where_they_belong(void **state)
{
	struct baton_frame frame;
	struct baton_command command;

	(void)state;
	assert_int_equal(read_z(valid[MSG_WITH_FILES], &frame), 0);
	assert_int_equal(frame.n_attachments, 2);
	assert_true(baton_str_is(frame.attachments[1], "a2"));
	assert_int_equal(read_z(valid[TICKET], &frame), 0);
	assert_true(baton_frame_command(&frame, &command));
	assert_int_equal(command.verb, BATON_CMD_TICKET);
	assert_true(baton_str_is(command.value, "vera@example.org"));
	assert_int_equal(read_z(valid[TAKE], &frame), 0);
	assert_true(baton_frame_command(&frame, &command) && command.take);
	assert_int_equal(read_z(valid[TRANSFER], &frame), 0);
	assert_true(baton_frame_command(&frame, &command));
	assert_true(baton_str_is(command.value, "billing"));
	assert_true(baton_str_is(command.to_agent, "omar"));
	assert_true(baton_str_is(command.text, "a refund"));
	assert_int_equal(read_z(valid[TAG], &frame), 0);
	assert_true(baton_frame_command(&frame, &command));
	assert_true(baton_str_is(command.value, "[\"late\", \"vip\"]"));
	assert_int_equal(read_z(valid[STATUS], &frame), 0);
	assert_true(frame.available && !baton_frame_command(&frame, &command));
	assert_int_equal(read_z(valid[OPERATIONS], &frame), 0);
	assert_true(frame.off);
	assert_int_equal(read_z("{\"t\":\"operations\"}", &frame), 0);
	assert_false(frame.off);
	assert_int_equal(read_z(valid[ADMIN], &frame), 0);
	assert_true(baton_str_is(frame.request, "{\"do\":\"status\"}"));

	assert_int_equal(read_z(valid[TOOL], &frame), 0);
	assert_true(baton_frame_command(&frame, &command));
	assert_int_equal(command.verb, BATON_CMD_TOOL_REVIEW);
	assert_int_equal(command.about_seq, 9);
	assert_true(baton_str_is(command.value, "approve"));
	assert_true(baton_str_is(command.text, "paid twice"));
	assert_true(baton_str_is(command.client_id, "k1"));
}

static void no_truncation_of_a_valid_frame_is_taken(void **state)
{
	struct baton_frame frame;

	(void)state;
	for (size_t i = 0; i < VALID; i++)
		for (size_t n = 0; n < strlen(valid[i]); n++) {
			char *exact = malloc(n ? n : 1); /* so that a byte too far is seen */
			memcpy(exact, valid[i], n);
			int rc = read_n(exact, n, &frame);
			assert_int_equal(rc, BATON_E_JSON);
			free(exact);
		}
}

/* What is not a frame, and why not. */
static const struct {
	const char *json;
	int rc;
} refused[] = {
	{ "", BATON_E_JSON },
	{ "null", BATON_E_JSON },
	{ "[]", BATON_E_JSON },
	{ "\"hello\"", BATON_E_JSON },
	{ "{}", BATON_E_JSON },
	{ "{\"t\":1}", BATON_E_JSON },
	{ "{\"t\":null}", BATON_E_JSON },
	{ "{\"t\":\"\"}", BATON_E_JSON },
	{ "{\"t\":\"ping\",\"t\":\"close\"}", BATON_E_JSON },
	{ "{\"t\":\"ping\",\"n\":1,\"\\u0074\":\"ping\"}", BATON_E_JSON },
	{ "{\"id\":\"1\",\"t\":\"msg\",\"text\":\"hi\",\"t\":7}", BATON_E_JSON },
	{ "{\"t\":\"ping\"}{\"t\":\"ping\"}", BATON_E_JSON },
	{ "{\"t\":\"ping\"}\n{\"t\":\"ping\"}", BATON_E_JSON },
	{ "{'t':'ping'}", BATON_E_JSON },
	{ "{\"t\":\"ping\",}", BATON_E_JSON },
	{ "{\"t\":\"ping\",\"n\":NaN}", BATON_E_JSON },
	{ "{\"t\":\"ping\",\"n\":01}", BATON_E_JSON },
	{ "{\"t\":\"warp\"}", BATON_E_UNSUPPORTED },
	{ "{\"t\":\"HELLO\"}", BATON_E_UNSUPPORTED },
	{ "{\"t\":\"ping\\u0000\"}", BATON_E_UNSUPPORTED },
	{ "{\"t\":\"ping\",\"n\":-1}", BATON_E_INVAL },
	{ "{\"t\":\"ping\",\"n\":1.5}", BATON_E_INVAL },
	{ "{\"t\":\"ping\",\"n\":\"1\"}", BATON_E_INVAL },
	{ "{\"t\":\"ping\",\"n\":18446744073709551616}", BATON_E_INVAL },
	{ "{\"t\":\"ping\",\"n\":9007199254740992}", BATON_E_INVAL },
	{ "{\"t\":\"ping\",\"n\":1e999}", BATON_E_INVAL },
	{ "{\"t\":\"ping\",\"n\":1,\"n\":2}", BATON_E_INVAL },
	{ "{\"t\":\"ping\",\"n\":1,\"\\u006e\":2}", BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"text\":\"hi\"}", BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"id\":\"1\"}", BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"id\":\"\",\"text\":\"hi\"}", BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"id\":\"1\",\"text\":\"\"}", BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"id\":1,\"text\":\"hi\"}", BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"id\":\"1\",\"text\":{}}", BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"id\":\"a\\nb\",\"text\":\"hi\"}", BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"id\":\"a\\u0000\",\"text\":\"hi\"}", BATON_E_INVAL },
	{ "{\"t\":\"hello\",\"resume\":[]}", BATON_E_INVAL },
	{ "{\"t\":\"hello\",\"resume\":{}}", BATON_E_INVAL },
	{ "{\"t\":\"hello\",\"resume\":{\"t\":\"a\",\"t\":\"b\"}}", BATON_E_INVAL },
	{ "{\"t\":\"hello\",\"resume\":{\"session\":\"" SESSION "\"}}", BATON_E_INVAL },
	{ "{\"t\":\"hello\",\"resume\":{\"session\":\"x\",\"token\":\"" TOKEN "\"}}",
	  BATON_E_INVAL },
	{ "{\"t\":\"hello\",\"ticket\":\"" TOKEN "4\"}", BATON_E_LIMIT },
	{ "{\"t\":\"feedback\",\"id\":\"1\",\"value\":\"sideways\"}", BATON_E_INVAL },
	{ "{\"t\":\"draft\",\"session\":\"" SESSION
	  "\",\"id\":\"1\",\"draft\":1,\"action\":\"eat\"}",
	  BATON_E_INVAL },
	{ "{\"t\":\"tool\",\"session\":\"" SESSION
	  "\",\"id\":\"1\",\"proposal\":1,\"action\":\"accept\"}",
	  BATON_E_INVAL },
	{ "{\"t\":\"tool\",\"session\":\"" SESSION "\",\"id\":\"1\",\"action\":\"approve\"}",
	  BATON_E_INVAL },
	{ "{\"t\":\"claim\"}", BATON_E_INVAL },
	{ "{\"t\":\"claim\",\"session\":\"" SESSION "\",\"take\":1}", BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"id\":\"1\",\"text\":\"x\",\"attachments\":{}}", BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"id\":\"1\",\"text\":\"x\",\"attachments\":[1]}", BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"id\":\"1\",\"text\":\"x\",\"attachments\":[\"a\",\"a\"]}",
	  BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"id\":\"1\",\"text\":\"x\",\"attachments\":[\"\"]}", BATON_E_INVAL },
	{ "{\"t\":\"msg\",\"id\":\"1\",\"text\":\"x\",\"attachments\":"
	  "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}",
	  BATON_E_LIMIT },
	{ "{\"t\":\"ticket\",\"id\":\"1\",\"contact\":\"\"}", BATON_E_INVAL },
	{ "{\"t\":\"ticket\",\"id\":\"1\",\"contact\":\"a\\r\\nBcc: b\"}", BATON_E_INVAL },
	{ "{\"t\":\"status\"}", BATON_E_INVAL },
	{ "{\"t\":\"admin\",\"id\":\"1\",\"request\":\"status\"}", BATON_E_INVAL },
	{ "{\"t\":\"claim\",\"session\":\"../../etc/passwd\"}", BATON_E_INVAL },
	{ "{\"t\":\"ping\",\"x\":\"\xc3\x28\"}", BATON_E_UTF8 },
	{ "{\"t\":\"ping\",\"x\":\"\xed\xa0\x80\"}", BATON_E_UTF8 },
	{ "\xff", BATON_E_UTF8 },
};

static void a_refusal_says_what_is_wrong(void **state)
{
	struct baton_frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int rc = read_z(refused[i].json, &frame);
		if (rc != refused[i].rc)
			print_error("%s\n", refused[i].json);
		assert_int_equal(rc, refused[i].rc);
	}
}

static void a_refusal_names_the_frame_and_the_id_wherever_it_stands(void **state)
{
	struct baton_frame frame;

	(void)state;
	assert_int_equal(read_z("{\"t\":\"msg\",\"text\":7,\"id\":\"m7\"}", &frame), BATON_E_INVAL);
	assert_true(baton_str_is(frame.t, "msg"));
	assert_true(baton_str_is(frame.id, "m7"));
	assert_int_equal(read_z("{\"id\":\"m8\",\"text\":7,\"t\":\"msg\"}", &frame), BATON_E_INVAL);
	assert_true(baton_str_is(frame.id, "m8"));
	assert_int_equal(read_z("{\"t\":\"teleport\"}", &frame), BATON_E_UNSUPPORTED);
	assert_true(baton_str_is(frame.t, "teleport"));
}

static void unknown_fields_are_skipped_whatever_they_hold(void **state)
{
	struct baton_frame frame;

	(void)state;
	assert_int_equal(read_z("{\"future\":{\"t\":\"close\",\"a\":[1,{}]},\"t\":\"ping\",\"n\":3,"
				"\"future\":null}",
				&frame),
			 0);
	assert_int_equal(frame.type, BATON_FRAME_PING);
	assert_int_equal(frame.n, 3);
}

/* A frame `{"t":"msg","id":<id_bytes x>,"text":<text_bytes x>}`. */
static int read_sized(size_t id_bytes, size_t text_bytes, struct baton_frame *frame)
{
	size_t size = id_bytes + text_bytes + 64;
	char *json = malloc(size), *text = malloc(text_bytes + 1);

	memset(text, 'x', text_bytes);
	text[text_bytes] = '\0';
	size_t n = (size_t)snprintf(json, size, "{\"t\":\"msg\",\"id\":\"%0*d\",\"text\":\"%s\"}",
				    (int)id_bytes, 7, text);
	free(text);
	int rc = read_n(json, n, frame);
	free(json);
	return rc;
}

static void a_field_at_its_bound_is_taken_and_a_byte_more_is_not(void **state)
{
	struct baton_frame frame;

	(void)state;
	assert_int_equal(read_sized(1, BATON_TEXT_BYTES_MAX, &frame), 0);
	assert_int_equal(read_sized(1, BATON_TEXT_BYTES_MAX + 1, &frame), BATON_E_LIMIT);
	assert_int_equal(read_sized(BATON_CLIENT_ID_BYTES_MAX, 1, &frame), 0);
	assert_int_equal(read_sized(BATON_CLIENT_ID_BYTES_MAX + 1, 1, &frame), BATON_E_LIMIT);
}

static void deep_nesting_is_refused_without_a_deep_stack(void **state)
{
	enum { DEPTH = 8000 };
	char *json = malloc(2 * DEPTH + 32);
	struct baton_frame frame;
	size_t n = (size_t)snprintf(json, 32, "{\"t\":\"ping\",\"x\":");

	(void)state;
	memset(json + n, '[', DEPTH);
	memset(json + n + DEPTH, ']', DEPTH);
	json[n + 2 * DEPTH] = '}';
	assert_int_equal(read_n(json, n + 2 * DEPTH + 1, &frame), BATON_E_JSON);
	assert_int_equal(read_n(json, n + DEPTH, &frame), BATON_E_JSON);
	free(json);
}

static void lone_surrogates_become_replacement_characters(void **state)
{
	struct baton_frame frame;

	(void)state;
	assert_int_equal(read_z("{\"t\":\"msg\",\"id\":\"1\",\"text\":\"a\\ud800b\"}", &frame), 0);
	assert_true(baton_str_is(frame.text, "a\xef\xbf\xbd"
					     "b"));
	assert_true(baton_str_utf8_ok(frame.text));
}

/* Whatever is taken, jansson takes too; but for escaped surrogates, which it wants in pairs. */
static void agree_with_jansson(const char *p, size_t n)
{
	struct baton_frame frame;
	json_error_t error;

	if (read_n(p, n, &frame) != 0 || memmem(p, n, "\\ud", 3) || memmem(p, n, "\\uD", 3))
		return;
	json_t *json = json_loadb(p, n, JSON_ALLOW_NUL, &error);
	if (!json)
		print_error("%.*s: %s\n", (int)n, p, error.text);
	assert_non_null(json);
	json_decref(json);
}

static void random_bytes_and_random_edits_never_surprise(void **state)
{
	uint64_t rng = 88172645463325252u;
	char bytes[256];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		const char *base = valid[(unsigned)i % VALID];
		size_t n = strlen(base);
		memcpy(bytes, base, n);
		for (int edits = 0; edits < 1 + i % 3; edits++) {
			rng ^= rng << 13;
			rng ^= rng >> 7;
			rng ^= rng << 17;
			bytes[rng % n] = (rng >> 32) % 2
						 ? (char)(rng >> 40)
						 : "{}[]\",:\\u0123456789aen"[(rng >> 40) % 22];
		}
		agree_with_jansson(bytes, n);
	}
}

static void roles_may_say_what_the_protocol_gives_them(void **state)
{
	(void)state;
	assert_true(baton_frame_allowed(BATON_FRAME_MSG, BATON_CUSTOMER));
	assert_false(baton_frame_allowed(BATON_FRAME_MSG, BATON_AGENT));
	assert_true(baton_frame_allowed(BATON_FRAME_CLAIM, BATON_SUPERVISOR));
	assert_false(baton_frame_allowed(BATON_FRAME_CLAIM, BATON_CUSTOMER));
	assert_false(baton_frame_allowed(BATON_FRAME_DESK, BATON_CUSTOMER));
	assert_false(baton_frame_allowed(BATON_FRAME_OPEN, BATON_CUSTOMER));
	assert_true(baton_frame_allowed(BATON_FRAME_PING, BATON_AGENT));
	assert_true(baton_frame_allowed(BATON_FRAME_TICKET, BATON_CUSTOMER));
	for (unsigned type = 0; type < BATON_FRAME_TYPES; type++) {
		bool mine = type == BATON_FRAME_OPERATIONS || type == BATON_FRAME_ADMIN;
		bool all = type == BATON_FRAME_HELLO || type == BATON_FRAME_PING;

		assert_int_equal(baton_frame_allowed(type, BATON_ADMIN), mine || all);
		assert_false(mine && baton_frame_allowed(type, BATON_SUPERVISOR));
		assert_false(baton_frame_allowed(type, BATON_SELF));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_of_the_protocol_is_read),
		cmocka_unit_test(fields_arrive_where_they_belong),
		cmocka_unit_test(fields_of_the_desk_arrive_where_they_belong),
		cmocka_unit_test(no_truncation_of_a_valid_frame_is_taken),
		cmocka_unit_test(a_refusal_says_what_is_wrong),
		cmocka_unit_test(a_refusal_names_the_frame_and_the_id_wherever_it_stands),
		cmocka_unit_test(unknown_fields_are_skipped_whatever_they_hold),
		cmocka_unit_test(a_field_at_its_bound_is_taken_and_a_byte_more_is_not),
		cmocka_unit_test(deep_nesting_is_refused_without_a_deep_stack),
		cmocka_unit_test(lone_surrogates_become_replacement_characters),
		cmocka_unit_test(random_bytes_and_random_edits_never_surprise),
		cmocka_unit_test(roles_may_say_what_the_protocol_gives_them),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
