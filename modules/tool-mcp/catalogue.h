/* SPDX-License-Identifier: Apache-2.0 */

/* What a server says that its tools are like: of those that tools.yaml names, nothing else is kept.
 *
 * It is believed in three things only: that a tool is there, what it must be given, and which
 * arguments are to be repeated as headers (x-mcp-header). What it says in words is for nobody; that a
 * tool only reads is never taken from it. Pure.
 */
#pragma once

#include "frame.h"
#include "settings.h"

enum {
	CATALOGUE_PAGES_MAX = 64,
	CATALOGUE_SCHEMA_MAX = 64 * 1024, /* bytes of one inputSchema */
	MIRRORS_MAX = 32,
	MIRROR_PATH_MAX = 8,
	MIRROR_NAME_MAX = 64,
};

struct mirror {
	char header[MIRROR_NAME_MAX + 1]; /* the X of Mcp-Param-X */
	unsigned n_path;
	char *path[MIRROR_PATH_MAX];
};

struct entry { /* one for each tool of tools.yaml that is on this server */
	const struct tool_set *set;
	bool there;
	const char *bad; /* why it may not be called; NULL: it may */
	char *schema;    /* inputSchema as written */
	size_t schema_n;
	struct mirror *mirrors;
	unsigned n_mirrors;
	struct text problems; /* sentences in a row of JSON strings: "a","b" */
	unsigned n_problems;
};

struct catalogue {
	struct entry *entries;
	unsigned n, seen; /* seen: tools of the server, ours or not */
	uint32_t ttl_ms;  /* 0: not said */
};

/* Room for the tools of `settings` that are on `server`. false: memory ran out. */
bool catalogue_init(struct catalogue *catalogue, const struct settings *settings, unsigned server);
/* One page: the result of tools/list. `ret_cursor` is the inside of nextCursor, without `p` at the
 * end. false: this is no such result. */
bool catalogue_page(struct catalogue *catalogue, baton_str result, baton_str *ret_cursor);
/* After the last page: says what is missing. */
void catalogue_end(struct catalogue *catalogue);
void catalogue_done(struct catalogue *catalogue);
struct entry *catalogue_find(const struct catalogue *catalogue, const struct tool_set *tool);

/* The Mcp-Param-* headers of a call, one behind the other, each with a NUL behind it. Returns how
 * many. */
unsigned catalogue_mirror(const struct entry *entry, baton_str args, struct text *to);
/* A value as a header may carry it: as it is, or =?base64?...?=. */
void header_value(struct text *to, baton_str value);
