/* SPDX-License-Identifier: Apache-2.0 */

/* Who is who: the server's own secret, the proof of a session, origins. What is shared under
 * locks is in identity.h; tickets, agents and signed customers have a file each.
 *
 * The proof of a session is an HMAC under a secret kept in the journal, so it outlives restarts
 * and costs no memory.
 */

#include "core/server/identity.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/server/loader.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

void identity_base64url(const uint8_t bytes[32], char text[44])
{
	unsigned char padded[48];

	EVP_EncodeBlock(padded, bytes, 32);
	for (int i = 0; i < 43; i++)
		text[i] = padded[i] == '+' ? '-' : padded[i] == '/' ? '_' : (char)padded[i];
	text[43] = '\0';
}

void identity_copy(char *to, size_t cap, baton_str from)
{
	baton_str cut = baton_str_clip(from, cap - 1);

	if (cut.n > 0)
		memcpy(to, cut.p, cut.n);
	to[cut.n] = '\0';
}

static int secret_load(struct baton_server *server, struct baton_identities *identities)
{
	baton_str key = BATON_STR("server/secret");
	struct baton_buf value = { NULL, 0, 0 };
	int rc = baton_journal_get(server->journal, key, &value);

	if (rc == 0 && value.n == SECRET_BYTES)
		memcpy(identities->secret, value.p, SECRET_BYTES);
	else if (rc == 0)
		rc = BATON_E_CORRUPT;
	else if (rc == BATON_E_NOTFOUND) {
		rc = RAND_bytes(identities->secret, SECRET_BYTES) == 1 ? BATON_OK : BATON_E_IO;
		if (rc == BATON_OK)
			rc = baton_journal_put(
				server->journal, key,
				(baton_str){ (const char *)identities->secret, SECRET_BYTES });
	}
	baton_buf_done(&value);
	return rc;
}

void identities_adopt(struct baton_server *server, const struct baton_policy *policy)
{
	agents_adopt(server, policy);
	signers_adopt(server, policy);
}

int identities_open(struct baton_server *server)
{
	struct baton_identities *identities = baton_new(struct baton_identities);
	struct baton_release *release = loader_live(server);

	pthread_mutex_init(&identities->lock, NULL);
	pthread_mutex_init(&identities->keys_lock, NULL);
	server->identities = identities;
	identities_adopt(server, baton_release_policy(release));
	baton_release_unref(&release);
	int rc = secret_load(server, identities);
	if (rc < 0)
		baton_log(BATON_LOG_ERROR, "server_secret_unreadable", "s", "code",
			  baton_error_info(rc)->wire);
	return rc;
}

void identities_close(struct baton_server *server)
{
	struct baton_identities *identities = server->identities;

	if (!identities)
		return;
	tickets_done(identities);
	signers_free(&identities->signers);
	pthread_mutex_destroy(&identities->lock);
	pthread_mutex_destroy(&identities->keys_lock);
	OPENSSL_cleanse(identities->secret, sizeof(identities->secret));
	baton_free(identities->agents);
	baton_free(identities);
	server->identities = NULL;
}

/* --- the proof of a session --- */

/* OpenSSL takes longer to look up HMAC and SHA-256 than to compute them, and as long again to take
 * in a key: each worker keeps one that has it. */
static EVP_MAC_CTX *proof_new(const struct baton_identities *identities)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
				OSSL_PARAM_construct_end() };
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);

	EVP_MAC_free(hmac);
	int rc = EVP_MAC_init(ctx, identities->secret, SECRET_BYTES, params);
	baton_assert(rc == 1);
	return ctx;
}

void identities_leave(struct worker *worker)
{
	EVP_MAC_CTX_free(worker->proof);
	worker->proof = NULL;
}

void baton_port_resume_token(struct baton_port *port, const struct baton_id *session,
			     char text[BATON_RESUME_TEXT + 1])
{
	struct worker *worker = port->worker;
	uint8_t mac[32];
	size_t n = 0;

	if (!worker->proof)
		worker->proof = proof_new(worker->server->identities);
	int rc = EVP_MAC_init(worker->proof, NULL, 0, NULL); /* the key stays */
	rc = rc == 1 ? EVP_MAC_update(worker->proof, session->b, sizeof(session->b)) : rc;
	rc = rc == 1 ? EVP_MAC_final(worker->proof, mac, &n, sizeof(mac)) : rc;
	baton_assert(rc == 1 && n == sizeof(mac));
	identity_base64url(mac, text);
}

bool baton_port_resume_ok(struct baton_port *port, const struct baton_id *session, baton_str token)
{
	char expected[BATON_RESUME_TEXT + 1];

	baton_port_resume_token(port, session, expected);
	return token.n == BATON_RESUME_TEXT && CRYPTO_memcmp(expected, token.p, token.n) == 0;
}

/* --- origins --- */

bool baton_port_origin_self(baton_str origin, baton_str host)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);

		if (origin.n == n + host.n && memcmp(origin.p, schemes[i], n) == 0 &&
		    memcmp(origin.p + n, host.p, host.n) == 0)
			return host.n > 0;
	}
	return false;
}

bool baton_port_origin_ok(struct baton_port *port, baton_str origin, baton_str host)
{
	const struct baton_policy *policy = baton_release_policy(port->worker->live);

	for (size_t i = 0; i < policy->n_origins; i++) {
		if (strcmp(policy->origins[i], "self") == 0
			    ? baton_port_origin_self(origin, host)
			    : baton_str_is(origin, policy->origins[i]))
			return true;
	}
	return false;
}
