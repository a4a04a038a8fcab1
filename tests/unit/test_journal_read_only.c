/* SPDX-License-Identifier: Apache-2.0 */

/* What a journal promises that is opened read only, beside a process that writes it. LMDB allows
 * one environment per process, so each writer is a child: this binary, started as `what root`. It
 * tells what it has done through a pipe and waits there when nobody reads. */
#include "core/journal/inside.h"
#include "tests/unit/journal_kit.h"

enum { SESSIONS = 50 };

/* What a child tells: the session's newest acknowledged seq. */
struct told {
	uint64_t session, seq;
};

/* --- children --------------------------------------------------------------------------------- */

static void tell(uint64_t session, uint64_t seq)
{
	struct told told = { session, seq };
	if (write(1, &told, sizeof(told)) != (ssize_t)sizeof(told))
		_exit(3);
}

/* Appends to many sessions, for ever; each acknowledgement is told. */
static void child_writes(struct kit *kit)
{
	uint64_t seq[SESSIONS] = { 0 };
	for (uint64_t i = 0; kit->next_ticket + 2 < KIT_TICKETS; i++) {
		unsigned s = (unsigned)(i * 7 % SESSIONS), n = 1 + (unsigned)(i % 3);
		if (kit_say(kit, s, seq[s], 0, n) != 0)
			_exit(4);
		seq[s] += n;
		tell(s, seq[s]);
	}
	_exit(5);
}

/* Dies with a tail that no index knows. */
static void child_dies(struct kit *kit)
{
	kit->dies_at = 4 * SESSIONS;
	for (unsigned s = 0; s < SESSIONS; s++)
		kit_append(kit, s, 0, 0, 4);
	kit_wait(kit);
}

/* One of each kind, then stays open. */
static void child_shows(struct kit *kit)
{
	struct baton_id id = kit_id(1), gone = kit_id(2);
	struct baton_buf out = { 0 };
	uint64_t seq = 0, snapshot_seq = 0;
	for (unsigned s = 1; s <= 3; s++)
		if (kit_say(kit, s, 0, 0, 1) != 0)
			_exit(4);
	if (baton_journal_put(kit->journal, BATON_STR("cursor/x"), BATON_STR("42")) != 0 ||
	    baton_lane_snapshot_put(kit->lane, &id, 1, BATON_STR("the state")) != 0)
		_exit(4);
	for (seq = 1; baton_lane_snapshot_get(kit->lane, &id, &snapshot_seq, &out) != 0; seq++)
		if (kit_say(kit, 1, seq, 0, 1) != 0)
			_exit(4);
	baton_buf_done(&out);
	tell(1, seq);
	tell(2, 1);
	if (kit_say(kit, 2, 1, 0, 1) != 0 || baton_journal_erase(kit->journal, &gone) != 0)
		_exit(4);
	tell(2, 0);
	for (;;)
		pause();
}

/* A reader that is killed in the middle. */
static void child_looks(struct kit *kit)
{
	MDB_txn *txn;
	if (baton_store_look(&kit->journal->store, &txn) != 0)
		_exit(4);
	tell(0, 0);
	for (;;)
		pause();
}

static int child(const char *what, const char *root)
{
	static struct kit kit;
	kit_use(&kit, root);
	kit.options.map_bytes = 1 << 20; /* so that it grows while the other reads */
	kit.options.read_only = !strcmp(what, "looks");
	if (kit_try_open(&kit) != 0)
		return 2;
	if (!strcmp(what, "writes"))
		child_writes(&kit);
	else if (!strcmp(what, "dies"))
		child_dies(&kit);
	else if (!strcmp(what, "shows"))
		child_shows(&kit);
	else
		child_looks(&kit);
	return 0;
}

/* --- what the tests share --------------------------------------------------------------------- */

static pid_t begin(struct kit *kit, const char *what, int *ret_fd)
{
	kit_init(kit);
	kit->options.read_only = true;
	kit->options.map_bytes = 1 << 20;
	return kit_spawn(what, kit->root, NULL, ret_fd);
}

static struct told next_told(int fd)
{
	struct told told = { 0 };
	assert_int_equal(read(fd, &told, sizeof(told)), sizeof(told));
	return told;
}

static void end(pid_t pid, int fd)
{
	kill(pid, SIGKILL);
	assert_int_equal(kit_reap(pid), -SIGKILL);
	close(fd);
}

struct followed {
	uint64_t n, empty;
};

static bool follow_each(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct followed *followed = ud;
	(void)session;
	followed->n++;
	followed->empty += record->payload.n == 0;
	return true;
}

struct worked {
	uint64_t n;
	bool saw_second;
};

static bool work_each(void *ud, const struct baton_id *session, uint64_t seq, uint32_t marks)
{
	struct baton_id second = kit_id(2);
	struct worked *worked = ud;
	assert_int_equal(marks, BATON_MARK_TURN_OPEN);
	assert_true(seq > 0);
	worked->n++;
	worked->saw_second |= baton_id_eq(session, &second);
	return true;
}

/* --- tests ------------------------------------------------------------------------------------ */

/* From a map of 1 MiB over several growths, with the index written now and then. */
static void a_reader_sees_all_that_another_process_has_acknowledged(void **state)
{
	enum { READS = 4000 };
	struct kit kit;
	struct baton_journal_stats stats;
	int fd;
	uint64_t lagging = 0, grown = 0, seen = 0, told_n = 0;
	(void)state;
	pid_t pid = begin(&kit, "writes", &fd);
	next_told(fd);
	kit_open(&kit);
	for (int i = 0; i < READS; i++) {
		struct told told = next_told(fd);
		told_n = told.seq;
		int64_t n = kit_read(&kit, (unsigned)told.session, told.seq - 1, UINT64_MAX);
		assert_true(n >= 1);
		if (i % 100)
			continue;
		assert_true(kit_read(&kit, (unsigned)told.session, 0, UINT64_MAX) >=
			    (int64_t)told.seq);
		baton_journal_stats(kit.journal, &stats);
		uint64_t last = baton_journal_last_position(kit.journal);
		assert_true(last >= seen);
		grown += last > seen;
		seen = last;
		lagging += stats.index_lag > 0;
		kit_close(&kit); /* an open looks at pages that are being replaced */
		kit_open(&kit);
	}
	assert_true(told_n > 1);
	assert_true(lagging > 0);
	assert_true(grown > 2); /* not each time: the pipe lets the writer run ahead */
	assert_true(stats.map_bytes > 2 << 20);
	end(pid, fd);
	kit_done(&kit);
}

static void a_tail_that_a_killed_writer_has_not_indexed_is_read(void **state)
{
	struct kit kit;
	struct baton_journal_stats stats;
	struct baton_id id = kit_id(SESSIONS);
	uint64_t snapshot_seq;
	struct baton_buf out = { 0 };
	int fd;
	(void)state;
	pid_t pid = begin(&kit, "dies", &fd);
	assert_int_equal(kit_reap(pid), -SIGKILL);
	close(fd);
	for (int again = 0; again < 2; again++) { /* reading has changed nothing */
		kit_open(&kit);
		baton_journal_stats(kit.journal, &stats);
		assert_true(stats.index_lag > 0);
		assert_int_equal(baton_journal_last_position(kit.journal), 4 * SESSIONS);
		for (unsigned s = 0; s < SESSIONS; s++) {
			assert_int_equal(kit_read(&kit, s, 0, 100), 4);
			assert_int_equal(kit_read(&kit, s, 3, 100), 1);
		}
		assert_int_equal(kit_read(&kit, SESSIONS, 0, 100), BATON_E_NOTFOUND);
		assert_int_equal(baton_lane_snapshot_get(kit.lane, &id, &snapshot_seq, &out),
				 BATON_E_NOTFOUND);
		struct worked work = { 0 };
		assert_int_equal(
			baton_journal_work(kit.journal, BATON_MARK_TURN_OPEN, work_each, &work), 0);
		assert_int_equal(work.n, SESSIONS);
		kit_close(&kit);
	}
	kit.options.read_only = false; /* and a start finds all of it */
	kit_open(&kit);
	assert_int_equal(kit_read(&kit, 7, 0, 100), 4);
	kit_done(&kit);
}

static void snapshots_values_work_followers_and_erasures_are_seen(void **state)
{
	struct kit kit;
	struct followed followed = { 0 };
	struct baton_id id = kit_id(1);
	struct baton_buf out = { 0 };
	struct worked work = { 0 };
	uint64_t snapshot_seq = 0, last = 0;
	int fd;
	(void)state;
	pid_t pid = begin(&kit, "shows", &fd);
	struct told one = next_told(fd);
	next_told(fd);
	kit_open(&kit);
	int64_t before = kit_read(&kit, 2, 0, 100); /* the reader has had its key */
	assert_true(before >= 1 || before == BATON_E_ERASED);
	assert_int_equal(next_told(fd).seq, 0);
	assert_int_equal(kit_read(&kit, 2, 0, 100), BATON_E_ERASED);
	assert_int_equal(kit_read(&kit, 1, 0, UINT64_MAX), one.seq);

	assert_int_equal(baton_lane_snapshot_get(kit.lane, &id, &snapshot_seq, &out), 0);
	assert_int_equal(snapshot_seq, 1);
	assert_true(baton_str_eq(baton_buf_view(&out), BATON_STR("the state")));
	baton_buf_reset(&out);
	assert_int_equal(baton_journal_get(kit.journal, BATON_STR("cursor/x"), &out), 0);
	assert_true(baton_str_eq(baton_buf_view(&out), BATON_STR("42")));
	baton_buf_done(&out);

	int64_t n = baton_journal_follow(kit.journal, 0, UINT64_MAX, follow_each, &followed, &last);
	assert_int_equal(n, one.seq + 2 + 1);
	assert_int_equal(followed.n, n);
	assert_int_equal(followed.empty, 2);
	assert_int_equal(last, baton_journal_last_position(kit.journal));
	assert_int_equal(baton_journal_work(kit.journal, BATON_MARK_TURN_OPEN, work_each, &work),
			 0);
	assert_int_equal(work.n, 2);
	assert_false(work.saw_second); /* erased */
	end(pid, fd);
	kit_done(&kit);
}

static void every_call_that_writes_is_refused(void **state)
{
	struct kit kit;
	struct baton_id id = kit_id(0);
	int fd;
	(void)state;
	pid_t pid = begin(&kit, "dies", &fd);
	assert_int_equal(kit_reap(pid), -SIGKILL);
	close(fd);
	kit_open(&kit);
	uint64_t last = baton_journal_last_position(kit.journal);
	assert_int_equal(kit_append(&kit, 0, 4, 0, 1), BATON_E_UNSUPPORTED);
	assert_int_equal(kit_append(&kit, 1000, 0, 0, 1), BATON_E_UNSUPPORTED);
	assert_int_equal(baton_lane_snapshot_put(kit.lane, &id, 1, BATON_STR("x")),
			 BATON_E_UNSUPPORTED);
	assert_int_equal(baton_journal_put(kit.journal, BATON_STR("k"), BATON_STR("v")),
			 BATON_E_UNSUPPORTED);
	assert_int_equal(baton_journal_erase(kit.journal, &id), BATON_E_UNSUPPORTED);
	baton_lane_poll(kit.lane);
	baton_lane_forget(kit.lane, &id);
	assert_int_equal(baton_journal_last_position(kit.journal), last);
	assert_int_equal(kit_read(&kit, 0, 0, 100), 4);
	kit_done(&kit);
}

static void a_server_may_start_beside_a_reader(void **state)
{
	struct kit kit;
	int fd;
	(void)state;
	pid_t pid = begin(&kit, "dies", &fd);
	assert_int_equal(kit_reap(pid), -SIGKILL);
	close(fd);
	kit_open(&kit);
	uint64_t last = baton_journal_last_position(kit.journal);
	pid = kit_spawn("shows", kit.root, NULL, &fd); /* its sessions are there: it ends */
	assert_int_equal(kit_reap(pid), 4);
	close(fd);
	assert_int_equal(baton_journal_last_position(kit.journal), last);
	assert_int_equal(kit_read(&kit, 0, 0, 100), 4);
	kit_done(&kit);
}

static void nothing_is_created_and_nothing_cut_off_is_mapped(void **state)
{
	struct kit kit;
	struct stat st;
	char file[2 * KIT_PATH];
	int fd;
	(void)state;
	pid_t pid = begin(&kit, "dies", &fd);
	assert_int_equal(kit_reap(pid), -SIGKILL);
	close(fd);

	char key[2 * KIT_PATH];
	snprintf(key, sizeof(key), "%s.away", kit.key_path);
	assert_int_equal(rename(kit.key_path, key), 0);
	assert_int_equal(kit_try_open(&kit), BATON_E_DENIED);
	assert_int_equal(stat(kit.key_path, &st), -1);
	assert_int_equal(rename(key, kit.key_path), 0);

	snprintf(file, sizeof(file), "%s/data.mdb", kit.path);
	assert_int_equal(truncate(file, 3 * 4096), 0);
	kit_log_clear();
	assert_int_equal(kit_try_open(&kit), BATON_E_CORRUPT);
	assert_int_equal(kit_log_said("it was cut off"), 1);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(kit_try_open(&kit), BATON_E_NOTFOUND);
	assert_int_equal(stat(file, &st), -1);

	kit_remove(kit.path);
	assert_int_equal(kit_try_open(&kit), BATON_E_NOTFOUND);
	assert_int_equal(stat(kit.path, &st), -1);
	kit_remove(kit.root);
	kit_drop(&kit);
}

static void a_reader_that_was_killed_is_forgotten(void **state)
{
	struct kit kit;
	int fd;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	kit_say(&kit, 1, 0, 0, 1);
	pid_t pid = kit_spawn("looks", kit.root, NULL, &fd);
	next_told(fd);
	assert_int_equal(baton_store_sweep(&kit.journal->store), 0); /* alive: it counts */
	end(pid, fd);
	assert_int_equal(baton_store_sweep(&kit.journal->store), 1);
	kit_done(&kit);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_sees_all_that_another_process_has_acknowledged),
		cmocka_unit_test(a_tail_that_a_killed_writer_has_not_indexed_is_read),
		cmocka_unit_test(snapshots_values_work_followers_and_erasures_are_seen),
		cmocka_unit_test(every_call_that_writes_is_refused),
		cmocka_unit_test(a_server_may_start_beside_a_reader),
		cmocka_unit_test(nothing_is_created_and_nothing_cut_off_is_mapped),
		cmocka_unit_test(a_reader_that_was_killed_is_forgotten),
	};
	kit_main(argv);
	if (argc == 3)
		return child(argv[1], argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
