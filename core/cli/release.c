/* SPDX-License-Identifier: Apache-2.0 */

/* baton reload, baton rollback and the commands of baton module that change what a running server
 * serves with. Each waits for the server's verdict, prints it as one line, and ends with 1 if it
 * was no: what served before serves on.
 */

#include "core/cli/admin.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Asks, waits, says what came of it. `request` lacks its end; freed. */
static int change(const struct cli_options *options, struct baton_buf *request)
{
	struct baton_buf answer = { NULL, 0, 0 };
	struct baton_json object;

	cli_log_to_stderr("error");
	admin_text(request, "why", options->why);
	if (options->force)
		baton_buf_z(request, ",\"force\":true");
	if (options->cold)
		baton_buf_z(request, ",\"cold\":true");
	if (options->share_ppm > 0)
		baton_buf_printf(request, ",\"share_ppm\":%u", (unsigned)options->share_ppm);
	int rc = admin_follow(options, request, &answer);
	if (rc == CLI_OK && !options->json &&
	    baton_json_parse(baton_buf_view(&answer), &object) == 0) {
		admin_print(&object, "text");
		printf("\n");
	}
	baton_buf_done(&answer);
	baton_buf_done(request);
	return rc;
}

static int change_release(const struct cli_options *options, const char *verb)
{
	struct baton_buf request = { NULL, 0, 0 };

	admin_begin(&request, verb);
	return change(options, &request);
}

int cli_reload(const struct cli_options *options)
{
	return change_release(options, "reload");
}

int cli_rollback(const struct cli_options *options)
{
	return change_release(options, "release.rollback");
}

int cli_module_promote(const struct cli_options *options)
{
	return change_release(options, "release.promote");
}

int cli_module_discard(const struct cli_options *options)
{
	return change_release(options, "release.discard");
}

int cli_module_drain(const struct cli_options *options)
{
	return change_release(options, "release.drain");
}

/* --- one module's file ----------------------------------------------------------------------- */

/* The server has a working folder of its own: it is told the whole path. */
static int put_path(struct baton_buf *request, const char *file)
{
	char whole[PATH_MAX];

	if (!file)
		return CLI_OK;
	if (!realpath(file, whole)) {
		fprintf(stderr, "baton: %s: %s\n", file, strerror(errno));
		return CLI_FAILED;
	}
	admin_text(request, "path", whole);
	return CLI_OK;
}

static int change_module(const struct cli_options *options, const char *verb)
{
	struct baton_buf request = { NULL, 0, 0 };

	admin_begin(&request, verb);
	admin_text(&request, "module", options->operand);
	int rc = put_path(&request, options->operand2);
	if (rc == CLI_OK)
		return change(options, &request);
	baton_buf_done(&request);
	return rc;
}

int cli_module_load(const struct cli_options *options)
{
	return change_module(options, "module.load");
}

int cli_module_swap(const struct cli_options *options)
{
	return change_module(options, "module.swap");
}

int cli_module_canary(const struct cli_options *options)
{
	return change_module(options, "module.canary");
}

int cli_module_forgive(const struct cli_options *options)
{
	struct baton_buf request = { NULL, 0, 0 };

	admin_begin(&request, "module.forgive");
	admin_text(&request, "sha", options->operand);
	return change(options, &request);
}

/* --- what holds an old release ---------------------------------------------------------------- */

static void show_age(const struct baton_json *row, struct baton_buf *cell)
{
	admin_duration(admin_number(row, "for_ms"), cell);
}

static void show_deadline(const struct baton_json *row, struct baton_buf *cell)
{
	struct baton_json left = baton_json_get(row, "deadline_ms");

	if (left.type == BATON_JSON_NUMBER)
		admin_duration(baton_json_u64(&left, 0), cell);
}

static bool read_release(const char *text, unsigned long long *ret)
{
	char *end;

	*ret = strtoull(text, &end, 10);
	return *text >= '1' && *text <= '9' && *end == '\0';
}

static void print_turns(const struct baton_json *answer)
{
	static const struct admin_column columns[] = {
		{ "RELEASE", "release", NULL },     { "SESSION", "session", NULL },
		{ "TURN", "turn", NULL },           { "AGE", NULL, show_age },
		{ "AT MOST", NULL, show_deadline }, { "WORKER", "worker", NULL },
	};
	struct baton_json turns = baton_json_get(answer, "turns"), first;
	size_t at = 0;

	if (baton_json_element(&turns, &at, &first))
		admin_table(&turns, columns, sizeof(columns) / sizeof(columns[0]));
	else
		printf("no turn holds an old release\n");
}

int cli_module_why_live(const struct cli_options *options)
{
	struct baton_buf request = { NULL, 0, 0 }, answer = { NULL, 0, 0 };
	struct baton_json object;
	unsigned long long release;

	cli_log_to_stderr("error");
	admin_begin(&request, "release.why_live");
	if (options->operand && !read_release(options->operand, &release)) {
		fprintf(stderr,
			"baton module why-live: a release is a number; `baton module releases` lists them\n");
		baton_buf_done(&request);
		return CLI_USAGE;
	}
	if (options->operand)
		baton_buf_printf(&request, ",\"release\":%llu", release);
	int rc = admin_ask(options, &request, &answer);
	if (rc == CLI_OK && !options->json &&
	    baton_json_parse(baton_buf_view(&answer), &object) == 0)
		print_turns(&object);
	baton_buf_done(&request);
	baton_buf_done(&answer);
	return rc;
}

/* --- releases -------------------------------------------------------------------------------- */

static void show_since(const struct baton_json *row, struct baton_buf *cell)
{
	admin_since(row, "since_ms", cell);
}

static void show_modules(const struct baton_json *row, struct baton_buf *cell)
{
	struct baton_json modules = baton_json_get(row, "modules"), module;
	size_t at = 0;

	while (baton_json_element(&modules, &at, &module)) {
		struct baton_json name = baton_json_get(&module, "name");

		baton_buf_z(cell, cell->n > 0 ? ", " : "");
		admin_cell(&name, cell);
		baton_buf_printf(cell, " %llu",
				 (unsigned long long)admin_number(&module, "generation"));
	}
}

static void show_ended(const struct baton_json *row, struct baton_buf *cell)
{
	admin_since(row, "ended_ms", cell);
}

static void print_releases(const struct baton_json *answer)
{
	static const struct admin_column columns[] = {
		{ "RELEASE", "number", NULL },
		{ "STATE", "state", NULL },
		{ "SINCE", NULL, show_since },
		{ "TURNS", "pins", NULL },
		{ "POLICIES", "policy_sha12", NULL },
		{ "MODULES AND GENERATIONS", NULL, show_modules },
	};
	static const struct admin_column ended[] = {
		{ "PAST", "number", NULL },
		{ "POLICIES", "policy_sha12", NULL },
		{ "ENDED", NULL, show_ended },
	};
	struct baton_json releases = baton_json_get(answer, "releases"), first;
	struct baton_json past = baton_json_get(answer, "past");
	struct baton_json canary = baton_json_get(answer, "canary");
	size_t at = 0;

	admin_table(&releases, columns, sizeof(columns) / sizeof(columns[0]));
	if (canary.type == BATON_JSON_OBJECT) {
		printf("canary: %.4g %% of the conversations; ",
		       (double)admin_number(&canary, "share_ppm") / 1e4);
		admin_print(&canary, "why");
		printf("\n");
	}
	if (baton_json_element(&past, &at, &first))
		admin_table(&past, ended, sizeof(ended) / sizeof(ended[0]));
}

int cli_module_releases(const struct cli_options *options)
{
	struct baton_buf request = { NULL, 0, 0 }, answer = { NULL, 0, 0 };
	struct baton_json object;

	cli_log_to_stderr("error");
	admin_begin(&request, "releases");
	int rc = admin_ask(options, &request, &answer);
	if (rc == CLI_OK && !options->json &&
	    baton_json_parse(baton_buf_view(&answer), &object) == 0)
		print_releases(&object);
	baton_buf_done(&request);
	baton_buf_done(&answer);
	return rc;
}
