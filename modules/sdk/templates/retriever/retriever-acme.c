/* SPDX-License-Identifier: Apache-2.0 */

/* retriever-acme: finds, for a question, the passages that speak about it. They stand in the
 * configuration; yours may come from a search service: then ask it with http() in search(), and
 * tell result() and end() when its answer is there. What is told here is all that a model may
 * answer from. */

/* The oldest minor of the ABI that is enough: so it also runs on older servers (docs/ABI.md). */
#define BATON_ABI_NEEDED 0u
#include "scan.h"
#include "text.h"

#include <stdlib.h>

BATON_MODULE_NOTE("retriever-acme", "0.1.0", "retriever", 0);

enum { PASSAGES_MAX = 256, FOUND_MAX = 8, WORD_BYTES_MIN = 3, PPM = 1000000 };

struct passage {
	char *id, *title, *uri, *text;
};

/* One instance: there is one per event loop, so nothing in here needs a lock. */
struct retriever {
	baton_ctx *ctx;
	const baton_host *host;
	struct passage passages[PASSAGES_MAX];
	size_t n;
};

/* --- what fits: the share of the question's words that a passage has -------------------------- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool in_word(char c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static bool same(const char *a, const char *b, size_t n)
{
	while (n > 0 && lower(a[n - 1]) == lower(b[n - 1]))
		n--;
	return n == 0;
}

/* Does a word of `text` begin so? "deliver" finds "delivery". */
static bool has(const char *text, baton_str word)
{
	bool inside = false;

	for (size_t left = strlen(text); left >= word.n; text++, left--) {
		if (!inside && same(text, word.p, word.n))
			return true;
		inside = in_word(*text);
	}
	return false;
}

static uint32_t score(const struct passage *passage, baton_str question)
{
	uint32_t asked = 0, found = 0;
	size_t at = 0;

	while (at < question.n) {
		size_t from = at;
		while (at < question.n && in_word(question.p[at]))
			at++;
		baton_str word = { question.p + from, at - from };
		if (word.n == 0)
			at++;
		if (word.n < WORD_BYTES_MIN)
			continue;
		asked++;
		found += has(passage->title, word) || has(passage->text, word);
	}
	return asked ? (uint32_t)((uint64_t)found * PPM / asked) : 0;
}

/* Best first; at most `max`. */
static uint32_t find(const struct retriever *r, baton_str question, baton_doc *docs, uint32_t max)
{
	uint32_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct passage *p = &r->passages[i];
		uint32_t ppm = score(p, question), at = n;
		if (ppm == 0 || (n == max && docs[n - 1].score_ppm >= ppm))
			continue;
		if (n < max)
			n++;
		else
			at--;
		for (; at > 0 && docs[at - 1].score_ppm < ppm; at--)
			docs[at] = docs[at - 1];
		docs[at] = (baton_doc){ .id = str_z(p->id),
					.title = str_z(p->title),
					.uri = str_z(p->uri),
					.snippet = str_z(p->text),
					.score_ppm = ppm };
	}
	return n;
}

/* One result(), even an empty one, then one end(). Both may come before search() returns. */
static int32_t search(void *inst, baton_call call, const baton_query *query)
{
	const struct retriever *r = inst;
	baton_doc docs[FOUND_MAX];
	uint32_t max = query->k > 0 && query->k < FOUND_MAX ? query->k : FOUND_MAX;
	uint32_t n = find(r, query->text, docs, max);

	if (r->host->result(r->ctx, call, BATON_RESULT_DOCS, docs, n * sizeof(docs[0])) == BATON_OK)
		(void)r->host->end(r->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

/* --- configuration: {"passages":[{"id":"a","title":"...","uri":"...","text":"..."}]} ----------- */

static void take_text(struct scan *scan, char **ret)
{
	baton_str inside;
	struct text text = { 0 };
	unsigned half = 0;

	free(*ret);
	*ret = NULL;
	if (scan_text(scan, &inside) && scan_unescape(inside, &half, &text)) {
		text_add(&text, "", 1);
		if (!text.failed)
			*ret = text.p;
	}
	if (!*ret)
		text_done(&text);
}

static bool passage_read(struct scan *scan, struct passage *p)
{
	bool begun = false;
	baton_str key;

	while (scan_member(scan, &begun, &key)) {
		if (scan_is(key, "id"))
			take_text(scan, &p->id);
		else if (scan_is(key, "title"))
			take_text(scan, &p->title);
		else if (scan_is(key, "uri"))
			take_text(scan, &p->uri);
		else if (scan_is(key, "text"))
			take_text(scan, &p->text);
		else
			scan_skip(scan);
	}
	return p->id && p->title && p->uri && p->text;
}

static bool config_read(struct retriever *r, baton_str json)
{
	struct scan scan = scan_of(json);
	bool begun = false, walking = false;
	baton_str key;

	while (scan_member(&scan, &begun, &key)) {
		if (!scan_is(key, "passages")) {
			scan_skip(&scan); /* `policy`: what the host adds of the policy set */
			continue;
		}
		while (scan_element(&scan, &walking))
			if (r->n == PASSAGES_MAX || !passage_read(&scan, &r->passages[r->n++]))
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
	struct retriever *r = inst;

	for (size_t i = 0; i < r->n; i++) {
		free(r->passages[i].id);
		free(r->passages[i].title);
		free(r->passages[i].uri);
		free(r->passages[i].text);
	}
	free(r);
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	struct retriever *r = calloc(1, sizeof(*r));

	if (!r)
		return BATON_E_NOMEM;
	r->ctx = ctx;
	r->host = mod;
	if (!config_read(r, config_json)) {
		destroy(r);
		return BATON_E_INVAL;
	}
	*inst = r;
	return BATON_OK;
}

static const baton_retriever retriever = { .size = sizeof(retriever), .search = search };
static const baton_iface ifaces[] = { { BATON_RETRIEVER, &retriever } };

/* The one symbol that a module exports. Id, version and flags are those of the note. */
BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "retriever-acme",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.summary = "Passages of a short list by the words of the question",
	.config_schema =
		"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"passages\"],"
		"\"properties\":{\"passages\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":256,"
		"\"items\":{\"type\":\"object\",\"additionalProperties\":false,"
		"\"required\":[\"id\",\"title\",\"uri\",\"text\"],\"properties\":{"
		"\"id\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64},"
		"\"title\":{\"type\":\"string\",\"maxLength\":200},"
		"\"uri\":{\"type\":\"string\",\"maxLength\":500},"
		"\"text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":8000}}}}}}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
};
