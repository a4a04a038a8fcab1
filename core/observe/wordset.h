/* SPDX-License-Identifier: Apache-2.0 */

/* Texts as their words, to tell whether somebody says the same again. Words are runs of letters and digits (every byte of a multi-byte character counts as a
 * letter), lower case where ASCII has one, kept as hashes: no customer's text is kept. Pure.
 */
#pragma once

#include "core/base/str.h"

/* The first words of a short text, as a set. */
enum { BATON_WORDSET_MAX = 24 };
struct baton_wordset {
	uint32_t words[BATON_WORDSET_MAX];
	uint32_t n;
};

void baton_wordset_of(baton_str text, struct baton_wordset *ret);
/* True if at least three in five of the words of both are in both, and each has three or more: who
 * says "yes" twice does not repeat himself. */
bool baton_wordset_same(const struct baton_wordset *a, const struct baton_wordset *b);
