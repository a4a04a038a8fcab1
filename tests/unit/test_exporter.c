/* SPDX-License-Identifier: Apache-2.0 */

/* The exporter with a real journal and real releases, and archives that take, fail, hang and come
 * and go: what reaches each of them, from where, and how often. */
#include "core/server/exporter.h"
#include "core/server/worker.h"
#include "tests/unit/journal_kit.h"
#include "tests/unit/module_rig.h"

enum { SWITCH_WAIT_MS = 8000, STEP_MS = 5 };

static struct kit kit;
static struct baton_server *server;
static struct rig *rig;
static uint64_t seqs[8]; /* of each session, what was written last */
static uint64_t release_number;
static char boxes[2][128];

static int setup(void **state)
{
	assert_int_equal(rig_setup(state), 0);
	rig = *state;
	kit_init(&kit);
	kit_open(&kit);
	memset(seqs, 0, sizeof(seqs));
	release_number = 0;
	server = baton_new(struct baton_server);
	server->journal = kit.journal;
	rig->journal = kit.journal;
	rig->loop = baton_loop_new("test");
	rig_install(rig, "tests/modules/archive.so", "archive.so");
	for (int i = 0; i < 2; i++) {
		rig_path(boxes[i], sizeof(boxes[i]), rig->dir, i ? "b" : "a");
		assert_int_equal(mkdir(boxes[i], 0700), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	exporter_stop(server);
	baton_free(server);
	int rc = rig_teardown(state);
	kit_done(&kit);
	return rc;
}

/* --- releases ----------------------------------------------------------------------------- */

/* An archive in the policy that is being made: its name is its box's. */
static struct baton_policy_module *archive(int box, const char *tag)
{
	char config[256];
	(void)snprintf(config, sizeof(config), "{\"dir\":\"%s\",\"tag\":\"%s\"}", boxes[box], tag);
	return rig_module(rig, box ? "b" : "a", "transcript", "archive.so", config);
}

/* The policy that was made, as a release that shares what is the same with `base`. */
static struct baton_release *stage(struct baton_release *base)
{
	struct baton_stage_options options = { .modules_dir = rig->modules,
					       .run_dir = rig->run,
					       .secrets_dir = rig->secrets,
					       .journal = rig->journal };
	struct baton_release *release = NULL;

	rig_policy(rig);
	int rc = baton_release_stage(&options, base, rig->policy, ++release_number, &release,
				     rig->why, sizeof(rig->why));
	if (rc != 0)
		fail_msg("%s", rig->why);
	rig->policy = NULL;
	return release;
}

static void start(void)
{
	baton_release_unref(&rig->release);
	rig->release = stage(NULL);
	assert_int_equal(exporter_start(server, rig->release), 0);
}

struct told {
	bool done;
	int rc;
	char why[EXPORTER_WHY_MAX];
};

static void switch_told(void *ud, int rc, const char *why)
{
	struct told *told = ud;
	told->done = true;
	told->rc = rc;
	(void)snprintf(told->why, sizeof(told->why), "%s", why);
}

/* Orders the release that was made, and lets go of it and of the one before. */
static void order(struct told *told)
{
	struct baton_release *next = stage(rig->release);
	struct exporter_order letter = {
		.release = next, .back = rig->loop, .ud = told, .then = switch_told
	};
	memset(told, 0, sizeof(*told));
	exporter_give(server, &letter);
	baton_release_unref(&rig->release);
	rig->release = next;
}

static void wait_told(const struct told *told)
{
	for (int i = 0; !told->done && i < SWITCH_WAIT_MS / STEP_MS; i++)
		rig_idle(rig, STEP_MS);
	assert_true(told->done);
}

/* --- what was written, what arrived --------------------------------------------------------- */

static void write_events(unsigned session, unsigned n)
{
	for (unsigned left = n; left > 0;) {
		unsigned part = left < BATON_APPEND_RECORDS_MAX ? left : BATON_APPEND_RECORDS_MAX;
		assert_int_equal(kit_say(&kit, session, seqs[session], 0, part), 0);
		seqs[session] += part;
		left -= part;
	}
}

static void say(int box, const char *what)
{
	char path[256];
	rig_path(path, sizeof(path), boxes[box], "say");
	if (what)
		rig_write(path, baton_str_of(what));
	else
		(void)unlink(path);
}

static const char *got(int box)
{
	static struct baton_buf text;
	char path[256];
	baton_buf_reset(&text);
	rig_path(path, sizeof(path), boxes[box], "got");
	if (access(path, R_OK) == 0)
		rig_read(path, &text);
	else
		baton_buf_add(&text, NULL, 0);
	return text.p ? text.p : "";
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;
	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		n++;
	return n;
}

/* Events in a box, each once or more, in order; -1: a gap. */
static long events_of(int box, unsigned session)
{
	char id[BATON_ID_TEXT + 1], line[64];
	struct baton_id sid = kit_id(session);
	uint64_t last = 0;

	baton_id_text(&sid, id);
	for (const char *at = got(box); *at; at += strcspn(at, "\n") + 1) {
		unsigned long long seq = 0;
		(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
		if (strncmp(line, id, BATON_ID_TEXT) != 0)
			continue;
		seq = strtoull(line + BATON_ID_TEXT, NULL, 10);
		if (seq > last + 1)
			return -1;
		last = seq > last ? seq : last;
	}
	return (long)last;
}

static const char *shown(void)
{
	static struct baton_buf text;
	baton_buf_reset(&text);
	exporter_json(server, &text);
	return text.p;
}

static void wait_events(int box, unsigned session, long n)
{
	for (int i = 0; events_of(box, session) != n && i < SWITCH_WAIT_MS / STEP_MS; i++)
		rig_idle(rig, STEP_MS);
	assert_int_equal(events_of(box, session), n);
}

static void wait_shown(const char *what)
{
	for (int i = 0; !strstr(shown(), what) && i < SWITCH_WAIT_MS / STEP_MS; i++)
		rig_idle(rig, STEP_MS);
	if (!strstr(shown(), what))
		fail_msg("%s is not in %s", what, shown());
}

/* --- promises ------------------------------------------------------------------------------ */

static void every_event_reaches_each_backend_once_and_in_order(void **state)
{
	(void)state;
	write_events(0, 300);
	(void)archive(0, "1");
	(void)archive(1, "1");
	start();
	write_events(1, 300);
	for (int box = 0; box < 2; box++) {
		wait_events(box, 0, 300);
		wait_events(box, 1, 300);
		assert_int_equal(count(got(box), "\n") - count(got(box), "batch"), 600);
	}
	wait_shown("{\"backend\":\"a\",\"state\":\"ok\",\"lag_records\":0,\"failures\":0},"
		   "{\"backend\":\"b\",\"state\":\"ok\",\"lag_records\":0,\"failures\":0}");
	/* The next start goes on where this one stopped. */
	exporter_stop(server);
	write_events(0, 1);
	assert_int_equal(exporter_start(server, rig->release), 0);
	wait_events(0, 0, 301);
	assert_int_equal(count(got(0), "\n") - count(got(0), "batch"), 601);
}

static void one_that_fails_gets_the_same_batch_again_and_delays_nobody(void **state)
{
	struct baton_buf text = { 0 };
	(void)state;
	say(0, "fail");
	write_events(0, 3);
	(void)archive(0, "1");
	(void)archive(1, "1");
	start();
	wait_shown("{\"backend\":\"a\",\"state\":\"paused\",\"lag_records\":3,\"failures\":1,"
		   "\"retry_ms\":500,\"why\":\"no room\"}");
	write_events(0, 4);
	wait_events(1, 0, 7);
	wait_shown("\"lag_records\":7,\"failures\":1");
	wait_shown("{\"backend\":\"b\",\"state\":\"ok\",\"lag_records\":0");
	exporter_metrics(server, &text);
	assert_non_null(strstr(text.p, "\nbaton_export_lag_records{backend=\"a\"} 7\n"));
	assert_non_null(strstr(text.p, "\nbaton_export_lag_records{backend=\"b\"} 0\n"));
	assert_non_null(strstr(text.p, "\nbaton_export_failures_total{backend=\"a\"} 1\n"));
	assert_non_null(strstr(text.p, "\nbaton_export_state{backend=\"a\"} 1\n"));
	baton_buf_done(&text);
	say(0, NULL);
	wait_events(0, 0, 7);
	assert_int_equal(count(got(0), "batch 1 3\n"), 2);
	assert_int_equal(count(got(0), "batch 1 4\n"), 1);
	exporter_stop(server); /* its thread writes the log */
	assert_true(rig_logged(rig, "transcript_backend_back"));
}

static void what_a_person_must_change_is_parked_until_they_have(void **state)
{
	struct told told;
	(void)state;
	say(0, "park");
	write_events(0, 3);
	(void)archive(0, "1");
	start();
	wait_shown("\"state\":\"parked\",\"lag_records\":3,\"failures\":1,\"retry_ms\":300000,"
		   "\"why\":\"no room\"");
	say(0, NULL);
	(void)archive(0, "2");
	order(&told);
	wait_told(&told);
	assert_int_equal(told.rc, 0);
	wait_events(0, 0, 3);
	assert_int_equal(count(got(0), "batch 1 3\n"), 1);
	assert_int_equal(count(got(0), "batch 2 3\n"), 1);
	wait_shown("\"state\":\"ok\",\"lag_records\":0");
}

static void a_batch_under_way_ends_before_the_new_generation_begins(void **state)
{
	struct told told;
	(void)state;
	say(0, "slow");
	write_events(0, 3);
	(void)archive(0, "1");
	(void)archive(1, "1");
	start();
	wait_events(0, 0, 3);
	(void)archive(0, "2");
	(void)archive(1, "1");
	order(&told);
	write_events(0, 1);
	wait_events(1, 0, 4); /* the same generation: it notices nothing */
	wait_told(&told);
	say(0, NULL);
	wait_events(0, 0, 4);
	assert_string_equal(strrchr(strstr(got(0), "batch 2"), ' '), " 4\n");
	assert_int_equal(count(got(0), "batch 1 3\n"), 1); /* and never again */
	assert_int_equal(count(got(0), "batch 2"), 1);
	assert_int_equal(count(got(1), "batch 1"), 2);
}

static void a_backend_that_hangs_holds_a_switch_for_five_seconds_at_most(void **state)
{
	struct told told;
	(void)state;
	say(0, "hang");
	write_events(0, 3);
	(void)archive(0, "1");
	start();
	wait_events(0, 0, 3);
	write_events(0, 2);
	(void)archive(0, "2");
	order(&told);
	say(0, NULL);
	wait_told(&told);
	assert_int_equal(told.rc, 0);
	wait_events(0, 0, 5);
	assert_int_equal(count(got(0), "batch 2 3\n"), 1); /* the same batch, handed out again */
}

static void one_that_comes_later_begins_at_the_start_or_now(void **state)
{
	struct told told;
	(void)state;
	start(); /* no backend at all */
	write_events(0, 5);
	(void)archive(0, "1");
	archive(1, "1")->from = "now";
	order(&told);
	wait_told(&told);
	wait_events(0, 0, 5);
	write_events(1, 2);
	wait_events(1, 1, 2);
	wait_events(0, 1, 2);
	assert_int_equal(events_of(1, 0), 0);
}

static void one_that_goes_and_comes_back_goes_on_where_it_stopped(void **state)
{
	struct told told;
	(void)state;
	write_events(0, 5);
	(void)archive(0, "1");
	start();
	wait_events(0, 0, 5);
	wait_shown("\"lag_records\":0");
	order(&told);
	wait_told(&told);
	assert_string_equal(shown(), "[]");
	write_events(0, 5);
	rig_idle(rig, 20);
	assert_int_equal(events_of(0, 0), 5);
	(void)archive(0, "1");
	order(&told);
	wait_told(&told);
	wait_events(0, 0, 10);
	assert_int_equal(count(got(0), "\n") - count(got(0), "batch"), 10);
}

static void a_release_that_cannot_be_taken_changes_nothing(void **state)
{
	struct told told;
	struct baton_release *good;
	char config[256];
	(void)state;
	(void)archive(0, "1");
	start();
	good = baton_release_ref(rig->release);
	(void)snprintf(config, sizeof(config), "{\"dir\":\"%s\",\"broken\":\"yes\"}", boxes[0]);
	(void)rig_module(rig, "a", "transcript", "archive.so", config);
	order(&told);
	wait_told(&told);
	assert_int_equal(told.rc, BATON_E_MODULE);
	assert_non_null(strstr(told.why, "create"));
	write_events(0, 2);
	wait_events(0, 0, 2);
	baton_release_unref(&good);
}

static void orders_are_carried_out_one_after_the_other(void **state)
{
	struct told told[4];
	char tag[2] = "2";
	(void)state;
	say(0, "slow");
	write_events(0, 2);
	(void)archive(0, "1");
	start();
	wait_events(0, 0, 2);
	for (int i = 0; i < 4; i++, tag[0]++) {
		(void)archive(0, tag);
		order(&told[i]);
	}
	for (int i = 0; i < 4; i++) {
		wait_told(&told[i]);
		assert_int_equal(told[i].rc, 0);
	}
	write_events(0, 1);
	wait_events(0, 0, 3);
	assert_int_equal(count(got(0), "batch 5 1\n"), 1);
	exporter_stop(server); /* its thread writes the log */
	assert_int_equal(count(rig->log.p, "release_ended"), 4);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_event_reaches_each_backend_once_and_in_order),
		T(one_that_fails_gets_the_same_batch_again_and_delays_nobody),
		T(what_a_person_must_change_is_parked_until_they_have),
		T(a_batch_under_way_ends_before_the_new_generation_begins),
		T(a_backend_that_hangs_holds_a_switch_for_five_seconds_at_most),
		T(one_that_comes_later_begins_at_the_start_or_now),
		T(one_that_goes_and_comes_back_goes_on_where_it_stopped),
		T(a_release_that_cannot_be_taken_changes_nothing),
		T(orders_are_carried_out_one_after_the_other),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
