/* SPDX-License-Identifier: Apache-2.0 */

/* baton check: look before it is used. */

#include "core/cli/cli.h"

#include "core/base/errors.h"
#include "core/policy/policy.h"

#include <stdio.h>
#include <unistd.h>

struct checking {
	const struct cli_options *options;
	unsigned errors, warnings;
	struct baton_buf json;
};

static void finding_json(struct checking *checking, const struct baton_policy_finding *finding)
{
	struct baton_buf *out = &checking->json;

	baton_buf_z(out, out->n ? ",{\"file\":" : "{\"file\":");
	baton_buf_json(out, baton_str_of(finding->file));
	baton_buf_printf(out, ",\"line\":%u,\"column\":%u,\"severity\":\"%s\",\"message\":",
			 finding->line, finding->column, finding->is_error ? "error" : "warning");
	baton_buf_json(out, baton_str_of(finding->text));
	if (finding->proof)
		baton_buf_printf(out, ",\"proof\":\"%s\"", finding->proof);
	baton_buf_z(out, "}");
}

static void report(void *ud, const struct baton_policy_finding *finding)
{
	struct checking *checking = ud;
	struct baton_buf text = { NULL, 0, 0 };

	*(finding->is_error ? &checking->errors : &checking->warnings) += 1;
	if (checking->options->json) {
		finding_json(checking, finding);
		return;
	}
	baton_policy_finding_text(finding, &text);
	cli_write(STDERR_FILENO, baton_buf_view(&text));
	baton_buf_done(&text);
}

static int print_schema(const char *file)
{
	struct baton_buf out = { NULL, 0, 0 };
	int rc = baton_policy_schema_json(file, &out);

	if (rc < 0)
		fprintf(stderr, "baton: there is no policy file `%s`\n", file);
	else
		cli_write(STDOUT_FILENO, baton_buf_view(&out));
	baton_buf_done(&out);
	return rc < 0 ? CLI_USAGE : CLI_OK;
}

int cli_check(const struct cli_options *options)
{
	const char *dir = options->operand;
	struct checking checking = { .options = options };
	struct baton_policy *policy = NULL;

	cli_log_to_stderr("error");
	if (options->schema)
		return print_schema(options->schema);
	int rc = baton_policy_load(dir, report, &checking, &policy);
	if (options->json)
		printf("{\"ok\":%s,\"errors\":%u,\"warnings\":%u,\"findings\":[%s]}\n",
		       rc == 0 ? "true" : "false", checking.errors, checking.warnings,
		       checking.json.n ? checking.json.p : "");
	else if (rc == 0)
		printf("%s: ok, %zu intents, %zu routes, %zu modes, %zu rules, %zu articles, %zu drills, "
		       "%u warnings\n",
		       dir, policy->n_intents, policy->n_routes, policy->n_modes, policy->n_rules,
		       json_array_size(policy->articles), policy->n_drills, checking.warnings);
	else if (rc == BATON_E_POLICY)
		printf("%s: refused, %u errors, %u warnings\n", dir, checking.errors,
		       checking.warnings);
	else
		fprintf(stderr, "baton: %s cannot be read: %s\n", dir, baton_error_info(rc)->text);
	baton_policy_free(&policy);
	baton_buf_done(&checking.json);
	return rc == 0 ? CLI_OK : CLI_FAILED;
}
