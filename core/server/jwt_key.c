/* SPDX-License-Identifier: Apache-2.0 */

/* Keys as people keep them (a secret text, a JWK, a PEM file) into the one form that libjose
 * takes. A key that does not fit its algorithm is refused here and never reaches a token: with an
 * RSA key read as a text, anybody who has the public half could sign for HS256.
 */

#include "core/server/jwt.h"

#include "core/base/errors.h"

#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/openssl.h>
#include <openssl/pem.h>
#include <stdio.h>

enum { RSA_MODULUS_TEXT_MIN = (JWT_RSA_BITS_MIN / 8 * 4 + 2) / 3 };

static json_t *secret_key(const char *secret, char *why, size_t cap)
{
	size_t n = strlen(secret);

	if (n < JWT_HS256_BYTES_MIN) {
		snprintf(why, cap, "a key of HS256 has at least %d bytes, this one has %zu",
			 (int)JWT_HS256_BYTES_MIN, n);
		return NULL;
	}
	if (strstr(secret, "-----BEGIN") || secret[0] == '{') {
		snprintf(why, cap, "HS256 wants a secret text; this looks like a key in a file");
		return NULL;
	}
	return json_pack("{s:s,s:o}", "kty", "oct", "k", jose_b64_enc(secret, n));
}

static json_t *pem_key(const char *secret)
{
	BIO *bio = BIO_new_mem_buf(secret, (int)strlen(secret));
	EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	json_t *jwk = pkey ? jose_openssl_jwk_from_EVP_PKEY(NULL, pkey) : NULL;

	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return jwk;
}

/* A JWK, or the one called `kid` of a set of them (RFC 7517), as identity providers publish it. */
static json_t *jwk_of(const char *text, const char *kid)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *found = NULL;
	const json_t *all = json_object_get(json, "keys");

	if (!all)
		return json;
	for (size_t i = 0; i < json_array_size(all) && !found; i++) {
		json_t *one = json_array_get(all, i);
		const char *name = json_string_value(json_object_get(one, "kid"));

		if (name && strcmp(name, kid) == 0)
			found = json_deep_copy(one);
	}
	json_decref(json);
	return found;
}

/* The public half only: what is not there cannot leak. */
static json_t *public_key(const char *secret, const char *kid, char *why, size_t cap)
{
	size_t blanks = strspn(secret, " \t\r\n");
	json_t *jwk = secret[blanks] == '{' ? jwk_of(secret, kid) : pem_key(secret);

	jose_cfg_t *cfg = jose_cfg();
	jose_cfg_set_err_func(cfg, jwt_quiet, NULL);
	bool ok = jwk && jose_jwk_pub(cfg, jwk);
	jose_cfg_decref(cfg);
	if (!ok) {
		snprintf(why, cap,
			 "neither a JWK, nor a JWKS with this kid, nor a public key in PEM "
			 "(BEGIN PUBLIC KEY)");
		json_decref(jwk);
		return NULL;
	}
	return jwk;
}

static bool says(const json_t *jwk, const char *name, const char *text)
{
	const char *value = json_string_value(json_object_get(jwk, name));

	return value && strcmp(value, text) == 0;
}

static bool fits(const json_t *jwk, const char *alg, char *why, size_t cap)
{
	const json_t *modulus = json_object_get(jwk, "n");

	if (json_object_get(jwk, "use") && !says(jwk, "use", "sig"))
		snprintf(why, cap, "this key says that it is not for signatures (`use`)");
	else if (json_object_get(jwk, "alg") && !says(jwk, "alg", alg))
		snprintf(why, cap, "this key is for another algorithm than %s", alg);
	else if (strcmp(alg, "ES256") == 0 &&
		 !(says(jwk, "kty", "EC") && says(jwk, "crv", "P-256")))
		snprintf(why, cap, "ES256 wants a key on the curve P-256");
	else if (strcmp(alg, "RS256") == 0 && !says(jwk, "kty", "RSA"))
		snprintf(why, cap, "RS256 wants an RSA key");
	else if (strcmp(alg, "RS256") == 0 && json_string_length(modulus) < RSA_MODULUS_TEXT_MIN)
		snprintf(why, cap, "an RSA key has at least %d bits", (int)JWT_RSA_BITS_MIN);
	else
		return true;
	return false;
}

static char *keep(const char *text)
{
	return baton_memdupz(text ? text : "", text ? strlen(text) : 0);
}

int jwt_key_read(struct jwt_key *key, const struct baton_identity_key *def, const char *secret,
		 char *why, size_t cap)
{
	bool symmetric = strcmp(def->alg, "HS256") == 0;
	json_t *jwk =
		symmetric ? secret_key(secret, why, cap) : public_key(secret, def->kid, why, cap);

	if (!jwk)
		return BATON_E_INVAL;
	if (!symmetric && !fits(jwk, def->alg, why, cap)) {
		json_decref(jwk);
		return BATON_E_INVAL;
	}
	json_object_del(jwk, "key_ops");
	json_object_set_new(jwk, "alg", json_string(def->alg));
	*key = (struct jwt_key){
		.kid = keep(def->kid),
		.alg = keep(def->alg),
		.issuer = keep(def->issuer),
		.audience = keep(def->audience),
		.for_agents = strcmp(def->for_, "agents") == 0,
		.jwk = jwk,
	};
	return 0;
}

void jwt_key_done(struct jwt_key *key)
{
	baton_free(key->kid);
	baton_free(key->alg);
	baton_free(key->issuer);
	baton_free(key->audience);
	json_decref(key->jwk);
	*key = (struct jwt_key){ 0 };
}
