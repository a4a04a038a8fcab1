/* SPDX-License-Identifier: Apache-2.0 */

/* transcript-postgres: every event of every session as one row of a PostgreSQL table. The primary
 * key (session_id, seq) makes the receiving side hold each event exactly once, however often it is
 * sent; a batch is one transaction, and its end means that the server has said COMMIT.
 *
 * One piece of work at a time. The connection is made in a job (names are resolved, certificates
 * read); from then on it lives on the loop: statements go out in one piece, the socket is watched,
 * answers are taken as they come. Whatever goes wrong, the connection is closed and the next batch
 * makes a new one: there is no state between batches that could be half right. Whoever waits before
 * trying again is the exporter. */
#include "link.h"
#include "parcel.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* OpenSSL, Kerberos and LDAP come with libpq and leave things behind that point into them. */
BATON_MODULE_NOTE("transcript-postgres", "1.0.0", "transcript", BATON_MODF_RESIDENT);

/* Named here, told through result() of read(). */
enum { ROWS_MAX = 1000, GRACE_MS = 2000 };

enum work_kind { WORK_NONE, WORK_APPEND, WORK_READ, WORK_ERASE, WORK_CHECK };

struct store {
	const baton_host *host;
	baton_ctx *ctx;
	struct settings settings;
	struct words words;
	struct link_try attempt;
	bool linking; /* the job runs; what it makes is nobody's until it is done */
	PGconn *conn; /* NULL: none */
	baton_watch watch;
	bool watch_writes;
	/* the work at hand */
	enum work_kind kind;
	baton_call call;
	struct parcel parcel;
	baton_timer timer;
	PGresult *rows; /* of a read */
};

static void work_go(struct store *store);
static void answers(struct store *store);

/* --- the connection on the loop ----------------------------------------------------------- */

static void conn_close(struct store *store)
{
	if (store->watch)
		(void)store->host->watch_stop(store->ctx, store->watch);
	store->watch = 0;
	if (store->conn)
		PQfinish(store->conn);
	store->conn = NULL;
}

/* --- the end of a piece of work ----------------------------------------------------------- */

static void work_close(struct store *store)
{
	if (store->timer)
		(void)store->host->timer_stop(store->ctx, store->timer);
	store->timer = 0;
	store->kind = WORK_NONE;
	parcel_done(&store->parcel);
	PQclear(store->rows);
	store->rows = NULL;
}

static void work_fail(struct store *store, const struct trouble *trouble)
{
	const baton_error error = { .size = sizeof(error),
				    .fail = trouble->fail,
				    .code = { trouble->code, strlen(trouble->code) },
				    .message = { trouble->text, strlen(trouble->text) } };
	bool waited = store->kind != WORK_NONE;
	baton_call call = store->call;

	conn_close(store);
	work_close(store);
	if (waited)
		(void)store->host->fail(store->ctx, call, &error);
}

static void work_fail_text(struct store *store, uint32_t fail, const char *text)
{
	struct trouble trouble;

	trouble_say(&trouble, fail, text);
	work_fail(store, &trouble);
}

static baton_str cell(const PGresult *rows, int row, int column)
{
	return (baton_str){ PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column) };
}

static int32_t tell_rows(const struct store *store, baton_str session)
{
	int n = PQntuples(store->rows);
	baton_entry *entries = calloc(n > 0 ? (size_t)n : 1, sizeof(*entries));

	if (!entries)
		return BATON_E_NOMEM;
	for (int i = 0; i < n; i++)
		entries[i] = (baton_entry){
			.seq = strtoull(PQgetvalue(store->rows, i, 0), NULL, 10),
			.unix_ms = strtoull(PQgetvalue(store->rows, i, 1), NULL, 10),
			.session_id = session,
			.type = cell(store->rows, i, 2),
			.json = cell(store->rows, i, 3),
		};
	int32_t rc = store->host->result(store->ctx, store->call, BATON_RESULT_ENTRIES, entries,
					 (size_t)n * sizeof(*entries));
	free(entries);
	return rc;
}

static void work_end(struct store *store)
{
	baton_call call = store->call;

	if (store->kind == WORK_READ && store->rows) {
		const char *session = store->parcel.statements[2].values[0];

		(void)tell_rows(store, (baton_str){ session, strlen(session) });
	}
	work_close(store);
	(void)store->host->end(store->ctx, call, BATON_END_STOP);
}

/* --- answers ------------------------------------------------------------------------------ */

/* One result. false: the work has ended. */
static bool take_result(struct store *store, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	struct parcel *parcel = &store->parcel;
	struct trouble trouble;

	if (status == PGRES_PIPELINE_SYNC) {
		PQclear(result);
		work_end(store);
		return false;
	}
	bool last = parcel->n_done == parcel->n - 1;
	/* A transaction that was aborted answers COMMIT with the word ROLLBACK. */
	bool committed = !last || strcmp(PQcmdStatus(result), "COMMIT") == 0;
	if ((status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) && committed) {
		if (store->kind == WORK_READ && parcel->n_done == 2)
			store->rows = result;
		else
			PQclear(result);
		parcel->n_done++;
		return true;
	}
	trouble_of_result(&trouble, result, store->settings.table);
	PQclear(result);
	work_fail(store, &trouble);
	return false;
}

/* NULL between two statements' results means "the next one". */
static void answers(struct store *store)
{
	int nulls = 0;

	while (store->kind != WORK_NONE && nulls < 2 && !PQisBusy(store->conn)) {
		PGresult *result = PQgetResult(store->conn);

		nulls = result ? 0 : nulls + 1;
		if (result && !take_result(store, result))
			return;
	}
}

static void ready(void *user, int fd, uint32_t events);

/* Watches for reading, and for writing as long as something is left to send. */
static bool conn_watch(struct store *store, bool writes)
{
	uint32_t events = BATON_WATCH_READ | (writes ? BATON_WATCH_WRITE : 0u);

	if (store->watch && store->watch_writes == writes)
		return true;
	if (store->watch)
		(void)store->host->watch_stop(store->ctx, store->watch);
	store->watch = 0;
	store->watch_writes = writes;
	return store->host->watch(store->ctx, PQsocket(store->conn), events, ready, store,
				  &store->watch) == BATON_OK;
}

static bool conn_flush(struct store *store)
{
	int left = PQflush(store->conn);

	if (left >= 0 && conn_watch(store, left == 1))
		return true;
	if (left >= 0) {
		work_fail_text(store, BATON_FAIL_ACCESS,
			       "the host does not let it watch a socket: isolation: inline is what "
			       "this module needs");
		return false;
	}
	struct trouble trouble;
	trouble_of_connection(&trouble, store->conn, "the connection broke");
	work_fail(store, &trouble);
	return false;
}

static void ready(void *user, int fd, uint32_t events)
{
	struct store *store = user;

	(void)fd;
	if ((events & BATON_WATCH_READ) && !PQconsumeInput(store->conn)) {
		struct trouble trouble;

		trouble_of_connection(&trouble, store->conn, "the connection broke");
		work_fail(store, &trouble);
		return;
	}
	if (conn_flush(store))
		answers(store);
}

/* --- a piece of work ---------------------------------------------------------------------- */

static void work_late(void *user)
{
	struct store *store = user;

	store->timer = 0;
	work_fail_text(store, BATON_FAIL_TIMEOUT, "the server did not answer in time");
}

static void work_send(struct store *store)
{
	uint32_t ms = store->settings.statement_ms + GRACE_MS;
	struct trouble trouble;

	if (!parcel_send(&store->parcel, store->conn)) {
		trouble_of_connection(&trouble, store->conn, "the connection broke");
		work_fail(store, &trouble);
		return;
	}
	if (store->host->timer(store->ctx, ms, work_late, store, &store->timer) != BATON_OK) {
		work_fail_text(store, BATON_FAIL_UNAVAILABLE, "no timer left");
		return;
	}
	if (conn_flush(store))
		answers(store);
}

static void link_work(void *user)
{
	struct store *store = user;

	link_make(&store->attempt);
	/* What OpenSSL keeps for each thread it runs on; the pool's threads never end. */
	OPENSSL_thread_stop();
}

static void link_done(void *user, int32_t status)
{
	struct store *store = user;

	(void)status;
	store->linking = false;
	store->conn = store->attempt.conn;
	store->attempt.conn = NULL;
	if (store->kind == WORK_NONE)
		return; /* cancelled meanwhile; the next one finds the connection */
	if (store->conn)
		work_send(store);
	else
		work_fail(store, &store->attempt.trouble);
}

static void work_go(struct store *store)
{
	baton_job job;

	if (store->conn && PQstatus(store->conn) == CONNECTION_OK) {
		work_send(store);
		return;
	}
	conn_close(store);
	if (store->linking)
		return; /* of work that was cancelled: what it makes is for this one */
	store->linking =
		store->host->job(store->ctx, link_work, link_done, store, &job) == BATON_OK;
	if (!store->linking)
		work_fail_text(store, BATON_FAIL_UNAVAILABLE, "no thread is free to connect");
}

/* `built`: the parcel is whole. */
static int32_t work_begin(struct store *store, baton_call call, enum work_kind kind, bool built)
{
	if (!built) {
		parcel_done(&store->parcel);
		return BATON_E_NOMEM;
	}
	store->kind = kind;
	store->call = call;
	work_go(store);
	return BATON_PENDING;
}

/* --- the interface ------------------------------------------------------------------------ */

static int32_t append(void *inst, baton_call call, const baton_entry *entries, uint32_t n)
{
	struct store *store = inst;

	if (store->kind != WORK_NONE)
		return BATON_E_AGAIN;
	if (!entries_ok(entries, n))
		return BATON_E_INVAL;
	return work_begin(
		store, call, WORK_APPEND,
		parcel_append(&store->parcel, &store->words, &store->settings, entries, n));
}

static int32_t read_session(void *inst, baton_call call, baton_str session_id, uint64_t from_seq,
			    uint32_t max)
{
	struct store *store = inst;

	if (store->kind != WORK_NONE)
		return BATON_E_AGAIN;
	return work_begin(store, call, WORK_READ,
			  parcel_read(&store->parcel, &store->words, &store->settings, session_id,
				      from_seq, max < ROWS_MAX ? max : ROWS_MAX));
}

static int32_t erase(void *inst, baton_call call, baton_str customer_ref)
{
	struct store *store = inst;

	if (store->kind != WORK_NONE)
		return BATON_E_AGAIN;
	if (!customer_ref.p || customer_ref.n == 0 || memchr(customer_ref.p, 0, customer_ref.n))
		return BATON_E_INVAL;
	return work_begin(
		store, call, WORK_ERASE,
		parcel_erase(&store->parcel, &store->words, &store->settings, customer_ref));
}

/* The server may go on with what was sent: to have it twice is impossible, and not to know is what
 * a cancelled batch is. */
static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct store *store = inst;

	(void)why;
	if (store->kind == WORK_NONE || store->call != call)
		return;
	conn_close(store);
	work_close(store);
	(void)store->host->end(store->ctx, call, BATON_END_STOP);
}

/* 0: no network. 1: the server is there, lets us in, may be written to, and has the table. */
static int32_t check(void *inst, baton_call call, uint32_t level)
{
	struct store *store = inst;

	if (level == 0)
		return store->host->end(store->ctx, call, BATON_END_STOP);
	if (store->kind != WORK_NONE)
		return BATON_E_AGAIN;
	return work_begin(store, call, WORK_CHECK, parcel_ping(&store->parcel));
}

/* --- life --------------------------------------------------------------------------------- */

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	static const baton_host *table;

	(void)ctx;
	table = host;
	*mod = &table;
	return BATON_OK;
}

static void quiesce(void *inst)
{
	struct store *store = inst;

	atomic_store(&store->attempt.stop, true);
}

/* No job runs any more. */
static void destroy(void *inst)
{
	struct store *store = inst;

	conn_close(store);
	work_close(store);
	settings_done(&store->settings);
	free(store);
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	const baton_host *host = *(const baton_host **)mod;
	struct store *store = calloc(1, sizeof(*store));
	char why[TROUBLE_BYTES];

	if (!store)
		return BATON_E_NOMEM;
	store->host = host;
	store->ctx = ctx;
	if (!settings_read(&store->settings, config_json, why, sizeof(why))) {
		host->log(ctx, BATON_LOG_ERROR, (baton_str){ why, strlen(why) });
		free(store);
		return BATON_E_INVAL;
	}
	words_init(&store->words, &store->settings);
	store->attempt.settings = &store->settings;
	*inst = store;
	return BATON_OK;
}

static const baton_transcript transcript = { .size = sizeof(transcript),
					     .append = append,
					     .read = read_session,
					     .erase = erase,
					     .cancel = cancel };
static const baton_iface ifaces[] = { { BATON_TRANSCRIPT, &transcript } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.flags = BATON_MODF_RESIDENT,
	.n_ifaces = 1,
	.id = "transcript-postgres",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Transcripts as rows of a PostgreSQL table, each event once",
	.config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
			 "\"connection\":{\"type\":\"string\",\"maxLength\":2048},"
			 "\"passfile\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":1024},"
			 "\"table\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":127},"
			 "\"create_table\":{\"type\":\"boolean\"},"
			 "\"connect_ms\":{\"type\":\"integer\",\"minimum\":100,"
			 "\"maximum\":10000},"
			 "\"statement_ms\":{\"type\":\"integer\",\"minimum\":100,"
			 "\"maximum\":15000}}}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.quiesce = quiesce,
	.destroy = destroy,
	.check = check,
};
