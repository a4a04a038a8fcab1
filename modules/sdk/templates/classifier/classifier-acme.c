/* SPDX-License-Identifier: Apache-2.0 */

/* classifier-acme: names what a customer wants by the words of the message. Each intent has its
 * words in the configuration; the more of them a message has, the surer we are. Two intents that
 * fit alike make both less sure, so that a route with a threshold asks a person instead of
 * guessing. */

/* The oldest minor of the ABI that is enough: so it also runs on older servers (docs/ABI.md). */
#define BATON_ABI_NEEDED 0u
#include "scan.h"
#include "text.h"

#include <stdlib.h>

BATON_MODULE_NOTE("classifier-acme", "0.1.0", "classifier", 0);

enum { INTENTS_MAX = 64, WORDS_MAX = 64, MESSAGE_BYTES_MAX = 4096 };
enum { ONE_WORD_PPM = 650000, MORE_PPM = 120000, SUREST_PPM = 950000, NEUTRAL_PPM = 500000 };

struct intent {
	char *name;
	char *words[WORDS_MAX]; /* lower case */
	size_t n_words;
};

/* One instance: there is one per event loop, so nothing in here needs a lock. */
struct classifier {
	baton_ctx *ctx;
	const baton_host *host;
	struct intent intents[INTENTS_MAX];
	size_t n_intents;
};

/* --- what fits ---------------------------------------------------------------------------- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool in_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* "refund" is in "a refund, please" and not in "refunded". */
static bool has_word(const char *text, size_t n, const char *word)
{
	size_t len = strlen(word);

	for (size_t at = 0; len > 0 && at + len <= n; at++)
		if (memcmp(text + at, word, len) == 0 && (at == 0 || !in_word(text[at - 1])) &&
		    (at + len == n || !in_word(text[at + len])))
			return true;
	return false;
}

static uint32_t confidence(const struct intent *intent, const char *text, size_t n)
{
	uint32_t found = 0;

	for (size_t i = 0; i < intent->n_words; i++)
		found += has_word(text, n, intent->words[i]);
	if (found == 0)
		return 0;
	uint32_t ppm = ONE_WORD_PPM + (found - 1) * MORE_PPM;
	return ppm < SUREST_PPM ? ppm : SUREST_PPM;
}

/* What the customer said last, in lower case. */
static size_t message(const baton_turn *turn, char text[MESSAGE_BYTES_MAX])
{
	for (uint32_t i = turn->n_msgs; i > 0; i--) {
		baton_str said = turn->msgs[i - 1].text;
		if (turn->msgs[i - 1].role != BATON_ROLE_CUSTOMER)
			continue;
		size_t n = said.n < MESSAGE_BYTES_MAX ? said.n : MESSAGE_BYTES_MAX;
		for (size_t at = 0; at < n; at++)
			text[at] = lower(said.p[at]);
		return n;
	}
	return 0;
}

static void insert(baton_intents *out, const struct intent *intent, uint32_t ppm)
{
	bool is_full = out->n == out->cap;

	if (is_full && out->v[out->n - 1].confidence_ppm >= ppm)
		return; /* no room, and none is weaker */
	uint32_t at = is_full ? out->n - 1 : out->n++;
	for (; at > 0 && out->v[at - 1].confidence_ppm < ppm; at--)
		out->v[at] = out->v[at - 1];
	out->v[at] = (baton_intent){ .name = str_z(intent->name), .confidence_ppm = ppm };
}

/* BATON_OK: `out` is filled, best first, and nothing comes later. The names live in the
 * instance. */
static int32_t classify(void *inst, baton_call call, const baton_turn *turn, baton_intents *out)
{
	const struct classifier *c = inst;
	char text[MESSAGE_BYTES_MAX];
	size_t n = message(turn, text);
	(void)call;

	out->n = 0;
	out->sentiment_ppm = NEUTRAL_PPM;
	for (size_t i = 0; i < c->n_intents && out->cap > 0; i++) {
		uint32_t ppm = confidence(&c->intents[i], text, n);
		if (ppm > 0)
			insert(out, &c->intents[i], ppm);
	}
	if (out->n > 1 && out->v[0].confidence_ppm == out->v[1].confidence_ppm) {
		uint32_t torn = out->v[0].confidence_ppm / 2;
		for (uint32_t i = 0; i < out->n && out->v[i].confidence_ppm > torn; i++)
			out->v[i].confidence_ppm = torn;
	}
	return BATON_OK;
}

/* The names that classify() may give, so that `baton check` can look whether each has a route. */
static int32_t labels(void *inst, const baton_sink *json)
{
	const struct classifier *c = inst;
	struct text text = { 0 };

	text_z(&text, "[");
	for (size_t i = 0; i < c->n_intents; i++) {
		text_z(&text, i ? "," : "");
		text_json(&text, str_z(c->intents[i].name));
	}
	text_z(&text, "]");
	int32_t rc = text.failed ? BATON_E_NOMEM : json->write(json->ud, text.p, text.n);
	text_done(&text);
	return rc;
}

/* --- configuration: {"intents":[{"name":"refund-policy","words":["refund","money back"]}]} ---- */

static char *text_of(struct scan *scan, bool in_lower_case)
{
	baton_str inside;
	struct text text = { 0 };
	unsigned half = 0;

	if (!scan_text(scan, &inside) || !scan_unescape(inside, &half, &text)) {
		text_done(&text);
		return NULL;
	}
	for (size_t i = 0; in_lower_case && i < text.n; i++)
		text.p[i] = lower(text.p[i]);
	text_add(&text, "", 1);
	if (text.failed)
		text_done(&text);
	return text.p;
}

static bool intent_read(struct scan *scan, struct intent *intent)
{
	bool begun = false, walking = false;
	baton_str key;

	while (scan_member(scan, &begun, &key)) {
		if (scan_is(key, "name")) {
			free(intent->name);
			intent->name = text_of(scan, false);
		} else if (scan_is(key, "words")) {
			while (scan_element(scan, &walking)) {
				char *word = text_of(scan, true);
				if (!word || intent->n_words == WORDS_MAX) {
					free(word);
					return false;
				}
				intent->words[intent->n_words++] = word;
			}
		} else {
			scan_skip(scan);
		}
	}
	return intent->name && intent->name[0];
}

static bool config_read(struct classifier *c, baton_str json)
{
	struct scan scan = scan_of(json);
	bool begun = false, walking = false;
	baton_str key;

	while (scan_member(&scan, &begun, &key)) {
		if (!scan_is(key, "intents")) {
			scan_skip(&scan); /* `policy`: what the host adds of the policy set */
			continue;
		}
		while (scan_element(&scan, &walking))
			if (c->n_intents == INTENTS_MAX ||
			    !intent_read(&scan, &c->intents[c->n_intents++]))
				return false;
	}
	return scan_ended(&scan);
}

/* --- life: load once per generation, create once per event loop --- */

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	(void)ctx;
	*mod = (void *)(uintptr_t)host; /* shared by all instances, read-only */
	return BATON_OK;
}

static void destroy(void *inst)
{
	struct classifier *c = inst;

	for (size_t i = 0; i < c->n_intents; i++) {
		free(c->intents[i].name);
		for (size_t w = 0; w < c->intents[i].n_words; w++)
			free(c->intents[i].words[w]);
	}
	free(c);
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	struct classifier *c = calloc(1, sizeof(*c));

	if (!c)
		return BATON_E_NOMEM;
	c->ctx = ctx;
	c->host = mod;
	if (!config_read(c, config_json)) {
		destroy(c);
		return BATON_E_INVAL;
	}
	*inst = c;
	return BATON_OK;
}

static const baton_classifier classifier = { .size = sizeof(classifier),
					     .labels = labels,
					     .classify = classify };
static const baton_iface ifaces[] = { { BATON_CLASSIFIER, &classifier } };

/* The one symbol that a module exports. Id, version and flags are those of the note. */
BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "classifier-acme",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.summary = "Intents by the words of a message",
	.config_schema =
		"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"intents\"],"
		"\"properties\":{\"intents\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":64,\"items\":"
		"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"words\"],"
		"\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64},"
		"\"words\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":64,\"items\":"
		"{\"type\":\"string\",\"minLength\":1,\"maxLength\":64}}}}}}}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
};
