/* SPDX-License-Identifier: Apache-2.0 */

#include "text.h"

#include <stdlib.h>
#include <string.h>

void append(struct text *text, const char *p, size_t n)
{
	if (text->failed)
		return;
	if (text->n + n + 1 > text->cap) {
		size_t cap = 2 * (text->n + n) + 256;
		char *more = realloc(text->p, cap);

		if (!more) {
			text->failed = true;
			return;
		}
		text->p = more;
		text->cap = cap;
	}
	if (n > 0)
		memcpy(text->p + text->n, p, n);
	text->n += n;
	text->p[text->n] = 0;
}

void append_text(struct text *text, const char *literal)
{
	append(text, literal, strlen(literal));
}

/* Length of the UTF-8 character at p, 0 if there is none. */
static size_t character(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80                   ? 1
		   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		   : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
						 : 4;

	if ((p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

void append_clean(struct text *text, baton_str str, const char *escape)
{
	const unsigned char *p = (const unsigned char *)str.p;

	for (size_t i = 0, n; i < str.n; i += n ? n : 1) {
		n = character(p + i, str.n - i);
		if (n == 1 && p[i] < 0x20 && p[i] != '\n' && p[i] != '\t')
			continue;
		if (n == 0) {
			append_text(text, "\xef\xbf\xbd");
			continue;
		}
		if (n == 1 && strchr(escape, p[i]))
			append(text, "\\", 1);
		append(text, str.p + i, n);
	}
}

bool is_plain_uri(baton_str uri)
{
	static const char allowed[] = "-._~:/?#@!$&*+,;=%";
	bool is_known = (uri.n > 8 && memcmp(uri.p, "https://", 8) == 0) ||
			(uri.n > 7 && memcmp(uri.p, "http://", 7) == 0) ||
			(uri.n > 0 && uri.p[0] == '/' && (uri.n == 1 || uri.p[1] != '/'));

	for (size_t i = 0; i < uri.n && is_known; i++) {
		char c = uri.p[i];

		is_known = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
			   (c != 0 && strchr(allowed, c));
	}
	return is_known;
}
