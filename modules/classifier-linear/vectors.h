/* SPDX-License-Identifier: Apache-2.0 */

/* What words of support chats have in common: a hundred numbers for each, computed beforehand
 * (`make vectors`) and shipped as vectors.bin, which is part of the module's code. Read-only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { VECTORS_DIMS = 100 };
#define VECTORS_MAGIC UINT32_C(0x31565742) /* "BWV1", little endian */

/* The file: the head, then the words, by hash. */
struct vectors_head {
	uint32_t magic, n, dims, reserved;
};
struct vectors_entry {
	uint64_t hash; /* text_hash(word, 1): that of the word's own feature */
	float scale;   /* of the numbers, with the word's weight: what is in every text says little */
	int8_t v[VECTORS_DIMS];
};

/* Adds the words' vectors up; how many words have one. */
uint32_t vectors_sum(const uint64_t *words, uint32_t n, float ret_sum[VECTORS_DIMS]);
