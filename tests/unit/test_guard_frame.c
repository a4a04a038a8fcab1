/* SPDX-License-Identifier: Apache-2.0 */

/* The frame that guards share: what it makes, refuses and lets go of, and the order of hits. Its
 * source is included, since a module exports nothing. */
#include "modules/sdk/guard/frame.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct counted {
	int value;
	char *held;
};

static unsigned n_done;
static char said[256];

static int32_t counted_read(void *guard, baton_str config, char *why, size_t cap)
{
	struct counted *counted = guard;

	assert_int_equal(counted->value, 0);
	counted->held = strdup("held");
	counted->value = (int)config.n;
	if (config.n > 0 && config.p[0] == '{')
		return BATON_OK;
	if (config.n > 0)
		(void)snprintf(why, cap, "there is no brace");
	return BATON_E_INVAL;
}

static void counted_done(void *guard)
{
	struct counted *counted = guard;

	free(counted->held);
	n_done++;
}

const struct guard_frame guard_frame = { sizeof(struct counted), counted_read, counted_done };

static void take_log(baton_ctx *ctx, uint32_t level, baton_str text)
{
	(void)ctx;
	assert_int_equal(level, BATON_LOG_ERROR);
	(void)snprintf(said, sizeof(said), "%.*s", (int)text.n, text.p);
}

static const baton_host host = { .size = sizeof(host), .log = take_log };

static int32_t make(const char *config, void **inst)
{
	void *mod = NULL;

	said[0] = '\0';
	assert_int_equal(frame_load(NULL, &host, &mod), BATON_OK);
	return frame_create(mod, NULL, frame_str(config), inst);
}

static void an_instance_is_made_of_its_configuration_and_let_go_of(void **state)
{
	void *inst = NULL;

	(void)state;
	n_done = 0;
	assert_int_equal(make("{}", &inst), BATON_OK);
	assert_int_equal(((struct counted *)inst)->value, 2);
	assert_string_equal(said, "");
	frame_destroy(inst);
	assert_int_equal(n_done, 1);
}

static void what_is_refused_is_let_go_of_and_the_operator_told_why(void **state)
{
	void *inst = NULL;

	(void)state;
	n_done = 0;
	assert_int_equal(make("[]", &inst), BATON_E_INVAL);
	assert_string_equal(said, "there is no brace");
	assert_int_equal(make("", &inst), BATON_E_INVAL);
	assert_true(strlen(said) > 0); /* never nothing */
	assert_null(inst);
	assert_int_equal(n_done, 2);
}

static void hits_stand_in_order_whatever_order_they_come_in(void **state)
{
	static const uint32_t begins[] = { 7, 2, 9, 0 };
	baton_hit v[4];
	baton_hits hits = { .size = sizeof(hits), .cap = 4, .v = v };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
			frame_hit(&hits, (baton_hit){ .begin = begins[i], .end = begins[i] + 1 }),
			BATON_OK);
	assert_int_equal(hits.n, 4);
	for (size_t i = 1; i < 4; i++)
		assert_true(v[i - 1].begin < v[i].begin);
	assert_int_equal(frame_hit(&hits, (baton_hit){ .begin = 20, .end = 21 }), BATON_E_LIMIT);
	assert_int_equal(hits.n, 4);
}

static void a_place_inside_of_a_character_is_where_it_begins(void **state)
{
	const baton_str text = frame_str("a\xe2\x82\xac"
					 "b");

	(void)state;
	assert_int_equal(frame_character(text, 0), 0);
	assert_int_equal(frame_character(text, 1), 1);
	assert_int_equal(frame_character(text, 3), 1);
	assert_int_equal(frame_character(text, 4), 4);
	assert_int_equal(frame_character(text, 5), 5);
}

static int32_t write_to(void *ud, const void *p, size_t n)
{
	char *text = ud;
	size_t length = strlen(text);

	if (length + n >= 200)
		return BATON_E_LIMIT;
	memcpy(text + length, p, n);
	text[length + n] = '\0';
	return BATON_OK;
}

static void what_it_finds_is_described_as_json(void **state)
{
	static const struct frame_kind kinds[] = { { "card", "redact", "a card" },
						   { "link", "block", "a link" } };
	char text[200] = "";
	const baton_sink sink = { .size = sizeof(sink), .ud = text, .write = write_to };

	(void)state;
	assert_int_equal(frame_describe(&sink, kinds, 2), BATON_OK);
	assert_string_equal(text,
			    "[{\"type\":\"card\",\"action\":\"redact\",\"description\":\"a card\"},"
			    "{\"type\":\"link\",\"action\":\"block\",\"description\":\"a link\"}]");
	text[0] = '\0';
	assert_int_equal(frame_describe(&sink, kinds, 0), BATON_OK);
	assert_string_equal(text, "[]");
	memset(text, 'x', 199);
	text[199] = '\0';
	assert_int_equal(frame_describe(&sink, kinds, 2), BATON_E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_instance_is_made_of_its_configuration_and_let_go_of),
		cmocka_unit_test(what_is_refused_is_let_go_of_and_the_operator_told_why),
		cmocka_unit_test(hits_stand_in_order_whatever_order_they_come_in),
		cmocka_unit_test(a_place_inside_of_a_character_is_where_it_begins),
		cmocka_unit_test(what_it_finds_is_described_as_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
