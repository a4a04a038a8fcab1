/* SPDX-License-Identifier: Apache-2.0 */

/* What all workers share of who is who. Internal to core/server.
 *
 * Two locks, `lock` inside `keys_lock` if both: `lock` for table lookups, `keys_lock` for as long
 * as a signature takes, because the keys' JSON is not for two threads at once. Secrets are files
 * and are read under neither.
 */
#pragma once

#include "core/server/jwt.h"
#include "core/server/worker.h"

enum { SECRET_BYTES = 32 };

struct ticket;

struct agent_entry {
	char id[65], name[65];
	enum baton_role role;
	bool has_token;
	uint8_t sha256[32]; /* of the token; zeros without one */
};

struct signers {
	struct jwt_key *keys;
	size_t n;
	char *hash_secret; /* NULL: identifier_hash is refused */
	char *tier_claim, *agent_claim, *role_claim;
	int64_t max_age_ms, leeway_ms;
	uint64_t session_ms;
};

struct baton_identities {
	uint8_t secret[SECRET_BYTES]; /* of the server; read-only once open */

	pthread_mutex_t lock;
	struct ticket *tickets;
	struct agent_entry *agents;
	size_t n_agents;

	pthread_mutex_t keys_lock;
	struct signers *signers;
};

/* --- tickets.c --- */
void tickets_done(struct baton_identities *identities);

/* --- agents.c --- */
/* From now on the agents of this set. Blocking: reads secrets. */
void agents_adopt(struct baton_server *server, const struct baton_policy *policy);

/* The agent of the live policy called `id`; BATON_E_NOTFOUND. */
int identity_agent(struct baton_identities *identities, baton_str id,
		   struct baton_identity *ret_identity);

/* --- signers.c --- */
/* From now on the keys of this set. Blocking: reads secrets. */
void signers_adopt(struct baton_server *server, const struct baton_policy *policy);
void signers_free(struct signers **signers);

/* --- identity.c --- */
/* RFC 4648 section 5, without padding; 32 bytes give 43 characters. */
void identity_base64url(const uint8_t bytes[32], char text[44]);
/* Cuts what does not fit, behind a whole character. */
void identity_copy(char *to, size_t cap, baton_str from);
