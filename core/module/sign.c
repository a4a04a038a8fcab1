/* SPDX-License-Identifier: Apache-2.0 */

/* host.sign/1: codes under the secrets of the asking module. The key is looked up, used and wiped
 * here; it stands in no module's memory. */
#include "core/module/sign.h"

#include "core/module/ctx.h"
#include "core/module/host.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

static const char encoded[] = "whsec_";

struct key {
	unsigned char bytes[BATON_SECRET_BYTES_MAX];
	size_t n;
};

/* EVP_DecodeBlock() takes whole groups of four only, and counts the padding as bytes. */
static int decode(const char *text, struct key *key)
{
	size_t n = strlen(text), padding = 0;

	while (padding < 2 && padding < n && text[n - 1 - padding] == '=')
		padding++;
	int got = n == 0 || n % 4 != 0
			  ? -1
			  : EVP_DecodeBlock(key->bytes, (const unsigned char *)text, (int)n);
	if (got <= (int)padding)
		return BATON_E_SCHEMA;
	key->n = (size_t)got - padding;
	return BATON_OK;
}

static int find_key(const baton_ctx *ctx, baton_str name, struct key *key)
{
	const struct baton_generation *g = ctx->generation;

	for (size_t i = 0; i < g->n_secrets; i++) {
		const char *value = g->secrets[i].value;

		if (!baton_str_is(name, g->secrets[i].name))
			continue;
		if (!value)
			return BATON_E_NOTFOUND;
		if (strncmp(value, encoded, sizeof(encoded) - 1) == 0)
			return decode(value + sizeof(encoded) - 1, key);
		key->n = strlen(value);
		memcpy(key->bytes, value, key->n);
		return BATON_OK;
	}
	return BATON_E_DENIED;
}

static int digest(const struct key *key, const baton_str *parts, uint32_t n_parts, uint8_t *mac)
{
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
								 (char[]){ "SHA256" }, 0),
				OSSL_PARAM_construct_end() };
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *state = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	size_t n = 0;
	bool good = state && EVP_MAC_init(state, key->bytes, key->n, params) == 1;

	for (uint32_t i = 0; good && i < n_parts; i++)
		good = parts[i].n == 0 ||
		       EVP_MAC_update(state, (const unsigned char *)parts[i].p, parts[i].n) == 1;
	good = good && EVP_MAC_final(state, mac, &n, BATON_SIGN_HMAC_SHA256_BYTES) == 1;
	EVP_MAC_CTX_free(state);
	EVP_MAC_free(hmac);
	return good && n == BATON_SIGN_HMAC_SHA256_BYTES ? BATON_OK : BATON_E_IO;
}

static int32_t sign_hmac_sha256(baton_ctx *ctx, baton_str name, const baton_str *parts,
				uint32_t n_parts, uint8_t *mac)
{
	struct key key = { .n = 0 };
	bool good = baton_ctx_ok(ctx) && mac && baton_host_text_ok(name, 64) &&
		    (parts || n_parts == 0) && n_parts <= BATON_SIGN_PARTS_MAX;

	for (uint32_t i = 0; good && i < n_parts; i++)
		good = parts[i].p || parts[i].n == 0;
	if (!good)
		return BATON_E_INVAL;
	int rc = find_key(ctx, name, &key);
	if (rc == BATON_OK)
		rc = digest(&key, parts, n_parts, mac);
	OPENSSL_cleanse(&key, sizeof(key));
	return rc;
}

const baton_host_sign *baton_sign_host(void)
{
	static const baton_host_sign part = { .size = sizeof(part),
					      .hmac_sha256 = sign_hmac_sha256 };
	return &part;
}
