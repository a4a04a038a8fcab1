/* SPDX-License-Identifier: Apache-2.0 */

/* The desk as a whole, as JSON for consoles and as metrics: its queues, its people, and what
 * brought those here who wait. An outage that sends three hundred people at once is one line
 * there and not three hundred.
 */

#include "core/desk/inside.h"

#include "core/base/buf.h"

#include <stdlib.h>

typedef unsigned long long ull;

enum { GROUPS_MAX = 64, GROUPS_SHOWN = 20 };

static const char *const roles[] = { "customer", "agent", "supervisor", "admin", "self" };

static void put_word(struct baton_buf *out, const char *key, baton_str word)
{
	baton_buf_printf(out, "\"%s\":", key);
	baton_buf_json(out, word);
}

/* A number that is there, with the comma before it. */
static void put_some(struct baton_buf *out, const char *key, uint64_t number)
{
	if (number > 0)
		baton_buf_printf(out, ",\"%s\":%llu", key, (ull)number);
}

/* --- queues --- */

static void put_queue(struct baton_buf *out, const struct desk_queue *queue, struct baton_now now)
{
	const struct baton_queue_def *def = queue->def;

	baton_buf_z(out, "{");
	put_word(out, "name", baton_str_of(queue->name));
	baton_buf_z(out, ",");
	put_word(out, "title", baton_str_of(def && def->title ? def->title : queue->name));
	baton_buf_printf(out, ",\"waiting\":%llu,\"claimed\":%llu,\"open\":%s", (ull)queue->waiting,
			 (ull)queue->claimed, queue->open ? "true" : "false");
	put_some(out, "oldest_ms", queue->oldest_ms);
	if (!queue->open)
		put_some(out, "opens_ms", baton_hours_next(def ? def->hours : NULL, now.unix_ms));
	baton_buf_printf(out,
			 ",\"agents\":%llu,\"available\":%llu,\"breached\":%llu,\"due_soon\":%llu",
			 (ull)queue->agents, (ull)queue->available, (ull)queue->breached,
			 (ull)queue->due_soon);
	if (queue->open)
		put_some(out, "wait_ms", place_wait_ms(queue, now, queue->waiting + 1));
	baton_buf_z(out, "}");
}

/* --- people --- */

static void put_queues_of(struct baton_buf *out, const struct baton_agent_def *def)
{
	baton_buf_z(out, ",\"queues\":[");
	for (size_t i = 0; i < def->n_queues; i++) {
		baton_buf_z(out, i ? "," : "");
		baton_buf_json(out, baton_str_of(def->queues[i]));
	}
	baton_buf_z(out, "]");
}

static void put_person(struct baton_desk *desk, struct baton_buf *out,
		       const struct desk_person *person)
{
	const char *name = person->name;

	if (!name[0])
		name = person->def && person->def->name ? person->def->name : person->id;
	baton_buf_z(out, "{");
	put_word(out, "id", baton_str_of(person->id));
	baton_buf_z(out, ",");
	put_word(out, "name", baton_str_of(name));
	baton_buf_printf(out, ",\"role\":\"%s\",\"state\":\"%s\",\"cases\":%zu,\"capacity\":%u",
			 roles[person->role], roster_state(person), person->n_cases,
			 roster_capacity(desk, person));
	if (person->def && person->def->n_queues > 0)
		put_queues_of(out, person->def);
	put_some(out, "since_ms", person->since_ms);
	baton_buf_z(out, "}");
}

/* Who stands in the policies and has not been here yet. */
static void put_absent(struct baton_desk *desk, struct baton_buf *out,
		       const struct baton_agent_def *def)
{
	struct desk_person nobody = { .role = BATON_AGENT, .def = def };

	if (strcmp(def->role, "supervisor") == 0)
		nobody.role = BATON_SUPERVISOR;
	else if (strcmp(def->role, "admin") == 0)
		nobody.role = BATON_ADMIN;
	baton_str id = baton_str_clip(baton_str_of(def->id), DESK_TEXT - 1);
	memcpy(nobody.id, id.p, id.n);
	put_person(desk, out, &nobody);
}

static void put_people(struct baton_desk *desk, struct baton_buf *out)
{
	const struct desk_person *person;
	const char *comma = "";

	for (person = desk->people; person; person = person->hh.next) {
		baton_buf_z(out, comma);
		put_person(desk, out, person);
		comma = ",";
	}
	for (size_t i = 0; desk->policy && i < desk->policy->n_agents; i++) {
		const struct baton_agent_def *def = &desk->policy->agents[i];

		HASH_FIND(hh, desk->people, def->id, strlen(def->id), person);
		if (person || strcmp(def->role, "admin") == 0)
			continue;
		baton_buf_z(out, comma);
		put_absent(desk, out, def);
		comma = ",";
	}
}

/* --- groups --- */

struct group {
	baton_str rule, reason, mode;
	uint64_t waiting, oldest_ms;
};

/* One rule is one line, whatever else is said; without a rule the reason is. */
static bool is_of(const struct group *group, const struct baton_case *kase)
{
	return baton_str_eq(group->rule, kase->rule) && baton_str_eq(group->mode, kase->mode) &&
	       (kase->rule.n > 0 || baton_str_eq(group->reason, kase->reason));
}

static int group_compare(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->waiting != y->waiting)
		return x->waiting > y->waiting ? -1 : 1;
	return x->oldest_ms < y->oldest_ms ? -1 : x->oldest_ms > y->oldest_ms;
}

static size_t gather(const struct baton_desk *desk, struct group groups[GROUPS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < desk->n_order; i++) {
		const struct baton_case *kase = desk_told(desk->order[i]);
		uint64_t since = kase->waiting_since_ms;
		size_t j = 0;

		while (j < n && !is_of(&groups[j], kase))
			j++;
		if (j == GROUPS_MAX)
			continue;
		if (j == n)
			groups[n++] =
				(struct group){ kase->rule, kase->reason, kase->mode, 0, since };
		groups[j].waiting++;
		if (since > 0 && (groups[j].oldest_ms == 0 || since < groups[j].oldest_ms))
			groups[j].oldest_ms = since;
	}
	qsort(groups, n, sizeof(groups[0]), group_compare);
	return n;
}

static void put_groups(const struct baton_desk *desk, struct baton_buf *out)
{
	struct group groups[GROUPS_MAX];
	size_t n = gather(desk, groups);

	for (size_t i = 0; i < n && i < GROUPS_SHOWN; i++) {
		const struct group *group = &groups[i];

		baton_buf_printf(out, "%s{\"waiting\":%llu", i ? "," : "", (ull)group->waiting);
		put_some(out, "oldest_ms", group->oldest_ms);
		baton_buf_z(out, ",");
		put_word(out, "rule", group->rule);
		baton_buf_z(out, ",");
		put_word(out, "reason", group->reason);
		baton_buf_z(out, ",");
		put_word(out, "mode", group->mode);
		baton_buf_z(out, "}");
	}
}

/* --- telling --- */

void baton_desk_people(struct baton_desk *desk, struct baton_now now, struct baton_buf *out)
{
	const struct desk_queue *queue;

	baton_buf_z(out, "\"queues\":[");
	for (queue = desk->queues; queue; queue = queue->hh.next) {
		put_queue(out, queue, now);
		baton_buf_z(out, queue->hh.next ? "," : "");
	}
	baton_buf_z(out, "],\"agents\":[");
	put_people(desk, out);
	baton_buf_z(out, "]");
}

static struct baton_notice *overview_notice(struct baton_desk *desk, struct baton_now now)
{
	static const struct baton_id nobody;
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_OVERVIEW, &nobody);
	struct baton_buf out = { NULL, 0, 0 };

	baton_desk_people(desk, now, &out);
	baton_buf_z(&out, ",\"groups\":[");
	put_groups(desk, &out);
	baton_buf_z(&out, "]");
	notice->text = baton_notice_keep(notice, baton_buf_view(&out));
	baton_buf_done(&out);
	return notice;
}

void overview_tick(struct baton_desk *desk, struct baton_now now)
{
	if (desk->n_watchers == 0 || !desk->news ||
	    (desk->overview && !desk_passed(desk->overview_at_ms, DESK_SECOND_MS, now)))
		return;
	desk->news = false;
	struct baton_notice *notice = overview_notice(desk, now);
	if (desk->overview && baton_str_eq(desk->overview->text, notice->text)) {
		baton_notice_unref(&notice);
		return;
	}
	for (size_t i = 0; i < desk->n_watchers; i++)
		desk->host.notify(desk->host.ud, desk->watchers[i].conn, notice);
	baton_notice_unref(&desk->overview);
	desk->overview = notice;
	desk->overview_at_ms = now.ms;
}

void overview_tell(struct baton_desk *desk, struct baton_now now, baton_conn conn)
{
	struct baton_notice *notice = overview_notice(desk, now);

	desk->host.notify(desk->host.ud, conn, notice);
	baton_notice_unref(&notice);
}

/* --- figures --- */

static const char *const states[] = { "available", "away", "lost", "offline" };

static void series(struct baton_buf *out, const char *name, const char *help)
{
	baton_buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void per_queue(struct baton_buf *out, const char *name, const struct desk_queue *queue,
		      double value)
{
	baton_buf_printf(out, "%s{queue=", name);
	baton_buf_json(out, baton_str_of(queue->name));
	baton_buf_printf(out, "} %g\n", value);
}

void baton_desk_metrics(const struct baton_desk *desk, struct baton_now now, struct baton_buf *out)
{
	const struct desk_queue *queue;
	const struct desk_person *person;

	series(out, "baton_desk_queue_waiting", "cases of the queue that wait");
	for (queue = desk->queues; queue; queue = queue->hh.next)
		per_queue(out, "baton_desk_queue_waiting", queue, (double)queue->waiting);
	series(out, "baton_desk_queue_oldest_seconds",
	       "how long the first of those that wait in the queue has been waiting");
	for (queue = desk->queues; queue; queue = queue->hh.next)
		per_queue(out, "baton_desk_queue_oldest_seconds", queue,
			  queue->oldest_ms > 0 && now.unix_ms > queue->oldest_ms
				  ? (double)(now.unix_ms - queue->oldest_ms) / 1e3
				  : 0);
	series(out, "baton_desk_queue_breached",
	       "cases of the queue that wait longer than promised");
	for (queue = desk->queues; queue; queue = queue->hh.next)
		per_queue(out, "baton_desk_queue_breached", queue, (double)queue->breached);
	series(out, "baton_desk_people", "people of the desk, by what they are doing");
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		unsigned n = 0;

		for (person = desk->people; person; person = person->hh.next)
			n += strcmp(roster_state(person), states[i]) == 0;
		baton_buf_printf(out, "baton_desk_people{state=\"%s\"} %u\n", states[i], n);
	}
}
