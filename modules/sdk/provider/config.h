/* SPDX-License-Identifier: Apache-2.0 */

/* What the operator wrote about one endpoint, read once when the instance is made. A key never
 * stands in it: "{{secret:NAME}}" is filled in by the host. */
#pragma once

#include "modules/sdk/provider/wire.h"

#include <jansson.h>

enum { HEADERS_MAX = 24 };

enum dialect { /* of one wire: what its servers do differently */
	DIALECT_COMPATIBLE,
	DIALECT_OPENAI,
	DIALECT_AZURE,
	DIALECT_OLLAMA,
	DIALECT_LLAMACPP,
	DIALECT_VLLM,
};

struct config {
	const struct wire *wire;
	enum dialect dialect;
	char *url;        /* where questions go; "{model}" is replaced by the model's name */
	char *models_url; /* what a check asks */
	char *headers[HEADERS_MAX];
	uint32_t n_headers;
	char *extra;                 /* members of `extra_body`: ",\"a\":1,\"b\":2", or empty */
	char *options;               /* the same of `options`, for Ollama */
	char *models;                /* JSON array for models() */
	const char *max_tokens_name; /* static */
	uint32_t max_tokens;         /* where the API wants a bound and nobody gave one */
	bool stream, include_usage, prefill;
	bool says_store; /* the operator himself, in `extra_body` */
	uint32_t connect_ms, first_byte_ms, idle_ms, total_ms;
};

/* What a module says before config_read() is asked; anything but `wire` may be NULL. */
struct config_base {
	const struct wire *wire;
	const char *url, *path, *models_path; /* where the operator wrote none */
	const char *query;                    /* behind both paths, with its '?' */
	const char *key_header;               /* "Authorization: Bearer" */
	bool prefill;                         /* can continue an answer, as a rule */
};

/* The properties of the schema that all modules have; no comma at either end. */
#define CONFIG_SCHEMA_COMMON                                                                      \
	"\"base_url\":{\"type\":\"string\"},\"path\":{\"type\":\"string\"},"                       \
	"\"secret\":{\"type\":\"string\"},\"stream\":{\"type\":\"boolean\"},"                      \
	"\"prefill\":{\"type\":\"boolean\"},"                                                      \
	"\"connect_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":60000},"                   \
	"\"first_byte_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600000},"               \
	"\"idle_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600000},"                     \
	"\"total_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600000},"                    \
	"\"extra_headers\":{\"type\":\"object\"},\"extra_body\":{\"type\":\"object\"},"            \
	"\"models\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"policy\":{}"

/* BATON_OK or BATON_E_INVAL; then nothing is left behind. `why` says what is wrong. */
int32_t config_read(struct config *config, const struct config_base *base, const json_t *json,
		    const char **why);
void config_done(struct config *config);

/* "Name: value"; false if it is no header or there are too many. Takes `header`, which may be
 * NULL. */
bool config_header(struct config *config, char *header);
/* NULL if memory runs out. */
char *config_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
uint32_t config_number(const json_t *json, const char *key, uint32_t otherwise);
/* ",\"a\":1,\"b\":2" of an object's members, "" if there are none. */
char *config_members(const json_t *object);
/* NULL if it is not there. */
const char *config_string(const json_t *json, const char *key);
bool config_flag(const json_t *json, const char *key, bool otherwise);
