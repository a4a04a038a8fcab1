/* SPDX-License-Identifier: Apache-2.0 */

/* Results and questions of a server; see answer.h. */
#include "answer.h"

/* --- results ------------------------------------------------------------------------------ */

/* The text of one piece of content: its own, or that of a resource inside. */
static baton_str piece_text(baton_str piece)
{
	baton_str type = frame_string(piece, "type");

	if (scan_is(type, "text"))
		return frame_string(piece, "text");
	if (scan_is(type, "resource"))
		return frame_string(frame_member(piece, "resource"), "text");
	return (baton_str){ NULL, 0 };
}

struct content {
	struct text text;   /* all of them, a line each */
	unsigned n, others; /* pictures, sounds, links: nothing that a model gets to read */
	bool bad;
};

static void content_read(struct content *content, baton_str array)
{
	struct scan scan = scan_of(array);
	bool begun = false;

	while (scan_element(&scan, &begun)) {
		baton_str piece = scan_raw(&scan), inside = piece_text(piece);
		unsigned half = 0;
		if (!inside.p) {
			content->others++;
			continue;
		}
		if (content->n++)
			text_add(&content->text, "\n", 1);
		if (!scan_unescape(inside, &half, &content->text) || half)
			content->bad = true;
	}
	content->bad = content->bad || scan.bad;
}

/* Whole characters, at most `max` bytes. */
static size_t cut_at(baton_str text, size_t max)
{
	size_t n = text.n < max ? text.n : max;

	while (n < text.n && n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void text_write(struct answer *answer, const struct content *content)
{
	baton_str text = text_view(&content->text);
	size_t n = cut_at(text, ANSWER_TEXT_MAX);

	text_z(&answer->json, "{\"text\":");
	text_json(&answer->json, (baton_str){ text.p, n });
	if (n < text.n)
		text_z(&answer->json, ",\"cut\":true");
	if (content->others) {
		text_z(&answer->json, ",\"left_out\":");
		text_u64(&answer->json, content->others);
	}
	text_z(&answer->json, "}");
}

static bool is_json(baton_str text)
{
	struct scan scan = scan_of(text);

	if (scan_peek(&scan) != '{' && scan_peek(&scan) != '[')
		return false;
	scan_skip(&scan);
	return scan_ended(&scan);
}

static void content_take(struct answer *answer, baton_str result, bool wants_json)
{
	struct content content = { 0 };

	content_read(&content, frame_member(result, "content"));
	if (content.bad || content.text.failed)
		answer->kind = ANSWER_BAD;
	else if (wants_json && content.n == 1 && is_json(text_view(&content.text)))
		text_add(&answer->json, content.text.p, content.text.n);
	else
		text_write(answer, &content);
	text_done(&content.text);
}

void answer_read(struct answer *answer, baton_str result, bool wants_json)
{
	baton_str type = frame_string(result, "resultType");
	baton_str structured = frame_member(result, "structuredContent");
	baton_str content = frame_member(result, "content");
	bool no = frame_is_true(result, "isError");

	*answer = (struct answer){ .kind = ANSWER_BAD };
	if (type.p && scan_is(type, "input_required")) {
		answer->kind = ANSWER_ASKS;
		return;
	}
	/* Extensions may bring more types; we have asked for none of them. */
	if ((type.p && !scan_is(type, "complete")) || result.n == 0 || result.p[0] != '{')
		return;
	if (structured.n == 0 && (content.n == 0 || content.p[0] != '['))
		return;
	answer->kind = no ? ANSWER_NO : ANSWER_YES;
	if (structured.n)
		text_add(&answer->json, structured.p, structured.n);
	else
		content_take(answer, result, wants_json && !no);
	if (answer->json.failed)
		answer->kind = ANSWER_BAD;
	else if (answer->json.n > ANSWER_BYTES_MAX)
		answer->kind = ANSWER_TOO_BIG;
}

void answer_done(struct answer *answer)
{
	text_done(&answer->json);
}

/* --- questions ---------------------------------------------------------------------------- */

static bool is_required(baton_str schema, baton_str name)
{
	struct scan scan = scan_of(frame_member(schema, "required"));
	bool begun = false;
	baton_str inside;

	while (scan_element(&scan, &begun))
		if (scan_text(&scan, &inside) && inside.n == name.n &&
		    memcmp(inside.p, name.p, name.n) == 0)
			return true;
	return false;
}

/* An object of all defaults; false: something that is required has none. */
static bool defaults_write(struct text *to, baton_str schema)
{
	struct scan scan = scan_of(frame_member(schema, "properties"));
	bool begun = false, first = true;
	baton_str name;

	text_z(to, "{");
	while (scan_member(&scan, &begun, &name)) {
		baton_str value = frame_member(scan_raw(&scan), "default");
		if (value.n == 0 && is_required(schema, name))
			return false;
		if (value.n == 0)
			continue;
		text_z(to, first ? "\"" : ",\"");
		text_add(to, name.p, name.n);
		text_z(to, "\":");
		text_add(to, value.p, value.n);
		first = false;
	}
	text_z(to, "}");
	return !scan.bad;
}

bool answer_elicit(struct text *to, baton_str params, bool defaults)
{
	baton_str mode = frame_string(params, "mode");
	baton_str schema = frame_member(params, "requestedSchema");
	struct text content = { 0 };
	bool form = !mode.p || scan_is(mode, "form");

	if (defaults && form && schema.n && defaults_write(&content, schema) && !content.failed) {
		text_z(to, "{\"action\":\"accept\",\"content\":");
		text_add(to, content.p, content.n);
		text_z(to, "}");
	} else {
		text_z(to, "{\"action\":\"decline\"}");
	}
	text_done(&content);
	return true;
}

static bool request_answer(struct text *to, baton_str request, bool defaults)
{
	baton_str method = frame_string(request, "method");

	if (!method.p || !scan_is(method, "elicitation/create"))
		return false;
	return answer_elicit(to, frame_member(request, "params"), defaults);
}

static bool requests_answer(struct text *to, baton_str requests, bool defaults)
{
	struct scan scan = scan_of(requests);
	bool begun = false;
	baton_str name;
	unsigned n = 0;

	text_z(to, ",\"inputResponses\":{");
	while (scan_member(&scan, &begun, &name)) {
		if (n == ANSWER_QUESTIONS_MAX)
			return false;
		text_z(to, n++ ? ",\"" : "\"");
		text_add(to, name.p, name.n);
		text_z(to, "\":");
		if (!request_answer(to, scan_raw(&scan), defaults))
			return false;
	}
	text_z(to, "}");
	return !scan.bad;
}

bool answer_inputs(struct text *to, baton_str result, bool defaults)
{
	baton_str requests = frame_member(result, "inputRequests");
	baton_str state = frame_member(result, "requestState"), inside;

	if (requests.n && !requests_answer(to, requests, defaults))
		return false;
	if (frame_inside(state, &inside)) {
		text_z(to, ",\"requestState\":");
		text_add(to, state.p, state.n);
	} else if (requests.n == 0) {
		return false; /* neither of the two: this would go on for ever */
	}
	return !to->failed;
}
