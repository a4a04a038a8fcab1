/* SPDX-License-Identifier: Apache-2.0 */

/* The case package of a session, made out of its log when somebody asks for it. */

#include "core/actor/actor.h"

#include "core/base/errors.h"
#include "core/session/package.h"

/* Of a log that is longer, the beginning (who the customer is) and the newest part are read: a
 * worker has others to serve. Folding these takes about 4 ms. */
enum { FIRST_EVENTS = 64, NEWEST_EVENTS = 4096, PAGE_EVENTS = 256 };

struct folding {
	struct baton_package *package;
	uint64_t seq, until;
	int rc;
};

static bool fold_record(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct folding *folding = ud;
	struct baton_event event = { .seq = record->seq, .unix_ms = record->unix_ms };
	struct baton_arena arena = { NULL, 0 };

	(void)session;
	if (record->seq > folding->until)
		return false;
	folding->rc = baton_event_parse(record->type, record->payload, &arena, &event);
	if (folding->rc == 0)
		baton_package_add(folding->package, &event);
	folding->seq = record->seq;
	baton_arena_done(&arena);
	return folding->rc == 0;
}

static int fold_part(struct baton_actor *actor, struct folding *folding)
{
	const struct baton_seam *seam = &actor->shard->seam;
	int64_t n = PAGE_EVENTS;

	while (n == PAGE_EVENTS && folding->seq < folding->until && folding->rc == 0) {
		n = seam->read(seam->ud, &actor->id, folding->seq, PAGE_EVENTS, fold_record,
			       folding);
		if (n < 0)
			return (int)n;
	}
	return folding->rc;
}

/* The condition of the rule that brought it here, if the release that decided is at hand: then the
 * package shows the values that mattered. */
static void add_condition(struct baton_actor *actor, struct baton_package *package)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_release *release = seam->release_pin(seam->ud, &actor->id);
	const struct baton_policy *policy = seam->policy(seam->ud, release);
	uint64_t decided_by;
	baton_str rule = baton_package_rule(package, &decided_by);

	if (decided_by == seam->release_number(seam->ud, release))
		for (size_t i = 0; i < policy->n_rules; i++)
			if (baton_str_is(rule, policy->rules[i].id))
				baton_package_condition(package,
							baton_str_of(policy->rules[i].when));
	seam->release_unpin(seam->ud, release);
}

/* What has been decided and is on its way to the disk. */
static void add_in_flight(const struct baton_actor *actor, struct baton_package *package)
{
	const struct commit *commit;

	LL_FOREACH(actor->commits, commit)
		for (size_t i = 0; i < commit->n_events; i++)
			baton_package_add(package, &commit->events[i]);
}

struct baton_package *actor_package(struct baton_actor *actor, bool ahead)
{
	uint64_t last = actor->committed_seq;
	struct folding folding = { .package = baton_package_new(&actor->id), .until = last };

	if (last > FIRST_EVENTS + NEWEST_EVENTS)
		folding.until = FIRST_EVENTS;
	int rc = fold_part(actor, &folding);
	if (rc == 0 && folding.until < last) {
		folding.seq = last - NEWEST_EVENTS;
		folding.until = last;
		rc = fold_part(actor, &folding);
	}
	if (rc < 0) {
		baton_package_free(&folding.package);
		return NULL;
	}
	if (ahead)
		add_in_flight(actor, folding.package);
	add_condition(actor, folding.package);
	return folding.package;
}

void baton_shard_package(struct baton_shard *shard, const struct baton_id *session, baton_conn conn)
{
	struct baton_actor *actor = actor_get(shard, session);
	struct baton_package *package = NULL;
	int rc = actor->failed ? actor->failed : actor_load(actor);

	/* Its first message may still be on its way to the disk: then there is nothing to tell. */
	if (rc == BATON_OK && actor->committed_seq == 0)
		rc = BATON_E_NOTFOUND;
	if (rc == BATON_OK && actor->state->erased)
		rc = BATON_E_ERASED;
	if (rc == BATON_OK) {
		package = actor_package(actor, false);
		rc = package ? BATON_OK : BATON_E_IO;
	}
	if (package) {
		struct baton_notice *notice = baton_notice_new(BATON_NOTE_PACKAGE, session);
		struct baton_buf json = { NULL, 0, 0 };

		baton_package_json(package, &json);
		notice->text = baton_notice_keep(notice, baton_buf_view(&json));
		tell_one(actor, conn, notice);
		baton_buf_done(&json);
		baton_package_free(&package);
	} else {
		tell_refused(actor, &(struct waiter){ .conn = conn, .verb_name = "package" }, rc);
	}
	actor_touch(actor);
	if (rc == BATON_E_NOTFOUND || !actor->state)
		actor_cool(actor);
}
