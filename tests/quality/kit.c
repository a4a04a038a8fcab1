/* SPDX-License-Identifier: Apache-2.0 */

/* Tables, data and modules for the parts. One table at a time; it is printed when it is closed, and
 * its rows go to build/quality/<part>.json as well, where the environment says so. */

#include "tests/quality/kit.h"

#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROWS_MAX = 128, CELL_WIDTH = 46, READY_MS = 60000 };

static struct {
	const char *title;
	struct quality_row rows[ROWS_MAX];
	char cells[ROWS_MAX][CELL_WIDTH + 40];
	size_t n;
} table;

static void give_up(const char *what, const char *why)
{
	printf("quality: %s: %s\n", what, why);
	exit(2);
}

/* --- the table --- */

void quality_open(const char *title)
{
	table.title = title;
	table.n = 0;
}

void quality_row(const struct quality_row *row)
{
	if (table.n == ROWS_MAX)
		give_up(table.title, "too many rows");
	table.rows[table.n] = *row;
	snprintf(table.cells[table.n], sizeof(table.cells[0]), "%s", row->cell);
	table.rows[table.n].cell = table.cells[table.n];
	if (!row->format)
		table.rows[table.n].format = "%.1f";
	table.n++;
}

/* The formats are the parts' own constants. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void number(char *to, size_t cap, const char *format, double value)
{
	snprintf(to, cap, format, value);
}
#pragma GCC diagnostic pop

/* What prints the same is the same. */
static bool is_missed(const struct quality_row *row)
{
	char value[32], goal[32];

	if (row->goal == 0)
		return false;
	number(value, sizeof(value), row->format, row->value);
	number(goal, sizeof(goal), row->format, row->goal);
	if (strcmp(value, goal) == 0)
		return false;
	return !(row->lower ? row->value < row->goal : row->value > row->goal);
}

static void print_row(const struct quality_row *row)
{
	char value[32], goal[32] = "";

	number(value, sizeof(value), row->format, row->value);
	if (row->goal != 0) {
		goal[0] = row->lower ? '<' : '>';
		goal[1] = '=';
		number(goal + 2, sizeof(goal) - 2, row->format, row->goal);
	}
	printf("%-6s %-*s %9s %10s  %s%s%s\n",
	       row->goal == 0   ? ""
	       : is_missed(row) ? "MISSED"
				: "ok",
	       CELL_WIDTH, row->cell, value, goal, row->published ? row->published : "",
	       row->published && row->note ? "; " : "", row->note ? row->note : "");
}

static void write_json(int failed)
{
	const char *path = getenv("QUALITY_JSON");
	json_t *rows = json_array();

	for (size_t i = 0; path && i < table.n; i++) {
		const struct quality_row *row = &table.rows[i];

		json_array_append_new(
			rows, json_pack("{s:s, s:o, s:o, s:b, s:b}", "cell", row->cell, "value",
					isfinite(row->value) ? json_real(row->value) : json_null(),
					"goal", row->goal != 0 ? json_real(row->goal) : json_null(),
					"lower", row->lower, "missed", is_missed(row)));
	}
	json_t *all =
		json_pack("{s:s, s:i, s:o}", "title", table.title, "missed", failed, "rows", rows);
	if (path)
		(void)json_dump_file(all, path, JSON_INDENT(1));
	json_decref(all);
}

int quality_close(void)
{
	int failed = 0;

	printf("\n%s\n%-6s %-*s %9s %10s  %s\n", table.title, "", CELL_WIDTH, "", "measured",
	       "goal", "published by others");
	for (size_t i = 0; i < table.n; i++) {
		print_row(&table.rows[i]);
		failed += is_missed(&table.rows[i]);
	}
	write_json(failed);
	fflush(stdout);
	return failed > 0;
}

bool quality_is_short(void)
{
	const char *is_short = getenv("QUALITY_SHORT");

	return is_short && *is_short;
}

/* --- data --- */

static char *read_file(const char *path, size_t *ret_n)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "tests/data/%s", path);
	FILE *file = fopen(name, "rb");
	if (!file || fseek(file, 0, SEEK_END) < 0)
		give_up(name, "cannot be read; run from the root of the tree");
	long size = ftell(file);
	char *bytes = size >= 0 ? malloc((size_t)size + 1) : NULL;

	rewind(file);
	if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size)
		give_up(name, "cannot be read");
	bytes[size] = '\0';
	fclose(file);
	*ret_n = (size_t)size;
	return bytes;
}

static char *cut_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (end)
		*end = '\0';
	*at = end ? end + 1 : line + strlen(line);
	return line;
}

struct quality_lines quality_tsv(const char *path)
{
	struct quality_lines lines = { 0 };
	size_t n, cap = 0;
	char *at = lines.bytes = read_file(path, &n);

	(void)cut_line(&at); /* the header */
	while (*at) {
		if (lines.n == cap) {
			cap = 2 * cap + 1024;
			void *more = realloc(lines.v, cap * sizeof(*lines.v));
			if (!more)
				give_up(path, "no memory");
			lines.v = more;
		}
		char **columns = lines.v[lines.n++], *cell = cut_line(&at);

		for (size_t i = 0; i < QUALITY_COLUMNS_MAX; i++) {
			columns[i] = cell;
			cell = cell && i + 1 < QUALITY_COLUMNS_MAX ? strchr(cell, '\t') : NULL;
			if (cell)
				*cell++ = '\0';
		}
	}
	return lines;
}

void quality_lines_free(struct quality_lines *lines)
{
	free(lines->bytes);
	free(lines->v);
	*lines = (struct quality_lines){ 0 };
}

json_t *quality_jsonl(const char *path)
{
	size_t n;
	char *bytes = read_file(path, &n), *at = bytes;
	json_t *list = json_array();

	while (*at) {
		const char *line = cut_line(&at);
		json_t *value = *line ? json_loads(line, JSON_DECODE_ANY, NULL) : NULL;

		if (*line && !value)
			give_up(path, "a line is not JSON");
		if (value)
			json_array_append_new(list, value);
	}
	free(bytes);
	return list;
}

json_t *quality_json(const char *path)
{
	size_t n;
	char *bytes = read_file(path, &n);
	json_t *value = json_loadb(bytes, n, JSON_DECODE_ANY, NULL);

	free(bytes);
	if (!value)
		give_up(path, "is not JSON");
	return value;
}

/* --- a module --- */

/* build/<variant>/quality/<part> -> build/<variant>/modules/<name>.so */
static void module_path(char *to, size_t cap, const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	const char *build = dirname(dirname(self));
	if (snprintf(to, cap, "%s/modules/%s.so", build, name) >= (int)cap)
		give_up(name, "its path is too long");
}

double quality_cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Jobs run on a thread of their own. */
static double process_cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct quality_module quality_module(const char *name, const char *config)
{
	struct quality_module module = { 0 };
	char path[PATH_MAX], why[256] = "";
	baton_call call;

	module_path(path, sizeof(path), name);
	module.host = baton_testhost_open(path, NULL, why, sizeof(why));
	if (!module.host)
		give_up(path, why);
	double start = process_cpu_s();
	if (baton_testhost_create(module.host, config, &module.inst) != BATON_OK)
		give_up(name, "refuses its configuration");
	module.create_s = process_cpu_s() - start;
	bool checks =
		baton_testhost_module(module.host)->check != NULL; /* else it is always well */
	if (checks && (baton_testhost_check(module.host, module.inst, 0, &call) < 0 ||
		       !baton_testhost_run(module.host, call, READY_MS) ||
		       baton_testhost_heard(module.host, call)->failed))
		give_up(name, "is not ready");
	module.ready_s = process_cpu_s() - start;
	module.vt = baton_testhost_vt(module.host);
	module.self = baton_testhost_inst(module.host, module.inst);
	return module;
}

void quality_module_close(struct quality_module *module)
{
	if (baton_testhost_close(&module->host) > 0)
		give_up("the module", "has broken rules of the contract");
	*module = (struct quality_module){ 0 };
}

/* --- arithmetic --- */

static int by_value(const void *left, const void *right)
{
	double l = *(const double *)left, r = *(const double *)right;

	return (l > r) - (l < r);
}

double quality_auroc(double *yes, size_t n_yes, double *no, size_t n_no)
{
	double wins = 0;
	size_t below = 0, upto = 0;

	qsort(yes, n_yes, sizeof(*yes), by_value);
	qsort(no, n_no, sizeof(*no), by_value);
	for (size_t i = 0; i < n_yes; i++) {
		while (below < n_no && no[below] < yes[i])
			below++;
		upto = upto > below ? upto : below;
		while (upto < n_no && no[upto] <= yes[i])
			upto++;
		wins += (double)below + 0.5 * (double)(upto - below);
	}
	return n_yes > 0 && n_no > 0 ? wins / ((double)n_yes * (double)n_no) : (double)NAN;
}

double quality_quantile(double *values, size_t n, double share)
{
	if (n == 0)
		return (double)NAN;
	qsort(values, n, sizeof(*values), by_value);
	size_t at = (size_t)((double)n * share);

	return values[at < n ? at : n - 1];
}
