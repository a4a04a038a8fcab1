/* SPDX-License-Identifier: Apache-2.0 */

/* Erasing conversations: what there is of them, and the end of it. Blocking: for jobs and for the
 * command line, which may do it on a stopped server. */
#pragma once

#include "core/base/id.h"
#include "core/files/files.h"
#include "core/journal/journal.h"

struct erase_row {
	struct baton_id session;
	uint64_t opened_ms, records;
	struct baton_files_sum files;
	int rc; /* of its erasure */
};

struct erase_list {
	struct erase_row *rows;
	size_t n, cap;
};
void erase_list_done(struct erase_list *list);

/* Where to look. */
struct erase_place {
	struct baton_journal *journal;
	struct baton_files *files;
};
/* 0, BATON_E_NOTFOUND, _CORRUPT, _IO. One that is erased already is found all the same: its erasure
 * may have been cut short. */
int erase_find_session(const struct erase_place *place, const struct baton_id *session,
		       struct erase_list *list);
/* Conversations that were opened for this customer, or in which a signed identity named him. There is
 * no index: reads the whole log once. Those erased before are not found: nobody knows whose they
 * were. */
int erase_find_customer(const struct erase_place *place, baton_str customer,
			struct erase_list *list);
/* Destroys the key and removes the files; what is done already is done. 0 or <0. */
int erase_finish(const struct erase_place *place, const struct baton_id *session);
/* [offline: no server has the journal] Writes session_erased, then as above. */
int erase_offline(const struct erase_place *place, const struct baton_id *session, baton_str by,
		  uint64_t unix_ms);
/* `"sessions":..,"records":..,"files":..,"bytes":..,"erased":..,"failed":..,"list":[..]`, at most a
 * thousand of the list. */
void erase_json(const struct erase_list *list, bool dry_run, struct baton_buf *out);
