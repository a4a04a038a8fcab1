/* SPDX-License-Identifier: Apache-2.0 */

/* Cuts a condition into tokens, by the lexical rules of CEL's specification. What CEL has and Baton
 * does not (bytes, triple-quoted strings, unsigned numbers) is refused by name. */

#include "core/policy/expr_lex.h"

#include "core/base/limits.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_BYTES_MAX = 63 };

static struct expr_token token_bad(struct expr_lexer *lexer, size_t at, const char *why)
{
	struct expr_token token = { .kind = EXPR_TOKEN_BAD, .at = at };

	if (lexer->cap > 0)
		snprintf(lexer->why, lexer->cap, "%s", why);
	return token;
}

static char char_at(const struct expr_lexer *lexer, size_t at)
{
	return at < lexer->text.n ? lexer->text.p[at] : '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

static int hex_of(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static struct expr_token lex_double(struct expr_lexer *lexer, size_t from)
{
	char digits[NUMBER_BYTES_MAX + 1];
	size_t n = lexer->at - from;
	struct expr_token token = { .kind = EXPR_TOKEN_DOUBLE, .at = from };

	if (n > NUMBER_BYTES_MAX)
		return token_bad(lexer, from, "this number is too long");
	memcpy(digits, lexer->text.p + from, n);
	digits[n] = '\0';
	token.text = (baton_str){ lexer->text.p + from, n };
	token.number = strtod(digits, NULL);
	if (isinf(token.number))
		return token_bad(lexer, from, "this number is too large");
	return token;
}

static struct expr_token lex_int(struct expr_lexer *lexer, size_t from, size_t digits,
				 unsigned base)
{
	struct expr_token token = { .kind = EXPR_TOKEN_INT, .at = from };

	for (size_t i = digits; i < lexer->at; i++) {
		uint64_t digit = (uint64_t)hex_of(lexer->text.p[i]);

		if (token.magnitude > (UINT64_MAX - digit) / base)
			return token_bad(lexer, from, "this number does not fit into 64 bits");
		token.magnitude = token.magnitude * base + digit;
	}
	token.text = (baton_str){ lexer->text.p + from, lexer->at - from };
	return token;
}

static void skip_digits(struct expr_lexer *lexer)
{
	while (is_digit(char_at(lexer, lexer->at)))
		lexer->at++;
}

/* An exponent if there is a whole one; `1e` alone is a number that runs into a name. */
static bool skip_exponent(struct expr_lexer *lexer)
{
	size_t at = lexer->at;

	if (char_at(lexer, at) != 'e' && char_at(lexer, at) != 'E')
		return false;
	at++;
	if (char_at(lexer, at) == '+' || char_at(lexer, at) == '-')
		at++;
	if (!is_digit(char_at(lexer, at)))
		return false;
	lexer->at = at;
	skip_digits(lexer);
	return true;
}

static struct expr_token lex_number(struct expr_lexer *lexer)
{
	size_t from = lexer->at;
	bool is_hex = char_at(lexer, from) == '0' && (char_at(lexer, from + 1) | 0x20) == 'x' &&
		      hex_of(char_at(lexer, from + 2)) >= 0;
	bool is_double = false;

	if (is_hex) {
		lexer->at += 2;
		while (hex_of(char_at(lexer, lexer->at)) >= 0)
			lexer->at++;
	} else {
		skip_digits(lexer);
		if (char_at(lexer, lexer->at) == '.' && is_digit(char_at(lexer, lexer->at + 1))) {
			is_double = true;
			lexer->at++;
			skip_digits(lexer);
		}
		is_double = skip_exponent(lexer) || is_double;
	}
	if ((char_at(lexer, lexer->at) | 0x20) == 'u' && !is_double)
		return token_bad(lexer, from,
				 "unsigned numbers are not part of this language: "
				 "leave the `u` away");
	if (is_name(char_at(lexer, lexer->at)))
		return token_bad(lexer, from, "a number must not run into a name");
	if (is_double)
		return lex_double(lexer, from);
	return lex_int(lexer, from, is_hex ? from + 2 : from, is_hex ? 16 : 10);
}

/* --- strings --- */

static size_t utf8_put(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		to[i] = (char)(0x80 | (c & 0x3f));
	to[0] = (char)(lead[n] | c);
	return n;
}

/* `digits` digits of `base` from `at`, or -1. */
static int64_t digits_at(const struct expr_lexer *lexer, size_t at, unsigned digits, int base)
{
	int64_t value = 0;

	for (unsigned i = 0; i < digits; i++) {
		int digit = hex_of(char_at(lexer, at + i));

		if (digit < 0 || digit >= base)
			return -1;
		value = value * base + digit;
	}
	return value;
}

/* One escape, lexer->at behind the backslash. The code point, or -1. */
static int64_t lex_escape(struct expr_lexer *lexer)
{
	static const char from[] = "abfnrtv\\?\"'`", to[] = "\a\b\f\n\r\t\v\\?\"'`";
	char c = char_at(lexer, lexer->at);
	const char *simple = c ? strchr(from, c) : NULL;
	unsigned digits = c == 'x' || c == 'X' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	int64_t value;

	if (simple) {
		lexer->at++;
		return to[simple - from];
	}
	if (digits > 0) {
		value = digits_at(lexer, lexer->at + 1, digits, 16);
		lexer->at += 1 + digits;
	} else {
		value = digits_at(lexer, lexer->at, 3, 8);
		lexer->at += 3;
		if (value > 255)
			return -1;
	}
	/* Neither surrogates nor what lies beyond Unicode: strings stay well-formed UTF-8. */
	return value > 0x10ffff || (value >= 0xd800 && value < 0xe000) ? -1 : value;
}

/* `raw`: r'...', in which a backslash is one. */
static struct expr_token lex_string(struct expr_lexer *lexer, bool raw)
{
	struct expr_token token = { .kind = EXPR_TOKEN_STRING, .at = lexer->at };
	char quote = char_at(lexer, lexer->at);
	char *to = baton_arena_alloc(lexer->arena, lexer->text.n + 4); /* escapes only shrink */
	size_t n = 0;

	if (char_at(lexer, lexer->at + 1) == quote && char_at(lexer, lexer->at + 2) == quote)
		return token_bad(lexer, lexer->at,
				 "strings in three quotes are not part of this "
				 "language: use one");
	for (lexer->at++; char_at(lexer, lexer->at) != quote;) {
		size_t at = lexer->at;
		char c = char_at(lexer, at);

		if (at >= lexer->text.n || c == '\n' || c == '\r')
			return token_bad(lexer, token.at, "this string has no end quote");
		lexer->at++;
		if (c != '\\' || raw) {
			to[n++] = c;
			continue;
		}
		int64_t code = lex_escape(lexer);
		if (code < 0)
			return token_bad(lexer, at,
					 "CEL knows no such escape; for a backslash "
					 "write `\\\\`");
		n += utf8_put(to + n, (uint32_t)code);
	}
	lexer->at++;
	token.text = (baton_str){ to, n };
	return token;
}

static struct expr_token lex_name(struct expr_lexer *lexer)
{
	struct expr_token token = { .kind = EXPR_TOKEN_NAME, .at = lexer->at };

	while (is_name(char_at(lexer, lexer->at)))
		lexer->at++;
	token.text = (baton_str){ lexer->text.p + token.at, lexer->at - token.at };
	if (char_at(lexer, lexer->at) != '"' && char_at(lexer, lexer->at) != '\'')
		return token;
	if (token.text.n == 1 && (token.text.p[0] | 0x20) == 'r') {
		struct expr_token string = lex_string(lexer, true);
		string.at = token.at;
		return string;
	}
	return token_bad(lexer, token.at,
			 "bytes are not part of this language: leave the letter before the quote "
			 "away");
}

/* --- the rest --- */

static void skip_space(struct expr_lexer *lexer)
{
	for (; lexer->at < lexer->text.n; lexer->at++) {
		char c = lexer->text.p[lexer->at];

		if (c == '/' && char_at(lexer, lexer->at + 1) == '/')
			while (lexer->at + 1 < lexer->text.n &&
			       char_at(lexer, lexer->at + 1) != '\n')
				lexer->at++;
		else if (!strchr(" \t\n\r\f", c) || c == '\0')
			return;
	}
}

static struct expr_token lex_sign(struct expr_lexer *lexer)
{
	static const char *const two[] = { "==", "!=", "<=", ">=", "&&", "||" };
	struct expr_token token = { .kind = EXPR_TOKEN_SIGN, .at = lexer->at };
	baton_str rest = { lexer->text.p + lexer->at, lexer->text.n - lexer->at };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++)
		if (rest.n >= 2 && memcmp(rest.p, two[i], 2) == 0)
			n = 2;
	if (n == 0 && rest.p[0] && strchr("<>!+-*/%?:()[],.", rest.p[0]))
		n = 1;
	if (n == 0) {
		char c = rest.p[0];
		return token_bad(lexer, lexer->at,
				 c == '='   ? "to compare, write `==`"
				 : c == '&' ? "for `and`, write `&&`"
				 : c == '|' ? "for `or`, write `||`"
					    : "this character means nothing in a condition");
	}
	lexer->at += n;
	token.text = (baton_str){ rest.p, n };
	return token;
}

struct expr_token expr_lex(struct expr_lexer *lexer)
{
	skip_space(lexer);
	char c = char_at(lexer, lexer->at);

	if (lexer->at >= lexer->text.n) {
		struct expr_token end = { .kind = EXPR_TOKEN_END, .at = lexer->text.n };
		return end;
	}
	if (is_digit(c) || (c == '.' && is_digit(char_at(lexer, lexer->at + 1))))
		return lex_number(lexer);
	if (c == '"' || c == '\'')
		return lex_string(lexer, false);
	if (is_name(c))
		return lex_name(lexer);
	return lex_sign(lexer);
}
