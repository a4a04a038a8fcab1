/* SPDX-License-Identifier: Apache-2.0 */

/* Reads what all provider modules have in their configuration; see config.h. */
#include "modules/sdk/provider/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

char *config_format(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, fmt);
	int n = vasprintf(&text, fmt, args);
	va_end(args);
	return n < 0 ? NULL : text;
}

const char *config_string(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

bool config_flag(const json_t *json, const char *key, bool otherwise)
{
	const json_t *value = json_object_get(json, key);
	return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

/* A line break in a header would be refused with the first question; it is better said now. */
static bool header_ok(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

bool config_header(struct config *config, char *header)
{
	if (!header || !header_ok(header) || config->n_headers == HEADERS_MAX) {
		free(header);
		return false;
	}
	config->headers[config->n_headers++] = header;
	return true;
}

static bool headers_read(struct config *config, const struct config_base *base, const json_t *json)
{
	const char *secret = config_string(json, "secret");
	const char *name;
	json_t *value;

	bool named = false;
	bool ok = config_header(config, config_format("Content-Type: application/json"));
	if (secret)
		ok = ok && config_header(config, config_format("%s {{secret:%s}}", base->key_header,
							       secret));
	json_object_foreach(json_object_get(json, "extra_headers"), name, value) {
		named = named || strcasecmp(name, "User-Agent") == 0;
		ok = ok && json_is_string(value) &&
		     config_header(config, config_format("%s: %s", name, json_string_value(value)));
	}
	if (!named) /* some stand behind a gate that lets nobody in who has no name */
		ok = ok && config_header(config, config_format("User-Agent: Baton"));
	return ok;
}

static bool urls_read(struct config *config, const struct config_base *base, const json_t *json)
{
	const char *url = config_string(json, "base_url"), *path = config_string(json, "path");
	const char *query = path || !base->query ? "" : base->query;

	url = url ? url : base->url;
	path = path ? path : base->path;
	if (!url || (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0))
		return false;
	int n = (int)strlen(url);
	while (n > 0 && url[n - 1] == '/')
		n--;
	config->url = config_format("%.*s%s%s%s", n, url, path[0] == '/' ? "" : "/", path, query);
	config->models_url = config_format("%.*s%s%s", n, url, base->models_path,
					   base->query ? base->query : "");
	return config->url && config->models_url;
}

uint32_t config_number(const json_t *json, const char *key, uint32_t otherwise)
{
	const json_t *value = json_object_get(json, key);
	json_int_t n = json_integer_value(value);
	return value && n >= 0 && n <= 3600000 ? (uint32_t)n : otherwise;
}

static bool models_read(struct config *config, const json_t *json)
{
	json_t *list = json_array(), *name;
	size_t i;
	json_array_foreach(json_object_get(json, "models"), i, name)
		json_array_append_new(list, json_pack("{s:O}", "name", name));
	config->models = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return config->models;
}

/* What we write ourselves cannot be written a second time: a server may take either. */
static bool is_ours(const char *name)
{
	static const char *const ours[] = { "model",
					    "messages",
					    "input",
					    "stream",
					    "max_tokens",
					    "prompt",
					    "max_output_tokens",
					    "max_completion_tokens",
					    "options",
					    "system",
					    "instructions" };
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(ours[i], name) == 0)
			return true;
	return false;
}

char *config_members(const json_t *object)
{
	char *text = json_object_size(object) ? json_dumps(object, JSON_COMPACT) : NULL;
	/* The braces go: the members stand behind ours. */
	char *members = text ? config_format(",%.*s", (int)strlen(text) - 2, text + 1) : strdup("");

	free(text);
	return members;
}

static bool extra_read(struct config *config, const json_t *json)
{
	json_t *extra = json_object_get(json, "extra_body"), *value;
	const char *name;

	json_object_foreach(extra, name, value)
		if (is_ours(name))
			return false;
	config->says_store = json_object_get(extra, "store");
	config->extra = config_members(extra);
	return config->extra;
}

int32_t config_read(struct config *config, const struct config_base *base, const json_t *json,
		    const char **why)
{
	*config = (struct config){ .wire = base->wire, .max_tokens_name = "max_tokens" };
	*why = "not a JSON object";
	if (!json_is_object(json))
		return BATON_E_INVAL;
	config->stream = config_flag(json, "stream", true);
	config->include_usage = config_flag(json, "include_usage", true);
	config->prefill = config_flag(json, "prefill", base->prefill);
	config->connect_ms = config_number(json, "connect_ms", 1000);
	config->first_byte_ms = config_number(json, "first_byte_ms", 0);
	config->idle_ms = config_number(json, "idle_ms", 0);
	config->total_ms = config_number(json, "total_ms", 60000);

	bool ok = false;
	*why = "base_url: expected http:// or https://";
	if (urls_read(config, base, json)) {
		*why = "extra_headers: names and values without control characters, few of them";
		ok = headers_read(config, base, json) && models_read(config, json);
	}
	if (ok) {
		*why = "extra_body: an object without what the module writes itself";
		ok = extra_read(config, json);
	}
	if (!ok)
		config_done(config);
	return ok ? BATON_OK : BATON_E_INVAL;
}

void config_done(struct config *config)
{
	free(config->url);
	free(config->models_url);
	free(config->models);
	free(config->extra);
	free(config->options);
	for (uint32_t i = 0; i < config->n_headers; i++)
		free(config->headers[i]);
	*config = (struct config){ 0 };
}
