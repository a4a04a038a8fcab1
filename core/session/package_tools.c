/* SPDX-License-Identifier: Apache-2.0 */

/* What the case package says of tools: calls and what came of them, calls that a person is asked
 * for and what was decided, what guards objected to, and the newest plan. What is learned later is
 * added to the item that it is about. */

#include "core/session/package_inside.h"

#include "core/base/json.h"

enum { RESULT_BYTES = 2048 };

/* JSON as it is while it is short, else its beginning as text. */
static void member_json(struct baton_buf *json, const char *key, baton_str value)
{
	struct baton_json any;

	if (value.n == 0)
		return;
	if (value.n > RESULT_BYTES || baton_json_parse(value, &any) < 0) {
		package_member(json, key, value, RESULT_BYTES);
		return;
	}
	baton_buf_printf(json, ",\"%s\":", key);
	baton_buf_str(json, value);
}

static struct package_item *item_of(struct baton_package *package, enum package_list which,
				    baton_str key)
{
	struct package_items *list = &package->lists[which];

	for (size_t i = list->n; i > 0; i--)
		if (baton_str_eq(list->items[i - 1].key, key))
			return &list->items[i - 1];
	return NULL;
}

/* The item's object, open for further members. */
static void open_again(struct package_item *item, struct baton_buf *json)
{
	*json = (struct baton_buf){ NULL, 0, 0 };
	baton_buf_add(json, item->json.p, item->json.n - 1);
	baton_str_drop(&item->json);
}

static void more_words(struct package_item *item, const char *before, baton_str more)
{
	struct baton_buf words = { NULL, 0, 0 };

	baton_buf_str(&words, item->words);
	baton_buf_z(&words, before);
	baton_buf_str(&words, baton_str_clip(more, PACKAGE_LINE_BYTES));
	baton_str_drop(&item->words);
	item->words = package_take(&words);
}

void package_on_called(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_tool_called *called = &event->tool_called;
	struct package_item *item = package_add_item(package, PACKAGE_TOOLS, event);
	struct baton_buf json;

	item->key = baton_str_keep(called->call);
	package_begin(&json, event);
	package_name(&json, "call", called->call);
	package_name(&json, "tool", called->tool);
	package_member(&json, "title", called->title, PACKAGE_LINE_BYTES);
	member_json(&json, "arguments", called->arguments);
	if (called->writes)
		baton_buf_z(&json, ",\"writes\":true");
	package_number(&json, "proposal", called->proposal);
	package_end_item(item, &json);
	package_words_of(item, "", called->tool);
}

void package_on_finished(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_tool_finished *finished = &event->tool_finished;
	struct package_item *item = item_of(package, PACKAGE_TOOLS, finished->call);
	struct baton_buf json;

	if (!item)
		return;
	open_again(item, &json);
	baton_buf_z(&json, finished->ok ? ",\"ok\":true" : ",\"ok\":false");
	package_number(&json, "finished_seq", event->seq);
	member_json(&json, "result", finished->result);
	package_name(&json, "code", finished->code);
	package_number(&json, "total_ms", finished->total_ms);
	package_end_item(item, &json);
	more_words(item, ": ", finished->code.n ? finished->code : finished->result);
}

void package_on_proposed(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_tool_proposed *proposed = &event->tool_proposed;
	struct package_item *item = package_add_item(package, PACKAGE_PROPOSALS, event);
	struct baton_buf json;

	package_begin(&json, event);
	package_name(&json, "tool", proposed->tool);
	package_member(&json, "title", proposed->title, PACKAGE_LINE_BYTES);
	member_json(&json, "arguments", proposed->arguments);
	package_member(&json, "reason", proposed->reason, PACKAGE_LINE_BYTES);
	package_name(&json, "target", proposed->target);
	package_end_item(item, &json);
	package_words_of(item, "", proposed->tool);
	more_words(item, " ", proposed->arguments);
}

void package_on_decided(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_tool_reviewed *reviewed = &event->tool_reviewed;
	struct package_items *list = &package->lists[PACKAGE_PROPOSALS];
	struct baton_buf json;

	for (size_t i = 0; i < list->n; i++) {
		struct package_item *item = &list->items[i];

		if (item->seq != reviewed->proposal)
			continue;
		open_again(item, &json);
		package_name(&json, "action", reviewed->action);
		package_name(&json, "agent", reviewed->agent);
		package_member(&json, "why", reviewed->reason, PACKAGE_LINE_BYTES);
		package_number(&json, "reviewed_seq", event->seq);
		package_end_item(item, &json);
		more_words(item, ": ", reviewed->action);
	}
}

void package_on_guard(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_guard_hit *hit = &event->guard_hit;
	struct package_item *item = package_add_item(package, PACKAGE_GUARDS, event);
	struct baton_buf json;

	package_begin(&json, event);
	package_name(&json, "guard", hit->guard);
	package_name(&json, "at", hit->at);
	package_name(&json, "action", hit->action);
	package_name(&json, "type", hit->type);
	package_name(&json, "rule", hit->rule);
	package_member(&json, "subject", hit->subject, PACKAGE_LINE_BYTES);
	package_member(&json, "excerpt", hit->excerpt, PACKAGE_LINE_BYTES);
	package_end_item(item, &json);
	package_words_of(item, "", hit->rule);
}

void package_on_plan(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_plan_made *plan = &event->plan_made;
	struct baton_buf json;

	package_begin(&json, event);
	package_number(&json, "version", plan->version);
	member_json(&json, "steps", plan->steps);
	package_name(&json, "target", plan->target);
	package_name(&json, "failed", plan->failed);
	baton_buf_z(&json, "}");
	baton_str_drop(&package->plan.json);
	package->plan.seq = event->seq;
	package->plan.json = package_take(&json);
}
