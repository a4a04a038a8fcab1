/* SPDX-License-Identifier: Apache-2.0 */

/* One object of texts over another. What modules say comes through here before it is on record, so
 * a member that is no text, or too long, ends here. */

#include "core/session/slots.h"

#include "core/base/json.h"
#include "core/base/limits.h"

struct merge {
	struct baton_buf *out;
	size_t begin, n;
	baton_str keys[BATON_SLOTS_MAX];
	struct baton_arena arena;
};

static bool is_there(const struct merge *merge, baton_str key)
{
	for (size_t i = 0; i < merge->n; i++)
		if (baton_str_eq(merge->keys[i], key))
			return true;
	return false;
}

static void add(struct merge *merge, baton_str key, baton_str value)
{
	size_t before = merge->out->n;

	if (key.n == 0 || key.n > BATON_NAME_BYTES_MAX || value.n == 0 ||
	    value.n > BATON_SLOT_BYTES_MAX || merge->n == BATON_SLOTS_MAX || is_there(merge, key))
		return;
	baton_buf_z(merge->out, merge->n > 0 ? "," : "{");
	baton_buf_json(merge->out, key);
	baton_buf_z(merge->out, ":");
	baton_buf_json(merge->out, value);
	if (merge->out->n - merge->begin + 1 > BATON_SLOTS_BYTES_MAX) {
		merge->out->n = before; /* no room: an older one may be shorter */
		return;
	}
	merge->keys[merge->n++] = key;
}

static void add_all(struct merge *merge, baton_str slots)
{
	struct baton_json object, key, value;
	size_t at = 0;

	if (slots.n == 0 || baton_json_parse(slots, &object) < 0 ||
	    object.type != BATON_JSON_OBJECT)
		return;
	while (baton_json_member(&object, &at, &key, &value))
		if (value.type == BATON_JSON_STRING)
			add(merge, baton_json_text(&key, &merge->arena),
			    baton_json_text(&value, &merge->arena));
}

void baton_slots_merge(baton_str newer, baton_str older, struct baton_buf *out)
{
	struct merge merge = { .out = out, .begin = out->n };

	add_all(&merge, newer);
	add_all(&merge, older);
	if (merge.n > 0)
		baton_buf_z(out, "}");
	baton_arena_done(&merge.arena);
}

baton_str baton_slots_value(baton_str slots, const char *name, struct baton_arena *arena)
{
	struct baton_json object, value;

	if (slots.n == 0 || baton_json_parse(slots, &object) < 0)
		return BATON_STR_NONE;
	value = baton_json_get(&object, name);
	return baton_json_text(&value, arena);
}
