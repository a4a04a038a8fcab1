/* SPDX-License-Identifier: Apache-2.0 */

/* Room ahead: writes zeros behind the last page of LMDB's file before the pages are needed, because
 * a commit that lengthens the file costs a third to a half more (the file system's own journal).
 *
 * LMDB does not mind a longer file: its last page is named by the meta page, not by the length. The
 * danger is the other way round: a zero written over a page that was just committed. So there is a
 * frontier that the helper alone moves. A commit that is certain to end below it needs no lock; one
 * that might reach it is done under the lock, where the helper does not write. */
#pragma once

#include "core/journal/store.h"

struct baton_space {
	struct baton_store *store;
	int fd; /* of its own: other flags than LMDB's */
	pthread_t helper;
	bool has_helper, stop; /* stop: under lock */
	pthread_mutex_t lock;
	pthread_cond_t more;
	_Atomic uint64_t frontier; /* bytes; written under lock */
	_Atomic bool asked;        /* the helper has work */
	uint64_t reserve_bytes;    /* free disk that is not ours to fill ahead of need */
	_Atomic uint64_t free_bytes, free_at_us; /* cached answer of the file system */
};

/* Starts the helper (not in fsck). 0 or BATON_E_IO. */
int baton_space_open(struct baton_space *space, struct baton_store *store, uint64_t reserve_bytes);
void baton_space_close(struct baton_space *space);
/* [writer] mdb_txn_commit() of a transaction that dirties at most `pages_max` pages. LMDB's
 * code. */
int baton_space_commit(struct baton_space *space, MDB_txn *txn, uint64_t pages_max);
/* [any thread] Free disk, at most a second old. */
uint64_t baton_space_free(struct baton_space *space);
