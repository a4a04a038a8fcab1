/* SPDX-License-Identifier: Apache-2.0 */

/* Growing bytes and JSON strings; see text.h. */
#include "modules/sdk/provider/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool text_room(struct text *text, size_t n)
{
	if (text->failed || n > SIZE_MAX / 4 - text->n)
		text->failed = true;
	if (text->failed || text->n + n <= text->cap)
		return !text->failed;

	size_t cap = text->cap ? text->cap : 256;
	while (cap < text->n + n)
		cap *= 2;
	char *p = realloc(text->p, cap);
	if (!p) {
		text->failed = true;
		return false;
	}
	text->p = p;
	text->cap = cap;
	return true;
}

void text_add(struct text *text, const char *p, size_t n)
{
	if (n == 0 || !text_room(text, n))
		return;
	memcpy(text->p + text->n, p, n);
	text->n += n;
}

void text_z(struct text *text, const char *z)
{
	text_add(text, z, strlen(z));
}

void text_u64(struct text *text, uint64_t value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
	text_add(text, digits, (size_t)n);
}

static bool json_is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != '<' && c != 0x7f;
}

static void escape_add(struct text *text, char c)
{
	char escape[8];
	int n;
	if (c == '"' || c == '\\')
		n = snprintf(escape, sizeof(escape), "\\%c", c);
	else if (c == '\n')
		n = snprintf(escape, sizeof(escape), "\\n");
	else
		n = snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)(unsigned char)c);
	text_add(text, escape, (size_t)n);
}

void text_json(struct text *text, baton_str s)
{
	text_add(text, "\"", 1);
	size_t at = 0;
	while (at < s.n) {
		size_t plain = at;
		while (plain < s.n && json_is_plain((unsigned char)s.p[plain]))
			plain++;
		text_add(text, s.p + at, plain - at);
		at = plain;
		if (at == s.n)
			break;
		escape_add(text, s.p[at]);
		at++;
	}
	text_add(text, "\"", 1);
}

void text_done(struct text *text)
{
	free(text->p);
	*text = (struct text){ 0 };
}
