/* SPDX-License-Identifier: Apache-2.0 */

/* Reading tools/list; see catalogue.h. The comparison with what is declared is in compare.c, the
 * headers of arguments in mirror.c. */
#include "catalogue.h"

#include "compare.h"

#include <stdlib.h>

bool catalogue_init(struct catalogue *catalogue, const struct settings *settings, unsigned server)
{
	*catalogue = (struct catalogue){ 0 };
	catalogue->entries = calloc(settings->n_tools + 1, sizeof(*catalogue->entries));
	if (!catalogue->entries)
		return false;
	for (unsigned i = 0; i < settings->n_tools; i++)
		if (settings->tools[i].server == server)
			catalogue->entries[catalogue->n++].set = &settings->tools[i];
	return true;
}

static void entry_clear(struct entry *entry)
{
	const struct tool_set *set = entry->set;

	for (unsigned i = 0; i < entry->n_mirrors; i++)
		for (unsigned k = 0; k < entry->mirrors[i].n_path; k++)
			free(entry->mirrors[i].path[k]);
	free(entry->mirrors);
	free(entry->schema);
	text_done(&entry->problems);
	*entry = (struct entry){ .set = set };
}

void catalogue_done(struct catalogue *catalogue)
{
	for (unsigned i = 0; i < catalogue->n; i++)
		entry_clear(&catalogue->entries[i]);
	free(catalogue->entries);
	*catalogue = (struct catalogue){ 0 };
}

struct entry *catalogue_find(const struct catalogue *catalogue, const struct tool_set *tool)
{
	for (unsigned i = 0; i < catalogue->n; i++)
		if (catalogue->entries[i].set == tool)
			return &catalogue->entries[i];
	return NULL;
}

/* --- one tool ----------------------------------------------------------------------------- */

static void schema_take(struct entry *entry, baton_str schema)
{
	if (schema.n == 0 || schema.p[0] != '{') {
		entry->bad = "its inputSchema is no object";
		return;
	}
	if (schema.n > CATALOGUE_SCHEMA_MAX) {
		entry->bad = "its inputSchema is larger than 64 KiB";
		return;
	}
	entry->schema = malloc(schema.n);
	if (!entry->schema) {
		entry->bad = "out of memory";
		return;
	}
	memcpy(entry->schema, schema.p, schema.n);
	entry->schema_n = schema.n;
	entry->bad = mirrors_read(entry, schema);
}

/* Another tool of ours may have the same name there. */
static void tool_take(struct catalogue *catalogue, baton_str tool)
{
	baton_str name = frame_string(tool, "name");

	for (unsigned i = 0; name.p && i < catalogue->n; i++) {
		struct entry *entry = &catalogue->entries[i];
		if (!scan_is(name, entry->set->remote))
			continue;
		if (entry->there) {
			problem_add(entry, "the server has two tools of this name");
			entry->bad = "the server has two tools of this name";
			continue;
		}
		entry->there = true;
		schema_take(entry, frame_member(tool, "inputSchema"));
		if (entry->bad)
			problem_add(entry, "%s", entry->bad);
		else
			compare_entry(entry, frame_member(tool, "annotations"));
	}
}

bool catalogue_page(struct catalogue *catalogue, baton_str result, baton_str *ret_cursor)
{
	baton_str tools = frame_member(result, "tools");
	int64_t ttl;
	struct scan scan = scan_of(tools);
	bool begun = false;

	if (tools.n == 0 || tools.p[0] != '[')
		return false;
	while (scan_element(&scan, &begun)) {
		catalogue->seen++;
		tool_take(catalogue, scan_raw(&scan));
	}
	if (frame_integer(frame_member(result, "ttlMs"), &ttl) && ttl > 0)
		catalogue->ttl_ms = ttl > INT32_MAX ? INT32_MAX : (uint32_t)ttl;
	*ret_cursor = frame_string(result, "nextCursor");
	return true;
}

void catalogue_end(struct catalogue *catalogue)
{
	for (unsigned i = 0; i < catalogue->n; i++) {
		struct entry *entry = &catalogue->entries[i];
		if (entry->there)
			continue;
		entry->bad = "the server has no tool of this name";
		problem_add(entry, "%s", entry->bad);
	}
}
