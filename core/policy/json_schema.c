/* SPDX-License-Identifier: Apache-2.0 */

/* The validator. A schema is looked at as a whole once, when the policies are read; then values
 * come with it, each pair of schema and value an entry of a stack. Equal means equal in the one
 * spelling of core/base/json_canon.h. */

#include "core/policy/json_schema.h"

#include "core/base/errors.h"
#include "core/base/json_canon.h"
#include "core/base/limits.h"
#include "core/policy/expr_regex.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { PENDING_MAX = 65536, PENDING_FIRST = 64, PLACE_BYTES = 200 };

struct item {
	struct baton_json schema, value; /* value NONE: the schema's own check */
	const char *place;
};

struct check {
	struct item *pending; /* a stack */
	size_t n, cap_n;
	struct baton_arena arena;
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

static int push(struct check *c, const struct baton_json *schema, const struct baton_json *value,
		const char *place)
{
	if (c->n == PENDING_MAX)
		return refuse(c, value ? BATON_E_INVAL : BATON_E_SCHEMA,
			      "%s: too many members to check", place);
	if (c->n == c->cap_n) {
		c->cap_n = c->cap_n ? c->cap_n * 2 : PENDING_FIRST;
		c->pending = baton_realloc(c->pending, c->cap_n * sizeof(*c->pending));
	}
	struct item *item = &c->pending[c->n++];
	*item = (struct item){ .schema = *schema,
			       .place = baton_arena_dup(&c->arena, place, strlen(place)) };
	if (value)
		item->value = *value;
	return BATON_OK;
}

/* Names in places are shown to models and stand in logs: cut, and without control characters. */
static int push_member(struct check *c, const struct item *at, baton_str name,
		       const struct baton_json *schema, const struct baton_json *value)
{
	char place[PLACE_BYTES];

	name = baton_str_clip(name, 64);
	int n = snprintf(place, sizeof(place), "%.120s.%.*s", at->place, (int)name.n,
			 name.n ? name.p : "");
	for (int i = 0; i < n && place[i]; i++)
		if ((unsigned char)place[i] < ' ')
			place[i] = '?';
	return push(c, schema, value, place);
}

/* --- the schema itself --- */

static const char *const types[] = { "object", "array",   "string", "integer",
				     "number", "boolean", "null" };
static const char *const notes[] = { "title",   "description", "default",  "examples",
				     "$schema", "$id",         "$comment", "deprecated" };
static const char *const counts[] = { "minLength", "maxLength", "minItems", "maxItems" };
enum { TYPES_N = 7, NOTES_N = 8, COUNTS_N = 4 };

static bool is_one_of(baton_str word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (baton_str_is(word, words[i]))
			return true;
	return false;
}

/* A list of at least one string, each of `words` if there are any. */
static bool good_list(struct check *c, const struct baton_json *list, const char *const *words,
		      size_t n_words)
{
	struct baton_json entry;
	size_t at = 0;
	bool any = false;

	while (baton_json_element(list, &at, &entry)) {
		any = true;
		if (entry.type != BATON_JSON_STRING ||
		    (words && !is_one_of(baton_json_text(&entry, &c->arena), words, n_words)))
			return false;
	}
	return any || !words;
}

static bool good_type(struct check *c, const struct baton_json *v)
{
	if (v->type == BATON_JSON_ARRAY)
		return good_list(c, v, types, TYPES_N);
	return v->type == BATON_JSON_STRING &&
	       is_one_of(baton_json_text(v, &c->arena), types, TYPES_N);
}

static bool good_pattern(struct check *c, const struct baton_json *v)
{
	const char *why;

	return v->type == BATON_JSON_STRING &&
	       expr_regex_compile(baton_json_text(v, &c->arena), &c->arena, &why) != NULL;
}

static bool good_count(const struct baton_json *v)
{
	return v->type == BATON_JSON_NUMBER && baton_json_u64(v, UINT64_MAX) < UINT64_MAX;
}

/* 1 known and well-formed, 0 unknown, -1 known with a value of the wrong kind. */
static int keyword(struct check *c, baton_str key, const struct baton_json *v)
{
	bool good;
	size_t at = 0;
	struct baton_json entry;

	if (is_one_of(key, notes, NOTES_N) || baton_str_is(key, "const"))
		return 1;
	if (baton_str_is(key, "type"))
		good = good_type(c, v);
	else if (baton_str_is(key, "required"))
		good = v->type == BATON_JSON_ARRAY && good_list(c, v, NULL, 0);
	else if (baton_str_is(key, "enum"))
		good = baton_json_element(v, &at, &entry);
	else if (baton_str_is(key, "minimum") || baton_str_is(key, "maximum"))
		good = v->type == BATON_JSON_NUMBER;
	else if (baton_str_is(key, "properties") || baton_str_is(key, "items"))
		good = v->type == BATON_JSON_OBJECT;
	else if (baton_str_is(key, "additionalProperties"))
		good = v->type == BATON_JSON_OBJECT || v->type == BATON_JSON_TRUE ||
		       v->type == BATON_JSON_FALSE;
	else if (baton_str_is(key, "pattern"))
		good = good_pattern(c, v);
	else if (is_one_of(key, counts, COUNTS_N))
		good = good_count(v);
	else
		return 0;
	return good ? 1 : -1;
}

static int schema_step(struct check *c, const struct item *at)
{
	struct baton_json key, v, properties = baton_json_get(&at->schema, "properties");
	size_t i = 0;
	int rc = BATON_OK;

	if (at->schema.type != BATON_JSON_OBJECT)
		return refuse(c, BATON_E_SCHEMA, "%s is not an object", at->place);
	while (baton_json_member(&at->schema, &i, &key, &v)) {
		baton_str name = baton_json_text(&key, &c->arena);
		int known = keyword(c, name, &v);

		name = baton_str_clip(name, 64);
		if (known <= 0)
			return refuse(c, BATON_E_SCHEMA, "%s at %s: \"%.*s\"",
				      known ? "bad value of keyword" : "unknown keyword", at->place,
				      (int)name.n, name.p);
	}
	for (i = 0; rc == 0 && baton_json_member(&properties, &i, &key, &v);)
		rc = push_member(c, at, baton_json_text(&key, &c->arena), &v, NULL);
	v = baton_json_get(&at->schema, "additionalProperties");
	if (rc == 0 && v.type == BATON_JSON_OBJECT)
		rc = push_member(c, at, BATON_STR("*"), &v, NULL);
	v = baton_json_get(&at->schema, "items");
	return rc < 0 || v.type != BATON_JSON_OBJECT
		       ? rc
		       : push_member(c, at, BATON_STR("[]"), &v, NULL);
}

/* --- the value --- */

static bool is_whole(const struct baton_json *v)
{
	double d = baton_json_double(v, 0.5);

	return floor(d) >= d;
}

static const char *type_of(const struct baton_json *v)
{
	switch (v->type) {
	case BATON_JSON_OBJECT:
		return "object";
	case BATON_JSON_ARRAY:
		return "array";
	case BATON_JSON_STRING:
		return "string";
	case BATON_JSON_NUMBER:
		return is_whole(v) ? "integer" : "number";
	case BATON_JSON_TRUE:
	case BATON_JSON_FALSE:
		return "boolean";
	case BATON_JSON_NULL:
		return "null";
	case BATON_JSON_NONE:
		break;
	}
	return "nothing";
}

static bool is_of(baton_str type, const struct baton_json *v)
{
	return baton_str_is(type, type_of(v)) ||
	       (baton_str_is(type, "number") && v->type == BATON_JSON_NUMBER);
}

static int check_type(struct check *c, const struct item *at)
{
	struct baton_json type = baton_json_get(&at->schema, "type"), entry;
	size_t i = 0;

	if (type.type == BATON_JSON_NONE)
		return BATON_OK;
	if (type.type == BATON_JSON_STRING) {
		baton_str name = baton_json_text(&type, &c->arena);

		return is_of(name, &at->value)
			       ? BATON_OK
			       : refuse(c, BATON_E_INVAL, "%s: expected %.*s, found %s", at->place,
					(int)name.n, name.p, type_of(&at->value));
	}
	while (baton_json_element(&type, &i, &entry))
		if (is_of(baton_json_text(&entry, &c->arena), &at->value))
			return BATON_OK;
	return refuse(c, BATON_E_INVAL, "%s: %s is none of the types allowed", at->place,
		      type_of(&at->value));
}

static bool is_equal(const struct baton_json *a, const struct baton_json *b)
{
	struct baton_buf x = { NULL, 0, 0 }, y = { NULL, 0, 0 };

	baton_json_canon(a, &x);
	baton_json_canon(b, &y);
	bool equal = baton_str_eq(baton_buf_view(&x), baton_buf_view(&y));
	baton_buf_done(&x);
	baton_buf_done(&y);
	return equal;
}

static int check_enum(struct check *c, const struct item *at)
{
	struct baton_json list = baton_json_get(&at->schema, "enum"), entry;
	struct baton_json only = baton_json_get(&at->schema, "const");
	size_t i = 0;
	bool found = list.type == BATON_JSON_NONE;

	while (!found && baton_json_element(&list, &i, &entry))
		found = is_equal(&entry, &at->value);
	if (!found || (only.type != BATON_JSON_NONE && !is_equal(&only, &at->value)))
		return refuse(c, BATON_E_INVAL, "%s: not one of the values allowed", at->place);
	return BATON_OK;
}

static double count_of(struct check *c, const struct baton_json *v)
{
	double n = 0;

	if (v->type == BATON_JSON_ARRAY) {
		struct baton_json entry;

		for (size_t at = 0; baton_json_element(v, &at, &entry);)
			n++;
	} else if (v->type == BATON_JSON_STRING) { /* characters, not bytes */
		baton_str text = baton_json_text(v, &c->arena);

		for (size_t i = 0; i < text.n; i++)
			n += (text.p[i] & 0xc0) != 0x80;
	} else {
		n = baton_json_double(v, 0);
	}
	return n;
}

static int check_bounds(struct check *c, const struct item *at)
{
	static const struct {
		enum baton_json_type type;
		const char *min, *max;
	} rows[] = {
		{ BATON_JSON_NUMBER, "minimum", "maximum" },
		{ BATON_JSON_STRING, "minLength", "maxLength" },
		{ BATON_JSON_ARRAY, "minItems", "maxItems" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].type != at->value.type)
			continue;
		struct baton_json min = baton_json_get(&at->schema, rows[i].min);
		struct baton_json max = baton_json_get(&at->schema, rows[i].max);
		double n = count_of(c, &at->value);

		if (min.type != BATON_JSON_NONE && n < baton_json_double(&min, 0))
			return refuse(c, BATON_E_INVAL, "%s: expected %s %g", at->place,
				      rows[i].min, baton_json_double(&min, 0));
		if (max.type != BATON_JSON_NONE && n > baton_json_double(&max, 0))
			return refuse(c, BATON_E_INVAL, "%s: expected %s %g", at->place,
				      rows[i].max, baton_json_double(&max, 0));
	}
	return BATON_OK;
}

static int check_pattern(struct check *c, const struct item *at)
{
	struct baton_json pattern = baton_json_get(&at->schema, "pattern");
	const struct expr_regex *regex;
	const char *why;

	if (pattern.type != BATON_JSON_STRING || at->value.type != BATON_JSON_STRING)
		return BATON_OK;
	regex = expr_regex_compile(baton_json_text(&pattern, &c->arena), &c->arena, &why);
	if (regex && expr_regex_test(regex, baton_json_text(&at->value, &c->arena)))
		return BATON_OK;
	return refuse(c, BATON_E_INVAL, "%s: does not have the form that is asked for", at->place);
}

/* By its text, so that an escape in a name hides nothing. */
static bool member_of(struct check *c, const struct baton_json *object, baton_str name,
		      struct baton_json *ret)
{
	struct baton_json key, value;
	bool found = false;

	for (size_t at = 0; baton_json_member(object, &at, &key, &value);)
		if (baton_str_eq(baton_json_text(&key, &c->arena), name)) {
			*ret = value;
			found = true;
		}
	return found;
}

static int check_required(struct check *c, const struct item *at)
{
	struct baton_json names = baton_json_get(&at->schema, "required"), entry, value;

	for (size_t i = 0; baton_json_element(&names, &i, &entry);) {
		baton_str name = baton_json_text(&entry, &c->arena);

		if (!member_of(c, &at->value, name, &value))
			return refuse(c, BATON_E_INVAL, "%s: \"%.*s\" is missing", at->place,
				      (int)name.n, name.p);
	}
	return BATON_OK;
}

static int check_members(struct check *c, const struct item *at)
{
	struct baton_json known = baton_json_get(&at->schema, "properties");
	struct baton_json others = baton_json_get(&at->schema, "additionalProperties");
	struct baton_json key, v, schema;
	int rc = BATON_OK;

	for (size_t i = 0; rc == 0 && baton_json_member(&at->value, &i, &key, &v);) {
		baton_str name = baton_json_text(&key, &c->arena);
		bool has = member_of(c, &known, name, &schema);

		if (!has && others.type == BATON_JSON_FALSE)
			return refuse(c, BATON_E_INVAL, "%s: a member that is not known",
				      at->place);
		if (!has && others.type == BATON_JSON_OBJECT) {
			schema = others;
			has = true;
		}
		if (has)
			rc = push_member(c, at, name, &schema, &v);
	}
	return rc < 0 ? rc : check_required(c, at);
}

static int check_elements(struct check *c, const struct item *at)
{
	struct baton_json schema = baton_json_get(&at->schema, "items"), v;
	int rc = BATON_OK;
	size_t n = 0;

	for (size_t i = 0; schema.type == BATON_JSON_OBJECT && rc == 0 &&
			   baton_json_element(&at->value, &i, &v);) {
		char name[24];

		(void)snprintf(name, sizeof(name), "%zu", n++);
		rc = push_member(c, at, baton_str_of(name), &schema, &v);
	}
	return rc;
}

static int value_step(struct check *c, const struct item *at)
{
	int rc = check_type(c, at);

	if (rc == 0)
		rc = check_enum(c, at);
	if (rc == 0)
		rc = check_bounds(c, at);
	if (rc == 0)
		rc = check_pattern(c, at);
	if (rc == 0 && at->value.type == BATON_JSON_OBJECT)
		rc = check_members(c, at);
	if (rc == 0 && at->value.type == BATON_JSON_ARRAY)
		rc = check_elements(c, at);
	return rc;
}

/* --- both --- */

static int run(struct check *c, int first)
{
	int rc = first;

	while (rc == 0 && c->n > 0) {
		struct item at = c->pending[--c->n];

		rc = at.value.type == BATON_JSON_NONE ? schema_step(c, &at) : value_step(c, &at);
	}
	baton_arena_done(&c->arena);
	baton_free(c->pending);
	return rc;
}

int baton_json_schema_sound(baton_str schema, char *why, size_t cap)
{
	struct check c = { .why = why, .cap = cap };
	struct baton_json root;

	if (schema.n > BATON_SCHEMA_BYTES_MAX)
		return refuse(&c, BATON_E_SCHEMA, "more than %d bytes",
			      (int)BATON_SCHEMA_BYTES_MAX);
	if (baton_json_parse(schema, &root) < 0)
		return refuse(&c, BATON_E_SCHEMA, "no JSON, or more than %d levels",
			      (int)BATON_JSON_DEPTH_MAX);
	return run(&c, push(&c, &root, NULL, "the schema"));
}

int baton_json_schema_fits(baton_str schema, baton_str value, const char *what, char *why,
			   size_t cap)
{
	struct check c = { .why = why, .cap = cap };
	struct baton_json rule, root;
	int rc = baton_json_parse(value, &root);

	if (rc < 0)
		return refuse(&c, rc, "%s: no JSON", what);
	if (schema.n == 0)
		return BATON_OK;
	if (baton_json_parse(schema, &rule) < 0)
		return refuse(&c, BATON_E_SCHEMA, "%s: no schema", what);
	return run(&c, push(&c, &rule, &root, what));
}
