/* SPDX-License-Identifier: Apache-2.0 */

/* The calls of a session: two lists, oldest first, in which only what is over or settled is
 * forgotten. */

#include "core/session/calls.h"

#include "core/base/errors.h"

#include <stdio.h>

static void called_done(struct baton_called *called)
{
	baton_str_drop(&called->tool);
	baton_str_drop(&called->arguments);
	baton_str_drop(&called->result);
	baton_str_drop(&called->code);
}

static void proposed_done(struct baton_proposed *proposed)
{
	baton_str_drop(&proposed->tool);
	baton_str_drop(&proposed->title);
	baton_str_drop(&proposed->arguments);
	baton_str_drop(&proposed->reason);
}

void baton_calls_done(struct baton_calls *calls)
{
	for (size_t i = 0; i < calls->n_called; i++)
		called_done(&calls->called[i]);
	for (size_t i = 0; i < calls->n_proposed; i++)
		proposed_done(&calls->proposed[i]);
	baton_free(calls->called);
	baton_free(calls->proposed);
	memset(calls, 0, sizeof(*calls));
}

static void copy(char *to, size_t cap, baton_str from)
{
	baton_str cut = baton_str_clip(from, cap - 1);

	memcpy(to, cut.p ? cut.p : "", cut.n);
	to[cut.n] = '\0';
}

/* --- room --- */

static void drop_result(struct baton_calls *calls, struct baton_called *called)
{
	calls->result_bytes -= called->result.n;
	called->dropped = called->result.n > 0;
	baton_str_drop(&called->result);
}

/* The oldest result goes first, never the newest. */
static void fit_results(struct baton_calls *calls)
{
	for (size_t i = 0; i + 1 < calls->n_called && calls->result_bytes > BATON_RESULTS_BYTES_MAX;
	     i++)
		if (calls->called[i].result.n > 0)
			drop_result(calls, &calls->called[i]);
}

static void forget_called(struct baton_calls *calls)
{
	size_t i = 0;

	while (i < calls->n_called && calls->called[i].over == 0)
		i++;
	if (i == calls->n_called)
		return;
	calls->result_bytes -= calls->called[i].result.n;
	called_done(&calls->called[i]);
	calls->n_called--;
	memmove(&calls->called[i], &calls->called[i + 1],
		(calls->n_called - i) * sizeof(*calls->called));
}

static struct baton_called *add_called(struct baton_calls *calls)
{
	if (calls->n_called >= BATON_CALLS_KEPT_MAX)
		forget_called(calls);
	if (calls->n_called == calls->cap_called) {
		calls->cap_called = calls->cap_called ? calls->cap_called * 2 : 4;
		calls->called =
			baton_realloc(calls->called, calls->cap_called * sizeof(*calls->called));
	}
	return &calls->called[calls->n_called++];
}

static bool is_settled(const struct baton_proposed *proposed)
{
	return proposed->leave != BATON_LEAVE_OPEN && proposed->leave != BATON_LEAVE_APPROVED;
}

static void forget_proposed(struct baton_calls *calls)
{
	size_t i = 0;

	while (i < calls->n_proposed && !is_settled(&calls->proposed[i]))
		i++;
	if (i == calls->n_proposed)
		return;
	proposed_done(&calls->proposed[i]);
	calls->n_proposed--;
	memmove(&calls->proposed[i], &calls->proposed[i + 1],
		(calls->n_proposed - i) * sizeof(*calls->proposed));
}

static struct baton_proposed *add_proposed(struct baton_calls *calls)
{
	if (calls->n_proposed >= BATON_PROPOSALS_KEPT_MAX)
		forget_proposed(calls);
	if (calls->n_proposed == calls->cap_proposed) {
		calls->cap_proposed = calls->cap_proposed ? calls->cap_proposed * 2 : 4;
		calls->proposed = baton_realloc(calls->proposed,
						calls->cap_proposed * sizeof(*calls->proposed));
	}
	return &calls->proposed[calls->n_proposed++];
}

/* --- the fold --- */

static struct baton_proposed *proposed_at(const struct baton_calls *calls, uint64_t seq)
{
	for (size_t i = 0; i < calls->n_proposed; i++)
		if (seq > 0 && calls->proposed[i].seq == seq)
			return &calls->proposed[i];
	return NULL;
}

static void apply_called(struct baton_calls *calls, const struct baton_event *event)
{
	const struct baton_ev_tool_called *from = &event->tool_called;
	struct baton_proposed *proposed = proposed_at(calls, from->proposal);
	struct baton_called *to = add_called(calls);

	*to = (struct baton_called){ .seq = event->seq,
				     .turn = from->turn,
				     .proposal = from->proposal,
				     .writes = from->writes,
				     .tool = baton_str_keep(from->tool),
				     .arguments = baton_str_keep(from->arguments) };
	copy(to->call, sizeof(to->call), from->call);
	copy(to->key, sizeof(to->key), from->key);
	if (proposed)
		proposed->leave = BATON_LEAVE_CALLED;
}

static void apply_finished(struct baton_calls *calls, const struct baton_event *event)
{
	const struct baton_ev_tool_finished *from = &event->tool_finished;

	for (size_t i = calls->n_called; i > 0; i--) {
		struct baton_called *to = &calls->called[i - 1];

		if (to->over != 0 || !baton_str_is(from->call, to->call))
			continue;
		to->over = event->seq;
		to->ok = from->ok;
		to->result = baton_str_keep(from->result);
		to->code = baton_str_keep(from->code);
		calls->result_bytes += to->result.n;
		fit_results(calls);
		return;
	}
}

static void apply_proposed(struct baton_calls *calls, const struct baton_event *event)
{
	const struct baton_ev_tool_proposed *from = &event->tool_proposed;
	struct baton_proposed *to = add_proposed(calls);

	*to = (struct baton_proposed){ .seq = event->seq,
				       .turn = from->turn,
				       .upto = from->upto,
				       .tool = baton_str_keep(from->tool),
				       .title = baton_str_keep(from->title),
				       .arguments = baton_str_keep(from->arguments) };
	copy(to->call, sizeof(to->call), from->call);
	copy(to->key, sizeof(to->key), from->key);
}

static void apply_reviewed(struct baton_calls *calls, const struct baton_event *event)
{
	const struct baton_ev_tool_reviewed *from = &event->tool_reviewed;
	struct baton_proposed *proposed = proposed_at(calls, from->proposal);

	if (!proposed)
		return;
	proposed->leave = baton_str_is(from->action, "approved") ? BATON_LEAVE_APPROVED
								 : BATON_LEAVE_REJECTED;
	baton_str_drop(&proposed->reason);
	proposed->reason = baton_str_keep(from->reason);
}

void baton_calls_apply(struct baton_calls *calls, const struct baton_event *event)
{
	switch ((int)event->type) {
	case BATON_EV_TOOL_CALLED:
		apply_called(calls, event);
		break;
	case BATON_EV_TOOL_FINISHED:
		apply_finished(calls, event);
		break;
	case BATON_EV_TOOL_PROPOSED:
		apply_proposed(calls, event);
		break;
	case BATON_EV_TOOL_REVIEWED:
		apply_reviewed(calls, event);
		break;
	default:
		break;
	}
}

void baton_calls_told(struct baton_calls *calls)
{
	for (size_t i = 0; i < calls->n_called; i++)
		calls->called[i].told = calls->called[i].over > 0;
	for (size_t i = 0; i < calls->n_proposed; i++)
		calls->proposed[i].told = true;
}

void baton_calls_void(struct baton_calls *calls)
{
	for (size_t i = 0; i < calls->n_proposed; i++)
		if (calls->proposed[i].leave == BATON_LEAVE_OPEN)
			calls->proposed[i].leave = BATON_LEAVE_VOID;
}

/* --- asking --- */

const struct baton_called *baton_calls_find(const struct baton_calls *calls, baton_str call)
{
	for (size_t i = calls->n_called; i > 0; i--)
		if (baton_str_is(call, calls->called[i - 1].call))
			return &calls->called[i - 1];
	return NULL;
}

const struct baton_called *baton_calls_of_key(const struct baton_calls *calls, baton_str key)
{
	for (size_t i = calls->n_called; i > 0; i--)
		if (baton_str_is(key, calls->called[i - 1].key))
			return &calls->called[i - 1];
	return NULL;
}

const struct baton_called *baton_calls_pending(const struct baton_calls *calls)
{
	for (size_t i = 0; i < calls->n_called; i++)
		if (calls->called[i].over == 0)
			return &calls->called[i];
	return NULL;
}

const struct baton_proposed *baton_calls_proposal(const struct baton_calls *calls, uint64_t seq)
{
	return proposed_at(calls, seq);
}

const struct baton_proposed *baton_calls_approved(const struct baton_calls *calls)
{
	for (size_t i = 0; i < calls->n_proposed; i++)
		if (calls->proposed[i].leave == BATON_LEAVE_APPROVED)
			return &calls->proposed[i];
	return NULL;
}

uint64_t baton_calls_untold(const struct baton_calls *calls)
{
	uint64_t first = 0;

	for (size_t i = 0; i < calls->n_proposed; i++) {
		const struct baton_proposed *proposed = &calls->proposed[i];
		bool approved = proposed->leave == BATON_LEAVE_APPROVED ||
				proposed->leave == BATON_LEAVE_CALLED;

		if (approved && !proposed->told && (first == 0 || proposed->turn < first))
			first = proposed->turn;
	}
	return first;
}

/* --- snapshots --- */

static void save_called(const struct baton_called *called, struct baton_buf *out)
{
	const baton_str texts[] = { baton_str_of(called->call),
				    baton_str_of(called->key),
				    called->tool,
				    called->arguments,
				    called->result,
				    called->code };

	baton_buf_printf(out, "[%llu,%llu,%llu,%llu,%u", (unsigned long long)called->seq,
			 (unsigned long long)called->over, (unsigned long long)called->turn,
			 (unsigned long long)called->proposal,
			 (unsigned)called->writes | (unsigned)called->ok << 1 |
				 (unsigned)called->told << 2 | (unsigned)called->dropped << 3);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		baton_buf_z(out, ",");
		baton_buf_json(out, texts[i]);
	}
	baton_buf_z(out, "]");
}

static void save_proposed(const struct baton_proposed *proposed, struct baton_buf *out)
{
	const baton_str texts[] = { baton_str_of(proposed->call),
				    baton_str_of(proposed->key),
				    proposed->tool,
				    proposed->title,
				    proposed->arguments,
				    proposed->reason };

	baton_buf_printf(out, "[%llu,%llu,%llu,%u,%u", (unsigned long long)proposed->seq,
			 (unsigned long long)proposed->turn, (unsigned long long)proposed->upto,
			 (unsigned)proposed->leave, (unsigned)proposed->told);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		baton_buf_z(out, ",");
		baton_buf_json(out, texts[i]);
	}
	baton_buf_z(out, "]");
}

void baton_calls_save(const struct baton_calls *calls, struct baton_buf *out)
{
	baton_buf_z(out, "\"called\":[");
	for (size_t i = 0; i < calls->n_called; i++) {
		baton_buf_z(out, i ? "," : "");
		save_called(&calls->called[i], out);
	}
	baton_buf_z(out, "],\"proposed\":[");
	for (size_t i = 0; i < calls->n_proposed; i++) {
		baton_buf_z(out, i ? "," : "");
		save_proposed(&calls->proposed[i], out);
	}
	baton_buf_z(out, "]");
}

enum { NUMBERS = 5, TEXTS = 6 };

/* Five numbers, then six texts. */
static bool load_row(const struct baton_json *row, uint64_t numbers[NUMBERS],
		     baton_str texts[TEXTS], struct baton_arena *arena)
{
	struct baton_json value;
	size_t at = 0;

	for (size_t i = 0; i < NUMBERS + TEXTS; i++) {
		if (!baton_json_element(row, &at, &value) ||
		    value.type != (i < NUMBERS ? BATON_JSON_NUMBER : BATON_JSON_STRING))
			return false;
		if (i < NUMBERS)
			numbers[i] = baton_json_u64(&value, 0);
		else
			texts[i - NUMBERS] = baton_json_text(&value, arena);
	}
	return true;
}

static int load_called(struct baton_calls *calls, const struct baton_json *list,
		       struct baton_arena *arena)
{
	struct baton_json row;
	uint64_t numbers[NUMBERS];
	baton_str texts[TEXTS];

	for (size_t at = 0; baton_json_element(list, &at, &row);) {
		if (!load_row(&row, numbers, texts, arena))
			return BATON_E_JSON;
		struct baton_called *to = add_called(calls);

		*to = (struct baton_called){ .seq = numbers[0],
					     .over = numbers[1],
					     .turn = numbers[2],
					     .proposal = numbers[3],
					     .writes = numbers[4] & 1,
					     .ok = numbers[4] & 2,
					     .told = numbers[4] & 4,
					     .dropped = numbers[4] & 8,
					     .tool = baton_str_keep(texts[2]),
					     .arguments = baton_str_keep(texts[3]),
					     .result = baton_str_keep(texts[4]),
					     .code = baton_str_keep(texts[5]) };
		copy(to->call, sizeof(to->call), texts[0]);
		copy(to->key, sizeof(to->key), texts[1]);
		calls->result_bytes += to->result.n;
	}
	return BATON_OK;
}

static int load_proposed(struct baton_calls *calls, const struct baton_json *list,
			 struct baton_arena *arena)
{
	struct baton_json row;
	uint64_t numbers[NUMBERS];
	baton_str texts[TEXTS];

	for (size_t at = 0; baton_json_element(list, &at, &row);) {
		if (!load_row(&row, numbers, texts, arena) || numbers[3] > BATON_LEAVE_VOID)
			return BATON_E_JSON;
		struct baton_proposed *to = add_proposed(calls);

		*to = (struct baton_proposed){ .seq = numbers[0],
					       .turn = numbers[1],
					       .upto = numbers[2],
					       .leave = (enum baton_leave)numbers[3],
					       .told = numbers[4] != 0,
					       .tool = baton_str_keep(texts[2]),
					       .title = baton_str_keep(texts[3]),
					       .arguments = baton_str_keep(texts[4]),
					       .reason = baton_str_keep(texts[5]) };
		copy(to->call, sizeof(to->call), texts[0]);
		copy(to->key, sizeof(to->key), texts[1]);
	}
	return BATON_OK;
}

int baton_calls_load(struct baton_calls *calls, const struct baton_json *snapshot,
		     struct baton_arena *arena)
{
	struct baton_json called = baton_json_get(snapshot, "called");
	struct baton_json proposed = baton_json_get(snapshot, "proposed");
	int rc = load_called(calls, &called, arena);

	return rc < 0 ? rc : load_proposed(calls, &proposed, arena);
}
