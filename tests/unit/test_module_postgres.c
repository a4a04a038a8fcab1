/* SPDX-License-Identifier: Apache-2.0 */

/* transcript-postgres in a rack, against a real PostgreSQL: what is in the table when the end is
 * told, and what is told when the server is not as it should be. Without PostgreSQL on the machine
 * nothing is tested, and that is said. */
#include "tests/unit/module_rig.h"
#include "tests/unit/postgres_rig.h"

#include <postgresql/libpq-fe.h>

static struct rig *rig;
static PGconn *owner; /* a connection of the test's own, as the database's owner */

/* The first value of a query's answer; "" if there is none. */
static const char *ask(const char *sql)
{
	static char text[2048];
	PGresult *result = PQexec(owner, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQresultErrorMessage(result));
	(void)snprintf(text, sizeof(text), "%s",
		       PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	return text;
}

static void owner_connect(void)
{
	char text[128];
	PQfinish(owner);
	(void)snprintf(text, sizeof(text), "host=%s user=owner dbname=baton", cluster);
	owner = PQconnectdb(text);
	assert_int_equal(PQstatus(owner), CONNECTION_OK);
}

/* --- the rack ----------------------------------------------------------------------------- */

static void unload(void)
{
	baton_rack_free(&rig->rack);
	baton_release_unref(&rig->release);
}

/* `role` may go on with other words of a connection string. */
static int try_module(const char *role, const char *more)
{
	char config[700];
	(void)snprintf(config, sizeof(config),
		       "{\"connection\":\"host=%s dbname=baton user=%s\",\"statement_ms\":500%s}",
		       cluster, role, more);
	unload();
	(void)rig_module(rig, "pg", "transcript", "transcript-postgres.so", config);
	return rig_stage(rig) != 0 ? -1 : rig_rack(rig);
}

static void load_module(const char *role, const char *more)
{
	if (try_module(role, more) != 0)
		fail_msg("%s", rig->why);
}

static int setup(void **state)
{
	assert_int_equal(rig_setup(state), 0);
	rig = *state;
	rig_install(rig, "modules/transcript-postgres.so", "transcript-postgres.so");
	if (!cluster[0])
		return 0;
	owner_connect();
	(void)ask("SET client_min_messages = error");
	(void)ask("ALTER ROLE archive RESET default_transaction_read_only");
	(void)ask("DROP TABLE IF EXISTS baton_events");
	load_module("archive", ",\"create_table\":true");
	return 0;
}

static baton_entry entry(const char *session, uint64_t seq)
{
	return (baton_entry){ .seq = seq,
			      .unix_ms = 1790000000123 + seq,
			      .session_id = baton_str_of(session),
			      .type = BATON_STR("message_received"),
			      .json = BATON_STR(
				      "{\"text\":\"gr\xc3\xbc\xc3\x9f \\u0000 \\\"x\\\"\"}") };
}

static void hand(const baton_entry *entries, uint32_t n)
{
	baton_buf_reset(&rig->heard);
	rig->ends = 0;
	assert_int_equal(baton_rack_transcript(rig->rack, rig->release, 1, "pg", entries, n), 0);
}

/* Appends and waits for the end. Returns what was told. */
static const char *append(const baton_entry *entries, uint32_t n)
{
	hand(entries, n);
	rig_run(rig, 1);
	return rig_heard(rig);
}

#define RESTS()          \
	if (!cluster[0]) \
	skip()

/* --- promises ------------------------------------------------------------------------------ */

static void each_event_is_one_row_however_often_it_is_sent(void **state)
{
	baton_entry entries[] = { entry("a", 1), entry("b", 7), entry("a", 2), entry("a", 2) };
	(void)state;
	RESTS();
	assert_string_equal(append(entries, 2), "1 end 0\n");
	assert_string_equal(append(entries, 4), "1 end 0\n");
	load_module("archive", ""); /* another generation, another connection */
	assert_string_equal(append(entries, 4), "1 end 0\n");
	assert_string_equal(
		ask("SELECT string_agg(session_id || seq, ' ' ORDER BY session_id, seq) "
		    "FROM baton_events"),
		"a1 a2 b7");
	/* Byte for byte, also what jsonb would refuse. */
	assert_string_equal(ask("SELECT data::text FROM baton_events WHERE seq = 7"),
			    "{\"text\":\"gr\xc3\xbc\xc3\x9f \\u0000 \\\"x\\\"\"}");
	assert_string_equal(ask("SELECT (extract(epoch FROM at) * 1000)::int8 || type FROM "
				"baton_events WHERE seq = 7"),
			    "1790000000130message_received");
}

static void an_erased_session_is_blank_with_the_same_commit(void **state)
{
	baton_entry entries[] = { entry("a", 1), entry("a", 2), entry("b", 1), entry("a", 3) };
	(void)state;
	RESTS();
	entries[0].type = BATON_STR("session_opened");
	entries[0].json = BATON_STR("{\"channel\":\"web\",\"customer\":\"c-\xc3\xa9\"}");
	assert_string_equal(append(entries, 1), "1 end 0\n");
	assert_string_equal(ask("SELECT customer FROM baton_events"), "c-\xc3\xa9");
	entries[3].type = BATON_STR("session_erased");
	entries[3].json = BATON_STR("{}");
	assert_string_equal(append(entries, 4), "1 end 0\n");
	assert_string_equal(
		ask("SELECT string_agg(session_id || seq, ' ' ORDER BY session_id, seq) "
		    "FROM baton_events WHERE data::text = '{}' AND customer IS NULL"),
		"a1 a2 a3");
	/* An old batch that comes again brings nothing back. */
	assert_string_equal(append(entries, 3), "1 end 0\n");
	assert_string_equal(ask("SELECT count(*) FROM baton_events WHERE data::text <> '{}'"), "1");
}

static void ten_thousand_events_in_batches(void **state)
{
	static baton_entry entries[256];
	(void)state;
	RESTS();
	for (uint64_t at = 0; at < 10000;) {
		uint32_t n = 0;
		for (; n < 256 && at < 10000; n++, at++)
			entries[n] = entry(at % 2 ? "odd" : "even", at / 2 + 1);
		assert_string_equal(append(entries, n), "1 end 0\n");
	}
	assert_string_equal(ask("SELECT count(*) || ' ' || max(seq) FROM baton_events"),
			    "10000 5000");
}

static void what_is_wrong_is_said_so_that_it_can_be_put_right(void **state)
{
	baton_entry e = entry("a", 1);
	char path[128], more[256];
	(void)state;
	RESTS();
	assert_string_equal(append(&e, 1), "1 end 0\n");
	(void)ask("DROP TABLE baton_events");
	assert_non_null(strstr(append(&e, 1), "is missing: make it, or set create_table: true"));
	load_module("archive", "");
	assert_non_null(strstr(append(&e, 1), "table \"baton_events\" is missing: make it"));
	(void)ask("CREATE TABLE baton_events (session_id text, seq int8)");
	assert_non_null(strstr(append(&e, 1), "has 2 of its 6 columns"));
	load_module("locked", "");
	assert_non_null(strstr(append(&e, 1), "1 fail 6 no connection: "));
	assert_non_null(strstr(rig_heard(rig), "no password supplied"));
	rig_path(path, sizeof(path), rig->dir, "pass");
	rig_write(path, BATON_STR("*:*:*:*:wrong\n"));
	(void)snprintf(more, sizeof(more), ",\"passfile\":\"%s\"", path);
	assert_int_equal(chmod(path, 0640), 0);
	load_module("locked", more);
	assert_non_null(strstr(append(&e, 1), "expected a file with mode 0600, found 0640"));
	assert_int_equal(chmod(path, 0600), 0);
	assert_non_null(strstr(append(&e, 1), "password authentication failed for user"));
	assert_null(strstr(rig_heard(rig), "wrong"));
	rig_write(path, BATON_STR("*:*:*:*:sesame\n"));
	(void)ask("DROP TABLE baton_events");
	load_module("archive", ",\"create_table\":true");
	assert_string_equal(append(&e, 1), "1 end 0\n");
	load_module("locked", more);
	assert_non_null(strstr(append(&e, 1), "needs SELECT, INSERT and UPDATE"));
	(void)ask("GRANT SELECT, INSERT, UPDATE ON baton_events TO locked");
	assert_string_equal(append(&e, 1), "1 end 0\n");
	load_module("nobody", "");
	assert_non_null(strstr(append(&e, 1), "role \"nobody\" does not exist"));
}

static void a_server_that_only_reads_is_named_as_such(void **state)
{
	baton_entry e = entry("a", 1);
	(void)state;
	RESTS();
	assert_string_equal(append(&e, 1), "1 end 0\n");
	(void)ask("ALTER ROLE archive SET default_transaction_read_only = on");
	load_module("archive", "");
	assert_non_null(strstr(append(&e, 1), "session is read-only"));
	load_module("archive target_session_attrs=any", "");
	assert_non_null(strstr(append(&e, 1), "the server is read-only: a replica?: 25006"));
	(void)ask("ALTER ROLE archive RESET default_transaction_read_only");
	load_module("archive", "");
	assert_string_equal(append(&e, 1), "1 end 0\n");
}

static void a_configuration_with_a_password_is_refused(void **state)
{
	(void)state;
	assert_int_not_equal(try_module("archive password=sesame", ""), 0);
	assert_true(rig_logged(rig, "a password does not belong in the policy set"));
	assert_null(strstr(rig->log.p, "sesame"));
	assert_int_not_equal(try_module("archive nonsense=1", ""), 0);
	assert_int_not_equal(try_module("archive", ",\"table\":\"a; drop\""), 0);
	assert_int_not_equal(try_module("archive", ",\"connect_ms\":60000"), 0);
}

static void a_lock_is_waited_for_as_long_as_a_statement_may_take(void **state)
{
	baton_entry e = entry("a", 1);
	(void)state;
	RESTS();
	assert_string_equal(append(&e, 1), "1 end 0\n");
	e.seq = 2;
	(void)ask("BEGIN");
	(void)ask("LOCK TABLE baton_events");
	assert_non_null(strstr(append(&e, 1), "1 fail 2 "));
	(void)ask("ROLLBACK");
	assert_string_equal(append(&e, 1), "1 end 0\n");
	assert_string_equal(ask("SELECT count(*) FROM baton_events"), "2");
}

static void a_connection_that_is_killed_in_mid_transaction_loses_nothing(void **state)
{
	baton_entry entries[] = { entry("a", 1), entry("a", 2), entry("a", 3) };
	(void)state;
	RESTS();
	assert_string_equal(append(entries, 1), "1 end 0\n");
	(void)ask("BEGIN");
	(void)ask("LOCK TABLE baton_events");
	hand(entries, 3);
	rig_idle(rig, 50); /* it waits for the lock, with its transaction open */
	(void)ask(
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'archive'");
	rig_run(rig, 1);
	assert_non_null(strstr(rig_heard(rig), "1 fail "));
	(void)ask("ROLLBACK");
	assert_string_equal(ask("SELECT count(*) FROM baton_events"), "1");
	assert_string_equal(append(entries, 3), "1 end 0\n");
	assert_string_equal(ask("SELECT count(*) FROM baton_events"), "3");
}

static void a_server_that_stops_answering_is_left_and_found_again(void **state)
{
	baton_entry e = entry("a", 1);
	(void)state;
	RESTS();
	assert_string_equal(append(&e, 1), "1 end 0\n");
	assert_int_equal(script("signal", "STOP", cluster, NULL, 0), 0);
	e.seq = 2;
	assert_string_equal(append(&e, 1), "1 fail 2 the server did not answer in time\n");
	load_module("archive", ",\"connect_ms\":200");
	assert_non_null(strstr(append(&e, 1), "did not answer within connect_ms"));
	assert_int_equal(script("signal", "CONT", cluster, NULL, 0), 0);
	assert_string_equal(append(&e, 1), "1 end 0\n");
	assert_string_equal(ask("SELECT count(*) FROM baton_events"), "2");
}

static void a_server_that_was_away_is_found_again(void **state)
{
	baton_entry e = entry("a", 1);
	(void)state;
	RESTS();
	assert_string_equal(append(&e, 1), "1 end 0\n");
	assert_int_equal(script("stop", cluster, NULL, NULL, 0), 0);
	e.seq = 2;
	assert_non_null(strstr(append(&e, 1), "1 fail "));
	assert_non_null(strstr(append(&e, 1), "1 fail 20 no connection: "));
	assert_int_equal(script("start", cluster, NULL, NULL, 0), 0);
	assert_string_equal(append(&e, 1), "1 end 0\n");
	owner_connect();
	assert_string_equal(ask("SELECT count(*) FROM baton_events"), "2");
}

static const char *health(uint32_t level)
{
	baton_buf_reset(&rig->heard);
	rig->ends = 0;
	assert_int_equal(baton_rack_check(rig->rack, rig->release, 0, 5, level), 0);
	rig_run(rig, 1);
	return rig_heard(rig);
}

static void its_health_is_that_of_the_server_only_if_asked_for(void **state)
{
	(void)state;
	RESTS();
	assert_string_equal(health(0), "5 end 0\n");
	assert_string_equal(health(1), "5 end 0\n");
	assert_string_equal(ask("SELECT count(*) FROM baton_events"), "0"); /* made, and empty */
	load_module("nobody", "");
	assert_string_equal(health(0), "5 end 0\n");
	assert_non_null(strstr(health(1), "role \"nobody\" does not exist"));
}

static void a_cancelled_batch_ends_at_once_and_may_come_again(void **state)
{
	struct rig_totals totals;
	baton_entry e = entry("a", 1);
	(void)state;
	RESTS();
	hand(&e, 1); /* the connection is being made */
	baton_rack_cancel(rig->rack, 1, BATON_CANCEL_DEADLINE);
	assert_string_equal(append(&e, 1), "1 end 0\n");
	(void)ask("BEGIN");
	(void)ask("LOCK TABLE baton_events");
	hand(&e, 1);
	rig_idle(rig, 20);
	assert_int_equal(baton_rack_transcript(rig->rack, rig->release, 2, "pg", &e, 1),
			 BATON_E_AGAIN);
	baton_rack_cancel(rig->rack, 1, BATON_CANCEL_DEADLINE);
	(void)ask("ROLLBACK");
	assert_string_equal(append(&e, 1), "1 end 0\n");
	rig_totals(rig, &totals);
	assert_int_equal(totals.broken, 0);
}

static int finish(void **state)
{
	PQfinish(owner);
	owner = NULL;
	return rig_teardown(state);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_event_is_one_row_however_often_it_is_sent),
		T(an_erased_session_is_blank_with_the_same_commit),
		T(ten_thousand_events_in_batches),
		T(what_is_wrong_is_said_so_that_it_can_be_put_right),
		T(a_server_that_only_reads_is_named_as_such),
		T(a_configuration_with_a_password_is_refused),
		T(a_lock_is_waited_for_as_long_as_a_statement_may_take),
		T(a_connection_that_is_killed_in_mid_transaction_loses_nothing),
		T(a_server_that_stops_answering_is_left_and_found_again),
		T(a_server_that_was_away_is_found_again),
		T(its_health_is_that_of_the_server_only_if_asked_for),
		T(a_cancelled_batch_ends_at_once_and_may_come_again),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, cluster_make, cluster_remove);
}
