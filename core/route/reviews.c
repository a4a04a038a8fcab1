/* SPDX-License-Identifier: Apache-2.0 */

/* What people made of drafts; reviews.h says what counts. */

#include "core/route/reviews.h"

enum { PPM = 1000000 };

struct review {
	uint64_t unix_ms;
	uint32_t edit_ppm;
	enum verdict { ACCEPTED, EDITED, REJECTED, VERDICTS } verdict;
};

/* Zeroed before it is filled: it is compared byte by byte. */
struct row_key {
	char intent[BATON_NAME_BYTES_MAX + 1], target[BATON_NAME_BYTES_MAX + 1];
};

struct baton_review_row {
	struct row_key key;
	struct review newest[BATON_REVIEWS_N]; /* a ring */
	uint64_t total;
	UT_hash_handle hh;
};

void baton_reviews_done(struct baton_reviews *reviews)
{
	struct baton_review_row *row, *next;

	HASH_ITER(hh, reviews->rows, row, next) {
		HASH_DEL(reviews->rows, row);
		baton_free(row);
	}
}

static bool key_of(struct row_key *key, const char *intent, const char *target)
{
	memset(key, 0, sizeof(*key));
	if (strlen(intent) > BATON_NAME_BYTES_MAX || strlen(target) > BATON_NAME_BYTES_MAX)
		return false;
	memcpy(key->intent, intent, strlen(intent));
	memcpy(key->target, target, strlen(target));
	return true;
}

static struct baton_review_row *find(const struct baton_reviews *reviews, const struct row_key *key)
{
	struct baton_review_row *row;

	HASH_FIND(hh, reviews->rows, key, sizeof(*key), row);
	return row;
}

static void add(struct baton_reviews *reviews, const char *intent, const char *target,
		const struct review *review)
{
	struct row_key key;

	if (!key_of(&key, intent, target))
		return;
	struct baton_review_row *row = find(reviews, &key);
	if (!row) {
		if (HASH_COUNT(reviews->rows) >= BATON_REVIEWS_ROWS_MAX)
			return;
		row = baton_new(struct baton_review_row);
		row->key = key;
		HASH_ADD(hh, reviews->rows, key, sizeof(row->key), row);
	}
	row->newest[row->total++ % BATON_REVIEWS_N] = *review;
}

void baton_reviews_add(struct baton_reviews *reviews, uint64_t unix_ms,
		       const struct baton_review *review)
{
	struct review kept = { unix_ms, review->edit_ppm,
			       baton_str_is(review->action, "accepted") ? ACCEPTED
			       : baton_str_is(review->action, "edited") ? EDITED
									: REJECTED };

	add(reviews, review->intent, "", &kept);
	if (review->target[0])
		add(reviews, review->intent, review->target, &kept);
	reviews->dirty = true;
}

/* The k-th that is kept, oldest first. */
static const struct review *review_at(const struct baton_review_row *row, uint64_t k)
{
	uint64_t first = row->total > BATON_REVIEWS_N ? row->total - BATON_REVIEWS_N : 0;

	return &row->newest[(first + k) % BATON_REVIEWS_N];
}

static uint64_t kept(const struct baton_review_row *row)
{
	return row->total < BATON_REVIEWS_N ? row->total : BATON_REVIEWS_N;
}

/* A clock that was set back makes none of them too old. */
static bool counts(const struct review *review, uint64_t unix_ms)
{
	return review->unix_ms + BATON_REVIEWS_MS > unix_ms;
}

static void sum_row(const struct baton_review_row *row, uint64_t unix_ms,
		    struct baton_review_sum *ret)
{
	uint64_t edits = 0, sent = 0;

	*ret = (struct baton_review_sum){ 0 };
	for (uint64_t k = 0; k < kept(row); k++) {
		const struct review *review = review_at(row, k);

		if (!counts(review, unix_ms))
			continue;
		ret->n++;
		ret->overridden += review->verdict != ACCEPTED;
		if (review->verdict != REJECTED) {
			sent++;
			edits += review->edit_ppm;
		}
	}
	if (ret->n >= BATON_REVIEWS_MIN)
		ret->override_ppm = (uint32_t)((uint64_t)ret->overridden * PPM / ret->n);
	ret->edit_ppm = sent > 0 ? (uint32_t)(edits / sent) : 0;
}

void baton_reviews_sum(const struct baton_reviews *reviews, uint64_t unix_ms, const char *intent,
		       const char *target, struct baton_review_sum *ret_sum)
{
	struct row_key key;
	const struct baton_review_row *row =
		key_of(&key, intent, target) ? find(reviews, &key) : NULL;

	*ret_sum = (struct baton_review_sum){ 0 };
	if (row)
		sum_row(row, unix_ms, ret_sum);
}

static void begin_row(const struct baton_review_row *row, struct baton_buf *out)
{
	baton_buf_z(out, out->p[out->n - 1] == '[' ? "{\"intent\":" : ",{\"intent\":");
	baton_buf_json(out, baton_str_of(row->key.intent));
	if (row->key.target[0]) {
		baton_buf_z(out, ",\"target\":");
		baton_buf_json(out, baton_str_of(row->key.target));
	}
}

void baton_reviews_json(const struct baton_reviews *reviews, uint64_t unix_ms,
			struct baton_buf *out)
{
	const struct baton_review_row *row;

	baton_buf_z(out, "[");
	for (row = reviews->rows; row; row = row->hh.next) {
		struct baton_review_sum sum;

		sum_row(row, unix_ms, &sum);
		if (sum.n == 0)
			continue;
		begin_row(row, out);
		baton_buf_printf(out,
				 ",\"reviews\":%u,\"overridden\":%u,\"override_ppm\":%u,"
				 "\"edit_ppm\":%u}",
				 sum.n, sum.overridden, sum.override_ppm, sum.edit_ppm);
	}
	baton_buf_z(out, "]");
}

/* --- over a restart --- */

void baton_reviews_save(struct baton_reviews *reviews, uint64_t unix_ms, struct baton_buf *out)
{
	const struct baton_review_row *row;

	baton_buf_z(out, "[");
	for (row = reviews->rows; row; row = row->hh.next) {
		begin_row(row, out);
		baton_buf_z(out, ",\"v\":[");
		for (uint64_t k = 0; k < kept(row); k++) {
			const struct review *review = review_at(row, k);

			if (!counts(review, unix_ms))
				continue;
			baton_buf_printf(out, "%s[%llu,%u,%u]",
					 out->p[out->n - 1] == '[' ? "" : ",",
					 (unsigned long long)review->unix_ms, review->edit_ppm,
					 (unsigned)review->verdict);
		}
		baton_buf_z(out, "]}");
	}
	baton_buf_z(out, "]");
	reviews->dirty = false;
}

static bool read_name(const struct baton_json *object, const char *key, struct baton_arena *arena,
		      const char **ret)
{
	struct baton_json value = baton_json_get(object, key);
	baton_str text = baton_json_text(&value, arena);

	*ret = "";
	if (value.type == BATON_JSON_NONE)
		return true;
	if (value.type != BATON_JSON_STRING || text.n > BATON_NAME_BYTES_MAX ||
	    memchr(text.p ? text.p : "", '\0', text.n))
		return false;
	*ret = baton_arena_dup(arena, text.p, text.n);
	return true;
}

static bool read_review(const struct baton_json *triple, struct review *ret)
{
	struct baton_json part;
	uint64_t numbers[3];
	size_t at = 0, n = 0;

	if (triple->type != BATON_JSON_ARRAY)
		return false;
	while (baton_json_element(triple, &at, &part)) {
		if (n == 3 || baton_json_u64(&part, 1) != baton_json_u64(&part, 2))
			return false;
		numbers[n++] = baton_json_u64(&part, 0);
	}
	if (n != 3 || numbers[1] > PPM || numbers[2] >= VERDICTS)
		return false;
	*ret = (struct review){ numbers[0], (uint32_t)numbers[1], (enum verdict)numbers[2] };
	return true;
}

/* `reviews` NULL: only looked at. */
static bool load_row(struct baton_reviews *reviews, uint64_t unix_ms, const struct baton_json *row,
		     struct baton_arena *arena)
{
	struct baton_json list = baton_json_get(row, "v"), triple;
	const char *intent, *target;
	struct review review;
	size_t at = 0;

	if (row->type != BATON_JSON_OBJECT || list.type != BATON_JSON_ARRAY ||
	    !read_name(row, "intent", arena, &intent) || !read_name(row, "target", arena, &target))
		return false;
	while (baton_json_element(&list, &at, &triple)) {
		if (!read_review(&triple, &review))
			return false;
		/* Times to come are a clock that was wrong: they would count for ever. */
		if (reviews && review.unix_ms <= unix_ms)
			add(reviews, intent, target, &review);
	}
	return true;
}

bool baton_reviews_load(struct baton_reviews *reviews, uint64_t unix_ms,
			const struct baton_json *list)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json row;
	bool ok = list->type == BATON_JSON_ARRAY;

	for (size_t at = 0; ok && baton_json_element(list, &at, &row);)
		ok = load_row(NULL, unix_ms, &row, &arena);
	for (size_t at = 0; ok && baton_json_element(list, &at, &row);)
		(void)load_row(reviews, unix_ms, &row, &arena);
	baton_arena_done(&arena);
	return ok;
}
