/* SPDX-License-Identifier: Apache-2.0 */

/* JSON against a schema, where jansson cannot be: what models want tools to be given, and what tools
 * bring. The schema is a subset of JSON Schema (draft 2020-12): type, properties, required,
 * additionalProperties, enum, const, minimum, maximum, minLength, maxLength, minItems, maxItems, items,
 * and pattern in the syntax of matches() (docs/RULES.md), which takes one walk over a text whatever the
 * pattern. title, description, default, examples, $schema, $id, $comment and deprecated mean nothing.
 * Any other keyword is an error of the schema: a rule that would silently not be checked is worse than
 * none. Pure.
 */
#pragma once

#include "core/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BATON_SCHEMA_BYTES_MAX = 32 * 1024 };

/* 0, or BATON_E_SCHEMA with one line in `why` that names the place. */
int baton_json_schema_sound(baton_str schema, char *why, size_t cap);
/* `schema` is sound; empty: anything fits that is JSON. 0, BATON_E_JSON, BATON_E_UTF8, or
 * BATON_E_INVAL with one line in `why` that names the place and never the value: "arguments.order:
 * expected string, found number". `what` is the place's first word. */
int baton_json_schema_fits(baton_str schema, baton_str value, const char *what, char *why,
			   size_t cap);

#ifdef __cplusplus
}
#endif
