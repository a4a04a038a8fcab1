/* SPDX-License-Identifier: Apache-2.0 */

/* What the operator wrote: the entry's `config`, and of each tool its `request`. Everything that
 * can be wrong in it is found here, when the instance is made, and not with the first customer. */
#pragma once

#include "template.h"

#include <baton/module.h>

enum { TOOLS_MAX = 256, HEADERS_MAX = 24, RESULT_MAX = 64 * 1024 };

enum body_kind {
	BODY_NONE,
	BODY_JSON,
	BODY_FORM,
	BODY_REST /* all arguments that stand nowhere else */
};

struct tool {
	const char *name;
	const json_t *declared; /* as in tools.yaml */
	bool writes, idempotent;
	uint32_t timeout_ms, try_ms, retries, backoff_ms;
	uint32_t cache_ms; /* 0: nothing is kept */
	bool cache_shared; /* one answer for all customers */
	const char *method, *url;
	const json_t *query;   /* name: template; may be NULL */
	const json_t *headers; /* the same */
	enum body_kind body;
	const json_t *body_json; /* BODY_JSON: any; BODY_FORM: name: template */
	const json_t *used;      /* BODY_REST: names that stand in URL, query, headers */
	char *auth;              /* a header's line; NULL: none */
	const char *auth_query, *auth_secret; /* "api_key" and the secret that it is; NULL: none */
	const char *key_header;               /* "Idempotency-Key"; NULL: none */
	/* the answer */
	const json_t *pick; /* {name: pointer}, or one pointer; NULL: all of it */
	const json_t *no;   /* {"404": "not_found"} beside the usual ones; may be NULL */
	const char
		*code; /* pointer to the word in an answer that says no; NULL: the usual places */
	size_t max_bytes;
};

struct settings {
	json_t *json;       /* all of it; the texts above are its */
	json_t *used;       /* of all tools */
	char *auth;         /* a header of the entry, for its check; may be NULL */
	char *base_url;     /* without its last slash; may be NULL */
	const char *health; /* may be NULL */
	uint32_t connect_ms, cache_entries;
	struct tool *tools;
	size_t n_tools;
};

bool settings_read(struct settings *settings, baton_str config, struct why *why);
void settings_done(struct settings *settings);
/* [a-z0-9_]{1,63} */
bool code_ok(const char *code);
const struct tool *settings_find(const struct settings *settings, baton_str name);

#define SETTINGS_AUTH_SCHEMA                                                   \
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" \
	"\"bearer\":{\"type\":\"string\"},\"basic\":{\"type\":\"string\"},"    \
	"\"header\":{\"type\":\"string\"},\"query\":{\"type\":\"string\"},"    \
	"\"secret\":{\"type\":\"string\"}}}"
#define SETTINGS_REQUEST_SCHEMA                                                                       \
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"url\"],\"properties\":{" \
	"\"method\":{\"type\":\"string\",\"enum\":[\"GET\",\"POST\",\"PUT\",\"PATCH\",\"DELETE\"]},"  \
	"\"url\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":2000},"                           \
	"\"query\":{\"type\":\"object\"},\"headers\":{\"type\":\"object\"},\"body\":{},"              \
	"\"auth\":" SETTINGS_AUTH_SCHEMA ","                                                          \
	"\"idempotency_header\":{\"type\":[\"string\",\"boolean\"]},"                                 \
	"\"try_ms\":{\"type\":\"integer\",\"minimum\":50,\"maximum\":60000},"                         \
	"\"retries\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":5},"                             \
	"\"backoff_ms\":{\"type\":\"integer\",\"minimum\":10,\"maximum\":10000},"                     \
	"\"cache\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"ttl_ms\"],"    \
	"\"properties\":{\"ttl_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":86400000},"       \
	"\"shared\":{\"type\":\"boolean\"}}},"                                                        \
	"\"answer\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"             \
	"\"pick\":{},\"no\":{\"type\":\"object\"},\"code\":{\"type\":\"string\"},"                    \
	"\"max_bytes\":{\"type\":\"integer\",\"minimum\":2,\"maximum\":1000000}}}}}"
#define SETTINGS_SCHEMA                                                                       \
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                \
	"\"base_url\":{\"type\":\"string\",\"maxLength\":1000},"                              \
	"\"headers\":{\"type\":\"object\"},\"auth\":" SETTINGS_AUTH_SCHEMA ","                \
	"\"health\":{\"type\":\"string\",\"maxLength\":1000},"                                \
	"\"connect_ms\":{\"type\":\"integer\",\"minimum\":50,\"maximum\":30000},"             \
	"\"cache_entries\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":2000},"            \
	"\"policy\":{\"type\":\"object\",\"properties\":{\"tools\":{\"type\":\"array\","      \
	"\"maxItems\":256,\"items\":{\"type\":\"object\",\"required\":[\"name\",\"config\"]," \
	"\"properties\":{\"config\":" SETTINGS_REQUEST_SCHEMA "}}}}}}}"
