/* SPDX-License-Identifier: Apache-2.0 */

/* The body of POST /v1/tickets: any bytes are what a page may say, within its bounds, or a refusal
 * that says something. What nobody has signed is one JSON object that the log can hold. */

#include "channels/http/shown.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "tests/fuzz/fuzz.h"

static void check_text(baton_str s, size_t bytes_max)
{
	FUZZ_CHECK(s.n <= bytes_max);
	FUZZ_CHECK(baton_str_utf8_ok(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct baton_arena arena = { 0 };
	struct baton_identity_shown shown;
	const char *why = NULL;
	struct baton_json claims;
	char *copy = malloc(n ? n : 1);

	if (!copy)
		return 0;
	memcpy(copy, data, n);
	int rc = baton_shown_read((baton_str){ copy, n }, &arena, &shown, &why);
	FUZZ_CHECK(rc <= 0);
	FUZZ_CHECK(rc == 0 || (why && why[0]));
	if (rc == 0) {
		check_text(shown.token, BATON_HTTP_BODY_BYTES_MAX);
		check_text(shown.id, BATON_NAME_BYTES_MAX);
		check_text(shown.hash, 128);
		check_text(shown.claimed, BATON_ATTRIBUTES_BYTES_MAX);
		if (shown.claimed.n > 0) {
			FUZZ_CHECK(baton_json_parse(shown.claimed, &claims) == 0);
			FUZZ_CHECK(claims.type == BATON_JSON_OBJECT);
		}
	}
	free(copy);
	baton_arena_done(&arena);
	return 0;
}
