/* SPDX-License-Identifier: Apache-2.0 */

/* Finding personal data in text: what all finders share. A finder walks over the text once and adds
 * spots; whatever it looks at around a place is bounded, so all of them are linear in the text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pii_type {
	PII_CARD,
	PII_IBAN,
	PII_EMAIL,
	PII_PHONE,
	PII_NATIONAL_ID,
	PII_IP,
	PII_TOKEN,
	PII_PASSWORD,
	PII_DOCUMENT,
	PII_TYPES /* own patterns are counted from here */
};
extern const char *const pii_type_names[PII_TYPES];

struct spot {
	uint32_t begin, end; /* bytes */
	uint32_t type;
	uint32_t ppm; /* how sure */
};

struct find {
	const unsigned char *p;
	size_t n;
	uint32_t types; /* bits of enum pii_type that are wanted */
	struct spot *v;
	size_t n_spots, cap;
	bool full; /* there were more than fit */
};

static inline bool pii_wants(const struct find *find, enum pii_type type)
{
	return (find->types & 1u << type) != 0;
}

void find_add(struct find *find, size_t begin, size_t end, uint32_t type, uint32_t ppm);
/* Sorts, and of what overlaps keeps what is surer, then what is longer. */
void find_settle(struct find *find);

/* One of `words` ("a\0b\0", each in small letters, ASCII or UTF-8; ends with an empty one)
 * stands as a whole word within `reach` bytes in front of `at`, on which it may border. */
bool find_near(const struct find *find, size_t at, size_t reach, const char *words);
/* The word of `words` that begins at `at`, whole and in any case: its length, or 0. */
size_t find_word(const struct find *find, size_t at, const char *words);

static inline bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}
static inline bool is_letter(unsigned char c)
{
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c >= 0x80;
}
static inline bool is_alnum(unsigned char c)
{
	return is_digit(c) || is_letter(c);
}
static inline unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}
static inline bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void find_numbers(struct find *find); /* cards, phones, national numbers of digits */
void find_codes(struct find *find);   /* IBANs, national numbers with letters */
void find_names(struct find *find);   /* e-mail, IP */
void find_secrets(struct find *find); /* tokens, keys, passwords, documents */

/* So many leading bytes hold nothing that could still become something by what follows. */
size_t find_safe(const struct find *find);
