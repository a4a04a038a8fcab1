/* SPDX-License-Identifier: Apache-2.0 */

/* Numbers that have letters: IBANs, and national numbers that mix both. A token is letters and
 * digits in one piece; an IBAN may be written in groups. */

#include "modules/guard-pii/find.h"

#include <string.h>

enum { IBAN_MAX = 34, NEAR = 48 };

static const char iban_words[] =
	"iban\0account\0konto\0kontonummer\0bank\0compte\0cuenta\0conto\0rekening\0";
static const char nino_words[] = "national insurance\0nino\0ni number\0ni no\0insurance number\0";
static const char tax_words[] =
	"dni\0nie\0nif\0codice fiscale\0fiscal code\0tax\0tax id\0national id\0";

/* Country and how long its IBANs are (the registry of SWIFT). */
static const char ibans[][5] = {
	"AD24", "AE23", "AL28", "AT20", "AZ28", "BA20", "BE16", "BG22", "BH22", "BI27",
	"BR29", "BY28", "CH21", "CR22", "CY28", "CZ24", "DE22", "DJ27", "DK18", "DO28",
	"EE20", "EG29", "ES24", "FI18", "FK18", "FO18", "FR27", "GB22", "GE22", "GI23",
	"GL18", "GR27", "GT28", "HN28", "HR21", "HU28", "IE22", "IL23", "IQ23", "IS26",
	"IT27", "JO30", "KW30", "KZ20", "LB28", "LC32", "LI21", "LT20", "LU20", "LV21",
	"LY25", "MC27", "MD24", "ME22", "MK19", "MN20", "MR27", "MT31", "MU30", "NI28",
	"NL18", "NO15", "OM23", "PK24", "PL28", "PS29", "PT25", "QA29", "RO24", "RS22",
	"RU33", "SA24", "SC31", "SD18", "SE24", "SI19", "SK24", "SM27", "SO23", "ST25",
	"SV28", "TL23", "TN24", "TR26", "UA29", "VA22", "VG24", "XK20", "YE30",
};

static unsigned char upper(unsigned char c)
{
	return c >= 'a' && c <= 'z' ? (unsigned char)(c - 32) : c;
}

static bool is_ascii_alnum(unsigned char c)
{
	return is_digit(c) || (upper(c) >= 'A' && upper(c) <= 'Z');
}

static size_t iban_length(unsigned char a, unsigned char b)
{
	for (size_t i = 0; i < sizeof(ibans) / sizeof(ibans[0]); i++)
		if ((unsigned char)ibans[i][0] == a && (unsigned char)ibans[i][1] == b)
			return (size_t)(ibans[i][2] - '0') * 10 + (size_t)(ibans[i][3] - '0');
	return 0;
}

static bool mod97(const unsigned char *c, size_t n)
{
	unsigned rest = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char at = c[(i + 4) % n];
		unsigned value = is_digit(at) ? (unsigned)(at - '0') : (unsigned)(at - 'A') + 10;

		rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
	}
	return rest == 1;
}

/* Up to `want` letters and digits from `at`, single blanks or dashes between groups left out. */
static size_t gather(const struct find *find, size_t at, size_t want, unsigned char *c,
		     size_t *ret_end)
{
	size_t n = 0;

	while (at < find->n && n < want) {
		unsigned char here = find->p[at];

		if (is_ascii_alnum(here))
			c[n++] = upper(here);
		else if (!(here == ' ' || here == '-') || n < (want > 9 ? 4 : 2) ||
			 at + 1 == find->n || !is_ascii_alnum(find->p[at + 1]))
			break;
		at++;
	}
	*ret_end = at;
	return n;
}

static size_t find_iban(struct find *find, size_t at)
{
	unsigned char c[IBAN_MAX];
	size_t want, end;

	if (!is_digit(find->p[at + 2]) || !is_digit(find->p[at + 3]))
		return 0;
	want = iban_length(upper(find->p[at]), upper(find->p[at + 1]));
	if (want == 0 || gather(find, at, want, c, &end) < want)
		return 0;
	if (end < find->n && is_alnum(find->p[end]))
		return 0;
	bool sum = mod97(c, want);
	/* Mistyped is personal, too, where the word beside it says what it is. */
	if (!sum && !find_near(find, at, NEAR, iban_words))
		return 0;
	find_add(find, at, end, PII_IBAN, sum ? 995000 : 850000);
	return end - at;
}

/* --- national numbers with letters; the token has no blanks in `c` --- */

static bool british(const unsigned char *c, size_t n)
{
	static const char never[] = "BG\0GB\0NK\0KN\0TN\0NT\0ZZ\0";
	char two[3] = { (char)c[0], (char)c[1], '\0' };

	if (n != 9 || strchr("DFIQUV", c[0]) || strchr("DFIOQUV", c[1]) || !strchr("ABCD", c[8]))
		return false;
	for (const char *word = never; *word; word += 3)
		if (strcmp(word, two) == 0)
			return false;
	for (size_t i = 2; i < 8; i++)
		if (!is_digit(c[i]))
			return false;
	return !is_digit(c[0]) && !is_digit(c[1]);
}

static bool spanish(const unsigned char *c, size_t n)
{
	unsigned value = 0;

	if (n != 9 || is_digit(c[8]) || !(is_digit(c[0]) || strchr("XYZ", c[0])))
		return false;
	for (size_t i = 0; i < 8; i++) {
		unsigned char at =
			i == 0 && !is_digit(c[0]) ? (unsigned char)(c[0] - 'X' + '0') : c[i];

		if (!is_digit(at))
			return false;
		value = value * 10 + (unsigned)(at - '0');
	}
	return "TRWAGMYFPDXBNJZSQVHLCKE"[value % 23] == c[8];
}

static bool italian(const unsigned char *c, size_t n)
{
	static const unsigned char odd[] = { 1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
					     20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23 };
	unsigned sum = 0;

	if (n != 16)
		return false;
	for (size_t i = 0; i < 16; i++) {
		bool letter = !is_digit(c[i]),
		     wanted = memchr("\0\1\2\3\4\5\10\13\17", (int)i, 9) != NULL;
		unsigned value = letter ? (unsigned)(c[i] - 'A') : (unsigned)(c[i] - '0');

		if (wanted && !letter)
			return false;
		if (i < 15)
			sum += i % 2 == 0 ? odd[value] : value;
	}
	return (unsigned char)('A' + sum % 26) == c[15];
}

static size_t find_national(struct find *find, size_t at)
{
	unsigned char c[16];
	size_t end, n = gather(find, at, 16, c, &end), nine;

	if (n == 16 && italian(c, n) && (end == find->n || !is_alnum(find->p[end]))) {
		find_add(find, at, end, PII_NATIONAL_ID, 980000);
		return end - at;
	}
	n = gather(find, at, 9, c, &nine);
	if (n < 9 || (nine < find->n && is_alnum(find->p[nine])))
		return 0;
	/* Nine characters without blanks may be an order number: then a checksum or a word is
	 * needed. */
	bool said = find_near(find, at, NEAR, nino_words);
	bool groups = nine - at > 9;
	if (british(c, n) &&
	    (said || groups || !find_near(find, at, 20, "order\0reference\0ref\0code\0")))
		find_add(find, at, nine, PII_NATIONAL_ID, said ? 980000 : 900000);
	else if (spanish(c, n) && (!groups || find_near(find, at, NEAR, tax_words)))
		find_add(find, at, nine, PII_NATIONAL_ID, 900000);
	else
		return 0;
	return nine - at;
}

/* Words have no digits: most places are passed over here. */
static bool has_digit(const struct find *find, size_t at)
{
	size_t end = at + 12 < find->n ? at + 12 : find->n;

	for (; at < end; at++)
		if (is_digit(find->p[at]))
			return true;
	return false;
}

void find_codes(struct find *find)
{
	for (size_t at = 0; at + 9 <= find->n; at++) {
		size_t taken = 0;

		if (!is_ascii_alnum(find->p[at]) || (at > 0 && is_alnum(find->p[at - 1])) ||
		    !has_digit(find, at))
			continue;
		if (pii_wants(find, PII_IBAN) && at + 15 <= find->n && is_letter(find->p[at]))
			taken = find_iban(find, at);
		if (taken == 0 && pii_wants(find, PII_NATIONAL_ID))
			taken = find_national(find, at);
		if (taken > 0)
			at += taken - 1;
	}
}
