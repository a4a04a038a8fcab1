/* SPDX-License-Identifier: Apache-2.0 */

/* The Messages API. A stream is message_start, blocks of text, thinking or tool use,
 * message_delta with the reason it stopped, message_stop; pings and events that are not known
 * pass between.
 *
 * Surprising: sides must alternate and the customer's comes first, the system's words stand
 * apart, no text may be empty, and the beginning of an answer may not end in white space.
 * `input_tokens` are those that came from no cache; usage comes in two parts, at the beginning
 * and at the end.
 */
#include "modules/provider-anthropic/messages.h"

#include "modules/sdk/provider/prompt.h"

/* --- asking --- */

static bool is_blank(baton_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!strchr(" \t\r\n", text.p[i]))
			return false;
	return true;
}

struct sides { /* the talk so far, as blocks of whose turn it is */
	struct text *to;
	const char *side; /* of the message that is open; NULL: none */
};

/* The next block of this side: its message is begun if the other side's is open. */
static void block_begin(struct sides *sides, const char *side, const char *type)
{
	bool same = sides->side && strcmp(sides->side, side) == 0;

	if (!same) {
		text_z(sides->to, sides->side ? "]},{\"role\":\"" : "{\"role\":\"");
		text_z(sides->to, side);
		text_z(sides->to, "\",\"content\":[");
	}
	text_z(sides->to, same ? ",{\"type\":\"" : "{\"type\":\"");
	text_z(sides->to, type);
	text_z(sides->to, "\",");
	sides->side = side;
}

static void block_write(struct sides *sides, const char *side, const baton_msg *msg)
{
	block_begin(sides, side, "text");
	text_z(sides->to, "\"text\":");
	prompt_content(sides->to, msg);
	text_z(sides->to, "}");
}

static void calls_write(struct sides *sides, baton_str parts)
{
	struct scan scan = scan_of(parts);
	struct prompt_call call;
	bool begun = false;

	while (prompt_call_next(&scan, &begun, &call)) {
		block_begin(sides, "assistant", "tool_use");
		prompt_raw(sides->to, "\"id\":", call.id, ",");
		prompt_raw(sides->to, "\"name\":", call.name, ",\"input\":");
		prompt_raw(sides->to, "", prompt_arguments(&call), "}");
	}
}

static void result_write(struct sides *sides, const baton_msg *msg)
{
	block_begin(sides, "user", "tool_result");
	text_z(sides->to, "\"tool_use_id\":");
	text_json(sides->to, msg->tool_call_id);
	text_z(sides->to, ",\"content\":");
	text_json(sides->to, msg->text);
	text_z(sides->to, "}");
}

static void said_write(struct sides *sides, const baton_msg *msg)
{
	if (prompt_is_result(msg))
		result_write(sides, msg);
	else if (!is_blank(msg->text))
		block_write(sides, prompt_side(msg), msg);
	if (prompt_is_called(msg))
		calls_write(sides, msg->parts_json);
}

static baton_str trimmed(baton_str text)
{
	while (text.n && strchr(" \t\r\n", text.p[text.n - 1]))
		text.n--;
	return text;
}

static void talk_write(struct text *to, const struct config *config, const baton_prompt *prompt)
{
	static const baton_msg nothing = { .role = BATON_ROLE_CUSTOMER, .text = { "...", 3 } };
	const baton_turn *turn = prompt->turn;
	struct sides sides = { to, NULL };
	baton_msg prefill = { .role = BATON_ROLE_BOT,
			      .text = trimmed(prompt_prefill(config, prompt)) };

	text_z(to, ",\"messages\":[");
	for (uint32_t i = 0; i < turn->n_msgs; i++) {
		const baton_msg *msg = &turn->msgs[i];
		if (msg->role == BATON_ROLE_SYSTEM ||
		    (is_blank(msg->text) && !prompt_is_called(msg) && !prompt_is_result(msg)))
			continue;
		if (!sides.side && strcmp(prompt_side(msg), "assistant") == 0)
			block_write(&sides, "user", &nothing);
		said_write(&sides, msg);
	}
	if (!sides.side || strcmp(sides.side, "user") != 0)
		block_write(&sides, "user", &nothing);
	if (prefill.text.n)
		block_write(&sides, "assistant", &prefill);
	text_z(to, "]}]");
}

static void tools_write(struct text *to, baton_str tools_json)
{
	struct scan scan = scan_of(tools_json);
	struct prompt_tool tool;
	bool begun = false;
	const char *comma = ",\"tools\":[";

	while (tools_json.n && prompt_tool_next(&scan, &begun, &tool)) {
		text_z(to, comma);
		prompt_raw(to, "{\"name\":", tool.name, "");
		prompt_raw(to, ",\"description\":", tool.description, "");
		text_z(to, ",\"input_schema\":");
		prompt_raw(to, "", tool.parameters, "");
		text_z(to, tool.parameters.n ? "}" : "{\"type\":\"object\"}}");
		comma = ",";
	}
	text_z(to, comma[1] ? "" : "]");
}

/* A request that shows calls must define tools, or it is refused ("must define tools"), and this one
 * has none to offer: a route that only looks up, a stand-in that has none. So what was called is
 * named again, and may not be called. */
static void tools_recall(struct text *to, const baton_turn *turn)
{
	enum { NAMES_MAX = 32 };
	baton_str names[NAMES_MAX];
	size_t n = 0, k;

	for (uint32_t i = 0; i < turn->n_msgs; i++) {
		const baton_msg *msg = &turn->msgs[i];
		struct scan scan = scan_of(msg->parts_json);
		struct prompt_call call;
		bool begun = false;
		while (prompt_is_called(msg) && n < NAMES_MAX &&
		       prompt_call_next(&scan, &begun, &call)) {
			for (k = 0; k < n && (names[k].n != call.name.n ||
					      memcmp(names[k].p, call.name.p, call.name.n) != 0);)
				k++;
			if (k < n)
				continue;
			prompt_raw(to, n ? ",{\"name\":" : ",\"tools\":[{\"name\":", call.name,
				   ",\"input_schema\":{\"type\":\"object\"}}");
			names[n++] = call.name;
		}
	}
	text_z(to, n ? "],\"tool_choice\":{\"type\":\"none\"}" : "");
}

static bool messages_ask(const struct config *config, const baton_prompt *prompt, struct text *body)
{
	struct text system = { 0 };
	uint32_t most = prompt->max_output_tokens;

	text_z(body, "{\"model\":");
	text_json(body, prompt->model);
	prompt_number(body, "max_tokens", most ? most : config->max_tokens);
	prompt_system(&system, prompt);
	if (system.n) {
		text_z(body, ",\"system\":");
		text_json(body, text_view(&system));
	}
	body->failed = body->failed || system.failed;
	text_done(&system);
	talk_write(body, config, prompt);
	prompt_temperature(body, "temperature", prompt->temperature_milli, 1000);
	if (prompt->tools_json.n)
		tools_write(body, prompt->tools_json);
	else
		tools_recall(body, prompt->turn);
	prompt_raw(body, ",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":",
		   prompt->response_schema, "}}");
	text_z(body, config->stream ? ",\"stream\":true" : ",\"stream\":false");
	text_z(body, config->extra);
	text_z(body, "}");
	return !body->failed;
}

/* --- hearing: what events and whole answers have in common --- */

static void usage_take(struct heard *heard, baton_str usage, bool last)
{
	struct scan scan = scan_of(usage);
	uint64_t fresh = 0, written = 0, cached = 0;
	bool begun = false;
	baton_str key;

	if (usage.n == 0 || usage.p[0] != '{')
		return;
	while (scan_member(&scan, &begun, &key)) {
		if (scan_is(key, "input_tokens"))
			fresh = scan_count(&scan);
		else if (scan_is(key, "cache_creation_input_tokens"))
			written = scan_count(&scan);
		else if (scan_is(key, "cache_read_input_tokens"))
			cached = scan_count(&scan);
		else if (scan_is(key, "output_tokens"))
			heard->out_tokens = scan_count(&scan);
		else
			scan_skip(&scan);
	}
	if (fresh + written + cached) { /* the last part may be silent about it */
		heard->in_tokens = fresh + written + cached;
		heard->cached_tokens = cached;
	}
	heard->has_usage = heard->has_usage || last;
}

static enum finish finish_of(baton_str reason)
{
	static const struct {
		const char *word;
		enum finish finish;
	} words[] = {
		{ "end_turn", FINISH_STOP },
		{ "stop_sequence", FINISH_STOP },
		{ "max_tokens", FINISH_LENGTH },
		{ "tool_use", FINISH_TOOLS },
		{ "pause_turn", FINISH_LENGTH }, /* it would go on if asked again: not whole */
		{ "refusal", FINISH_FILTERED },
		{ "model_context_window_exceeded", FINISH_CONTEXT },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (scan_is(reason, words[i].word))
			return words[i].finish;
	return reason.n ? FINISH_STOP : FINISH_NONE;
}

struct block { /* a block of content, or the delta of one */
	baton_str type, text, thinking, id, name, partial, input, reason;
};

static void block_read(struct scan *scan, struct block *block)
{
	bool begun = false;
	baton_str key;

	*block = (struct block){ 0 };
	while (scan_member(scan, &begun, &key)) {
		baton_str *to = NULL;
		if (scan_is(key, "type"))
			to = &block->type;
		else if (scan_is(key, "text"))
			to = &block->text;
		else if (scan_is(key, "thinking"))
			to = &block->thinking;
		else if (scan_is(key, "id"))
			to = &block->id;
		else if (scan_is(key, "name"))
			to = &block->name;
		else if (scan_is(key, "partial_json"))
			to = &block->partial;
		else if (scan_is(key, "stop_reason"))
			to = &block->reason;
		if (to)
			scan_text(scan, to);
		else if (scan_is(key, "input"))
			block->input = scan_raw(scan);
		else
			scan_skip(scan);
	}
}

/* Blocks come one after the other: what a delta adds to is the last one. */
static enum heard_kind block_take(struct heard *heard, const struct block *block)
{
	if (scan_is(block->type, "text") || scan_is(block->type, "text_delta"))
		return heard_text(heard, block->text);
	if (scan_is(block->type, "thinking") || scan_is(block->type, "thinking_delta")) {
		heard_reasoning(heard, block->thinking);
	} else if (scan_is(block->type, "tool_use")) {
		struct tool *tool = heard_tool(heard, heard->n_tools);
		tool_hear(tool, block->id, block->name, (baton_str){ NULL, 0 });
		if (!scan_is(block->input, "{}")) /* whole; a stream begins with an empty one */
			tool_hear_raw(tool, block->input);
	} else if (scan_is(block->type, "input_json_delta") && heard->n_tools) {
		tool_hear(&heard->tools[heard->n_tools - 1], (baton_str){ NULL, 0 },
			  (baton_str){ NULL, 0 }, block->partial);
	}
	return HEARD_GOOD;
}

/* --- hearing --- */

struct message { /* an event, a whole answer, or what message_start wraps */
	baton_str type, content, usage, reason, inner, block, delta, error;
};

static bool message_read(struct message *message, baton_str json)
{
	struct scan scan = scan_of(json);
	bool begun = false;
	baton_str key;

	*message = (struct message){ 0 };
	if (scan_peek(&scan) != '{')
		return false;
	while (scan_member(&scan, &begun, &key)) {
		baton_str *to = NULL;
		if (scan_is(key, "content"))
			to = &message->content;
		else if (scan_is(key, "usage"))
			to = &message->usage;
		else if (scan_is(key, "message"))
			to = &message->inner;
		else if (scan_is(key, "content_block"))
			to = &message->block;
		else if (scan_is(key, "delta"))
			to = &message->delta;
		else if (scan_is(key, "error"))
			to = &message->error;
		if (to)
			*to = scan_raw(&scan);
		else if (scan_is(key, "type"))
			scan_text(&scan, &message->type);
		else if (scan_is(key, "stop_reason"))
			scan_text(&scan, &message->reason);
		else
			scan_skip(&scan);
	}
	return scan_ended(&scan);
}

static bool is_error(const struct message *message)
{
	return scan_is(message->type, "error") || (!message->type.n && message->error.n);
}

static enum heard_kind messages_whole(struct heard *heard, baton_str body)
{
	struct message message;
	struct block block;
	enum heard_kind kind = HEARD_GOOD;
	bool begun = false;

	if (!message_read(&message, body))
		return HEARD_NOT_JSON;
	if (is_error(&message)) {
		heard->error = body;
		return HEARD_ERROR;
	}
	usage_take(heard, message.usage, true);
	heard->finish = finish_of(message.reason);
	struct scan content = scan_of(message.content);
	while (message.content.n && kind == HEARD_GOOD && scan_element(&content, &begun)) {
		block_read(&content, &block);
		kind = block_take(heard, &block);
	}
	return kind;
}

static enum heard_kind messages_event(struct heard *heard, baton_str name, baton_str data)
{
	struct message message, start;
	struct block block;
	(void)name; /* the type says the same, and is always there */

	if (!message_read(&message, data))
		return HEARD_NOT_JSON;
	if (is_error(&message)) {
		heard->error = data;
		return HEARD_ERROR;
	}
	struct scan delta = scan_of(message.delta), begin = scan_of(message.block);
	if (scan_is(message.type, "content_block_delta")) {
		block_read(&delta, &block);
		return block_take(heard, &block);
	}
	if (scan_is(message.type, "content_block_start")) {
		block_read(&begin, &block);
		return block_take(heard, &block);
	}
	if (scan_is(message.type, "message_start")) {
		if (message_read(&start, message.inner))
			usage_take(heard, start.usage, false);
	} else if (scan_is(message.type, "message_delta")) {
		block_read(&delta, &block);
		if (block.reason.n)
			heard->finish = finish_of(block.reason);
		usage_take(heard, message.usage, true);
	} else if (scan_is(message.type, "message_stop")) {
		heard->over = true;
	}
	return HEARD_GOOD;
}

const struct wire wire_messages = {
	.name = "messages",
	.http_flags = BATON_HTTP_SSE,
	.ask = messages_ask,
	.event = messages_event,
	.whole = messages_whole,
};
