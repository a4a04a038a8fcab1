/* SPDX-License-Identifier: Apache-2.0 */

/* The writer's thread: takes what all lanes queued, makes one transaction of it, commits, tells the
 * lanes. While it syncs, the next batch gathers; there is no timer. It also writes the indexes when
 * they are due and carries out erasures and puts, so that all changes happen in one order.
 *
 * A refused append (conflict, erased) is a result of that append; the rest of its batch commits. A
 * disk or a map that is full refuses the batch and is tried again with a later one. An I/O error
 * ends all acknowledgement for this process: the kernel may have dropped what it failed to write,
 * and a later sync that succeeds would lie. */
#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/journal/inside.h"

#include <errno.h>
#include <sys/prctl.h>
#include <time.h>

enum {
	FULL_RETRY_US = 100 * 1000, /* how long a full disk is believed to stay full */
	SNAPSHOTS_WAITING_MAX = 64 * 1024 * 1024,
	BUCKET_US = 64,
};

/* What goes into one transaction. */
struct batch {
	struct baton_op *first, *last;
	size_t records, bytes, puts, new_sessions;
	uint64_t position; /* of the newest record in it */
	bool has_values;   /* a put among them */
	MDB_txn *txn;
	MDB_cursor
		*log; /* at its end, kept for all appends: one walk down the tree, not one each */
};

void baton_writer_broken(struct baton_journal *journal, const char *what, const char *why)
{
	if (atomic_exchange(&journal->state, BATON_E_IO) == BATON_E_IO)
		return;
	baton_log(BATON_LOG_ERROR, "journal_broken", "sss", "where", what, "error", why, "hint",
		  "nothing is acknowledged any more; check the disk, then restart");
}

static void writer_full(struct baton_journal *journal)
{
	int healthy = 0;
	if (atomic_compare_exchange_strong(&journal->state, &healthy, BATON_E_FULL))
		baton_log(BATON_LOG_ERROR, "journal_full", "uus", "map_bytes",
			  atomic_load(&journal->store.map_bytes), "free_bytes",
			  baton_file_space(journal->store.lock_fd), "hint",
			  "appends are refused until there is space again");
}

static void writer_healthy(struct baton_journal *journal)
{
	int full = BATON_E_FULL;
	if (atomic_compare_exchange_strong(&journal->state, &full, 0))
		baton_log(BATON_LOG_NOTICE, "journal_has_space_again", "u", "free_bytes",
			  baton_file_space(journal->store.lock_fd));
}

/* --- one batch: what is in it ----------------------------------------------------------------- */

static size_t op_puts(const struct baton_op *op)
{
	return op->kind == BATON_OP_APPEND ? op->n_frames : op->kind == BATON_OP_PUT;
}

static size_t op_bytes(const struct baton_op *op)
{
	return op->bytes_n + (op->kind == BATON_OP_PUT ? op->put->value.n : 0);
}

/* From the front of the backlog, in order. An erase is a batch of its own: what was queued
 * before it must be in the log first. */
static void batch_gather(struct baton_journal *journal, struct batch *batch)
{
	struct baton_op *op = journal->backlog;
	while (op && batch->puts + op_puts(op) <= BATON_COMMIT_PUTS_MAX &&
	       batch->bytes + op_bytes(op) <= BATON_BATCH_BYTES_MAX) {
		if (op->kind == BATON_OP_ERASE && batch->first)
			break;
		if (!batch->first)
			batch->first = op;
		batch->last = op;
		batch->puts += op_puts(op);
		batch->bytes += op_bytes(op);
		batch->new_sessions += op->is_new;
		batch->has_values |= op->kind == BATON_OP_PUT;
		op = op->next;
		if (batch->first->kind == BATON_OP_ERASE)
			break;
	}
	baton_assert(batch->last); /* one op is never too large */
	batch->last->next = NULL;
	journal->backlog = op;
	if (!op)
		journal->backlog_last = NULL;
}

/* Data keys are on the disk before the first record that needs them. */
static int batch_write_keys(struct baton_journal *journal, struct batch *batch)
{
	if (!batch->new_sessions)
		return 0;
	size_t n = 0;
	struct baton_key_row *rows = baton_alloc(batch->new_sessions * sizeof(*rows));
	for (struct baton_op *op = batch->first; op; op = op->next)
		if (op->is_new)
			rows[n++] = *op->key;
	int rc = baton_keys_write(&journal->store.keys, rows, n);
	baton_free(rows);
	return rc;
}

/* --- one batch: the transaction --------------------------------------------------------------- */

static int append_check(const struct baton_op *op, const struct baton_head *head)
{
	if (head->flags & BATON_HEAD_ERASED)
		return BATON_E_ERASED;
	if (head->flags & BATON_HEAD_DAMAGED)
		return BATON_E_CONFLICT;
	if (op->is_doomed || op->expected_seq != head->seq || op->expected_epoch != head->epoch)
		return BATON_E_CONFLICT;
	/* The lane sealed against the head it knew; the links of the chain must be the same
	 * bytes. */
	if (memcmp(baton_stored_prev_hash(op->bytes), head->hash, sizeof(head->hash)) != 0 ||
	    (!op->is_new && op->slot != head->slot))
		return BATON_E_CONFLICT;
	return 0;
}

/* LMDB's code. The frames become the log's newest rows; the head moves on in memory only. */
static int append_put(struct batch *batch, struct baton_op *op, struct baton_head *head)
{
	uint8_t *frame = op->bytes;
	for (uint32_t i = 0; i < op->n_frames; i++) {
		size_t n = baton_stored_length(frame);
		uint32_t records = baton_stored_count(frame);
		uint64_t position = batch->position + records;
		uint64_t skip = baton_head_skip(head);
		baton_stored_link(frame, head->position, skip);

		MDB_val key = baton_store_val(&position, sizeof(position));
		MDB_val value = baton_store_val(frame, n);
		int rc = baton_store_mdb_append(batch->log, &key, &value);
		if (rc)
			return rc;
		batch->position = position;
		head->seq += records;
		head->more = records - 1;
		head->position = position;
		head->skip_position = skip;
		frame += n;
	}
	head->epoch = op->epoch;
	head->marks = op->marks;
	head->slot = op->slot;
	memcpy(head->hash, op->hash, sizeof(head->hash));
	op->position = batch->position;
	return 0;
}

static int batch_append(struct baton_journal *journal, struct batch *batch, struct baton_op *op)
{
	struct baton_head_entry *entry;
	int rc = baton_index_entry(journal, &op->session, &entry);
	if (rc < 0) {
		op->rc = rc == BATON_E_CORRUPT ? BATON_E_CONFLICT : rc;
		return 0;
	}
	struct baton_head *head = baton_heads_touch(&journal->heads, entry);
	op->rc = append_check(op, head);
	return op->rc ? 0 : append_put(batch, op, head);
}

static int batch_put(struct baton_journal *journal, struct batch *batch, struct baton_op *op)
{
	const struct baton_put *put = op->put;
	size_t n = sizeof(uint64_t) + put->value.n;
	MDB_val key = baton_store_val(put->key.p, put->key.n), value = { n, NULL };
	uint64_t sum = baton_row_sum(put->key.p, put->key.n, put->value.p, put->value.n);
	int rc = baton_store_mdb_put(batch->txn, journal->store.table[BATON_TABLE_KV], &key, &value,
				     MDB_RESERVE);
	if (rc)
		return rc;
	memcpy(value.mv_data, &sum, sizeof(sum));
	if (put->value.n)
		memcpy((uint8_t *)value.mv_data + sizeof(sum), put->value.p, put->value.n);
	op->rc = 0;
	return 0;
}

/* Loads the session's head, so that the snapshot has a place to wait. */
static int batch_snapshot(struct baton_journal *journal, struct baton_op *op)
{
	struct baton_head_entry *entry;
	op->rc = baton_index_entry(journal, &op->session, &entry);
	if (op->rc == 0)
		baton_heads_touch(&journal->heads, entry);
	return 0;
}

/* Every op of the batch; stops at LMDB's first error. May be run again after the map has grown. */
static int batch_fill(struct baton_journal *journal, struct batch *batch)
{
	int rc = mdb_txn_begin(journal->store.env, NULL, 0, &batch->txn);
	if (rc)
		return rc;

	rc = mdb_cursor_open(batch->txn, journal->store.table[BATON_TABLE_LOG], &batch->log);
	batch->position = atomic_load(&journal->last_position);
	batch->records = 0;
	for (struct baton_op *op = batch->first; op && rc == 0; op = op->next) {
		if (op->kind == BATON_OP_APPEND)
			rc = batch_append(journal, batch, op);
		else if (op->kind == BATON_OP_PUT)
			rc = batch_put(journal, batch, op);
		else if (op->kind == BATON_OP_SNAPSHOT)
			rc = batch_snapshot(journal, op);
	}
	batch->records = batch->position - atomic_load(&journal->last_position);
	if (rc) /* frees the cursor as well, as the commit does */
		mdb_txn_abort(batch->txn);
	return rc;
}

static void batch_delay(struct baton_journal *journal)
{
	struct timespec ts = { .tv_sec = journal->delay_commit_us / 1000000,
			       .tv_nsec = (long)(journal->delay_commit_us % 1000000) * 1000 };
	if (journal->delay_commit_us)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static bool batch_has_puts(const struct batch *batch)
{
	return batch->has_values || batch->records > 0;
}

/* A row fills at most a leaf of its own, its overflow pages, and a share of a branch. */
static uint64_t batch_pages(struct baton_journal *journal, const struct batch *batch)
{
	return 8 * (uint64_t)batch->puts + 2 * (uint64_t)batch->bytes / journal->store.page_bytes;
}

static int batch_commit(struct baton_journal *journal, struct batch *batch)
{
	int rc = batch_fill(journal, batch);
	if (rc)
		return rc;
	if (!batch_has_puts(batch)) {
		mdb_txn_abort(batch->txn); /* only conflicts: there is nothing to sync */
		return 0;
	}
	batch_delay(journal);
	return baton_space_commit(&journal->space, batch->txn, batch_pages(journal, batch));
}

/* 0, BATON_E_FULL or BATON_E_IO for all of the batch. */
static int batch_try(struct baton_journal *journal, struct batch *batch)
{
	int rc, state = atomic_load(&journal->state);
	if (state == BATON_E_IO)
		return BATON_E_IO;
	if (state == BATON_E_FULL && baton_file_now_us() < journal->full_until_us)
		return BATON_E_FULL;
	/* Counts only if this try finds it full again. */
	journal->full_until_us = baton_file_now_us() + FULL_RETRY_US;

	rc = batch_write_keys(journal, batch);
	if (rc < 0)
		return rc;
	do {
		rc = batch_commit(journal, batch);
		if (rc)
			baton_heads_settle(&journal->heads, /* committed= */ false);
	} while (rc == MDB_MAP_FULL && baton_store_grow(&journal->store) == 0);
	if (rc == 0)
		return 0;

	int full = baton_store_rc(&journal->store, rc,
				  batch_pages(journal, batch) * journal->store.page_bytes);
	if (full == BATON_E_FULL)
		return full;
	baton_writer_broken(journal, "commit", mdb_strerror(rc));
	return BATON_E_IO;
}

/* --- one batch: afterwards -------------------------------------------------------------------- */

static void commit_timed(struct baton_journal *journal, uint64_t us)
{
	unsigned i = 0;
	while (i < BATON_COMMIT_BUCKETS - 1 && us > (uint64_t)BUCKET_US << i)
		i++;
	atomic_fetch_add(&journal->commit_us_buckets[i], 1);
	atomic_fetch_add(&journal->commit_us_sum, us);
	if (us > atomic_load(&journal->commit_us_max))
		atomic_store(&journal->commit_us_max, us);
}

/* The newest snapshot of a session replaces one that still waits. */
static void snapshot_keep(struct baton_journal *journal, struct baton_op *op)
{
	struct baton_head_entry *entry = baton_heads_find(&journal->heads, &op->session);
	if (op->rc || !entry || entry->now.seq == 0 || (entry->now.flags & BATON_HEAD_ERASED)) {
		baton_free(op);
		return;
	}
	if (entry->snapshot) {
		journal->snapshot_bytes -= entry->snapshot->bytes_n;
		baton_free(entry->snapshot);
	}
	entry->snapshot = op;
	journal->snapshot_bytes += op->bytes_n;
	baton_heads_dirty(&journal->heads, entry);
}

/* Puts the op into its lane's chain, newest first, and the lane into the list of those to wake. */
static void lane_collect(struct baton_lane **lanes, struct baton_op *op)
{
	struct baton_lane *lane = op->lane;
	if (!lane->batch_newest) {
		lane->batch_oldest = op;
		lane->batch_next = *lanes;
		*lanes = lane;
	}
	op->next = lane->batch_newest;
	lane->batch_newest = op;
}

static void lanes_wake(struct baton_lane *lane)
{
	while (lane) {
		struct baton_lane *next = lane->batch_next;
		struct baton_op *newest = lane->batch_newest;
		lane->batch_newest = NULL;
		baton_queue_push(&lane->done, newest, lane->batch_oldest);
		lane->events.wake(lane->events.ud);
		lane = next;
	}
}

static void followers_wake(struct baton_journal *journal)
{
	pthread_mutex_lock(&journal->followers_lock);
	for (size_t i = 0; i < BATON_FOLLOWERS; i++)
		if (journal->followers[i].wake)
			journal->followers[i].wake(journal->followers[i].ud);
	pthread_mutex_unlock(&journal->followers_lock);
}

static void op_count(struct baton_journal *journal, const struct baton_op *op)
{
	if (op->kind != BATON_OP_APPEND)
		return;
	if (op->rc == BATON_E_CONFLICT)
		atomic_fetch_add(&journal->conflicts, 1);
	else if (op->rc == BATON_E_FULL)
		atomic_fetch_add(&journal->refused_full, 1);
}

/* Hands every op back. Callers that wait come last: a lane that closes waits behind a barrier for
 * its own wake to be over. */
static void batch_tell(struct baton_journal *journal, struct batch *batch, int rc)
{
	struct baton_lane *lanes = NULL;
	struct baton_op *waiting = NULL;
	uint64_t n = 0, bytes = 0;
	for (struct baton_op *op = batch->first, *next; op; op = next) {
		next = op->next;
		n++;
		bytes += op->bytes_n;
		if (rc < 0)
			op->rc = rc;
		op_count(journal, op);
		if (op->kind == BATON_OP_APPEND) {
			lane_collect(&lanes, op);
		} else if (op->kind == BATON_OP_SNAPSHOT) {
			snapshot_keep(journal, op);
		} else {
			journal->stopping = journal->stopping || op->kind == BATON_OP_STOP;
			op->next = waiting;
			waiting = op;
		}
	}
	atomic_fetch_sub(&journal->queued, n);
	atomic_fetch_sub(&journal->queued_bytes, bytes);
	lanes_wake(lanes);
	while (waiting) {
		struct baton_op *op = waiting;
		waiting = op->next;
		sem_post(op->done);
	}
}

static void index_due(struct baton_journal *journal, uint64_t now_us)
{
	if (!journal->index_due_us && journal->heads.dirty)
		journal->index_due_us = now_us + BATON_INDEX_LAG_US;
}

static void batch_settle(struct baton_journal *journal, struct batch *batch, uint64_t us)
{
	baton_heads_settle(&journal->heads, /* committed= */ true);
	writer_healthy(journal);
	if (!batch_has_puts(batch))
		return;
	atomic_store(&journal->last_position, batch->position);
	atomic_fetch_add(&journal->records, batch->records);
	atomic_fetch_add(&journal->bytes, batch->bytes);
	atomic_fetch_add(&journal->commits, 1);
	commit_timed(journal, us);
}

static void batch_run(struct baton_journal *journal, struct batch *batch)
{
	uint64_t began = baton_file_now_us();
	int rc = batch_try(journal, batch);
	uint64_t now = baton_file_now_us();
	bool followed = rc == 0 && batch->records;
	if (rc == 0)
		batch_settle(journal, batch, now - began);
	else if (rc == BATON_E_FULL)
		writer_full(journal);
	else
		baton_writer_broken(journal, "key file", "sync failed");
	batch_tell(journal, batch, rc);
	index_due(journal, now);
	if (followed)
		followers_wake(journal);
}

/* --- erase ------------------------------------------------------------------------------------ */

static int erase_run(struct baton_journal *journal, const struct baton_id *session)
{
	struct baton_head_entry *entry;
	int rc = baton_index_entry(journal, session, &entry);
	if (rc < 0)
		return rc;
	if (entry->now.seq == 0)
		return BATON_E_NOTFOUND;
	if (entry->now.flags & BATON_HEAD_ERASED)
		return 0;

	rc = baton_keys_erase(&journal->store.keys, &journal->seal, entry->now.slot);
	if (rc < 0) {
		baton_writer_broken(journal, "key file", "an erasure could not be written");
		return BATON_E_IO;
	}
	/* The key is gone, so is what it opened; rows that could not be dropped now are
	 * ciphertext. */
	rc = baton_index_erase(journal, entry);
	if (rc < 0)
		baton_log(BATON_LOG_WARN, "erase_rows_left", "ds", "session", session, "why",
			  baton_error_info(rc)->text);
	atomic_fetch_add(&journal->erased, 1);
	return 0;
}

static void erase_batch(struct baton_journal *journal, struct batch *batch)
{
	int rc = atomic_load(&journal->state) == BATON_E_IO
			 ? BATON_E_IO
			 : erase_run(journal, &batch->first->session);
	batch->first->rc = rc;
	batch_tell(journal, batch, 0);
	index_due(journal, baton_file_now_us());
}

/* --- the thread ------------------------------------------------------------------------------- */

static void writer_take(struct baton_journal *journal)
{
	struct baton_op *newest, *op = baton_queue_take(&journal->queue, &newest);
	if (!op)
		return;
	if (journal->backlog_last)
		journal->backlog_last->next = op;
	else
		journal->backlog = op;
	journal->backlog_last = newest;
}

static void writer_index(struct baton_journal *journal)
{
	uint64_t lag =
		atomic_load(&journal->last_position) - atomic_load(&journal->indexed_position);
	if (!journal->index_due_us || atomic_load(&journal->state) == BATON_E_IO)
		return;
	if ((lag >= BATON_INDEX_LAG && !journal->index_failed) ||
	    journal->snapshot_bytes >= SNAPSHOTS_WAITING_MAX ||
	    baton_file_now_us() >= journal->index_due_us)
		baton_index_write(journal);
	index_due(journal, baton_file_now_us());
}

static void writer_idle(struct baton_journal *journal)
{
	uint64_t now = baton_file_now_us(), due = journal->index_due_us;
	if (!due || atomic_load(&journal->state) == BATON_E_IO)
		baton_queue_wait(&journal->queue, UINT64_MAX);
	else if (due > now)
		baton_queue_wait(&journal->queue, due - now);
}

void *baton_writer_run(void *ud)
{
	struct baton_journal *journal = ud;
	prctl(PR_SET_NAME, "journal");
	for (;;) {
		writer_take(journal);
		if (journal->backlog) {
			struct batch batch = { 0 };
			batch_gather(journal, &batch);
			if (batch.first->kind == BATON_OP_ERASE)
				erase_batch(journal, &batch);
			else
				batch_run(journal, &batch);
		} else if (journal->stopping) {
			break;
		} else {
			writer_idle(journal);
		}
		writer_index(journal);
	}
	if (atomic_load(&journal->state) != BATON_E_IO)
		baton_index_write(journal);
	baton_mem_thread_done();
	return NULL;
}
