/* SPDX-License-Identifier: Apache-2.0 */

/* Finding passages: one loop's own read-only connection to the shared index, and the ranking. */
#pragma once

#include "library.h"
#include "query.h"

#include <jansson.h>

enum { HITS_MAX = 32, HITS_PER_ARTICLE_MAX = 2 };

struct hit {
	uint32_t passage;
	uint32_t score_ppm; /* how likely this answers, see search.c */
};

/* Indexes the library's articles and passages into library->image. `articles` is the list they were
 * read from (it has the `also`). 0 or -1. */
int index_build(struct library *library, const json_t *articles);

struct search; /* of one loop */
/* NULL: no memory. The library must outlive it. */
struct search *search_new(const struct library *library);
void search_free(struct search **search);
/* What is looked among; a member that is "" leaves nothing out. */
struct search_filter {
	char audience[16]; /* "customers", "agents" */
	char language[9];
	char intent[QUERY_INTENT_MAX]; /* that the article declares */
};
struct search_question {
	const char *text, *intent; /* what was asked; the intent's name, if it is known */
	size_t n, n_intent;
	const struct search_filter *filter; /* NULL: none */
	char language[9];                   /* the customer's, "" if unknown */
	int64_t today;                      /* days since 1970 */
	uint32_t k;                         /* at most so many passages */
};
/* The best passages for a customer's words, best first; returns how many, <0 on error. Any bytes are
 * valid. `hits` has room for HITS_MAX. */
int search_run(struct search *search, const struct search_question *question, struct hit hits[]);
