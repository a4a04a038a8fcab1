/* SPDX-License-Identifier: Apache-2.0 */

/* Reads the configuration. A key never stands in it: "{{secret:NAME}}" is filled in by the host. */
#include "config.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char config_schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
	"\"base_url\":{\"type\":\"string\"},"
	"\"path\":{\"type\":\"string\"},"
	"\"secret\":{\"type\":\"string\"},"
	"\"organization\":{\"type\":\"string\"},"
	"\"stream\":{\"type\":\"boolean\"},"
	"\"include_usage\":{\"type\":\"boolean\"},"
	"\"connect_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":60000},"
	"\"first_byte_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600000},"
	"\"idle_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600000},"
	"\"total_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600000},"
	"\"extra_headers\":{\"type\":\"object\"},"
	"\"models\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	"\"policy\":{}}}";

/* NULL if memory runs out. */
static char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, fmt);
	int n = vasprintf(&text, fmt, args);
	va_end(args);
	return n < 0 ? NULL : text;
}

/* A line break in a header would be refused with the first question; it is better said now. */
static bool header_ok(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static bool header_add(struct config *config, char *header)
{
	if (!header || !header_ok(header) || config->n_headers == HEADERS_MAX) {
		free(header);
		return false;
	}
	config->headers[config->n_headers++] = header;
	return true;
}

static bool headers_read(struct config *config, const json_t *json)
{
	const char *secret = json_string_value(json_object_get(json, "secret"));
	const char *organization = json_string_value(json_object_get(json, "organization"));
	const char *name;
	json_t *value;

	bool ok = header_add(config, format("Content-Type: application/json"));
	if (secret)
		ok = ok &&
		     header_add(config, format("Authorization: Bearer {{secret:%s}}", secret));
	if (organization)
		ok = ok && header_add(config, format("OpenAI-Organization: %s", organization));
	json_object_foreach(json_object_get(json, "extra_headers"), name, value)
		ok = ok && json_is_string(value) &&
		     header_add(config, format("%s: %s", name, json_string_value(value)));
	return ok;
}

static bool urls_read(struct config *config, const json_t *json)
{
	const char *base = json_string_value(json_object_get(json, "base_url"));
	const char *path = json_string_value(json_object_get(json, "path"));

	base = base ? base : "https://api.openai.com/v1";
	path = path ? path : "/chat/completions";
	if (strncmp(base, "https://", 8) != 0 && strncmp(base, "http://", 7) != 0)
		return false;
	int n = (int)strlen(base);
	while (n > 0 && base[n - 1] == '/')
		n--;
	config->url = format("%.*s%s%s", n, base, path[0] == '/' ? "" : "/", path);
	config->models_url = format("%.*s/models", n, base);
	return config->url && config->models_url;
}

static uint32_t number(const json_t *json, const char *key, uint32_t otherwise)
{
	const json_t *value = json_object_get(json, key);
	json_int_t n = json_integer_value(value);
	return value && n >= 0 && n <= 3600000 ? (uint32_t)n : otherwise;
}

static bool flag(const json_t *json, const char *key)
{
	return !json_is_false(json_object_get(json, key));
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

int32_t config_read(struct config *config, baton_str json, const char **why)
{
	*config = (struct config){ 0 };
	*why = "not a JSON object";
	json_t *root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(root)) {
		json_decref(root);
		return BATON_E_INVAL;
	}

	config->stream = flag(root, "stream");
	config->include_usage = flag(root, "include_usage");
	config->connect_ms = number(root, "connect_ms", 1000);
	config->first_byte_ms = number(root, "first_byte_ms", 0);
	config->idle_ms = number(root, "idle_ms", 0);
	config->total_ms = number(root, "total_ms", 60000);
	bool ok = false;
	*why = "base_url: expected http:// or https://";
	if (urls_read(config, root)) {
		*why = "extra_headers: names and values without control characters, few of them";
		ok = headers_read(config, root) && models_read(config, root);
	}
	json_decref(root);
	if (!ok)
		config_done(config);
	return ok ? BATON_OK : BATON_E_INVAL;
}

void config_done(struct config *config)
{
	free(config->url);
	free(config->models_url);
	free(config->models);
	for (uint32_t i = 0; i < config->n_headers; i++)
		free(config->headers[i]);
	*config = (struct config){ 0 };
}
