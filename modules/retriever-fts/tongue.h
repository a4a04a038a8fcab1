/* SPDX-License-Identifier: Apache-2.0 */

/* Languages: which have a stemmer, and the FTS5 tokenizer that stems each article in its own and a
 * question in all that the library has. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TONGUES_MAX = 31, TONGUE_NONE = -1 };
#define TONGUES_PLAIN (UINT32_C(1) << 31) /* some articles are in a language without a stemmer */

/* "de", "de-AT" or "DE": a number below TONGUES_MAX; TONGUE_NONE: none that has a stemmer. */
int tongue_of(const char *tag, size_t n);
/* The part before the first '-' or '_' in small letters; "" if it is no tag. `to` has `cap` > 0. */
void tongue_primary(const char *tag, size_t n, char *to, size_t cap);

/* Stemmers of one connection; one thread at a time. */
struct tongues;
/* `used`: bit per tongue that questions are stemmed in. NULL: no memory. */
struct tongues *tongues_new(uint32_t used);
void tongues_free(struct tongues **tongues);
/* What is indexed from now on is in this tongue; TONGUE_NONE: words are left as they are. */
void tongues_write(struct tongues *tongues, int tongue);
/* In how many rows each word is; counted while they are indexed, read-only afterwards. */
struct tongues_counts;
/* What is indexed from now on is this row, and counted. 0 or -1 (no memory). */
int tongues_count(struct tongues *tongues, uint32_t row);
/* Takes what was counted; NULL: nothing was. */
struct tongues_counts *tongues_take_counts(struct tongues *tongues);
void tongues_counts_free(struct tongues_counts **counts);
/* About how many rows have a word of a question, in any of its forms; after tongues_join(). */
uint32_t tongues_rows(const struct tongues *tongues, const struct tongues_counts *counts,
		      const char *word, size_t n);
/* FTS5's function table of a connection, NULL if it has none. */
fts5_api *tongues_fts5(sqlite3 *db);
/* Makes tokenize='tongues' known to the connection, which must be closed before the tongues are
 * freed. 0 or -1. */
int tongues_join(struct tongues *tongues, sqlite3 *db);
