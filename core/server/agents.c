/* SPDX-License-Identifier: Apache-2.0 */

/* Who works at the desk: by token, or by a login that a cookie remembers.
 *
 * A login is stateless: the cookie says who, as what and until when, under an HMAC of the server's
 * secret. It counts for as long as the live policy knows the agent in that role; and because the
 * HMAC covers the agent's token too, a new token ends the logins made under the old one.
 */

#include "core/server/identity.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/module/file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

enum { TOKEN_BYTES_MIN = 16, LOGIN_FIELDS = 5, MAC_TEXT = 43 };

/* --- who there is --- */

static enum baton_role role_of(const char *role)
{
	if (strcmp(role, "supervisor") == 0)
		return BATON_SUPERVISOR;
	return strcmp(role, "admin") == 0 ? BATON_ADMIN : BATON_AGENT;
}

/* An agent without a token cannot sign in by one; the others can, so this is a warning. */
static void token_load(struct baton_server *server, const struct baton_agent_def *agent,
		       struct agent_entry *entry)
{
	char *token = NULL, why[256] = "no such secret";

	if (!agent->secret || agent->secret[0] == '\0')
		return; /* signs in by what identity.yaml says */
	if (baton_secret_read(server->options.secrets_dir, agent->secret, &token, why,
			      sizeof(why)) < 0) {
		baton_log(BATON_LOG_WARN, "agent_without_token", "sss", "agent", agent->id,
			  "secret", agent->secret, "why", why);
		return;
	}
	entry->has_token = strlen(token) >= TOKEN_BYTES_MIN;
	if (entry->has_token)
		EVP_Digest(token, strlen(token), entry->sha256, NULL, EVP_sha256(), NULL);
	else
		baton_log(BATON_LOG_WARN, "agent_token_too_short", "su", "agent", agent->id,
			  "bytes_min", (uint64_t)TOKEN_BYTES_MIN);
	baton_secret_free(&token);
}

void agents_adopt(struct baton_server *server, const struct baton_policy *policy)
{
	struct baton_identities *identities = server->identities;
	struct agent_entry *agents = baton_alloc((policy->n_agents + 1) * sizeof(*agents));

	for (size_t i = 0; i < policy->n_agents; i++) {
		const struct baton_agent_def *agent = &policy->agents[i];

		identity_copy(agents[i].id, sizeof(agents[i].id), baton_str_of(agent->id));
		identity_copy(agents[i].name, sizeof(agents[i].name), baton_str_of(agent->name));
		agents[i].role = role_of(agent->role);
		token_load(server, agent, &agents[i]);
	}
	pthread_mutex_lock(&identities->lock);
	struct agent_entry *old = identities->agents;
	identities->agents = agents;
	identities->n_agents = policy->n_agents;
	pthread_mutex_unlock(&identities->lock);
	baton_free(old);
}

static void become(const struct agent_entry *entry, struct baton_identity *ret)
{
	ret->role = entry->role;
	identity_copy(ret->agent, sizeof(ret->agent), baton_str_of(entry->id));
	identity_copy(ret->agent_name, sizeof(ret->agent_name), baton_str_of(entry->name));
}

/* A copy of the agent's entry; false if there is none. */
static bool agent_find(struct baton_identities *identities, baton_str id, struct agent_entry *ret)
{
	bool found = false;

	pthread_mutex_lock(&identities->lock);
	for (size_t i = 0; i < identities->n_agents && !found; i++) {
		found = baton_str_is(id, identities->agents[i].id);
		if (found)
			*ret = identities->agents[i];
	}
	pthread_mutex_unlock(&identities->lock);
	return found;
}

int baton_port_agent_token(struct baton_port *port, baton_str token,
			   struct baton_identity *ret_identity)
{
	struct baton_identities *identities = port->worker->server->identities;
	const struct agent_entry *found = NULL;
	uint8_t sha256[32];

	EVP_Digest(token.p ? token.p : "", token.n, sha256, NULL, EVP_sha256(), NULL);
	pthread_mutex_lock(&identities->lock);
	for (size_t i = 0; i < identities->n_agents; i++)
		if (identities->agents[i].has_token &&
		    CRYPTO_memcmp(sha256, identities->agents[i].sha256, sizeof(sha256)) == 0)
			found = &identities->agents[i];
	if (found)
		become(found, ret_identity);
	pthread_mutex_unlock(&identities->lock);
	return found ? BATON_OK : BATON_E_AUTH;
}

/* --- logins --- */

static const char *const role_words[] = { [BATON_CUSTOMER] = "customer",
					  [BATON_AGENT] = "agent",
					  [BATON_SUPERVISOR] = "supervisor",
					  [BATON_ADMIN] = "admin",
					  [BATON_SELF] = "self" };

const char *baton_port_role_word(enum baton_role role)
{
	return role_words[role];
}

/* Over what the cookie says and the token that the agent has now. */
static void login_mac(const struct baton_identities *identities, baton_str said,
		      const struct agent_entry *entry, char text[MAC_TEXT + 1])
{
	struct baton_buf message = { NULL, 0, 0 };
	uint8_t mac[32];
	unsigned n = sizeof(mac);

	baton_buf_z(&message,
		    "baton login\n"); /* no proof of a session begins so: they are 16 bytes */
	baton_buf_str(&message, said);
	baton_buf_z(&message, "\n");
	baton_buf_add(&message, entry->sha256, sizeof(entry->sha256));
	HMAC(EVP_sha256(), identities->secret, SECRET_BYTES, (const unsigned char *)message.p,
	     message.n, mac, &n);
	baton_buf_done(&message);
	identity_base64url(mac, text);
}

static uint64_t session_ms(struct baton_identities *identities)
{
	pthread_mutex_lock(&identities->keys_lock);
	uint64_t ms = identities->signers->session_ms;
	pthread_mutex_unlock(&identities->keys_lock);
	return ms;
}

int baton_port_login_make(struct baton_port *port, const struct baton_identity *agent,
			  char text[BATON_LOGIN_TEXT_MAX + 1], uint64_t *ret_expires_ms)
{
	struct baton_identities *identities = port->worker->server->identities;
	uint64_t now_ms = baton_loop_unix_ms();
	struct agent_entry entry;
	char mac[MAC_TEXT + 1];

	if (!agent_find(identities, baton_str_of(agent->agent), &entry))
		return BATON_E_AUTH;
	*ret_expires_ms = now_ms + session_ms(identities);
	int n = snprintf(text, BATON_LOGIN_TEXT_MAX + 1, "1:%s:%s:%llu:%llu", entry.id,
			 role_words[entry.role], (unsigned long long)now_ms,
			 (unsigned long long)*ret_expires_ms);
	login_mac(identities, (baton_str){ text, (size_t)n }, &entry, mac);
	snprintf(text + n, BATON_LOGIN_TEXT_MAX + 1 - (size_t)n, ":%s", mac);
	return BATON_OK;
}

static uint64_t number_of(baton_str digits)
{
	uint64_t value = 0;

	for (size_t i = 0; i < digits.n; i++)
		value = value * 10 + (uint64_t)(digits.p[i] - '0');
	return value;
}

/* Only what carries our HMAC is read, so its form is ours. */
static void login_split(baton_str said, baton_str fields[LOGIN_FIELDS])
{
	size_t n = 0, from = 0;

	for (size_t i = 0; i <= said.n && n < LOGIN_FIELDS; i++) {
		if (i < said.n && said.p[i] != ':')
			continue;
		fields[n++] = (baton_str){ said.p + from, i - from };
		from = i + 1;
	}
}

int baton_port_login_check(struct baton_port *port, baton_str text,
			   struct baton_identity *ret_identity, uint64_t *ret_expires_ms)
{
	struct baton_identities *identities = port->worker->server->identities;
	baton_str fields[LOGIN_FIELDS] = { { NULL, 0 } };
	char mac[MAC_TEXT + 1];
	struct agent_entry entry;
	uint64_t now_ms = baton_loop_unix_ms();

	if (text.n <= MAC_TEXT + 1 || text.n > BATON_LOGIN_TEXT_MAX)
		return BATON_E_AUTH;
	baton_str said = { text.p, text.n - MAC_TEXT - 1 };
	login_split(said, fields);
	if (!agent_find(identities, fields[1], &entry))
		return BATON_E_AUTH;
	login_mac(identities, said, &entry, mac);
	if (text.p[said.n] != ':' || CRYPTO_memcmp(mac, text.p + said.n + 1, MAC_TEXT) != 0)
		return BATON_E_AUTH;
	/* A shorter `session` counts at once, a longer one from the next login on. */
	if (!baton_str_is(fields[2], role_words[entry.role]) || number_of(fields[4]) <= now_ms ||
	    number_of(fields[3]) + session_ms(identities) <= now_ms)
		return BATON_E_AUTH;
	become(&entry, ret_identity);
	*ret_expires_ms = number_of(fields[4]);
	return BATON_OK;
}

/* --- by somebody else's signature --- */

int identity_agent(struct baton_identities *identities, baton_str id,
		   struct baton_identity *ret_identity)
{
	struct agent_entry entry;

	if (!agent_find(identities, id, &entry))
		return BATON_E_NOTFOUND;
	become(&entry, ret_identity);
	return BATON_OK;
}
