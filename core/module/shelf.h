/* SPDX-License-Identifier: Apache-2.0 */

/* The shelf: DATA/shelf. It keeps the files of modules that have served well, so that there is
 * something to go back to when the file in the modules directory is gone or bad, and it remembers
 * which files may not come in again.
 *
 *   DATA/shelf/<sha256>.so    a good file, 0500
 *   DATA/shelf/index.json     names, times, quarantine and recent crashes; index.old: the one before
 *
 * Written whole, to a new file, synced and renamed: a power cut leaves the old index or the new one.
 * A damaged index is said in one line, set aside and rebuilt (from index.old, else from the files);
 * it never keeps the server from starting. All functions may be called from any thread; they read
 * and write files, so not on a worker's loop. A shelf of NULL knows nothing and keeps nothing. */
#pragma once

#include "core/base/buf.h"

struct baton_shelf;

enum {
	BATON_SHELF_KEEP = 3,               /* good files of each module, if nothing else is said */
	BATON_SHELF_CRASHES_MAX = 3,        /* so many ... */
	BATON_SHELF_CRASH_WINDOW_MS = 300000, /* ... in so long: quarantine */
	BATON_SHELF_REASON_MAX = 256
};

struct baton_shelf_options {
	const char *dir;           /* made, 0700 */
	unsigned keep;             /* 0: BATON_SHELF_KEEP */
	uint64_t (*unix_ms)(void); /* NULL: the wall clock */
};

/* 0, or BATON_E_IO with one line in `why` (the directory cannot be made or written). */
int baton_shelf_open(const struct baton_shelf_options *options, struct baton_shelf **ret,
		     char *why, size_t cap);
void baton_shelf_close(struct baton_shelf **shelf);
/* From now on so many good ones of each module (releases.yaml: keep). */
void baton_shelf_keep_n(struct baton_shelf *shelf, unsigned keep);

/* --- good files --------------------------------------------------------------------------- */

/* This file of this module has served well: it becomes the newest good one. Files that no module
 * keeps any more are removed. 0, or BATON_E_IO (logged). `bytes` empty: only if it is there already
 * (BATON_E_NOTFOUND). Call it when a release is published, or better when it has proved itself. */
int baton_shelf_keep(struct baton_shelf *shelf, const char *module, const uint8_t sha256[32],
		     baton_str bytes);

struct baton_shelf_file {
	uint8_t sha256[32];
	uint64_t at_ms; /* unix; when it was last kept */
	char path[4096];
};
/* The n-th last good file of a module, 0 the newest; the quarantined are passed over, and so are
 * those whose bytes are not what their name says. 0 or BATON_E_NOTFOUND. */
int baton_shelf_good(struct baton_shelf *shelf, const char *module, unsigned n,
		     struct baton_shelf_file *ret);
/* The file with this hash, whatever is known of it: to stage a release of the past again. 0 or
 * BATON_E_NOTFOUND. */
int baton_shelf_find(struct baton_shelf *shelf, const uint8_t sha256[32],
		     struct baton_shelf_file *ret);

/* --- quarantine --------------------------------------------------------------------------- */

/* `reason`: a few words, "3 crashes in 5 min". */
void baton_shelf_quarantine(struct baton_shelf *shelf, const uint8_t sha256[32],
			    const char *module, const char *reason);
/* True: it may not come in. `reason` gets the whole line for the operator: "quarantined on
 * 2026-11-21: 3 crashes in 5 min; `baton module forgive 1a2b3c4d5e6f` lets it in again". */
bool baton_shelf_quarantined(struct baton_shelf *shelf, const uint8_t sha256[32], char *reason,
			     size_t cap);
/* `sha`: all 64 digits, or a prefix of at least 6 that fits one alone. Its crashes are forgotten,
 * too. 0, BATON_E_NOTFOUND, BATON_E_INVAL (no hash, or it fits several). */
int baton_shelf_forgive(struct baton_shelf *shelf, const char *sha, uint8_t ret_sha256[32]);

enum baton_shelf_crash {
	BATON_SHELF_CRASH,   /* the third in five minutes quarantines */
	BATON_SHELF_AT_BOOT, /* at once: it would not come up again */
	BATON_SHELF_HANG     /* at once */
};
/* A generation of this file has crashed: its process, or the server with it. `how` is a few words,
 * "SIGSEGV at 0x10f9 in start". Counted in the index, so restarts do not forgive. True: it is in
 * quarantine now; then the reason is known to baton_shelf_quarantined(). */
bool baton_shelf_crashed(struct baton_shelf *shelf, const char *module, const uint8_t sha256[32],
			 enum baton_shelf_crash kind, const char *how);

/* {"good":[{"module","sha256","at_ms","quarantined":false}],
 *  "quarantined":[{"sha256","module","reason","at_ms"}],
 *  "crashes":[{"sha256","module","at_ms","how"}]}: newest first. */
void baton_shelf_json(struct baton_shelf *shelf, struct baton_buf *out);
