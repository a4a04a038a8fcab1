/* SPDX-License-Identifier: Apache-2.0 */

/* Whatever a provider says: what jansson takes for JSON the module's reader takes too, text comes
 * out as UTF-8, and every body has a class that modules may report. The first byte picks who
 * reads it and the status it came with. */
#include "modules/provider-anthropic/messages.h"
#include "modules/provider-openai/wires.h"
#include "modules/sdk/provider/failure.h"
#include "modules/sdk/provider/hint.h"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>

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

static bool event_check(const struct wire *wire, struct heard *heard, baton_str text)
{
	heard_next(heard);
	if (!scan_utf8_ok(text)) /* whoever listens has looked */
		return false;
	enum heard_kind kind = wire->event(heard, (baton_str){ NULL, 0 }, text);
	FUZZ_CHECK(kind != HEARD_GOOD || scan_utf8_ok(text_view(&heard->content)));
	FUZZ_CHECK(scan_utf8_ok(text_view(&heard->reasoning)));
	FUZZ_CHECK(kind != HEARD_ERROR || (heard->error.p >= text.p &&
					   heard->error.p + heard->error.n <= text.p + text.n));
	return kind != HEARD_BROKEN;
}

/* A stream: one event a line, all of them in one answer; then the same text as a whole answer. */
static void heard_check(const struct wire *wire, baton_str text)
{
	struct heard heard = { 0 }, whole = { 0 };
	baton_str rest = text;

	for (bool more = true; more && rest.n;) {
		const char *lf = memchr(rest.p, '\n', rest.n);
		size_t n = lf ? (size_t)(lf - rest.p) : rest.n;
		more = event_check(wire, &heard, (baton_str){ rest.p, n });
		rest = (baton_str){ rest.p + n + (lf != NULL), rest.n - n - (lf != NULL) };
	}
	FUZZ_CHECK(heard.n_tools <= TOOLS_MAX);
	for (unsigned i = 0; i < heard.n_tools; i++)
		FUZZ_CHECK(heard.tools[i].args.n <= TOOL_ARGS_MAX);
	if (scan_utf8_ok(text) && wire->whole(&whole, text) == HEARD_GOOD)
		FUZZ_CHECK(whole.text_bytes == whole.content.n);
	heard_done(&heard);
	heard_done(&whole);
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
	static const struct wire *const wires[] = { &wire_chat, &wire_responses, &wire_ollama,
						    &wire_messages };
	enum { STATUSES = sizeof(statuses) / sizeof(statuses[0]) };
	uint8_t pick = fuzz_byte(&data, &n);
	/* A block of its own: a view that reaches beyond it is seen. */
	char *copy = malloc(n ? n : 1);
	if (!copy)
		return 0;
	memcpy(copy, data, n);
	baton_str text = { copy, n };

	if (pick % 8 < 4)
		heard_check(wires[pick % 8], text);
	else if (pick % 8 == 4)
		scan_check(text);
	else
		failure_check(statuses[pick / 8 % STATUSES], text);
	free(copy);
	return 0;
}
