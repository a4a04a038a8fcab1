/* SPDX-License-Identifier: Apache-2.0 */

/* Offers: one case, one person, for a while. An invitation and no lock; the session alone decides
 * who has the case, and whoever works on the queue may claim it meanwhile.
 *
 * What holds between two calls: no case that is to be offered stands without an offer while
 * somebody is free who may have it. So a new case need only look for a person, and a person who
 * becomes free need only look for a case; nobody waits for a round. What time alone changes (a
 * skill that is asked for no longer, a refusal that is forgotten) is looked for once a second.
 */

#include "core/desk/inside.h"

enum { REFUSAL_OFFERS = 3, RESERVED_OFFERS = 3 };

static bool has_word(const char *const *have, size_t n, baton_str word)
{
	for (size_t i = 0; i < n; i++)
		if (baton_str_is(word, have[i]))
			return true;
	return false;
}

/* "de" of "de-AT". */
static baton_str primary_tag(baton_str language)
{
	const char *dash = language.n > 0 ? memchr(language.p, '-', language.n) : NULL;

	return (baton_str){ language.p, dash ? (size_t)(dash - language.p) : language.n };
}

static bool is_skilled(const struct desk_person *person, const struct desk_case *entry)
{
	const struct baton_agent_def *def = person->def;
	const struct baton_queue_def *queue = entry->queue->def;
	baton_str language = primary_tag(desk_told(entry)->language);

	if (!def || !queue)
		return false;
	for (size_t i = 0; i < queue->n_skills; i++)
		if (!has_word(def->skills, def->n_skills, baton_str_of(queue->skills[i])))
			return false;
	return language.n == 0 || def->n_languages == 0 ||
	       has_word(def->languages, def->n_languages, language);
}

static bool has_refused(const struct desk_case *entry, const struct desk_person *person,
			struct baton_now now)
{
	for (size_t i = 0; i < DESK_REFUSALS; i++)
		if (entry->refusals[i].person == person && entry->refusals[i].until_ms > now.ms)
			return true;
	return false;
}

/* Meant for one colleague, for a while. */
static bool is_reserved(const struct desk_case *entry, struct baton_now now)
{
	return desk_told(entry)->to_agent.n > 0 &&
	       !desk_passed(entry->queued_at_ms,
			    (uint64_t)entry->queue->def->offer_ms * RESERVED_OFFERS, now);
}

static bool is_to_be_offered(const struct desk_case *entry)
{
	const struct baton_queue_def *def = entry->queue->def;

	/* Whoever has given up is not kept waiting; his case stays where it is for who has time. */
	return desk_waits(entry) && !entry->offered && def && def->assign == BATON_ASSIGN_OFFER &&
	       !(desk_told(entry)->abandoned && !desk_told(entry)->present);
}

static bool may_have(const struct desk_person *person, const struct desk_case *entry,
		     struct baton_now now, bool *ret_skilled)
{
	uint32_t relax_ms = entry->queue->def->relax_ms;
	bool meant = baton_str_is(desk_told(entry)->to_agent, person->id);

	if (has_refused(entry, person, now))
		return false;
	*ret_skilled = is_skilled(person, entry);
	if (is_reserved(entry, now))
		return meant && person->role != BATON_ADMIN;
	if (!roster_works_on(person, desk_told(entry)->queue))
		return false;
	return *ret_skilled || (relax_ms > 0 && desk_passed(entry->queued_at_ms, relax_ms, now));
}

/* Who knows more, who has nothing to do, who has been idle longest. */
static bool is_better(const struct desk_person *a, bool a_skilled, const struct desk_person *b,
		      bool b_skilled)
{
	bool a_idle = a->n_cases + a->n_offers == 0, b_idle = b->n_cases + b->n_offers == 0;

	if (a_skilled != b_skilled)
		return a_skilled;
	if (a_idle != b_idle)
		return a_idle;
	return a->idle_from_ms < b->idle_from_ms;
}

/* --- telling --- */

static void tell_person(struct baton_desk *desk, const struct desk_person *person,
			struct baton_notice *notice)
{
	for (size_t i = 0; i < desk->n_watchers; i++)
		if (desk->watchers[i].person == person)
			desk->host.notify(desk->host.ud, desk->watchers[i].conn, notice);
}

static struct baton_notice *offer_notice(const struct desk_case *entry, uint64_t until_ms)
{
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_OFFER, &entry->notice->session);

	notice->unix_ms = until_ms;
	return notice;
}

static uint64_t until_unix(const struct desk_case *entry, struct baton_now now)
{
	return now.unix_ms + (entry->offer_until_ms > now.ms ? entry->offer_until_ms - now.ms : 0);
}

void offer_tell(struct baton_desk *desk, struct baton_now now, const struct desk_case *entry,
		baton_conn conn)
{
	struct baton_notice *notice = offer_notice(entry, until_unix(entry, now));

	desk->host.notify(desk->host.ud, conn, notice);
	baton_notice_unref(&notice);
}

static void offer_make(struct baton_desk *desk, struct baton_now now, struct desk_case *entry,
		       struct desk_person *person)
{
	entry->offered = person;
	entry->offer_until_ms = now.ms + entry->queue->def->offer_ms;
	person->n_offers++;
	desk->people_changed = true;
	desk_count(desk, BATON_METRIC_DESK_OFFERS);
	struct baton_notice *notice = offer_notice(entry, until_unix(entry, now));
	tell_person(desk, person, notice);
	baton_notice_unref(&notice);
}

void offer_withdraw(struct baton_desk *desk, struct desk_case *entry)
{
	struct desk_person *person = entry->offered;

	if (!person)
		return;
	entry->offered = NULL;
	person->n_offers--;
	desk->people_changed = true;
	struct baton_notice *notice = offer_notice(entry, 0);
	tell_person(desk, person, notice);
	baton_notice_unref(&notice);
}

/* --- who gets what --- */

void offer_case(struct baton_desk *desk, struct baton_now now, struct desk_case *entry)
{
	struct desk_person *person, *best = NULL;
	bool skilled = false, best_skilled = false;

	if (!is_to_be_offered(entry))
		return;
	for (person = desk->people; person; person = person->hh.next) {
		if (!roster_is_free(desk, person) || !may_have(person, entry, now, &skilled))
			continue;
		if (best && !is_better(person, skilled, best, best_skilled))
			continue;
		best = person;
		best_skilled = skilled;
	}
	if (best)
		offer_make(desk, now, entry, best);
}

void offer_person(struct baton_desk *desk, struct baton_now now, struct desk_person *person)
{
	bool skilled;

	for (size_t i = 0; i < desk->n_order && roster_is_free(desk, person); i++) {
		struct desk_case *entry = desk->order[i];

		if (is_to_be_offered(entry) && may_have(person, entry, now, &skilled))
			offer_make(desk, now, entry, person);
	}
}

void offer_all(struct baton_desk *desk, struct baton_now now)
{
	const struct desk_person *person = desk->people;

	while (person && !roster_is_free(desk, person))
		person = person->hh.next;
	for (size_t i = 0; person && i < desk->n_order; i++)
		offer_case(desk, now, desk->order[i]);
}

void offer_withdraw_all(struct baton_desk *desk, struct baton_now now, struct desk_person *person)
{
	for (size_t i = 0; i < desk->n_order && person->n_offers > 0; i++) {
		struct desk_case *entry = desk->order[i];

		if (entry->offered != person)
			continue;
		offer_withdraw(desk, entry);
		offer_case(desk, now, entry);
	}
}

static void refuse(struct desk_case *entry, struct baton_now now)
{
	size_t i = entry->next_refusal++ % DESK_REFUSALS;

	entry->refusals[i].person = entry->offered;
	entry->refusals[i].until_ms =
		now.ms + (uint64_t)entry->queue->def->offer_ms * REFUSAL_OFFERS;
	entry->offered->idle_from_ms = now.ms;
}

void offer_decline(struct baton_desk *desk, struct baton_now now, struct desk_case *entry)
{
	struct desk_person *person = entry->offered;

	person->missed = 0; /* no is an answer, too */
	if (entry->queue->def)
		refuse(entry, now);
	desk_count(desk, BATON_METRIC_DESK_OFFERS_DECLINED);
	offer_withdraw(desk, entry);
	offer_case(desk, now, entry);
	offer_person(desk, now, person);
}

static void offer_missed(struct baton_desk *desk, struct baton_now now, struct desk_case *entry)
{
	struct desk_person *person = entry->offered;
	uint32_t most = desk->policy ? desk->policy->desk.missed_offers : 0;

	person->missed++;
	if (entry->queue->def)
		refuse(entry, now);
	desk_count(desk, BATON_METRIC_DESK_OFFERS_MISSED);
	offer_withdraw(desk, entry);
	if (most > 0 && person->missed >= most) {
		roster_set_away(desk, now, person, true);
		offer_withdraw_all(desk, now, person);
	}
	offer_case(desk, now, entry);
	offer_person(desk, now, person);
}

void offer_expire(struct baton_desk *desk, struct baton_now now)
{
	for (size_t i = 0; i < desk->n_order; i++)
		if (desk->order[i]->offered && now.ms >= desk->order[i]->offer_until_ms)
			offer_missed(desk, now, desk->order[i]);
}
