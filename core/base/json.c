/* SPDX-License-Identifier: Apache-2.0 */

/* The strict JSON reader of the hot path. One pass checks the whole text without recursion: a stack
 * of one bit per level says whether we are in an object or an array. What was checked once is then
 * walked without checking again.
 */

#include "core/base/json.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/limits.h"

#include <stdlib.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static size_t skip_space(baton_str s, size_t at)
{
	while (at < s.n && is_space(s.p[at]))
		at++;
	return at;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Each scanner returns the offset behind what it read, or 0 if it is not well-formed (no token ends
 * at offset 0). */

static size_t scan_escape(baton_str s, size_t at)
{
	if (at >= s.n)
		return 0;
	if (s.p[at] != 'u')
		return strchr("\"\\/bfnrt", s.p[at]) && s.p[at] ? at + 1 : 0;
	if (s.n - at < 5)
		return 0;
	for (size_t i = 1; i <= 4; i++)
		if (!is_hex(s.p[at + i]))
			return 0;
	return at + 5;
}

static size_t scan_string(baton_str s, size_t at, bool *ret_plain)
{
	*ret_plain = true;
	for (at++; at < s.n;) {
		at += baton_str_json_plain((baton_str){ s.p + at, s.n - at });
		if (at == s.n)
			return 0;
		if (s.p[at] == '"')
			return at + 1;
		if (s.p[at++] != '\\') /* a control character */
			return 0;
		*ret_plain = false;
		at = scan_escape(s, at);
		if (at == 0)
			return 0;
	}
	return 0;
}

static size_t scan_digits(baton_str s, size_t at)
{
	size_t from = at;

	while (at < s.n && is_digit(s.p[at]))
		at++;
	return at > from ? at : 0;
}

static size_t scan_number(baton_str s, size_t at)
{
	if (s.p[at] == '-')
		at++;
	if (at >= s.n)
		return 0;
	at = s.p[at] == '0' ? at + 1 : scan_digits(s, at);
	if (at == 0)
		return 0;
	if (at < s.n && s.p[at] == '.') {
		at = scan_digits(s, at + 1);
		if (at == 0)
			return 0;
	}
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
		at++;
		if (at < s.n && (s.p[at] == '+' || s.p[at] == '-'))
			at++;
		at = scan_digits(s, at);
	}
	return at;
}

static size_t scan_word(baton_str s, size_t at, const char *word)
{
	size_t n = strlen(word);

	return s.n - at >= n && memcmp(s.p + at, word, n) == 0 ? at + n : 0;
}

/* A value that is not a container. */
static size_t scan_scalar(baton_str s, size_t at, struct baton_json *ret)
{
	size_t end = 0;

	ret->plain = false;
	switch (s.p[at]) {
	case '"':
		ret->type = BATON_JSON_STRING;
		end = scan_string(s, at, &ret->plain);
		break;
	case 't':
		ret->type = BATON_JSON_TRUE;
		end = scan_word(s, at, "true");
		break;
	case 'f':
		ret->type = BATON_JSON_FALSE;
		end = scan_word(s, at, "false");
		break;
	case 'n':
		ret->type = BATON_JSON_NULL;
		end = scan_word(s, at, "null");
		break;
	default:
		ret->type = BATON_JSON_NUMBER;
		end = s.p[at] == '-' || is_digit(s.p[at]) ? scan_number(s, at) : 0;
	}
	if (end > 0)
		ret->raw = (baton_str){ s.p + at, end - at };
	return end;
}

/* What may come next while a text is checked. */
enum expect { WANT_VALUE, WANT_VALUE_OR_END, WANT_KEY, WANT_KEY_OR_END, WANT_COMMA_OR_END };

struct walk {
	baton_str s;
	size_t at;
	unsigned depth;
	uint64_t in_object; /* bit i: level i is an object */
	enum expect expect;
};

static bool walk_in_object(const struct walk *w)
{
	return (w->in_object >> (w->depth - 1)) & 1;
}

static bool walk_open(struct walk *w, bool object)
{
	if (w->depth >= BATON_JSON_DEPTH_MAX)
		return false;
	w->in_object = (w->in_object & ~(1ull << w->depth)) | ((uint64_t)object << w->depth);
	w->depth++;
	w->at++;
	w->expect = object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
	return true;
}

static bool walk_close(struct walk *w, char c)
{
	if (w->depth == 0 || c != (walk_in_object(w) ? '}' : ']'))
		return false;
	w->depth--;
	w->at++;
	w->expect = WANT_COMMA_OR_END;
	return true;
}

static bool walk_key(struct walk *w)
{
	bool plain;

	if (w->s.p[w->at] != '"')
		return false;
	w->at = scan_string(w->s, w->at, &plain);
	if (w->at == 0)
		return false;
	w->at = skip_space(w->s, w->at);
	if (w->at >= w->s.n || w->s.p[w->at] != ':')
		return false;
	w->at++;
	w->expect = WANT_VALUE;
	return true;
}

static bool walk_value(struct walk *w)
{
	struct baton_json scalar;
	char c = w->s.p[w->at];

	if (c == '{' || c == '[')
		return walk_open(w, c == '{');
	w->at = scan_scalar(w->s, w->at, &scalar);
	w->expect = WANT_COMMA_OR_END;
	return w->at > 0;
}

static bool walk_step(struct walk *w)
{
	char c = w->s.p[w->at];

	switch (w->expect) {
	case WANT_VALUE_OR_END:
	case WANT_KEY_OR_END:
		if (c == '}' || c == ']')
			return walk_close(w, c);
		return w->expect == WANT_KEY_OR_END ? walk_key(w) : walk_value(w);
	case WANT_VALUE:
		return walk_value(w);
	case WANT_KEY:
		return walk_key(w);
	case WANT_COMMA_OR_END:
		if (c != ',')
			return walk_close(w, c);
		w->at++;
		w->expect = walk_in_object(w) ? WANT_KEY : WANT_VALUE;
		return true;
	}
	return false;
}

/* Offset behind the container that begins at `at`, inside of `depth` others; 0 if it is malformed
 * or too deep. */
static size_t scan_container(baton_str s, size_t at, unsigned depth)
{
	struct walk w = { .s = s, .at = at, .depth = depth, .expect = WANT_VALUE };

	do {
		w.at = skip_space(s, w.at);
		if (w.at >= s.n || !walk_step(&w))
			return 0;
	} while (w.depth > depth);
	return w.at;
}

static size_t scan_value(baton_str s, size_t at, unsigned depth, struct baton_json *ret)
{
	if (at >= s.n)
		return 0;
	if (s.p[at] != '{' && s.p[at] != '[')
		return scan_scalar(s, at, ret);
	size_t end = scan_container(s, at, depth);
	if (end == 0)
		return 0;
	ret->type = s.p[at] == '{' ? BATON_JSON_OBJECT : BATON_JSON_ARRAY;
	ret->raw = (baton_str){ s.p + at, end - at };
	ret->plain = false;
	return end;
}

int baton_json_parse(baton_str text, struct baton_json *ret)
{
	struct baton_json value;

	if (!baton_str_utf8_ok(text))
		return BATON_E_UTF8;
	size_t end = scan_value(text, skip_space(text, 0), 0, &value);
	if (end == 0 || skip_space(text, end) != text.n)
		return BATON_E_JSON;
	*ret = value;
	return BATON_OK;
}

/* Offset of the next member's key, or of the brace that ends it; text.n if neither comes. */
static size_t next_key(baton_str text, size_t at)
{
	bool first = at == 0;
	size_t i = skip_space(text, at);
	bool led = i < text.n && text.p[i] == (first ? '{' : ',');

	if (led)
		i = skip_space(text, i + 1);
	if (i == text.n)
		return i;
	/* It ends at once or behind a member, never behind a comma. */
	bool may_end = led == first;
	return (led && text.p[i] == '"') || (may_end && text.p[i] == '}') ? i : text.n;
}

int baton_json_next(baton_str text, size_t *at, struct baton_json *key, struct baton_json *value)
{
	size_t i = next_key(text, *at);

	if (i == text.n)
		return BATON_E_JSON;
	if (text.p[i] == '}')
		return skip_space(text, i + 1) == text.n ? 0 : BATON_E_JSON;
	i = scan_scalar(text, i, key);
	if (i == 0)
		return BATON_E_JSON;
	i = skip_space(text, i);
	if (i == text.n || text.p[i] != ':')
		return BATON_E_JSON;
	*at = scan_value(text, skip_space(text, i + 1), 1, value);
	return *at > 0 ? 1 : BATON_E_JSON;
}

/* Behind a value that is known to be well-formed, without checking its inside again. */
static size_t pass_container(baton_str s, size_t at)
{
	unsigned depth = 0;
	bool plain;

	do {
		char c = s.p[at];

		if (c == '"') {
			at = scan_string(s, at, &plain);
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		at++;
	} while (depth > 0);
	return at;
}

static size_t pass_value(baton_str s, size_t at, struct baton_json *ret)
{
	if (s.p[at] != '{' && s.p[at] != '[')
		return scan_scalar(s, at, ret);
	size_t end = pass_container(s, at);
	*ret = (struct baton_json){ s.p[at] == '{' ? BATON_JSON_OBJECT : BATON_JSON_ARRAY,
				    { s.p + at, end - at },
				    false };
	return end;
}

/* Moves *at to the next member or element of a checked container; false at its end. */
static bool next_inside(baton_str s, size_t *at)
{
	size_t i = *at == 0 ? 1 : *at;

	i = skip_space(s, i);
	if (s.p[i] == ',')
		i = skip_space(s, i + 1);
	*at = i;
	return s.p[i] != '}' && s.p[i] != ']';
}

bool baton_json_member(const struct baton_json *object, size_t *at, struct baton_json *key,
		       struct baton_json *value)
{
	if (object->type != BATON_JSON_OBJECT || !next_inside(object->raw, at))
		return false;
	size_t i = scan_scalar(object->raw, *at, key);
	i = skip_space(object->raw, i);
	baton_assert(object->raw.p[i] == ':');
	i = skip_space(object->raw, i + 1);
	*at = pass_value(object->raw, i, value);
	return true;
}

bool baton_json_element(const struct baton_json *array, size_t *at, struct baton_json *value)
{
	if (array->type != BATON_JSON_ARRAY || !next_inside(array->raw, at))
		return false;
	*at = pass_value(array->raw, *at, value);
	return true;
}

static bool key_is(const struct baton_json *key, const char *name)
{
	/* A key written with escapes names nothing we know; no honest client writes one. */
	size_t n = strlen(name);

	return key->plain && key->raw.n == n + 2 && memcmp(key->raw.p + 1, name, n) == 0;
}

struct baton_json baton_json_get(const struct baton_json *object, const char *name)
{
	struct baton_json found = { BATON_JSON_NONE, { NULL, 0 }, false }, key, value;
	size_t at = 0;

	while (baton_json_member(object, &at, &key, &value))
		if (key_is(&key, name))
			found = value;
	return found;
}

static unsigned hex4(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];
		unsigned digit =
			is_digit(c) ? (unsigned)(c - '0') : ((unsigned)(c | 32) - 'a' + 10);

		v = v << 4 | digit;
	}
	return v;
}

static size_t put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xC0 | c >> 6);
		to[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xE0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 63));
		to[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	to[0] = (char)(0xF0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 63));
	to[2] = (char)(0x80 | (c >> 6 & 63));
	to[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* `p` stands behind "\u". Reads one character, a surrogate pair included. */
static const char *unescape_u(const char *p, const char *end, char *to, size_t *n)
{
	unsigned c = hex4(p);

	p += 4;
	if (c >= 0xD800 && c <= 0xDBFF && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
		unsigned low = hex4(p + 2);

		if (low >= 0xDC00 && low <= 0xDFFF) {
			c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
			p += 6;
		}
	}
	if (c >= 0xD800 && c <= 0xDFFF)
		c = 0xFFFD;
	*n += put_utf8(to + *n, c);
	return p;
}

static char unescape_short(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	default:
		return c;
	}
}

baton_str baton_json_text(const struct baton_json *value, struct baton_arena *arena)
{
	if (value->type != BATON_JSON_STRING)
		return BATON_STR_NONE;
	const char *p = value->raw.p + 1, *end = value->raw.p + value->raw.n - 1;
	if (value->plain)
		return (baton_str){ p, (size_t)(end - p) };

	/* No escape is shorter than what it stands for. */
	char *to = baton_arena_alloc(arena, (size_t)(end - p) + 1);
	size_t n = 0;
	while (p < end) {
		if (*p != '\\')
			to[n++] = *p++;
		else if (p[1] == 'u')
			p = unescape_u(p + 2, end, to, &n);
		else {
			to[n++] = unescape_short(p[1]);
			p += 2;
		}
	}
	return (baton_str){ to, n };
}

uint64_t baton_json_u64(const struct baton_json *value, uint64_t otherwise)
{
	uint64_t v = 0;

	if (value->type != BATON_JSON_NUMBER)
		return otherwise;
	for (size_t i = 0; i < value->raw.n; i++) {
		unsigned digit = (unsigned)(value->raw.p[i] - '0');

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return otherwise;
		v = v * 10 + digit;
	}
	return v;
}

int64_t baton_json_i64(const struct baton_json *value, int64_t otherwise)
{
	struct baton_json positive = *value;

	if (value->type != BATON_JSON_NUMBER)
		return otherwise;
	bool negative = value->raw.p[0] == '-';
	if (negative) {
		positive.raw.p++;
		positive.raw.n--;
	}
	uint64_t v = baton_json_u64(&positive, UINT64_MAX);
	if (v > INT64_MAX)
		return otherwise;
	return negative ? -(int64_t)v : (int64_t)v;
}

double baton_json_double(const struct baton_json *value, double otherwise)
{
	char text[64];

	if (value->type != BATON_JSON_NUMBER || value->raw.n >= sizeof(text))
		return otherwise;
	memcpy(text, value->raw.p, value->raw.n);
	text[value->raw.n] = '\0';
	return strtod(text, NULL);
}
