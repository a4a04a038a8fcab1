/* SPDX-License-Identifier: Apache-2.0 */

/* The Responses API. A stream is events with a `type`; the last one (completed, incomplete,
 * failed) has the whole response in it, which is read as a whole answer is, but for the text that
 * has been heard.
 *
 * Surprising: the response repeats `instructions` and `tools` in three of its events, and an
 * event has a bound; so the system speaks as a message of the input, which is not repeated.
 * Nothing is stored with the vendor unless the operator says so. There is no way to continue an
 * answer.
 */
#include "modules/provider-openai/wires.h"
#include "modules/sdk/provider/prompt.h"

/* --- asking --- */

/* A call and its answer are items of their own, beside the messages. */
static void calls_write(struct text *to, baton_str parts, const char *comma)
{
	struct scan scan = scan_of(parts);
	struct prompt_call call;
	bool begun = false;

	while (prompt_call_next(&scan, &begun, &call)) {
		text_z(to, comma);
		prompt_raw(to, "{\"type\":\"function_call\",\"call_id\":", call.id, "");
		prompt_raw(to, ",\"name\":", call.name, ",\"arguments\":");
		text_json(to, prompt_arguments(&call));
		text_z(to, "}");
		comma = ",";
	}
}

static void result_write(struct text *to, const baton_msg *msg)
{
	text_z(to, "{\"type\":\"function_call_output\",\"call_id\":");
	text_json(to, msg->tool_call_id);
	text_z(to, ",\"output\":");
	text_json(to, msg->text);
	text_z(to, "}");
}

static void input_write(struct text *to, const char *role, const baton_msg *msg)
{
	text_z(to, "{\"role\":\"");
	text_z(to, role);
	text_z(to, "\",\"content\":");
	prompt_content(to, msg);
	text_z(to, "}");
}

static void inputs_write(struct text *to, const baton_prompt *prompt)
{
	const baton_turn *turn = prompt->turn;
	struct text text = { 0 };
	const char *comma = "";

	text_z(to, ",\"input\":[");
	prompt_system(&text, prompt);
	baton_msg system = { .role = BATON_ROLE_SYSTEM, .text = text_view(&text) };
	if (text.n) {
		input_write(to, "system", &system);
		comma = ",";
	}
	to->failed = to->failed || text.failed;
	text_done(&text);
	for (uint32_t i = 0; i < turn->n_msgs; i++) {
		const baton_msg *msg = &turn->msgs[i];
		if (msg->role == BATON_ROLE_SYSTEM)
			continue;
		if (!prompt_is_called(msg) || msg->text.n > 0) {
			text_z(to, comma);
			if (prompt_is_result(msg))
				result_write(to, msg);
			else
				input_write(to, prompt_side(msg), msg);
			comma = ",";
		}
		if (prompt_is_called(msg)) {
			calls_write(to, msg->parts_json, comma);
			comma = ",";
		}
	}
	text_z(to, "]");
}

static void tools_write(struct text *to, baton_str tools_json)
{
	struct scan scan = scan_of(tools_json);
	struct prompt_tool tool;
	bool begun = false;
	const char *comma = ",\"tools\":[";

	while (tools_json.n && prompt_tool_next(&scan, &begun, &tool)) {
		text_z(to, comma);
		prompt_raw(to, "{\"type\":\"function\",\"name\":", tool.name, "");
		prompt_raw(to, ",\"description\":", tool.description, "");
		prompt_raw(to, ",\"parameters\":", tool.parameters, "");
		text_z(to, ",\"strict\":false}");
		comma = ",";
	}
	text_z(to, comma[1] ? "" : "]");
}

static bool responses_ask(const struct config *config, const baton_prompt *prompt,
			  struct text *body)
{
	text_z(body, "{\"model\":");
	text_json(body, prompt->model);
	inputs_write(body, prompt);
	if (prompt->max_output_tokens)
		prompt_number(body, "max_output_tokens", prompt->max_output_tokens);
	prompt_temperature(body, "temperature", prompt->temperature_milli, 2000);
	tools_write(body, prompt->tools_json);
	prompt_raw(
		body,
		",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"answer\",\"schema\":",
		prompt->response_schema, "}}");
	if (!config->says_store)
		text_z(body, ",\"store\":false");
	text_z(body, config->stream ? ",\"stream\":true" : ",\"stream\":false");
	text_z(body, config->extra);
	text_z(body, "}");
	return !body->failed;
}

/* --- hearing: the response --- */

struct item { /* of `output`, or of an event */
	baton_str type, call_id, name, arguments, content;
};

static void item_read(struct scan *scan, struct item *item)
{
	bool begun = false;
	baton_str key;

	*item = (struct item){ 0 };
	while (scan_member(scan, &begun, &key)) {
		baton_str *to = NULL;
		if (scan_is(key, "type"))
			to = &item->type;
		else if (scan_is(key, "call_id"))
			to = &item->call_id;
		else if (scan_is(key, "name"))
			to = &item->name;
		else if (scan_is(key, "arguments"))
			to = &item->arguments;
		if (to)
			scan_text(scan, to);
		else if (scan_is(key, "content"))
			item->content = scan_raw(scan);
		else
			scan_skip(scan);
	}
}

static void tool_take(struct heard *heard, const struct item *item)
{
	tool_hear(heard_tool(heard, heard->n_tools), item->call_id, item->name, item->arguments);
}

static enum heard_kind part_take(struct heard *heard, struct scan *scan)
{
	baton_str key, type = { 0 }, text = { 0 };
	bool begun = false;

	while (scan_member(scan, &begun, &key)) {
		if (scan_is(key, "type"))
			scan_text(scan, &type);
		else if (scan_is(key, "text"))
			scan_text(scan, &text);
		else
			scan_skip(scan);
	}
	heard->refusal = heard->refusal || scan_is(type, "refusal");
	return scan_is(type, "output_text") ? heard_text(heard, text) : HEARD_GOOD;
}

static enum heard_kind message_take(struct heard *heard, baton_str content)
{
	struct scan scan = scan_of(content);
	enum heard_kind kind = HEARD_GOOD;
	bool begun = false;

	while (content.n && kind == HEARD_GOOD && scan_element(&scan, &begun))
		kind = part_take(heard, &scan);
	return kind;
}

/* What a stream has told already is not told again. */
static enum heard_kind output_take(struct heard *heard, baton_str output)
{
	struct scan scan = scan_of(output);
	bool begun = false, said = heard->text_bytes > 0, called = heard->n_tools > 0;
	enum heard_kind kind = HEARD_GOOD;
	struct item item;

	while (output.n && kind == HEARD_GOOD && scan_element(&scan, &begun)) {
		item_read(&scan, &item);
		if (scan_is(item.type, "function_call") && !called)
			tool_take(heard, &item);
		else if (scan_is(item.type, "message") && !said)
			kind = message_take(heard, item.content);
	}
	return kind;
}

static baton_str reason_read(struct scan *scan)
{
	baton_str key, reason = { 0 };
	bool begun = false;

	while (scan_member(scan, &begun, &key)) {
		if (scan_is(key, "reason"))
			scan_text(scan, &reason);
		else
			scan_skip(scan);
	}
	return reason;
}

struct response {
	baton_str status, error, reason, output, usage;
};

static bool response_read(struct response *response, baton_str json)
{
	struct scan scan = scan_of(json);
	bool begun = false;
	baton_str key;

	*response = (struct response){ 0 };
	if (scan_peek(&scan) != '{')
		return false;
	while (scan_member(&scan, &begun, &key)) {
		if (scan_is(key, "status"))
			scan_text(&scan, &response->status);
		else if (scan_is(key, "error"))
			response->error = scan_raw(&scan);
		else if (scan_is(key, "incomplete_details"))
			response->reason = reason_read(&scan);
		else if (scan_is(key, "output"))
			response->output = scan_raw(&scan);
		else if (scan_is(key, "usage"))
			response->usage = scan_raw(&scan);
		else
			scan_skip(&scan);
	}
	return scan_ended(&scan);
}

static enum finish finish_of(const struct response *response)
{
	if (scan_is(response->status, "completed"))
		return FINISH_STOP;
	if (!scan_is(response->status, "incomplete"))
		return FINISH_BROKEN; /* failed without saying why, cancelled, still in progress */
	return scan_is(response->reason, "content_filter") ? FINISH_FILTERED : FINISH_LENGTH;
}

static enum heard_kind responses_whole(struct heard *heard, baton_str body)
{
	static const struct usage_names names = { "input_tokens", "output_tokens",
						  "input_tokens_details" };
	struct response response;

	if (!response_read(&response, body))
		return HEARD_NOT_JSON;
	heard_usage(heard, &names, response.usage);
	if (response.error.n && response.error.p[0] == '{') {
		heard->error = response.error;
		return HEARD_ERROR;
	}
	heard->over = true;
	heard->finish = finish_of(&response);
	return output_take(heard, response.output);
}

/* --- hearing: events --- */

struct event {
	baton_str type, delta, item, response, error;
};

static bool event_read(struct event *event, baton_str data)
{
	struct scan scan = scan_of(data);
	bool begun = false;
	baton_str key;

	*event = (struct event){ 0 };
	if (scan_peek(&scan) != '{')
		return false;
	while (scan_member(&scan, &begun, &key)) {
		if (scan_is(key, "type"))
			scan_text(&scan, &event->type);
		else if (scan_is(key, "delta"))
			scan_text(&scan, &event->delta);
		else if (scan_is(key, "item"))
			event->item = scan_raw(&scan);
		else if (scan_is(key, "response"))
			event->response = scan_raw(&scan);
		else if (scan_is(key, "error"))
			event->error = scan_raw(&scan);
		else
			scan_skip(&scan);
	}
	return scan_ended(&scan);
}

static enum heard_kind responses_event(struct heard *heard, baton_str name, baton_str data)
{
	struct event event;
	struct item item;
	(void)name; /* the type says the same, and is always there */

	if (scan_is(data, "[DONE]")) { /* not OpenAI's, but some of those who speak it after him */
		heard->over = true;
		return HEARD_GOOD;
	}
	if (!event_read(&event, data))
		return HEARD_NOT_JSON;
	if (scan_is(event.type, "response.output_text.delta"))
		return heard_text(heard, event.delta);
	if (scan_is(event.type, "response.completed") ||
	    scan_is(event.type, "response.incomplete") || scan_is(event.type, "response.failed"))
		return responses_whole(heard, event.response);
	if (scan_is(event.type, "error") || (!event.type.n && event.error.n)) {
		heard->error = data;
		return HEARD_ERROR;
	}
	if (scan_is(event.type, "response.refusal.delta")) {
		heard->refusal = true;
	} else if (scan_is(event.type, "response.reasoning_text.delta") ||
		   scan_is(event.type, "response.reasoning_summary_text.delta")) {
		heard_reasoning(heard, event.delta);
	} else if (scan_is(event.type, "response.output_item.done")) {
		struct scan scan = scan_of(event.item);
		item_read(&scan, &item);
		if (scan_is(item.type, "function_call"))
			tool_take(heard, &item);
	}
	return HEARD_GOOD;
}

const struct wire wire_responses = {
	.name = "responses",
	.http_flags = BATON_HTTP_SSE,
	.ask = responses_ask,
	.event = responses_event,
	.whole = responses_whole,
};
