/* SPDX-License-Identifier: Apache-2.0 */

/* What the provider says around an answer, by language, and the small talk it understands. */
#pragma once

#include <stddef.h>

enum phrase {
	PHRASE_SOURCE,      /* between an answer and the article it is from */
	PHRASE_UNKNOWN,     /* nothing found */
	PHRASE_VALID_UNTIL, /* behind it: a date and a full stop */
	PHRASE_UPDATED,     /* the same */
	PHRASE_OUTDATED,
	PHRASE_NOT_FOUND, /* a look-up found that there is no such thing */
	PHRASE_NO_LOOKUP, /* a look-up failed */
	PHRASE_GREETING,
	PHRASE_THANKS,
	PHRASE_GOODBYE,
	PHRASES
};

/* Borrowed static text in the language of a BCP 47 tag ("de-AT"); English if there is none. */
const char *phrase_text(enum phrase phrase, const char *locale, size_t n);
/* The reply to a message that is nothing but small talk ("hi there!", "merci beaucoup"), in the
 * language of that message; NULL for any other. */
const char *phrase_small_talk(const char *text, size_t n);
