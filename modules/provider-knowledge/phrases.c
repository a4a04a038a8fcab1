/* SPDX-License-Identifier: Apache-2.0 */

/* The words are few and plain on purpose: this provider answers when nothing cleverer can, and must
 * not sound as if it were a person or knew more than the help pages say. */

#include "phrases.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum language { EN, DE, FR, ES, IT, NL, LANGUAGES };
static const char *const tags[LANGUAGES] = { "en", "de", "fr", "es", "it", "nl" };

static const char *const phrases[LANGUAGES][PHRASES] = {
	[EN] = {
		[PHRASE_VALID_UNTIL] = "Please note: that page was valid until ",
		[PHRASE_UPDATED] = "Please note: that page may be out of date; it was checked last " "on ",
		[PHRASE_OUTDATED] = "Please note: that page may be out of date.",
		[PHRASE_NOT_FOUND] = "I have looked, but could not find anything under that. Please " "check what you have entered. I can also bring in a colleague.",
		[PHRASE_NO_LOOKUP] = "I could not look that up just now. I can bring in a colleague " "who can: just say that you would like to talk to a person.",
		[PHRASE_SOURCE] = "From our help pages:",
		[PHRASE_UNKNOWN] = "I could not find that in our help pages. I can bring in a colleague: "
				   "just say that you would like to talk to a person.",
		[PHRASE_GREETING] = "Hello! What can I help you with?",
		[PHRASE_THANKS] = "You are welcome. Is there anything else I can help you with?",
		[PHRASE_GOODBYE] = "Goodbye, and take care!",
	},
	[DE] = {
		[PHRASE_VALID_UNTIL] = "Bitte beachten Sie: Diese Seite galt bis ",
		[PHRASE_UPDATED] = "Bitte beachten Sie: Diese Seite ist vielleicht veraltet, " "zuletzt gepr\xc3\xbc" "ft am ",
		[PHRASE_OUTDATED] = "Bitte beachten Sie: Diese Seite ist vielleicht veraltet.",
		[PHRASE_NOT_FOUND] = "Ich habe nachgesehen, aber dazu nichts gefunden. Bitte pr\xc3\xbc" "fen " "Sie Ihre Angaben. Ich kann auch jemanden aus dem Team " "dazuholen.",
		[PHRASE_NO_LOOKUP] = "Das konnte ich gerade nicht nachsehen. Ich kann jemanden aus " "dem Team dazuholen: Schreiben Sie einfach, dass Sie mit einem " "Menschen sprechen m\xc3\xb6" "chten.",
		[PHRASE_SOURCE] = "Aus unseren Hilfeseiten:",
		[PHRASE_UNKNOWN] = "Dazu habe ich auf unseren Hilfeseiten nichts gefunden. Ich kann jemanden "
				   "aus dem Team dazuholen: Schreiben Sie einfach, dass Sie mit einem "
				   "Menschen sprechen m\xc3\xb6" "chten.",
		[PHRASE_GREETING] = "Hallo! Womit kann ich Ihnen helfen?",
		[PHRASE_THANKS] = "Gern geschehen. Kann ich sonst noch etwas f\xc3\xbcr Sie tun?",
		[PHRASE_GOODBYE] = "Auf Wiedersehen und alles Gute!",
	},
	[FR] = {
		[PHRASE_VALID_UNTIL] = "\xc3\x80 noter : cette page \xc3\xa9tait valable jusqu'au ",
		[PHRASE_UPDATED] = "\xc3\x80 noter : cette page n'est peut-\xc3\xaatre plus \xc3\xa0 jour ; derni\xc3\xa8re " "v\xc3\xa9rification le ",
		[PHRASE_OUTDATED] = "\xc3\x80 noter : cette page n'est peut-\xc3\xaatre plus \xc3\xa0 jour.",
		[PHRASE_NOT_FOUND] = "Je n'ai rien trouv\xc3\xa9. Veuillez v\xc3\xa9rifier " "votre saisie. Je peux aussi faire venir un coll\xc3\xa8gue.",
		[PHRASE_NO_LOOKUP] = "Je n'ai pas pu v\xc3\xa9rifier cela pour le moment. Je peux faire " "venir un coll\xc3\xa8gue : dites simplement que vous souhaitez parler " "\xc3\xa0 une personne.",
		[PHRASE_SOURCE] = "Source, dans nos pages d'aide :",
		[PHRASE_UNKNOWN] = "Je n'ai pas trouv\xc3\xa9 cela dans nos pages d'aide. Je peux faire venir "
				   "un coll\xc3\xa8gue : dites simplement que vous souhaitez parler \xc3\xa0 "
				   "une personne.",
		[PHRASE_GREETING] = "Bonjour ! En quoi puis-je vous aider ?",
		[PHRASE_THANKS] = "Avec plaisir. Puis-je faire autre chose pour vous ?",
		[PHRASE_GOODBYE] = "Au revoir et bonne continuation !",
	},
	[ES] = {
		[PHRASE_VALID_UNTIL] = "Tenga en cuenta: esta p\xc3\xa1gina era v\xc3\xa1lida hasta el ",
		[PHRASE_UPDATED] = "Tenga en cuenta: esta p\xc3\xa1gina puede estar desactualizada; se " "revis\xc3\xb3 por \xc3\xbaltima vez el ",
		[PHRASE_OUTDATED] = "Tenga en cuenta: esta p\xc3\xa1gina puede estar desactualizada.",
		[PHRASE_NOT_FOUND] = "Lo he buscado, pero no he encontrado nada. Compruebe los " "datos, por favor. Tambi\xc3\xa9n puedo llamar a un compa\xc3\xb1" "ero.",
		[PHRASE_NO_LOOKUP] = "Ahora mismo no he podido consultarlo. Puedo llamar a un " "compa\xc3\xb1" "ero: diga simplemente que quiere hablar con una persona.",
		[PHRASE_SOURCE] = "De nuestras p\xc3\xa1ginas de ayuda:",
		[PHRASE_UNKNOWN] = "No lo he encontrado en nuestras p\xc3\xa1ginas de ayuda. Puedo llamar a "
				   "un compa\xc3\xb1" "ero: diga simplemente que quiere hablar con una persona.",
		[PHRASE_GREETING] = "\xc2\xa1Hola! \xc2\xbf" "En qu\xc3\xa9 puedo ayudarle?",
		[PHRASE_THANKS] = "De nada. \xc2\xbfPuedo ayudarle en algo m\xc3\xa1s?",
		[PHRASE_GOODBYE] = "\xc2\xa1Hasta luego!",
	},
	[IT] = {
		[PHRASE_VALID_UNTIL] = "Attenzione: questa pagina era valida fino al ",
		[PHRASE_UPDATED] = "Attenzione: questa pagina potrebbe non essere aggiornata; " "ultimo controllo il ",
		[PHRASE_OUTDATED] = "Attenzione: questa pagina potrebbe non essere aggiornata.",
		[PHRASE_NOT_FOUND] = "Ho cercato, ma non ho trovato nulla. La prego di controllare i " "dati. Posso anche chiamare un collega.",
		[PHRASE_NO_LOOKUP] = "Adesso non ho potuto verificarlo. Posso chiamare un " "collega: basta dire che desidera parlare con una persona.",
		[PHRASE_SOURCE] = "Dalle nostre pagine di aiuto:",
		[PHRASE_UNKNOWN] = "Non l'ho trovato nelle nostre pagine di aiuto. Posso chiamare un collega: "
				   "basta dire che desidera parlare con una persona.",
		[PHRASE_GREETING] = "Buongiorno! Come posso aiutarla?",
		[PHRASE_THANKS] = "Prego. Posso fare altro per lei?",
		[PHRASE_GOODBYE] = "Arrivederci!",
	},
	[NL] = {
		[PHRASE_VALID_UNTIL] = "Let op: deze pagina was geldig tot en met ",
		[PHRASE_UPDATED] = "Let op: deze pagina is misschien verouderd; voor het laatst " "gecontroleerd op ",
		[PHRASE_OUTDATED] = "Let op: deze pagina is misschien verouderd.",
		[PHRASE_NOT_FOUND] = "Ik heb gezocht, maar niets gevonden. Controleer uw gegevens. " "Ik kan er ook een collega bij halen.",
		[PHRASE_NO_LOOKUP] = "Dat kon ik nu niet opzoeken. Ik kan een collega erbij halen: " "zeg gewoon dat u met een mens wilt praten.",
		[PHRASE_SOURCE] = "Van onze hulppagina's:",
		[PHRASE_UNKNOWN] = "Dat heb ik niet op onze hulppagina's gevonden. Ik kan een collega erbij "
				   "halen: zeg gewoon dat u met een mens wilt praten.",
		[PHRASE_GREETING] = "Hallo! Waarmee kan ik u helpen?",
		[PHRASE_THANKS] = "Graag gedaan. Kan ik nog iets voor u doen?",
		[PHRASE_GOODBYE] = "Tot ziens!",
	},
};

/* A word of small talk: what it is, in which language (LANGUAGES: it fits all of them). A message
 * of nothing but these is small talk if one of them is more than a filler. */
enum talk { TALK_FILLER, TALK_GREETING, TALK_THANKS, TALK_GOODBYE };
static const struct small_word {
	const char *word;
	uint8_t talk, language;
} small_words[] = {
	{ "hi", TALK_GREETING, EN },
	{ "hello", TALK_GREETING, EN },
	{ "hey", TALK_GREETING, EN },
	{ "morning", TALK_GREETING, EN },
	{ "afternoon", TALK_GREETING, EN },
	{ "evening", TALK_GREETING, EN },
	{ "greetings", TALK_GREETING, EN },
	{ "thanks", TALK_THANKS, EN },
	{ "thank", TALK_THANKS, EN },
	{ "thx", TALK_THANKS, EN },
	{ "ty", TALK_THANKS, EN },
	{ "cheers", TALK_THANKS, EN },
	{ "bye", TALK_GOODBYE, EN },
	{ "goodbye", TALK_GOODBYE, EN },
	{ "good", TALK_FILLER, EN },
	{ "there", TALK_FILLER, EN },
	{ "you", TALK_FILLER, EN },
	{ "very", TALK_FILLER, EN },
	{ "much", TALK_FILLER, EN },
	{ "so", TALK_FILLER, LANGUAGES },
	{ "a", TALK_FILLER, EN },
	{ "lot", TALK_FILLER, EN },
	{ "ok", TALK_FILLER, LANGUAGES },
	{ "okay", TALK_FILLER, LANGUAGES },
	{ "great", TALK_FILLER, EN },
	{ "perfect", TALK_FILLER, LANGUAGES },
	{ "for", TALK_FILLER, EN },
	{ "your", TALK_FILLER, EN },
	{ "the", TALK_FILLER, EN },
	{ "help", TALK_FILLER, EN },
	{ "everyone", TALK_FILLER, EN },
	{ "all", TALK_FILLER, EN },
	{ "hallo", TALK_GREETING, DE },
	{ "moin", TALK_GREETING, DE },
	{ "servus", TALK_GREETING, DE },
	{ "guten", TALK_FILLER, DE },
	{ "tag", TALK_GREETING, DE },
	{ "morgen", TALK_GREETING, DE },
	{ "abend", TALK_GREETING, DE },
	{ "danke", TALK_THANKS, DE },
	{ "vielen", TALK_FILLER, DE },
	{ "dank", TALK_THANKS, DE },
	{ "sehr", TALK_FILLER, DE },
	{ "sch\xc3\xb6n", TALK_FILLER, DE },
	{ "tsch\xc3\xbcss", TALK_GOODBYE, DE },
	{ "tsch\xc3\xbc\xc3\x9f", TALK_GOODBYE, DE },
	{ "bonjour", TALK_GREETING, FR },
	{ "salut", TALK_GREETING, FR },
	{ "bonsoir", TALK_GREETING, FR },
	{ "merci", TALK_THANKS, FR },
	{ "beaucoup", TALK_FILLER, FR },
	{ "bien", TALK_FILLER, FR },
	{ "revoir", TALK_GOODBYE, FR },
	{ "au", TALK_FILLER, FR },
	{ "hola", TALK_GREETING, ES },
	{ "buenos", TALK_GREETING, ES },
	{ "d\xc3\xad"
	  "as",
	  TALK_FILLER, ES },
	{ "dias", TALK_FILLER, ES },
	{ "buenas", TALK_GREETING, ES },
	{ "tardes", TALK_FILLER, ES },
	{ "gracias", TALK_THANKS, ES },
	{ "muchas", TALK_FILLER, ES },
	{ "adi\xc3\xb3s", TALK_GOODBYE, ES },
	{ "adios", TALK_GOODBYE, ES },
	{ "ciao", TALK_GREETING, IT },
	{ "buongiorno", TALK_GREETING, IT },
	{ "buonasera", TALK_GREETING, IT },
	{ "salve", TALK_GREETING, IT },
	{ "grazie", TALK_THANKS, IT },
	{ "mille", TALK_FILLER, IT },
	{ "tante", TALK_FILLER, IT },
	{ "arrivederci", TALK_GOODBYE, IT },
	{ "goedemorgen", TALK_GREETING, NL },
	{ "goedemiddag", TALK_GREETING, NL },
	{ "hoi", TALK_GREETING, NL },
	{ "bedankt", TALK_THANKS, NL },
	{ "wel", TALK_FILLER, NL },
	{ "doei", TALK_GOODBYE, NL },
};

const char *phrase_text(enum phrase phrase, const char *locale, size_t n)
{
	for (unsigned l = 0; l < LANGUAGES && n >= 2; l++)
		if ((locale[0] | 32) == tags[l][0] && (locale[1] | 32) == tags[l][1] &&
		    (n == 2 || locale[2] == '-' || locale[2] == '_'))
			return phrases[l][phrase];
	return phrases[EN][phrase];
}

static const struct small_word *small_word_of(const char *word, size_t n)
{
	for (size_t i = 0; i < sizeof(small_words) / sizeof(small_words[0]); i++)
		if (strlen(small_words[i].word) == n && memcmp(small_words[i].word, word, n) == 0)
			return &small_words[i];
	return NULL;
}

/* Bytes of a character beyond ASCII that is no letter: inverted marks, dashes, quotes, emoji. 0: it
 * is a letter or ASCII. */
static size_t mark_bytes(unsigned char lead)
{
	return lead == 0xc2 ? 2 : lead == 0xe2 || lead == 0xef ? 3 : lead == 0xf0 ? 4 : 0;
}

/* The next word in ASCII lower case into `out`; 0 at the end, > cap if it is too long to matter. */
static size_t next_word(const char *text, size_t n, size_t *at, char *out, size_t cap)
{
	size_t len = 0, mark;

	for (; *at < n; *at += mark ? mark : 1) {
		unsigned char c = (unsigned char)text[*at];

		mark = mark_bytes(c);
		bool is_letter = (c >= 0x80 && mark == 0) || (c >= '0' && c <= '9') ||
				 ((c | 32) >= 'a' && (c | 32) <= 'z');

		if (!is_letter && len > 0)
			break;
		if (is_letter && len < cap)
			out[len] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		len += is_letter;
	}
	return len;
}

const char *phrase_small_talk(const char *text, size_t n)
{
	enum { WORDS_MAX = 7, WORD_BYTES_MAX = 16 };
	static const enum phrase replies[] = {
		[TALK_GREETING] = PHRASE_GREETING,
		[TALK_THANKS] = PHRASE_THANKS,
		[TALK_GOODBYE] = PHRASE_GOODBYE,
	};
	const struct small_word *said = NULL;
	char word[WORD_BYTES_MAX];
	size_t at = 0, len;

	/* "Does it fit?" has none of these words; "hi, where is my order" has too many others. */
	for (unsigned words = 0; (len = next_word(text, n, &at, word, sizeof(word))) > 0; words++) {
		const struct small_word *small =
			len <= sizeof(word) ? small_word_of(word, len) : NULL;

		if (!small || words == WORDS_MAX)
			return NULL;
		/* Thanks and goodbyes say more than the greeting before them. */
		if (small->talk != TALK_FILLER && (!said || small->talk > said->talk))
			said = small;
	}
	return said ? phrases[said->language][replies[said->talk]] : NULL;
}
