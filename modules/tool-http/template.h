/* SPDX-License-Identifier: Apache-2.0 */

/* Texts with places for arguments: "/orders/{order}". What is put in is written so that it stays
 * one value: it cannot become another segment, parameter, header or secret. No host, no I/O. */
#pragma once

#include "modules/sdk/provider/text.h"

#include <jansson.h>

enum place {
	PLACE_PATH,   /* percent-encoded; what would be another segment is refused */
	PLACE_QUERY,  /* behind the '?' of a URL: percent-encoded, what was declared as it is */
	PLACE_PAIR,   /* a value of `query`: all of it percent-encoded, but for secrets */
	PLACE_FORM,   /* a value of a form: the same, and no secrets */
	PLACE_HEADER, /* as it is, if it is one line and no secret's name */
	PLACE_TEXT,   /* as it is, inside a JSON string */
};

enum filled {
	FILLED_OK,
	FILLED_ABSENT,  /* an argument is not there */
	FILLED_REFUSED, /* it may not stand in this place */
};

/* Why a configuration cannot be used, or an argument not be put in: one line. */
struct why {
	char text[240];
};
bool why_set(struct why *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Braces in order, every argument one of `known` (an object by names; NULL: any), a secret only
 * where the host fills some in. Returns false with *why. */
bool template_check(const char *text, enum place place, const json_t *known, struct why *why);
/* The same for a URL, whole or behind a base ("/..."): no argument before its path, in the name of a
 * parameter, or in a fragment. */
bool template_check_url(const char *text, bool has_base, const json_t *known, struct why *why);
/* "https://host/v1" or "{{secret:NAME}}": where paths are put behind. */
bool template_check_base(const char *text, struct why *why);

/* Appends. Not FILLED_OK: *why names the argument, and what was appended is of no use. */
enum filled template_fill(struct text *out, const char *text, enum place place, const json_t *args,
			  struct why *why);
enum filled template_fill_url(struct text *out, const char *base, const char *text,
			      const json_t *args, struct why *why);
/* One value, written for `place`. Lists and objects are refused. */
enum filled template_put(struct text *out, const json_t *value, enum place place, struct why *why);
/* "{name}" and nothing else: its value as it is, borrowed; *ret_only says whether it was that. */
const json_t *template_only(const char *text, const json_t *args, bool *ret_only);
/* Calls `seen` for every argument that the text names. */
void template_names(const char *text, void (*seen)(void *ud, const char *name, size_t n), void *ud);
