/* SPDX-License-Identifier: Apache-2.0 */

/* baton tools list, check, call: what a policy set declares in tools.yaml, whether it can work on
 * this machine, and one call of it by hand. Nothing of a running server is touched: the modules
 * that perform tools are loaded here, in this process, with the secrets of --data.
 *
 * A call by hand goes the module's whole way and is on no record: what changes something asks. */
#include "core/cli/cli.h"

#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/loop/loop.h"
#include "core/module/file.h"
#include "core/module/release.h"
#include "core/module/scratch.h"
#include "core/policy/json_schema.h"
#include "core/policy/policy.h"

#include <jansson.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { READY_MS = 30000, MORE_MS = 2000, KEY_BYTES = 16 };

static int tools_list(const struct cli_options *options);
static int tools_check(const struct cli_options *options);
static int tools_call(const struct cli_options *options);

const struct cli_command cli_tools_commands[] = {
	{ "tools list", NULL, "what the set declares, and who may use it", "pj", tools_list, NULL },
	{ "tools check", NULL, "can it work here: modules, addresses, secrets", "pdmscaMj",
	  tools_check, NULL },
	{ "tools call", "NAME JSON", "call one by hand, with these arguments", "pdmscaqXzj",
	  tools_call, NULL },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};

struct bench {
	const struct cli_options *options;
	struct baton_policy *policy;    /* until it is the release's */
	const struct baton_policy *set; /* the same, for reading */
	struct baton_release *release;
	struct baton_loop *loop;
	struct baton_rack *rack;
	char run_dir[CLI_PATH_BYTES], secrets[CLI_PATH_BYTES];
	/* the call at hand */
	uint64_t ticket;
	bool ended, failed, late;
	baton_error error;
	char code[128], message[512];
	json_t *result;
	char no[64];
	uint32_t http_status, tries;
	bool cached;
};

/* --- what is heard ------------------------------------------------------------------------ */

static void hear_end(void *ud, uint64_t ticket, uint32_t reason)
{
	struct bench *bench = ud;

	(void)reason;
	if (ticket != bench->ticket)
		return;
	bench->ended = true;
	baton_loop_stop(bench->loop);
}

static void hear_fail(void *ud, uint64_t ticket, const baton_error *error)
{
	struct bench *bench = ud;

	if (ticket != bench->ticket)
		return;
	bench->failed = true;
	bench->error = *error;
	snprintf(bench->code, sizeof(bench->code), "%.*s", (int)error->code.n,
		 error->code.n ? error->code.p : "");
	snprintf(bench->message, sizeof(bench->message), "%.*s", (int)error->message.n,
		 error->message.n ? error->message.p : "");
	hear_end(ud, ticket, 0);
}

static void hear_tool(void *ud, uint64_t ticket, const baton_tool_result *result)
{
	struct bench *bench = ud;

	if (ticket != bench->ticket)
		return;
	bench->result = json_loadb(result->json.p, result->json.n, JSON_DECODE_ANY, NULL);
	snprintf(bench->no, sizeof(bench->no), "%.*s", (int)result->code.n,
		 result->code.n ? result->code.p : "");
	bench->http_status = result->http_status;
	bench->tries = result->tries;
	bench->cached = (result->flags & BATON_TOOL_CACHED) != 0;
}

static void too_late(void *ud)
{
	struct bench *bench = ud;

	bench->late = true;
	baton_loop_stop(bench->loop);
}

/* Until the call that was begun has ended; false: it has not, within `ms`. */
static bool wait_for(struct bench *bench, uint32_t ms)
{
	bench->late = false;
	uint64_t timer = baton_loop_timer(bench->loop, ms, too_late, bench);
	if (!bench->ended)
		baton_loop_run(bench->loop);
	baton_loop_timer_stop(bench->loop, timer);
	return bench->ended;
}

static void begin(struct bench *bench)
{
	bench->ticket++;
	bench->ended = bench->failed = false;
	bench->code[0] = bench->message[0] = '\0';
}

/* --- up and down -------------------------------------------------------------------------- */

static int load(struct bench *bench)
{
	const char *path = bench->options->policies;

	cli_log_to_stderr("error");
	snprintf(bench->secrets, sizeof(bench->secrets), "%s/secrets", bench->options->data);
	if (bench->options->secrets)
		snprintf(bench->secrets, sizeof(bench->secrets), "%s", bench->options->secrets);
	if (baton_policy_load(path, cli_tell_finding, NULL, &bench->policy) != 0) {
		fprintf(stderr, "baton: the set in %s cannot be used; run `baton check %s`\n", path,
			path);
		return CLI_FAILED;
	}
	bench->set = bench->policy;
	return CLI_OK;
}

static bool performs(const struct baton_policy *policy, const char *module)
{
	for (size_t i = 0; i < policy->n_tools; i++)
		if (strcmp(policy->tools[i].module, module) == 0)
			return true;
	return false;
}

/* Modules that perform no tool are not loaded. */
static void only_tools(struct baton_policy *policy)
{
	size_t n = 0;

	for (size_t i = 0; i < policy->n_modules; i++) {
		struct baton_policy_module *module = &policy->modules[i];

		if (strcmp(module->kind, "tool") == 0 && performs(policy, module->name))
			policy->modules[n++] = *module;
		else
			json_decref(module->config);
	}
	policy->n_modules = n;
}

static int bring_up(struct bench *bench)
{
	const struct cli_options *o = bench->options;
	struct baton_rack_events events = {
		.ud = bench, .end = hear_end, .fail = hear_fail, .tool = hear_tool
	};
	struct baton_stage_options options = { .modules_dir = o->modules,
					       .run_dir = bench->run_dir,
					       .secrets_dir = bench->secrets,
					       .ca_file = o->ca_file,
					       .allow_loopback_http = o->allow_loopback_http,
					       .modhost = cli_default_modhost() };
	char why[512];

	if (cli_run_dir(o->data, bench->run_dir) != CLI_OK)
		return CLI_FAILED;
	only_tools(bench->policy);
	if (baton_release_stage(&options, NULL, bench->policy, 1, &bench->release, why,
				sizeof(why)) < 0) {
		fprintf(stderr, "baton: %s\n", why);
		return CLI_FAILED;
	}
	bench->policy = NULL; /* the release has it now */
	bench->loop = baton_loop_new("tools");
	bench->rack = baton_rack_new(bench->loop, &events);
	if (baton_rack_adopt(bench->rack, bench->release, why, sizeof(why)) == 0)
		return CLI_OK;
	fprintf(stderr, "baton: %s\n", why);
	return CLI_FAILED;
}

static void take_down(struct bench *bench)
{
	if (bench->rack)
		baton_rack_free(&bench->rack);
	if (bench->loop)
		baton_loop_free(&bench->loop);
	if (bench->release)
		baton_release_unref(&bench->release);
	baton_policy_free(&bench->policy);
	json_decref(bench->result);
	baton_scratch_drop(bench->run_dir);
}

static void print_json(json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(1) | JSON_ENCODE_ANY);

	if (text)
		printf("%s\n", text);
	free(text);
}

/* --- list --------------------------------------------------------------------------------- */

static bool route_has(const struct baton_route *route, const struct baton_tool_def *tool)
{
	for (size_t i = 0; i < route->n_tools; i++)
		if (route->tools[i] == tool)
			return true;
	return false;
}

static bool route_looks_up(const struct baton_route *route, const struct baton_tool_def *tool)
{
	for (size_t i = 0; i < route->n_lookups; i++)
		if (route->lookups[i].tool == tool)
			return true;
	return false;
}

static json_t *routes_with(const struct baton_policy *policy, const struct baton_tool_def *tool,
			   bool (*has)(const struct baton_route *, const struct baton_tool_def *))
{
	json_t *list = json_array();

	for (size_t i = 0; i < policy->n_routes; i++)
		if (has(&policy->routes[i], tool))
			json_array_append_new(list, json_string(policy->routes[i].intent));
	return list;
}

static json_t *tool_json(const struct baton_policy *policy, const struct baton_tool_def *tool)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:b, s:I, s:O, s:o, s:o}", "name",
			 tool->name, "module", tool->module, "title", tool->title, "description",
			 tool->description, "writes", tool->writes, "idempotent", tool->idempotent,
			 "approval", tool->approval ? "agent" : "none", "verified", tool->verified,
			 "timeout_ms", (json_int_t)tool->timeout_ms, "arguments", tool->arguments,
			 "models_of", routes_with(policy, tool, route_has), "lookups_of",
			 routes_with(policy, tool, route_looks_up));
}

static void print_names(const char *lead, json_t *list)
{
	json_t *name;
	size_t i;

	if (json_array_size(list) > 0)
		printf("%s", lead);
	json_array_foreach(list, i, name)
		printf("%s%s", i ? ", " : "", json_string_value(name));
	if (i > 0)
		printf("\n");
	json_decref(list);
}

static void print_tool(const struct baton_policy *policy, const struct baton_tool_def *tool)
{
	printf("%s: %s\n  %s; %s%s; by %s, within %u ms\n", tool->name, tool->title,
	       tool->writes ? "changes something" : "looks up",
	       tool->approval ? "an agent approves each call" : "nobody is asked",
	       tool->verified ? "; for signed customers alone" : "", tool->module,
	       tool->timeout_ms);
	print_names("  models may ask for it: ", routes_with(policy, tool, route_has));
	print_names("  looked up for: ", routes_with(policy, tool, route_looks_up));
}

static int tools_list(const struct cli_options *options)
{
	struct bench bench = { .options = options };
	json_t *all = json_array();
	int rc = load(&bench);

	for (size_t i = 0; rc == CLI_OK && i < bench.set->n_tools; i++) {
		if (options->json)
			json_array_append_new(all, tool_json(bench.set, &bench.set->tools[i]));
		else
			print_tool(bench.set, &bench.set->tools[i]);
	}
	if (rc == CLI_OK && options->json)
		print_json(all);
	else if (rc == CLI_OK && bench.set->n_tools == 0)
		printf("no tools: the set has no tools.yaml\n");
	json_decref(all);
	take_down(&bench);
	return rc;
}

/* --- check -------------------------------------------------------------------------------- */

struct findings {
	json_t *all; /* [{"subject","ok","why"}] */
	bool broken;
};

static void find(struct findings *findings, const char *subject, const char *why)
{
	json_array_append_new(findings->all, json_pack("{s:s, s:b, s:s}", "subject", subject, "ok",
						       why == NULL, "why", why ? why : ""));
	findings->broken = findings->broken || why;
}

/* Values are read and forgotten: only whether they are there is said. */
static void check_secrets(const struct bench *bench, const struct baton_policy_module *module,
			  struct findings *findings)
{
	char subject[200], why[300];

	for (size_t i = 0; i < module->n_secrets; i++) {
		char *value = NULL;
		bool ok = baton_secret_read(bench->secrets, module->secrets[i], &value, why,
					    sizeof(why)) == 0;

		snprintf(subject, sizeof(subject), "%s: secret %s", module->name,
			 module->secrets[i]);
		find(findings, subject, ok ? NULL : why);
		baton_secret_free(&value);
	}
}

/* Both name the same arguments, as far as the module knows any. */
static bool same_arguments(const struct baton_tool_def *tool, const json_t *said, char why[200])
{
	json_t *theirs = json_object_get(json_object_get(said, "arguments"), "properties"), *value;
	const json_t *ours = json_object_get(tool->arguments, "properties");
	const char *name;

	if (!theirs)
		return true;
	json_object_foreach((json_t *)(uintptr_t)ours, name, value) {
		if (json_object_get(theirs, name))
			continue;
		snprintf(why, 200, "`%.64s` is declared, and the module knows no such argument",
			 name);
		return false;
	}
	return true;
}

static const char *check_tool(const struct baton_tool_def *tool, const json_t *said, char why[200])
{
	const json_t *writes = json_object_get(said, "writes");

	if (!said)
		return "the module does not perform it";
	if (!tool->writes && json_is_true(writes))
		return "the module says that it changes something: declare `writes: true`";
	return same_arguments(tool, said, why) ? NULL : why;
}

static const json_t *said_of(const json_t *list, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		const char *its = json_string_value(json_object_get(one, "name"));

		if (its && strcmp(its, name) == 0)
			return one;
	}
	return NULL;
}

static void check_described(struct bench *bench, const struct baton_policy_module *module,
			    struct findings *findings)
{
	struct baton_buf text = { NULL, 0, 0 };
	int rc = baton_rack_describe(bench->rack, bench->release, module->name, &text);
	json_t *said = rc == 0 && text.n ? json_loadb(text.p, text.n, 0, NULL) : NULL;

	if (rc != 0 && rc != BATON_E_UNSUPPORTED)
		find(findings, module->name, "it cannot say what it performs");
	for (size_t i = 0; i < bench->set->n_tools; i++) {
		const struct baton_tool_def *tool = &bench->set->tools[i];
		char why[200];

		if (strcmp(tool->module, module->name) == 0)
			find(findings, tool->name,
			     json_is_array(said) ? check_tool(tool, said_of(said, tool->name), why)
						 : NULL);
	}
	json_decref(said);
	baton_buf_done(&text);
}

/* Level 1 is asked only of who is asked with --live: it leaves this machine. */
static void check_well(struct bench *bench, size_t i, struct findings *findings)
{
	const struct baton_policy_module *module = &bench->set->modules[i];
	const char *why = NULL;
	char subject[100];

	begin(bench);
	snprintf(subject, sizeof(subject), "%s: %s", module->name,
		 bench->options->live ? "its service is well" : "is ready");
	int rc = baton_rack_check(bench->rack, bench->release, i, bench->ticket,
				  bench->options->live ? 1 : 0);
	if (rc == 0 && !wait_for(bench, READY_MS))
		why = "it did not say within 30 s";
	else if (rc == 0 && bench->failed)
		why = bench->message;
	else if (rc < 0 && rc != BATON_E_UNSUPPORTED)
		why = baton_error_info(rc)->text;
	find(findings, subject, why);
}

static void check_module(struct bench *bench, size_t i, struct findings *findings)
{
	const struct baton_policy_module *module = &bench->set->modules[i];

	if (module->n_egress == 0)
		find(findings, module->name, "its `egress` is empty: it reaches nobody");
	check_secrets(bench, module, findings);
	check_well(bench, i, findings);
	check_described(bench, module, findings);
}

static void print_findings(const struct findings *findings)
{
	json_t *one;
	size_t i;

	json_array_foreach(findings->all, i, one) {
		bool ok = json_is_true(json_object_get(one, "ok"));

		printf("%s - %s%s%s\n", ok ? "ok" : "not ok",
		       json_string_value(json_object_get(one, "subject")), ok ? "" : ": ",
		       json_string_value(json_object_get(one, "why")));
	}
}

static int tools_check(const struct cli_options *options)
{
	struct bench bench = { .options = options };
	struct findings findings = { .all = json_array() };
	int rc = load(&bench);

	if (rc == CLI_OK)
		rc = bring_up(&bench);
	for (size_t i = 0; rc == CLI_OK && i < bench.set->n_modules; i++)
		check_module(&bench, i, &findings);
	if (rc == CLI_OK && options->json)
		print_json(findings.all);
	else
		print_findings(&findings);
	if (rc == CLI_OK && findings.broken)
		rc = CLI_FAILED;
	json_decref(findings.all);
	take_down(&bench);
	return rc;
}

/* --- call --------------------------------------------------------------------------------- */

static const char *bound_value(const struct cli_options *options, const char *from)
{
	if (strcmp(from, "customer") == 0)
		return options->customer;
	return strcmp(from, "session") == 0 ? "by-hand" : NULL;
}

/* What was typed, and what the server would set. NULL with a line on stderr. */
static char *arguments_of(const struct bench *bench, const struct baton_tool_def *tool)
{
	json_t *args = json_loads(bench->options->operand2, JSON_REJECT_DUPLICATES, NULL);
	char *text = NULL, why[200] = "expected an object";

	for (size_t i = 0; json_is_object(args) && i < tool->n_binds; i++) {
		const char *value = bound_value(bench->options, tool->binds[i].from);

		if (value)
			json_object_set_new(args, tool->binds[i].argument, json_string(value));
	}
	if (json_is_object(args))
		text = json_dumps(args, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(args);
	if (text && baton_json_schema_fits(baton_str_of(tool->schema_json), baton_str_of(text),
					   "arguments", why, sizeof(why)) == 0)
		return text;
	free(text);
	fprintf(stderr, "baton tools call: %s: %s\n", tool->name, why);
	return NULL;
}

/* What changes something is asked for, in a terminal, or was allowed. */
static bool allowed(const struct cli_options *options, const struct baton_tool_def *tool)
{
	char answer[8] = "";

	if (!tool->writes || options->yes || options->shadow)
		return true;
	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr,
			"baton tools call: %s changes something; say --yes, or --shadow to "
			"see what would be asked\n",
			tool->name);
		return false;
	}
	fprintf(stderr, "%s: %s. It is on no record. Call it? [y/N] ", tool->name, tool->title);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int invoke(struct bench *bench, const struct baton_tool_def *tool, const char *args)
{
	const struct cli_options *o = bench->options;
	uint8_t random[KEY_BYTES];
	char key[KEY_BYTES * 2 + 1];
	const baton_turn turn = { .size = sizeof(turn),
				  .flags = o->shadow ? BATON_TURN_SHADOW : 0,
				  .session_id = BATON_STR("by-hand"),
				  .turn_id = BATON_STR("1"),
				  .channel = BATON_STR("cli"),
				  .customer_ref = baton_str_of(o->customer ? o->customer : "") };
	const uint32_t flags = (tool->writes ? BATON_TOOL_WRITES : 0u) |
			       (tool->idempotent ? BATON_TOOL_IDEMPOTENT : 0u) |
			       (o->shadow ? BATON_TOOL_SHADOW : 0u);

	if (RAND_bytes(random, sizeof(random)) != 1)
		return CLI_FAILED;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(key + i * 2, 3, "%02x", random[i]);
	const baton_tool_req req = { .size = sizeof(req),
				     .flags = flags,
				     .turn = &turn,
				     .name = baton_str_of(tool->name),
				     .args_json = baton_str_of(args),
				     .idempotency_key = baton_str_of(key) };
	begin(bench);
	int rc = baton_rack_invoke(bench->rack, bench->release, bench->ticket, tool->module, &req);
	if (rc == 0 && wait_for(bench, tool->timeout_ms + MORE_MS))
		return CLI_OK;
	fprintf(stderr, "baton tools call: %s: %s\n", tool->name,
		rc < 0 ? baton_error_info(rc)->text : "no answer within its time");
	return CLI_FAILED;
}

static bool fits_result(const struct bench *bench, const struct baton_tool_def *tool, char why[200])
{
	char *text = json_dumps(bench->result, JSON_COMPACT | JSON_ENCODE_ANY);
	int rc = text && tool->result_json && tool->result_json[0] && !bench->no[0] &&
				 !bench->options->shadow
			 ? baton_json_schema_fits(baton_str_of(tool->result_json),
						  baton_str_of(text), "result", why, 200)
			 : 0;

	free(text);
	return rc == 0;
}

static int print_call(const struct bench *bench, const struct baton_tool_def *tool, uint64_t ms)
{
	bool doubt = bench->failed && (bench->error.flags & BATON_ERROR_IN_DOUBT);
	char why[200] = "";
	bool ok = !bench->failed && bench->result && fits_result(bench, tool, why);

	if (bench->options->json) {
		json_t *json = json_pack(
			"{s:b, s:s, s:O*, s:s, s:s, s:b, s:I, s:I, s:I, s:b}", "ok", ok, "no",
			bench->no, "result", bench->result, "code", bench->code, "message",
			why[0] ? why : bench->message, "in_doubt", doubt, "http_status",
			(json_int_t)(bench->failed ? bench->error.http_status : bench->http_status),
			"tries", (json_int_t)bench->tries, "ms", (json_int_t)ms, "cached",
			bench->cached);

		print_json(json);
		json_decref(json);
	} else if (bench->failed) {
		fprintf(stderr, "%s: failed after %llu ms: %s (%s)%s\n", tool->name,
			(unsigned long long)ms, bench->message, bench->code,
			doubt ? "; it may have happened all the same" : "");
	} else {
		fprintf(stderr, "%s: %s%s%s, %llu ms, tries: %u\n", tool->name,
			bench->no[0] ? "no: "
			: ok         ? "ok"
				     : "not what it declares: ",
			bench->no, why, (unsigned long long)ms, bench->tries);
		print_json(bench->result);
	}
	return ok ? CLI_OK : CLI_FAILED;
}

static int call(struct bench *bench)
{
	const struct baton_tool_def *tool =
		baton_policy_tool(bench->set, baton_str_of(bench->options->operand));
	char *args = tool ? arguments_of(bench, tool) : NULL;

	if (!tool)
		fprintf(stderr,
			"baton tools call: there is no tool `%s`; `baton tools list` lists "
			"them\n",
			bench->options->operand);
	int rc = args && allowed(bench->options, tool) ? bring_up(bench) : CLI_USAGE;
	uint64_t began = cli_unix_ms();
	if (rc == CLI_OK)
		rc = invoke(bench, tool, args);
	if (rc == CLI_OK)
		rc = print_call(bench, tool, cli_unix_ms() - began);
	free(args);
	return rc;
}

static int tools_call(const struct cli_options *options)
{
	struct bench bench = { .options = options };
	int rc = load(&bench);

	if (rc == CLI_OK)
		rc = call(&bench);
	take_down(&bench);
	return rc;
}
