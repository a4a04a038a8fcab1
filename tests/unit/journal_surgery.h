/* SPDX-License-Identifier: Apache-2.0 */

/* Damage, done through LMDB itself on a journal that is closed. */
#pragma once

#include "tests/unit/journal_kit.h"

#include <lmdb.h>

struct surgery {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi table;
};

static inline void surgery_begin(struct surgery *surgery, const struct kit *kit, const char *table)
{
	assert_int_equal(mdb_env_create(&surgery->env), 0);
	mdb_env_set_maxdbs(surgery->env, 8);
	mdb_env_set_mapsize(surgery->env, 128 << 20);
	assert_int_equal(mdb_env_open(surgery->env, kit->path, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(surgery->env, NULL, 0, &surgery->txn), 0);
	assert_int_equal(mdb_dbi_open(surgery->txn, table, 0, &surgery->table), 0);
}

static inline void surgery_end(struct surgery *surgery)
{
	assert_int_equal(mdb_txn_commit(surgery->txn), 0);
	mdb_env_close(surgery->env);
}

/* Flips a bit of the value (at SIZE_MAX: deletes it). */
static inline void damage(const struct kit *kit, const char *table, const void *key, size_t key_n,
			  size_t at)
{
	struct surgery surgery;
	uint8_t copy[4096];
	union {
		const void *in;
		void *out;
	} k = { key };
	MDB_val mkey = { key_n, k.out }, value;
	surgery_begin(&surgery, kit, table);
	assert_int_equal(mdb_get(surgery.txn, surgery.table, &mkey, &value), 0);
	if (at == SIZE_MAX) {
		assert_int_equal(mdb_del(surgery.txn, surgery.table, &mkey, NULL), 0);
	} else {
		assert_true(value.mv_size <= sizeof(copy) && at < value.mv_size);
		memcpy(copy, value.mv_data, value.mv_size);
		copy[at] ^= 4;
		value.mv_data = copy;
		assert_int_equal(mdb_put(surgery.txn, surgery.table, &mkey, &value, 0), 0);
	}
	surgery_end(&surgery);
}

static inline void damage_session(const struct kit *kit, const char *table, unsigned session,
				  size_t at)
{
	struct baton_id id = kit_id(session);
	damage(kit, table, id.b, sizeof(id.b), at);
}

/* The last position of the row that holds the record. */
static inline uint64_t row_of(const struct kit *kit, uint64_t position)
{
	struct surgery surgery;
	MDB_cursor *cursor;
	MDB_val key = { sizeof(position), &position }, value;
	surgery_begin(&surgery, kit, "log");
	assert_int_equal(mdb_cursor_open(surgery.txn, surgery.table, &cursor), 0);
	assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE), 0);
	memcpy(&position, key.mv_data, sizeof(position));
	mdb_cursor_close(cursor);
	surgery_end(&surgery);
	return position;
}

/* At `at` of the row that holds the record. */
static inline void damage_record(const struct kit *kit, uint64_t position, size_t at)
{
	position = row_of(kit, position);
	damage(kit, "log", &position, sizeof(position), at);
}
