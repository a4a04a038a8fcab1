/* SPDX-License-Identifier: Apache-2.0 */

/* Tokens of a condition. Internal to expr.c. */
#pragma once

#include "core/base/mem.h"
#include "core/base/str.h"

enum expr_token_kind {
	EXPR_TOKEN_END,
	EXPR_TOKEN_INT,
	EXPR_TOKEN_DOUBLE,
	EXPR_TOKEN_STRING,
	EXPR_TOKEN_NAME, /* true, false, in and functions too */
	EXPR_TOKEN_SIGN, /* operators and punctuation, one or two characters */
	EXPR_TOKEN_BAD   /* the lexer has written why */
};

struct expr_token {
	enum expr_token_kind kind;
	size_t at;          /* byte offset of its first character */
	baton_str text;     /* as written; of a STRING what it means */
	uint64_t magnitude; /* INT: up to 2^63, the sign is an operator */
	double number;      /* DOUBLE */
};

struct expr_lexer {
	baton_str text;
	size_t at;
	struct baton_arena *arena; /* for strings with escapes */
	char *why;                 /* a sentence, when a token is BAD */
	size_t cap;
};

/* The next token; END for ever at the end. */
struct expr_token expr_lex(struct expr_lexer *lexer);
