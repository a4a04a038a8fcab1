/* SPDX-License-Identifier: Apache-2.0 */

/* Stored events: whatever the payload, reading it is safe; what was read can be written, read
 * again and written again to the same bytes; and what customers get is never more than what
 * agents get. */

#include "core/base/json.h"
#include "core/session/event.h"
#include "tests/fuzz/fuzz.h"

static void write_twice(unsigned type, const struct baton_event *event)
{
	struct baton_arena arena = { 0 };
	struct baton_buf first = { 0 }, second = { 0 };
	struct baton_event again = { 0 };
	struct baton_json json;

	baton_event_json(event, BATON_AUDIENCE_AGENT, &first);
	FUZZ_CHECK(baton_json_parse(baton_buf_view(&first), &json) == 0);
	FUZZ_CHECK(baton_event_parse(type, baton_buf_view(&first), &arena, &again) == 0);
	baton_event_json(&again, BATON_AUDIENCE_AGENT, &second);
	FUZZ_CHECK(baton_str_eq(baton_buf_view(&first), baton_buf_view(&second)));

	baton_buf_reset(&second);
	baton_event_json(event, BATON_AUDIENCE_CUSTOMER, &second);
	FUZZ_CHECK(baton_json_parse(baton_buf_view(&second), &json) == 0);
	FUZZ_CHECK(second.n <= first.n);
	baton_buf_done(&first);
	baton_buf_done(&second);
	baton_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	unsigned type = fuzz_byte(&data, &n) % 32;
	struct baton_arena arena = { 0 };
	struct baton_event event = { 0 };
	int rc = baton_event_parse(type, fuzz_rest(data, n), &arena, &event);

	FUZZ_CHECK(rc <= 0);
	if (rc == 0) {
		FUZZ_CHECK(baton_event_info(type) != NULL);
		write_twice(type, &event);
	}
	baton_arena_done(&arena);
	return 0;
}
