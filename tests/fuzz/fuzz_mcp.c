/* SPDX-License-Identifier: Apache-2.0 */

/* Whatever a server says over the Model Context Protocol: messages and streams are read within
 * their bytes, the same bytes give the same events however they are cut, what goes back or on is
 * JSON and UTF-8, and no header holds a line break or draws a secret. The first byte picks who
 * reads. */
#include "modules/tool-mcp/answer.h"
#include "modules/tool-mcp/catalogue.h"
#include "modules/tool-mcp/stream.h"
#include "tests/fuzz/fuzz.h"

static bool inside(baton_str part, baton_str all)
{
	return !part.p || (part.p >= all.p && part.p + part.n <= all.p + all.n);
}

static bool is_json(baton_str text)
{
	struct scan scan = scan_of(text);

	scan_skip(&scan);
	return scan_ended(&scan) && scan_utf8_ok(text);
}

static void frames_check(baton_str text)
{
	struct frames frames = frames_of(text);
	struct frame frame;
	size_t n = 0;

	while (frames_next(&frames, &frame)) {
		FUZZ_CHECK(n++ <= text.n);
		if (frame.kind == FRAME_BAD)
			continue;
		FUZZ_CHECK(inside(frame.id, text) && inside(frame.method, text));
		FUZZ_CHECK(inside(frame.result, text) && inside(frame.params, text));
		FUZZ_CHECK(frame.kind != FRAME_RESULT || is_json(frame.result));
		FUZZ_CHECK(frame.kind != FRAME_REQUEST || is_json(frame.id));
	}
}

static void hear(struct text *to, struct stream *stream)
{
	baton_str data;

	while (stream_next(stream, &data)) {
		text_add(to, data.p, data.n);
		text_z(to, "\n|\n");
	}
}

static void stream_check(baton_str text, size_t piece)
{
	struct stream whole = { 0 }, cut = { 0 };
	struct text once = { 0 }, twice = { 0 };

	FUZZ_CHECK(stream_add(&whole, text));
	hear(&once, &whole);
	for (size_t at = 0; at < text.n; at += piece) {
		size_t left = text.n - at;
		FUZZ_CHECK(
			stream_add(&cut, (baton_str){ text.p + at, left < piece ? left : piece }));
		hear(&twice, &cut);
	}
	FUZZ_CHECK(once.n == twice.n && (once.n == 0 || memcmp(once.p, twice.p, once.n) == 0));
	FUZZ_CHECK(strcmp(whole.id, cut.id) == 0 && whole.retry_ms == cut.retry_ms);
	FUZZ_CHECK(!strpbrk(whole.id, "\r\n") && !strstr(whole.id, "{{"));
	stream_resume(&cut);
	FUZZ_CHECK(strcmp(whole.id, cut.id) == 0);
	stream_done(&whole);
	stream_done(&cut);
	text_done(&once);
	text_done(&twice);
}

static void lines_check(const struct text *lines, unsigned n)
{
	unsigned seen = 0;

	for (size_t at = 0; at < lines->n; seen++) {
		const char *line = lines->p + at;
		FUZZ_CHECK(strncmp(line, "Mcp-Param-", 10) == 0 && strstr(line, ": "));
		FUZZ_CHECK(!strpbrk(line, "\r\n") && !strstr(line, "{{"));
		for (const char *c = line; *c; c++)
			FUZZ_CHECK(*c >= ' ' && *c <= '~');
		at += strlen(line) + 1;
	}
	FUZZ_CHECK(seen == n);
}

/* The tool `t`, declared with an argument; the text is a page, and then the arguments of a call. */
static void page_check(baton_str text)
{
	static const char config[] =
		"{\"url\":\"https://x.example\",\"policy\":{\"tools\":[{\"name\":\"t\",\"arguments\":"
		"{\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"]},\"config\":{\"set\":{\"s\":1}}}]}}";
	struct settings settings;
	struct catalogue list;
	struct text lines = { 0 };
	char why[SETTINGS_WHY];
	baton_str cursor = { NULL, 0 };

	FUZZ_CHECK(settings_read(&settings, (baton_str){ config, sizeof(config) - 1 }, why));
	FUZZ_CHECK(catalogue_init(&list, &settings, 0));
	if (scan_utf8_ok(text) && is_json(text) && catalogue_page(&list, text, &cursor)) {
		struct entry *entry = catalogue_find(&list, &settings.tools[0]);
		FUZZ_CHECK(inside(cursor, text));
		catalogue_end(&list);
		FUZZ_CHECK(scan_utf8_ok(text_view(&entry->problems)));
		if (!entry->bad) {
			unsigned n = catalogue_mirror(entry, frame_member(text, "args"), &lines);
			if (!lines.failed)
				lines_check(&lines, n);
		}
	}
	text_done(&lines);
	catalogue_done(&list);
	settings_done(&settings);
}

static void answer_check(baton_str text, bool wants_json)
{
	struct answer answer;
	struct text inputs = { 0 }, object = { 0 };

	if (!is_json(text))
		return;
	answer_read(&answer, text, wants_json);
	FUZZ_CHECK((answer.kind != ANSWER_YES && answer.kind != ANSWER_NO) ||
		   is_json(text_view(&answer.json)));
	answer_done(&answer);
	if (answer_inputs(&inputs, text, wants_json)) {
		text_z(&object, "{\"a\":1");
		text_add(&object, inputs.p, inputs.n);
		text_z(&object, "}");
		FUZZ_CHECK(is_json(text_view(&object)));
	}
	text_done(&inputs);
	text_done(&object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	/* A copy: bytes behind it are nobody's. */
	char *bytes = malloc(size);
	memcpy(bytes, data + 1, size - 1);
	baton_str text = { bytes, size - 1 };

	switch (data[0] % 4) {
	case 0:
		frames_check(text);
		break;
	case 1:
		stream_check(text, data[0] / 4 % 7 + 1);
		break;
	case 2:
		page_check(text);
		break;
	default:
		answer_check(text, data[0] & 4);
		break;
	}
	free(bytes);
	return 0;
}
