/* SPDX-License-Identifier: Apache-2.0 */

/* Releases come and go while everything else happens: published at once, or tried on half of the
 * sessions first, good ones and ones in which something always fails; old ones drain, and are cut
 * off when their time is over. Each has policies of its own, which end with it.
 *
 * Whoever asks anything of a release must hold it; who gives it back has no call on it any more.
 */

#include "tests/sim/sim.h"

#include "core/base/errors.h"

enum {
	SHARE_PPM = 500000,
	TICK_MS = 200,
	/* An open turn's total, and a slow disk: then nothing is left of one that was shut. */
	SHUT_MS_MAX = 20000 + 3000
};

/* Half a minute of storm is a short trial. */
static const struct baton_release_def limits = { .canary_min_turns = 10,
						 .canary_fail_delta_ppm = 300000,
						 .canary_escalation_delta_ppm = 1000000,
						 .canary_for_ms = 12000,
						 .canary_quiet_ms = 2000 };

/* --- what the core asks --- */

static struct sim_release *held(struct sim_shard *shard, struct baton_release *release)
{
	struct sim_release *r = (struct sim_release *)release;

	PROMISE(shard->sim, r && r->sim == shard->sim && r->state != RELEASE_GONE,
		"a release that is gone is asked nothing", NULL);
	PROMISE(shard->sim, r->pins[shard->index] > 0, "who asks a release holds it", NULL);
	return r;
}

static struct baton_release *seam_pin(void *ud, const struct baton_id *session)
{
	struct sim_shard *shard = ud;
	struct sim *sim = shard->sim;
	struct sim_release *r = sim->live;

	if (session && sim->candidate &&
	    baton_trial_takes(session, SHARE_PPM, sim->candidate->number))
		r = sim->candidate;
	sim->again += !session && sim->draining;
	r->pins[shard->index]++;
	sim->pins++;
	return (struct baton_release *)r;
}

static void gone_due(struct sim *sim, void *what)
{
	struct sim_release *r = *(struct sim_release **)what;

	baton_free(what);
	if (r->state != RELEASE_DRAINING)
		return;
	for (unsigned i = 0; i < SIM_SHARDS; i++)
		if (r->pins[i] > 0)
			return;
	r->state = RELEASE_GONE;
	policy_free(&r->policy, &r->arena);
	sim_note(sim, "release gone", r->number, 0);
	sim->saw.retired++;
}

/* From the loop, never from under the one who gives it back. */
static void perhaps_gone(struct sim_release *r)
{
	struct sim_release **letter;

	if (!r->sim->up)
		return; /* it ends with everything else */
	letter = baton_new(struct sim_release *);
	*letter = r;
	sim_later_mine(r->sim, 0, gone_due, letter, DUE_BOARD, 0);
}

static void seam_unpin(void *ud, struct baton_release *release)
{
	struct sim_shard *shard = ud;
	struct sim_release *r = held(shard, release);
	struct asked *asked, *next;

	r->pins[shard->index]--;
	shard->sim->pins--;
	if (r->pins[shard->index] > 0)
		return;
	HASH_ITER(hh, shard->sim->asked, asked, next) {
		PROMISE(shard->sim, asked->shard != shard || asked->release != r,
			"who gives a release back has no call on it", NULL);
	}
	if (r->state == RELEASE_DRAINING)
		perhaps_gone(r);
}

bool release_trusted(const struct sim_release *r)
{
	return r == r->sim->live || (r->lived && !r->shut);
}

/* As core/server/seam.c: one that was never live, or whose time is over. */
static bool seam_doubtful(void *ud, struct baton_release *release)
{
	return !release_trusted(held(ud, release));
}

static void seam_turned(void *ud, struct baton_release *release,
			const struct baton_trial_sample *sample)
{
	struct sim_shard *shard = ud;
	struct sim_release *r = held(shard, release);
	struct sim *sim = shard->sim;

	r->turned++;
	if (sim->candidate && (r == sim->candidate || r == sim->live))
		baton_trial_add(&sim->trial,
				r == sim->candidate ? BATON_TRIAL_CANDIDATE : BATON_TRIAL_STABLE,
				sample);
}

static const struct baton_policy *seam_policy(void *ud, struct baton_release *release)
{
	return &held(ud, release)->policy;
}

static uint64_t seam_number(void *ud, struct baton_release *release)
{
	return held(ud, release)->number;
}

static bool seam_works(void *ud, struct baton_release *release, const char *module)
{
	struct sim_shard *shard = ud;

	(void)held(shard, release);
	(void)module;
	return !shard->sim->modules_down;
}

void releases_seam(struct baton_seam *seam)
{
	seam->release_pin = seam_pin;
	seam->release_unpin = seam_unpin;
	seam->release_doubtful = seam_doubtful;
	seam->release_turned = seam_turned;
	seam->policy = seam_policy;
	seam->release_number = seam_number;
	seam->module_works = seam_works;
}

/* --- calls --- */

bool release_open(struct sim_shard *shard, struct baton_release *release)
{
	return !held(shard, release)->shut;
}

bool release_broken(struct sim_shard *shard, struct baton_release *release, enum sim_broken what)
{
	return (held(shard, release)->broken & (unsigned)what) != 0;
}

void release_asked(struct sim_shard *shard, struct baton_release *release, uint64_t ticket)
{
	struct asked *asked = baton_new(struct asked);

	asked->name = call_name(shard, ticket);
	asked->shard = shard;
	asked->ticket = ticket;
	asked->release = held(shard, release);
	HASH_ADD(hh, shard->sim->asked, name, sizeof(asked->name), asked);
	shard->sim->open_calls++;
}

void release_answered(struct sim_shard *shard, uint64_t ticket)
{
	uint64_t name = call_name(shard, ticket);
	struct asked *asked = NULL;

	HASH_FIND(hh, shard->sim->asked, &name, sizeof(name), asked);
	PROMISE(shard->sim, asked != NULL, "what ends was asked", NULL);
	HASH_DEL(shard->sim->asked, asked);
	baton_free(asked);
	shard->sim->open_calls--;
}

/* --- coming and going --- */

static struct sim_release *release_new(struct sim *sim)
{
	struct sim_release *r = baton_new(struct sim_release);

	r->sim = sim;
	r->number = ++sim->last_release;
	policy_make(&r->policy, &r->arena);
	LL_PREPEND(sim->releases, r);
	return r;
}

struct drained {
	struct sim_release *release;
};

static void left_due(struct sim *sim, void *what)
{
	struct sim_release *r = ((struct drained *)what)->release;

	baton_free(what);
	PROMISE(sim, r->state == RELEASE_GONE, "nobody holds a release whose time is over", NULL);
}

/* Its calls fail, its turns begin again on the live one. */
static void shut(struct sim_release *r)
{
	struct sim *sim = r->sim;
	struct asked *asked, *next;
	struct drained *left = baton_new(struct drained);

	if (r->state == RELEASE_GONE || r->shut) {
		baton_free(left);
		return;
	}
	sim_note(sim, "release shut", r->number, 0);
	r->shut = true;
	sim->saw.shut += r->pins[0] + r->pins[1] > 0;
	HASH_ITER(hh, sim->asked, asked, next) {
		if (asked->release == r)
			call_break(asked->shard, asked->ticket);
	}
	left->release = r;
	sim_later_mine(sim, SHUT_MS_MAX * MS, left_due, left, DUE_BOARD, 0);
}

static void shut_due(struct sim *sim, void *what)
{
	struct sim_release *r = ((struct drained *)what)->release;

	(void)sim;
	baton_free(what);
	shut(r);
}

static void drain(struct sim_release *r)
{
	struct drained *letter = baton_new(struct drained);

	r->state = RELEASE_DRAINING;
	perhaps_gone(r);
	letter->release = r;
	sim_later_mine(r->sim, sim_below(r->sim, 9000) * MS, shut_due, letter, DUE_BOARD, 0);
}

/* The board knows the live policies before the old ones can go. */
static void publish(struct sim *sim, struct sim_release *r)
{
	struct sim_release *old = sim->live;

	sim_note(sim, "release live", r->number, old ? old->number : 0);
	sim->live = r;
	r->state = RELEASE_LIVE;
	r->lived = true;
	baton_board_adopt(sim->board, board_now(sim), &r->policy);
	if (old)
		drain(old);
	sim->saw.published++;
}

static void roll_back(struct sim *sim)
{
	struct sim_release *r = sim->candidate;

	sim_note(sim, "release rolled back", r->number, r->broken);
	sim->candidate = NULL;
	sim->saw.rolled_back++;
	drain(r);
}

static void promote(struct sim *sim)
{
	struct sim_release *r = sim->candidate;

	sim->candidate = NULL;
	sim->saw.promoted++;
	publish(sim, r);
}

static void try_one(struct sim *sim)
{
	struct sim_release *r = release_new(sim);

	/* All of it, or one thing. */
	if (sim_chance(sim, 50))
		r->broken = sim_chance(sim, 30) ? BROKEN_ALL : 1u << sim_below(sim, 4);
	r->state = RELEASE_CANARY;
	sim->candidate = r;
	baton_trial_begin(&sim->trial, &limits, sim->now_ns / MS);
	sim_note(sim, "release canary", r->number, r->broken);
	sim->saw.canaries++;
}

/* An admin's hand, or the verdict of the trial. */
static void decide(struct sim *sim)
{
	struct sim_release *r = sim->candidate;
	enum baton_trial_verdict verdict = baton_trial_decide(&sim->trial, sim->now_ns / MS);

	PROMISE(sim, verdict != BATON_TRIAL_PROMOTE || r->broken != BROKEN_ALL,
		"a release that always fails is not promoted", NULL);
	if (sim->calm || verdict == BATON_TRIAL_ROLL_BACK)
		roll_back(sim);
	else if (verdict == BATON_TRIAL_PROMOTE && r->broken)
		roll_back(sim);
	else if (verdict == BATON_TRIAL_PROMOTE || (!r->broken && sim_chance(sim, 1)))
		promote(sim);
	else if (sim_chance(sim, 1))
		roll_back(sim);
}

static void tick_due(struct sim *sim, void *nothing)
{
	(void)nothing;
	sim_later_mine(sim, TICK_MS * MS, tick_due, NULL, DUE_BOARD, 0);
	if (sim->cell)
		return;
	if (sim->candidate)
		decide(sim);
	else if (!sim->calm && sim_chance(sim, 6))
		try_one(sim);
	else if (!sim->calm && sim_chance(sim, 2))
		publish(sim, release_new(sim));
}

/* --- the process --- */

void releases_start(struct sim *sim)
{
	sim->live = release_new(sim);
	sim->live->state = RELEASE_LIVE;
	sim->live->lived = true;
	sim_later_mine(sim, TICK_MS * MS, tick_due, NULL, DUE_BOARD, 0);
}

void releases_stop(struct sim *sim)
{
	struct sim_release *r, *next;
	struct asked *asked, *after;

	LL_FOREACH_SAFE(sim->releases, r, next)
	{
		PROMISE(sim, r->pins[0] + r->pins[1] == 0, "a dead server holds no release", NULL);
		if (r->state != RELEASE_GONE)
			policy_free(&r->policy, &r->arena);
		LL_DELETE(sim->releases, r);
		baton_free(r);
	}
	HASH_ITER(hh, sim->asked, asked, after) {
		HASH_DEL(sim->asked, asked);
		baton_free(asked);
	}
	sim->live = sim->candidate = NULL;
	sim->again = 0;
}

void releases_at_the_end(struct sim *sim)
{
	struct sim_release *r;

	PROMISE(sim, sim->candidate == NULL, "a trial comes to its end", NULL);
	LL_FOREACH(sim->releases, r)
		PROMISE(sim, r == sim->live || r->state == RELEASE_GONE, "an old release goes",
			NULL);
}

struct sim_release *release_of(struct sim *sim, uint64_t number)
{
	struct sim_release *r;

	LL_FOREACH(sim->releases, r)
		if (r->number == number)
			return r;
	return NULL;
}
