/* SPDX-License-Identifier: Apache-2.0 */

/* Runs a compiled condition over a struct of facts. Total and bounded: the compiler has counted how
 * many steps the worst facts can cause. Owns nothing that outlives the call.
 */

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/policy/expr_duration.h"
#include "core/policy/expr_value.h"
#include "core/policy/facts.h"

/* What the first version of the ABI had. */
enum { FACTS_SIZE_FIRST = offsetof(baton_facts, primary_state) };

/* A loop that runs: over what, how far, and what it has found. */
struct loop {
	const struct expr_value *v;
	size_t n, i, body;
	struct expr_value found; /* BOOL of all and exists; LIST of filter and map, growing */
	struct expr_value *kept; /* room of that list */
	size_t n_kept;           /* and of exists_one the number of hits */
};

struct run {
	const struct baton_expr *expr;
	const void *base;
	struct baton_arena *arena;
	struct loop loops[BATON_EXPR_LOOPS_MAX];
	size_t n_loops;
	const struct baton_fact *list_fact; /* the list that was read last: a loop asks again */
	struct expr_value list;
};

/* --- facts --- */

/* The list of strings in `json`. Text that is no such list is a failed value, not an empty one:
 * `!("vip" in tags)` must not become true because tags could not be read. */
static struct expr_value of_tags(struct run *run, baton_str json)
{
	struct expr_value list = { .type = EXPR_LIST }, *v;
	struct baton_json array, element;
	size_t at = 0, n = 0;

	if (json.n == 0)
		return list;
	if (baton_json_parse(json, &array) < 0 || array.type != BATON_JSON_ARRAY)
		return expr_failed(EXPR_LIST, EXPR_FAIL_LIST);
	while (n <= BATON_EXPR_LIST_MAX && baton_json_element(&array, &at, &element))
		n++;
	if (n > BATON_EXPR_LIST_MAX || json.n > BATON_EXPR_RUN_BYTES_MAX / 8)
		return expr_failed(EXPR_LIST, EXPR_FAIL_LIST);
	v = expr_room(run->arena, n * sizeof(*v));
	if (!v)
		return expr_failed(EXPR_LIST, EXPR_FAIL_MEMORY);
	at = 0;
	for (size_t i = 0; i < n && baton_json_element(&array, &at, &element); i++) {
		if (element.type != BATON_JSON_STRING)
			return expr_failed(EXPR_LIST, EXPR_FAIL_LIST);
		v[i] = expr_of_str(baton_json_text(&element, run->arena));
	}
	list.as.list.v = v;
	list.as.list.n = n;
	return list;
}

static uint64_t whole_fact(const struct run *run, const struct baton_fact *fact)
{
	const char *field = (const char *)run->base + fact->offset;
	uint32_t u32;
	uint64_t u64;

	if (fact->kind == BATON_FACT_KIND_U64) {
		memcpy(&u64, field, sizeof(u64));
		return u64;
	}
	memcpy(&u32, field, sizeof(u32));
	return u32;
}

static struct expr_value of_fact(struct run *run, const struct baton_fact *fact)
{
	const char *field = (const char *)run->base + fact->offset;
	uint64_t u64;
	baton_str s;

	switch (fact->kind) {
	case BATON_FACT_KIND_STR:
		memcpy(&s, field, sizeof(s));
		return expr_of_str(s);
	case BATON_FACT_KIND_PPM:
		return expr_of_double((double)whole_fact(run, fact) / 1e6);
	case BATON_FACT_KIND_U32:
	case BATON_FACT_KIND_U64:
		u64 = whole_fact(run, fact);
		return expr_of_int(u64 > INT64_MAX ? INT64_MAX : (int64_t)u64);
	case BATON_FACT_KIND_FLAG:
		return expr_of_bool((whole_fact(run, fact) & fact->flag) != 0);
	case BATON_FACT_KIND_FAIL:
		return expr_of_str(baton_str_of(baton_fact_fail_text(fact, run->base)));
	case BATON_FACT_KIND_TAGS:
		memcpy(&s, field, sizeof(s));
		if (run->list_fact != fact)
			run->list = of_tags(run, s);
		run->list_fact = fact;
		return run->list;
	}
	return expr_failed(EXPR_NONE, EXPR_FAIL_LIST);
}

/* CEL's has() of a message without explicit presence: a field is there unless it is its zero. */
static struct expr_value has_fact(struct run *run, const struct baton_fact *fact)
{
	struct expr_value v = of_fact(run, fact);

	if (v.failed)
		return expr_failed(EXPR_BOOL, v.failed);
	switch (v.type) {
	case EXPR_BOOL:
		return v;
	case EXPR_INT:
	case EXPR_DURATION:
		return expr_of_bool(v.as.i != 0);
	case EXPR_DOUBLE:
		return expr_of_bool(v.as.d > 0);
	case EXPR_STRING:
		return expr_of_bool(v.as.s.n > 0);
	case EXPR_LIST:
		return expr_of_bool(v.as.list.n > 0);
	case EXPR_NONE:
		break;
	}
	return v;
}

/* --- lists and loops --- */

static struct expr_value make_list(struct run *run, const struct expr_value *from, size_t n)
{
	struct expr_value list = { .type = EXPR_LIST }, *v;

	v = expr_room(run->arena, n * sizeof(*v));
	if (!v)
		return expr_failed(EXPR_LIST, EXPR_FAIL_MEMORY);
	for (size_t i = 0; i < n; i++) {
		if (from[i].failed)
			return expr_failed(EXPR_LIST, from[i].failed);
		v[i] = from[i];
	}
	list.as.list.v = v;
	list.as.list.n = n;
	return list;
}

/* What a loop gives. */
static struct expr_value loop_result(const struct loop *loop, enum expr_loop kind)
{
	struct expr_value list = { .type = EXPR_LIST };

	if (kind == EXPR_EXISTS_ONE && !loop->found.failed)
		return expr_of_bool(loop->n_kept == 1);
	if (kind <= EXPR_EXISTS_ONE || loop->found.failed)
		return loop->found;
	list.as.list.v = loop->kept;
	list.as.list.n = loop->n_kept;
	return list;
}

/* Begins the loop of the EACH at `pc`, or gives its result at once: false, and *value is it. */
static bool loop_begin(struct run *run, size_t pc, struct expr_value *value)
{
	enum expr_loop kind = (enum expr_loop)run->expr->ops[run->expr->ops[pc].arg].arg;
	bool collects = kind == EXPR_FILTER || kind == EXPR_MAP;
	struct loop loop = { .v = value->as.list.v, .n = value->as.list.n, .body = pc + 1 };

	loop.found = expr_of_bool(kind == EXPR_ALL);
	if (value->failed)
		loop.found = expr_failed(collects ? EXPR_LIST : EXPR_BOOL, value->failed);
	else if (collects && loop.n > 0)
		loop.kept = expr_room(run->arena, loop.n * sizeof(*loop.kept));
	if (collects && loop.n > 0 && !value->failed && !loop.kept)
		loop.found = expr_failed(EXPR_LIST, EXPR_FAIL_MEMORY);
	if (loop.found.failed || loop.n == 0) {
		*value = loop_result(&loop, kind);
		return false;
	}
	baton_assert(run->n_loops < BATON_EXPR_LOOPS_MAX);
	run->loops[run->n_loops++] = loop;
	return true;
}

/* all and exists are && and || over the values, failures included; the others need every value. */
static void loop_take(struct loop *loop, enum expr_loop kind, const struct expr_value *said)
{
	if (kind == EXPR_ALL || kind == EXPR_EXISTS) {
		enum expr_code code = kind == EXPR_ALL ? EXPR_AND : EXPR_OR;
		loop->found = expr_logic(code, &loop->found, said);
	} else if (said->failed) {
		if (!loop->found.failed)
			loop->found = expr_failed(kind == EXPR_EXISTS_ONE ? EXPR_BOOL : EXPR_LIST,
						  said->failed);
	} else if (kind == EXPR_MAP) {
		loop->kept[loop->n_kept++] = *said;
	} else if (said->as.b) {
		if (kind == EXPR_FILTER)
			loop->kept[loop->n_kept] = loop->v[loop->i];
		loop->n_kept++;
	}
}

/* --- the machine --- */

static struct expr_value choose(const struct expr_value *v)
{
	if (v[0].failed)
		return expr_failed(v[1].type, v[0].failed);
	return v[0].as.b ? v[1] : v[2];
}

static struct expr_value step(struct run *run, const struct expr_op *op,
			      const struct expr_value *args)
{
	const struct baton_fact *facts = run->expr->env->facts;

	if (op->code == EXPR_CONST)
		return op->value;
	if (op->code == EXPR_FACT)
		return of_fact(run, &facts[op->arg]);
	if (op->code == EXPR_SPAN)
		return expr_of_duration(expr_duration_of_ms(whole_fact(run, &facts[op->arg])));
	if (op->code == EXPR_HAS)
		return has_fact(run, &facts[op->arg]);
	if (op->code == EXPR_VAR)
		return run->loops[op->arg].v[run->loops[op->arg].i];
	if (op->code == EXPR_MAKE)
		return make_list(run, args, op->arg);
	if (op->code == EXPR_IF)
		return choose(args);
	if (op->code < EXPR_ADD)
		return expr_unary(op, &args[0], run->arena);
	return expr_binary(op->code, &args[0], &args[1], run->arena);
}

/* EACH and NEXT, with the list or what the body gave in *value. True: the body runs, *value is used
 * up. False: the loop is over, and *value is what it has found. */
static bool turn(struct run *run, size_t *pc, struct expr_value *value)
{
	const struct expr_op *op = &run->expr->ops[*pc];
	struct loop *loop;

	if (op->code == EXPR_EACH) {
		bool begun = loop_begin(run, *pc, value);

		*pc = begun ? *pc + 1 : op->arg + 1;
		return begun;
	}
	loop = &run->loops[run->n_loops - 1];
	loop_take(loop, (enum expr_loop)op->arg, value);
	if (++loop->i < loop->n) {
		*pc = loop->body;
		return true;
	}
	*value = loop_result(loop, (enum expr_loop)op->arg);
	run->n_loops--;
	(*pc)++;
	return false;
}

/* Where it goes on when the operation before `pc` has given `value`: behind the && or || that it
 * decides, and all that are decided with it. */
static size_t decided(const struct baton_expr *expr, size_t pc, const struct expr_value *value)
{
	uint32_t logic;

	while ((logic = expr->ops[pc - 1].left_of) > 0 && !value->failed &&
	       value->as.b == (expr->ops[logic].code == EXPR_OR))
		pc = logic + 1;
	return pc;
}

/* Not the loops: they are begun before they are looked at. */
static void run_open(struct run *run, const struct baton_expr *expr, const void *base,
		     struct baton_arena *arena)
{
	run->expr = expr;
	run->base = base;
	run->arena = arena;
	run->n_loops = 0;
	run->list_fact = NULL;
}

static struct expr_value run_from(struct run *run, size_t pc, size_t end, struct expr_value *seen)
{
	const struct baton_expr *expr = run->expr;
	struct expr_value stack[BATON_EXPR_NODES_MAX];
	size_t top = 0, steps = 0;

	while (pc < end) {
		const struct expr_op *op = &expr->ops[pc];

		size_t n = expr_takes(op), whole = pc;

		baton_assert(n <= top && top - n < BATON_EXPR_NODES_MAX);
		baton_assert(steps++ <= BATON_EXPR_STEPS_MAX);
		if (op->code == EXPR_EACH || op->code == EXPR_NEXT) {
			whole = op->code == EXPR_EACH ? op->arg : pc; /* NEXT stands for both */
			top -= turn(run, &pc, &stack[top - 1]);
		} else {
			top -= n;
			stack[top] = step(run, op, &stack[top]);
			top++;
			pc++;
		}
		if (top == 0)
			continue;
		if (seen)
			seen[whole] = stack[top - 1];
		else
			pc = decided(expr, pc, &stack[top - 1]);
	}
	baton_assert(top == 1);
	return stack[0];
}

struct expr_value expr_run_part(const struct baton_expr *expr, size_t from, size_t n,
				const void *base, struct baton_arena *arena)
{
	struct run run;

	run_open(&run, expr, base, arena);
	return run_from(&run, from, from + n, NULL);
}

struct expr_value expr_run(const struct baton_expr *expr, const void *base,
			   struct baton_arena *arena, struct expr_value *seen)
{
	struct run run;

	run_open(&run, expr, base, arena);
	return run_from(&run, 0, expr->n, seen);
}

__attribute__((noinline)) static int32_t test_with_machine(const baton_expr *expr, const void *base)
{
	struct baton_arena arena = { 0 };
	int said = expr->n_leaves > 0 ? expr_walk(expr, base, &arena) : BATON_E_INVAL;

	if (said < 0) {
		baton_arena_done(&arena);
		struct expr_value v = expr_run(expr, base, &arena, NULL);
		said = v.failed ? BATON_E_INVAL : v.as.b;
	}
	baton_arena_done(&arena);
	return said;
}

int32_t baton_expr_test_on(const baton_expr *expr, const void *base)
{
	if (!expr || !base)
		return BATON_E_INVAL;
	return expr->is_short ? expr_walk(expr, base, NULL) : test_with_machine(expr, base);
}

/* A module that was built before a fact existed hands over a shorter struct: what it does not know
 * has not been measured. */
static int32_t test_shorter(const baton_expr *expr, const baton_facts *facts)
{
	baton_facts longer = { .size = sizeof(longer) };

	memcpy(&longer, facts, facts->size);
	return baton_expr_test_on(expr, &longer);
}

int32_t baton_expr_test(const baton_expr *expr, const baton_facts *facts)
{
	if (!expr || expr->env != &baton_env_facts || !facts || facts->size < FACTS_SIZE_FIRST)
		return BATON_E_INVAL;
	return facts->size >= sizeof(*facts) ? baton_expr_test_on(expr, facts)
					     : test_shorter(expr, facts);
}
