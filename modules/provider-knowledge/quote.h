/* SPDX-License-Identifier: Apache-2.0 */

/* The part of a passage that speaks about a question. */
#pragma once

#include <baton/module.h>

struct quote {
	baton_str text;   /* within the passage */
	uint32_t overlap; /* distinct words of the question (function words aside) found in it */
};

/* A run of whole sentences and lines of about `bytes` with the most words of the question; a list is
 * not cut in two. The passage's heading is left out. Any bytes are valid. */
struct quote quote_best(baton_str passage, baton_str question, uint32_t bytes);
/* Distinct words that question and text share. */
uint32_t quote_overlap(baton_str text, baton_str question);
