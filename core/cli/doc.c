/* SPDX-License-Identifier: Apache-2.0 */

/* baton doc: reference pages from the tables that the code itself is made of. `make docs` writes
 * them into docs/, and a test compares. */

#include "core/cli/cli.h"

#include "core/base/errors.h"
#include "core/observe/metrics.h"
#include "core/policy/policy.h"
#include "core/session/event.h"

#include <stdio.h>

static const char *const kind_names[] = { "string", "number", "boolean", "JSON" };

static int doc_events(void)
{
	printf("# Events\n\nGenerated from `core/session/events.def` by `baton doc events`. Fields marked * reach\n"
	       "customers; events marked *agents only* never do. Empty strings, zeros and false are left out.\n");
	for (unsigned type = 1; type < 256; type++) {
		const struct baton_event_info *info = baton_event_info(type);

		if (!info)
			continue;
		printf("\n## `%s` (%u)%s\n\n%s\n\n| field | type | meaning |\n|---|---|---|\n",
		       info->name, type, info->for_customers ? "" : ", agents only", info->doc);
		for (size_t i = 0; i < info->n_fields; i++)
			printf("| `%s`%s | %s | %s |\n", info->fields[i].name,
			       info->for_customers && info->fields[i].is_public ? " *" : "",
			       kind_names[info->fields[i].kind], info->fields[i].doc);
	}
	return CLI_OK;
}

static int doc_errors(void)
{
	printf("# Errors\n\nGenerated from `core/base/errors.def` by `baton doc errors`.\n\n"
	       "| code | retryable | meaning |\n|---|---|---|\n");
#define X(NAME, code, wire, may_retry, text) \
	printf("| `%s` | %s | %s |\n", wire, may_retry ? "yes" : "no", text);
#include "core/base/errors.def"
#undef X
	return CLI_OK;
}

static void doc_series(void)
{
	printf("\n## Targets, accounts, budgets, modes\n\n| series | type | labels | meaning |\n|---|---|---|---|\n");
#define SERIES(name, type, labels, help) \
	printf("| `%s` | %s | %s | %s |\n", #name, #type, labels, help);
#include "core/route/series.def"
#undef SERIES
	printf("\n## The server, its desk and modules\n\n| series | type | labels | meaning |\n|---|---|---|---|\n");
#define SERIES(name, type, labels, meaning) \
	printf("| `%s` | %s | %s | %s |\n", name, type, labels, meaning);
#include "core/observe/series.def"
#undef SERIES
	printf("\n## Questions\n\nAs PromQL. [REPORT.md](REPORT.md) has the same, and more, out of the transcripts: also for times before the\n"
	       "last start, and for single conversations.\n\n");
#define QUESTION(question, expression) \
	printf("%s:\n\n```promql\n%s\n```\n\n", question, expression);
#include "core/observe/questions.def"
#undef QUESTION
}

static int doc_metrics(void)
{
	printf("# Metrics\n\nGenerated from `core/observe/{metrics,series,questions}.def` and `core/route/series.def` by `baton doc metrics`. Labels are\n"
	       "names of the policies or fixed words, never ids.\n\n## Counters\n\n| counter | meaning |\n|---|---|\n");
#define X(NAME, prometheus, help) printf("| `%s` | %s |\n", prometheus, help);
#include "core/observe/metrics.def"
#undef X
	printf("\n## Histograms\n\n| histogram | meaning |\n|---|---|\n");
	for (unsigned i = 0; i < BATON_HIST_COUNT; i++) {
		const char *help, *name = baton_metrics_histogram(i, &help);

		if (name)
			printf("| `%s` | %s |\n", name, help);
	}
	doc_series();
	return CLI_OK;
}

static int doc_proofs(void)
{
	const struct baton_policy_proof *proof;

	printf("# Proofs\n\nGenerated from `core/policy/proofs.def` by `baton doc proofs`. `baton check` proves each of "
	       "these of a policy\nset before it can serve. A finding shows the name in brackets and holds a "
	       "counterexample.\n\n| proof | what is proved |\n|---|---|\n");
	for (size_t i = 0; (proof = baton_policy_proof_at(i)) != NULL; i++)
		printf("| `%s` | %s |\n", proof->name, proof->meaning);
	return CLI_OK;
}

int cli_doc(const struct cli_options *options)
{
	if (strcmp(options->operand, "events") == 0)
		return doc_events();
	if (strcmp(options->operand, "errors") == 0)
		return doc_errors();
	if (strcmp(options->operand, "metrics") == 0)
		return doc_metrics();
	if (strcmp(options->operand, "proofs") == 0)
		return doc_proofs();
	fprintf(stderr, "baton: no reference about `%s`; events, errors, metrics, proofs\n",
		options->operand);
	return CLI_USAGE;
}
