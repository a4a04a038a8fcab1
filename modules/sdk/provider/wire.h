/* SPDX-License-Identifier: Apache-2.0 */

/* A wire: how one API is asked, and how its answers are read. One file each. */
#pragma once

#include "modules/sdk/provider/heard.h"

struct config;

struct wire {
	const char *name;
	uint32_t http_flags; /* of a stream: BATON_HTTP_SSE or BATON_HTTP_NDJSON */
	/* The finish mark may come before the usage, in an event of its own, when it was asked
	 * for. */
	bool usage_follows;
	/* The body of a question; false if memory ran out. */
	bool (*ask)(const struct config *config, const baton_prompt *prompt, struct text *body);
	/* One event of a stream; `event` is its name, empty if the wire has none. All UTF-8. */
	enum heard_kind (*event)(struct heard *heard, baton_str event, baton_str data);
	/* A whole answer. */
	enum heard_kind (*whole)(struct heard *heard, baton_str body);
};
