/* SPDX-License-Identifier: Apache-2.0 */

/* The cursor; see scan.h. RFC 8259, except that halves of surrogate pairs pass in strings that are
 * only read over. */
#include "modules/sdk/provider/scan.h"

static size_t utf8_length(const unsigned char *p, size_t n)
{
	unsigned c = p[0];
	size_t need = c < 0x80                ? 1
		      : c >= 0xc2 && c < 0xe0 ? 2
		      : c >= 0xe0 && c < 0xf0 ? 3
		      : c >= 0xf0 && c < 0xf5 ? 4
					      : 0;
	if (need == 0 || need > n)
		return 0;
	for (size_t i = 1; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f)) /* overlong, surrogates */
		return 0;
	if ((c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f)) /* overlong, too large */
		return 0;
	return need;
}

static uint64_t eight_at(const unsigned char *p)
{
	uint64_t eight;

	memcpy(&eight, p, sizeof(eight));
	return eight;
}

/* How many bytes are ASCII, of which the first is; some of the last ones may be left out. */
static size_t ascii_run(const unsigned char *p, size_t n)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	size_t at = 0;

	for (; n - at >= 32; at += 32)
		if ((eight_at(p + at) | eight_at(p + at + 8) | eight_at(p + at + 16) |
		     eight_at(p + at + 24)) &
		    high)
			break;
	for (; n - at >= 8; at += 8)
		if (eight_at(p + at) & high)
			return at ? at : 1;
	if (n >= 8) /* the rest is looked at together with some of what was */
		return eight_at(p + n - 8) & high ? at : n;
	for (at = 1; at < n && p[at] < 0x80; at++)
		;
	return at;
}

bool scan_utf8_ok(baton_str text)
{
	const unsigned char *p = (const unsigned char *)text.p;
	size_t at = 0;

	while (at < text.n) {
		size_t n = p[at] < 0x80 ? ascii_run(p + at, text.n - at)
					: utf8_length(p + at, text.n - at);
		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

void scan_expect(struct scan *scan, char c)
{
	if (!scan_take(scan, c))
		scan->bad = true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool hex4(const char *p, size_t n, unsigned *ret)
{
	unsigned value = 0;
	if (n < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(p[i]);
		if (digit < 0)
			return false;
		value = value << 4 | (unsigned)digit;
	}
	*ret = value;
	return true;
}

/* Bytes of the escape at `p`, which points behind the backslash; 0: none. */
static size_t escape_length(const char *p, size_t n)
{
	unsigned ignored;
	if (n && p[0] == 'u')
		return hex4(p + 1, n - 1, &ignored) ? 5 : 0;
	return n && p[0] && strchr("\"\\/bfnrt", p[0]) ? 1 : 0;
}

/* From where a string does not go on as it stands, or is bad. Never inlined: most strings end
 * there. */
__attribute__((noinline)) static baton_str string_rest(struct scan *scan, const char *begin)
{
	while (!scan->bad && scan->at < scan->end && *scan->at != '"') {
		size_t n = *scan->at == '\\'
				   ? escape_length(scan->at + 1, (size_t)(scan->end - scan->at - 1))
				   : 0;
		scan->bad = n == 0; /* no escape, or a control character */
		scan->at += n ? n + 1 : 0;
		scan->at += text_plain(scan->at, (size_t)(scan->end - scan->at));
	}
	baton_str inside = { begin, (size_t)(scan->at - begin) };
	if (scan->bad || scan->at == scan->end)
		scan->bad = true;
	else
		scan->at++;
	return inside;
}

baton_str scan_string(struct scan *scan)
{
	scan_expect(scan, '"');
	const char *begin = scan->at;

	if (scan->bad)
		return string_rest(scan, begin);
	scan->at += text_plain(begin, (size_t)(scan->end - begin));
	if (scan->at == scan->end || *scan->at != '"')
		return string_rest(scan, begin);
	return (baton_str){ begin, (size_t)(scan->at++ - begin) };
}

static bool scan_word(struct scan *scan, const char *word)
{
	size_t n = strlen(word);
	scan_peek(scan);
	if (scan->bad || (size_t)(scan->end - scan->at) < n || memcmp(scan->at, word, n) != 0)
		return false;
	scan->at += n;
	return true;
}

bool scan_null(struct scan *scan)
{
	return scan_word(scan, "null");
}

static bool scan_digits(struct scan *scan)
{
	const char *begin = scan->at;
	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
		scan->at++;
	return scan->at > begin;
}

static bool scan_here(struct scan *scan, char c)
{
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

static void scan_number(struct scan *scan)
{
	scan_here(scan, '-');
	bool ok = scan_here(scan, '0') || scan_digits(scan);
	if (ok && scan_here(scan, '.'))
		ok = scan_digits(scan);
	if (ok && (scan_here(scan, 'e') || scan_here(scan, 'E'))) {
		if (!scan_here(scan, '+'))
			scan_here(scan, '-');
		ok = scan_digits(scan);
	}
	scan->bad = scan->bad || !ok;
}

static void scan_scalar(struct scan *scan)
{
	char c = scan_peek(scan);
	if (c == '"')
		scan_string(scan);
	else if (c == '-' || (c >= '0' && c <= '9'))
		scan_number(scan);
	else if (!scan_word(scan, "null") && !scan_word(scan, "true") && !scan_word(scan, "false"))
		scan->bad = true;
}

bool scan_true(struct scan *scan)
{
	return scan_word(scan, "true");
}

static void scan_key(struct scan *scan)
{
	scan_string(scan);
	scan_expect(scan, ':');
}

/* One value, or the opening of one. Opens are kept as bits: 1 for an object. */
static void skip_down(struct scan *scan, uint64_t *open, unsigned *depth)
{
	for (;;) {
		bool object = scan_peek(scan) == '{';
		if (!object && scan_peek(scan) != '[') {
			scan_scalar(scan);
			return;
		}
		scan->at++;
		if (*depth == SCAN_DEPTH_MAX) {
			scan->bad = true;
			return;
		}
		if (scan_take(scan, object ? '}' : ']'))
			return;
		*open = *open << 1 | object;
		(*depth)++;
		if (object)
			scan_key(scan);
	}
}

void scan_skip(struct scan *scan)
{
	uint64_t open = 0;
	unsigned depth = 0;

	skip_down(scan, &open, &depth);
	while (depth && !scan->bad) {
		bool object = open & 1;
		if (scan_take(scan, ',')) {
			if (object)
				scan_key(scan);
			skip_down(scan, &open, &depth);
		} else {
			scan_expect(scan, object ? '}' : ']');
			open >>= 1;
			depth--;
		}
	}
}

/* --- values that are wanted --- */

bool scan_ended(struct scan *scan)
{
	return !scan_peek(scan) && !scan->bad && scan->at == scan->end;
}

/* The opening or the comma before the next member; false at the end, or if there is none to walk.
 */
static bool scan_step(struct scan *scan, bool *begun, char open, char close)
{
	if (*begun) {
		if (scan_take(scan, ','))
			return true;
		scan_expect(scan, close);
		return false;
	}
	*begun = true;
	if (!scan_take(scan, open)) {
		scan_skip(scan);
		return false;
	}
	return !scan_take(scan, close) && !scan->bad;
}

bool scan_member(struct scan *scan, bool *begun, baton_str *ret_key)
{
	if (!scan_step(scan, begun, '{', '}'))
		return false;
	*ret_key = scan_string(scan);
	scan_expect(scan, ':');
	return !scan->bad;
}

bool scan_element(struct scan *scan, bool *begun)
{
	return scan_step(scan, begun, '[', ']') && !scan->bad;
}

bool scan_text(struct scan *scan, baton_str *ret_inside)
{
	if (scan_peek(scan) != '"') {
		scan_skip(scan);
		return false;
	}
	baton_str inside = scan_string(scan);
	if (!scan->bad)
		*ret_inside = inside;
	return !scan->bad;
}

baton_str scan_raw(struct scan *scan)
{
	scan_peek(scan);
	const char *begin = scan->at;
	scan_skip(scan);
	return (baton_str){ begin, (size_t)(scan->at - begin) };
}

uint64_t scan_count(struct scan *scan)
{
	enum { DIGITS_MAX = 18 }; /* fit into 64 bits whatever they are */
	baton_str raw = scan_raw(scan);
	uint64_t value = 0;

	if (scan->bad || raw.n == 0 || raw.n > DIGITS_MAX)
		return 0;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] < '0' || raw.p[i] > '9')
			return 0;
		value = value * 10 + (uint64_t)(raw.p[i] - '0');
	}
	return value;
}

/* --- escapes --- */

static void utf8_add(struct text *to, unsigned c)
{
	char b[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n; i-- > 1; c >>= 6)
		b[i] = (char)(0x80 | (c & 0x3f));
	b[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xff) | c);
	text_add(to, b, n);
}

static bool unit_add(struct text *to, unsigned unit, unsigned *half)
{
	bool high = unit >= 0xd800 && unit < 0xdc00, low = unit >= 0xdc00 && unit < 0xe000;

	if (*half) {
		if (!low)
			return false;
		utf8_add(to, 0x10000 + ((*half - 0xd800) << 10) + (unit - 0xdc00));
		*half = 0;
		return true;
	}
	if (low || unit == 0)
		return false;
	if (high)
		*half = unit;
	else
		utf8_add(to, unit);
	return true;
}

static char escape_char(char c)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *at = strchr(from, c);
	return at ? to[at - from] : c;
}

/* `escape` is the first of them, if there is one. */
static bool unescape_rest(baton_str inside, const char *escape, unsigned *half, struct text *to)
{
	const char *p = inside.p, *end = p + inside.n;

	for (; p < end; escape = memchr(p, '\\', (size_t)(end - p))) {
		size_t plain = (size_t)((escape ? escape : end) - p);
		if (plain && *half)
			return false;
		text_add(to, p, plain);
		if (!escape)
			break;
		unsigned unit = 0;
		bool is_unit = escape[1] == 'u';
		if (is_unit)
			hex4(escape + 2, 4, &unit); /* checked when the string was read */
		else
			unit = (unsigned char)escape_char(escape[1]);
		if (!unit_add(to, unit, half))
			return false;
		p = escape + (is_unit ? 6 : 2);
	}
	return true;
}

bool scan_unescape(baton_str inside, unsigned *half, struct text *to)
{
	if (inside.n == 0)
		return true;
	const char *escape = memchr(inside.p, '\\', inside.n);

	if (escape || *half)
		return unescape_rest(inside, escape, half, to);
	text_add(to, inside.p, inside.n);
	return true;
}

bool scan_is_escaped(baton_str inside, const char *word, size_t n)
{
	const char *p = inside.p, *end = inside.p + inside.n;

	for (size_t i = 0; i < n; i++) {
		unsigned unit;
		if (p == end)
			return false;
		if (*p != '\\') {
			unit = (unsigned char)*p++;
		} else if (p[1] == 'u') {
			hex4(p + 2, 4, &unit);
			p += 6;
		} else {
			unit = (unsigned char)escape_char(p[1]);
			p += 2;
		}
		if (unit != (unsigned char)word[i])
			return false;
	}
	return p == end;
}

void scan_copy(baton_str inside, char *to, size_t cap)
{
	struct text text = { 0 };
	unsigned half = 0;
	size_t n = 0;

	bool escaped = inside.n && memchr(inside.p, '\\', inside.n);
	bool ok = escaped && scan_unescape(inside, &half, &text) && !text.failed;
	baton_str from = ok ? text_view(&text) : inside;
	for (; n < from.n && n < cap - 1; n++)
		to[n] = from.p[n] >= ' ' && from.p[n] <= '~' ? from.p[n] : '?';
	to[n] = '\0';
	text_done(&text);
}
