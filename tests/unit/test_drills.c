/* SPDX-License-Identifier: Apache-2.0 */

/* Faults on purpose: who meets them, for how long, and that none is left behind. */

#include "tests/unit/unit.h"

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/route/drills.h"

#include <stdio.h>
#include <string.h>

enum { PPM = 1000000, MINUTE = 60000 };

static const struct baton_admin nina = { "nina", "monthly drill" };
static char heard[1024];

static struct baton_now at(uint64_t ms)
{
	return (struct baton_now){ ms, 1800000000000ull + ms };
}

static void on_happened(void *ud, const struct baton_happening *happening)
{
	(void)ud;
	snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard), "%s:%s:%s ",
		 happening->subject, happening->is, happening->by);
}

static struct baton_drill outage(const char *name, uint64_t until_ms)
{
	struct baton_drill drill = { .share_ppm = PPM, .until_ms = until_ms, .n_faults = 1 };

	snprintf(drill.name, sizeof(drill.name), "%s", name);
	snprintf(drill.faults[0].target, sizeof(drill.faults[0].target), "primary");
	drill.faults[0].fault.type = BATON_FAULT_OUTAGE;
	return drill;
}

static struct baton_drills none_running(void)
{
	struct baton_drills drills;

	heard[0] = '\0';
	baton_drills_init(&drills, on_happened, NULL);
	return drills;
}

static struct baton_id session(unsigned i)
{
	uint8_t random[10] = { 0 };

	memcpy(random, &i, sizeof(i));
	return baton_id_make(1800000000000ull + i * 37, random);
}

static enum baton_fault_type fault_of(const struct baton_drills *drills, uint64_t ms,
				      const char *target, bool is_primary)
{
	struct baton_id id = session(1);
	struct baton_fault fault = { BATON_FAULT_NONE, 0, 0 };

	return baton_drills_fault(drills, at(ms), &id, false, target, is_primary, &fault)
		       ? fault.type
		       : BATON_FAULT_NONE;
}

static void faults_have_names(void **state)
{
	(void)state;
	for (unsigned type = BATON_FAULT_OUTAGE; type <= BATON_FAULT_GARBAGE; type++) {
		const char *name = baton_fault_name((enum baton_fault_type)type);

		assert_int_equal(baton_fault_find(name, strlen(name)), type);
		assert_int_equal(baton_fault_find(name, strlen(name) - 1), BATON_FAULT_NONE);
	}
	assert_int_equal(baton_fault_find("", 0), BATON_FAULT_NONE);
	assert_string_equal(baton_fault_name((enum baton_fault_type)99), "");
}

static void a_drill_is_over_when_its_time_is_even_if_nobody_ticks(void **state)
{
	struct baton_drills drills = none_running();
	struct baton_drill drill = outage("monthly", 10 * MINUTE);

	(void)state;
	drill.start_ms = 2 * MINUTE;
	assert_int_equal(baton_drills_start(&drills, at(MINUTE), &drill, &nina), 0);
	assert_int_equal(fault_of(&drills, MINUTE, "any", true), BATON_FAULT_NONE);
	assert_false(baton_drills_running(&drills, at(MINUTE)));
	assert_int_equal(fault_of(&drills, 2 * MINUTE, "any", true), BATON_FAULT_OUTAGE);
	assert_true(baton_drills_running(&drills, at(2 * MINUTE)));
	assert_int_equal(fault_of(&drills, 10 * MINUTE - 1, "any", true), BATON_FAULT_OUTAGE);
	assert_int_equal(fault_of(&drills, 10 * MINUTE, "any", true), BATON_FAULT_NONE);
	assert_string_equal(heard, "monthly:running:nina ");
	baton_drills_tick(&drills, at(10 * MINUTE));
	assert_string_equal(heard, "monthly:running:nina monthly:time_up: ");
	assert_int_equal(drills.n, 0);
	assert_int_equal(baton_drills_stop(&drills, at(10 * MINUTE), "monthly", &nina),
			 BATON_E_NOTFOUND);
}

static void a_drill_that_makes_no_sense_is_refused(void **state)
{
	struct baton_drills drills = none_running();
	struct baton_drill sound = outage("monthly", 10 * MINUTE), bad[11];

	(void)state;
	for (unsigned i = 0; i < 11; i++)
		bad[i] = sound;
	bad[0].name[0] = '\0';
	memset(bad[1].name, 'x', sizeof(bad[1].name)); /* no end */
	bad[2].name[0] = (char)0xff;
	bad[3].share_ppm = PPM + 1;
	bad[4].n_faults = 0;
	bad[5].n_faults = BATON_DRILL_FAULTS_MAX + 1;
	bad[6].until_ms = MINUTE; /* over already */
	bad[7].faults[0].fault.type = BATON_FAULT_NONE;
	bad[8].faults[0].fault.type = (enum baton_fault_type)77;
	bad[9].faults[0].target[0] = '\0';
	bad[10].faults[0].from_ms = bad[10].faults[0].to_ms = 5;
	for (unsigned i = 0; i < 11; i++)
		assert_int_equal(baton_drills_start(&drills, at(MINUTE), &bad[i], &nina),
				 BATON_E_INVAL);
	sound.until_ms = MINUTE + BATON_DRILL_MS_MAX + 1;
	assert_int_equal(baton_drills_start(&drills, at(MINUTE), &sound, &nina), BATON_E_LIMIT);
	sound.start_ms = MINUTE + BATON_DRILL_MS_MAX; /* not by beginning later either */
	assert_int_equal(baton_drills_start(&drills, at(MINUTE), &sound, &nina), BATON_E_LIMIT);
	assert_string_equal(heard, "");
	assert_int_equal(drills.n, 0);
}

static void one_name_runs_once_and_only_so_many_run(void **state)
{
	struct baton_drills drills = none_running();
	char name[8];

	(void)state;
	for (unsigned i = 0; i < BATON_DRILLS_MAX; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		struct baton_drill drill = outage(name, MINUTE + i);

		const struct baton_admin who = { name, "" };
		assert_int_equal(baton_drills_start(&drills, at(1), &drill, &who), 0);
		assert_int_equal(baton_drills_start(&drills, at(1), &drill, &nina),
				 i + 1 < BATON_DRILLS_MAX ? BATON_E_STATE : BATON_E_LIMIT);
	}
	/* The first that is over makes room. */
	struct baton_drill late = outage("late", 2 * MINUTE);
	assert_int_equal(baton_drills_start(&drills, at(MINUTE), &late, &nina), 0);
	assert_int_equal(baton_drills_stop(&drills, at(MINUTE), "d3", &nina), 0);
	assert_int_equal(drills.n, BATON_DRILLS_MAX - 1);
	assert_string_equal(drills.all[2].name, "d4");
	assert_string_equal(drills.by[2], "d4");
	assert_string_equal(drills.by[drills.n - 1], "nina");
	assert_non_null(strstr(heard, "d0:time_up: late:running:nina d3:stopped:nina "));
}

static void the_share_is_kept_and_a_session_fares_alike(void **state)
{
	struct baton_drills drills = none_running();
	struct baton_drill a = outage("a", 10 * MINUTE), b = outage("b", 10 * MINUTE);
	struct baton_fault fault;
	unsigned in_a = 0, in_both = 0;
	enum { N = 20000 };

	(void)state;
	a.share_ppm = PPM / 4;
	b.share_ppm = PPM / 4;
	baton_drills_start(&drills, at(1), &a, &nina);
	struct baton_drills only_b = none_running();
	baton_drills_start(&only_b, at(1), &b, &nina);
	for (unsigned i = 0; i < N; i++) {
		struct baton_id id = session(i);
		bool first = baton_drills_fault(&drills, at(2), &id, false, "x", true, &fault);

		for (unsigned k = 1; k < 5; k++)
			assert_int_equal(baton_drills_fault(&drills, at(2 + k * MINUTE), &id, false,
							    "y", true, &fault),
					 first);
		in_a += first;
		in_both +=
			first && baton_drills_fault(&only_b, at(2), &id, false, "x", true, &fault);
	}
	/* Four standard deviations: 245 of 20000 quarters, 137 of sixteenths. */
	assert_in_range(in_a, N / 4 - 245, N / 4 + 245);
	assert_in_range(in_both, N / 16 - 137, N / 16 + 137);
}

static void the_drills_own_sessions_always_take_part(void **state)
{
	struct baton_drills drills = none_running();
	struct baton_drill drill = outage("a", 10 * MINUTE);
	struct baton_fault fault;

	(void)state;
	drill.share_ppm = 0;
	baton_drills_start(&drills, at(1), &drill, &nina);
	drill = outage("b", 10 * MINUTE);
	drill.labelled_only = true;
	snprintf(drill.faults[0].target, sizeof(drill.faults[0].target), "fallback");
	baton_drills_start(&drills, at(1), &drill, &nina);
	for (unsigned i = 0; i < 100; i++) {
		struct baton_id id = session(i);

		assert_true(baton_drills_fault(&drills, at(2), &id, true, "x", true, &fault));
		assert_true(baton_drills_fault(&drills, at(2), &id, true, "x", false, &fault));
		assert_false(baton_drills_fault(&drills, at(2), &id, false, "x", true, &fault));
		assert_false(baton_drills_fault(&drills, at(2), &id, false, "x", false, &fault));
	}
}

static void faults_meet_the_target_they_name_in_their_time(void **state)
{
	struct baton_drills drills = none_running();
	struct baton_drill drill = outage("a", 10 * MINUTE);

	(void)state;
	drill.n_faults = 4;
	drill.faults[0].to_ms = MINUTE;
	snprintf(drill.faults[1].target, sizeof(drill.faults[1].target), "acme");
	drill.faults[1].fault = (struct baton_fault){ BATON_FAULT_SLOW, 3000, 0 };
	snprintf(drill.faults[2].target, sizeof(drill.faults[2].target), "fallback");
	drill.faults[2].fault = (struct baton_fault){ BATON_FAULT_CUT, 0, 4 };
	drill.faults[2].from_ms = 2 * MINUTE;
	snprintf(drill.faults[3].target, sizeof(drill.faults[3].target), "primary");
	drill.faults[3].fault.type = BATON_FAULT_QUOTA;
	drill.faults[3].from_ms = 3 * MINUTE;
	assert_int_equal(baton_drills_start(&drills, at(MINUTE), &drill, &nina), 0);
	assert_int_equal(fault_of(&drills, MINUTE, "acme", true), BATON_FAULT_OUTAGE);
	assert_int_equal(fault_of(&drills, MINUTE, "globex", false), BATON_FAULT_NONE);
	assert_int_equal(fault_of(&drills, 2 * MINUTE, "acme", true), BATON_FAULT_SLOW);
	assert_int_equal(fault_of(&drills, 2 * MINUTE, "globex", true), BATON_FAULT_NONE);
	assert_int_equal(fault_of(&drills, 3 * MINUTE, "globex", false), BATON_FAULT_CUT);
	assert_int_equal(fault_of(&drills, 4 * MINUTE, "globex", true), BATON_FAULT_QUOTA);
	struct baton_buf out = { 0 };
	struct baton_json json;
	baton_drills_json(&drills, at(4 * MINUTE), &out);
	assert_int_equal(baton_json_parse(baton_buf_view(&out), &json), 0);
	assert_non_null(
		strstr(out.p, "\"fault\":\"cut\",\"target\":\"fallback\",\"ms\":0,\"deltas\":4"));
	baton_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_have_names),
		cmocka_unit_test(a_drill_is_over_when_its_time_is_even_if_nobody_ticks),
		cmocka_unit_test(a_drill_that_makes_no_sense_is_refused),
		cmocka_unit_test(one_name_runs_once_and_only_so_many_run),
		cmocka_unit_test(the_share_is_kept_and_a_session_fares_alike),
		cmocka_unit_test(the_drills_own_sessions_always_take_part),
		cmocka_unit_test(faults_meet_the_target_they_name_in_their_time),
	};

	return cmocka_run_group_tests_name("drills", tests, NULL, NULL);
}
