/* SPDX-License-Identifier: Apache-2.0 */

/* What the wires have in common when they hear; see heard.h. */
#include "modules/sdk/provider/heard.h"

#include <stdlib.h>

void heard_next(struct heard *heard)
{
	heard->content.n = heard->reasoning.n = 0;
	heard->error = (baton_str){ NULL, 0 };
}

void heard_done(struct heard *heard)
{
	text_done(&heard->content);
	text_done(&heard->reasoning);
	text_done(&heard->like);
	for (unsigned i = 0; i < heard->n_tools; i++) {
		text_done(&heard->tools[i].id);
		text_done(&heard->tools[i].name);
		text_done(&heard->tools[i].args);
	}
	free(heard->tools);
	heard->tools = NULL;
	heard->n_tools = 0;
}

void heard_like(struct heard *heard, baton_str data, baton_str content)
{
	struct text *like = &heard->like;

	like->n = 0;
	text_add(like, data.p, data.n);
	heard->like_begin = (size_t)(content.p - data.p);
	heard->like_end = heard->like_begin + content.n;
	if (like->failed)
		like->n = 0;
}

bool heard_again(const struct heard *heard, baton_str data, baton_str *ret_content)
{
	const struct text *like = &heard->like;
	size_t begin = heard->like_begin, behind = like->n - heard->like_end;

	if (!like->n || data.n < begin + behind || memcmp(data.p, like->p, begin) != 0)
		return false;
	/* From the quote on: where the string really ends is not to be guessed. */
	struct scan scan = { data.p + begin - 1, data.p + data.n, false };
	baton_str content = scan_string(&scan);
	scan.at--; /* at the quote behind it */
	if (scan.bad || (size_t)(scan.end - scan.at) != behind ||
	    memcmp(scan.at, like->p + heard->like_end, behind) != 0)
		return false;
	*ret_content = content;
	return true;
}

enum heard_kind heard_text(struct heard *heard, baton_str inside)
{
	size_t before = heard->content.n;

	if (!scan_unescape(inside, &heard->half, &heard->content))
		return HEARD_BROKEN;
	heard->text_bytes += heard->content.n - before;
	return HEARD_GOOD;
}

void heard_reasoning(struct heard *heard, baton_str inside)
{
	size_t before = heard->reasoning.n;

	if (scan_unescape(inside, &heard->reasoning_half, &heard->reasoning))
		return;
	heard->reasoning.n = before;
	heard->reasoning_half = 0;
}

struct tool *heard_tool(struct heard *heard, uint64_t index)
{
	if (index < TOOLS_MAX && !heard->tools)
		heard->tools = calloc(TOOLS_MAX, sizeof(*heard->tools));
	if (index >= TOOLS_MAX || !heard->tools) {
		heard->tools_bad = true;
		return NULL;
	}
	if (heard->n_tools <= index)
		heard->n_tools = (unsigned)index + 1;
	return &heard->tools[index];
}

static void first_counts(struct text *to, baton_str inside)
{
	unsigned half = 0;

	if (to->n == 0 && inside.n && (!scan_unescape(inside, &half, to) || half))
		to->n = 0;
}

void tool_hear(struct tool *tool, baton_str id, baton_str name, baton_str args)
{
	if (!tool)
		return;
	first_counts(&tool->id, id);
	first_counts(&tool->name, name);
	if (args.n == 0)
		return;
	tool->bad = tool->bad || tool->args.n + args.n > TOOL_ARGS_MAX ||
		    !scan_unescape(args, &tool->half, &tool->args);
}

void tool_hear_raw(struct tool *tool, baton_str json)
{
	if (!tool)
		return;
	if (tool->args.n + json.n <= TOOL_ARGS_MAX)
		text_add(&tool->args, json.p, json.n);
	else
		tool->bad = true;
}

/* A whole object and nothing behind it; models without arguments send nothing at all. */
static bool is_object(baton_str json)
{
	struct scan scan = scan_of(json);
	bool begun = false;
	baton_str key;

	if (scan_peek(&scan) != '{')
		return false;
	while (scan_member(&scan, &begun, &key))
		scan_skip(&scan);
	return scan_ended(&scan);
}

static bool is_blank(baton_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!strchr(" \t\r\n", text.p[i]))
			return false;
	return true;
}

bool tool_json(const struct tool *tool, unsigned place, struct text *to)
{
	baton_str args = text_view(&tool->args);

	if (is_blank(args))
		args = (baton_str){ "{}", 2 };
	if (tool->bad || tool->half || tool->name.n == 0 || !is_object(args))
		return false;
	text_z(to, "{\"id\":");
	if (tool->id.n) {
		text_json(to, text_view(&tool->id));
	} else {
		text_z(to, "\"call_");
		text_u64(to, place + 1);
		text_z(to, "\"");
	}
	text_z(to, ",\"name\":");
	text_json(to, text_view(&tool->name));
	text_z(to, ",\"arguments\":");
	text_add(to, args.p, args.n);
	text_z(to, "}");
	return !to->failed;
}

static uint64_t cached_read(struct scan *scan)
{
	bool begun = false;
	baton_str key;
	uint64_t cached = 0;

	while (scan_member(scan, &begun, &key)) {
		if (scan_is(key, "cached_tokens"))
			cached = scan_count(scan);
		else
			scan_skip(scan);
	}
	return cached;
}

void heard_usage(struct heard *heard, const struct usage_names *names, baton_str json)
{
	struct scan scan = scan_of(json);
	bool begun = false;
	baton_str key;

	if (json.n == 0 || json.p[0] != '{')
		return;
	heard->in_tokens = heard->out_tokens = heard->cached_tokens = 0;
	while (scan_member(&scan, &begun, &key)) {
		if (scan_is(key, names->in))
			heard->in_tokens = scan_count(&scan);
		else if (scan_is(key, names->out))
			heard->out_tokens = scan_count(&scan);
		else if (scan_is(key, names->details))
			heard->cached_tokens = cached_read(&scan);
		else
			scan_skip(&scan);
	}
	heard->has_usage =
		heard->in_tokens || heard->out_tokens; /* else it speaks of other things */
}
