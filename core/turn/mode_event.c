/* SPDX-License-Identifier: Apache-2.0 */

/* mode_entered and mode_left, as sessions record them. */

#include "core/turn/mode_event.h"

#include "core/route/modes.h"

void baton_mode_entered_event(const struct baton_mode_view *view, uint64_t release,
			      struct baton_event *ret_event)
{
	*ret_event = (struct baton_event){ .type = BATON_EV_MODE_ENTERED };
	ret_event->mode_entered = (struct baton_ev_mode_entered){
		.mode = baton_str_of(view->mode->name),
		.what = baton_str_of(baton_mode_do_name(view->what)),
		.text = baton_str_of(view->mode->say),
		.until_ms = view->until_unix_ms,
		.trigger = baton_str_of(baton_trigger_name(view->trigger)),
		.release = release,
	};
}

void baton_mode_left_event(const char *mode, struct baton_event *ret_event)
{
	*ret_event = (struct baton_event){ .type = BATON_EV_MODE_LEFT };
	ret_event->mode_left = (struct baton_ev_mode_left){ .mode = baton_str_of(mode),
							    .reason = BATON_STR("over") };
}
