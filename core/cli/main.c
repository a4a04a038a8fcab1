/* SPDX-License-Identifier: Apache-2.0 */

/* baton: chat support that never drops the conversation. */

#include "core/cli/cli.h"

#include <stdio.h>
#include <string.h>

#ifndef BATON_VERSION
#define BATON_VERSION "0.1.0"
#endif

static const struct cli_command commands[] = {
	{ "serve", NULL, "run the server with a policy set", "pdlmwsngLcaNRDKYj", cli_serve, NULL },
	{ "demo", NULL, "run the demonstration shop: no key, no network", "pdlmwsngLcaj", cli_demo,
	  NULL },
	{ "check", "DIR", "check a policy set without using it", "jS", cli_check, NULL },
	{ "status", NULL, "ask a running server how it is", "dj", cli_status, NULL },
	{ "fsck", NULL, "prove the journal of a stopped server", "djr", cli_fsck, NULL },
	{ "transcript", "SESSION",
	  "print a conversation from the journal (-: all whose ids stdin names)", "djA",
	  cli_transcript, NULL },
	{ "package", "SESSION", "print what an agent who takes a conversation over is shown", "dj",
	  cli_package, NULL },
	{ "report", NULL, "compute what happened from the transcripts, healthy beside degraded",
	  "dBuHUIj", cli_report, NULL },
	{ "target", "list|disable|enable", "see targets; switch one off or on again", "dWj",
	  cli_target, NULL },
	{ "mode", "list|enter|leave", "see degraded modes; declare or end one", "dWFj", cli_mode,
	  NULL },
	{ "drill", "list|stop|run", "see drills that run; end one; play a drill's file", "dWHUZj",
	  cli_drill, NULL },
	{ "route", "explain", "say what would be done about an intent, and why", "pdifj", cli_route,
	  NULL },
	{ "rules", "diff", "say what a changed set would have done with recorded decisions",
	  "pOBudmj", cli_rules, NULL },
	{ "eval", "[FILE]", "hold the same conversations with two sets: differences, cost, time",
	  "pOBudmsaHj", cli_eval, NULL },
	{ "reload", NULL, "let a running server read its policies and modules again", "dCWxkvj",
	  cli_reload, NULL },
	{ "rollback", NULL, "bring back the release before this one", "dWvj", cli_rollback, NULL },
	{ "module", NULL, "modules of a running server, and their files", "", NULL,
	  cli_module_commands },
	{ "intents", NULL, "what customers want: how well it is understood, what to teach", "",
	  NULL, cli_intents_commands },
	{ "knowledge", NULL, "articles: what a question finds, what is wrong with them", "", NULL,
	  cli_knowledge_commands },
	{ "widget", NULL, "the chat on your page: what goes there, and into its backend", "", NULL,
	  cli_widget_commands },
	{ "identity", NULL, "who customers are: tokens to try it out", "", NULL,
	  cli_identity_commands },
	{ "session", NULL, "conversations: erase them", "", NULL, cli_session_commands },
	{ "tools", NULL, "what may be looked up or changed outside: list, check, call", "", NULL,
	  cli_tools_commands },
	{ "dev", "FILE", "talk with a module in a server of its own; saved builds are swapped in",
	  "!pm12+=sa", cli_dev, NULL },
	{ "doc", "TOPIC", "print generated reference: events, errors, metrics, proofs", "", cli_doc,
	  NULL },
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
		"usage, 3 something would change, 4 server not reachable, 5 server not ready.\n");
}

static bool is_file_name(const char *word)
{
	size_t n = strlen(word);

	return strchr(word, '/') || (n > 3 && strcmp(word + n - 3, ".so") == 0);
}

/* The command that argv names; *ret_words: how many words of it are its name. NULL: told. */
static const struct cli_command *find_command(int argc, char **argv, int *ret_words)
{
	const char *nearest;
	const struct cli_command *command = cli_find(commands, COMMANDS_N, argv[1], &nearest);

	*ret_words = 1;
	if (!command)
		fprintf(stderr,
			"baton: there is no command `%s`%s%s%s; `baton --help` lists them\n",
			argv[1], nearest ? "; did you mean `" : "", nearest ? nearest : "",
			nearest ? "`?" : "");
	if (!command || !command->below || argc < 3 || strcmp(argv[2], "--help") == 0 ||
	    strcmp(argv[2], "-h") == 0)
		return command;
	const struct cli_command *below = cli_find(command->below, SIZE_MAX, argv[2], &nearest);
	if (below) {
		*ret_words = 2;
		return below;
	}
	/* A file said at once is looked at. */
	if (strcmp(command->name, "module") == 0 && is_file_name(argv[2]))
		return cli_find(command->below, SIZE_MAX, "info", &nearest);
	fprintf(stderr, "baton %s: there is no `%s`%s%s%s; `baton %s --help` lists what there is\n",
		command->name, argv[2], nearest ? "; did you mean `" : "", nearest ? nearest : "",
		nearest ? "`?" : "", command->name);
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
	int words;
	const struct cli_command *command = find_command(argc, argv, &words);
	if (!command)
		return CLI_USAGE;
	if (command->below) {
		cli_print_help(command);
		return argc < 3 ? CLI_USAGE : CLI_OK;
	}
	int rc = cli_parse(command, argc - words, argv + words, &options);
	if (rc != CLI_OK)
		return rc;
	if (options.help) {
		cli_print_help(command);
		return CLI_OK;
	}
	return command->run(&options);
}
