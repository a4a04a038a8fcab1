/* SPDX-License-Identifier: Apache-2.0 */

/* A record as it lies in the log. Little endian, no padding.
 *
 *      0  u64  position of the session's previous record, 0 for its first    } links: an index that
 *      8  u64  position of its newest record whose seq is a multiple of 64   } rides along; not sealed
 *     16  u32  bytes from here to the end                                    \ header: clear, sealed
 *     20  u16  schema                                                        | as associated data
 *     22  u16  0
 *     24  u32  type
 *     28  u32  marks
 *     32  16 B session
 *     48  u64  seq
 *     56  u64  unix ms
 *     64  u64  epoch
 *     72  u32  slot of the session's data key
 *     76  4 B  random half of the nonce
 *     80  32 B SHA-256 of the session's previous record, header to tag       /
 *    112  the payload, sealed, and its 16-byte tag
 *
 * The links are written by the writer, which alone knows positions; everything else by the lane.
 * A wrong link is found because what it leads to is of another session or another seq. */
#pragma once

#include "core/journal/journal.h"
#include "core/journal/seal.h"

enum {
	BATON_STORED_SCHEMA = 1,
	BATON_LINKS_BYTES = 16,
	BATON_HEADER_BYTES = 96,
	BATON_STORED_EXTRA = BATON_LINKS_BYTES + BATON_HEADER_BYTES + BATON_TAG_BYTES,
	BATON_SKIP = 64, /* every how many records a session's chain can be walked in one step */
};

struct baton_stored {
	struct baton_id session;
	uint64_t prev_position, skip_position;
	uint64_t seq, unix_ms, epoch;
	uint32_t type, marks, slot;
	uint16_t schema;
	uint8_t nonce[4];
	uint8_t prev_hash[BATON_HASH_BYTES];
	const uint8_t *sealed; /* header to tag: what the chain's hash is taken over */
	size_t sealed_n, payload_n;
};

/* Bytes of a record with a payload of `payload_n`. */
static inline size_t baton_stored_bytes(size_t payload_n)
{
	return payload_n + BATON_STORED_EXTRA;
}

/* Writes all but the links (zero) from `frame` and the payload. `key`: NULL for that of the record
 * written before. */
void baton_stored_write(struct baton_seal *seal, const uint8_t *key,
		       const struct baton_stored *frame, baton_str payload, uint8_t *out);
void baton_stored_link(uint8_t *value, uint64_t prev_position, uint64_t skip_position);
/* Length of a record that baton_stored_write() made. */
size_t baton_stored_length(const uint8_t *value);
/* Views `value`. 0, BATON_E_CORRUPT if its lengths do not fit, BATON_E_SCHEMA if from a newer
 * one. */
int baton_stored_read(const void *value, size_t n, struct baton_stored *ret_frame);
/* Verifies and decrypts frame->payload_n bytes to `out`. 0 or BATON_E_CORRUPT. */
int baton_stored_open(struct baton_seal *seal, const uint8_t key[BATON_KEY_BYTES],
		     const struct baton_stored *frame, uint8_t *out);
void baton_stored_hash(struct baton_seal *seal, const struct baton_stored *frame,
		      uint8_t ret_hash[BATON_HASH_BYTES]);
/* Where a record with seq `seq` finds its session's newest one with a seq divisible by
 * BATON_SKIP. */
static inline uint64_t baton_stored_skip_of(uint64_t seq, uint64_t prev_position, uint64_t prev_skip)
{
	return seq > 1 && (seq - 1) % BATON_SKIP == 0 ? prev_position : prev_skip;
}
