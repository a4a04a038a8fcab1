/* SPDX-License-Identifier: Apache-2.0 */

/* The words are the host's: articles, results and summaries stand in its messages, between fences.
 * What a wire does is to put them into its vendor's form. */
#include "modules/sdk/provider/prompt.h"

void prompt_system(struct text *to, const baton_prompt *prompt)
{
	const baton_turn *turn = prompt->turn;

	for (uint32_t i = 0; i < turn->n_msgs; i++) {
		if (turn->msgs[i].role != BATON_ROLE_SYSTEM)
			continue;
		text_z(to, to->n ? "\n\n" : "");
		text_add(to, turn->msgs[i].text.p, turn->msgs[i].text.n);
	}
}

const char *prompt_side(const baton_msg *msg)
{
	bool ours = msg->role == BATON_ROLE_BOT || msg->role == BATON_ROLE_AGENT;
	return ours ? "assistant" : "user"; /* unknown is the customer, who has no rights */
}

void prompt_content(struct text *to, const baton_msg *msg)
{
	struct text content = { 0 };

	if (msg->role != BATON_ROLE_AGENT && msg->role != BATON_ROLE_TOOL) {
		text_json(to, msg->text);
		return;
	}
	text_z(&content, msg->role == BATON_ROLE_TOOL ? "[tool " : "[");
	if (msg->name.n)
		text_add(&content, msg->name.p, msg->name.n);
	else
		text_z(&content, msg->role == BATON_ROLE_TOOL ? "result" : "agent");
	text_z(&content, "] ");
	text_add(&content, msg->text.p, msg->text.n);
	text_json(to, text_view(&content));
	to->failed = to->failed || content.failed;
	text_done(&content);
}

baton_str prompt_prefill(const struct config *config, const baton_prompt *prompt)
{
	if (!config->prefill || !BATON_HAS(prompt, prefill))
		return (baton_str){ NULL, 0 };
	return prompt->prefill;
}

static void name_write(struct text *to, const char *name)
{
	text_z(to, ",\"");
	text_z(to, name);
	text_z(to, "\":");
}

void prompt_temperature(struct text *to, const char *name, int32_t milli, int32_t max_milli)
{
	if (milli < 0)
		return;
	milli = milli < max_milli ? milli : max_milli;
	char digits[4] = { (char)('0' + milli / 100 % 10), (char)('0' + milli / 10 % 10),
			   (char)('0' + milli % 10), '\0' };
	name_write(to, name);
	text_u64(to, (uint64_t)milli / 1000);
	text_z(to, ".");
	text_z(to, digits);
}

void prompt_number(struct text *to, const char *name, uint64_t value)
{
	name_write(to, name);
	text_u64(to, value);
}

void prompt_raw(struct text *to, const char *before, baton_str json, const char *after)
{
	if (json.n == 0)
		return;
	text_z(to, before);
	text_add(to, json.p, json.n);
	text_z(to, after);
}

bool prompt_tool_next(struct scan *scan, bool *begun, struct prompt_tool *ret_tool)
{
	baton_str key;

	while (scan_element(scan, begun)) {
		bool inner = false;
		*ret_tool = (struct prompt_tool){ 0 };
		while (scan_member(scan, &inner, &key)) {
			if (scan_is(key, "name"))
				ret_tool->name = scan_raw(scan);
			else if (scan_is(key, "description"))
				ret_tool->description = scan_raw(scan);
			else if (scan_is(key, "parameters"))
				ret_tool->parameters = scan_raw(scan);
			else
				scan_skip(scan);
		}
		if (ret_tool->name.n)
			return true;
	}
	return false;
}

bool prompt_call_next(struct scan *scan, bool *begun, struct prompt_call *ret_call)
{
	baton_str key;

	while (scan_element(scan, begun)) {
		bool inner = false;
		*ret_call = (struct prompt_call){ 0 };
		while (scan_member(scan, &inner, &key)) {
			if (scan_is(key, "id"))
				ret_call->id = scan_raw(scan);
			else if (scan_is(key, "name"))
				ret_call->name = scan_raw(scan);
			else if (scan_is(key, "arguments"))
				ret_call->arguments = scan_raw(scan);
			else
				scan_skip(scan);
		}
		if (ret_call->name.n)
			return true;
	}
	return false;
}

baton_str prompt_arguments(const struct prompt_call *call)
{
	return call->arguments.n ? call->arguments : (baton_str){ "{}", 2 };
}

bool prompt_is_called(const baton_msg *msg)
{
	return msg->role == BATON_ROLE_BOT && msg->parts_json.n > 0;
}

bool prompt_is_result(const baton_msg *msg)
{
	return msg->role == BATON_ROLE_TOOL && msg->tool_call_id.n > 0;
}
