/* SPDX-License-Identifier: Apache-2.0 */

/* A happening of the board, copied, and told to operators: a line in the server's log and an event
 * in the operations log. Internal to core/server. */
#pragma once

#include "core/route/board.h"

struct control;

struct heard {
	enum baton_happening_type type;
	enum baton_trigger trigger;
	char *subject, *was, *is, *by, *detail;
	uint64_t unix_ms;
	struct heard *prev, *next;
};

/* What has to follow from it. */
enum heard_effect {
	HEARD_MODES = 1, /* a mode began or ended */
	HEARD_RESUME = 2 /* something is back: held conversations may go on */
};

struct heard *heard_new(const struct baton_happening *happening);
void heard_free(struct heard *heard);
/* [control] Writes both; returns bits of heard_effect. */
unsigned heard_out(const struct heard *heard, struct control *control);
