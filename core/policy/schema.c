/* SPDX-License-Identifier: Apache-2.0 */

/* Reads trees into structs by the tables. The functions call each other as deep as the tables are
 * nested (four levels), never as deep as the input is.
 */

#include "core/policy/schema.h"

#include "core/base/limits.h"
#include "core/policy/nearest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LISTED_BYTES_MAX = 1000 }; /* of one text in a list */

/* --- words for sentences --- */

bool baton_field_in_ms(const struct baton_field *field)
{
	size_t n = strlen(field->key);

	return n > 3 && strcmp(field->key + n - 3, "_ms") == 0;
}

static const char *expectation(const struct baton_field *field)
{
	switch (field->type) {
	case BATON_FIELD_TEXT:
	case BATON_FIELD_EXPR:
		return "text";
	case BATON_FIELD_NAME:
		return "a name (letters, digits, `-`, `_`, `.`; at most 64)";
	case BATON_FIELD_FILE:
		return "a file name such as provider-openai.so (small letters, digits, dashes; no folder)";
	case BATON_FIELD_SECRET:
		return "the name of a secret (capitals, digits, `_`), never the secret itself";
	case BATON_FIELD_PEER:
		return "host:port, such as api.example.com:443 or \"*.example.com:443\"";
	case BATON_FIELD_ORIGIN:
		return "`self` or an origin such as https://shop.example (no path)";
	case BATON_FIELD_DATE:
		return "a date such as 2026-11-30";
	case BATON_FIELD_SHA256:
		return "the 64 digits (0-9, a-f) that `sha256sum` prints";
	case BATON_FIELD_WORD:
	case BATON_FIELD_CHOICE:
	case BATON_FIELD_BITS:
		return "one of its words";
	case BATON_FIELD_BOOL:
		return "true or false";
	case BATON_FIELD_U32:
		return "a whole number";
	case BATON_FIELD_MS:
		return baton_field_in_ms(field)
			       ? "a time such as 3500 (milliseconds), 3500ms, 5s or 2m"
			       : "a time with its unit, such as 3500ms, 30s, 5m or 2h";
	case BATON_FIELD_PPM:
	case BATON_FIELD_MILLI:
	case BATON_FIELD_MICRO:
		return "a number";
	case BATON_FIELD_BYTES:
		return "a size with its unit, such as 512KiB, 5MiB or 1GiB";
	case BATON_FIELD_FREE:
	case BATON_FIELD_MAP:
		return "a map of keys and values";
	case BATON_FIELD_LIST:
		return "a list";
	}
	return "";
}

static const char *found(struct baton_reader *reader, const struct baton_yaml *node)
{
	static const char *const kinds[] = { "nothing",    "the truth value", "the number",
					     "the number", "the text",        "a list",
					     "a map" };
	char text[160];

	if (node->kind == BATON_YAML_NULL || node->kind >= BATON_YAML_LIST)
		return kinds[node->kind];
	snprintf(text, sizeof(text), "%s `%s`", kinds[node->kind],
		 baton_finding_word(reader->findings, node->text));
	return baton_arena_dup(reader->findings->arena, text, strlen(text));
}

/* `key` must be ..., not ...; with the mistakes that everybody makes named. */
static void wrong_type(struct baton_reader *reader, const struct baton_field *field,
		       const struct baton_yaml *node)
{
	static const char *const yes_no[] = { "yes", "no", "on", "off", NULL };
	const char *hint = "";

	if (field->type == BATON_FIELD_BOOL && node->kind == BATON_YAML_STRING)
		for (size_t i = 0; yes_no[i]; i++)
			if (strcasecmp(node->text.p, yes_no[i]) == 0)
				hint = " (in YAML 1.2 that is a word like any other)";
	if (field->type <= BATON_FIELD_CHOICE &&
	    (node->kind == BATON_YAML_BOOL || node->kind == BATON_YAML_INT ||
	     node->kind == BATON_YAML_FLOAT))
		hint = ": put it in quotes";
	baton_finding_error(reader->findings, node->place, "`%s` must be %s, not %s%s", field->key,
			    expectation(field), found(reader, node), hint);
}

/* --- one scalar --- */

static bool in_set(baton_str s, const char *set)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z'), capital = (c >= 'A' && c <= 'Z');
		bool digit = (c >= '0' && c <= '9');

		if (!(letter && strchr(set, 'a')) && !(capital && strchr(set, 'A')) &&
		    !(digit && strchr(set, '0')) && !(c && strchr("-_.", c) && strchr(set, c)))
			return false;
	}
	return s.n > 0;
}

static bool is_port(baton_str s)
{
	unsigned port = 0;

	if (s.n == 0 || s.n > 5)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		port = port * 10 + (unsigned)(s.p[i] - '0');
	}
	return port > 0 && port < 65536;
}

/* host:port, [v6]:port; without a port only if `optional`. */
static bool is_host_port(baton_str s, bool optional)
{
	const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
	const char *bracket = s.n ? memchr(s.p, ']', s.n) : NULL;
	baton_str host = s, port = BATON_STR_NONE;

	if (colon && (!bracket || colon > bracket)) {
		host.n = (size_t)(colon - s.p);
		port = (baton_str){ colon + 1, s.n - host.n - 1 };
	}
	if (port.p ? !is_port(port) : !optional)
		return false;
	if (bracket) /* what is inside is the connecting side's business */
		return host.n > 3 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	return in_set(host, "aA0-._");
}

static bool is_peer(baton_str s)
{
	if (baton_str_is(s, "127.0.0.1:*")) /* plain http on this machine, wherever it listens */
		return true;
	if (s.n > 2 && s.p[0] == '*' && s.p[1] == '.')
		s = (baton_str){ s.p + 2, s.n - 2 };
	return is_host_port(s, false);
}

static bool is_origin(baton_str s)
{
	static const char *const schemes[] = { "https://", "http://" };

	if (baton_str_is(s, "self"))
		return true;
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);

		if (s.n > n && memcmp(s.p, schemes[i], n) == 0)
			return is_host_port((baton_str){ s.p + n, s.n - n }, true);
	}
	return false;
}

static bool is_date(baton_str s)
{
	static const unsigned days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned v[3] = { 0, 0, 0 }, part = 0;

	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-')
		return false;
	for (size_t i = 0; i < 10; i++) {
		if (i == 4 || i == 7) {
			part++;
			continue;
		}
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v[part] = v[part] * 10 + (unsigned)(s.p[i] - '0');
	}
	bool leap = (v[0] % 4 == 0 && v[0] % 100 != 0) || v[0] % 400 == 0;
	if (v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > days[v[1] - 1])
		return false;
	return v[1] != 2 || v[2] < 29 || leap;
}

static bool is_sha256(baton_str s)
{
	size_t n = 0;

	while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || (s.p[n] >= 'a' && s.p[n] <= 'f')))
		n++;
	return n == 64 && n == s.n;
}

static bool is_module_file(baton_str s)
{
	baton_str stem = { s.p, s.n > 3 ? s.n - 3 : 0 };

	return s.n > 3 && s.n <= BATON_NAME_BYTES_MAX && memcmp(s.p + stem.n, ".so", 3) == 0 &&
	       in_set(stem, "a0-");
}

static bool text_ok(const struct baton_field *field, baton_str s)
{
	switch (field->type) {
	case BATON_FIELD_NAME:
		return s.n <= BATON_NAME_BYTES_MAX && in_set(s, "aA0-_.") && s.p[0] != '.' &&
		       s.p[0] != '-';
	case BATON_FIELD_FILE:
		return is_module_file(s);
	case BATON_FIELD_SECRET:
		return s.n <= BATON_NAME_BYTES_MAX && in_set(s, "A0_");
	case BATON_FIELD_PEER:
		return is_peer(s);
	case BATON_FIELD_ORIGIN:
		return is_origin(s);
	case BATON_FIELD_DATE:
		return is_date(s);
	case BATON_FIELD_SHA256:
		return is_sha256(s);
	case BATON_FIELD_TEXT:
	case BATON_FIELD_EXPR:
	case BATON_FIELD_WORD:
	case BATON_FIELD_CHOICE:
	case BATON_FIELD_BITS:
	case BATON_FIELD_BOOL:
	case BATON_FIELD_U32:
	case BATON_FIELD_MS:
	case BATON_FIELD_PPM:
	case BATON_FIELD_MILLI:
	case BATON_FIELD_MICRO:
	case BATON_FIELD_BYTES:
	case BATON_FIELD_FREE:
	case BATON_FIELD_MAP:
	case BATON_FIELD_LIST:
		break;
	}
	return true;
}

/* The text of a scalar, or NULL after a finding. */
static const char *read_text(struct baton_reader *reader, const struct baton_field *field,
			     const struct baton_yaml *node)
{
	bool blank = true;

	if (node->kind != BATON_YAML_STRING || !text_ok(field, node->text)) {
		wrong_type(reader, field, node);
		return NULL;
	}
	for (size_t i = 0; i < node->text.n; i++)
		blank = blank && strchr(" \t\r\n", node->text.p[i]);
	if (blank &&
	    (field->min > 0 || (field->flags & (BATON_FIELD_REQUIRED | BATON_FIELD_MANY)))) {
		baton_finding_error(reader->findings, node->place, "`%s` is empty", field->key);
		return NULL;
	}
	/* Of a list, `max` counts the entries. */
	int64_t max = field->flags & BATON_FIELD_MANY ? LISTED_BYTES_MAX : field->max;
	if (field->type == BATON_FIELD_TEXT && max > 0 && node->text.n > (uint64_t)max) {
		baton_finding_error(reader->findings, node->place, "`%s` is longer than %lld bytes",
				    field->key, (long long)max);
		return NULL;
	}
	return baton_arena_dup(reader->keep, node->text.p, node->text.n);
}

static int read_word(struct baton_reader *reader, const struct baton_field *field,
		     const struct baton_yaml *node)
{
	struct baton_nearest nearest = baton_nearest_to(node->text);
	char list[256] = "";

	if (node->kind >= BATON_YAML_LIST) {
		wrong_type(reader, field, node);
		return -1;
	}
	for (int i = 0; field->words[i]; i++) {
		size_t n = strlen(list);

		if (baton_str_is(node->text, field->words[i]))
			return i;
		baton_nearest_try(&nearest, field->words[i]);
		snprintf(list + n, sizeof(list) - n, "%s`%s`", n ? ", " : "", field->words[i]);
	}
	if (nearest.name)
		baton_finding_error(reader->findings, node->place,
				    "`%s` cannot be `%s`, did you mean `%s`?", field->key,
				    baton_finding_word(reader->findings, node->text), nearest.name);
	else
		baton_finding_error(reader->findings, node->place, "`%s` cannot be `%s`, only %s",
				    field->key, baton_finding_word(reader->findings, node->text),
				    list);
	return -1;
}

struct unit {
	const char *name;
	double value;
};

/* Digits and a unit, nothing between: "5s", "2MiB". -1 if it is not that. */
static double measure_of(baton_str s, const struct unit *units, size_t n)
{
	size_t digits = 0;
	double value = 0;

	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		value = value * 10 + (s.p[digits++] - '0');
	for (size_t i = 0; i < n && digits > 0; i++)
		if (baton_str_is((baton_str){ s.p + digits, s.n - digits }, units[i].name))
			return value * units[i].value;
	return -1;
}

/* In milliseconds. */
static double duration_of(baton_str s)
{
	static const struct unit units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }
	};

	return measure_of(s, units, sizeof(units) / sizeof(units[0]));
}

static double size_of(baton_str s)
{
	static const struct unit units[] = {
		{ "B", 1 }, { "KiB", 1024 }, { "MiB", 1048576 }, { "GiB", 1073741824 }
	};

	return measure_of(s, units, sizeof(units) / sizeof(units[0]));
}

static bool number_of(const struct baton_field *field, const struct baton_yaml *node, double *ret)
{
	bool is_number = node->kind == BATON_YAML_INT || node->kind == BATON_YAML_FLOAT;

	*ret = node->d;
	if (field->type == BATON_FIELD_U32)
		return node->kind == BATON_YAML_INT;
	if (field->type == BATON_FIELD_BYTES) {
		*ret = node->kind == BATON_YAML_STRING ? size_of(node->text) : -1;
		return *ret >= 0;
	}
	if (field->type != BATON_FIELD_MS ||
	    (node->kind == BATON_YAML_INT && baton_field_in_ms(field)))
		return is_number;
	*ret = node->kind == BATON_YAML_STRING ? duration_of(node->text) : -1;
	return *ret >= 0;
}

static void read_number(struct baton_reader *reader, const struct baton_field *field,
			const struct baton_yaml *node, void *at)
{
	double value, scale = field->type == BATON_FIELD_PPM || field->type == BATON_FIELD_MICRO
				      ? 1e6
			      : field->type == BATON_FIELD_MILLI ? 1e3
								 : 1;
	if (!number_of(field, node, &value)) {
		wrong_type(reader, field, node);
		return;
	}
	if (!(value >= (double)field->min && value <= (double)field->max)) {
		baton_finding_error(reader->findings, node->place,
				    "`%s` must be between %lld and %lld%s", field->key,
				    (long long)field->min, (long long)field->max,
				    field->type == BATON_FIELD_MS      ? " ms"
				    : field->type == BATON_FIELD_BYTES ? " bytes"
								       : "");
		return;
	}
	uint64_t scaled = (uint64_t)llround(fabs(value) * scale);
	uint32_t u32 = (uint32_t)scaled;
	int32_t i32 = value < 0 ? -(int32_t)u32 : (int32_t)u32;
	if (field->type == BATON_FIELD_MICRO || field->type == BATON_FIELD_BYTES)
		memcpy(at, &scaled, sizeof(scaled));
	else if (field->type == BATON_FIELD_MILLI)
		memcpy(at, &i32, sizeof(i32));
	else
		memcpy(at, &u32, sizeof(u32));
}

static void read_bool(struct baton_reader *reader, const struct baton_field *field,
		      const struct baton_yaml *node, void *at)
{
	if (node->kind == BATON_YAML_BOOL)
		memcpy(at, &node->b, sizeof(node->b));
	else
		wrong_type(reader, field, node);
}

static void read_scalar(struct baton_reader *reader, const struct baton_field *field,
			const struct baton_yaml *node, void *at)
{
	const char *text;
	unsigned choice;
	int word;

	switch (field->type) {
	case BATON_FIELD_BOOL:
		read_bool(reader, field, node, at);
		return;
	case BATON_FIELD_U32:
	case BATON_FIELD_MS:
	case BATON_FIELD_PPM:
	case BATON_FIELD_MILLI:
	case BATON_FIELD_MICRO:
	case BATON_FIELD_BYTES:
		read_number(reader, field, node, at);
		return;
	case BATON_FIELD_WORD:
	case BATON_FIELD_CHOICE:
		word = read_word(reader, field, node);
		choice = (unsigned)word + (unsigned)field->min;
		if (word >= 0 && field->type == BATON_FIELD_CHOICE)
			memcpy(at, &choice, sizeof(choice));
		else if (word >= 0)
			memcpy(at, &field->words[word], sizeof(char *));
		return;
	case BATON_FIELD_TEXT:
	case BATON_FIELD_NAME:
	case BATON_FIELD_FILE:
	case BATON_FIELD_SECRET:
	case BATON_FIELD_PEER:
	case BATON_FIELD_ORIGIN:
	case BATON_FIELD_DATE:
	case BATON_FIELD_SHA256:
	case BATON_FIELD_EXPR:
		text = read_text(reader, field, node);
		if (text)
			memcpy(at, &text, sizeof(text));
		return;
	case BATON_FIELD_BITS:
	case BATON_FIELD_FREE:
	case BATON_FIELD_MAP:
	case BATON_FIELD_LIST:
		break;
	}
}

/* --- lists and maps --- */

static bool list_ok(struct baton_reader *reader, const struct baton_field *field,
		    const struct baton_yaml *node)
{
	if (node->kind != BATON_YAML_LIST) {
		baton_finding_error(reader->findings, node->place, "`%s` must be a list, not %s",
				    field->key, found(reader, node));
		return false;
	}
	if (field->max > 0 && node->n > (uint64_t)field->max) {
		baton_finding_error(reader->findings, node->place,
				    "`%s` holds more than %lld entries", field->key,
				    (long long)field->max);
		return false;
	}
	return true;
}

/* A list of scalars becomes const char **; entries that are wrong are left out. */
static void read_many(struct baton_reader *reader, const struct baton_field *field,
		      const struct baton_yaml *node, char *into)
{
	struct baton_yaml_item alone = { NULL, NULL };
	struct baton_yaml one = { .kind = BATON_YAML_LIST, .items = &alone, .n = 1 };
	const char **v;
	size_t n = 0;

	if ((field->flags & BATON_FIELD_ONE_OR_MANY) && node->kind < BATON_YAML_LIST) {
		struct baton_yaml copy = *node;
		alone.value = &copy;
		read_many(reader, field, &one, into); /* once: the copy is a list */
		return;
	}
	if (!list_ok(reader, field, node))
		return;
	v = baton_arena_alloc(reader->keep, node->n * sizeof(*v) + 1);
	for (size_t i = 0; i < node->n; i++) {
		const char *text = read_text(reader, field, node->items[i].value);

		if (text)
			v[n++] = text;
	}
	if (field->offset == BATON_FIELD_NOWHERE)
		return;
	memcpy(into + field->offset, &v, sizeof(v));
	memcpy(into + field->count_offset, &n, sizeof(n));
}

/* One word or a list of them; the last word of the table is all of them together. */
static void read_bits(struct baton_reader *reader, const struct baton_field *field,
		      const struct baton_yaml *node, char *into)
{
	struct baton_yaml_item alone = { NULL, NULL };
	struct baton_yaml copy = *node;
	unsigned bits = 0, all = 0;

	while (field->words[all + 1])
		all++;
	alone.value = &copy;
	const struct baton_yaml one = { .kind = BATON_YAML_LIST, .items = &alone, .n = 1 };
	const struct baton_yaml *list = node->kind == BATON_YAML_LIST ? node : &one;
	for (size_t i = 0; i < list->n; i++) {
		int word = read_word(reader, field, list->items[i].value);

		if (word >= 0)
			bits |= (unsigned)word == all ? (1U << all) - 1 : 1U << word;
	}
	if (list->n == 0)
		baton_finding_error(reader->findings, node->place, "`%s` is empty", field->key);
	memcpy(into + field->offset, &bits, sizeof(bits));
}

static void read_list(struct baton_reader *reader, const struct baton_field *field,
		      const struct baton_yaml *node, char *into)
{
	char *v;

	if (!list_ok(reader, field, node))
		return;
	v = baton_arena_alloc(reader->keep, node->n * field->shape->size + 1);
	for (size_t i = 0; i < node->n; i++)
		baton_schema_read(reader, field->shape, node->items[i].value,
				  v + i * field->shape->size);
	memcpy(into + field->offset, &v, sizeof(v));
	memcpy(into + field->count_offset, &node->n, sizeof(node->n));
}

static void read_field(struct baton_reader *reader, const struct baton_field *field,
		       const struct baton_yaml *node, char *into)
{
	char nowhere[sizeof(uint64_t)];

	if (field->type == BATON_FIELD_LIST)
		read_list(reader, field, node, into);
	else if (field->flags & BATON_FIELD_MANY)
		read_many(reader, field, node, into);
	else if (field->type == BATON_FIELD_BITS)
		read_bits(reader, field, node, into);
	else if (field->type == BATON_FIELD_MAP)
		baton_schema_read(reader, field->shape, node, into);
	else if (field->type == BATON_FIELD_FREE && node->kind != BATON_YAML_MAP)
		wrong_type(reader, field, node);
	else
		read_scalar(reader, field, node,
			    field->offset == BATON_FIELD_NOWHERE ? nowhere : into + field->offset);
}

void baton_schema_defaults(struct baton_reader *reader, const struct baton_shape *shape, void *into)
{
	for (const struct baton_field *field = shape->fields; field->key; field++) {
		struct baton_yaml node;

		if (field->type == BATON_FIELD_MAP)
			baton_schema_defaults(reader, field->shape, into);
		if (!field->otherwise)
			continue;
		node = baton_yaml_scalar(field->otherwise);
		if (field->type == BATON_FIELD_TEXT) /* text needs no quotes in the table */
			node.kind = BATON_YAML_STRING;
		read_scalar(reader, field, &node, (char *)into + field->offset);
	}
}

static const struct baton_field *field_of(const struct baton_shape *shape, baton_str key)
{
	for (const struct baton_field *field = shape->fields; field->key; field++)
		if (baton_str_is(key, field->key))
			return field;
	return NULL;
}

static void unknown_key(struct baton_reader *reader, const struct baton_shape *shape,
			const struct baton_yaml *key)
{
	struct baton_nearest nearest = baton_nearest_to(key->text);
	const char *word = baton_finding_word(reader->findings, key->text);
	char list[512] = "";

	for (const struct baton_field *field = shape->fields; field->key; field++) {
		size_t n = strlen(list);

		baton_nearest_try(&nearest, field->key);
		snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", field->key);
	}
	if (nearest.name)
		baton_finding_error(reader->findings, key->place,
				    "unknown key `%s`, did you mean `%s`?", word, nearest.name);
	else
		baton_finding_error(reader->findings, key->place, "unknown key `%s`; %s has: %s",
				    word, shape->what, list);
}

void baton_schema_read(struct baton_reader *reader, const struct baton_shape *shape,
		       const struct baton_yaml *node, void *into)
{
	baton_schema_defaults(reader, shape, into);
	if (node->kind != BATON_YAML_MAP) {
		baton_finding_error(reader->findings, node->place,
				    "%s is a map of keys and values, not %s", shape->what,
				    found(reader, node));
		return;
	}
	for (size_t i = 0; i < node->n; i++) {
		const struct baton_field *field = field_of(shape, node->items[i].key->text);

		if (field)
			read_field(reader, field, node->items[i].value, into);
		else
			unknown_key(reader, shape, node->items[i].key);
	}
	for (const struct baton_field *field = shape->fields; field->key; field++)
		if ((field->flags & BATON_FIELD_REQUIRED) && !baton_yaml_get(node, field->key))
			baton_finding_error(reader->findings, node->place, "%s needs `%s`",
					    shape->what, field->key);
}
