/* SPDX-License-Identifier: Apache-2.0 */

/* What the operator wrote about one endpoint, read once when the instance is made. */
#pragma once

#include "text.h"

enum { HEADERS_MAX = 24 };

struct config {
	char *url;        /* where questions go */
	char *models_url; /* what a check asks */
	char *headers[HEADERS_MAX];
	uint32_t n_headers;
	char *models; /* JSON array for models() */
	bool stream, include_usage;
	uint32_t connect_ms, first_byte_ms, idle_ms, total_ms;
};

/* JSON Schema of it, checked by the host before create(). */
extern const char config_schema[];

/* BATON_OK, BATON_E_INVAL or BATON_E_NOMEM; then nothing is left behind. `why` says what is wrong. */
int32_t config_read(struct config *config, baton_str json, const char **why);
void config_done(struct config *config);
