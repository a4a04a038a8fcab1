/* SPDX-License-Identifier: Apache-2.0 */

/* See ws.h. */

#include "ws.h"

#include <string.h>

static void mask_bytes(unsigned char *p, size_t n, uint32_t mask)
{
	uint64_t wide = (uint64_t)mask << 32 | mask;

	for (; n >= 8; p += 8, n -= 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		word ^= wide;
		memcpy(p, &word, 8);
	}
	for (size_t i = 0; i < n; i++)
		p[i] ^= ((const unsigned char *)&mask)[i % 4];
}

unsigned char *ws_seal(unsigned char *frame, size_t n, unsigned opcode, uint32_t mask,
		       size_t *ret_n)
{
	size_t head = n < 126 ? 6 : n < 65536 ? 8 : 14;
	unsigned char *p = frame + WS_HEAD_MAX - head;

	mask_bytes(frame + WS_HEAD_MAX, n, mask);
	p[0] = (unsigned char)(0x80 | opcode);
	p[1] = (unsigned char)(0x80 | (n < 126 ? n : n < 65536 ? 126 : 127));
	for (size_t i = 2; i < head - 4; i++)
		p[i] = (unsigned char)(n >> (8 * (head - 5 - i)));
	memcpy(p + head - 4, &mask, 4);
	*ret_n = head + n;
	return p;
}

bool ws_open(unsigned char *p, size_t n, struct ws_frame *ret)
{
	if (n < 2)
		return false;
	uint64_t length = p[1] & 127;
	size_t wide = length == 126 ? 2 : length == 127 ? 8 : 0;

	if (n < 2 + wide)
		return false;
	for (size_t i = 0; i < wide; i++)
		length = (i ? length << 8 : 0) | p[2 + i];
	if (n - 2 - wide < length)
		return false;
	*ret = (struct ws_frame){ p[0] & 15, (char *)p + 2 + wide, (size_t)length,
				  2 + wide + (size_t)length };
	return true;
}
