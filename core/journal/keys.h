/* SPDX-License-Identifier: Apache-2.0 */

/* The key file: one 64-byte slot per session, holding its data key wrapped by the master key.
 *
 * It lies beside LMDB and not in it, because LMDB never overwrites: erasing a session means that
 * its slot is overwritten in place and synced. Slot 0 is a check value that tells at once whether
 * the master key fits. Slots are never used twice. */
#pragma once

#include "core/base/id.h"
#include "core/journal/seal.h"

#include <pthread.h>
#include <stdatomic.h>

enum { BATON_SLOT_BYTES = 64, BATON_KEYS_CACHED = 4096 };

/* A slot as it lies in the file. */
struct baton_key_row {
	uint32_t slot; /* where it goes; not part of the bytes */
	uint8_t b[BATON_SLOT_BYTES];
};

struct baton_key_cached {
	uint32_t slot; /* 0: empty */
	struct baton_id session;
	uint8_t key[BATON_KEY_BYTES];
};

struct baton_keys {
	int fd;
	bool read_only;
	uint64_t bytes; /* of the file; it grows ahead of use. Writer only, after open */
	_Atomic uint32_t next_slot;
	_Atomic uint64_t erasures; /* rises by one per erased session: cached keys may be void */
	uint8_t master[BATON_KEY_BYTES];
	pthread_mutex_t lock;
	struct baton_key_cached *cached; /* BATON_KEYS_CACHED, placed by slot; under lock */
};

enum baton_keys_way {
	BATON_KEYS_READ,  /* another process may be writing: nothing is kept, since it may erase */
	BATON_KEYS_WRITE,
	BATON_KEYS_CREATE /* what is missing */
};

/* Reads or makes the master key and the key file in `dir_path`.
 * 0, BATON_E_DENIED (key missing, of another size, or not the right one), _IO, _FULL, _CORRUPT.
 * On failure nothing is left open. Logs the reason. */
int baton_keys_open(struct baton_keys *keys, const char *dir_path, const char *key_path,
		    enum baton_keys_way way);
void baton_keys_close(struct baton_keys *keys);

/* [any thread] A fresh data key and the slot for it; nothing is written yet. */
void baton_keys_make(struct baton_keys *keys, struct baton_seal *seal,
		     const struct baton_id *session, uint8_t ret_key[BATON_KEY_BYTES],
		     struct baton_key_row *ret_row);
/* [writer] Writes rows and syncs. 0, BATON_E_FULL or _IO. Sorts `rows`. */
int baton_keys_write(struct baton_keys *keys, struct baton_key_row *rows, size_t n);
/* [any thread] 0, BATON_E_ERASED, _CORRUPT (no key, or not of this session), _IO. */
int baton_keys_get(struct baton_keys *keys, struct baton_seal *seal, uint32_t slot,
		   const struct baton_id *session, uint8_t ret_key[BATON_KEY_BYTES]);
/* [writer] Overwrites the slot with random bytes, then with a tombstone; each time synced. 0 or
 * _IO. */
int baton_keys_erase(struct baton_keys *keys, struct baton_seal *seal, uint32_t slot);
