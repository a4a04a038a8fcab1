/* SPDX-License-Identifier: Apache-2.0 */

/* One chunk of a streamed answer, or a whole answer, as far as it concerns us. */
#pragma once

#include "text.h"

#include <jansson.h>

enum chunk_kind {
	CHUNK_GOOD,
	CHUNK_NOT_JSON, /* may be skipped */
	CHUNK_BROKEN,   /* text is damaged: not UTF-8, half a character */
	CHUNK_ERROR,    /* an error object */
};

struct chunk { /* kept from chunk to chunk: half a surrogate pair may wait for the next one */
	struct text content, reasoning;
	unsigned half;
	char finish[32]; /* finish_reason, empty if there is none */
	bool has_usage, refusal;
	uint64_t in_tokens, cached_tokens, out_tokens;
	json_t *root, *tool_calls_borrowed; /* NULL unless jansson read it */
};

/* Replaces what the chunk said before. */
enum chunk_kind chunk_read(struct chunk *chunk, baton_str data);
void chunk_done(struct chunk *chunk);
