/* SPDX-License-Identifier: Apache-2.0 */

/* One YAML file as a tree, every key and value with its place. Internal to core/policy.
 *
 * What libyaml leaves open is decided here: scalars get the types of YAML 1.2's core schema (so NO
 * and 3:25 are text), quoted ones are always text. Refused: a second document, a key that appears
 * twice, merge keys, tags beyond the core ones, more than BATON_POLICY_ANCHORS_MAX anchors and
 * aliases, more than BATON_POLICY_DEPTH_MAX levels, more than BATON_POLICY_NODES_MAX values.
 */
#pragma once

#include "core/policy/finding.h"

enum baton_yaml_kind {
	BATON_YAML_NULL,
	BATON_YAML_BOOL,
	BATON_YAML_INT,
	BATON_YAML_FLOAT,
	BATON_YAML_STRING,
	BATON_YAML_LIST,
	BATON_YAML_MAP
};
enum baton_yaml_style { BATON_YAML_PLAIN, BATON_YAML_SINGLE, BATON_YAML_DOUBLE, BATON_YAML_BLOCK };

struct baton_yaml;
struct baton_yaml_item {
	struct baton_yaml *key; /* NULL in a list */
	struct baton_yaml *value;
};
struct baton_yaml {
	enum baton_yaml_kind kind;
	enum baton_yaml_style style;
	struct baton_place place;
	size_t from;    /* byte offset of a scalar in its file, quote or block sign included */
	baton_str text; /* of every scalar; NUL-terminated */
	bool b;
	int64_t i;
	double d; /* of FLOAT and INT */
	struct baton_yaml_item *items;
	size_t n;
	size_t weight;   /* values below and itself, aliases written out */
	unsigned height; /* levels below and itself */
};

/* The first `n` bytes of the file; the tree lives in `arena`. NULL after an error, which has been
 * added, or if the file holds nothing (then a finding says so). */
struct baton_yaml *baton_yaml_load(struct baton_policy_source *source, size_t n,
				   struct baton_arena *arena, struct baton_findings *findings);
/* A plain scalar as it would be read from a file: types by the core schema. `text` must live on. */
struct baton_yaml baton_yaml_scalar(const char *text);

/* The value of `key`, or NULL. NULL-tolerant. */
const struct baton_yaml *baton_yaml_get(const struct baton_yaml *map, const char *key);
const struct baton_yaml *baton_yaml_key(const struct baton_yaml *map, const char *key);
/* The place of byte `at` of a scalar's text, back in the file: behind quotes, escapes, folded lines. */
struct baton_place baton_yaml_inside(const struct baton_yaml *scalar, size_t at, size_t width);
