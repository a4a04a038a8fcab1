/* SPDX-License-Identifier: Apache-2.0 */

/* What an answer says, event by event, in no vendor's words. A wire fills it in, answer.c acts on
 * it. `content` and `reasoning` are of the last event alone, everything else is of the answer so
 * far. */
#pragma once

#include "modules/sdk/provider/scan.h"

enum heard_kind {
	HEARD_GOOD,
	HEARD_NOT_JSON, /* may be skipped */
	HEARD_BROKEN,   /* text is damaged: not UTF-8, half a character */
	HEARD_ERROR,    /* `error` says which */
};

enum finish {
	FINISH_NONE, /* the answer has not said that it ends */
	FINISH_STOP,
	FINISH_LENGTH,
	FINISH_CONTEXT, /* the model's window was full */
	FINISH_TOOLS,
	FINISH_FILTERED,
	FINISH_BROKEN, /* given up by the server in the middle, without an error */
};

enum { TOOLS_MAX = 16, TOOL_ARGS_MAX = 64 * 1024 };

struct tool {
	struct text id, name, args; /* args: the model's text, which may be no JSON */
	unsigned half;
	bool bad; /* too long, or no text: whatever stands in args is not what the model said */
};
/* The call as the host wants it, {"id","name","arguments":{...}}; its place makes an id where the
 * vendor has none. False: it has no name, or its arguments are no object. */
bool tool_json(const struct tool *tool, unsigned place, struct text *to);

struct heard {
	struct text content, reasoning;
	unsigned half, reasoning_half; /* of a character that may come whole with the next event */
	enum finish finish;
	bool over; /* nothing more will come */
	bool refusal, has_usage;
	uint64_t in_tokens, cached_tokens, out_tokens;
	uint64_t text_bytes; /* content so far */
	struct tool *tools; /* TOOLS_MAX of them, once there is one */
	unsigned n_tools;
	bool tools_bad; /* too many, or arguments too long to be any */
	baton_str error; /* inside the event */
	struct text like; /* the last event that said nothing but content; see heard_like() */
	size_t like_begin, like_end;
};

/* Before each event. */
void heard_next(struct heard *heard);
void heard_done(struct heard *heard);

/* Most events of a stream differ in the words alone, so they are not read member by member again.
 * For wires whose events have no names: `data` was good JSON and UTF-8, and said nothing but
 * `content`, the inside of a string in it. */
void heard_like(struct heard *heard, baton_str data, baton_str content);
/* Is `data` that event again but for what stands in this string? Then it is JSON as that one was;
 * whether the string is UTF-8 is not known yet. */
bool heard_again(const struct heard *heard, baton_str data, baton_str *ret_content);

/* The inside of a string of JSON. BROKEN if it is damaged. */
enum heard_kind heard_text(struct heard *heard, baton_str inside);
/* A courtesy: damaged reasoning is dropped. */
void heard_reasoning(struct heard *heard, baton_str inside);

/* Tokens, from an object that calls them by these names; `details` is the object inside that has
 * `cached_tokens`. Anything but an object is no usage. */
struct usage_names {
	const char *in, *out, *details;
};
void heard_usage(struct heard *heard, const struct usage_names *names, baton_str json);

/* NULL if there are too many; then no call of this answer counts. */
struct tool *heard_tool(struct heard *heard, uint64_t index);
/* The first id and name count, arguments are added; views without `p` are not there. Nothing happens
 * without a tool. */
void tool_hear(struct tool *tool, baton_str id, baton_str name, baton_str args);
/* Arguments that stand as JSON, not as text. */
void tool_hear_raw(struct tool *tool, baton_str json);
