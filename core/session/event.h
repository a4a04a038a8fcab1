/* SPDX-License-Identifier: Apache-2.0 */

/* Events as C values, and their JSON. Everything here is generated from events.def; a new event is
 * a new entry there and nothing here. Pure.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/id.h"
#include "core/base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

enum baton_event_type {
	BATON_EV_NONE = 0,
#define EVENT(number, NAME, name, audience, doc) BATON_EV_##NAME = number,
#define FIELD(name, kind, field, visibility, doc)
#define END(name)
#include "core/session/events.def"
#undef EVENT
#undef FIELD
#undef END
};

#define BATON_KIND_STR baton_str
#define BATON_KIND_U64 uint64_t
#define BATON_KIND_BOOL bool
#define BATON_KIND_JSON baton_str
#define EVENT(number, NAME, name, audience, doc) struct baton_ev_##name {
#define FIELD(name, kind, field, visibility, doc) BATON_KIND_##kind field;
#define END(name) \
	}         \
	;
#include "core/session/events.def"
#undef EVENT
#undef FIELD
#undef END

/* One event. Strings are views: whoever made the event says how long they live. */
struct baton_event {
	enum baton_event_type type;
	uint64_t seq;     /* 1, 2, ... within the session; 0 while only proposed */
	uint64_t unix_ms; /* shown to people; never used for order */
	union {
#define EVENT(number, NAME, name, audience, doc) struct baton_ev_##name name;
#define FIELD(name, kind, field, visibility, doc)
#define END(name)
#include "core/session/events.def"
#undef EVENT
#undef FIELD
#undef END
	};
};

enum baton_audience { BATON_AUDIENCE_CUSTOMER, BATON_AUDIENCE_AGENT };

enum baton_field_kind { BATON_FIELD_STR, BATON_FIELD_U64, BATON_FIELD_BOOL, BATON_FIELD_JSON };

struct baton_field_info {
	const char *name, *doc;
	struct baton_key key;
	enum baton_field_kind kind;
	size_t offset; /* within struct baton_event */
	bool is_public;
};
struct baton_event_info {
	const char *name, *doc;
	bool for_customers; /* audience ALL */
	const struct baton_field_info *fields;
	size_t n_fields;
	size_t size;           /* of struct baton_event, as far as this event uses it */
	const uint16_t *texts; /* offsets of its texts, 0 behind the last */
};
/* NULL for a number that is no event. Static. */
const struct baton_event_info *baton_event_info(unsigned type);
/* BATON_EV_NONE if there is no such name. */
enum baton_event_type baton_event_type_of(baton_str name);

/* As far as its type uses it. */
void baton_event_copy(struct baton_event *to, const struct baton_event *from);
/* `to` becomes a copy of `from` whose strings live in `arena`. */
void baton_event_keep(struct baton_event *to, const struct baton_event *from,
		      struct baton_arena *arena);

/* Appends the payload as one JSON object, all fields for agents, the public ones for customers.
 * Empty strings, zeros and false are left out. */
void baton_event_json(const struct baton_event *event, enum baton_audience audience,
		      struct baton_buf *out);

/* Reads a payload written by baton_event_json(); unknown keys are skipped (a newer writer).
 * Strings are views into `json` or copies in `arena`: they live as long as both.
 * 0, BATON_E_SCHEMA for an unknown type, BATON_E_JSON. `ret->seq` and `unix_ms` are left alone. */
int baton_event_parse(unsigned type, baton_str json, struct baton_arena *arena,
		      struct baton_event *ret);

#ifdef __cplusplus
}
#endif
