/* SPDX-License-Identifier: Apache-2.0 */

/* A walk with a stack of its own, as deep as the reader allows. The members of an object are
 * gathered and sorted when it is entered. */

#include "core/base/json_canon.h"

#include "core/base/assert.h"
#include "core/base/limits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct member {
	baton_str name; /* unescaped */
	struct baton_json value;
	size_t order; /* in the text: of duplicates the last one counts */
};

struct level {
	struct baton_json of; /* of an array */
	size_t at;
	struct member *members; /* of an object */
	size_t n, next;
	bool began;
};

struct walk {
	struct level levels[BATON_JSON_DEPTH_MAX + 1];
	size_t depth;
	struct baton_arena arena;
	struct baton_buf *out;
};

static int member_compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
	int order = n ? memcmp(x->name.p, y->name.p, n) : 0;

	if (order == 0 && x->name.n != y->name.n)
		order = x->name.n < y->name.n ? -1 : 1;
	return order != 0 ? order : x->order < y->order ? -1 : 1;
}

static void gather(struct walk *walk, const struct baton_json *object, struct level *level)
{
	struct baton_json key, value;
	size_t at = 0, n = 0;

	while (baton_json_member(object, &at, &key, &value))
		n++;
	level->members = baton_arena_alloc(&walk->arena, (n + 1) * sizeof(*level->members));
	for (at = 0; baton_json_member(object, &at, &key, &value); level->n++)
		level->members[level->n] =
			(struct member){ baton_json_text(&key, &walk->arena), value, level->n };
	qsort(level->members, level->n, sizeof(*level->members), member_compare);
	for (size_t i = n = 0; i < level->n; i++)
		if (i + 1 == level->n ||
		    !baton_str_eq(level->members[i].name, level->members[i + 1].name))
			level->members[n++] = level->members[i];
	level->n = n;
}

/* A whole number that a double holds exactly is written as one, however it came: 1.0, 1e2, -0. One
 * that no double can hold stays as it is. */
static void put_number(struct walk *walk, const struct baton_json *value)
{
	double d = baton_json_double(value, 0);
	bool whole = floor(d) >= d && d > -9007199254740992.0 && d < 9007199254740992.0;

	if (whole)
		baton_buf_i64(walk->out, (int64_t)d);
	else if (isfinite(d) && (memchr(value->raw.p, '.', value->raw.n) ||
				 memchr(value->raw.p, 'e', value->raw.n) ||
				 memchr(value->raw.p, 'E', value->raw.n)))
		baton_buf_printf(walk->out, "%.17g", d);
	else
		baton_buf_str(walk->out, value->raw);
}

static void put(struct walk *walk, const struct baton_json *value)
{
	struct level *level;

	switch (value->type) {
	case BATON_JSON_NONE:
	case BATON_JSON_NULL:
		baton_buf_z(walk->out, "null");
		return;
	case BATON_JSON_FALSE:
		baton_buf_z(walk->out, "false");
		return;
	case BATON_JSON_TRUE:
		baton_buf_z(walk->out, "true");
		return;
	case BATON_JSON_NUMBER:
		put_number(walk, value);
		return;
	case BATON_JSON_STRING:
		baton_buf_json(walk->out, baton_json_text(value, &walk->arena));
		return;
	case BATON_JSON_OBJECT:
	case BATON_JSON_ARRAY:
		break;
	}
	baton_assert(walk->depth <= BATON_JSON_DEPTH_MAX);
	level = &walk->levels[walk->depth++];
	*level = (struct level){ .of = *value };
	if (value->type == BATON_JSON_OBJECT)
		gather(walk, value, level);
	baton_buf_z(walk->out, value->type == BATON_JSON_OBJECT ? "{" : "[");
}

/* The next part of what is open, or its end. */
static void step(struct walk *walk)
{
	struct level *level = &walk->levels[walk->depth - 1];
	bool is_object = level->of.type == BATON_JSON_OBJECT;
	struct baton_json value;
	bool more = is_object ? level->next < level->n
			      : baton_json_element(&level->of, &level->at, &value);

	if (!more) {
		walk->depth--;
		baton_buf_z(walk->out, is_object ? "}" : "]");
		return;
	}
	if (level->began)
		baton_buf_z(walk->out, ",");
	level->began = true;
	if (is_object) {
		const struct member *member = &level->members[level->next++];

		baton_buf_json(walk->out, member->name);
		baton_buf_z(walk->out, ":");
		value = member->value;
	}
	put(walk, &value);
}

void baton_json_canon(const struct baton_json *value, struct baton_buf *out)
{
	struct walk walk = { .out = out };

	put(&walk, value);
	while (walk.depth > 0)
		step(&walk);
	baton_arena_done(&walk.arena);
}
