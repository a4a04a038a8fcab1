/* SPDX-License-Identifier: Apache-2.0 */

/* What fsck finds and what it mends. The damage is done through LMDB itself, on a journal that is
 * closed: rows of the indexes, records, links, keys. */
#include "tests/unit/journal_surgery.h"

enum { SESSIONS = 6, RECORDS = 100 };

struct findings {
	char text[16384];
	unsigned errors;
};

static void findings_add(void *ud, bool is_error, const char *line)
{
	struct findings *f = ud;
	size_t n = strlen(f->text);
	f->errors += is_error;
	if (is_error)
		snprintf(f->text + n, sizeof(f->text) - n, "%s\n", line);
}

static int check(struct kit *kit, bool repair, struct findings *f, struct baton_fsck_counts *counts)
{
	memset(f, 0, sizeof(*f));
	int rc = baton_journal_fsck(&kit->options, repair, findings_add, f, counts);
	assert_int_equal(f->errors, counts->errors);
	return rc;
}

/* fsck must say `what`, and no more than `errors_max` errors. */
static void assert_found(struct kit *kit, const char *what, unsigned errors_max)
{
	struct findings f;
	struct baton_fsck_counts counts;
	assert_int_equal(check(kit, false, &f, &counts), BATON_E_CORRUPT);
	if (!strstr(f.text, what) || f.errors > errors_max)
		fail_msg("expected \"%s\" in:\n%s", what, f.text);
}

static void assert_repaired(struct kit *kit)
{
	struct findings f;
	struct baton_fsck_counts counts;
	assert_int_equal(check(kit, true, &f, &counts), 0);
	assert_true(counts.repaired > 0);
	assert_int_equal(counts.repaired, counts.errors);
	assert_int_equal(check(kit, false, &f, &counts), 0);
	kit_open(kit);
	for (unsigned s = 0; s < SESSIONS; s++)
		assert_int_equal(kit_read(kit, s, 0, UINT64_MAX), RECORDS);
	assert_int_equal(kit_say(kit, 2, RECORDS, 0, 1), 0);
	kit_close(kit);
}

static void filled(struct kit *kit)
{
	kit_init(kit);
	kit_open(kit);
	for (uint64_t seq = 0; seq < RECORDS; seq += 10)
		for (unsigned s = 0; s < SESSIONS; s++)
			kit_append(kit, s, seq, 0, 10);
	kit_wait(kit);
	for (unsigned s = 0; s < SESSIONS; s++) {
		struct baton_id id = kit_id(s);
		baton_lane_snapshot_put(kit->lane, &id, 50, BATON_STR("state"));
	}
	baton_journal_put(kit->journal, BATON_STR("kv/a"), BATON_STR("b"));
	kit_close(kit);
}

/* --- damage ----------------------------------------------------------------------------------- */

/* Copies a row to another session's key. */
static void copy_row(const struct kit *kit, const char *table, unsigned from, unsigned to)
{
	struct surgery surgery;
	struct baton_id from_id = kit_id(from), to_id = kit_id(to);
	MDB_val key = { sizeof(from_id.b), from_id.b }, other = { sizeof(to_id.b), to_id.b }, value;
	uint8_t copy[4096];
	surgery_begin(&surgery, kit, table);
	assert_int_equal(mdb_get(surgery.txn, surgery.table, &key, &value), 0);
	memcpy(copy, value.mv_data, value.mv_size);
	value.mv_data = copy;
	assert_int_equal(mdb_put(surgery.txn, surgery.table, &other, &value, 0), 0);
	surgery_end(&surgery);
}

static void damage_slot(const struct kit *kit, uint32_t slot, const void *bytes, size_t n)
{
	char path[2 * KIT_PATH];
	snprintf(path, sizeof(path), "%s/keys", kit->path);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, bytes, n, (off_t)slot * 64), n);
	close(fd);
}

/* --- the tests -------------------------------------------------------------------------------- */

static void a_sound_journal_passes(void **state)
{
	struct kit kit;
	struct findings f;
	struct baton_fsck_counts counts;
	(void)state;
	filled(&kit);
	assert_int_equal(check(&kit, false, &f, &counts), 0);
	assert_int_equal(counts.sessions, SESSIONS);
	assert_int_equal(counts.records, SESSIONS * RECORDS);
	assert_int_equal(counts.errors, 0);
	assert_int_equal(check(&kit, true, &f, &counts), 0);
	assert_int_equal(counts.repaired, 0);
	kit_done(&kit);
}

static void a_journal_that_is_not_there_is_not_made(void **state)
{
	struct kit kit;
	struct baton_fsck_counts counts;
	(void)state;
	kit_init(&kit);
	assert_true(baton_journal_fsck(&kit.options, true, NULL, NULL, &counts) < 0);
	assert_int_equal(access(kit.key_path, F_OK), -1);
	kit_done(&kit);
}

static void damaged_and_missing_heads_are_found_and_mended(void **state)
{
	struct kit kit;
	(void)state;
	filled(&kit);
	damage_session(&kit, "heads", 1, 3);
	assert_found(&kit, "its head is damaged", 1);
	damage_session(&kit, "heads", 2, SIZE_MAX);
	assert_found(&kit, "has no head", 2);
	copy_row(&kit, "heads", 3, 77);
	assert_found(&kit, "has a head but no record", 3);
	assert_repaired(&kit);
	kit_done(&kit);
}

static void wrong_work_rows_are_found_and_mended(void **state)
{
	struct kit kit;
	(void)state;
	filled(&kit);
	damage_session(&kit, "work", 1, 8);
	assert_found(&kit, "its work row is damaged", 1);
	damage_session(&kit, "work", 2, SIZE_MAX);
	assert_found(&kit, "needs somebody but has no work row", 2);
	copy_row(&kit, "work", 3, 88);
	assert_found(&kit, "is said to need somebody but has no record", 3);
	assert_repaired(&kit);
	kit_done(&kit);
}

static void a_damaged_snapshot_is_found_and_dropped(void **state)
{
	struct kit kit;
	struct baton_id id = kit_id(1);
	struct baton_buf out = { 0 };
	uint64_t seq;
	(void)state;
	filled(&kit);
	damage_session(&kit, "snapshots", 1, 40);
	assert_found(&kit, "its snapshot does not open", 1);
	kit_open(&kit);
	assert_int_equal(baton_lane_snapshot_get(kit.lane, &id, &seq, &out), BATON_E_CORRUPT);
	kit_close(&kit);
	copy_row(&kit, "snapshots", 2, 3); /* another session's snapshot */
	assert_found(&kit, "its snapshot does not open", 2);
	assert_repaired(&kit);
	kit_open(&kit);
	assert_int_equal(baton_lane_snapshot_get(kit.lane, &id, &seq, &out), BATON_E_NOTFOUND);
	id = kit_id(4);
	assert_int_equal(baton_lane_snapshot_get(kit.lane, &id, &seq, &out), 0);
	baton_buf_done(&out);
	kit_done(&kit);
}

static void a_lost_index_position_is_mended(void **state)
{
	struct kit kit;
	struct baton_journal *journal;
	(void)state;
	filled(&kit);
	damage(&kit, "about", "indexed", 7, 2);
	assert_int_equal(baton_journal_open(&kit.options, &journal), BATON_E_CORRUPT);
	assert_found(&kit, "the position up to which it is true is damaged", 1);
	assert_repaired(&kit);
	kit_done(&kit);
}

static void a_wrong_link_is_found_and_mended(void **state)
{
	struct kit kit;
	struct baton_id id = kit_id(0);
	struct kit_reader r = { .session = 0, .next = 1 };
	(void)state;
	filled(&kit);
	damage_record(&kit, 305, 0); /* in a row with 301 to 306 */
	assert_found(&kit, "its links lead elsewhere", 1);
	kit_open(&kit);
	assert_int_equal(baton_lane_read(kit.lane, &id, 0, UINT64_MAX, kit_each, &r),
			 BATON_E_CORRUPT);
	kit_close(&kit);
	assert_repaired(&kit);
	kit_done(&kit);
}

/* Damage of records is found, told with its place, and not mended: there is nothing to mend it
 * from. */
static void damaged_records_are_found_and_their_session_refused(void **state)
{
	struct kit kit;
	struct findings f;
	struct baton_fsck_counts counts;
	(void)state;
	filled(&kit);
	damage_record(&kit, 14, 300); /* payload; session 1 has 11..20, and 11..16 are one row */
	assert_found(&kit, "record 16 ", 2);
	assert_found(&kit, "its seal is broken", 2);
	assert_int_equal(check(&kit, true, &f, &counts), BATON_E_CORRUPT);
	assert_int_equal(check(&kit, false, &f, &counts), BATON_E_CORRUPT);

	kit_open(&kit);
	assert_int_equal(kit_read(&kit, 0, 0, UINT64_MAX), RECORDS); /* the others are served */
	assert_int_equal(kit_read(&kit, 1, 0, UINT64_MAX), BATON_E_CORRUPT);
	assert_int_equal(kit_append(&kit, 1, RECORDS, 0, 1), BATON_E_CORRUPT);
	kit_done(&kit);
}

struct walk {
	unsigned told, errors;
};

static bool walk_each(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	(void)session;
	((struct walk *)ud)->told += record->payload.n > 0;
	return true;
}

static void a_follower_goes_on_behind_a_damaged_record(void **state)
{
	struct kit kit;
	struct walk walk = { 0 };
	uint64_t last = 0;
	(void)state;
	filled(&kit);
	damage_record(&kit, 100, 200); /* in one piece with 97 to 99 */
	damage_record(&kit, 101, 17);  /* with 102 to 106 */
	kit_open(&kit);
	while (last < SESSIONS * RECORDS) {
		uint64_t before = last;
		int64_t n = baton_journal_follow(kit.journal, last, 64, walk_each, &walk, &last);
		walk.errors += n == BATON_E_CORRUPT;
		assert_true(n > 0 || n == BATON_E_CORRUPT);
		assert_true(last > before);
	}
	assert_int_equal(walk.told, SESSIONS * RECORDS - 10);
	assert_int_equal(walk.errors, 2);
	kit_done(&kit);
}

static void a_gap_in_the_log_is_found(void **state)
{
	struct kit kit;
	(void)state;
	filled(&kit);
	damage_record(&kit, 200, SIZE_MAX);
	assert_found(&kit, "records 197 to 200 are missing", RECORDS);
	kit_done(&kit);
}

static void a_record_moved_to_another_place_is_found(void **state)
{
	struct kit kit;
	struct surgery surgery;
	uint64_t from = 16, to = 26; /* six records each, of sessions 1 and 2 */
	MDB_val key = { sizeof(from), &from }, other = { sizeof(to), &to }, value;
	uint8_t copy[4096];
	(void)state;
	filled(&kit);
	surgery_begin(&surgery, &kit, "log");
	assert_int_equal(mdb_get(surgery.txn, surgery.table, &key, &value), 0);
	memcpy(copy, value.mv_data, value.mv_size);
	value.mv_data = copy;
	assert_int_equal(mdb_put(surgery.txn, surgery.table, &other, &value, 0), 0);
	surgery_end(&surgery);
	assert_found(&kit, "its seq does not follow", RECORDS);
	kit_done(&kit);
}

static void a_cut_tail_is_found(void **state)
{
	struct kit kit;
	(void)state;
	filled(&kit);
	damage_record(&kit, SESSIONS * RECORDS, SIZE_MAX);
	assert_found(&kit, "the tail is lost", 4);
	struct baton_journal *journal;
	assert_int_equal(baton_journal_open(&kit.options, &journal), BATON_E_CORRUPT);
	kit_done(&kit);
}

static void a_missing_or_swapped_key_is_found(void **state)
{
	struct kit kit;
	uint8_t zeros[64] = { 0 }, slot[64];
	char path[2 * KIT_PATH];
	(void)state;
	filled(&kit);
	snprintf(path, sizeof(path), "%s/keys", kit.path);
	int fd = open(path, O_RDONLY);
	assert_int_equal(pread(fd, slot, sizeof(slot), 64 * 2), sizeof(slot));
	close(fd);
	damage_slot(&kit, 3, slot,
		    sizeof(slot)); /* the key of session 1 in the slot of session 2 */
	assert_found(&kit, "its key is missing or damaged", RECORDS + 1);
	damage_slot(&kit, 3, zeros, sizeof(zeros));
	assert_found(&kit, "its key is missing or damaged", RECORDS + 1);
	kit_open(&kit);
	assert_int_equal(kit_read(&kit, 2, 0, 10), BATON_E_CORRUPT);
	assert_int_equal(kit_read(&kit, 1, 0, 10), 10);
	kit_done(&kit);
}

static void a_damaged_value_is_found(void **state)
{
	struct kit kit;
	struct baton_buf out = { 0 };
	(void)state;
	filled(&kit);
	damage(&kit, "kv", "kv/a", 4, 8);
	assert_found(&kit, "the value of \"kv/a\" is damaged", 1);
	kit_open(&kit);
	assert_int_equal(baton_journal_get(kit.journal, BATON_STR("kv/a"), &out), BATON_E_CORRUPT);
	assert_int_equal(out.n, 0);
	kit_done(&kit);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_journal_passes),
		cmocka_unit_test(a_journal_that_is_not_there_is_not_made),
		cmocka_unit_test(damaged_and_missing_heads_are_found_and_mended),
		cmocka_unit_test(wrong_work_rows_are_found_and_mended),
		cmocka_unit_test(a_damaged_snapshot_is_found_and_dropped),
		cmocka_unit_test(a_lost_index_position_is_mended),
		cmocka_unit_test(a_wrong_link_is_found_and_mended),
		cmocka_unit_test(damaged_records_are_found_and_their_session_refused),
		cmocka_unit_test(a_follower_goes_on_behind_a_damaged_record),
		cmocka_unit_test(a_gap_in_the_log_is_found),
		cmocka_unit_test(a_record_moved_to_another_place_is_found),
		cmocka_unit_test(a_cut_tail_is_found),
		cmocka_unit_test(a_missing_or_swapped_key_is_found),
		cmocka_unit_test(a_damaged_value_is_found),
	};
	(void)argc;
	kit_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
