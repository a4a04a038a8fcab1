/* SPDX-License-Identifier: Apache-2.0 */

/* baton module check: options, and where the report goes. What is checked: core/check. */

#include "core/cli/cli.h"

#include "core/check/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_BYTES_MAX = 4 * 1024 * 1024 };

struct show {
	bool json, isolated;
};

/* JSON as it stands, or the file it names. false: told. */
static bool config_read(const char *said, struct baton_buf *out)
{
	if (said[0] == '{') {
		baton_buf_z(out, said);
		return true;
	}
	FILE *file = fopen(said, "rb");
	if (!file) {
		fprintf(stderr, "baton module check: %s: %s\n", said, strerrordesc_np(errno));
		return false;
	}
	for (size_t n = 1; n > 0 && out->n < CONFIG_BYTES_MAX;) {
		n = fread(baton_buf_room(out, 65536), 1, 65536, file);
		out->n += n;
	}
	(void)fclose(file);
	(void)baton_buf_room(out, 1);
	out->p[out->n] = '\0';
	return true;
}

static bool number_read(const char *said, uint64_t *ret, const char **ret_rest)
{
	char *end;
	errno = 0;
	*ret = strtoull(said, &end, 10);
	*ret_rest = end;
	return said[0] >= '0' && said[0] <= '9' && errno == 0;
}

/* "7" or "7:fuzz-upstream". false: told. */
static bool numbers_read(const struct cli_options *options, struct baton_check_options *check)
{
	const char *rest = "";
	check->seed = 1;
	if (options->seed && (!number_read(options->seed, &check->seed, &rest) || *rest)) {
		fprintf(stderr, "baton module check: --seed is a number, found %s\n",
			options->seed);
		return false;
	}
	if (!options->reproduce)
		return true;
	if (!number_read(options->reproduce, &check->reproduce, &rest) || (*rest && *rest != ':')) {
		fprintf(stderr, "baton module check: --reproduce is NUMBER or NUMBER:CHECK\n");
		return false;
	}
	if (*rest == ':')
		check->only = rest + 1;
	else if (!check->only)
		check->only = "fuzz-*";
	return true;
}

static void told(void *ud, const struct baton_check_report *report,
		 const struct baton_check_result *result)
{
	const struct show *show = ud;
	struct baton_buf text = { NULL, 0, 0 };

	if (show->json)
		return;
	baton_check_tap(report, result, &text);
	printf("%.*s", (int)text.n, text.p);
	fflush(stdout);
	baton_buf_done(&text);
}

static int junit_write(const char *path, const struct baton_check_report *report)
{
	struct baton_buf text = { NULL, 0, 0 };
	FILE *file = fopen(path, "wb");

	baton_check_junit(report, &text);
	bool good = file && fwrite(text.p, 1, text.n, file) == text.n;
	if (file && fclose(file) != 0)
		good = false;
	if (!good)
		fprintf(stderr, "baton module check: %s: %s\n", path, strerrordesc_np(errno));
	baton_buf_done(&text);
	return good ? CLI_OK : CLI_FAILED;
}

static int report_end(const struct cli_options *options, const struct baton_check_report *report)
{
	struct baton_buf text = { NULL, 0, 0 };

	if (options->json) {
		baton_check_json(report, &text);
	} else {
		baton_buf_printf(&text, "1..%zu\n", report->n);
		baton_check_tap_end(report, &text);
	}
	printf("%.*s", (int)text.n, text.p);
	baton_buf_done(&text);
	int rc = options->junit ? junit_write(options->junit, report) : CLI_OK;
	return report->failed > 0 ? CLI_FAILED : rc;
}

static int list(void)
{
	struct baton_buf text = { NULL, 0, 0 };

	baton_check_list(&text);
	printf("%.*s", (int)text.n, text.p);
	baton_buf_done(&text);
	return CLI_OK;
}

int cli_module_check(const struct cli_options *options)
{
	struct baton_buf config = { NULL, 0, 0 };
	struct baton_check_report report;
	struct baton_check_options check = { .path = options->operand,
					     .kind = options->kind,
					     .cassette = options->cassette,
					     .only = options->only,
					     .swaps = options->swaps,
					     .modhost = options->modhost };
	struct show show = { .json = options->json };
	char why[512];

	if (options->list)
		return list();
	cli_log_to_stderr("error");
	if (options->isolated)
		check.modhost = cli_default_modhost();
	if (!numbers_read(options, &check))
		return CLI_USAGE;
	if (options->config && !config_read(options->config, &config))
		return CLI_USAGE;
	check.config = config.n ? config.p : NULL;
	if (options->run_check)
		return baton_check_child(&check, options->run_check);
	if (!options->json)
		printf("TAP version 13\n");
	int rc = baton_check_run(&check, told, &show, &report, why, sizeof(why));
	if (rc < 0)
		fprintf(stderr, "baton module check: %s\n", why);
	rc = rc < 0 ? CLI_USAGE : report_end(options, &report);
	baton_check_report_done(&report);
	baton_buf_done(&config);
	return rc;
}
