/* SPDX-License-Identifier: Apache-2.0 */

/* A wish and a person near each other; a person alone in a short message; having enough of
 * machines. A word of refusal before the wish, or a question about the bot itself, takes most
 * of it away. */

#include "human.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 64, REACH = 7, SHORT = 4 };

/* What a word is; one word may be several. */
enum {
	TOUCHING = 1, /* wishes to be put in touch: these take any person */
	HAVING = 2,   /* wishes to have: these take a word that only means a person */
	PERSON = 4,
	ANYBODY = 8,
	SPOILING = 16, /* behind these the person is the topic, not the wish */
	REFUSING = 32,
	MACHINE = 64,
	ENOUGH = 128,
	REAL = 256,
	COURTESY = 512,
	LAST = 1024, /* verbs that German and Dutch put behind the person */
	TALKING = 2048,
	FAILING = 4096,
	BEING = 8192, /* "are you", "is this", "am I" */
	YOU = 16384,
	PLEASE = 32768
};
static const struct {
	unsigned is;
	const char *words;
} lists[] = {
	{ TOUCHING,
	  "talk speak chat discuss transfer transferred connect connected pass put escalate "
	  "forward redirect sprechen reden verbinden verbunden weiterleiten parler discuter "
	  "passez passer hablar comunicarme comunicame transferirme parlare passare spreken "
	  "praten doorverbinden" },
	{ HAVING,
	  "want need get give reach contact call see prefer rather require demand find bring "
	  "send brauche will moechte m\xc3\xb6"
	  "chte geben veux voudrais besoin voglio vorrei "
	  "quiero necesito wil graag nodig" },
	{ PERSON,
	  "human humans person people representative rep reps operator agent agents advisor "
	  "adviser supervisor manager employee staff colleague worker teller consultant "
	  "specialist mensch menschen mitarbeiter mitarbeiterin berater beraterin kollegen "
	  "vorgesetzten humain humaine personne conseiller conseill\xc3\xa8re conseillere "
	  "responsable persona humano humana agente representante encargado umano operatore "
	  "operatrice responsabile mens medewerker collega" },
	{ ANYBODY, "someone somebody anyone anybody team support service jemand jemanden jemandem "
		   "quelquun quelqu alguien qualcuno iemand" },
	{ SPOILING,
	  "delivery sales contact same another other each per first estate travel missing "
	  "insurance business" },
	{ REFUSING,
	  "not dont no never without kein keine nicht pas sin senza geen niet neednt doesnt" },
	{ MACHINE, "bot bots machine machines robot robots chatbot computer ai automated virtual "
		   "automat maschine roboter m\xc3\xa1quina macchina" },
	{ ENOUGH,
	  "stop tired sick wasting waste instead rather comfortable useless stupid hate enough "
	  "anymore keine statt genug marre basta" },
	{ REAL, "real actual live human echter echten echte vrai vraie reale echt" },
	{ COURTESY,
	  "please pls plz bitte svp now real live actual a an the por favor per alstublieft "
	  "agent human to" },
	{ LAST, "sprechen reden verbinden verbunden spreken praten" },
	{ TALKING, "conversation chat talking chatting gespr\xc3\xa4"
		   "ch" },
	{ FAILING, "useless nowhere leading working hopeless pointless" },
	{ BEING, "are is am" },
	{ YOU, "you this it i" },
	{ PLEASE, "please pls bitte svp" },
};
enum { LISTS = sizeof(lists) / sizeof(lists[0]), SLOTS_N = 1024 };

struct human_words {
	struct {
		uint32_t tag; /* 0: free */
		uint32_t is;
	} slots[SLOTS_N];
};

static uint32_t place_of(const struct human_words *table, uint64_t hash, uint32_t *tag)
{
	uint32_t at = (uint32_t)hash % SLOTS_N;

	*tag = (uint32_t)(hash >> 32) | 1U;
	while (table->slots[at].tag != 0 && table->slots[at].tag != *tag)
		at = (at + 1) % SLOTS_N;
	return at;
}

struct human_words *human_words_new(void)
{
	struct human_words *table = calloc(1, sizeof(*table));

	for (size_t i = 0; table && i < LISTS; i++) {
		const char *word;
		size_t at = 0, n = strlen(lists[i].words), w;

		while ((w = text_word(lists[i].words, n, &at, &word)) > 0) {
			uint32_t tag, place = place_of(table, text_hash(word, w, 1), &tag);

			table->slots[place].tag = tag;
			table->slots[place].is |= lists[i].is;
		}
	}
	return table;
}

void human_words_free(struct human_words **table)
{
	free(*table);
	*table = NULL;
}

struct words {
	uint32_t is[WORDS_MAX];
	size_t n;
};

static void look_up(const struct human_words *table, const struct text_features *text,
		    struct words *words)
{
	uint32_t n = text_n_words(text), tag;

	words->n = n < WORDS_MAX ? n : WORDS_MAX;
	for (size_t i = 0; i < words->n; i++)
		words->is[i] = table->slots[place_of(table, text->hash[i], &tag)].is;
}

static bool refused(const struct words *words, size_t at)
{
	for (size_t back = 1; back <= 4 && back <= at; back++)
		if (words->is[at - back] & REFUSING)
			return true;
	return false;
}

/* "are you a human", "is this a real person" */
static bool asks_what_it_is(const struct words *words, size_t person)
{
	for (size_t i = person > 4 ? person - 4 : 0; i + 1 < person; i++)
		if ((words->is[i] & BEING) && (words->is[i + 1] & YOU))
			return true;
	return false;
}

static float wish_of(const struct words *words, size_t wish, bool touches)
{
	for (size_t i = wish + 1; i < words->n && i <= wish + REACH; i++) {
		bool is_person = (words->is[i] & PERSON) != 0;

		if (!is_person && !(touches && (words->is[i] & ANYBODY)))
			continue;
		if ((words->is[i - 1] & SPOILING) && !(words->is[i - 1] & REAL))
			continue;
		if (asks_what_it_is(words, i))
			return 0.3F;
		if (refused(words, wish))
			return 0.35F;
		return is_person && touches ? 0.95F : is_person ? 0.85F : 0.8F;
	}
	return 0;
}

/* "mit einem Menschen sprechen": the verb comes last. */
static float wish_behind(const struct words *words, size_t person)
{
	for (size_t i = person + 1; i < words->n && i <= person + 3; i++)
		if (words->is[i] & LAST)
			return refused(words, person) ? 0.35F : 0.95F;
	return 0;
}

static float person_alone(const struct words *words, size_t person)
{
	bool is_short = words->n <= SHORT;

	for (size_t i = 0; i < words->n; i++)
		is_short &= i == person || (words->is[i] & COURTESY);
	if (is_short)
		return 0.9F;
	if (asks_what_it_is(words, person) || refused(words, person))
		return 0.2F;
	if (person > 0 && (words->is[person - 1] & REAL))
		return 0.75F;
	/* "..., a human please" */
	return person + 1 < words->n && (words->is[person + 1] & PLEASE) ? 0.85F : 0;
}

static float of_machines(const struct words *words)
{
	uint32_t any = 0;

	for (size_t i = 0; i < words->n; i++)
		any |= words->is[i];
	bool enough = (any & (ENOUGH | REFUSING)) != 0;

	if ((any & MACHINE) && enough)
		return 0.7F;
	return (any & TALKING) && (any & FAILING) && (enough || words->n < 8) ? 0.6F : 0;
}

float human_wanted(const struct human_words *table, const struct text_features *text)
{
	struct words words;

	look_up(table, text, &words);
	float most = of_machines(&words);

	for (size_t i = 0; i < words.n; i++) {
		bool touches = (words.is[i] & TOUCHING) != 0;
		float one = words.is[i] & (TOUCHING | HAVING) ? wish_of(&words, i, touches) : 0;

		most = one > most ? one : most;
		if (!(words.is[i] & PERSON))
			continue;
		one = wish_behind(&words, i);
		most = one > most ? one : most;
		one = person_alone(&words, i);
		most = one > most ? one : most;
	}
	return most;
}
