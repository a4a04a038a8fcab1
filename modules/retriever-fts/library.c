/* SPDX-License-Identifier: Apache-2.0 */

/* JSON to a library. The index is built once in a private database and serialised; each loop opens
 * the same bytes read-only through a connection of its own, so twenty thousand articles are in
 * memory once, not once per loop, and no two loops share a SQLite object. */

#include "library.h"

#include "passage.h"
#include "search.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARTICLES_MAX = 100000, PASSAGES_MAX = 1000000 };

void library_free(struct library **library)
{
	struct library *l = *library;

	if (!l)
		return;
	for (uint32_t i = 0; i < l->n_articles; i++) {
		free(l->articles[i].id);
		free(l->articles[i].title);
		free(l->articles[i].uri);
		free(l->articles[i].updated);
	}
	for (uint32_t i = 0; i < l->n_passages; i++)
		free(l->passages[i].text);
	for (uint32_t i = 0; i < l->n_tags; i++)
		free(l->tags[i].intent);
	free(l->tags);
	free(l->articles);
	free(l->passages);
	lines_done(&l->lines);
	lines_done(&l->grams);
	tongues_counts_free(&l->counts);
	sqlite3_free(l->image);
	free(l);
	*library = NULL;
}

/* Days since 1970-01-01 of a Gregorian date. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
	y -= m <= 2;
	int64_t era = y / 400, year = y % 400;
	int64_t day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}

/* "2026-05-01" or "2026-05-01T12:30:00Z"; 0 if it is neither. */
static uint64_t unix_ms_of(const char *text)
{
	unsigned y, m, d, h = 0, min = 0, s = 0;

	if (sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u", &y, &m, &d, &h, &min, &s) < 3)
		return 0;
	if (y < 1970 || m < 1 || m > 12 || d < 1 || d > 31 || h > 23 || min > 59 || s > 60)
		return 0;
	return (uint64_t)days_of(y, m, d) * 86400000U + (h * 3600U + min * 60U + s) * 1000U;
}

/* Its last day counts as valid. What is no date has no end: the set has been checked for that. */
static int64_t last_day_of(const json_t *json)
{
	const char *text = json_string_value(json_object_get(json, "valid_until"));
	uint64_t ms = text ? unix_ms_of(text) : 0;

	return ms > 0 ? (int64_t)(ms / 86400000U) : INT64_MAX;
}

static void language_read(struct library *l, struct article *article, const json_t *json)
{
	const char *tag = json_string_value(json_object_get(json, "language"));

	tongue_primary(tag ? tag : "", tag ? strlen(tag) : 0, article->language,
		       sizeof(article->language));
	if (!article->language[0])
		memcpy(article->language, l->language, sizeof(article->language));
	article->tongue = tongue_of(article->language, strlen(article->language));
	l->tongues |=
		article->tongue == TONGUE_NONE ? TONGUES_PLAIN : UINT32_C(1) << article->tongue;
	bool is_new = true;

	for (const struct article *a = l->articles; a < article && is_new; a++)
		is_new = strcmp(a->language, article->language) != 0;
	l->n_languages += is_new && l->n_languages < 2;
}

/* A copy of the member's text, or of "". */
static char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return strdup(text ? text : "");
}

static int passage_add(struct library *l, uint32_t article, const char *text, size_t n)
{
	/* Room grows at powers of two. */
	if ((l->n_passages & (l->n_passages - 1)) == 0) {
		size_t cap = l->n_passages ? 2 * (size_t)l->n_passages : 1;
		struct passage *more = realloc(l->passages, cap * sizeof(*more));

		if (!more)
			return -1;
		l->passages = more;
	}
	char *copy = strndup(text, n);

	if (!copy)
		return -1;
	l->passages[l->n_passages++] = (struct passage){ article, (uint32_t)n, (uint32_t)n, copy };
	return l->n_passages < PASSAGES_MAX ? 0 : -1;
}

static int tags_add(struct library *l, uint32_t article, const json_t *intents)
{
	size_t i, n = json_array_size(intents);
	json_t *intent;
	struct tag *more = n > 0 ? realloc(l->tags, (l->n_tags + n) * sizeof(*more)) : l->tags;

	if (n > 0 && !more)
		return -1;
	l->tags = more;
	json_array_foreach(intents, i, intent) {
		char *name = strdup(json_string_value(intent));

		if (!name)
			return -1;
		l->tags[l->n_tags++] = (struct tag){ name, article };
	}
	return 0;
}

static int article_read(struct library *l, const json_t *json)
{
	struct article *article = &l->articles[l->n_articles];
	const char *text = json_string_value(json_object_get(json, "text")), *passage;
	uint32_t index = l->n_articles++;
	size_t n;

	*article = (struct article){
		.id = text_of(json, "id"),
		.title = text_of(json, "title"),
		.uri = text_of(json, "uri"),
		.updated = text_of(json, "updated"),
	};
	if (!article->id || !article->title || !article->uri || !article->updated ||
	    tags_add(l, index, json_object_get(json, "intents")) < 0)
		return -1;
	const char *audience = json_string_value(json_object_get(json, "audience"));

	article->updated_unix_ms = unix_ms_of(article->updated);
	article->last_day = last_day_of(json);
	article->for_agents = audience && strcmp(audience, "agents") == 0;
	language_read(l, article, json);
	struct passage_cut cut = { text ? text : "", text ? strlen(text) : 0, 0 };

	while ((n = passage_next(&cut, &passage)) > 0)
		if (passage_add(l, index, passage, n) < 0)
			return -1;
	return 0;
}

/* Absent, or a list of texts. */
static bool is_texts(const json_t *list)
{
	size_t i;
	json_t *text;

	json_array_foreach(list, i, text)
		if (!json_is_string(text))
			return false;
	return !list || json_is_array(list);
}

static const char *article_wrong(const json_t *json)
{
	const char *id = json_string_value(json_object_get(json, "id"));
	const char *title = json_string_value(json_object_get(json, "title"));
	const char *text = json_string_value(json_object_get(json, "text"));

	if (!id || !*id)
		return "an article has no id";
	if (!title || !*title || !text)
		return "an article has no title or no text";
	const char *audience = json_string_value(json_object_get(json, "audience"));
	if (audience && strcmp(audience, "customers") != 0 && strcmp(audience, "agents") != 0)
		return "the `audience` of an article is neither customers nor agents";
	if (!is_texts(json_object_get(json, "also")))
		return "the `also` of an article is not a list of texts";
	if (!is_texts(json_object_get(json, "intents")))
		return "the `intents` of an article are not a list of texts";
	return NULL;
}

static int articles_read(struct library *l, const json_t *articles, const char **why)
{
	size_t i, n = json_array_size(articles);
	json_t *article;

	if (articles && !json_is_array(articles))
		*why = "policy.articles is not a list";
	if (n > ARTICLES_MAX)
		*why = "more than 100000 articles";
	json_array_foreach(articles, i, article)
		*why = *why ? *why : article_wrong(article);
	l->articles = *why ? NULL : calloc(n + 1, sizeof(*l->articles));
	if (!l->articles)
		return -1;
	json_array_foreach(articles, i, article)
		if (article_read(l, article) < 0)
			return -1;
	return 0;
}

struct library *library_make(const char *json, size_t n, const char **why)
{
	json_error_t error;
	json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, &error);
	json_t *policy = json_object_get(root, "policy");
	json_t *articles = json_object_get(policy, "articles");
	json_t *least = json_object_get(root, "min_score_ppm");
	const char *language = json_string_value(json_object_get(root, "language"));
	struct library *library = calloc(1, sizeof(*library));

	*why = NULL;
	if (library)
		tongue_primary(language ? language : "en", language ? strlen(language) : 2,
			       library->language, sizeof(library->language));
	if (library && !library->language[0])
		*why = "language is not a tag such as \"en\"";
	if (!json_is_object(root) || (policy && !json_is_object(policy)))
		*why = "the configuration is not a JSON object";
	if (least && (!json_is_integer(least) || json_integer_value(least) < 0 ||
		      json_integer_value(least) > 1000000))
		*why = "min_score_ppm must be 0 to 1000000";
	if (!library || *why || articles_read(library, articles, why) < 0 ||
	    index_build(library, articles) < 0)
		library_free(&library);
	if (library)
		library->min_score_ppm = least ? (uint32_t)json_integer_value(least) : 50000;
	*why = *why ? *why : "out of memory";
	json_decref(root);
	return library;
}
