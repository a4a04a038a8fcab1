/* SPDX-License-Identifier: Apache-2.0 */

/* How a degraded mode stands in a transcript. Pure; strings are the policy's. */
#pragma once

#include "core/route/board.h"
#include "core/session/event.h"

void baton_mode_entered_event(const struct baton_mode_view *view, uint64_t release,
			      struct baton_event *ret_event);
/* `mode` must live as long as the event. */
void baton_mode_left_event(const char *mode, struct baton_event *ret_event);
