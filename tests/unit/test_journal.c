/* SPDX-License-Identifier: Apache-2.0 */

/* What the journal promises to those who append and read: order, durability over a reopen, the
 * comparison with the head, pipelining, followers, snapshots, work, erasure, growth. */
#include "core/journal/inside.h"
#include "tests/unit/journal_kit.h"

static void an_append_is_read_back_as_it_was_written(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	assert_int_equal(kit_say(&kit, 1, 0, 0, 3), 0);
	assert_int_equal(kit.position[0], 3);
	assert_int_equal(kit_say(&kit, 1, 3, 0, 1), 0);
	assert_int_equal(kit.position[1], 4);
	assert_int_equal(kit_read(&kit, 1, 0, 100), 4);
	assert_int_equal(kit_read(&kit, 1, 2, 100), 2);
	assert_int_equal(kit_read(&kit, 1, 2, 1), 1);
	assert_int_equal(kit_read(&kit, 1, 4, 100), 0);
	assert_int_equal(kit_read(&kit, 1, 400, UINT64_MAX), 0);
	assert_int_equal(kit_read(&kit, 2, 0, 100), BATON_E_NOTFOUND);
	assert_int_equal(baton_journal_last_position(kit.journal), 4);
	kit_done(&kit);
}

static void what_was_written_is_there_after_a_reopen(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	for (unsigned s = 0; s < 20; s++)
		for (uint64_t seq = 0; seq < 5; seq++)
			kit_append(&kit, s, seq, 0, 1);
	kit_wait(&kit);
	kit_close(&kit);
	kit_open(&kit);
	for (unsigned s = 0; s < 20; s++)
		assert_int_equal(kit_read(&kit, s, 0, 100), 5);
	assert_int_equal(kit_say(&kit, 3, 5, 0, 1), 0);
	assert_int_equal(kit_read(&kit, 3, 0, 100), 6);
	kit_done(&kit);
}

static void a_long_session_is_read_from_any_point(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	for (uint64_t seq = 0; seq < 3000; seq += 10) {
		kit_append(&kit, 1, seq, 0, 10);
		kit_append(&kit, 2 + (unsigned)seq, 0, 0, 1);
	}
	kit_wait(&kit);
	assert_int_equal(kit_read(&kit, 1, 0, UINT64_MAX), 3000);
	for (uint64_t after = 0; after < 3000; after += 61)
		assert_int_equal(kit_read(&kit, 1, after, 100),
				 3000 - after < 100 ? 3000 - after : 100);
	for (uint64_t edge = 60; edge < 70; edge++)
		assert_int_equal(kit_read(&kit, 1, edge, 1), 1);
	kit_done(&kit);
}

static void a_reader_may_stop_early(void **state)
{
	struct kit kit;
	struct kit_reader r = { .session = 1, .next = 1, .stop_after = 2 };
	struct baton_id id = kit_id(1);
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	kit_say(&kit, 1, 0, 0, 10);
	assert_int_equal(baton_lane_read(kit.lane, &id, 0, 10, kit_each, &r), 2);
	kit_done(&kit);
}

static void a_wrong_seq_or_epoch_is_a_conflict_of_that_append_alone(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	kit_say(&kit, 1, 0, 5, 2); /* epoch 5 after it is refused: a new session is at epoch 0 */
	assert_int_equal(kit.rc[0], BATON_E_CONFLICT);
	assert_int_equal(kit_say(&kit, 1, 0, 0, 2), 0);

	int64_t stale = kit_append(&kit, 1, 1, 0, 1);
	int64_t other = kit_append(&kit, 2, 0, 0, 1);
	int64_t ahead = kit_append(&kit, 1, 7, 0, 1);
	int64_t again = kit_append(&kit, 1, 0, 0, 1);
	int64_t right = kit_append(&kit, 1, 2, 0, 1);
	int64_t epoch = kit_append(&kit, 1, 3, 9, 1);
	kit_wait(&kit);
	assert_int_equal(kit.rc[stale], BATON_E_CONFLICT);
	assert_int_equal(kit.rc[ahead], BATON_E_CONFLICT);
	assert_int_equal(kit.rc[again], BATON_E_CONFLICT);
	assert_int_equal(kit.rc[epoch], BATON_E_CONFLICT);
	assert_int_equal(kit.rc[other], 0);
	assert_int_equal(kit.rc[right], 0);
	assert_int_equal(kit_read(&kit, 1, 0, 10), 3);

	struct baton_journal_stats stats;
	baton_journal_stats(kit.journal, &stats);
	assert_int_equal(stats.conflicts, 5);
	assert_int_equal(stats.records, 4);
	kit_done(&kit);
}

static void an_owner_of_an_old_epoch_is_refused(void **state)
{
	struct kit kit;
	struct baton_record record = {
		.seq = 2, .epoch = 1, .type = 3, .payload = BATON_STR("{}")
	};
	struct baton_append append = {
		.session = kit_id(1), .expected_seq = 1, .records = &record, .n_records = 1
	};
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	kit_say(&kit, 1, 0, 0, 1);
	assert_int_equal(baton_lane_append(kit.lane, &append, kit.next_ticket++),
			 0); /* epoch 0 -> 1 */
	kit_wait(&kit);
	assert_int_equal(kit.rc[1], 0);
	assert_int_equal(kit_say(&kit, 1, 2, 0, 1), BATON_E_CONFLICT);
	assert_int_equal(kit_say(&kit, 1, 2, 1, 1), 0);
	kit_close(&kit);
	kit_open(&kit);
	assert_int_equal(kit_say(&kit, 1, 3, 0, 1), BATON_E_CONFLICT);
	assert_int_equal(kit_say(&kit, 1, 3, 1, 1), 0);
	kit_done(&kit);
}

static void appends_may_be_pipelined_and_fail_together(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit.options.delay_commit_us = 2000; /* so that all but the first wait in one batch */
	kit_open(&kit);
	for (uint64_t seq = 0; seq < 64; seq++)
		assert_true(kit_append(&kit, 1, seq, 0, 1) >= 0);
	kit_wait(&kit);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(kit.rc[i], 0);

	int64_t bad =
		kit_append(&kit, 1, 64, 3, 1); /* wrong epoch; what is built on it fails, too */
	for (uint64_t seq = 65; seq < 70; seq++)
		kit_append(&kit, 1, seq, 3, 1);
	kit_wait(&kit);
	for (int64_t i = bad; i < bad + 6; i++)
		assert_int_equal(kit.rc[i], BATON_E_CONFLICT);
	assert_int_equal(kit_say(&kit, 1, 64, 0, 1), 0);
	assert_int_equal(kit_read(&kit, 1, 0, 100), 65);
	kit_done(&kit);
}

/* A retry is sealed while followers of the failed append are still on their way to fail. */
static void a_retry_behind_failed_followers_goes_through(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit.options.delay_commit_us = 1000;
	kit_open(&kit);
	assert_int_equal(kit_say(&kit, 1, 0, 0, 1), 0);
	for (unsigned round = 0; round < 20; round++) {
		uint64_t seq = 1 + 2 * round;
		int64_t first = kit_append(&kit, 1, seq, 9, 1); /* wrong epoch */
		kit_append(&kit, 1, seq + 1, 9, 1);
		while (kit.settled <= (uint64_t)first) {
			sem_wait(&kit.woken);
			baton_lane_poll(kit.lane);
		}
		int64_t retry = kit_append(&kit, 1, seq, 0, 1);
		kit_append(&kit, 1, seq + 1, 0, 1);
		kit_wait(&kit);
		assert_int_equal(kit.rc[retry], 0);
		assert_int_equal(kit.rc[retry + 1], 0);
	}
	assert_int_equal(kit_read(&kit, 1, 0, 100), 41);
	kit_done(&kit);
}

static void what_is_malformed_is_refused_at_once(void **state)
{
	struct kit kit;
	static char big[BATON_RECORD_BYTES_MAX];
	struct baton_record record = { .seq = 1, .payload = { big, sizeof(big) } };
	struct baton_append append = { .session = kit_id(1), .records = &record, .n_records = 1 };
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	assert_int_equal(baton_lane_append(kit.lane, &append, 0), BATON_E_TOO_BIG);
	record.payload.n = sizeof(big) - 132; /* what is around a record that lies alone */
	append.n_records = 0;
	assert_int_equal(baton_lane_append(kit.lane, &append, 0), BATON_E_INVAL);
	append.n_records = BATON_APPEND_RECORDS_MAX + 1;
	assert_int_equal(baton_lane_append(kit.lane, &append, 0), BATON_E_INVAL);
	append.n_records = 1;
	record.seq = 2;
	assert_int_equal(baton_lane_append(kit.lane, &append, 0), BATON_E_INVAL);
	record.seq = 1;
	assert_int_equal(baton_lane_append(kit.lane, &append, kit.next_ticket++),
			 0); /* the largest there is */
	kit_wait(&kit);
	assert_int_equal(kit.rc[0], 0);
	kit_done(&kit);
}

static void an_empty_payload_is_a_payload(void **state)
{
	struct kit kit;
	struct baton_record record = { .seq = 1, .type = 9, .marks = BATON_MARK_RESOLVED };
	struct baton_append append = { .session = kit_id(1), .records = &record, .n_records = 1 };
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	assert_int_equal(baton_lane_append(kit.lane, &append, kit.next_ticket++), 0);
	kit_wait(&kit);
	assert_int_equal(kit.rc[0], 0);
	assert_int_equal(kit_read(&kit, 1, 0, 10), 1);
	kit_done(&kit);
}

/* --- followers -------------------------------------------------------------------------------- */

struct follower {
	sem_t woken;
	uint64_t seen, empty, last_seq[64];
	bool wrong;
};

static bool follower_each(void *ud, const struct baton_id *session,
			  const struct baton_record *record)
{
	struct follower *f = ud;
	unsigned s;
	for (s = 0; s < 64; s++) {
		struct baton_id id = kit_id(s);
		if (baton_id_eq(&id, session))
			break;
	}
	if (s == 64 || record->seq != f->last_seq[s] + 1)
		f->wrong = true;
	else
		f->last_seq[s] = record->seq;
	f->seen++;
	f->empty += record->payload.n == 0;
	return true;
}

static void follower_wake(void *ud)
{
	sem_post(&((struct follower *)ud)->woken);
}

static void a_follower_sees_every_record_once_and_in_order(void **state)
{
	struct kit kit;
	struct follower f = { 0 };
	uint64_t last = 0;
	(void)state;
	sem_init(&f.woken, 0, 0);
	kit_init(&kit);
	kit_open(&kit);
	baton_journal_on_commit(kit.journal, 3, follower_wake, &f);
	for (uint64_t seq = 0; seq < 30; seq++)
		for (unsigned s = 0; s < 64; s++)
			kit_append(&kit, s, seq, 0, 1);
	while (last < 64 * 30) {
		uint64_t before = last;
		sem_wait(&f.woken);
		int64_t n = baton_journal_follow(kit.journal, last, 700, follower_each, &f, &last);
		assert_true(n >= 0 && n <= 700);
		assert_int_equal(last - before, n);
		if (last < baton_journal_last_position(kit.journal))
			sem_post(&f.woken);
	}
	assert_false(f.wrong);
	assert_int_equal(f.seen, 64 * 30);
	assert_int_equal(baton_journal_follow(kit.journal, last, 10, follower_each, &f, &last), 0);
	assert_int_equal(last, 64 * 30);
	baton_journal_on_commit(kit.journal, 3, NULL, NULL);
	kit_wait(&kit);
	kit_done(&kit);
}

/* --- snapshots, work, kv ---------------------------------------------------------------------- */

static void a_snapshot_is_there_after_a_reopen(void **state)
{
	struct kit kit;
	struct baton_id id = kit_id(1), nobody = kit_id(99);
	struct baton_buf out = { 0 };
	uint64_t seq = 0;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	kit_say(&kit, 1, 0, 0, 4);
	assert_int_equal(baton_lane_snapshot_get(kit.lane, &id, &seq, &out), BATON_E_NOTFOUND);
	assert_int_equal(baton_lane_snapshot_put(kit.lane, &nobody, 1, BATON_STR("x")),
			 BATON_E_NOTFOUND);
	assert_int_equal(baton_lane_snapshot_put(kit.lane, &id, 2, BATON_STR("state at two")), 0);
	assert_int_equal(baton_lane_snapshot_put(kit.lane, &id, 4, BATON_STR("state at four")), 0);
	kit_close(&kit);
	kit_open(&kit);
	assert_int_equal(baton_lane_snapshot_get(kit.lane, &id, &seq, &out), 0);
	assert_int_equal(seq, 4);
	assert_true(baton_str_is(baton_buf_view(&out), "state at four"));
	baton_lane_forget(kit.lane, &id);
	assert_int_equal(
		baton_lane_snapshot_put(kit.lane, &id, 9, BATON_STR("of records that never were")),
		0);
	kit_close(&kit);
	kit_open(&kit);
	baton_buf_reset(&out);
	assert_int_equal(baton_lane_snapshot_get(kit.lane, &id, &seq, &out), 0);
	assert_int_equal(seq, 4);
	baton_buf_done(&out);
	kit_done(&kit);
}

struct work_seen {
	unsigned n;
	uint32_t marks[64];
};

static bool work_each(void *ud, const struct baton_id *session, uint64_t seq, uint32_t marks)
{
	struct work_seen *seen = ud;
	for (unsigned s = 0; s < 64; s++) {
		struct baton_id id = kit_id(s);
		if (baton_id_eq(&id, session) && seq > 0)
			seen->marks[s] = marks;
	}
	seen->n++;
	return true;
}

static int say_marks(struct kit *kit, unsigned session, uint64_t seq, uint32_t marks)
{
	struct baton_record record = { .seq = seq + 1, .marks = marks, .payload = BATON_STR("{}") };
	struct baton_append append = {
		.session = kit_id(session), .expected_seq = seq, .records = &record, .n_records = 1
	};
	int64_t ticket = (int64_t)kit->next_ticket++;
	assert_int_equal(baton_lane_append(kit->lane, &append, (uint64_t)ticket), 0);
	kit_wait(kit);
	return kit->rc[ticket];
}

static void sessions_that_need_somebody_are_found_by_their_marks(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	say_marks(&kit, 1, 0, BATON_MARK_TURN_OPEN);
	say_marks(&kit, 2, 0, BATON_MARK_CASE_WAITING | BATON_MARK_TURN_OPEN);
	say_marks(&kit, 3, 0, 0);
	say_marks(&kit, 4, 0, BATON_MARK_CASE_CLAIMED);
	for (unsigned round = 0; round < 2; round++) { /* from memory, then from the index */
		struct work_seen turns = { 0 }, cases = { 0 };
		uint32_t mask = BATON_MARK_CASE_WAITING | BATON_MARK_CASE_CLAIMED;
		assert_int_equal(
			baton_journal_work(kit.journal, BATON_MARK_TURN_OPEN, work_each, &turns),
			0);
		assert_int_equal(turns.n, 2);
		assert_int_equal(turns.marks[1], BATON_MARK_TURN_OPEN);
		assert_int_equal(baton_journal_work(kit.journal, mask, work_each, &cases), 0);
		assert_int_equal(cases.n, 2);
		assert_int_equal(cases.marks[4], BATON_MARK_CASE_CLAIMED);
		kit_close(&kit);
		kit_open(&kit);
	}
	say_marks(&kit, 2, 1, BATON_MARK_RESOLVED); /* memory must win over the index's row */
	struct work_seen all = { 0 };
	assert_int_equal(baton_journal_work(kit.journal,
					    UINT32_MAX & ~(uint32_t)BATON_MARK_RESOLVED, work_each,
					    &all),
			 0);
	assert_int_equal(all.n, 2);
	assert_int_equal(all.marks[2], 0);
	kit_done(&kit);
}

static void small_values_are_kept(void **state)
{
	struct kit kit;
	struct baton_buf out = { 0 };
	char long_key[1024];
	(void)state;
	memset(long_key, 'k', sizeof(long_key));
	kit_init(&kit);
	kit_open(&kit);
	assert_int_equal(baton_journal_get(kit.journal, BATON_STR("cursor/pg"), &out),
			 BATON_E_NOTFOUND);
	assert_int_equal(baton_journal_put(kit.journal, BATON_STR("cursor/pg"), BATON_STR("17")),
			 0);
	assert_int_equal(baton_journal_put(kit.journal, BATON_STR("cursor/pg"), BATON_STR("18")),
			 0);
	assert_int_equal(baton_journal_put(kit.journal, BATON_STR("kv/x/empty"), BATON_STR_NONE),
			 0);
	assert_int_equal(baton_journal_put(kit.journal, (baton_str){ long_key, sizeof(long_key) },
					   BATON_STR("1")),
			 BATON_E_INVAL);
	assert_int_equal(baton_journal_put(kit.journal, BATON_STR_NONE, BATON_STR("1")),
			 BATON_E_INVAL);
	kit_close(&kit);
	kit_open(&kit);
	assert_int_equal(baton_journal_get(kit.journal, BATON_STR("cursor/pg"), &out), 0);
	assert_true(baton_str_is(baton_buf_view(&out), "18"));
	assert_int_equal(baton_journal_get(kit.journal, BATON_STR("kv/x/empty"), &out), 0);
	assert_int_equal(out.n, 2);
	baton_buf_done(&out);
	kit_done(&kit);
}

/* --- erasure ---------------------------------------------------------------------------------- */

/* True if the bytes occur in any file below the journal's directory. */
static bool anywhere_in_files(const struct kit *kit, const void *bytes, size_t n)
{
	static const char *const names[] = { "data.mdb", "keys", "lock.mdb", "lock" };
	bool found = false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[2 * KIT_PATH];
		struct stat st;
		snprintf(path, sizeof(path), "%s/%s", kit->path, names[i]);
		int fd = open(path, O_RDONLY);
		if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		char *text = malloc((size_t)st.st_size);
		ssize_t got = pread(fd, text, (size_t)st.st_size, 0);
		assert_int_equal(got, st.st_size);
		found = found || memmem(text, (size_t)got, bytes, n) != NULL;
		free(text);
		close(fd);
	}
	return found;
}

/* The session's wrapped key as it lies in its slot: the only session has slot 1. */
static void slot_read(const struct kit *kit, uint8_t slot[64])
{
	char path[2 * KIT_PATH];
	snprintf(path, sizeof(path), "%s/keys", kit->path);
	int fd = open(path, O_RDONLY);
	assert_int_equal(pread(fd, slot, 64, 64), 64);
	close(fd);
}

static void an_erased_session_leaves_neither_words_nor_key(void **state)
{
	struct kit kit;
	struct baton_id id = kit_id(1), nobody = kit_id(5);
	struct baton_buf out = { 0 };
	uint8_t slot[64];
	uint64_t seq;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	kit_say(&kit, 1, 0, 0, 5);
	kit_say(&kit, 2, 0, 0, 5);
	baton_lane_snapshot_put(kit.lane, &id, 5, BATON_STR("snapshot of session 1"));
	kit_close(&kit);
	kit_open(&kit);
	slot_read(&kit, slot);
	assert_true(anywhere_in_files(&kit, slot + 16, 48)); /* the search itself works */
	assert_int_equal(kit_read(&kit, 1, 0, 10), 5);       /* its key is now in every cache */
	assert_int_equal(kit_say(&kit, 1, 5, 0, 1), 0);

	assert_int_equal(baton_journal_erase(kit.journal, &nobody), BATON_E_NOTFOUND);
	assert_int_equal(baton_journal_erase(kit.journal, &id), 0);
	assert_int_equal(baton_journal_erase(kit.journal, &id), 0); /* again: nothing left to do */
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(kit_read(&kit, 1, 0, 10), BATON_E_ERASED);
		assert_int_equal(kit_read(&kit, 2, 0, 10), 5);
		assert_int_equal(kit_append(&kit, 1, 6, 0, 1), BATON_E_ERASED);
		assert_int_equal(baton_lane_snapshot_put(kit.lane, &id, 6, BATON_STR("x")),
				 BATON_E_ERASED);
		assert_int_equal(baton_lane_snapshot_get(kit.lane, &id, &seq, &out),
				 BATON_E_ERASED);
		assert_false(anywhere_in_files(&kit, slot + 4, 12));
		assert_false(anywhere_in_files(&kit, slot + 16, 32));
		assert_false(anywhere_in_files(&kit, "session 1 says", 14));
		assert_false(anywhere_in_files(&kit, "snapshot of session 1", 21));
		struct work_seen work = { 0 };
		assert_int_equal(
			baton_journal_work(kit.journal, BATON_MARK_TURN_OPEN, work_each, &work), 0);
		assert_int_equal(work.n, 1);
		kit_close(&kit);
		kit_open(&kit);
	}
	struct follower f = { 0 };
	assert_int_equal(baton_journal_follow(kit.journal, 0, 100, follower_each, &f, &seq), 11);
	assert_int_equal(f.empty, 6);
	assert_false(f.wrong);
	kit_close(&kit);

	struct baton_fsck_counts counts;
	assert_int_equal(baton_journal_fsck(&kit.options, false, NULL, NULL, &counts), 0);
	assert_int_equal(counts.erased, 1);
	assert_int_equal(counts.records, 11);
	kit_done(&kit);
}

static void words_are_never_in_clear_in_the_files(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	kit_say(&kit, 1, 0, 0, 5);
	assert_false(anywhere_in_files(&kit, "session 1 says", 14));
	kit_done(&kit);
}

/* The other lane has never met the session; the first has its key in a cache. */
static void other_lanes_learn_of_an_erasure(void **state)
{
	struct kit kit;
	struct baton_id id = kit_id(1);
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	kit_say(&kit, 1, 0, 0, 1);
	struct kit other; /* a second lane stands for the worker that does not know yet */
	struct baton_lane_events events = { .ud = &other,
					    .wake = kit_wake,
					    .committed = kit_committed };
	kit_use(&other, kit.root);
	assert_int_equal(baton_lane_open(kit.journal, &events, &other.lane), 0);
	assert_int_equal(baton_journal_erase(kit.journal, &id), 0);
	assert_int_equal(kit_append(&other, 1, 1, 0, 1), BATON_E_ERASED);
	assert_int_equal(kit_append(&kit, 1, 1, 0, 1), BATON_E_ERASED);
	baton_lane_close(&other.lane);
	kit_drop(&other);
	kit_done(&kit);
}

/* --- growth ----------------------------------------------------------------------------------- */

static void the_map_grows_under_load(void **state)
{
	struct kit kit;
	struct baton_journal_stats stats;
	(void)state;
	kit_init(&kit);
	kit.options.map_bytes = 1 << 20;
	kit_open(&kit);
	for (uint64_t seq = 0; seq < 4000; seq += 8) {
		for (unsigned s = 0; s < 4; s++)
			kit_append(&kit, s, seq, 0, 8);
		if (seq % 400 == 0)
			kit_wait(&kit);
	}
	kit_wait(&kit);
	for (uint64_t i = 0; i < kit.next_ticket; i++)
		assert_int_equal(kit.rc[i], 0);
	baton_journal_stats(kit.journal, &stats);
	assert_true(stats.map_bytes >= 16 << 20);
	assert_int_equal(stats.state, 0);
	for (unsigned s = 0; s < 4; s++)
		assert_int_equal(kit_read(&kit, s, 0, UINT64_MAX), 4000);
	kit_close(&kit);
	kit_open(&kit);
	assert_int_equal(kit_read(&kit, 3, 3990, UINT64_MAX), 10);
	kit_done(&kit);
}

static void at_the_maps_bound_appends_are_refused_and_reads_go_on(void **state)
{
	struct kit kit;
	struct baton_journal_stats stats;
	uint64_t seq = 0;
	int rc = 0;
	(void)state;
	kit_init(&kit);
	kit.options.map_bytes = 1 << 20;
	kit.options.map_bytes_max = 2 << 20;
	kit_open(&kit);
	kit_log_clear();
	for (; seq < 40000 && rc == 0; seq += 8)
		rc = kit_say(&kit, 1, seq, 0, 8);
	assert_int_equal(rc, BATON_E_FULL);
	baton_journal_stats(kit.journal, &stats);
	assert_int_equal(stats.state, BATON_E_FULL);
	assert_int_equal(stats.refused_full, 1);
	assert_int_equal(kit_say(&kit, 1, seq - 8, 0, 8), BATON_E_FULL);
	assert_int_equal(kit_log_said("journal_full"), 1);
	assert_int_equal(kit_read(&kit, 1, 0, UINT64_MAX), seq - 8);
	kit_close(&kit);

	kit.options.map_bytes_max = 4 << 20; /* the bound was raised: all goes on */
	kit_open(&kit);
	assert_int_equal(kit_say(&kit, 1, seq - 8, 0, 8), 0);
	assert_int_equal(kit_read(&kit, 1, 0, UINT64_MAX), seq);
	kit_done(&kit);
}

static void new_sessions_are_refused_before_the_disk_is_full(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	assert_int_equal(kit_say(&kit, 1, 0, 0, 1), 0);
	kit_close(&kit);
	kit.options.reserve_bytes = UINT64_MAX / 16;
	kit_open(&kit);
	assert_int_equal(kit_append(&kit, 2, 0, 0, 1), BATON_E_FULL);
	assert_int_equal(kit_say(&kit, 1, 1, 0, 1), 0);
	kit_done(&kit);
}

/* --- many threads ----------------------------------------------------------------------------- */

enum { LANES = 4, ROUNDS = 400 };

struct talker {
	struct baton_lane *lane;
	sem_t woken;
	unsigned first;
	uint64_t queued, settled, failed;
};

static void talker_wake(void *ud)
{
	sem_post(&((struct talker *)ud)->woken);
}

static void talker_committed(void *ud, uint64_t ticket, int rc, uint64_t position)
{
	struct talker *talker = ud;
	(void)position;
	talker->failed += rc != 0 || ticket != talker->settled;
	talker->settled++;
}

static bool talker_each(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct talker *talker = ud;
	struct baton_id id = kit_id(talker->first);
	talker->failed += !baton_id_eq(&id, session) || record->payload.n != 200;
	return true;
}

static void *talker_run(void *ud)
{
	struct talker *talker = ud;
	for (uint64_t seq = 0; seq < ROUNDS; seq++) {
		for (unsigned s = 0; s < 4; s++) {
			char text[200];
			struct baton_record record = { .seq = seq + 1,
						       .payload = { text, sizeof(text) } };
			struct baton_append append = { .session = kit_id(talker->first + s),
						       .expected_seq = seq,
						       .records = &record,
						       .n_records = 1 };
			kit_payload(text, sizeof(text), talker->first + s, seq + 1);
			talker->failed +=
				baton_lane_append(talker->lane, &append, talker->queued++) != 0;
		}
		if (seq % 16 != 15)
			continue;
		while (talker->settled < talker->queued) {
			sem_wait(&talker->woken);
			baton_lane_poll(talker->lane);
		}
		struct baton_id id = kit_id(talker->first);
		int64_t told =
			baton_lane_read(talker->lane, &id, seq - 4, 100, talker_each, talker);
		talker->failed += told != 5;
		talker->failed +=
			baton_lane_snapshot_put(talker->lane, &id, seq, BATON_STR("state")) != 0;
	}
	while (talker->settled < talker->queued) {
		sem_wait(&talker->woken);
		baton_lane_poll(talker->lane);
	}
	return NULL;
}

static void lanes_followers_and_readers_work_beside_each_other(void **state)
{
	struct kit kit;
	struct follower f = { 0 };
	struct talker talkers[LANES] = { 0 };
	pthread_t threads[LANES];
	uint64_t last = 0;
	(void)state;
	kit_init(&kit);
	kit.options.map_bytes = 1 << 20; /* it grows while they read */
	kit_open(&kit);
	sem_init(&f.woken, 0, 0);
	baton_journal_on_commit(kit.journal, 0, follower_wake, &f);
	for (unsigned i = 0; i < LANES; i++) {
		struct baton_lane_events events = { &talkers[i], talker_wake, talker_committed };
		talkers[i].first = i * 4;
		sem_init(&talkers[i].woken, 0, 0);
		assert_int_equal(baton_lane_open(kit.journal, &events, &talkers[i].lane), 0);
		pthread_create(&threads[i], NULL, talker_run, &talkers[i]);
	}
	while (last < LANES * 4 * ROUNDS) {
		struct work_seen work = { 0 };
		struct baton_journal_stats stats;
		sem_wait(&f.woken);
		while (baton_journal_follow(kit.journal, last, 300, follower_each, &f, &last) > 0) {
		}
		assert_int_equal(
			baton_journal_work(kit.journal, BATON_MARK_TURN_OPEN, work_each, &work), 0);
		assert_int_equal(
			baton_journal_put(kit.journal, BATON_STR("cursor/f"), BATON_STR("x")), 0);
		baton_journal_stats(kit.journal, &stats);
	}
	for (unsigned i = 0; i < LANES; i++) {
		pthread_join(threads[i], NULL);
		baton_lane_close(&talkers[i].lane);
		assert_int_equal(talkers[i].failed, 0);
		assert_int_equal(talkers[i].settled, 4 * ROUNDS);
		sem_destroy(&talkers[i].woken);
	}
	assert_false(f.wrong);
	for (unsigned s = 0; s < LANES * 4; s++)
		assert_int_equal(kit_read(&kit, s, 0, UINT64_MAX), ROUNDS);
	kit_done(&kit);
}

static void a_lane_may_close_with_appends_under_way(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit.options.delay_commit_us = 3000;
	kit_open(&kit);
	for (uint64_t seq = 0; seq < 50; seq++)
		kit_append(&kit, 1, seq, 0, 1);
	baton_lane_close(&kit.lane);
	assert_int_equal(kit.settled, 0);
	baton_journal_close(&kit.journal);
	kit_open(&kit);
	assert_int_equal(kit_read(&kit, 1, 0, 100), 50);
	kit_done(&kit);
}

static void what_a_lane_gathers_is_one_commit(void **state)
{
	struct kit kit;
	struct baton_journal_stats before, after;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	baton_lane_gather(kit.lane);
	baton_journal_stats(kit.journal, &before);
	for (uint64_t seq = 0; seq < 40; seq++)
		assert_true(kit_append(&kit, 1, seq, 0, 1) >= 0);
	baton_journal_stats(kit.journal, &after);
	assert_int_equal(after.queued, 40); /* counted, and not with the writer */
	baton_lane_flush(kit.lane);
	kit_wait(&kit);
	baton_journal_stats(kit.journal, &after);
	assert_int_equal(after.records - before.records, 40);
	assert_int_equal(after.commits - before.commits, 1);
	assert_int_equal(kit_read(&kit, 1, 0, 100), 40);
	kit_done(&kit);
}

static void nobody_has_to_hand_in_what_is_a_good_commit(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	baton_lane_gather(kit.lane);
	for (uint64_t seq = 0; seq < 200; seq++)
		assert_true(kit_append(&kit, 1, seq, 0, 1) >= 0);
	while (kit.settled < 128) {
		sem_wait(&kit.woken);
		baton_lane_poll(kit.lane);
	}
	baton_lane_close(&kit.lane); /* the rest goes with the lane */
	baton_journal_close(&kit.journal);
	kit_open(&kit);
	assert_int_equal(kit_read(&kit, 1, 0, 1000), 200);
	kit_done(&kit);
}

static void wait_for(struct kit *kit, int64_t ticket)
{
	while (kit->settled <= (uint64_t)ticket) {
		sem_wait(&kit->woken);
		baton_lane_poll(kit->lane);
	}
}

/* What is gathered is sealed later: behind what has become of the session meanwhile. */
static void what_was_gathered_behind_a_failure_fails_and_a_retry_goes_through(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	assert_int_equal(kit_say(&kit, 1, 0, 0, 1), 0);
	baton_lane_gather(kit.lane);
	int64_t refused = kit_append(&kit, 1, 1, 9, 1); /* wrong epoch */
	baton_lane_flush(kit.lane);
	int64_t behind = kit_append(&kit, 1, 2, 9, 1);
	wait_for(&kit, refused);
	int64_t retry = kit_append(&kit, 1, 1, 0, 2), next = kit_append(&kit, 1, 3, 0, 1);
	baton_lane_flush(kit.lane);
	wait_for(&kit, next);
	assert_int_equal(kit.rc[refused], BATON_E_CONFLICT);
	assert_int_equal(kit.rc[behind], BATON_E_CONFLICT);
	assert_int_equal(kit.rc[retry], 0);
	assert_int_equal(kit.rc[next], 0);
	assert_int_equal(kit_read(&kit, 1, 0, 100), 4);
	kit_done(&kit);
}

static void what_was_gathered_before_an_erasure_is_refused(void **state)
{
	struct kit kit;
	struct baton_id session = kit_id(1);
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	assert_int_equal(kit_say(&kit, 1, 0, 0, 1), 0);
	baton_lane_gather(kit.lane);
	int64_t late = kit_append(&kit, 1, 1, 0, 1);
	assert_int_equal(baton_journal_erase(kit.journal, &session), 0);
	baton_lane_poll(kit.lane); /* drops the key at hand */
	int64_t other = kit_append(&kit, 2, 0, 0, 1);
	baton_lane_flush(kit.lane);
	wait_for(&kit, other);
	assert_int_equal(kit.rc[late], BATON_E_ERASED);
	assert_int_equal(kit.rc[other], 0);
	kit_done(&kit);
}

static void a_session_that_is_still_gathered_may_have_a_snapshot(void **state)
{
	struct kit kit;
	struct baton_buf out = { NULL, 0, 0 };
	struct baton_id session = kit_id(1);
	uint64_t seq = 0;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	baton_lane_gather(kit.lane);
	int64_t first = kit_append(&kit, 1, 0, 0, 3);
	assert_int_equal(baton_lane_snapshot_put(kit.lane, &session, 3, BATON_STR("state")), 0);
	baton_lane_flush(kit.lane);
	wait_for(&kit, first);
	baton_lane_close(&kit.lane);
	baton_journal_close(&kit.journal);
	kit_open(&kit);
	assert_int_equal(baton_lane_snapshot_get(kit.lane, &session, &seq, &out), 0);
	assert_int_equal(seq, 3);
	assert_true(baton_str_is(baton_buf_view(&out), "state"));
	baton_buf_done(&out);
	kit_done(&kit);
}

static void a_lane_knows_no_more_sessions_than_its_bound(void **state)
{
	enum { ALL = BATON_LANE_ENTRIES + 600, AT_ONCE = 200 };
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	for (unsigned s = 0; s < ALL; s++) {
		assert_true(kit_append(&kit, s, 0, 0, 1) >= 0);
		if (s % AT_ONCE == AT_ONCE - 1)
			kit_wait(&kit);
		assert_true(kit.lane->entries.n <= BATON_LANE_ENTRIES + AT_ONCE);
	}
	kit_wait(&kit);
	assert_int_equal(kit_say(&kit, ALL, 0, 0, 1), 0);
	assert_true(kit.lane->entries.n <= BATON_LANE_ENTRIES);
	for (unsigned s = 0; s < 40; s++) /* the first were forgotten */
		assert_int_equal(kit_say(&kit, s, 1, 0, 1), 0);
	assert_int_equal(kit_read(&kit, 0, 0, 10), 2);
	kit_done(&kit);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_append_is_read_back_as_it_was_written),
		cmocka_unit_test(what_was_written_is_there_after_a_reopen),
		cmocka_unit_test(a_long_session_is_read_from_any_point),
		cmocka_unit_test(a_reader_may_stop_early),
		cmocka_unit_test(a_wrong_seq_or_epoch_is_a_conflict_of_that_append_alone),
		cmocka_unit_test(an_owner_of_an_old_epoch_is_refused),
		cmocka_unit_test(appends_may_be_pipelined_and_fail_together),
		cmocka_unit_test(a_retry_behind_failed_followers_goes_through),
		cmocka_unit_test(what_is_malformed_is_refused_at_once),
		cmocka_unit_test(an_empty_payload_is_a_payload),
		cmocka_unit_test(a_follower_sees_every_record_once_and_in_order),
		cmocka_unit_test(a_snapshot_is_there_after_a_reopen),
		cmocka_unit_test(sessions_that_need_somebody_are_found_by_their_marks),
		cmocka_unit_test(small_values_are_kept),
		cmocka_unit_test(an_erased_session_leaves_neither_words_nor_key),
		cmocka_unit_test(words_are_never_in_clear_in_the_files),
		cmocka_unit_test(other_lanes_learn_of_an_erasure),
		cmocka_unit_test(the_map_grows_under_load),
		cmocka_unit_test(at_the_maps_bound_appends_are_refused_and_reads_go_on),
		cmocka_unit_test(new_sessions_are_refused_before_the_disk_is_full),
		cmocka_unit_test(lanes_followers_and_readers_work_beside_each_other),
		cmocka_unit_test(a_lane_may_close_with_appends_under_way),
		cmocka_unit_test(what_a_lane_gathers_is_one_commit),
		cmocka_unit_test(nobody_has_to_hand_in_what_is_a_good_commit),
		cmocka_unit_test(what_was_gathered_behind_a_failure_fails_and_a_retry_goes_through),
		cmocka_unit_test(what_was_gathered_before_an_erasure_is_refused),
		cmocka_unit_test(a_session_that_is_still_gathered_may_have_a_snapshot),
		cmocka_unit_test(a_lane_knows_no_more_sessions_than_its_bound),
	};
	(void)argc;
	kit_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
