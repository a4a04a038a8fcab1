/* SPDX-License-Identifier: Apache-2.0 */

/* An open-addressed table of hashes; grows by doubling, never shrinks, nothing is ever removed. It
 * is one piece of memory: each other place would be one more to wait for. */

#include "core/session/client_ids.h"

#include "core/base/errors.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_SLOTS = 8 };

struct slot {
	uint64_t hash, seq; /* seq 0: empty */
};

struct baton_client_ids {
	size_t n, slots_n; /* slots_n is a power of two, at least twice n */
	struct slot slots[];
};

/* Where the hash is, or would be. */
static size_t slot_of(const struct baton_client_ids *ids, uint64_t hash)
{
	size_t i = (size_t)hash & (ids->slots_n - 1);

	while (ids->slots[i].seq != 0 && ids->slots[i].hash != hash)
		i = (i + 1) & (ids->slots_n - 1);
	return i;
}

static void ids_put(struct baton_client_ids *ids, uint64_t hash, uint64_t seq)
{
	struct slot *slot = &ids->slots[slot_of(ids, hash)];

	if (slot->seq == 0)
		ids->n++;
	*slot = (struct slot){ hash, seq };
}

static struct baton_client_ids *ids_grown(struct baton_client_ids *old)
{
	size_t slots_n = old ? old->slots_n * 2 : FIRST_SLOTS;
	struct baton_client_ids *ids = baton_alloc(sizeof(*ids) + slots_n * sizeof(ids->slots[0]));

	ids->slots_n = slots_n;
	for (size_t i = 0; old && i < old->slots_n; i++)
		if (old->slots[i].seq != 0)
			ids_put(ids, old->slots[i].hash, old->slots[i].seq);
	baton_free(old);
	return ids;
}

static void ids_add_hash(struct baton_client_ids **ids, uint64_t hash, uint64_t seq)
{
	if (!*ids || 2 * ((*ids)->n + 1) > (*ids)->slots_n)
		*ids = ids_grown(*ids);
	ids_put(*ids, hash, seq);
}

static uint64_t id_hash(unsigned speaker, baton_str id)
{
	return XXH3_64bits_withSeed(id.p, id.n, speaker);
}

uint64_t baton_client_ids_find(const struct baton_client_ids *ids, unsigned speaker, baton_str id)
{
	return ids ? ids->slots[slot_of(ids, id_hash(speaker, id))].seq : 0;
}

void baton_client_ids_add(struct baton_client_ids **ids, unsigned speaker, baton_str id,
			  uint64_t seq)
{
	ids_add_hash(ids, id_hash(speaker, id), seq);
}

void baton_client_ids_free(struct baton_client_ids **ids)
{
	baton_free(*ids);
	*ids = NULL;
}

void baton_client_ids_save(const struct baton_client_ids *ids, struct baton_buf *out)
{
	const char *comma = "";

	baton_buf_z(out, "[");
	for (size_t i = 0; ids && i < ids->slots_n; i++) {
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

int baton_client_ids_load(struct baton_client_ids **ids, const struct baton_json *array)
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
