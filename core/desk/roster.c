/* SPDX-License-Identifier: Apache-2.0 */

/* Who is at work. A person may have several consoles, or none and still a case: then he is lost
 * until he comes back or the lease is over (lease.c). Nobody is forgotten while policies know
 * him, so that a reload of the page does not make an agent available who has said he is not.
 */

#include "core/desk/inside.h"

struct desk_person *roster_person(struct baton_desk *desk, struct baton_now now, baton_str id)
{
	struct desk_person *person = NULL;
	char key[DESK_TEXT] = "";
	baton_str cut = baton_str_clip(id, DESK_TEXT - 1);

	if (cut.n > 0)
		memcpy(key, cut.p, cut.n);
	HASH_FIND(hh, desk->people, key, cut.n, person);
	if (person)
		return person;
	person = baton_new(struct desk_person);
	memcpy(person->id, key, sizeof(key));
	person->role = BATON_AGENT;
	person->idle_from_ms = person->gone_from_ms = now.ms;
	person->since_ms = now.unix_ms;
	if (desk->policy)
		person->def = baton_policy_agent(desk->policy, cut);
	HASH_ADD_KEYPTR(hh, desk->people, person->id, cut.n, person);
	return person;
}

struct desk_watcher *roster_watcher(struct baton_desk *desk, baton_conn conn)
{
	for (size_t i = 0; i < desk->n_watchers; i++)
		if (desk->watchers[i].conn == conn)
			return &desk->watchers[i];
	return NULL;
}

static void forget_refusals(struct baton_desk *desk, const struct desk_person *person)
{
	for (struct desk_case *entry = desk->cases; entry; entry = entry->hh.next)
		for (size_t i = 0; i < DESK_REFUSALS; i++)
			if (entry->refusals[i].person == person)
				entry->refusals[i].person = NULL;
}

void roster_policy(struct baton_desk *desk)
{
	struct desk_person *person, *after;

	HASH_ITER(hh, desk->people, person, after) {
		person->def = baton_policy_agent(desk->policy, baton_str_of(person->id));
		if (person->def || person->n_conns + person->n_cases + person->n_offers > 0)
			continue;
		forget_refusals(desk, person);
		HASH_DEL(desk->people, person);
		baton_free(person);
	}
	desk->people_changed = true;
}

/* A supervisor who names no queue looks after all of them and works on none. */
bool roster_works_on(const struct desk_person *person, baton_str queue)
{
	const struct baton_agent_def *def = person->def;

	if (!def || person->role == BATON_ADMIN)
		return false;
	for (size_t i = 0; i < def->n_queues; i++)
		if (baton_str_is(queue, def->queues[i]))
			return true;
	return def->n_queues == 0 && person->role == BATON_AGENT;
}

uint32_t roster_capacity(const struct baton_desk *desk, const struct desk_person *person)
{
	if (person->role == BATON_ADMIN)
		return 0;
	if (person->def && person->def->capacity > 0)
		return person->def->capacity;
	return desk->policy && desk->policy->desk.capacity > 0 ? desk->policy->desk.capacity : 1;
}

bool roster_is_free(const struct baton_desk *desk, const struct desk_person *person)
{
	return person->n_conns > 0 && !person->away &&
	       person->n_cases + person->n_offers < roster_capacity(desk, person);
}

void roster_set_away(struct baton_desk *desk, struct baton_now now, struct desk_person *person,
		     bool away)
{
	if (person->away == away)
		return;
	person->away = away;
	person->since_ms = now.unix_ms;
	person->idle_from_ms = now.ms;
	desk->people_changed = true;
}

const char *roster_state(const struct desk_person *person)
{
	if (person->n_conns > 0)
		return person->away ? "away" : "available";
	return person->n_cases > 0 ? "lost" : "offline";
}

void roster_count(struct baton_desk *desk)
{
	struct desk_queue *queue;
	const struct desk_person *person;

	if (!desk->people_changed)
		return;
	desk->people_changed = false;
	for (queue = desk->queues; queue; queue = queue->hh.next) {
		queue->agents = queue->available = 0;
		for (person = desk->people; person; person = person->hh.next) {
			if (person->n_conns == 0 || person->away ||
			    !roster_works_on(person, baton_str_of(queue->name)))
				continue;
			queue->agents++;
			queue->available += roster_is_free(desk, person);
		}
	}
}
