/* SPDX-License-Identifier: Apache-2.0 */

/* text/event-stream as WHATWG HTML section 9.2 defines it: BOM, CR, LF and CRLF, comments, data
 * over several lines; fed in pieces of any size. Pure and bounded. */
#pragma once

#include "core/base/buf.h"

struct baton_sse {
	struct baton_buf line, data, event;
	bool started, after_cr, skip_bom_checked;
	size_t line_bytes_max;
	void (*on_event)(void *ud, baton_str event, baton_str data);
	void *ud;
};
void baton_sse_init(struct baton_sse *sse,
		    void (*on_event)(void *ud, baton_str event, baton_str data), void *ud);
/* 0, or BATON_E_TOO_BIG when a line or an event passes BATON_HTTP_LINE_BYTES_MAX. */
int baton_sse_feed(struct baton_sse *sse, baton_str bytes);
void baton_sse_done(struct baton_sse *sse);
