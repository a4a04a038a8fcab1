/* SPDX-License-Identifier: Apache-2.0 */

/* baton intents, inside: intents.c (the classifier of a set, loaded in this process through the module
 * ABI), intents_eval.c (how well it does), intents_show.c (that as text, JSON and a page),
 * intents_suggest.c (which recorded messages would teach it most). */
#pragma once

#include "core/cli/cli.h"

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/policy/policy.h"

#include <baton/testhost.h>

/* --- intents.c --- */

struct intents_model {
	baton_testhost *host;
	uint32_t inst;
};
/* What a classifier says of one message. */
struct intents_said {
	char intent[BATON_NAME_BYTES_MAX + 1], second[BATON_NAME_BYTES_MAX + 1];
	uint32_t ppm, second_ppm, out_of_scope_ppm;
};
/* The set in `path`, without its errors; NULL: told. */
struct baton_policy *intents_policy(const char *path);
/* The set's classifier, taught by all examples but those of fold `skip` of `folds` (folds 0: by all).
 * CLI_OK, or CLI_FAILED with a line on stderr. */
int intents_open(const struct cli_options *options, const struct baton_policy *policy, unsigned skip,
		 unsigned folds, struct intents_model *ret_model);
void intents_close(struct intents_model *model);
/* BATON_OK, or what the module said instead. */
int intents_ask(struct intents_model *model, baton_str text, struct intents_said *ret_said);

/* --- intents_eval.c --- */

struct intents_case {
	baton_str label; /* n = 0: none of the intents */
	baton_str text;
	struct intents_said said;
};
enum { INTENTS_BINS = 10, INTENTS_LEVELS = 5, INTENTS_MIX_UPS = 12 };
struct intents_class {
	const char *name;
	size_t n, said, right; /* messages of it, called it, both */
	size_t worst, worst_n;
};
struct intents_result {
	const char *source; /* the file, or NULL: folds of the examples */
	unsigned folds;
	size_t n, in, right, above, above_right, leaked; /* above: of the intent's min_confidence */
	struct {
		size_t n, right;
		double sum;
	} bins[INTENTS_BINS];
	double error; /* mean distance of confidence and truth */
	double auroc; /* of out_of_scope; NAN: there are no such messages */
	struct {
		double wanted, threshold, precision, coverage; /* threshold > 1: not reached */
	} levels[INTENTS_LEVELS];
	size_t n_levels;
	struct intents_class *classes;
	size_t n_classes;
	struct {
		size_t from, to, n;
		baton_str example;
	} mix_ups[INTENTS_MIX_UPS];
	size_t n_mix_ups;
};

/* --- intents_show.c --- */
void intents_text(const struct intents_result *result, struct baton_buf *out);
void intents_json(const struct intents_result *result, struct baton_buf *out);
void intents_page(const struct intents_result *result, struct baton_buf *out);

int cli_intents_eval(const struct cli_options *options);
int cli_intents_suggest(const struct cli_options *options);
