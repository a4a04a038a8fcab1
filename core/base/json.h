/* SPDX-License-Identifier: Apache-2.0 */

/* A strict, small JSON reader for the hot path: client frames, provider chunks, stored events.
 *
 * It walks one object or array at a time without allocating; nested values are checked and handed
 * out as raw slices that can be walked in turn. RFC 8259, UTF-8 checked, depth bounded by
 * BATON_JSON_DEPTH_MAX. Of duplicate keys the last one wins, as in most readers. Compared against
 * jansson by the fuzzer (tests/fuzz).
 */
#pragma once

#include "core/base/mem.h"
#include "core/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum baton_json_type {
	BATON_JSON_NONE, /* absent */
	BATON_JSON_NULL,
	BATON_JSON_FALSE,
	BATON_JSON_TRUE,
	BATON_JSON_NUMBER,
	BATON_JSON_STRING,
	BATON_JSON_OBJECT,
	BATON_JSON_ARRAY
};

struct baton_json {
	enum baton_json_type type;
	baton_str raw; /* the value as written; strings with their quotes */
	bool plain;    /* STRING: no escapes, so raw without quotes is the text */
};

/* Checks that `text` is exactly one JSON value (white space around it allowed) and describes it.
 * 0, BATON_E_JSON or BATON_E_UTF8. `ret->raw` points into `text`. */
int baton_json_parse(baton_str text, struct baton_json *ret);

/* Walks the members of a text that is to be one object, and checks it meanwhile; `text` is UTF-8. Start
 * with *at = 0. 1: a member; 0: that was all, and the text is well-formed; BATON_E_JSON: it is not,
 * whatever it had before. */
int baton_json_next(baton_str text, size_t *at, struct baton_json *key, struct baton_json *value);
/* Walks the members of an object that baton_json_parse accepted. Start with *at = 0. */
bool baton_json_member(const struct baton_json *object, size_t *at, struct baton_json *key,
		       struct baton_json *value);
/* Walks the elements of an array that baton_json_parse accepted. Start with *at = 0. */
bool baton_json_element(const struct baton_json *array, size_t *at, struct baton_json *value);

/* The member named `name` (last one wins); type NONE if absent or if `object` is no object. */
struct baton_json baton_json_get(const struct baton_json *object, const char *name);

/* Text of a STRING, unescaped: a view into raw if plain, else a copy in `arena`. Empty otherwise.
 * A lone surrogate escape gives U+FFFD; \u0000 is kept as a NUL byte. */
baton_str baton_json_text(const struct baton_json *value, struct baton_arena *arena);
/* NUMBER that is an integer within the range, else `otherwise`. */
uint64_t baton_json_u64(const struct baton_json *value, uint64_t otherwise);
int64_t baton_json_i64(const struct baton_json *value, int64_t otherwise);
double baton_json_double(const struct baton_json *value, double otherwise);
static inline bool baton_json_bool(const struct baton_json *value)
{
	return value->type == BATON_JSON_TRUE;
}

#ifdef __cplusplus
}
#endif
