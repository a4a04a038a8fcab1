/* SPDX-License-Identifier: Apache-2.0 */

/* Slots: whatever pattern or words a policy declares, and whatever a customer writes, what is found
 * is an object of texts that the session can keep, within its bounds. The pattern, the words, the
 * message are separated by a byte 0. */

#include "core/base/json.h"
#include "core/session/slots.h"
#include "modules/classifier-linear/slots.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static json_t *slot(const char *name, const char *type, baton_str pattern, baton_str word)
{
	bool good = pattern.n > 0 && baton_str_utf8_ok(pattern);
	bool good_word = word.n > 0 && baton_str_utf8_ok(word);

	return json_pack("{s:s, s:s, s:o, s:[o, s]}", "name", name, "type", type, "pattern",
			 good ? json_stringn(pattern.p, pattern.n) : json_string("x"), "words",
			 good_word ? json_stringn(word.p, word.n) : json_string("large"), "small");
}

static baton_str piece(baton_str *data)
{
	const char *end = data->n > 0 ? memchr(data->p, 0, data->n) : NULL;
	baton_str one = { data->p, end ? (size_t)(end - data->p) : data->n };

	data->p += one.n + (end != NULL);
	data->n -= one.n + (end != NULL);
	return one;
}

static void check_found(baton_str found)
{
	struct baton_buf kept = { NULL, 0, 0 };
	struct baton_json object, key, value;
	size_t at = 0;

	FUZZ_CHECK(found.n <= SLOTS_OUT_BYTES);
	if (found.n == 0)
		return;
	FUZZ_CHECK(baton_json_parse(found, &object) == 0);
	FUZZ_CHECK(object.type == BATON_JSON_OBJECT);
	while (baton_json_member(&object, &at, &key, &value))
		FUZZ_CHECK(value.type == BATON_JSON_STRING);
	baton_slots_merge(found, found, &kept);
	FUZZ_CHECK(kept.n <= BATON_SLOTS_BYTES_MAX);
	baton_buf_done(&kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	baton_str data = { (const char *)bytes, n };
	baton_str pattern = piece(&data), word = piece(&data);
	const char *why = NULL;
	json_t *list = json_array();

	json_array_append_new(list, slot("a", "pattern", pattern, word));
	json_array_append_new(list, slot("b", "words", pattern, word));
	json_array_append_new(list, slot("c", "date", pattern, word));
	json_array_append_new(list, slot("d", "email", pattern, word));
	json_array_append_new(list, slot("e", "number", pattern, word));
	struct slots *slots = slots_new(list, &why);
	struct slots_work *work = slots_work_new();

	if (slots && work && baton_str_utf8_ok(data)) {
		slots_begin(work);
		check_found(slots_find(work, slots, data, false));
		check_found(slots_find(work, slots, data, true));
	}
	slots_free(&slots);
	slots_work_free(&work);
	json_decref(list);
	return 0;
}
