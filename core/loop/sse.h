/* SPDX-License-Identifier: Apache-2.0 */

/* text/event-stream as WHATWG HTML section 9.2 defines it: BOM, CR, LF and CRLF, comments, data
 * over several lines; fed in pieces of any size. Pure and bounded. `id` and `retry` are ignored:
 * a question is not asked again by itself. An event that the end of the stream cuts is dropped, as
 * the standard says; bytes are handed on as they are, UTF-8 or not. */
#pragma once

#include "core/base/buf.h"

struct baton_sse {
	struct baton_buf line, data, event; /* an unfinished line; the fields of the event so far */
	bool started, after_cr;
	bool in_event; /* a data field was seen */
	size_t line_bytes_max;
	bool hold;    /* for on_event to set: the rest is fed later */
	size_t taken; /* of what was fed last: all of it, unless `hold` was set */
	/* `event` is "message" where the stream names none. Valid during the call. May not feed. */
	void (*on_event)(void *ud, baton_str event, baton_str data);
	void *ud;
};
void baton_sse_init(struct baton_sse *sse, void (*on_event)(void *ud, baton_str event, baton_str data), void *ud);
/* 0, or BATON_E_TOO_BIG when a line or an event passes BATON_HTTP_LINE_BYTES_MAX. */
int baton_sse_feed(struct baton_sse *sse, baton_str bytes);
/* Forgets what was fed and keeps the memory: for the next stream. */
void baton_sse_reset(struct baton_sse *sse);
void baton_sse_done(struct baton_sse *sse);
