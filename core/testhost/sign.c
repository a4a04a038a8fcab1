/* SPDX-License-Identifier: Apache-2.0 */

/* The host part host.sign/1: HMAC-SHA256 (RFC 2104, FIPS 180-4) under the values that the test gave
 * its secrets, so that a test can verify what a module signs. Written out here: the test host links
 * nothing but the C library. */
#include "core/testhost/inside.h"

#include <stdio.h>

enum { BLOCK = 64, MAC = 32, KEY_MAX = 4096 };

struct sha {
	uint32_t h[8];
	uint64_t bytes;
	uint8_t block[BLOCK];
};

static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2
};

static uint32_t turn(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static void sha_block(struct sha *s)
{
	uint32_t w[64], v[8];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)s->block[i * 4] << 24 | (uint32_t)s->block[i * 4 + 1] << 16 |
		       (uint32_t)s->block[i * 4 + 2] << 8 | s->block[i * 4 + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t b = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + a + w[i - 7] + b;
	}
	memcpy(v, s->h, sizeof(v));
	for (int i = 0; i < 64; i++) {
		uint32_t e = turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25);
		uint32_t t1 = v[7] + e + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
		uint32_t a = turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22);
		uint32_t t2 = a + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		s->h[i] += v[i];
}

static void sha_init(struct sha *s)
{
	static const uint32_t first[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	*s = (struct sha){ .bytes = 0 };
	memcpy(s->h, first, sizeof(first));
}

static void sha_add(struct sha *s, const void *p, size_t n)
{
	const uint8_t *bytes = p;
	for (size_t i = 0; i < n; i++) {
		s->block[s->bytes++ % BLOCK] = bytes[i];
		if (s->bytes % BLOCK == 0)
			sha_block(s);
	}
}

static void sha_end(struct sha *s, uint8_t out[MAC])
{
	uint64_t bits = s->bytes * 8;
	uint8_t length[8], zero = 0, one = 0x80;
	for (int i = 0; i < 8; i++)
		length[i] = (uint8_t)(bits >> (56 - 8 * i));
	sha_add(s, &one, 1);
	while (s->bytes % BLOCK != BLOCK - 8)
		sha_add(s, &zero, 1);
	sha_add(s, length, 8);
	for (int i = 0; i < MAC; i++)
		out[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

static int digit_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* The key that a secret's value stands for: itself, or what is behind "whsec_" in base64. */
static int32_t key_of(const char *value, uint8_t *key, size_t *ret_n)
{
	size_t n = 0;
	uint32_t bits = 0;
	unsigned have = 0;
	if (strncmp(value, "whsec_", 6) != 0) {
		n = strlen(value) < KEY_MAX ? strlen(value) : KEY_MAX;
		memcpy(key, value, n);
		*ret_n = n;
		return BATON_OK;
	}
	for (const char *at = value + 6; *at && *at != '=' && n < KEY_MAX; at++) {
		int digit = digit_of(*at);
		if (digit < 0)
			return BATON_E_SCHEMA;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			key[n++] = (uint8_t)(bits >> have);
		}
	}
	*ret_n = n;
	return n > 0 ? BATON_OK : BATON_E_SCHEMA;
}

static void hmac(const uint8_t *key, size_t key_n, const baton_str *parts, uint32_t n,
		 uint8_t mac[MAC])
{
	uint8_t pad[BLOCK] = { 0 }, inner[MAC];
	struct sha s;
	sha_init(&s);
	if (key_n > BLOCK) {
		sha_add(&s, key, key_n);
		sha_end(&s, pad);
	} else {
		memcpy(pad, key, key_n);
	}
	for (int i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36;
	sha_init(&s);
	sha_add(&s, pad, BLOCK);
	for (uint32_t i = 0; i < n; i++)
		sha_add(&s, parts[i].p, parts[i].n);
	sha_end(&s, inner);
	for (int i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sha_init(&s);
	sha_add(&s, pad, BLOCK);
	sha_add(&s, inner, MAC);
	sha_end(&s, mac);
}

static int32_t sign(baton_ctx *ctx, baton_str name, const baton_str *parts, uint32_t n,
		    uint8_t *mac)
{
	uint8_t key[KEY_MAX];
	char value[KEY_MAX];
	size_t key_n = 0;
	if (!baton_rig_ctx_ok(ctx) || !mac || !name.p || n > BATON_SIGN_PARTS_MAX || (n && !parts))
		return BATON_E_INVAL;
	for (uint32_t i = 0; i < n; i++)
		if (!parts[i].p && parts[i].n > 0)
			return BATON_E_INVAL;
	int32_t rc = baton_rig_secret(ctx->host, name, value, sizeof(value));
	if (rc == BATON_OK)
		rc = key_of(value, key, &key_n);
	if (rc == BATON_OK)
		hmac(key, key_n, parts, n, mac);
	return rc;
}

const void *baton_rig_sign(void)
{
	static const baton_host_sign part = { .size = sizeof(part), .hmac_sha256 = sign };
	return &part;
}
