/* SPDX-License-Identifier: Apache-2.0 */

/* desk.yaml behind its tables: opening hours become minutes of the week and offsets of their zone,
 * names become pointers, and what the desk promises is held against itself.
 */

#include "core/policy/load.h"

#include "core/base/errors.h"
#include "core/policy/nearest.h"
#include "core/policy/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_MIN = 1440, SPANS_MAX = 256, YEAR_S = 366 * 86400, YEARS_AHEAD = 10 };

static const char *const days[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL };

static const struct baton_yaml *root_of(const struct baton_load *load)
{
	for (size_t i = 0; i < load->n_files; i++)
		if (load->files[i].kind == BATON_SHAPE_DESK && load->files[i].root &&
		    load->files[i].root->kind == BATON_YAML_MAP)
			return load->files[i].root;
	return NULL;
}

static struct baton_named named_hours(const struct baton_load *load)
{
	return (struct baton_named){ load->policy->desk.hours, load->policy->desk.n_hours,
				     sizeof(struct baton_hours_def), "opening hours called",
				     BATON_SHAPE_DESK };
}

/* --- opening hours --- */

struct opening {
	struct baton_load *load;
	struct baton_hours_def *hours;
	const struct baton_yaml *at; /* the value that is looked at, for findings */
};

static int day_of(baton_str word)
{
	for (int i = 0; days[i]; i++)
		if (baton_str_is(word, days[i]))
			return i;
	return -1;
}

/* "mon" or "mon-fri"; a range may go over the week's end. */
static bool read_days(struct baton_load *load, const struct baton_yaml *key, int *ret_from,
		      int *ret_to)
{
	const char *dash = key->text.n > 0 ? memchr(key->text.p, '-', key->text.n) : NULL;
	baton_str from = key->text, to = key->text;

	if (dash) {
		from.n = (size_t)(dash - key->text.p);
		to = (baton_str){ dash + 1, key->text.n - from.n - 1 };
	}
	*ret_from = day_of(from);
	*ret_to = day_of(to);
	if (*ret_from >= 0 && *ret_to >= 0)
		return true;
	struct baton_nearest nearest = baton_nearest_to(*ret_from < 0 ? from : to);
	for (size_t i = 0; days[i]; i++)
		baton_nearest_try(&nearest, days[i]);
	baton_finding_error(&load->findings, key->place,
			    "`%s` is no day and no range of days such as mon or mon-fri%s%s%s",
			    baton_finding_word(&load->findings, key->text),
			    nearest.name ? ", did you mean `" : "",
			    nearest.name ? nearest.name : "", nearest.name ? "`?" : "");
	return false;
}

static int two_digits(const char *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + p[1] - '0';
}

/* "09:30" in minutes, 24:00 included; -1. */
static int clock_of(const char *p)
{
	int hour = two_digits(p), minute = two_digits(p + 3);

	if (p[2] != ':' || hour < 0 || minute < 0 || minute > 59 || hour > 24 ||
	    (hour == 24 && minute > 0))
		return -1;
	return hour * 60 + minute;
}

static void add_span(struct opening *opening, int day, int from, int to)
{
	struct baton_hours_def *hours = opening->hours;

	if (hours->n_open == SPANS_MAX || from == to)
		return;
	hours->open[hours->n_open++] =
		(struct baton_open_span){ (uint32_t)(day % 7 * DAY_MIN + from),
					  (uint32_t)(day % 7 * DAY_MIN + to) };
}

static void read_times(struct opening *opening, const struct baton_yaml *value, int day)
{
	baton_str text = value->text;
	bool formed = value->kind == BATON_YAML_STRING && text.n == 11 && text.p[5] == '-';
	int from = formed ? clock_of(text.p) : -1, to = formed ? clock_of(text.p + 6) : -1;

	if (from < 0 || to < 0 || from == to) {
		baton_finding_error(&opening->load->findings, value->place,
				    "times are written \"09:00-17:30\", in quotes, not `%s`",
				    value->kind < BATON_YAML_LIST
					    ? baton_finding_word(&opening->load->findings, text)
					    : "a list or a map");
		return;
	}
	if (from < to) {
		add_span(opening, day, from, to);
		return;
	}
	add_span(opening, day, from, DAY_MIN);
	add_span(opening, day + 1, 0, to);
}

static void read_open(struct opening *opening, const struct baton_yaml *open)
{
	int first, last;

	for (size_t i = 0; open && open->kind == BATON_YAML_MAP && i < open->n; i++) {
		const struct baton_yaml *value = open->items[i].value;
		size_t n = value->kind == BATON_YAML_LIST ? value->n : 1;

		if (!read_days(opening->load, open->items[i].key, &first, &last))
			continue;
		for (size_t j = 0; j < n; j++)
			for (int day = first; day <= (last < first ? last + 7 : last); day++)
				read_times(opening,
					   value->kind == BATON_YAML_LIST ? value->items[j].value
									  : value,
					   day);
	}
}

static int span_compare(const void *a, const void *b)
{
	const struct baton_open_span *x = a, *y = b;

	return x->from_min < y->from_min ? -1 : x->from_min > y->from_min;
}

static void prove_open(struct baton_load *load, struct baton_hours_def *hours,
		       const struct baton_yaml *node)
{
	const struct baton_yaml *open = baton_yaml_get(node, "open");

	if (!open || open->kind != BATON_YAML_MAP)
		return;
	if (hours->n_open == 0)
		baton_proof_broken(&load->findings, BATON_PROOF_HOURS_OPEN, open->place,
				   "these hours never open: whoever writes on a Monday waits for "
				   "ever");
	for (size_t i = 1; i < hours->n_open; i++)
		if (hours->open[i].from_min < hours->open[i - 1].to_min)
			baton_proof_broken(&load->findings, BATON_PROOF_HOURS_OPEN, open->place,
					   "two times overlap: on %s at %02u:%02u it is open twice",
					   days[hours->open[i].from_min / DAY_MIN],
					   hours->open[i].from_min % DAY_MIN / 60,
					   hours->open[i].from_min % 60);
}

static void check_zone(struct baton_load *load, struct baton_hours_def *hours,
		       const struct baton_yaml *node)
{
	int64_t now = (int64_t)time(NULL);

	if (!hours->timezone ||
	    baton_zone_resolve(hours->timezone, now - YEAR_S, now + YEARS_AHEAD * (int64_t)YEAR_S,
			       &load->policy->arena, hours) == 0)
		return;
	const char *nearest = baton_zone_nearest(hours->timezone, &load->scratch);
	baton_finding_error(&load->findings, baton_load_place(node, "timezone"),
			    "there is no timezone `%s`%s%s%s",
			    baton_finding_word(&load->findings, baton_str_of(hours->timezone)),
			    nearest ? ", did you mean `" : "", nearest ? nearest : "",
			    nearest ? "`?" : "");
}

static void check_hours(struct baton_load *load, size_t i, const struct baton_yaml *node)
{
	struct baton_hours_def *hours = &load->policy->desk.hours[i];
	struct opening opening = { load, hours, node };

	hours->open = baton_arena_alloc(&load->policy->arena, SPANS_MAX * sizeof(*hours->open));
	read_open(&opening, baton_yaml_get(node, "open"));
	qsort(hours->open, hours->n_open, sizeof(*hours->open), span_compare);
	baton_hours_compile(hours, &load->policy->arena);
	prove_open(load, hours, node);
	check_zone(load, hours, node);
}

/* --- queues and people --- */

static bool has_all(const char *const *have, size_t n_have, const char *const *want, size_t n_want)
{
	for (size_t i = 0; i < n_want; i++) {
		bool found = false;

		for (size_t j = 0; j < n_have && !found; j++)
			found = strcmp(have[j], want[i]) == 0;
		if (!found)
			return false;
	}
	return true;
}

/* People who may be offered a case of the queue: all, or those with its skills. */
static size_t count_offered(const struct baton_policy *policy, const struct baton_queue_def *queue,
			    bool skilled)
{
	size_t n = 0;

	for (size_t i = 0; i < policy->n_agents; i++) {
		const struct baton_agent_def *agent = &policy->agents[i];

		if (!agent->id || strcmp(agent->role, "admin") == 0 ||
		    !baton_agent_serves(policy, baton_str_of(agent->id), baton_str_of(queue->name)))
			continue;
		n += !skilled ||
		     has_all(agent->skills, agent->n_skills, queue->skills, queue->n_skills);
	}
	return n;
}

static void prove_offers(struct baton_load *load, const struct baton_queue_def *queue,
			 const struct baton_yaml *node)
{
	const struct baton_policy *policy = load->policy;

	if (queue->assign != BATON_ASSIGN_OFFER || !queue->name || policy->n_agents == 0)
		return;
	if (count_offered(policy, queue, false) > 0 && count_offered(policy, queue, true) > 0)
		return;
	if (count_offered(policy, queue, false) == 0)
		baton_proof_broken(&load->findings, BATON_PROOF_OFFER_TAKEN,
				   baton_load_place(node, "assign"),
				   "cases of `%s` are offered, and there is no agent who works on "
				   "it: each would wait for ever",
				   queue->name);
	else if (queue->relax_ms == 0)
		baton_proof_broken(&load->findings, BATON_PROOF_OFFER_TAKEN,
				   baton_load_place(node, "skills"),
				   "nobody who works on `%s` has all its skills, and with "
				   "`relax_after: 0s` nobody else is offered a case",
				   queue->name);
	else
		baton_proof_doubted(&load->findings, BATON_PROOF_OFFER_TAKEN,
				    baton_load_place(node, "skills"),
				    "nobody who works on `%s` has all its skills: every case waits "
				    "%u s before anybody is offered it",
				    queue->name, queue->relax_ms / 1000);
}

static void prove_promise(struct baton_load *load, const struct baton_queue_def *queue,
			  const struct baton_yaml *node)
{
	if (queue->first_reply_ms == 0)
		return;
	if (queue->assign == BATON_ASSIGN_OFFER && queue->offer_ms >= queue->first_reply_ms)
		baton_proof_doubted(
			&load->findings, BATON_PROOF_PROMISE_FITS,
			baton_load_place(node, "first_reply"),
			"one agent who does not answer an offer (%u s) breaks the promise "
			"of %u s",
			queue->offer_ms / 1000, queue->first_reply_ms / 1000);
	if (queue->return_ms > 0 && queue->return_ms < queue->first_reply_ms)
		baton_proof_doubted(&load->findings, BATON_PROOF_PROMISE_FITS,
				    baton_load_place(node, "return_after"),
				    "a case is taken from an agent after %u s, who has promised a "
				    "reply within %u s",
				    queue->return_ms / 1000, queue->first_reply_ms / 1000);
}

static void check_queue(struct baton_load *load, size_t i)
{
	struct baton_queue_def *queue = &load->policy->queues[i];
	const struct baton_yaml *node = baton_load_entry(load->lists[BATON_SHAPE_DESK], i);
	int hours = baton_named_at(load, named_hours(load), baton_yaml_get(node, "hours"));

	queue->hours = hours < 0 ? NULL : &load->policy->desk.hours[hours];
	prove_offers(load, queue, node);
	prove_promise(load, queue, node);
}

/* identity.yaml may have a key by which somebody else signs who is an agent. */
static bool others_sign(const struct baton_load *load)
{
	const struct baton_identity_def *identity = &load->policy->identity;

	for (size_t i = 0; i < identity->n_keys; i++)
		if (identity->keys[i].for_ && strcmp(identity->keys[i].for_, "agents") == 0)
			return true;
	return false;
}

static void check_agents(struct baton_load *load)
{
	for (size_t i = 0; i < load->policy->n_agents; i++) {
		const struct baton_agent_def *agent = &load->policy->agents[i];
		const struct baton_yaml *node = baton_load_entry(load->agents, i);

		if (!node || node->kind != BATON_YAML_MAP || baton_yaml_get(node, "secret") ||
		    others_sign(load))
			continue;
		baton_finding_error(&load->findings, node->place,
				    "%s%s%s cannot sign in: give it a `secret`, or identity.yaml a "
				    "key that signs for agents",
				    agent->id ? "the agent `" : "this agent",
				    agent->id ? agent->id : "", agent->id ? "`" : "");
	}
}

static void check_tier(struct baton_load *load, size_t i, const struct baton_yaml *node)
{
	const struct baton_policy *policy = load->policy;
	const struct baton_customer_tier_def *tier = &policy->desk.tiers[i];
	bool shorter = tier->first_reply_ms == 0;

	for (size_t j = 0; j < policy->n_queues; j++) {
		uint32_t promise = policy->queues[j].first_reply_ms;

		shorter = shorter || promise == 0 || tier->first_reply_ms < promise;
	}
	if (!shorter && tier->name && node)
		baton_proof_doubted(&load->findings, BATON_PROOF_PROMISE_FITS,
				    baton_load_place(node, "first_reply"),
				    "`%s` is promised nothing: every queue promises a reply within "
				    "%u s or less to everybody",
				    tier->name, tier->first_reply_ms / 1000);
}

void baton_check_desk(struct baton_load *load)
{
	const struct baton_yaml *root = root_of(load);
	struct baton_desk_def *desk = &load->policy->desk;

	if (!root)
		return;
	for (size_t i = 0; i < desk->n_hours; i++)
		check_hours(load, i, baton_load_entry(baton_yaml_get(root, "hours"), i));
	for (size_t i = 0; i < load->policy->n_queues; i++)
		check_queue(load, i);
	for (size_t i = 0; i < desk->n_tiers; i++)
		check_tier(load, i, baton_load_entry(baton_yaml_get(root, "customer_tiers"), i));
	for (size_t i = 0; i < desk->n_canned; i++)
		baton_named_each(load, baton_load_entry(baton_yaml_get(root, "canned"), i),
				 "queues", baton_named_queues(load));
	check_agents(load);
}
