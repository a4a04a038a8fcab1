/* SPDX-License-Identifier: Apache-2.0 */

/* Arguments that a server wants repeated as headers (x-mcp-header, 2026-07-28), so that what
 * stands before it can route without reading bodies.
 *
 * Surprising: the host fills "{{secret:NAME}}" into headers, and here a header is made of what a
 * model said. Such a value goes in base64, which the specification allows and where nothing is
 * found to fill in.
 */
#include "compare.h"

#include <stdlib.h>

#define KEYWORD "x-mcp-header"

/* --- reading a schema --------------------------------------------------------------------- */

enum { LEVELS_MAX = 256 }; /* objects with properties in one schema */

struct level {
	baton_str schema;
	unsigned n_path;
	baton_str path[MIRROR_PATH_MAX];
};

struct walk {
	struct entry *entry;
	struct level levels[LEVELS_MAX];
	unsigned n_levels;
	unsigned good, names; /* annotations where they may be; properties that are called so */
	const char *bad;
};

/* How often the key stands anywhere in it, as a name or as an annotation. */
static unsigned keys_count(baton_str json)
{
	struct scan scan = scan_of(json);
	unsigned n = 0;

	while (scan.at < scan.end && !scan.bad) {
		if (*scan.at != '"') {
			scan.at++;
			continue;
		}
		baton_str inside = scan_string(&scan);
		if (!scan.bad && scan_peek(&scan) == ':' && scan_is(inside, KEYWORD))
			n++;
	}
	return n;
}

static bool is_tchar(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool name_ok(baton_str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!is_tchar(name.p[i]))
			return false;
	return name.n > 0 && name.n <= MIRROR_NAME_MAX;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool name_taken(const struct entry *entry, baton_str name)
{
	for (unsigned i = 0; i < entry->n_mirrors; i++) {
		const char *other = entry->mirrors[i].header;
		size_t k = 0;
		while (k < name.n && other[k] && lower(other[k]) == lower(name.p[k]))
			k++;
		if (k == name.n && !other[k])
			return true;
	}
	return false;
}

static char *unescaped(baton_str inside)
{
	struct text text = { 0 };
	unsigned half = 0;
	bool ok = scan_unescape(inside, &half, &text) && !half;

	text_add(&text, "", 1);
	if (ok && !text.failed)
		return text.p;
	text_done(&text);
	return NULL;
}

static const char *mirror_add(struct entry *entry, const struct level *level, baton_str name)
{
	if (entry->n_mirrors == MIRRORS_MAX)
		return "more than 32 of its arguments are to be headers";
	struct mirror *all = realloc(entry->mirrors, (entry->n_mirrors + 1) * sizeof(*all));
	if (!all)
		return "out of memory";
	entry->mirrors = all;
	struct mirror *mirror = &all[entry->n_mirrors++];
	*mirror = (struct mirror){ 0 };
	memcpy(mirror->header, name.p, name.n);
	for (unsigned i = 0; i < level->n_path; i++) {
		mirror->path[i] = unescaped(level->path[i]);
		if (!mirror->path[i])
			return "an argument has a name that cannot be read";
		mirror->n_path++;
	}
	return NULL;
}

static const char *annotation_take(struct walk *walk, const struct level *level, baton_str raw)
{
	baton_str name = { NULL, 0 }, type = frame_string(level->schema, "type");

	if (!frame_inside(raw, &name) || !name_ok(name))
		return "x-mcp-header: no name for a header";
	if (!scan_is(type, "string") && !scan_is(type, "integer") && !scan_is(type, "boolean"))
		return "x-mcp-header: on an argument that is no text, whole number or boolean";
	if (name_taken(walk->entry, name))
		return "x-mcp-header: two arguments for one header";
	return mirror_add(walk->entry, level, name);
}

static const char *property_push(struct walk *walk, const struct level *above, baton_str name,
				 baton_str schema)
{
	if (walk->n_levels == LEVELS_MAX)
		return "its inputSchema has too many properties";
	struct level *level = &walk->levels[walk->n_levels++];
	*level = *above;
	level->schema = schema;
	level->path[level->n_path++] = name;
	return NULL;
}

/* The properties of one object. They are walked only where something may be found in them. */
static const char *properties_take(struct walk *walk, const struct level *level)
{
	struct scan scan = scan_of(frame_member(level->schema, "properties"));
	bool begun = false;
	baton_str name;
	const char *bad = NULL;

	while (!bad && scan_member(&scan, &begun, &name)) {
		baton_str schema = scan_raw(&scan);
		walk->names += scan_is(name, KEYWORD);
		if (scan.bad || schema.n == 0 || schema.p[0] != '{' || keys_count(schema) == 0)
			continue;
		bad = level->n_path == MIRROR_PATH_MAX ? "x-mcp-header: deeper than 8 objects"
						       : property_push(walk, level, name, schema);
	}
	return bad;
}

static const char *level_take(struct walk *walk, const struct level *level)
{
	baton_str raw = frame_member(level->schema, KEYWORD);

	if (raw.n) {
		const char *bad = level->n_path ? annotation_take(walk, level, raw)
						: "x-mcp-header: on the arguments as a whole";
		if (bad)
			return bad;
		walk->good++;
	}
	return properties_take(walk, level);
}

const char *mirrors_read(struct entry *entry, baton_str schema)
{
	unsigned all = keys_count(schema);
	const char *bad = NULL;

	if (all == 0)
		return NULL;
	struct walk *walk = calloc(1, sizeof(*walk));
	if (!walk)
		return "out of memory";
	walk->entry = entry;
	walk->levels[0].schema = schema;
	walk->n_levels = 1;
	while (!bad && walk->n_levels) {
		struct level level = walk->levels[--walk->n_levels];
		bad = level_take(walk, &level);
	}
	if (!bad && walk->good + walk->names != all)
		bad = "x-mcp-header: where no argument can be found";
	free(walk);
	return bad;
}

/* --- values ------------------------------------------------------------------------------- */

static bool is_plain(baton_str value)
{
	bool sentinel = value.n >= 11 && memcmp(value.p, "=?base64?", 9) == 0 &&
			memcmp(value.p + value.n - 2, "?=", 2) == 0;

	if (value.n == 0 || sentinel || value.p[0] == ' ' || value.p[value.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < ' ' || value.p[i] > '~')
			return false;
		if (value.p[i] == '{' && i + 1 < value.n && value.p[i + 1] == '{')
			return false;
	}
	return true;
}

static void base64_add(struct text *to, baton_str value)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)value.p;

	for (size_t i = 0; i < value.n; i += 3) {
		size_t left = value.n - i;
		unsigned v = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0u) |
			     (left > 2 ? p[i + 2] : 0u);
		char four[4] = { digits[v >> 18], digits[v >> 12 & 63],
				 left > 1 ? digits[v >> 6 & 63] : '=',
				 left > 2 ? digits[v & 63] : '=' };
		text_add(to, four, 4);
	}
}

void header_value(struct text *to, baton_str value)
{
	if (is_plain(value)) {
		text_add(to, value.p, value.n);
		return;
	}
	text_z(to, "=?base64?");
	base64_add(to, value);
	text_z(to, "?=");
}

/* The value at the path, as written; empty if there is none, or null. */
static baton_str value_at(const struct mirror *mirror, baton_str args)
{
	for (unsigned i = 0; i < mirror->n_path && args.n; i++)
		args = frame_member(args, mirror->path[i]);
	if (args.n == 4 && memcmp(args.p, "null", 4) == 0)
		args.n = 0;
	return args;
}

static void mirror_write(struct text *to, const struct mirror *mirror, baton_str raw)
{
	struct text value = { 0 };
	baton_str inside;
	unsigned half = 0;

	if (!frame_inside(raw, &inside))
		text_add(&value, raw.p, raw.n);
	else if (!scan_unescape(inside, &half, &value))
		value.failed = true;
	text_z(to, "Mcp-Param-");
	text_z(to, mirror->header);
	text_z(to, ": ");
	header_value(to, text_view(&value));
	text_add(to, "", 1);
	to->failed = to->failed || value.failed;
	text_done(&value);
}

unsigned catalogue_mirror(const struct entry *entry, baton_str args, struct text *to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < entry->n_mirrors; i++) {
		baton_str raw = value_at(&entry->mirrors[i], args);
		if (raw.n == 0)
			continue;
		mirror_write(to, &entry->mirrors[i], raw);
		n++;
	}
	return n;
}
