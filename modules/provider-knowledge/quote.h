/* SPDX-License-Identifier: Apache-2.0 */

/* The part of an article that speaks about a question: whole paragraphs, lists and tables. */
#pragma once

#include <baton/module.h>

#include <stdbool.h>

enum { QUOTE_PARTS_MAX = 64, QUOTE_PASSAGES_MAX = 4 };

struct quote_source {
	baton_str passages[QUOTE_PASSAGES_MAX]; /* of one article, the likeliest first */
	unsigned n;
	baton_str title;
};
struct quote_part {
	baton_str text; /* within a passage; never empty */
	bool continues; /* the paragraph of the part before */
};
struct quote {
	struct quote_part parts[QUOTE_PARTS_MAX];
	unsigned n;
	uint32_t overlap; /* distinct words of the question (function words aside) found in it */
};

/* Begins with the opening, unless another part has clearly more of the question; goes on in the
 * article's order up to about `bytes`. A list stays whole and with the line that introduces it, a
 * sentence stays whole. Headings are left out. Any bytes are valid. */
void quote_best(const struct quote_source *source, baton_str question, uint32_t bytes,
		struct quote *ret_quote);
/* The text without line ends that only wrap it: lists, tables, paragraphs and code keep theirs. `out`
 * has room for text.n bytes; returns how many were written. */
size_t quote_unwrap(baton_str text, char *out);
/* Distinct words that question and text share. */
uint32_t quote_overlap(baton_str text, baton_str question);
