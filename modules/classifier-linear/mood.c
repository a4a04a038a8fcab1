/* SPDX-License-Identifier: Apache-2.0 */

/* The file is part of the shared object, as that of vectors.c is. */

#include "mood.h"

__asm__(".section .rodata\n"
	".balign 16\n"
	"baton_mood_begin:\n"
	".incbin \"modules/classifier-linear/mood.bin\"\n"
	".byte 0\n"
	".previous\n");
extern const unsigned char baton_mood_begin[] __attribute__((visibility("hidden")));

void mood_features(const struct text_features *text, void (*each)(void *ud, uint32_t hash),
		   void *ud)
{
	const uint64_t *pairs = text->hash + text->begin[TEXT_PAIRS];

	for (uint32_t i = 0; i < text_n_words(text); i++) {
		each(ud, (uint32_t)(text->hash[i] >> 32));
		each(ud, (uint32_t)(pairs[i] >> 32)); /* with the word before it */
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

float mood_sum(const struct text_features *text)
{
	const struct mood_head *head = (const void *)baton_mood_begin;
	struct looking l = { .head = head, .hashes = (const void *)(head + 1) };

	l.weights = (const void *)(l.hashes + head->n);
	mood_features(text, look, &l);
	return head->scale * (float)l.sum;
}
