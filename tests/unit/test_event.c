/* SPDX-License-Identifier: Apache-2.0 */

/* Events as JSON and back: every event of the table, whole and cut, for agents and customers. */

#include "tests/unit/unit.h"

#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/session/event.h"

#include <jansson.h>

/* Every field of the event set to something that can be told from every other. */
static void fill(struct baton_event *event)
{
	const struct baton_event_info *info = baton_event_info(event->type);

	for (size_t i = 0; i < info->n_fields; i++) {
		char *at = (char *)event + info->fields[i].offset;
		baton_str text = baton_str_of(info->fields[i].name),
			  json = BATON_STR("[{\"a\":1}]");
		uint64_t number = 1000 + i;
		bool flag = true;

		if (info->fields[i].kind == BATON_FIELD_STR)
			memcpy(at, &text, sizeof(text));
		else if (info->fields[i].kind == BATON_FIELD_JSON)
			memcpy(at, &json, sizeof(json));
		else if (info->fields[i].kind == BATON_FIELD_U64)
			memcpy(at, &number, sizeof(number));
		else
			memcpy(at, &flag, sizeof(flag));
	}
}

static void every_event_reads_back_as_it_was_written(void **state)
{
	unsigned n = 0;

	(void)state;
	for (unsigned type = 1; type < 256; type++) {
		struct baton_event event = { .type = (enum baton_event_type)type },
				   back = { .seq = 7 };
		struct baton_buf json = { NULL, 0, 0 }, again = { NULL, 0, 0 };
		struct baton_arena arena = { NULL, 0 };

		if (!baton_event_info(type))
			continue;
		n++;
		fill(&event);
		baton_event_json(&event, BATON_AUDIENCE_AGENT, &json);
		assert_int_equal(baton_event_parse(type, baton_buf_view(&json), &arena, &back), 0);
		assert_int_equal(back.seq, 7);
		baton_event_json(&back, BATON_AUDIENCE_AGENT, &again);
		assert_string_equal(json.p, again.p);
		for (size_t cut = 0; cut < json.n; cut++)
			assert_int_equal(
				baton_event_parse(type, (baton_str){ json.p, cut }, &arena, &back),
				BATON_E_JSON);
		baton_arena_done(&arena);
		baton_buf_done(&json);
		baton_buf_done(&again);
	}
	assert_in_range(n, 20, 255);
}

static void customers_get_the_public_fields_alone(void **state)
{
	(void)state;
	for (unsigned type = 1; type < 256; type++) {
		const struct baton_event_info *info = baton_event_info(type);
		struct baton_event event = { .type = (enum baton_event_type)type };
		struct baton_buf text = { NULL, 0, 0 };

		if (!info)
			continue;
		fill(&event);
		baton_event_json(&event, BATON_AUDIENCE_CUSTOMER, &text);
		json_t *object = json_loadb(text.p, text.n, 0, NULL);
		assert_non_null(object);
		for (size_t i = 0; i < info->n_fields; i++)
			assert_int_equal(json_object_get(object, info->fields[i].name) != NULL,
					 info->fields[i].is_public);
		json_decref(object);
		baton_buf_done(&text);
	}
}

static void names_and_numbers_agree(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		const struct baton_event_info *info = baton_event_info(type);

		if (info)
			assert_int_equal(baton_event_type_of(baton_str_of(info->name)), type);
	}
	assert_int_equal(baton_event_type_of(BATON_STR("no_such_event")), BATON_EV_NONE);
	assert_null(baton_event_info(0));
	assert_null(baton_event_info(9999));
	/* Stored numbers never change: these three stand for the list. */
	assert_int_equal(BATON_EV_SESSION_OPENED, 1);
	assert_int_equal(BATON_EV_MESSAGE_RECEIVED, 3);
	assert_int_equal(BATON_EV_TRANSCRIPT_SAVED, 24);
}

static void foreign_payloads_are_refused_or_skipped(void **state)
{
	struct baton_event event = { .seq = 1 };
	struct baton_arena arena = { NULL, 0 };

	(void)state;
	assert_int_equal(baton_event_parse(200, BATON_STR("{}"), &arena, &event), BATON_E_SCHEMA);
	assert_int_equal(baton_event_parse(3, BATON_STR("[]"), &arena, &event), BATON_E_JSON);
	assert_int_equal(baton_event_parse(3, BATON_STR("{\"text\":5}"), &arena, &event),
			 BATON_E_JSON);
	assert_int_equal(baton_event_parse(3, BATON_STR("{\"text\":\"a\",\"newer\":{\"x\":[1]}}"),
					   &arena, &event),
			 0);
	assert_true(baton_str_is(event.message_received.text, "a"));
	baton_arena_done(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_reads_back_as_it_was_written),
		cmocka_unit_test(customers_get_the_public_fields_alone),
		cmocka_unit_test(names_and_numbers_agree),
		cmocka_unit_test(foreign_payloads_are_refused_or_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
