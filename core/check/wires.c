/* SPDX-License-Identifier: Apache-2.0 */

/* Right answers of the APIs that many servers speak: which of them a provider understands is found
 * out by giving it each. Every text has characters of two, three and four bytes, so that cutting
 * the stream anywhere also cuts inside of them. */
#include "core/check/inside.h"

#define TEXT "Gr\xc3\xbc\xc3\x9f Gott \xe2\x82\xac \xf0\x9f\x98\x80."

#define CHAT(members)                                                             \
	"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{" \
	"\"index\":0," members "}]}\n\n"
#define CHAT_SAY(text) CHAT("\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null")
#define CHAT_DONE                                                                        \
	"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":21,\"completion_tokens\":9," \
	"\"total_tokens\":30}}\n\n"                                                      \
	"data: [DONE]\n\n"
static const char chat[] =
	CHAT("\"delta\":{\"role\":\"assistant\",\"content\":\"\"}") CHAT_SAY("Gr\xc3\xbc")
		CHAT_SAY("\xc3\x9f Gott ") CHAT_SAY("\xe2\x82\xac ") CHAT_SAY("\xf0\x9f\x98\x80.")
			CHAT("\"delta\":{},\"finish_reason\":\"stop\"") CHAT_DONE;
static const char chat_tool[] = CHAT(
	"\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"t1\",\"type\":\"function\","
	"\"function\":{\"name\":\"order\",\"arguments\":\"{\\\"n\"}}]}")
	CHAT("\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\\\":1}\"}}]}")
		CHAT("\"delta\":{},\"finish_reason\":\"tool_calls\"") CHAT_DONE;

#define EVENT(name, members) "event: " name "\ndata: {\"type\":\"" name "\"" members "}\n\n"
#define ANT_START                                                                           \
	EVENT("message_start",                                                              \
	      ",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\","     \
	      "\"content\":[],\"model\":\"m\",\"stop_reason\":null,\"stop_sequence\":null," \
	      "\"usage\":{\"input_tokens\":21,\"output_tokens\":1}}")
#define ANT_SAY(text)                \
	EVENT("content_block_delta", \
	      ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}")
#define ANT_FINISH(reason)                                                                   \
	EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"" reason                       \
			       "\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":9}") \
	EVENT("message_stop", "")
static const char messages[] = ANT_START EVENT(
	"content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
	ANT_SAY("Gr\xc3\xbc") ANT_SAY("\xc3\x9f Gott ") ANT_SAY("\xe2\x82\xac ")
		ANT_SAY("\xf0\x9f\x98\x80.") EVENT("content_block_stop", ",\"index\":0")
			ANT_FINISH("end_turn");
static const char messages_tool[] = ANT_START EVENT(
	"content_block_start",
	",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"order\",\"input\":{}}")
	EVENT("content_block_delta",
	      ",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"n\\\":1}\"}")
		EVENT("content_block_stop", ",\"index\":0") ANT_FINISH("tool_use");

#define RESPONSE(output)                                                           \
	",\"response\":{\"id\":\"r\",\"status\":\"completed\",\"output\":[" output \
	"],\"usage\":{\"input_tokens\":21,\"output_tokens\":9,\"total_tokens\":30}}"
#define RESP_SAY(text)                      \
	EVENT("response.output_text.delta", \
	      ",\"output_index\":0,\"content_index\":0,\"delta\":\"" text "\"")
static const char responses[] =
	EVENT("response.created", ",\"response\":{\"id\":\"r\",\"status\":\"in_progress\"}")
		RESP_SAY("Gr\xc3\xbc") RESP_SAY("\xc3\x9f Gott ") RESP_SAY("\xe2\x82\xac ")
			RESP_SAY("\xf0\x9f\x98\x80.")
				EVENT("response.completed",
				      RESPONSE("{\"type\":\"message\",\"content\":[{\"type\":"
					       "\"output_text\",\"text\":\"" TEXT "\"}]}"));
#define RESP_CALL \
	"{\"type\":\"function_call\",\"call_id\":\"t1\",\"name\":\"order\",\"arguments\":\"{\\\"n\\\":1}\"}"
static const char responses_tool[] =
	EVENT("response.created", ",\"response\":{\"id\":\"r\",\"status\":\"in_progress\"}")
		EVENT("response.output_item.done", ",\"output_index\":0,\"item\":" RESP_CALL)
			EVENT("response.completed", RESPONSE(RESP_CALL));

#define LINE(members) "{\"model\":\"m\"," members "}\n"
#define LINE_SAY(text) \
	LINE("\"message\":{\"role\":\"assistant\",\"content\":\"" text "\"},\"done\":false")
#define LINE_DONE \
	LINE("\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":21,\"eval_count\":9")
static const char lines[] = LINE_SAY("Gr\xc3\xbc") LINE_SAY("\xc3\x9f Gott ")
	LINE_SAY("\xe2\x82\xac ") LINE_SAY("\xf0\x9f\x98\x80.") LINE_DONE;
static const char lines_tool[] =
	LINE("\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{"
	     "\"name\":\"order\",\"arguments\":{\"n\":1}}}]},\"done\":false") LINE_DONE;

static const char whole[] =
	"{\"id\":\"c\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
	"\"assistant\",\"content\":\"" TEXT "\"},\"finish_reason\":\"stop\"}],\"usage\":{"
	"\"prompt_tokens\":21,\"completion_tokens\":9,\"total_tokens\":30}}";

#define SSE "Content-Type: text/event-stream\n"
const struct baton_wire baton_wires[] = {
	{ "chat completions", SSE, chat, chat_tool, TEXT, 21, 9 },
	{ "messages", SSE, messages, messages_tool, TEXT, 21, 9 },
	{ "responses", SSE, responses, responses_tool, TEXT, 21, 9 },
	{ "lines of JSON", "Content-Type: application/x-ndjson\n", lines, lines_tool, TEXT, 21, 9 },
	{ "one object of JSON", "Content-Type: application/json\n", whole, NULL, TEXT, 21, 9 },
};
const size_t baton_wires_n = sizeof(baton_wires) / sizeof(baton_wires[0]);

/* From where on a cut stream may count as complete. */
size_t baton_wire_mark(const struct baton_wire *wire)
{
	static const char *const marks[] = { "\"finish_reason\":\"stop\"",
					     "\"stop_reason\":\"end_turn\"",
					     "event: response.completed", "\"done\":true" };
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *at = strstr(wire->body, marks[i]);
		if (at)
			return (size_t)(at - wire->body);
	}
	/* Somebody's own stream: its first half is certainly not all of it. */
	return strlen(wire->body) / 2;
}
