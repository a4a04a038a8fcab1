/* SPDX-License-Identifier: Apache-2.0 */

/* The desk: every case that waits for a person or has one, and the consoles that look at the list.
 *
 * A view, nothing more: sessions decide who may claim, and tell the desk afterwards. What the desk
 * shows can always be built again from the sessions (the start does). One desk per server, on the
 * first worker. Pure. One thread.
 */
#pragma once

#include "core/actor/notice.h"

struct baton_desk;

struct baton_desk *baton_desk_new(void (*notify)(void *ud, baton_conn conn,
						 struct baton_notice *notice),
				  void *ud);
void baton_desk_free(struct baton_desk **desk);
/* A CASE notice from a session; an older one than what is known (by epoch) is ignored. Takes its own
 * reference. Watchers hear of it. */
void baton_desk_update(struct baton_desk *desk, struct baton_notice *notice);
/* The same, and counts how long cases wait and are worked on: the notice came at `unix_ms`. */
void baton_desk_update_at(struct baton_desk *desk, uint64_t unix_ms, struct baton_notice *notice);
/* DESK with the number of cases, then one CASE for each, oldest session first; then every change. */
void baton_desk_watch(struct baton_desk *desk, baton_conn conn);
void baton_desk_unwatch(struct baton_desk *desk, baton_conn conn);
/* For metrics: how many wait, how many are claimed. */
void baton_desk_counts(const struct baton_desk *desk, uint64_t *ret_waiting, uint64_t *ret_claimed);
/* The same and more, for modes and operators. Looks at every case. */
struct baton_desk_figures {
	uint64_t waiting, claimed;
	uint64_t oldest_ms;   /* unix ms since when the first of those that wait has been waiting, 0: nobody */
	uint64_t watchers;    /* consoles that look at the list */
	uint64_t agents_busy; /* people who have a case */
	/* Since the start, by the clock of baton_desk_update_at(): waits that a claim ended, and cases
	 * that a person had and has no more. */
	uint64_t waits, waits_ms, handled, handled_ms;
};
void baton_desk_figures(const struct baton_desk *desk, struct baton_desk_figures *ret_figures);
