/* SPDX-License-Identifier: Apache-2.0 */

/* One table of all options; a command names those it takes by their letters. */

#include "core/cli/cli.h"

#include "core/base/limits.h"
#include "core/policy/nearest.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct cli_option {
	char letter;
	const char *name, *value /* NULL: a switch */, *help;
} table[] = {
	{ 'p', "policies", "DIR", "the policy set (default: the shop's)" },
	{ 'd', "data", "DIR", "journal, keys and secrets (default: ./data)" },
	{ 'l', "listen", "ADDR:PORT",
	  "where to listen; port 0 picks one (default: 127.0.0.1:7070)" },
	{ 'm', "modules", "DIR", "where the .so files are" },
	{ 'w', "web", "DIR", "widget, console and shop" },
	{ 's', "secrets", "DIR",
	  "files named as the secrets (default: DATA/secrets); BATON_SECRET_<NAME> wins" },
	{ 'n', "workers", "N", "event loops (default: one per core)" },
	{ 'g', "grace", "SECONDS", "how long SIGTERM waits for open answers (default: 10)" },
	{ 'L', "log-level", "LEVEL", "debug, info, notice, warn or error" },
	{ 'Y', "supervise", NULL, "start it again when it crashes" },
	{ 'c', "ca-file", "FILE", "trust its authorities, too, when a model's server is asked" },
	{ 'a', "allow-loopback-http", NULL, "providers on this machine, over plain http" },
	{ 'N', "not-durable", NULL, "for measurements only: acknowledge before the disk has it" },
	{ 'R', "no-rate-limit", NULL, "for measurements only: as many messages as anybody likes" },
	{ 'D', "delay-commit-us", "N",
	  "for measurements only: a disk that is slower by this much" },
	{ 'K', "keep-uploads-ms", "N",
	  "for tests only: how long a file waits for its message (default: an hour)" },
	{ 'S', "schema", "FILE", "print the JSON Schema of one policy file instead" },
	{ 'r', "repair", NULL, "rebuild the indexes from the log" },
	{ 'A', "after", "SEQ", "only events behind this seq" },
	{ 'B', "since", "WHEN", "24h, 7d, or 2026-11-20T08:00Z (default: 24h)" },
	{ 'u', "until", "WHEN", "the same (default: now)" },
	{ 'H', "html", "FILE", "also write a page with curves, to be opened in a browser" },
	{ 'U', "labour-usd", "N", "what an hour of a person costs (default: 30)" },
	{ 'Z', "speed", "N", "play a drill N times as fast (1 to 100)" },
	{ 'I', "drills", NULL, "count the conversations of drills as well" },
	{ 'W', "why", "TEXT", "the reason, for the operations log" },
	{ 'F', "for", "TIME", "how long at most, such as 30m (default: what the mode declares)" },
	{ 'i', "intent", "NAME", "what the customer wants" },
	{ 'f', "fact", "NAME=VALUE", "a fact that conditions see; may be given again" },
	{ 'C', "canary", "P%", "for this share of the conversations only, until it is decided" },
	{ 'P', "share", "P%", "of the conversations (default: what releases.yaml says)" },
	{ 'x', "force", NULL, "though more recorded decisions would change than is allowed" },
	{ 'k', "cold", NULL, "without asking new modules whether they are well" },
	{ 'v', "verbose", NULL, "tell each step, also where there is no terminal" },
	{ 'G', "lang", "LANG", "what it is written in: c or c++ (default: c)" },
	{ 'O', "against", "DIR", "the set to compare with (default: the one that serves)" },
	{ '1', "config", "JSON|FILE", "what the module is configured with (default: the least)" },
	{ '2', "kind", "KIND", "which of its kinds (default: the first of its note)" },
	{ '3', "seed", "N", "of the inputs by chance (default: 1)" },
	{ '4', "reproduce", "N[:CHECK]", "one input by chance again" },
	{ '5', "only", "NAMES", "these checks: a,b, or http-*" },
	{ '6', "swaps", "N", "how often it is swapped (default: 1000)" },
	{ '7', "junit", "FILE", "also write the report as JUnit does" },
	{ '8', "cassette", "FILE", "the right answer of its upstream (core/testhost/README.md)" },
	{ '+', "isolated", NULL, "in a process of its own, as the server may run it" },
	{ '=', "inline", NULL, "in the checker's own process (default)" },
	{ '.', "list", NULL, "every check and what it wants" },
	{ '!', "chat", NULL, "talk with it in this terminal" },
	{ '9', "run", "CHECK", NULL },
	{ '0', "modhost", "FILE", NULL },
	{ 'V', "server", "URL", "where customers reach Baton (default: http://127.0.0.1:7070)" },
	{ 'q', "customer", "ID", "the customer's id in your shop" },
	{ 't', "tier", "NAME", "the customer's tier, such as vip" },
	{ 'E', "name", "TEXT", "the customer's name" },
	{ 'e', "email", "ADDRESS", "the customer's address" },
	{ 'T', "ttl", "TIME", "how long it is good (default: 5m)" },
	{ 'y', "kid", "KID", "the key of identity.yaml (default: the first that fits)" },
	{ 'J', "dry-run", NULL, "only count what it would be" },
	{ 'Q', "offline", NULL, "in the folder itself, while no server runs on it" },
	{ '@', "k", "N", "so many passages at most (1 to 5; default: 5)" },
	{ '~', "language", "TAG", "the customer's language, such as de" },
	{ '^', "for-agents", NULL, "also what is written for agents only" },
	{ 'X', "shadow", NULL, "what changes something is only said, not done" },
	{ 'M', "live", NULL, "ask the services whether they are well, too" },
	{ '%', "precision", "P%",
	  "of what is handled so much is to be right: from which confidence?" },
	{ 'z', "yes", NULL, "without asking before something is changed" },
	{ 'j', "json", NULL, "output for scripts" },
	{ 'h', "help", NULL, "this text" },
};
enum { TABLE_N = sizeof(table) / sizeof(table[0]) };

static bool takes(const struct cli_command *command, char letter)
{
	return letter == 'h' || strchr(command->options, letter) != NULL;
}

static bool number(const char *text, unsigned min, unsigned max, unsigned *ret)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value < min || value > max)
		return false;
	*ret = (unsigned)value;
	return true;
}

/* "5%", "0.5 %", "12": percent. */
static bool share(const char *text, uint32_t *ret_ppm)
{
	char *end;
	double percent = strtod(text, &end);

	end += strspn(end, " ");
	if (*text < '0' || *text > '9' || (*end != '\0' && strcmp(end, "%") != 0) ||
	    !(percent >= 0.0001 && percent <= 100))
		return false;
	*ret_ppm = (uint32_t)(percent * 1e4 + 0.5);
	return true;
}

static bool set_text(struct cli_options *options, char letter, const char *value)
{
	const char **texts[128] = {
		['p'] = &options->policies,  ['d'] = &options->data,      ['l'] = &options->listen,
		['m'] = &options->modules,   ['w'] = &options->web,       ['s'] = &options->secrets,
		['S'] = &options->schema,    ['L'] = &options->log_level, ['A'] = &options->after,
		['B'] = &options->since,     ['u'] = &options->until,     ['H'] = &options->html,
		['W'] = &options->why,       ['F'] = &options->for_,      ['i'] = &options->intent,
		['O'] = &options->against,   ['c'] = &options->ca_file,   ['G'] = &options->lang,
		['1'] = &options->config,    ['2'] = &options->kind,      ['3'] = &options->seed,
		['4'] = &options->reproduce, ['5'] = &options->only,      ['7'] = &options->junit,
		['8'] = &options->cassette,  ['9'] = &options->run_check, ['0'] = &options->modhost,
		['V'] = &options->server,    ['q'] = &options->customer,  ['t'] = &options->tier,
		['E'] = &options->name,      ['e'] = &options->email,     ['T'] = &options->ttl,
		['y'] = &options->kid,       ['~'] = &options->language,
	};
	const char **to = texts[(unsigned char)letter & 127];

	if (to)
		*to = value;
	return to != NULL;
}

/* False if the value is not one the option takes. */
static bool set(struct cli_options *options, char letter, const char *value)
{
	bool *switches[128] = {
		['j'] = &options->json,    ['Y'] = &options->supervise,
		['h'] = &options->help,    ['a'] = &options->allow_loopback_http,
		['r'] = &options->repair,  ['N'] = &options->not_durable,
		['I'] = &options->drills,  ['R'] = &options->no_rate_limit,
		['x'] = &options->force,   ['k'] = &options->cold,
		['v'] = &options->verbose, ['+'] = &options->isolated,
		['='] = &options->inline_, ['.'] = &options->list,
		['!'] = &options->chat,    ['J'] = &options->dry_run,
		['Q'] = &options->offline, ['^'] = &options->for_agents,
		['X'] = &options->shadow,  ['M'] = &options->live,
		['z'] = &options->yes,
	};
	bool *flag = switches[(unsigned char)letter & 127];

	if (flag) {
		*flag = true;
		return true;
	}
	if (letter == 'n')
		return number(value, 1, BATON_WORKERS_MAX, &options->workers);
	if (letter == '@')
		return number(value, 1, BATON_DOCS_MAX, &options->k);
	if (letter == 'g')
		return number(value, 0, 3600, &options->grace_s);
	if (letter == 'D')
		return number(value, 0, 1000000, &options->delay_commit_us);
	if (letter == 'K')
		return number(value, 100, 86400000, &options->keep_uploads_ms);
	if (letter == '6')
		return number(value, 1, 1000000, &options->swaps);
	if (letter == 'Z')
		return number(value, 1, 100, &options->speed);
	if (letter == 'U')
		return number(value, 0, 100000, &options->labour_usd);
	if (letter == 'C' || letter == 'P')
		return share(value, &options->share_ppm);
	if (letter == '%')
		return share(value, &options->precision_ppm);
	if (letter == 'f') {
		if (options->n_facts == CLI_FACTS_MAX || !strchr(value, '='))
			return false;
		options->facts[options->n_facts++] = value;
		return true;
	}
	return set_text(options, letter, value);
}

static const struct cli_option *option_of(char letter)
{
	for (size_t i = 0; i < TABLE_N; i++)
		if (table[i].letter == letter)
			return &table[i];
	return NULL;
}

static int usage(const struct cli_command *command, const char *what, const char *which)
{
	fprintf(stderr, "baton %s: %s `%s`; `baton %s --help` tells what it takes\n", command->name,
		what, which, command->name);
	return CLI_USAGE;
}

static int parse_options(const struct cli_command *command, int argc, char **argv,
			 struct cli_options *options)
{
	struct option longs[TABLE_N + 1] = { { NULL, 0, NULL, 0 } };
	size_t n = 0;
	int letter;

	for (size_t i = 0; i < TABLE_N; i++)
		if (takes(command, table[i].letter))
			longs[n++] =
				(struct option){ table[i].name,
						 table[i].value ? required_argument : no_argument,
						 NULL, table[i].letter };
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (letter == '?' || letter == ':')
			return usage(command,
				     letter == ':' ? "a value is missing for" : "unknown option",
				     argv[optind - 1]);
		const struct cli_option *option = option_of((char)letter);
		if (!option || !set(options, (char)letter, optarg))
			return usage(command, "not a value for this option:", optarg ? optarg : "");
	}
	return CLI_OK;
}

/* How many operands a command needs, and how many it takes: "NAME [FILE]", "list|stop". */
static void count_operands(const char *operand, size_t *ret_needs, size_t *ret_takes)
{
	*ret_needs = *ret_takes = 0;
	for (const char *at = operand; at && *at; at += strcspn(at, " "), at += strspn(at, " ")) {
		*ret_needs += *at != '[';
		*ret_takes += 1;
	}
	if (operand && strchr(operand, '|'))
		*ret_takes += 1;
}

static int parse_operands(const struct cli_command *command, int argc, char **argv,
			  struct cli_options *options)
{
	const char **places[] = { &options->operand, &options->operand2, &options->operand3 };
	size_t needs, takes, n = 0;

	count_operands(command->operand, &needs, &takes);
	while (optind < argc && n < takes && n < sizeof(places) / sizeof(places[0]))
		*places[n++] = argv[optind++];
	if (optind < argc)
		return usage(command, "one too many:", argv[optind]);
	/* A schema is asked for without a set. */
	if (n < needs && !options->schema && !options->help && !options->list)
		return usage(command, "missing", command->operand);
	return CLI_OK;
}

int cli_parse(const struct cli_command *command, int argc, char **argv,
	      struct cli_options *ret_options)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct cli_options options = {
		.data = "data", .listen = "127.0.0.1:7070", .grace_s = 10, .labour_usd = 30
	};

	options.workers = cores > 0 && cores < BATON_WORKERS_MAX ? (unsigned)cores : 1;
	options.modules = cli_default_modules();
	options.web = cli_default_web();
	options.policies = cli_default_policies();
	int rc = parse_options(command, argc, argv, &options);
	if (rc != CLI_OK)
		return rc;
	rc = parse_operands(command, argc, argv, &options);
	if (rc != CLI_OK)
		return rc;
	*ret_options = options;
	return CLI_OK;
}

const struct cli_command *cli_find(const struct cli_command *commands, size_t n, const char *word,
				   const char **ret_nearest)
{
	struct baton_nearest nearest = baton_nearest_to(baton_str_of(word));

	*ret_nearest = NULL;
	for (size_t i = 0; i < n && commands[i].name; i++) {
		const char *space = strrchr(commands[i].name, ' ');
		const char *name = space ? space + 1 : commands[i].name;

		if (strcmp(name, word) == 0)
			return &commands[i];
		baton_nearest_try(&nearest, name);
	}
	*ret_nearest = nearest.name;
	return NULL;
}

static void print_commands(const struct cli_command *command)
{
	printf("usage: baton %s COMMAND [OPTION...]\n\n%s\n\n", command->name, command->summary);
	for (const struct cli_command *it = command->below; it->name; it++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", strrchr(it->name, ' ') + 1,
			 it->operand ? it->operand : "");
		printf("  %-22s %s\n", left, it->summary);
	}
	printf("\n`baton %s COMMAND --help` tells the options of one.\n", command->name);
}

void cli_print_help(const struct cli_command *command)
{
	if (command->below) {
		print_commands(command);
		return;
	}
	printf("usage: baton %s%s%s [OPTION...]\n\n%s\n\n", command->name,
	       command->operand ? " " : "", command->operand ? command->operand : "",
	       command->summary);
	for (size_t i = 0; i < TABLE_N; i++) {
		char left[64];

		if (!takes(command, table[i].letter) || !table[i].help)
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", table[i].name, table[i].value ? "=" : "",
			 table[i].value ? table[i].value : "");
		printf("  %-24s %s\n", left, table[i].help);
	}
}
