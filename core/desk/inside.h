/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the desk share: cases, queues, people. Internal to core/desk.
 *
 * Every pointer between them is to something that lives longer or is let go of first: a person is
 * kept while he has a connection, a case or an offer. Timers count in monotonic milliseconds, so
 * that a clock that is set does not take cases from anybody; promises and what is shown are unix
 * time.
 */
#pragma once

#include "core/desk/desk.h"

#include "core/base/limits.h"
#include "core/base/table.h"
#include "core/observe/metrics.h"

enum {
	DESK_CLAIMS = 64,     /* of a queue that are remembered */
	DESK_REFUSALS = 8,    /* people who did not want a case */
	DESK_AGAIN_MS = 5000, /* a command that came to nothing is given again */
	DESK_SECOND_MS = 1000,
	DESK_TEXT = 65
};

struct desk_queue {
	char name[DESK_TEXT];
	const struct baton_queue_def *def; /* NULL: the policies do not know it */
	uint64_t waiting, claimed;
	/* Of the last round (roster.c): at work, and who of them could take one. */
	uint64_t agents, available;
	bool open; /* of the last round (place.c) */
	/* Of the last round (order.c), of those that wait. */
	uint64_t oldest_ms, breached, due_soon, n_seen;
	uint64_t claims_ms[DESK_CLAIMS]; /* a ring, monotonic */
	size_t n_claims, next_claim;
	UT_hash_handle hh;
};

struct desk_person {
	char id[DESK_TEXT], name[DESK_TEXT];
	enum baton_role role;
	const struct baton_agent_def *def; /* NULL: the policies do not know him */
	size_t n_conns, n_cases, n_offers;
	bool away;
	uint32_t missed;       /* offers in a row */
	uint64_t idle_from_ms; /* since he last took, lost or refused something */
	uint64_t gone_from_ms; /* without a console */
	uint64_t since_ms;     /* unix: in the state that is shown */
	UT_hash_handle hh;
};

struct desk_watcher {
	baton_conn conn;
	struct desk_person *person;
	struct baton_id *list; /* what he has still to be shown, from `listed` on; owned */
	size_t n_list, listed;
};

struct desk_key { /* the order of service, least first */
	uint64_t priority, since_ms;
	struct baton_id session;
};

struct desk_case {
	struct baton_notice *notice; /* the newest, as the session told it */
	struct desk_queue *queue;
	struct desk_person *holder; /* of a claimed case */
	uint64_t since_ms;          /* unix: in this state; 0: nobody told the time */
	uint64_t due_ms;            /* unix */
	bool breached;

	/* While it waits. */
	struct desk_key key;
	uint64_t rank,
		place;      /* in the whole order, and in its queue; 1 is next. Of the last round */
	uint64_t told_rank; /* that everybody knows; 0: they differ */
	uint64_t queued_at_ms; /* monotonic, as the next three */
	uint64_t absent_at_ms; /* the customer has been gone since */
	uint64_t open_at_ms;   /* claimed, and without a reply since; 0: replied to */
	uint64_t asked_at_ms;  /* a command was given for this epoch; 0: none */
	bool gave_up;          /* ABANDON was asked for since the customer went */

	struct desk_person *offered; /* NULL: nobody */
	uint64_t offer_until_ms;     /* monotonic */
	struct {
		const struct desk_person *person;
		uint64_t until_ms;
	} refusals[DESK_REFUSALS];
	size_t next_refusal;

	struct baton_queue_place shown; /* to the customer */
	uint64_t shown_at_ms;           /* 0: not yet */
	UT_hash_handle hh;
};

struct baton_desk {
	struct baton_desk_host host;
	const struct baton_policy *policy;
	struct desk_case *cases;
	struct desk_queue *queues;
	struct desk_person *people;
	struct desk_watcher *watchers;
	size_t n_watchers;

	struct desk_case **order; /* those that wait, next first */
	size_t n_order, cap_order;
	size_t rank_cursor, place_cursor;

	bool people_changed; /* figures of roster_count() are old */
	bool news;           /* and so may be what the overview says */
	uint64_t second_at_ms, overview_at_ms, ranked_at_ms;
	struct baton_notice *overview; /* told last */
	uint64_t waits, waits_ms, handled, handled_ms;
};

static inline const struct baton_case *desk_told(const struct desk_case *entry)
{
	return &entry->notice->kase;
}
static inline bool desk_waits(const struct desk_case *entry)
{
	return desk_told(entry)->state == BATON_CASE_WAITING;
}
static inline bool desk_passed(uint64_t from_ms, uint64_t for_ms, struct baton_now now)
{
	return now.ms >= from_ms && now.ms - from_ms >= for_ms;
}
static inline void desk_count(struct baton_desk *desk, unsigned metric)
{
	if (desk->host.count)
		desk->host.count(desk->host.ud, metric, 1);
}

/* --- desk.c --- */
struct desk_case *case_find(const struct baton_desk *desk, const struct baton_id *session);

/* --- sight.c: who sees what --- */
/* One case as a watcher would see it under these policies. */
bool sight_of(const struct baton_desk *desk, const struct desk_person *person,
	      const struct baton_case *kase);
/* To everybody who sees it; as gone to those of `saw` (a flag for each watcher, or NULL) who do no
 * more. */
void sight_tell(struct baton_desk *desk, struct desk_case *entry, const bool *saw);
/* It is no case any more. */
void sight_gone(struct baton_desk *desk, const struct baton_notice *last, const bool *saw);
/* A flag for each watcher; to be freed. */
bool *sight_before(const struct baton_desk *desk, const struct desk_case *entry);
void sight_list(struct baton_desk *desk, struct desk_watcher *watcher);
/* The next page of the list. */
void sight_more(struct baton_desk *desk, struct desk_watcher *watcher);
/* The ranks that have changed, a few at a time, twice a second. */
void sight_ranks(struct baton_desk *desk, struct baton_now now);

/* --- roster.c: who is at work --- */
struct desk_person *roster_person(struct baton_desk *desk, struct baton_now now, baton_str id);
struct desk_watcher *roster_watcher(struct baton_desk *desk, baton_conn conn);
void roster_policy(struct baton_desk *desk);
/* He works on this queue, and is one whom its cases are offered to. */
bool roster_works_on(const struct desk_person *person, baton_str queue);
uint32_t roster_capacity(const struct baton_desk *desk, const struct desk_person *person);
/* There, available, and has fewer than he can. */
bool roster_is_free(const struct baton_desk *desk, const struct desk_person *person);
void roster_set_away(struct baton_desk *desk, struct baton_now now, struct desk_person *person,
		     bool away);
/* Counts `agents` and `available` of each queue anew, if anything has changed. */
void roster_count(struct baton_desk *desk);
const char *roster_state(const struct desk_person *person);

/* --- order.c: who is next --- */
/* 1 first; pure in its arguments. */
uint64_t order_priority(const struct baton_case *kase, uint32_t raise, uint32_t age_ms,
			uint64_t unix_ms);
void order_insert(struct baton_desk *desk, struct baton_now now, struct desk_case *entry);
void order_remove(struct baton_desk *desk, struct desk_case *entry);
/* Waiting makes older; then ranks, places, and what a queue shows of those that wait. */
void order_refresh(struct baton_desk *desk, struct baton_now now);

/* --- offer.c --- */
/* Offers a case that waits to the best of the free, if it is to be offered. */
void offer_case(struct baton_desk *desk, struct baton_now now, struct desk_case *entry);
/* Somebody could take one: he gets what is next for him. */
void offer_person(struct baton_desk *desk, struct baton_now now, struct desk_person *person);
/* It is offered no more; the person is told. */
void offer_withdraw(struct baton_desk *desk, struct desk_case *entry);
/* All that he was offered goes to the next. */
void offer_withdraw_all(struct baton_desk *desk, struct baton_now now, struct desk_person *person);
void offer_decline(struct baton_desk *desk, struct baton_now now, struct desk_case *entry);
void offer_tell(struct baton_desk *desk, struct baton_now now, const struct desk_case *entry,
		baton_conn conn);
/* Offers that nobody answered. */
void offer_expire(struct baton_desk *desk, struct baton_now now);
/* Everything that could be offered by now. */
void offer_all(struct baton_desk *desk, struct baton_now now);

/* --- lease.c: agents who are lost, replies that do not come, customers who have gone --- */
void lease_update(struct desk_case *entry, struct baton_now now, const struct baton_notice *before);
void lease_tick(struct baton_desk *desk, struct baton_now now);

/* --- place.c --- */
void place_claimed(struct desk_queue *queue, struct baton_now now);
/* Milliseconds until somebody at `position` may expect to be claimed; 0: cannot be said. */
uint64_t place_wait_ms(const struct desk_queue *queue, struct baton_now now, uint64_t position);
void place_tick(struct baton_desk *desk, struct baton_now now);

/* --- overview.c --- */
/* To all, if it has changed. */
void overview_tick(struct baton_desk *desk, struct baton_now now);
/* To one who has just come. */
void overview_tell(struct baton_desk *desk, struct baton_now now, baton_conn conn);
