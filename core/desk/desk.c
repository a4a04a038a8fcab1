/* SPDX-License-Identifier: Apache-2.0 */

/* The table of cases: what a notice of a session changes, and in which order the others hear of
 * it. Whatever a case was counted as is taken back before the new notice, and counted anew behind
 * it; so there is one way in and one way out of every number.
 */

#include "core/desk/inside.h"

struct baton_desk *baton_desk_new(const struct baton_desk_host *host)
{
	struct baton_desk *desk = baton_new(struct baton_desk);

	desk->host = *host;
	return desk;
}

static void case_drop(struct baton_desk *desk, struct desk_case *entry)
{
	HASH_DEL(desk->cases, entry);
	baton_notice_unref(&entry->notice);
	baton_free(entry);
}

void baton_desk_free(struct baton_desk **desk)
{
	struct desk_case *entry, *entry_after;
	struct desk_queue *queue, *queue_after;
	struct desk_person *person, *person_after;

	if (!*desk)
		return;
	HASH_ITER(hh, (*desk)->cases, entry, entry_after)
		case_drop(*desk, entry);
	HASH_ITER(hh, (*desk)->queues, queue, queue_after) {
		HASH_DEL((*desk)->queues, queue);
		baton_free(queue);
	}
	HASH_ITER(hh, (*desk)->people, person, person_after) {
		HASH_DEL((*desk)->people, person);
		baton_free(person);
	}
	baton_notice_unref(&(*desk)->overview);
	for (size_t i = 0; i < (*desk)->n_watchers; i++)
		baton_free((*desk)->watchers[i].list);
	baton_free((*desk)->order);
	baton_free((*desk)->watchers);
	baton_free(*desk);
	*desk = NULL;
}

struct desk_case *case_find(const struct baton_desk *desk, const struct baton_id *session)
{
	struct desk_case *entry = NULL;

	HASH_FIND(hh, desk->cases, session->b, sizeof(session->b), entry);
	return entry;
}

static struct desk_queue *queue_of(struct baton_desk *desk, baton_str name)
{
	struct desk_queue *queue = NULL;
	baton_str cut = baton_str_clip(name, DESK_TEXT - 1);
	char key[DESK_TEXT] = "";

	if (cut.n > 0)
		memcpy(key, cut.p, cut.n);
	HASH_FIND(hh, desk->queues, key, cut.n, queue);
	if (queue)
		return queue;
	queue = baton_new(struct desk_queue);
	memcpy(queue->name, key, sizeof(key));
	queue->def = desk->policy ? baton_policy_queue(desk->policy, cut) : NULL;
	queue->open = true;
	HASH_ADD_KEYPTR(hh, desk->queues, queue->name, cut.n, queue);
	desk->people_changed = true;
	return queue;
}

/* --- in and out of the numbers --- */

static uint64_t due_of(const struct baton_desk *desk, const struct baton_case *kase)
{
	if (!desk->policy || kase->unanswered_ms == 0)
		return 0;
	return baton_policy_due_ms(desk->policy, kase->queue, kase->customer_tier,
				   kase->unanswered_ms);
}

static void count_in(struct baton_desk *desk, struct baton_now now, struct desk_case *entry)
{
	const struct baton_case *kase = desk_told(entry);
	uint64_t due_ms = due_of(desk, kase);

	entry->breached = entry->breached && due_ms == entry->due_ms;
	entry->due_ms = due_ms;
	if (kase->state == BATON_CASE_WAITING) {
		order_insert(desk, now, entry);
		return;
	}
	entry->queue->claimed++;
	entry->holder = roster_person(desk, now, kase->agent);
	if (entry->holder->n_cases++ == 0 && entry->holder->n_conns == 0) {
		entry->holder->gone_from_ms = now.ms;
		entry->holder->since_ms = now.unix_ms;
	}
	desk->people_changed = true;
}

static void count_out(struct baton_desk *desk, struct desk_case *entry)
{
	if (desk_waits(entry)) {
		order_remove(desk, entry);
		return;
	}
	entry->queue->claimed--;
	entry->holder->n_cases--;
	entry->holder = NULL;
	desk->people_changed = true;
}

/* A case leaves the state it was in. Waiting that ends without a claim is no wait for a person. */
static void count_time(struct baton_desk *desk, struct desk_case *entry, enum baton_case_state next,
		       struct baton_now now)
{
	enum baton_case_state was = desk_told(entry)->state;
	uint64_t ms = now.unix_ms > entry->since_ms ? now.unix_ms - entry->since_ms : 0;

	if (was == next)
		return;
	if (was == BATON_CASE_WAITING && next == BATON_CASE_CLAIMED) {
		place_claimed(entry->queue, now);
		desk->waits += entry->since_ms > 0;
		desk->waits_ms += entry->since_ms > 0 ? ms : 0;
	} else if (entry->since_ms > 0 && was == BATON_CASE_CLAIMED) {
		desk->handled++;
		desk->handled_ms += ms;
	}
	entry->since_ms = now.unix_ms;
}

/* The offer ends unless the case waits on as it did. Whoever it was offered to and has it now
 * has taken it. Returns who is free of it; the case must not be among those that wait when he
 * looks for the next. */
static struct desk_person *end_offer(struct baton_desk *desk, struct desk_case *entry,
				     const struct baton_case *next)
{
	struct desk_person *person = entry->offered;

	if (!person || (next->state == BATON_CASE_WAITING &&
			baton_str_eq(next->queue, desk_told(entry)->queue) &&
			baton_str_eq(next->to_agent, desk_told(entry)->to_agent)))
		return NULL;
	if (next->state == BATON_CASE_CLAIMED && baton_str_is(next->agent, person->id)) {
		desk_count(desk, BATON_METRIC_DESK_OFFERS_TAKEN);
		person->missed = 0;
	}
	offer_withdraw(desk, entry);
	return person;
}

/* --- notices of sessions --- */

static void case_begin(struct baton_desk *desk, struct baton_now now, struct baton_notice *notice)
{
	struct desk_case *entry = baton_new(struct desk_case);

	entry->since_ms = now.unix_ms;
	entry->notice = baton_notice_ref(notice);
	entry->queue = queue_of(desk, notice->kase.queue);
	HASH_ADD_KEYPTR(hh, desk->cases, entry->notice->session.b, sizeof(entry->notice->session.b),
			entry);
	lease_update(entry, now, NULL);
	count_in(desk, now, entry);
	sight_tell(desk, entry, NULL);
	offer_case(desk, now, entry);
}

/* The person who has just claimed, or has one less now. */
static void person_moves(struct baton_desk *desk, struct baton_now now, struct desk_person *was,
			 struct desk_person *is)
{
	if (was == is)
		return;
	if (is) {
		is->idle_from_ms = now.ms;
		is->missed = 0;
	}
	if (was) {
		was->idle_from_ms = now.ms;
		offer_person(desk, now, was);
	}
}

static void case_change(struct baton_desk *desk, struct baton_now now, struct desk_case *entry,
			struct baton_notice *notice)
{
	bool *saw = sight_before(desk, entry);
	struct desk_person *was = entry->holder;
	struct baton_notice *before = entry->notice;

	count_time(desk, entry, notice->kase.state, now);
	struct desk_person *freed = end_offer(desk, entry, &notice->kase);
	count_out(desk, entry);
	/* The key lives in the notice: leave the table before the notice goes. */
	HASH_DEL(desk->cases, entry);
	entry->notice = baton_notice_ref(notice);
	entry->queue = queue_of(desk, notice->kase.queue);
	HASH_ADD_KEYPTR(hh, desk->cases, entry->notice->session.b, sizeof(entry->notice->session.b),
			entry);
	lease_update(entry, now, before);
	count_in(desk, now, entry);
	sight_tell(desk, entry, saw);
	baton_free(saw);
	baton_notice_unref(&before);
	if (desk_waits(entry))
		offer_case(desk, now, entry);
	person_moves(desk, now, was, entry->holder);
	if (freed)
		offer_person(desk, now, freed);
}

static void case_end(struct baton_desk *desk, struct baton_now now, struct desk_case *entry,
		     const struct baton_notice *notice)
{
	bool *saw = sight_before(desk, entry);
	struct desk_person *was = entry->holder;

	count_time(desk, entry, BATON_CASE_NONE, now);
	struct desk_person *freed = end_offer(desk, entry, &notice->kase);
	count_out(desk, entry);
	case_drop(desk, entry);
	sight_gone(desk, notice, saw);
	baton_free(saw);
	person_moves(desk, now, was, NULL);
	if (freed)
		offer_person(desk, now, freed);
}

void baton_desk_update(struct baton_desk *desk, struct baton_now now, struct baton_notice *notice)
{
	struct desk_case *entry = case_find(desk, &notice->session);
	bool gone = notice->kase.state == BATON_CASE_NONE;

	if ((entry && notice->kase.epoch < desk_told(entry)->epoch) || (!entry && gone))
		return;
	if (!entry)
		case_begin(desk, now, notice);
	else if (gone)
		case_end(desk, now, entry, notice);
	else
		case_change(desk, now, entry, notice);
}

/* --- people --- */

static void list_offers(struct baton_desk *desk, struct baton_now now,
			const struct desk_watcher *watcher)
{
	for (size_t i = 0; i < desk->n_order && watcher->person->n_offers > 0; i++)
		if (desk->order[i]->offered == watcher->person)
			offer_tell(desk, now, desk->order[i], watcher->conn);
}

static void person_comes(struct baton_desk *desk, struct baton_now now, struct desk_person *person)
{
	if (person->n_conns++ > 0)
		return;
	person->missed = 0;
	person->idle_from_ms = now.ms;
	person->since_ms = now.unix_ms;
	desk->people_changed = true;
}

void baton_desk_watch(struct baton_desk *desk, struct baton_now now,
		      const struct baton_desk_who *who)
{
	struct desk_watcher *watcher = roster_watcher(desk, who->conn);
	struct desk_person *person = roster_person(desk, now, who->agent);
	baton_str name = baton_str_clip(who->name, DESK_TEXT - 1);

	person->role = who->role;
	memset(person->name, 0, sizeof(person->name));
	if (name.n > 0)
		memcpy(person->name, name.p, name.n);
	if (!watcher) {
		desk->watchers =
			baton_realloc(desk->watchers, (desk->n_watchers + 1) * sizeof(*watcher));
		watcher = &desk->watchers[desk->n_watchers++];
		*watcher = (struct desk_watcher){ .conn = who->conn, .person = person };
		person_comes(desk, now, person);
	}
	order_refresh(desk, now);
	sight_list(desk, watcher);
	if (desk->policy)
		overview_tell(desk, now, who->conn);
	list_offers(desk, now, watcher);
	offer_person(desk, now, person);
}

void baton_desk_more(struct baton_desk *desk, baton_conn conn)
{
	struct desk_watcher *watcher = roster_watcher(desk, conn);

	if (watcher)
		sight_more(desk, watcher);
}

void baton_desk_unwatch(struct baton_desk *desk, struct baton_now now, baton_conn conn)
{
	struct desk_watcher *watcher = roster_watcher(desk, conn);
	struct desk_person *person = watcher ? watcher->person : NULL;

	if (!watcher)
		return;
	baton_free(watcher->list);
	*watcher = desk->watchers[--desk->n_watchers];
	if (--person->n_conns > 0)
		return;
	person->gone_from_ms = now.ms;
	person->since_ms = now.unix_ms;
	desk->people_changed = true;
	offer_withdraw_all(desk, now, person);
}

void baton_desk_status(struct baton_desk *desk, struct baton_now now, baton_conn conn,
		       bool available)
{
	struct desk_watcher *watcher = roster_watcher(desk, conn);

	if (!watcher)
		return;
	watcher->person->missed = 0;
	roster_set_away(desk, now, watcher->person, !available);
	if (available)
		offer_person(desk, now, watcher->person);
	else
		offer_withdraw_all(desk, now, watcher->person);
}

void baton_desk_decline(struct baton_desk *desk, struct baton_now now, baton_conn conn,
			const struct baton_id *session)
{
	const struct desk_watcher *watcher = roster_watcher(desk, conn);
	struct desk_case *entry = case_find(desk, session);

	if (watcher && entry && entry->offered == watcher->person)
		offer_decline(desk, now, entry);
}

/* --- policies and time --- */

/* Queues are there before their first case, and go with their last. */
static void adopt_queues(struct baton_desk *desk)
{
	struct desk_queue *queue, *after;

	for (size_t i = 0; i < desk->policy->n_queues; i++)
		(void)queue_of(desk, baton_str_of(desk->policy->queues[i].name));
	HASH_ITER(hh, desk->queues, queue, after) {
		queue->def = baton_policy_queue(desk->policy, baton_str_of(queue->name));
		if (queue->def || queue->waiting + queue->claimed > 0)
			continue;
		HASH_DEL(desk->queues, queue);
		baton_free(queue);
	}
}

void baton_desk_policy(struct baton_desk *desk, struct baton_now now,
		       const struct baton_policy *policy)
{
	struct desk_case *entry;
	size_t n = 0;
	bool **saw = baton_alloc((HASH_COUNT(desk->cases) + 1) * sizeof(bool *));

	/* By the old policies, for the last time. */
	for (entry = desk->cases; entry; entry = entry->hh.next)
		saw[n++] = sight_before(desk, entry);
	desk->policy = policy;
	adopt_queues(desk);
	roster_policy(desk);
	n = 0;
	for (entry = desk->cases; entry; entry = entry->hh.next) {
		uint64_t due_ms = due_of(desk, desk_told(entry));

		entry->breached = entry->breached && due_ms == entry->due_ms;
		entry->due_ms = due_ms;
		if (entry->offered && !entry->queue->def)
			offer_withdraw(desk, entry);
		sight_tell(desk, entry, saw[n]);
		baton_free(saw[n++]);
	}
	baton_free(saw);
	order_refresh(desk, now);
	offer_all(desk, now);
}

void baton_desk_tick(struct baton_desk *desk, struct baton_now now)
{
	bool second =
		desk->second_at_ms == 0 || desk_passed(desk->second_at_ms, DESK_SECOND_MS, now);

	desk->news = desk->news || desk->people_changed || second;
	order_refresh(desk, now);
	roster_count(desk);
	offer_expire(desk, now);
	lease_tick(desk, now);
	place_tick(desk, now);
	sight_ranks(desk, now);
	if (second) {
		desk->second_at_ms = now.ms > 0 ? now.ms : 1;
		offer_all(desk, now);
	}
	overview_tick(desk, now);
}

/* --- figures --- */

void baton_desk_counts(const struct baton_desk *desk, uint64_t *ret_waiting, uint64_t *ret_claimed)
{
	*ret_waiting = desk->n_order;
	*ret_claimed = HASH_COUNT(desk->cases) - desk->n_order;
}

void baton_desk_figures(const struct baton_desk *desk, struct baton_desk_figures *ret_figures)
{
	struct baton_desk_figures figures = { .watchers = desk->n_watchers,
					      .waits = desk->waits,
					      .waits_ms = desk->waits_ms,
					      .handled = desk->handled,
					      .handled_ms = desk->handled_ms };
	const struct desk_person *person;

	baton_desk_counts(desk, &figures.waiting, &figures.claimed);
	for (size_t i = 0; i < desk->n_order; i++) {
		uint64_t since = desk_told(desk->order[i])->waiting_since_ms;

		if (since > 0 && (figures.oldest_ms == 0 || since < figures.oldest_ms))
			figures.oldest_ms = since;
	}
	for (person = desk->people; person; person = person->hh.next) {
		figures.agents_busy += person->n_cases > 0;
		figures.agents_free += person->role != BATON_ADMIN && roster_is_free(desk, person);
	}
	*ret_figures = figures;
}
