/* SPDX-License-Identifier: Apache-2.0 */

/* Degraded modes: each way on and off, row by row; then thousands of lives that chance makes up, of
 * which the promises of modes.h must hold. */

#include "tests/unit/unit.h"

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/policy/expr.h"
#include "core/route/alert.h"
#include "core/route/drills.h"
#include "core/route/modes.h"

#include <stdio.h>

enum { MINUTE = 60000, START_MS = 5000000, NAMED = 4, PPM = 1000000 };
static const uint64_t START_UNIX_MS = 1800000000000ull;

/* --- a world with knobs --- */

struct stay {
	bool on, intake;
	uint64_t since_ms, left_ms; /* by the wall clock, which a restart does not touch */
	char why[32], by[32];
	enum baton_trigger trigger;
};

struct world {
	struct baton_policy policy;
	struct baton_mode_def defs[NAMED];
	struct baton_modes modes;
	struct baton_tallies tallies;
	struct baton_mode_world eyes;
	struct baton_mode_facts facts; /* what `health` says */
	struct baton_now now;
	struct stay stays[NAMED]; /* by the first letter of the name: 'a' is 0 */
	void (*judge)(struct world *world, size_t letter, bool on);
	char last[256]; /* happenings since tell(), one after the other */
};

static baton_expr *compiled(const char *text)
{
	baton_expr *expr = NULL;
	char why[160];
	uint32_t column;

	assert_int_equal(baton_expr_compile_in(&baton_env_mode, baton_str_of(text), &expr, why,
					       sizeof(why), &column),
			 0);
	return expr;
}

static size_t index_in(const struct world *world, const char *name)
{
	return (size_t)(baton_modes_find(&world->modes, name) - world->modes.all);
}

static void on_happened(void *ud, const struct baton_happening *happening)
{
	struct world *world = ud;
	struct stay *stay = &world->stays[happening->subject[0] - 'a'];
	bool on = happening->type == BATON_HAPPENED_MODE_ON;
	size_t n = strlen(world->last);

	/* Every entry is followed by its end, and every end has had its entry. */
	assert_true(on || happening->type == BATON_HAPPENED_MODE_OFF);
	assert_int_equal(stay->on, !on);
	assert_int_equal(happening->unix_ms, world->now.unix_ms);
	char until[64] = "";
	if (on)
		snprintf(until, sizeof(until), "{\"until_ms\":%llu}",
			 (unsigned long long)world->modes.all[index_in(world, happening->subject)]
				 .until_unix_ms);
	assert_string_equal(happening->detail, until);
	stay->on = on;
	stay->trigger = happening->trigger;
	snprintf(stay->by, sizeof(stay->by), "%s", happening->by);
	if (on) {
		stay->intake = strcmp(stay->why, "expired") == 0 &&
			       strcmp(happening->is, "intake") == 0 &&
			       stay->left_ms == world->now.unix_ms;
		stay->since_ms = world->now.unix_ms;
	} else {
		stay->left_ms = world->now.unix_ms;
		snprintf(stay->why, sizeof(stay->why), "%s", happening->is);
	}
	if (world->judge)
		world->judge(world, (size_t)(stay - world->stays), on);
	snprintf(world->last + n, sizeof(world->last) - n, "%s%s:%s", n > 0 ? " " : "",
		 happening->subject, happening->is);
}

static void health(void *ud, struct baton_now now, const struct baton_mode_def *mode,
		   struct baton_mode_facts *facts)
{
	(void)now;
	(void)mode;
	*facts = ((struct world *)ud)->facts;
}

static void open_world(struct world *world, size_t n)
{
	static const char *const names[NAMED] = { "alpha", "beta", "charlie", "delta" };

	memset(world, 0, sizeof(*world));
	world->now = (struct baton_now){ START_MS, START_UNIX_MS };
	for (size_t i = 0; i < NAMED; i++)
		world->defs[i] = (struct baton_mode_def){
			.name = names[i],
			.what = BATON_MODE_PAUSE,
			.enter_when = "error_share > 0.5",
			.recover_when = "error_share < 0.1",
			.enter_test = compiled("error_share > 0.5"),
			.recover_test = compiled("error_share < 0.1"),
			.enter_for_ms = 10000,
			.recover_for_ms = 20000,
			.max_duration_ms = 5 * MINUTE,
			.trigger = "error_rate",
			.say = "",
			.queue = "",
		};
	world->policy = (struct baton_policy){ .modes = world->defs, .n_modes = n };
	baton_tallies_init(&world->tallies, world->now.ms);
	world->eyes = (struct baton_mode_world){ .health = health,
						 .ud = world,
						 .tallies = &world->tallies };
	baton_modes_init(&world->modes, on_happened, world);
	baton_modes_adopt(&world->modes, world->now, &world->policy);
}

static void close_world(struct world *world)
{
	baton_tallies_done(&world->tallies);
	for (size_t i = 0; i < NAMED; i++) {
		baton_expr_free(world->defs[i].enter_test);
		baton_expr_free(world->defs[i].recover_test);
	}
}

static void later(struct world *world, uint64_t ms)
{
	world->now.ms += ms;
	world->now.unix_ms += ms;
}

/* Ticks four times a second, as the server does, and gives what happened. */
static const char *pass(struct world *world, uint64_t ms)
{
	world->last[0] = '\0';
	for (uint64_t gone = 0; gone < ms; gone += 250) {
		later(world, 250);
		baton_modes_tick(&world->modes, world->now, &world->eyes);
	}
	return world->last;
}

static const struct baton_admin nina = { "nina", "we move the warehouse" };
static void bad(struct world *world)
{
	world->facts.error_ppm = PPM;
}
static void good(struct world *world)
{
	world->facts.error_ppm = 0;
}

static struct baton_route route_of(const char *intent, const struct baton_class *class_)
{
	return (struct baton_route){ .intent = intent, .class_ = class_ };
}

static const char *in_force(struct world *world, const struct baton_route *route)
{
	struct baton_mode_view view;

	return baton_modes_view(&world->modes, &world->policy, route, &view) ? view.mode->name
									     : "none";
}

/* --- row by row --- */

static void a_condition_enters_after_its_time_and_leaves_after_its_time(void **state)
{
	struct world world;
	struct baton_mode_view view;
	struct baton_route route = route_of("refund", NULL);

	(void)state;
	open_world(&world, 1);
	assert_string_equal(pass(&world, MINUTE), "");
	bad(&world);
	assert_string_equal(pass(&world, 10000), "");
	assert_string_equal(baton_mode_state_name(world.modes.all[0].state), "pending");
	assert_string_equal(pass(&world, 500), "alpha:pause");
	assert_int_equal(world.stays[0].trigger, BATON_TRIGGER_ERROR_RATE);
	assert_true(baton_modes_view(&world.modes, &world.policy, &route, &view));
	assert_int_equal(view.what, BATON_MODE_PAUSE);
	assert_int_equal(view.until_unix_ms - view.since_unix_ms, 5 * MINUTE);
	good(&world);
	assert_string_equal(pass(&world, 20000), "");
	assert_string_equal(baton_mode_state_name(world.modes.all[0].state), "recovering");
	assert_string_equal(pass(&world, 500), "alpha:recovered");
	assert_false(baton_modes_view(&world.modes, &world.policy, &route, &view));
	close_world(&world);
}

static void a_break_begins_the_time_anew(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 1);
	bad(&world);
	pass(&world, 9000);
	good(&world);
	pass(&world, 250);
	bad(&world);
	assert_string_equal(pass(&world, 9000), "");
	assert_string_equal(pass(&world, 2000), "alpha:pause");
	good(&world);
	pass(&world, 19000);
	world.facts.error_ppm = PPM / 4; /* neither bad enough to enter nor good enough to leave */
	pass(&world, 250);
	good(&world);
	assert_string_equal(pass(&world, 19000), "");
	assert_string_equal(pass(&world, 2000), "alpha:recovered");
	close_world(&world);
}

static void a_mode_does_not_end_in_the_moment_it_began(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 1);
	world.defs[0].enter_for_ms = world.defs[0].recover_for_ms = 0;
	baton_modes_met(&world.modes, world.now, "alpha");
	assert_int_equal(world.stays[0].trigger, BATON_TRIGGER_ALL_DOWN);
	assert_string_equal(pass(&world, BATON_MODE_STAY_MS_MIN - 250), "");
	assert_string_equal(pass(&world, 250), "alpha:recovered");
	close_world(&world);
}

static void what_cannot_be_decided_changes_nothing(void **state)
{
	struct world world;
	baton_expr *enter = compiled("100 / calls < 3");

	(void)state;
	open_world(&world, 1);
	baton_expr_free(world.defs[0].enter_test);
	world.defs[0].enter_test = enter;
	assert_string_equal(pass(&world, MINUTE), ""); /* no calls: a division by nothing */
	assert_true(world.modes.all[0].undecided);
	world.facts.calls = 100;
	assert_string_equal(pass(&world, 11000), "alpha:pause");
	baton_expr_free(world.defs[0].recover_test);
	world.defs[0].recover_test = compiled("100 / calls > 3");
	world.facts.calls = 0;
	assert_string_equal(pass(&world, 4 * MINUTE), "");
	assert_true(world.modes.all[0].undecided);
	world.facts.calls = 10;
	assert_string_equal(pass(&world, 21000), "alpha:recovered");
	close_world(&world);
}

static void hand_over_goes_on_as_intake_until_it_recovers(void **state)
{
	struct world world;
	struct baton_mode_view view;
	struct baton_route route = route_of("refund", NULL);

	(void)state;
	open_world(&world, 1);
	bad(&world);
	assert_string_equal(pass(&world, 10 * MINUTE), "alpha:pause alpha:expired alpha:intake");
	assert_true(baton_modes_view(&world.modes, &world.policy, &route, &view));
	assert_int_equal(view.what, BATON_MODE_INTAKE);
	assert_string_equal(pass(&world, 60 * MINUTE), "");
	good(&world);
	assert_string_equal(pass(&world, 21000), "alpha:recovered");
	close_world(&world);
}

static void intake_after_a_hand_over_is_over_after_a_day(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 1);
	bad(&world);
	pass(&world, 10 * MINUTE);
	world.last[0] = '\0';
	later(&world, BATON_MODE_INTAKE_MS_MAX);
	baton_modes_tick(&world.modes, world.now, &world.eyes);
	assert_string_equal(world.last, "alpha:expired");
	assert_string_equal(pass(&world, BATON_MODE_REST_MS_MIN), ""); /* it does not flap */
	assert_string_equal(pass(&world, 11000), "alpha:pause");
	close_world(&world);
}

static void normal_ends_and_rests_before_its_condition_counts_again(void **state)
{
	struct world world;
	static char saved[4096];
	struct baton_buf out = { 0 };

	(void)state;
	open_world(&world, 1);
	world.defs[0].at_expiry = BATON_EXPIRY_NORMAL;
	bad(&world);
	assert_string_equal(pass(&world, 5 * MINUTE + 11000), "alpha:pause alpha:expired");
	assert_string_equal(pass(&world, 30000), "");
	/* Resting survives a restart. */
	baton_modes_save(&world.modes, world.now, &out);
	snprintf(saved, sizeof(saved), "%.*s", (int)out.n, out.p);
	baton_buf_done(&out);
	baton_modes_init(&world.modes, on_happened, &world);
	struct baton_json json;
	assert_int_equal(baton_json_parse(baton_str_of(saved), &json), 0);
	assert_int_equal(baton_modes_load(&world.modes, world.now, &json), 0);
	baton_modes_adopt(&world.modes, world.now, &world.policy);
	assert_string_equal(pass(&world, 25000), "");
	assert_string_equal(pass(&world, 20000), "alpha:pause");
	close_world(&world);
}

static void a_class_without_anybody_does_not_wait_for_the_rest(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 1);
	world.defs[0].at_expiry = BATON_EXPIRY_NORMAL;
	bad(&world);
	assert_string_equal(pass(&world, 5 * MINUTE + 11000), "alpha:pause alpha:expired");
	world.last[0] = '\0';
	baton_modes_met(&world.modes, world.now, "alpha");
	baton_modes_met(&world.modes, world.now, "alpha");
	baton_modes_met(&world.modes, world.now, "nobody knows it");
	assert_string_equal(world.last, "alpha:pause");
	close_world(&world);
}

static void next_follows_while_the_first_one_rests(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 2);
	for (size_t i = 0; i < 2; i++) {
		world.defs[i].at_expiry = BATON_EXPIRY_NEXT;
		world.defs[i].next = &world.defs[1 - i];
	}
	baton_expr_free(world.defs[1].enter_test);
	world.defs[1].enter_test = NULL;
	world.defs[1].what = BATON_MODE_TICKET;
	bad(&world);
	assert_string_equal(pass(&world, 6 * MINUTE), "alpha:pause alpha:expired beta:ticket");
	assert_int_equal(world.stays[1].trigger, BATON_TRIGGER_ERROR_RATE);
	/* The condition of alpha still holds, but alpha rests. */
	assert_string_equal(in_force(&world, &(struct baton_route){ .intent = "x" }), "beta");
	close_world(&world);
}

static void a_circle_of_modes_ends_with_a_person(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 2);
	for (size_t i = 0; i < 2; i++) {
		world.defs[i].at_expiry = BATON_EXPIRY_NEXT;
		world.defs[i].next = &world.defs[1 - i];
		baton_expr_free(world.defs[i].enter_test);
		world.defs[i].enter_test = NULL;
	}
	bad(&world);
	baton_modes_met(&world.modes, world.now, "alpha");
	assert_string_equal(pass(&world, 20 * MINUTE),
			    "alpha:expired beta:pause beta:expired beta:intake");
	/* The next chain is as long as the first. */
	baton_modes_leave(&world.modes, world.now, "beta", &nina);
	baton_modes_met(&world.modes, world.now, "beta");
	assert_string_equal(pass(&world, 20 * MINUTE),
			    "beta:expired alpha:pause alpha:expired alpha:intake");
	close_world(&world);
}

static void what_an_admin_declares_ends_by_an_admin_or_its_time(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 1);
	good(&world);
	assert_int_equal(baton_modes_enter(&world.modes, world.now, "omega", 0, &nina),
			 BATON_E_NOTFOUND);
	assert_int_equal(baton_modes_leave(&world.modes, world.now, "omega", &nina),
			 BATON_E_NOTFOUND);
	assert_int_equal(baton_modes_leave(&world.modes, world.now, "alpha", &nina), BATON_E_STATE);
	assert_int_equal(baton_modes_enter(&world.modes, world.now, "alpha", 0, &nina), 0);
	assert_int_equal(baton_modes_enter(&world.modes, world.now, "alpha", 0, &nina),
			 BATON_E_STATE);
	assert_int_equal(world.stays[0].trigger, BATON_TRIGGER_DECLARED);
	assert_string_equal(world.stays[0].by, "nina");
	assert_string_equal(world.modes.all[0].why, "we move the warehouse");
	assert_string_equal(pass(&world, 4 * MINUTE),
			    ""); /* all looks well: it stays all the same */
	world.last[0] = '\0';
	assert_int_equal(baton_modes_leave(&world.modes, world.now, "alpha", &nina), 0);
	assert_string_equal(world.last, "alpha:left");
	assert_string_equal(world.stays[0].by, "nina");
	/* Never longer than the policy allows; shorter as asked for. */
	assert_int_equal(baton_modes_enter(&world.modes, world.now, "alpha", 99 * MINUTE, &nina),
			 0);
	assert_int_equal(world.modes.all[0].until_ms - world.now.ms, 5 * MINUTE);
	baton_modes_leave(&world.modes, world.now, "alpha", &nina);
	baton_modes_enter(&world.modes, world.now, "alpha", MINUTE, &nina);
	/* After its time it is as any other: intake, until what recovers it holds. */
	assert_string_equal(pass(&world, MINUTE + 21000),
			    "alpha:expired alpha:intake alpha:recovered");
	close_world(&world);
}

static void what_an_admin_ended_waits_for_its_condition_to_break(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 1);
	world.defs[0].max_duration_ms = 60 * MINUTE;
	bad(&world);
	pass(&world, 11000);
	baton_modes_leave(&world.modes, world.now, "alpha", &nina);
	assert_string_equal(pass(&world, 30 * MINUTE), "");
	good(&world);
	pass(&world, 1000);
	bad(&world);
	assert_string_equal(pass(&world, 11000), "alpha:pause");
	baton_modes_leave(&world.modes, world.now, "alpha", &nina);
	/* ... but not for ever. */
	assert_string_equal(pass(&world, 60 * MINUTE + 11000), "alpha:pause");
	close_world(&world);
}

static void the_first_mode_in_the_file_that_concerns_a_route_counts(void **state)
{
	static const char *refund[] = { "refund" }, *money[] = { "money" };
	const struct baton_class class_ = { .name = "money" };
	struct baton_route refunds = route_of("refund", NULL), fees = route_of("fee", &class_),
			   other = route_of("hello", NULL);
	struct world world;

	(void)state;
	open_world(&world, 3);
	world.defs[0].intents = refund;
	world.defs[0].n_intents = 1;
	world.defs[1].classes = money;
	world.defs[1].n_classes = 1;
	baton_modes_enter(&world.modes, world.now, "charlie", 0, &nina);
	assert_string_equal(in_force(&world, &refunds), "charlie");
	baton_modes_enter(&world.modes, world.now, "beta", 0, &nina);
	baton_modes_enter(&world.modes, world.now, "alpha", 0, &nina);
	assert_string_equal(in_force(&world, &refunds), "alpha");
	assert_string_equal(in_force(&world, &fees), "beta");
	assert_string_equal(in_force(&world, &other), "charlie");
	baton_modes_leave(&world.modes, world.now, "charlie", &nina);
	assert_string_equal(in_force(&world, &other), "none");
	close_world(&world);
}

static void a_turn_of_older_policies_sees_its_own_declaration(void **state)
{
	struct world world;
	struct baton_mode_def older[2];
	struct baton_policy older_policy;
	struct baton_mode_view view;
	struct baton_route route = route_of("refund", NULL);

	(void)state;
	open_world(&world, 2);
	older[0] = world.defs[3]; /* "delta": nobody declares it any more */
	older[1] = world.defs[1];
	older_policy = (struct baton_policy){ .modes = older, .n_modes = 2 };
	baton_modes_enter(&world.modes, world.now, "alpha", 0, &nina);
	assert_false(baton_modes_view(&world.modes, &older_policy, &route, &view));
	baton_modes_enter(&world.modes, world.now, "beta", 0, &nina);
	assert_true(baton_modes_view(&world.modes, &older_policy, &route, &view));
	assert_ptr_equal(view.mode, &older[1]);
	close_world(&world);
}

static void new_policies_keep_shorten_or_end_what_is_on(void **state)
{
	struct world world;
	struct baton_mode_def newer[2];
	struct baton_policy newer_policy;

	(void)state;
	open_world(&world, 3);
	baton_modes_enter(&world.modes, world.now, "alpha", 0, &nina);
	baton_modes_enter(&world.modes, world.now, "beta", 0, &nina);
	baton_modes_enter(&world.modes, world.now, "charlie", 0, &nina);
	pass(&world, MINUTE);
	newer[0] = world.defs[2];
	newer[1] = world.defs[0];
	newer[1].max_duration_ms = 2 * MINUTE;
	newer_policy = (struct baton_policy){ .modes = newer, .n_modes = 2 };
	world.last[0] = '\0';
	baton_modes_adopt(&world.modes, world.now, &newer_policy);
	assert_string_equal(world.last, "beta:not declared any more");
	assert_int_equal(world.modes.n, 2);
	assert_int_equal(world.modes.n_on, 2);
	assert_string_equal(pass(&world, MINUTE), "alpha:expired alpha:intake");
	assert_string_equal(pass(&world, 4 * MINUTE),
			    "alpha:recovered charlie:expired charlie:intake charlie:recovered");
	close_world(&world);
}

static void a_condition_of_other_policies_has_to_hold_anew(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 1);
	bad(&world);
	pass(&world, 9000);
	baton_modes_adopt(&world.modes, world.now, &world.policy);
	assert_string_equal(pass(&world, 10000), "");
	assert_string_equal(pass(&world, 500), "alpha:pause");
	good(&world);
	pass(&world, 19000);
	baton_modes_adopt(&world.modes, world.now, &world.policy);
	assert_string_equal(pass(&world, 20000), "");
	assert_string_equal(pass(&world, 500), "alpha:recovered");
	close_world(&world);
}

static void facts_come_from_the_tallies_the_desk_and_the_rest(void **state)
{
	static const char *refund[] = { "refund" };
	struct world world;
	struct baton_mode_facts facts;
	struct baton_alert *alert = baton_new(struct baton_alert);
	struct baton_drills drills = { .n = 0 };
	struct baton_turn_report report = { .intent = "refund",
					    .class_name = "money",
					    .handed_over = true,
					    .low_confidence = true,
					    .tool_calls = 2,
					    .tool_errors = 1 };

	(void)state;
	open_world(&world, 1);
	world.defs[0].intents = refund;
	world.defs[0].n_intents = 1;
	world.facts = (struct baton_mode_facts){ .error_ppm = 7, .calls = 8, .p95_ms = 9 };
	for (unsigned i = 0; i < 20; i++) {
		report.intent = i % 2 ? "refund" : "hello";
		baton_tallies_report(&world.tallies, world.now, &report);
		baton_tallies_judged(&world.tallies, world.now, "refund",
				     i < 5 ? BATON_STR("edited") : BATON_STR("accepted"));
	}
	alert->on = true;
	world.eyes.alert = alert;
	world.eyes.drills = &drills;
	world.eyes.waiting = 3;
	world.eyes.oldest_wait_ms = 4;
	world.eyes.agents_free = 5;
	baton_modes_enter(&world.modes, world.now, "alpha", 0, &nina);
	later(&world, 1234);
	baton_modes_facts(&world.modes, world.now, &world.eyes, &world.defs[0], &facts);
	assert_int_equal(facts.turns, 10);
	assert_int_equal(facts.escalation_ppm, PPM);
	assert_int_equal(facts.low_confidence_ppm, PPM);
	assert_int_equal(facts.tool_success_ppm, PPM / 2);
	assert_int_equal(facts.override_ppm, PPM / 4);
	assert_int_equal(facts.stale_ppm, 0);
	assert_int_equal(facts.error_ppm, 7);
	assert_int_equal(facts.calls, 8);
	assert_int_equal(facts.p95_ms, 9);
	assert_int_equal(facts.queue_depth, 3);
	assert_int_equal(facts.oldest_wait_ms, 4);
	assert_int_equal(facts.agents_free, 5);
	assert_int_equal(facts.since_ms, 1234);
	assert_int_equal(facts.flags, BATON_MODE_FACT_ALERT);
	baton_free(alert);
	close_world(&world);
}

/* --- over a restart --- */

/* A server that stops and comes back `ms` later, on a machine whose own clock began anew. */
static void restart(struct world *world, uint64_t ms, bool adopt_first)
{
	struct baton_buf saved = { 0 };
	struct baton_json json;

	baton_modes_save(&world->modes, world->now, &saved);
	world->now.unix_ms += ms;
	world->now.ms = 1000;
	baton_modes_init(&world->modes, on_happened, world);
	assert_int_equal(baton_json_parse(baton_buf_view(&saved), &json), 0);
	if (adopt_first)
		baton_modes_adopt(&world->modes, world->now, &world->policy);
	assert_int_equal(baton_modes_load(&world->modes, world->now, &json), 0);
	if (!adopt_first)
		baton_modes_adopt(&world->modes, world->now, &world->policy);
	baton_buf_done(&saved);
}

static void a_restart_changes_nothing_but_that_time_has_passed(void **state)
{
	(void)state;
	for (int adopt_first = 0; adopt_first < 2; adopt_first++) {
		struct world world;
		struct baton_mode_view before, after;
		struct baton_route route = route_of("refund", NULL);

		open_world(&world, 2);
		bad(&world);
		baton_modes_enter(&world.modes, world.now, "beta", 0, &nina);
		pass(&world, 11000);
		assert_true(baton_modes_view(&world.modes, &world.policy, &route, &before));
		world.last[0] = '\0';
		restart(&world, 2 * MINUTE, adopt_first);
		assert_string_equal(world.last, ""); /* nothing began and nothing ended */
		assert_true(baton_modes_view(&world.modes, &world.policy, &route, &after));
		assert_ptr_equal(after.mode, before.mode);
		assert_int_equal(after.what, before.what);
		assert_int_equal(after.trigger, before.trigger);
		assert_int_equal(after.since_unix_ms, before.since_unix_ms);
		assert_int_equal(after.until_unix_ms, before.until_unix_ms);
		assert_string_equal(world.modes.all[1].by, "nina");
		assert_string_equal(world.modes.all[1].why, "we move the warehouse");
		assert_string_equal(pass(&world, 2 * MINUTE), "");
		assert_string_equal(pass(&world, MINUTE),
				    "beta:expired beta:intake alpha:expired alpha:intake");
		close_world(&world);
	}
}

static void what_ended_meanwhile_expires_at_the_first_tick(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 1);
	bad(&world);
	pass(&world, 11000);
	restart(&world, 30 * MINUTE, false);
	assert_string_equal(pass(&world, 250), "alpha:expired alpha:intake");
	close_world(&world);
}

static void a_wall_clock_set_back_does_not_make_a_mode_last(void **state)
{
	struct world world;
	struct baton_buf saved = { 0 };
	struct baton_json json;

	(void)state;
	open_world(&world, 1);
	bad(&world);
	pass(&world, 11000);
	baton_modes_save(&world.modes, world.now, &saved);
	world.now.unix_ms -= 90ull * 24 * 60 * MINUTE;
	baton_modes_init(&world.modes, on_happened, &world);
	assert_int_equal(baton_json_parse(baton_buf_view(&saved), &json), 0);
	assert_int_equal(baton_modes_load(&world.modes, world.now, &json), 0);
	baton_modes_adopt(&world.modes, world.now, &world.policy);
	assert_string_equal(pass(&world, 5 * MINUTE + 250), "alpha:expired alpha:intake");
	baton_buf_done(&saved);
	close_world(&world);
}

static void a_wall_clock_set_back_does_not_make_a_rest_last(void **state)
{
	struct world world;
	struct baton_json json;

	(void)state;
	open_world(&world, 1);
	bad(&world);
	assert_int_equal(baton_json_parse(BATON_STR("[{\"name\":\"alpha\",\"on\":false,"
						    "\"rest_until_unix_ms\":9000000000000,"
						    "\"rest_breaks\":false}]"),
					  &json),
			 0);
	assert_int_equal(baton_modes_load(&world.modes, world.now, &json), 0);
	assert_string_equal(pass(&world, 5 * MINUTE - 250), "");
	assert_string_equal(pass(&world, 11000), "alpha:pause");
	close_world(&world);
}

static void more_modes_than_there_can_be_are_refused(void **state)
{
	struct world world;
	struct baton_buf text = { 0 };
	struct baton_json json;

	(void)state;
	open_world(&world, 1);
	for (int i = 0; i <= BATON_MODES_MAX; i++)
		baton_buf_printf(&text,
				 "%c{\"name\":\"m%d\",\"on\":false,\"rest_until_unix_ms\":0,"
				 "\"rest_breaks\":false}",
				 i == 0 ? '[' : ',', i);
	baton_buf_z(&text, "]");
	assert_int_equal(baton_json_parse(baton_buf_view(&text), &json), 0);
	assert_int_equal(baton_modes_load(&world.modes, world.now, &json), BATON_E_SCHEMA);
	assert_int_equal(world.modes.n, 1);
	baton_buf_done(&text);
	close_world(&world);
}

static void a_saved_mode_that_is_not_declared_any_more_ends(void **state)
{
	(void)state;
	for (int adopt_first = 0; adopt_first < 2; adopt_first++) {
		struct world world;

		open_world(&world, 2);
		baton_modes_enter(&world.modes, world.now, "beta", 0, &nina);
		world.policy.n_modes = 1;
		world.last[0] = '\0';
		restart(&world, MINUTE, adopt_first);
		assert_string_equal(world.last, "beta:not declared any more");
		assert_int_equal(world.modes.n, 1);
		assert_int_equal(world.modes.n_on, 0);
		close_world(&world);
	}
}

static void what_is_not_a_saved_state_is_refused_whole(void **state)
{
#define FINE                                                                                   \
	"\"name\":\"alpha\",\"on\":true,\"do\":\"pause\",\"intake\":false,\"declared\":false," \
	"\"trigger\":\"p95\",\"by\":\"\",\"why\":\"\",\"since_unix_ms\":1,\"followed\":0"
	static const char *const refused[] = {
		"{}",
		"[1]",
		"[{}]",
		"[{\"name\":\"\",\"on\":false,\"rest_until_unix_ms\":1,\"rest_breaks\":true}]",
		"[{\"name\":7,\"on\":false,\"rest_until_unix_ms\":1,\"rest_breaks\":true}]",
		"[{\"name\":\"a\\u0000b\",\"on\":false,\"rest_until_unix_ms\":1,"
		"\"rest_breaks\":true}]",
		"[{\"name\":\"alpha\",\"on\":false,\"rest_until_unix_ms\":-1,\"rest_breaks\":true}]",
		"[{\"name\":\"alpha\",\"on\":false,\"rest_until_unix_ms\":18446744073709551615,"
		"\"rest_breaks\":true}]",
		"[{\"name\":\"alpha\",\"on\":1}]",
		"[{" FINE "}]",
		"[{" FINE ",\"until_unix_ms\":\"soon\"}]",
		"[{" FINE ",\"until_unix_ms\":9,\"do\":\"dance\"}]",
		"[{" FINE ",\"until_unix_ms\":9,\"do\":\"\"}]",
		"[{" FINE ",\"until_unix_ms\":9,\"trigger\":\"the moon\"}]",
		"[{" FINE ",\"until_unix_ms\":9,\"followed\":1000}]",
		"[{" FINE ",\"until_unix_ms\":9},{" FINE ",\"until_unix_ms\":9}]",
	};
	struct world world;
	struct baton_json json;

	(void)state;
	open_world(&world, 1);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(baton_json_parse(baton_str_of(refused[i]), &json), 0);
		assert_int_equal(baton_modes_load(&world.modes, world.now, &json), BATON_E_SCHEMA);
		assert_int_equal(world.modes.n, 1);
		assert_int_equal(world.modes.n_on, 0);
		assert_int_equal(world.modes.all[0].rest_until_ms, 0);
	}
	assert_int_equal(baton_json_parse(BATON_STR("[{" FINE ",\"until_unix_ms\":9}]"), &json), 0);
	assert_int_equal(baton_modes_load(&world.modes, world.now, &json), 0);
	assert_int_equal(world.modes.n_on, 1);
	close_world(&world);
}

static void people_and_prometheus_can_read_it(void **state)
{
	struct world world;
	struct baton_buf out = { 0 };
	struct baton_json json;

	(void)state;
	open_world(&world, 2);
	baton_modes_enter(&world.modes, world.now, "alpha", 0, &nina);
	later(&world, 2500);
	baton_modes_json(&world.modes, world.now, &out);
	assert_int_equal(baton_json_parse(baton_buf_view(&out), &json), 0);
	assert_non_null(strstr(out.p, "\"name\":\"alpha\",\"state\":\"on\""));
	assert_non_null(strstr(out.p, "\"trigger\":\"declared\",\"by\":\"nina\""));
	baton_buf_reset(&out);
	baton_modes_metrics(&world.modes, world.now, &out);
	assert_non_null(strstr(out.p, "baton_mode_on{mode=\"alpha\"} 1\n"));
	assert_non_null(strstr(out.p, "baton_mode_on{mode=\"beta\"} 0\n"));
	assert_non_null(strstr(out.p, "baton_mode_seconds_total{mode=\"alpha\"} 2.5\n"));
	baton_buf_done(&out);
	close_world(&world);
}

/* --- lives that chance makes up --- */

/* What the promises are judged by: the conditions as they were at each tick, and nothing that the
 * modes themselves remember. The world comes first, so that a judge finds its life. */
struct life {
	struct world world;
	struct baton_mode_def declared[NAMED]; /* of the policy at hand: some of world.defs */
	uint64_t random, slack_ms;             /* slack: since the last tick */
	uint64_t bad_since_ms, good_since_ms; /* enter_when, recover_when: since then; 0: not now */
	uint64_t not_bad_ms;                  /* when enter_when did not hold the last time */
	uint64_t barred_ms[NAMED];            /* an admin ended it: not before, or a break */
	bool declared_now[NAMED];             /* an admin entered it */
	unsigned entries, recoveries, expiries, restarts;
	bool acting; /* an admin or a class, not a tick */
};

/* xorshift64*: G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003. */
static uint64_t chance(struct life *life, uint64_t n)
{
	life->random ^= life->random >> 12;
	life->random ^= life->random << 25;
	life->random ^= life->random >> 27;
	return (life->random * 2685821657736338717ull) % n;
}

static const struct baton_mode_def *def_of(const struct life *life, size_t letter)
{
	for (size_t i = 0; i < life->world.policy.n_modes; i++) {
		if (strcmp(life->declared[i].name, life->world.defs[letter].name) == 0)
			return &life->declared[i];
	}
	return NULL;
}

static bool another_expired_now(const struct world *world)
{
	for (size_t i = 0; i < NAMED; i++) {
		if (world->stays[i].left_ms == world->now.unix_ms &&
		    strcmp(world->stays[i].why, "expired") == 0)
			return true;
	}
	return false;
}

static void judge_entry(struct life *life, size_t letter)
{
	const struct stay *stay = &life->world.stays[letter];
	const struct baton_mode_def *def = def_of(life, letter);
	uint64_t now = life->world.now.unix_ms;

	assert_non_null(def);
	life->entries++;
	life->declared_now[letter] = life->acting && stay->trigger == BATON_TRIGGER_DECLARED;
	if (life->acting || stay->intake || another_expired_now(&life->world))
		return;
	/* By its condition, which has held long enough, and not too soon. */
	assert_true(life->bad_since_ms > 0);
	assert_true(now - life->bad_since_ms >= def->enter_for_ms);
	if (strcmp(stay->why, "expired") == 0)
		assert_true(now - stay->left_ms >= BATON_MODE_REST_MS_MIN);
	if (strcmp(stay->why, "left") == 0)
		assert_true(now >= life->barred_ms[letter] || life->not_bad_ms > stay->left_ms);
}

static void judge_end(struct life *life, size_t letter)
{
	const struct stay *stay = &life->world.stays[letter];
	const struct baton_mode_def *def = def_of(life, letter);
	uint64_t now = life->world.now.unix_ms;

	if (strcmp(stay->why, "recovered") == 0) {
		assert_true(now - stay->since_ms >= BATON_MODE_STAY_MS_MIN);
		assert_true(life->good_since_ms > 0);
		assert_true(now - life->good_since_ms >= def->recover_for_ms);
		assert_false(life->declared_now[letter]);
		life->recoveries++;
	} else if (strcmp(stay->why, "left") == 0) {
		life->barred_ms[letter] = now + def->max_duration_ms;
	} else if (strcmp(stay->why, "expired") == 0) {
		life->expiries++;
	} else {
		assert_string_equal(stay->why, "not declared any more");
		assert_null(def);
	}
}

static void judge(struct world *world, size_t letter, bool on)
{
	if (on)
		judge_entry((struct life *)world, letter);
	else
		judge_end((struct life *)world, letter);
}

/* Nothing lasts longer than it may. */
static void judge_bounds(struct life *life)
{
	for (size_t i = 0; i < NAMED; i++) {
		const struct baton_mode_def *def = def_of(life, i);
		const struct stay *stay = &life->world.stays[i];

		if (!stay->on)
			continue;
		assert_non_null(def);
		uint64_t max_ms = stay->intake ? BATON_MODE_INTAKE_MS_MAX : def->max_duration_ms;

		assert_true(life->world.now.unix_ms - stay->since_ms <= max_ms + life->slack_ms);
	}
}

static void declare_some(struct life *life)
{
	struct world *world = &life->world;
	size_t first = chance(life, NAMED), n = 0;

	for (size_t i = 0; i < NAMED; i++) {
		struct baton_mode_def *def = &world->defs[(first + i) % NAMED];

		if (chance(life, 8) == 0)
			continue;
		def->what = (enum baton_mode_do)chance(life, BATON_MODE_SUBSTITUTE + 1);
		def->enter_for_ms = (uint32_t)chance(life, 4) * 5000;
		def->recover_for_ms = (uint32_t)chance(life, 4) * 5000;
		def->max_duration_ms = 1000 + (uint32_t)chance(life, 10) * MINUTE;
		def->at_expiry = (enum baton_mode_expiry)chance(life, BATON_EXPIRY_NEXT + 1);
		life->declared[n++] = *def;
	}
	for (size_t i = 0; i < n; i++)
		life->declared[i].next = &life->declared[chance(life, n)];
	world->policy = (struct baton_policy){ .modes = life->declared, .n_modes = n };
}

static void tick_once(struct life *life, uint64_t ms)
{
	struct world *world = &life->world;

	later(world, ms);
	life->slack_ms += ms;
	bool is_bad = world->facts.error_ppm > PPM / 2, is_good = world->facts.error_ppm < PPM / 10;

	if (!is_bad)
		life->not_bad_ms = world->now.unix_ms;
	if (!is_bad || life->bad_since_ms == 0)
		life->bad_since_ms = is_bad ? world->now.unix_ms : 0;
	if (!is_good || life->good_since_ms == 0)
		life->good_since_ms = is_good ? world->now.unix_ms : 0;
	world->last[0] = '\0';
	baton_modes_tick(&world->modes, world->now, &world->eyes);
	judge_bounds(life);
	life->slack_ms = 0;
}

/* What was in force must be in force after it, with the same end. */
static void restart_and_compare(struct life *life)
{
	struct world *world = &life->world;
	struct baton_mode_view before[NAMED], after;
	bool was_on[NAMED];
	const struct baton_route route = { .intent = "x" };
	uint64_t away_ms = chance(life, 3) * MINUTE;

	for (size_t i = 0; i < world->policy.n_modes; i++) {
		struct baton_policy one = { .modes = &life->declared[i], .n_modes = 1 };

		was_on[i] = baton_modes_view(&world->modes, &one, &route, &before[i]);
	}
	world->last[0] = '\0';
	restart(world, away_ms, chance(life, 2) == 0);
	assert_string_equal(world->last, "");
	for (size_t i = 0; i < world->policy.n_modes; i++) {
		struct baton_policy one = { .modes = &life->declared[i], .n_modes = 1 };

		assert_int_equal(baton_modes_view(&world->modes, &one, &route, &after), was_on[i]);
		if (!was_on[i])
			continue;
		assert_int_equal(after.what, before[i].what);
		assert_int_equal(after.trigger, before[i].trigger);
		assert_int_equal(after.until_unix_ms, before[i].until_unix_ms);
		assert_int_equal(after.since_unix_ms, before[i].since_unix_ms);
	}
	life->slack_ms += away_ms;
	life->restarts++;
}

static void act(struct life *life)
{
	struct world *world = &life->world;
	const char *name = world->defs[chance(life, NAMED)].name;

	life->acting = true;
	world->last[0] = '\0';
	switch (chance(life, 6)) {
	case 0:
		baton_modes_enter(&world->modes, world->now, name, chance(life, 3) * MINUTE, &nina);
		break;
	case 1:
		baton_modes_leave(&world->modes, world->now, name, &nina);
		break;
	case 2:
		baton_modes_met(&world->modes, world->now, name);
		break;
	case 3:
		restart_and_compare(life);
		break;
	case 4:
		declare_some(life);
		baton_modes_adopt(&world->modes, world->now, &world->policy);
		/* What is not declared any more is forgotten, its rest as well; no rest is longer
		 * than the longest time of the new declaration. */
		for (size_t i = 0; i < NAMED; i++) {
			const struct baton_mode_def *def = def_of(life, i);
			uint64_t most = world->now.unix_ms + BATON_MODE_REST_MS_MIN;

			if (!def)
				world->stays[i].why[0] = '\0';
			else if (def->max_duration_ms > BATON_MODE_REST_MS_MIN)
				most = world->now.unix_ms + def->max_duration_ms;
			if (life->barred_ms[i] > most)
				life->barred_ms[i] = most;
		}
		break;
	default: { /* the world changes: well, badly, or in between */
		static const uint32_t errors[] = { 0, PPM / 4, PPM };

		world->facts.error_ppm = errors[chance(life, 3)];
	}
	}
	life->acting = false;
}

static void live(struct life *life, uint64_t seed)
{
	memset(life, 0, sizeof(*life));
	open_world(&life->world, 0);
	life->random = seed * 0x9e3779b97f4a7c15ull + 1;
	life->world.judge = judge;
	/* One that nothing recovers: only its bounds end it. */
	baton_expr_free(life->world.defs[3].recover_test);
	life->world.defs[3].recover_test = NULL;
	declare_some(life);
	baton_modes_adopt(&life->world.modes, life->world.now, &life->world.policy);
	for (unsigned step = 0; step < 400; step++) {
		if (chance(life, 10) == 0)
			act(life);
		tick_once(life, chance(life, 20) == 0 ? chance(life, 5 * MINUTE) : 250);
	}
	/* In the end all is well and nobody acts: everything has ended after a day and a bit. */
	good(&life->world);
	for (unsigned minute = 0; minute < 26 * 60; minute++)
		tick_once(life, MINUTE);
	assert_int_equal(life->world.modes.n_on, 0);
	close_world(&life->world);
}

static void in_any_life_modes_end_do_not_flap_and_survive_restarts(void **state)
{
	struct life *life = baton_new(struct life);
	unsigned entries = 0, recoveries = 0, expiries = 0, restarts = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		live(life, seed);
		entries += life->entries;
		recoveries += life->recoveries;
		expiries += life->expiries;
		restarts += life->restarts;
	}
	/* Lives in which nothing happens would promise nothing. */
	assert_true(entries > 2000 && recoveries > 500 && expiries > 500 && restarts > 1000);
	baton_free(life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_condition_enters_after_its_time_and_leaves_after_its_time),
		cmocka_unit_test(a_break_begins_the_time_anew),
		cmocka_unit_test(a_mode_does_not_end_in_the_moment_it_began),
		cmocka_unit_test(what_cannot_be_decided_changes_nothing),
		cmocka_unit_test(hand_over_goes_on_as_intake_until_it_recovers),
		cmocka_unit_test(intake_after_a_hand_over_is_over_after_a_day),
		cmocka_unit_test(normal_ends_and_rests_before_its_condition_counts_again),
		cmocka_unit_test(a_class_without_anybody_does_not_wait_for_the_rest),
		cmocka_unit_test(next_follows_while_the_first_one_rests),
		cmocka_unit_test(a_circle_of_modes_ends_with_a_person),
		cmocka_unit_test(what_an_admin_declares_ends_by_an_admin_or_its_time),
		cmocka_unit_test(what_an_admin_ended_waits_for_its_condition_to_break),
		cmocka_unit_test(the_first_mode_in_the_file_that_concerns_a_route_counts),
		cmocka_unit_test(a_turn_of_older_policies_sees_its_own_declaration),
		cmocka_unit_test(new_policies_keep_shorten_or_end_what_is_on),
		cmocka_unit_test(a_condition_of_other_policies_has_to_hold_anew),
		cmocka_unit_test(facts_come_from_the_tallies_the_desk_and_the_rest),
		cmocka_unit_test(a_restart_changes_nothing_but_that_time_has_passed),
		cmocka_unit_test(what_ended_meanwhile_expires_at_the_first_tick),
		cmocka_unit_test(a_wall_clock_set_back_does_not_make_a_mode_last),
		cmocka_unit_test(a_wall_clock_set_back_does_not_make_a_rest_last),
		cmocka_unit_test(more_modes_than_there_can_be_are_refused),
		cmocka_unit_test(a_saved_mode_that_is_not_declared_any_more_ends),
		cmocka_unit_test(what_is_not_a_saved_state_is_refused_whole),
		cmocka_unit_test(people_and_prometheus_can_read_it),
		cmocka_unit_test(in_any_life_modes_end_do_not_flap_and_survive_restarts),
	};

	return cmocka_run_group_tests_name("modes", tests, NULL, NULL);
}
