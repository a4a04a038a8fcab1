/* SPDX-License-Identifier: Apache-2.0 */

/* A module of every kind that does what its configuration tells it: answers well, or breaks
 * out, hangs, lies and floods. Runs in a process of its own only. The configuration is a list
 * of words; "crash:start" makes start() crash, "spin:create" lets create() never return. A
 * prompt's model is a word, too, so that one instance can be good and then bad. */
#define BATON_ABI_NEEDED 0u
#include "core/isolate/frame.h"

#include <baton/module.h>
#include <baton/sign.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

BATON_MODULE_NOTE("iso-odd", "1.0.0", "provider classifier rule transcript retriever tool guard",
		  BATON_MODF_NO_INLINE);

static const baton_host *host;

struct odd {
	baton_ctx *ctx;
	char config[512];
	uint64_t call;
	unsigned left, n;
	baton_http http;
	char kept[64];
	size_t kept_n;
	char says[128];
};

static baton_str str(const char *z)
{
	return (baton_str){ z, strlen(z) };
}

static int *volatile nowhere;

/* Past what the loader looks for among the imports: a module that means to does it so, too. */
static void leave(int code)
{
	(void)syscall(SYS_exit_group, code);
}

static void spin(void)
{
	for (volatile int forever = 1; forever;)
		continue;
}

static void nap(void)
{
	struct timespec ts = { 3600, 0 };
	(void)nanosleep(&ts, NULL);
}

/* 30 ms of a processor, however long that takes. */
static void work(void)
{
	struct timespec from, now;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	do
		(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while ((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 < 30);
}

/* Crash, hang, work or leave, if the words say so for this place. The crash is to be a signal and
 * not a sanitizer's word. */
__attribute__((no_sanitize("undefined"))) static void behave(const char *words, const char *place)
{
	char word[64];
	snprintf(word, sizeof(word), "crash:%s", place);
	if (strstr(words, word))
		*nowhere = 1;
	snprintf(word, sizeof(word), "abort:%s", place);
	if (strstr(words, word))
		abort();
	snprintf(word, sizeof(word), "spin:%s", place);
	if (strstr(words, word))
		spin();
	snprintf(word, sizeof(word), "nap:%s", place);
	if (strstr(words, word))
		nap();
	snprintf(word, sizeof(word), "work:%s", place);
	if (strstr(words, word))
		work();
	snprintf(word, sizeof(word), "exit:%s", place);
	if (strstr(words, word))
		leave(0);
}

/* --- breaking out ------------------------------------------------------------------------ */

static int try_socket(int family)
{
	return syscall(SYS_socket, family, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags, 0600);
	return fd < 0 ? errno : 0;
}

static int try_exec(void)
{
	char *argv[] = { NULL };
	return syscall(SYS_execve, "/bin/true", argv, argv) < 0 ? errno : 0;
}

static int try_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		leave(0);
	return pid < 0 ? errno : 0;
}

static int try_kill(void)
{
	return syscall(SYS_kill, getppid(), SIGTERM) < 0 ? errno : 0;
}

/* Its own limits, with a pointer whose lower half is 0. */
static int try_limits(void)
{
	uint64_t *limit = mmap((void *)(uintptr_t)0x100000000000, 4096, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (limit == MAP_FAILED)
		return EPERM;
	limit[0] = limit[1] = 1000;
	return syscall(SYS_prlimit64, 0, 7 /* RLIMIT_NOFILE */, limit, NULL) < 0 ? errno : 0;
}

/* Address space: how much can be had, in MiB. */
static unsigned try_memory(void)
{
	unsigned n = 0;
	while (n < 4096 && mmap(NULL, 1u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0) != MAP_FAILED)
		n++;
	return n;
}

static void timer_fired(void *user)
{
	(void)user;
}

static unsigned try_timers(struct odd *odd)
{
	unsigned n = 0;
	baton_timer timer;
	while (n < 100000 && host->timer(odd->ctx, 3600000, timer_fired, odd, &timer) == BATON_OK)
		n++;
	return n;
}

static void break_out(struct odd *odd, const char *word)
{
	int rc = -1;
	char *const shown = odd->says;
	if (strcmp(word, "inet") == 0)
		rc = try_socket(AF_INET);
	else if (strcmp(word, "unix") == 0)
		rc = try_socket(AF_UNIX);
	else if (strcmp(word, "exec") == 0)
		rc = try_exec();
	else if (strcmp(word, "fork") == 0)
		rc = try_fork();
	else if (strcmp(word, "kill") == 0)
		rc = try_kill();
	else if (strcmp(word, "read") == 0)
		rc = try_open("/etc/passwd", O_RDONLY);
	else if (strcmp(word, "write") == 0)
		rc = try_open("/tmp/baton-iso-odd", O_CREAT | O_RDWR);
	else if (strcmp(word, "proc") == 0)
		rc = try_open("/proc/1/environ", O_RDONLY);
	else if (strcmp(word, "memory") == 0)
		rc = (int)try_memory();
	else if (strcmp(word, "timers") == 0)
		rc = (int)try_timers(odd);
	else if (strcmp(word, "watch") == 0)
		rc = -host->watch(odd->ctx, 0, BATON_WATCH_READ, NULL, NULL, NULL);
	else if (strcmp(word, "env") == 0)
		rc = getenv("PATH") || getenv("HOME") || getenv("BATON_SECRET_KEY") ? 1 : 0;
	else if (strcmp(word, "limits") == 0)
		rc = try_limits();
	else if (strcmp(word, "prctl") == 0)
		rc = syscall(SYS_prctl, 23 /* PR_CAPBSET_READ */, 0, 0, 0, 0) < 0 ? errno : 0;
	else if (strcmp(word, "ptrace") == 0)
		rc = syscall(SYS_ptrace, PTRACE_TRACEME, 0, NULL, NULL) < 0 ? errno : 0;
	snprintf(shown, sizeof(odd->says), "%s %d", word, rc);
}

/* --- lying ------------------------------------------------------------------------------- */

/* Writes to every descriptor there is: our own sockets are among them. */
static void garbage(const char *kind)
{
	struct {
		struct baton_frame_head head;
		char text[64];
	} frame = { .head = { .len = 8, .op = 9999, .call = 1 } };
	if (strstr(kind, "huge"))
		frame.head.len = UINT32_MAX;
	if (strstr(kind, "order"))
		frame.head.op = BATON_FRAME_BEGIN;
	if (strstr(kind, "short")) { /* a delta whose string is longer than its frame */
		frame.head.len = 12;
		frame.head.op = BATON_FRAME_DELTA;
		memset(frame.text, 0x7f, sizeof(frame.text));
	}
	if (strstr(kind, "answer")) { /* to a question that was never asked */
		frame.head.op = BATON_FRAME_ANSWER;
		frame.head.call = 77;
	}
	for (int fd = strstr(kind, "control") ? 3 : 4; fd < (strstr(kind, "control") ? 4 : 32);
	     fd++)
		(void)!write(fd, &frame, sizeof(frame));
}

/* Eight deltas that together are more than the credit of a call, past the host table. */
static void overspend(baton_call call)
{
	static struct {
		struct baton_frame_head head;
		uint32_t kind, n;
		char text[60000];
	} frame;
	frame.head.len = sizeof(frame) - sizeof(frame.head);
	frame.head.op = BATON_FRAME_DELTA;
	frame.head.call = call;
	frame.n = sizeof(frame.text);
	memset(frame.text, 'x', sizeof(frame.text));
	for (int i = 0; i < 8; i++)
		for (size_t at = 0; at < sizeof(frame);) { /* 4: the first instance's socket */
			ssize_t n = write(4, (const char *)&frame + at, sizeof(frame) - at);
			at += n > 0 ? (size_t)n : 0;
		}
}

static void flood(void)
{
	struct {
		struct baton_frame_head head;
		uint32_t level, n;
	} frame = { .head = { .len = 8, .op = BATON_FRAME_LOG } };
	for (int fd = 4; fd < 32; fd++)
		(void)!write(fd, &frame, sizeof(frame));
}

static void sin_of(struct odd *odd, baton_call call, const char *words)
{
	if (strstr(words, "garbage"))
		garbage(words);
	if (strstr(words, "overspend"))
		overspend(call);
	if (strstr(words, "flood")) /* without end, past the host table's own bound */
		for (;;)
			flood();
	if (strstr(words, "two-ends")) {
		host->end(odd->ctx, call, BATON_END_STOP);
		snprintf(odd->says, sizeof(odd->says), "%d",
			 host->end(odd->ctx, call, BATON_END_STOP));
		host->log(odd->ctx, BATON_LOG_WARN, str(odd->says));
	}
	if (strstr(words, "lines"))
		for (int i = 0; i < 200000; i++)
			host->log(odd->ctx, BATON_LOG_INFO, str("a line"));
}

/* --- provider ---------------------------------------------------------------------------- */

static void pour(struct odd *odd)
{
	char piece[1000];
	memset(piece, 'x', sizeof(piece));
	while (odd->left > 0) {
		if (host->delta(odd->ctx, odd->call, BATON_DELTA_TEXT,
				(baton_str){ piece, sizeof(piece) }) != BATON_OK) {
			odd->n++;
			return;
		}
		odd->left--;
	}
	snprintf(odd->says, sizeof(odd->says), "waited %s", odd->n ? "yes" : "no");
	host->delta(odd->ctx, odd->call, BATON_DELTA_REASONING, str(odd->says));
	host->end(odd->ctx, odd->call, BATON_END_STOP);
}

static void on_head(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n)
{
	struct odd *odd = user;
	char text[200];
	(void)h;
	snprintf(text, sizeof(text), "%u %u %.*s", status, n, n ? (int)headers[0].n : 0,
		 n ? headers[0].p : "");
	host->delta(odd->ctx, odd->call, BATON_DELTA_TEXT, str(text));
}

static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct odd *odd = user;
	(void)h;
	host->delta(odd->ctx, odd->call, BATON_DELTA_TEXT, event);
	host->delta(odd->ctx, odd->call, BATON_DELTA_TEXT, data);
}

static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct odd *odd = user;
	(void)h;
	if (error)
		host->fail(odd->ctx, odd->call, error);
	else
		host->end(odd->ctx, odd->call, BATON_END_STOP);
}

static int32_t fetch(struct odd *odd, const char *url)
{
	static const baton_http_cb cb = {
		.size = sizeof(cb), .on_head = on_head, .on_data = on_data, .on_end = on_end
	};
	const baton_str header = str("Authorization: Bearer {{secret:KEY}}");
	baton_http_req req = { .size = sizeof(req),
			       .method = str("POST"),
			       .url = str(url),
			       .headers = &header,
			       .n_headers = 1,
			       .body = str("{\"q\":1}") };
	return host->http(odd->ctx, &req, &cb, odd, &odd->http);
}

static int32_t to_kept(void *ud, const void *p, size_t n)
{
	struct odd *odd = ud;
	odd->kept_n = n < sizeof(odd->kept) ? n : sizeof(odd->kept);
	memcpy(odd->kept, p, odd->kept_n);
	return BATON_OK;
}

static void keep(struct odd *odd)
{
	const baton_sink sink = { .size = sizeof(sink), .ud = odd, .write = to_kept };
	int32_t none = host->kv_get(odd->ctx, str("kept"), &sink);
	int32_t put = host->kv_put(odd->ctx, str("kept"), str("a value"));
	int32_t got = host->kv_get(odd->ctx, str("kept"), &sink);
	snprintf(odd->says, sizeof(odd->says), "%d %d %d %.*s", none, put, got, (int)odd->kept_n,
		 odd->kept);
}

static void sign(struct odd *odd)
{
	const baton_host_sign *part = host->get(odd->ctx, BATON_HOST_SIGN);
	const baton_str parts[] = { str("ab"), str(""), str("c") };
	uint8_t mac[BATON_SIGN_HMAC_SHA256_BYTES] = { 0 };
	int32_t good = part ? part->hmac_sha256(odd->ctx, str("KEY"), parts, 3, mac) : -99;
	int32_t bad = part ? part->hmac_sha256(odd->ctx, str("OTHER"), parts, 3, mac) : -99;
	snprintf(odd->says, sizeof(odd->says), "%d %d %.5s", good, bad, (const char *)mac);
}

/* The same, asked from the helper thread. */
static void keep_work(void *user)
{
	struct odd *odd = user;
	behave(odd->config, "job");
	keep(odd);
}

static void keep_done(void *user, int32_t status)
{
	struct odd *odd = user;
	host->delta(odd->ctx, odd->call, BATON_DELTA_TEXT, str(odd->says));
	host->end(odd->ctx, odd->call, status == BATON_OK ? BATON_END_STOP : BATON_END_LENGTH);
}

static void posted(void *user)
{
	keep_done(user, BATON_OK);
}

static void leave_later(void *user)
{
	(void)user;
	leave(7);
}

static int32_t start(void *inst, baton_call call, const baton_prompt *prompt)
{
	struct odd *odd = inst;
	char word[128];
	snprintf(word, sizeof(word), "%.*s", (int)prompt->model.n, prompt->model.p);
	odd->call = call;
	odd->says[0] = 0;
	behave(odd->config, "start");
	behave(word, "start");
	sin_of(odd, call, word);
	if (strncmp(word, "out:", 4) == 0)
		break_out(odd, word + 4);
	else if (strncmp(word, "pour:", 5) == 0) {
		odd->left = (unsigned)strtoul(word + 5, NULL, 10);
		odd->n = 0;
		pour(odd);
		return BATON_OK;
	} else if (strncmp(word, "http:", 5) == 0) {
		int32_t rc = fetch(odd, word + 5);
		if (rc == BATON_OK)
			return BATON_OK;
		snprintf(odd->says, sizeof(odd->says), "http %d", rc);
	} else if (strcmp(word, "keep") == 0)
		keep(odd);
	else if (strcmp(word, "sign") == 0)
		sign(odd);
	else if (strcmp(word, "keep-job") == 0)
		return host->job(odd->ctx, keep_work, keep_done, odd, NULL);
	else if (strcmp(word, "post") == 0)
		return host->post(odd->ctx, posted, odd);
	else if (strcmp(word, "refuse") == 0)
		return BATON_E_AGAIN;
	else if (strcmp(word, "silent") == 0)
		return BATON_OK;
	else if (strcmp(word, "fail-module") == 0) {
		baton_error error = { .size = sizeof(error), .fail = BATON_FAIL_MODULE };
		host->fail(odd->ctx, call, &error);
		return BATON_OK;
	}
	if (strcmp(word, "last-word") == 0) {
		host->delta(odd->ctx, call, BATON_DELTA_TEXT, str("heard"));
		host->end(odd->ctx, call, BATON_END_STOP);
		return host->timer(odd->ctx, 1, leave_later, odd, NULL);
	}
	if (strcmp(word, "stale") == 0) {
		host->delta(odd->ctx, call, BATON_DELTA_TEXT, (baton_str){ "\xff\xff", 2 });
		nap();
	}
	host->delta(odd->ctx, call, BATON_DELTA_TEXT, str(odd->says[0] ? odd->says : "ok"));
	host->end(odd->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct odd *odd = inst;
	(void)why;
	behave(odd->config, "cancel");
	if (strstr(odd->config, "deaf"))
		return;
	host->end(odd->ctx, call, BATON_END_STOP);
}

static void resume(void *inst, baton_call call)
{
	struct odd *odd = inst;
	odd->call = call;
	pour(odd);
}

static int32_t models(void *inst, const baton_sink *json)
{
	struct odd *odd = inst;
	behave(odd->config, "models");
	return json->write(json->ud, "[\"odd\"]", 7);
}

static const baton_provider provider = { .size = sizeof(provider),
					 .models = models,
					 .start = start,
					 .cancel = cancel,
					 .resume = resume };

/* --- the other kinds --------------------------------------------------------------------- */

static int32_t classify(void *inst, baton_call call, const baton_turn *turn, baton_intents *out)
{
	struct odd *odd = inst;
	(void)call;
	behave(odd->config, "classify");
	out->n = 1;
	out->v[0].name = turn->n_msgs ? turn->msgs[0].text : str("nothing");
	out->v[0].confidence_ppm = 500000;
	out->language = turn->locale;
	return BATON_OK;
}

static const baton_classifier classifier = { .size = sizeof(classifier), .classify = classify };

static int32_t evaluate(void *inst, const baton_facts *facts, baton_verdict *out)
{
	struct odd *odd = inst;
	behave(odd->config, "evaluate");
	out->action = facts->exchanges > 3 ? BATON_ACT_ESCALATE : BATON_ACT_NONE;
	out->rule = "odd-rule";
	out->reason = facts->intent.n ? "an intent" : NULL;
	out->cooldown_ms = 7;
	if (facts->guard_rule.n > 0) { /* the newest text of the facts */
		snprintf(odd->says, sizeof(odd->says), "%.*s", (int)facts->guard_rule.n,
			 facts->guard_rule.p);
		out->reason = odd->says;
	}
	return BATON_OK;
}

static const baton_rule rule = { .size = sizeof(rule), .evaluate = evaluate };

static int32_t invoke(void *inst, baton_call call, const baton_tool_req *req)
{
	struct odd *odd = inst;
	char json[512];
	behave(odd->config, "invoke");
	snprintf(
		json, sizeof(json),
		"{\"name\":\"%.*s\",\"args\":%.*s,\"key\":\"%.*s\",\"session\":\"%.*s\",\"flags\":%u}",
		(int)req->name.n, req->name.p, (int)req->args_json.n, req->args_json.p,
		(int)req->idempotency_key.n, req->idempotency_key.p,
		req->turn ? (int)req->turn->session_id.n : 0,
		req->turn ? req->turn->session_id.p : "", req->flags);
	const baton_tool_result result = {
		.size = sizeof(result), .json = str(json), .http_status = 201, .tries = 2
	};
	if (!strstr(odd->config, "deaf"))
		host->result(odd->ctx, call, BATON_RESULT_TOOL, &result, sizeof(result));
	if (!strstr(odd->config, "deaf"))
		host->end(odd->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

static void tool_cancel(void *inst, baton_call call, uint32_t why)
{
	struct odd *odd = inst;
	(void)why;
	host->end(odd->ctx, call, BATON_END_STOP);
}

static int32_t tells_tools(void *inst, const baton_sink *json)
{
	(void)inst;
	return json->write(json->ud, "[{\"name\":\"odd\"}]", 16);
}

static const baton_tool tool = {
	.size = sizeof(tool), .describe = tells_tools, .invoke = invoke, .cancel = tool_cancel
};

/* Every digit is a hit; while an answer grows, all but its last byte is safe. */
static int32_t inspect(void *inst, const baton_inspection *what, baton_hits *out)
{
	struct odd *odd = inst;
	behave(odd->config, "inspect");
	snprintf(odd->says, sizeof(odd->says), "at-%u-from-%u-of-%.*s", what->at, what->from,
		 what->turn ? (int)what->turn->session_id.n : 0,
		 what->turn ? what->turn->session_id.p : "");
	for (uint32_t i = 0; i < what->text.n; i++) {
		if (what->text.p[i] < '0' || what->text.p[i] > '9')
			continue;
		if (out->n == out->cap)
			return BATON_E_LIMIT;
		out->v[out->n++] = (baton_hit){ .begin = i,
						.end = i + 1,
						.action = BATON_GUARD_REDACT,
						.confidence_ppm = 1000 * i,
						.type = str("digit"),
						.rule = str(odd->says) };
	}
	if (!what->final && what->text.n > 0)
		out->safe = (uint32_t)what->text.n - 1;
	return BATON_OK;
}

static int32_t finds(void *inst, const baton_sink *json)
{
	(void)inst;
	return json->write(json->ud, "[{\"type\":\"digit\"}]", 18);
}

static const baton_guard guard = { .size = sizeof(guard),
				   .at = BATON_AT_CUSTOMER | BATON_AT_ANSWER,
				   .describe = finds,
				   .inspect = inspect };

static int32_t append(void *inst, baton_call call, const baton_entry *entries, uint32_t n)
{
	struct odd *odd = inst;
	(void)call, (void)entries, (void)n;
	behave(odd->config, "append");
	return BATON_OK;
}

static const baton_transcript transcript = { .size = sizeof(transcript), .append = append };

static int32_t search(void *inst, baton_call call, const baton_query *query)
{
	struct odd *odd = inst;
	baton_doc doc = { .id = query->text, .title = str("A title"), .score_ppm = 1000 };
	behave(odd->config, "search");
	host->result(odd->ctx, call, BATON_RESULT_DOCS, &doc, sizeof(doc));
	host->end(odd->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

static const baton_retriever retriever = { .size = sizeof(retriever), .search = search };

/* --- state ------------------------------------------------------------------------------- */

static int32_t save(void *inst, const baton_sink *sink)
{
	struct odd *odd = inst;
	behave(odd->config, "save");
	return sink->write(sink->ud, odd->kept, odd->kept_n);
}

static int32_t state_load(void *inst, uint32_t schema, const baton_source *source)
{
	struct odd *odd = inst;
	if (schema != 3)
		return BATON_E_SCHEMA;
	int64_t n = source->read(source->ud, odd->kept, sizeof(odd->kept));
	odd->kept_n = n > 0 ? (size_t)n : 0;
	return BATON_OK;
}

static const baton_state warm = {
	.size = sizeof(warm), .schema = 3, .min_schema = 2, .save = save, .load = state_load
};

/* --- life -------------------------------------------------------------------------------- */

static int32_t load(baton_ctx *ctx, const baton_host *table, void **mod)
{
	host = table;
	*mod = NULL;
	host->log(ctx, BATON_LOG_INFO, str("loaded"));
	return BATON_OK;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config, void **inst)
{
	(void)mod;
	struct odd *odd = calloc(1, sizeof(*odd));
	odd->ctx = ctx;
	snprintf(odd->config, sizeof(odd->config), "%.*s", (int)config.n, config.p);
	behave(odd->config, "create");
	*inst = odd;
	return strstr(odd->config, "refuse:create") ? BATON_E_NOTFOUND : BATON_OK;
}

static int32_t activate(void *inst)
{
	const struct odd *odd = inst;
	behave(odd->config, "activate");
	return strstr(odd->config, "refuse:activate") ? BATON_E_STATE : BATON_OK;
}

static void destroy(void *inst)
{
	struct odd *odd = inst;
	behave(odd->config, "destroy");
	free(odd);
}

static int32_t check(void *inst, baton_call call, uint32_t level)
{
	struct odd *odd = inst;
	(void)level;
	behave(odd->config, "check");
	return host->end(odd->ctx, call, BATON_END_STOP);
}

static const baton_iface ifaces[] = {
	{ BATON_PROVIDER, &provider },   { BATON_CLASSIFIER, &classifier },
	{ BATON_RULE, &rule },           { BATON_TRANSCRIPT, &transcript },
	{ BATON_RETRIEVER, &retriever }, { BATON_TOOL, &tool },
	{ BATON_GUARD, &guard },         { "baton.unheard-of/9", &retriever }
};

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,     .flags = BATON_MODF_NO_INLINE,
	.n_ifaces = 8,         .id = "iso-odd",
	.version = "1.0.0",    .vendor = "nobody",
	.config_schema = "{}", .ifaces = ifaces,
	.load = load,          .create = create,
	.activate = activate,  .destroy = destroy,
	.check = check,        .state = &warm,
};
