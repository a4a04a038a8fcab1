/* SPDX-License-Identifier: Apache-2.0 */

/* Who sees what. A supervisor and an admin see every case; an agent those of his queues, those he
 * has and those that were transferred to him. The desk's own words (rank, promise, whether this
 * person may claim it) are written on a copy: there are two of them at most, one for those who
 * may claim and one for those who only look.
 *
 * When the first case is claimed, the ranks of all others change. That is told from the top, a
 * few cases per round, and by a cursor that comes round to everybody: the order among those who
 * moved up together is right before they hear of it.
 */

#include "core/desk/inside.h"

enum { RANKS_TOP = 10, RANKS_ROUND = 15, RANKS_LOOK = 2000, RANKS_MS = 500 };

static bool in_queue_of(const struct baton_desk *desk, const struct desk_person *person,
			baton_str queue)
{
	const struct baton_agent_def *def = person->def;

	if (!desk->policy || (def && def->n_queues == 0))
		return true;
	for (size_t i = 0; def && i < def->n_queues; i++)
		if (baton_str_is(queue, def->queues[i]))
			return true;
	/* A queue that the policies do not have any more is everybody's. */
	return !baton_policy_queue(desk->policy, queue);
}

static bool is_meant(const struct desk_person *person, baton_str agent)
{
	return agent.n > 0 && baton_str_is(agent, person->id);
}

bool sight_of(const struct baton_desk *desk, const struct desk_person *person,
	      const struct baton_case *kase)
{
	return person->role == BATON_SUPERVISOR || person->role == BATON_ADMIN ||
	       is_meant(person, kase->to_agent) ||
	       (kase->state == BATON_CASE_CLAIMED && is_meant(person, kase->agent)) ||
	       in_queue_of(desk, person, kase->queue);
}

static bool may_claim(const struct desk_person *person, const struct baton_case *kase)
{
	return kase->state == BATON_CASE_WAITING && person->role != BATON_ADMIN;
}

/* --- the desk's copy --- */

static struct baton_notice *copy_of(const struct baton_notice *from)
{
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_CASE, &from->session);
	struct baton_case *kase = &notice->kase;
	baton_str *const words[] = { &kase->queue,         &kase->reason,        &kase->agent,
				     &kase->agent_name,    &kase->customer_tier, &kase->preview,
				     &kase->mode,          &kase->language,      &kase->intent,
				     &kase->customer_name, &kase->to_agent,      &kase->tags,
				     &kase->rule };

	*kase = from->kase;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		*words[i] = baton_notice_keep(notice, *words[i]);
	return notice;
}

static struct baton_notice *shown_case(const struct desk_case *entry, bool claimable)
{
	struct baton_notice *notice = copy_of(entry->notice);

	notice->kase.position = entry->rank;
	notice->kase.precedence = entry->rank > 0 ? entry->key.priority : 0;
	notice->kase.due_ms = entry->due_ms;
	notice->kase.claimable = claimable;
	notice->kase.abandoned = notice->kase.abandoned && !notice->kase.present;
	return notice;
}

static struct baton_notice *gone_case(const struct baton_notice *last)
{
	struct baton_notice *notice = copy_of(last);

	notice->kase.state = BATON_CASE_NONE;
	notice->kase.position = 0;
	return notice;
}

/* --- telling --- */

void sight_tell(struct baton_desk *desk, struct desk_case *entry, const bool *saw)
{
	struct baton_notice *copies[2] = { NULL, NULL }, *gone = NULL;
	const struct baton_case *kase = desk_told(entry);

	for (size_t i = 0; i < desk->n_watchers; i++) {
		const struct desk_watcher *watcher = &desk->watchers[i];
		bool claimable = may_claim(watcher->person, kase);

		if (sight_of(desk, watcher->person, kase)) {
			if (!copies[claimable])
				copies[claimable] = shown_case(entry, claimable);
			desk->host.notify(desk->host.ud, watcher->conn, copies[claimable]);
		} else if (saw && saw[i]) {
			if (!gone)
				gone = gone_case(entry->notice);
			desk->host.notify(desk->host.ud, watcher->conn, gone);
		}
	}
	entry->told_rank = entry->rank;
	baton_notice_unref(&copies[0]);
	baton_notice_unref(&copies[1]);
	baton_notice_unref(&gone);
}

void sight_gone(struct baton_desk *desk, const struct baton_notice *last, const bool *saw)
{
	struct baton_notice *gone = gone_case(last);

	for (size_t i = 0; i < desk->n_watchers; i++)
		if (saw[i])
			desk->host.notify(desk->host.ud, desk->watchers[i].conn, gone);
	baton_notice_unref(&gone);
}

bool *sight_before(const struct baton_desk *desk, const struct desk_case *entry)
{
	bool *saw = baton_alloc(desk->n_watchers + 1);

	for (size_t i = 0; entry && i < desk->n_watchers; i++)
		saw[i] = sight_of(desk, desk->watchers[i].person, desk_told(entry));
	return saw;
}

static void list_one(struct baton_desk *desk, const struct desk_watcher *watcher,
		     struct desk_case *entry)
{
	struct baton_notice *notice =
		shown_case(entry, may_claim(watcher->person, desk_told(entry)));

	if (entry->told_rank != entry->rank)
		entry->told_rank = 0; /* who came now knows better than the others */
	desk->host.notify(desk->host.ud, watcher->conn, notice);
	baton_notice_unref(&notice);
}

static void list_add(const struct baton_desk *desk, struct desk_watcher *watcher,
		     const struct desk_case *entry)
{
	if (sight_of(desk, watcher->person, desk_told(entry)))
		watcher->list[watcher->n_list++] = entry->notice->session;
}

/* Names, because cases change while the list is being told; what changes is told at once. */
void sight_list(struct baton_desk *desk, struct desk_watcher *watcher)
{
	static const struct baton_id nobody;
	struct baton_notice *begins = baton_notice_new(BATON_NOTE_DESK, &nobody);
	struct desk_case *entry;

	baton_free(watcher->list);
	watcher->list = baton_alloc((HASH_COUNT(desk->cases) + 1) * sizeof(struct baton_id));
	watcher->n_list = watcher->listed = 0;
	for (size_t i = 0; i < desk->n_order; i++)
		list_add(desk, watcher, desk->order[i]);
	for (entry = desk->cases; entry; entry = entry->hh.next)
		if (!desk_waits(entry))
			list_add(desk, watcher, entry);
	begins->seq = watcher->n_list;
	desk->host.notify(desk->host.ud, watcher->conn, begins);
	baton_notice_unref(&begins);
	sight_more(desk, watcher);
}

void sight_more(struct baton_desk *desk, struct desk_watcher *watcher)
{
	static const struct baton_id nobody;
	size_t page = watcher->n_list - watcher->listed;

	for (page = page < BATON_DESK_PAGE ? page : BATON_DESK_PAGE; page > 0; page--) {
		struct desk_case *entry = case_find(desk, &watcher->list[watcher->listed++]);

		if (entry && sight_of(desk, watcher->person, desk_told(entry)))
			list_one(desk, watcher, entry);
	}
	if (watcher->listed < watcher->n_list) {
		struct baton_notice *more = baton_notice_new(BATON_NOTE_MORE, &nobody);

		more->seq = watcher->n_list - watcher->listed;
		desk->host.notify(desk->host.ud, watcher->conn, more);
		baton_notice_unref(&more);
		return;
	}
	baton_free(watcher->list);
	watcher->list = NULL;
	watcher->n_list = watcher->listed = 0;
}

void sight_ranks(struct baton_desk *desk, struct baton_now now)
{
	size_t told = 0, looked = 0;

	if (desk->n_watchers == 0 || !desk_passed(desk->ranked_at_ms, RANKS_MS, now))
		return;
	desk->ranked_at_ms = now.ms;
	for (size_t i = 0; i < desk->n_order && told < RANKS_TOP; i++)
		if (desk->order[i]->told_rank != desk->order[i]->rank) {
			sight_tell(desk, desk->order[i], NULL);
			told++;
		}
	for (; looked < desk->n_order && looked < RANKS_LOOK && told < RANKS_TOP + RANKS_ROUND;
	     looked++) {
		size_t i = desk->rank_cursor++ % desk->n_order;

		if (desk->order[i]->told_rank == desk->order[i]->rank)
			continue;
		sight_tell(desk, desk->order[i], NULL);
		told++;
	}
}
