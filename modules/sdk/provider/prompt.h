/* SPDX-License-Identifier: Apache-2.0 */

/* Pieces of a question that every wire writes: the system's words, what was said, what tools were
 * asked and have answered, numbers, raw JSON. Raw JSON of the prompt (tools, schema) has been checked by the host. */
#pragma once

#include "modules/sdk/provider/config.h"

/* Everything the system says; empty if there is nothing. */
void prompt_system(struct text *to, const baton_prompt *prompt);
/* What one message says, apart from the system's, as a JSON string. A person of the team has the
 * name before it; a tool's answer says that it is one, unless the wire has a role for it. */
void prompt_content(struct text *to, const baton_msg *msg);
/* "user" or "assistant": whose side of the talk it is. */
const char *prompt_side(const baton_msg *msg);
/* What the model shall continue; empty if there is nothing, or the operator did not allow it. */
baton_str prompt_prefill(const struct config *config, const baton_prompt *prompt);

/* ",\"name\":0.205" */
void prompt_temperature(struct text *to, const char *name, int32_t milli, int32_t max_milli);
void prompt_number(struct text *to, const char *name, uint64_t value);
/* `before`, `json` and `after`, or nothing if there is no `json`. */
void prompt_raw(struct text *to, const char *before, baton_str json, const char *after);

/* One tool of tools_json, {"name","description","parameters"}, as views; false at the end. */
struct prompt_tool {
	baton_str name, description, parameters; /* JSON as it stands, empty if it is not there */
};
bool prompt_tool_next(struct scan *scan, bool *begun, struct prompt_tool *ret_tool);

/* One call of a message's parts_json, {"id","name","arguments":{}}, as views; false at the end. */
struct prompt_call {
	baton_str id, name, arguments; /* JSON as it stands, empty if it is not there */
};
bool prompt_call_next(struct scan *scan, bool *begun, struct prompt_call *ret_call);
/* The object, "{}" if there is none. */
baton_str prompt_arguments(const struct prompt_call *call);
/* The bot's message in which it calls tools; a tool's answer to such a call. One without its id is
 * what somebody says, not an answer to a call. */
bool prompt_is_called(const baton_msg *msg);
bool prompt_is_result(const baton_msg *msg);
