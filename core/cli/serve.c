/* SPDX-License-Identifier: Apache-2.0 */

/* baton serve and baton demo: one server; the demo makes what it needs and says what to try. */

#include "core/cli/cli.h"
#include "core/cli/demo_shop.h"
#include "core/cli/supervise.h"

#include "channels/chat/chat.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/policy/policy.h"
#include "core/server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKEN_BYTES = 24, TOKEN_TEXT = 32 };

struct running {
	const struct cli_options *options;
	struct baton_policy *policy; /* of the demo, for its agents */
	char secrets[4096];
	char state_path[4096];
};

/* --- what is said when it is up --- */

static void read_token(const struct running *running, const char *secret,
		       char token[TOKEN_TEXT + 1])
{
	char path[4096 + 128];

	token[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", running->secrets, secret);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, token, TOKEN_TEXT);
	token[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* The first agent of a role; NULL: the set has none. */
static const struct baton_agent_def *first_of(const struct running *running, const char *role)
{
	for (size_t i = 0; i < running->policy->n_agents; i++)
		if (strcmp(running->policy->agents[i].role, role) == 0)
			return &running->policy->agents[i];
	return NULL;
}

static const char *page_of(const struct baton_agent_def *agent)
{
	return strcmp(agent->role, "admin") == 0 ? "admin" : "console";
}

static void put_link(const struct running *running, const char *base,
		     const struct baton_agent_def *agent, struct baton_buf *out)
{
	char token[TOKEN_TEXT + 1];

	read_token(running, agent->secret, token);
	baton_buf_printf(out, "%s/%s/#token=%s", base, page_of(agent), token);
}

static void ready_json(const struct running *running, const char *base, struct baton_buf *out)
{
	static const struct {
		const char *name, *role;
	} links[] = { { "console", "agent" }, { "live", "admin" } };

	baton_buf_printf(out, "{\"ready\":true,\"pid\":%d,\"base\":\"%s\",\"health\":\"%s/readyz\"",
			 (int)getpid(), base, base);
	if (running->policy && running->policy->n_agents > 0) {
		baton_buf_printf(out, ",\"shop\":\"%s/shop/\"", base);
		for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
			const struct baton_agent_def *agent = first_of(running, links[i].role);

			if (!agent)
				continue;
			baton_buf_printf(out, ",\"%s\":\"", links[i].name);
			put_link(running, base, agent, out);
			baton_buf_z(out, "\"");
		}
		baton_buf_z(out, ",\"agents\":{");
		for (size_t i = 0; i < running->policy->n_agents; i++) {
			char token[TOKEN_TEXT + 1];

			read_token(running, running->policy->agents[i].secret, token);
			baton_buf_printf(out, "%s\"%s\":\"%s\"", i ? "," : "",
					 running->policy->agents[i].id, token);
		}
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "}\n");
}

/* An address for each person, and what it is good for. */
static void put_people(const struct running *running, const char *base, struct baton_buf *out)
{
	for (size_t i = 0; i < running->policy->n_agents; i++) {
		const struct baton_agent_def *agent = &running->policy->agents[i];
		bool admin = strcmp(agent->role, "admin") == 0;
		bool sees_all = strcmp(agent->role, "supervisor") == 0;

		baton_buf_printf(out, "  %-8s ", admin ? "live" : i == 0 ? "console" : "");
		put_link(running, base, agent, out);
		baton_buf_printf(out, "\n           you are the %s \"%s\": %s\n", agent->role,
				 agent->name,
				 admin      ? "how the server does; turn the model off and on"
				 : sees_all ? "all queues, everybody at work; take over, transfer"
					    : "claim, reply, hand back");
	}
}

static void ready_text(const struct running *running, const char *base, struct baton_buf *out)
{
	if (!running->policy) {
		baton_buf_printf(out, "baton serves on %s\n  health   %s/readyz\n", base, base);
		return;
	}
	baton_buf_printf(out, "\nbaton demo - data in %s, stop with Ctrl-C\n\n",
			 running->options->data);
	baton_buf_printf(
		out,
		"  shop     %s/shop/\n           a page with the widget; try: \"Where is my order HP-20441?\", \"I was"
		" charged twice\", \"talk to a human\";\n           then turn the model off at the top of the page\n",
		base);
	put_people(running, base, out);
	baton_buf_printf(out, "  health   %s/readyz\n\n", base);
}

/* DATA/run/server.json tells `baton status` where to ask. */
static void write_state(const struct running *running, const char *base)
{
	struct baton_buf text = { NULL, 0, 0 };
	int fd = open(running->state_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0) {
		baton_log(BATON_LOG_WARN, "state_file_not_written", "ss", "path",
			  running->state_path, "why", strerror(errno));
		return;
	}
	baton_buf_printf(&text, "{\"pid\":%d,\"base\":\"%s\"}\n", (int)getpid(), base);
	cli_write(fd, baton_buf_view(&text));
	close(fd);
	baton_buf_done(&text);
}

static void ready(void *ud, struct baton_server *server)
{
	const struct running *running = ud;
	struct baton_buf out = { NULL, 0, 0 };

	write_state(running, baton_server_base(server));
	if (running->options->json)
		ready_json(running, baton_server_base(server), &out);
	else
		ready_text(running, baton_server_base(server), &out);
	cli_write(STDOUT_FILENO, baton_buf_view(&out));
	baton_buf_done(&out);
}

/* --- before it --- */

static int need(const char *what, const char *path, const char *option)
{
	if (path && path[0] && access(path, R_OK) == 0)
		return CLI_OK;
	fprintf(stderr, "baton: no %s at `%s`; give the folder with --%s\n", what, path ? path : "",
		option);
	return CLI_FAILED;
}

/* The server works inside its data folder, so that what modules write stays with the data; paths
 * that were given relative to where the command was typed are made absolute first. */
static int settle(struct cli_options *options)
{
	enum { ALL = 6 };
	static char paths[ALL][PATH_MAX];
	const char **all[ALL] = { &options->policies, &options->modules, &options->web,
				  &options->secrets,  &options->data,    &options->ca_file };

	for (size_t i = 0; i < ALL; i++) {
		if (!*all[i] || !realpath(*all[i], paths[i]))
			continue;
		*all[i] = paths[i];
	}
	if (chdir(options->data) == 0)
		return CLI_OK;
	fprintf(stderr, "baton: cannot work in %s: %s\n", options->data, strerror(errno));
	return CLI_FAILED;
}

static int prepare(struct cli_options *options, struct running *running)
{
	char run_dir[4096];

	if (cli_make_dir(options->data) != CLI_OK || settle(options) != CLI_OK)
		return CLI_FAILED;

	snprintf(run_dir, sizeof(run_dir), "%s/run", options->data);
	if (options->secrets)
		snprintf(running->secrets, sizeof(running->secrets), "%s", options->secrets);
	else
		snprintf(running->secrets, sizeof(running->secrets), "%s/secrets", options->data);
	snprintf(running->state_path, sizeof(running->state_path), "%s/run/server.json",
		 options->data);
	if (need("policy set", options->policies, "policies") != CLI_OK ||
	    need("modules", options->modules, "modules") != CLI_OK ||
	    need("web files", options->web, "web") != CLI_OK)
		return CLI_FAILED;
	if (options->ca_file && access(options->ca_file, R_OK) != 0) {
		fprintf(stderr, "baton: --ca-file: cannot read %s: %s\n", options->ca_file,
			strerror(errno));
		return CLI_FAILED;
	}
	if (cli_make_dir(run_dir) != CLI_OK ||
	    (!options->secrets && cli_make_dir(running->secrets) != CLI_OK))
		return CLI_FAILED;
	return CLI_OK;
}

static int run(struct running *running)
{
	const struct cli_options *options = running->options;
	struct baton_server_options server = {
		.policies = options->policies,
		.data = options->data,
		.modules_dir = options->modules,
		.modhost = cli_default_modhost(),
		.web_dir = options->web,
		.secrets_dir = running->secrets,
		.listen = options->listen,
		.workers = options->workers,
		.grace_ms = options->grace_s * 1000ull,
		.ca_file = options->ca_file,
		.allow_loopback_http = options->allow_loopback_http,
		.demo = running->policy != NULL,
		.not_durable = options->not_durable,
		.no_rate_limit = options->no_rate_limit,
		.delay_commit_us = options->delay_commit_us,
		.attachment_keep_ms = options->keep_uploads_ms,
		.channel = baton_chat_channel(),
		.ready = ready,
		.ud = running,
	};
	baton_mem_open();
	int rc = baton_server_run(&server);

	unlink(running->state_path);
	if (rc < 0)
		fprintf(stderr, "baton: not started: %s\n", baton_error_info(rc)->text);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}

int cli_serve(const struct cli_options *given)
{
	struct cli_options own = *given, *options = &own;
	struct running running = { .options = options };

	if (!cli_log_to_stderr(options->log_level ? options->log_level : "info"))
		return CLI_USAGE;
	bool supervised = cli_is_supervised();

	if (!supervised && options->supervise)
		return cli_supervise();
	int rc = prepare(options, &running) == CLI_OK ? run(&running) : CLI_FAILED;
	return supervised ? CLI_IN_ORDER + rc : rc;
}

/* --- the demo: agents need tokens, and signatures a key; made once, kept in DATA/secrets --- */

/* The secret that says where orders are looked up, if the set's tools want one. */
static bool wants_shop(const struct baton_policy *policy)
{
	for (size_t i = 0; i < policy->n_modules; i++)
		for (size_t k = 0; k < policy->modules[i].n_secrets; k++)
			if (strcmp(policy->modules[i].secrets[k], DEMO_SHOP_URL) == 0)
				return true;
	return false;
}

static int make_token(const struct running *running, const char *secret)
{
	uint8_t random[TOKEN_BYTES];
	unsigned char text[TOKEN_TEXT + 1];
	char path[4096 + 128];

	snprintf(path, sizeof(path), "%s/%s", running->secrets, secret);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? CLI_OK : CLI_FAILED;
	if (RAND_bytes(random, sizeof(random)) == 1) {
		EVP_EncodeBlock(text, random, sizeof(random));
		for (size_t i = 0; i < TOKEN_TEXT; i++)
			text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
		cli_write(fd, (baton_str){ (const char *)text, TOKEN_TEXT });
	}
	close(fd);
	return CLI_OK;
}

/* Of the agents, and the keys that a backend signs with; not of those who have none. */
static int make_tokens(struct running *running)
{
	const struct baton_policy *policy = running->policy;
	int rc = CLI_OK;

	for (size_t i = 0; i < policy->n_agents && rc == CLI_OK; i++)
		if (policy->agents[i].secret && policy->agents[i].secret[0])
			rc = make_token(running, policy->agents[i].secret);
	for (size_t i = 0; i < policy->identity.n_keys && rc == CLI_OK; i++)
		if (strcmp(policy->identity.keys[i].alg, "HS256") == 0)
			rc = make_token(running, policy->identity.keys[i].secret);
	if (rc != CLI_OK)
		fprintf(stderr, "baton: cannot write a token into %s: %s\n", running->secrets,
			strerror(errno));
	return rc;
}

static void ignore_finding(void *ud, const struct baton_policy_finding *finding)
{
	(void)ud;
	(void)finding; /* the server reports them itself when it reads the set */
}

int cli_demo(const struct cli_options *given)
{
	struct cli_options own = *given, *options = &own;
	struct running running = { .options = options };

	if (!cli_log_to_stderr(options->log_level ? options->log_level : "warn"))
		return CLI_USAGE;
	if (prepare(options, &running) != CLI_OK)
		return CLI_FAILED;
	struct demo_shop shop = DEMO_SHOP_NONE;
	int rc = CLI_OK;
	if (baton_policy_load(options->policies, ignore_finding, NULL, &running.policy) == 0)
		rc = make_tokens(&running);
	if (rc == CLI_OK && running.policy && wants_shop(running.policy) &&
	    make_token(&running, DEMO_SHOP_KEY) == CLI_OK)
		own.allow_loopback_http |= demo_shop_start(&shop, running.secrets, options->data);
	if (rc == CLI_OK)
		rc = run(&running);
	demo_shop_stop(&shop);
	baton_policy_free(&running.policy);
	return rc;
}
