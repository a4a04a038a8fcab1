/* SPDX-License-Identifier: Apache-2.0 */

/* "Let me talk to a human": recognised here, in the core, so that it works when everything else has
 * failed. A word of wanting followed within a few words by a word for a person, or the bare word
 * alone ("agent!"). Deliberately simple: a missed phrase is one click on the button away, and a
 * false alarm costs a colleague one look.
 */

#include "core/session/session.h"

enum { WORDS_MAX = 48, WORD_BYTES_MAX = 24, REACH = 6, BARE_WORDS_MAX = 4 };

/* Lower case, without accents marks beyond what people type in a hurry. Spaces around each word. */
static const char wanting[] =
	" talk speak chat connect transfer escalate get give want need reach contact call "
	"sprechen reden verbinden brauche moechte möchte "
	"parler discuter veux voudrais passez besoin "
	"hablar quiero necesito pasame pásame comunicame "
	"parlare voglio vorrei "
	"spreken praten wil graag ";
static const char persons[] =
	" human humans person someone representative rep operator agent advisor adviser supervisor "
	"manager employee staff colleague "
	"mensch menschen mitarbeiter mitarbeiterin berater beraterin person "
	"humain humaine personne conseiller conseillère conseillere "
	"persona humano humana agente representante "
	"umano operatore operatrice "
	"mens medewerker collega ";
/* These alone are a request too. */
static const char bare[] =
	" human agent representative operator person mensch mitarbeiter humain conseiller "
	"humano agente operatore medewerker ";
/* After these the person is the topic, not the wish: "my delivery person", "the person who
 * called". */
static const char spoiled_by[] = " delivery sales contact same another other each per first ";
/* German and Dutch put the verb last: "mit einem Menschen sprechen". */
static const char speaking_last[] = " sprechen reden verbinden spreken praten ";
static const char refusing[] =
	" not dont don't no never without kein keine nicht pas sin senza geen niet ";

struct words {
	char word[WORDS_MAX][WORD_BYTES_MAX + 1];
	bool ends
		[WORDS_MAX]; /* a comma or a full stop follows: "no, talk to a human" refuses nothing */
	size_t n;
};

static bool is_word_byte(unsigned char c)
{
	return c >= 0x80 || c == '\'' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static void split(baton_str text, struct words *words)
{
	size_t i = 0;

	words->n = 0;
	while (i < text.n && words->n < WORDS_MAX) {
		size_t len = 0;
		char *to = words->word[words->n];

		for (; i < text.n && is_word_byte((unsigned char)text.p[i]); i++) {
			char c = text.p[i];

			if (len < WORD_BYTES_MAX)
				to[len++] = c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
		}
		to[len] = '\0';
		if (len > 0) {
			words->ends[words->n++] = false;
			continue;
		}
		if (words->n > 0 && strchr(",.;:!?\n", text.p[i]) && text.p[i])
			words->ends[words->n - 1] = true;
		i++;
	}
}

static bool is_in(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
		if (at[-1] == ' ' && at[n] == ' ')
			return true;
	return false;
}

static bool refused(const struct words *words, size_t wish)
{
	for (size_t back = 1; back <= 3 && back <= wish && !words->ends[wish - back]; back++)
		if (is_in(refusing, words->word[wish - back]))
			return true;
	return false;
}

static bool wishes_for_person(const struct words *words, size_t wish)
{
	for (size_t i = wish + 1; i < words->n && i <= wish + REACH; i++) {
		if (is_in(refusing, words->word[i]))
			return false;
		if (!is_in(persons, words->word[i]))
			continue;
		return !is_in(spoiled_by, words->word[i - 1]) && !refused(words, wish);
	}
	return false;
}

static bool person_then_speaking(const struct words *words, size_t person)
{
	for (size_t i = person + 1; i < words->n && i <= person + 2; i++)
		if (is_in(speaking_last, words->word[i]))
			return !refused(words, person);
	return false;
}

static bool is_courtesy(const char *word)
{
	return is_in(" please pls bitte svp stp por favor per alstublieft ", word);
}

/* "... my parcel is lost, a human please" */
static bool person_please(const struct words *words, size_t person)
{
	return person + 1 < words->n && is_courtesy(words->word[person + 1]) &&
	       !refused(words, person);
}

static bool bare_request(const struct words *words)
{
	if (words->n == 0 || words->n > BARE_WORDS_MAX)
		return false;
	/* "agent", "human please", "real person!", "live agent please" */
	for (size_t i = 0; i < words->n; i++)
		if (!is_in(bare, words->word[i]) &&
		    !is_in(" please pls bitte real live actual a an now stp por favor per alstublieft ",
			   words->word[i]))
			return false;
	for (size_t i = 0; i < words->n; i++)
		if (is_in(bare, words->word[i]))
			return true;
	return false;
}

bool baton_asks_for_person(baton_str text)
{
	struct words words;

	split(text, &words);
	if (bare_request(&words))
		return true;
	for (size_t i = 0; i < words.n; i++) {
		if (is_in(wanting, words.word[i]) && wishes_for_person(&words, i))
			return true;
		if (is_in(persons, words.word[i]) && person_then_speaking(&words, i))
			return true;
		if (is_in(bare, words.word[i]) && person_please(&words, i))
			return true;
	}
	return false;
}
