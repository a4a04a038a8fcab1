/* SPDX-License-Identifier: Apache-2.0 */

/* What the shelf's two files share: rows in memory (shelf.c), and files on disk (shelf_file.c). */
#pragma once

#include "core/module/shelf.h"

#include <pthread.h>

struct baton_shelf_row {
	char module[64];
	uint8_t sha256[32];
	uint64_t at_ms;
	char text[BATON_SHELF_REASON_MAX]; /* of a quarantine: why; of a crash: how */
};

struct baton_shelf_rows { /* newest first */
	struct baton_shelf_row *v;
	size_t n;
};

struct baton_shelf {
	pthread_mutex_t lock; /* all below but `dir` */
	char *dir;
	unsigned keep;
	uint64_t (*unix_ms)(void);
	struct baton_shelf_rows good, quarantine, crashes;
};

/* At the front. The row is good until the next change of the list. */
struct baton_shelf_row *baton_shelf_row_new(struct baton_shelf_rows *rows, const char *module,
					    const uint8_t sha256[32], uint64_t at_ms,
					    const char *text);
void baton_shelf_rows_done(struct baton_shelf *shelf);
/* The index is this, too. */
void baton_shelf_rows_json(const struct baton_shelf *shelf, struct baton_buf *out);

/* --- shelf_file.c ------------------------------------------------------------------------- */

/* Makes the directory, reads the index or rebuilds it. 0 or BATON_E_IO. */
int baton_shelf_read(struct baton_shelf *shelf, char *why, size_t cap);
/* 0 or BATON_E_IO; logged. */
int baton_shelf_write(struct baton_shelf *shelf);
/* Empty bytes: it must be there. */
int baton_shelf_file_write(struct baton_shelf *shelf, const uint8_t sha256[32], baton_str bytes);
/* Is it there, with the bytes its name says? Its path. 0 or BATON_E_NOTFOUND. */
int baton_shelf_file_good(struct baton_shelf *shelf, const uint8_t sha256[32], char *path,
			  size_t cap);
void baton_shelf_file_remove(struct baton_shelf *shelf, const uint8_t sha256[32]);
