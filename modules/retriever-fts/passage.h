/* SPDX-License-Identifier: Apache-2.0 */

/* Cuts an article's Markdown into passages that can be read alone: along headings and paragraphs,
 * a long paragraph along its sentences. */
#pragma once

#include <stddef.h>

/* A passage is closed once it has the lower bound, and never exceeds the upper one. */
enum { PASSAGE_BYTES = 700, PASSAGE_BYTES_MAX = 1000 };

struct passage_cut {
	const char *text;
	size_t n, at;
};
/* The next passage, white space around it cut off: its length, 0 at the end. *ret_passage points
 * into the text. Every byte that is not white space is in exactly one passage. */
size_t passage_next(struct passage_cut *cut, const char **ret_passage);
