/* SPDX-License-Identifier: Apache-2.0 */

/* The desk: every case that waits for a person or has one, the people who look at the list, and
 * who is next for what.
 *
 * Sessions decide who has a case and tell the desk afterwards; what the desk knows can always be
 * built again from them (the start does). What it decides itself is the order of service, whom a
 * case is offered to, when somebody has been away too long, and what each of its watchers sees.
 * It asks sessions for things by commands that carry the case's epoch, so a late one does
 * nothing.
 *
 * One desk per server, on the first worker. Pure: the host brings the time, and calls what comes
 * out. One thread.
 */
#pragma once

#include "core/actor/notice.h"
#include "core/policy/policy.h"
#include "core/route/board.h"
#include "core/session/command.h"

struct baton_desk;
struct baton_buf;

struct baton_desk_host {
	void *ud;
	/* To one console; takes its own reference if it keeps the notice. */
	void (*notify)(void *ud, baton_conn conn, struct baton_notice *notice);
	/* RELEASE or ABANDON, by the server itself. Strings live during the call. Never answered at
	 * once: what becomes of it comes as a case notice. */
	void (*command)(void *ud, const struct baton_id *session,
			const struct baton_command *command);
	/* To the customer who waits. */
	void (*place)(void *ud, const struct baton_id *session,
		      const struct baton_queue_place *place);
	void (*count)(void *ud, unsigned metric, uint64_t add); /* BATON_METRIC_* */
};

struct baton_desk *baton_desk_new(const struct baton_desk_host *host);
void baton_desk_free(struct baton_desk **desk);
/* From now on these policies hold; the ones before are looked at during the call for the last
 * time. The host keeps them alive. Before the first call everybody sees everything and nothing
 * is offered. */
void baton_desk_policy(struct baton_desk *desk, struct baton_now now,
		       const struct baton_policy *policy);
/* A CASE notice from a session; one that is older than what is known (by epoch) is ignored.
 * Takes its own reference. Whoever sees the case hears of it, and somebody may be offered it. */
void baton_desk_update(struct baton_desk *desk, struct baton_now now, struct baton_notice *notice);
/* Ten times a second: what time brings about, and what may be told a little later. */
void baton_desk_tick(struct baton_desk *desk, struct baton_now now);

/* --- people --- */

struct baton_desk_who {
	baton_conn conn;
	enum baton_role role; /* AGENT, SUPERVISOR, ADMIN */
	baton_str agent, name;
};
/* DESK with the number of cases that this person sees, then one CASE for each, those that wait in
 * their order first; and every change. After a page MORE (of no session) says that there are more:
 * ask for them once the connection has taken these. Again: all of it again. */
enum { BATON_DESK_PAGE = 100 };
void baton_desk_watch(struct baton_desk *desk, struct baton_now now,
		      const struct baton_desk_who *who);
void baton_desk_more(struct baton_desk *desk, baton_conn conn);
void baton_desk_unwatch(struct baton_desk *desk, struct baton_now now, baton_conn conn);
/* The person is, or is not, there for offers. */
void baton_desk_status(struct baton_desk *desk, struct baton_now now, baton_conn conn,
		       bool available);
/* The person would rather not have what he was offered. */
void baton_desk_decline(struct baton_desk *desk, struct baton_now now, baton_conn conn,
			const struct baton_id *session);

/* --- figures --- */

/* How many wait, how many are claimed. */
void baton_desk_counts(const struct baton_desk *desk, uint64_t *ret_waiting, uint64_t *ret_claimed);
/* The same and more, for modes and operators. */
struct baton_desk_figures {
	uint64_t waiting, claimed;
	uint64_t
		oldest_ms; /* unix ms since when the first of those that wait has been waiting, 0: nobody */
	uint64_t watchers;    /* consoles that look at the list */
	uint64_t agents_busy; /* people who have a case */
	uint64_t agents_free; /* people who are there, available, and have fewer than they can */
	/* Since the start: waits that a claim ended, and cases that a person had and has no
	 * more. */
	uint64_t waits, waits_ms, handled, handled_ms;
};
void baton_desk_figures(const struct baton_desk *desk, struct baton_desk_figures *ret_figures);
/* Queues and people as the overview has them: `"queues":[...],"agents":[...]`. */
void baton_desk_people(struct baton_desk *desk, struct baton_now now, struct baton_buf *out);
/* Prometheus text of each queue, and of people by state. */
void baton_desk_metrics(const struct baton_desk *desk, struct baton_now now, struct baton_buf *out);
