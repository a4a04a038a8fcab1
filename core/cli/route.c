/* SPDX-License-Identifier: Apache-2.0 */

/* baton route explain: what would be done about an intent, and which conditions with which values
 * decide it. Of the server that runs on --data as things stand there now; with --policies of a set
 * on disk, where nothing has failed yet.
 */

#include "core/cli/admin.h"

#include "core/policy/policy.h"
#include "core/server/explain.h"

#include <stdio.h>
#include <unistd.h>

/* --- asking ---------------------------------------------------------------------------------- */

static void put_facts(const struct cli_options *options, struct baton_buf *out)
{
	baton_buf_z(out, "{");
	for (size_t i = 0; i < options->n_facts; i++) {
		const char *fact = options->facts[i], *equals = strchr(fact, '=');

		baton_buf_z(out, i ? "," : "");
		baton_buf_json(out, (baton_str){ fact, (size_t)(equals - fact) });
		baton_buf_z(out, ":");
		baton_buf_json(out, baton_str_of(equals + 1));
	}
	baton_buf_z(out, "}");
}

static int explain_running(const struct cli_options *options, struct baton_buf *answer)
{
	struct baton_buf request = { NULL, 0, 0 };
	struct baton_json object;

	admin_begin(&request, "route.explain");
	admin_text(&request, "intent", options->intent);
	baton_buf_z(&request, ",\"facts\":");
	put_facts(options, &request);
	baton_buf_z(&request, "}");
	struct baton_buf line = { NULL, 0, 0 };
	int rc = cli_control_ask(options, &request, &line);
	if (rc == CLI_UNREACHABLE)
		fprintf(stderr,
			"baton: or give a set with --policies DIR, to look at it without a server\n");
	if (rc == CLI_OK && baton_json_parse(baton_buf_view(&line), &object) == 0) {
		struct baton_json explained = baton_json_get(&object, "explained");

		baton_buf_str(answer, explained.raw);
	}
	baton_buf_done(&request);
	baton_buf_done(&line);
	return rc;
}

static void ignore(void *ud, const struct baton_happening *happening)
{
	(void)ud;
	(void)happening;
}

static int explain_set(const struct cli_options *options, struct baton_buf *answer)
{
	struct explain_ask ask = { .now = { .ms = 1, .unix_ms = cli_unix_ms() },
				   .intent = baton_str_of(options->intent) };
	struct baton_buf facts = { NULL, 0, 0 };
	struct baton_policy *policy = NULL;
	char why[EXPLAIN_WHY_MAX];

	if (baton_policy_load(options->policies, cli_tell_finding, NULL, &policy) < 0) {
		fprintf(stderr, "baton: the set in %s cannot be used; run `baton check %s`\n",
			options->policies, options->policies);
		return CLI_FAILED;
	}
	put_facts(options, &facts);
	(void)baton_json_parse(baton_buf_view(&facts), &ask.facts);
	ask.policy = policy;
	ask.board = baton_board_new(ignore, NULL);
	baton_board_adopt(ask.board, ask.now, policy);
	int rc = explain_route(&ask, answer, why);
	if (rc < 0)
		fprintf(stderr, "baton: %s\n", why);
	baton_board_free(&ask.board);
	baton_policy_free(&policy);
	baton_buf_done(&facts);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}

/* --- printing -------------------------------------------------------------------------------- */

static void print(const struct baton_json *object, const char *name)
{
	struct baton_json value = baton_json_get(object, name);
	struct baton_buf text = { NULL, 0, 0 };

	admin_cell(&value, &text);
	printf("%.*s", (int)text.n, text.n ? text.p : "");
	baton_buf_done(&text);
}

static bool has(const struct baton_json *object, const char *name)
{
	struct baton_json value = baton_json_get(object, name);

	return value.type == BATON_JSON_TRUE || value.type == BATON_JSON_NUMBER ||
	       (value.type == BATON_JSON_STRING && value.raw.n > 2);
}

/* One part of a condition, its verdict, and the facts that it rests on. */
static void print_term(const struct baton_json *term)
{
	struct baton_json facts = baton_json_get(term, "facts"), key, value;
	struct baton_json text = baton_json_get(term, "text");
	struct baton_json verdict = baton_json_get(term, "value");
	struct baton_buf cell = { NULL, 0, 0 };
	size_t at = 0;

	admin_cell(&text, &cell);
	printf("              %-40.*s %-9s", (int)cell.n, cell.n ? cell.p : "",
	       verdict.type == BATON_JSON_TRUE    ? "true"
	       : verdict.type == BATON_JSON_FALSE ? "false"
						  : "undecided");
	while (baton_json_member(&facts, &at, &key, &value))
		printf(" %.*s = %.*s", (int)key.raw.n - 2, key.raw.p + 1, (int)value.raw.n,
		       value.raw.p);
	printf("\n");
	baton_buf_done(&cell);
}

/* `  holds     when`, then its terms. */
static void print_condition(const struct baton_json *row)
{
	struct baton_json holds = baton_json_get(row, "holds");
	struct baton_json terms = baton_json_get(row, "terms"), term;
	size_t at = 0;

	printf("  %-9s ", holds.type == BATON_JSON_TRUE    ? "holds"
			  : holds.type == BATON_JSON_FALSE ? "-"
							   : "undecided");
	print(row, "when");
	printf("\n");
	while (baton_json_element(&terms, &at, &term))
		print_term(&term);
}

static void print_list(const struct baton_json *answer, const char *title, const char *member,
		       void (*row_head)(const struct baton_json *row))
{
	struct baton_json list = baton_json_get(answer, member), row;
	size_t at = 0, n = 0;

	while (baton_json_element(&list, &at, &row)) {
		if (n++ == 0)
			printf("\n%s\n", title);
		row_head(&row);
		print_condition(&row);
	}
}

static void rule_head(const struct baton_json *row)
{
	printf(" rule ");
	print(row, "rule");
	printf(" -> ");
	print(row, "action");
	printf("\n");
}

static void switch_head(const struct baton_json *row)
{
	printf(" to ");
	if (has(row, "to"))
		print(row, "to");
	else
		printf("a person");
	printf(", ");
	print(row, "trigger");
	printf("\n");
}

static void print_step(const struct baton_json *step, unsigned n)
{
	static const char *const marks[] = { "substitute", "review", "tools_off", "probe",
					     "drill" };
	struct baton_json skipped = baton_json_get(step, "skipped"), row;
	size_t at = 0;

	while (baton_json_element(&skipped, &at, &row)) {
		printf("     not ");
		print(&row, "target");
		printf(": ");
		print(&row, "trigger");
		printf("\n");
	}
	printf("  %u. ", n);
	if (has(step, "target")) {
		print(step, "target");
		printf(" (");
		print(step, "reason");
		for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
			if (has(step, marks[i]))
				printf(", %s", marks[i]);
		printf(")");
	} else {
		printf("%s",
		       has(step, "to_person") ? "a person, at once" : "nobody is left: a person");
	}
	if (has(step, "trigger")) {
		printf(" because of ");
		print(step, "trigger");
	}
	printf("\n");
}

static void print_decision(const struct baton_json *answer)
{
	struct baton_json mode = baton_json_get(answer, "mode");
	struct baton_json steps = baton_json_get(answer, "steps"), row;
	size_t at = 0;
	unsigned n = 0;

	printf("\nmode\n  ");
	if (mode.type == BATON_JSON_OBJECT) {
		print(&mode, "name");
		printf(" (");
		print(&mode, "do");
		printf("), ");
		print(&mode, "trigger");
		printf("\n");
	} else {
		printf("none\n");
	}
	printf("\nasked, one after the other if the one before cannot be reached\n");
	while (baton_json_element(&steps, &at, &row))
		print_step(&row, ++n);
	printf("\ndecided by ");
	print(answer, "decided_by");
	printf(": ");
	print(answer, "decision");
	printf("\n");
}

static void print_all(const struct baton_json *answer)
{
	print(answer, "intent");
	printf(": route ");
	print(answer, "route");
	printf(", class ");
	print(answer, "class");
	printf(", tier ");
	print(answer, "tier");
	printf(", queue ");
	print(answer, "queue");
	printf("\n");
	print_list(answer, "rules, before anybody is asked", "rules", rule_head);
	print_list(answer, "switches of the route", "switches", switch_head);
	print_decision(answer);
}

int cli_route(const struct cli_options *options)
{
	struct baton_buf answer = { NULL, 0, 0 };
	struct baton_json object;

	cli_log_to_stderr("error");
	if (strcmp(options->operand, "explain") != 0) {
		fprintf(stderr, "baton route: `%s` is not known; there is `explain`\n",
			options->operand);
		return CLI_USAGE;
	}
	if (!options->intent) {
		fprintf(stderr,
			"baton route explain: name what the customer wants with --intent\n");
		return CLI_USAGE;
	}
	/* A set that was named is looked at; else the server that runs. */
	int rc = options->policies != cli_default_policies() ? explain_set(options, &answer)
							     : explain_running(options, &answer);
	if (rc == CLI_OK && options->json) {
		cli_write(STDOUT_FILENO, baton_buf_view(&answer));
		cli_write(STDOUT_FILENO, BATON_STR("\n"));
	} else if (rc == CLI_OK && baton_json_parse(baton_buf_view(&answer), &object) == 0) {
		print_all(&object);
	}
	baton_buf_done(&answer);
	return rc;
}
