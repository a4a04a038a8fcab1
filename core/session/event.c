/* SPDX-License-Identifier: Apache-2.0 */

/* events.def as tables, and the one JSON codec that serves every event. */

#include "core/session/event.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/json.h"

enum { AUDIENCE_ALL = 1, AUDIENCE_AGENT = 0, VISIBLE_PUBLIC = 1, VISIBLE_INTERNAL = 0 };

/* A first table of all fields in order of the file, then for each event where its fields begin. */
#define EVENT(number, NAME, name, audience, doc) \
	static const struct baton_field_info fields_##name[] = {
#define FIELD(event, kind, field, visibility, doc)   \
	{ #field,                                    \
	  doc,                                       \
	  BATON_KEY(#field),                         \
	  BATON_FIELD_##kind,                        \
	  offsetof(struct baton_event, event.field), \
	  VISIBLE_##visibility != 0 },
#define END(name) \
	}         \
	;
#include "core/session/events.def"
#undef EVENT
#undef FIELD
#undef END

/* And where the texts of each are. */
#define TEXT_STR(offset) offset,
#define TEXT_JSON(offset) offset,
#define TEXT_U64(offset)
#define TEXT_BOOL(offset)
#define EVENT(number, NAME, name, audience, doc) static const uint16_t texts_##name[] = {
#define FIELD(event, kind, field, visibility, doc) \
	TEXT_##kind(offsetof(struct baton_event, event.field))
#define END(name) \
	0         \
	}         \
	;
#include "core/session/events.def"
#undef EVENT
#undef FIELD
#undef END

static const struct baton_event_info infos[] = {
#define EVENT(number, NAME, name, audience, doc)                                          \
	[number] = { #name,                                                               \
		     doc,                                                                 \
		     AUDIENCE_##audience != 0,                                            \
		     fields_##name,                                                       \
		     sizeof(fields_##name) / sizeof(fields_##name[0]),                    \
		     offsetof(struct baton_event, name) + sizeof(struct baton_ev_##name), \
		     texts_##name },
#define FIELD(event, kind, field, visibility, doc)
#define END(name)
#include "core/session/events.def"
#undef EVENT
#undef FIELD
#undef END
};

const struct baton_event_info *baton_event_info(unsigned type)
{
	if (type >= sizeof(infos) / sizeof(infos[0]) || !infos[type].name)
		return NULL;
	return &infos[type];
}

enum baton_event_type baton_event_type_of(baton_str name)
{
	for (unsigned type = 1; type < sizeof(infos) / sizeof(infos[0]); type++)
		if (infos[type].name && baton_str_is(name, infos[type].name))
			return (enum baton_event_type)type;
	return BATON_EV_NONE;
}

void baton_event_copy(struct baton_event *to, const struct baton_event *from)
{
	const struct baton_event_info *info = baton_event_info(from->type);

	baton_assert(info != NULL);
	memcpy(to, from, info->size);
}

void baton_event_keep(struct baton_event *to, const struct baton_event *from,
		      struct baton_arena *arena)
{
	baton_event_copy(to, from);
	baton_arena_keep(arena, to, infos[from->type].texts);
}

/* A value that says nothing is left out, with its name. */
static void field_json(const struct baton_field_info *field, const void *at, struct baton_buf *out)
{
	const baton_str *str = at;
	const uint64_t *u64 = at;
	const bool *flag = at;

	switch (field->kind) {
	case BATON_FIELD_STR:
		if (str->n == 0)
			return;
		baton_buf_key(out, &field->key);
		baton_buf_json(out, *str);
		return;
	case BATON_FIELD_JSON:
		if (str->n == 0)
			return;
		baton_buf_key(out, &field->key);
		baton_buf_str(out, *str);
		return;
	case BATON_FIELD_U64:
		if (*u64 == 0)
			return;
		baton_buf_key(out, &field->key);
		baton_buf_u64(out, *u64);
		return;
	case BATON_FIELD_BOOL:
		if (!*flag)
			return;
		baton_buf_key(out, &field->key);
		baton_buf_z(out, "true");
		return;
	}
}

void baton_event_json(const struct baton_event *event, enum baton_audience audience,
		      struct baton_buf *out)
{
	const struct baton_event_info *info = baton_event_info(event->type);
	size_t start = out->n;

	baton_assert(info != NULL);
	for (size_t i = 0; i < info->n_fields; i++) {
		const struct baton_field_info *field = &info->fields[i];

		if (field->is_public || audience == BATON_AUDIENCE_AGENT)
			field_json(field, (const char *)event + field->offset, out);
	}
	baton_buf_z(out, out->n == start ? "{}" : "}");
	out->p[start] = '{'; /* where the first name's comma is */
}

static int field_parse(const struct baton_field_info *field, const struct baton_json *value,
		       struct baton_arena *arena, void *at)
{
	baton_str *str = at;
	uint64_t *u64 = at;
	bool *flag = at;

	switch (field->kind) {
	case BATON_FIELD_STR:
		if (value->type != BATON_JSON_STRING)
			return BATON_E_JSON;
		*str = baton_json_text(value, arena);
		return BATON_OK;
	case BATON_FIELD_JSON:
		*str = value->raw;
		return BATON_OK;
	case BATON_FIELD_U64:
		if (value->type != BATON_JSON_NUMBER)
			return BATON_E_JSON;
		*u64 = baton_json_u64(value, 0);
		return BATON_OK;
	case BATON_FIELD_BOOL:
		*flag = baton_json_bool(value);
		return BATON_OK;
	}
	return BATON_E_JSON;
}

int baton_event_parse(unsigned type, baton_str json, struct baton_arena *arena,
		      struct baton_event *ret)
{
	const struct baton_event_info *info = baton_event_info(type);
	struct baton_event event = { .type = (enum baton_event_type)type,
				     .seq = ret->seq,
				     .unix_ms = ret->unix_ms };
	struct baton_json object, key, value;
	size_t at = 0;

	if (!info)
		return BATON_E_SCHEMA;
	int rc = baton_json_parse(json, &object);
	if (rc < 0)
		return rc;
	if (object.type != BATON_JSON_OBJECT)
		return BATON_E_JSON;
	while (baton_json_member(&object, &at, &key, &value)) {
		baton_str name = baton_json_text(&key, arena);

		for (size_t i = 0; i < info->n_fields; i++) {
			if (!baton_str_is(name, info->fields[i].name))
				continue;
			rc = field_parse(&info->fields[i], &value, arena,
					 (char *)&event + info->fields[i].offset);
			if (rc < 0)
				return rc;
		}
	}
	*ret = event;
	return BATON_OK;
}
