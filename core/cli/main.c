/* SPDX-License-Identifier: Apache-2.0 */

/* baton: chat support that never drops the conversation. */

#include "core/cli/cli.h"

#include <stdio.h>
#include <string.h>

#ifndef BATON_VERSION
#define BATON_VERSION "0.1.0"
#endif

static const struct cli_command commands[] = {
	{ "serve", NULL, "run the server with a policy set", "pdlmwsngLcaNRDj", cli_serve },
	{ "demo", NULL, "run the demonstration shop: no key, no network", "pdlmwsngLcaj",
	  cli_demo },
	{ "check", "DIR", "check a policy set without using it", "jS", cli_check },
	{ "status", NULL, "ask a running server how it is", "dj", cli_status },
	{ "fsck", NULL, "prove the journal of a stopped server", "djr", cli_fsck },
	{ "transcript", "SESSION", "print a conversation from the journal", "djA", cli_transcript },
	{ "report", NULL, "compute what happened from the transcripts, healthy beside degraded",
	  "dBuHUIj", cli_report },
	{ "target", "list|disable|enable", "see targets; switch one off or on again", "dWj",
	  cli_target },
	{ "mode", "list|enter|leave", "see degraded modes; declare or end one", "dWFj", cli_mode },
	{ "drill", "list|stop|run", "see drills that run; end one; play a drill's file", "dWHUZj",
	  cli_drill },
	{ "route", "explain", "say what would be done about an intent, and why", "pdifj",
	  cli_route },
	{ "module", "FILE", "say what a module file is, without running it", "j", cli_module },
	{ "doc", "TOPIC", "print generated reference: events, errors, metrics, proofs", "",
	  cli_doc },
};
enum { COMMANDS_N = sizeof(commands) / sizeof(commands[0]) };

static void print_usage(FILE *to)
{
	fprintf(to,
		"baton %s - chat support that never drops the conversation\n\nusage: baton COMMAND [OPTION...]\n\n",
		BATON_VERSION);
	for (size_t i = 0; i < COMMANDS_N; i++)
		fprintf(to, "  %-10s %-8s  %s\n", commands[i].name,
			commands[i].operand ? commands[i].operand : "", commands[i].summary);
	fprintf(to,
		"\n`baton COMMAND --help` tells the options. Exit codes: 0 done, 1 failed or invalid, 2 wrong\n"
		"usage, 4 server not reachable, 5 server not ready.\n");
}

static const struct cli_command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS_N; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	struct cli_options options;

	if (argc < 2) {
		print_usage(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return CLI_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("baton %s\n", BATON_VERSION);
		return CLI_OK;
	}
	const struct cli_command *command = find_command(argv[1]);
	if (!command) {
		fprintf(stderr, "baton: there is no command `%s`; `baton --help` lists them\n",
			argv[1]);
		return CLI_USAGE;
	}
	int rc = cli_parse(command, argc - 1, argv + 1, &options);
	if (rc != CLI_OK)
		return rc;
	if (options.help) {
		cli_print_help(command);
		return CLI_OK;
	}
	return command->run(&options);
}
