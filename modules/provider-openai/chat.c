/* SPDX-License-Identifier: Apache-2.0 */

/* Chat Completions, as OpenAI speaks it and many after it. A chunk of a stream has a `delta`
 * where a whole answer has a `message`; apart from that they are read alike.
 *
 * Surprising: `content` may be a list of parts (Mistral's models that think); a chunk may have no
 * choices (usage, Azure's first), or those of others (index 1 and up, behind a proxy); vLLM puts
 * an error's fields at the top.
 */
#include "modules/provider-openai/wires.h"
#include "modules/sdk/provider/prompt.h"

#include <strings.h>

/* --- asking --- */

/* Arguments are text here, an object in Ollama's own API. */
static void calls_write(struct text *to, const struct config *config, baton_str parts)
{
	bool begun = false, object = config->wire == &wire_ollama;
	struct scan scan = scan_of(parts);
	const char *comma = ",\"tool_calls\":[";
	struct prompt_call call;

	while (prompt_call_next(&scan, &begun, &call)) {
		text_z(to, comma);
		text_z(to, "{");
		prompt_raw(to, "\"id\":", call.id, ",");
		text_z(to, "\"type\":\"function\",\"function\":{\"name\":");
		text_add(to, call.name.p, call.name.n);
		text_z(to, ",\"arguments\":");
		if (object)
			prompt_raw(to, "", prompt_arguments(&call), "}}");
		else
			text_json(to, prompt_arguments(&call));
		text_z(to, object ? "" : "}}");
		comma = ",";
	}
	text_z(to, comma[1] ? "" : "]");
}

static void message_write(struct text *to, const struct config *config, const baton_msg *msg)
{
	bool tool = msg->role == BATON_ROLE_TOOL;

	text_z(to, "{\"role\":\"");
	text_z(to, tool ? "tool" : prompt_side(msg));
	text_z(to, "\",\"content\":");
	if (tool)
		text_json(to, msg->text);
	else
		prompt_content(to, msg);
	if (tool && config->wire == &wire_ollama && msg->name.n) {
		text_z(to, ",\"tool_name\":");
		text_json(to, msg->name);
	}
	if (tool && msg->tool_call_id.n) {
		text_z(to, ",\"tool_call_id\":");
		text_json(to, msg->tool_call_id);
	}
	if (prompt_is_called(msg))
		calls_write(to, config, msg->parts_json);
	text_z(to, "}");
}

void chat_tools(struct text *to, baton_str tools_json)
{
	struct scan scan = scan_of(tools_json);
	struct prompt_tool tool;
	bool begun = false;
	const char *comma = ",\"tools\":[";

	while (tools_json.n && prompt_tool_next(&scan, &begun, &tool)) {
		text_z(to, comma);
		prompt_raw(to, "{\"type\":\"function\",\"function\":{\"name\":", tool.name, "");
		prompt_raw(to, ",\"description\":", tool.description, "");
		prompt_raw(to, ",\"parameters\":", tool.parameters, "");
		text_z(to, "}}");
		comma = ",";
	}
	text_z(to, comma[1] ? "" : "]");
}

/* All that the host says as one message, in its order. */
static bool system_write(struct text *to, const baton_turn *turn)
{
	bool begun = false;

	for (uint32_t i = 0; i < turn->n_msgs; i++) {
		if (turn->msgs[i].role != BATON_ROLE_SYSTEM || turn->msgs[i].text.n == 0)
			continue;
		text_z(to, begun ? "\\n\\n" : "{\"role\":\"system\",\"content\":\"");
		text_json_inside(to, turn->msgs[i].text);
		begun = true;
	}
	text_z(to, begun ? "\"}" : "");
	return begun;
}

void chat_messages(struct text *to, const struct config *config, const baton_prompt *prompt)
{
	const baton_turn *turn = prompt->turn;
	const char *comma = "";
	baton_msg prefill = { .role = BATON_ROLE_BOT, .text = prompt_prefill(config, prompt) };

	text_z(to, ",\"messages\":[");
	if (system_write(to, turn))
		comma = ",";
	for (uint32_t i = 0; i < turn->n_msgs; i++) {
		if (turn->msgs[i].role == BATON_ROLE_SYSTEM)
			continue;
		text_z(to, comma);
		message_write(to, config, &turn->msgs[i]);
		comma = ",";
	}
	if (prefill.text.n) {
		text_z(to, comma);
		message_write(to, config, &prefill);
	}
	text_z(to, "]");
}

static bool chat_ask(const struct config *config, const baton_prompt *prompt, struct text *body)
{
	text_z(body, "{\"model\":");
	text_json(body, prompt->model);
	chat_messages(body, config, prompt);
	if (prompt->max_output_tokens)
		prompt_number(body, config->max_tokens_name, prompt->max_output_tokens);
	prompt_temperature(body, "temperature", prompt->temperature_milli, 2000);
	chat_tools(body, prompt->tools_json);
	prompt_raw(
		body,
		",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\","
		"\"schema\":",
		prompt->response_schema, "}}");
	text_z(body, config->stream ? ",\"stream\":true" : ",\"stream\":false");
	if (config->stream && config->include_usage)
		text_z(body, ",\"stream_options\":{\"include_usage\":true}");
	if (config->dialect == DIALECT_VLLM && prompt_prefill(config, prompt).n)
		text_z(body, ",\"continue_final_message\":true,\"add_generation_prompt\":false");
	text_z(body, config->extra);
	text_z(body, "}");
	return !body->failed;
}

/* --- hearing --- */

/* Views into the text, resolved when all of it has been read. */
struct choice {
	baton_str content, parts, reasoning, refusal, finish, tools;
	uint64_t index;
	bool delta; /* a delta wins over a message */
};

struct chunk {
	struct choice choice; /* the first with index 0 */
	baton_str object, usage;
	bool has_choice, has_choices, has_words, has_error;
};

static void delta_read(struct scan *scan, struct choice *choice)
{
	baton_str key, *to;
	bool begun = false;

	choice->content = choice->parts = choice->reasoning = (baton_str){ 0 };
	choice->refusal = choice->tools = (baton_str){ 0 };
	while (scan_member(scan, &begun, &key)) {
		to = NULL;
		if (scan_is(key, "content"))
			to = &choice->content;
		else if (scan_is(key, "reasoning_content") || scan_is(key, "reasoning"))
			to = &choice->reasoning;
		else if (scan_is(key, "refusal"))
			to = &choice->refusal;
		if (to == &choice->content && scan_peek(scan) == '[')
			choice->parts = scan_raw(scan);
		else if (to)
			scan_text(scan, to);
		else if (scan_is(key, "tool_calls"))
			choice->tools = scan_raw(scan);
		else
			scan_skip(scan);
	}
}

static void choice_read(struct scan *scan, struct choice *choice)
{
	bool begun = false;
	baton_str key;

	while (scan_member(scan, &begun, &key)) {
		bool delta = scan_is(key, "delta") && scan_peek(scan) == '{';
		if (delta || (scan_is(key, "message") && !choice->delta)) {
			delta_read(scan, choice);
			choice->delta = delta;
		} else if (scan_is(key, "finish_reason")) {
			scan_text(scan, &choice->finish);
		} else if (scan_is(key, "index")) {
			choice->index = scan_count(scan);
		} else {
			scan_skip(scan);
		}
	}
}

static void choices_read(struct scan *scan, struct chunk *chunk)
{
	bool begun = false;

	chunk->has_choices = true;
	chunk->has_choice = false;
	chunk->choice = (struct choice){ 0 };
	while (scan_element(scan, &begun)) {
		struct choice choice = { 0 };
		choice_read(scan, &choice);
		if (chunk->has_choice || choice.index != 0)
			continue;
		chunk->has_choice = true;
		chunk->choice = choice;
	}
}

static bool error_stands(struct scan *scan)
{
	baton_str error = scan_raw(scan);
	return !scan_is(error, "null") && !scan_is(error, "false");
}

static bool chunk_read(struct chunk *chunk, baton_str data)
{
	struct scan scan = scan_of(data);
	bool begun = false;
	baton_str key;

	if (scan_peek(&scan) != '{')
		return false;
	while (scan_member(&scan, &begun, &key)) {
		if (scan_is(key, "choices"))
			choices_read(&scan, chunk);
		else if (scan_is(key, "usage"))
			chunk->usage = scan_raw(&scan);
		else if (scan_is(key, "object"))
			scan_text(&scan, &chunk->object);
		else if (scan_is(key, "error"))
			chunk->has_error = error_stands(&scan);
		else if (scan_is(key, "message") || scan_is(key, "detail"))
			chunk->has_words = true, scan_skip(&scan);
		else
			scan_skip(&scan);
	}
	return scan_ended(&scan);
}

/* --- into what was heard --- */

static void tool_take(struct heard *heard, struct scan *scan, uint64_t at)
{
	baton_str key, id = { 0 }, name = { 0 }, args = { 0 };
	bool begun = false, inner;

	while (scan_member(scan, &begun, &key)) {
		if (scan_is(key, "index")) {
			at = scan_count(scan);
		} else if (scan_is(key, "id")) {
			scan_text(scan, &id);
		} else if (scan_is(key, "function")) {
			inner = false;
			while (scan_member(scan, &inner, &key)) {
				if (scan_is(key, "name"))
					scan_text(scan, &name);
				else if (scan_is(key, "arguments"))
					scan_text(scan, &args);
				else
					scan_skip(scan);
			}
		} else {
			scan_skip(scan);
		}
	}
	tool_hear(heard_tool(heard, at), id, name, args);
}

static void tools_take(struct heard *heard, baton_str calls)
{
	struct scan scan = scan_of(calls);
	bool begun = false;

	for (uint64_t i = 0; calls.n && scan_element(&scan, &begun); i++)
		tool_take(heard, &scan, i);
}

enum finish chat_finish(baton_str reason)
{
	static const struct {
		const char *word;
		enum finish finish;
	} words[] = {
		{ "stop", FINISH_STOP },
		{ "length", FINISH_LENGTH },
		{ "max_tokens", FINISH_LENGTH },
		{ "model_length", FINISH_CONTEXT }, /* Mistral */
		{ "tool_calls", FINISH_TOOLS },
		{ "function_call", FINISH_TOOLS },
		{ "content_filter", FINISH_FILTERED },
		{ "safety", FINISH_FILTERED },                     /* Google */
		{ "abort", FINISH_BROKEN },                        /* vLLM */
		{ "insufficient_system_resource", FINISH_BROKEN }, /* DeepSeek */
		{ "error", FINISH_BROKEN },                        /* OpenRouter, Mistral */
	};

	char word[48];

	if (reason.n == 0)
		return FINISH_NONE;
	scan_copy(reason, word, sizeof(word));
	word[strcspn(word, ":")] = '\0'; /* Google: "content_filter: PROHIBITED_CONTENT" */
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(word, words[i].word) == 0)
			return words[i].finish;
	return FINISH_STOP;
}

static enum heard_kind parts_take(struct heard *heard, baton_str parts)
{
	struct scan scan = scan_of(parts);
	enum heard_kind kind = HEARD_GOOD;
	bool begun = false, inner;
	baton_str key, type, text;

	while (parts.n && kind == HEARD_GOOD && scan_element(&scan, &begun)) {
		type = text = (baton_str){ 0 };
		inner = false;
		while (scan_member(&scan, &inner, &key)) {
			if (scan_is(key, "type"))
				scan_text(&scan, &type);
			else if (scan_is(key, "text"))
				scan_text(&scan, &text);
			else
				scan_skip(&scan);
		}
		if (scan_is(type, "text"))
			kind = heard_text(heard, text);
	}
	return kind;
}

static enum heard_kind choice_take(struct heard *heard, const struct choice *choice)
{
	enum finish finish = chat_finish(choice->finish);

	if (choice->reasoning.n)
		heard_reasoning(heard, choice->reasoning);
	tools_take(heard, choice->tools);
	heard->refusal = heard->refusal || choice->refusal.n;
	if (finish != FINISH_NONE)
		heard->finish = finish;
	return choice->content.n ? heard_text(heard, choice->content)
				 : parts_take(heard, choice->parts);
}

static bool is_content_alone(const struct chunk *chunk)
{
	const struct choice *choice = &chunk->choice;

	return choice->content.n && !choice->finish.n && !choice->reasoning.n &&
	       !choice->refusal.n && !choice->tools.n &&
	       (!chunk->usage.n || *chunk->usage.p != '{');
}

static enum heard_kind chunk_take(struct heard *heard, baton_str data, bool stream)
{
	static const struct usage_names names = { "prompt_tokens", "completion_tokens",
						  "prompt_tokens_details" };
	struct chunk chunk = { 0 };

	if (!chunk_read(&chunk, data))
		return HEARD_NOT_JSON;
	if (chunk.has_error || scan_is(chunk.object, "error") ||
	    (!chunk.has_choices && chunk.has_words)) {
		heard->error = data;
		return HEARD_ERROR;
	}
	if (stream && is_content_alone(&chunk))
		heard_like(heard, data, chunk.choice.content);
	heard_usage(heard, &names, chunk.usage);
	return choice_take(heard, &chunk.choice);
}

static enum heard_kind chat_whole(struct heard *heard, baton_str data)
{
	return chunk_take(heard, data, false);
}

static enum heard_kind chat_event(struct heard *heard, baton_str event, baton_str data)
{
	(void)event;
	if (data.n == 6 && memcmp(data.p, "[DONE]", 6) == 0) {
		heard->over = true;
		return HEARD_GOOD;
	}
	return chunk_take(heard, data, true);
}

const struct wire wire_chat = {
	.name = "chat",
	.http_flags = BATON_HTTP_SSE,
	.usage_follows = true,
	.ask = chat_ask,
	.event = chat_event,
	.whole = chat_whole,
};
