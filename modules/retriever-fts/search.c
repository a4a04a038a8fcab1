/* SPDX-License-Identifier: Apache-2.0 */

/* BM25 over stemmed words of title, "also asked as" and text of every passage (FTS5), plus a share
 * of the likeness to a title or an "also asked as" letter by letter (lines.c). Passages in a language
 * without a stemmer are found letter by letter, too.
 *
 * SQLite only walks the postings. Ranking happens in an FTS5 auxiliary function of ours that is
 * called for each matching row and keeps the best: so one walk yields both the BM25 score, which
 * orders, and the coverage (the share of the question's weight that the passage answers to), which
 * says whether there is a real match at all. BM25 alone cannot say that: its scale follows the
 * length of the question and the size of the collection.
 */

#include "search.h"

#include "query.h"
#include "standing.h"
#include "tongue.h"

#include <math.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 3, BEST_MAX = 64, GRAMS_PRIOR = 50, ROWS_BUDGET = 1000 };

static const double k1 = 1.2, b = 0.75;
static const double synonym_share = 0.8; /* of another word for what was said */
static const double chance_share = 0.3;  /* of a question's letters that any passage has */
static const double gram_share = 0.35;   /* of BM25 over letters, against that over words */
static const double gram_strength = 2.5; /* in words that only one passage has */
static const double column_weights[COLUMNS] = { 5, 5, 1 }; /* title, also, text */

struct best {
	uint32_t passage;
	double score;    /* BM25 */
	double coverage; /* 0..1 */
	double said;     /* the same of what the customer said about the subject */
	double strength; /* the part of the score that comes from there */
	bool on_intent;  /* has a word of the intent name */
};

/* What one walk over one table collects. */
struct ranking {
	const struct library *library;
	const struct query *query;
	const unsigned char *hidden; /* by article: the filter leaves it out; NULL: nothing is */
	bool is_ready;               /* the figures below are those of this query */
	double idf[QUERY_WORDS_MAX];
	double mass;  /* weighted idf of all phrases */
	double said;  /* of it: words that the customer said about the subject */
	double reach; /* the highest BM25 there could be */
	struct best best[BEST_MAX];
	unsigned n;
	unsigned worst; /* index of the smallest once there are BEST_MAX */
};

struct search {
	const struct library *library;
	struct tongues *tongues;
	sqlite3 *db;
	sqlite3_stmt *words;
	struct ranking ranking;
	struct query query;
	struct line_scores line_scores, gram_scores;
	struct line_hit line_hits[BEST_MAX], gram_hits[BEST_MAX];
	unsigned n_line_hits, n_gram_hits;
	struct standings standings;
	struct search_filter filter; /* what `hidden` was made for */
	unsigned char *hidden;
	bool is_filtered;
};

/* --- ranking: called by FTS5 --- */

static int count_row(const Fts5ExtensionApi *api, Fts5Context *fts, void *user)
{
	(void)api;
	(void)fts;
	++*(int64_t *)user;
	return SQLITE_OK;
}

static double idf_of(const struct library *l, int64_t hits)
{
	return log(1 + ((double)(l->n_passages - hits) + 0.5) / ((double)hits + 0.5));
}

/* A word weighs what the commonest of its alternatives does: that it is missing itself makes it not
 * rare. */
static void synonym_join(struct ranking *r, unsigned i, uint32_t known)
{
	unsigned of = r->query->words[i].of;

	if (of != i && (known >> i) & 1 && r->idf[i] < r->idf[of])
		r->idf[of] = r->idf[i];
}

static int ranking_prepare(struct ranking *r, const Fts5ExtensionApi *api, Fts5Context *fts)
{
	int rc = SQLITE_OK;

	uint32_t known = 0; /* bit per word that is found at all */

	r->mass = r->said = r->reach = 0;
	for (unsigned i = 0; i < r->query->n && rc == SQLITE_OK; i++) {
		int64_t hits = 0;

		rc = api->xQueryPhrase(fts, (int)(i + r->query->n_skip), &hits, count_row);
		r->idf[i] = idf_of(r->library, hits);
		if (hits > 0)
			known |= UINT32_C(1) << i;
	}
	for (unsigned i = 0; i < r->query->n; i++)
		synonym_join(r, i, known);
	for (unsigned i = 0; i < r->query->n; i++) {
		const struct query_word *word = &r->query->words[i];

		r->mass += word->of == i ? r->idf[i] * (double)word->evidence : 0;
		r->said += word->of == i && word->evidence >= 1 ? r->idf[i] : 0;
		r->reach += word->of == i ? r->idf[i] * (double)word->rank * (k1 + 1) : 0;
	}
	r->is_ready = rc == SQLITE_OK;
	return rc;
}

static void ranking_keep(struct ranking *r, struct best found)
{
	if (r->n < BEST_MAX)
		r->best[r->n++] = found;
	else if (found.score > r->best[r->worst].score)
		r->best[r->worst] = found;
	else
		return;
	if (r->n < BEST_MAX)
		return;
	for (unsigned i = 0, worst = 0; i < r->n; i++) {
		worst = r->best[i].score < r->best[worst].score ? i : worst;
		r->worst = worst;
	}
}

/* Weighted occurrences of each word in the current row. */
static int count_words(const struct query *query, const Fts5ExtensionApi *api, Fts5Context *fts,
		       double counts[QUERY_WORDS_MAX])
{
	int n = 0, rc = api->xInstCount(fts, &n);

	for (int i = 0; i < n && rc == SQLITE_OK; i++) {
		int phrase, column, at;

		rc = api->xInst(fts, i, &phrase, &column, &at);
		phrase -= (int)query->n_skip;
		if (rc == SQLITE_OK && phrase >= 0 && phrase < (int)query->n && column < COLUMNS)
			counts[phrase] += column_weights[column];
	}
	return rc;
}

static void rank_row(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int n,
		     sqlite3_value **values)
{
	struct ranking *r = api->xUserData(fts);
	double counts[QUERY_WORDS_MAX] = { 0 };
	int rc = r->is_ready ? SQLITE_OK : ranking_prepare(r, api, fts);

	(void)n;
	(void)values;
	if (rc == SQLITE_OK)
		rc = count_words(r->query, api, fts, counts);
	if (rc != SQLITE_OK) {
		sqlite3_result_error_code(context, rc);
		return;
	}
	struct best found = { .passage = (uint32_t)api->xRowid(fts) };

	if (r->hidden && r->hidden[r->library->passages[found.passage].article])
		return;
	double size = (double)r->library->passages[found.passage].n_row / r->library->average_bytes;
	double norm = k1 * (1 - b + b * size);

	for (unsigned i = 0; i < r->query->n; i++) {
		unsigned of = r->query->words[i].of;

		if (of != i)
			counts[of] = fmax(counts[of], synonym_share * counts[i]);
	}
	for (unsigned i = 0; i < r->query->n; i++) {
		if (r->query->words[i].of != i)
			continue;
		const struct query_word *word = &r->query->words[i];
		double score = r->idf[i] * counts[i] * (k1 + 1) / (counts[i] + norm);
		bool is_subject = word->evidence >= 1;

		found.score += (double)word->rank * score;
		if (counts[i] <= 0)
			continue;
		found.coverage += r->idf[i] * (double)word->evidence;
		found.said += is_subject ? r->idf[i] : 0;
		found.strength += is_subject ? score : 0;
		found.on_intent = found.on_intent || word->is_intent;
	}
	found.coverage = r->mass > 0 ? found.coverage / r->mass : 0;
	found.said = r->said > 0 ? found.said / r->said : 0;
	ranking_keep(r, found);
}

/* --- the index --- */

static const char schema[] =
	"CREATE VIRTUAL TABLE words USING fts5(title, also, text, content='', columnsize=0,"
	" tokenize='tongues'); BEGIN";

/* All "also asked as" of an article as one text, each a line. NULL: no memory. */
static char *also_of(const json_t *article)
{
	const json_t *also = json_object_get(article, "also");
	size_t i, n = 1, o = 0;
	json_t *phrase;

	json_array_foreach(also, i, phrase)
		n += json_string_length(phrase) + 1;
	char *text = malloc(n);

	if (!text)
		return NULL;
	json_array_foreach(also, i, phrase) {
		memcpy(text + o, json_string_value(phrase), json_string_length(phrase));
		o += json_string_length(phrase);
		text[o++] = '\n';
	}
	text[o] = 0;
	return text;
}

static int insert(sqlite3_stmt *stmt, uint32_t row, const char *title, const char *also,
		  struct passage *passage)
{
	passage->n_row += (uint32_t)(strlen(title) + strlen(also));
	sqlite3_bind_int64(stmt, 1, row);
	sqlite3_bind_text(stmt, 2, title, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, also, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, passage->text, (int)passage->n, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* The passage letter by letter, if no stemmer knows its language. */
static int grams_fill(struct library *l, uint32_t passage)
{
	const struct passage *p = &l->passages[passage];

	return l->articles[p->article].tongue == TONGUE_NONE
		       ? lines_add(&l->grams, passage, p->text, p->n)
		       : 0;
}

static int lines_fill(struct library *l, uint32_t article, const json_t *json)
{
	const char *title = l->articles[article].title;
	size_t i;
	json_t *phrase;

	if (lines_add(&l->lines, article, title, strlen(title)) < 0)
		return -1;
	json_array_foreach(json_object_get(json, "also"), i, phrase)
		if (lines_add(&l->lines, article, json_string_value(phrase),
			      json_string_length(phrase)) < 0)
			return -1;
	return 0;
}

static int index_fill(sqlite3_stmt *words, struct tongues *tongues, struct library *l,
		      const json_t *articles)
{
	uint32_t p = 0;
	double bytes = 0;
	int rc = 0;

	for (uint32_t i = 0; i < l->n_articles && rc == 0; i++) {
		const json_t *json = json_array_get(articles, i);
		char *also = also_of(json);

		tongues_write(tongues, l->articles[i].tongue);
		rc = also ? lines_fill(l, i, json) : -1;
		for (; p < l->n_passages && l->passages[p].article == i && rc == 0; p++) {
			rc = tongues_count(tongues, p);
			rc = rc < 0 ? rc
				    : insert(words, p, l->articles[i].title, also, &l->passages[p]);
			bytes += l->passages[p].n_row;
			rc = rc == 0 ? grams_fill(l, p) : rc;
		}
		free(also);
	}
	lines_seal(&l->lines);
	l->grams.prior = GRAMS_PRIOR;
	lines_seal(&l->grams);
	l->average_bytes = p > 0 ? bytes / p : 1;
	return rc;
}

int index_build(struct library *library, const json_t *articles)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *words = NULL;
	sqlite3_int64 bytes = 0;
	struct tongues *tongues = tongues_new(library->tongues);
	int rc =
		sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK && (!tongues || tongues_join(tongues, db) < 0))
		rc = SQLITE_ERROR;
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(
			db, "INSERT INTO words(rowid, title, also, text) VALUES(?, ?, ?, ?)", -1,
			&words, NULL);
	if (rc == SQLITE_OK)
		rc = index_fill(words, tongues, library, articles);
	sqlite3_finalize(words);
	/* One segment: searching then reads each word's postings once. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "INSERT INTO words(words) VALUES('optimize'); COMMIT", NULL,
				  NULL, NULL);
	if (rc == SQLITE_OK)
		library->image = sqlite3_serialize(db, "main", &bytes, 0);
	library->image_bytes = bytes;
	library->counts = tongues ? tongues_take_counts(tongues) : NULL;
	sqlite3_close(db);
	tongues_free(&tongues);
	return library->image ? 0 : -1;
}

/* --- one loop's connection --- */

static int search_open(struct search *s)
{
	const struct library *l = s->library;
	int rc = sqlite3_open_v2(":memory:", &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				 NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_deserialize(s->db, "main", l->image, l->image_bytes, l->image_bytes,
					 SQLITE_DESERIALIZE_READONLY);
	fts5_api *api = rc == SQLITE_OK ? tongues_fts5(s->db) : NULL;

	if (!api || tongues_join(s->tongues, s->db) < 0)
		return -1;
	rc = api->xCreateFunction(api, "rank_words", &s->ranking, rank_row, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(s->db,
					"SELECT rank_words(words) FROM words WHERE words MATCH ?",
					-1, &s->words, NULL);
	return rc == SQLITE_OK ? 0 : -1;
}

struct search *search_new(const struct library *library)
{
	struct search *search = calloc(1, sizeof(*search));

	if (!search)
		return NULL;
	search->library = library;
	search->ranking.library = library;
	search->tongues = tongues_new(library->tongues);
	search->hidden = calloc(library->n_articles + 1, 1);
	if (!search->tongues || !search->hidden || search_open(search) < 0 ||
	    line_scores_init(&search->line_scores, &library->lines) < 0 ||
	    line_scores_init(&search->gram_scores, &library->grams) < 0)
		search_free(&search);
	return search;
}

void search_free(struct search **search)
{
	if (!*search)
		return;
	sqlite3_finalize((*search)->words);
	sqlite3_close((*search)->db);
	tongues_free(&(*search)->tongues);
	line_scores_done(&(*search)->line_scores);
	line_scores_done(&(*search)->gram_scores);
	free((*search)->hidden);
	free(*search);
	*search = NULL;
}

static int walk(struct search *s)
{
	int rc = SQLITE_DONE;

	s->ranking.query = &s->query;
	s->ranking.is_ready = false;
	s->ranking.n = 0;
	if (s->query.n == 0 || !s->library->counts)
		return 0;
	uint32_t rows[QUERY_WORDS_MAX];

	for (unsigned i = 0; i < s->query.n; i++)
		rows[i] = tongues_rows(s->tongues, s->library->counts, s->query.words[i].p,
				       s->query.words[i].n);
	query_match(&s->query, rows, ROWS_BUDGET);
	sqlite3_bind_text(s->words, 1, s->query.match, -1, SQLITE_STATIC);
	do {
		rc = sqlite3_step(s->words);
	} while (rc == SQLITE_ROW);
	sqlite3_reset(s->words);
	sqlite3_clear_bindings(s->words);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* --- the filter --- */

static bool is_left_out(const struct article *article, const struct search_filter *filter)
{
	const char *audience = article->for_agents ? "agents" : "customers";

	return (filter->audience[0] && strcmp(filter->audience, audience) != 0) ||
	       (filter->language[0] && strcmp(filter->language, article->language) != 0);
}

/* Mostly the same as the last time: then it stands. */
static void filter_apply(struct search *s, const struct search_filter *filter)
{
	const struct library *l = s->library;

	s->ranking.hidden = filter ? s->hidden : NULL;
	if (!filter || (s->is_filtered && memcmp(filter, &s->filter, sizeof(*filter)) == 0))
		return;
	for (uint32_t i = 0; i < l->n_articles; i++)
		s->hidden[i] = is_left_out(&l->articles[i], filter) || filter->intent[0];
	for (uint32_t i = 0; i < l->n_tags && filter->intent[0]; i++)
		if (strcmp(l->tags[i].intent, filter->intent) == 0)
			s->hidden[l->tags[i].article] =
				is_left_out(&l->articles[l->tags[i].article], filter);
	s->filter = *filter;
	s->is_filtered = true;
}

/* --- all witnesses together --- */

struct keeping {
	struct line_hit *hits; /* BEST_MAX of them */
	unsigned n;
	const struct search *search;
	bool passages;
};

/* Keeps the best lines: each article or passage once, by its best line. */
static void keep_line(void *user, struct line_hit hit)
{
	struct keeping *k = user;
	const struct ranking *r = &k->search->ranking;
	unsigned worst = 0, i;

	if (r->hidden && r->hidden[k->passages ? r->library->passages[hit.of].article : hit.of])
		return;
	for (i = 0; i < k->n && k->hits[i].of != hit.of; i++)
		worst = k->hits[i].score < k->hits[worst].score ? i : worst;
	if (i == k->n && i < BEST_MAX)
		k->hits[k->n++] = hit;
	else if (i == BEST_MAX)
		i = worst;
	if (hit.score > k->hits[i].score)
		k->hits[i] = hit;
}

static void look_at_letters(struct search *s, const struct search_question *question)
{
	struct keeping lines = { s->line_hits, 0, s, false };
	struct keeping grams = { s->gram_hits, 0, s, true };

	lines_search(&s->library->lines, &s->line_scores, question->text, question->n, keep_line,
		     &lines);
	if (s->library->grams.n > 0)
		lines_search(&s->library->grams, &s->gram_scores, question->text, question->n,
			     keep_line, &grams);
	s->n_line_hits = lines.n;
	s->n_gram_hits = grams.n;
}

/* A passage shares some runs of letters with any question; what counts is more than that. */
static struct standing_find gram_find(const struct standings *found, struct line_hit hit)
{
	double share = fmax(hit.coverage - chance_share, 0) / (1 - chance_share);

	return (struct standing_find){ .passage = hit.of,
				       .score = gram_share * hit.score * share,
				       .coverage = share,
				       .said = share,
				       .strength = gram_strength * share * found->rare };
}

static void gather(struct search *s, const struct search_question *question)
{
	struct standings *found = &s->standings;

	for (unsigned i = 0; i < s->ranking.n; i++) {
		const struct best *best = &s->ranking.best[i];

		standings_passage(found, (struct standing_find){ best->passage, best->score,
								 best->coverage, best->said,
								 best->strength, best->on_intent });
	}
	for (unsigned i = 0; i < s->n_gram_hits; i++)
		standings_passage(found, gram_find(found, s->gram_hits[i]));
	for (unsigned i = 0; i < s->n_line_hits; i++)
		standings_line(found, s->line_hits[i].of, s->line_hits[i].score,
			       s->line_hits[i].coverage);
	/* A question without a single word says nothing, whatever it was taken for. */
	if (s->query.n > 0)
		standings_intent(found, question->intent, question->n_intent);
}

int search_run(struct search *search, const struct search_question *question, struct hit hits[])
{
	struct search *s = search;
	struct standings *found = &s->standings;

	query_words(question->text, question->n, question->intent, question->n_intent, &s->query);
	filter_apply(s, question->filter);
	look_at_letters(s, question);
	int rc = walk(s);

	if (rc < 0)
		return rc;
	found->library = s->library;
	found->hidden = s->ranking.hidden;
	found->language = question->language;
	found->today = question->today;
	found->n = 0;
	found->has_subject = s->query.has_subject;
	found->rare = idf_of(s->library, 0);
	found->reach = s->ranking.n > 0 ? s->ranking.reach : 0;
	gather(s, question);
	return (int)standings_hits(found, question->k, hits);
}
