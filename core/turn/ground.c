/* SPDX-License-Identifier: Apache-2.0 */

/* See ground.h.
 *
 * A source that was not found is noticed with its mark, in the middle of a stream: from there on
 * nothing more is shown, and the answer is heard to its end, because a person may want it as a
 * draft. What sources say of themselves (title, address, version) is never the model's word: it is
 * taken from what the search found.
 *
 * A provider that is given the articles themselves and no prompt quotes them word for word: what
 * looks like a mark in it is the article's own text.
 */

#include "core/turn/inside.h"

#include "core/base/json.h"
#include "core/turn/ground.h"

enum { EXCERPT_MAX = 200 };

static bool grounded(const struct baton_run *run)
{
	return run->route && run->route->grounding != BATON_GROUNDING_OFF;
}

static bool quotes(const struct baton_run *run)
{
	const struct baton_target *target = run->choice.target;

	for (size_t i = 0; target && i < run->policy->n_modules; i++)
		if (strcmp(run->policy->modules[i].name, target->provider) == 0)
			return run->policy->modules[i].knowledge;
	return false;
}

/* "returns#2" is a passage of "returns". */
static baton_str article_of(baton_str id)
{
	const char *tail = id.n ? memchr(id.p, '#', id.n) : NULL;

	return tail ? (baton_str){ id.p, (size_t)(tail - id.p) } : id;
}

static const baton_doc *doc_of(const struct baton_run *run, baton_str id)
{
	for (uint32_t i = 0; i < run->n_docs; i++)
		if (baton_str_eq(article_of(run->docs[i].id), article_of(id)))
			return &run->docs[i];
	return NULL;
}

/* A model may say that it has something from a tool it was given the result of. */
static bool tool_told(const struct baton_run *run, baton_str name)
{
	for (size_t i = 0; i < run->n_more; i++)
		if (run->more[i].role == BATON_ROLE_TOOL && baton_str_eq(run->more[i].name, name))
			return true;
	return false;
}

bool run_ground_found(const struct baton_run *run, baton_str id)
{
	return doc_of(run, id) || tool_told(run, id) || run_known_from(run, id);
}

static baton_str trimmed(baton_str s)
{
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static bool is_cited(const struct baton_run *run, baton_str id)
{
	for (size_t i = 0; i < run->n_cites; i++)
		if (baton_str_eq(run->cites[i], id))
			return true;
	return false;
}

static void cite(struct baton_run *run, baton_str id)
{
	id = trimmed(id);
	if (id.n == 0)
		return;
	bool found = run_ground_found(run, id);
	run->muted |= !found && grounded(run);
	if (is_cited(run, id))
		return;
	if (run->n_cites == BATON_RUN_CITES_MAX) {
		run->cites_bad |= !found;
		return;
	}
	run->cited_at[run->n_cites] = run->answer.n;
	run->cites[run->n_cites++] = (baton_str){ baton_arena_dup(&run->arena, id.p, id.n), id.n };
}

/* "[[returns, refunds]]" are two. */
static void heard_mark(void *ud, baton_str inside)
{
	struct baton_run *run = ud;

	if (baton_str_is(trimmed(inside), "unknown")) {
		run->unknown = true;
		return;
	}
	for (size_t i = 0, from = 0; i <= inside.n; i++) {
		if (i < inside.n && inside.p[i] != ',' && inside.p[i] != ';')
			continue;
		cite(run, (baton_str){ inside.p + from, i - from });
		from = i + 1;
	}
}

baton_str run_ground_text(struct baton_run *run, baton_str text, struct baton_buf *room)
{
	if (run->quotes || baton_marks_pass(&run->marks, text))
		return text;
	baton_marks_take(&run->marks, text, room, heard_mark, run);
	return baton_buf_view(room);
}

void run_ground_text_end(struct baton_run *run, struct baton_buf *out)
{
	baton_marks_end(&run->marks, out);
}

void run_ground_citation(struct baton_run *run, baton_str json)
{
	struct baton_json list, item;
	size_t at = 0;

	/* A provider's own words; they stand if nobody looks at sources. */
	run->sources = (baton_str){ baton_arena_dup(&run->arena, json.p, json.n), json.n };
	if (baton_json_parse(json, &list) < 0 || list.type != BATON_JSON_ARRAY) {
		run->cites_bad = true;
		run->sources = BATON_STR("");
		return;
	}
	while (baton_json_element(&list, &at, &item)) {
		struct baton_json id =
			item.type == BATON_JSON_STRING ? item : baton_json_get(&item, "id");
		baton_str text = baton_json_text(&id, &run->arena);

		if (text.n == 0)
			run->cites_bad = true;
		cite(run, text);
	}
}

void run_ground_forget(struct baton_run *run, bool proceed)
{
	run->marks.n = 0;
	run->muted = false;
	run->marks.blanks = grounded(run);
	run->quotes = quotes(run);
	run->sources = BATON_STR("");
	/* What stood behind the words that are gone on with is gone, too. */
	for (size_t i = 0; i < run->n_cites; i++) {
		if (proceed && run->cited_at[i] <= run->answer.n)
			continue;
		run->n_cites = i;
	}
	run->cites_bad &= proceed;
}

static void source_json(const baton_doc *doc, struct baton_buf *json)
{
	baton_buf_z(json, json->n > 1 ? ",{\"id\":" : "{\"id\":");
	baton_buf_json(json, doc->id);
	baton_buf_z(json, ",\"title\":");
	baton_buf_json(json, doc->title);
	baton_buf_z(json, ",\"uri\":");
	baton_buf_json(json, doc->uri);
	baton_buf_z(json, ",\"version\":");
	baton_buf_json(json, doc->version);
	baton_buf_z(json, "}");
}

static bool cited_before(const struct baton_run *run, size_t cite_index, const baton_doc *doc)
{
	for (size_t i = 0; i < cite_index; i++)
		if (doc_of(run, run->cites[i]) == doc)
			return true;
	return false;
}

/* Each article once, in the order of the citing. */
static void make_sources(struct baton_run *run)
{
	struct baton_buf json = { NULL, 0, 0 };

	if (run->sources.n > 0 && !grounded(run))
		return;
	run->sources = BATON_STR("");
	if (run->n_cites == 0)
		return;
	baton_buf_z(&json, "[");
	for (size_t i = 0; i < run->n_cites; i++) {
		const baton_doc *doc = doc_of(run, run->cites[i]);

		if (!doc || cited_before(run, i, doc))
			continue;
		source_json(doc, &json);
	}
	baton_buf_z(&json, "]");
	if (json.n == 2)
		baton_buf_reset(&json);
	run->sources = run_keep_buf(run, &json);
}

/* What was cited and not found, for the record. */
static baton_str not_found(struct baton_run *run)
{
	struct baton_buf list = { NULL, 0, 0 };

	for (size_t i = 0; i < run->n_cites; i++) {
		if (run_ground_found(run, run->cites[i]))
			continue;
		baton_buf_z(&list, list.n ? ", " : "");
		baton_buf_str(&list, run->cites[i]);
	}
	return baton_str_clip(run_keep_buf(run, &list), EXCERPT_MAX);
}

void run_ground(struct baton_run *run)
{
	baton_str unfound = not_found(run);

	make_sources(run);
	run->ungrounded = unfound.n > 0 || run->cites_bad;
	if (run->route->grounding == BATON_GROUNDING_REQUIRED && run->n_cites == 0 && !run->unknown)
		run->ungrounded = true;
	run->ungrounded &= grounded(run);
	if (!run->ungrounded || run->purpose != BATON_PURPOSE_ANSWER)
		return;
	run_objected(run, &(struct baton_ev_guard_hit){
				  .turn = run->turn,
				  .guard = BATON_STR("core"),
				  .at = BATON_STR("answer"),
				  .action = BATON_STR("block"),
				  .type = BATON_STR("ungrounded"),
				  .rule = BATON_STR("core.ungrounded"),
				  .subject = baton_str_of(run->choice.target->name),
				  .excerpt = unfound,
				  .confidence_ppm = 1000000,
			  });
}
