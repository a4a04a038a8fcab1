/* SPDX-License-Identifier: Apache-2.0 */

/* baton knowledge search: which passages a question finds, how likely each answers, and what speaks
 * for it. The score is the retriever's; what speaks for it is worked out here, because a retriever
 * has no words for that. */

#include "core/cli/knowledge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct cli_command cli_knowledge_commands[] = {
	{ "knowledge search", "QUESTION", "which passages a question finds, and why", "pmi~@^j",
	  cli_knowledge_search, NULL },
	{ "knowledge check", "[DIR]", "what is wrong with the articles of a set", "pmj",
	  cli_knowledge_check, NULL },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};

/* --- what speaks for a passage --- */

static void add(json_t *list, const char *format, const char *a, const char *b)
{
	struct baton_buf text = { NULL, 0, 0 };
	char number[64];

	snprintf(number, sizeof(number), "%s", format);
	baton_buf_printf(&text, "%s%s%s", number, a, b);
	json_array_append_new(list, json_stringn(text.p, text.n));
	baton_buf_done(&text);
}

/* The title or phrasing that the question is most like, if it has most of its words. */
static void why_alike(const struct knowledge_words *words, const json_t *article, json_t *list)
{
	const json_t *also = json_object_get(article, "also");
	const char *best = "", *from = "its title is like the question: ";
	double most = 0.49;
	size_t i;
	json_t *phrase;

	double share = knowledge_share(words, baton_str_of(knowledge_text_of(article, "title")));
	if (share > most) {
		most = share;
		best = knowledge_text_of(article, "title");
	}
	json_array_foreach(also, i, phrase) {
		share = knowledge_share(words, baton_str_of(json_string_value(phrase)));
		if (share <= most)
			continue;
		most = share;
		best = json_string_value(phrase);
		from = "also asked as: ";
	}
	if (best[0])
		add(list, from, best, "");
}

static void why_words(const struct knowledge_words *words, const baton_doc *doc, json_t *list)
{
	struct baton_buf found = { NULL, 0, 0 };

	for (size_t i = 0; i < words->n; i++) {
		struct knowledge_words one = { .n = 1 };

		one.v[0] = words->v[i];
		if (knowledge_share(&one, doc->snippet) > 0 ||
		    knowledge_share(&one, doc->title) > 0)
			baton_buf_printf(&found, "%s%.*s", found.n ? ", " : "", (int)words->v[i].n,
					 words->v[i].p);
	}
	if (found.n > 0)
		add(list, "words of the question: ", found.p, "");
	baton_buf_done(&found);
}

static json_t *why_of(const struct knowledge_set *set, const char *question, const baton_doc *doc,
		      const json_t *article)
{
	json_t *list = json_array(), *intent;
	struct knowledge_words words;
	size_t i;

	knowledge_words_of(baton_str_of(question), &words);
	why_alike(&words, article, list);
	why_words(&words, doc, list);
	json_array_foreach(json_object_get(article, "intents"), i, intent)
		if (set->intent[0] && strcmp(json_string_value(intent), set->intent) == 0)
			add(list, "serves the intent ", set->intent, "");
	if ((doc->flags & BATON_DOC_STALE) && knowledge_text_of(article, "valid_until")[0])
		add(list, "ranked lower: it was valid until ",
		    knowledge_text_of(article, "valid_until"), "");
	if (json_array_size(list) == 0)
		add(list, "other words for the same, or parts of words", "", "");
	return list;
}

/* --- what is printed --- */

static json_t *doc_json(const struct knowledge_set *set, const char *question, const baton_doc *doc)
{
	const json_t *article = knowledge_article(set, doc->id);
	char passage[256];

	knowledge_passage(article, doc->id, doc->snippet, passage, sizeof(passage));
	return json_pack(
		"{s:s%, s:s, s:s%, s:s%, s:s%, s:I, s:b, s:s, s:o, s:s%}", "id", doc->id.p,
		doc->id.n, "passage", passage, "title", doc->title.p, doc->title.n, "uri",
		doc->uri.p, doc->uri.n, "version", doc->version.p, doc->version.n, "score_ppm",
		(json_int_t)doc->score_ppm, "stale", (doc->flags & BATON_DOC_STALE) != 0,
		"audience", knowledge_text_of(article, "audience"), "why",
		why_of(set, question, doc, article), "text", doc->snippet.p, doc->snippet.n);
}

/* The beginning of the text in one line. */
static void print_text(const char *text)
{
	enum { SHOWN = 100 };
	baton_str cut = baton_str_clip(baton_str_of(text), SHOWN);

	printf("      ");
	for (size_t i = 0; i < cut.n; i++)
		putchar(cut.p[i] == '\n' ? ' ' : cut.p[i]);
	printf("%s\n", cut.n < strlen(text) ? "..." : "");
}

static void print_doc(const json_t *doc)
{
	const char *audience = knowledge_text_of(doc, "audience");
	size_t i;
	json_t *why;

	printf("%.2f  %-28s %s%s%s\n",
	       (double)json_integer_value(json_object_get(doc, "score_ppm")) / 1e6,
	       knowledge_text_of(doc, "passage"), knowledge_text_of(doc, "title"),
	       json_is_true(json_object_get(doc, "stale")) ? "  [stale]" : "",
	       strcmp(audience, "agents") == 0 ? "  [for agents]" : "");
	json_array_foreach(json_object_get(doc, "why"), i, why)
		printf("      %s\n", json_string_value(why));
	print_text(knowledge_text_of(doc, "text"));
}

static void print_found(const struct knowledge_set *set, const char *question)
{
	json_t *docs = json_array(), *doc;
	size_t i;

	for (uint32_t k = 0; k < set->n_docs; k++)
		json_array_append_new(docs, doc_json(set, question, &set->docs[k]));
	if (set->options->json) {
		json_t *root = json_pack("{s:s, s:s, s:I, s:O}", "question", question, "intent",
					 set->intent, "intent_ppm", (json_int_t)set->intent_ppm,
					 "docs", docs);
		char *text = json_dumps(root, JSON_COMPACT);

		printf("%s\n", text ? text : "{}");
		free(text); /* jansson's own allocation */
		json_decref(root);
		json_decref(docs);
		return;
	}
	if (set->intent[0] && set->intent_ppm > 0)
		printf("understood as %s (%.2f)\n", set->intent, (double)set->intent_ppm / 1e6);
	else
		printf(set->intent[0] ? "asked as %s\n" : "no intent was understood\n",
		       set->intent);
	json_array_foreach(docs, i, doc)
		print_doc(doc);
	if (set->n_docs == 0)
		printf("nothing is found\n");
	json_decref(docs);
}

int cli_knowledge_search(const struct cli_options *options)
{
	struct knowledge_set set = { .options = options };
	const struct knowledge_question question = {
		.text = options->operand,
		.language = options->language,
		.intent = options->intent,
		.k = options->k ? options->k : 5,
		.for_agents = options->for_agents,
	};
	int rc = CLI_FAILED;

	if (!baton_str_utf8_ok(baton_str_of(options->operand))) {
		fprintf(stderr, "baton: the question is not UTF-8\n");
		return CLI_USAGE;
	}
	if (knowledge_open(&set, options->policies) == CLI_OK)
		rc = knowledge_ask(&set, &question);
	if (rc == CLI_OK)
		print_found(&set, question.text);
	knowledge_close(&set);
	return rc;
}
