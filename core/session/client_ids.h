/* SPDX-License-Identifier: Apache-2.0 */

/* The client ids a session has seen, each with the seq it became. They live as long as the session,
 * so that a message repeated after a day, a reconnect or a restart is still the same message.
 *
 * Ids are kept as 64-bit hashes: 16 bytes each, and two different ids of one session fall together
 * once in 10^11 sessions of BATON_SESSION_MESSAGES_MAX messages. Customers' and agents' ids are
 * hashed apart. Pure.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/json.h"

/* Zeroed: none was seen. */
struct baton_client_ids {
	struct baton_client_id *slots; /* a power of two, at least twice n */
	uint32_t n, n_slots;
};

/* The seq under which `id` was seen, 0 if never. */
uint64_t baton_client_ids_find(const struct baton_client_ids *ids, unsigned speaker, baton_str id);
void baton_client_ids_add(struct baton_client_ids *ids, unsigned speaker, baton_str id,
			  uint64_t seq);
void baton_client_ids_done(struct baton_client_ids *ids);
/* As a JSON array [hash,seq,hash,seq,...] and back. */
void baton_client_ids_save(const struct baton_client_ids *ids, struct baton_buf *out);
int baton_client_ids_load(struct baton_client_ids *ids, const struct baton_json *array);
