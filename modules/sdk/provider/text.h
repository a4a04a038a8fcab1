/* SPDX-License-Identifier: Apache-2.0 */

/* Bytes that grow, for the request body and for what of an answer has to wait. When memory runs out
 * `failed` stays set and nothing more is added: callers look once, at the end. */
#pragma once

#include <baton/module.h>
#include <stdbool.h>

struct text {
	char *p;
	size_t n, cap;
	bool failed;
};

/* Room for `n` more at once, for who knows how long it will be; false, and `failed`, if there is none. */
bool text_reserve(struct text *text, size_t n);
static inline void text_add(struct text *text, const char *p, size_t n)
{
	if (n == 0 || text->failed || (n > text->cap - text->n && !text_reserve(text, n)))
		return;
	__builtin_memcpy(text->p + text->n, p, n);
	text->n += n;
}
static inline void text_z(struct text *text, const char *z)
{
	text_add(text, z, __builtin_strlen(z));
}
void text_u64(struct text *text, uint64_t value);
/* A JSON string with its quotes. '<' is escaped too, so that nothing inside can close a fence. */
void text_json(struct text *text, baton_str s);
/* The inside of one, without quotes. */
void text_json_inside(struct text *text, baton_str s);
void text_done(struct text *text);
/* How many bytes at the beginning stand for themselves in JSON: neither quote, backslash nor control
 * character. */
size_t text_plain(const char *p, size_t n);

static inline baton_str text_view(const struct text *text)
{
	baton_str view = { text->p, text->n };
	return view;
}

static inline baton_str str_z(const char *z)
{
	baton_str view = { z, z ? __builtin_strlen(z) : 0 };
	return view;
}
