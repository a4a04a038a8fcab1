/* SPDX-License-Identifier: Apache-2.0 */

/* Who is who: single-use tickets, proof of a session, agents' tokens, origins.
 *
 * Tickets live in memory only: they are good for 30 s, and a restart makes everybody ask again.
 * They are the one thing that workers share under a lock, held for a table lookup. The proof of a
 * session is an HMAC under a secret kept in the journal, so it outlives restarts and costs no
 * memory.
 */

#include "core/server/loader.h"
#include "core/server/worker.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/module/file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

enum { SECRET_BYTES = 32, TICKETS_MAX = 100000, TOKEN_BYTES_MIN = 16 };

struct ticket {
	char text[BATON_TICKET_TEXT + 1];
	uint64_t expires_ns;
	struct baton_identity identity;
	UT_hash_handle hh; /* in order of making, so the oldest is first */
};

struct agent_token {
	uint8_t sha256[32];
	struct baton_identity identity;
};

struct baton_identities {
	pthread_mutex_t lock;
	struct ticket *tickets;
	uint8_t secret[SECRET_BYTES];
	struct agent_token *agents; /* read-only once open */
	size_t n_agents;
};

/* RFC 4648 section 5, without padding; 32 bytes give 43 characters. */
static void base64url(const uint8_t bytes[32], char text[44])
{
	unsigned char padded[48];

	EVP_EncodeBlock(padded, bytes, 32);
	for (int i = 0; i < 43; i++)
		text[i] = padded[i] == '+' ? '-' : padded[i] == '/' ? '_' : (char)padded[i];
	text[43] = '\0';
}

static void copy(char *to, size_t cap, const char *from)
{
	baton_str cut = baton_str_clip(baton_str_of(from), cap - 1);

	memcpy(to, cut.p ? cut.p : "", cut.n);
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

/* An agent without a token cannot sign in; the others can, so this is a warning. */
static void agent_load(struct baton_server *server, const struct baton_agent_def *agent,
		       struct agent_token *agents, size_t *n)
{
	char *token = NULL, why[256] = "no such secret";
	struct agent_token *entry = &agents[*n];

	if (baton_secret_read(server->options.secrets_dir, agent->secret, &token, why,
			      sizeof(why)) < 0) {
		baton_log(BATON_LOG_WARN, "agent_without_token", "sss", "agent", agent->id,
			  "secret", agent->secret, "why", why);
		return;
	}
	if (strlen(token) < TOKEN_BYTES_MIN) {
		baton_log(BATON_LOG_WARN, "agent_token_too_short", "su", "agent", agent->id,
			  "bytes_min", (uint64_t)TOKEN_BYTES_MIN);
	} else {
		EVP_Digest(token, strlen(token), entry->sha256, NULL, EVP_sha256(), NULL);
		entry->identity.role =
			strcmp(agent->role, "supervisor") == 0 ? BATON_SUPERVISOR : BATON_AGENT;
		copy(entry->identity.agent, sizeof(entry->identity.agent), agent->id);
		copy(entry->identity.agent_name, sizeof(entry->identity.agent_name), agent->name);
		++*n;
	}
	baton_secret_free(&token);
}

void identities_adopt(struct baton_server *server, const struct baton_policy *policy)
{
	struct baton_identities *identities = server->identities;
	struct agent_token *agents = baton_alloc((policy->n_agents + 1) * sizeof(*agents));
	size_t n = 0;

	/* Secrets are files: not under the lock. */
	for (size_t i = 0; i < policy->n_agents; i++)
		agent_load(server, &policy->agents[i], agents, &n);
	pthread_mutex_lock(&identities->lock);
	struct agent_token *old = identities->agents;
	identities->agents = agents;
	identities->n_agents = n;
	pthread_mutex_unlock(&identities->lock);
	baton_free(old);
}

int identities_open(struct baton_server *server)
{
	struct baton_identities *identities = baton_new(struct baton_identities);
	struct baton_release *release = loader_live(server);

	pthread_mutex_init(&identities->lock, NULL);
	server->identities = identities;
	identities_adopt(server, baton_release_policy(release));
	baton_release_unref(&release);
	int rc = secret_load(server, identities);
	if (rc < 0)
		baton_log(BATON_LOG_ERROR, "server_secret_unreadable", "s", "code",
			  baton_error_info(rc)->wire);
	return rc;
}

static void ticket_drop(struct baton_identities *identities, struct ticket *ticket)
{
	HASH_DEL(identities->tickets, ticket);
	baton_free(ticket);
}

void identities_close(struct baton_server *server)
{
	struct baton_identities *identities = server->identities;
	struct ticket *ticket, *after;

	if (!identities)
		return;
	HASH_ITER(hh, identities->tickets, ticket, after)
		ticket_drop(identities, ticket);
	pthread_mutex_destroy(&identities->lock);
	OPENSSL_cleanse(identities->secret, sizeof(identities->secret));
	baton_free(identities->agents);
	baton_free(identities);
	server->identities = NULL;
}

static void drop_expired(struct baton_identities *identities, uint64_t now_ns)
{
	while (identities->tickets && identities->tickets->expires_ns <= now_ns)
		ticket_drop(identities, identities->tickets);
}

int baton_port_ticket_make(struct baton_port *port, const struct baton_identity *identity,
			   char text[BATON_TICKET_TEXT + 1])
{
	struct baton_identities *identities = port->worker->server->identities;
	uint64_t now_ns = baton_loop_now_ns(port->worker->loop);
	uint8_t random[32];
	int rc = BATON_OK;

	if (RAND_bytes(random, sizeof(random)) != 1)
		return BATON_E_IO;
	base64url(random, text);
	struct ticket *ticket = baton_new(struct ticket);
	memcpy(ticket->text, text, sizeof(ticket->text));
	ticket->identity = *identity;
	ticket->expires_ns = now_ns + BATON_TICKET_MS * 1000000ull;
	pthread_mutex_lock(&identities->lock);
	drop_expired(identities, now_ns);
	if (HASH_COUNT(identities->tickets) < TICKETS_MAX)
		HASH_ADD(hh, identities->tickets, text, BATON_TICKET_TEXT, ticket);
	else
		rc = BATON_E_RATE;
	pthread_mutex_unlock(&identities->lock);
	if (rc < 0)
		baton_free(ticket);
	return rc;
}

int baton_port_ticket_take(struct baton_port *port, baton_str text, baton_str origin,
			   struct baton_identity *ret_identity)
{
	struct baton_identities *identities = port->worker->server->identities;
	struct ticket *ticket = NULL;
	int rc = BATON_E_AUTH;

	if (text.n != BATON_TICKET_TEXT)
		return BATON_E_AUTH;
	pthread_mutex_lock(&identities->lock);
	drop_expired(identities, baton_loop_now_ns(port->worker->loop));
	HASH_FIND(hh, identities->tickets, text.p, BATON_TICKET_TEXT, ticket);
	if (ticket) {
		bool same = !origin.p || baton_str_is(origin, ticket->identity.origin);

		rc = same ? BATON_OK : BATON_E_ORIGIN;
		if (same)
			*ret_identity = ticket->identity;
		ticket_drop(identities, ticket); /* used up by a wrong origin too */
	}
	pthread_mutex_unlock(&identities->lock);
	return rc;
}

void baton_port_resume_token(struct baton_port *port, const struct baton_id *session,
			     char text[BATON_RESUME_TEXT + 1])
{
	const struct baton_identities *identities = port->worker->server->identities;
	uint8_t mac[32];
	unsigned n = sizeof(mac);

	HMAC(EVP_sha256(), identities->secret, SECRET_BYTES, session->b, sizeof(session->b), mac,
	     &n);
	base64url(mac, text);
}

bool baton_port_resume_ok(struct baton_port *port, const struct baton_id *session, baton_str token)
{
	char expected[BATON_RESUME_TEXT + 1];

	baton_port_resume_token(port, session, expected);
	return token.n == BATON_RESUME_TEXT && CRYPTO_memcmp(expected, token.p, token.n) == 0;
}

int baton_port_agent_token(struct baton_port *port, baton_str token,
			   struct baton_identity *ret_identity)
{
	struct baton_identities *identities = port->worker->server->identities;
	const struct agent_token *found = NULL;
	uint8_t sha256[32];

	EVP_Digest(token.p ? token.p : "", token.n, sha256, NULL, EVP_sha256(), NULL);
	pthread_mutex_lock(&identities->lock);
	for (size_t i = 0; i < identities->n_agents; i++)
		if (CRYPTO_memcmp(sha256, identities->agents[i].sha256, sizeof(sha256)) == 0)
			found = &identities->agents[i];
	if (found)
		*ret_identity = found->identity;
	pthread_mutex_unlock(&identities->lock);
	return found ? BATON_OK : BATON_E_AUTH;
}

/* "http://host" or "https://host" of our own Host header. */
static bool is_self(baton_str origin, baton_str host)
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
			    ? is_self(origin, host)
			    : baton_str_is(origin, policy->origins[i]))
			return true;
	}
	return false;
}
