/* SPDX-License-Identifier: Apache-2.0 */

/* UUID version 7: RFC 9562 section 5.7. */

#include "core/base/id.h"

static const char hex[] = "0123456789abcdef";

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
	for (int i = 0; i < 16; i++) {
		if (dash_before(i))
			*text++ = '-';
		*text++ = hex[id->b[i] >> 4];
		*text++ = hex[id->b[i] & 15];
	}
	*text = '\0';
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
