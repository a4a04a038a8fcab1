/* SPDX-License-Identifier: Apache-2.0 */

/* The knowledge of one configuration: articles, their passages, and a full-text index of both.
 * Read-only once built and shared by all loops that were given the same configuration. */
#pragma once

#include "lines.h"
#include "tongue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct article {
	char *id, *title, *uri, *updated; /* never NULL */
	uint64_t updated_unix_ms;         /* 0: not a date */
	int64_t last_day;                 /* of its validity, days since 1970; INT64_MAX: no end */
	char language[9];                 /* "de" */
	int tongue;                       /* tongue.h */
	bool for_agents;                  /* no customer may read it */
};
/* An intent that an article says it answers. */
struct tag {
	char *intent;
	uint32_t article;
};
struct passage {
	uint32_t article;
	uint32_t n, n_row; /* bytes of the text; and with title and "also asked as" */
	char *text;        /* NUL-terminated, n bytes before that */
};
struct library {
	struct article *articles;
	struct passage *passages;
	struct tag *tags; /* in the articles' order */
	uint32_t n_articles, n_passages, n_tags;
	uint32_t min_score_ppm; /* weaker matches are not returned */
	struct lines lines;     /* titles and "also asked as" */
	struct lines grams;     /* passages of articles without a stemmer; `of` is the passage */
	struct tongues_counts *counts; /* rows of the index that have a word */
	uint32_t tongues;              /* bit for each that articles are in, TONGUES_PLAIN */
	unsigned n_languages;          /* more than one: the customer's own comes first */
	char language[9];              /* of articles that do not say theirs */
	double average_bytes;          /* of a row of the index */
	unsigned char *image;          /* a serialised SQLite database, see index_build() */
	int64_t image_bytes;
};

/* Reads and indexes; takes seconds for many articles. NULL: `why` (static text) says what is wrong. */
struct library *library_make(const char *json, size_t n, const char **why);
void library_free(struct library **library);
