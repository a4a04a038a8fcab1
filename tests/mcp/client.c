/* SPDX-License-Identifier: Apache-2.0 */

/* A module of kind tool in the server's own surroundings (its rack, its loop, its HTTP) and nothing
 * else of a server: what it is asked comes as lines of JSON on stdin, what is heard goes out.
 *
 *	mcp_client MODULE.so CONFIG     CONFIG: what create() gets, JSON
 *	{"op":"call","tool":"t","args":{},"writes":true}  -> {"n":1,"json":{...},"no":false,"tries":1}
 *	                                                or {"n":1,"fail":11,"code":"...","doubt":true}
 *	{"op":"cancel","n":1}    {"op":"check"} -> {"n":2,"end":true}     {"op":"describe"} -> {"tools":[...]}
 *	{"op":"wait"}            the lines behind it are read when nothing is open any more
 *
 * Numbers count calls and checks from 1. At the end of stdin it waits for what is open and goes. */
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/module/generation.h"
#include "core/module/rack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_BYTES = 32 };

struct client {
	struct baton_loop *loop;
	struct baton_rack *rack;
	struct baton_release *release;
	char dir[64];
	const char *name;
	struct baton_buf in;
	uint64_t watch, last;
	unsigned open;
	bool waiting, over;
};

static struct client client = { .name = "mcp" };

static void die(const char *why, const char *what)
{
	(void)fprintf(stderr, "mcp_client: %s %s\n", why, what);
	exit(2);
}

static void say(json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);

	(void)printf("%s\n", text);
	(void)fflush(stdout);
	free(text);
	json_decref(line);
}

static json_t *text_of(baton_str s)
{
	return json_stringn(s.n ? s.p : "", s.n);
}

/* --- what is heard ------------------------------------------------------------------------ */

static void lines_take(void);

static void ended(void)
{
	client.open--;
	lines_take();
}

static void on_tool(void *ud, uint64_t ticket, const baton_tool_result *result)
{
	json_t *json = json_loadb(result->json.p, result->json.n, JSON_DECODE_ANY, NULL);

	(void)ud;
	if (!json)
		die("the result is no JSON:", "");
	say(json_pack("{s:I, s:o, s:b, s:o, s:i}", "n", (json_int_t)ticket, "json", json, "no",
		      (int)(result->flags & BATON_TOOL_NO), "code", text_of(result->code), "tries",
		      (int)result->tries));
}

static void on_end(void *ud, uint64_t ticket, uint32_t reason)
{
	(void)ud;
	(void)reason;
	say(json_pack("{s:I, s:b}", "n", (json_int_t)ticket, "end", 1));
	ended();
}

static void on_fail(void *ud, uint64_t ticket, const baton_error *error)
{
	(void)ud;
	say(json_pack("{s:I, s:i, s:o, s:o, s:b, s:i}", "n", (json_int_t)ticket, "fail",
		      (int)error->fail, "code", text_of(error->code), "why",
		      text_of(error->message), "doubt", (int)(error->flags & BATON_ERROR_IN_DOUBT),
		      "status", (int)error->http_status));
	ended();
}

/* --- what is asked ------------------------------------------------------------------------ */

static bool flag(const json_t *line, const char *name)
{
	return json_is_true(json_object_get(line, name));
}

static void call_start(const json_t *line)
{
	char key[KEY_BYTES];
	char *args = json_dumps(json_object_get(line, "args"), JSON_COMPACT);
	const char *tool = json_string_value(json_object_get(line, "tool"));
	const baton_turn turn = { .size = sizeof(turn),
				  .session_id = BATON_STR("session"),
				  .turn_id = BATON_STR("turn") };
	baton_tool_req req = { .size = sizeof(req), .turn = &turn };

	(void)snprintf(key, sizeof(key), "key-%ju", (uintmax_t)client.last + 1);
	req.flags = (flag(line, "writes") ? BATON_TOOL_WRITES : 0u) |
		    (flag(line, "idempotent") ? BATON_TOOL_IDEMPOTENT : 0u);
	req.name = baton_str_of(tool ? tool : "");
	req.args_json = baton_str_of(args ? args : "{}");
	req.idempotency_key = baton_str_of(key);
	int rc = baton_rack_invoke(client.rack, client.release, ++client.last, client.name, &req);
	if (rc < 0)
		say(json_pack("{s:I, s:i}", "n", (json_int_t)client.last, "refused", rc));
	else
		client.open++;
	free(args);
}

static void check_start(void)
{
	if (baton_rack_check(client.rack, client.release, 0, ++client.last, 1) == 0)
		client.open++;
}

static int32_t sink_write(void *ud, const void *p, size_t n)
{
	baton_buf_add(ud, p, n);
	return BATON_OK;
}

static void describe(void)
{
	struct baton_ctx *ctx = baton_seat_instance(baton_rack_seat(client.rack, client.release),
						    "tool", client.name);
	const baton_tool *tool = ctx->generation->vt;
	struct baton_buf text = { 0 };
	const baton_sink sink = { .size = sizeof(sink), .ud = &text, .write = sink_write };

	if (tool->describe(ctx->inst, &sink) != BATON_OK)
		die("describe() failed", "");
	say(json_pack("{s:o}", "tools", json_loadb(text.p, text.n, 0, NULL)));
	baton_buf_done(&text);
}

static void line_take(const char *p, size_t n)
{
	json_t *line = json_loadb(p, n, 0, NULL);
	const char *op = json_string_value(json_object_get(line, "op"));

	if (!op)
		die("no line of ours:", p);
	if (strcmp(op, "call") == 0)
		call_start(line);
	else if (strcmp(op, "check") == 0)
		check_start();
	else if (strcmp(op, "describe") == 0)
		describe();
	else if (strcmp(op, "wait") == 0)
		client.waiting = client.open > 0;
	else if (strcmp(op, "cancel") == 0) {
		json_int_t ticket = json_integer_value(json_object_get(line, "n"));
		baton_rack_cancel(client.rack, (uint64_t)ticket, BATON_CANCEL_USER);
		say(json_pack("{s:I, s:b}", "n", ticket, "cancelled", 1));
		client.open--;
	} else
		die("unknown op:", op);
	json_decref(line);
}

static void lines_take(void)
{
	if (client.open == 0)
		client.waiting = false;
	while (!client.waiting) {
		char *end = client.in.n ? memchr(client.in.p, '\n', client.in.n) : NULL;
		if (!end)
			break;
		size_t n = (size_t)(end - client.in.p);
		char *copy = strndup(client.in.p, n);
		baton_buf_drop(&client.in, n + 1);
		line_take(copy, n);
		free(copy);
	}
	if (client.over && client.in.n == 0 && client.open == 0)
		baton_loop_stop(client.loop);
}

static void on_stdin(void *ud, bool readable, bool writable)
{
	char bytes[65536];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	(void)ud;
	(void)readable;
	(void)writable;
	if (n > 0) {
		baton_buf_add(&client.in, bytes, (size_t)n);
	} else {
		client.over = true;
		baton_loop_watch_stop(client.loop, client.watch);
	}
	lines_take();
}

/* --- surroundings ------------------------------------------------------------------------- */

static struct baton_policy *policy_of(const char *file, const char *config)
{
	static const char *egress[] = { "localhost", "127.0.0.1" };
	static const char *secrets[] = { "MCP_KEY" };
	struct baton_policy *policy = baton_new(struct baton_policy);
	struct baton_policy_module *m =
		baton_arena_alloc(&policy->arena, sizeof(struct baton_policy_module));

	*m = (struct baton_policy_module){ .name = client.name,
					   .file = file,
					   .kind = "tool",
					   .isolation = "inline",
					   .egress = egress,
					   .n_egress = 2,
					   .secrets = secrets,
					   .n_secrets = getenv("BATON_SECRET_MCP_KEY") ? 1 : 0 };
	m->config = json_loads(config, JSON_REJECT_DUPLICATES, NULL);
	if (!m->config)
		die("CONFIG is no JSON:", config);
	m->config_json = baton_arena_dup(&policy->arena, config, strlen(config));
	m->config_json_n = strlen(config);
	policy->modules = m;
	policy->n_modules = 1;
	return policy;
}

static void remove_dir(void)
{
	char command[128];

	/* Copies of the module lie in it. */
	(void)snprintf(command, sizeof(command), "%s/run", client.dir);
	(void)rmdir(command);
	(void)rmdir(client.dir);
}

static void load(const char *path, const char *config)
{
	char why[512] = "", run[80], modules[512];
	const char *slash = strrchr(path, '/');
	const struct baton_rack_events events = { .end = on_end, .fail = on_fail, .tool = on_tool };

	if (!slash)
		die("a path with a folder is needed:", path);
	memcpy(client.dir, "/tmp/baton-mcp-XXXXXX", 22);
	if (!mkdtemp(client.dir))
		die("no scratch folder", "");
	(void)snprintf(run, sizeof(run), "%s/run", client.dir);
	(void)snprintf(modules, sizeof(modules), "%.*s", (int)(slash - path), path);
	if (mkdir(run, 0700) < 0)
		die("no scratch folder", "");
	const struct baton_stage_options options = { .modules_dir = modules,
						     .run_dir = run,
						     .allow_loopback_http = true };
	if (baton_release_stage(&options, NULL, policy_of(slash + 1, config), 1, &client.release,
				why, sizeof(why)) < 0)
		die("not loaded:", why);
	client.loop = baton_loop_new("mcp");
	client.rack = baton_rack_new(client.loop, &events);
	if (baton_rack_adopt(client.rack, client.release, why, sizeof(why)) < 0)
		die("not made:", why);
}

static void log_line(void *ud, baton_str line)
{
	(void)ud;
	(void)fwrite(line.p, 1, line.n, stderr);
}

static uint64_t wall(void *ud)
{
	(void)ud;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		die("usage:", "mcp_client MODULE.so CONFIG");
	baton_log_to(log_line, wall, NULL, BATON_LOG_INFO);
	load(argv[1], argv[2]);
	client.watch = baton_loop_watch(client.loop, STDIN_FILENO, true, false, on_stdin, NULL);
	baton_loop_run(client.loop);
	baton_rack_free(&client.rack);
	baton_release_unref(&client.release);
	baton_loop_free(&client.loop);
	baton_buf_done(&client.in);
	remove_dir();
	return 0;
}
