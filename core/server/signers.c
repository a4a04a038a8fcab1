/* SPDX-License-Identifier: Apache-2.0 */

/* Customers and agents whom somebody else vouches for: keys of identity.yaml, as they are now.
 *
 * A verification takes 40 to 100 us and is done on the loop; it happens once for a ticket. Nobody
 * is turned away for an identity that cannot be believed: the chat goes on, anonymous, and the
 * log says why.
 */

#include "core/server/identity.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/module/file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { HASH_TEXT = 64, HASH_KEY_BYTES_MIN = 16 };

/* --- keys --- */

/* A key that cannot be used is missed by those who sign with it; the others go on. */
static void key_load(struct baton_server *server, const struct baton_identity_key *def,
		     struct signers *signers)
{
	char *secret = NULL, why[256] = "no such secret";
	int rc = baton_secret_read(server->options.secrets_dir, def->secret, &secret, why,
				   sizeof(why));

	if (rc == 0)
		rc = jwt_key_read(&signers->keys[signers->n], def, secret, why, sizeof(why));
	if (rc == 0)
		signers->n++;
	else
		baton_log(BATON_LOG_WARN, "identity_key_unusable", "sss", "kid", def->kid, "secret",
			  def->secret, "why", why);
	baton_secret_free(&secret);
}

static char *hash_secret_load(struct baton_server *server, const char *name)
{
	char *secret = NULL, *own = NULL, why[256] = "no such secret";

	if (!name || name[0] == '\0')
		return NULL;
	int rc = baton_secret_read(server->options.secrets_dir, name, &secret, why, sizeof(why));
	if (rc == 0 && strlen(secret) < HASH_KEY_BYTES_MIN) {
		identity_copy(why, sizeof(why), BATON_STR("shorter than 16 bytes"));
		rc = BATON_E_INVAL;
	}
	if (rc == 0)
		own = baton_memdupz(secret, strlen(secret));
	else
		baton_log(BATON_LOG_WARN, "identity_key_unusable", "sss", "kid", "identifier_hash",
			  "secret", name, "why", why);
	baton_secret_free(&secret);
	return own;
}

void signers_free(struct signers **signers)
{
	struct signers *own = *signers;

	*signers = NULL;
	if (!own)
		return;
	for (size_t i = 0; i < own->n; i++)
		jwt_key_done(&own->keys[i]);
	if (own->hash_secret)
		OPENSSL_cleanse(own->hash_secret, strlen(own->hash_secret));
	baton_free(own->hash_secret);
	baton_free(own->tier_claim);
	baton_free(own->agent_claim);
	baton_free(own->role_claim);
	baton_free(own->keys);
	baton_free(own);
}

void signers_adopt(struct baton_server *server, const struct baton_policy *policy)
{
	struct baton_identities *identities = server->identities;
	const struct baton_identity_def *def = &policy->identity;
	struct signers *signers = baton_new(struct signers);

	signers->keys = baton_alloc((def->n_keys + 1) * sizeof(*signers->keys));
	for (size_t i = 0; i < def->n_keys; i++)
		key_load(server, &def->keys[i], signers);
	signers->hash_secret = hash_secret_load(server, def->hash_secret);
	signers->tier_claim = baton_memdupz(def->tier_claim, strlen(def->tier_claim));
	signers->agent_claim = baton_memdupz(def->agent_claim, strlen(def->agent_claim));
	signers->role_claim = baton_memdupz(def->role_claim, strlen(def->role_claim));
	signers->max_age_ms = def->max_age_ms;
	signers->leeway_ms = def->leeway_ms;
	signers->session_ms = def->session_ms;
	pthread_mutex_lock(&identities->keys_lock);
	struct signers *old = identities->signers;
	identities->signers = signers;
	pthread_mutex_unlock(&identities->keys_lock);
	signers_free(&old);
}

/* --- claims --- */

/* A text claim that may be left out; false if it is there and cannot be taken. */
static bool claim_text(const json_t *claims, const char *name, size_t bytes_max, char *to,
		       size_t cap)
{
	const json_t *value = json_object_get(claims, name);
	baton_str text = { json_string_value(value), json_string_length(value) };

	if (!value || json_is_null(value) || name[0] == '\0')
		return true;
	if (!json_is_string(value))
		return false;
	if (text.n > 0 && !jwt_is_printable(text, bytes_max))
		return false;
	identity_copy(to, cap, text);
	return true;
}

static bool claim_attributes(const json_t *claims, struct baton_identity *ret)
{
	const json_t *attrs = json_object_get(claims, "attrs");

	if (!attrs || json_is_null(attrs))
		return true;
	if (!json_is_object(attrs))
		return false;
	char *text = json_dumps(attrs, JSON_COMPACT);
	size_t n = text ? strlen(text) : SIZE_MAX;
	bool fits = n <= BATON_ATTRIBUTES_BYTES_MAX;

	if (fits)
		identity_copy(ret->attributes, sizeof(ret->attributes), (baton_str){ text, n });
	free(text);
	return fits;
}

static enum jwt_refusal take_claims(const struct signers *signers, const json_t *claims,
				    struct baton_identity *ret)
{
	if (!claim_text(claims, "sub", BATON_NAME_BYTES_MAX, ret->customer,
			sizeof(ret->customer)) ||
	    !claim_text(claims, "name", 512, ret->name, sizeof(ret->name)) ||
	    !claim_text(claims, "email", BATON_CONTACT_BYTES_MAX, ret->email, sizeof(ret->email)) ||
	    !claim_text(claims, signers->tier_claim, BATON_NAME_BYTES_MAX, ret->customer_tier,
			sizeof(ret->customer_tier)) ||
	    !claim_attributes(claims, ret))
		return JWT_BAD_CLAIM;
	return JWT_OK;
}

static struct jwt_rules rules_of(const struct signers *signers, bool for_agents)
{
	return (struct jwt_rules){ .now_ms = (int64_t)baton_loop_unix_ms(),
				   .max_age_ms = signers->max_age_ms,
				   .leeway_ms = signers->leeway_ms,
				   .for_agents = for_agents };
}

/* --- customers --- */

static enum jwt_refusal by_token(struct baton_identities *identities, baton_str token,
				 struct baton_identity *ret)
{
	const struct jwt_key *key = NULL;
	json_t *claims = NULL;

	pthread_mutex_lock(&identities->keys_lock);
	const struct signers *signers = identities->signers;
	struct jwt_rules rules = rules_of(signers, false);
	enum jwt_refusal refusal =
		jwt_verify(signers->keys, signers->n, &rules, token, &claims, &key);
	if (refusal == JWT_OK)
		refusal = take_claims(signers, claims, ret);
	if (refusal == JWT_OK)
		identity_copy(ret->key, sizeof(ret->key), baton_str_of(key->kid));
	pthread_mutex_unlock(&identities->keys_lock);
	json_decref(claims);
	return refusal;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hash_read(baton_str text, uint8_t mac[32])
{
	if (text.n != HASH_TEXT)
		return false;
	for (size_t i = 0; i < 32; i++) {
		int high = nibble(text.p[2 * i]), low = nibble(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static enum jwt_refusal by_hash(struct baton_identities *identities, baton_str id, baton_str hash,
				struct baton_identity *ret)
{
	uint8_t shown[32], expected[32];
	unsigned n = 0;

	if (!jwt_is_printable(id, BATON_NAME_BYTES_MAX))
		return JWT_BAD_SUBJECT;
	if (!hash_read(hash, shown))
		return JWT_BAD_HASH;
	pthread_mutex_lock(&identities->keys_lock);
	const char *secret = identities->signers->hash_secret;
	if (secret)
		HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)id.p, id.n,
		     expected, &n);
	pthread_mutex_unlock(&identities->keys_lock);
	if (n != sizeof(expected))
		return JWT_UNKNOWN_KEY;
	if (CRYPTO_memcmp(shown, expected, sizeof(expected)) != 0)
		return JWT_BAD_HASH;
	identity_copy(ret->customer, sizeof(ret->customer), id);
	identity_copy(ret->key, sizeof(ret->key), BATON_STR("identifier_hash"));
	return JWT_OK;
}

static void forget(struct baton_identity *identity)
{
	identity->customer[0] = identity->customer_tier[0] = '\0';
	identity->name[0] = identity->email[0] = identity->key[0] = '\0';
	identity->attributes[0] = '\0';
}

struct baton_identity_answer baton_port_customer(struct baton_port *port,
						 const struct baton_identity_shown *shown,
						 struct baton_identity *ret)
{
	struct baton_identities *identities = port->worker->server->identities;
	enum jwt_refusal refusal = JWT_OK;

	ret->role = BATON_CUSTOMER;
	identity_copy(ret->claimed, sizeof(ret->claimed), shown->claimed);
	if (shown->token.n > 0)
		refusal = by_token(identities, shown->token, ret);
	else if (shown->hash.n > 0)
		refusal = by_hash(identities, shown->id, shown->hash, ret);
	else if (shown->id.n > 0)
		refusal = JWT_UNSIGNED;
	if (refusal != JWT_OK)
		forget(ret);
	if (ret->customer[0])
		baton_port_count(port, BATON_METRIC_IDENTITIES_VERIFIED, 1);
	/* Who only says who they are has not tried to prove it. */
	if (refusal != JWT_OK && refusal != JWT_UNSIGNED) {
		baton_port_count(port, BATON_METRIC_IDENTITIES_REFUSED, 1);
		identity_copy(ret->auth_failed, sizeof(ret->auth_failed),
			      baton_str_of(jwt_refusal_word(refusal)));
	}
	return (struct baton_identity_answer){ jwt_refusal_word(refusal),
					       jwt_refusal_hint(refusal) };
}

/* --- agents --- */

/* A claim that is this text, or a list that holds it. */
static bool claim_holds(const json_t *claim, const char *text)
{
	const char *alone = json_string_value(claim);

	for (size_t i = 0; !alone && i < json_array_size(claim); i++) {
		const char *one = json_string_value(json_array_get(claim, i));

		if (one && strcmp(one, text) == 0)
			return true;
	}
	return alone && strcmp(alone, text) == 0;
}

/* What the token says, held against the live policy. */
static enum jwt_refusal take_agent(struct baton_identities *identities,
				   const struct signers *signers, const json_t *claims,
				   struct baton_identity *ret)
{
	char id[BATON_NAME_BYTES_MAX + 1] = "";

	if (!claim_text(claims, signers->agent_claim, BATON_NAME_BYTES_MAX, id, sizeof(id)))
		return JWT_BAD_CLAIM;
	if (identity_agent(identities, baton_str_of(id), ret) < 0)
		return JWT_UNKNOWN_AGENT;
	return claim_holds(json_object_get(claims, signers->role_claim),
			   baton_port_role_word(ret->role))
		       ? JWT_OK
		       : JWT_WRONG_ROLE;
}

int baton_port_agent_jwt(struct baton_port *port, baton_str token,
			 struct baton_identity *ret_identity, struct baton_identity_answer *ret)
{
	struct baton_identities *identities = port->worker->server->identities;
	struct baton_identity said = { .role = BATON_CUSTOMER };
	const struct jwt_key *key = NULL;
	json_t *claims = NULL;

	pthread_mutex_lock(&identities->keys_lock);
	const struct signers *signers = identities->signers;
	struct jwt_rules rules = rules_of(signers, true);
	enum jwt_refusal refusal =
		jwt_verify(signers->keys, signers->n, &rules, token, &claims, &key);
	if (refusal == JWT_OK)
		refusal = take_agent(identities, signers, claims, &said);
	pthread_mutex_unlock(&identities->keys_lock);
	json_decref(claims);
	if (refusal == JWT_OK)
		*ret_identity = said;
	*ret = (struct baton_identity_answer){ jwt_refusal_word(refusal),
					       jwt_refusal_hint(refusal) };
	return refusal == JWT_OK ? BATON_OK : BATON_E_AUTH;
}
