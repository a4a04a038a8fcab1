/* SPDX-License-Identifier: Apache-2.0 */

/* tool-http: whatever a model puts into arguments, a request goes to the declared path and carries
 * the declared parameters, headers and secrets, and no others; whatever an operator declares is
 * used or refused with a line; whatever a service answers has an outcome. The first byte picks
 * what is read, lines cut the rest: a template or a configuration, then arguments or an answer. */
#include "modules/tool-http/ask.h"
#include "modules/tool-http/reply.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static char *text_of(baton_str s)
{
	return baton_memdupz(s.n ? s.p : "", s.n);
}

/* The bytes before the first line break, and those behind it. */
static baton_str cut(baton_str *rest)
{
	const char *lf = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	baton_str first = { rest->p, lf ? (size_t)(lf - rest->p) : rest->n };

	*rest = lf ? (baton_str){ lf + 1, rest->n - first.n - 1 } : (baton_str){ "", 0 };
	return first;
}

static size_t count(baton_str text, const char *what)
{
	size_t n = 0, len = strlen(what);

	for (size_t i = 0; i + len <= text.n; i++)
		n += memcmp(text.p + i, what, len) == 0;
	return n;
}

/* What an argument must never add to. */
static void structure_check(baton_str before, baton_str filled)
{
	static const char *const marks[] = { "/", "?", "&", "=", "#", "{{secret:", "@", "\\" };

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		FUZZ_CHECK(count(filled, marks[i]) == count(before, marks[i]));
	for (size_t i = 0; i < filled.n; i++)
		FUZZ_CHECK((unsigned char)filled.p[i] > 0x20 && (unsigned char)filled.p[i] < 0x7f);
}

static void url_check(baton_str template, const json_t *args)
{
	char *text = text_of(template);
	struct text url = { 0 };
	struct why why;

	if (template_check_url(text, true, NULL, &why)) {
		bool own = text[0] != '/';

		if (template_fill_url(&url, "https://base.example", text, args, &why) ==
		    FILLED_OK) {
			size_t skip = own ? 0 : strlen("https://base.example");

			structure_check(baton_str_of(text),
					(baton_str){ url.p + skip, url.n - skip });
		}
	} else {
		FUZZ_CHECK(why.text[0]);
	}
	text_done(&url);
	baton_free(text);
}

static void ask_check(const struct ask *ask)
{
	size_t begin = 0;

	FUZZ_CHECK(ask->n_lines <= LINES_MAX);
	FUZZ_CHECK(count((baton_str){ ask->url.p, ask->url.n }, "\n") == 0);
	for (uint32_t i = 0; i < ask->n_lines; i++) {
		baton_str line = { ask->lines.p + begin, ask->ends[i] - begin };

		FUZZ_CHECK(memchr(line.p, ':', line.n));
		FUZZ_CHECK(!memchr(line.p, '\n', line.n) && !memchr(line.p, '\r', line.n));
		begin = ask->ends[i];
	}
}

static void reply_check(const struct tool *tool, baton_str body, uint8_t byte)
{
	static const uint32_t status[] = { 0, 200, 204, 302, 400, 404, 409, 422, 429, 500 };
	const baton_str type = BATON_STR("Content-Type: application/json");
	const baton_error end = { .size = sizeof(end), .code = BATON_STR("cut") };
	struct reply reply = { 0 };
	struct verdict verdict;

	if (status[byte % 10])
		reply_head(&reply, status[byte % 10], &type, 1, 0);
	reply_data(&reply, body, tool->max_bytes);
	reply_judge(&reply, tool, byte & 128 || !reply.status ? &end : NULL, byte & 64, &verdict);
	if (verdict.outcome == OUTCOME_RESULT || verdict.outcome == OUTCOME_NO) {
		json_t *json = json_loads(verdict.json, JSON_DECODE_ANY, NULL);

		FUZZ_CHECK(json && strlen(verdict.json) <= RESULT_MAX && !verdict.doubt);
		json_decref(json);
	} else {
		FUZZ_CHECK(verdict.code[0] && verdict.why[0]);
		FUZZ_CHECK(tool->writes || !verdict.doubt);
	}
	FUZZ_CHECK(verdict.outcome != OUTCOME_NO || code_ok(verdict.code));
	verdict_done(&verdict);
	reply_done(&reply);
}

/* A tool as tools.yaml would declare it, its `request` out of the input. */
static void settings_check(baton_str request, const json_t *args, baton_str body, uint8_t byte)
{
	struct settings settings;
	struct baton_buf config = { 0 };
	struct why why = { "" };

	baton_buf_printf(&config,
			 "{\"base_url\":\"https://base.example\",\"policy\":{\"tools\":[{\"name\":"
			 "\"t\",\"writes\":%s,\"idempotent\":true,\"config\":%.*s}]}}",
			 byte & 1 ? "true" : "false", (int)request.n, request.p ? request.p : "");
	if (!settings_read(&settings, baton_buf_view(&config), &why)) {
		FUZZ_CHECK(why.text[0]);
	} else {
		for (size_t i = 0; i < settings.n_tools; i++) {
			struct ask ask;

			if (ask_make(&ask, &settings, &settings.tools[i], args, BATON_STR("key"),
				     &why))
				ask_check(&ask);
			ask_done(&ask);
			reply_check(&settings.tools[i], body, byte);
		}
		settings_done(&settings);
	}
	baton_buf_done(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t byte = fuzz_byte(&data, &n);
	baton_str rest = fuzz_rest(data, n), first = cut(&rest), second = cut(&rest);
	json_t *args = json_loadb(second.p, second.n, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(args)) {
		json_decref(args);
		args = json_pack("{s:s#}", "a",
				 second.n && baton_str_utf8_ok(second) ? second.p : "",
				 second.n && baton_str_utf8_ok(second) ? second.n : (size_t)0);
	}
	if (args && byte & 32)
		url_check(first, args);
	else if (args)
		settings_check(first, args, rest, byte);
	json_decref(args);
	return 0;
}
