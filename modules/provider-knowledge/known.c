/* SPDX-License-Identifier: Apache-2.0 */

/* The configuration's policy to two tables of words. Tools without an `answer` and articles without
 * an end are left out: most have none. */

#include "known.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *left, const void *right)
{
	const struct known_word *l = left, *r = right;

	return strcmp(l->name, r->name);
}

static void words_free(struct known_word *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(words[i].name);
		free(words[i].text);
	}
	free(words);
}

/* Members `key` and `value` of each object of the list; those without a value are no words. */
static int32_t words_read(const json_t *list, const char *key, const char *value,
			  struct known_word **words, size_t *n)
{
	size_t i;
	json_t *one;

	*words = calloc(json_array_size(list) + 1, sizeof(**words));
	if (!*words)
		return BATON_E_NOMEM;
	json_array_foreach(list, i, one) {
		const char *name = json_string_value(json_object_get(one, key));
		const char *text = json_string_value(json_object_get(one, value));

		if (!name || !text || !*text)
			continue;
		(*words)[*n] = (struct known_word){ strdup(name), strdup(text) };
		if (!(*words)[*n].name || !(*words)[(*n)++].text)
			return BATON_E_NOMEM;
	}
	qsort(*words, *n, sizeof(**words), by_name);
	return BATON_OK;
}

int32_t known_init(struct known *known, const json_t *policy, const char **ret_why)
{
	const json_t *tools = json_object_get(policy, "tools");
	const json_t *articles = json_object_get(policy, "articles");
	int32_t rc;

	*known = (struct known){ 0 };
	*ret_why = "policy.tools and policy.articles are lists";
	if ((tools && !json_is_array(tools)) || (articles && !json_is_array(articles)))
		return BATON_E_INVAL;
	*ret_why = "out of memory";
	rc = words_read(tools, "name", "answer", &known->answers, &known->n_answers);
	if (rc == BATON_OK)
		rc = words_read(articles, "id", "valid_until", &known->ends, &known->n_ends);
	if (rc < 0)
		known_done(known);
	return rc;
}

void known_done(struct known *known)
{
	words_free(known->answers, known->n_answers);
	words_free(known->ends, known->n_ends);
	*known = (struct known){ 0 };
}

static const char *find(const struct known_word *words, size_t n, baton_str name)
{
	size_t low = 0;

	while (low < n) {
		size_t mid = low + (n - low) / 2, len = strlen(words[mid].name);
		size_t least = len < name.n ? len : name.n;
		int order = least > 0 ? memcmp(words[mid].name, name.p, least) : 0;

		if (order == 0 && len == name.n)
			return words[mid].text;
		if (order < 0 || (order == 0 && len < name.n))
			low = mid + 1;
		else
			n = mid;
	}
	return NULL;
}

const char *known_answer(const struct known *known, baton_str tool)
{
	return find(known->answers, known->n_answers, tool);
}

const char *known_end(const struct known *known, baton_str article)
{
	return find(known->ends, known->n_ends, article);
}
