/* SPDX-License-Identifier: Apache-2.0 */

/* Client frames: any bytes are a checked frame or a typed refusal, and what a frame holds is inside
 * the bounds that the rest of the server relies on. */

#include "channels/chat/wire_in.h"
#include "tests/fuzz/fuzz.h"

static void check_text(baton_str s, size_t bytes_max)
{
	FUZZ_CHECK(s.n <= bytes_max);
	FUZZ_CHECK(baton_str_utf8_ok(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct baton_arena arena = { 0 };
	struct baton_frame frame;
	struct baton_command command = { 0 };
	char *copy = malloc(n ? n : 1);

	if (!copy)
		return 0;
	memcpy(copy, data, n);
	memset(&frame, 0, sizeof(frame));
	int rc = baton_frame_read((baton_str){ copy, n }, &arena, &frame);
	FUZZ_CHECK(rc <= 0);
	/* Read on refusals too: they are what the refusal is answered with. */
	check_text(frame.t, BATON_FRAME_BYTES_MAX);
	check_text(frame.id, BATON_FRAME_BYTES_MAX);
	if (rc == 0) {
		FUZZ_CHECK(frame.type < BATON_FRAME_TYPES);
		check_text(frame.text, n);
		check_text(frame.reason, n);
		check_text(frame.code, n);
		check_text(frame.locale, n);
		if (baton_frame_command(&frame, &command))
			FUZZ_CHECK(command.client_id.n <= BATON_CLIENT_ID_BYTES_MAX);
	}
	free(copy);
	baton_arena_done(&arena);
	return 0;
}
