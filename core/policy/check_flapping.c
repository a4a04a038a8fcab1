/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about the conditions of a mode, by trying facts out: all that the conditions compare with,
 * and one step to either side of it. A finding is a counterexample that was computed, never a
 * guess; facts that cannot be true together (a breaker open and every target healthy) are not
 * tried.
 *
 * What is not found by this may exist all the same: a condition that computes with facts has
 * corners elsewhere. The board does not flap in any case (core/route/modes.h); this is about
 * what was meant.
 */

#include "core/policy/load.h"

#include "core/base/limits.h"
#include "core/policy/condition.h"
#include "core/policy/expr_code.h"
#include "core/policy/mode_facts.h"

#include <string.h>

enum {
	VALUES_MAX = 24,      /* of one fact */
	FACTS_MAX = 40,       /* the environment has fewer */
	TRIES_MAX = 20000,    /* of one mode: some milliseconds */
	STEPS_MAX = 20000000, /* of all modes: a second at most, whatever the conditions are */
	CALM_MS = 86400000,
	SLOW_MS = 60000 /* entering and leaving no faster than this is a rhythm, no flapping */
};

struct axis {
	const struct baton_fact *fact;
	uint64_t values[VALUES_MAX];
	size_t n;
};

struct search {
	const struct baton_mode_def *mode;
	struct axis axes[FACTS_MAX];
	size_t n;
	uint32_t total; /* targets of the set */
	size_t tries;   /* at most so many */
};

/* --- reading and writing facts by their table --- */

static void fact_set(struct baton_mode_facts *facts, const struct baton_fact *fact, uint64_t value)
{
	char *at = (char *)facts + fact->offset;
	uint32_t u32 = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;

	if (fact->kind == BATON_FACT_KIND_FLAG) {
		memcpy(&u32, at, sizeof(u32));
		u32 = value ? u32 | fact->flag : u32 & ~fact->flag;
		memcpy(at, &u32, sizeof(u32));
	} else if (fact->kind == BATON_FACT_KIND_U64) {
		memcpy(at, &value, sizeof(value));
	} else {
		memcpy(at, &u32, sizeof(u32));
	}
}

static bool is_used(const struct search *search, size_t offset, uint32_t flag)
{
	for (size_t i = 0; i < search->n; i++)
		if (search->axes[i].fact->offset == offset && search->axes[i].fact->flag == flag)
			return true;
	return false;
}
#define USED(search, member) is_used(search, offsetof(struct baton_mode_facts, member), 0)

/* --- what to try --- */

static void axis_add(struct axis *axis, double value)
{
	double max = axis->fact->kind == BATON_FACT_KIND_FLAG  ? 1
		     : axis->fact->kind == BATON_FACT_KIND_PPM ? 1e6
		     : axis->fact->kind == BATON_FACT_KIND_U32 ? 4e9
							       : 1e15;

	for (int step = -1; step <= 1; step++) {
		double v = value + step;
		bool known = !(v >= 0 && v <= max) || axis->n >= VALUES_MAX;

		for (size_t i = 0; i < axis->n && !known; i++)
			known = axis->values[i] == (uint64_t)v;
		if (!known)
			axis->values[axis->n++] = (uint64_t)v;
	}
}

static struct axis *axis_of(struct search *search, const struct baton_fact *fact)
{
	for (size_t i = 0; i < search->n; i++)
		if (search->axes[i].fact == fact)
			return &search->axes[i];
	if (search->n == FACTS_MAX)
		return NULL;
	struct axis *axis = &search->axes[search->n++];
	axis->fact = fact;
	axis->n = 0;
	return axis;
}

static void facts_of(struct search *search, const struct baton_expr *expr)
{
	for (size_t i = 0; i < expr->n; i++) {
		int fact = baton_condition_fact(&expr->ops[i]);

		if (fact >= 0)
			(void)axis_of(search, &expr->env->facts[fact]);
	}
}

/* A number of the text, in the units of the fact. */
static void constant_try(struct axis *axis, const struct expr_value *value)
{
	bool share = axis->fact->kind == BATON_FACT_KIND_PPM;

	if (value->type == EXPR_DOUBLE)
		axis_add(axis, share ? value->as.d * 1e6 : value->as.d);
	else if (value->type == EXPR_INT)
		axis_add(axis, share ? (double)value->as.i * 1e6 : (double)value->as.i);
	else if (value->type == EXPR_DURATION && baton_fact_is_ms(axis->fact))
		axis_add(axis, (double)value->as.i / 1e6);
}

static void constants_of(struct search *search, const struct baton_expr *expr)
{
	for (size_t i = 0; i < expr->n; i++)
		for (size_t j = 0; expr->ops[i].code == EXPR_CONST && j < search->n; j++)
			constant_try(&search->axes[j], &expr->ops[i].value);
}

/* --- what can be --- */

/* The facts that the conditions do not name, so that they go with those they do name. */
static void settle(const struct search *search, struct baton_mode_facts *f)
{
	bool down = f->flags & BATON_MODE_FACT_ALL_DOWN;
	bool open = f->flags & BATON_MODE_FACT_PRIMARY_OPEN;

	if (!USED(search, calls))
		f->calls = 1000;
	if (!USED(search, turns))
		f->turns = 1000;
	if (!USED(search, total_targets))
		f->total_targets =
			f->healthy_targets > search->total ? f->healthy_targets : search->total;
	if (!USED(search, healthy_targets))
		f->healthy_targets = down ? 0 : f->total_targets - (open && f->total_targets > 0);
	if (!is_used(search, offsetof(struct baton_mode_facts, flags), BATON_MODE_FACT_ALL_DOWN) &&
	    f->healthy_targets == 0)
		f->flags |= BATON_MODE_FACT_ALL_DOWN;
	if (!USED(search, first_token_p95_ms))
		f->first_token_p95_ms = f->p95_ms / 4;
	if (!USED(search, p95_ms) && f->first_token_p95_ms > f->p95_ms)
		f->p95_ms = f->first_token_p95_ms;
	if (!USED(search, queue_depth) && f->oldest_wait_ms > 0)
		f->queue_depth = 1;
	if (!USED(search, oldest_wait_ms) && f->queue_depth > 0)
		f->oldest_wait_ms = 1;
}

static bool is_possible(const struct baton_mode_facts *f)
{
	bool down = f->flags & BATON_MODE_FACT_ALL_DOWN;
	bool open = f->flags & BATON_MODE_FACT_PRIMARY_OPEN;

	if (f->calls == 0 && (f->error_ppm || f->rate_limited_ppm || f->p95_ms))
		return false;
	if (f->turns == 0 && (f->low_confidence_ppm || f->escalation_ppm || f->override_ppm ||
			      f->retrieval_empty_ppm || f->stale_ppm))
		return false;
	if (f->healthy_targets > f->total_targets || down != (f->healthy_targets == 0))
		return false;
	if (open && f->healthy_targets == f->total_targets)
		return false;
	return f->first_token_p95_ms <= f->p95_ms &&
	       (f->queue_depth > 0) == (f->oldest_wait_ms > 0);
}

static bool holds(const baton_expr *test, const struct baton_mode_facts *facts)
{
	return baton_expr_test_on(test, facts) == 1;
}

/* Facts with which enter_when holds, and `other` too unless it is NULL. All combinations are
 * tried if there are few, else as many as allowed, spread evenly. */
static bool find(const struct search *search, const baton_expr *other,
		 struct baton_mode_facts *ret_facts)
{
	double combinations = 1;
	uint32_t dice = 2463534242;

	for (size_t i = 0; i < search->n; i++)
		combinations *= (double)search->axes[i].n;
	size_t tries = combinations < (double)search->tries ? (size_t)combinations : search->tries;
	for (size_t i = 0; i < tries; i++) {
		struct baton_mode_facts facts = { .tool_success_ppm = 1000000, .agents_free = 1 };
		size_t rest = i;

		for (size_t j = 0; j < search->n; j++) {
			const struct axis *axis = &search->axes[j];

			if (combinations > (double)search->tries) {
				dice ^= dice << 13, dice ^= dice >> 17, dice ^= dice << 5;
				rest = dice;
			}
			fact_set(&facts, axis->fact, axis->values[rest % axis->n]);
			rest /= axis->n;
		}
		settle(search, &facts);
		if (!is_possible(&facts) || !holds(search->mode->enter_test, &facts) ||
		    (other && !holds(other, &facts)))
			continue;
		*ret_facts = facts;
		return true;
	}
	return false;
}

/* --- sentences --- */

static const char *facts_text(struct baton_load *load, const struct search *search,
			      const struct baton_mode_facts *facts)
{
	struct baton_buf out = { NULL, 0, 0 };

	for (size_t i = 0; i < search->n; i++) {
		baton_buf_printf(&out, "%s%s = ", i ? ", " : "", search->axes[i].fact->name);
		baton_env_fact_json(search->axes[i].fact, facts, &out);
	}
	const char *text = baton_arena_dup(&load->scratch, out.p ? out.p : "", out.n);
	baton_buf_done(&out);
	return text;
}

/* Worst case of one run, in steps: no loop runs over a longer list than there is in the text. */
static size_t steps_of(const struct baton_expr *expr)
{
	size_t longest = 1, steps = expr ? expr->n : 0;

	for (size_t i = 0; expr && i < expr->n; i++)
		if (expr->ops[i].code == EXPR_MAKE && expr->ops[i].arg > longest)
			longest = expr->ops[i].arg;
	for (size_t i = 0; expr && i < expr->n && steps < BATON_EXPR_STEPS_MAX; i++)
		if (expr->ops[i].code == EXPR_EACH)
			steps *= longest;
	return steps < BATON_EXPR_STEPS_MAX ? steps : BATON_EXPR_STEPS_MAX;
}

/* What the conditions name, and the values to try: the ends of each fact, and what it is
 * compared with. */
static void axes_of(struct search *search)
{
	const baton_expr *tests[] = { search->mode->enter_test, search->mode->recover_test };

	for (size_t i = 0; i < 2; i++)
		if (tests[i])
			facts_of(search, tests[i]);
	for (size_t i = 0; i < search->n; i++) {
		axis_add(&search->axes[i], 0);
		if (search->axes[i].fact->kind == BATON_FACT_KIND_PPM)
			axis_add(&search->axes[i], 1e6);
	}
	for (size_t i = 0; i < 2; i++)
		if (tests[i])
			constants_of(search, tests[i]);
}

/* Not an error: a condition that computes with facts may hold where nobody looked. */
static void prove_enters(struct baton_load *load, const struct search *search,
			 struct baton_place place)
{
	struct baton_mode_facts facts;

	if (!find(search, NULL, &facts))
		baton_proof_doubted(
			&load->findings, BATON_PROOF_CONDITION_MEANT, place,
			"no facts were found with which this holds: `%s` would never be "
			"entered by it",
			search->mode->name);
}

static void prove_no_flapping(struct baton_load *load, const struct search *search,
			      struct baton_place place)
{
	const struct baton_mode_def *mode = search->mode;
	struct baton_mode_facts facts;
	bool slow = (uint64_t)mode->enter_for_ms + mode->recover_for_ms >= SLOW_MS;

	if (!find(search, mode->recover_test, &facts))
		return;
	if (slow)
		baton_proof_doubted(&load->findings, BATON_PROOF_NO_FLAPPING, place,
				    "with %s, enter_when and recover_when both hold: `%s` would be "
				    "left and entered again in turn",
				    facts_text(load, search, &facts), mode->name);
	else
		baton_proof_broken(&load->findings, BATON_PROOF_NO_FLAPPING, place,
				   "flapping: with %s, enter_when and recover_when both hold: `%s` "
				   "would be left and entered again in turn",
				   facts_text(load, search, &facts), mode->name);
}

/* --- all is well --- */

/* With nothing at all going on a mode must be off. On an ordinary day it may be on, if somebody
 * wants to shed load by numbers alone; that is said. */
static void prove_not_on(struct baton_load *load, const struct baton_mode_def *mode,
			 const struct baton_mode_facts *const well[2], struct baton_place place)
{
	if (mode->enter_test && holds(mode->enter_test, well[0]))
		baton_proof_broken(&load->findings, BATON_PROOF_MODE_QUIET, place,
				   "this holds while all is well (no calls, every target healthy, "
				   "nobody waiting): `%s` would always be on",
				   mode->name);
	else if (mode->enter_test && holds(mode->enter_test, well[1]))
		baton_proof_doubted(
			&load->findings, BATON_PROOF_MODE_QUIET, place,
			"this holds on a day on which all is well (100 calls, no error, "
			"every target healthy, nobody waiting): is `%s` meant for that?",
			mode->name);
}

static void prove_quiet(struct baton_load *load, const struct search *search,
			const struct baton_yaml *node)
{
	const struct baton_mode_def *mode = search->mode;
	const struct baton_mode_facts night = { .tool_success_ppm = 1000000,
						.healthy_targets = search->total,
						.total_targets = search->total,
						.agents_free = 1,
						.since_ms = CALM_MS,
						.healthy_ms = CALM_MS };
	struct baton_mode_facts day = night;

	day.calls = day.turns = 100;
	day.p95_ms = 200;
	day.first_token_p95_ms = 50;
	prove_not_on(load, mode, (const struct baton_mode_facts *[]){ &night, &day },
		     baton_load_place(node, "enter_when"));
	if (!mode->recover_test || holds(mode->recover_test, &night))
		return;
	if (holds(mode->recover_test, &day))
		baton_proof_doubted(
			&load->findings, BATON_PROOF_MODE_QUIET,
			baton_load_place(node, "recover_when"),
			"this does not hold while there are no calls, and a mode may be "
			"the reason that there are none: `%s` could last for all of "
			"max_duration",
			mode->name);
	else
		baton_proof_broken(
			&load->findings, BATON_PROOF_MODE_QUIET,
			baton_load_place(node, "recover_when"),
			"this does not hold even when all is well (100 calls, no error, "
			"every target healthy, nobody waiting): `%s` would never recover",
			mode->name);
}

void baton_prove_conditions(struct baton_load *load, const struct baton_mode_def *mode,
			    const struct baton_yaml *node)
{
	struct search search = { .mode = mode, .total = (uint32_t)load->policy->n_targets };

	if (!mode->name)
		return;
	if (search.total == 0)
		search.total = 1;
	prove_quiet(load, &search, node);
	if (!mode->enter_test)
		return;
	axes_of(&search);
	size_t steps = steps_of(mode->enter_test) + steps_of(mode->recover_test) + 1;
	search.tries = STEPS_MAX / steps / load->policy->n_modes;
	search.tries = search.tries > TRIES_MAX ? TRIES_MAX : search.tries;
	prove_enters(load, &search, baton_load_place(node, "enter_when"));
	if (mode->recover_test)
		prove_no_flapping(load, &search, baton_load_place(node, "recover_when"));
}
