/* SPDX-License-Identifier: Apache-2.0 */

/* The table of tools.yaml: what may be looked up or changed outside, and on what terms. What has no
 * place here (approval, bind, the schemas) is read and proved by check_tools.c. */

#include "core/policy/shapes_table.h"

static const char *const approvals[] = { "agent", "none", NULL };

static const struct baton_field tool_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_tool_def, name),
	  .doc = "How routes call it, and models: letters, digits, - and _." },
	{ "module", BATON_FIELD_NAME, REQUIRED, AT(struct baton_tool_def, module),
	  .doc = "Name of the module of kind tool that performs it." },
	{ "title", BATON_FIELD_TEXT, REQUIRED, AT(struct baton_tool_def, title), .min = 1,
	  .max = 100,
	  .doc = "What a customer reads while it works, such as: looks up your order." },
	{ "description", BATON_FIELD_TEXT, REQUIRED, AT(struct baton_tool_def, description),
	  .min = 1, .max = TEXT_MAX,
	  .doc = "For models: what it does, and when it is to be asked for." },
	{ "arguments", BATON_FIELD_FREE, NOWHERE,
	  .doc = "JSON Schema of what it is given: an object. What the schema does not name is "
		 "refused. Default: nothing is given. docs/TOOLS.md has the keywords." },
	{ "result", BATON_FIELD_FREE, NOWHERE,
	  .doc = "JSON Schema of what it brings; anything else is a failure of the tool. Default: "
		 "any JSON." },
	{ "writes", BATON_FIELD_BOOL, REQUIRED, AT(struct baton_tool_def, writes),
	  .doc = "It changes something." },
	{ "idempotent", BATON_FIELD_BOOL, AT(struct baton_tool_def, idempotent),
	  .doc = "Twice with the same key is once: it may be tried again. Default: true for what "
		 "only looks up, false for what writes." },
	{ "approval", BATON_FIELD_WORD, NOWHERE, .words = approvals,
	  .doc = "agent = a person approves each call; none = nobody is asked. Default: agent for "
		 "what writes, none for what only looks up." },
	{ "verified", BATON_FIELD_BOOL, AT(struct baton_tool_def, verified), .otherwise = "false",
	  .doc = "Only for customers whose identity is signed." },
	{ "timeout", BATON_FIELD_MS, AT(struct baton_tool_def, timeout_ms), FROM_TO(100, 25000),
	  .otherwise = "10s", .doc = "Longest time of a call, all its tries together." },
	{ "bind", BATON_FIELD_FREE, NOWHERE,
	  .doc = "Arguments that the server sets and no model sees, each to one of: customer (the "
		 "signed one), customer_tier, session, locale. What is not known is \"\"; if it is "
		 "`required`, the call is refused." },
	{ "reveals", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_tool_def, reveals), .max = 32,
	  .doc = "Kinds of personal data that it is shown in its arguments, such as email. Others "
		 "stay placeholders." },
	{ "answer", BATON_FIELD_TEXT, AT(struct baton_tool_def, answer), .otherwise = "",
	  .max = TEXT_MAX,
	  .doc = "What a provider without a model says of the result: {{name}} is a member of it." },
	{ "request", BATON_FIELD_FREE, NOWHERE,
	  .doc = "For tool-http: method, URL, what becomes of the arguments; docs/TOOLS.md." },
	{ "remote", BATON_FIELD_FREE, NOWHERE,
	  .doc = "For tool-mcp: which tool of the server it is; docs/MCP.md." },
	{ 0 },
};
static const struct baton_shape tool_shape = { "a tool", "Something that is looked up or changed.",
					       tool_fields, sizeof(struct baton_tool_def) };
static const struct baton_field tools_fields[] = {
	{ "tools", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_policy, tools),
	  .max = BATON_TOOLS_MAX, .shape = &tool_shape,
	  .doc = "All there are. A model may ask only for those that its route lists." },
	{ 0 },
};
const struct baton_shape baton_shape_tools = {
	"tools.yaml", "What may be looked up or changed outside, and on what terms.", tools_fields,
	0
};
