/* SPDX-License-Identifier: Apache-2.0 */

/* A lane: one worker's way into the journal. It seals records on the worker's thread, so that the
 * writer has nothing left to do but to check heads and copy. What it gathers is sealed when it is
 * handed in: nobody waits for a seal before a model is asked, and seals that follow each other find
 * their code and tables at hand.
 *
 * For sealing it must know what the session's newest record will be when this append is written,
 * which includes appends that are still queued. So each session has an entry with the head as the
 * lane believes it. When an append fails, what was built on it fails too (the writer compares), and
 * the entry is read again from the committed head. */
#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/mem.h"
#include "core/journal/inside.h"

enum {
	TRIM_LOOKS = 8 /* entries that one new one may cost a look */
};

struct baton_lane_entry {
	struct baton_rolled rolled; /* first: holds the id */
	uint64_t seq;               /* of the newest record, gathered and queued ones included */
	uint32_t slot, pending;     /* slot 0: its first record is not sealed yet */
	uint32_t generation; /* rises when the entry is read again: late failures are of the past */
	bool is_known : 1, has_key : 1, is_forgotten : 1;
	bool is_used : 1; /* again, since it came or since lane_trim() looked at it */
	uint8_t key[BATON_KEY_BYTES],
		hash[BATON_HASH_BYTES]; /* hash: of the newest that is sealed */
};

/* --- entries ---------------------------------------------------------------------------------- */

static void entry_drop_key(struct baton_lane_entry *entry)
{
	baton_seal_forget(entry->key, sizeof(entry->key));
	entry->has_key = false;
}

static struct baton_lane_entry *entry_of(struct baton_rolled *rolled)
{
	return (struct baton_lane_entry *)rolled;
}

static void entry_free(struct baton_lane *lane, struct baton_lane_entry *entry)
{
	entry_drop_key(entry);
	baton_roll_remove(&lane->entries, &entry->rolled);
	baton_free(entry);
}

/* A second chance for what was used since the last look. */
static void lane_trim(struct baton_lane *lane)
{
	for (int i = 0; i < TRIM_LOOKS && lane->entries.n >= BATON_LANE_ENTRIES; i++) {
		struct baton_rolled *rolled = baton_roll_turn(&lane->entries), *next;
		for (; rolled; rolled = next) {
			struct baton_lane_entry *entry = entry_of(rolled);
			next = rolled->next;
			if (!entry->is_used && !entry->pending)
				entry_free(lane, entry);
			else
				entry->is_used = false;
		}
	}
}

static struct baton_lane_entry *lane_entry(struct baton_lane *lane, const struct baton_id *session)
{
	struct baton_lane_entry *entry = entry_of(baton_roll_find(&lane->entries, session));
	if (entry) {
		entry->is_used = true;
	} else {
		lane_trim(lane);
		entry = baton_new_lasting(struct baton_lane_entry);
		entry->rolled.id = *session;
		baton_roll_add(&lane->entries, &entry->rolled);
	}
	entry->is_forgotten = false;
	return entry;
}

/* Some session was erased: which one does not matter, the others' keys are quickly had again. */
static void lane_drop_keys(struct baton_lane *lane)
{
	uint64_t erasures = atomic_load(&lane->journal->store.keys.erasures);
	if (erasures == lane->erasures)
		return;
	lane->erasures = erasures;
	for (size_t i = 0; i < lane->entries.n_slots; i++) {
		struct baton_rolled *rolled = lane->entries.slots[i];
		for (; rolled; rolled = rolled->next)
			entry_drop_key(entry_of(rolled));
	}
}

/* Takes the committed head. 0 also if there is no such session (seq 0). */
static int entry_reload(struct baton_lane *lane, struct baton_lane_entry *entry)
{
	struct baton_head head = { 0 };
	int rc = baton_journal_head(lane->journal, &entry->rolled.id, &head);
	if (rc == BATON_E_NOTFOUND)
		memset(&head, 0, sizeof(head));
	else if (rc < 0)
		return rc;
	if (head.flags & BATON_HEAD_ERASED)
		return BATON_E_ERASED;
	if (head.flags & BATON_HEAD_DAMAGED)
		return BATON_E_CORRUPT;

	if (entry->slot != head.slot)
		entry_drop_key(entry);
	entry->seq = head.seq;
	entry->slot = head.slot;
	memcpy(entry->hash, head.hash, sizeof(entry->hash));
	entry->generation++;
	entry->is_known = true;
	return 0;
}

static int entry_key(struct baton_lane *lane, struct baton_lane_entry *entry)
{
	if (entry->has_key)
		return 0;
	int rc = baton_keys_get(&lane->journal->store.keys, &lane->seal, entry->slot,
				&entry->rolled.id, entry->key);
	entry->has_key = rc == 0;
	return rc;
}

/* --- append ----------------------------------------------------------------------------------- */

static int append_valid(const struct baton_append *append)
{
	if (append->n_records == 0 || append->n_records > BATON_APPEND_RECORDS_MAX)
		return BATON_E_INVAL;
	for (size_t i = 0; i < append->n_records; i++) {
		const struct baton_record *record = &append->records[i];
		if (record->payload.n > BATON_RECORD_BYTES_MAX - BATON_STORED_EXTRA)
			return BATON_E_TOO_BIG;
		if (record->seq != append->expected_seq + 1 + i)
			return BATON_E_INVAL;
	}
	return 0;
}

/* How long its frames are together. */
static size_t append_bytes(const struct baton_append *append)
{
	size_t bytes = 0, n;
	for (size_t i = 0; i < append->n_records; bytes += n)
		i += baton_stored_fit(append->records + i, append->n_records - i, &n);
	return bytes;
}

static int lane_admits(struct baton_lane *lane, size_t bytes, bool is_new)
{
	struct baton_journal *journal = lane->journal;
	if (atomic_load(&journal->state) == BATON_E_IO)
		return BATON_E_IO;
	if (atomic_load(&journal->queued) >= BATON_JOURNAL_QUEUE_MAX ||
	    atomic_load(&journal->queued_bytes) + bytes > BATON_QUEUE_BYTES_MAX)
		return BATON_E_AGAIN;
	uint64_t lag =
		atomic_load(&journal->last_position) - atomic_load(&journal->indexed_position);
	bool no_room = is_new && baton_space_free(&journal->space) < journal->reserve_bytes;
	if (no_room || lag > BATON_INDEX_LAG_MAX) {
		atomic_fetch_add(&journal->refused_full, 1);
		return BATON_E_FULL;
	}
	return 0;
}

/* Makes the entry fit for an append that expects `seq`, as far as the session allows it. */
static int entry_ready(struct baton_lane *lane, struct baton_lane_entry *entry, uint64_t seq)
{
	int rc = 0;
	if (!entry->is_known || (entry->pending == 0 && entry->seq != seq))
		rc = entry_reload(lane, entry);
	if (rc == 0 && entry->slot)
		rc = entry_key(lane, entry);
	return rc;
}

/* In clear: the op is sealed when it is queued. */
static void append_write(const struct baton_append *append, struct baton_op *op)
{
	uint8_t *out = op->bytes;
	struct baton_stored frame = { .session = append->session };
	for (size_t i = 0; i < append->n_records; i += frame.n_records) {
		const struct baton_record *records = append->records + i;
		size_t n;
		frame.n_records = (uint32_t)baton_stored_fit(records, append->n_records - i, &n);
		baton_stored_write(&frame, records, out);
		out += n;
		op->n_frames++;
	}
	const struct baton_record *last = &append->records[append->n_records - 1];
	op->epoch = last->epoch;
	op->marks = last->marks;
}

/* Its bytes are left as they are: a record is written to all of them. */
static struct baton_op *op_new(enum baton_op_kind kind, const struct baton_id *session, size_t n)
{
	struct baton_op *op = baton_realloc(NULL, sizeof(*op) + n);
	*op = (struct baton_op){ .kind = kind, .session = *session, .bytes_n = n };
	return op;
}

static void op_free(struct baton_op *op)
{
	if (op->is_new)
		baton_free(op->key);
	baton_free(op);
}

/* An append that expects another head keeps its place in the order and is refused there. */
static struct baton_op *append_op(struct baton_lane *lane, struct baton_lane_entry *entry,
				  const struct baton_append *append, size_t bytes)
{
	bool is_doomed = entry->seq != append->expected_seq;
	struct baton_op *op = op_new(BATON_OP_APPEND, &append->session, is_doomed ? 0 : bytes);
	op->lane = lane;
	op->entry = entry;
	op->expected_seq = append->expected_seq;
	op->expected_epoch = append->expected_epoch;
	op->is_doomed = is_doomed;
	op->is_new = !is_doomed && append->expected_seq == 0;
	op->entry_generation = entry->generation;
	if (!is_doomed) {
		append_write(append, op);
		entry->seq += append->n_records;
	}
	return op;
}

/* The session's key, which a new session has not had before. */
static int op_key(struct baton_lane *lane, struct baton_op *op)
{
	struct baton_lane_entry *entry = op->entry;
	if (!op->is_new)
		return entry_key(lane, entry);
	op->key = baton_new(struct baton_key_row);
	baton_keys_make(&lane->journal->store.keys, &lane->seal, &op->session, entry->key, op->key);
	entry->slot = op->key->slot;
	entry->has_key = true;
	return 0;
}

/* What was built on an append that has failed meanwhile, or whose key is gone, fails as well. */
static void op_seal(struct baton_lane *lane, struct baton_op *op)
{
	struct baton_lane_entry *entry = op->entry;
	if (op->entry_generation != entry->generation || op_key(lane, op) < 0) {
		op->is_doomed = true;
		op->is_new = false;
		return;
	}
	uint8_t *out = op->bytes;
	struct baton_stored frame = { .slot = entry->slot };
	for (uint32_t i = 0; i < op->n_frames; i++) {
		size_t n = baton_stored_length(out);
		memcpy(frame.prev_hash, entry->hash, sizeof(frame.prev_hash));
		baton_seal_random(&lane->seal, frame.nonce, sizeof(frame.nonce));
		/* Preparing a key costs as much as sealing a short record with it. */
		baton_stored_seal(&lane->seal, i == 0 ? entry->key : NULL, &frame, out);
		baton_seal_hash(&lane->seal, out + BATON_LINKS_BYTES, n - BATON_LINKS_BYTES,
				entry->hash);
		out += n;
	}
	op->slot = entry->slot;
	memcpy(op->hash, entry->hash, sizeof(op->hash));
}

void baton_lane_gather(struct baton_lane *lane)
{
	lane->gathers = true;
}

void baton_lane_flush(struct baton_lane *lane)
{
	struct baton_op *newest = NULL;
	if (lane->n_gathered == 0)
		return;
	for (size_t i = 0; i < lane->n_gathered; i++) {
		struct baton_op *op = lane->gathered[i];
		if (op->kind == BATON_OP_APPEND && !op->is_doomed)
			op_seal(lane, op);
		op->next = newest;
		newest = op;
	}
	lane->n_gathered = 0;
	baton_queue_push(&lane->journal->queue, newest, lane->gathered[0]);
}

/* Counted at once: what is gathered waits for the writer like everything else. */
static void lane_queue(struct baton_lane *lane, struct baton_op *op)
{
	atomic_fetch_add(&lane->journal->queued, 1);
	atomic_fetch_add(&lane->journal->queued_bytes, op->bytes_n);
	lane->gathered[lane->n_gathered++] = op;
	if (!lane->gathers || lane->n_gathered == BATON_GATHER_MAX)
		baton_lane_flush(lane);
}

int baton_lane_append(struct baton_lane *lane, const struct baton_append *append, uint64_t ticket)
{
	if (lane->journal->read_only)
		return BATON_E_UNSUPPORTED;
	int rc = append_valid(append);
	if (rc < 0)
		return rc;
	size_t bytes = append_bytes(append);
	rc = lane_admits(lane, bytes, append->expected_seq == 0);
	if (rc < 0)
		return rc;

	lane_drop_keys(lane);
	struct baton_lane_entry *entry = lane_entry(lane, &append->session);
	rc = entry_ready(lane, entry, append->expected_seq);
	if (rc < 0)
		return rc;

	struct baton_op *op = append_op(lane, entry, append, bytes);
	op->ticket = ticket;
	entry->pending++;
	lane_queue(lane, op);
	return 0;
}

/* --- completion ------------------------------------------------------------------------------- */

static void lane_settle(struct baton_lane *lane, const struct baton_op *op)
{
	struct baton_lane_entry *entry = op->entry;
	baton_assert(entry->pending > 0);
	entry->pending--;
	if (op->rc < 0 && op->entry_generation == entry->generation)
		entry->is_known = false;
	if (entry->pending == 0 && entry->is_forgotten)
		entry_free(lane, entry);
}

void baton_lane_poll(struct baton_lane *lane)
{
	struct baton_op *op = baton_queue_take(&lane->done, NULL), *next;
	lane_drop_keys(lane);
	for (; op; op = next) {
		next = op->next;
		lane_settle(lane, op);
		lane->events.committed(lane->events.ud, op->ticket, op->rc, op->position);
		op_free(op);
	}
}

void baton_lane_forget(struct baton_lane *lane, const struct baton_id *session)
{
	struct baton_lane_entry *entry = entry_of(baton_roll_find(&lane->entries, session));
	if (!entry)
		return;
	if (entry->pending)
		entry->is_forgotten = true; /* the entry goes with its last commit */
	else
		entry_free(lane, entry);
}

/* --- snapshots -------------------------------------------------------------------------------- */

int baton_lane_snapshot_put(struct baton_lane *lane, const struct baton_id *session, uint64_t seq,
			    baton_str bytes)
{
	struct baton_journal *journal = lane->journal;
	if (journal->read_only)
		return BATON_E_UNSUPPORTED;
	if (bytes.n > BATON_SNAPSHOT_BYTES_MAX)
		return BATON_E_TOO_BIG;
	int rc = lane_admits(lane, bytes.n, /* is_new= */ false);
	if (rc < 0)
		return rc;

	lane_drop_keys(lane);
	struct baton_lane_entry *entry = lane_entry(lane, session);
	rc = entry->is_known ? 0 : entry_reload(lane, entry);
	if (rc == 0 && entry->slot == 0)
		baton_lane_flush(lane); /* it may be a new session's */
	if (rc == 0)
		rc = entry->seq == 0 ? BATON_E_NOTFOUND : entry_key(lane, entry);
	if (rc < 0)
		return rc;

	struct baton_op *op = op_new(BATON_OP_SNAPSHOT, session, bytes.n + BATON_SNAPSHOT_EXTRA);
	struct baton_snapshot snapshot = { .seq = seq, .slot = entry->slot, .bytes = bytes };
	op->snapshot_seq = seq;
	baton_row_snapshot(&lane->seal, entry->key, session, &snapshot, op->bytes);
	lane_queue(lane, op);
	return 0;
}

int baton_lane_snapshot_get(struct baton_lane *lane, const struct baton_id *session,
			    uint64_t *ret_seq, struct baton_buf *out)
{
	MDB_txn *txn;
	MDB_val value;
	struct baton_head head;
	uint8_t key[BATON_KEY_BYTES];
	struct baton_store *store = &lane->journal->store;
	int rc = baton_journal_head_key(lane->journal, &lane->seal, session, &head, key);
	if (rc < 0)
		return rc;

	rc = baton_store_look(store, &txn);
	if (rc < 0)
		return rc;
	rc = baton_store_get(store, txn, BATON_TABLE_SNAPSHOTS, baton_store_key(session), &value);
	if (rc == 0)
		rc = baton_row_snapshot_read(&lane->seal, key, session, &value, out);
	if (rc == 0)
		*ret_seq = baton_row_snapshot_seq(&value);
	baton_store_looked(store, &txn);
	baton_seal_forget(key, sizeof(key));
	return rc;
}

/* --- open and close --------------------------------------------------------------------------- */

int baton_lane_open(struct baton_journal *journal, const struct baton_lane_events *events,
		    struct baton_lane **ret_lane)
{
	struct baton_lane *lane = baton_new(struct baton_lane);
	lane->journal = journal;
	lane->events = *events;
	baton_seal_init(&lane->seal);
	atomic_fetch_add(&journal->lanes, 1);
	*ret_lane = lane;
	return 0;
}

static void lane_empty(struct baton_lane *lane)
{
	for (size_t i = 0; i < lane->entries.n_slots; i++)
		while (lane->entries.slots[i])
			entry_free(lane, entry_of(lane->entries.slots[i]));
	baton_roll_done(&lane->entries);
}

/* Waits until the writer has passed everything this lane queued: it writes to the lane until
 * then. */
void baton_lane_close(struct baton_lane **lane)
{
	struct baton_lane *l = *lane;
	if (!l)
		return;
	baton_lane_flush(l);
	struct baton_op barrier = { .kind = BATON_OP_BARRIER };
	baton_journal_wait(l->journal, &barrier);

	struct baton_op *op = baton_queue_take(&l->done, NULL), *next;
	for (; op; op = next) {
		next = op->next;
		op_free(op);
	}
	lane_empty(l);
	baton_seal_done(&l->seal);
	atomic_fetch_sub(&l->journal->lanes, 1);
	baton_free(l);
	*lane = NULL;
}
