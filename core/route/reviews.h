/* SPDX-License-Identifier: Apache-2.0 */

/* What people made of drafts lately: for each intent, and for each target that wrote for it. The fact
 * `override_rate` of a route comes from here, and `baton status` shows it.
 *
 * The newest BATON_REVIEWS_N reviews of a day count, whenever they were: a draft is read minutes or
 * hours after it was written, so a window of minutes would hold too few to say anything, and a
 * restart must not forget what people think of a model. Times are those of the wall clock, because
 * they outlive the process. Pure, one thread: the board's.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/table.h"
#include "core/route/board.h"

enum {
	BATON_REVIEWS_N = 64,
	BATON_REVIEWS_MIN = 10,       /* fewer are no share: 0 takes its place */
	BATON_REVIEWS_ROWS_MAX = 1024 /* intents and their targets; further ones are not kept */
};
static const uint64_t BATON_REVIEWS_MS = 86400000;

struct baton_review_row;
struct baton_reviews {
	struct baton_review_row
		*rows; /* a hash by intent and target; target "": all of the intent */
	bool dirty;    /* the next baton_board_save() should hold it */
};

/* Of the reviews that count. */
struct baton_review_sum {
	uint32_t n, overridden, override_ppm; /* 0 while there are too few */
	uint32_t edit_ppm;                    /* mean over those that were sent */
};

void baton_reviews_done(struct baton_reviews *reviews);
void baton_reviews_add(struct baton_reviews *reviews, uint64_t unix_ms,
		       const struct baton_review *review);
/* `target` "": whoever wrote it. */
void baton_reviews_sum(const struct baton_reviews *reviews, uint64_t unix_ms, const char *intent,
		       const char *target, struct baton_review_sum *ret_sum);
/* For people: [{"intent","target"?,"reviews","overridden","override_ppm","edit_ppm"}]. */
void baton_reviews_json(const struct baton_reviews *reviews, uint64_t unix_ms,
			struct baton_buf *out);

/* For a restart: [{"intent","target","v":[[unix_ms,edit_ppm,verdict],...]}], verdict 0
 * accepted, 1 edited, 2 rejected. */
void baton_reviews_save(struct baton_reviews *reviews, uint64_t unix_ms, struct baton_buf *out);
/* False if `list` is not of that form; nothing is added then. */
bool baton_reviews_load(struct baton_reviews *reviews, uint64_t unix_ms,
			const struct baton_json *list);
