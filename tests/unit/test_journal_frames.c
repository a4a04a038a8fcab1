/* SPDX-License-Identifier: Apache-2.0 */

/* Several records in one row of the log: reading that begins or ends inside of one, damage to one,
 * and journals whose older rows are of schema 1, with a record each. Those are written here by
 * hand, as the version wrote them that knew nothing else. */
#include "core/journal/bytes.h"
#include "core/journal/inside.h"
#include "tests/unit/journal_surgery.h"

enum { SESSIONS = 4, OLD_RECORDS = 150, NEW_RECORDS = 48 };

/* Queues `n` records of `bytes` each behind `seq`. */
static void say(struct kit *kit, unsigned session, uint64_t seq, unsigned n, size_t bytes)
{
	static char text[BATON_APPEND_RECORDS_MAX][4096];
	struct baton_record records[BATON_APPEND_RECORDS_MAX] = { 0 };
	struct baton_append append = {
		.session = kit_id(session), .expected_seq = seq, .records = records, .n_records = n
	};
	for (unsigned i = 0; i < n; i++) {
		records[i].seq = seq + 1 + i;
		records[i].unix_ms = 1700000000000 + seq + i;
		records[i].type = (uint32_t)(100 + seq + 1 + i);
		records[i].marks = i + 1 == n ? BATON_MARK_HELD : BATON_MARK_TURN_OPEN;
		records[i].payload =
			(baton_str){ text[i], kit_payload(text[i], bytes, session, seq + 1 + i) };
	}
	assert_int_equal(baton_lane_append(kit->lane, &append, kit->next_ticket), 0);
	kit->next_ticket++;
}

/* Appends of all lengths: in one row, in several, and records that have a row alone. */
static uint64_t say_many(struct kit *kit, unsigned session)
{
	static const size_t bytes[] = { 64, 300, 4096, 700, 64, 2030 };
	uint64_t seq = 0;
	for (unsigned i = 0; seq < 400; i++) {
		unsigned n = 1 + i * 5 % BATON_APPEND_RECORDS_MAX;
		say(kit, session, seq, n, bytes[i % 6]);
		seq += n;
	}
	kit_wait(kit);
	return seq;
}

static void what_was_appended_together_is_read_from_any_point(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	uint64_t n = say_many(&kit, 1);
	for (int reopened = 0; reopened < 2; reopened++) {
		for (uint64_t after = 0; after <= n; after++) {
			assert_int_equal(kit_read(&kit, 1, after, UINT64_MAX), n - after);
			for (uint64_t max = 1; max < 40; max += 9)
				assert_int_equal(kit_read(&kit, 1, after, max),
						 n - after < max ? n - after : max);
		}
		kit_close(&kit);
		kit_open(&kit);
	}
	kit_done(&kit);
}

static bool nothing_wanted(void *ud, const struct baton_id *session,
			   const struct baton_record *record)
{
	(void)session;
	*(uint64_t *)ud = record->seq;
	return false;
}

static void a_follower_begins_and_ends_inside_of_a_row(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	uint64_t n = say_many(&kit, 1), seq = 0, last = 0;
	assert_int_equal(baton_journal_last_position(kit.journal), n);
	for (uint64_t max = 1; max < 20; max += 3) {
		struct kit_reader r = { .session = 1, .next = 1 };
		for (last = 0; last < n;) {
			uint64_t before = last, want = n - last < max ? n - last : max;
			assert_int_equal(
				baton_journal_follow(kit.journal, last, max, kit_each, &r, &last),
				want);
			assert_int_equal(last, before + want);
		}
		assert_false(r.wrong);
		assert_int_equal(r.told, n);
	}
	for (uint64_t after = 0; after < n; after++) {
		assert_int_equal(
			baton_journal_follow(kit.journal, after, 100, nothing_wanted, &seq, &last),
			1);
		assert_int_equal(seq, after + 1);
		assert_int_equal(last, after + 1);
	}
	kit_done(&kit);
}

static bool header_each(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	uint64_t *told = ud;
	(void)session;
	++*told;
	assert_int_equal(record->seq, *told);
	assert_int_equal(record->type, 100 + record->seq);
	assert_int_equal(record->unix_ms, 1700000000000 + record->seq - 1);
	assert_int_equal(record->marks, record->seq % 4 ? BATON_MARK_TURN_OPEN : BATON_MARK_HELD);
	return true;
}

static void each_record_of_a_row_keeps_its_own_header(void **state)
{
	struct kit kit;
	struct baton_id id = kit_id(1);
	uint64_t told = 0, last = 0;
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	for (uint64_t seq = 0; seq < 40; seq += 4)
		say(&kit, 1, seq, 4, 80);
	kit_wait(&kit);
	assert_int_equal(baton_lane_read(kit.lane, &id, 0, UINT64_MAX, header_each, &told), 40);
	/* Also without the words, when those are gone. */
	assert_int_equal(baton_journal_erase(kit.journal, &id), 0);
	told = 0;
	assert_int_equal(baton_journal_follow(kit.journal, 0, 100, header_each, &told, &last), 40);
	kit_done(&kit);
}

/* --- damage ----------------------------------------------------------------------------------- */

struct heard {
	uint64_t told, errors;
};

static bool heard_each(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	(void)session;
	(void)record;
	((struct heard *)ud)->told++;
	return true;
}

/* Whatever is changed in a row of ten records, none of them is told, and all others are. */
static void a_damaged_row_is_refused_whole_and_nothing_else_with_it(void **state)
{
	struct kit kit;
	struct baton_fsck_counts counts;
	enum { ROW = BATON_STORED_EXTRA + 9 * BATON_EVENT_BYTES + 10 * 100 };
	(void)state;
	kit_init(&kit);
	kit_open(&kit);
	for (uint64_t seq = 0; seq < 30; seq += 10)
		for (unsigned s = 1; s <= 2; s++)
			say(&kit, s, seq, 10, 100);
	kit_close(&kit);
	for (size_t at = BATON_LINKS_BYTES; at < ROW; at += at < 400 ? 3 : 97) {
		struct heard heard = { 0 };
		damage_record(&kit, 25, at);
		assert_int_equal(baton_journal_fsck(&kit.options, false, NULL, NULL, &counts),
				 BATON_E_CORRUPT);
		assert_int_equal(counts.records, 60);
		kit_open(&kit);
		assert_int_equal(kit_read(&kit, 2, 0, UINT64_MAX), 30);
		assert_int_equal(kit_read(&kit, 1, 0, UINT64_MAX), BATON_E_CORRUPT);
		for (uint64_t last = 0; last < 60;) {
			uint64_t before = last;
			heard.errors += baton_journal_follow(kit.journal, last, 7, heard_each,
							     &heard, &last) < 0;
			assert_true(last > before);
		}
		/* A session that is not there has no key, so the words do not matter. */
		assert_int_equal(heard.told, 50);
		assert_int_equal(heard.errors, 1);
		kit_close(&kit);
		damage_record(&kit, 25, at); /* turns it back */
	}
	assert_int_equal(baton_journal_fsck(&kit.options, false, NULL, NULL, &counts), 0);
	kit_open(&kit);
	kit_done(&kit);
}

/* --- journals of schema 1 --------------------------------------------------------------------- */

struct old_session {
	struct baton_id id;
	struct baton_key_row row;
	uint8_t key[BATON_KEY_BYTES], hash[BATON_HASH_BYTES];
	uint64_t position, skip_position;
};

/* The row of the session's record `seq`; its length. */
static size_t old_row(struct baton_seal *seal, struct old_session *session, unsigned number,
		      uint64_t seq, uint8_t *out)
{
	enum { HEADER = 96, PAYLOAD = 300 };
	char text[PAYLOAD];
	uint8_t nonce[BATON_NONCE_BYTES] = { 0 };
	if (seq > 1 && (seq - 1) % 64 == 0)
		session->skip_position = session->position;
	memset(out, 0, 16 + HEADER);
	baton_put64(out, session->position);
	baton_put64(out + 8, session->skip_position);
	baton_put32(out + 16, HEADER + PAYLOAD + BATON_TAG_BYTES);
	baton_put16(out + 20, 1);
	baton_put32(out + 24, 7);
	baton_put32(out + 28, BATON_MARK_TURN_OPEN);
	memcpy(out + 32, session->id.b, sizeof(session->id.b));
	baton_put64(out + 48, seq);
	baton_put64(out + 56, 1700000000000);
	baton_put32(out + 72, session->row.slot);
	baton_put32(out + 76, 0x5eed);
	memcpy(out + 80, session->hash, BATON_HASH_BYTES);
	baton_put64(nonce, seq);
	baton_put32(nonce + 8, 0x5eed);
	struct baton_seal_job job = { .key = session->key,
				      .nonce = nonce,
				      .clear = out + 16,
				      .clear_n = HEADER,
				      .text = (uint8_t *)text,
				      .text_n = kit_payload(text, PAYLOAD, number, seq) };
	baton_seal_lock(seal, &job, out + 16 + HEADER);
	baton_seal_hash(seal, out + 16, HEADER + PAYLOAD + BATON_TAG_BYTES, session->hash);
	return 16 + HEADER + PAYLOAD + BATON_TAG_BYTES;
}

static void old_log(struct baton_store *store, struct old_session *sessions)
{
	MDB_txn *txn;
	struct baton_seal seal;
	uint8_t bytes[512], schema[4];
	MDB_val key = baton_store_val("schema", 6), value = baton_store_val(schema, 4);
	uint64_t position = 0;
	baton_seal_init(&seal);
	assert_int_equal(mdb_txn_begin(store->env, NULL, 0, &txn), 0);
	baton_put32(schema, 1);
	assert_int_equal(mdb_put(txn, store->table[BATON_TABLE_ABOUT], &key, &value, 0), 0);
	for (uint64_t seq = 1; seq <= OLD_RECORDS; seq++)
		for (unsigned s = 0; s < SESSIONS; s++) {
			position++;
			value = baton_store_val(bytes, old_row(&seal, &sessions[s], s, seq, bytes));
			key = baton_store_val(&position, sizeof(position));
			assert_int_equal(
				mdb_put(txn, store->table[BATON_TABLE_LOG], &key, &value, 0), 0);
			sessions[s].position = position;
		}
	assert_int_equal(mdb_txn_commit(txn), 0);
	baton_seal_done(&seal);
}

/* A journal as the version before left it when it died: no index. */
static void old_journal(const struct kit *kit)
{
	struct baton_seal seal;
	struct baton_store store;
	struct baton_store_way way = { .may_create = true };
	struct old_session sessions[SESSIONS] = { 0 };
	baton_seal_init(&seal);
	assert_int_equal(baton_store_open(&store, &kit->options, &way), 0);
	for (unsigned s = 0; s < SESSIONS; s++) {
		sessions[s].id = kit_id(s);
		baton_keys_make(&store.keys, &seal, &sessions[s].id, sessions[s].key,
				&sessions[s].row);
		assert_int_equal(baton_keys_write(&store.keys, &sessions[s].row, 1), 0);
	}
	old_log(&store, sessions);
	baton_store_close(&store);
	baton_seal_done(&seal);
}

static uint32_t schema_of(const struct kit *kit)
{
	struct surgery surgery;
	MDB_val key = baton_store_val("schema", 6), value;
	surgery_begin(&surgery, kit, "about");
	assert_int_equal(mdb_get(surgery.txn, surgery.table, &key, &value), 0);
	uint32_t schema = baton_get32(value.mv_data);
	surgery_end(&surgery);
	return schema;
}

static void say_new(struct kit *kit)
{
	for (uint64_t seq = OLD_RECORDS; seq < OLD_RECORDS + NEW_RECORDS; seq += 16)
		for (unsigned s = 0; s < SESSIONS; s++)
			say(kit, s, seq, 16, 300);
	kit_wait(kit);
}

/* All that is in it, from any point, and by its place in the log. */
static void assert_mixed(struct kit *kit)
{
	struct heard heard = { 0 };
	uint64_t n = OLD_RECORDS + NEW_RECORDS, last = 0;
	for (unsigned s = 0; s < SESSIONS; s++)
		for (uint64_t after = s; after <= n; after += 7)
			assert_int_equal(kit_read(kit, s, after, UINT64_MAX), n - after);
	assert_int_equal(kit_read(kit, 1, OLD_RECORDS - 1, 2), 2);
	assert_int_equal(
		baton_journal_follow(kit->journal, 0, UINT64_MAX, heard_each, &heard, &last),
		SESSIONS * n);
	assert_int_equal(last, SESSIONS * n);
}

static void assert_proven(struct kit *kit, uint64_t erased)
{
	struct baton_fsck_counts counts;
	assert_int_equal(baton_journal_fsck(&kit->options, false, NULL, NULL, &counts), 0);
	assert_int_equal(counts.records, SESSIONS * (OLD_RECORDS + NEW_RECORDS));
	assert_int_equal(counts.erased, erased);
}

static void a_journal_of_schema_1_is_read_and_goes_on(void **state)
{
	struct kit kit;
	struct baton_id id = kit_id(2);
	(void)state;
	kit_init(&kit);
	old_journal(&kit);
	kit_open(&kit);
	for (unsigned s = 0; s < SESSIONS; s++)
		assert_int_equal(kit_read(&kit, s, 0, UINT64_MAX), OLD_RECORDS);
	kit_close(&kit); /* now indexed, as the version before would have */
	kit_open(&kit);
	say_new(&kit);
	assert_mixed(&kit);
	kit_close(&kit);
	assert_proven(&kit, 0);
	kit_open(&kit);
	assert_mixed(&kit);
	assert_int_equal(baton_journal_erase(kit.journal, &id), 0);
	kit_close(&kit);
	assert_proven(&kit, 1);
	kit_open(&kit);
	assert_int_equal(kit_read(&kit, 2, 0, 1), BATON_E_ERASED);
	kit_done(&kit);
}

/* It could not read what was appended since. */
static void the_version_before_is_kept_out_once_a_writer_has_opened(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	old_journal(&kit);
	kit.options.read_only = true;
	kit_open(&kit);
	assert_int_equal(kit_read(&kit, 1, 0, UINT64_MAX), OLD_RECORDS);
	kit_close(&kit);
	assert_int_equal(schema_of(&kit), 1);
	kit.options.read_only = false;
	kit_open(&kit);
	kit_close(&kit);
	assert_int_equal(schema_of(&kit), 2);
	kit_open(&kit);
	kit_done(&kit);
}

static void a_kill_among_the_first_new_rows_loses_nothing(void **state)
{
	struct kit kit;
	(void)state;
	kit_init(&kit);
	old_journal(&kit);
	assert_int_equal(kit_reap(kit_spawn("die", kit.root, NULL, NULL)), -SIGKILL);
	kit.options.read_only = true;
	kit_open(&kit);
	assert_mixed(&kit);
	kit_close(&kit);
	kit.options.read_only = false;
	assert_proven(&kit, 0);
	kit_open(&kit);
	assert_mixed(&kit);
	assert_int_equal(kit_say(&kit, 1, OLD_RECORDS + NEW_RECORDS, 0, 3), 0);
	kit_done(&kit);
}

static void a_changed_word_in_an_old_row_is_found_below_new_ones(void **state)
{
	struct kit kit;
	struct baton_fsck_counts counts;
	(void)state;
	kit_init(&kit);
	old_journal(&kit);
	kit_open(&kit);
	say_new(&kit);
	kit_close(&kit);
	damage_record(&kit, 9, 200); /* the third of session 0 */
	assert_int_equal(baton_journal_fsck(&kit.options, false, NULL, NULL, &counts),
			 BATON_E_CORRUPT);
	kit_open(&kit);
	assert_int_equal(kit_read(&kit, 0, 0, UINT64_MAX), BATON_E_CORRUPT);
	assert_int_equal(kit_read(&kit, 1, 0, UINT64_MAX), OLD_RECORDS + NEW_RECORDS);
	kit_done(&kit);
}

static int child_die(const char *root)
{
	struct kit kit;
	kit_use(&kit, root);
	kit_open(&kit);
	kit.dies_at = SESSIONS * NEW_RECORDS;
	say_new(&kit);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_appended_together_is_read_from_any_point),
		cmocka_unit_test(a_follower_begins_and_ends_inside_of_a_row),
		cmocka_unit_test(each_record_of_a_row_keeps_its_own_header),
		cmocka_unit_test(a_damaged_row_is_refused_whole_and_nothing_else_with_it),
		cmocka_unit_test(a_journal_of_schema_1_is_read_and_goes_on),
		cmocka_unit_test(the_version_before_is_kept_out_once_a_writer_has_opened),
		cmocka_unit_test(a_kill_among_the_first_new_rows_loses_nothing),
		cmocka_unit_test(a_changed_word_in_an_old_row_is_found_below_new_ones),
	};
	kit_main(argv);
	if (argc > 2)
		return child_die(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
