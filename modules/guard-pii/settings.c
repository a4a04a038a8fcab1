/* SPDX-License-Identifier: Apache-2.0 */

#include "modules/guard-pii/settings.h"
#include "modules/sdk/match/match.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT_REACH = 60, PLAIN_MAX = 256, ALLOWED_MAX = 1000 };

static uint32_t type_bit(const char *name)
{
	for (uint32_t i = 0; i < PII_TYPES; i++)
		if (strcmp(pii_type_names[i], name) == 0)
			return 1u << i;
	return strcmp(name, "all") == 0 ? (1u << PII_TYPES) - 1 : 0;
}

/* One word, a list of them, or nothing: all. */
static int32_t read_types(struct pii_settings *settings, const json_t *types, char *why, size_t cap)
{
	size_t n = json_is_array(types) ? json_array_size(types) : 1;

	settings->types = types ? 0 : (1u << PII_TYPES) - 1;
	for (size_t i = 0; types && i < n; i++) {
		const char *name =
			json_string_value(json_is_array(types) ? json_array_get(types, i) : types);
		uint32_t bit = name ? type_bit(name) : 0;

		if (bit == 0) {
			(void)snprintf(why, cap, "pii.types: there is no kind `%.40s`",
				       name ? name : "?");
			return BATON_E_INVAL;
		}
		settings->types |= bit;
	}
	return BATON_OK;
}

static struct match *compile(const json_t *text, const char *key, char *why, size_t cap)
{
	char detail[160] = "no memory";
	struct match *match = match_new(json_string_value(text), json_string_length(text), detail,
					sizeof(detail));

	if (!match)
		(void)snprintf(why, cap, "pii.patterns: %s: %s", key, detail);
	return match;
}

static int32_t read_pattern(struct pii_settings *settings, const json_t *entry, char *why,
			    size_t cap)
{
	struct pii_pattern *pattern = &settings->patterns[settings->n_patterns];
	const char *name = json_string_value(json_object_get(entry, "name"));
	const json_t *text = json_object_get(entry, "pattern");
	const json_t *context = json_object_get(entry, "context");

	if (!name || !json_is_string(text) || strlen(name) >= PII_NAME_MAX || !name[0] ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0') {
		(void)snprintf(why, cap,
			       "pii.patterns: each needs a name of small letters and a pattern");
		return BATON_E_INVAL;
	}
	settings->n_patterns++; /* from here on it is freed with the rest */
	memcpy(pattern->name, name, strlen(name) + 1);
	pattern->pattern = compile(text, name, why, cap);
	if (pattern->pattern && json_is_string(context))
		pattern->context = compile(context, name, why, cap);
	return pattern->pattern && (!json_is_string(context) || pattern->context) ? BATON_OK
										  : BATON_E_INVAL;
}

/* --- values that are no secret --- */

/* Numbers by their digits, everything else in small letters: as people would compare them. */
static size_t plain(const unsigned char *p, size_t n, char *out)
{
	bool letters = false;
	size_t length = 0;

	for (size_t i = 0; i < n; i++)
		letters |= is_letter(p[i]);
	for (size_t i = 0; i < n && length + 1 < PLAIN_MAX; i++)
		if (letters || is_digit(p[i]))
			out[length++] = (char)lower(p[i]);
	out[length] = '\0';
	return length;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int32_t read_allowed(struct pii_settings *settings, const json_t *list)
{
	size_t n = json_array_size(list);
	char text[PLAIN_MAX];

	if (n > ALLOWED_MAX)
		return BATON_E_LIMIT;
	settings->allowed = calloc(n ? n : 1, sizeof(*settings->allowed));
	for (size_t i = 0; settings->allowed && i < n; i++) {
		const json_t *entry = json_array_get(list, i);

		if (!json_is_string(entry))
			continue;
		plain((const unsigned char *)json_string_value(entry), json_string_length(entry),
		      text);
		settings->allowed[settings->n_allowed] = strdup(text);
		if (!settings->allowed[settings->n_allowed])
			return BATON_E_NOMEM;
		settings->n_allowed++;
	}
	if (!settings->allowed)
		return BATON_E_NOMEM;
	qsort(settings->allowed, settings->n_allowed, sizeof(*settings->allowed), by_text);
	return BATON_OK;
}

static bool is_allowed(const struct pii_settings *settings, const char *text)
{
	return bsearch(&text, settings->allowed, settings->n_allowed, sizeof(*settings->allowed),
		       by_text) != NULL;
}

void pii_forget_allowed(const struct pii_settings *settings, struct find *find)
{
	size_t kept = 0;

	if (settings->n_allowed == 0)
		return;
	for (size_t i = 0; i < find->n_spots; i++) {
		const struct spot *spot = &find->v[i];
		char text[PLAIN_MAX + 1] = "*";

		plain(find->p + spot->begin, spot->end - spot->begin, text + 1);
		const char *at = spot->type == PII_EMAIL ? strchr(text + 1, '@') : NULL;
		bool allowed = is_allowed(settings, text + 1);
		if (at && !allowed) { /* "*@shop.example" */
			memmove(text + 1, at, strlen(at) + 1);
			allowed = is_allowed(settings, text);
		}
		if (!allowed)
			find->v[kept++] = *spot;
	}
	find->n_spots = kept;
}

/* --- own patterns --- */

/* Its context stands within CONTEXT_REACH bytes in front: 1; it does not: 0. */
static int in_context(const struct pii_pattern *pattern, const struct find *find, size_t at)
{
	size_t from = at > CONTEXT_REACH ? at - CONTEXT_REACH : 0, begin, end;

	if (!pattern->context)
		return 1;
	while (from < at && (find->p[from] & 0xc0) == 0x80)
		from++;
	return match_find(pattern->context, (const char *)find->p + from, at - from, 0, &begin,
			  &end);
}

bool pii_find_own(const struct pii_settings *settings, struct find *find)
{
	for (size_t i = 0; i < settings->n_patterns; i++) {
		const struct pii_pattern *pattern = &settings->patterns[i];
		size_t from = 0, begin, end;
		int found;

		while ((found = match_find(pattern->pattern, (const char *)find->p, find->n, from,
					   &begin, &end)) > 0) {
			int meant = in_context(pattern, find, begin);

			if (meant < 0)
				return false;
			if (meant > 0) /* said by name: it wins over what we make of it */
				find_add(find, begin, end, (uint32_t)(PII_TYPES + i), 1000000);
			if (find->full)
				return true;
			from = end;
		}
		if (found < 0)
			return false;
	}
	return true;
}

/* --- the whole --- */

void pii_settings_done(struct pii_settings *settings)
{
	for (size_t i = 0; i < settings->n_patterns; i++) {
		match_free(&settings->patterns[i].pattern);
		match_free(&settings->patterns[i].context);
	}
	for (size_t i = 0; i < settings->n_allowed; i++)
		free(settings->allowed[i]);
	free(settings->patterns);
	free(settings->allowed);
}

int32_t pii_settings_read(struct pii_settings *settings, baton_str config_json, char *why,
			  size_t cap)
{
	json_t *config = json_loadb(config_json.p, config_json.n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *pii = json_object_get(json_object_get(config, "policy"), "pii");
	const json_t *patterns = json_object_get(pii, "patterns");
	size_t n = json_array_size(patterns);
	int32_t rc = config ? BATON_OK : BATON_E_INVAL;

	if (rc == BATON_OK && n > PII_PATTERNS_MAX)
		rc = BATON_E_LIMIT;
	if (rc == BATON_OK)
		rc = read_types(settings, json_object_get(pii, "types"), why, cap);
	settings->patterns = rc == BATON_OK ? calloc(n ? n : 1, sizeof(*settings->patterns)) : NULL;
	if (rc == BATON_OK && !settings->patterns)
		rc = BATON_E_NOMEM;
	for (size_t i = 0; rc == BATON_OK && i < n; i++)
		rc = read_pattern(settings, json_array_get(patterns, i), why, cap);
	if (rc == BATON_OK)
		rc = read_allowed(settings, json_object_get(pii, "allow"));
	json_decref(config);
	return rc;
}
