/* SPDX-License-Identifier: Apache-2.0 */

/* The table of identity.yaml: whose word is taken for who somebody is. A set without this file
 * knows anonymous customers only, and agents by their tokens.
 */

#include "core/policy/shapes_table.h"

enum { KEYS_MAX = 32, MINUTE_MS = 60000 };

static const char *const algorithms[] = { "HS256", "ES256", "RS256", NULL };
static const char *const signed_for[] = { "customers", "agents", NULL };

static const struct baton_field key_fields[] = {
	{ "kid", BATON_FIELD_TEXT, REQUIRED, AT(struct baton_identity_key, kid), .min = 1,
	  .max = BATON_NAME_BYTES_MAX,
	  .doc = "The `kid` of a token's header. Two keys that live side by side: how one is replaced." },
	{ "alg", BATON_FIELD_WORD, REQUIRED, AT(struct baton_identity_key, alg),
	  .words = algorithms,
	  .doc = "The one algorithm this key is used with. HS256: a secret that both sides know." },
	{ "secret", BATON_FIELD_SECRET, REQUIRED, AT(struct baton_identity_key, secret),
	  .doc = "Name of the secret: for HS256 the key itself, at least 32 bytes; else the public "
		 "key as a JWK, a JWKS (its `kid` picks the key) or as PEM." },
	{ "issuer", BATON_FIELD_TEXT, AT(struct baton_identity_key, issuer), .max = 512,
	  .otherwise = "", .doc = "What `iss` must be. Default: not looked at." },
	{ "audience", BATON_FIELD_TEXT, AT(struct baton_identity_key, audience), .max = 512,
	  .otherwise = "", .doc = "What `aud` must be or hold. Default: not looked at." },
	{ "for", BATON_FIELD_WORD, AT(struct baton_identity_key, for_), .words = signed_for,
	  .otherwise = "customers",
	  .doc = "Whose tokens it signs. A key for agents needs an issuer and an audience." },
	{ 0 },
};
static const struct baton_shape key_shape = { "a key", "Who signs.", key_fields,
					      sizeof(struct baton_identity_key) };

#define INTO(member) AT(struct baton_policy, identity.member)

static const struct baton_field identity_fields[] = {
	{ "keys", BATON_FIELD_LIST, .offset = offsetof(struct baton_policy, identity.keys),
	  .count_offset = offsetof(struct baton_policy, identity.n_keys), .max = KEYS_MAX,
	  .shape = &key_shape, .doc = "All of them are good; take one out when nobody uses it." },
	{ "tier_claim", BATON_FIELD_TEXT, INTO(tier_claim), .max = BATON_NAME_BYTES_MAX,
	  .otherwise = "tier",
	  .doc = "Claim that names the customer's tier (desk.yaml, `tiers`)." },
	{ "agent_claim", BATON_FIELD_TEXT, INTO(agent_claim), .min = 1, .max = BATON_NAME_BYTES_MAX,
	  .otherwise = "sub",
	  .doc = "Claim of an agent's token that is the agent's id in desk.yaml. It must be one that "
		 "people cannot change for themselves." },
	{ "role_claim", BATON_FIELD_TEXT, INTO(role_claim), .min = 1, .max = BATON_NAME_BYTES_MAX,
	  .otherwise = "role",
	  .doc = "Claim of an agent's token; it must be, or hold, the role that desk.yaml gives." },
	{ "hash_secret", BATON_FIELD_SECRET, INTO(hash_secret),
	  .doc = "Name of the secret of `identifier_hash`: the hexadecimal HMAC-SHA256 of a "
		 "customer's id, as other chats use it. Default: such hashes are refused." },
	{ "max_age", BATON_FIELD_MS, INTO(max_age_ms), FROM_TO(MINUTE_MS, DAY_MS),
	  .otherwise = "24h",
	  .doc = "A token that is good for longer (`exp` - `iat`) is refused." },
	{ "leeway", BATON_FIELD_MS, INTO(leeway_ms), FROM_TO(0, 5 * MINUTE_MS), .otherwise = "60s",
	  .doc = "How much the clocks of both sides may differ." },
	{ "session", BATON_FIELD_MS, INTO(session_ms), FROM_TO(5 * MINUTE_MS, 7 * (int64_t)DAY_MS),
	  .otherwise = "12h", .doc = "How long an agent who signed in at the console stays so." },
	{ 0 },
};
const struct baton_shape baton_shape_identity = { "identity.yaml", "Who signs for whom.",
						  identity_fields, 0 };
