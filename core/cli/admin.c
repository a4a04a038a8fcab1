/* SPDX-License-Identifier: Apache-2.0 */

/* baton target, baton mode, baton drill: what admins do to a running server. */

#include "core/cli/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- questions ------------------------------------------------------------------------------- */

void admin_begin(struct baton_buf *request, const char *verb)
{
	baton_buf_z(request, "{\"do\":");
	baton_buf_json(request, baton_str_of(verb));
}

void admin_text(struct baton_buf *request, const char *name, const char *value)
{
	if (!value)
		return;
	baton_buf_printf(request, ",\"%s\":", name);
	baton_buf_json(request, baton_str_of(value));
}

int admin_ask(const struct cli_options *options, struct baton_buf *request,
	      struct baton_buf *answer)
{
	baton_buf_z(request, "}");
	int rc = cli_control_ask(options, request, answer);
	if (rc == CLI_OK && options->json) {
		cli_write(STDOUT_FILENO, baton_buf_view(answer));
		cli_write(STDOUT_FILENO, BATON_STR("\n"));
	}
	return rc;
}

static void tell_step(void *ud, const struct baton_json *line)
{
	struct baton_json step = baton_json_get(line, "step"), module, state;
	struct baton_buf text = { NULL, 0, 0 };

	(void)ud;
	if (step.type != BATON_JSON_OBJECT)
		return;
	module = baton_json_get(&step, "module");
	state = baton_json_get(&step, "state");
	admin_cell(&module, &text);
	baton_buf_z(&text, text.n > 0 ? ": " : "");
	admin_cell(&state, &text);
	fprintf(stderr, "  %.*s, %.1f ms\n", (int)text.n, text.p,
		(double)admin_number(&step, "us") / 1e3);
	baton_buf_done(&text);
}

int admin_follow(const struct cli_options *options, struct baton_buf *request,
		 struct baton_buf *answer)
{
	bool tell = options->verbose || (!options->json && isatty(STDERR_FILENO));
	struct cli_follower follower = { NULL, tell ? tell_step : NULL };

	baton_buf_z(request, tell ? ",\"steps\":true}" : "}");
	int rc = cli_control_follow(options, request, &follower, answer);
	if (rc == CLI_OK && options->json) {
		cli_write(STDOUT_FILENO, baton_buf_view(answer));
		cli_write(STDOUT_FILENO, BATON_STR("\n"));
	}
	return rc;
}

/* --- members of rows ------------------------------------------------------------------------- */

uint64_t admin_number(const struct baton_json *row, const char *name)
{
	struct baton_json value = baton_json_get(row, name);

	return baton_json_u64(&value, 0);
}

bool admin_is(const struct baton_json *row, const char *name, const char *word)
{
	struct baton_json value = baton_json_get(row, name);

	return value.type == BATON_JSON_STRING && value.plain &&
	       baton_str_is((baton_str){ value.raw.p + 1, value.raw.n - 2 }, word);
}

void admin_print(const struct baton_json *row, const char *name)
{
	struct baton_json value = baton_json_get(row, name);
	struct baton_buf text = { NULL, 0, 0 };

	admin_cell(&value, &text);
	printf("%.*s", (int)text.n, text.n ? text.p : "");
	baton_buf_done(&text);
}

void admin_since(const struct baton_json *row, const char *name, struct baton_buf *cell)
{
	uint64_t now = cli_unix_ms(), then = admin_number(row, name);

	if (then > 0 && then <= now)
		admin_duration(now - then, cell);
}

/* --- tables ---------------------------------------------------------------------------------- */

void admin_cell(const struct baton_json *value, struct baton_buf *cell)
{
	struct baton_arena arena = { NULL, 0 };

	if (value->type == BATON_JSON_STRING)
		baton_buf_str(cell, baton_json_text(value, &arena));
	else if (value->type == BATON_JSON_TRUE)
		baton_buf_z(cell, "yes");
	else if (value->type > BATON_JSON_TRUE)
		baton_buf_str(cell, value->raw);
	baton_arena_done(&arena);
}

void admin_duration(uint64_t ms, struct baton_buf *cell)
{
	unsigned long long s = ms / 1000;

	if (s < 60)
		baton_buf_printf(cell, "%llus", s);
	else if (s < 3600)
		baton_buf_printf(cell, "%llum", s / 60);
	else if (s < 86400)
		baton_buf_printf(cell, "%lluh %llum", s / 3600, s % 3600 / 60);
	else
		baton_buf_printf(cell, "%llud %lluh", s / 86400, s % 86400 / 3600);
}

void admin_make_cell(const struct baton_json *row, const struct admin_column *column,
		     struct baton_buf *cell)
{
	baton_buf_reset(cell);
	if (column->show) {
		column->show(row, cell);
	} else {
		struct baton_json value = baton_json_get(row, column->member);

		admin_cell(&value, cell);
	}
}

/* Columns are as wide as what stands in them; names are ASCII, so bytes are columns. */
static size_t width_of(const struct baton_json *array, const struct admin_column *column)
{
	struct baton_buf cell = { NULL, 0, 0 };
	struct baton_json row;
	size_t at = 0, width = strlen(column->title);

	while (baton_json_element(array, &at, &row)) {
		admin_make_cell(&row, column, &cell);
		width = cell.n > width ? cell.n : width;
	}
	baton_buf_done(&cell);
	return width;
}

enum { COLUMNS_MAX = 16 };

void admin_table(const struct baton_json *array, const struct admin_column *columns, size_t n)
{
	struct baton_buf cell = { NULL, 0, 0 };
	size_t widths[COLUMNS_MAX], at = 0;
	struct baton_json row;

	for (size_t i = 0; i < n; i++) {
		widths[i] = i + 1 < n ? width_of(array, &columns[i]) : 0;
		printf("%-*s%s", (int)widths[i], columns[i].title, i + 1 < n ? "  " : "\n");
	}
	while (baton_json_element(array, &at, &row)) {
		for (size_t i = 0; i < n; i++) {
			admin_make_cell(&row, &columns[i], &cell);
			printf("%-*.*s%s", (int)widths[i], (int)cell.n, cell.n ? cell.p : "",
			       i + 1 < n ? "  " : "\n");
		}
	}
	baton_buf_done(&cell);
}

/* Asks for a member of the board, prints it as a table. */
static int list(const struct cli_options *options, const char *verb, const char *member,
		const struct admin_column *columns, size_t n)
{
	struct baton_buf request = { NULL, 0, 0 }, answer = { NULL, 0, 0 };
	struct baton_json object, array;
	size_t at = 0;

	admin_begin(&request, verb);
	int rc = admin_ask(options, &request, &answer);
	if (rc == CLI_OK && !options->json &&
	    baton_json_parse(baton_buf_view(&answer), &object) == 0) {
		array = baton_json_get(&object, member);
		if (baton_json_element(&array, &at, &object))
			admin_table(&array, columns, n);
		else
			printf("no %s\n", member);
	}
	baton_buf_done(&request);
	baton_buf_done(&answer);
	return rc;
}

/* --- doing ----------------------------------------------------------------------------------- */

bool admin_read_duration(const char *text, uint64_t *ret_ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }
	};
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || n > UINT32_MAX)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		*ret_ms = n * units[i].ms;
		return true;
	}
	return false;
}

/* Asks for something with a name, and says in words what came of it. */
static int act(const struct cli_options *options, struct baton_buf *request, const char *done)
{
	struct baton_buf answer = { NULL, 0, 0 };
	struct baton_json object, note;

	int rc = admin_ask(options, request, &answer);
	if (rc == CLI_OK && !options->json) {
		struct baton_buf text = { NULL, 0, 0 };

		printf("%s\n", done);
		if (baton_json_parse(baton_buf_view(&answer), &object) == 0) {
			note = baton_json_get(&object, "note");
			admin_cell(&note, &text);
		}
		if (text.n > 0)
			fprintf(stderr, "baton: %.*s\n", (int)text.n, text.p);
		baton_buf_done(&text);
	}
	baton_buf_done(&answer);
	baton_buf_done(request);
	return rc;
}

static int need_name(const struct cli_options *options, const char *command, const char *what)
{
	if (options->operand2)
		return CLI_OK;
	fprintf(stderr, "baton %s %s: missing %s; `baton %s list` shows them\n", command,
		options->operand, what, command);
	return CLI_USAGE;
}

static int no_such(const struct cli_options *options, const char *command, const char *known)
{
	fprintf(stderr, "baton %s: `%s` is not one of %s\n", command, options->operand, known);
	return CLI_USAGE;
}

/* --- cells that several tables have ----------------------------------------------------------- */

static void show_left(const struct baton_json *row, struct baton_buf *cell)
{
	struct baton_json until = baton_json_get(row, "until_unix_ms");
	struct baton_json left = baton_json_get(row, "left_ms");
	uint64_t now = cli_unix_ms(), then = baton_json_u64(&until, 0);

	if (then > now)
		admin_duration(then - now, cell);
	else if (baton_json_u64(&left, 0) > 0)
		admin_duration(baton_json_u64(&left, 0), cell);
}

static void show_since(const struct baton_json *row, struct baton_buf *cell)
{
	admin_since(row, "since_unix_ms", cell);
}

/* --- targets --------------------------------------------------------------------------------- */

static void show_p95(const struct baton_json *row, struct baton_buf *cell)
{
	struct baton_json times = baton_json_get(row, "answer_ms");
	struct baton_json n = baton_json_get(&times, "n"), p95 = baton_json_get(&times, "p95");

	if (baton_json_u64(&n, 0) > 0)
		baton_buf_u64(cell, baton_json_u64(&p95, 0));
}

static void show_calls(const struct baton_json *row, struct baton_buf *cell)
{
	struct baton_json calls = baton_json_get(row, "calls"), key, value;
	uint64_t sum = 0;
	size_t at = 0;

	while (baton_json_member(&calls, &at, &key, &value))
		sum += baton_json_u64(&value, 0);
	baton_buf_u64(cell, sum);
}

static void show_success(const struct baton_json *row, struct baton_buf *cell)
{
	struct baton_json share = baton_json_get(row, "success_ppm");

	baton_buf_printf(cell, "%.1f %%", (double)baton_json_u64(&share, 0) / 1e4);
}

/* One that only an old release still asks, or a candidate. */
static void show_target_state(const struct baton_json *row, struct baton_buf *cell)
{
	struct baton_json state = baton_json_get(row, "state");
	struct baton_json declared = baton_json_get(row, "declared");

	admin_cell(&state, cell);
	if (declared.type == BATON_JSON_FALSE)
		baton_buf_z(cell, " (not in the policies)");
}

static int target_list(const struct cli_options *options)
{
	static const struct admin_column columns[] = {
		{ "TARGET", "target", NULL },
		{ "STATE", NULL, show_target_state },
		{ "WHY", "trigger", NULL },
		{ "NEXT TRY", NULL, show_left },
		{ "CALLS 5M", NULL, show_calls },
		{ "GOOD", NULL, show_success },
		{ "P95 MS", NULL, show_p95 },
		{ "ACCOUNT", "account", NULL },
		{ "SWITCHED OFF BY", "disabled_by", NULL },
	};

	return list(options, "targets", "targets", columns, sizeof(columns) / sizeof(columns[0]));
}

int cli_target(const struct cli_options *options)
{
	struct baton_buf request = { NULL, 0, 0 };
	bool disable = strcmp(options->operand, "disable") == 0;
	char done[256];

	cli_log_to_stderr("error");
	if (strcmp(options->operand, "list") == 0)
		return target_list(options);
	if (!disable && strcmp(options->operand, "enable") != 0)
		return no_such(options, "target", "list, disable, enable");
	int rc = need_name(options, "target", "the target's name");
	if (rc != CLI_OK)
		return rc;
	admin_begin(&request, disable ? "target.disable" : "target.enable");
	admin_text(&request, "target", options->operand2);
	admin_text(&request, "why", options->why);
	if (disable)
		snprintf(
			done, sizeof(done),
			"%s is switched off, also after a restart; `baton target enable %s` puts it back",
			options->operand2, options->operand2);
	else
		snprintf(done, sizeof(done), "%s is in use again", options->operand2);
	return act(options, &request, done);
}

/* --- modes ----------------------------------------------------------------------------------- */

static int mode_list(const struct cli_options *options)
{
	static const struct admin_column columns[] = {
		{ "MODE", "name", NULL },      { "STATE", "state", NULL },
		{ "DOES", "do", NULL },        { "WHY", "trigger", NULL },
		{ "SINCE", NULL, show_since }, { "AT MOST", NULL, show_left },
		{ "BY", "by", NULL },
	};

	return list(options, "modes", "modes", columns, sizeof(columns) / sizeof(columns[0]));
}

int cli_mode(const struct cli_options *options)
{
	struct baton_buf request = { NULL, 0, 0 };
	bool enter = strcmp(options->operand, "enter") == 0;
	uint64_t for_ms = 0;
	char done[256];

	cli_log_to_stderr("error");
	if (strcmp(options->operand, "list") == 0)
		return mode_list(options);
	if (!enter && strcmp(options->operand, "leave") != 0)
		return no_such(options, "mode", "list, enter, leave");
	int rc = need_name(options, "mode", "the mode's name");
	if (rc != CLI_OK)
		return rc;
	if (options->for_ &&
	    (!enter || !admin_read_duration(options->for_, &for_ms) || for_ms == 0)) {
		fprintf(stderr, "baton mode: --for is for `enter` and takes a time such as 30m\n");
		return CLI_USAGE;
	}
	admin_begin(&request, enter ? "mode.enter" : "mode.leave");
	admin_text(&request, "mode", options->operand2);
	admin_text(&request, "why", options->why);
	if (for_ms > 0)
		baton_buf_printf(&request, ",\"for_ms\":%llu", (unsigned long long)for_ms);
	snprintf(done, sizeof(done), "%s is %s", options->operand2,
		 enter ? "on; `baton mode list` says until when" : "off");
	return act(options, &request, done);
}

/* --- drills ---------------------------------------------------------------------------------- */

static void show_share(const struct baton_json *row, struct baton_buf *cell)
{
	struct baton_json share = baton_json_get(row, "share_ppm");
	struct baton_json only = baton_json_get(row, "labelled_only");

	if (baton_json_bool(&only))
		baton_buf_z(cell, "its own");
	else
		baton_buf_printf(cell, "%.4g %%", (double)baton_json_u64(&share, 0) / 1e4);
}

static int drill_list(const struct cli_options *options)
{
	static const struct admin_column columns[] = {
		{ "DRILL", "name", NULL },
		{ "SESSIONS", NULL, show_share },
		{ "LEFT", NULL, show_left },
		{ "BY", "by", NULL },
	};

	return list(options, "drill.list", "drills", columns, sizeof(columns) / sizeof(columns[0]));
}

int cli_drill(const struct cli_options *options)
{
	struct baton_buf request = { NULL, 0, 0 };
	char done[256];

	cli_log_to_stderr("error");
	if (strcmp(options->operand, "list") == 0)
		return drill_list(options);
	if (strcmp(options->operand, "run") == 0)
		return cli_drill_run(options);
	if (strcmp(options->operand, "stop") != 0)
		return no_such(options, "drill", "list, stop, run");
	int rc = need_name(options, "drill", "the drill's name");
	if (rc != CLI_OK)
		return rc;
	admin_begin(&request, "drill.stop");
	admin_text(&request, "name", options->operand2);
	admin_text(&request, "why", options->why);
	snprintf(done, sizeof(done), "%s has ended; its faults are gone", options->operand2);
	return act(options, &request, done);
}
