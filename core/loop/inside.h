/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of this folder share and nobody else includes: how the HTTP client takes part in
 * the turns of a loop. */
#pragma once

#include "core/loop/loop.h"

#include <uv.h>

/* One turn of a loop is: letters, descriptors and timers; then every guest's turn(), if it asked for
 * one; then the before_wait functions; then settle(); then the loop waits. So what a guest's turn
 * tells its users is flushed by before_wait before the loop sleeps, and what before_wait functions
 * ask of the guest is settled, too. */
struct baton_guest {
	struct baton_guest *next;
	void *ud;
	void (*turn)(void *ud);
	void (*settle)(void *ud);
	void (*end)(void *ud); /* the loop is about to end; NULL if somebody else sees to it */
	bool wants_turn;       /* set by the guest: call turn() before waiting */
};

void baton_loop_guest_add(struct baton_loop *loop, struct baton_guest *guest);
void baton_loop_guest_remove(struct baton_loop *loop, struct baton_guest *guest);
/* Where baton_loop_http() keeps the loop's own client. */
struct baton_http **baton_loop_http_place(struct baton_loop *loop);
