/* SPDX-License-Identifier: Apache-2.0 */

/* The two sides beside each other: only messages that both were asked are compared, so a side that
 * hands over early is not credited for what the other had to answer after it. */

#include "core/cli/eval.h"

#include "core/session/edit.h"

#include <stdlib.h>

static const struct eval_turn *turn_of(const struct eval_side *side, size_t talk, size_t turn)
{
	return &side->held[talk].turns[turn];
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static unsigned differs(const struct eval_turn *old, const struct eval_turn *now,
			uint32_t *ret_words)
{
	unsigned what = 0;

	*ret_words = old->text.n || now->text.n ? baton_edit_ppm(old->text, now->text) : 0;
	what |= old->outcome != now->outcome ? EVAL_BY_OUTCOME : 0;
	what |= !baton_str_eq(old->intent, now->intent) ? EVAL_BY_INTENT : 0;
	what |= !baton_str_eq(old->rule, now->rule) ? EVAL_BY_RULE : 0;
	what |= !baton_str_eq(old->target, now->target) ? EVAL_BY_TARGET : 0;
	what |= !baton_str_eq(old->sources, now->sources) ? EVAL_BY_SOURCES : 0;
	what |= !baton_str_eq(old->tools, now->tools) ? EVAL_BY_TOOLS : 0;
	what |= !baton_str_eq(old->guards, now->guards) ? EVAL_BY_GUARDS : 0;
	what |= *ret_words > EVAL_WORDS_PPM ? EVAL_BY_WORDS : 0;
	return what;
}

static void count_kinds(struct eval_sum *sum, unsigned what)
{
	sum->changed += (what & ~(unsigned)EVAL_BY_WORDS) != 0;
	sum->by_outcome += (what & EVAL_BY_OUTCOME) != 0;
	sum->by_intent += (what & EVAL_BY_INTENT) != 0;
	sum->by_rule += (what & EVAL_BY_RULE) != 0;
	sum->by_target += (what & EVAL_BY_TARGET) != 0;
	sum->by_sources += (what & EVAL_BY_SOURCES) != 0;
	sum->by_tools += (what & EVAL_BY_TOOLS) != 0;
	sum->by_guards += (what & EVAL_BY_GUARDS) != 0;
	sum->by_words += (what & EVAL_BY_WORDS) != 0;
}

static void count_turn(struct eval_figures *figures, const struct eval_turn *turn)
{
	figures->outcomes[turn->outcome]++;
	figures->unknown += turn->unknown;
	figures->failed += turn->failed;
	figures->called += turn->called;
	figures->guarded += turn->guards.n > 0;
	figures->cost_microusd += turn->cost_microusd;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Nearest rank over the messages that had an outcome. */
static void set_times(struct eval_figures *figures, uint64_t *times, size_t n)
{
	if (n == 0)
		return;
	qsort(times, n, sizeof(*times), by_size);
	figures->p50_ms = times[(n - 1) / 2];
	figures->p95_ms = times[(n * 95 + 99) / 100 - 1];
}

/* How many of a talk's messages both sides were asked. */
static size_t asked(const struct eval_side *old, const struct eval_side *now, size_t talk)
{
	return least(old->held[talk].sent, now->held[talk].sent);
}

static void set_figures(const struct eval_set *set, const struct eval_side *side,
			const struct eval_side *other, size_t messages,
			struct eval_figures *figures)
{
	uint64_t *times = baton_alloc(messages * sizeof(*times) + 1);
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		for (size_t k = 0; k < asked(side, other, i); k++) {
			const struct eval_turn *turn = turn_of(side, i, k);

			count_turn(figures, turn);
			if (turn->outcome != EVAL_NONE)
				times[n++] = turn->took_ms;
		}
	}
	set_times(figures, times, n);
	baton_free(times);
}

void eval_sum(const struct eval_set *set, const struct eval_side *old, const struct eval_side *now,
	      struct eval_sum *ret_sum)
{
	struct eval_sum sum = { .talks = set->n };

	for (size_t i = 0; i < set->n; i++)
		sum.messages += asked(old, now, i);
	sum.differences = baton_alloc(sum.messages * sizeof(*sum.differences) + 1);
	for (size_t i = 0; i < set->n; i++) {
		for (size_t k = 0; k < asked(old, now, i); k++) {
			struct eval_difference one = { .talk = i, .turn = k };

			one.what = differs(turn_of(old, i, k), turn_of(now, i, k), &one.words_ppm);
			count_kinds(&sum, one.what);
			if (one.what != 0)
				sum.differences[sum.n_differences++] = one;
		}
	}
	set_figures(set, old, now, sum.messages, &sum.old);
	set_figures(set, now, old, sum.messages, &sum.now);
	*ret_sum = sum;
}

void eval_sum_done(struct eval_sum *sum)
{
	baton_free(sum->differences);
	*sum = (struct eval_sum){ 0 };
}
