/* SPDX-License-Identifier: Apache-2.0 */

/* Which passage is quoted, and the words around it. Whatever comes in is made valid UTF-8 on the way
 * out; a link is only made of what is plainly an address. */

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

/* Of the passages that are good enough and nearly as good as the best, the one that shares most
 * words with the question. NULL: none is an answer. */
static const baton_doc *doc_choose(const baton_prompt *prompt,
				   const struct answer_settings *settings, baton_str question,
				   struct quote *ret_quote)
{
	const baton_doc *best = NULL;
	uint32_t best_words = 0, n = prompt->docs ? prompt->n_docs : 0, top = 0;

	for (uint32_t i = 0; i < n; i++)
		top = prompt->docs[i].score_ppm > top ? prompt->docs[i].score_ppm : top;
	for (uint32_t i = 0; i < n; i++) {
		const baton_doc *doc = &prompt->docs[i];

		if (doc->score_ppm < settings->min_score_ppm || !doc->snippet.p ||
		    doc->score_ppm < (uint64_t)top * 85 / 100)
			continue;
		struct quote quote = quote_best(doc->snippet, question, settings->quote_bytes);
		uint32_t words = quote.overlap + quote_overlap(doc->title, question);

		/* A weak find that shares no word with the question, nor with what it was understood
		 * to be about, is a coincidence. */
		if (words == 0 && doc->score_ppm < SURE_PPM && !is_about_intent(prompt, doc))
			continue;
		if (best && words <= best_words)
			continue;
		best = doc;
		best_words = words;
		*ret_quote = quote;
	}
	return best;
}

/* Two openings take turns, so that a conversation does not sound like a form. */
static enum phrase opening_of(const baton_turn *turn)
{
	uint32_t said = 0;

	for (uint32_t i = 0; turn && turn->msgs && i < turn->n_msgs; i++)
		said += turn->msgs[i].role == BATON_ROLE_BOT;
	return said % 2 ? PHRASE_FOUND_ALSO : PHRASE_FOUND;
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
	struct quote quote;
	struct text text = { 0 };

	*ret_answer = (struct answer){ 0 };
	if (small_talk) {
		append_text(&text, small_talk);
		return finish(&text, ret_answer);
	}
	const baton_doc *doc = doc_choose(prompt, settings, question, &quote);

	if (!doc) {
		ret_answer->is_unknown = true;
		append_text(&text, phrase_text(PHRASE_UNKNOWN, locale.p, locale.n));
		return finish(&text, ret_answer);
	}
	append_text(&text, phrase_text(opening_of(prompt->turn), locale.p, locale.n));
	append_text(&text, "\n\n");
	append_clean(&text, quote.text, "");
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
