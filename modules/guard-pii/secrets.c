/* SPDX-License-Identifier: Apache-2.0 */

/* What opens something: keys and tokens by their own look, passwords and numbers of documents
 * by the word in front of them. */

#include "modules/guard-pii/find.h"

#include <string.h>

enum { KEY_MAX = 16384, TOKEN_MAX = 4096, VALUE_MAX = 128, NEAR = 40 };

/* --- tokens --- */

struct shape {
	const char *head;
	size_t least, most; /* characters behind the head */
	const char *other;  /* beside letters and digits */
	bool big;           /* capitals and digits only */
};
static const struct shape shapes[] = {
	{ "sk-", 20, 200, "-_", false },        { "sk_live_", 16, 200, "", false },
	{ "sk_test_", 16, 200, "", false },     { "rk_live_", 16, 200, "", false },
	{ "whsec_", 16, 200, "+/=", false },    { "AKIA", 16, 16, "", true },
	{ "ASIA", 16, 16, "", true },           { "ghp_", 36, 255, "", false },
	{ "gho_", 36, 255, "", false },         { "ghu_", 36, 255, "", false },
	{ "ghs_", 36, 255, "", false },         { "ghr_", 36, 255, "", false },
	{ "github_pat_", 22, 255, "_", false }, { "glpat-", 20, 255, "-_", false },
	{ "xoxb-", 20, 255, "-", false },       { "xoxp-", 20, 255, "-", false },
	{ "xoxa-", 20, 255, "-", false },       { "xoxs-", 20, 255, "-", false },
	{ "xapp-", 20, 255, "-", false },       { "AIza", 35, 35, "-_", false },
	{ "ya29.", 20, 1024, "-_", false },     { "hf_", 30, 64, "", false },
	{ "npm_", 36, 64, "", false },          { "pypi-", 50, 255, "-_", false },
	{ "SG.", 40, 100, "-_.", false },       { "shpat_", 32, 64, "", false },
	{ "dop_v1_", 64, 64, "", false },       { "eyJ", 20, TOKEN_MAX, "-_.", false },
};

static size_t stretch(const struct find *find, size_t at, const struct shape *shape)
{
	size_t n = 0;

	while (at + n < find->n && n <= shape->most) {
		unsigned char c = find->p[at + n];
		bool ok = shape->big ? is_digit(c) || (c >= 'A' && c <= 'Z')
				     : (is_alnum(c) && c < 0x80) || (c && strchr(shape->other, c));

		if (!ok)
			break;
		n++;
	}
	while (n > 0 && memchr(".-", find->p[at + n - 1], 2))
		n--;
	return n;
}

static size_t find_shaped(struct find *find, size_t at)
{
	if (!memchr("sArwgxyhnpSde", find->p[at], 13))
		return 0;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *shape = &shapes[i];
		size_t head, n;

		if (find->p[at] != (unsigned char)shape->head[0])
			continue;
		head = strlen(shape->head);
		if (at + head > find->n || memcmp(find->p + at, shape->head, head) != 0)
			continue;
		n = stretch(find, at + head, shape);
		if (n < shape->least || n > shape->most)
			continue;
		/* A JSON web token has two dots; "eyJ" alone is some base64. */
		if (shape->head[0] == 'e' && !memchr(find->p + at, '.', head + n))
			continue;
		find_add(find, at, at + head + n, PII_TOKEN, 990000);
		return head + n;
	}
	return 0;
}

static const unsigned char *bytes_in(const unsigned char *p, size_t n, const char *what)
{
	return n > 0 ? memmem(p, n, what, strlen(what)) : NULL;
}

/* A private key from its first line to its last, or to the end of the text. */
static size_t find_key(struct find *find, size_t at)
{
	size_t left = find->n - at, n = left < KEY_MAX ? left : KEY_MAX;
	const unsigned char *line, *end;

	if (left < 27 || memcmp(find->p + at, "-----BEGIN ", 11) != 0)
		return 0;
	line = bytes_in(find->p + at, left < 60 ? left : 60, "PRIVATE KEY-----");
	if (!line)
		return 0;
	end = bytes_in(find->p + at, n, "-----END ");
	if (end) {
		const unsigned char *close =
			bytes_in(end + 9, (size_t)(find->p + at + n - end) - 9, "-----");

		n = close ? (size_t)(close + 5 - find->p) - at : n;
	}
	while (n > 0 && at + n < find->n && (find->p[at + n] & 0xc0) == 0x80)
		n--;
	find_add(find, at, at + n, PII_TOKEN, 999000);
	return n;
}

/* --- values behind a word --- */

static bool ends_value(unsigned char c)
{
	return is_blank(c) || memchr(",;<>", c, 4);
}

/* Where the value at `at` ends; quotes around it are left outside by the caller. */
static size_t value_end(const struct find *find, size_t at)
{
	size_t i = at;

	while (i < find->n && i < at + VALUE_MAX && !ends_value(find->p[i]) && find->p[i] != '"' &&
	       find->p[i] != '\'' && find->p[i] != '`')
		i++;
	while (i > at && memchr(".!?)]}", find->p[i - 1], 6))
		i--;
	while (i > at && i < find->n && (find->p[i] & 0xc0) == 0x80)
		i--;
	return i;
}

struct look {
	bool digit, letter, mixed, odd;
	size_t digits;
};

static struct look look_at(const struct find *find, size_t from, size_t to)
{
	struct look look = { false, false, false, false, 0 };
	bool small = false, big = false;

	for (size_t i = from; i < to; i++) {
		unsigned char c = find->p[i];

		look.digit |= is_digit(c);
		look.digits += is_digit(c);
		look.letter |= is_letter(c);
		small |= c >= 'a' && c <= 'z';
		big |= i > from && c >= 'A' && c <= 'Z';
		look.odd |= !is_alnum(c) && c != '-' && c != '\'';
	}
	look.mixed = small && big;
	return look;
}

struct said {
	bool strong; /* ':', '=' or quotes: what follows is a value whatever it looks like */
	bool is;     /* "is", "lautet": what follows may be a value */
};

/* Past what stands between the word and its value. */
static size_t past_link(const struct find *find, size_t at, struct said *said)
{
	static const char links[] =
		"is\0was\0are\0lautet\0ist\0war\0est\0es\0number\0no\0nr\0to\0of\0for\0";

	*said = (struct said){ false, false };
	for (unsigned i = 0; i < 6 && at < find->n; i++) {
		size_t n = find_word(find, at, links);
		unsigned char c = find->p[at];

		if (n > 0) {
			said->is |= memchr("nf", lower(find->p[at]), 2) == NULL;
			at += n;
		} else if (c == ':' || c == '=' || c == '"' || c == '\'' || c == '`') {
			said->strong = true;
			at++;
		} else if (c == '#' || c == ' ' || c == '\t' || c == '.') {
			at++;
		} else {
			break;
		}
		while (at < find->n && (find->p[at] == ' ' || find->p[at] == '\t'))
			at++;
	}
	return at;
}

static const char password_words[] =
	"password\0passwort\0kennwort\0passphrase\0passcode\0pw\0pwd\0passwd\0mot de passe\0contraseña\0"
	"wachtwoord\0hasło\0parola\0senha\0";
static const char pin_words[] =
	"pin\0cvv\0cvc\0cvv2\0cvc2\0security code\0kartenprüfnummer\0tan\0otp\0";
static const char key_words[] =
	"api key\0api-key\0api_key\0apikey\0secret key\0secret_key\0access key\0access_key\0access token\0"
	"access_token\0auth token\0auth_token\0client secret\0client_secret\0authorization\0bearer\0token\0";
static const char document_words[] =
	"passport\0passport number\0driver's license\0drivers license\0driver license\0driver's licence\0"
	"driving licence\0driving license\0reisepass\0personalausweis\0ausweisnummer\0führerschein\0"
	"identity card\0id card\0permis de conduire\0passeport\0pasaporte\0";

static void password_at(struct find *find, size_t at)
{
	struct said said;
	size_t from = past_link(find, at, &said), to = value_end(find, from);
	struct look look = look_at(find, from, to);

	if (to - from < 4 || !(said.strong || (said.is && (look.digit || look.mixed || look.odd))))
		return;
	find_add(find, from, to, PII_PASSWORD, said.strong ? 950000 : 900000);
}

static void pin_at(struct find *find, size_t at)
{
	struct said said;
	size_t from = past_link(find, at, &said), to = value_end(find, from);
	struct look look = look_at(find, from, to);

	if (to - from >= 3 && to - from <= 8 && look.digits == to - from)
		find_add(find, from, to, PII_PASSWORD, 900000);
}

static void key_at(struct find *find, size_t at)
{
	struct said said;
	size_t from = past_link(find, at, &said), to;
	struct look look;

	/* "Authorization: Bearer abc", "Basic abc" */
	size_t scheme = find_word(find, from, "bearer\0basic\0token\0");
	if (scheme > 0)
		from = past_link(find, from + scheme, &said);
	to = value_end(find, from);
	look = look_at(find, from, to);
	if (to - from >= 16 && look.letter && look.digit)
		find_add(find, from, to, PII_TOKEN, 940000);
}

static void document_at(struct find *find, size_t at)
{
	struct said said;
	size_t from = past_link(find, at, &said), to = value_end(find, from);
	struct look look = look_at(find, from, to);

	if (to - from >= 6 && to - from <= 20 && look.digits >= 4)
		find_add(find, from, to, PII_DOCUMENT, 930000);
}

static void find_said(struct find *find, size_t at)
{
	size_t n;

	if (pii_wants(find, PII_PASSWORD)) {
		n = find_word(find, at, password_words);
		if (n > 0)
			password_at(find, at + n);
		n = find_word(find, at, pin_words);
		if (n > 0)
			pin_at(find, at + n);
	}
	if (pii_wants(find, PII_TOKEN)) {
		n = find_word(find, at, key_words);
		if (n > 0)
			key_at(find, at + n);
	}
	if (pii_wants(find, PII_DOCUMENT)) {
		n = find_word(find, at, document_words);
		if (n > 0)
			document_at(find, at + n);
	}
}

/* The first three letters of the words above, those behind the first in pairs: hardly any other
 * word is compared with them. */
static bool may_say(const struct find *find, size_t at)
{
	static const char *const behind[26] = {
		['a' - 'a'] = "piccutus", ['b' - 'a'] = "ea",           ['c' - 'a'] = "livvvcon",
		['d' - 'a'] = "ri",       ['f' - 'a'] = "\xc3\xbc",     ['h' - 'a'] = "as",
		['i' - 'a'] = "ded ",     ['k' - 'a'] = "enar",         ['m' - 'a'] = "ot",
		['o' - 'a'] = "tp",       ['p' - 'a'] = "asawwdinerar", ['r' - 'a'] = "ei",
		['s' - 'a'] = "ecen",     ['t' - 'a'] = "okan",         ['w' - 'a'] = "ac",
	};
	unsigned char first = lower(find->p[at]);
	const char *pair;

	if (first < 'a' || first > 'z' || at + 2 >= find->n)
		return false;
	unsigned char second = lower(find->p[at + 1]), third = lower(find->p[at + 2]);
	if (first == 'p' && second == 'w')
		return true;
	for (pair = behind[first - 'a']; pair && *pair; pair += 2)
		if ((unsigned char)pair[0] == second && (unsigned char)pair[1] == third)
			return true;
	return false;
}

void find_secrets(struct find *find)
{
	for (size_t at = 0; at < find->n; at++) {
		unsigned char c = find->p[at];
		size_t taken = 0;

		if (at > 0 && is_alnum(find->p[at - 1]))
			continue;
		if (pii_wants(find, PII_TOKEN)) {
			if (c == '-')
				taken = find_key(find, at);
			else if (is_letter(c))
				taken = find_shaped(find, at);
		}
		if (taken > 0)
			at += taken - 1;
		else if (may_say(find, at))
			find_said(find, at);
	}
}
