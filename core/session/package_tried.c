/* SPDX-License-Identifier: Apache-2.0 */

/* The case package: what was tried. Attempts, answers, drafts, the limits of policy that were met,
 * and the incident if a model failed. */

#include "core/session/package_inside.h"

/* --- limits of policy that were met --- */

void package_on_policy(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_policy_decided *decided = &event->policy_decided;
	struct baton_buf json;

	if (decided->action.n == 0 || baton_str_is(decided->action, "none"))
		return;
	struct package_item *item = package_add_item(package, PACKAGE_LIMITS, event);
	package_begin(&json, event);
	package_name(&json, "kind", BATON_STR("rule"));
	package_name(&json, "name", decided->rule);
	package_name(&json, "action", decided->action);
	package_name(&json, "stage", decided->stage);
	package_member(&json, "reason", decided->reason, BATON_PACKAGE_TEXT_BYTES);
	package_end_item(item, &json);
	struct baton_buf words = { NULL, 0, 0 };
	baton_buf_str(&words, baton_str_clip(decided->rule, PACKAGE_LINE_BYTES));
	baton_buf_printf(&words, " (%.*s)", (int)decided->action.n, decided->action.p);
	if (decided->reason.n > 0) {
		baton_buf_z(&words, ": ");
		baton_buf_str(&words, baton_str_clip(decided->reason, PACKAGE_LINE_BYTES));
	}
	item->words = package_take(&words);
}

void package_on_mode_entered(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_mode_entered *mode = &event->mode_entered;
	struct package_item *item = package_add_item(package, PACKAGE_LIMITS, event);
	struct baton_buf json;

	package_set_name(&package->about.mode, mode->mode);
	package_begin(&json, event);
	package_name(&json, "kind", BATON_STR("mode"));
	package_name(&json, "name", mode->mode);
	package_name(&json, "action", mode->what);
	package_name(&json, "trigger", mode->trigger);
	package_name(&json, "by", mode->by);
	package_end_item(item, &json);
	package_words_of(item, "degraded mode ", mode->mode);
}

void package_on_mode_left(struct baton_package *package, const struct baton_event *event)
{
	(void)event;
	baton_str_drop(&package->about.mode);
}

/* Why it was not the usual target that was asked: money, health, an admin. */
static void note_trigger(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_route_selected *route = &event->route_selected;
	struct baton_buf json;

	if (route->trigger.n == 0)
		return;
	struct package_item *item = package_add_item(package, PACKAGE_LIMITS, event);
	package_begin(&json, event);
	package_name(&json, "kind", BATON_STR("trigger"));
	package_name(&json, "name", route->trigger);
	package_name(&json, "action", route->reason);
	package_name(&json, "target", route->target);
	package_end_item(item, &json);
	package_words_of(item, "", route->trigger);
}

/* --- what was tried --- */

void package_drop_attempt(struct package_attempt *attempt)
{
	baton_str *parts[] = { &attempt->target,  &attempt->model, &attempt->reason,
			       &attempt->trigger, &attempt->mode,  &attempt->fail,
			       &attempt->message, &attempt->drill };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		baton_str_drop(parts[i]);
}

void package_on_route(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_route_selected *route = &event->route_selected;

	note_trigger(package, event);
	if (package->n_tried == PACKAGE_TRIED_MAX) {
		package_drop_attempt(&package->tried[0]);
		package->n_tried--;
		memmove(package->tried, package->tried + 1,
			package->n_tried * sizeof(package->tried[0]));
		package->tried_left_out++;
	}
	struct package_attempt *attempt = &package->tried[package->n_tried++];
	*attempt = (struct package_attempt){ .seq = event->seq,
					     .turn = route->turn,
					     .attempt = route->attempt };
	package_set_name(&attempt->target, route->target);
	package_set_name(&attempt->model, route->model);
	package_set_name(&attempt->reason, route->reason);
	package_set_name(&attempt->trigger, route->trigger);
	package_set_name(&attempt->mode, route->mode);
	package_set_name(&attempt->drill, route->drill);
}

/* The newest with that number; a turn that began again counts from one anew. 0: the newest of the
 * turn. */
static struct package_attempt *find_attempt(struct baton_package *package, uint64_t turn,
					    uint64_t attempt)
{
	for (size_t i = package->n_tried; i > 0; i--) {
		struct package_attempt *tried = &package->tried[i - 1];

		if (tried->turn == turn && (attempt == 0 || tried->attempt == attempt))
			return tried;
	}
	return NULL;
}

static void note_incident(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_model_failed *failed = &event->model_failed;
	struct package_incident *incident = &package->incident;

	if (!incident->is_on) {
		incident->is_on = true;
		incident->seq = event->seq;
		incident->since_ms = event->unix_ms;
		incident->failures = 0;
	}
	incident->failures++;
	incident->last_seq = event->seq;
	incident->http_status = failed->http_status;
	package_set_name(&incident->target, failed->target);
	package_set_name(&incident->model, failed->model);
	package_set_name(&incident->fail, failed->fail);
	package_set_name(&incident->scope, failed->scope);
	package_set_name(&incident->trigger, failed->trigger);
	package_set_name(&incident->message, failed->message);
	package_set_name(&incident->drill, failed->drill);
	package_set_name(&incident->mode, package->about.mode);
}

void package_on_failed(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_model_failed *failed = &event->model_failed;
	struct package_attempt *attempt = find_attempt(package, failed->turn, failed->attempt);

	note_incident(package, event);
	if (!attempt)
		return;
	attempt->outcome = PACKAGE_FAILED;
	attempt->fail_seq = event->seq;
	attempt->http_status = failed->http_status;
	package_set_name(&attempt->fail, failed->fail);
	package_set_name(&attempt->message, failed->message);
	package_set_name(&attempt->trigger, failed->trigger);
}

void package_on_superseded(struct baton_package *package, const struct baton_event *event)
{
	struct package_attempt *attempt = find_attempt(package, event->answer_superseded.turn,
						       event->answer_superseded.attempt);

	if (attempt)
		attempt->withdrawn = true;
}

static void settle(struct baton_package *package, uint64_t turn, enum package_outcome outcome)
{
	struct package_attempt *attempt = find_attempt(package, turn, 0);

	if (attempt && attempt->outcome == PACKAGE_RUNNING)
		attempt->outcome = outcome;
}

void package_give_up(struct baton_package *package)
{
	for (size_t i = 0; i < package->n_tried; i++)
		if (package->tried[i].outcome == PACKAGE_RUNNING)
			package->tried[i].outcome = PACKAGE_GIVEN_UP;
}

void package_on_answer(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_answer_generated *answer = &event->answer_generated;
	const struct package_attempt *attempt = find_attempt(package, answer->turn, 0);

	package->about.bot_answers++;
	/* The usual target answered at the first try: whatever was wrong is over. */
	if (!answer->substitute && (!attempt || attempt->attempt <= 1))
		package->incident.is_on = false;
	settle(package, answer->turn, PACKAGE_ANSWERED);
	package_add_sources(package, event, answer->sources, true);
}

void package_drop_draft(struct package_draft *draft)
{
	baton_str_drop(&draft->json);
	baton_str_drop(&draft->action);
	baton_str_drop(&draft->agent);
}

void package_on_draft(struct baton_package *package, const struct baton_event *event)
{
	const struct baton_ev_draft_proposed *proposed = &event->draft_proposed;
	struct baton_buf json;

	if (package->n_drafts == PACKAGE_DRAFTS_MAX) {
		package_drop_draft(&package->drafts[0]);
		package->n_drafts--;
		memmove(package->drafts, package->drafts + 1,
			package->n_drafts * sizeof(package->drafts[0]));
		package->drafts_left_out++;
	}
	struct package_draft *draft = &package->drafts[package->n_drafts++];
	*draft = (struct package_draft){ .seq = event->seq };
	package_begin(&json, event);
	package_member(&json, "text", proposed->text, BATON_PACKAGE_TEXT_BYTES);
	package_name(&json, "origin", proposed->origin);
	package_name(&json, "target", proposed->target);
	package_name(&json, "model", proposed->model);
	package_number(&json, "confidence_ppm", proposed->confidence_ppm);
	if (proposed->substitute)
		baton_buf_z(&json, ",\"substitute\":true");
	package_name(&json, "mode", proposed->mode);
	package_name(&json, "asked_by", proposed->asked_by);
	draft->json = package_take(&json);
	if (proposed->asked_by.n == 0)
		settle(package, proposed->turn, PACKAGE_DRAFTED);
	package_add_sources(package, event, proposed->sources, true);
}

void package_on_reviewed(struct baton_package *package, const struct baton_event *event)
{
	for (size_t i = 0; i < package->n_drafts; i++) {
		struct package_draft *draft = &package->drafts[i];

		if (draft->seq != event->draft_reviewed.draft)
			continue;
		draft->review_seq = event->seq;
		draft->edit_ppm = event->draft_reviewed.edit_ppm;
		package_set_name(&draft->action, event->draft_reviewed.action);
		package_set_name(&draft->agent, event->draft_reviewed.agent);
	}
}
