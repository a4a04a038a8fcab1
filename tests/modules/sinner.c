/* SPDX-License-Identifier: Apache-2.0 */

/* One module of every kind that does wrong on request: the configuration {"sin":"...","text":"..."}
 * names what. Each sin is a small function in the table at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATON_ABI_NEEDED 0u
#include <baton/module.h>

BATON_MODULE_NOTE("sinner", "1.0.0", "provider classifier retriever rule transcript tool guard", 0);

struct sinner {
	baton_ctx *ctx;
	char sin[32], text[256];
	baton_call call;
	int32_t seen; /* what the host said last */
};

static const baton_host *host;
static const char euro[] = "\xe2\x82\xac";

static void delta(struct sinner *s, const char *text, size_t n)
{
	s->seen = host->delta(s->ctx, s->call, BATON_DELTA_TEXT, (baton_str){ text, n });
}

static void end(struct sinner *s)
{
	s->seen = host->end(s->ctx, s->call, BATON_END_STOP);
}

static void nap(long ms)
{
	struct timespec ts = { 0, ms * 1000000 };
	(void)nanosleep(&ts, NULL);
}

/* --- provider sins ------------------------------------------------------------------------ */

static int32_t none(struct sinner *s)
{
	baton_usage usage = { .size = sizeof(usage), .in_tokens = 3, .out_tokens = 4 };
	delta(s, "hel", 3);
	delta(s, "lo", 2);
	(void)host->usage(s->ctx, s->call, &usage);
	end(s);
	return BATON_OK;
}

static int32_t two_ends(struct sinner *s)
{
	end(s);
	end(s);
	return BATON_OK;
}

static int32_t delta_after_end(struct sinner *s)
{
	end(s);
	delta(s, "late", 4);
	return BATON_OK;
}

static int32_t never(struct sinner *s)
{
	delta(s, "so far", 6);
	return BATON_OK;
}

static int32_t bad_utf8(struct sinner *s)
{
	delta(s, "a\xff", 2);
	delta(s, "b", 1); /* so it was not the beginning of a character either */
	end(s);           /* it was told that the call has ended */
	return BATON_OK;
}

static int32_t split_utf8(struct sinner *s)
{
	for (int i = 0; i < 3; i++)
		delta(s, euro + i, 1);
	end(s);
	return BATON_OK;
}

static int32_t cut_utf8(struct sinner *s)
{
	delta(s, euro, 2);
	end(s);
	return BATON_OK;
}

static int32_t huge(struct sinner *s)
{
	size_t n = 70000;
	char *p = malloc(n);
	if (!p)
		return BATON_E_NOMEM;
	memset(p, 'a', n);
	delta(s, p, n);
	free(p);
	return BATON_OK;
}

static int32_t many(struct sinner *s)
{
	char line[1000];
	memset(line, 'a', sizeof(line));
	for (int i = 0; i < 200; i++)
		delta(s, line, sizeof(line));
	end(s);
	return BATON_OK;
}

static int32_t null_data(struct sinner *s)
{
	delta(s, NULL, 5);
	(void)host->usage(s->ctx, s->call, NULL);
	end(s);
	return BATON_OK;
}

static int32_t bad_kind(struct sinner *s)
{
	(void)host->delta(s->ctx, s->call, 99, (baton_str){ "x", 1 });
	end(s);
	return BATON_OK;
}

static int32_t bad_reason(struct sinner *s)
{
	(void)host->end(s->ctx, s->call, 99);
	return BATON_OK;
}

static int32_t bad_fail(struct sinner *s)
{
	baton_error error = { .size = sizeof(error), .fail = BATON_FAIL_MODULE };
	(void)host->fail(s->ctx, s->call, &error);
	return BATON_OK;
}

static int32_t fail_text(struct sinner *s)
{
	baton_error error = { .size = sizeof(error),
			      .fail = BATON_FAIL_ACCESS,
			      .http_status = 401 };
	error.message = (baton_str){ s->text, strlen(s->text) };
	host->log(s->ctx, BATON_LOG_ERROR, error.message);
	(void)host->fail(s->ctx, s->call, &error);
	return BATON_OK;
}

/* All a failure can say; or, from a header without scope, less. */
static int32_t fail_scope(struct sinner *s)
{
	baton_error error = { .size = sizeof(error),
			      .fail = BATON_FAIL_CONNECT,
			      .scope = BATON_SCOPE_ACCOUNT,
			      .flags = BATON_ERROR_BILLED,
			      .until_unix_ms = 1900000000000 };
	if (strcmp(s->text, "short") == 0)
		error.size = offsetof(baton_error, scope);
	(void)host->fail(s->ctx, s->call, &error);
	return BATON_OK;
}

static int32_t refuse(struct sinner *s)
{
	(void)s;
	return BATON_E_DENIED;
}

static int32_t answer_and_refuse(struct sinner *s)
{
	end(s);
	return BATON_E_IO;
}

static int32_t odd_rc(struct sinner *s)
{
	(void)s;
	return 77;
}

static int32_t sleepy(struct sinner *s)
{
	nap(20);
	end(s);
	return BATON_OK;
}

static void nothing(void *user)
{
	(void)user;
}

static int32_t timers(struct sinner *s)
{
	for (int i = 0; i < 3; i++)
		(void)host->timer(s->ctx, 3600000, nothing, s, NULL);
	end(s);
	return BATON_OK;
}

static int32_t stale(struct sinner *s)
{
	s->seen = host->end(s->ctx, s->call + ((uint64_t)7 << 32), BATON_END_STOP);
	s->seen = host->end(s->ctx, 0, BATON_END_STOP);
	s->seen = host->end(s->ctx, UINT64_MAX, BATON_END_STOP);
	end(s);
	return BATON_OK;
}

static void timer_ends(void *user)
{
	struct sinner *s = user;
	delta(s, "tick", 4);
	end(s);
}

static int32_t by_timer(struct sinner *s)
{
	baton_timer stopped;
	(void)host->timer(s->ctx, 0, nothing, s, &stopped);
	if (host->timer_stop(s->ctx, stopped) != BATON_OK ||
	    host->timer_stop(s->ctx, stopped) != BATON_E_STALE)
		return BATON_E_STATE;
	return host->timer(s->ctx, 1, timer_ends, s, NULL);
}

static void job_work(void *user)
{
	struct sinner *s = user;
	s->seen = host->delta(s->ctx, s->call, BATON_DELTA_TEXT, (baton_str){ "x", 1 });
	if (host->timer(s->ctx, 1, nothing, s, NULL) != BATON_E_THREAD)
		s->seen = 0;
}

static void job_done(void *user, int32_t status)
{
	struct sinner *s = user;
	const char *text = status == BATON_OK && s->seen == BATON_E_THREAD ? "refused" : "allowed";
	delta(s, text, strlen(text));
	end(s);
}

static int32_t wrong_thread(struct sinner *s)
{
	return host->job(s->ctx, job_work, job_done, s, NULL);
}

static void slow_work(void *user)
{
	struct sinner *s = user;
	nap(30);
	(void)host->post(s->ctx, nothing, s);
	host->count(s->ctx, "slow_jobs", 1);
}

static void slow_done(void *user, int32_t status)
{
	struct sinner *s = user;
	host->count(s->ctx, status == BATON_OK ? "jobs_done" : "jobs_failed", 1);
}

static int32_t slow_job(struct sinner *s)
{
	return host->job(s->ctx, slow_work, slow_done, s, NULL);
}

static void posted(void *user)
{
	timer_ends(user);
}

static int32_t by_post(struct sinner *s)
{
	return host->post(s->ctx, posted, s);
}

static int32_t sink_write(void *ud, const void *p, size_t n)
{
	struct sinner *s = ud;
	delta(s, p, n);
	return BATON_OK;
}

static int32_t kv(struct sinner *s)
{
	baton_sink sink = { .size = sizeof(sink), .ud = s, .write = sink_write };
	baton_str key = { "k", 1 }, value = { "kept", 4 };
	int32_t rc = host->kv_put(s->ctx, key, value);
	if (rc == BATON_OK)
		rc = host->kv_get(s->ctx, key, &sink);
	end(s);
	return rc == BATON_OK || rc == BATON_E_UNSUPPORTED ? BATON_OK : rc;
}

static int32_t call_data(struct sinner *s)
{
	if (host->call_get(s->ctx, s->call) != NULL ||
	    host->call_set(s->ctx, s->call, s) != BATON_OK || host->call_get(s->ctx, s->call) != s)
		return BATON_E_STATE;
	end(s);
	return host->call_get(s->ctx, s->call) ? BATON_E_STATE : BATON_OK;
}

static int32_t measures(struct sinner *s)
{
	host->count(s->ctx, "answers", 2);
	host->observe(s->ctx, "upstream", 1500);
	host->count(s->ctx, "Bad Name", 1);
	for (int i = 0; i < 500; i++)
		host->log(s->ctx, BATON_LOG_INFO, (baton_str){ "spam", 4 });
	end(s);
	return BATON_OK;
}

static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct sinner *s = user;
	char text[64];
	(void)h;
	(void)snprintf(text, sizeof(text), "%s %u", error ? "failed" : "ended",
		       error ? error->fail : 0);
	delta(s, text, strlen(text));
	end(s);
}

static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct sinner *s = user;
	(void)h, (void)event;
	delta(s, data.p, data.n);
}

static int32_t http(struct sinner *s)
{
	static const baton_http_cb cb = { .size = sizeof(cb),
					  .on_data = on_data,
					  .on_end = on_end };
	baton_str header = { "Authorization: Bearer {{secret:KEY}}", 36 };
	baton_http_req req = { .size = sizeof(req), .method = { "GET", 3 } };
	req.url = (baton_str){ s->text, strlen(s->text) };
	req.headers = &header;
	req.n_headers = 1;
	req.total_ms = 2000;
	baton_http h;
	return host->http(s->ctx, &req, &cb, s, &h);
}

static int32_t bad_http(struct sinner *s)
{
	static const baton_http_cb cb = { .size = sizeof(cb), .on_end = on_end };
	static const baton_str headers[] = { { "X: {{secret:OTHER}}", 19 },
					     { "X: {{secret:KEY", 15 } };
	baton_http_req req = { .size = sizeof(req),
			       .method = { "GET", 3 },
			       .url = { "http://127.0.0.1:1/", 19 } };
	baton_http h;
	req.n_headers = 1;
	req.headers = NULL;
	if (host->http(s->ctx, &req, &cb, s, &h) != BATON_E_INVAL)
		return BATON_E_STATE;
	req.headers = &headers[0];
	if (host->http(s->ctx, &req, &cb, s, &h) != BATON_E_DENIED)
		return BATON_E_STATE;
	req.headers = &headers[1];
	if (host->http(s->ctx, &req, &cb, s, &h) != BATON_E_INVAL)
		return BATON_E_STATE;
	end(s);
	return BATON_OK;
}

static const struct {
	const char *name;
	int32_t (*commit)(struct sinner *s);
} sins[] = {
	{ "none", none },
	{ "two_ends", two_ends },
	{ "delta_after_end", delta_after_end },
	{ "never", never },
	{ "late_end", never },
	{ "late_delta", never },
	{ "bad_utf8", bad_utf8 },
	{ "split_utf8", split_utf8 },
	{ "cut_utf8", cut_utf8 },
	{ "huge", huge },
	{ "many", many },
	{ "null_data", null_data },
	{ "bad_kind", bad_kind },
	{ "bad_reason", bad_reason },
	{ "bad_fail", bad_fail },
	{ "fail_text", fail_text },
	{ "fail_scope", fail_scope },
	{ "refuse", refuse },
	{ "answer_and_refuse", answer_and_refuse },
	{ "odd_rc", odd_rc },
	{ "sleepy", sleepy },
	{ "timers", timers },
	{ "stale", stale },
	{ "by_timer", by_timer },
	{ "wrong_thread", wrong_thread },
	{ "slow_job", slow_job },
	{ "by_post", by_post },
	{ "kv", kv },
	{ "call_data", call_data },
	{ "measures", measures },
	{ "http", http },
	{ "bad_http", bad_http },
};

static int32_t start(void *inst, baton_call call, const baton_prompt *prompt)
{
	struct sinner *s = inst;
	(void)prompt;
	s->call = call;
	for (size_t i = 0; i < sizeof(sins) / sizeof(sins[0]); i++)
		if (strcmp(sins[i].name, s->sin) == 0)
			return sins[i].commit(s);
	return BATON_E_UNSUPPORTED;
}

static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct sinner *s = inst;
	(void)call, (void)why;
	if (strcmp(s->sin, "late_end") == 0)
		(void)host->timer(s->ctx, 1, timer_ends, s, NULL);
	if (strcmp(s->sin, "late_delta") == 0)
		delta(s, "more", 4);
}

/* --- the other kinds ---------------------------------------------------------------------- */

static int32_t classify(void *inst, baton_call call, const baton_turn *turn, baton_intents *out)
{
	struct sinner *s = inst;
	s->call = call;
	out->n = 2;
	out->v[0] = (baton_intent){ .name = turn->intent, .confidence_ppm = 900000 };
	out->v[1] = (baton_intent){ .name = { "other", 5 }, .confidence_ppm = 100000 };
	out->language = (baton_str){ "de", 2 };
	if (strcmp(s->sin, "c_many") == 0)
		out->n = out->cap + 1;
	if (strcmp(s->sin, "c_ppm") == 0)
		out->v[1].confidence_ppm = 1000001;
	if (strcmp(s->sin, "c_name") == 0)
		out->v[1].name = (baton_str){ "\xff", 1 };
	if (strcmp(s->sin, "c_null") == 0)
		out->v = NULL;
	if (strcmp(s->sin, "c_later") == 0) {
		(void)host->result(s->ctx, call, BATON_RESULT_INTENTS, out, sizeof(*out));
		return host->timer(s->ctx, 1, timer_ends, s, NULL) == BATON_OK ? BATON_PENDING
									       : BATON_E_IO;
	}
	if (strcmp(s->sin, "c_nothing") == 0) {
		end(s);
		return BATON_PENDING;
	}
	return BATON_OK;
}

static int32_t search(void *inst, baton_call call, const baton_query *query)
{
	struct sinner *s = inst;
	baton_doc docs[9];
	size_t n = 2;
	memset(docs, 0, sizeof(docs));
	for (size_t i = 0; i < 9; i++) {
		docs[i].id = query->text;
		docs[i].snippet = (baton_str){ "text", 4 };
		docs[i].score_ppm = 500000;
	}
	s->call = call;
	if (strcmp(s->sin, "d_many") == 0)
		n = 9;
	if (strcmp(s->sin, "d_null") == 0)
		docs[1].title = (baton_str){ NULL, 3 };
	if (strcmp(s->sin, "d_ppm") == 0)
		docs[1].score_ppm = UINT32_MAX;
	if (strcmp(s->sin, "d_type") == 0)
		s->seen = host->result(s->ctx, call, "doc/9", docs, n * sizeof(docs[0]));
	else
		s->seen = host->result(s->ctx, call, BATON_RESULT_DOCS, docs, n * sizeof(docs[0]));
	if (strcmp(s->sin, "d_twice") == 0)
		s->seen = host->result(s->ctx, call, BATON_RESULT_DOCS, docs, n * sizeof(docs[0]));
	memset(docs, 0x55, sizeof(docs)); /* the host has its copy */
	end(s);
	return BATON_OK;
}

static int32_t evaluate(void *inst, const baton_facts *facts, baton_verdict *out)
{
	struct sinner *s = inst;
	static char reason[512];
	(void)facts;
	out->action = BATON_ACT_ESCALATE;
	out->rule = "sin";
	out->reason = "because";
	if (strcmp(s->sin, "r_action") == 0)
		out->action = 99;
	if (strcmp(s->sin, "r_unnamed") == 0)
		out->rule = NULL;
	if (strcmp(s->sin, "r_long") == 0) {
		memset(reason, 'a', sizeof(reason) - 1);
		out->reason = reason;
	}
	return strcmp(s->sin, "r_fails") == 0 ? BATON_E_INVAL : BATON_OK;
}

static int32_t append(void *inst, baton_call call, const baton_entry *entries, uint32_t n)
{
	struct sinner *s = inst;
	s->call = call;
	(void)entries, (void)n;
	return BATON_OK;
}

#include "tests/modules/sinner_kinds.h"

/* --- the module --------------------------------------------------------------------------- */

static void take(const char *config, const char *key, char *to, size_t cap)
{
	const char *at = strstr(config, key);
	size_t n = at ? strcspn(at + strlen(key), "\"") : 0;
	if (n >= cap)
		n = cap - 1;
	if (at)
		memcpy(to, at + strlen(key), n);
	to[n] = 0;
}

static int32_t load(baton_ctx *ctx, const baton_host *table, void **mod)
{
	host = table;
	*mod = NULL;
	/* There is no loop yet. */
	return table->timer(ctx, 1, nothing, NULL, NULL) == BATON_E_STATE ? BATON_OK
									  : BATON_E_STATE;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config, void **inst)
{
	struct sinner *s = calloc(1, sizeof(*s));
	char text[512];
	(void)mod;
	if (!s || config.n >= sizeof(text)) {
		free(s);
		return BATON_E_NOMEM;
	}
	memcpy(text, config.p, config.n);
	text[config.n] = 0;
	s->ctx = ctx;
	take(text, "\"sin\":\"", s->sin, sizeof(s->sin));
	take(text, "\"text\":\"", s->text, sizeof(s->text));
	*inst = s;
	if (strcmp(s->sin, "create_fails") != 0)
		return BATON_OK;
	free(s);
	return BATON_E_INVAL;
}

static int32_t activate(void *inst)
{
	struct sinner *s = inst;
	return strcmp(s->sin, "activate_fails") == 0 ? BATON_E_IO : BATON_OK;
}

static void destroy(void *inst)
{
	free(inst);
}

static const baton_provider provider = { .size = sizeof(provider),
					 .start = start,
					 .cancel = cancel };
static const baton_classifier classifier = { .size = sizeof(classifier), .classify = classify };
static const baton_retriever retriever = { .size = sizeof(retriever), .search = search };
static const baton_rule rule = { .size = sizeof(rule), .evaluate = evaluate };
static const baton_transcript transcript = { .size = sizeof(transcript), .append = append };

static const baton_tool tool = { .size = sizeof(tool), .invoke = invoke, .cancel = tool_cancel };
static const baton_guard guard = { .size = sizeof(guard),
				   .at = BATON_AT_CUSTOMER | BATON_AT_ANSWER,
				   .inspect = inspect };

static const baton_iface ifaces[] = {
	{ BATON_PROVIDER, &provider },     { BATON_CLASSIFIER, &classifier },
	{ BATON_RETRIEVER, &retriever },   { BATON_RULE, &rule },
	{ BATON_TRANSCRIPT, &transcript }, { BATON_TOOL, &tool },
	{ BATON_GUARD, &guard },
};

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,  .n_ifaces = sizeof(ifaces) / sizeof(ifaces[0]),
	.id = "sinner",     .version = "1.0.0",
	.ifaces = ifaces,   .load = load,
	.create = create,   .activate = activate,
	.destroy = destroy,
};
