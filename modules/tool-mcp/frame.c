/* SPDX-License-Identifier: Apache-2.0 */

/* JSON-RPC messages; see frame.h. */
#include "frame.h"

static const char *const legacy[] = { FRAME_LEGACY, "2025-06-18", "2025-03-26" };

static bool is(baton_str inside, const char *word)
{
	return scan_is(inside, word);
}

/* --- reading ------------------------------------------------------------------------------ */

struct frames frames_of(baton_str text)
{
	struct frames frames = { .scan = scan_of(text) };

	if (!scan_utf8_ok(text))
		frames.scan.bad = true;
	frames.array = scan_peek(&frames.scan) == '[';
	return frames;
}

/* {"code","message","data"} */
static void error_read(struct frame *frame, baton_str raw)
{
	struct scan scan = scan_of(raw);
	bool begun = false, has_code = false;
	baton_str key;

	while (scan_member(&scan, &begun, &key)) {
		if (is(key, "code"))
			has_code = frame_integer(scan_raw(&scan), &frame->code);
		else if (is(key, "message"))
			(void)scan_text(&scan, &frame->message);
		else if (is(key, "data"))
			frame->data = scan_raw(&scan);
		else
			scan_skip(&scan);
	}
	frame->kind = has_code ? FRAME_ERROR : FRAME_BAD;
}

static baton_str id_read(struct scan *scan)
{
	int64_t value;
	baton_str raw = scan_raw(scan), inside;

	if (frame_inside(raw, &inside) || frame_integer(raw, &value))
		return raw;
	return (baton_str){ NULL, 0 };
}

/* What the members make of it. An answer has a result or an error, never both. */
static void kind_decide(struct frame *frame, bool version, baton_str error)
{
	bool asks = frame->method.p, answers = frame->result.n || error.n;

	frame->kind = FRAME_BAD;
	if (!version || asks == answers || (frame->result.n && error.n))
		return;
	if (asks)
		frame->kind = frame->id.n ? FRAME_REQUEST : FRAME_NOTICE;
	else if (error.n)
		error_read(frame, error);
	else if (frame->id.n)
		frame->kind = FRAME_RESULT;
}

static void message_read(struct scan *scan, struct frame *frame)
{
	bool begun = false, version = false;
	baton_str key, word, error = { NULL, 0 };

	while (scan_member(scan, &begun, &key)) {
		if (is(key, "jsonrpc"))
			version = scan_text(scan, &word) && is(word, "2.0");
		else if (is(key, "id"))
			frame->id = id_read(scan);
		else if (is(key, "method"))
			(void)scan_text(scan, &frame->method);
		else if (is(key, "params"))
			frame->params = scan_raw(scan);
		else if (is(key, "result"))
			frame->result = scan_raw(scan);
		else if (is(key, "error"))
			error = scan_raw(scan);
		else
			scan_skip(scan);
	}
	if (!scan->bad)
		kind_decide(frame, version, error);
}

bool frames_next(struct frames *frames, struct frame *ret_frame)
{
	struct scan *scan = &frames->scan;

	*ret_frame = (struct frame){ .kind = FRAME_BAD };
	if (frames->array) {
		if (!scan_element(scan, &frames->begun))
			return false;
	} else if (frames->begun) {
		return false;
	}
	frames->begun = true;
	message_read(scan, ret_frame);
	/* Behind a single one nothing may follow; an array is walked on. */
	if (scan->bad || (!frames->array && !scan_ended(scan)))
		ret_frame->kind = FRAME_BAD;
	return true;
}

baton_str frame_member(baton_str object, const char *key)
{
	struct scan scan = scan_of(object);
	bool begun = false;
	baton_str name, found = { NULL, 0 };

	while (scan_member(&scan, &begun, &name)) {
		baton_str raw = scan_raw(&scan);
		if (!scan.bad && is(name, key))
			found = raw;
	}
	return found;
}

bool frame_inside(baton_str raw, baton_str *ret_inside)
{
	if (raw.n < 2 || raw.p[0] != '"' || raw.p[raw.n - 1] != '"')
		return false;
	*ret_inside = (baton_str){ raw.p + 1, raw.n - 2 };
	return true;
}

baton_str frame_string(baton_str object, const char *key)
{
	baton_str inside = { NULL, 0 };

	(void)frame_inside(frame_member(object, key), &inside);
	return inside;
}

bool frame_is_true(baton_str object, const char *key)
{
	baton_str raw = frame_member(object, key);

	return raw.n == 4 && memcmp(raw.p, "true", 4) == 0;
}

bool frame_integer(baton_str raw, int64_t *ret_value)
{
	enum { DIGITS_MAX = 15 }; /* what a double holds exactly, as JSON-RPC peers use */
	bool minus = raw.n && raw.p[0] == '-';
	int64_t value = 0;

	if (raw.n <= minus || raw.n > DIGITS_MAX + (size_t)minus)
		return false;
	for (size_t i = minus; i < raw.n; i++) {
		if (raw.p[i] < '0' || raw.p[i] > '9')
			return false;
		value = value * 10 + (raw.p[i] - '0');
	}
	*ret_value = minus ? -value : value;
	return true;
}

/* --- writing ------------------------------------------------------------------------------ */

const char *frame_capabilities(bool elicitation)
{
	return elicitation ? "{\"elicitation\":{\"form\":{}}}" : "{}";
}

bool frame_legacy_known(baton_str version)
{
	for (size_t i = 0; i < sizeof(legacy) / sizeof(legacy[0]); i++)
		if (is(version, legacy[i]))
			return true;
	return false;
}

static void client_info(struct text *to, const char *software)
{
	text_z(to, "{\"name\":\"baton\",\"version\":");
	text_json(to, str_z(software));
	text_z(to, "}");
}

void frame_initialize(struct text *to, const struct frame_ask *ask)
{
	text_z(to, "\"protocolVersion\":");
	text_json(to, str_z(ask->version));
	text_z(to, ",\"capabilities\":");
	text_z(to, frame_capabilities(ask->elicitation));
	text_z(to, ",\"clientInfo\":");
	client_info(to, ask->software);
}

static void meta_write(struct text *to, const struct frame_ask *ask)
{
	text_z(to, "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":");
	text_json(to, str_z(ask->version));
	text_z(to, ",\"io.modelcontextprotocol/clientInfo\":");
	client_info(to, ask->software);
	text_z(to, ",\"io.modelcontextprotocol/clientCapabilities\":");
	text_z(to, frame_capabilities(ask->elicitation));
	text_z(to, "}");
}

void frame_write(struct text *to, const struct frame_ask *ask)
{
	bool modern = strcmp(ask->version, FRAME_MODERN) == 0;

	text_z(to, "{\"jsonrpc\":\"2.0\",");
	if (ask->id) {
		text_z(to, "\"id\":");
		text_u64(to, ask->id);
		text_z(to, ",");
	}
	text_z(to, "\"method\":");
	text_json(to, str_z(ask->method));
	text_z(to, ",\"params\":{");
	if (modern)
		meta_write(to, ask);
	if (modern && ask->params.n)
		text_z(to, ",");
	text_add(to, ask->params.p, ask->params.n);
	text_z(to, "}}");
}

void frame_write_result(struct text *to, baton_str id, baton_str result)
{
	text_z(to, "{\"jsonrpc\":\"2.0\",\"id\":");
	text_add(to, id.p, id.n);
	text_z(to, ",\"result\":");
	text_add(to, result.p, result.n);
	text_z(to, "}");
}

void frame_write_error(struct text *to, baton_str id, int code, const char *message)
{
	text_z(to, "{\"jsonrpc\":\"2.0\",\"id\":");
	text_add(to, id.p, id.n);
	text_z(to, ",\"error\":{\"code\":-");
	text_u64(to, (uint64_t)-code);
	text_z(to, ",\"message\":");
	text_json(to, str_z(message));
	text_z(to, "}}");
}
