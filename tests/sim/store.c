/* SPDX-License-Identifier: Apache-2.0 */

/* A disk: appends queue, one commit at a time takes them all, and may fail or be cut by a crash. */

#include "tests/sim/sim.h"

#include "core/base/errors.h"

struct log *store_log(struct sim *sim, const struct baton_id *session)
{
	struct log *log = NULL;

	HASH_FIND(hh, sim->logs, session->b, sizeof(session->b), log);
	return log;
}

const struct stored *store_record(struct sim *sim, const struct baton_id *session, uint64_t seq)
{
	struct log *log = store_log(sim, session);

	return log && seq > 0 && seq <= log->n ? &log->records[seq - 1] : NULL;
}

static void append_free(struct append *append)
{
	for (size_t i = 0; i < append->n; i++)
		baton_str_drop(&append->records[i].payload);
	baton_free(append);
}

/* --- the writer --- */

static struct log *log_of(struct sim *sim, const struct baton_id *session)
{
	struct log *log = store_log(sim, session);

	if (log)
		return log;
	log = baton_new(struct log);
	log->session = *session;
	HASH_ADD(hh, sim->logs, session.b, sizeof(log->session.b), log);
	return log;
}

static void store_put(struct sim *sim, struct log *log, struct stored *record)
{
	struct baton_event event = { .seq = record->seq, .unix_ms = record->unix_ms };
	struct baton_arena arena = { NULL, 0 };

	PROMISE(sim, record->seq == log->n + 1, "seq is dense", &log->session);
	if (log->n == log->cap) {
		log->cap = log->cap ? log->cap * 2 : 32;
		log->records = baton_realloc(log->records, log->cap * sizeof(*log->records));
	}
	log->records[log->n++] = *record;
	int rc = baton_event_parse(record->type, record->payload, &arena, &event);
	PROMISE(sim, rc == 0, "what is stored can be read back", &log->session);
	promise_committed(sim, log, &event);
	PROMISE(sim, record->epoch == log->epoch, "the record's epoch is the owner's",
		&log->session);
	sim_note(sim, baton_event_info(record->type)->name, baton_id_hash(&log->session),
		 record->seq);
	baton_arena_done(&arena);
	record->payload = BATON_STR_NONE; /* the log's now */
}

static int write_one(struct sim *sim, struct append *append)
{
	struct log *log = log_of(sim, &append->session);

	if (append->expected_seq != log->n || append->expected_epoch != log->epoch)
		return BATON_E_CONFLICT;
	for (size_t i = 0; i < append->n; i++)
		store_put(sim, log, &append->records[i]);
	return BATON_OK;
}

/* What was shown is withdrawn without a record: there is none that could be written. */
static void disturb(struct log *log)
{
	log->disturbed = true;
	log->shown.turn = 0;
	promise_begins_anew(log);
}

static void disturb_all(struct sim *sim)
{
	for (struct log *log = sim->logs; log; log = log->hh.next)
		disturb(log);
}

static void commit_begin(struct sim *sim, void *nothing);

static void tell_due(struct sim *sim, void *what)
{
	struct append *append = what;

	struct log *log = append->rc < 0 ? store_log(sim, &append->session) : NULL;

	if (append->generation == sim->generation && sim->up)
		baton_shard_committed(append->from->shard, append->ticket, append->rc, 1);
	/* Words went on until the shard heard of it. */
	if (log)
		log->shown.turn = 0;
	append_free(append);
}

/* A moment later, but in order: who reads meanwhile finds more on the disk than was told. */
static void tell(struct sim *sim, struct append *append)
{
	uint64_t at_ns = sim->now_ns + sim_below(sim, 1500) * 1000;

	if (at_ns < sim->told_ns)
		at_ns = sim->told_ns;
	sim->told_ns = at_ns;
	sim_later(sim, at_ns - sim->now_ns, tell_due, append);
}

/* The commit: in one moment all of it, or nothing. Then the power may go before anybody hears of
 * it. */
static void commit_end(struct sim *sim, void *what)
{
	struct append *append, *after, *batch = sim->queue;
	int rc = sim->disk;

	(void)what;
	sim->queue = NULL;
	sim->committing = false;
	if (rc == 0 && !sim->calm && sim_chance(sim, 1))
		rc = BATON_E_FULL;
	if (rc < 0) {
		sim->saw.failed_commits++;
		disturb_all(sim);
	}
	unsigned generation = sim->generation;
	LL_FOREACH_SAFE(batch, append, after)
	{
		append->rc = rc < 0 ? rc : write_one(sim, append);
		tell(sim, append);
	}
	if (!sim->calm && sim_below(sim, 400) == 0)
		server_crash(sim); /* durable, and nobody was told */
	if (sim->queue && sim->generation == generation && !sim->committing)
		commit_begin(sim, NULL);
}

static void commit_begin(struct sim *sim, void *nothing)
{
	uint64_t delay_ns = (100 + sim_below(sim, 4000)) * 1000;

	(void)nothing;
	if (sim_below(sim, 50) == 0)
		delay_ns += sim_below(sim, 800) * MS; /* a disk that thinks */
	sim->committing = true;
	sim_later_mine(sim, delay_ns, commit_end, NULL, DUE_WORLD, 0);
}

void store_crash(struct sim *sim)
{
	struct append *append, *after;

	LL_FOREACH_SAFE(sim->queue, append, after)
	append_free(append);
	sim->queue = NULL;
	sim->committing = false;
	disturb_all(sim);
	for (struct log *log = sim->logs; log; log = log->hh.next)
		if (sim_chance(sim, 30)) {
			baton_str_drop(&log->snapshot); /* written behind: it had not arrived yet */
			log->snapshot_seq = 0;
		}
}

void store_free(struct sim *sim)
{
	struct log *log, *after;

	store_crash(sim);
	HASH_ITER(hh, sim->logs, log, after) {
		HASH_DEL(sim->logs, log);
		for (size_t i = 0; i < log->n; i++)
			baton_str_drop(&log->records[i].payload);
		baton_free(log->records);
		baton_free(log->calls);
		baton_free(log->proposals);
		baton_str_drop(&log->snapshot);
		baton_free(log);
	}
}

/* --- the seam --- */

static int store_append(void *ud, const struct baton_append *from, uint64_t ticket)
{
	struct sim_shard *shard = ud;
	struct sim *sim = shard->sim;

	if (!sim->calm && sim_below(sim, 300) == 0) {
		struct log *log = store_log(sim, &from->session);

		if (log)
			disturb(log);
		return BATON_E_AGAIN;
	}
	struct append *append = baton_new(struct append);
	append->from = shard;
	append->ticket = ticket;
	append->session = from->session;
	append->expected_seq = from->expected_seq;
	append->expected_epoch = from->expected_epoch;
	append->generation = sim->generation;
	for (size_t i = 0; i < from->n_records; i++) {
		const struct baton_record *record = &from->records[i];

		append->records[append->n++] =
			(struct stored){ record->seq,   record->unix_ms,
					 record->epoch, record->type,
					 record->marks, baton_str_keep(record->payload) };
	}
	LL_APPEND(sim->queue, append);
	if (!sim->committing)
		commit_begin(sim, NULL);
	return BATON_OK;
}

static int64_t store_read(void *ud, const struct baton_id *session, uint64_t after, uint64_t max,
			  baton_record_fn *each, void *each_ud)
{
	struct sim_shard *shard = ud;
	struct log *log = store_log(shard->sim, session);
	int64_t n = 0;

	if (!log || log->n == 0)
		return BATON_E_NOTFOUND;
	for (size_t i = after; i < log->n && (uint64_t)n < max; i++) {
		const struct stored *stored = &log->records[i];
		struct baton_record record = { stored->seq,  stored->unix_ms, stored->epoch,
					       stored->type, stored->marks,   stored->payload };

		n++;
		if (!each(each_ud, session, &record))
			break;
	}
	return n;
}

static int store_snapshot_get(void *ud, const struct baton_id *session, uint64_t *ret_seq,
			      struct baton_buf *out)
{
	struct sim_shard *shard = ud;
	struct log *log = store_log(shard->sim, session);

	if (!log || log->snapshot_seq == 0)
		return BATON_E_NOTFOUND;
	*ret_seq = log->snapshot_seq;
	baton_buf_str(out, log->snapshot);
	return BATON_OK;
}

static int store_snapshot_put(void *ud, const struct baton_id *session, uint64_t seq,
			      baton_str bytes)
{
	struct sim_shard *shard = ud;
	struct log *log = store_log(shard->sim, session);

	PROMISE(shard->sim, log && seq <= log->n, "a snapshot holds only what is durable", session);
	baton_str_drop(&log->snapshot);
	log->snapshot = baton_str_keep(bytes);
	log->snapshot_seq = seq;
	return BATON_OK;
}

static void store_forget(void *ud, const struct baton_id *session)
{
	(void)ud;
	(void)session;
}

static int store_erase(void *ud, const struct baton_id *session)
{
	(void)ud;
	(void)session;
	return BATON_OK;
}

void store_seam(struct baton_seam *seam)
{
	seam->append = store_append;
	seam->read = store_read;
	seam->snapshot_get = store_snapshot_get;
	seam->snapshot_put = store_snapshot_put;
	seam->forget = store_forget;
	seam->erase = store_erase;
}
