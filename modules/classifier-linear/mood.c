/* SPDX-License-Identifier: Apache-2.0 */

/* The file is part of the shared object, as that of vectors.c is. */

#include "mood.h"

#include "text.h"

__asm__(".section .rodata\n"
	".balign 16\n"
	"baton_mood_begin:\n"
	".incbin \"modules/classifier-linear/mood.bin\"\n"
	".byte 0\n"
	".previous\n");
extern const unsigned char baton_mood_begin[] __attribute__((visibility("hidden")));

void mood_features(const char *normal, size_t n, void (*each)(void *ud, uint32_t hash), void *ud)
{
	const char *word;
	size_t at = 0, w;
	uint64_t left = 0;

	while ((w = text_word(normal, n, &at, &word)) > 0) {
		const uint64_t both[2] = { left, text_hash(word, w, 1) };

		each(ud, (uint32_t)(both[1] >> 32));
		each(ud, (uint32_t)(text_hash(both, sizeof(both), 2) >> 32));
		left = both[1];
	}
}

struct looking {
	const struct mood_head *head;
	const uint32_t *hashes;
	const int8_t *weights;
	int32_t sum;
};

static void look(void *ud, uint32_t hash)
{
	struct looking *l = ud;
	uint32_t n = l->head->n, at = (uint32_t)(((uint64_t)hash * n) >> 32);
	/* As in vectors.c. */
	int64_t wrong = (int64_t)hash - l->hashes[at], to = at + ((wrong * n) >> 32);

	at = to < 0 ? 0 : to < n ? (uint32_t)to : n - 1;
	while (at > 0 && l->hashes[at] > hash)
		at--;
	while (at < n && l->hashes[at] < hash)
		at++;
	if (at < n && l->hashes[at] == hash)
		l->sum += l->weights[at];
}

float mood_sum(const char *normal, size_t n)
{
	const struct mood_head *head = (const void *)baton_mood_begin;
	struct looking l = { .head = head, .hashes = (const void *)(head + 1) };

	l.weights = (const void *)(l.hashes + head->n);
	mood_features(normal, n, look, &l);
	return head->scale * (float)l.sum;
}
