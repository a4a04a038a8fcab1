/* SPDX-License-Identifier: Apache-2.0 */

/* What the two halves of fsck share: what the log says (fsck.c walks it), against which the indexes
 * are compared and from which they are rebuilt (fsck_index.c). */
#pragma once

#include "core/journal/inside.h"
#include "core/journal/table.h"

/* A session as its records tell it. */
struct baton_fsck_session {
	struct baton_id id;
	struct baton_head head; /* what the index should say */
	uint64_t indexed_seq;   /* newest seq at or before the indexed position */
	bool is_bad, is_erased, has_row;
	UT_hash_handle hh;
};

/* A link that leads elsewhere than it should. */
struct baton_fsck_link {
	uint64_t position, prev_position, skip_position;
};

struct baton_fsck {
	struct baton_store store;
	struct baton_seal seal;
	void (*report)(void *ud, bool is_error, const char *line);
	void *ud;
	struct baton_fsck_counts counts;
	struct baton_fsck_session *sessions;
	struct baton_fsck_link *links;
	size_t n_links, cap_links;
	uint64_t indexed, last;
	uint64_t index_errors; /* of counts.errors: what a rebuilt index would mend */
};

/* Counts and tells an error. */
__attribute__((format(printf, 2, 3))) void baton_fsck_wrong(struct baton_fsck *fsck,
							    const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void baton_fsck_note(struct baton_fsck *fsck, const char *fmt,
							   ...);
/* NULL if no record of it was met. */
struct baton_fsck_session *baton_fsck_find(struct baton_fsck *fsck, const struct baton_id *id);

/* Compares all index tables with the sessions. 0 or an error that ends the check. */
int baton_fsck_indexes(struct baton_fsck *fsck, MDB_txn *txn);
/* Writes heads, work, links and the indexed position anew; drops snapshots that do not open. */
int baton_fsck_repair(struct baton_fsck *fsck);
