/* SPDX-License-Identifier: Apache-2.0 */

/* Which passage is quoted, and the words around it. Whatever comes in is made valid UTF-8 on the
 * way out; a link is only made of what is plainly an address. */

#include "answer.h"

#include "phrases.h"
#include "quote.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { SURE_PPM = 600000 };

/* A growing text; `failed` sticks, so that a row of appends is checked once. */
struct text {
	char *p;
	size_t n, cap;
	bool failed;
};

static void append(struct text *text, const char *p, size_t n)
{
	if (text->failed)
		return;
	if (text->n + n + 1 > text->cap) {
		size_t cap = 2 * (text->n + n) + 256;
		char *more = realloc(text->p, cap);

		if (!more) {
			text->failed = true;
			return;
		}
		text->p = more;
		text->cap = cap;
	}
	if (n > 0)
		memcpy(text->p + text->n, p, n);
	text->n += n;
	text->p[text->n] = 0;
}

static void append_text(struct text *text, const char *literal)
{
	append(text, literal, strlen(literal));
}

/* Length of the UTF-8 character at p, 0 if there is none. */
static size_t character(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80                   ? 1
		   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		   : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
						 : 4;

	if ((p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* Control characters but line end and tab are dropped, what is not UTF-8 becomes U+FFFD; characters
 * of `escape` get a backslash. */
static void append_clean(struct text *text, baton_str str, const char *escape)
{
	const unsigned char *p = (const unsigned char *)str.p;

	for (size_t i = 0, n; i < str.n; i += n ? n : 1) {
		n = character(p + i, str.n - i);
		if (n == 1 && p[i] < 0x20 && p[i] != '\n' && p[i] != '\t')
			continue;
		if (n == 0) {
			append_text(text, "\xef\xbf\xbd");
			continue;
		}
		if (n == 1 && strchr(escape, p[i]))
			append(text, "\\", 1);
		append(text, str.p + i, n);
	}
}

/* http, https or a path of this site, of characters that need no quoting in Markdown. */
static bool is_plain_uri(baton_str uri)
{
	static const char allowed[] = "-._~:/?#@!$&*+,;=%";
	bool is_known = (uri.n > 8 && memcmp(uri.p, "https://", 8) == 0) ||
			(uri.n > 7 && memcmp(uri.p, "http://", 7) == 0) ||
			(uri.n > 0 && uri.p[0] == '/' && (uri.n == 1 || uri.p[1] != '/'));

	for (size_t i = 0; i < uri.n && is_known; i++) {
		char c = uri.p[i];

		is_known = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
			   (c != 0 && strchr(allowed, c));
	}
	return is_known;
}

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
