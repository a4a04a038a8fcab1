/* SPDX-License-Identifier: Apache-2.0 */

/* baton module: the table of its commands. Those that ask the running server are in release.c; those
 * that need none (info, and what the SDK brings) have a file of their own or stand here. A new one
 * is a row here and a prototype in cli.h. */

#include "core/cli/cli.h"

#include "core/module/release.h"

#include <stdio.h>

const struct cli_command cli_module_commands[] = {
	{ "module info", "FILE", "say what a module file is, without running it", "j",
	  cli_module_info, NULL },
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
