/* SPDX-License-Identifier: Apache-2.0 */

/* baton identity mint: a token as an embedder's backend would make it, for trying things out. It
 * reads the policy set and the secrets itself; whoever can run it here has the key anyway. */

#include "core/cli/identity.h"

#include "core/base/errors.h"
#include "core/cli/admin.h"
#include "core/module/file.h"
#include "core/server/jwt.h"

#include <stdio.h>
#include <unistd.h>

struct baton_policy *cli_identity_policy(const struct cli_options *options)
{
	struct baton_policy *policy = NULL;

	if (baton_policy_load(options->policies, cli_tell_finding, NULL, &policy) < 0)
		fprintf(stderr, "baton: the policy set %s cannot be used\n", options->policies);
	return policy;
}

const struct baton_identity_key *cli_identity_key(const struct baton_policy *policy,
						  const char *kid)
{
	for (size_t i = 0; i < policy->identity.n_keys; i++) {
		const struct baton_identity_key *key = &policy->identity.keys[i];

		if (strcmp(key->alg, "HS256") == 0 && strcmp(key->for_, "customers") == 0 &&
		    (!kid || strcmp(key->kid, kid) == 0))
			return key;
	}
	return NULL;
}

/* --- the token --- */

static json_t *claims_of(const struct cli_options *options, const struct baton_policy *policy,
			 const struct baton_identity_key *key, uint64_t ttl_ms)
{
	const int64_t now = (int64_t)(cli_unix_ms() / 1000);
	json_t *claims = json_object();

	json_object_set_new(claims, "sub", json_string(options->customer));
	if (options->name)
		json_object_set_new(claims, "name", json_string(options->name));
	if (options->email)
		json_object_set_new(claims, "email", json_string(options->email));
	if (options->tier)
		json_object_set_new(claims, policy->identity.tier_claim,
				    json_string(options->tier));
	if (key->issuer[0])
		json_object_set_new(claims, "iss", json_string(key->issuer));
	if (key->audience[0])
		json_object_set_new(claims, "aud", json_string(key->audience));
	json_object_set_new(claims, "iat", json_integer(now));
	json_object_set_new(claims, "exp", json_integer(now + (int64_t)(ttl_ms / 1000)));
	return claims;
}

static int print_token(const struct cli_options *options, const struct baton_identity_key *key,
		       const char *token, uint64_t ttl_ms)
{
	if (!token) {
		fprintf(stderr, "baton: the key `%s` signs nothing\n", key->kid);
		return CLI_FAILED;
	}
	if (options->json)
		printf("{\"token\":\"%s\",\"kid\":\"%s\",\"expires_ms\":%llu}\n", token, key->kid,
		       (unsigned long long)(cli_unix_ms() + ttl_ms));
	else
		printf("%s\n", token);
	return CLI_OK;
}

static int mint(const struct cli_options *options, const struct baton_policy *policy,
		const struct baton_identity_key *def, uint64_t ttl_ms)
{
	char dir[4096], why[256] = "no such secret", *secret = NULL;
	struct jwt_key key;

	snprintf(dir, sizeof(dir), "%s/secrets", options->data);
	int rc = baton_secret_read(options->secrets ? options->secrets : dir, def->secret, &secret,
				   why, sizeof(why));
	if (rc == 0)
		rc = jwt_key_read(&key, def, secret, why, sizeof(why));
	baton_secret_free(&secret);
	if (rc < 0) {
		fprintf(stderr, "baton: the secret %s of the key `%s`: %s\n", def->secret, def->kid,
			why);
		return CLI_FAILED;
	}
	json_t *claims = claims_of(options, policy, def, ttl_ms);
	char *token = jwt_sign(&key, claims);
	rc = print_token(options, def, token, ttl_ms);
	baton_free(token);
	json_decref(claims);
	jwt_key_done(&key);
	return rc;
}

static int usage(const char *what)
{
	fprintf(stderr, "baton identity mint: %s\n", what);
	return CLI_USAGE;
}

int cli_identity_mint(const struct cli_options *options)
{
	uint64_t ttl_ms = 5ull * 60 * 1000;

	cli_log_to_stderr("error");
	if (!options->customer)
		return usage("--customer says whom the token is about");
	if (!jwt_is_printable(baton_str_of(options->customer), BATON_NAME_BYTES_MAX))
		return usage("--customer has 1 to 64 bytes without control characters");
	if (options->ttl && (!admin_read_duration(options->ttl, &ttl_ms) || ttl_ms < 1000))
		return usage("--ttl is a time such as 5m");
	struct baton_policy *policy = cli_identity_policy(options);
	if (!policy)
		return CLI_FAILED;
	const struct baton_identity_key *key = cli_identity_key(policy, options->kid);
	int rc = CLI_FAILED;
	if (!key)
		fprintf(stderr, "baton: identity.yaml of %s has no HS256 key for customers%s%s\n",
			options->policies, options->kid ? " with the kid " : "",
			options->kid ? options->kid : "");
	else if (ttl_ms > policy->identity.max_age_ms)
		rc = usage("--ttl is more than max_age of identity.yaml");
	else
		rc = mint(options, policy, key, ttl_ms);
	baton_policy_free(&policy);
	return rc;
}

const struct cli_command cli_identity_commands[] = {
	{ "identity mint", NULL,
	  "print a token that says who a customer is, signed with an HS256 key of the set",
	  "pdsqtEeTyj", cli_identity_mint, NULL },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};
