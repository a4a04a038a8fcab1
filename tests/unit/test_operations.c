/* SPDX-License-Identifier: Apache-2.0 */

/* The operations log: in order and whole over restarts, bounded while the disk refuses, and put
 * right when somebody else wrote into its session. */

#include "core/loop/loop.h"
#include "core/server/operations.h"
#include "core/session/event.h"
#include "tests/unit/journal_kit.h"

struct world {
	struct kit kit;
	struct baton_loop *loop;
	struct operations *operations;
	_Atomic(uint64_t) dropped;
	uint64_t wanted;
	unsigned looks;
};

static void up(struct world *world)
{
	kit_open(&world->kit);
	world->loop = baton_loop_new("test");
	assert_int_equal(operations_open(world->kit.journal, world->loop, &world->dropped,
					 &world->operations),
			 0);
}

static void down(struct world *world)
{
	operations_close(&world->operations);
	assert_null(world->operations);
	baton_loop_free(&world->loop);
	kit_close(&world->kit);
}

static void note(struct world *world, unsigned n)
{
	struct baton_event event = { .type = BATON_EV_ADMIN_ACTED, .unix_ms = 1700000000000 + n };
	char subject[16];

	snprintf(subject, sizeof(subject), "n%u", n);
	event.admin_acted.by = BATON_STR("nina");
	event.admin_acted.subject = baton_str_of(subject);
	operations_note(world->operations, &event);
}

struct reading {
	uint64_t n;
	unsigned next;
	bool wrong;
};

static bool read_one(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct reading *reading = ud;
	struct baton_arena arena = { NULL, 0 };
	struct baton_event event;
	char subject[16];

	(void)session;
	if (baton_event_parse(record->type, record->payload, &arena, &event) != 0) {
		reading->wrong = true;
		return true;
	}
	snprintf(subject, sizeof(subject), "n%u", reading->next);
	if (record->type == BATON_EV_ADMIN_ACTED)
		reading->wrong |= !baton_str_is(event.admin_acted.subject, subject);
	reading->next += record->type == BATON_EV_ADMIN_ACTED;
	reading->n++;
	reading->wrong |= record->seq != reading->n || record->marks != 0;
	baton_arena_done(&arena);
	return true;
}

static uint64_t stored(struct world *world)
{
	struct reading reading = { 0, 0, false };
	int64_t n = baton_lane_read(world->kit.lane, &BATON_OPERATIONS_ID, 0, UINT64_MAX, read_one,
				    &reading);

	assert_false(reading.wrong);
	return n < 0 ? 0 : (uint64_t)n;
}

enum { LOOK_MS = 1, LOOKS_MAX = 20000 };

static void look(void *ud)
{
	struct world *world = ud;

	if (stored(world) >= world->wanted || ++world->looks > LOOKS_MAX)
		baton_loop_stop(world->loop);
	else
		baton_loop_timer(world->loop, LOOK_MS, look, world);
}

static void run_until(struct world *world, uint64_t wanted)
{
	world->wanted = wanted;
	baton_loop_timer(world->loop, 0, look, world);
	baton_loop_run(world->loop);
	assert_int_equal(stored(world), wanted);
}

static void what_is_noted_is_stored_in_order(void **state)
{
	struct world world = { .wanted = 0 };

	(void)state;
	kit_init(&world.kit);
	up(&world);
	for (unsigned i = 0; i < 100; i++)
		note(&world, i);
	run_until(&world, 100);
	down(&world);
	kit_open(&world.kit);
	kit_done(&world.kit);
}

static void it_goes_on_behind_its_end_after_a_restart(void **state)
{
	struct world world = { .wanted = 0 };
	unsigned n = 0;

	(void)state;
	kit_init(&world.kit);
	/* More than a snapshot apart, so that the end is found with one and without. */
	for (unsigned round = 0; round < 4; round++) {
		up(&world);
		for (unsigned i = 0; i < 150; i++)
			note(&world, n++);
		run_until(&world, n);
		down(&world);
	}
	kit_open(&world.kit);
	kit_done(&world.kit);
}

static void what_is_noted_last_is_written_by_the_close(void **state)
{
	struct world world = { .wanted = 0 };

	(void)state;
	kit_init(&world.kit);
	up(&world);
	for (unsigned i = 0; i < 50; i++)
		note(&world, i);
	down(&world);
	kit_open(&world.kit);
	assert_int_equal(stored(&world), 50);
	kit_done(&world.kit);
}

static void a_foreign_event_in_its_session_is_gone_round(void **state)
{
	struct world world = { .wanted = 0 };
	struct baton_record record = { .seq = 2,
				       .type = BATON_EV_DRILL_CHANGED,
				       .payload = BATON_STR("{}") };
	struct baton_append append = { .session = BATON_OPERATIONS_ID,
				       .expected_seq = 1,
				       .records = &record,
				       .n_records = 1 };

	(void)state;
	kit_init(&world.kit);
	up(&world);
	note(&world, 0);
	run_until(&world, 1);
	assert_int_equal(baton_lane_append(world.kit.lane, &append, world.kit.next_ticket++), 0);
	kit_wait(&world.kit);
	assert_int_equal(world.kit.rc[0], 0);
	note(&world, 1); /* expects seq 1, finds 2: refused, and a second later behind it */
	run_until(&world, 3);
	assert_int_equal(world.dropped, 0);
	down(&world);
	kit_open(&world.kit);
	kit_done(&world.kit);
}

/* Nothing runs, so nothing is written: only the queue's bound keeps it small. */
static void the_queue_is_bounded_and_says_what_it_dropped(void **state)
{
	struct world world = { .wanted = 0 };

	(void)state;
	kit_init(&world.kit);
	up(&world);
	kit_log_clear();
	for (unsigned i = 0; i < OPERATIONS_QUEUE_MAX + 500; i++)
		note(&world, i);
	assert_int_equal(world.dropped, 500);
	assert_int_equal(kit_log_said("operations_log_overflows"), 1);
	run_until(&world, OPERATIONS_QUEUE_MAX);
	down(&world);
	kit_open(&world.kit);
	kit_done(&world.kit);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_noted_is_stored_in_order),
		cmocka_unit_test(it_goes_on_behind_its_end_after_a_restart),
		cmocka_unit_test(what_is_noted_last_is_written_by_the_close),
		cmocka_unit_test(a_foreign_event_in_its_session_is_gone_round),
		cmocka_unit_test(the_queue_is_bounded_and_says_what_it_dropped),
	};

	(void)argc;
	kit_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
