/* SPDX-License-Identifier: Apache-2.0 */

/* provider-echo: the smallest provider that does everything right. It answers with the customer's
 * last message, word by word, as a model would stream it. docs/MODULES.md walks through it; copy it
 * to begin your own. */
#include <stdlib.h>
#include <string.h>

/* The oldest minor of the ABI that is enough for us: so the module also loads on older servers. */
#define BATON_ABI_NEEDED 0u
#include <baton/module.h>

/* Read by the server before any of this code runs. Id and version stand again in the descriptor. */
BATON_MODULE_NOTE("provider-echo", "1.0.0", "provider", 0);

enum { WORD_MS = 1 };

/* One instance: there is one per event loop, so nothing in here needs a lock. */
struct echo {
	baton_ctx *ctx;
	const baton_host *host;
};

/* One answer on its way. */
struct answer {
	struct echo *echo;
	baton_call call;
	baton_timer timer;
	size_t at, n;
	char text[];
};

static void answer_free(struct answer *a)
{
	(void)a->echo->host->timer_stop(a->echo->ctx, a->timer); /* no harm if it has fired */
	free(a);
}

/* Says one word and asks to be called again. A [loop] function must not block, so there is no
 * sleep. */
static void say_word(void *user)
{
	struct answer *a = user;
	struct echo *e = a->echo;
	const char *space = memchr(a->text + a->at, ' ', a->n - a->at);
	size_t end = space ? (size_t)(space - a->text) + 1 : a->n;

	int32_t rc = e->host->delta(e->ctx, a->call, BATON_DELTA_TEXT,
				    (baton_str){ a->text + a->at, end - a->at });
	if (rc == BATON_E_AGAIN)
		return; /* the host has no room now: the same word again in resume() */
	/* Anything else but OK means that the call is over for us: forget it. */
	if (rc != BATON_OK) {
		answer_free(a);
		return;
	}
	a->at = end;
	if (a->at < a->n && e->host->timer(e->ctx, WORD_MS, say_word, a, &a->timer) == BATON_OK)
		return;

	/* Exactly one end() or fail() per call; what we used is told before it. */
	baton_usage usage = { .size = sizeof(usage),
			      .flags = BATON_USAGE_ESTIMATED,
			      .out_tokens = a->n / 4 + 1 };
	(void)e->host->usage(e->ctx, a->call, &usage);
	(void)e->host->end(e->ctx, a->call, BATON_END_STOP);
	answer_free(a);
}

/* What the customer said last. Nothing in `prompt` lives longer than this call: copy what you keep.
 */
static baton_str question(const baton_prompt *prompt)
{
	for (uint32_t i = prompt->turn->n_msgs; i > 0; i--)
		if (prompt->turn->msgs[i - 1].role == BATON_ROLE_CUSTOMER)
			return prompt->turn->msgs[i - 1].text;
	return (baton_str){ NULL, 0 };
}

static int32_t start(void *inst, baton_call call, const baton_prompt *prompt)
{
	struct echo *e = inst;
	baton_str text = question(prompt);
	if (text.n == 0)
		return BATON_E_INVAL; /* not started: no end will come */
	struct answer *a = calloc(1, sizeof(*a) + text.n);
	if (!a)
		return BATON_E_NOMEM;
	a->echo = e;
	a->call = call;
	a->n = text.n;
	memcpy(a->text, text.p, text.n);

	/* Hang our state on the call, so that cancel() finds it. */
	(void)e->host->call_set(e->ctx, call, a);
	int32_t rc = e->host->timer(e->ctx, WORD_MS, say_word, a, &a->timer);
	if (rc != BATON_OK)
		free(a);
	return rc;
}

/* The turn does not wait any more. The end is still due, and at once is best. */
static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct echo *e = inst;
	struct answer *a = e->host->call_get(e->ctx, call);
	(void)why;
	(void)e->host->end(e->ctx, call, BATON_END_STOP);
	if (a)
		answer_free(a);
}

/* The host has room again. */
static void resume(void *inst, baton_call call)
{
	struct echo *e = inst;
	struct answer *a = e->host->call_get(e->ctx, call);
	if (a)
		say_word(a);
}

/* --- life: load once per generation, create once per event loop --------------------------- */

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	static const baton_host *table;
	(void)ctx;
	table = host;
	*mod = &table; /* shared by all instances, read-only from now on */
	return BATON_OK;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	struct echo *e = calloc(1, sizeof(*e));
	(void)config_json; /* it has been checked against config_schema below: it is {} */
	if (!e)
		return BATON_E_NOMEM;
	e->ctx = ctx;
	e->host = *(const baton_host **)mod;
	*inst = e;
	return BATON_OK;
}

/* No call is open any more: each was ended or cancelled before. */
static void destroy(void *inst)
{
	free(inst);
}

static const baton_provider provider = {
	.size = sizeof(provider), .start = start, .cancel = cancel, .resume = resume
};
static const baton_iface ifaces[] = { { BATON_PROVIDER, &provider } };

/* The one symbol that a module exports. */
BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "provider-echo",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "Answers with the customer's own words",
	.config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
};
