/* SPDX-License-Identifier: Apache-2.0 */

/* A row of the log: writing and reading the frame that stored.h draws. Every length is checked
 * before it is used, since LMDB hands back whatever the disk held. */
#include "core/journal/stored.h"

#include "core/base/errors.h"
#include "core/journal/bytes.h"

enum { AT_BYTES = 16, AT_SCHEMA = 20, AT_RECORDS = 22 };
enum {
	AT_SESSION = 24,
	AT_SEQ = 40,
	AT_SLOT = 48,
	AT_NONCE = 52,
	AT_HASH = 56,
	AT_EVENTS = BATON_LINKS_BYTES + BATON_HEADER_BYTES
};
_Static_assert((int)AT_HASH + (int)BATON_HASH_BYTES == (int)AT_EVENTS,
	       "the header is drawn in stored.h");
/* Inside of BATON_EVENT_BYTES. */
enum { EVENT_TYPE = 0, EVENT_MARKS = 4, EVENT_BYTES = 8, EVENT_TIME = 12, EVENT_EPOCH = 20 };
/* Schema 1. */
enum {
	OLD_TYPE = 24,
	OLD_MARKS = 28,
	OLD_SESSION = 32,
	OLD_SEQ = 48,
	OLD_TIME = 56,
	OLD_EPOCH = 64,
	OLD_SLOT = 72,
	OLD_NONCE = 76,
	OLD_HASH = 80,
	OLD_HEADER_BYTES = 96,
	OLD_EXTRA = BATON_LINKS_BYTES + OLD_HEADER_BYTES + BATON_TAG_BYTES
};

/* The seq makes the nonce unique under the session's key; the random half keeps it so when a
 * refused append is sealed a second time under the same seq. */
static void frame_nonce(const uint8_t *half, uint64_t first_seq, uint8_t nonce[BATON_NONCE_BYTES])
{
	baton_put64(nonce, first_seq);
	memcpy(nonce + 8, half, BATON_NONCE_BYTES - 8);
}

/* --- writing ---------------------------------------------------------------------------------- */

size_t baton_stored_fit(const struct baton_record *records, size_t n, size_t *ret_bytes)
{
	size_t fit = 1, bytes = BATON_STORED_EXTRA + records[0].payload.n;

	for (; fit < n; fit++) {
		size_t more = BATON_EVENT_BYTES + records[fit].payload.n;
		if (bytes + more > BATON_FRAME_BYTES)
			break;
		bytes += more;
	}
	*ret_bytes = bytes;
	return fit;
}

/* The payloads are put together where they will be sealed. Where that ends is returned. */
static uint8_t *write_records(const struct baton_record *records, uint32_t n, uint8_t *event)
{
	uint8_t *payload = event + n * (size_t)BATON_EVENT_BYTES;

	for (uint32_t i = 0; i < n; i++, event += BATON_EVENT_BYTES) {
		const struct baton_record *record = &records[i];
		baton_put32(event + EVENT_TYPE, record->type);
		baton_put32(event + EVENT_MARKS, record->marks);
		baton_put32(event + EVENT_BYTES, (uint32_t)record->payload.n);
		baton_put64(event + EVENT_TIME, record->unix_ms);
		baton_put64(event + EVENT_EPOCH, record->epoch);
		if (record->payload.n)
			memcpy(payload, record->payload.p, record->payload.n);
		payload += record->payload.n;
	}
	return payload;
}

void baton_stored_write(const struct baton_stored *frame, const struct baton_record *records,
			uint8_t *out)
{
	uint8_t *end = write_records(records, frame->n_records, out + AT_EVENTS);

	memset(out, 0, BATON_LINKS_BYTES);
	baton_put32(out + AT_BYTES, (uint32_t)(end + BATON_TAG_BYTES - out - BATON_LINKS_BYTES));
	baton_put16(out + AT_SCHEMA, BATON_STORED_SCHEMA);
	baton_put16(out + AT_RECORDS, (uint16_t)frame->n_records);
	memcpy(out + AT_SESSION, frame->session.b, sizeof(frame->session.b));
	baton_put64(out + AT_SEQ, records[0].seq);
}

void baton_stored_seal(struct baton_seal *seal, const uint8_t *key,
		       const struct baton_stored *frame, uint8_t *out)
{
	uint8_t nonce[BATON_NONCE_BYTES];
	uint8_t *clear = out + BATON_LINKS_BYTES;
	size_t clear_n = BATON_HEADER_BYTES + baton_stored_count(out) * (size_t)BATON_EVENT_BYTES;

	baton_put32(out + AT_SLOT, frame->slot);
	memcpy(out + AT_NONCE, frame->nonce, sizeof(frame->nonce));
	memcpy(out + AT_HASH, frame->prev_hash, BATON_HASH_BYTES);

	frame_nonce(frame->nonce, baton_get64(out + AT_SEQ), nonce);
	struct baton_seal_job job = { .key = key,
				      .nonce = nonce,
				      .clear = clear,
				      .clear_n = clear_n,
				      .text = clear + clear_n,
				      .text_n = baton_get32(out + AT_BYTES) - clear_n -
						BATON_TAG_BYTES };
	baton_seal_lock(seal, &job, clear + clear_n);
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

uint32_t baton_stored_count(const uint8_t *value)
{
	return baton_get16(value + AT_RECORDS);
}

const uint8_t *baton_stored_prev_hash(const uint8_t *value)
{
	return value + AT_HASH;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_old(const uint8_t *p, size_t n, struct baton_stored *f)
{
	if (n < OLD_EXTRA || baton_get16(p + AT_RECORDS) != 0)
		return BATON_E_CORRUPT;
	f->n_records = 1;
	f->first_seq = f->seq = baton_get64(p + OLD_SEQ);
	f->epoch = baton_get64(p + OLD_EPOCH);
	f->marks = baton_get32(p + OLD_MARKS);
	f->slot = baton_get32(p + OLD_SLOT);
	memcpy(f->session.b, p + OLD_SESSION, sizeof(f->session.b));
	memcpy(f->nonce, p + OLD_NONCE, sizeof(f->nonce));
	memcpy(f->prev_hash, p + OLD_HASH, BATON_HASH_BYTES);
	f->header_n = OLD_HEADER_BYTES;
	f->payload_n = n - OLD_EXTRA;
	return 0;
}

static int read_frame(const uint8_t *p, size_t n, struct baton_stored *f)
{
	size_t payload_n = 0, extra;
	f->n_records = baton_get16(p + AT_RECORDS);
	f->first_seq = baton_get64(p + AT_SEQ);
	f->header_n = BATON_HEADER_BYTES + f->n_records * (size_t)BATON_EVENT_BYTES;
	extra = BATON_LINKS_BYTES + f->header_n + BATON_TAG_BYTES;
	if (f->n_records == 0 || f->n_records > BATON_FRAME_RECORDS || n < extra ||
	    f->first_seq == 0 || f->first_seq > UINT64_MAX - f->n_records)
		return BATON_E_CORRUPT;
	for (uint32_t i = 0; i < f->n_records; i++)
		payload_n +=
			baton_get32(p + AT_EVENTS + i * (size_t)BATON_EVENT_BYTES + EVENT_BYTES);
	if (payload_n != n - extra)
		return BATON_E_CORRUPT;

	const uint8_t *last = p + AT_EVENTS + (f->n_records - 1) * (size_t)BATON_EVENT_BYTES;
	f->seq = f->first_seq + f->n_records - 1;
	f->epoch = baton_get64(last + EVENT_EPOCH);
	f->marks = baton_get32(last + EVENT_MARKS);
	f->slot = baton_get32(p + AT_SLOT);
	memcpy(f->session.b, p + AT_SESSION, sizeof(f->session.b));
	memcpy(f->nonce, p + AT_NONCE, sizeof(f->nonce));
	memcpy(f->prev_hash, p + AT_HASH, BATON_HASH_BYTES);
	f->payload_n = payload_n;
	return 0;
}

int baton_stored_read(const void *value, size_t n, struct baton_stored *ret_frame)
{
	const uint8_t *p = value;
	if (n < OLD_EXTRA || n > BATON_RECORD_BYTES_MAX)
		return BATON_E_CORRUPT;
	if (baton_get32(p + AT_BYTES) != n - BATON_LINKS_BYTES)
		return BATON_E_CORRUPT;

	struct baton_stored f = { .schema = baton_get16(p + AT_SCHEMA) };
	if (f.schema > BATON_STORED_SCHEMA)
		return BATON_E_SCHEMA;
	if (f.schema == 0)
		return BATON_E_CORRUPT;
	f.prev_position = baton_get64(p);
	f.skip_position = baton_get64(p + 8);
	f.sealed = p + BATON_LINKS_BYTES;
	f.sealed_n = n - BATON_LINKS_BYTES;
	int rc = f.schema == 1 ? read_old(p, n, &f) : read_frame(p, n, &f);
	if (rc == 0)
		*ret_frame = f;
	return rc;
}

void baton_stored_record(const struct baton_stored *frame, uint32_t i,
			 struct baton_record *ret_record)
{
	const uint8_t *p = frame->sealed - BATON_LINKS_BYTES;
	const uint8_t *event = p + AT_EVENTS + i * (size_t)BATON_EVENT_BYTES;
	struct baton_record record = { .seq = frame->first_seq + i };
	if (frame->schema == 1) {
		record.unix_ms = baton_get64(p + OLD_TIME);
		record.epoch = frame->epoch;
		record.type = baton_get32(p + OLD_TYPE);
		record.marks = frame->marks;
		record.payload.n = frame->payload_n;
	} else {
		record.unix_ms = baton_get64(event + EVENT_TIME);
		record.epoch = baton_get64(event + EVENT_EPOCH);
		record.type = baton_get32(event + EVENT_TYPE);
		record.marks = baton_get32(event + EVENT_MARKS);
		record.payload.n = baton_get32(event + EVENT_BYTES);
	}
	*ret_record = record;
}

int baton_stored_open(struct baton_seal *seal, const uint8_t key[BATON_KEY_BYTES],
		      const struct baton_stored *frame, uint8_t *out)
{
	uint8_t nonce[BATON_NONCE_BYTES];
	frame_nonce(frame->nonce, frame->first_seq, nonce);
	struct baton_seal_job job = { .key = key,
				      .nonce = nonce,
				      .clear = frame->sealed,
				      .clear_n = frame->header_n,
				      .text = frame->sealed + frame->header_n,
				      .text_n = frame->payload_n + BATON_TAG_BYTES };
	return baton_seal_unlock(seal, &job, out) ? 0 : BATON_E_CORRUPT;
}

void baton_stored_hash(struct baton_seal *seal, const struct baton_stored *frame,
		       uint8_t ret_hash[BATON_HASH_BYTES])
{
	baton_seal_hash(seal, frame->sealed, frame->sealed_n, ret_hash);
}

uint64_t baton_stored_begin(uint64_t expected, uint64_t position, const struct baton_stored *frame)
{
	if (position < expected)
		return 0;
	if (!frame)
		return position - expected < BATON_FRAME_RECORDS ? expected : 0;
	return position - expected == frame->n_records - 1 ? expected : 0;
}
