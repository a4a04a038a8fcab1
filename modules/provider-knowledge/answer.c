/* SPDX-License-Identifier: Apache-2.0 */

/* Which passage is quoted, and the words around it. Whatever comes in is made valid UTF-8 on the
 * way out; a link is only made of what is plainly an address. */

#include "answer.h"

#include "phrases.h"
#include "quote.h"
#include "result.h"
#include "text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { SURE_PPM = 600000 };

static void append_source(struct text *text, const baton_doc *doc)
{
	bool has_link = is_plain_uri(doc->uri);

	append_text(text, has_link ? "[" : "");
	append_clean(text, doc->title.n ? doc->title : doc->id, "[]\\*_`<");
	if (has_link) {
		append_text(text, "](");
		append(text, doc->uri.p, doc->uri.n);
		append_text(text, ")");
	}
}

/* A JSON string of any bytes. NULL: no memory. */
static json_t *json_clean(baton_str str)
{
	struct text text = { 0 };

	append_clean(&text, str, "");
	json_t *json = text.failed ? NULL : json_stringn(text.p ? text.p : "", text.n);

	free(text.p);
	return json;
}

/* [{"id","title","uri","version"}]; NULL: no memory. */
static char *citations_of(const baton_doc *doc)
{
	json_t *list = json_pack("[{s:o, s:o, s:o, s:o}]", "id", json_clean(doc->id), "title",
				 json_clean(doc->title), "uri", json_clean(doc->uri), "version",
				 json_clean(doc->version));
	char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;

	json_decref(list);
	return text;
}

baton_str answer_question(const baton_prompt *prompt)
{
	const baton_turn *turn = prompt->turn;

	for (uint32_t i = turn && turn->msgs ? turn->n_msgs : 0; i > 0; i--)
		if (turn->msgs[i - 1].role == BATON_ROLE_CUSTOMER && turn->msgs[i - 1].text.p)
			return turn->msgs[i - 1].text;
	return (baton_str){ "", 0 };
}

/* "return-policy" and an article "How do I return something?". */
static bool is_about_intent(const baton_prompt *prompt, const baton_doc *doc)
{
	const baton_str intent = prompt->turn ? prompt->turn->intent : (baton_str){ "", 0 };

	return quote_overlap(doc->title, intent) + quote_overlap(doc->snippet, intent) > 0;
}

static bool is_same(baton_str a, baton_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The first passage, if it is good enough: what the retriever thinks likelier may be no answer, and
 * then the next is a worse one. NULL: none is an answer. */
static const baton_doc *doc_choose(const baton_prompt *prompt,
				   const struct answer_settings *settings, baton_str question)
{
	uint32_t n = prompt->docs ? prompt->n_docs : 0;
	const baton_doc *best = n > 0 ? &prompt->docs[0] : NULL;

	if (!best || !best->snippet.p || best->score_ppm < settings->min_score_ppm)
		return NULL;
	/* A weak find that shares no word with the question, nor with what it was understood to be
	 * about, is a coincidence. */
	bool has_word = false;

	for (uint32_t i = 0; i < n && !has_word; i++)
		has_word = is_same(prompt->docs[i].id, best->id) && prompt->docs[i].snippet.p &&
			   quote_overlap(prompt->docs[i].snippet, question) > 0;
	has_word = has_word || quote_overlap(best->title, question) > 0;
	return has_word || best->score_ppm >= SURE_PPM || is_about_intent(prompt, best) ? best
											: NULL;
}

/* Every passage of the article, best first. */
static struct quote_source source_of(const baton_prompt *prompt, const baton_doc *doc)
{
	struct quote_source source = { .title = doc->title };

	for (uint32_t i = 0; i < prompt->n_docs && source.n < QUOTE_PASSAGES_MAX; i++)
		if (is_same(prompt->docs[i].id, doc->id) && prompt->docs[i].snippet.p)
			source.passages[source.n++] = prompt->docs[i].snippet;
	return source;
}

static void append_quote(struct text *text, const struct quote *quote)
{
	for (unsigned i = 0; i < quote->n; i++) {
		const struct quote_part *part = &quote->parts[i];
		char *plain = malloc(part->text.n + 1);

		text->failed = text->failed || !plain;
		if (i > 0)
			append_text(text, part->continues ? " " : "\n\n");
		if (plain)
			append_clean(text, (baton_str){ plain, quote_unwrap(part->text, plain) },
				     "");
		free(plain);
	}
}

/* What is past its date is said with the date: until when it was valid, or when it was looked at
 * last. */
static void append_age(struct text *text, const baton_doc *doc, const struct known *known,
		       baton_str locale)
{
	const char *end = known ? known_end(known, doc->id) : NULL;

	if (!(doc->flags & BATON_DOC_STALE))
		return;
	append_text(text, "\n\n");
	append_text(text, phrase_text(end              ? PHRASE_VALID_UNTIL
				      : doc->version.n ? PHRASE_UPDATED
						       : PHRASE_OUTDATED,
				      locale.p, locale.n));
	if (end)
		append_clean(text, (baton_str){ end, strlen(end) }, "[]\\*_`<");
	else
		append_clean(text, doc->version, "[]\\*_`<");
	append_text(text, end || doc->version.n ? "." : "");
}

static int32_t finish(struct text *text, struct answer *ret_answer)
{
	if (text->failed) {
		free(text->p);
		return BATON_E_NOMEM;
	}
	ret_answer->text = text->p;
	ret_answer->n = text->n;
	return BATON_OK;
}

int32_t answer_compose(const baton_prompt *prompt, const struct answer_settings *settings,
		       struct answer *ret_answer)
{
	baton_str question = answer_question(prompt);
	baton_str locale = prompt->turn ? prompt->turn->locale : (baton_str){ "", 0 };
	const char *small_talk = phrase_small_talk(question.p, question.n);
	struct text text = { 0 };

	*ret_answer = (struct answer){ 0 };
	if (small_talk) {
		append_text(&text, small_talk);
		return finish(&text, ret_answer);
	}
	if (result_say(prompt, settings->known, &text))
		return finish(&text, ret_answer);
	const baton_doc *doc = doc_choose(prompt, settings, question);

	if (!doc) {
		ret_answer->is_unknown = true;
		append_text(&text, phrase_text(PHRASE_UNKNOWN, locale.p, locale.n));
		return finish(&text, ret_answer);
	}
	const struct quote_source source = source_of(prompt, doc);
	struct quote quote;

	quote_best(&source, question, settings->quote_bytes, &quote);
	append_quote(&text, &quote);
	append_text(&text, "\n\n");
	append_text(&text, phrase_text(PHRASE_SOURCE, locale.p, locale.n));
	append_text(&text, " ");
	append_source(&text, doc);
	append_age(&text, doc, settings->known, locale);
	ret_answer->citations = citations_of(doc);
	text.failed = text.failed || !ret_answer->citations;
	int32_t rc = finish(&text, ret_answer);

	if (rc < 0)
		answer_done(ret_answer);
	return rc;
}

void answer_done(struct answer *answer)
{
	free(answer->text);
	free(answer->citations);
	*answer = (struct answer){ 0 };
}
