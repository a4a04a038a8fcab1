/* SPDX-License-Identifier: Apache-2.0 */

/* RFC 6570 of level 1, narrower: everything but letters, digits and "-._~" is percent-encoded, and a
 * path takes no argument that is empty, has a slash or a backslash, or makes a segment "." or "..":
 * many servers decode before they look where a path leads, and libcurl itself folds dots away.
 *
 * Surprising: "{{secret:NAME}}" stays as it is, because the host fills it in. So an argument must
 * never bring such words along: in URLs braces are encoded, in headers "{{" is refused.
 */
#include "template.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_BYTES = 64 };

bool why_set(struct why *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return false;
}

/* --- pieces of a template ------------------------------------------------------------------- */

enum piece_kind { PIECE_END, PIECE_TEXT, PIECE_NAME, PIECE_SECRET, PIECE_BROKEN };
struct piece {
	enum piece_kind kind;
	const char *p; /* PIECE_NAME: the name alone; else all of it */
	size_t n;
};

static size_t name_bytes(const char *p)
{
	size_t n = 0;

	while ((p[n] >= 'a' && p[n] <= 'z') || (p[n] >= 'A' && p[n] <= 'Z') ||
	       (p[n] >= '0' && p[n] <= '9') || p[n] == '_' || p[n] == '-')
		n++;
	return n;
}

/* The piece at *at, which moves behind it. */
static struct piece piece_next(const char **at)
{
	static const char secret[] = "{{secret:";
	const char *p = *at;
	struct piece piece = { PIECE_BROKEN, p, strlen(p) };

	if (!*p)
		return (struct piece){ PIECE_END, p, 0 };
	if (*p != '{' && *p != '}') {
		piece = (struct piece){ PIECE_TEXT, p, strcspn(p, "{}") };
		*at = p + piece.n;
		return piece;
	}
	if (strncmp(p, secret, sizeof(secret) - 1) == 0) {
		size_t n = name_bytes(p + sizeof(secret) - 1), end = sizeof(secret) - 1 + n;

		if (n > 0 && n <= NAME_MAX_BYTES && p[end] == '}' && p[end + 1] == '}')
			piece = (struct piece){ PIECE_SECRET, p, end + 2 };
		*at = p + piece.n;
		return piece;
	}
	size_t n = *p == '{' ? name_bytes(p + 1) : 0;
	if (n > 0 && n <= NAME_MAX_BYTES && p[1 + n] == '}') {
		*at = p + n + 2;
		return (struct piece){ PIECE_NAME, p + 1, n };
	}
	*at = p + piece.n;
	return piece;
}

void template_names(const char *text, void (*seen)(void *ud, const char *name, size_t n), void *ud)
{
	struct piece piece;

	while ((piece = piece_next(&text)).kind != PIECE_END)
		if (piece.kind == PIECE_NAME)
			seen(ud, piece.p, piece.n);
}

const json_t *template_only(const char *text, const json_t *args, bool *ret_only)
{
	const char *at = text;
	struct piece piece = piece_next(&at);

	*ret_only = piece.kind == PIECE_NAME && !*at;
	if (!*ret_only)
		return NULL;
	const json_t *value = json_object_getn(args, piece.p, piece.n);
	return json_is_null(value) ? NULL : value;
}

/* --- looked at once, when the instance is made ------------------------------------------------ */

static bool literal_ok(const char *p, size_t n, enum place place)
{
	static const char not_in_urls[] = " \"<>\\^`|#";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (place != PLACE_TEXT && (c < 0x20 || c == 0x7f))
			return false;
		if ((place == PLACE_PATH || place == PLACE_QUERY) &&
		    (c >= 0x80 || strchr(not_in_urls, p[i])))
			return false;
	}
	return true;
}

static bool piece_ok(const struct piece *piece, enum place place, const json_t *known,
		     struct why *why)
{
	switch (piece->kind) {
	case PIECE_END:
		break;
	case PIECE_TEXT:
		if (!literal_ok(piece->p, piece->n, place))
			return why_set(why, "\"%.60s\": a character that may not stand there",
				       piece->p);
		break;
	case PIECE_NAME:
		if (known && !json_object_getn(known, piece->p, piece->n))
			return why_set(why, "{%.*s} is no argument of the tool", (int)piece->n,
				       piece->p);
		break;
	case PIECE_SECRET:
		if (place == PLACE_TEXT || place == PLACE_FORM)
			return why_set(why, "secrets are filled in in URLs and headers only");
		break;
	case PIECE_BROKEN:
		return why_set(why, "\"%.60s\": expected {argument} or {{secret:NAME}}", piece->p);
	}
	return true;
}

bool template_check(const char *text, enum place place, const json_t *known, struct why *why)
{
	struct piece piece;

	while ((piece = piece_next(&text)).kind != PIECE_END)
		if (!piece_ok(&piece, place, known, why))
			return false;
	return true;
}

/* How many bytes say where the request goes; 0: it does not begin as an address does. */
static size_t origin_bytes(const char *text)
{
	const char *at = text;
	size_t scheme = strncasecmp(text, "https://", 8) == 0  ? 8
			: strncasecmp(text, "http://", 7) == 0 ? 7
							       : 0;

	if (scheme) {
		static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					    "0123456789.-_:[]";
		size_t n = strcspn(text + scheme, "/?#");

		return n > 0 && strspn(text + scheme, plain) == n ? scheme + n : 0;
	}
	struct piece piece = piece_next(&at);
	return piece.kind == PIECE_SECRET && (!*at || *at == '/') ? piece.n : 0;
}

/* An argument in a query is a value: between '=' and '&'. */
static bool query_ok(const char *query, struct why *why)
{
	bool in_value = false;
	struct piece piece;

	while ((piece = piece_next(&query)).kind != PIECE_END) {
		if (piece.kind == PIECE_NAME && !in_value)
			return why_set(why, "{%.*s} would name a parameter of the query",
				       (int)piece.n, piece.p);
		for (size_t i = 0; piece.kind == PIECE_TEXT && i < piece.n; i++)
			in_value = piece.p[i] == '=' || (piece.p[i] != '&' && in_value);
	}
	return true;
}

bool template_check_url(const char *text, bool has_base, const json_t *known, struct why *why)
{
	size_t origin = origin_bytes(text);

	if (origin == 0 && (text[0] != '/' || !has_base))
		return why_set(why, "\"%.60s\": expected https://host/..., or /... behind base_url",
			       text);
	const char *query = strchr(text + origin, '?');
	return template_check(text + origin, PLACE_PATH, known, why) &&
	       (!query || query_ok(query + 1, why));
}

bool template_check_base(const char *text, struct why *why)
{
	size_t origin = origin_bytes(text);
	static const char wants[] = "\"%.60s\": expected https://host/path or {{secret:NAME}}";

	if (origin == 0 || strpbrk(text, "?#"))
		return why_set(why, wants, text);
	return template_check(text + origin, PLACE_PATH, NULL, why) && !strchr(text + origin, '{')
		       ? true
		       : why_set(why, wants, text);
}

/* --- filled in for each call ------------------------------------------------------------------ */

static void put_percent(struct text *out, const char *p, size_t n)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		const char code[3] = { '%', digits[c >> 4], digits[c & 15] };
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || (c && strchr("-._~", c));

		text_add(out, plain ? p + i : code, plain ? 1 : 3);
	}
}

/* One line, and nothing that the host would take for a secret's place: neither of its braces may
 * come in, because the other one could stand beside it in the template. */
static bool header_value_ok(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x20 || c == 0x7f || c == '{' || c == '}')
			return false;
	}
	return true;
}

static bool path_value_ok(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x20 || c == 0x7f || c == '/' || c == '\\')
			return false;
	}
	return n > 0;
}

enum filled template_put(struct text *out, const json_t *value, enum place place, struct why *why)
{
	char number[40] = "";
	const char *p = number;
	size_t n;

	if (json_is_string(value)) {
		p = json_string_value(value);
		n = json_string_length(value);
	} else if (json_is_integer(value)) {
		n = (size_t)snprintf(number, sizeof(number), "%lld",
				     (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		n = (size_t)snprintf(number, sizeof(number), "%.17g", json_real_value(value));
	} else if (json_is_boolean(value)) {
		p = json_is_true(value) ? "true" : "false";
		n = strlen(p);
	} else {
		(void)why_set(why, "a list or an object cannot stand there");
		return FILLED_REFUSED;
	}
	if ((place == PLACE_PATH && !path_value_ok(p, n)) ||
	    (place == PLACE_HEADER && !header_value_ok(p, n))) {
		(void)why_set(why, "it has characters that cannot stand there");
		return FILLED_REFUSED;
	}
	if (place == PLACE_HEADER || place == PLACE_TEXT)
		text_add(out, p, n);
	else
		put_percent(out, p, n);
	return FILLED_OK;
}

static enum filled name_fill(struct text *out, const struct piece *piece, enum place place,
			     const json_t *args, struct why *why)
{
	const json_t *value = json_object_getn(args, piece->p, piece->n);
	struct why inner;

	if (!value || json_is_null(value)) {
		(void)why_set(why, "argument %.*s is missing", (int)piece->n, piece->p);
		return FILLED_ABSENT;
	}
	enum filled filled = template_put(out, value, place, &inner);
	if (filled != FILLED_OK)
		(void)why_set(why, "argument %.*s: %s", (int)piece->n, piece->p, inner.text);
	return filled;
}

enum filled template_fill(struct text *out, const char *text, enum place place, const json_t *args,
			  struct why *why)
{
	struct piece piece;
	enum filled filled = FILLED_OK;

	while (filled == FILLED_OK && (piece = piece_next(&text)).kind != PIECE_END) {
		bool text_piece = piece.kind == PIECE_TEXT;

		if (piece.kind == PIECE_NAME)
			filled = name_fill(out, &piece, place, args, why);
		else if (text_piece && (place == PLACE_PAIR || place == PLACE_FORM))
			put_percent(out, piece.p, piece.n);
		else
			text_add(out, piece.p, piece.n);
		if (place == PLACE_PATH && text_piece && memchr(piece.p, '?', piece.n))
			place = PLACE_QUERY; /* what was a path is over */
	}
	return filled;
}

/* "." and "..", also as "%2e": one of them would be folded away, and another path asked. */
static bool is_dots(const char *p, size_t n)
{
	size_t dots = 0;

	while (n > 0) {
		size_t one = p[0] == '.' ? 1 : n >= 3 && strncasecmp(p, "%2e", 3) == 0 ? 3 : 0;

		if (one == 0)
			return false;
		p += one;
		n -= one;
		dots++;
	}
	return dots == 1 || dots == 2;
}

static bool segments_ok(const char *path, size_t n)
{
	size_t begin = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && path[i] != '/' && path[i] != '?')
			continue;
		if (is_dots(path + begin, i - begin))
			return false;
		if (i < n && path[i] == '?')
			return true;
		begin = i + 1;
	}
	return true;
}

enum filled template_fill_url(struct text *out, const char *base, const char *text,
			      const json_t *args, struct why *why)
{
	size_t origin = origin_bytes(text);

	if (origin == 0 && base)
		text_z(out, base);
	text_add(out, text, origin);
	size_t path = out->n;
	enum filled filled = template_fill(out, text + origin, PLACE_PATH, args, why);
	if (filled == FILLED_OK && !out->failed && !segments_ok(out->p + path, out->n - path)) {
		(void)why_set(why, "an argument would lead to another path");
		filled = FILLED_REFUSED;
	}
	return filled;
}
