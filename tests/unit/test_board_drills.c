/* SPDX-License-Identifier: Apache-2.0 */

/* Drills on the board: faults for some sessions and for all, and what is left of them: nothing. */

#include "tests/unit/board_rig.h"

#include "core/route/inside.h"

static struct baton_drill outage_of(const char *target, uint32_t share_ppm)
{
	struct baton_drill drill = { .name = "d", .share_ppm = share_ppm, .n_faults = 1 };

	(void)snprintf(drill.faults[0].target, sizeof(drill.faults[0].target), "%s", target);
	drill.faults[0].fault.type = BATON_FAULT_OUTAGE;
	return drill;
}

/* Who is given a fault fails, as the run would make it. */
static void faults_are_performed(struct rig *rig, const struct baton_choice *choice,
				 struct baton_outcome *ret, bool *ret_showed)
{
	(void)rig;
	(void)ret_showed;
	if (choice->fault.type == BATON_FAULT_OUTAGE)
		rig_fail(ret, BATON_FAIL_CONNECT, 1);
	else
		rig_answer(ret);
}

static const char *turn_of(struct rig *rig, uint8_t session)
{
	struct baton_id id = { .b = { session, 1, 2, 3 } };

	rig->n_past = 0;
	for (;;) {
		struct baton_ask ask = rig_ask(rig);

		ask.session = &id;
		if (!baton_board_next(rig->board, rig_now(rig), &ask, &rig->choices[rig->n_past]))
			return "nobody";
		rig_attempt(rig, &rig->choices[rig->n_past]);
		if (!rig->past[rig->n_past - 1].failed)
			return rig->past[rig->n_past - 1].target->name;
	}
}

static void a_drill_for_some_closes_nothing_for_the_others(void **state)
{
	struct rig rig;
	struct baton_drill drill = outage_of("primary", 300000);
	struct baton_admin ann = { "ann", "friday" };
	size_t drilled = 0, went_on = 0;

	(void)state;
	rig_open(&rig);
	rig.provider = faults_are_performed;
	drill.start_ms = rig_now(&rig).ms;
	drill.until_ms = drill.start_ms + 600000;
	assert_int_equal(baton_board_drill_start(rig.board, rig_now(&rig), &drill, &ann), BATON_OK);
	for (unsigned i = 0; i < 200; i++) {
		const char *by = turn_of(&rig, (uint8_t)i);
		bool is_drilled = rig.choices[0].drilled;

		drilled += is_drilled;
		assert_string_equal(by, is_drilled ? "spare" : "main");
		/* In the drill the breaker opens, as it would, and is probed. */
		went_on +=
			is_drilled && rig.choices[0].skipped[0].trigger == BATON_TRIGGER_DEGRADED;
		rig.ms += 10;
		baton_board_tick(rig.board, rig_now(&rig));
	}
	assert_in_range(drilled, 30, 90);
	assert_true(went_on * 2 > drilled);
	assert_int_equal(rig_count(&rig, BATON_HAPPENED_TARGET, "main", "open"), 0);
	/* When it is over, nothing of it is left. */
	rig.ms += 600000;
	baton_board_tick(rig.board, rig_now(&rig));
	assert_false(rig.board->drilling);
	for (unsigned i = 0; i < 200; i++)
		assert_string_equal(turn_of(&rig, (uint8_t)i), "main");
	rig_close(&rig);
}

static void what_is_known_to_all_holds_in_a_drill_too(void **state)
{
	struct rig rig;
	struct baton_drill drill = outage_of("spare", 999999);
	struct baton_admin ann = { "ann", "friday" };

	(void)state;
	rig_open(&rig);
	rig.provider = faults_are_performed;
	drill.start_ms = rig_now(&rig).ms;
	drill.until_ms = drill.start_ms + 60000;
	assert_int_equal(baton_board_drill_start(rig.board, rig_now(&rig), &drill, &ann), BATON_OK);
	(void)baton_board_target_disable(rig.board, rig_now(&rig), "main", &ann);
	assert_string_equal(turn_of(&rig, 1), "other");
	assert_true(rig.choices[0].drilled);
	assert_int_equal(rig.choices[0].skipped[0].trigger, BATON_TRIGGER_DISABLED);
	rig_close(&rig);
}

static void a_drill_for_all_is_as_real_as_it_gets(void **state)
{
	struct rig rig;
	struct baton_drill drill = outage_of("primary", 1000000);
	struct baton_admin ann = { "ann", "friday" };

	(void)state;
	rig_open(&rig);
	rig.provider = faults_are_performed;
	drill.start_ms = rig_now(&rig).ms;
	drill.until_ms = drill.start_ms + 10000;
	assert_int_equal(baton_board_drill_start(rig.board, rig_now(&rig), &drill, &ann), BATON_OK);
	for (int i = 0; i < 5; i++)
		assert_string_equal(rig_turn(&rig), "spare");
	assert_int_equal(rig_count(&rig, BATON_HAPPENED_TARGET, "main", "open"), 1);
	rig.ms += 30000;
	assert_string_equal(rig_turn(&rig), "main");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_drill_for_some_closes_nothing_for_the_others),
		cmocka_unit_test(what_is_known_to_all_holds_in_a_drill_too),
		cmocka_unit_test(a_drill_for_all_is_as_real_as_it_gets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
