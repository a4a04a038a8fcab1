/* SPDX-License-Identifier: Apache-2.0 */

/* Ollama's own API: /api/chat, one JSON object per line. Every line may be the error instead; the
 * last one has `done`, and counts the tokens.
 *
 * Surprising: arguments of a tool call are an object, not text. A prompt longer than `num_ctx` is
 * cut at its beginning without a word; the operator sets `options`. Without a prompt the model is
 * only loaded ("load"): an empty answer.
 */
#include "modules/provider-openai/wires.h"
#include "modules/sdk/provider/prompt.h"

/* --- asking --- */

static void options_write(struct text *to, const struct config *config, const baton_prompt *prompt)
{
	struct text options = { 0 };

	if (prompt->max_output_tokens)
		prompt_number(&options, "num_predict", prompt->max_output_tokens);
	prompt_temperature(&options, "temperature", prompt->temperature_milli, 2000);
	text_z(&options, config->options ? config->options : "");
	if (options.n) {
		text_z(to, ",\"options\":{");
		text_add(to, options.p + 1, options.n - 1); /* each has its comma before it */
		text_z(to, "}");
	}
	to->failed = to->failed || options.failed;
	text_done(&options);
}

static bool ollama_ask(const struct config *config, const baton_prompt *prompt, struct text *body)
{
	text_z(body, "{\"model\":");
	text_json(body, prompt->model);
	chat_messages(body, config, prompt);
	chat_tools(body, prompt->tools_json);
	prompt_raw(body, ",\"format\":", prompt->response_schema, "");
	options_write(body, config, prompt);
	text_z(body, config->stream ? ",\"stream\":true" : ",\"stream\":false");
	text_z(body, config->extra);
	text_z(body, "}");
	return !body->failed;
}

/* --- hearing --- */

struct line {
	baton_str content, thinking, tools, reason, error;
	bool done, counted;
	uint64_t in, out;
};

static void message_read(struct scan *scan, struct line *line)
{
	bool begun = false;
	baton_str key;

	while (scan_member(scan, &begun, &key)) {
		if (scan_is(key, "content"))
			scan_text(scan, &line->content);
		else if (scan_is(key, "thinking"))
			scan_text(scan, &line->thinking);
		else if (scan_is(key, "tool_calls"))
			line->tools = scan_raw(scan);
		else
			scan_skip(scan);
	}
}

static bool line_read(struct line *line, baton_str data)
{
	struct scan scan = scan_of(data);
	bool begun = false;
	baton_str key;

	*line = (struct line){ 0 };
	if (scan_peek(&scan) != '{')
		return false;
	while (scan_member(&scan, &begun, &key)) {
		if (scan_is(key, "message")) {
			message_read(&scan, line);
		} else if (scan_is(key, "done")) {
			line->done = scan_is(scan_raw(&scan), "true");
		} else if (scan_is(key, "done_reason")) {
			scan_text(&scan, &line->reason);
		} else if (scan_is(key, "error")) {
			line->error = scan_raw(&scan);
		} else if (scan_is(key, "prompt_eval_count")) {
			line->in = scan_count(&scan);
		} else if (scan_is(key, "eval_count")) {
			line->out = scan_count(&scan);
			line->counted = true;
		} else {
			scan_skip(&scan);
		}
	}
	return scan_ended(&scan);
}

static void tool_take(struct heard *heard, struct scan *scan)
{
	baton_str key, id = { 0 }, name = { 0 }, args = { 0 };
	bool begun = false, inner;

	while (scan_member(scan, &begun, &key)) {
		if (scan_is(key, "id")) {
			scan_text(scan, &id);
		} else if (scan_is(key, "function")) {
			inner = false;
			while (scan_member(scan, &inner, &key)) {
				if (scan_is(key, "name"))
					scan_text(scan, &name);
				else if (scan_is(key, "arguments"))
					args = scan_raw(scan);
				else
					scan_skip(scan);
			}
		} else {
			scan_skip(scan);
		}
	}
	struct tool *tool = heard_tool(heard, heard->n_tools);
	tool_hear(tool, id, name, (baton_str){ NULL, 0 });
	tool_hear_raw(tool, args);
}

static enum heard_kind ollama_whole(struct heard *heard, baton_str data)
{
	struct line line;
	bool begun = false;

	if (!line_read(&line, data))
		return HEARD_NOT_JSON;
	if (line.error.n && !scan_is(line.error, "null")) {
		heard->error = data;
		return HEARD_ERROR;
	}
	if (line.thinking.n)
		heard_reasoning(heard, line.thinking);
	struct scan tools = scan_of(line.tools);
	while (line.tools.n && scan_element(&tools, &begun))
		tool_take(heard, &tools);
	if (line.done) {
		heard->over = true;
		heard->finish = chat_finish(line.reason);
		heard->has_usage = line.counted;
		heard->in_tokens = line.in;
		heard->out_tokens = line.out;
	}
	return heard_text(heard, line.content);
}

static enum heard_kind ollama_event(struct heard *heard, baton_str event, baton_str data)
{
	(void)event; /* lines have no names */
	return ollama_whole(heard, data);
}

const struct wire wire_ollama = {
	.name = "ollama",
	.http_flags = BATON_HTTP_NDJSON,
	.ask = ollama_ask,
	.event = ollama_event,
	.whole = ollama_whole,
};
