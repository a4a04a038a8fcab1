/* SPDX-License-Identifier: Apache-2.0 */

/* A module's configuration against the schema it ships, before create() sees it. The schema is a
 * subset of JSON Schema (draft 2020-12): type, properties, required, additionalProperties, enum,
 * minimum, maximum, minLength, maxLength, minItems, maxItems, items; title, description, default,
 * examples, $schema, $id and $comment are allowed and mean nothing. A keyword outside of that is an
 * error of the schema: a rule that would silently not be checked is worse than none. */
#pragma once

#include "core/base/str.h"

#include <jansson.h>

/* `text` NULL or empty: everything fits. 0, BATON_E_SCHEMA (the schema itself) or BATON_E_INVAL
 * (the value), each with one line in `why` that names the place ("config.retry.max"). A member
 * "policy" of the top object, which the host adds, is not looked at unless the schema lists it. */
int baton_schema_check(const char *text, const json_t *value, char *why, size_t cap);
