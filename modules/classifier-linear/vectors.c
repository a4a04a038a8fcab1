/* SPDX-License-Identifier: Apache-2.0 */

/* The file is part of the shared object: nothing to find on a customer's machine, one copy for all
 * processes, paged in as words ask for it. Hashes are as good as chance, so a word stands about
 * where its hash says: a look-up is a guess, a better one from there, and a few steps. */

#include "vectors.h"

#include "wide.h"

#include <string.h>

__asm__(".section .rodata\n"
	".balign 16\n"
	"baton_vectors_begin:\n"
	".incbin \"modules/classifier-linear/vectors.bin\"\n"
	"baton_vectors_end:\n"
	".byte 0\n"
	".previous\n");
extern const unsigned char baton_vectors_begin[] __attribute__((visibility("hidden")));

static const struct vectors_entry *find(const struct vectors_entry *entries, uint32_t n,
					uint64_t hash)
{
	uint32_t at = (uint32_t)(((hash >> 32) * n) >> 32);

	/* As far as that was wrong, chance is good again. */
	int64_t wrong = (int64_t)(hash - entries[at].hash) >> 32, to = at + ((wrong * n) >> 32);
	at = to < 0 ? 0 : to < n ? (uint32_t)to : n - 1;
	while (at > 0 && entries[at].hash > hash)
		at--;
	while (at < n && entries[at].hash < hash)
		at++;
	return at < n && entries[at].hash == hash ? &entries[at] : NULL;
}

uint32_t vectors_sum(const uint64_t *words, uint32_t n, float ret_sum[VECTORS_DIMS])
{
	const struct vectors_head *head = (const void *)baton_vectors_begin;
	const struct vectors_entry *entries = (const void *)(head + 1);
	uint32_t known = 0;

	memset(ret_sum, 0, VECTORS_DIMS * sizeof(*ret_sum));
	for (uint32_t i = 0; i < n; i++) {
		const struct vectors_entry *entry = find(entries, head->n, words[i]);

		if (!entry)
			continue;
		known++;
		wide_add_vector(entry->v, entry->scale, ret_sum);
	}
	return known;
}
