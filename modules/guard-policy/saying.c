/* SPDX-License-Identifier: Apache-2.0 */

/* Phrases become patterns: whole words, with any blanks between them, and either apostrophe. So one
 * machine finds both, and its limits hold for both. */

#include "modules/guard-policy/saying.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAYINGS_MAX = 200, WORDS_MAX = 100, PHRASE_MAX = 1000 };

/* --- phrases --- */

static size_t put(char *out, size_t n, const char *what)
{
	size_t length = strlen(what);

	memcpy(out + n, what, length + 1);
	return n + length;
}

/* `out` has room for 12 bytes for each of the phrase, and for both ends. */
static void pattern_of(const char *phrase, char *out)
{
	size_t n = put(out, 0, "(?<![\\p{L}\\p{N}])(?:");
	bool blank = false;

	for (const char *c = phrase; *c; c++) {
		if (strchr(" \t\r\n", *c)) {
			blank = true;
			continue;
		}
		if (blank)
			n = put(out, n, "\\s{1,8}");
		blank = false;
		if (*c == '\'') {
			n = put(out, n, "['\xe2\x80\x99]");
			continue;
		}
		if (strchr("\\^$.[]|()?*+{}-#", *c))
			out[n++] = '\\';
		out[n++] = *c;
		out[n] = '\0';
	}
	put(out, n, ")(?![\\p{L}\\p{N}])");
}

static struct match *compile(const char *text, char *why, size_t cap)
{
	size_t n = strlen(text);
	struct match *match = NULL;

	if (n > 2 && text[0] == '/' && text[n - 1] == '/')
		return match_new(text + 1, n - 2, why, cap);
	char *pattern = n <= PHRASE_MAX ? malloc(n * 12 + 64) : NULL;
	if (pattern) {
		pattern_of(text, pattern);
		match = match_new(pattern, strlen(pattern), why, cap);
	}
	free(pattern);
	return match;
}

/* --- reading --- */

static const json_t *entry_at(const json_t *list, size_t i)
{
	return json_is_array(list) ? json_array_get(list, i) : list;
}

static size_t length_of(const json_t *list)
{
	return json_is_array(list) ? json_array_size(list) : json_is_string(list) ? 1 : 0;
}

static int32_t read_words(const json_t *list, struct match ***ret, size_t *ret_n, char *why,
			  size_t cap)
{
	size_t n = length_of(list);
	char detail[160] = "too long";

	if (n > WORDS_MAX)
		return BATON_E_LIMIT;
	*ret = calloc(n ? n : 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < n; i++) {
		const char *text = json_string_value(entry_at(list, i));

		(*ret)[i] = text && text[0] ? compile(text, detail, sizeof(detail)) : NULL;
		if (!(*ret)[i]) {
			(void)snprintf(why, cap, "`%.60s`: %s", text ? text : "?", detail);
			return BATON_E_INVAL;
		}
		*ret_n = i + 1;
	}
	return *ret ? BATON_OK : BATON_E_NOMEM;
}

static int32_t read_names(const json_t *list, char ***ret, size_t *ret_n)
{
	size_t n = length_of(list);

	*ret = calloc(n ? n : 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < n; i++) {
		const char *text = json_string_value(entry_at(list, i));

		(*ret)[i] = text ? strdup(text) : NULL;
		if (!(*ret)[i])
			return BATON_E_INVAL;
		*ret_n = i + 1;
	}
	return *ret ? BATON_OK : BATON_E_NOMEM;
}

static int32_t read_saying(struct saying *saying, const json_t *json, const char *words, char *why,
			   size_t cap)
{
	const char *id = json_string_value(json_object_get(json, "id"));
	const char *append = json_string_value(json_object_get(json, "append"));
	int32_t rc = BATON_OK;

	saying->id = id && id[0] ? strdup(id) : NULL;
	saying->append = append && append[0] ? strdup(append) : NULL;
	if (!saying->id || length_of(json_object_get(json, words)) == 0) {
		(void)snprintf(why, cap, "promises and required: each needs an id and words");
		return BATON_E_INVAL;
	}
	rc = read_words(json_object_get(json, words), &saying->words, &saying->n_words, why, cap);
	if (rc == BATON_OK)
		rc = read_words(json_object_get(json, "unless"), &saying->unless, &saying->n_unless,
				why, cap);
	if (rc == BATON_OK)
		rc = read_names(json_object_get(json, "intents"), &saying->intents,
				&saying->n_intents);
	if (rc == BATON_OK)
		rc = read_names(json_object_get(json, "languages"), &saying->languages,
				&saying->n_languages);
	return rc;
}

static int32_t read_all(const json_t *list, const char *words, struct saying **ret, size_t *ret_n,
			char *why, size_t cap)
{
	size_t n = json_array_size(list);
	int32_t rc = BATON_OK;

	if (n > SAYINGS_MAX)
		return BATON_E_LIMIT;
	*ret = calloc(n ? n : 1, sizeof(**ret));
	if (!*ret)
		return BATON_E_NOMEM;
	for (size_t i = 0; rc == BATON_OK && i < n; i++) {
		*ret_n = i + 1; /* also one that is half read is freed */
		rc = read_saying(&(*ret)[i], json_array_get(list, i), words, why, cap);
	}
	return rc;
}

int32_t sayings_read(struct sayings *sayings, baton_str config_json, char *why, size_t cap)
{
	json_t *config = json_loadb(config_json.p, config_json.n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *policy = json_object_get(config, "policy");
	int32_t rc = config ? BATON_OK : BATON_E_INVAL;

	if (rc == BATON_OK)
		rc = read_all(json_object_get(policy, "promises"), "forbid", &sayings->promises,
			      &sayings->n_promises, why, cap);
	if (rc == BATON_OK)
		rc = read_all(json_object_get(policy, "required"), "phrases", &sayings->required,
			      &sayings->n_required, why, cap);
	json_decref(config);
	return rc;
}

static void free_matches(struct match **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		match_free(&v[i]);
	free(v);
}

static void free_names(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

static void free_all(struct saying *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].id);
		free(v[i].append);
		free_matches(v[i].words, v[i].n_words);
		free_matches(v[i].unless, v[i].n_unless);
		free_names(v[i].intents, v[i].n_intents);
		free_names(v[i].languages, v[i].n_languages);
	}
	free(v);
}

void sayings_done(struct sayings *sayings)
{
	free_all(sayings->promises, sayings->n_promises);
	free_all(sayings->required, sayings->n_required);
}

/* --- asking --- */

static bool is_word(baton_str s, const char *z)
{
	return s.n == strlen(z) && memcmp(s.p, z, s.n) == 0;
}

/* "de" covers de, de-AT and de_DE. */
static bool is_language(baton_str locale, const char *language)
{
	size_t n = strlen(language);

	return locale.n >= n && strncasecmp(locale.p, language, n) == 0 &&
	       (locale.n == n || locale.p[n] == '-' || locale.p[n] == '_');
}

bool saying_concerns(const struct saying *saying, const baton_turn *turn)
{
	bool intent = saying->n_intents == 0, language = saying->n_languages == 0;

	for (size_t i = 0; turn && i < saying->n_intents; i++)
		intent |= is_word(turn->intent, saying->intents[i]);
	for (size_t i = 0; turn && i < saying->n_languages; i++)
		language |= is_language(turn->locale, saying->languages[i]);
	return intent && language;
}

int saying_next(struct match *const *words, size_t n, const baton_inspection *what, size_t from,
		struct match_spot *ret_spot)
{
	int found = 0;

	for (size_t i = 0; i < n; i++) {
		struct match_spot spot;
		int rc = match_next(words[i], what->text, from, !what->final, &spot);

		if (rc < 0)
			return rc;
		if (rc == 0 || (found > 0 && spot.start >= ret_spot->start))
			continue;
		found = rc;
		*ret_spot = spot;
	}
	return found;
}

int saying_stands(struct match *const *words, size_t n, baton_str text)
{
	struct match_spot spot;
	int found = 0;

	for (size_t i = 0; i < n && found == 0; i++)
		found = match_next(words[i], text, 0, false, &spot);
	return found;
}
