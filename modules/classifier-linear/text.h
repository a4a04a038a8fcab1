/* SPDX-License-Identifier: Apache-2.0 */

/* What the classifier sees of a message: lower-cased words, and hashes of its words, word pairs and
 * of the letters within words. Pure functions over bytes; any byte sequence is a valid input. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Only the first bytes of a message decide its intent. What a customer wants stands in there; the
 * bound keeps the worst message within the time that one call may take. */
enum { TEXT_BYTES_MAX = 2048, TEXT_FEATURES_MAX = 8192 };

/* Three kinds of features, each scaled on its own: single words, pairs of neighbours (with marks
 * for begin and end), runs of 3 to 5 bytes of " word " (these survive typing errors). */
enum { TEXT_WORDS, TEXT_PAIRS, TEXT_LETTERS, TEXT_BLOCKS };

struct text_features {
	uint32_t begin[TEXT_BLOCKS + 1]; /* hash[begin[b] .. begin[b + 1]) belongs to block b */
	uint64_t hash[TEXT_FEATURES_MAX];
};

/* ASCII lower case, apostrophes dropped, `$ % ?` words of their own, bytes >= 0x80 kept, all else
 * one space. Writes at most `cap` bytes, words separated by one space; returns how many. */
size_t text_normalise(const char *text, size_t n, char *out, size_t cap);
/* Features of normalised text, duplicates included. */
void text_features(const char *normal, size_t n, struct text_features *out);
/* Words and pairs alone. A word's own feature is text_hash(word, 1): whoever looks words up takes it. */
void text_words(const char *normal, size_t n, struct text_features *out);
static inline uint32_t text_n_words(const struct text_features *features)
{
	return features->begin[TEXT_PAIRS];
}
/* 64 well-mixed bits of the bytes; the same on every machine. */
uint64_t text_hash(const void *bytes, size_t n, uint64_t seed);
/* The next word at or after *at: returns its length, 0 at the end; *ret_word borrowed. */
size_t text_word(const char *normal, size_t n, size_t *at, const char **ret_word);
