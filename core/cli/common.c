/* SPDX-License-Identifier: Apache-2.0 */

/* What several commands need: logs, folders, writing. */

#include "core/cli/cli.h"

#include "core/base/log.h"
#include "core/loop/loop.h"
#include "core/module/scratch.h"
#include "core/policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void cli_write(int fd, baton_str text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text.p += n;
		text.n -= (size_t)n;
	}
}

void cli_tell_finding(void *ud, const struct baton_policy_finding *finding)
{
	struct baton_buf line = { NULL, 0, 0 };

	(void)ud;
	if (!finding->is_error)
		return;
	baton_policy_finding_text(finding, &line);
	cli_write(STDERR_FILENO, baton_buf_view(&line));
	baton_buf_done(&line);
}

/* One write per line, so that lines of several threads do not mix. */
static void stderr_sink(void *ud, baton_str line)
{
	(void)ud;
	cli_write(STDERR_FILENO, line);
}

static uint64_t wall_ms(void *ud)
{
	(void)ud;
	return baton_loop_unix_ms();
}

bool cli_log_to_stderr(const char *level)
{
	static const char *const names[] = { "debug", "info", "notice", "warn", "error" };

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], level) != 0)
			continue;
		baton_log_to(stderr_sink, wall_ms, NULL, i);
		return true;
	}
	fprintf(stderr, "baton: there is no log level `%s`; debug, info, notice, warn, error\n",
		level);
	return false;
}

uint64_t cli_unix_ms(void)
{
	return baton_loop_unix_ms();
}

int cli_make_dir(const char *path)
{
	char part[4096];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(part)) {
		fprintf(stderr, "baton: not a usable path: `%s`\n", path);
		return CLI_FAILED;
	}
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST) {
			fprintf(stderr, "baton: cannot make the folder %s: %s\n", part,
				strerror(errno));
			return CLI_FAILED;
		}
	}
	return CLI_OK;
}

/* --- folders for copies of modules --- */

int cli_run_dir(const char *data, char dir[CLI_PATH_BYTES])
{
	snprintf(dir, CLI_PATH_BYTES, "%s/run/cli-XXXXXX", data);
	if (mkdtemp(dir))
		return CLI_OK;
	if (baton_scratch_make(dir, "cli") == BATON_OK)
		return CLI_OK;
	fprintf(stderr,
		"baton: cannot make a folder for copies of modules in %s/run or below TMPDIR: %s\n",
		data, strerrordesc_np(errno));
	return CLI_FAILED;
}
