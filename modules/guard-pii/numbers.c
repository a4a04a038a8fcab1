/* SPDX-License-Identifier: Apache-2.0 */

/* Numbers: cards, phones, national numbers made of digits. A run is digits in groups with single
 * separators; everything is asked of windows of whole groups.
 *
 * What has a checksum needs no words around it. What has none (a phone, nine digits of a social
 * security number) needs a form that nothing else has, or a word in front that says what it is:
 * order numbers are digits too, and a tool cannot look up what has been masked.
 */

#include "modules/guard-pii/find.h"

#include <string.h>

enum { DIGITS_MAX = 40, GROUPS_MAX = 16, NEAR = 48 };

struct group {
	size_t begin, end; /* bytes */
	unsigned first, n; /* digits */
	char separator;    /* in front: one of " -./", "(" for anything with brackets; 0: none */
};
struct run {
	unsigned char d[DIGITS_MAX];
	struct group g[GROUPS_MAX];
	unsigned n, n_groups;
	/* Words in front of each group, looked for once: 0 not yet, 1 none, 2 some. */
	unsigned char thing[GROUPS_MAX], phone[GROUPS_MAX], card[GROUPS_MAX];
	bool plus, bracket; /* stands in front */
	size_t begin, end;  /* bytes, with the plus and the bracket */
};

/* --- words --- */

static const char card_words[] =
	"card\0card number\0visa\0mastercard\0amex\0maestro\0credit\0debit\0cc\0kreditkarte\0"
	"karte\0kartennummer\0carte\0tarjeta\0carta\0";
static const char phone_words[] =
	"phone\0telephone\0tel\0mobile\0cell\0cellphone\0call\0calling\0fax\0desk\0whatsapp\0sms\0text\0"
	"texts\0ring\0dial\0reach\0answering\0messages\0contact number\0registered\0hotline\0callback\0"
	"telefon\0telefonnummer\0handy\0handynummer\0mobil\0rufnummer\0anrufen\0nummer\0téléphone\0"
	"telephone\0portable\0appeler\0teléfono\0telefono\0móvil\0movil\0llamar\0cellulare\0celular\0my number\0";
static const char thing_words[] =
	"order\0invoice\0ticket\0tracking\0reference\0ref\0article\0item\0case\0parcel\0customer number\0sku\0"
	"serial\0model\0bestellung\0bestellnummer\0rechnung\0sendung\0artikel\0kundennummer\0commande\0"
	"pedido\0order number\0price\0amount\0total\0isbn\0barcode\0ean\0version\0";
static const char other_words[] = "order\0invoice\0ticket\0tracking\0reference\0ref\0parcel\0"
				  "bestellung\0rechnung\0sendung\0commande\0pedido\0";
static const char ssn_words[] = "ssn\0social security\0social\0itin\0tin\0tax\0";
static const char tax_words[] = "steuer\0steuer-id\0steuerid\0steueridentifikationsnummer\0idnr\0"
				"steuernummer\0tax\0tin\0identifikationsnummer\0";
static const char national_words[] =
	"bsn\0burgerservicenummer\0sofinummer\0pesel\0sin\0social insurance\0cpf\0ahv\0avs\0oasi\0insee\0nir\0"
	"sécurité sociale\0securite sociale\0personnummer\0aadhaar\0national id\0national insurance\0"
	"tax\0tax id\0id number\0identity number\0tfn\0";

/* --- sums --- */

static bool luhn(const unsigned char *d, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned v = d[n - 1 - i];

		if (i & 1)
			v = v * 2 > 9 ? v * 2 - 9 : v * 2;
		sum += v;
	}
	return sum % 10 == 0;
}

static unsigned head(const unsigned char *d, unsigned n)
{
	unsigned value = 0;

	for (unsigned i = 0; i < n; i++)
		value = value * 10 + d[i];
	return value;
}

static bool same_digits(const unsigned char *d, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		if (d[i] != d[0])
			return false;
	return true;
}

/* Issuers: the first digits from..to, of `digits` digits, and the lengths that are issued. */
struct issuer {
	unsigned from, to, digits, least, most;
	bool weak; /* wide enough that a short number needs a word beside it */
};
static const struct issuer issuers[] = {
	{ 4, 4, 1, 13, 13, false },       { 4, 4, 1, 16, 16, false },
	{ 4, 4, 1, 19, 19, false },       { 51, 55, 2, 16, 16, false },
	{ 2221, 2720, 4, 16, 16, false }, { 34, 34, 2, 15, 15, false },
	{ 37, 37, 2, 15, 15, false },     { 6011, 6011, 4, 16, 19, false },
	{ 644, 649, 3, 16, 19, false },   { 65, 65, 2, 16, 19, false },
	{ 300, 305, 3, 14, 19, false },   { 3095, 3095, 4, 14, 19, false },
	{ 36, 36, 2, 14, 19, false },     { 38, 39, 2, 14, 19, false },
	{ 3528, 3589, 4, 16, 19, false }, { 1800, 1800, 4, 15, 15, false },
	{ 2131, 2131, 4, 15, 15, false }, { 62, 62, 2, 16, 19, false },
	{ 2200, 2204, 4, 16, 19, false }, { 508, 508, 3, 16, 16, false },
	{ 81, 82, 2, 16, 16, false },     { 50, 50, 2, 12, 19, true },
	{ 56, 58, 2, 12, 19, true },      { 60, 69, 2, 12, 19, true },
};

static const struct issuer *issuer_of(const unsigned char *d, unsigned n)
{
	for (size_t i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++) {
		unsigned first = head(d, issuers[i].digits);

		if (first >= issuers[i].from && first <= issuers[i].to && n >= issuers[i].least &&
		    n <= issuers[i].most)
			return &issuers[i];
	}
	return NULL;
}

/* --- runs --- */

/* Bytes of one separator at `at`, and which it is; 0: none. Also blanks and dashes that do not
 * break. */
static size_t separator_at(const struct find *find, size_t at, char *which)
{
	const unsigned char *p = find->p + at;
	size_t left = find->n - at;

	if (left >= 1 && memchr(" -./()", p[0], 6)) {
		*which = p[0] == '(' || p[0] == ')' ? '(' : (char)p[0];
		return 1;
	}
	*which = ' ';
	if (left >= 2 && p[0] == 0xc2 && p[1] == 0xa0)
		return 2;
	if (left >= 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xaf || p[2] == 0x89))
		return 3;
	*which = '-';
	return left >= 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x90 && p[2] <= 0x95 ? 3 : 0;
}

/* The separators between two digits; 0: there are none, or too many. */
static size_t gap_at(const struct find *find, size_t at, char *which)
{
	char one = 0;
	size_t n = separator_at(find, at, which), more;

	if (n == 0)
		return 0;
	for (unsigned i = 0; i < 2; i++) {
		more = separator_at(find, at + n, &one);
		if (more == 0)
			break;
		if (one == '(' || *which == '(')
			*which = '(';
		else if (one != *which || one != ' ')
			return 0;
		n += more;
	}
	return at + n < find->n && is_digit(find->p[at + n]) ? n : 0;
}

static bool near_once(const struct find *find, unsigned char *known, size_t at, size_t reach,
		      const char *words)
{
	if (*known == 0)
		*known = find_near(find, at, reach, words) ? 2 : 1;
	return *known == 2;
}

static size_t read_group(const struct find *find, struct run *run, size_t at, char separator)
{
	struct group *group = &run->g[run->n_groups++];

	*group = (struct group){ at, at, run->n, 0, separator };
	while (at < find->n && is_digit(find->p[at])) {
		if (run->n < DIGITS_MAX) {
			run->d[run->n++] = (unsigned char)(find->p[at] - '0');
			group->n++;
		}
		at++;
	}
	group->end = run->end = at;
	return at;
}

/* The run that begins with the digit at `at`; returns where it ends. */
static size_t read_run(const struct find *find, size_t at, struct run *run)
{
	size_t gap;
	char separator = 0;

	run->n = run->n_groups = 0;
	memset(run->thing, 0, sizeof(run->thing));
	memset(run->phone, 0, sizeof(run->phone));
	memset(run->card, 0, sizeof(run->card));
	run->begin = at;
	run->bracket = at > 0 && find->p[at - 1] == '(';
	run->begin -= run->bracket;
	run->plus = run->begin > 0 && find->p[run->begin - 1] == '+';
	run->begin -= run->plus;
	at = read_group(find, run, at, 0);
	while (run->n_groups < GROUPS_MAX && run->n < DIGITS_MAX &&
	       (gap = gap_at(find, at, &separator)) > 0)
		at = read_group(find, run, at + gap, separator);
	return at;
}

/* --- cards --- */

static bool even_groups(const struct run *run, unsigned a, unsigned b)
{
	if (a == b)
		return true;
	if (run->g[a].n != 4 && run->g[a].n != 6)
		return false;
	for (unsigned i = a; i <= b; i++) {
		if (run->g[i].n < 2 || run->g[i].n > 7)
			return false;
		if (i > a && (run->g[i].separator != run->g[a + 1].separator ||
			      !memchr(" -.", run->g[i].separator, 3)))
			return false;
	}
	return true;
}

static uint32_t card_ppm(const struct find *find, struct run *run, unsigned a, unsigned n)
{
	const unsigned char *d = run->d + run->g[a].first;
	const struct issuer *issuer = issuer_of(d, n);
	bool sum = luhn(d, n) && !same_digits(d, n);

	if (issuer && sum && (!issuer->weak || n >= 16))
		return 990000;
	if (!issuer && !sum)
		return 0;
	/* Mistyped, or of an issuer we have not heard of: the word beside it says what it is. */
	if (!near_once(find, &run->card[a], run->g[a].begin, NEAR, card_words) ||
	    find_near(find, run->g[a].begin, 16, other_words))
		return 0;
	return issuer && sum ? 980000 : n >= 13 ? 800000 : 0;
}

/* Windows of groups that are cards; the groups they take are marked in `taken`. */
static void find_cards(struct find *find, struct run *run, uint32_t *taken)
{
	for (unsigned a = 0; a < run->n_groups; a++) {
		unsigned b = a, n = 0, best = a;
		uint32_t ppm = 0;

		for (; b < run->n_groups && n + run->g[b].n <= 19; b++) {
			n += run->g[b].n;
			uint32_t here =
				n >= 12 && even_groups(run, a, b) ? card_ppm(find, run, a, n) : 0;

			if (here >= ppm && here > 0) {
				ppm = here;
				best = b;
			}
		}
		if (ppm == 0)
			continue;
		find_add(find, run->g[a].begin, run->g[best].end, PII_CARD, ppm);
		for (unsigned i = a; i <= best; i++)
			*taken |= 1u << i;
		a = best;
	}
}

/* --- national numbers --- */

/* ISO 7064 mod 11,10; exactly one digit of the first ten stands twice or three times. */
static bool german_tax(const unsigned char *d, unsigned n)
{
	unsigned product = 10;

	(void)n;
	if (d[0] == 0)
		return false;
	for (unsigned i = 0; i < 10; i++) {
		unsigned sum = (d[i] + product) % 10;

		product = (sum ? sum : 10) * 2 % 11;
	}
	return (11 - product) % 10 == d[10];
}

static bool weighted(const unsigned char *d, const signed char *weights, unsigned n, int modulus)
{
	int sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += weights[i] * d[i];
	return sum % modulus == 0;
}

static bool dutch_bsn(const unsigned char *d, unsigned n)
{
	static const signed char weights[] = { 9, 8, 7, 6, 5, 4, 3, 2, -1 };

	return weighted(d, weights, n, 11) && !same_digits(d, n);
}

static bool polish_pesel(const unsigned char *d, unsigned n)
{
	static const signed char weights[] = { 1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1 };

	return weighted(d, weights, n, 10) && !same_digits(d, n);
}

static bool swiss_ahv(const unsigned char *d, unsigned n)
{
	static const signed char weights[] = { 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1 };

	return head(d, 3) == 756 && weighted(d, weights, n, 10);
}

static bool brazilian_cpf(const unsigned char *d, unsigned n)
{
	unsigned one = 0, two = 0;

	for (unsigned i = 0; i < 9; i++) {
		one += (10 - i) * d[i];
		two += (11 - i) * d[i];
	}
	one = one * 10 % 11 % 10;
	two = (two + 2 * one) * 10 % 11 % 10;
	return one == d[9] && two == d[10] && !same_digits(d, n);
}

static bool french_nir(const unsigned char *d, unsigned n)
{
	uint64_t number = 0;

	(void)n;
	for (unsigned i = 0; i < 13; i++)
		number = number * 10 + d[i];
	return (d[0] == 1 || d[0] == 2) && 97 - number % 97 == head(d + 13, 2);
}

static bool social_security(const unsigned char *d, unsigned n)
{
	unsigned area = head(d, 3);

	(void)n;
	return area != 0 && area != 666 && head(d + 3, 2) != 0 && head(d + 5, 4) != 0;
}

static bool has_luhn(const unsigned char *d, unsigned n)
{
	return luhn(d, n) && !same_digits(d, n);
}

struct national {
	unsigned n;
	const char *form; /* groups, each its digit; "" : only with a word beside it */
	char separator;
	bool (*ok)(const unsigned char *d, unsigned n);
	const char *words;
};
static const struct national nationals[] = {
	{ 9, "\3\2\4", '-', social_security, ssn_words },
	{ 11, "\2\3\3\3", ' ', german_tax, tax_words },
	{ 13, "\3\4\4\2", '.', swiss_ahv, national_words },
	{ 11, "\3\3\3\2", '.', brazilian_cpf, national_words },
	{ 15, "\1\2\2\2\3\3\2", ' ', french_nir, national_words },
	{ 10, "\6\4", '-', has_luhn, national_words }, /* Sweden */
	{ 9, "", 0, dutch_bsn, national_words },
	{ 9, "", 0, has_luhn, national_words }, /* Canada */
	{ 11, "", 0, polish_pesel, national_words },
};

static bool has_form(const struct run *run, unsigned a, unsigned b, const struct national *of)
{
	size_t n = strlen(of->form);

	if (n == 0 || b - a + 1 != n)
		return false;
	for (unsigned i = a; i <= b; i++)
		if (run->g[i].n != (unsigned char)of->form[i - a] ||
		    (i > a && i < b && run->g[i].separator != of->separator))
			return false;
	return b == a || run->g[b].separator == of->separator ||
	       (run->g[b].separator == '-' && of->separator == '.');
}

static bool is_national(const struct find *find, const struct run *run, unsigned a, unsigned b,
			unsigned n)
{
	for (size_t i = 0; i < sizeof(nationals) / sizeof(nationals[0]); i++) {
		const struct national *of = &nationals[i];

		if (of->n != n || !of->ok(run->d + run->g[a].first, n))
			continue;
		if (has_form(run, a, b, of) || find_near(find, run->g[a].begin, NEAR, of->words))
			return true;
	}
	return false;
}

static void find_nationals(struct find *find, const struct run *run, uint32_t *taken)
{
	for (unsigned a = 0; a < run->n_groups; a++) {
		unsigned n = 0;

		for (unsigned b = a; b < run->n_groups && n + run->g[b].n <= 15; b++) {
			n += run->g[b].n;
			if (*taken & 1u << b)
				break;
			if (n < 9 || !is_national(find, run, a, b, n))
				continue;
			find_add(find, run->g[a].begin, run->g[b].end, PII_NATIONAL_ID, 950000);
			for (unsigned i = a; i <= b; i++)
				*taken |= 1u << i;
		}
	}
}

/* --- phones --- */

static bool is_date(const struct run *run, unsigned a, unsigned b)
{
	const struct group *g = &run->g[a];

	if (b - a < 2)
		return false;
	return (g[0].n == 4 && g[1].n <= 2 && g[2].n <= 2 && head(run->d + g[0].first, 2) >= 19 &&
		head(run->d + g[0].first, 2) <= 20) ||
	       (g[0].n <= 2 && g[1].n <= 2 && (g[2].n == 4 || g[2].n == 2) &&
		g[1].separator != ' ' && b - a == 2);
}

/* North America: 3-3-4, perhaps with a 1 in front. */
static bool is_american(const struct run *run, unsigned a, unsigned b)
{
	const struct group *g = &run->g[a];

	if (b - a == 3 && g[0].n == 1 && run->d[g[0].first] == 1)
		g++;
	else if (b - a != 2)
		return false;
	return g[0].n == 3 && g[1].n == 3 && g[2].n == 4 && run->d[g[0].first] >= 2 &&
	       g[2].separator != ' ';
}

static uint32_t phone_ppm(const struct find *find, struct run *run, unsigned a, unsigned b,
			  unsigned n)
{
	size_t at = a == 0 ? run->begin : run->g[a].begin;
	const unsigned char *d = run->d + run->g[a].first;

	if (n < 6 || n > 15 || same_digits(d, n) || is_date(run, a, b) ||
	    near_once(find, &run->thing[a], at, 16, thing_words))
		return 0;
	if (a == 0 && run->plus && n >= 8)
		return 980000;
	if (is_american(run, a, b))
		return 930000;
	if (n >= 9 && n <= 13 && d[0] == 0 && b - a >= 2)
		return 900000;
	if (n >= 9 && d[0] == 0 && b > a && run->g[a].n >= 3 && run->g[a].n <= 5)
		return 850000;
	if (a == 0 && run->bracket && b > a && n >= 9)
		return 900000;
	return near_once(find, &run->phone[a], at, NEAR, phone_words) ? 900000 : 0;
}

/* "x4587", " ext. 12" behind a number. */
static size_t extension(const struct find *find, size_t at)
{
	static const char words[] = "ext\0extension\0durchwahl\0dw\0";
	size_t i = at, from;

	while (i < find->n && find->p[i] == ' ' && i < at + 2)
		i++;
	if (i < find->n && lower(find->p[i]) == 'x')
		i++;
	else if (i < find->n)
		i += find_word(find, i, words);
	if (i == at || (i > 0 && find->p[i - 1] == ' '))
		return at;
	while (i < find->n && (find->p[i] == '.' || find->p[i] == ' '))
		i++;
	from = i;
	while (i < find->n && is_digit(find->p[i]) && i < from + 6)
		i++;
	return i > from && (i == find->n || !is_digit(find->p[i])) ? i : at;
}

static void find_phones(struct find *find, struct run *run, uint32_t taken)
{
	for (unsigned a = 0; a < run->n_groups; a++) {
		unsigned n = 0, b = a, best = a;
		uint32_t ppm = 0;

		for (; b < run->n_groups && !(taken & 1u << b) && n + run->g[b].n <= 15; b++) {
			n += run->g[b].n;
			uint32_t here = phone_ppm(find, run, a, b, n);

			/* The longest: what is left of a number says nothing, or everything. */
			if (here > 0) {
				ppm = here > ppm ? here : ppm;
				best = b;
			}
		}
		if (ppm == 0)
			continue;
		find_add(find, a == 0 ? run->begin : run->g[a].begin,
			 extension(find, run->g[best].end), PII_PHONE, ppm);
		a = best;
	}
}

/* --- all of them --- */

/* Part of a word, or of something longer than any of these: an order number, a hash. */
static void cut_edges(const struct find *find, struct run *run)
{
	struct group *last = &run->g[run->n_groups - 1];
	size_t end = last->end;

	if (end < find->n && (is_letter(find->p[end]) || find->p[end] == '_') &&
	    lower(find->p[end]) != 'x')
		run->n_groups--;
	else if (end + 1 < find->n && (find->p[end] == ',' || find->p[end] == '.') &&
		 is_digit(find->p[end + 1]))
		run->n_groups--; /* a price, a version */
}

/* A run that was cut off because it is full may have ended inside a number: its last groups are
 * looked at once more, with what follows. */
static size_t next_of(const struct run *run, size_t end)
{
	enum { AGAIN = 7 };

	if (run->n < DIGITS_MAX && run->n_groups < GROUPS_MAX)
		return end;
	return run->n_groups > AGAIN ? run->g[run->n_groups - AGAIN].begin : end;
}

void find_numbers(struct find *find)
{
	struct run run;
	size_t at = 0;

	while (at < find->n) {
		uint32_t taken = 0;
		size_t end;

		if (!is_digit(find->p[at])) {
			at++;
			continue;
		}
		end = read_run(find, at, &run);
		if (at > 0 && (is_letter(find->p[at - 1]) || find->p[at - 1] == '_' ||
			       ((find->p[at - 1] == '.' || find->p[at - 1] == ',') && at > 1 &&
				is_digit(find->p[at - 2])))) {
			at = run.g[0].end; /* the rest of the run is looked at by itself */
			continue;
		}
		cut_edges(find, &run);
		if (run.n_groups > 0 && pii_wants(find, PII_CARD))
			find_cards(find, &run, &taken);
		if (run.n_groups > 0 && pii_wants(find, PII_NATIONAL_ID))
			find_nationals(find, &run, &taken);
		if (run.n_groups > 0 && pii_wants(find, PII_PHONE))
			find_phones(find, &run, taken);
		at = next_of(&run, end);
	}
}
