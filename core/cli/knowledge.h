/* SPDX-License-Identifier: Apache-2.0 */

/* baton knowledge, inside: knowledge.c (the commands, and search), knowledge_set.c (a set's retriever
 * and classifier, loaded in this process and asked as the server asks them), knowledge_check.c (what
 * is wrong with the articles), knowledge_text.c (what can be said of a text alone). */
#pragma once

#include "core/cli/cli.h"

#include "core/base/limits.h"
#include "core/loop/loop.h"
#include "core/module/release.h"

#include <jansson.h>

enum { KNOWLEDGE_PATH = 4096 };

struct knowledge_set {
	const struct cli_options *options;
	char run_dir[KNOWLEDGE_PATH];
	struct baton_policy *policy; /* until the release has it */
	struct baton_release *release;
	const json_t *articles; /* the policy's */
	struct baton_loop *loop;
	struct baton_rack *rack;
	uint64_t ticket; /* the newest */
	unsigned asked;  /* modules that have not said yet that they are ready */
	bool late, heard, failed;
	char why[200]; /* of a failure */

	/* Of the last question. */
	char intent[BATON_NAME_BYTES_MAX + 1]; /* "" : none that it was sure of */
	uint32_t intent_ppm;
	baton_doc *docs; /* in the arena */
	uint32_t n_docs;
	struct baton_arena arena;
};
struct knowledge_question {
	const char *text, *language;
	const char *intent; /* NULL: what the classifier says of it */
	uint32_t k;
	bool for_agents; /* also what customers are not shown */
};

/* --- knowledge_set.c: CLI_OK, or CLI_FAILED with a line on stderr --- */
int knowledge_open(struct knowledge_set *set, const char *path);
int knowledge_ask(struct knowledge_set *set, const struct knowledge_question *question);
void knowledge_close(struct knowledge_set *set);
/* NULL: the set has no article of this id. Borrowed. */
const json_t *knowledge_article(const struct knowledge_set *set, baton_str id);
const char *knowledge_text_of(const json_t *article, const char *key); /* never NULL */

/* --- knowledge_text.c --- */
/* Words in small letters, each once; those that are in nearly every question are left out. */
struct knowledge_words {
	struct {
		char p[24];
		size_t n;
	} v[64];
	size_t n;
};
void knowledge_words_of(baton_str text, struct knowledge_words *words);
/* The same word, or one that differs by its ending. */
bool knowledge_words_have(const struct knowledge_words *words, const char *p, size_t n);
/* Share of `words` that `text` has. */
double knowledge_share(const struct knowledge_words *words, baton_str text);
/* "how-to-send-it-back" of a heading's line, as pages name their anchors. */
void knowledge_slug(baton_str heading, char *to, size_t cap);
/* Where a passage stands: "returns#how-to-send-it-back", by the last heading at or above its beginning;
 * "returns+3": the third paragraph behind that. */
void knowledge_passage(const json_t *article, baton_str id, baton_str snippet, char *to,
		       size_t cap);
/* The next link's target; false: there is none. Begin with *at = 0. */
bool knowledge_link(baton_str text, size_t *at, baton_str *ret_target);
bool knowledge_has_anchor(baton_str text, baton_str anchor);
/* Days since 1970 of "2026-05-01"; INT64_MAX: it is no date. */
int64_t knowledge_day(const char *date);

/* --- the commands --- */
int cli_knowledge_search(const struct cli_options *options);
int cli_knowledge_check(const struct cli_options *options);
