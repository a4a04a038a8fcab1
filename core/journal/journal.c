/* SPDX-License-Identifier: Apache-2.0 */

/* The journal as a whole: open and close, and the small calls that belong to no lane. */
#include "core/journal/journal.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/journal/inside.h"

#define RESERVE_BYTES (64ull << 20)

static int journal_start(struct baton_journal *journal)
{
	int rc = baton_space_open(&journal->space, &journal->store, journal->reserve_bytes);
	if (rc == 0)
		rc = baton_index_replay(journal);
	if (rc < 0)
		return rc;
	/* A long tail (the process died) is indexed at once, so that dying again costs no more. */
	if (journal->heads.dirty)
		journal->index_due_us = baton_file_now_us();
	if (pthread_create(&journal->writer, NULL, baton_writer_run, journal) != 0)
		return BATON_E_IO;
	journal->has_writer = true;
	return 0;
}

/* Nothing runs and nothing is kept in memory: each question is put to the files. */
static int journal_start_reading(struct baton_journal *journal)
{
	int rc = baton_tail_measure(journal);
	if (rc == 0 &&
	    atomic_load(&journal->indexed_position) > atomic_load(&journal->last_position))
		rc = BATON_E_CORRUPT;
	return rc;
}

static void journal_free(struct baton_journal **journal)
{
	struct baton_journal *j = *journal;
	*journal = NULL;
	baton_space_close(&j->space);
	baton_heads_done(&j->heads);
	baton_store_close(&j->store);
	baton_seal_done(&j->seal);
	pthread_mutex_destroy(&j->followers_lock);
	baton_free(j);
}

int baton_journal_open(const struct baton_journal_options *options,
		       struct baton_journal **ret_journal)
{
	struct baton_store_way way = { .may_create = !options->read_only };
	struct baton_journal *journal = baton_new(struct baton_journal);
	journal->reserve_bytes = options->reserve_bytes ? options->reserve_bytes : RESERVE_BYTES;
	journal->delay_commit_us = options->delay_commit_us;
	journal->read_only = options->read_only;
	journal->space.fd = -1;
	pthread_mutex_init(&journal->followers_lock, NULL);
	baton_seal_init(&journal->seal);
	baton_heads_init(&journal->heads);

	uint64_t began = baton_file_now_us();
	int rc = baton_store_open(&journal->store, options, &way);
	if (rc == 0)
		rc = journal->read_only ? journal_start_reading(journal) : journal_start(journal);
	if (rc < 0) {
		baton_log(BATON_LOG_ERROR, "journal_open_failed", "ss", "path", options->path,
			  "error", baton_error_info(rc)->name);
		journal_free(&journal);
		return rc;
	}
	uint64_t last = atomic_load(&journal->last_position);
	baton_log(BATON_LOG_INFO, "journal_open", "suuu", "path", options->path, "records", last,
		  "replayed", last - atomic_load(&journal->indexed_position), "us",
		  baton_file_now_us() - began);
	*ret_journal = journal;
	return 0;
}

void baton_journal_close(struct baton_journal **journal)
{
	struct baton_journal *j = *journal;
	if (!j)
		return;
	baton_assert(atomic_load(&j->lanes) == 0);
	if (j->has_writer) {
		/* An op and not a flag: a writer that saw a flag could be gone before the op that
		 * wakes it comes, and that would wait for ever. */
		struct baton_op last = { .kind = BATON_OP_STOP };
		baton_journal_wait(j, &last);
		pthread_join(j->writer, NULL);
	}
	journal_free(journal);
}

/* --- heads ------------------------------------------------------------------------------------ */

int baton_journal_head(struct baton_journal *journal, const struct baton_id *session,
		       struct baton_head *ret_head)
{
	MDB_txn *txn;
	MDB_val value;
	if (baton_heads_get(&journal->heads, session, ret_head))
		return ret_head->seq ? 0 : BATON_E_NOTFOUND;

	int rc = baton_store_look(&journal->store, &txn);
	if (rc < 0)
		return rc;
	rc = baton_store_get(&journal->store, txn, BATON_TABLE_HEADS, baton_store_key(session),
			     &value);
	if (rc == 0)
		rc = baton_row_head_read(session, &value, ret_head);
	baton_store_looked(&journal->store, &txn);
	return rc;
}

int baton_journal_head_key(struct baton_journal *journal, struct baton_seal *seal,
			   const struct baton_id *session, struct baton_head *ret_head,
			   uint8_t ret_key[BATON_KEY_BYTES])
{
	int rc = journal->read_only ? baton_tail_head(journal, seal, session, ret_head)
				    : baton_journal_head(journal, session, ret_head);
	if (rc < 0)
		return rc;
	if (ret_head->flags & BATON_HEAD_ERASED)
		return BATON_E_ERASED;
	if (ret_head->flags & BATON_HEAD_DAMAGED)
		return BATON_E_CORRUPT;
	return baton_keys_get(&journal->store.keys, seal, ret_head->slot, session, ret_key);
}

/* --- calls that wait for the writer ----------------------------------------------------------- */

int baton_journal_wait(struct baton_journal *journal, struct baton_op *op)
{
	sem_t done;
	if (journal->read_only)
		return BATON_E_UNSUPPORTED;
	sem_init(&done, 0, 0);
	op->done = &done;
	atomic_fetch_add(&journal->queued, 1);
	atomic_fetch_add(&journal->queued_bytes, op->bytes_n);
	baton_queue_push(&journal->queue, op, op);
	while (sem_wait(&done) != 0) {
	} /* EINTR: the op is not ours before the writer has said so */
	sem_destroy(&done);
	return op->rc;
}

int baton_journal_erase(struct baton_journal *journal, const struct baton_id *session)
{
	struct baton_op op = { .kind = BATON_OP_ERASE, .session = *session };
	return baton_journal_wait(journal, &op);
}

int baton_journal_put(struct baton_journal *journal, baton_str key, baton_str value)
{
	if (key.n == 0 || key.n > BATON_KV_KEY_MAX)
		return BATON_E_INVAL;
	if (value.n > BATON_KV_BYTES_MAX)
		return BATON_E_TOO_BIG;
	const struct baton_put put = { key, value };
	struct baton_op op = { .kind = BATON_OP_PUT, .put = &put };
	return baton_journal_wait(journal, &op);
}

int baton_journal_get(struct baton_journal *journal, baton_str key, struct baton_buf *out)
{
	MDB_txn *txn;
	MDB_val value;
	uint64_t sum;
	if (key.n == 0 || key.n > BATON_KV_KEY_MAX)
		return BATON_E_INVAL;
	int rc = baton_store_look(&journal->store, &txn);
	if (rc < 0)
		return rc;

	rc = baton_store_get(&journal->store, txn, BATON_TABLE_KV, baton_store_val(key.p, key.n),
			     &value);
	if (rc == 0 && value.mv_size < sizeof(sum))
		rc = BATON_E_CORRUPT;
	if (rc == 0) {
		const uint8_t *p = value.mv_data;
		size_t n = value.mv_size - sizeof(sum);
		memcpy(&sum, p, sizeof(sum));
		if (sum == baton_row_sum(key.p, key.n, p + sizeof(sum), n))
			baton_buf_add(out, p + sizeof(sum), n);
		else
			rc = BATON_E_CORRUPT;
	}
	baton_store_looked(&journal->store, &txn);
	return rc;
}

/* --- followers and figures -------------------------------------------------------------------- */

uint64_t baton_journal_last_position(struct baton_journal *journal)
{
	if (journal->read_only)
		(void)baton_tail_measure(journal); /* on an error: where it was */
	return atomic_load(&journal->last_position);
}

void baton_journal_on_commit(struct baton_journal *journal, unsigned slot, void (*wake)(void *ud),
			     void *ud)
{
	baton_assert(slot < BATON_FOLLOWERS);
	pthread_mutex_lock(
		&journal->followers_lock); /* after this returns the old one is not called */
	journal->followers[slot].wake = wake;
	journal->followers[slot].ud = ud;
	pthread_mutex_unlock(&journal->followers_lock);
}

void baton_journal_stats(struct baton_journal *journal, struct baton_journal_stats *ret_stats)
{
	if (journal->read_only)
		(void)baton_tail_measure(journal);
	struct baton_journal_stats s = {
		.records = atomic_load(&journal->records),
		.commits = atomic_load(&journal->commits),
		.bytes = atomic_load(&journal->bytes),
		.conflicts = atomic_load(&journal->conflicts),
		.refused_full = atomic_load(&journal->refused_full),
		.erased = atomic_load(&journal->erased),
		.map_bytes = atomic_load(&journal->store.map_bytes),
		.used_bytes = atomic_load(&journal->store.used_bytes),
		.queued = atomic_load(&journal->queued),
		.commit_us_sum = atomic_load(&journal->commit_us_sum),
		.commit_us_max = atomic_load(&journal->commit_us_max),
		.state = atomic_load(&journal->state),
	};
	uint64_t indexed = atomic_load(&journal->indexed_position);
	s.index_lag = atomic_load(&journal->last_position) - indexed;
	for (size_t i = 0; i < BATON_COMMIT_BUCKETS; i++)
		s.commit_us_buckets[i] = atomic_load(&journal->commit_us_buckets[i]);
	*ret_stats = s;
}
