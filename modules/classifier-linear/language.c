/* SPDX-License-Identifier: Apache-2.0 */

/* Language by function words: the small words that every sentence of a language needs. A message
 * without them ("refund", "iPhone 15") settles nothing, and then we say so. */

#include "language.h"

#include <stddef.h>

enum { EN = 1, DE = 2, FR = 4, ES = 8, IT = 16, NL = 32 };
static const char *const names[LANGUAGES] = { "en", "de", "fr", "es", "it", "nl" };

static const struct language_word {
	const char *word;
	uint8_t languages;
} words[] = {
	/* clang-format off keeps one screen of it. */
	/* clang-format off */
	{ "a", EN | FR | ES | IT }, { "aber", DE }, { "al", ES | IT | NL }, { "and", EN },
	{ "are", EN }, { "auf", DE }, { "avec", FR }, { "ben", NL }, { "bestelling", NL },
	{ "bitte", DE }, { "bonjour", FR }, { "buongiorno", IT }, { "can", EN }, { "che", IT },
	{ "ciao", IT }, { "come", IT }, { "commande", FR }, { "comment", FR }, { "con", ES | IT },
	{ "cuando", ES }, { "c\xc3\xb3mo", ES }, { "dans", FR }, { "das", DE }, { "dat", NL },
	{ "de", FR | ES | NL }, { "del", ES | IT }, { "della", IT }, { "den", DE }, { "der", DE },
	{ "des", FR | DE }, { "did", EN }, { "die", DE | NL }, { "do", EN }, { "does", EN },
	{ "donde", ES }, { "dove", IT }, { "du", FR | DE }, { "d\xc3\xb3nde", ES }, { "e", IT },
	{ "een", NL }, { "ein", DE }, { "eine", DE }, { "einen", DE }, { "el", ES },
	{ "en", FR | ES | NL }, { "es", DE | ES }, { "est", FR }, { "et", FR },
	{ "f\xc3\xbcr", DE }, { "geen", NL }, { "gracias", ES }, { "grazie", IT },
	{ "guten", DE }, { "habe", DE }, { "hallo", DE | NL }, { "has", EN | ES }, { "have", EN },
	{ "heb", NL }, { "hello", EN }, { "het", NL }, { "hi", EN }, { "hoe", NL },
	{ "hola", ES }, { "how", EN }, { "i", EN | IT }, { "ich", DE }, { "ik", NL },
	{ "il", FR | IT }, { "im", EN | DE }, { "in", EN | DE | IT | NL }, { "is", EN | NL },
	{ "ist", DE }, { "it", EN }, { "je", FR | NL }, { "kan", NL }, { "kann", DE },
	{ "la", FR | ES | IT }, { "le", FR | IT }, { "les", FR }, { "lo", ES | IT },
	{ "los", ES }, { "ma", FR | IT }, { "mein", DE }, { "meine", DE }, { "merci", FR },
	{ "met", NL }, { "mi", ES | IT }, { "mia", IT }, { "mijn", NL }, { "mio", IT },
	{ "mit", DE }, { "mon", FR }, { "my", EN }, { "nicht", DE }, { "niet", NL },
	{ "non", IT | FR }, { "not", EN }, { "oder", DE }, { "of", EN | NL }, { "on", EN | FR },
	{ "ordine", IT }, { "o\xc3\xb9", FR }, { "para", ES }, { "pas", FR }, { "pedido", ES },
	{ "per", IT }, { "pero", ES }, { "please", EN }, { "por", ES }, { "posso", IT },
	{ "pour", FR }, { "puedo", ES }, { "que", FR | ES }, { "quiero", ES },
	{ "qu\xc3\xa9", ES }, { "sich", DE }, { "sono", IT }, { "su", ES | IT }, { "suis", FR },
	{ "sur", FR }, { "te", ES | NL | FR }, { "thanks", EN }, { "that", EN }, { "the", EN },
	{ "this", EN }, { "to", EN }, { "un", FR | ES | IT }, { "una", ES | IT }, { "und", DE },
	{ "une", FR }, { "van", NL }, { "vorrei", IT }, { "vous", FR }, { "waar", NL },
	{ "wann", DE }, { "want", EN | NL }, { "warum", DE }, { "was", EN | DE | NL },
	{ "wat", NL }, { "what", EN }, { "when", EN }, { "where", EN }, { "wie", DE | NL },
	{ "wil", NL }, { "will", EN | DE }, { "with", EN }, { "wo", DE }, { "y", ES },
	{ "you", EN }, { "your", EN }, { "zu", DE }, { "\xc3\xa0", FR }, { "\xc3\xa8", IT },
	/* clang-format on */
};

void language_words(void (*each)(void *ud, const char *word, uint8_t languages), void *ud)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		each(ud, words[i].word, words[i].languages);
}

const char *language_best(const struct language_scores *scores)
{
	const unsigned *of = scores->of;
	unsigned best = 0, second = 0;

	for (unsigned l = 1; l < LANGUAGES; l++)
		if (of[l] > of[best])
			best = l;
	for (unsigned l = 0; l < LANGUAGES; l++)
		if (l != best && of[l] > second)
			second = of[l];
	return of[best] >= 3 && of[best] >= second + 2 ? names[best] : "";
}
