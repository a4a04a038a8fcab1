/* SPDX-License-Identifier: Apache-2.0 */

/* Reads {"identity"} or {"id","identifier_hash","email","name"}, and {"attributes"}. What nobody has
 * signed becomes one object of claims; a member of `attributes` loses against the one of the same
 * name beside it. */

#include "channels/http/shown.h"

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/base/limits.h"

enum { SHOWN_IDENTITY, SHOWN_ID, SHOWN_HASH, SHOWN_EMAIL, SHOWN_NAME, SHOWN_ATTRIBUTES, SHOWN_N };

static const struct {
	const char *name, *why;
	enum baton_json_type type;
	size_t bytes_max;
} members[SHOWN_N] = {
	[SHOWN_IDENTITY] = { "identity", "`identity` is a text: the token that your server made",
			     BATON_JSON_STRING, BATON_HTTP_BODY_BYTES_MAX },
	[SHOWN_ID] = { "id", "`id` is a text of at most 64 bytes, or a whole number",
		       BATON_JSON_STRING, BATON_NAME_BYTES_MAX },
	[SHOWN_HASH] = { "identifier_hash", "`identifier_hash` is a text of 64 hexadecimal digits",
			 BATON_JSON_STRING, 128 },
	[SHOWN_EMAIL] = { "email", "`email` is a text of at most 254 bytes", BATON_JSON_STRING,
			  BATON_CONTACT_BYTES_MAX },
	[SHOWN_NAME] = { "name", "`name` is a text of at most 128 bytes", BATON_JSON_STRING, 128 },
	[SHOWN_ATTRIBUTES] = { "attributes", "`attributes` is an object of at most 4096 bytes",
			       BATON_JSON_OBJECT, BATON_ATTRIBUTES_BYTES_MAX },
};

struct reading {
	struct baton_json values[SHOWN_N];
	struct baton_arena *arena;
	const char *why;
};

static baton_str text_of(const struct reading *reading, int i)
{
	const struct baton_json *value = &reading->values[i];

	return value->type == BATON_JSON_NUMBER ? value->raw
						: baton_json_text(value, reading->arena);
}

/* Shops number their customers: 42 and "42" are the same one. */
static bool is_number_id(int i, const struct baton_json *value)
{
	return i == SHOWN_ID && value->type == BATON_JSON_NUMBER &&
	       baton_json_u64(value, UINT64_MAX) != UINT64_MAX;
}

static int take(struct reading *reading, baton_str key, const struct baton_json *value)
{
	int i = 0;

	while (i < SHOWN_N && !baton_str_is(key, members[i].name))
		i++;
	if (i == SHOWN_N || value->type == BATON_JSON_NULL)
		return 0;
	reading->why = members[i].why;
	if (reading->values[i].type != BATON_JSON_NONE)
		return BATON_E_INVAL;
	if (value->type != members[i].type && !is_number_id(i, value))
		return BATON_E_INVAL;
	reading->values[i] = *value;
	size_t n = i == SHOWN_ATTRIBUTES ? value->raw.n : text_of(reading, i).n;
	return n > members[i].bytes_max ? BATON_E_LIMIT : 0;
}

static void add_member(struct baton_buf *out, baton_str key_raw, baton_str value_raw)
{
	baton_buf_z(out, out->n == 0 ? "{" : ",");
	baton_buf_str(out, key_raw);
	baton_buf_z(out, ":");
	baton_buf_str(out, value_raw);
}

/* What is said beside the attributes, without a signature. */
static void add_said(const struct reading *reading, struct baton_buf *out)
{
	static const struct {
		int i;
		baton_str key;
	} said[] = { { SHOWN_ID, { "\"id\"", 4 } },
		     { SHOWN_EMAIL, { "\"email\"", 7 } },
		     { SHOWN_NAME, { "\"name\"", 6 } } };
	bool id_is_signed = reading->values[SHOWN_HASH].type != BATON_JSON_NONE;

	for (size_t k = 0; k < sizeof(said) / sizeof(said[0]); k++) {
		const struct baton_json *value = &reading->values[said[k].i];

		if (value->type != BATON_JSON_NONE && !(said[k].i == SHOWN_ID && id_is_signed))
			add_member(out, said[k].key, value->raw);
	}
}

static bool is_said(const struct reading *reading, baton_str key)
{
	return (baton_str_is(key, "id") && reading->values[SHOWN_ID].type != BATON_JSON_NONE) ||
	       (baton_str_is(key, "email") &&
		reading->values[SHOWN_EMAIL].type != BATON_JSON_NONE) ||
	       (baton_str_is(key, "name") && reading->values[SHOWN_NAME].type != BATON_JSON_NONE);
}

static int claims_of(const struct reading *reading, baton_str *ret)
{
	struct baton_buf out = { NULL, 0, 0 };
	struct baton_json key, value;
	size_t at = 0;
	int rc = 0;

	add_said(reading, &out);
	while (reading->values[SHOWN_ATTRIBUTES].type == BATON_JSON_OBJECT &&
	       baton_json_member(&reading->values[SHOWN_ATTRIBUTES], &at, &key, &value))
		if (!is_said(reading, baton_json_text(&key, reading->arena)))
			add_member(&out, key.raw, value.raw);
	if (out.n > 0)
		baton_buf_z(&out, "}");
	if (out.n > BATON_ATTRIBUTES_BYTES_MAX)
		rc = BATON_E_LIMIT;
	else if (out.n > 0)
		*ret = (baton_str){ baton_arena_dup(reading->arena, out.p, out.n), out.n };
	baton_buf_done(&out);
	return rc;
}

int baton_shown_read(baton_str body, struct baton_arena *arena, struct baton_identity_shown *ret,
		     const char **ret_why)
{
	struct reading reading = { .arena = arena };
	struct baton_json json, key, value;
	size_t at = 0;
	int rc = 0;

	*ret = (struct baton_identity_shown){ .token = BATON_STR("") };
	*ret_why = "the body is one JSON object";
	if (body.n == 0)
		return 0;
	if (baton_json_parse(body, &json) < 0 || json.type != BATON_JSON_OBJECT)
		return BATON_E_JSON;
	while (rc == 0 && baton_json_member(&json, &at, &key, &value))
		rc = take(&reading, baton_json_text(&key, arena), &value);
	*ret_why = reading.why;
	if (rc < 0)
		return rc;
	ret->token = text_of(&reading, SHOWN_IDENTITY);
	ret->id = text_of(&reading, SHOWN_ID);
	ret->hash = text_of(&reading, SHOWN_HASH);
	*ret_why = members[SHOWN_ATTRIBUTES].why;
	return claims_of(&reading, &ret->claimed);
}
