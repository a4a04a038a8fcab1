/* SPDX-License-Identifier: Apache-2.0 */

/* Some facts are one of a few words, such as last_fail. A comparison with any other word can never
 * hold, and nobody would notice before the day it was meant for: it is refused. CEL itself would
 * take it; what passes here means the same there.
 */

#include "core/policy/expr_parse.h"
#include "core/policy/nearest.h"

static const struct baton_fact *fact_of_words(const struct expr_parser *p, const struct expr_op *op)
{
	const struct baton_fact *fact = &p->expr->env->facts[op->code == EXPR_FACT ? op->arg : 0];

	return op->code == EXPR_FACT && baton_fact_words(fact) ? fact : NULL;
}

static void check_word(struct expr_parser *p, const struct baton_fact *fact,
		       const struct expr_op *op)
{
	const char *const *words = baton_fact_words(fact);
	struct baton_nearest nearest = baton_nearest_to(op->value.as.s);
	baton_str written = { p->lexer.text.p + op->from, op->to - op->from };

	if (op->code != EXPR_CONST || op->value.type != EXPR_STRING)
		return;
	for (size_t i = 0; words[i]; i++) {
		if (baton_str_is(op->value.as.s, words[i]))
			return;
		baton_nearest_try(&nearest, words[i]);
	}
	written = baton_str_clip(written, BATON_NAME_BYTES_MAX);
	expr_fail(p, op->from, "`%s` is never %.*s%s%s%s", fact->name, (int)written.n, written.p,
		  nearest.name ? ", did you mean \"" : "", nearest.name ? nearest.name : "",
		  nearest.name ? "\"?" : "");
}

/* fact == "word", "word" != fact, fact in ["word", ...] */
void expr_check_words(struct expr_parser *p)
{
	size_t n = p->expr->n;

	if (p->failed || n < 3)
		return;
	const struct expr_op *op = &p->expr->ops[n - 1], *list = op - 1;
	if (op->code == EXPR_EQ || op->code == EXPR_NE) {
		const struct baton_fact *left = fact_of_words(p, op - 2);
		const struct baton_fact *right = fact_of_words(p, op - 1);

		if (left)
			check_word(p, left, op - 1);
		else if (right)
			check_word(p, right, op - 2);
		return;
	}
	if (op->code != EXPR_IN || list->code != EXPR_MAKE || n < list->arg + 3u)
		return;
	const struct expr_op *first = list - list->arg;
	for (uint32_t i = 0; i < list->arg; i++)
		if (first[i].code != EXPR_CONST)
			return; /* what is computed takes more operations than one */
	const struct baton_fact *fact = fact_of_words(p, first - 1);
	for (uint32_t i = 0; fact && i < list->arg; i++)
		check_word(p, fact, &first[i]);
}
