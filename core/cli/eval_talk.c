/* SPDX-License-Identifier: Apache-2.0 */

/* One side of the comparison: a server, and its conversations over the control socket, followed
 * with an agent's eyes. A conversation goes on while the bot answers; it ends where a person would
 * take over, because what comes then is not the set's. */

#include "core/cli/eval.h"

#include "core/base/json.h"
#include "core/base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, LINE_MAX_BYTES = 16 * 1024 * 1024 };

int eval_side_open(struct eval_side *side)
{
	side->held = baton_alloc(side->set->n * sizeof(*side->held) + 1);
	side->fd = cli_control_connect(side->data);
	if (side->fd < 0)
		return CLI_UNREACHABLE;
	(void)fcntl(side->fd, F_SETFL, fcntl(side->fd, F_GETFL) | O_NONBLOCK);
	return CLI_OK;
}

void eval_side_done(struct eval_side *side)
{
	if (side->fd >= 0)
		close(side->fd);
	side->fd = -1;
	cli_child_stop(&side->child);
	baton_buf_done(&side->in);
	baton_buf_done(&side->out);
	baton_free(side->held);
	side->held = NULL;
	baton_arena_done(&side->arena);
}

/* --- saying ---------------------------------------------------------------------------------- */

static size_t number_of(const struct eval_side *side, const struct eval_held *held)
{
	return (size_t)(held - side->held);
}

static void begin_line(struct eval_side *side, const struct eval_held *held)
{
	baton_buf_printf(&side->out, "{\"key\":\"t%zu\"", number_of(side, held));
}

static void end_talk(struct eval_side *side, struct eval_held *held)
{
	if (held->state >= EVAL_CLOSING)
		return;
	held->state = EVAL_CLOSING;
	held->deadline_ms = cli_now_ms() + EVAL_ANSWER_MS;
	begin_line(side, held);
	baton_buf_z(&side->out, ",\"close\":true}\n");
}

static void talk_over(struct eval_side *side, struct eval_held *held)
{
	if (held->state == EVAL_OVER)
		return;
	held->state = EVAL_OVER;
	side->open--;
	side->over++;
}

static void put_message(struct eval_side *side, const struct eval_held *held)
{
	const struct eval_talk *talk = &side->set->talks[number_of(side, held)];

	begin_line(side, held);
	baton_buf_printf(&side->out, ",\"msg\":{\"id\":\"m%zu\",\"text\":", held->sent);
	baton_buf_json(&side->out, talk->said[held->sent - 1]);
	baton_buf_z(&side->out, "}}\n");
}

static void say_next(struct eval_side *side, struct eval_held *held)
{
	if (held->sent == side->set->talks[number_of(side, held)].n) {
		end_talk(side, held);
		return;
	}
	held->turns[held->sent++].sent_ms = cli_now_ms();
	held->state = EVAL_WAITING;
	held->deadline_ms = cli_now_ms() + EVAL_OUTCOME_MS;
	put_message(side, held);
}

static void begin(struct eval_side *side)
{
	size_t number = side->next++;
	const struct eval_talk *talk = &side->set->talks[number];
	struct eval_held *held = &side->held[number];

	*held = (struct eval_held){
		.turns = baton_arena_alloc(&side->arena, talk->n * sizeof(struct eval_turn)),
		.deadline_ms = cli_now_ms() + EVAL_ANSWER_MS,
	};
	side->open++;
	/* What writes is not performed in a conversation of this channel. */
	baton_buf_printf(
		&side->out,
		"{\"do\":\"converse\",\"key\":\"t%zu\",\"channel\":\"eval\",\"as\":\"agent\"",
		number);
	if (talk->tier.n > 0) {
		baton_buf_z(&side->out, ",\"customer_tier\":");
		baton_buf_json(&side->out, talk->tier);
	}
	baton_buf_z(&side->out, "}\n");
}

/* --- hearing --------------------------------------------------------------------------------- */

static baton_str text_of(struct eval_side *side, const struct baton_json *object, const char *name)
{
	struct baton_json value = baton_json_get(object, name);

	if (value.type != BATON_JSON_STRING)
		return BATON_STR("");
	baton_str text = baton_json_text(&value, &side->arena);
	return (baton_str){ baton_arena_dup(&side->arena, text.n ? text.p : "", text.n), text.n };
}

static uint64_t count_of(const struct baton_json *object, const char *name)
{
	struct baton_json value = baton_json_get(object, name);

	return baton_json_u64(&value, 0);
}

static bool lists(baton_str list, baton_str name)
{
	for (size_t at = 0; at < list.n;) {
		const char *comma = memchr(list.p + at, ',', list.n - at);
		size_t end = comma ? (size_t)(comma - list.p) : list.n;

		if (baton_str_eq((baton_str){ list.p + at, end - at }, name))
			return true;
		at = end + 1;
	}
	return false;
}

/* `list` and one more name, a comma between; what stands there already is not said again. */
static baton_str with(struct eval_side *side, baton_str list, baton_str name)
{
	struct baton_buf all = { NULL, 0, 0 };

	if (name.n == 0 || lists(list, name))
		return list;
	baton_buf_str(&all, list);
	baton_buf_z(&all, list.n ? "," : "");
	baton_buf_str(&all, name);
	baton_str longer = { baton_arena_dup(&side->arena, all.p, all.n), all.n };
	baton_buf_done(&all);
	return longer;
}

static void on_intent(struct eval_side *side, struct eval_turn *turn, const struct baton_json *data)
{
	turn->intent = text_of(side, data, "intent");
}

static void on_decision(struct eval_side *side, struct eval_turn *turn,
			const struct baton_json *data)
{
	turn->rule = with(side, turn->rule, text_of(side, data, "rule"));
	turn->cost_microusd += count_of(data, "cost_microusd"); /* of an escalation */
}

static void on_route(struct eval_side *side, struct eval_turn *turn, const struct baton_json *data)
{
	turn->target = text_of(side, data, "target");
}

static void on_failed(struct eval_side *side, struct eval_turn *turn, const struct baton_json *data)
{
	(void)side;
	turn->failed++;
	turn->cost_microusd += count_of(data, "cost_microusd");
}

static void on_tool(struct eval_side *side, struct eval_turn *turn, const struct baton_json *data)
{
	turn->called++;
	turn->tools = with(side, turn->tools, text_of(side, data, "tool"));
}

static void on_proposed(struct eval_side *side, struct eval_turn *turn,
			const struct baton_json *data)
{
	turn->tools = with(side, turn->tools, text_of(side, data, "tool"));
}

static void on_guard(struct eval_side *side, struct eval_turn *turn, const struct baton_json *data)
{
	turn->guards = with(side, turn->guards, text_of(side, data, "rule"));
}

/* An answer or a draft: what it says, and what it rests on. */
static void take_words(struct eval_side *side, struct eval_turn *turn,
		       const struct baton_json *data)
{
	struct baton_json sources = baton_json_get(data, "sources"), source;
	struct baton_json unknown = baton_json_get(data, "unknown");
	size_t at = 0;

	turn->text = text_of(side, data, "text");
	turn->target = text_of(side, data, "target");
	turn->unknown = baton_json_bool(&unknown);
	turn->cost_microusd += count_of(data, "cost_microusd");
	while (baton_json_element(&sources, &at, &source))
		turn->sources = with(side, turn->sources, text_of(side, &source, "id"));
}

static void on_answer(struct eval_side *side, struct eval_turn *turn, const struct baton_json *data)
{
	take_words(side, turn, data);
	turn->outcome = EVAL_ANSWERED;
}

static void on_draft(struct eval_side *side, struct eval_turn *turn, const struct baton_json *data)
{
	take_words(side, turn, data);
	turn->outcome = EVAL_DRAFTED;
}

static void on_queued(struct eval_side *side, struct eval_turn *turn, const struct baton_json *data)
{
	(void)side;
	(void)data;
	turn->outcome = EVAL_HANDED_OVER;
}

static void on_captured(struct eval_side *side, struct eval_turn *turn,
			const struct baton_json *data)
{
	(void)side;
	turn->cost_microusd += count_of(data, "cost_microusd");
	turn->outcome = EVAL_KEPT;
}

static void settle(struct eval_side *side, struct eval_held *held)
{
	struct eval_turn *turn = &held->turns[held->sent - 1];

	if (turn->outcome == EVAL_NONE || held->state != EVAL_WAITING)
		return;
	turn->took_ms = cli_now_ms() - turn->sent_ms;
	if (turn->outcome == EVAL_ANSWERED)
		say_next(side, held);
	else
		end_talk(side, held);
}

static void hear_event(struct eval_side *side, struct eval_held *held,
		       const struct baton_json *event)
{
	static const struct {
		const char *type;
		void (*hear)(struct eval_side *, struct eval_turn *, const struct baton_json *);
	} table[] = {
		{ "intent_detected", on_intent },
		{ "policy_decided", on_decision },
		{ "escalation_triggered", on_decision },
		{ "route_selected", on_route },
		{ "model_failed", on_failed },
		{ "tool_called", on_tool },
		{ "tool_proposed", on_proposed },
		{ "guard_hit", on_guard },
		{ "answer_generated", on_answer },
		{ "draft_proposed", on_draft },
		{ "case_queued", on_queued },
		{ "message_captured", on_captured },
	};
	struct baton_json type = baton_json_get(event, "type");
	struct baton_json data = baton_json_get(event, "data");
	baton_str name = baton_json_text(&type, &side->arena);

	if (held->sent == 0 || held->state != EVAL_WAITING)
		return;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (baton_str_is(name, table[i].type))
			table[i].hear(side, &held->turns[held->sent - 1], &data);
	settle(side, held);
}

/* Said again with the same id, which the server knows if it did take it. */
static void hear_refused(struct eval_side *side, struct eval_held *held,
			 const struct baton_json *refused)
{
	struct baton_json again = baton_json_get(refused, "retryable");

	if (held->state != EVAL_WAITING)
		return;
	if (baton_json_bool(&again) && cli_now_ms() < held->deadline_ms)
		put_message(side, held);
	else
		end_talk(side, held);
}

static struct eval_held *held_of(struct eval_side *side, const struct baton_json *object)
{
	struct baton_json key = baton_json_get(object, "key");
	baton_str text = baton_json_text(&key, &side->arena);
	char number[12] = "";

	if (text.n < 2 || text.n > sizeof(number) || text.p[0] != 't')
		return NULL;
	memcpy(number, text.p + 1, text.n - 1);
	unsigned long at = strtoul(number, NULL, 10);
	return at < side->next ? &side->held[at] : NULL;
}

static void hear(struct eval_side *side, baton_str line)
{
	struct baton_json object;

	if (baton_json_parse(line, &object) < 0)
		return;
	struct eval_held *held = held_of(side, &object);
	if (!held || held->state == EVAL_OVER)
		return;
	struct baton_json ok = baton_json_get(&object, "ok");
	struct baton_json event = baton_json_get(&object, "event");
	struct baton_json refused = baton_json_get(&object, "refused");
	struct baton_json closed = baton_json_get(&object, "closed");
	if (ok.type != BATON_JSON_NONE && held->state == EVAL_OPENING)
		baton_json_bool(&ok) ? say_next(side, held) : talk_over(side, held);
	else if (event.type == BATON_JSON_OBJECT)
		hear_event(side, held, &event);
	else if (refused.type == BATON_JSON_OBJECT)
		hear_refused(side, held, &refused);
	else if (baton_json_bool(&closed))
		talk_over(side, held);
}

/* --- the clock, and what comes and goes ------------------------------------------------------ */

void eval_side_tick(struct eval_side *side)
{
	uint64_t now = cli_now_ms();

	for (size_t i = 0; side->open > 0 && i < side->next; i++) {
		struct eval_held *held = &side->held[i];

		if (held->state == EVAL_OVER || now < held->deadline_ms)
			continue;
		if (held->state == EVAL_WAITING)
			end_talk(side, held);
		else
			talk_over(side, held);
	}
	while (side->open < EVAL_OPEN_MAX && side->next < side->set->n && !side->gone)
		begin(side);
}

static bool flush(struct eval_side *side)
{
	while (side->out.n > 0) {
		ssize_t n = send(side->fd, side->out.p, side->out.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		baton_buf_drop(&side->out, (size_t)n);
	}
	return true;
}

void eval_side_move(struct eval_side *side, short events)
{
	struct baton_buf line = { NULL, 0, 0 };

	if (!flush(side))
		side->gone = true;
	if (events & (POLLIN | POLLHUP | POLLERR))
		side->gone =
			side->gone || !cli_take(side->fd, &side->in) || side->in.n > LINE_MAX_BYTES;
	while (cli_line(&side->in, &line))
		hear(side, baton_buf_view(&line));
	baton_buf_done(&line);
}
