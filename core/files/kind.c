/* SPDX-License-Identifier: Apache-2.0 */

/* What a file is, by its bytes, and what it may be called.
 *
 * Surprising: HTML and SVG are plain text here. That is safe because nothing is ever shown from our
 * address by its own type: files go out as downloads, and text as text/plain. */
#include "core/files/kind.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

const char *const baton_kind_types[] = { "image/png",       "image/jpeg",
					 "image/gif",       "image/webp",
					 "application/pdf", "text/plain",
					 "application/zip", NULL };

static const struct {
	const char *type, *magic;
	size_t n;
	const char *endings[12]; /* the first one is put behind a name that has none of them */
} kinds[] = {
	{ "image/png", "\x89PNG\r\n\x1a\n", 8, { ".png" } },
	{ "image/jpeg", "\xff\xd8\xff", 3, { ".jpg", ".jpeg", ".jpe", ".jfif" } },
	{ "image/gif", "GIF87a", 6, { ".gif" } },
	{ "image/gif", "GIF89a", 6, { ".gif" } },
	{ "image/webp", "RIFF", 4, { ".webp" } },
	{ "application/pdf", "%PDF-", 5, { ".pdf" } },
	{ "application/zip",
	  "PK\x03\x04",
	  4,
	  { ".zip", ".docx", ".xlsx", ".pptx", ".odt", ".ods" } },
	{ "text/plain",
	  NULL,
	  0,
	  { ".txt", ".text", ".log", ".csv", ".tsv", ".md", ".json", ".yaml", ".yml" } },
};
enum { KINDS_N = sizeof(kinds) / sizeof(kinds[0]) };

static const char *type_of(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < KINDS_N; i++) {
		if (!kinds[i].magic || n < kinds[i].n || memcmp(p, kinds[i].magic, kinds[i].n) != 0)
			continue;
		if (strcmp(kinds[i].type, "image/webp") == 0 &&
		    (n < 12 || memcmp(p + 8, "WEBP", 4) != 0))
			continue;
		return kinds[i].type;
	}
	return NULL;
}

/* Controls that text has: tab, line feed, form feed, carriage return. */
static bool is_plain(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 ? !strchr("\t\n\f\r", p[i]) || p[i] == 0 : p[i] == 0x7f)
			return false;
	return true;
}

/* A character may lie across two pieces: its beginning waits in `tail`. */
static bool look_text(struct baton_kind *kind, const char *p, size_t n)
{
	while (kind->tail_n > 0 && n > 0) {
		baton_str all;

		kind->tail[kind->tail_n++] = *p++;
		n--;
		all = (baton_str){ kind->tail, kind->tail_n };
		if (baton_str_utf8_ok(all))
			kind->tail_n = 0;
		else if (kind->tail_n == sizeof(kind->tail) ||
			 baton_str_utf8_tail(all) != kind->tail_n)
			return false;
	}
	baton_str text = { p, n };
	size_t open = baton_str_utf8_tail(text);
	text.n -= open;
	if (open > 0) {
		memcpy(kind->tail, p + text.n, open);
		kind->tail_n = (unsigned)open;
	}
	return baton_str_utf8_ok(text);
}

bool baton_kind_look(struct baton_kind *kind, const void *p, size_t n)
{
	if (!kind->began) {
		kind->began = true;
		kind->type = type_of(p, n);
		kind->is_text = !kind->type;
		if (kind->is_text)
			kind->type = "text/plain";
	}
	if (kind->is_text && !(is_plain(p, n) && look_text(kind, p, n)))
		kind->type = NULL;
	return kind->type != NULL;
}

bool baton_kind_end(const struct baton_kind *kind)
{
	return kind->type && kind->tail_n == 0;
}

/* --- names ----------------------------------------------------------------------------------- */

/* Characters that cannot be seen, or that turn what is written around. */
static bool is_unseen(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
		{ 0x0000, 0x001f },   { 0x007f, 0x009f },       { 0x00ad, 0x00ad },
		{ 0x034f, 0x034f },   { 0x061c, 0x061c },       { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 },   { 0x180b, 0x180f },       { 0x200b, 0x200f },
		{ 0x2028, 0x202e },   { 0x2060, 0x206f },       { 0x3164, 0x3164 },
		{ 0xd800, 0xdfff },   { 0xfdd0, 0xfdef },       { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },       { 0xfff0, 0xffff },
		{ 0xe0000, 0xe0fff }, { 0x110000, UINT32_MAX },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

/* The next character of well-formed UTF-8. */
static uint32_t character(baton_str s, size_t at, size_t *ret_n)
{
	unsigned char lead = (unsigned char)s.p[at];
	size_t n = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? lead : lead & (0x7fu >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s.p[at + i] & 0x3f);
	*ret_n = n;
	return c;
}

static bool ends_in(const char *name, size_t n, const char *ending)
{
	size_t k = strlen(ending);

	return n > k && strncasecmp(name + n - k, ending, k) == 0;
}

/* The ending to put behind the name, "" if it has a right one; *ret_has: the length of that. */
static const char *ending_for(const char *type, const char *name, size_t n, size_t *ret_has)
{
	for (size_t i = 0; i < KINDS_N; i++) {
		if (strcmp(kinds[i].type, type) != 0)
			continue;
		for (size_t k = 0; k < 12 && kinds[i].endings[k]; k++) {
			*ret_has = strlen(kinds[i].endings[k]);
			if (ends_in(name, n, kinds[i].endings[k]))
				return "";
		}
		*ret_has = 0;
		return kinds[i].endings[0];
	}
	*ret_has = 0;
	return "";
}

/* What is left of the last part of a path, without what cannot be seen; room for all of it. */
static size_t clean(baton_str name, char *out)
{
	size_t n = 0, step;

	for (size_t at = 0; at < name.n; at += step) {
		uint32_t c = character(name, at, &step);

		if (c == '/' || c == '\\') {
			n = 0;
			continue;
		}
		if (is_unseen(c) || (c < 0x80 && strchr("<>:\"|?*", (int)c)))
			continue;
		if (n == 0 && (c == '.' || c == ' '))
			continue;
		memcpy(out + n, name.p + at, step);
		n += step;
	}
	while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '.'))
		n--;
	return n;
}

void baton_kind_name(baton_str name, const char *type, char *ret_name, size_t cap)
{
	enum { LOOKED_MAX = 1024 }; /* what is longer is no name; its end is as good as any */
	char text[LOOKED_MAX + 1];
	size_t has;

	if (!baton_str_utf8_ok(name))
		name = BATON_STR_NONE;
	name = baton_str_clip(name, LOOKED_MAX);
	size_t n = clean(name, text);
	if (n == 0) {
		memcpy(text, "file", 4);
		n = 4;
	}
	const char *ending = ending_for(type, text, n, &has);
	/* The ending stays, whatever has to go. */
	char last[16] = "";
	size_t last_n = has > 0 ? has : strlen(ending);
	memcpy(last, has > 0 ? text + n - has : ending, last_n);
	baton_str stem = { text, n - has };
	stem = baton_str_clip(stem, cap - 1 - last_n);
	memcpy(ret_name, stem.p, stem.n);
	memcpy(ret_name + stem.n, last, last_n);
	ret_name[stem.n + last_n] = '\0';
}
