/* SPDX-License-Identifier: Apache-2.0 */

/* A row of the log: a frame that holds records of one session which were appended together. Sealing
 * and hashing cost OpenSSL's calls far more than their bytes, so an append is one frame as long as
 * that fits a page (BATON_FRAME_BYTES), and the record of a frame's own otherwise. A row's key is the
 * position of its last record. Little endian, no padding.
 *
 *      0  u64  position of the session's previous row, 0 for its first        } links: an index that
 *      8  u64  position of its newest row with a seq that is a multiple of 64 } rides along; not sealed
 *     16  u32  bytes from here to the end                                     \ header: clear, sealed
 *     20  u16  schema: 2                                                      | as associated data
 *     22  u16  n, how many records
 *     24  16 B session
 *     40  u64  seq of the first record; the others follow
 *     48  u32  slot of the session's data key
 *     52  4 B  random half of the nonce
 *     56  32 B SHA-256 of the session's previous row, header to tag
 *     88  n *  u32 type, u32 marks, u32 bytes of the payload, u64 unix ms,
 *              u64 epoch                                                      /
 *          the payloads one behind the other, sealed as one, and their 16-byte tag
 *
 * Schema 1, which is only read, held one record: u16 0 at 22, then u32 type, u32 marks, session, seq,
 * unix ms, epoch, slot, nonce, hash; the payload at 112. A chain may begin in one and go on in the
 * other: what is hashed is in both all from the header to the tag.
 *
 * The links are written by the writer, which alone knows positions; everything else by the lane.
 * A wrong link is found because what it leads to is of another session or another seq. */
#pragma once

#include "core/journal/journal.h"
#include "core/journal/seal.h"

enum {
	BATON_STORED_SCHEMA = 2,
	BATON_LINKS_BYTES = 16,
	BATON_HEADER_BYTES = 72, /* without its records */
	BATON_EVENT_BYTES = 28,  /* of the header, for each record */
	BATON_STORED_EXTRA =
		BATON_LINKS_BYTES + BATON_HEADER_BYTES + BATON_EVENT_BYTES + BATON_TAG_BYTES,
	BATON_FRAME_RECORDS = BATON_APPEND_RECORDS_MAX,
	/* A row of more than half a page gets pages of its own from LMDB: one, up to here. More than
	 * one would have to lie side by side, and to find such is dear. */
	BATON_FRAME_BYTES = 4096 - 16
};

struct baton_stored {
	struct baton_id session;
	uint64_t prev_position, skip_position;
	uint64_t first_seq, seq; /* of the first and of the last record */
	uint64_t epoch;          /* after the last record */
	uint32_t marks;          /* likewise */
	uint32_t slot, n_records;
	uint16_t schema;
	uint8_t nonce[4];
	uint8_t prev_hash[BATON_HASH_BYTES];
	const uint8_t *sealed; /* header to tag: what the chain's hash is taken over */
	size_t sealed_n, header_n, payload_n;
};

/* How many of the records, from the first on, share a frame; *ret_bytes: how long that is. */
size_t baton_stored_fit(const struct baton_record *records, size_t n, size_t *ret_bytes);
/* Writes session and n_records of `frame` and as many records, in clear. The links are zero; slot,
 * nonce, hash and tag are written by baton_stored_seal(). */
void baton_stored_write(const struct baton_stored *frame, const struct baton_record *records,
			uint8_t *out);
/* Seals what was written, where it lies, with slot, nonce and prev_hash of `frame`. `key`: NULL for
 * that of the frame sealed before. */
void baton_stored_seal(struct baton_seal *seal, const uint8_t *key,
		       const struct baton_stored *frame, uint8_t *out);
void baton_stored_link(uint8_t *value, uint64_t prev_position, uint64_t skip_position);
/* Length, number of records, and hash of the row before it, of a frame that baton_stored_write()
 * made. */
size_t baton_stored_length(const uint8_t *value);
uint32_t baton_stored_count(const uint8_t *value);
const uint8_t *baton_stored_prev_hash(const uint8_t *value);
/* Views `value`. 0, BATON_E_CORRUPT if its lengths do not fit, BATON_E_SCHEMA if from a newer
 * one. */
int baton_stored_read(const void *value, size_t n, struct baton_stored *ret_frame);
/* What the header says of record `i`; its payload is payload.n bytes behind those of the records
 * before it. */
void baton_stored_record(const struct baton_stored *frame, uint32_t i,
			 struct baton_record *ret_record);
/* Verifies and decrypts frame->payload_n bytes to `out`. 0 or BATON_E_CORRUPT. */
int baton_stored_open(struct baton_seal *seal, const uint8_t key[BATON_KEY_BYTES],
		      const struct baton_stored *frame, uint8_t *out);
void baton_stored_hash(struct baton_seal *seal, const struct baton_stored *frame,
		       uint8_t ret_hash[BATON_HASH_BYTES]);
/* Where the records of the row at `position` begin, if all before `expected` are accounted for. Of a
 * damaged frame (NULL) it is believed that it held what is missing, as far as one can.
 * 0: records are missing, or are there twice. */
uint64_t baton_stored_begin(uint64_t expected, uint64_t position, const struct baton_stored *frame);
