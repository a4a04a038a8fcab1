/* SPDX-License-Identifier: Apache-2.0 */

/* An open-addressed table of hashes; grows by doubling, never shrinks, nothing is ever removed. Its
 * head lies in the session: a session that was quiet waits for one place less. */

#include "core/session/client_ids.h"

#include "core/base/errors.h"
#include "core/base/hash.h"

enum { FIRST_SLOTS = 8 };

struct baton_client_id {
	uint64_t hash, seq; /* seq 0: empty */
};

/* Where the hash is, or would be. */
static struct baton_client_id *slot_of(const struct baton_client_ids *ids, uint64_t hash)
{
	size_t i = (size_t)hash & (ids->n_slots - 1);

	while (ids->slots[i].seq != 0 && ids->slots[i].hash != hash)
		i = (i + 1) & (ids->n_slots - 1);
	return &ids->slots[i];
}

static void ids_put(struct baton_client_ids *ids, uint64_t hash, uint64_t seq)
{
	struct baton_client_id *slot = slot_of(ids, hash);

	if (slot->seq == 0)
		ids->n++;
	*slot = (struct baton_client_id){ hash, seq };
}

static void ids_grow(struct baton_client_ids *ids)
{
	struct baton_client_ids old = *ids;

	ids->n_slots = old.n_slots ? old.n_slots * 2 : FIRST_SLOTS;
	ids->slots = baton_alloc(ids->n_slots * sizeof(*ids->slots));
	ids->n = 0;
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.slots[i].seq != 0)
			ids_put(ids, old.slots[i].hash, old.slots[i].seq);
	baton_free(old.slots);
}

static void ids_add_hash(struct baton_client_ids *ids, uint64_t hash, uint64_t seq)
{
	if (2 * (ids->n + 1) > ids->n_slots)
		ids_grow(ids);
	ids_put(ids, hash, seq);
}

static uint64_t id_hash(unsigned speaker, baton_str id)
{
	return baton_hash_seeded(id.p, id.n, speaker);
}

uint64_t baton_client_ids_find(const struct baton_client_ids *ids, unsigned speaker, baton_str id)
{
	return ids->n > 0 ? slot_of(ids, id_hash(speaker, id))->seq : 0;
}

void baton_client_ids_add(struct baton_client_ids *ids, unsigned speaker, baton_str id,
			  uint64_t seq)
{
	ids_add_hash(ids, id_hash(speaker, id), seq);
}

void baton_client_ids_done(struct baton_client_ids *ids)
{
	baton_free(ids->slots);
	*ids = (struct baton_client_ids){ NULL, 0, 0 };
}

void baton_client_ids_save(const struct baton_client_ids *ids, struct baton_buf *out)
{
	const char *comma = "";

	baton_buf_z(out, "[");
	for (size_t i = 0; i < ids->n_slots; i++) {
		if (ids->slots[i].seq == 0)
			continue;
		baton_buf_z(out, comma);
		baton_buf_u64(out, ids->slots[i].hash);
		baton_buf_z(out, ",");
		baton_buf_u64(out, ids->slots[i].seq);
		comma = ",";
	}
	baton_buf_z(out, "]");
}

int baton_client_ids_load(struct baton_client_ids *ids, const struct baton_json *array)
{
	struct baton_json hash, seq;
	size_t at = 0;

	while (baton_json_element(array, &at, &hash)) {
		if (!baton_json_element(array, &at, &seq) || hash.type != BATON_JSON_NUMBER)
			return BATON_E_JSON;
		uint64_t seq_value = baton_json_u64(&seq, 0);
		if (seq_value == 0)
			return BATON_E_JSON;
		ids_add_hash(ids, baton_json_u64(&hash, 0), seq_value);
	}
	return BATON_OK;
}
