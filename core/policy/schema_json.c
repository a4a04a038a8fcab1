/* SPDX-License-Identifier: Apache-2.0 */

/* The tables as JSON Schema 2020-12, for editors that complete and check while an admin types.
 * What a schema cannot say (names that must exist, conditions) is `baton check`'s part.
 */

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/policy/shapes.h"

#include <stdlib.h>

static json_t *schema_of_shape(const struct baton_shape *shape);

static json_t *words_json(const char *const *words)
{
	json_t *list = json_array();

	for (; *words; words++)
		json_array_append_new(list, json_string(*words));
	return list;
}

static json_t *text_json(const char *pattern)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

static json_t *number_json(const char *type, const struct baton_field *field)
{
	return json_pack("{s:s, s:I, s:I}", "type", type, "minimum", (json_int_t)field->min,
			 "maximum", (json_int_t)field->max);
}

/* One value, before `many` and the sentence about it. */
static json_t *schema_of_value(const struct baton_field *field)
{
	json_t *json;

	switch (field->type) {
	case BATON_FIELD_TEXT:
	case BATON_FIELD_EXPR:
		json = json_pack("{s:s}", "type", "string");
		if (field->flags & (BATON_FIELD_REQUIRED | BATON_FIELD_MANY) || field->min > 0)
			json_object_set_new(json, "minLength", json_integer(1));
		return json;
	case BATON_FIELD_NAME:
		return text_json("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$");
	case BATON_FIELD_FILE:
		return text_json("^[a-z0-9-]{1,61}\\.so$");
	case BATON_FIELD_SECRET:
		return text_json("^[A-Z0-9_]{1,64}$");
	case BATON_FIELD_PEER:
		return text_json(
			"^((\\*\\.)?([A-Za-z0-9._-]+|\\[[^\\]]+\\]):[0-9]{1,5}|127\\.0\\.0\\.1:\\*)$");
	case BATON_FIELD_ORIGIN:
		return text_json("^(self|https?://([A-Za-z0-9._-]+|\\[[^\\]]+\\])(:[0-9]{1,5})?)$");
	case BATON_FIELD_DATE:
		return text_json("^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
	case BATON_FIELD_SHA256:
		return text_json("^[0-9a-f]{64}$");
	case BATON_FIELD_WORD:
	case BATON_FIELD_CHOICE:
		return json_pack("{s:o}", "enum", words_json(field->words));
	case BATON_FIELD_BITS:
		return json_pack("{s:[o, {s:s, s:i, s:o}]}", "anyOf",
				 json_pack("{s:o}", "enum", words_json(field->words)), "type",
				 "array", "minItems", 1, "items",
				 json_pack("{s:o}", "enum", words_json(field->words)));
	case BATON_FIELD_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case BATON_FIELD_U32:
		return number_json("integer", field);
	case BATON_FIELD_MS:
		if (!baton_field_in_ms(field))
			return text_json("^[0-9]+(ms|s|m|h|d)$");
		return json_pack("{s:[o, o]}", "anyOf", number_json("integer", field),
				 text_json("^[0-9]+(ms|s|m|h|d)$"));
	case BATON_FIELD_PPM:
	case BATON_FIELD_MILLI:
	case BATON_FIELD_MICRO:
		return number_json("number", field);
	case BATON_FIELD_BYTES:
		return text_json("^[0-9]+(B|KiB|MiB|GiB)$");
	case BATON_FIELD_FREE:
		return json_pack("{s:s}", "type", "object");
	case BATON_FIELD_MAP:
	case BATON_FIELD_LIST:
		break;
	}
	return schema_of_shape(field->shape);
}

static json_t *list_json(const struct baton_field *field, json_t *items)
{
	json_t *json = json_pack("{s:s, s:o}", "type", "array", "items", items);

	if (field->max > 0)
		json_object_set_new(json, "maxItems", json_integer((json_int_t)field->max));
	return json;
}

static void default_json(const struct baton_field *field, json_t *json)
{
	struct baton_yaml node;

	if (!field->otherwise)
		return;
	node = baton_yaml_scalar(field->otherwise);
	if (field->type == BATON_FIELD_TEXT || node.kind == BATON_YAML_STRING)
		json_object_set_new(json, "default", json_string(field->otherwise));
	else if (node.kind == BATON_YAML_BOOL)
		json_object_set_new(json, "default", json_boolean(node.b));
	else if (node.kind == BATON_YAML_INT)
		json_object_set_new(json, "default", json_integer(node.i));
	else
		json_object_set_new(json, "default", json_real(node.d));
}

static json_t *schema_of_field(const struct baton_field *field)
{
	json_t *json = schema_of_value(field);

	if (field->type == BATON_FIELD_LIST || (field->flags & BATON_FIELD_MANY))
		json = list_json(field, json);
	if (field->flags & BATON_FIELD_ONE_OR_MANY)
		json = json_pack("{s:[o, o]}", "anyOf", schema_of_value(field), json);
	json_object_set_new(json, "description", json_string(field->doc));
	default_json(field, json);
	return json;
}

/* Nested as deep as the tables: four levels. */
static json_t *schema_of_shape(const struct baton_shape *shape)
{
	json_t *properties = json_object(), *required = json_array();

	for (const struct baton_field *field = shape->fields; field->key; field++) {
		json_object_set_new(properties, field->key, schema_of_field(field));
		if (field->flags & BATON_FIELD_REQUIRED)
			json_array_append_new(required, json_string(field->key));
	}
	return json_pack("{s:s, s:s, s:b, s:o, s:o}", "description", shape->doc, "type", "object",
			 "additionalProperties", 0, "required", required, "properties", properties);
}

const char *baton_policy_schema_name(size_t index)
{
	for (size_t i = 0; i < BATON_SHAPES_N; i++)
		if (baton_shape_files[i].shape && index-- == 0)
			return baton_shape_files[i].name;
	return NULL;
}

int baton_policy_schema_json(const char *file, struct baton_buf *out)
{
	for (size_t i = 0; i < BATON_SHAPES_N; i++) {
		const struct baton_shape_file *shape = &baton_shape_files[i];

		if (!shape->shape || strcmp(shape->name, file) != 0)
			continue;
		json_t *json = json_pack("{s:s, s:s}", "$schema",
					 "https://json-schema.org/draft/2020-12/schema", "title",
					 shape->name);
		json_t *body = schema_of_shape(shape->shape);
		json_object_update(json, body);
		json_decref(body);
		char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		baton_buf_z(out, text);
		baton_buf_z(out, "\n");
		free(text); /* jansson's own allocation */
		json_decref(json);
		return 0;
	}
	return BATON_E_NOTFOUND;
}
