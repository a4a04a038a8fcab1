/* SPDX-License-Identifier: Apache-2.0 */

/* A record as it lies in the log: writing and reading the frame that stored.h draws. Every
 * length is checked before it is used, since LMDB hands back whatever the disk held. */
#include "core/journal/stored.h"

#include "core/base/errors.h"
#include "core/journal/bytes.h"

enum {
	AT_BYTES = 16,
	AT_SCHEMA = 20,
	AT_ZERO = 22,
	AT_TYPE = 24,
	AT_MARKS = 28,
	AT_SESSION = 32,
	AT_SEQ = 48,
	AT_TIME = 56,
	AT_EPOCH = 64,
	AT_SLOT = 72,
	AT_NONCE = 76,
	AT_HASH = 80,
	AT_PAYLOAD = BATON_LINKS_BYTES + BATON_HEADER_BYTES
};
_Static_assert((int)AT_HASH + (int)BATON_HASH_BYTES == (int)AT_PAYLOAD,
	       "the header is drawn in stored.h");

/* The seq makes the nonce unique under the session's key; the random half keeps it so when a
 * refused append is sealed a second time under the same seq. */
static void frame_nonce(const struct baton_stored *frame, uint8_t nonce[BATON_NONCE_BYTES])
{
	baton_put64(nonce, frame->seq);
	memcpy(nonce + 8, frame->nonce, sizeof(frame->nonce));
}

void baton_stored_write(struct baton_seal *seal, const uint8_t *key,
			const struct baton_stored *frame, baton_str payload, uint8_t *out)
{
	uint8_t nonce[BATON_NONCE_BYTES];
	memset(out, 0, BATON_LINKS_BYTES);
	baton_put32(out + AT_BYTES, (uint32_t)(baton_stored_bytes(payload.n) - BATON_LINKS_BYTES));
	baton_put16(out + AT_SCHEMA, BATON_STORED_SCHEMA);
	baton_put16(out + AT_ZERO, 0);
	baton_put32(out + AT_TYPE, frame->type);
	baton_put32(out + AT_MARKS, frame->marks);
	memcpy(out + AT_SESSION, frame->session.b, sizeof(frame->session.b));
	baton_put64(out + AT_SEQ, frame->seq);
	baton_put64(out + AT_TIME, frame->unix_ms);
	baton_put64(out + AT_EPOCH, frame->epoch);
	baton_put32(out + AT_SLOT, frame->slot);
	memcpy(out + AT_NONCE, frame->nonce, sizeof(frame->nonce));
	memcpy(out + AT_HASH, frame->prev_hash, BATON_HASH_BYTES);

	frame_nonce(frame, nonce);
	struct baton_seal_job job = { .key = key,
				      .nonce = nonce,
				      .clear = out + BATON_LINKS_BYTES,
				      .clear_n = BATON_HEADER_BYTES,
				      .text = (const uint8_t *)payload.p,
				      .text_n = payload.n };
	baton_seal_lock(seal, &job, out + AT_PAYLOAD);
}

void baton_stored_link(uint8_t *value, uint64_t prev_position, uint64_t skip_position)
{
	baton_put64(value, prev_position);
	baton_put64(value + 8, skip_position);
}

size_t baton_stored_length(const uint8_t *value)
{
	return (size_t)baton_get32(value + AT_BYTES) + BATON_LINKS_BYTES;
}

int baton_stored_read(const void *value, size_t n, struct baton_stored *ret_frame)
{
	const uint8_t *p = value;
	if (n < BATON_STORED_EXTRA || n > BATON_RECORD_BYTES_MAX)
		return BATON_E_CORRUPT;
	if (baton_get32(p + AT_BYTES) != n - BATON_LINKS_BYTES || baton_get16(p + AT_ZERO) != 0)
		return BATON_E_CORRUPT;

	struct baton_stored f = { .schema = baton_get16(p + AT_SCHEMA) };
	if (f.schema != BATON_STORED_SCHEMA)
		return f.schema > BATON_STORED_SCHEMA ? BATON_E_SCHEMA : BATON_E_CORRUPT;

	f.prev_position = baton_get64(p);
	f.skip_position = baton_get64(p + 8);
	f.type = baton_get32(p + AT_TYPE);
	f.marks = baton_get32(p + AT_MARKS);
	memcpy(f.session.b, p + AT_SESSION, sizeof(f.session.b));
	f.seq = baton_get64(p + AT_SEQ);
	f.unix_ms = baton_get64(p + AT_TIME);
	f.epoch = baton_get64(p + AT_EPOCH);
	f.slot = baton_get32(p + AT_SLOT);
	memcpy(f.nonce, p + AT_NONCE, sizeof(f.nonce));
	memcpy(f.prev_hash, p + AT_HASH, BATON_HASH_BYTES);
	f.sealed = p + BATON_LINKS_BYTES;
	f.sealed_n = n - BATON_LINKS_BYTES;
	f.payload_n = n - BATON_STORED_EXTRA;
	*ret_frame = f;
	return 0;
}

int baton_stored_open(struct baton_seal *seal, const uint8_t key[BATON_KEY_BYTES],
		      const struct baton_stored *frame, uint8_t *out)
{
	uint8_t nonce[BATON_NONCE_BYTES];
	frame_nonce(frame, nonce);
	struct baton_seal_job job = { .key = key,
				      .nonce = nonce,
				      .clear = frame->sealed,
				      .clear_n = BATON_HEADER_BYTES,
				      .text = frame->sealed + BATON_HEADER_BYTES,
				      .text_n = frame->payload_n + BATON_TAG_BYTES };
	return baton_seal_unlock(seal, &job, out) ? 0 : BATON_E_CORRUPT;
}

void baton_stored_hash(struct baton_seal *seal, const struct baton_stored *frame,
		       uint8_t ret_hash[BATON_HASH_BYTES])
{
	baton_seal_hash(seal, frame->sealed, frame->sealed_n, ret_hash);
}
