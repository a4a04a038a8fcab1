/* SPDX-License-Identifier: Apache-2.0 */

/* text/event-stream with the two fields that the host's own parser leaves out because providers have
 * no use for them: `id` and `retry`. A server of 2025-11-25 may close the connection in the middle
 * of an answer and expects us back with the last id after so many milliseconds.
 *
 * Pull, not push: bytes go in, events are taken out one by one, and whoever takes them may stop and
 * free everything between two. Pure and bounded.
 */
#pragma once

#include "modules/sdk/provider/text.h"

enum { STREAM_BYTES_MAX = 1024 * 1024, STREAM_ID_MAX = 512 };

struct stream {
	struct text in;  /* what has not been read; `at` of it has */
	size_t at, seen; /* seen: behind `at`, without an end of a line in it */
	bool begun, after_cr, has_data;
	bool named; /* an event of another name than "message" */
	struct text data;
	char id[STREAM_ID_MAX +
		1]; /* of the last event; "" none, or one that cannot be sent back */
	char next_id[STREAM_ID_MAX + 1];
	uint32_t retry_ms; /* 0: the server has not said */
};

/* false: too much, or memory ran out. */
bool stream_add(struct stream *stream, baton_str bytes);
/* The next whole event that has data: its data, valid until the next call. false: more bytes are
 * needed. Events of other names than "message" are read over. */
bool stream_next(struct stream *stream, baton_str *ret_data);
/* Another connection that goes on with the same stream: what was cut is dropped, the id is kept. */
void stream_resume(struct stream *stream);
void stream_done(struct stream *stream);
