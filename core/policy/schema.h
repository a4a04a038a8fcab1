/* SPDX-License-Identifier: Apache-2.0 */

/* The form of the files, as tables. One table drives the reading into structs, the sentences about
 * what is wrong, the JSON Schemas that editors use, and the defaults. Internal to core/policy.
 */
#pragma once

#include "core/policy/yaml.h"

enum baton_field_type {
	BATON_FIELD_TEXT,
	BATON_FIELD_NAME,   /* letters, digits and - _ . */
	BATON_FIELD_FILE,   /* a module's file: small letters, digits, dashes, .so */
	BATON_FIELD_SECRET, /* the name of a secret: capitals, digits and _ */
	BATON_FIELD_PEER,   /* host:port, the host may begin with "*."; 127.0.0.1:* */
	BATON_FIELD_ORIGIN, /* "self" or scheme://host[:port] */
	BATON_FIELD_DATE,   /* YYYY-MM-DD */
	BATON_FIELD_SHA256, /* 64 hexadecimal digits, small letters */
	BATON_FIELD_EXPR,   /* a condition; compiled by the checks */
	BATON_FIELD_WORD,   /* one of `words`, kept as text */
	BATON_FIELD_CHOICE, /* one of `words`, kept as its index (an enum), counted from `min` */
	BATON_FIELD_BITS,   /* one or several of `words`, kept as bits of an unsigned */
	BATON_FIELD_BOOL,
	BATON_FIELD_U32,
	BATON_FIELD_MS, /* "3500ms", "5s", "2m", "1h", "2d"; 3500 if the key ends in _ms; uint32_t */
	BATON_FIELD_PPM,   /* 0.0 .. 1.0, kept as parts per million; uint32_t */
	BATON_FIELD_MILLI, /* a number, kept as thousandths; int32_t */
	BATON_FIELD_MICRO, /* a number, kept as millionths; uint64_t */
	BATON_FIELD_BYTES, /* "512KiB", "5MiB", "1GiB"; uint64_t */
	BATON_FIELD_FREE,  /* any map: not looked into */
	BATON_FIELD_MAP,   /* one `shape`, inside the same struct */
	BATON_FIELD_LIST   /* many of `shape`, an array of structs */
};
enum {
	BATON_FIELD_REQUIRED = 1,
	BATON_FIELD_MANY = 2,       /* a list of them: const char ** */
	BATON_FIELD_ONE_OR_MANY = 4 /* a list, or one alone; with MANY */
};
#define BATON_FIELD_NOWHERE SIZE_MAX /* offset of what is checked only, and read elsewhere */

struct baton_shape;
struct baton_field {
	const char *key; /* NULL ends a table */
	enum baton_field_type type;
	unsigned flags;
	size_t offset, count_offset; /* count: of MANY and LIST */
	const char *otherwise;       /* the default as it would stand in the file, NULL for zero */
	const char *const *words;    /* of WORD and CHOICE, NULL-terminated */
	int64_t min, max;            /* of numbers; max also of lists; both 0: none */
	const struct baton_shape *shape;
	const char *doc;
};
struct baton_shape {
	const char *what; /* "a route" */
	const char *doc;
	const struct baton_field *fields;
	size_t size; /* of the struct, for LIST */
};

/* A time whose key ends in _ms needs no unit: `stall_ms: 5000`. Everywhere else 30 could be anything. */
bool baton_field_in_ms(const struct baton_field *field);

struct baton_reader {
	struct baton_arena *keep; /* what the structs point to */
	struct baton_findings *findings;
};

/* Reads a map into a struct. Everything wrong is a finding; what could not be read keeps its default
 * (or zero), so that reading goes on. Defaults are filled in. */
void baton_schema_read(struct baton_reader *reader, const struct baton_shape *shape,
		       const struct baton_yaml *node, void *into);
/* What a struct holds when the file says nothing. */
void baton_schema_defaults(struct baton_reader *reader, const struct baton_shape *shape,
			   void *into);
