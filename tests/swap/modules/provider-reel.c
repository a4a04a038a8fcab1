/* SPDX-License-Identifier: Apache-2.0 */

/* A model whose every answer is a function of the question, streamed over some time in many pieces
 * which cut characters in two: whoever knows the question knows each byte that must arrive.
 * tests/swap/reel.mjs has the same function.
 *
 *   text(question) = <8 hex digits> then words picked by xorshift32, seeded with FNV-1a of the
 *   question, then "<end>". A question that begins with "over 3000 ms" takes that long.
 *
 * It keeps nothing between answers, so any generation of it says the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATON_ABI_NEEDED 0u
#include <baton/module.h>

#ifndef REEL_VERSION
#define REEL_VERSION "1.0.0"
#endif

BATON_MODULE_NOTE("provider-reel", REEL_VERSION, "provider", 0);

enum { TEXT_MAX = 4096, WORDS_MIN = 60, WORDS_SPREAD = 80, PIECES_MIN = 16, PIECES_SPREAD = 32 };
enum { LASTS_MIN_MS = 1000, LASTS_SPREAD_MS = 2000, PARTS = 1000 };

static const char *const words[] = {
	"order",        "parcel",   "gr\303\274\303\237e",
	"\xe2\x82\xac", "lamp",     "\xe6\x97\xa5\xe6\x9c\xac",
	"refund",       "friday",   "\xf0\x9f\x93\xa6",
	"chair",        "tomorrow", "depot",
	"rug",          "label",    "\xc3\xa9t\xc3\xa9",
	"invoice",
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

struct reel {
	baton_ctx *ctx;
	const baton_host *host;
	uint64_t lasts_ppm; /* of its usual time: tests in a hurry set less */
};

struct answer {
	struct reel *reel;
	baton_call call;
	baton_timer timer;
	uint32_t pieces, at_piece, lasts_ms;
	uint64_t began_ns;
	size_t at, n;
	char text[TEXT_MAX];
};

static uint32_t hash_of(baton_str text)
{
	uint32_t hash = 2166136261U;
	for (size_t i = 0; i < text.n; i++)
		hash = (hash ^ (unsigned char)text.p[i]) * 16777619U;
	return hash;
}

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void write_text(struct answer *a, baton_str question)
{
	uint32_t hash = hash_of(question), state = hash | 1U;
	uint32_t n = WORDS_MIN + next(&state) % WORDS_SPREAD;
	a->n = (size_t)snprintf(a->text, TEXT_MAX, "%08x", hash);
	for (uint32_t i = 0; i < n; i++)
		a->n += (size_t)snprintf(a->text + a->n, TEXT_MAX - a->n, " %s",
					 words[next(&state) % WORDS]);
	a->n += (size_t)snprintf(a->text + a->n, TEXT_MAX - a->n, " <end>");
	a->pieces = PIECES_MIN + next(&state) % PIECES_SPREAD;
	a->lasts_ms = LASTS_MIN_MS + next(&state) % LASTS_SPREAD_MS;
	if (question.n > 5 && memcmp(question.p, "over ", 5) == 0) {
		a->lasts_ms = 0;
		for (size_t i = 5; i < question.n && question.p[i] >= '0' && question.p[i] <= '9';
		     i++)
			a->lasts_ms = a->lasts_ms % 1000000 * 10 + (uint32_t)(question.p[i] - '0');
	}
}

static void answer_free(struct answer *a)
{
	(void)a->reel->host->timer_stop(a->reel->ctx, a->timer);
	free(a);
}

static void say_piece(void *user);

/* Pieces keep to a plan made at the beginning: a late timer does not make the whole later. */
static int32_t plan_piece(struct answer *a)
{
	const struct reel *r = a->reel;
	uint64_t due_ms = (uint64_t)a->lasts_ms * (a->at_piece + 1) / a->pieces;
	due_ms = due_ms * r->lasts_ppm / 1000000;
	uint64_t now_ms = (r->host->now_ns(r->ctx) - a->began_ns) / 1000000;
	return r->host->timer(r->ctx, due_ms > now_ms ? (uint32_t)(due_ms - now_ms) : 0, say_piece,
			      a, &a->timer);
}

static void say_piece(void *user)
{
	struct answer *a = user;
	struct reel *r = a->reel;
	size_t to = a->n * ++a->at_piece / a->pieces;
	int32_t rc = r->host->delta(r->ctx, a->call, BATON_DELTA_TEXT,
				    (baton_str){ a->text + a->at, to - a->at });
	if (rc == BATON_E_AGAIN) { /* it was not taken: the same piece once more */
		a->at_piece--;
		if (r->host->timer(r->ctx, 5, say_piece, a, &a->timer) == BATON_OK)
			return;
	}
	if (rc == BATON_OK) {
		a->at = to;
		if (a->at < a->n && plan_piece(a) == BATON_OK)
			return;
		baton_usage usage = { .size = sizeof(usage),
				      .in_tokens = 20,
				      .out_tokens = a->n / 4 + 1 };
		(void)r->host->usage(r->ctx, a->call, &usage);
		(void)r->host->end(r->ctx, a->call, BATON_END_STOP);
	}
	answer_free(a);
}

static baton_str question_of(const baton_prompt *prompt)
{
	for (uint32_t i = prompt->turn->n_msgs; i > 0; i--)
		if (prompt->turn->msgs[i - 1].role == BATON_ROLE_CUSTOMER)
			return prompt->turn->msgs[i - 1].text;
	return (baton_str){ NULL, 0 };
}

static int32_t start(void *inst, baton_call call, const baton_prompt *prompt)
{
	struct reel *r = inst;
	baton_str question = question_of(prompt);
	struct answer *a = question.n > 0 ? calloc(1, sizeof(*a)) : NULL;
	if (!a)
		return BATON_E_INVAL;
	a->reel = r;
	a->call = call;
	a->began_ns = r->host->now_ns(r->ctx);
	write_text(a, question);
	(void)r->host->call_set(r->ctx, call, a);
	int32_t rc = plan_piece(a);
	if (rc != BATON_OK)
		free(a);
	return rc;
}

static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct reel *r = inst;
	struct answer *a = r->host->call_get(r->ctx, call);
	(void)why;
	(void)r->host->end(r->ctx, call, BATON_END_STOP);
	if (a)
		answer_free(a);
}

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	static const baton_host *table;
	(void)ctx;
	table = host;
	*mod = &table;
	return BATON_OK;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config, void **inst)
{
	struct reel *r = calloc(1, sizeof(*r));
	static const char key[] = "\"lasts_ppm\":";
	if (!r)
		return BATON_E_NOMEM;
	r->ctx = ctx;
	r->host = *(const baton_host **)mod;
	r->lasts_ppm = 1000000;
	const char *at = config.n ? memmem(config.p, config.n, key, sizeof(key) - 1) : NULL;
	if (at)
		r->lasts_ppm = strtoul(at + sizeof(key) - 1, NULL, 10);
	*inst = r;
	return BATON_OK;
}

static void destroy(void *inst)
{
	free(inst);
}

static const baton_provider provider = { .size = sizeof(provider),
					 .start = start,
					 .cancel = cancel };
static const baton_iface ifaces[] = { { BATON_PROVIDER, &provider } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "provider-reel",
	.version = REEL_VERSION,
	.summary = "answers that are a function of the question",
	.config_schema = "{\"type\":\"object\",\"properties\":{\"lasts_ppm\":{\"type\":\"integer\","
			 "\"minimum\":0,\"maximum\":10000000}},\"additionalProperties\":false}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
};
