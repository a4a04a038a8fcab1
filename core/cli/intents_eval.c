/* SPDX-License-Identifier: Apache-2.0 */

/* baton intents eval: asks the set's classifier for messages whose intent is known. Without a file
 * these are the set's own examples, each asked of a classifier that was taught without it. */

#include "core/cli/intents.h"

#include "core/base/json.h"
#include "core/cli/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FOLDS = 5, CASES_MAX = 200000, FILE_BYTES_MAX = 64 << 20 };
static const double levels[INTENTS_LEVELS] = { 0.8, 0.9, 0.95, 0.98, 0.99 };

struct evaluating {
	const struct cli_options *options;
	struct baton_policy *policy;
	struct baton_arena arena;
	struct intents_case *cases;
	unsigned *folds; /* of each case */
	size_t n, cap;
	struct intents_result result;
};

static void add(struct evaluating *e, baton_str label, baton_str text, unsigned fold)
{
	if (e->n == CASES_MAX || text.n == 0)
		return;
	if (e->n == e->cap) {
		size_t cap = 2 * e->cap + 256;
		struct intents_case *cases = baton_alloc(cap * sizeof(*cases));
		unsigned *folds = baton_alloc(cap * sizeof(*folds));

		if (e->n > 0) {
			memcpy(cases, e->cases, e->n * sizeof(*cases));
			memcpy(folds, e->folds, e->n * sizeof(*folds));
		}
		baton_free(e->cases);
		baton_free(e->folds);
		e->cases = cases;
		e->folds = folds;
		e->cap = cap;
	}
	e->folds[e->n] = fold;
	e->cases[e->n++] = (struct intents_case){ .label = label, .text = text };
}

/* --- what is asked --- */

static void add_examples(struct evaluating *e)
{
	for (size_t i = 0; i < e->policy->n_intents; i++) {
		const struct baton_intent_def *intent = &e->policy->intents[i];

		for (size_t k = 0; k < intent->n_examples && !intent->internal; k++)
			add(e, baton_str_of(intent->name), baton_str_of(intent->examples[k]),
			    (unsigned)(k % FOLDS));
	}
}

static bool is_none(baton_str label)
{
	static const char *const words[] = {
		"", "-", "none", "oos", "out_of_scope", "out-of-scope"
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (baton_str_is(label, words[i]))
			return true;
	return false;
}

/* "intent<TAB>text", or {"text":"...","intent":"..."}. False: neither. */
static bool read_line(struct evaluating *e, baton_str line, bool first)
{
	const char *tab = memchr(line.p, '\t', line.n);
	baton_str label, text;

	if (line.p[0] == '{') {
		struct baton_json object, value;

		if (baton_json_parse(line, &object) < 0)
			return false;
		value = baton_json_get(&object, "intent");
		label = baton_json_text(&value, &e->arena);
		value = baton_json_get(&object, "text");
		text = baton_json_text(&value, &e->arena);
	} else if (tab) {
		label = (baton_str){ line.p, (size_t)(tab - line.p) };
		text = (baton_str){ tab + 1, line.n - label.n - 1 };
		if (first && (baton_str_is(label, "label") || baton_str_is(label, "intent")))
			return true;
	} else {
		return false;
	}
	label = is_none(label) ? BATON_STR("") : label;
	if (label.n > 0 && !baton_policy_intent(e->policy, label)) {
		fprintf(stderr, "baton: the set has no intent `%.*s`\n", (int)label.n, label.p);
		return false;
	}
	add(e, label, text, 0);
	return text.n > 0;
}

static int add_file(struct evaluating *e, const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t n = 0, at = 0;
	char *bytes = file ? baton_arena_alloc(&e->arena, FILE_BYTES_MAX) : NULL;

	if (bytes)
		n = fread(bytes, 1, FILE_BYTES_MAX, file);
	if (file)
		fclose(file);
	if (!bytes || n == 0 || n == FILE_BYTES_MAX ||
	    !baton_str_utf8_ok((baton_str){ bytes, n })) {
		fprintf(stderr, "baton: %s cannot be read, is empty, too large or not UTF-8\n",
			path);
		return CLI_FAILED;
	}
	for (unsigned number = 1; at < n; number++) {
		const char *end = memchr(bytes + at, '\n', n - at);
		baton_str line = { bytes + at, (end ? (size_t)(end - bytes) : n) - at };

		at += line.n + 1;
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n > 0 && !read_line(e, line, number == 1)) {
			fprintf(stderr,
				"baton: %s:%u: must be an intent, a tab and a text, or "
				"{\"intent\":\"...\",\"text\":\"...\"}\n",
				path, number);
			return CLI_FAILED;
		}
	}
	return CLI_OK;
}

static int ask_fold(struct evaluating *e, unsigned fold, unsigned folds)
{
	struct intents_model model;
	int rc = intents_open(e->options, e->policy, fold, folds, &model);

	for (size_t i = 0; i < e->n && rc == CLI_OK; i++) {
		if (e->folds[i] != fold)
			continue;
		int said = intents_ask(&model, e->cases[i].text, &e->cases[i].said);

		if (said < 0) {
			fprintf(stderr, "baton: the classifier did not answer (%d)\n", said);
			rc = CLI_FAILED;
		}
	}
	intents_close(&model);
	return rc;
}

/* --- what came of it --- */

static size_t class_of(const struct evaluating *e, baton_str name)
{
	size_t i = 0;

	while (i < e->result.n_classes && !baton_str_is(name, e->result.classes[i].name))
		i++;
	return i;
}

static bool is_right(const struct intents_case *one)
{
	return one->label.n > 0 && baton_str_is(one->label, one->said.intent);
}

static void count_class(struct evaluating *e, size_t *matrix, const struct intents_case *one)
{
	size_t n = e->result.n_classes, from = class_of(e, one->label),
	       to = class_of(e, baton_str_of(one->said.intent));

	if (from < n)
		e->result.classes[from].n++;
	if (to < n)
		e->result.classes[to].said++;
	if (from < n && from == to)
		e->result.classes[from].right++;
	if (from < n && to < n)
		matrix[from * n + to]++;
}

static void count_case(struct evaluating *e, const struct intents_case *one)
{
	struct intents_result *r = &e->result;
	const struct baton_intent_def *def =
		baton_policy_intent(e->policy, baton_str_of(one->said.intent));
	bool above = def && one->said.ppm >= def->min_confidence_ppm, right = is_right(one);
	size_t bin = (size_t)one->said.ppm * INTENTS_BINS / 1000001;

	r->n++;
	r->in += one->label.n > 0;
	r->right += right;
	r->above += above && one->label.n > 0;
	r->above_right += above && right;
	r->leaked += above && one->label.n == 0;
	r->bins[bin].n++;
	r->bins[bin].right += right;
	r->bins[bin].sum += one->said.ppm / 1e6;
}

static const struct intents_case *example_of(const struct evaluating *e, size_t from, size_t to)
{
	for (size_t i = 0; i < e->n; i++)
		if (baton_str_is(e->cases[i].label, e->result.classes[from].name) &&
		    strcmp(e->cases[i].said.intent, e->result.classes[to].name) == 0)
			return &e->cases[i];
	return NULL;
}

/* The most frequent confusions, by picking the largest again and again: there are few. */
static void find_mix_ups(struct evaluating *e, size_t *matrix)
{
	struct intents_result *r = &e->result;
	size_t n = r->n_classes;

	while (r->n_mix_ups < INTENTS_MIX_UPS) {
		size_t most = 0, from = 0, to = 0;

		for (size_t i = 0; i < n * n; i++)
			if (i / n != i % n && matrix[i] > most) {
				most = matrix[i];
				from = i / n;
				to = i % n;
			}
		if (most == 0)
			return;
		const struct intents_case *one = example_of(e, from, to);
		r->mix_ups[r->n_mix_ups].from = from;
		r->mix_ups[r->n_mix_ups].to = to;
		r->mix_ups[r->n_mix_ups].n = most;
		r->mix_ups[r->n_mix_ups++].example = one ? one->text : BATON_STR("");
		matrix[from * n + to] = 0;
	}
}

static int by_confidence(const void *left, const void *right)
{
	uint32_t l = ((const struct intents_case *)left)->said.ppm,
		 r = ((const struct intents_case *)right)->said.ppm;

	return (l < r) - (l > r);
}

/* The lowest threshold above which the wanted share is right. Cases come surest first. */
static void find_level(struct evaluating *e, double wanted)
{
	struct intents_result *r = &e->result;
	size_t right = 0, i = 0, at = r->n_levels++;

	r->levels[at].wanted = wanted;
	r->levels[at].threshold = 2;
	while (i < e->n) {
		uint32_t ppm = e->cases[i].said.ppm;

		while (i < e->n && e->cases[i].said.ppm == ppm)
			right += is_right(&e->cases[i++]);
		double precision = (double)right / (double)i;
		if (precision >= wanted) {
			r->levels[at].threshold = ppm / 1e6;
			r->levels[at].precision = precision;
			r->levels[at].coverage = (double)i / (double)e->n;
		}
	}
}

static double auroc_of(const struct evaluating *e)
{
	double wins = 0, pairs = 0;

	for (size_t i = 0; i < e->n; i++)
		for (size_t k = 0; k < e->n && e->cases[i].label.n == 0; k++) {
			uint32_t out = e->cases[i].said.out_of_scope_ppm,
				 in = e->cases[k].said.out_of_scope_ppm;

			if (e->cases[k].label.n == 0)
				continue;
			pairs++;
			wins += out > in ? 1 : out == in ? 0.5 : 0;
		}
	return pairs > 0 ? wins / pairs : (double)NAN;
}

static void sum_up(struct evaluating *e)
{
	struct intents_result *r = &e->result;
	size_t n = 0;

	r->classes = baton_arena_alloc(&e->arena, (e->policy->n_intents + 1) * sizeof(*r->classes));
	for (size_t i = 0; i < e->policy->n_intents; i++)
		if (!e->policy->intents[i].internal)
			r->classes[n++] =
				(struct intents_class){ e->policy->intents[i].name, 0, 0, 0, 0, 0 };
	r->n_classes = n;
	size_t *matrix = baton_alloc((n * n + 1) * sizeof(*matrix));

	for (size_t i = 0; i < e->n; i++) {
		count_case(e, &e->cases[i]);
		count_class(e, matrix, &e->cases[i]);
	}
	for (size_t c = 0; c < n; c++)
		for (size_t k = 0; k < n; k++)
			if (k != c && matrix[c * n + k] > r->classes[c].worst_n) {
				r->classes[c].worst = k;
				r->classes[c].worst_n = matrix[c * n + k];
			}
	find_mix_ups(e, matrix);
	baton_free(matrix);
	for (unsigned b = 0; b < INTENTS_BINS; b++)
		r->error += fabs(r->bins[b].sum - (double)r->bins[b].right);
	r->error /= r->n ? (double)r->n : 1;
	r->auroc = auroc_of(e);
	qsort(e->cases, e->n, sizeof(*e->cases), by_confidence);
	if (e->options->precision_ppm > 0)
		find_level(e, e->options->precision_ppm / 1e6);
	for (size_t i = 0; i < INTENTS_LEVELS && e->options->precision_ppm == 0; i++)
		find_level(e, levels[i]);
}

static int show(const struct evaluating *e)
{
	struct baton_buf out = { NULL, 0, 0 };
	int rc = CLI_OK;

	if (e->options->html) {
		intents_page(&e->result, &out);
		rc = cli_write_file(e->options->html, baton_buf_view(&out));
		baton_buf_reset(&out);
	}
	if (e->options->json)
		intents_json(&e->result, &out);
	else
		intents_text(&e->result, &out);
	cli_write(STDOUT_FILENO, baton_buf_view(&out));
	baton_buf_done(&out);
	return rc;
}

int cli_intents_eval(const struct cli_options *options)
{
	struct evaluating e = { .options = options };
	int rc = CLI_OK;

	cli_log_to_stderr("error");
	e.policy = intents_policy(options->policies);
	if (!e.policy)
		return CLI_FAILED;
	e.result.source = options->operand;
	e.result.folds = options->operand ? 0 : FOLDS;
	if (options->operand)
		rc = add_file(&e, options->operand);
	else
		add_examples(&e);
	if (rc == CLI_OK && e.n == 0) {
		fprintf(stderr, "baton: there is no message to ask for\n");
		rc = CLI_FAILED;
	}
	for (unsigned fold = 0; rc == CLI_OK && fold < (e.result.folds ? FOLDS : 1); fold++)
		rc = ask_fold(&e, fold, e.result.folds);
	if (rc == CLI_OK) {
		sum_up(&e);
		rc = show(&e);
	}
	baton_free(e.cases);
	baton_free(e.folds);
	baton_arena_done(&e.arena);
	baton_policy_free(&e.policy);
	return rc;
}
