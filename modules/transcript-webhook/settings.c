/* SPDX-License-Identifier: Apache-2.0 */

/* The host has checked the configuration against the schema; here is what a schema cannot say. */
#include "settings.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The exporter gives a batch 30 seconds; a request that takes longer would never be told. */
enum { EVENTS = 256, BYTES = 256 * 1024, CONNECT_MS = 5000, TOTAL_MS = 15000 };

void settings_done(struct settings *settings)
{
	free(settings->url);
	for (unsigned i = 0; i < settings->n_keys; i++)
		free(settings->keys[i]);
	for (unsigned i = 0; i < settings->n_headers; i++)
		free(settings->headers[i]);
	memset(settings, 0, sizeof(*settings));
}

static bool plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* Copies the strings of a list. false: too many, an odd one, or no memory. */
static bool list_read(const json_t *list, char **to, unsigned max, unsigned *n)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text || !text[0] || !plain(text) || *n == max || !(to[*n] = strdup(text)))
			return false;
		++*n;
	}
	return true;
}

static uint32_t number(const json_t *json, const char *key, uint32_t otherwise)
{
	const json_t *value = json_object_get(json, key);

	return json_is_integer(value) ? (uint32_t)json_integer_value(value) : otherwise;
}

/* What carries the signature is ours; a second one of the same name would be read by somebody. */
static bool ours(const char *header)
{
	return strncasecmp(header, "webhook-", 8) == 0 ||
	       strncasecmp(header, "content-type:", 13) == 0;
}

static const char *take(struct settings *s, const json_t *json)
{
	const char *url = json_string_value(json_object_get(json, "url"));

	if (!url || (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0))
		return "config.url: expected https://...";
	s->url = strdup(url);
	if (!s->url)
		return "out of memory";
	if (!list_read(json_object_get(json, "signing"), s->keys, KEYS_MAX, &s->n_keys) ||
	    s->n_keys == 0)
		return "config.signing: expected 1 to 4 names of secrets";
	if (!list_read(json_object_get(json, "headers"), s->headers, HEADERS_MAX, &s->n_headers))
		return "config.headers: expected at most 16 lines \"Name: value\"";
	for (unsigned i = 0; i < s->n_headers; i++)
		if (ours(s->headers[i]))
			return "config.headers: webhook-* and Content-Type are the module's own";
	s->max_events = number(json, "max_events", EVENTS);
	s->max_bytes = number(json, "max_bytes", BYTES);
	s->connect_ms = number(json, "connect_ms", CONNECT_MS);
	s->total_ms = number(json, "total_ms", TOTAL_MS);
	return NULL;
}

bool settings_read(struct settings *settings, baton_str config, const char **ret_why)
{
	json_t *json = json_loadb(config.p, config.n, JSON_REJECT_DUPLICATES, NULL);

	memset(settings, 0, sizeof(*settings));
	*ret_why = json ? take(settings, json) : "config: expected an object";
	json_decref(json);
	if (*ret_why)
		settings_done(settings);
	return !*ret_why;
}
