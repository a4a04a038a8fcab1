/* SPDX-License-Identifier: Apache-2.0 */

/* Schemas of tools and what is held against them: whatever an operator writes and whatever a model
 * or a service says, there is a verdict; a verdict does not depend on how the value is spelled; and
 * a value's one spelling is its own. A byte 0 stands between schema and value. */

#include "core/base/json_canon.h"
#include "core/policy/json_schema.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* The one spelling, or nothing if it is no JSON. */
static bool spell(baton_str value, struct baton_buf *out)
{
	struct baton_json json;

	if (!baton_str_utf8_ok(value) || baton_json_parse(value, &json) < 0)
		return false;
	baton_json_canon(&json, out);
	return true;
}

static void check_spelling(const struct baton_buf *once)
{
	struct baton_buf twice = { NULL, 0, 0 };

	FUZZ_CHECK(spell(baton_buf_view(once), &twice));
	FUZZ_CHECK(baton_str_eq(baton_buf_view(once), baton_buf_view(&twice)));
	baton_buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *border = n > 0 ? memchr(data, 0, n) : NULL;
	size_t cut = border ? (size_t)(border - data) : n;
	baton_str schema = fuzz_rest(data, cut);
	baton_str value = fuzz_rest(data + cut + (border != NULL), n - cut - (border != NULL));
	struct baton_buf canon = { NULL, 0, 0 };
	char why[200] = "", again[200] = "";

	bool is_json = spell(value, &canon);
	if (is_json)
		check_spelling(&canon);
	int rc = baton_json_schema_sound(schema, why, sizeof(why));
	FUZZ_CHECK(rc == 0 || (rc == BATON_E_SCHEMA && why[0] != '\0'));
	if (rc == 0) {
		rc = baton_json_schema_fits(schema, value, "arguments", why, sizeof(why));
		FUZZ_CHECK(rc == 0 || rc == BATON_E_JSON || rc == BATON_E_UTF8 ||
			   rc == BATON_E_INVAL);
		FUZZ_CHECK(is_json == (rc == 0 || rc == BATON_E_INVAL));
		if (is_json)
			FUZZ_CHECK(rc == baton_json_schema_fits(schema, baton_buf_view(&canon),
								"arguments", again, sizeof(again)));
	}
	baton_buf_done(&canon);
	return 0;
}
