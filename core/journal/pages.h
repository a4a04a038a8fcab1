/* SPDX-License-Identifier: Apache-2.0 */

/* LMDB's file, looked at before LMDB maps it.
 *
 * LMDB trusts what it reads: a shortened file is a SIGBUS, a flipped bit in a page header a wild
 * read. So the journal reads the pages itself first, with bounds on everything: at every start the
 * meta pages, the free list and the page path that the next append takes; in fsck all of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct baton_pages {
	/* in */
	void (*tell)(void *ud, const char *line); /* each finding; may be NULL */
	void *ud;
	bool all;  /* every page, not only what a start needs */
	bool live; /* another process may be writing: what only a change explains is no finding */
	/* out */
	uint64_t errors, pages;
	uint64_t used_bytes; /* the file must be at least this long */
};

/* 0, BATON_E_CORRUPT (what is wrong was told), BATON_E_IO. A missing or empty file is 0. */
int baton_pages_check(const char *path, struct baton_pages *pages);
