/* SPDX-License-Identifier: Apache-2.0 */

/* Single-use tickets. They live in memory only: they are good for 30 s, and a restart makes
 * everybody ask again. All workers share them, because the kernel picks a worker for each
 * connection. */

#include "core/server/identity.h"

#include "core/base/errors.h"

#include <openssl/rand.h>

enum { TICKETS_MAX = 100000 };

struct ticket {
	char text[BATON_TICKET_TEXT + 1];
	uint64_t expires_ns;
	struct baton_who *who;
	UT_hash_handle hh; /* in order of making, so the oldest is first */
};

static void ticket_free(struct ticket *ticket)
{
	baton_free(ticket->who);
	baton_free(ticket);
}

static void ticket_drop(struct baton_identities *identities, struct ticket *ticket)
{
	HASH_DEL(identities->tickets, ticket);
	ticket_free(ticket);
}

static void drop_expired(struct baton_identities *identities, uint64_t now_ns)
{
	while (identities->tickets && identities->tickets->expires_ns <= now_ns)
		ticket_drop(identities, identities->tickets);
}

void tickets_done(struct baton_identities *identities)
{
	struct ticket *ticket, *after;

	HASH_ITER(hh, identities->tickets, ticket, after)
		ticket_drop(identities, ticket);
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
	identity_base64url(random, text);
	struct ticket *ticket = baton_new(struct ticket);
	memcpy(ticket->text, text, sizeof(ticket->text));
	ticket->who = baton_who_new(identity, BATON_STR_NONE);
	ticket->expires_ns = now_ns + BATON_TICKET_MS * 1000000ull;
	pthread_mutex_lock(&identities->lock);
	drop_expired(identities, now_ns);
	if (HASH_COUNT(identities->tickets) < TICKETS_MAX)
		HASH_ADD(hh, identities->tickets, text, BATON_TICKET_TEXT, ticket);
	else
		rc = BATON_E_RATE;
	pthread_mutex_unlock(&identities->lock);
	if (rc < 0)
		ticket_free(ticket);
	return rc;
}

int baton_port_ticket_take(struct baton_port *port, baton_str text, baton_str origin,
			   struct baton_identity *ret_identity)
{
	struct baton_identities *identities = port->worker->server->identities;
	struct ticket *ticket = NULL;

	if (text.n != BATON_TICKET_TEXT)
		return BATON_E_AUTH;
	pthread_mutex_lock(&identities->lock);
	drop_expired(identities, baton_loop_now_ns(port->worker->loop));
	HASH_FIND(hh, identities->tickets, text.p, BATON_TICKET_TEXT, ticket);
	if (ticket)
		HASH_DEL(identities->tickets, ticket); /* used up by a wrong origin too */
	pthread_mutex_unlock(&identities->lock);
	if (!ticket)
		return BATON_E_AUTH;

	bool same = !origin.p || baton_str_eq(origin, baton_who_text(ticket->who, WHO_ORIGIN));
	if (same)
		baton_who_identity(ticket->who, ret_identity);
	ticket_free(ticket);
	return same ? BATON_OK : BATON_E_ORIGIN;
}
