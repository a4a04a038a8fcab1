/* SPDX-License-Identifier: Apache-2.0 */

/* Happenings in the words of the two logs. */

#include "core/server/heard.h"

#include "core/base/log.h"
#include "core/route/modes.h"
#include "core/server/control.h"
#include "core/server/loader.h"
#include "core/server/operations.h"

static char *copy(const char *text)
{
	return baton_memdupz(text ? text : "", text ? strlen(text) : 0);
}

struct heard *heard_new(const struct baton_happening *happening)
{
	struct heard *heard = baton_new(struct heard);

	heard->type = happening->type;
	heard->trigger = happening->trigger;
	heard->unix_ms = happening->unix_ms;
	heard->subject = copy(happening->subject);
	heard->was = copy(happening->was);
	heard->is = copy(happening->is);
	heard->by = copy(happening->by);
	heard->detail = copy(happening->detail);
	return heard;
}

void heard_free(struct heard *heard)
{
	baton_free(heard->subject);
	baton_free(heard->was);
	baton_free(heard->is);
	baton_free(heard->by);
	baton_free(heard->detail);
	baton_free(heard);
}

/* --- the server's log ------------------------------------------------------------------------ */

static const struct {
	const char *name;
	uint32_t level;
} lines[] = {
	[BATON_HAPPENED_TARGET] = { "target_changed", BATON_LOG_WARN },
	[BATON_HAPPENED_ACCOUNT] = { "account_changed", BATON_LOG_WARN },
	[BATON_HAPPENED_MODE_ON] = { "mode_entered", BATON_LOG_WARN },
	[BATON_HAPPENED_MODE_OFF] = { "mode_left", BATON_LOG_NOTICE },
	[BATON_HAPPENED_ALERT_ON] = { "alert_began", BATON_LOG_ERROR },
	[BATON_HAPPENED_ALERT_OFF] = { "alert_ended", BATON_LOG_NOTICE },
	[BATON_HAPPENED_BUDGET] = { "budget_changed", BATON_LOG_WARN },
	[BATON_HAPPENED_DRILL_ON] = { "drill_began", BATON_LOG_NOTICE },
	[BATON_HAPPENED_DRILL_OFF] = { "drill_ended", BATON_LOG_NOTICE },
};

static bool is_good_news(const struct heard *heard)
{
	if (heard->type == BATON_HAPPENED_TARGET)
		return strcmp(heard->is, "closed") == 0; /* its breaker: calls flow */
	if (heard->type == BATON_HAPPENED_ACCOUNT)
		return strcmp(heard->is, "open") == 0;
	return heard->type == BATON_HAPPENED_BUDGET && strcmp(heard->is, "renewed") == 0;
}

static void log_it(const struct heard *heard)
{
	uint32_t level = is_good_news(heard) ? BATON_LOG_NOTICE : lines[heard->type].level;

	baton_log(level, lines[heard->type].name, "ssssss", "subject", heard->subject, "was",
		  heard->was, "is", heard->is, "trigger", baton_trigger_name(heard->trigger), "by",
		  heard->by, "detail", heard->detail);
}

/* --- the operations log ---------------------------------------------------------------------- */

static void fill_target(const struct heard *heard, struct baton_event *event)
{
	bool account = heard->type == BATON_HAPPENED_ACCOUNT;

	event->type = BATON_EV_TARGET_CHANGED;
	event->target_changed = (struct baton_ev_target_changed){
		.target = baton_str_of(heard->subject),
		.kind = account ? BATON_STR("account") : BATON_STR("target"),
		.was = baton_str_of(heard->was),
		.is = baton_str_of(heard->is),
		.trigger = baton_str_of(baton_trigger_name(heard->trigger)),
		.by = baton_str_of(heard->by)
	};
}

static const struct baton_mode_def *mode_of(const struct baton_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_modes; i++)
		if (strcmp(policy->modes[i].name, name) == 0)
			return &policy->modes[i];
	return NULL;
}

static void fill_mode_on(const struct heard *heard, const struct baton_release *release,
			 struct baton_event *event)
{
	const struct baton_mode_def *mode = mode_of(baton_release_policy(release), heard->subject);
	struct baton_json detail = { .type = BATON_JSON_NONE }, until;

	if (baton_json_parse(baton_str_of(heard->detail), &detail) < 0)
		detail.type = BATON_JSON_NONE;
	until = baton_json_get(&detail, "until_ms");
	event->type = BATON_EV_MODE_ENTERED;
	event->mode_entered = (struct baton_ev_mode_entered){
		.mode = baton_str_of(heard->subject),
		.what = baton_str_of(heard->is),
		.text = mode ? baton_str_of(mode->say) : BATON_STR(""),
		.until_ms = baton_json_u64(&until, 0),
		.trigger = baton_str_of(baton_trigger_name(heard->trigger)),
		.by = baton_str_of(heard->by),
		.release = baton_release_number(release)
	};
}

static void fill_alert(const struct heard *heard, struct baton_event *event)
{
	bool budget = heard->type == BATON_HAPPENED_BUDGET;

	event->type = BATON_EV_ALERT_CHANGED;
	event->alert_changed =
		(struct baton_ev_alert_changed){ .alert = baton_str_of(heard->subject),
						 .on = budget ? strcmp(heard->is, "exhausted") == 0
							      : heard->type ==
									BATON_HAPPENED_ALERT_ON,
						 .values = baton_str_of(heard->detail) };
}

static void fill(const struct heard *heard, const struct baton_release *release,
		 struct baton_event *event)
{
	switch (heard->type) {
	case BATON_HAPPENED_TARGET:
	case BATON_HAPPENED_ACCOUNT:
		fill_target(heard, event);
		break;
	case BATON_HAPPENED_MODE_ON:
		fill_mode_on(heard, release, event);
		break;
	case BATON_HAPPENED_MODE_OFF:
		event->type = BATON_EV_MODE_LEFT;
		event->mode_left =
			(struct baton_ev_mode_left){ .mode = baton_str_of(heard->subject),
						     .reason = baton_str_of(heard->is),
						     .by = baton_str_of(heard->by) };
		break;
	case BATON_HAPPENED_ALERT_ON:
	case BATON_HAPPENED_ALERT_OFF:
	case BATON_HAPPENED_BUDGET:
		fill_alert(heard, event);
		break;
	case BATON_HAPPENED_DRILL_ON:
	case BATON_HAPPENED_DRILL_OFF:
		event->type = BATON_EV_DRILL_CHANGED;
		event->drill_changed =
			(struct baton_ev_drill_changed){ .drill = baton_str_of(heard->subject),
							 .on = heard->type ==
							       BATON_HAPPENED_DRILL_ON,
							 .by = baton_str_of(heard->by),
							 .reason = baton_str_of(heard->is) };
		break;
	}
}

/* --- both ------------------------------------------------------------------------------------ */

static unsigned effects_of(const struct heard *heard)
{
	unsigned effects = is_good_news(heard) ? HEARD_RESUME : 0;

	if (heard->type == BATON_HAPPENED_MODE_ON || heard->type == BATON_HAPPENED_MODE_OFF)
		effects |= HEARD_MODES;
	if (heard->type == BATON_HAPPENED_MODE_OFF || heard->type == BATON_HAPPENED_DRILL_OFF)
		effects |= HEARD_RESUME;
	return effects;
}

unsigned heard_out(const struct heard *heard, struct control *control)
{
	struct baton_event event = { .unix_ms = heard->unix_ms };
	struct baton_release *release = loader_live(control->server);

	log_it(heard);
	fill(heard, release, &event);
	if (control->operations)
		operations_note(control->operations, &event);
	baton_release_unref(&release); /* the event borrowed its words */
	return effects_of(heard);
}
