/* SPDX-License-Identifier: Apache-2.0 */

/* The LMDB side of the journal: opening, reading within bounds, growing, the meaning of errors. */
#include "core/journal/store.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/journal/bytes.h"
#include "core/journal/file.h"
#include "core/journal/pages.h"
#include "core/journal/stored.h"

#include <errno.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SCHEMA = 2, SCHEMA_OLDEST = 1 }; /* of the rows of the log: stored.h */
enum { READERS_MAX = 512, NAME_MAX_BYTES = 16, ADOPT_TRIES = 8 };
#define MAP_BYTES (64ull << 20)
#define MAP_BYTES_MAX (64ull << 30)
#define MAP_BYTES_READ (1ull << 46) /* read only: as large as the writer has made it */
#define SPACE_LOW (1ull << 20) /* less free disk than this beside what was wanted: it is full */

static const struct {
	const char name[NAME_MAX_BYTES];
	unsigned flags;
} tables[BATON_TABLES] = {
	[BATON_TABLE_LOG] = { "log", MDB_INTEGERKEY },
	[BATON_TABLE_HEADS] = { "heads", 0 },
	[BATON_TABLE_WORK] = { "work", 0 },
	[BATON_TABLE_SNAPSHOTS] = { "snapshots", 0 },
	[BATON_TABLE_KV] = { "kv", 0 },
	[BATON_TABLE_ABOUT] = { "about", 0 },
};

int baton_store_rc(struct baton_store *store, int mdb_rc, uint64_t wanted)
{
	int fd = store->lock_fd;
	switch (mdb_rc) {
	case 0:
		return 0;
	case MDB_NOTFOUND:
		return BATON_E_NOTFOUND;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return BATON_E_FULL;
	case EIO:
		return baton_file_space(fd) < 2 * wanted + SPACE_LOW ? BATON_E_FULL : BATON_E_IO;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_BAD_VALSIZE:
	case MDB_KEYEXIST: /* an append below the newest key */
	case MDB_INCOMPATIBLE:
		return BATON_E_CORRUPT;
	default: /* LMDB's list is open: errno values among them */
		return BATON_E_IO;
	}
}

/* --- guarded calls ----------------------------------------------------------------------------
 * LMDB asserts what it reads. It calls back before it aborts, and the call back may leave: in a
 * lookup or a put no lock is taken and nothing is half done that the transaction's end would not
 * undo. A commit is not guarded: there the process ends, and the file is as it was. */

static _Thread_local jmp_buf *store_guard;

struct store_call {
	int (*run)(const struct store_call *call);
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val *key, *value;
	MDB_cursor *cursor;
	unsigned how; /* flags of a put, kind of a move */
};

static void store_asserted(MDB_env *env, const char *what)
{
	static _Atomic bool told;
	(void)env;
	if (!atomic_exchange(&told, true))
		baton_log(BATON_LOG_ERROR, "journal_page_damaged", "ss", "lmdb", what, "hint",
			  "run baton fsck");
	if (store_guard)
		longjmp(*store_guard, 1);
}

/* The one place in Baton with a long jump: the alternative is that a bad page of the disk ends the
 * process, and with it every conversation that has nothing to do with it. */
static int store_guarded(const struct store_call *call)
{
	jmp_buf here;
	store_guard = &here;
	int rc = setjmp(here) ? MDB_CORRUPTED : call->run(call);
	store_guard = NULL;
	return rc;
}

static int run_get(const struct store_call *call)
{
	return mdb_get(call->txn, call->dbi, call->key, call->value);
}

static int run_put(const struct store_call *call)
{
	return mdb_put(call->txn, call->dbi, call->key, call->value, call->how);
}

static int run_append(const struct store_call *call)
{
	return mdb_cursor_put(call->cursor, call->key, call->value, MDB_APPEND);
}

static int run_del(const struct store_call *call)
{
	return mdb_del(call->txn, call->dbi, call->key, NULL);
}

static int run_move(const struct store_call *call)
{
	return mdb_cursor_get(call->cursor, call->key, call->value, (MDB_cursor_op)call->how);
}

int baton_store_mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value)
{
	struct store_call call = {
		.run = run_get, .txn = txn, .dbi = dbi, .key = key, .value = value
	};
	return store_guarded(&call);
}

int baton_store_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned flags)
{
	struct store_call call = {
		.run = run_put, .txn = txn, .dbi = dbi, .key = key, .value = value, .how = flags
	};
	return store_guarded(&call);
}

int baton_store_mdb_append(MDB_cursor *cursor, MDB_val *key, MDB_val *value)
{
	struct store_call call = {
		.run = run_append, .cursor = cursor, .key = key, .value = value
	};
	return store_guarded(&call);
}

int baton_store_mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key)
{
	struct store_call call = { .run = run_del, .txn = txn, .dbi = dbi, .key = key };
	return store_guarded(&call);
}

int baton_store_mdb_move(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
	struct store_call call = {
		.run = run_move, .cursor = cursor, .key = key, .value = value, .how = (unsigned)op
	};
	return store_guarded(&call);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int store_adopt(struct baton_store *store);

int baton_store_look(struct baton_store *store, MDB_txn **ret_txn)
{
	int rc, tries = 0;
	do {
		pthread_rwlock_rdlock(&store->resize);
		rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, ret_txn);
		if (rc == 0)
			return 0;
		pthread_rwlock_unlock(&store->resize);
	} while (rc == MDB_MAP_RESIZED && tries++ < ADOPT_TRIES && store_adopt(store) == 0);
	return rc == MDB_READERS_FULL ? BATON_E_AGAIN : BATON_E_IO;
}

void baton_store_looked(struct baton_store *store, MDB_txn **txn)
{
	if (!*txn)
		return;
	mdb_txn_abort(*txn);
	*txn = NULL;
	pthread_rwlock_unlock(&store->resize);
}

static bool value_within(const uint8_t *map, uint64_t bytes, const MDB_val *value)
{
	const uint8_t *p = value->mv_data;
	return p >= map && (uint64_t)(p - map) <= bytes &&
	       value->mv_size <= bytes - (uint64_t)(p - map);
}

bool baton_store_inside(struct baton_store *store, const MDB_val *value)
{
	MDB_envinfo info;
	const uint8_t *map = atomic_load_explicit(&store->map, memory_order_relaxed);
	if (value_within(map, atomic_load(&store->used_bytes), value))
		return true;
	/* A commit of this very moment may have lengthened the file. */
	mdb_env_info(store->env, &info);
	return value_within(map, (info.me_last_pgno + 1) * store->page_bytes, value);
}

int baton_store_get(struct baton_store *store, MDB_txn *txn, enum baton_table table, MDB_val key,
		    MDB_val *ret_value)
{
	MDB_val value;
	int rc = baton_store_mdb_get(txn, store->table[table], &key, &value);
	if (rc)
		return baton_store_rc(store, rc, 0);
	if (!baton_store_inside(store, &value))
		return BATON_E_CORRUPT;
	*ret_value = value;
	return 0;
}

void baton_store_measure(struct baton_store *store)
{
	MDB_envinfo info;
	mdb_env_info(store->env, &info);
	atomic_store(&store->map_bytes, info.me_mapsize);
	atomic_store(&store->used_bytes, (info.me_last_pgno + 1) * store->page_bytes);
}

static MDB_val text_key(const char *text)
{
	return baton_store_val(text, strlen(text));
}

/* Where LMDB has mapped the file. It does not tell (me_mapaddr is of fixed maps only), but every
 * page knows its own number. */
static int store_find_map(struct baton_store *store)
{
	MDB_txn *txn;
	MDB_val key = text_key("schema"), value;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return rc;
	rc = baton_store_mdb_get(txn, store->table[BATON_TABLE_ABOUT], &key, &value);
	if (rc == 0) {
		uintptr_t into = (uintptr_t)value.mv_data % store->page_bytes;
		const uint8_t *page = (const uint8_t *)value.mv_data - into;
		atomic_store(&store->map, page - baton_get64(page) * store->page_bytes);
	}
	mdb_txn_abort(txn);
	return rc;
}

/* LMDB unmaps first and, if it then cannot map, is left without its metas. So the room in the
 * address space is tried before. `resize` is held for writing. LMDB's code. */
static int store_remap(struct baton_store *store, uint64_t bytes)
{
	void *room =
		mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return ENOMEM;
	munmap(room, bytes);
	int rc = mdb_env_set_mapsize(store->env, bytes);
	if (rc)
		return rc;
	baton_store_measure(store);
	return store_find_map(store);
}

static uint64_t store_fit(const struct baton_store *store, uint64_t bytes, uint64_t used)
{
	while (bytes < used + used / 4 && bytes < store->map_bytes_max)
		bytes *= 2;
	return bytes < store->map_bytes_max ? bytes : store->map_bytes_max;
}

/* Read only: the writer has more pages than fit in our map. 0 also if it has outgrown that one
 * again; an LMDB code. */
static int store_adopt(struct baton_store *store)
{
	pthread_rwlock_wrlock(&store->resize);
	baton_store_measure(store);
	int rc = store_remap(store, store_fit(store, atomic_load(&store->map_bytes),
					      atomic_load(&store->used_bytes)));
	pthread_rwlock_unlock(&store->resize);
	return rc == MDB_MAP_RESIZED ? 0 : rc;
}

int baton_store_grow(struct baton_store *store)
{
	uint64_t bytes = atomic_load(&store->map_bytes);
	if (bytes >= store->map_bytes_max)
		return BATON_E_FULL;

	bytes = bytes * 2 < store->map_bytes_max ? bytes * 2 : store->map_bytes_max;
	pthread_rwlock_wrlock(&store->resize);
	int rc = store_remap(store, bytes);
	pthread_rwlock_unlock(&store->resize);
	if (rc)
		return BATON_E_IO;
	baton_log(BATON_LOG_INFO, "journal_map_grown", "u", "bytes", bytes);
	return 0;
}

/* --- single rows ------------------------------------------------------------------------------ */

int baton_store_indexed(struct baton_store *store, MDB_txn *txn, uint64_t *ret_position)
{
	MDB_val value, key = text_key("indexed");
	int rc = baton_store_get(store, txn, BATON_TABLE_ABOUT, key, &value);
	if (rc == BATON_E_NOTFOUND) {
		*ret_position = 0;
		return 0;
	}
	if (rc < 0)
		return rc;

	const uint8_t *p = value.mv_data;
	if (value.mv_size != 16 ||
	    baton_get64(p + 8) != baton_row_sum(key.mv_data, key.mv_size, p, 8))
		return BATON_E_CORRUPT;
	*ret_position = baton_get64(p);
	return 0;
}

int baton_store_put_indexed(struct baton_store *store, MDB_txn *txn, uint64_t position)
{
	uint8_t row[16];
	MDB_val key = text_key("indexed"), value = baton_store_val(row, sizeof(row));
	baton_put64(row, position);
	baton_put64(row + 8, baton_row_sum(key.mv_data, key.mv_size, row, 8));
	return baton_store_mdb_put(txn, store->table[BATON_TABLE_ABOUT], &key, &value, 0);
}

int baton_store_last(struct baton_store *store, MDB_txn *txn, uint64_t *ret_position)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc = mdb_cursor_open(txn, store->table[BATON_TABLE_LOG], &cursor);
	if (rc)
		return BATON_E_IO;
	rc = baton_store_mdb_move(cursor, &key, &value, MDB_LAST);
	uint64_t position = 0;
	if (rc == 0 && key.mv_size == sizeof(position) && baton_store_inside(store, &key))
		memcpy(&position, key.mv_data, sizeof(position));
	mdb_cursor_close(cursor);
	if (rc == MDB_NOTFOUND)
		rc = 0;
	else if (rc == 0 && position == 0)
		rc = MDB_CORRUPTED;
	if (rc == 0)
		*ret_position = position;
	return baton_store_rc(store, rc, 0);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void store_tell(void *ud, const char *line)
{
	(void)ud;
	baton_log(BATON_LOG_ERROR, "journal_damaged", "ss", "finding", line, "hint",
		  "run baton fsck");
}

static int store_check_pages(struct baton_store *store, const struct baton_store_way *way,
			     uint64_t *ret_used)
{
	struct baton_pages pages = { .tell = way->tell ? way->tell : store_tell,
				     .ud = way->ud,
				     .all = way->pages_all,
				     .live = store->read_only };
	int rc = baton_pages_check(store->data_path, &pages);
	*ret_used = pages.used_bytes;
	return rc;
}

static uint64_t store_map_bytes(struct baton_store *store,
				const struct baton_journal_options *options, uint64_t used)
{
	uint64_t bytes = options->map_bytes ? options->map_bytes : MAP_BYTES;
	store->map_bytes_max = options->map_bytes_max ? options->map_bytes_max : MAP_BYTES_MAX;
	if (store->read_only)
		store->map_bytes_max = MAP_BYTES_READ;
	return store_fit(store, bytes, used);
}

int baton_store_sweep(struct baton_store *store)
{
	int dead = 0;
	if (mdb_reader_check(store->env, &dead) == 0 && dead)
		baton_log(BATON_LOG_NOTICE, "journal_dead_readers", "u", "n", (uint64_t)dead);
	return dead;
}

static int store_open_env(struct baton_store *store, const struct baton_journal_options *options,
			  uint64_t used)
{
	unsigned flags = MDB_NOTLS | (options->not_durable ? MDB_NOSYNC : 0) |
			 (store->read_only ? MDB_RDONLY : 0);
	int rc = mdb_env_create(&store->env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(store->env, BATON_TABLES);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(store->env, READERS_MAX);
	if (rc == 0)
		rc = mdb_env_set_mapsize(store->env, store_map_bytes(store, options, used));
	if (rc == 0)
		rc = mdb_env_set_assert(store->env, store_asserted);
	if (rc == 0)
		rc = mdb_env_open(store->env, options->path, flags, 0600);
	if (rc) {
		baton_log(BATON_LOG_ERROR, "journal_not_opened", "ss", "path", options->path,
			  "error", mdb_strerror(rc));
		return baton_store_rc(store, rc, SPACE_LOW);
	}

	MDB_stat st;
	mdb_env_stat(store->env, &st);
	store->page_bytes = st.ms_psize;
	baton_store_measure(store);
	baton_store_sweep(store);
	return 0;
}

/* Compares the schema row, or writes it into a new journal. */
static int store_schema(struct baton_store *store, MDB_txn *txn, bool may_create)
{
	uint8_t row[4];
	MDB_val key = text_key("schema"), value;
	int rc = baton_store_mdb_get(txn, store->table[BATON_TABLE_ABOUT], &key, &value);
	if (rc == MDB_NOTFOUND && may_create) {
		baton_put32(row, SCHEMA);
		value = baton_store_val(row, sizeof(row));
		return baton_store_rc(
			store,
			baton_store_mdb_put(txn, store->table[BATON_TABLE_ABOUT], &key, &value, 0),
			0);
	}
	if (rc || value.mv_size != sizeof(row))
		return BATON_E_CORRUPT;
	uint32_t schema = baton_get32(value.mv_data);
	return schema >= SCHEMA_OLDEST && schema <= SCHEMA ? 0 : BATON_E_SCHEMA;
}

/* From now on there may be rows that a version before this one cannot read: it shall refuse the
 * journal when it opens it, and not in the middle of a session. LMDB's code. */
static int store_claim(struct baton_store *store)
{
	uint8_t row[4];
	MDB_txn *txn;
	MDB_val key = text_key("schema"), value;
	int rc = mdb_txn_begin(store->env, NULL, 0, &txn);
	if (rc)
		return rc;
	rc = baton_store_mdb_get(txn, store->table[BATON_TABLE_ABOUT], &key, &value);
	if (rc || baton_get32(value.mv_data) == SCHEMA) {
		mdb_txn_abort(txn);
		return rc;
	}
	baton_put32(row, SCHEMA);
	value = baton_store_val(row, sizeof(row));
	rc = baton_store_mdb_put(txn, store->table[BATON_TABLE_ABOUT], &key, &value, 0);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

/* A file that was made but whose first commit never came is as good as none. */
static bool store_is_new(struct baton_store *store)
{
	return atomic_load(&store->used_bytes) <= 2 * (uint64_t)store->page_bytes;
}

static int store_open_tables(struct baton_store *store, bool is_new)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, is_new ? 0 : MDB_RDONLY, &txn);
	if (rc)
		return baton_store_rc(store, rc, 0);

	for (size_t i = 0; i < BATON_TABLES && rc == 0; i++)
		rc = mdb_dbi_open(txn, tables[i].name, tables[i].flags | (is_new ? MDB_CREATE : 0),
				  &store->table[i]);
	if (rc == MDB_NOTFOUND && store->read_only && store_is_new(store))
		rc = BATON_E_NOTFOUND;
	else if (rc)
		rc = rc == MDB_NOTFOUND ? BATON_E_CORRUPT : baton_store_rc(store, rc, SPACE_LOW);
	else
		rc = store_schema(store, txn, is_new);
	if (rc < 0) {
		mdb_txn_abort(txn);
		baton_log(BATON_LOG_ERROR, "journal_not_opened", "s", "error",
			  rc == BATON_E_SCHEMA     ? "written by another version of Baton"
			  : rc == BATON_E_NOTFOUND ? "nothing was ever written to it"
						   : "its tables are missing or damaged");
		return rc;
	}
	rc = mdb_txn_commit(txn); /* also keeps the table handles of a read transaction */
	baton_store_measure(store);
	if (rc == 0)
		rc = store_find_map(store);
	return baton_store_rc(store, rc, SPACE_LOW);
}

static int store_open(struct baton_store *store, const struct baton_journal_options *options,
		      const struct baton_store_way *way)
{
	uint64_t bytes = 0, used = 0;
	store->read_only = options->read_only;
	int rc = store->read_only ? 0
				  : baton_file_lock(options->path, &store->lock_fd, &store->holder);
	store->is_held = rc == BATON_E_STATE;
	if (store->is_held)
		return BATON_E_IO;
	if (rc == 0)
		rc = baton_file_size(store->data_path, &bytes);
	if (rc == 0)
		rc = store_check_pages(store, way, &used);
	bool is_new = bytes == 0;
	enum baton_keys_way keys_way = is_new             ? BATON_KEYS_CREATE
				       : store->read_only ? BATON_KEYS_READ
							  : BATON_KEYS_WRITE;
	if (rc == 0 && bytes == 0 && !way->may_create)
		rc = BATON_E_NOTFOUND;
	if (rc == 0)
		rc = baton_keys_open(&store->keys, options->path, options->key_path, keys_way);
	if (rc == 0)
		rc = store_open_env(store, options, used);
	if (rc == 0)
		rc = store_open_tables(store, !store->read_only && store_is_new(store));
	if (rc == 0 && way->may_create)
		rc = baton_store_rc(store, store_claim(store), SPACE_LOW);
	if (rc == 0 && is_new)
		rc = baton_file_sync_dir(options->path, /* is_dir= */ true);
	return rc;
}

int baton_store_open(struct baton_store *store, const struct baton_journal_options *options,
		     const struct baton_store_way *way)
{
	memset(store, 0, sizeof(*store));
	store->lock_fd = -1;
	store->keys.fd = -1;
	/* Writers first, or a stream of readers would hold up the growth, and with it every
	 * append. */
	pthread_rwlockattr_t attr;
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&store->resize, &attr);
	pthread_rwlockattr_destroy(&attr);

	int rc = baton_file_path(store->data_path, options->path, "data.mdb");
	if (rc == 0 && way->may_create)
		rc = baton_file_make_dir(options->path);
	if (rc == 0)
		rc = store_open(store, options, way);
	if (rc < 0)
		baton_store_close(store);
	return rc;
}

void baton_store_close(struct baton_store *store)
{
	if (store->env)
		mdb_env_close(store->env);
	baton_keys_close(&store->keys);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	pthread_rwlock_destroy(&store->resize);
	store->env = NULL;
	store->lock_fd = -1;
}
