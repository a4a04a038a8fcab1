/* SPDX-License-Identifier: Apache-2.0 */

/* Rows of the indexes: how a head, a work mark and a snapshot lie in LMDB. Each row ends with a sum
 * over its key and itself (snapshots with the tag of their seal), so that a flipped bit is an error
 * and not another answer. */
#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/hash.h"
#include "core/journal/bytes.h"
#include "core/journal/store.h"

enum { HEAD_HASH = 48, HEAD_SUM = BATON_HEAD_ROW - 8, WORK_SUM = BATON_WORK_ROW - 8 };
enum { SNAP_SLOT = 8, SNAP_NONCE = 16, SNAP_TEXT = 32, SNAP_CLEAR = 16 + 16 + 16 };

uint64_t baton_row_sum(const void *key, size_t key_n, const void *bytes, size_t n)
{
	return baton_hash_seeded(bytes, n, baton_hash(key, key_n));
}

void baton_row_head(const struct baton_id *id, const struct baton_head *head,
		    uint8_t row[BATON_HEAD_ROW])
{
	memset(row, 0, BATON_HEAD_ROW);
	baton_put64(row, head->seq);
	baton_put64(row + 8, head->epoch);
	baton_put64(row + 16, head->position);
	baton_put64(row + 24, head->skip_position);
	baton_put32(row + 32, head->marks);
	baton_put32(row + 36, head->slot);
	baton_put32(row + 40, head->flags);
	baton_put32(row + 44, head->more);
	memcpy(row + HEAD_HASH, head->hash, sizeof(head->hash));
	baton_put64(row + HEAD_SUM, baton_row_sum(id->b, sizeof(id->b), row, HEAD_SUM));
}

int baton_row_head_read(const struct baton_id *id, const MDB_val *value,
			struct baton_head *ret_head)
{
	const uint8_t *row = value->mv_data;
	if (value->mv_size != BATON_HEAD_ROW ||
	    baton_get64(row + HEAD_SUM) != baton_row_sum(id->b, sizeof(id->b), row, HEAD_SUM))
		return BATON_E_CORRUPT;

	ret_head->seq = baton_get64(row);
	ret_head->epoch = baton_get64(row + 8);
	ret_head->position = baton_get64(row + 16);
	ret_head->skip_position = baton_get64(row + 24);
	ret_head->marks = baton_get32(row + 32);
	ret_head->slot = baton_get32(row + 36);
	ret_head->flags = baton_get32(row + 40);
	ret_head->more = baton_get32(row + 44);
	memcpy(ret_head->hash, row + HEAD_HASH, sizeof(ret_head->hash));
	return 0;
}

void baton_row_work(const struct baton_id *id, uint64_t seq, uint32_t marks,
		    uint8_t row[BATON_WORK_ROW])
{
	memset(row, 0, BATON_WORK_ROW);
	baton_put64(row, seq);
	baton_put32(row + 8, marks);
	baton_put64(row + WORK_SUM, baton_row_sum(id->b, sizeof(id->b), row, WORK_SUM));
}

int baton_row_work_read(const struct baton_id *id, const MDB_val *value, uint64_t *ret_seq,
			uint32_t *ret_marks)
{
	const uint8_t *row = value->mv_data;
	if (value->mv_size != BATON_WORK_ROW ||
	    baton_get64(row + WORK_SUM) != baton_row_sum(id->b, sizeof(id->b), row, WORK_SUM))
		return BATON_E_CORRUPT;
	*ret_seq = baton_get64(row);
	*ret_marks = baton_get32(row + 8);
	return 0;
}

/* Associated data of a snapshot's seal; its first bytes differ from those of any record. */
static void snapshot_clear(const struct baton_id *id, const uint8_t *row, uint8_t clear[SNAP_CLEAR])
{
	memcpy(clear, "baton snapshot 1", 16);
	memcpy(clear + 16, id->b, sizeof(id->b));
	memcpy(clear + 32, row, 16);
}

static struct baton_seal_job snapshot_job(const uint8_t *key, const uint8_t *nonce,
					  const uint8_t *clear)
{
	struct baton_seal_job job = {
		.key = key, .nonce = nonce, .clear = clear, .clear_n = SNAP_CLEAR
	};
	return job;
}

/* The nonce is random but for its first bit, which no record's nonce (a seq) can have set. */
void baton_row_snapshot(struct baton_seal *seal, const uint8_t key[BATON_KEY_BYTES],
			const struct baton_id *id, const struct baton_snapshot *snapshot,
			uint8_t *out)
{
	uint8_t clear[SNAP_CLEAR];
	memset(out, 0, SNAP_TEXT);
	baton_put64(out, snapshot->seq);
	baton_put32(out + SNAP_SLOT, snapshot->slot);
	baton_seal_random(seal, out + SNAP_NONCE, BATON_NONCE_BYTES);
	out[SNAP_NONCE + 7] |= 0x80;

	snapshot_clear(id, out, clear);
	struct baton_seal_job job = snapshot_job(key, out + SNAP_NONCE, clear);
	job.text = (const uint8_t *)snapshot->bytes.p;
	job.text_n = snapshot->bytes.n;
	baton_seal_lock(seal, &job, out + SNAP_TEXT);
}

int baton_row_snapshot_read(struct baton_seal *seal, const uint8_t key[BATON_KEY_BYTES],
			    const struct baton_id *id, const MDB_val *value, struct baton_buf *out)
{
	uint8_t clear[SNAP_CLEAR];
	const uint8_t *row = value->mv_data;
	if (value->mv_size < BATON_SNAPSHOT_EXTRA ||
	    value->mv_size > BATON_SNAPSHOT_BYTES_MAX + BATON_SNAPSHOT_EXTRA)
		return BATON_E_CORRUPT;

	snapshot_clear(id, row, clear);
	struct baton_seal_job job = snapshot_job(key, row + SNAP_NONCE, clear);
	job.text = row + SNAP_TEXT;
	job.text_n = value->mv_size - SNAP_TEXT;
	char *room = baton_buf_room(out, job.text_n);
	if (!baton_seal_unlock(seal, &job, (uint8_t *)room))
		return BATON_E_CORRUPT;
	out->n += job.text_n - BATON_TAG_BYTES;
	return 0;
}

uint64_t baton_row_snapshot_seq(const MDB_val *value)
{
	return value->mv_size < sizeof(uint64_t) ? 0 : baton_get64(value->mv_data);
}
