/* SPDX-License-Identifier: Apache-2.0 */

/* Surprising: PQexec() waits for ever for a server that was stopped, and connect_timeout knows
 * whole seconds only. So everything here is the asynchronous interface with a poll() of our own. */
#include "link.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SLICE_MS = 50, SQL_BYTES = 2048, COLUMNS = 6 };

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* false: it is too late, or we are told to stop. */
static bool wait_for(const struct link_try *attempt, int fd, short events, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = until - now_ms();

		if (left <= 0 || atomic_load(&attempt->stop))
			return false;
		if (poll(&p, 1, left < SLICE_MS ? (int)left : SLICE_MS) > 0)
			return true;
	}
}

static bool late(struct link_try *attempt)
{
	trouble_say(&attempt->trouble, BATON_FAIL_TIMEOUT,
		    atomic_load(&attempt->stop) ? "given up: the module is going away"
						: "the server did not answer within connect_ms");
	return false;
}

static bool connect_to(struct link_try *attempt, int64_t until)
{
	const struct settings *s = attempt->settings;
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	attempt->conn = PQconnectStartParams((const char *const *)s->keys,
					     (const char *const *)s->values, 0);
	while (attempt->conn && PQstatus(attempt->conn) != CONNECTION_BAD &&
	       status != PGRES_POLLING_OK) {
		if (!wait_for(attempt, PQsocket(attempt->conn),
			      status == PGRES_POLLING_READING ? POLLIN : POLLOUT, until))
			return late(attempt);
		status = PQconnectPoll(attempt->conn);
		if (status == PGRES_POLLING_FAILED)
			break;
	}
	if (attempt->conn && PQstatus(attempt->conn) == CONNECTION_OK)
		return true;
	trouble_of_connection(&attempt->trouble, attempt->conn, "no connection");
	return false;
}

/* The last result of one statement or several; NULL with the trouble told. */
static PGresult *run(struct link_try *attempt, const char *sql, int64_t until)
{
	PGconn *conn = attempt->conn;
	PGresult *last = NULL, *next;

	if (!PQsendQuery(conn, sql)) {
		trouble_of_connection(&attempt->trouble, conn, "the connection broke");
		return NULL;
	}
	for (;;) {
		while (PQisBusy(conn)) {
			if (!wait_for(attempt, PQsocket(conn), POLLIN, until)) {
				PQclear(last);
				(void)late(attempt);
				return NULL;
			}
			if (!PQconsumeInput(conn)) {
				PQclear(last);
				trouble_of_connection(&attempt->trouble, conn,
						      "the connection broke");
				return NULL;
			}
		}
		next = PQgetResult(conn);
		if (!next)
			break;
		PQclear(last);
		last = next;
	}
	ExecStatusType status = PQresultStatus(last);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return last;
	trouble_of_result(&attempt->trouble, last, attempt->settings->table);
	PQclear(last);
	return NULL;
}

/* How many of our columns the table has; -1: it could not be asked. */
static int columns(struct link_try *attempt, int64_t until)
{
	char sql[SQL_BYTES];

	(void)snprintf(sql, sizeof(sql),
		       "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('%s') AND "
		       "NOT attisdropped AND attname IN ('session_id', 'seq', 'at', 'type', "
		       "'data', 'customer')",
		       attempt->settings->table);
	PGresult *result = run(attempt, sql, until);
	int n = result ? PQgetvalue(result, 0, 0)[0] - '0' : -1;

	PQclear(result);
	return n;
}

/* What is there stays; two servers that start at once do not trip over each other. */
static bool make_table(struct link_try *attempt, int64_t until)
{
	const struct settings *s = attempt->settings;
	char sql[SQL_BYTES];

	(void)snprintf(
		sql, sizeof(sql),
		"BEGIN; SELECT pg_advisory_xact_lock(422042198, hashtext('%s'));"
		"CREATE TABLE IF NOT EXISTS %s (session_id text NOT NULL, seq bigint NOT NULL, "
		"at timestamptz NOT NULL, type text NOT NULL, data json NOT NULL, customer "
		"text, PRIMARY KEY (session_id, seq));"
		"ALTER TABLE %s ADD COLUMN IF NOT EXISTS customer text;"
		"CREATE INDEX IF NOT EXISTS %s_at ON %s (at);"
		"CREATE INDEX IF NOT EXISTS %s_customer ON %s (customer) WHERE customer IS "
		"NOT NULL; COMMIT",
		s->table, s->table, s->table, s->name, s->table, s->name, s->table);
	PGresult *result = run(attempt, sql, until);

	PQclear(result);
	return result != NULL;
}

static bool table_ok(struct link_try *attempt, int64_t until)
{
	int n = columns(attempt, until);

	if (n < 0 || n == COLUMNS)
		return n == COLUMNS;
	if (attempt->settings->create_table)
		return make_table(attempt, until);
	char text[TROUBLE_BYTES];
	if (n == 0)
		(void)snprintf(text, sizeof(text),
			       "table %s is missing: make it, or set create_table: true "
			       "(docs/TRANSCRIPTS.md)",
			       attempt->settings->table);
	else
		(void)snprintf(text, sizeof(text),
			       "table %s has %d of its 6 columns: compare it with "
			       "docs/TRANSCRIPTS.md",
			       attempt->settings->table, n);
	trouble_say(&attempt->trouble, BATON_FAIL_BAD_REQUEST, text);
	return false;
}

/* A text that the database's encoding has no character for would be refused for ever. */
static bool encoding_ok(struct link_try *attempt)
{
	const char *encoding = PQparameterStatus(attempt->conn, "server_encoding");

	if (encoding && strcmp(encoding, "UTF8") == 0)
		return true;
	trouble_say(&attempt->trouble, BATON_FAIL_BAD_REQUEST,
		    "the database's encoding is not UTF8: not every text fits into it");
	return false;
}

/* Notices (such as "table exists already") belong to nobody's terminal. */
static void no_notice(void *ud, const char *text)
{
	(void)ud;
	(void)text;
}

void link_make(struct link_try *attempt)
{
	int64_t until = now_ms() + attempt->settings->connect_ms;
	char why[TROUBLE_BYTES];

	attempt->conn = NULL;
	if (!settings_passfile_ok(attempt->settings, why, sizeof(why))) {
		trouble_say(&attempt->trouble, BATON_FAIL_ACCESS, why);
		return;
	}
	bool ok = connect_to(attempt, until);
	if (ok)
		(void)PQsetNoticeProcessor(attempt->conn, no_notice, NULL);
	ok = ok && encoding_ok(attempt) && table_ok(attempt, until);
	if (ok &&
	    (PQsetnonblocking(attempt->conn, 1) != 0 || !PQenterPipelineMode(attempt->conn))) {
		trouble_of_connection(&attempt->trouble, attempt->conn, "no pipeline");
		ok = false;
	}
	if (ok)
		return;
	PQfinish(attempt->conn);
	attempt->conn = NULL;
}
