/* SPDX-License-Identifier: Apache-2.0 */

/* Degraded modes: entering, leaving, expiring. modes.h has the promises; modes_json.c what is kept
 * and shown. Only begin() and end() turn a mode on and off, so each happening has its partner. */

#include "core/route/modes.h"

#include "core/policy/expr.h"
#include "core/route/alert.h"
#include "core/route/drills.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const state_names[] = {
	[BATON_MODE_OFF] = "off",
	[BATON_MODE_PENDING] = "pending",
	[BATON_MODE_ON] = "on",
	[BATON_MODE_RECOVERING] = "recovering",
};
static const char *const do_names[] = {
	[BATON_MODE_INTAKE] = "intake",         [BATON_MODE_TICKET] = "ticket",
	[BATON_MODE_TEMPLATED] = "templated",   [BATON_MODE_PAUSE] = "pause",
	[BATON_MODE_SUBSTITUTE] = "substitute",
};

const char *baton_mode_state_name(enum baton_mode_state state)
{
	return state_names[state];
}

const char *baton_mode_do_name(enum baton_mode_do what)
{
	return do_names[what];
}

void baton_modes_init(struct baton_modes *modes, baton_board_happened *happened, void *ud)
{
	*modes = (struct baton_modes){ .happened = happened, .ud = ud };
}

/* --- who is concerned --- */

static bool is_one_of(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

bool baton_mode_concerns(const struct baton_mode_def *mode, const char *intent,
			 const char *class_name)
{
	if (mode->n_intents == 0 && mode->n_classes == 0)
		return true;
	return (intent && is_one_of((const char *const *)mode->intents, mode->n_intents, intent)) ||
	       (class_name &&
		is_one_of((const char *const *)mode->classes, mode->n_classes, class_name));
}

/* The index of the policy is tried first: nearly always the turn's policy is the adopted one. */
static size_t index_of(const struct baton_modes *modes, const char *name, size_t guess)
{
	if (guess < modes->n && strcmp(modes->all[guess].name, name) == 0)
		return guess;
	size_t i = 0;

	while (i < modes->n && strcmp(modes->all[i].name, name) != 0)
		i++;
	return i;
}

const struct baton_mode *baton_modes_find(const struct baton_modes *modes, const char *name)
{
	size_t i = index_of(modes, name, 0);

	return i < modes->n ? &modes->all[i] : NULL;
}

bool baton_modes_view(const struct baton_modes *modes, const struct baton_policy *policy,
		      const struct baton_route *route, struct baton_mode_view *ret_view)
{
	if (modes->n_on == 0)
		return false;
	for (size_t i = 0; i < policy->n_modes; i++) {
		const struct baton_mode_def *def = &policy->modes[i];
		size_t at = index_of(modes, def->name, i);

		if (at == modes->n || !baton_mode_is_on(&modes->all[at]) ||
		    !baton_mode_concerns(def, route->intent,
					 route->class_ ? route->class_->name : NULL))
			continue;
		const struct baton_mode *mode = &modes->all[at];
		*ret_view = (struct baton_mode_view){
			.mode = def,
			.what = mode->intake ? BATON_MODE_INTAKE : def->what,
			.since_unix_ms = mode->since_unix_ms,
			.until_unix_ms = mode->until_unix_ms,
			.trigger = mode->trigger,
		};
		return true;
	}
	return false;
}

/* --- on and off --- */

/* How long it has been on: the monotonic clock cannot say what was before the server started. */
static uint64_t age_ms(const struct baton_mode *mode, struct baton_now now)
{
	return now.ms - mode->since_ms + mode->stayed_ms;
}

static void tell(struct baton_modes *modes, struct baton_now now, const struct baton_mode *mode,
		 struct baton_happening *happening)
{
	happening->subject = mode->name;
	happening->trigger = mode->trigger;
	happening->unix_ms = now.unix_ms;
	modes->dirty = true;
	modes->happened(modes->ud, happening);
}

static void keep_text(char *to, size_t cap, const char *text)
{
	baton_str s = baton_str_clip(baton_str_of(text), cap - 1);

	if (s.n > 0)
		memcpy(to, s.p, s.n);
	to[s.n] = '\0';
}

/* A stay begins; its fields intake, declared, trigger and followed are set. */
static void begin(struct baton_modes *modes, struct baton_now now, struct baton_mode *mode,
		  uint64_t for_ms, const struct baton_admin *admin)
{
	char detail[48];

	mode->state = BATON_MODE_ON;
	mode->what = mode->def->what;
	mode->since_ms = now.ms;
	mode->stayed_ms = 0;
	mode->until_ms = now.ms + for_ms;
	mode->since_unix_ms = now.unix_ms;
	mode->until_unix_ms = now.unix_ms + for_ms;
	mode->rest_until_ms = 0;
	mode->rest_breaks = mode->undecided = false;
	keep_text(mode->by, sizeof(mode->by), admin ? admin->by : NULL);
	keep_text(mode->why, sizeof(mode->why), admin ? admin->why : NULL);
	mode->entered++;
	modes->n_on++;
	(void)snprintf(detail, sizeof(detail), "{\"until_ms\":%" PRIu64 "}", mode->until_unix_ms);
	tell(modes, now, mode,
	     &(struct baton_happening){
		     .type = BATON_HAPPENED_MODE_ON,
		     .was = "off",
		     .is = do_names[mode->intake ? BATON_MODE_INTAKE : mode->what],
		     .by = mode->by,
		     .detail = detail,
	     });
}

static void end(struct baton_modes *modes, struct baton_now now, struct baton_mode *mode,
		const char *why, const char *by)
{
	mode->state = BATON_MODE_OFF;
	mode->on_ms += now.ms - mode->since_ms;
	modes->n_on--;
	tell(modes, now, mode,
	     &(struct baton_happening){
		     .type = BATON_HAPPENED_MODE_OFF,
		     .was = do_names[mode->intake ? BATON_MODE_INTAKE : mode->what],
		     .is = why,
		     .by = by,
		     .detail = "",
	     });
	mode->intake = mode->declared = false;
	mode->followed = 0;
}

/* Not entered by its condition before `for_ms` are over. */
static void rest(struct baton_mode *mode, struct baton_now now, uint64_t for_ms, bool breaks)
{
	mode->rest_until_ms = now.ms + for_ms;
	mode->rest_breaks = breaks;
}

static void enter(struct baton_modes *modes, struct baton_now now, struct baton_mode *mode,
		  enum baton_trigger trigger)
{
	mode->trigger = trigger;
	begin(modes, now, mode, mode->def->max_duration_ms, NULL);
}

static enum baton_trigger trigger_of(const struct baton_mode_def *def)
{
	enum baton_trigger trigger = baton_trigger_find(baton_str_of(def->trigger));

	return trigger == BATON_TRIGGERS_N || trigger == BATON_TRIGGER_NONE
		       ? BATON_TRIGGER_CONDITION
		       : trigger;
}

/* --- the end of max_duration --- */

static void hand_over(struct baton_modes *modes, struct baton_now now, struct baton_mode *mode)
{
	bool declared = mode->declared;
	struct baton_admin admin = { mode->by, mode->why };
	char by[sizeof(mode->by)], why[sizeof(mode->why)];

	keep_text(by, sizeof(by), admin.by);
	keep_text(why, sizeof(why), admin.why);
	end(modes, now, mode, "expired", "");
	mode->intake = true;
	mode->declared = declared;
	begin(modes, now, mode, BATON_MODE_INTAKE_MS_MAX, &(struct baton_admin){ by, why });
}

static uint64_t at_least(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void expire_and_rest(struct baton_modes *modes, struct baton_now now,
			    struct baton_mode *mode)
{
	end(modes, now, mode, "expired", "");
	rest(mode, now, at_least(BATON_MODE_REST_MS_MIN, mode->def->recover_for_ms), false);
}

static void go_on_with_next(struct baton_modes *modes, struct baton_now now,
			    struct baton_mode *mode)
{
	const struct baton_mode_def *next_def = mode->def->next;
	size_t at = next_def ? index_of(modes, next_def->name, modes->n) : modes->n;
	uint32_t followed = mode->followed + 1;

	/* No such mode, or every mode has had its turn: a person is the end of the chain. */
	if (at == modes->n || !modes->all[at].def || followed >= modes->n) {
		hand_over(modes, now, mode);
		return;
	}
	struct baton_mode *next = &modes->all[at];
	enum baton_trigger trigger = mode->trigger;

	expire_and_rest(modes, now, mode);
	if (baton_mode_is_on(next))
		return;
	next->followed = followed;
	enter(modes, now, next, trigger);
}

static void expire(struct baton_modes *modes, struct baton_now now, struct baton_mode *mode)
{
	/* Undeclared and still on: between a load and the policies. adopt() ends it. */
	if (!mode->def)
		return;
	if (mode->intake) {
		expire_and_rest(modes, now, mode);
		return;
	}
	switch (mode->def->at_expiry) {
	case BATON_EXPIRY_HAND_OVER:
		hand_over(modes, now, mode);
		break;
	case BATON_EXPIRY_NORMAL:
		expire_and_rest(modes, now, mode);
		break;
	case BATON_EXPIRY_NEXT:
		go_on_with_next(modes, now, mode);
		break;
	}
}

/* --- conditions --- */

void baton_modes_facts(const struct baton_modes *modes, struct baton_now now,
		       const struct baton_mode_world *world, const struct baton_mode_def *def,
		       struct baton_mode_facts *ret_facts)
{
	const struct baton_mode *mode = baton_modes_find(modes, def->name);
	struct baton_counts counts;
	const uint32_t *n = counts.n;

	*ret_facts = (struct baton_mode_facts){ 0 };
	if (world->health)
		world->health(world->ud, now, def, ret_facts);
	baton_tallies_scope(world->tallies, now, def, &counts);
	uint32_t turns = n[BATON_TALLY_TURNS];

	ret_facts->turns = turns;
	ret_facts->low_confidence_ppm = baton_counts_share(n[BATON_TALLY_LOW_CONFIDENCE], turns, 0);
	ret_facts->escalation_ppm = baton_counts_share(n[BATON_TALLY_HANDED_OVER], turns, 0);
	ret_facts->retrieval_empty_ppm =
		baton_counts_share(n[BATON_TALLY_RETRIEVAL_EMPTY], turns, 0);
	ret_facts->stale_ppm = baton_counts_share(n[BATON_TALLY_STALE], turns, 0);
	ret_facts->override_ppm = baton_counts_override_ppm(&counts);
	ret_facts->tool_success_ppm = baton_counts_tool_success_ppm(&counts);
	ret_facts->queue_depth = world->waiting;
	ret_facts->oldest_wait_ms = world->oldest_wait_ms;
	ret_facts->agents_free = world->agents_free;
	if (mode && baton_mode_is_on(mode))
		ret_facts->since_ms = age_ms(mode, now);
	if (world->alert && world->alert->on)
		ret_facts->flags |= BATON_MODE_FACT_ALERT;
	if (world->drills && baton_drills_running(world->drills, now))
		ret_facts->flags |= BATON_MODE_FACT_DRILL;
}

static bool holds(struct baton_mode *mode, const baton_expr *test,
		  const struct baton_mode_facts *facts)
{
	int32_t verdict = baton_expr_test_on(test, facts);

	mode->undecided = verdict < 0;
	return verdict > 0;
}

static void look_whether_to_enter(struct baton_modes *modes, struct baton_now now,
				  struct baton_mode *mode, const struct baton_mode_facts *facts)
{
	if (!holds(mode, mode->def->enter_test, facts)) {
		mode->state = BATON_MODE_OFF;
		if (mode->rest_breaks) {
			mode->rest_breaks = false;
			mode->rest_until_ms = 0;
			modes->dirty = true;
		}
		return;
	}
	if (now.ms < mode->rest_until_ms)
		return;
	if (mode->state == BATON_MODE_OFF) {
		mode->state = BATON_MODE_PENDING;
		mode->holds_ms = now.ms;
	}
	if (now.ms - mode->holds_ms >= mode->def->enter_for_ms)
		enter(modes, now, mode, trigger_of(mode->def));
}

static void look_whether_to_leave(struct baton_modes *modes, struct baton_now now,
				  struct baton_mode *mode, const struct baton_mode_facts *facts)
{
	if (!holds(mode, mode->def->recover_test, facts)) {
		mode->state = BATON_MODE_ON;
		return;
	}
	if (mode->state == BATON_MODE_ON) {
		mode->state = BATON_MODE_RECOVERING;
		mode->holds_ms = now.ms;
	}
	if (now.ms - mode->holds_ms >= mode->def->recover_for_ms &&
	    age_ms(mode, now) >= BATON_MODE_STAY_MS_MIN)
		end(modes, now, mode, "recovered", "");
}

static void tick(struct baton_modes *modes, struct baton_now now,
		 const struct baton_mode_world *world, struct baton_mode *mode)
{
	bool on = baton_mode_is_on(mode);
	/* What an admin declared does not end because numbers look well, until its time is over. */
	bool held = on && mode->declared && !mode->intake;

	if (on && now.ms >= mode->until_ms) {
		expire(modes, now, mode);
		return;
	}
	if (!mode->def || held || !(on ? mode->def->recover_test : mode->def->enter_test))
		return;
	struct baton_mode_facts facts;

	baton_modes_facts(modes, now, world, mode->def, &facts);
	if (on)
		look_whether_to_leave(modes, now, mode, &facts);
	else
		look_whether_to_enter(modes, now, mode, &facts);
}

void baton_modes_tick(struct baton_modes *modes, struct baton_now now,
		      const struct baton_mode_world *world)
{
	for (size_t i = 0; i < modes->n; i++)
		tick(modes, now, world, &modes->all[i]);
}

/* --- admins and classes --- */

int baton_modes_enter(struct baton_modes *modes, struct baton_now now, const char *name,
		      uint64_t for_ms, const struct baton_admin *admin)
{
	size_t at = index_of(modes, name, modes->n);

	if (at == modes->n || !modes->all[at].def)
		return BATON_E_NOTFOUND;
	struct baton_mode *mode = &modes->all[at];
	if (baton_mode_is_on(mode))
		return BATON_E_STATE;
	uint64_t max_ms = mode->def->max_duration_ms;

	mode->trigger = BATON_TRIGGER_DECLARED;
	mode->declared = true;
	begin(modes, now, mode, for_ms > 0 && for_ms < max_ms ? for_ms : max_ms, admin);
	return 0;
}

int baton_modes_leave(struct baton_modes *modes, struct baton_now now, const char *name,
		      const struct baton_admin *admin)
{
	size_t at = index_of(modes, name, modes->n);

	if (at == modes->n)
		return BATON_E_NOTFOUND;
	struct baton_mode *mode = &modes->all[at];
	if (!baton_mode_is_on(mode))
		return BATON_E_STATE;
	end(modes, now, mode, "left", admin->by ? admin->by : "");
	if (mode->def)
		rest(mode, now, mode->def->max_duration_ms, true);
	return 0;
}

void baton_modes_met(struct baton_modes *modes, struct baton_now now, const char *name)
{
	size_t at = index_of(modes, name, modes->n);

	if (at < modes->n && modes->all[at].def && !baton_mode_is_on(&modes->all[at]))
		enter(modes, now, &modes->all[at], BATON_TRIGGER_ALL_DOWN);
}

/* --- other policies --- */

static void end_undeclared(struct baton_modes *modes, struct baton_now now, struct baton_mode *mode)
{
	if (baton_mode_is_on(mode))
		end(modes, now, mode, "not declared any more", "");
	else
		modes->dirty = true;
}

/* The state of a mode under its new declaration, or as it was read back by a wall clock that
 * somebody may have set: nothing lasts longer than it is declared to. */
static void redeclare(struct baton_modes *modes, struct baton_now now, struct baton_mode *mode,
		      const struct baton_mode_def *def)
{
	uint64_t max_ms = mode->intake ? BATON_MODE_INTAKE_MS_MAX : def->max_duration_ms;

	mode->def = def;
	/* Conditions may be others: they have to hold anew. */
	if (mode->state == BATON_MODE_PENDING)
		mode->state = BATON_MODE_OFF;
	if (mode->state == BATON_MODE_RECOVERING)
		mode->state = BATON_MODE_ON;
	uint64_t longest_ms =
		at_least(BATON_MODE_REST_MS_MIN, at_least(max_ms, def->recover_for_ms));

	if (mode->rest_until_ms > now.ms + longest_ms)
		mode->rest_until_ms = now.ms + longest_ms;
	if (!baton_mode_is_on(mode))
		return;
	uint64_t age = age_ms(mode, now), left_ms = max_ms > age ? max_ms - age : 0;

	if (mode->until_ms > now.ms + left_ms) {
		mode->until_ms = now.ms + left_ms;
		mode->until_unix_ms = now.unix_ms + left_ms;
		modes->dirty = true;
	}
}

void baton_modes_restore(struct baton_modes *modes, struct baton_now now,
			 const struct baton_mode *saved)
{
	size_t at = index_of(modes, saved->name, modes->n);

	if (at < modes->n && baton_mode_is_on(&modes->all[at]))
		return;
	if (at == modes->n) {
		if (modes->n == BATON_MODES_MAX)
			return;
		modes->n++;
	}
	struct baton_mode *mode = &modes->all[at];
	struct baton_mode was = *mode;

	*mode = *saved;
	mode->def = was.def;
	mode->entered = was.entered;
	mode->on_ms = was.on_ms;
	modes->n_on += baton_mode_is_on(mode);
	if (mode->def) {
		redeclare(modes, now, mode, mode->def);
	} else if (modes->adopted) {
		end_undeclared(modes, now, mode);
		modes->n--; /* it was the last one */
	}
}

void baton_modes_adopt(struct baton_modes *modes, struct baton_now now,
		       const struct baton_policy *policy)
{
	struct baton_mode *old = baton_alloc(sizeof(modes->all));
	size_t n_old = modes->n;

	/* First those that end: their happenings come while everything is still as it was. */
	for (size_t i = 0; i < n_old; i++) {
		size_t k = 0;

		while (k < policy->n_modes &&
		       strcmp(policy->modes[k].name, modes->all[i].name) != 0)
			k++;
		if (k == policy->n_modes)
			end_undeclared(modes, now, &modes->all[i]);
	}
	memcpy(old, modes->all, sizeof(modes->all));
	modes->n = policy->n_modes < BATON_MODES_MAX ? policy->n_modes : BATON_MODES_MAX;
	for (size_t i = 0; i < modes->n; i++) {
		const struct baton_mode_def *def = &policy->modes[i];
		size_t k = 0;

		while (k < n_old && strcmp(old[k].name, def->name) != 0)
			k++;
		modes->all[i] = k < n_old ? old[k] : (struct baton_mode){ 0 };
		keep_text(modes->all[i].name, sizeof(modes->all[i].name), def->name);
		redeclare(modes, now, &modes->all[i], def);
	}
	modes->adopted = true;
	baton_free(old);
}
