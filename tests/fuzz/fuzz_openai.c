/* SPDX-License-Identifier: Apache-2.0 */

/* Whatever a provider says: what jansson takes for JSON the module's reader takes too, text comes
 * out as UTF-8, and every body has a class that modules may report. The first byte picks who
 * reads it and the status it came with. */
#include "modules/provider-openai/chat.c"
#include "modules/sdk/provider/failure.c"
#include "modules/sdk/provider/heard.c"
#include "modules/sdk/provider/hint.c"
#include "modules/sdk/provider/prompt.c"
#include "modules/sdk/provider/scan.c"
#include "modules/sdk/provider/text.c"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>

enum { READERS = 3 };

static bool is_json(baton_str text)
{
	if (text.n &&
	    memchr(text.p, '\0', text.n)) /* to jansson, a NUL behind the text is its end */
		return false;
	json_t *root = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	json_decref(root);
	return root;
}

static size_t depth_of(baton_str text)
{
	size_t depth = 0, deepest = 0;
	for (size_t i = 0; i < text.n; i++) { /* brackets in strings only make it careful */
		depth += text.p[i] == '[' || text.p[i] == '{';
		depth -= depth && (text.p[i] == ']' || text.p[i] == '}');
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest;
}

static void scan_check(baton_str text)
{
	struct scan scan = scan_of(text);

	bool utf8 = scan_utf8_ok(text);
	scan_skip(&scan);
	bool ok = scan_ended(&scan) && utf8;
	FUZZ_CHECK(ok || !is_json(text) || depth_of(text) > SCAN_DEPTH_MAX);
}

static void heard_check(baton_str text)
{
	struct heard heard = { 0 };

	for (int event = 0; event < 2; event++) {
		heard_next(&heard);
		if (!scan_utf8_ok(text))
			break;
		enum heard_kind kind = wire_chat.event(&heard, (baton_str){ NULL, 0 }, text);
		FUZZ_CHECK(kind != HEARD_GOOD || scan_utf8_ok(text_view(&heard.content)));
		FUZZ_CHECK(scan_utf8_ok(text_view(&heard.reasoning)));
		FUZZ_CHECK(kind != HEARD_ERROR || heard.error.p == text.p);
		if (kind == HEARD_BROKEN)
			break;
	}
	FUZZ_CHECK(heard.n_tools <= TOOLS_MAX);
	for (unsigned i = 0; i < heard.n_tools; i++)
		FUZZ_CHECK(heard.tools[i].args.n <= TOOL_ARGS_MAX);
	heard_done(&heard);
}

static void failure_check(uint32_t status, baton_str text)
{
	struct failure failure = { 0 };

	failure_from_body(&failure, status, text, UINT64_C(1795000000000));
	FUZZ_CHECK(failure.fail != BATON_FAIL_INTERNAL && failure.fail != BATON_FAIL_MODULE);
	FUZZ_CHECK(failure.fail <= BATON_FAIL_CONNECT && failure.scope <= BATON_SCOPE_ACCOUNT);
	FUZZ_CHECK(failure.code && failure.message[0]);
	FUZZ_CHECK(failure.retry_after_ms <= 3600 * 1000);
	FUZZ_CHECK(failure.until_unix_ms == 0 || failure.fail == BATON_FAIL_QUOTA);
	baton_str header = text;
	FUZZ_CHECK(hint_of_headers(&header, 1, UINT64_C(1795000000000)) <= 3600 * 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint32_t statuses[] = { 0, 200, 302, 400, 401, 403, 404, 429, 500, 503, 529 };
	uint8_t pick = fuzz_byte(&data, &n);
	/* A block of its own: a view that reaches beyond it is seen. */
	char *copy = malloc(n ? n : 1);
	if (!copy)
		return 0;
	memcpy(copy, data, n);
	baton_str text = { copy, n };

	switch (pick % READERS) {
	case 0:
		scan_check(text);
		break;
	case 1:
		heard_check(text);
		break;
	default:
		failure_check(statuses[pick / READERS % (sizeof(statuses) / sizeof(statuses[0]))],
			      text);
		break;
	}
	free(copy);
	return 0;
}
