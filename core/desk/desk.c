/* SPDX-License-Identifier: Apache-2.0 */

/* A table of the newest notice of each open case. */

#include "core/desk/desk.h"

#include "core/base/table.h"

struct desk_case {
	struct baton_notice *notice;
	uint64_t since_ms; /* in this state; 0: nobody told the time */
	UT_hash_handle hh;
};

struct baton_desk {
	void (*notify)(void *ud, baton_conn conn, struct baton_notice *notice);
	void *ud;
	struct desk_case *cases;
	baton_conn *watchers;
	size_t n_watchers;
	uint64_t waits, waits_ms, handled, handled_ms;
};

struct baton_desk *baton_desk_new(void (*notify)(void *ud, baton_conn conn,
						 struct baton_notice *notice),
				  void *ud)
{
	struct baton_desk *desk = baton_new(struct baton_desk);

	desk->notify = notify;
	desk->ud = ud;
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
	struct desk_case *entry, *after;

	if (!*desk)
		return;
	HASH_ITER(hh, (*desk)->cases, entry, after)
		case_drop(*desk, entry);
	baton_free((*desk)->watchers);
	baton_free(*desk);
	*desk = NULL;
}

static struct desk_case *case_find(struct baton_desk *desk, const struct baton_id *session)
{
	struct desk_case *entry = NULL;

	HASH_FIND(hh, desk->cases, session->b, sizeof(session->b), entry);
	return entry;
}

static void case_put(struct baton_desk *desk, struct desk_case *entry, struct baton_notice *notice,
		     uint64_t unix_ms)
{
	if (!entry) {
		entry = baton_new(struct desk_case);
		entry->since_ms = unix_ms;
		entry->notice = baton_notice_ref(notice);
		HASH_ADD_KEYPTR(hh, desk->cases, entry->notice->session.b,
				sizeof(notice->session.b), entry);
		return;
	}
	/* The key lives in the notice: leave the table before the notice goes. */
	HASH_DEL(desk->cases, entry);
	baton_notice_unref(&entry->notice);
	entry->notice = baton_notice_ref(notice);
	HASH_ADD_KEYPTR(hh, desk->cases, entry->notice->session.b, sizeof(notice->session.b),
			entry);
}

/* A case leaves the state it was in. Waiting that ends without a claim is no wait for a person. */
static void count_time(struct baton_desk *desk, struct desk_case *entry, enum baton_case_state next,
		       uint64_t unix_ms)
{
	enum baton_case_state was = entry->notice->kase.state;
	uint64_t ms = unix_ms > entry->since_ms ? unix_ms - entry->since_ms : 0;

	if (was == next)
		return;
	if (entry->since_ms > 0 && was == BATON_CASE_WAITING && next == BATON_CASE_CLAIMED) {
		desk->waits++;
		desk->waits_ms += ms;
	} else if (entry->since_ms > 0 && was == BATON_CASE_CLAIMED) {
		desk->handled++;
		desk->handled_ms += ms;
	}
	entry->since_ms = unix_ms;
}

void baton_desk_update(struct baton_desk *desk, struct baton_notice *notice)
{
	baton_desk_update_at(desk, 0, notice);
}

void baton_desk_update_at(struct baton_desk *desk, uint64_t unix_ms, struct baton_notice *notice)
{
	struct desk_case *entry = case_find(desk, &notice->session);
	bool gone = notice->kase.state == BATON_CASE_NONE;

	if ((entry && notice->kase.epoch < entry->notice->kase.epoch) || (!entry && gone))
		return;
	if (entry)
		count_time(desk, entry, notice->kase.state, unix_ms);
	if (!gone)
		case_put(desk, entry, notice, unix_ms);
	else
		case_drop(desk, entry);
	for (size_t i = 0; i < desk->n_watchers; i++)
		desk->notify(desk->ud, desk->watchers[i], notice);
}

static size_t watcher_index(const struct baton_desk *desk, baton_conn conn)
{
	size_t i = 0;

	while (i < desk->n_watchers && desk->watchers[i] != conn)
		i++;
	return i;
}

static int oldest_first(const struct desk_case *a, const struct desk_case *b)
{
	return memcmp(a->notice->session.b, b->notice->session.b, sizeof(a->notice->session.b));
}

void baton_desk_watch(struct baton_desk *desk, baton_conn conn)
{
	static const struct baton_id nobody;
	struct desk_case *entry;

	if (watcher_index(desk, conn) == desk->n_watchers) {
		desk->watchers =
			baton_realloc(desk->watchers, (desk->n_watchers + 1) * sizeof(conn));
		desk->watchers[desk->n_watchers++] = conn;
	}
	struct baton_notice *begins = baton_notice_new(BATON_NOTE_DESK, &nobody);
	begins->seq = HASH_COUNT(desk->cases);
	desk->notify(desk->ud, conn, begins);
	baton_notice_unref(&begins);
	HASH_SORT(desk->cases, oldest_first);
	for (entry = desk->cases; entry; entry = entry->hh.next)
		desk->notify(desk->ud, conn, entry->notice);
}

void baton_desk_unwatch(struct baton_desk *desk, baton_conn conn)
{
	size_t i = watcher_index(desk, conn);

	if (i < desk->n_watchers)
		desk->watchers[i] = desk->watchers[--desk->n_watchers];
}

void baton_desk_counts(const struct baton_desk *desk, uint64_t *ret_waiting, uint64_t *ret_claimed)
{
	const struct desk_case *entry;

	*ret_waiting = *ret_claimed = 0;
	for (entry = desk->cases; entry; entry = entry->hh.next) {
		bool waits = entry->notice->kase.state == BATON_CASE_WAITING;

		*(waits ? ret_waiting : ret_claimed) += 1;
	}
}

/* People, not cases: one who has three is busy once. */
static uint64_t count_agents(const struct baton_case *const *claimed, size_t n)
{
	uint64_t agents = 0;

	for (size_t i = 0; i < n; i++) {
		size_t before = 0;

		while (before < i && !baton_str_eq(claimed[before]->agent, claimed[i]->agent))
			before++;
		agents += before == i;
	}
	return agents;
}

void baton_desk_figures(const struct baton_desk *desk, struct baton_desk_figures *ret_figures)
{
	struct baton_desk_figures figures = { .watchers = desk->n_watchers,
					      .waits = desk->waits,
					      .waits_ms = desk->waits_ms,
					      .handled = desk->handled,
					      .handled_ms = desk->handled_ms };
	const struct baton_case **claimed =
		baton_alloc(HASH_COUNT(desk->cases) * sizeof(struct baton_case *));
	const struct desk_case *entry;

	for (entry = desk->cases; entry; entry = entry->hh.next) {
		const struct baton_case *kase = &entry->notice->kase;
		uint64_t since = kase->waiting_since_ms;

		if (kase->state == BATON_CASE_CLAIMED) {
			claimed[figures.claimed++] = kase;
			continue;
		}
		figures.waiting++;
		if (since > 0 && (figures.oldest_ms == 0 || since < figures.oldest_ms))
			figures.oldest_ms = since;
	}
	figures.agents_busy = count_agents(claimed, figures.claimed);
	baton_free(claimed);
	*ret_figures = figures;
}
