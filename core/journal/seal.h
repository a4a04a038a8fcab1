/* SPDX-License-Identifier: Apache-2.0 */

/* Cryptography of the journal: AES-256-GCM and SHA-256 of OpenSSL, with contexts that are made once
 * and used again. One `struct baton_seal` belongs to one thread at a time.
 *
 * OpenSSL can only fail here when the machine is out of memory or has no such cipher; both end the
 * process (see core/base/mem.h), so sealing has no error to pass on. Opening fails when the tag
 * does not fit. */
#pragma once

#include "core/base/str.h"

enum { BATON_KEY_BYTES = 32, BATON_NONCE_BYTES = 12, BATON_TAG_BYTES = 16, BATON_HASH_BYTES = 32 };

struct baton_seal {
	struct evp_cipher_ctx_st *lock, *unlock;
	struct evp_md_ctx_st *md;
	size_t pool_left;
	uint8_t pool
		[1024]; /* random bytes in stock: asking OpenSSL for four costs as much as for all */
};

void baton_seal_init(struct baton_seal *seal);
void baton_seal_done(struct baton_seal *seal);
void baton_seal_random(struct baton_seal *seal, void *p, size_t n);

/* What is sealed, under which key. `out` of lock takes text_n bytes and the tag behind them, and may
 * be `text`; `text` of unlock includes the tag. */
struct baton_seal_job {
	const uint8_t *key;   /* BATON_KEY_BYTES; lock: NULL for that of the lock before */
	const uint8_t *nonce; /* BATON_NONCE_BYTES */
	const uint8_t *clear; /* associated data */
	size_t clear_n;
	const uint8_t *text;
	size_t text_n;
};
void baton_seal_lock(struct baton_seal *seal, const struct baton_seal_job *job, uint8_t *out);
/* True if the tag fits; then `out` has text_n - BATON_TAG_BYTES bytes. */
bool baton_seal_unlock(struct baton_seal *seal, const struct baton_seal_job *job, uint8_t *out);
void baton_seal_hash(struct baton_seal *seal, const void *p, size_t n,
		     uint8_t ret_hash[BATON_HASH_BYTES]);
/* Overwrites so that no compiler leaves it out. */
void baton_seal_forget(void *p, size_t n);
