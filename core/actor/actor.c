/* SPDX-License-Identifier: Apache-2.0 */

/* An actor's place in the shard, and its way between disk and memory. */

#include "core/actor/actor.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/observe/metrics.h"

enum { SNAPSHOT_EVENTS = 16, LOAD_PAGE = 256, TOUCH_NS = 250 * 1000 * 1000 };

static const struct aside nothing_aside;

static struct baton_actor **chain_of_id(struct baton_shard *shard, const struct baton_id *id)
{
	return &shard->chains[baton_id_hash(id) & (shard->n_chains - 1)].by_id;
}

static struct baton_actor **chain_of(struct baton_shard *shard, uint64_t number)
{
	return &shard->chains[number & (shard->n_chains - 1)].by_number;
}

struct baton_actor *actor_find(struct baton_shard *shard, const struct baton_id *id)
{
	struct baton_actor *actor = shard->n_chains > 0 ? *chain_of_id(shard, id) : NULL;

	while (actor && !baton_id_eq(&actor->id, id))
		actor = actor->next_by_id;
	return actor;
}

struct baton_actor *actor_of_number(struct baton_shard *shard, uint64_t number)
{
	struct baton_actor *actor = shard->n_chains > 0 ? *chain_of(shard, number) : NULL;

	while (actor && actor->number != number)
		actor = actor->next_by_number;
	return actor;
}

static void chains_add(struct baton_shard *shard, struct baton_actor *actor)
{
	LL_PREPEND2(*chain_of(shard, actor->number), actor, next_by_number);
	LL_PREPEND2(*chain_of_id(shard, &actor->id), actor, next_by_id);
}

static void chains_grow(struct baton_shard *shard)
{
	enum { FIRST_CHAINS = 64 };
	struct baton_shard old = *shard;
	struct baton_actor *actor, *after;

	shard->n_chains = old.n_chains ? 2 * old.n_chains : FIRST_CHAINS;
	shard->chains = baton_alloc(shard->n_chains * sizeof(*shard->chains));
	ACTOR_EACH(&old, i, actor, after)
	chains_add(shard, actor);
	baton_free(old.chains);
}

struct baton_actor *actor_get(struct baton_shard *shard, const struct baton_id *id)
{
	struct baton_actor *actor = actor_find(shard, id);

	if (actor)
		return actor;
	if (shard->n_actors++ == shard->n_chains)
		chains_grow(shard);
	actor = baton_new_lasting(struct baton_actor);
	actor->id = *id;
	actor->shard = shard;
	actor->number = ++shard->last_number;
	actor->aside = &nothing_aside;
	chains_add(shard, actor);
	return actor;
}

struct aside *actor_aside(struct baton_actor *actor)
{
	if (actor->aside == &nothing_aside)
		actor->own_aside = baton_new(struct aside);
	return actor->own_aside;
}

static void drop_aside(struct baton_actor *actor)
{
	if (actor->aside == &nothing_aside)
		return;
	baton_free(actor->own_aside->assist.next_agent);
	baton_free(actor->own_aside);
	actor->aside = &nothing_aside;
}

static void drop_state(struct baton_actor *actor)
{
	if (!actor->state)
		return;
	actor->had_case = actor->state->owner != BATON_OWNER_BOT && !actor->state->erased;
	baton_session_done(actor->state);
	baton_free(actor->state);
	actor->state = NULL;
	DL_DELETE(actor->shard->hot, actor);
	actor->shard->n_cooled++;
}

void actor_free(struct baton_actor *actor)
{
	struct baton_shard *shard = actor->shard;

	actor_run_cancel(actor, BATON_CANCEL_SHUTDOWN);
	actor_assist_cancel(actor, BATON_E_CLOSED);
	actor_summary_cancel(actor);
	actor_tools_cancel(actor);
	while (actor->commits) {
		struct commit *commit = actor->commits;

		LL_DELETE(actor->commits, commit);
		commit_free(commit);
	}
	drop_state(actor);
	LL_DELETE2(*chain_of_id(shard, &actor->id), actor, next_by_id);
	LL_DELETE2(*chain_of(shard, actor->number), actor, next_by_number);
	shard->n_actors--;
	if (actor->subscribers != &actor->one)
		baton_free(actor->subscribers);
	drop_aside(actor);
	baton_free(actor->place);
	baton_free(actor);
}

uint64_t actor_key(struct baton_actor *actor, uint64_t low)
{
	return actor->number << ACTOR_TICKET_BITS | low;
}

uint64_t actor_ticket(struct baton_actor *actor)
{
	uint64_t mask = (1u << ACTOR_TICKET_BITS) - 1;

	/* Never 0 in the low bits, so that a ticket is never mistaken for none. */
	actor->serial = actor->serial % mask + 1;
	return actor_key(actor, actor->serial);
}

/* Whether a session was touched just now or a moment ago makes no difference to who leaves memory,
 * and to move it costs a look at four others. */
void actor_touch(struct baton_actor *actor)
{
	uint64_t now_ns = actor->shard->seam.now_ns(actor->shard->seam.ud);
	bool is_fresh = now_ns - actor->touched_ns < TOUCH_NS;

	if (!is_fresh)
		actor->touched_ns = now_ns;
	if (!actor->state || is_fresh)
		return;
	DL_DELETE(actor->shard->hot, actor);
	DL_APPEND(actor->shard->hot, actor);
}

struct folding {
	struct baton_session *state;
	int rc;
};

static bool fold_record(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct folding *folding = ud;
	struct baton_arena arena = { NULL, 0 };
	struct baton_event event = { .seq = record->seq, .unix_ms = record->unix_ms };

	(void)session;
	folding->rc = baton_event_parse(record->type, record->payload, &arena, &event);
	if (folding->rc == 0 && record->seq != folding->state->seq + 1)
		folding->rc = BATON_E_CORRUPT;
	if (folding->rc == 0)
		baton_session_apply(folding->state, &event);
	baton_arena_done(&arena);
	return folding->rc == 0;
}

static int fold_rest(struct baton_actor *actor, struct baton_session *state)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct folding folding = { state, 0 };
	int64_t n;

	do {
		n = seam->read(seam->ud, &actor->id, state->seq, LOAD_PAGE, fold_record, &folding);
		if (n < 0)
			return (int)n;
		if (folding.rc < 0)
			return folding.rc;
	} while (n == LOAD_PAGE);
	return state->seq > 0 ? BATON_OK : BATON_E_NOTFOUND;
}

/* A snapshot that cannot be read is no loss: the events are the truth. */
static void load_snapshot(struct baton_actor *actor, struct baton_session *state)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_buf bytes = { NULL, 0, 0 };
	uint64_t seq = 0;

	if (seam->snapshot_get(seam->ud, &actor->id, &seq, &bytes) == 0 &&
	    baton_session_load(state, &actor->id, baton_buf_view(&bytes)) == 0 &&
	    state->seq != seq) {
		baton_session_done(state);
		baton_session_init(state, &actor->id);
	}
	actor->snapshot_seq = state->seq;
	baton_buf_done(&bytes);
}

int actor_load(struct baton_actor *actor)
{
	if (actor->state)
		return BATON_OK;
	struct baton_session *state = baton_new(struct baton_session);
	baton_session_init(state, &actor->id);
	load_snapshot(actor, state);
	int rc = fold_rest(actor, state);
	if (rc < 0 && rc != BATON_E_NOTFOUND) {
		baton_session_done(state);
		baton_free(state);
		return rc;
	}
	actor->state = state;
	actor->has_place = actor->has_place && state->owner == BATON_OWNER_QUEUE;
	actor->committed_seq = state->seq;
	DL_APPEND(actor->shard->hot, actor);
	if (rc == 0)
		actor->shard->seam.count(actor->shard->seam.ud, BATON_METRIC_SESSIONS_LOADED, 1);
	return rc;
}

static void save_snapshot(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_buf bytes = { NULL, 0, 0 };

	if (actor->state->erased || actor->state->seq < actor->snapshot_seq + SNAPSHOT_EVENTS)
		return;
	baton_session_save(actor->state, &bytes);
	if (seam->snapshot_put(seam->ud, &actor->id, actor->state->seq, baton_buf_view(&bytes)) ==
	    0)
		actor->snapshot_seq = actor->state->seq;
	baton_buf_done(&bytes);
}

void actor_reset(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;

	baton_assert(!actor->run && !actor->commits && !actor->aside->assist.run &&
		     !actor->aside->summary.run && !actor->aside->tools.run);
	drop_state(actor);
	actor->failed = 0;
	actor->case_due = false;
	seam->forget(seam->ud, &actor->id);
}

void actor_cool(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;

	if (actor->run || actor->commits || actor->failed || actor->is_stale ||
	    actor_assist_busy(actor) || actor_summary_busy(actor) || actor_tools_busy(actor))
		return;
	if (actor->state) {
		save_snapshot(actor);
		drop_state(actor);
		seam->forget(seam->ud, &actor->id);
	}
	if (actor->aside->summary.tried == 0) /* which is to be known as long as the actor is */
		drop_aside(actor);
	if (actor->n_subscribers == 0 && !actor->has_place)
		actor_free(actor);
}
