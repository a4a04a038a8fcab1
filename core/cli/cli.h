/* SPDX-License-Identifier: Apache-2.0 */

/* The `baton` command: a table of subcommands, a table of options, and what they share.
 *
 * Exit codes: 0 done, 1 failed or invalid, 2 wrong usage, 3 something would change (rules diff), 4
 * the server cannot be reached, 5 it runs but is not ready. What a script reads goes to stdout, everything else to stderr.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/json.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_DIFFERS = 3, /* of `rules diff`: something would change */
	CLI_UNREACHABLE = 4,
	CLI_DEGRADED = 5
};

enum { CLI_FACTS_MAX = 64, CLI_PATH_BYTES = 4096 };

struct cli_options {
	const char *policies, *data, *listen, *modules, *web, *secrets, *log_level, *schema, *after;
	const char *since, *until, *html, *against, *ca_file;
	unsigned workers;
	unsigned grace_s;
	unsigned delay_commit_us;
	unsigned keep_uploads_ms;
	bool dry_run, offline;
	unsigned labour_usd;
	unsigned speed; /* 0: as written */
	bool json, help, allow_loopback_http, repair, not_durable, no_rate_limit, drills;
	const char *why, *for_, *intent, *lang;
	const char *language; /* of `knowledge` */
	unsigned k;
	bool for_agents;
	const char *server, *customer, *tier, *name, *email, *ttl,
		*kid;           /* of `widget`, `identity` */
	uint32_t share_ppm;     /* of a canary; 0: none was said */
	uint32_t precision_ppm; /* of `intents eval`; 0: none was said */
	bool force, cold, verbose, supervise;
	/* of `module check` and `dev` */
	const char *config, *kind, *seed, *reproduce, *only, *junit, *cassette, *run_check,
		*modhost;
	unsigned swaps;
	bool isolated, inline_, list, chat;
	bool shadow, live, yes;           /* of `tools` */
	const char *facts[CLI_FACTS_MAX]; /* name=value */
	size_t n_facts;
	const char *operand, *operand2, *operand3;
};

struct cli_command {
	/* Operands by name: "SESSION", "NAME [FILE]" (the second may be left out), NULL; "list|stop":
	 * one of these, and perhaps a name behind it. */
	const char *name, *operand, *summary, *options /* letters of cli_option */;
	int (*run)(const struct cli_options *options);
	/* Commands below this one, named "module list": it has no operand and does not run itself.
	 * Ends with a name of NULL. */
	const struct cli_command *below;
};

int cli_serve(const struct cli_options *options);
int cli_demo(const struct cli_options *options);
int cli_check(const struct cli_options *options);
int cli_status(const struct cli_options *options);
int cli_fsck(const struct cli_options *options);
int cli_transcript(const struct cli_options *options);
int cli_package(const struct cli_options *options);
int cli_report(const struct cli_options *options);
int cli_dev(const struct cli_options *options); /* docs/CHECKER.md */
int cli_doc(const struct cli_options *options);
int cli_target(const struct cli_options *options);
int cli_mode(const struct cli_options *options);
int cli_drill(const struct cli_options *options);
int cli_drill_run(const struct cli_options *options); /* exit codes: docs/DRILLS.md */
int cli_route(const struct cli_options *options);
int cli_rules(const struct cli_options *options);
int cli_eval(const struct cli_options *options);          /* docs/EVAL.md */
int cli_module_replay(const struct cli_options *options); /* rules.c */

/* --- identity.c, widget.c --- */
extern const struct cli_command cli_identity_commands[], cli_widget_commands[];
int cli_identity_mint(const struct cli_options *options);
int cli_widget_snippet(const struct cli_options *options);

/* --- intents.c --- */
extern const struct cli_command cli_intents_commands[];

/* --- knowledge.c --- */
extern const struct cli_command cli_knowledge_commands[];

/* --- module.c --- */
/* baton module list, show, ...: a row of its table each. */
extern const struct cli_command cli_module_commands[];
int cli_module_info(const struct cli_options *options);
int cli_module_list(const struct cli_options *options);
int cli_module_show(const struct cli_options *options);
int cli_module_debuginfo(const struct cli_options *options);
int cli_module_new(const struct cli_options *options);

/* --- tools.c --- */
extern const struct cli_command cli_tools_commands[];

/* --- session.c --- */
extern const struct cli_command cli_session_commands[];

/* --- module_check.c --- */
int cli_module_check(const struct cli_options *options); /* docs/CHECKER.md */

/* --- release.c: what is asked of a running server --- */
int cli_reload(const struct cli_options *options);
int cli_rollback(const struct cli_options *options);
int cli_module_releases(const struct cli_options *options);
int cli_module_load(const struct cli_options *options);
int cli_module_swap(const struct cli_options *options);
int cli_module_canary(const struct cli_options *options);
int cli_module_promote(const struct cli_options *options);
int cli_module_discard(const struct cli_options *options);
int cli_module_drain(const struct cli_options *options);
int cli_module_why_live(const struct cli_options *options);
int cli_module_forgive(const struct cli_options *options);

/* --- args.c --- */
/* Reads argv behind the command's name. 0, or CLI_USAGE with a line on stderr. */
int cli_parse(const struct cli_command *command, int argc, char **argv,
	      struct cli_options *ret_options);
void cli_print_help(const struct cli_command *command);
/* The command of `table` (`n` of them; up to a name of NULL) that the last word of a name says; NULL
 * with the nearest that there is, or NULL, in ret_nearest. */
const struct cli_command *cli_find(const struct cli_command *table, size_t n, const char *word,
				   const char **ret_nearest);

/* --- paths.c --- */
/* Where modules, web files and the shop's policies are, beside this very program: in a source tree
 * (build/<variant>/baton) or installed (PREFIX/bin/baton). Static; "" if not found. */
const char *cli_default_modules(void);
const char *cli_default_web(void);
const char *cli_default_policies(void);
/* The SDK's templates of modules, and the program that runs a module in a process of its own. */
const char *cli_default_templates(void);
const char *cli_default_modhost(void);
/* The order service of the demonstration. */
const char *cli_default_demo_shop(void);

/* --- common.c --- */
/* Logs as JSON lines on stderr; false for a level that does not exist. */
bool cli_log_to_stderr(const char *level);
/* mkdir -p with mode 0700; CLI_OK or CLI_FAILED with a line on stderr. */
int cli_make_dir(const char *path);
void cli_write(int fd, baton_str text);
struct baton_policy_finding;
/* For baton_policy_load(): errors of a set as lines on stderr; warnings are `baton check`'s. */
void cli_tell_finding(void *ud, const struct baton_policy_finding *finding);
uint64_t cli_unix_ms(void);
/* A folder of our own for copies of modules: beside the journal, where files may be mapped to be run;
 * elsewhere if we may not write there. Gone with baton_scratch_drop(). */
int cli_run_dir(const char *data, char dir[CLI_PATH_BYTES]);

/* --- control_client.c: the server that runs on --data (docs/CONTROL.md) --- */
/* A connected socket, or -1 with a line on stderr that says what to do. */
int cli_control_connect(const char *data);
/* One question, without its newline, and the whole answer. CLI_OK; CLI_FAILED if it was refused, with
 * the reason on stderr (and the answer on stdout with --json); CLI_UNREACHABLE. */
int cli_control_ask(const struct cli_options *options, struct baton_buf *request,
		    struct baton_buf *answer);
/* The same for what may take minutes: `fact` (may be NULL) hears the lines before the answer. */
struct cli_follower {
	void *ud;
	void (*fact)(void *ud, const struct baton_json *line);
};
int cli_control_follow(const struct cli_options *options, struct baton_buf *request,
		       const struct cli_follower *follower, struct baton_buf *answer);
