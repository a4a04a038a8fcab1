/* SPDX-License-Identifier: Apache-2.0 */

/* baton module: the table of its commands, and those that look. What changes something is in
 * release.c; what the SDK brings has files of its own. A new command is a row here and a prototype
 * in cli.h. */

#include "core/cli/admin.h"

#include "core/module/release.h"

#include <stdio.h>

const struct cli_command cli_module_commands[] = {
	{ "module list", NULL, "what runs: every generation of every module", "dj", cli_module_list,
	  NULL },
	{ "module show", "NAME", "everything that is known of one module", "dj", cli_module_show,
	  NULL },
	{ "module debuginfo", "NAME", "where a debugger finds its code: build-id and private copy",
	  "dj", cli_module_debuginfo, NULL },
	{ "module releases", NULL, "the release that serves, its candidate, those that drain", "dj",
	  cli_module_releases, NULL },
	{ "module swap", "NAME [FILE]",
	  "put another file (or its own, read again) in its place, at once", "dWxkvj",
	  cli_module_swap, NULL },
	{ "module load", "NAME [FILE]", "prove and load it, and let nobody be served by it yet",
	  "dWxkvj", cli_module_load, NULL },
	{ "module canary", "NAME [FILE]", "serve a share of the conversations with it", "dPWxkvj",
	  cli_module_canary, NULL },
	{ "module promote", NULL, "the candidate becomes the release that serves", "dWvj",
	  cli_module_promote, NULL },
	{ "module rollback", NULL, "the candidate goes; without one, the release before comes back",
	  "dWvj", cli_rollback, NULL },
	{ "module discard", NULL, "the candidate goes", "dWvj", cli_module_discard, NULL },
	{ "module drain", NULL, "turns on old releases begin again on the one that serves, now",
	  "dWvj", cli_module_drain, NULL },
	{ "module why-live", "[RELEASE]", "the turns that hold an old release", "dj",
	  cli_module_why_live, NULL },
	{ "module replay", "[NAME] [FILE]",
	  "say what a rule's or classifier's file, or the candidate, would have decided", "Budmj",
	  cli_module_replay, NULL },
	{ "module forgive", "SHA", "let a file in again that is in quarantine", "dWj",
	  cli_module_forgive, NULL },
	{ "module check", "FILE", "try everything with a module file; the report is TAP",
	  "12345678+=.90j", cli_module_check, NULL },
	{ "module info", "FILE", "say what a module file is, without running it", "j",
	  cli_module_info, NULL },
	{ "module new", "KIND NAME [DIR]", "make a module that works, to begin your own with", "Gj",
	  cli_module_new, NULL },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};

int cli_module_info(const struct cli_options *options)
{
	struct baton_buf out = { NULL, 0, 0 };
	char why[512];
	int rc = baton_module_inspect(options->operand, &out, why, sizeof(why));

	cli_log_to_stderr("error");
	if (rc < 0)
		fprintf(stderr, "refused: %s\n", why);
	else
		printf("%.*s\n", (int)out.n, out.p);
	baton_buf_done(&out);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}

/* --- what runs ------------------------------------------------------------------------------- */

static void show_failed(const struct baton_json *row, struct baton_buf *cell)
{
	uint64_t calls = admin_number(row, "calls"), fails = admin_number(row, "fails");

	if (calls > 0)
		baton_buf_printf(cell, "%.1f", 100.0 * (double)fails / (double)calls);
}

static void show_p95(const struct baton_json *row, struct baton_buf *cell)
{
	if (admin_number(row, "calls") > 0)
		baton_buf_u64(cell, admin_number(row, "p95_ms"));
}

static void show_since(const struct baton_json *row, struct baton_buf *cell)
{
	admin_since(row, "since_ms", cell);
}

static const struct admin_column columns[] = {
	{ "NAME", "module", NULL },
	{ "VERSION", "version", NULL },
	{ "GEN", "generation", NULL },
	{ "SHA256", "sha12", NULL },
	{ "STATE", "state", NULL },
	{ "ISOLATION", "isolation", NULL },
	{ "ABI", "abi", NULL },
	{ "KIND", "kind", NULL },
	{ "PINS", "pins", NULL },
	{ "CALLS", "calls", NULL },
	{ "FAIL %", NULL, show_failed },
	{ "P95 MS", NULL, show_p95 },
	{ "BROKEN", "violations", NULL },
	{ "SINCE", NULL, show_since },
	{ "STAYS MAPPED", "resident", NULL },
};
enum { COLUMNS_N = sizeof(columns) / sizeof(columns[0]) };

static void print_head(const struct baton_json *answer)
{
	struct baton_json candidate = baton_json_get(answer, "candidate");

	printf("release %llu serves", (unsigned long long)admin_number(answer, "live"));
	if (candidate.type == BATON_JSON_NUMBER)
		printf(", %llu is its candidate",
		       (unsigned long long)baton_json_u64(&candidate, 0));
	printf("\n");
}

static void show_sha(const struct baton_json *row, struct baton_buf *cell)
{
	struct baton_json sha = baton_json_get(row, "sha256");

	admin_cell(&sha, cell);
	cell->n = cell->n > 12 ? 12 : cell->n;
}

static void show_at(const struct baton_json *row, struct baton_buf *cell)
{
	admin_since(row, "at_ms", cell);
}

static void print_quarantine(const struct baton_json *answer)
{
	static const struct admin_column shut_out[] = {
		{ "IN QUARANTINE", NULL, show_sha },
		{ "MODULE", "module", NULL },
		{ "SINCE", NULL, show_at },
		{ "WHY", "reason", NULL },
	};
	struct baton_json all = baton_json_get(answer, "quarantined"), first;
	size_t at = 0;

	if (baton_json_element(&all, &at, &first))
		admin_table(&all, shut_out, sizeof(shut_out) / sizeof(shut_out[0]));
}

int cli_module_list(const struct cli_options *options)
{
	struct baton_buf request = { NULL, 0, 0 }, answer = { NULL, 0, 0 };
	struct baton_json object, all;

	cli_log_to_stderr("error");
	admin_begin(&request, "modules");
	int rc = admin_ask(options, &request, &answer);
	if (rc == CLI_OK && !options->json &&
	    baton_json_parse(baton_buf_view(&answer), &object) == 0) {
		all = baton_json_get(&object, "generations");
		print_head(&object);
		admin_table(&all, columns, COLUMNS_N);
		print_quarantine(&object);
	}
	baton_buf_done(&request);
	baton_buf_done(&answer);
	return rc;
}

/* --- one of them ----------------------------------------------------------------------------- */

/* One line for each of the same columns, so that names are the same everywhere. */
static void print_generation(const struct baton_json *generation)
{
	struct baton_buf cell = { NULL, 0, 0 };

	for (size_t i = 0; i < COLUMNS_N; i++) {
		admin_make_cell(generation, &columns[i], &cell);
		if (cell.n > 0)
			printf("  %-14s %.*s\n", columns[i].title, (int)cell.n, cell.p);
	}
	baton_buf_done(&cell);
}

/* Members of an object that are not 0, or that there are none. */
static void print_counts(const struct baton_json *counted, const char *member, const char *title,
			 const char *none)
{
	struct baton_json object = baton_json_get(counted, member), key, value;
	size_t at = 0, n = 0;

	printf("  %s\n", title);
	while (baton_json_member(&object, &at, &key, &value)) {
		struct baton_buf name = { NULL, 0, 0 };

		if (value.type == BATON_JSON_NUMBER && baton_json_u64(&value, 1) == 0)
			continue;
		n++;
		admin_cell(&key, &name);
		printf("    %-22.*s ", (int)name.n, name.p);
		baton_buf_done(&name);
		if (value.type == BATON_JSON_OBJECT)
			printf("%llu, together %.3f s\n",
			       (unsigned long long)admin_number(&value, "n"),
			       (double)admin_number(&value, "us") / 1e6);
		else
			printf("%llu\n", (unsigned long long)baton_json_u64(&value, 0));
	}
	if (n == 0)
		printf("    %s\n", none);
}

static void print_module(const struct cli_options *options, const struct baton_json *answer)
{
	struct baton_json all = baton_json_get(answer, "generations"), generation;
	struct baton_json counted;
	size_t at = 0;

	while (baton_json_element(&all, &at, &generation)) {
		printf("%s, generation %llu\n", options->operand,
		       (unsigned long long)admin_number(&generation, "generation"));
		print_generation(&generation);
		counted = baton_json_get(&generation, "counted");
		print_counts(&counted, "breaches", "rules of the contract that it broke", "none");
		print_counts(&counted, "counters", "what it counted itself", "nothing");
		print_counts(&counted, "times", "what it measured itself", "nothing");
	}
}

/* A core dump names the private copy; that of the last crash is in run/crashed. */
static void print_debuginfo(const struct cli_options *options, const struct baton_json *answer)
{
	struct baton_json all = baton_json_get(answer, "generations"), generation;
	size_t at = 0;

	while (baton_json_element(&all, &at, &generation)) {
		struct baton_json copy = baton_json_get(&generation, "copy");
		struct baton_json id = baton_json_get(&generation, "build_id");
		struct baton_buf path = { NULL, 0, 0 }, build = { NULL, 0, 0 };

		admin_cell(&copy, &path);
		admin_cell(&id, &build);
		printf("%s, generation %llu\n  build-id  %.*s\n  code      %.*s\n",
		       options->operand,
		       (unsigned long long)admin_number(&generation, "generation"), (int)build.n,
		       build.n ? build.p : "", (int)path.n, path.n ? path.p : "");
		baton_buf_done(&path);
		baton_buf_done(&build);
	}
}

static int ask_about_one(const struct cli_options *options,
			 void (*print)(const struct cli_options *, const struct baton_json *))
{
	struct baton_buf request = { NULL, 0, 0 }, answer = { NULL, 0, 0 };
	struct baton_json object;

	cli_log_to_stderr("error");
	admin_begin(&request, "modules");
	admin_text(&request, "module", options->operand);
	int rc = admin_ask(options, &request, &answer);
	if (rc == CLI_OK && !options->json &&
	    baton_json_parse(baton_buf_view(&answer), &object) == 0)
		print(options, &object);
	baton_buf_done(&request);
	baton_buf_done(&answer);
	return rc;
}

int cli_module_show(const struct cli_options *options)
{
	return ask_about_one(options, print_module);
}

int cli_module_debuginfo(const struct cli_options *options)
{
	return ask_about_one(options, print_debuginfo);
}
