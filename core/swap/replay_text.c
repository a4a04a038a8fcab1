/* SPDX-License-Identifier: Apache-2.0 */

/* What a comparison found, for people and for programs. */

#include "core/swap/replay.h"

#include "core/base/json.h"

static const double hour_ms = 3600000;

/* 1,204 */
static void put_count(uint64_t n, struct baton_buf *out)
{
	if (n >= 1000000)
		baton_buf_printf(out, "%llu,%03llu,%03llu", (unsigned long long)(n / 1000000),
				 (unsigned long long)(n / 1000 % 1000),
				 (unsigned long long)(n % 1000));
	else if (n >= 1000)
		baton_buf_printf(out, "%llu,%03llu", (unsigned long long)(n / 1000),
				 (unsigned long long)(n % 1000));
	else
		baton_buf_u64(out, n);
}

static double percent(uint64_t some, uint64_t all)
{
	return all ? 100.0 * (double)some / (double)all : 0;
}

static double per_hour(const struct baton_replay_sum *sum, uint64_t n)
{
	return (double)n * hour_ms / (double)sum->span_ms;
}

static void put_growth(const struct baton_replay_sum *sum, const struct baton_replay_queue *queue,
		       struct baton_buf *out)
{
	double more = (double)queue->after - (double)queue->before;

	if (queue->before > 0)
		baton_buf_printf(out, "%+.0f %%", 100 * more / (double)queue->before);
	else
		baton_buf_printf(out, "%+.1f an hour, none before", per_hour(sum, queue->after));
}

/* The queue that gains most, if one gains. */
static void put_worst(const struct baton_replay_sum *sum, struct baton_buf *out)
{
	if (sum->n_queues == 0 || sum->queues[0].after <= sum->queues[0].before)
		return;
	baton_buf_printf(out, "; worst: queue %s ", sum->queues[0].name);
	put_growth(sum, &sum->queues[0], out);
}

static void put_changed(const struct baton_replay_sum *sum, struct baton_buf *out)
{
	put_count(sum->changed, out);
	baton_buf_z(out, " of ");
	put_count(sum->turns, out);
	baton_buf_z(out, " recorded decisions would change");
}

void baton_replay_line(const struct baton_replay_sum *sum, struct baton_buf *out)
{
	put_changed(sum, out);
	if (sum->turns > 0)
		baton_buf_printf(out, " (%.1f %%)", percent(sum->changed, sum->turns));
	put_worst(sum, out);
}

bool baton_replay_blocks(const struct baton_replay_sum *sum, uint32_t max_changed_ppm)
{
	return sum->turns >= BATON_REPLAY_BLOCKS_FROM && max_changed_ppm < 1000000 &&
	       sum->changed * 1000000 > sum->turns * max_changed_ppm;
}

void baton_replay_refusal(const struct baton_replay_sum *sum, uint32_t max_changed_ppm,
			  struct baton_buf *out)
{
	put_changed(sum, out);
	baton_buf_printf(out, " (%.1f %%, at most %.1f %%)", percent(sum->changed, sum->turns),
			 (double)max_changed_ppm / 1e4);
	put_worst(sum, out);
	baton_buf_z(out,
		    "; `baton rules diff` shows them, `baton reload --force` activates it anyway");
}

/* --- for people ------------------------------------------------------------------------------ */

static void text_queues(const struct baton_replay_sum *sum, struct baton_buf *out)
{
	bool moved = false;

	for (size_t i = 0; i < sum->n_queues; i++)
		moved = moved || sum->queues[i].before != sum->queues[i].after;
	if (!moved)
		return;
	baton_buf_z(out, "\nConversations that a person would get, an hour:\n");
	for (size_t i = 0; i < sum->n_queues; i++) {
		const struct baton_replay_queue *queue = &sum->queues[i];

		if (queue->before == queue->after)
			continue;
		baton_buf_printf(out, "  %-20s %8.1f -> %8.1f   ", queue->name,
				 per_hour(sum, queue->before), per_hour(sum, queue->after));
		put_growth(sum, queue, out);
		baton_buf_z(out, "\n");
	}
}

/* `when` on one line, the verdict, and the facts that it rests on. */
static void text_condition(const char *side, const struct baton_json *rule,
			   struct baton_arena *arena, struct baton_buf *out)
{
	struct baton_json have = baton_json_get(rule, side);
	struct baton_json when = baton_json_get(&have, "when");
	struct baton_json explained = baton_json_get(&have, "explained");
	struct baton_json verdict = baton_json_get(&explained, "verdict");
	struct baton_json terms = baton_json_get(&explained, "terms"), term, key, value;
	size_t at = 0;

	if (have.type != BATON_JSON_OBJECT) {
		baton_buf_printf(out, "      %s: there is no such rule in the set\n", side);
		return;
	}
	baton_str text = baton_json_text(&when, arena);
	while (text.n > 0 && strchr(" \n\t", text.p[text.n - 1]))
		text.n--;
	baton_buf_printf(out, "      %s: ", side);
	for (size_t i = 0; i < text.n; i++)
		baton_buf_add(out, text.p[i] == '\n' || text.p[i] == '\t' ? " " : text.p + i, 1);
	baton_buf_z(out, verdict.type == BATON_JSON_TRUE    ? " => true"
			 : verdict.type == BATON_JSON_FALSE ? " => false"
							    : " => cannot be decided");
	const char *lead = "   (";
	while (baton_json_element(&terms, &at, &term)) {
		struct baton_json facts = baton_json_get(&term, "facts");
		size_t k = 0;

		while (facts.type == BATON_JSON_OBJECT &&
		       baton_json_member(&facts, &k, &key, &value)) {
			baton_str name = baton_json_text(&key, arena);

			baton_buf_printf(out, "%s%.*s = %.*s", lead, (int)name.n, name.p,
					 (int)value.raw.n, value.raw.p);
			lead = ", ";
		}
	}
	baton_buf_z(out, *lead == ',' ? ")\n" : "\n");
}

static void text_values(const char *values, struct baton_buf *out)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json list, rule;
	size_t at = 0;

	if (baton_json_parse(baton_str_of(values), &list) < 0)
		return;
	while (baton_json_element(&list, &at, &rule)) {
		struct baton_json name = baton_json_get(&rule, "rule");
		struct baton_json stage = baton_json_get(&rule, "stage");
		baton_str id = baton_json_text(&name, &arena),
			  when = baton_json_text(&stage, &arena);

		baton_buf_printf(out, "    rule `%.*s` (%.*s)\n", (int)id.n, id.p, (int)when.n,
				 when.p);
		text_condition("old", &rule, &arena, out);
		text_condition("new", &rule, &arena, out);
	}
	baton_arena_done(&arena);
}

static void text_group(const struct baton_replay_group *group, struct baton_buf *out)
{
	char id[BATON_ID_TEXT + 1];

	baton_id_text(&group->session, id);
	baton_buf_z(out, "\n");
	put_count(group->count, out);
	baton_buf_printf(out, "x\n  old: %s\n  new: %s\n  such as session %s, message %llu\n",
			 group->before, group->after, id, (unsigned long long)group->turn);
	text_values(group->values, out);
}

void baton_replay_text(const struct baton_replay_sum *sum, struct baton_buf *out)
{
	if (sum->turns == 0) {
		baton_buf_z(out,
			    "No decision was recorded in that time: nothing can be compared.\n");
		return;
	}
	baton_replay_line(sum, out);
	baton_buf_printf(out, "\n  %-8s %8llu   understood otherwise%s\n", "intents",
			 (unsigned long long)sum->intents,
			 sum->classified ? "" : " (by limits of confidence: no other classifier)");
	baton_buf_printf(out, "  %-8s %8llu   a rule says something else\n", "rules",
			 (unsigned long long)sum->rules);
	baton_buf_printf(out, "  %-8s %8llu   another target, tier or class\n", "routes",
			 (unsigned long long)sum->routes);
	if (sum->renamed > 0)
		baton_buf_printf(out,
				 "  %-8s %8llu   the same, said by another rule: not a change\n",
				 "renamed", (unsigned long long)sum->renamed);
	if (sum->unread > 0)
		baton_buf_printf(out, "  %-8s %8llu   not looked at: their facts cannot be read\n",
				 "unread", (unsigned long long)sum->unread);
	if (sum->unanswered > 0)
		baton_buf_printf(
			out, "  %-8s %8llu   the rules of a set could not answer: to a person\n",
			"failed", (unsigned long long)sum->unanswered);
	if (sum->out_of_time)
		baton_buf_z(out, "  Older ones were not looked at: the time was over.\n");
	text_queues(sum, out);
	for (size_t i = 0; i < sum->n_groups; i++)
		text_group(&sum->groups[i], out);
	if (sum->groups_left > 0) {
		baton_buf_z(out, "\nand ");
		put_count(sum->groups_left, out);
		baton_buf_z(out, " more that change in other ways\n");
	}
}

/* --- for programs ---------------------------------------------------------------------------- */

static void json_group(const struct baton_replay_group *group, struct baton_buf *out)
{
	static const struct {
		unsigned kind;
		const char *name;
	} kinds[] = { { BATON_REPLAY_INTENT, "intent" },
		      { BATON_REPLAY_RULE, "rule" },
		      { BATON_REPLAY_ROUTE, "route" } };
	char id[BATON_ID_TEXT + 1];
	const char *comma = "";

	baton_id_text(&group->session, id);
	baton_buf_printf(out, "{\"count\":%llu,\"kinds\":[", (unsigned long long)group->count);
	for (size_t i = 0; i < 3; i++) {
		if (!(group->kinds & kinds[i].kind))
			continue;
		baton_buf_printf(out, "%s\"%s\"", comma, kinds[i].name);
		comma = ",";
	}
	baton_buf_printf(out, "],\"session\":\"%s\",\"turn\":%llu,\"unix_ms\":%llu,\"old\":", id,
			 (unsigned long long)group->turn, (unsigned long long)group->unix_ms);
	baton_buf_json(out, baton_str_of(group->before));
	baton_buf_z(out, ",\"new\":");
	baton_buf_json(out, baton_str_of(group->after));
	baton_buf_printf(out, ",\"rules\":%s}", group->values);
}

void baton_replay_json(const struct baton_replay_sum *sum, struct baton_buf *out)
{
	baton_buf_printf(
		out,
		"{\"decisions\":%llu,\"changed\":%llu,\"changed_share\":%.6f,\"intents\":%llu,\"rules\":"
		"%llu,\"routes\":%llu,\"renamed\":%llu,\"unread\":%llu,\"unanswered\":%llu,\"classified\":%s,\"out_of_time\":%s"
		",\"first_unix_ms\":%llu,\"span_ms\":%llu,\"queues\":[",
		(unsigned long long)sum->turns, (unsigned long long)sum->changed,
		percent(sum->changed, sum->turns) / 100, (unsigned long long)sum->intents,
		(unsigned long long)sum->rules, (unsigned long long)sum->routes,
		(unsigned long long)sum->renamed, (unsigned long long)sum->unread,
		(unsigned long long)sum->unanswered, sum->classified ? "true" : "false",
		sum->out_of_time ? "true" : "false", (unsigned long long)sum->first_ms,
		(unsigned long long)sum->span_ms);
	for (size_t i = 0; i < sum->n_queues; i++) {
		baton_buf_z(out, i ? ",{\"queue\":" : "{\"queue\":");
		baton_buf_json(out, baton_str_of(sum->queues[i].name));
		baton_buf_printf(
			out,
			",\"old\":%llu,\"new\":%llu,\"old_per_hour\":%.2f,\"new_per_hour\":%.2f}",
			(unsigned long long)sum->queues[i].before,
			(unsigned long long)sum->queues[i].after,
			per_hour(sum, sum->queues[i].before), per_hour(sum, sum->queues[i].after));
	}
	baton_buf_z(out, "],\"examples\":[");
	for (size_t i = 0; i < sum->n_groups; i++) {
		baton_buf_z(out, i ? "," : "");
		json_group(&sum->groups[i], out);
	}
	baton_buf_printf(out, "],\"further\":%llu}", (unsigned long long)sum->groups_left);
}
