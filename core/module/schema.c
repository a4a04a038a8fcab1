/* SPDX-License-Identifier: Apache-2.0 */

/* The validator. Two passes with an explicit stack each: first the schema alone, whole, so that an
 * unknown keyword is found even where today's configuration never goes; then the value with it. */
#include "core/module/schema.h"

#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { PENDING_MAX = 65536, PENDING_FIRST = 64, PATH_MAX_BYTES = 200 };

struct item {
	const json_t *schema, *value; /* value NULL: the schema's own check */
	const char *path;
};

struct check {
	struct item *pending; /* a stack */
	size_t n, cap_n;
	struct baton_arena arena; /* paths */
	char *why;
	size_t cap;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct check *c, int rc, const char *fmt,
							...)
{
	va_list ap;
	va_start(ap, fmt);
	if (c->cap > 0)
		(void)vsnprintf(c->why, c->cap, fmt, ap);
	va_end(ap);
	return rc;
}

static int push(struct check *c, const json_t *schema, const json_t *value, const char *path)
{
	if (c->n == PENDING_MAX)
		return refuse(c, value ? BATON_E_INVAL : BATON_E_SCHEMA,
			      "%s: too many members to check", path);
	if (c->n == c->cap_n) {
		c->cap_n = c->cap_n ? c->cap_n * 2 : PENDING_FIRST;
		c->pending = baton_realloc(c->pending, c->cap_n * sizeof(*c->pending));
	}
	c->pending[c->n++] =
		(struct item){ schema, value, baton_arena_dup(&c->arena, path, strlen(path)) };
	return 0;
}

static int push_member(struct check *c, const struct item *at, const char *key,
		       const json_t *schema, const json_t *value)
{
	char path[PATH_MAX_BYTES];
	(void)snprintf(path, sizeof(path), "%.120s.%.64s", at->path, key);
	return push(c, schema, value, path);
}

/* --- the schema itself -------------------------------------------------------------------- */

static const char *const types[] = { "object", "array",   "string", "integer",
				     "number", "boolean", "null" };

static bool is_type_name(const json_t *v)
{
	for (size_t i = 0; json_is_string(v) && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(json_string_value(v), types[i]) == 0)
			return true;
	return false;
}

static bool good_types(const json_t *v)
{
	if (!json_is_array(v))
		return is_type_name(v);
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!is_type_name(json_array_get(v, i)))
			return false;
	return json_array_size(v) > 0;
}

static bool is_note(const char *key)
{
	static const char *const notes[] = { "title",   "description", "default",  "examples",
					     "$schema", "$id",         "$comment", "deprecated" };
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		if (strcmp(key, notes[i]) == 0)
			return true;
	return false;
}

static bool good_names(const json_t *v)
{
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!json_is_string(json_array_get(v, i)))
			return false;
	return json_is_array(v);
}

/* 1 known and well-formed, 0 unknown, -1 known with a value of the wrong kind. */
static int keyword(const char *key, const json_t *v)
{
	static const char *const bounds[] = { "minLength", "maxLength", "minItems", "maxItems" };
	if (is_note(key))
		return 1;
	if (strcmp(key, "type") == 0)
		return good_types(v) ? 1 : -1;
	if (strcmp(key, "required") == 0)
		return good_names(v) ? 1 : -1;
	if (strcmp(key, "enum") == 0)
		return json_is_array(v) && json_array_size(v) > 0 ? 1 : -1;
	if (strcmp(key, "minimum") == 0 || strcmp(key, "maximum") == 0)
		return json_is_number(v) ? 1 : -1;
	if (strcmp(key, "properties") == 0 || strcmp(key, "items") == 0)
		return json_is_object(v) ? 1 : -1;
	if (strcmp(key, "additionalProperties") == 0)
		return json_is_object(v) || json_is_boolean(v) ? 1 : -1;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		if (strcmp(key, bounds[i]) == 0)
			return json_is_integer(v) && json_integer_value(v) >= 0 ? 1 : -1;
	return 0;
}

static int schema_step(struct check *c, const struct item *at)
{
	json_t *schema = (json_t *)(uintptr_t)at->schema, *v;
	const char *key;
	if (!json_is_object(schema))
		return refuse(c, BATON_E_SCHEMA, "config schema: %s is not an object", at->path);
	json_object_foreach(schema, key, v) {
		int known = keyword(key, v);
		if (known <= 0)
			return refuse(c, BATON_E_SCHEMA, "config schema: %s at %s: \"%.64s\"",
				      known ? "bad value of keyword" : "unknown keyword", at->path,
				      key);
	}
	json_object_foreach(json_object_get(schema, "properties"), key, v) {
		int rc = push_member(c, at, key, v, NULL);
		if (rc < 0)
			return rc;
	}
	v = json_object_get(schema, "additionalProperties");
	int rc = json_is_object(v) ? push_member(c, at, "*", v, NULL) : 0;
	v = json_object_get(schema, "items");
	return rc < 0 || !v ? rc : push_member(c, at, "[]", v, NULL);
}

/* --- the value ---------------------------------------------------------------------------- */

static const char *type_of(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "object";
	case JSON_ARRAY:
		return "array";
	case JSON_STRING:
		return "string";
	case JSON_INTEGER:
		return "integer";
	case JSON_REAL:
		return "number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "boolean";
	case JSON_NULL:
		return "null";
	}
	return "nothing";
}

static bool fits(const char *type, const json_t *v)
{
	if (strcmp(type, type_of(v)) == 0 || (strcmp(type, "number") == 0 && json_is_integer(v)))
		return true;
	/* 1.0 is an integer to JSON Schema. */
	return strcmp(type, "integer") == 0 && json_is_real(v) &&
	       floor(json_real_value(v)) >= json_real_value(v);
}

static int check_type(struct check *c, const struct item *at)
{
	const json_t *type = json_object_get(at->schema, "type");
	if (!type)
		return 0;
	if (json_is_string(type))
		return fits(json_string_value(type), at->value)
			       ? 0
			       : refuse(c, BATON_E_INVAL, "%s: expected %s, found %s", at->path,
					json_string_value(type), type_of(at->value));
	for (size_t i = 0; i < json_array_size(type); i++)
		if (fits(json_string_value(json_array_get(type, i)), at->value))
			return 0;
	return refuse(c, BATON_E_INVAL, "%s: %s is none of the types allowed", at->path,
		      type_of(at->value));
}

static int check_enum(struct check *c, const struct item *at)
{
	const json_t *list = json_object_get(at->schema, "enum");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), at->value))
			return 0;
	return list ? refuse(c, BATON_E_INVAL, "%s: not one of the values allowed", at->path) : 0;
}

/* Characters, not bytes. */
static double characters(const json_t *v)
{
	const char *s = json_string_value(v);
	double n = 0;
	for (size_t i = 0; i < json_string_length(v); i++)
		n += (s[i] & 0xc0) != 0x80;
	return n;
}

static int check_bounds(struct check *c, const struct item *at)
{
	const struct {
		const char *min, *max;
		bool applies;
		double n;
	} rows[] = {
		{ "minimum", "maximum", json_is_number(at->value), json_number_value(at->value) },
		{ "minLength", "maxLength", json_is_string(at->value),
		  json_is_string(at->value) ? characters(at->value) : 0 },
		{ "minItems", "maxItems", json_is_array(at->value),
		  (double)json_array_size(at->value) },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const json_t *min = json_object_get(at->schema, rows[i].min);
		const json_t *max = json_object_get(at->schema, rows[i].max);
		if (rows[i].applies && min && rows[i].n < json_number_value(min))
			return refuse(c, BATON_E_INVAL, "%s: expected %s %g, found %g", at->path,
				      rows[i].min, json_number_value(min), rows[i].n);
		if (rows[i].applies && max && rows[i].n > json_number_value(max))
			return refuse(c, BATON_E_INVAL, "%s: expected %s %g, found %g", at->path,
				      rows[i].max, json_number_value(max), rows[i].n);
	}
	return 0;
}

static int check_required(struct check *c, const struct item *at)
{
	const json_t *names = json_object_get(at->schema, "required");
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));
		if (!json_object_get(at->value, name))
			return refuse(c, BATON_E_INVAL, "%s: \"%s\" is missing", at->path, name);
	}
	return 0;
}

static int check_members(struct check *c, const struct item *at, bool is_top)
{
	const json_t *known = json_object_get(at->schema, "properties");
	const json_t *others = json_object_get(at->schema, "additionalProperties");
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)(uintptr_t)at->value, key, v) {
		const json_t *schema = json_object_get(known, key);
		int rc = 0;
		if (!schema && is_top && strcmp(key, "policy") == 0)
			continue;
		if (!schema && json_is_false(others))
			return refuse(c, BATON_E_INVAL, "%s: \"%.64s\" is not known", at->path,
				      key);
		if (!schema && json_is_object(others))
			schema = others;
		if (schema)
			rc = push_member(c, at, key, schema, v);
		if (rc < 0)
			return rc;
	}
	return check_required(c, at);
}

static int check_elements(struct check *c, const struct item *at)
{
	const json_t *schema = json_object_get(at->schema, "items");
	int rc = 0;
	for (size_t i = 0; schema && rc == 0 && i < json_array_size(at->value); i++) {
		char key[24];
		(void)snprintf(key, sizeof(key), "%zu", i);
		rc = push_member(c, at, key, schema, json_array_get(at->value, i));
	}
	return rc;
}

static int value_step(struct check *c, const struct item *at, bool is_top)
{
	int rc = check_type(c, at);
	if (rc == 0)
		rc = check_enum(c, at);
	if (rc == 0)
		rc = check_bounds(c, at);
	if (rc == 0 && json_is_object(at->value))
		rc = check_members(c, at, is_top);
	if (rc == 0 && json_is_array(at->value))
		rc = check_elements(c, at);
	return rc;
}

/* ------------------------------------------------------------------------------------------ */

static int run(struct check *c, const json_t *schema, const json_t *value)
{
	int rc = push(c, schema, NULL, "config");
	while (rc == 0 && c->n > 0) {
		struct item at = c->pending[--c->n];
		rc = schema_step(c, &at);
	}
	if (rc == 0)
		rc = push(c, schema, value, "config");
	for (bool is_top = true; rc == 0 && c->n > 0; is_top = false) {
		struct item at = c->pending[--c->n];
		rc = value_step(c, &at, is_top);
	}
	return rc;
}

int baton_schema_check(const char *text, const json_t *value, char *why, size_t cap)
{
	if (!text || !text[0])
		return 0;
	json_error_t error;
	json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!schema) {
		(void)snprintf(why, cap, "config schema: not JSON: %s (line %d)", error.text,
			       error.line);
		return BATON_E_SCHEMA;
	}
	struct check c = { .why = why, .cap = cap };
	json_t *empty = json_object();
	int rc = run(&c, schema, value ? value : empty);
	json_decref(empty);
	json_decref(schema);
	baton_arena_done(&c.arena);
	baton_free(c.pending);
	return rc;
}
