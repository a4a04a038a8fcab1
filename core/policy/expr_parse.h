/* SPDX-License-Identifier: Apache-2.0 */

/* What the two halves of the compiler share: expr.c has the operators and the doors, expr_name.c the
 * names, functions and loops. */
#pragma once

#include "core/base/limits.h"
#include "core/policy/expr_code.h"
#include "core/policy/expr_lex.h"

/* Static type of what has just been compiled; NONE after an error. */
struct expr_typed {
	enum expr_type type, element; /* element: of a LIST */
	uint32_t n_max;               /* LIST: how many values it can have */
	size_t from;                  /* the byte of the text where it begins */
};

/* A name that a loop gives its values. */
struct expr_scope {
	baton_str name;
	struct expr_typed type;
};

struct expr_parser {
	struct expr_lexer lexer;
	struct expr_token token; /* the one to look at */
	size_t end;              /* the byte behind the one before */
	struct baton_expr *expr;
	struct expr_scope scopes[BATON_EXPR_LOOPS_MAX];
	size_t n_scopes;
	unsigned nest;
	uint64_t steps, times; /* worst case so far, and how often what follows runs */
	bool failed;
	size_t failed_at;
};

/* The first error counts; what comes after it is its echo. */
__attribute__((format(printf, 3, 4))) struct expr_typed expr_fail(struct expr_parser *p, size_t at,
								  const char *fmt, ...);
struct expr_typed expr_nothing(void);
struct expr_typed expr_typed(enum expr_type type, size_t from);
const char *expr_type_shown(struct expr_typed t);
/* Can they be compared with ==? */
bool expr_can_equal(struct expr_typed a, struct expr_typed b);

void expr_next(struct expr_parser *p);
bool expr_is_sign(const struct expr_parser *p, const char *sign);
bool expr_is_word(const struct expr_parser *p, const char *word);
void expr_expect(struct expr_parser *p, const char *sign);
const char *expr_token_shown(const struct expr_parser *p, char shown[40]);

/* Adds an operation on what begins at byte `from` and ends before the token to look at. */
struct expr_op *expr_emit(struct expr_parser *p, enum expr_code code, uint32_t arg, size_t from);
/* Counts `n` more steps each time this place of the program is reached. */
void expr_charge(struct expr_parser *p, uint64_t n);

/* After a comparison: a fact that knows few words must be compared with one of them. */
void expr_check_words(struct expr_parser *p);

/* A whole expression; what begins with a name; what follows a dot. */
struct expr_typed expr_parse(struct expr_parser *p);
struct expr_typed expr_parse_name(struct expr_parser *p);
struct expr_typed expr_parse_method(struct expr_parser *p, struct expr_typed of);
