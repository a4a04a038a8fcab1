/* SPDX-License-Identifier: Apache-2.0 */

/* provider-knowledge: answers from the passages that retrieval found, by quoting them. No network,
 * no model: it answers when everything else is down, costs nothing, and says so when it does not
 * know. The answer is complete before its first word is sent; sending it in small groups only gives
 * the reader time. */

#include "answer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_BYTES = 16, GROUP_BYTES_MAX = 64 };

struct mod {
	const baton_host *host;
};

struct inst {
	const baton_host *host;
	baton_ctx *ctx;
	uint32_t delta_ms; /* between two groups of words; 0: all at once */
	struct answer_settings settings;
	struct known known;
	struct stream *streams; /* open calls */
};

/* One answer on its way. Freed by the call's end, failure or cancellation. */
struct stream {
	struct inst *inst;
	struct stream *next, **at; /* at: what points to this */
	baton_call call;
	baton_timer timer; /* 0: none */
	struct answer answer;
	size_t sent;
	bool is_marked; /* "unknown" has been told */
	baton_usage usage;
};

static baton_str str(const char *text)
{
	return (baton_str){ text, strlen(text) };
}

/* --- one answer --- */

static void stream_free(struct stream *s)
{
	if (s->timer)
		s->inst->host->timer_stop(s->inst->ctx, s->timer);
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	answer_done(&s->answer);
	free(s);
}

/* The next few words: at least GROUP_BYTES, to the end of the word; a character is never split. */
static size_t group_end(const struct answer *answer, size_t from)
{
	size_t at = from + GROUP_BYTES;

	while (at < answer->n && at < from + GROUP_BYTES_MAX && answer->text[at - 1] != ' ' &&
	       answer->text[at - 1] != '\n')
		at++;
	while (at < answer->n && ((unsigned char)answer->text[at] & 0xc0) == 0x80)
		at++;
	return at < answer->n ? at : answer->n;
}

static void stream_run(void *user);

/* True if the next group comes by itself later. Without a timer it comes now. */
static bool stream_wait(struct stream *s)
{
	const struct inst *inst = s->inst;

	return inst->delta_ms > 0 && s->sent < s->answer.n &&
	       inst->host->timer(inst->ctx, inst->delta_ms, stream_run, s, &s->timer) == BATON_OK;
}

static void stream_end(struct stream *s)
{
	const struct inst *inst = s->inst;

	inst->host->usage(inst->ctx, s->call, &s->usage);
	inst->host->end(inst->ctx, s->call, BATON_END_STOP);
	stream_free(s);
}

/* Everything but the words: what the host must know about the answer. `kind` is sent once. */
static int32_t stream_tell(struct stream *s, uint32_t kind, const char *data)
{
	return s->inst->host->delta(s->inst->ctx, s->call, kind, str(data));
}

/* The host did not take the words. STALE: it has ended the call itself; else we must. */
static void stream_refused(struct stream *s, int32_t rc)
{
	const struct inst *inst = s->inst;
	baton_error error = { .size = sizeof(error),
			      .fail = BATON_FAIL_INTERNAL,
			      .code = str("internal"),
			      .message = str("the host refused a part of the answer") };

	if (rc != BATON_E_STALE)
		inst->host->fail(inst->ctx, s->call, &error);
	stream_free(s);
}

/* Sends what may be sent now. Timer callback, resume and start all come here. */
static void stream_run(void *user)
{
	struct stream *s = user;
	const struct inst *inst = s->inst;
	int32_t rc = BATON_OK;

	s->timer = 0;
	if (s->answer.is_unknown && !s->is_marked) {
		rc = stream_tell(s, BATON_DELTA_UNKNOWN, "");
		s->is_marked = rc == BATON_OK;
	}
	while (rc == BATON_OK && s->sent < s->answer.n) {
		size_t end = group_end(&s->answer, s->sent);

		rc = inst->host->delta(inst->ctx, s->call, BATON_DELTA_TEXT,
				       (baton_str){ s->answer.text + s->sent, end - s->sent });
		if (rc != BATON_OK)
			break;
		s->sent = end;
		if (stream_wait(s))
			return;
	}
	if (rc == BATON_OK && s->answer.citations)
		rc = stream_tell(s, BATON_DELTA_CITATION, s->answer.citations);
	if (rc == BATON_E_AGAIN)
		return; /* resume() goes on from here */
	if (rc == BATON_OK)
		stream_end(s);
	else
		stream_refused(s, rc);
}

static uint64_t tokens_of(size_t bytes)
{
	return (bytes + 3) / 4;
}

static size_t prompt_bytes(const baton_prompt *prompt)
{
	size_t bytes = answer_question(prompt).n;

	for (uint32_t i = 0; prompt->docs && i < prompt->n_docs; i++)
		bytes += prompt->docs[i].snippet.n;
	return bytes;
}

static int32_t start(void *ptr, baton_call call, const baton_prompt *prompt)
{
	struct inst *inst = ptr;

	/* Quoting cannot be made to fit a schema. */
	if (prompt->response_schema.n > 0)
		return BATON_E_UNSUPPORTED;
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return BATON_E_NOMEM;
	int32_t rc = answer_compose(prompt, &inst->settings, &s->answer);

	if (rc < 0) {
		free(s);
		return rc;
	}
	s->inst = inst;
	s->call = call;
	s->usage = (baton_usage){
		.size = sizeof(s->usage),
		.flags = BATON_USAGE_ESTIMATED,
		.in_tokens = tokens_of(prompt_bytes(prompt)),
		.out_tokens = tokens_of(s->answer.n),
	};
	s->next = inst->streams;
	s->at = &inst->streams;
	if (s->next)
		s->next->at = &s->next;
	inst->streams = s;
	inst->host->call_set(inst->ctx, call, s);
	stream_run(s);
	return BATON_OK;
}

/* The stream of an open call; a handle that has ended finds nothing. */
static struct stream *stream_of(const struct inst *inst, baton_call call)
{
	struct stream *s = inst->streams;

	while (s && s->call != call)
		s = s->next;
	return s;
}

static void cancel(void *ptr, baton_call call, uint32_t why)
{
	struct inst *inst = ptr;
	struct stream *s = stream_of(inst, call);
	const baton_error error = {
		.size = sizeof(error),
		.fail = BATON_FAIL_CANCELLED,
		.code = str("cancelled"),
		.message = str("cancelled while answering"),
	};

	(void)why; /* a quoted answer is not cut short differently for any reason */
	if (!s)
		return;
	stream_free(s);
	inst->host->fail(inst->ctx, call, &error);
}

static void resume(void *ptr, baton_call call)
{
	struct stream *s = stream_of(ptr, call);

	/* With a timer running it is not waiting for us. */
	if (s && !s->timer)
		stream_run(s);
}

static int32_t models(void *ptr, const baton_sink *sink)
{
	static const char json[] =
		"[{\"name\":\"knowledge\",\"context_tokens\":32768,\"in_microusd_per_mtok\":0,"
		"\"out_microusd_per_mtok\":0,\"tools\":false,\"vision\":false}]";

	(void)ptr;
	return sink->write(sink->ud, json, sizeof(json) - 1);
}

/* What it will be, not a guess: the answer is composed and thrown away. */
static int32_t estimate(void *ptr, const baton_prompt *prompt, baton_usage *out)
{
	const struct inst *inst = ptr;
	struct answer answer;
	int32_t rc = answer_compose(prompt, &inst->settings, &answer);

	if (rc < 0)
		return rc;
	out->flags = BATON_USAGE_ESTIMATED;
	out->in_tokens = tokens_of(prompt_bytes(prompt));
	out->out_tokens = tokens_of(answer.n);
	out->cached_tokens = 0;
	out->cost_microusd = 0;
	answer_done(&answer);
	return BATON_OK;
}

static const baton_provider provider = {
	.size = sizeof(baton_provider),
	.models = models,
	.estimate = estimate,
	.start = start,
	.cancel = cancel,
	.resume = resume,
};

/* --- the module --- */

static int32_t mod_load(baton_ctx *ctx, const baton_host *host, void **ret_mod)
{
	struct mod *mod = calloc(1, sizeof(*mod));

	(void)ctx;
	if (!mod)
		return BATON_E_NOMEM;
	mod->host = host;
	*ret_mod = mod;
	return BATON_OK;
}

static void mod_unload(void *mod)
{
	free(mod);
}

/* An integer member within bounds, or what it was. False: there is one, and it is wrong. */
static bool setting_read(const json_t *root, const char *key, uint32_t max, uint32_t *value)
{
	const json_t *json = json_object_get(root, key);

	if (!json)
		return true;
	if (!json_is_integer(json) || json_integer_value(json) < 0 ||
	    json_integer_value(json) > (json_int_t)max)
		return false;
	*value = (uint32_t)json_integer_value(json);
	return true;
}

/* NULL, or what is wrong. */
static const char *settings_read(struct inst *inst, baton_str config)
{
	json_error_t error;
	json_t *root = config.n > 0 ? json_loadb(config.p, config.n, JSON_REJECT_DUPLICATES, &error)
				    : json_object();
	bool is_good =
		json_is_object(root) && setting_read(root, "delta_ms", 1000, &inst->delta_ms) &&
		setting_read(root, "min_score_ppm", 1000000, &inst->settings.min_score_ppm) &&
		setting_read(root, "quote_bytes", 4000, &inst->settings.quote_bytes);
	const char *why =
		"delta_ms is 0 to 1000, min_score_ppm 0 to 1000000, quote_bytes 0 to 4000";

	if (is_good && known_init(&inst->known, json_object_get(root, "policy"), &why) == BATON_OK)
		why = NULL;
	inst->settings.known = &inst->known;
	json_decref(root);
	return why;
}

static int32_t inst_create(void *mod_ptr, baton_ctx *ctx, baton_str config, void **ret_inst)
{
	const struct mod *mod = mod_ptr;
	struct inst *inst = calloc(1, sizeof(*inst));

	if (!inst)
		return BATON_E_NOMEM;
	inst->host = mod->host;
	inst->ctx = ctx;
	inst->delta_ms = 15;
	/* 700 bytes are about 120 words; retriever-fts was measured with a floor of 400000. */
	inst->settings = (struct answer_settings){ .min_score_ppm = 400000, .quote_bytes = 700 };
	const char *why = settings_read(inst, config);

	if (why) {
		mod->host->log(ctx, BATON_LOG_ERROR, str(why));
		free(inst);
		return BATON_E_INVAL;
	}
	*ret_inst = inst;
	return BATON_OK;
}

static int32_t inst_activate(void *ptr)
{
	(void)ptr;
	return BATON_OK;
}

static void inst_quiesce(void *ptr)
{
	(void)ptr;
}

static void inst_destroy(void *ptr)
{
	struct inst *inst = ptr;

	while (inst->streams)
		stream_free(inst->streams);
	known_done(&inst->known);
	free(inst);
}

/* Composes an answer it knows and one it does not. */
static int32_t check(void *ptr, baton_call call, uint32_t level)
{
	const struct inst *inst = ptr;
	const struct answer_settings settings = { 400000, 700, NULL };
	const baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = str("how long is delivery?") };
	const baton_turn turn = { .size = sizeof(turn), .msgs = &msg, .n_msgs = 1 };
	const baton_doc doc = {
		.id = str("delivery"),
		.title = str("Delivery"),
		.snippet = str("Delivery takes two days."),
		.score_ppm = 900000,
	};
	baton_prompt prompt = { .size = sizeof(prompt), .turn = &turn, .docs = &doc, .n_docs = 1 };
	struct answer known = { 0 }, unknown = { 0 };
	int32_t rc = answer_compose(&prompt, &settings, &known);

	(void)level; /* there is no upstream to reach */
	prompt.n_docs = 0;
	if (rc == BATON_OK)
		rc = answer_compose(&prompt, &settings, &unknown);
	bool is_good = rc == BATON_OK && strstr(known.text, "takes two days") && known.citations &&
		       unknown.is_unknown;

	answer_done(&known);
	answer_done(&unknown);
	if (is_good)
		return inst->host->end(inst->ctx, call, BATON_END_STOP);
	const baton_error error = { .size = sizeof(error),
				    .fail = BATON_FAIL_INTERNAL,
				    .code = str("self_test"),
				    .message = str(
					    "the self-test's answer is not what it should be") };

	return inst->host->fail(inst->ctx, call, &error);
}

static const baton_iface ifaces[] = { { BATON_PROVIDER, &provider } };

BATON_MODULE_NOTE("provider-knowledge", "1.1.0", BATON_PROVIDER, 0);

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "provider-knowledge",
	.version = "1.1.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Answers by quoting the help pages that retrieval found; no network",
	.homepage = "",
	.config_schema =
		"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
		"\"policy\":{\"type\":\"object\"},"
		"\"delta_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000},"
		"\"min_score_ppm\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000},"
		"\"quote_bytes\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":4000}}}",
	.ifaces = ifaces,
	.load = mod_load,
	.unload = mod_unload,
	.create = inst_create,
	.activate = inst_activate,
	.quiesce = inst_quiesce,
	.destroy = inst_destroy,
	.check = check,
};
