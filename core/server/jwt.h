/* SPDX-License-Identifier: Apache-2.0 */

/* Signed tokens (RFC 7519, compact form). libjose checks signatures and nothing else: which key,
 * which algorithm, what a token may claim and for how long is decided here, the first two before
 * any signature is looked at. Internal to core/server.
 *
 * Pure but for libjose: no clock, no file, no policy set behind it. The keys' JSON belongs to
 * whoever has the keys, and its counts are not for two threads at once.
 */
#pragma once

#include "core/policy/policy.h"

#include <stdarg.h>

enum jwt_refusal {
	JWT_OK,
#define REFUSAL(NAME, word, hint) JWT_##NAME,
#include "core/server/jwt.def"
#undef REFUSAL
	JWT_REFUSALS
};
/* "" for JWT_OK. Static. */
const char *jwt_refusal_word(enum jwt_refusal refusal);
const char *jwt_refusal_hint(enum jwt_refusal refusal);

enum { JWT_BYTES_MAX = 4096, JWT_HS256_BYTES_MIN = 32, JWT_RSA_BITS_MIN = 2048 };

struct jwt_key {
	char *kid, *alg, *issuer, *audience;
	bool for_agents;
	json_t *jwk;
};

/* A key as identity.yaml describes it, with what its secret holds: for HS256 the key, else a JWK
 * (or a set of them) or PEM. 0, or BATON_E_INVAL with a line in `why` that says nothing of the
 * secret. */
int jwt_key_read(struct jwt_key *key, const struct baton_identity_key *def, const char *secret,
		 char *why, size_t cap);
void jwt_key_done(struct jwt_key *key);

struct jwt_rules {
	int64_t now_ms, max_age_ms, leeway_ms;
	bool for_agents; /* whose keys are looked through */
};
/* JWT_OK: `*ret_claims` is the caller's own, `*ret_key` one of `keys`; `sub` is as it must be. */
enum jwt_refusal jwt_verify(const struct jwt_key *keys, size_t n, const struct jwt_rules *rules,
			    baton_str token, json_t **ret_claims, const struct jwt_key **ret_key);

/* A token of `claims` under an HS256 key, for tests and integrators; NULL if the key cannot sign.
 * Give it back with baton_free(). */
char *jwt_sign(const struct jwt_key *key, const json_t *claims);

/* 1 to `bytes_max` bytes of UTF-8 without control characters. */
bool jwt_is_printable(baton_str s, size_t bytes_max);

/* libjose's ear for errors; its own prints them to stderr. */
void jwt_quiet(void *misc, const char *file, int line, uint64_t err, const char *fmt, va_list ap);
