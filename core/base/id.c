/* SPDX-License-Identifier: Apache-2.0 */

/* UUID version 7: RFC 9562 section 5.7. */

#include "core/base/id.h"

/* The two digits of each byte. */
static const char pairs[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
			    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
			    "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
			    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
			    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
			    "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
			    "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
			    "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

struct baton_id baton_id_make(uint64_t unix_ms, const uint8_t random[10])
{
	struct baton_id id;

	for (int i = 0; i < 6; i++)
		id.b[i] = (uint8_t)(unix_ms >> (40 - 8 * i));
	memcpy(id.b + 6, random, 10);
	id.b[6] = (uint8_t)(0x70 | (id.b[6] & 0x0F)); /* version 7 */
	id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3F)); /* variant 10 */
	return id;
}

static bool dash_before(int byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void baton_id_text(const struct baton_id *id, char text[BATON_ID_TEXT + 1])
{
	static const uint8_t at[16] = { 0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34 };

	for (int i = 0; i < 16; i++)
		memcpy(text + at[i], pairs + 2 * id->b[i], 2);
	text[8] = text[13] = text[18] = text[23] = '-';
	text[BATON_ID_TEXT] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int baton_id_parse(baton_str s, struct baton_id *ret_id)
{
	struct baton_id id;

	if (s.n != BATON_ID_TEXT)
		return BATON_E_INVAL;
	const char *p = s.p;
	for (int i = 0; i < 16; i++) {
		if (dash_before(i) && *p++ != '-')
			return BATON_E_INVAL;
		int high = hex_value(p[0]), low = hex_value(p[1]);
		if (high < 0 || low < 0)
			return BATON_E_INVAL;
		id.b[i] = (uint8_t)(high << 4 | low);
		p += 2;
	}
	*ret_id = id;
	return BATON_OK;
}

bool baton_id_is_zero(const struct baton_id *id)
{
	static const struct baton_id zero;

	return baton_id_eq(id, &zero);
}

uint64_t baton_id_hash(const struct baton_id *id)
{
	uint64_t a, b;

	memcpy(&a, id->b, 8);
	memcpy(&b, id->b + 8, 8);
	/* The finaliser of splitmix64 over both halves: the time bits alone would put all
	 * sessions of one moment on one worker. */
	uint64_t h = a ^ (b + 0x9E3779B97F4A7C15u + (a << 6) + (a >> 2));
	h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
	h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
	return h ^ (h >> 31);
}
