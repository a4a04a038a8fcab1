/* SPDX-License-Identifier: Apache-2.0 */

/* Look-ups: calls that a route declares. They are made before any model is asked, in their
 * order, if all that they are given is known: what a message names, or an earlier one has
 * named. One that is declared to be proposed is not made: a person is asked, as if a model had
 * wanted it. */

#include "core/turn/inside.h"

#include "core/base/json_canon.h"
#include "core/session/slots.h"
#include "core/turn/guard.h"
#include "core/turn/tools.h"

static void put_slot(struct baton_run *run, baton_str name, baton_str *ret)
{
	char slot[BATON_NAME_BYTES_MAX + 1];

	*ret = BATON_STR_NONE;
	if (name.n == 0 || name.n > BATON_NAME_BYTES_MAX)
		return;
	memcpy(slot, name.p, name.n);
	slot[name.n] = '\0';
	*ret = baton_slots_value(run->slots, slot, &run->arena);
	if (ret->n == 0)
		*ret = baton_slots_value(run->session->slots, slot, &run->arena);
}

/* "order {{order}}": false if a slot is not known. */
static bool fill_text(struct baton_run *run, baton_str text, struct baton_buf *out)
{
	while (text.n > 0) {
		const char *open = memmem(text.p, text.n, "{{", 2);
		const char *end =
			open ? memmem(open, text.n - (size_t)(open - text.p), "}}", 2) : NULL;
		baton_str value;

		if (!end) {
			baton_buf_str(out, text);
			return true;
		}
		baton_buf_add(out, text.p, (size_t)(open - text.p));
		put_slot(run, (baton_str){ open + 2, (size_t)(end - open - 2) }, &value);
		if (value.n == 0)
			return false;
		baton_buf_str(out, value);
		text.n -= (size_t)(end + 2 - text.p);
		text.p = end + 2;
	}
	return true;
}

/* What a tool wants as a number is one, if the words are. */
static bool wants_number(const struct baton_tool_def *tool, const struct baton_json *key)
{
	struct baton_json schema, properties, own, type;

	if (baton_json_parse(baton_str_of(tool->schema_json), &schema) < 0)
		return false;
	properties = baton_json_get(&schema, "properties");
	for (size_t at = 0; baton_json_member(&properties, &at, &own, &type);)
		if (baton_str_eq(own.raw, key->raw))
			break;
	if (type.type != BATON_JSON_OBJECT || !baton_str_eq(own.raw, key->raw))
		return false;
	type = baton_json_get(&type, "type");
	return type.type == BATON_JSON_STRING &&
	       (baton_str_is(type.raw, "\"integer\"") || baton_str_is(type.raw, "\"number\""));
}

static bool fill_argument(struct baton_run *run, const struct baton_tool_def *tool,
			  const struct baton_json *key, const struct baton_json *value,
			  struct baton_buf *out)
{
	struct baton_buf text = { NULL, 0, 0 };
	struct baton_json number;

	if (value->type != BATON_JSON_STRING) {
		baton_buf_str(out, value->raw);
		return true;
	}
	bool all_known = fill_text(run, baton_json_text(value, &run->arena), &text);
	if (all_known && wants_number(tool, key) &&
	    baton_json_parse(baton_buf_view(&text), &number) == 0 &&
	    number.type == BATON_JSON_NUMBER)
		baton_buf_str(out, number.raw);
	else
		baton_buf_json(out, baton_buf_view(&text));
	baton_buf_done(&text);
	return all_known;
}

/* False: something that it needs is not known; it is not made. */
static bool fill(struct baton_run *run, const struct baton_lookup_def *lookup, baton_str *ret)
{
	struct baton_buf text = { NULL, 0, 0 }, canon = { NULL, 0, 0 };
	struct baton_json arguments, key, value;
	bool all_known = baton_json_parse(baton_str_of(lookup->arguments_json), &arguments) == 0;

	baton_buf_z(&text, "{");
	for (size_t at = 0; all_known && baton_json_member(&arguments, &at, &key, &value);) {
		baton_buf_z(&text, text.n > 1 ? "," : "");
		baton_buf_str(&text, key.raw);
		baton_buf_z(&text, ":");
		all_known = fill_argument(run, lookup->tool, &key, &value, &text);
	}
	baton_buf_z(&text, "}");
	all_known = all_known && baton_json_parse(baton_buf_view(&text), &value) == 0;
	if (all_known)
		baton_json_canon(&value, &canon);
	baton_buf_done(&text);
	*ret = run_keep_buf(run, &canon);
	return all_known;
}

static struct then look_up(struct baton_run *run, const struct baton_lookup_def *lookup)
{
	struct baton_run_call wanted = { .tool = lookup->tool };
	struct baton_run_call *call;
	char why[200];

	wanted.name = baton_str_of(lookup->tool->name);
	if (!fill(run, lookup, &wanted.given) || run->tools.n == BATON_RUN_CALLS_MAX)
		return go_on(BATON_STEP_LOOK_UP);
	if (!run_room_for_notes(run))
		return done();
	const char *no = tools_objection(run, &wanted, why, sizeof(why));
	if (run_guard_down(run))
		return run_guard_refused(run);
	call = tools_add(run);
	*call = wanted;
	tools_number(run, call);
	/* Leave can be wanted only because of what a message says: policies allow no other. */
	if (no || (!lookup->propose && tools_need_leave(run, call->tool))) {
		call->shown = run_call_error(run, no ? no : "not_allowed", why);
		return go_on(BATON_STEP_LOOK_UP);
	}
	tools_name(run, call);
	if (!tools_known(run, call) && lookup->propose)
		return tools_propose(run, call);
	if (!tools_known(run, call))
		return run_call(run, call, BATON_STEP_LOOK_UP);
	run->tools.at = --run->tools.n; /* the model is shown it already */
	return go_on(BATON_STEP_LOOK_UP);
}

struct then step_look_up(struct baton_run *run)
{
	if (run->purpose != BATON_PURPOSE_ANSWER)
		return go_on(BATON_STEP_ASK);
	if (run->tools.lookup == 0 && run->tools.n == 0)
		tools_remember(run);
	if (run->tools.lookup < run->route->n_lookups && run_left_ms(run) > 0)
		return look_up(run, &run->route->lookups[run->tools.lookup++]);
	run->tools_json = tools_list(run);
	return tools_show(run);
}
