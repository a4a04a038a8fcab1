/* SPDX-License-Identifier: Apache-2.0 */

/* What the search found, and what the answer rests on: who may see it, what is on record of it, and
 * how much of it is past its date.
 *
 * What a customer may not read is left out here, whatever the retriever thinks of filters: an
 * article for agents never reaches a run that answers a customer. */

#include "core/turn/inside.h"

#include "core/base/json.h"

enum { PASSAGE_BYTES_MAX = 64 };

/* A retriever that knows filters spends its places on articles that may be shown. It is only given
 * one where there is something to leave out: many know none. */
baton_str run_filter_json(const struct baton_run *run)
{
	return run->purpose == BATON_PURPOSE_ANSWER && run->policy->n_agents_only > 0
		       ? BATON_STR("{\"audience\":\"customers\"}")
		       : BATON_STR("");
}

bool run_may_show(const struct baton_run *run, const baton_doc *doc)
{
	return run->purpose != BATON_PURPOSE_ANSWER ||
	       !baton_policy_agents_only(run->policy, doc->id);
}

/* The passage within its article: "how-to-send-it-back" of the heading that it begins with, as web
 * pages name their anchors. Empty for the opening. */
static baton_str passage_of(baton_str snippet, char to[PASSAGE_BYTES_MAX])
{
	size_t i = 0, n = 0;

	while (i < snippet.n && snippet.p[i] == '#')
		i++;
	if (i == 0)
		return BATON_STR("");
	for (; i < snippet.n && snippet.p[i] != '\n' && n + 1 < PASSAGE_BYTES_MAX; i++) {
		char c = snippet.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80)
			to[n++] = c;
		else if ((c == ' ' || c == '-') && n > 0 && to[n - 1] != '-')
			to[n++] = '-';
	}
	while (n > 0 && to[n - 1] == '-')
		n--;
	return baton_str_clip((baton_str){ to, n }, n);
}

static void add_doc(const baton_doc *doc, struct baton_buf *json)
{
	char passage[PASSAGE_BYTES_MAX];
	baton_str part = passage_of(doc->snippet, passage);

	baton_buf_z(json, "{\"id\":");
	baton_buf_json(json, doc->id);
	if (part.n > 0 && baton_str_utf8_ok(part)) {
		baton_buf_z(json, ",\"passage\":");
		baton_buf_json(json, part);
	}
	baton_buf_z(json, ",\"title\":");
	baton_buf_json(json, doc->title);
	baton_buf_z(json, ",\"uri\":");
	baton_buf_json(json, doc->uri);
	baton_buf_z(json, ",\"version\":");
	baton_buf_json(json, doc->version);
	if (doc->updated_unix_ms > 0)
		baton_buf_printf(json, ",\"updated_unix_ms\":%llu",
				 (unsigned long long)doc->updated_unix_ms);
	if (doc->flags & BATON_DOC_STALE)
		baton_buf_z(json, ",\"stale\":true");
	baton_buf_printf(json, ",\"score_ppm\":%u}", doc->score_ppm);
}

baton_str run_docs_json(struct baton_run *run)
{
	struct baton_buf json = { NULL, 0, 0 };

	baton_buf_z(&json, "[");
	for (uint32_t i = 0; i < run->n_docs; i++) {
		baton_buf_z(&json, i ? "," : "");
		add_doc(&run->docs[i], &json);
	}
	baton_buf_z(&json, "]");
	return run_keep_buf(run, &json);
}

/* The article's first passage that was found; NULL: it was not found. */
static const baton_doc *doc_of(const struct baton_run *run, baton_str id)
{
	for (uint32_t i = 0; i < run->n_docs; i++)
		if (baton_str_eq(run->docs[i].id, id))
			return &run->docs[i];
	return NULL;
}

/* Each article once: it has one date for all of its passages. */
static uint32_t stale_of_all(const struct baton_run *run)
{
	uint32_t stale = 0;

	for (uint32_t i = 0; i < run->n_docs; i++)
		stale += (run->docs[i].flags & BATON_DOC_STALE) &&
			 doc_of(run, run->docs[i].id) == &run->docs[i];
	return stale;
}

/* What is cited, if anything is: else the answer may rest on all that its writer was shown. */
uint32_t run_stale(const struct baton_run *run)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json list, source;
	uint32_t stale = 0, cited = 0;
	size_t at = 0;

	if (run->unknown || run->answer.n == 0 || baton_str_is(run->origin, "template"))
		return 0;
	if (run->sources.n > 0 && baton_json_parse(run->sources, &list) == 0 &&
	    list.type == BATON_JSON_ARRAY) {
		for (; baton_json_element(&list, &at, &source); cited++) {
			struct baton_json id = baton_json_get(&source, "id");
			const baton_doc *doc = doc_of(run, baton_json_text(&id, &arena));

			stale += doc && (doc->flags & BATON_DOC_STALE);
		}
	}
	baton_arena_done(&arena);
	return cited > 0 ? stale : stale_of_all(run);
}
