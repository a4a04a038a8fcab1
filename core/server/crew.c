/* SPDX-License-Identifier: Apache-2.0 */

/* Orders to workers. The order is shared by its letters and counted; whoever reports last sends
 * it back. An adoption lasts: it waits on the worker's loop, between turns, until each new
 * instance has said that it is well, or its time is up. */

#include "core/server/crew.h"

#include "core/base/errors.h"
#include "core/base/log.h"

#include <stdio.h>

struct crew {
	struct baton_mail mail; /* first: back to the loader */
	struct crew_order order;
	pthread_mutex_t lock; /* what follows */
	unsigned left;
	int rc;
	char why[CREW_WHY_MAX];
	uint64_t turns;
};

struct order_mail {
	struct baton_mail mail;
	struct worker *worker;
	struct crew *crew;
};

struct retired_mail {
	struct baton_mail mail;
	void (*retired)(void *ud, uint64_t number);
	void *ud;
	uint64_t number;
};

/* On one worker. */
struct adoption {
	struct worker *worker;
	struct crew *crew;
	uint64_t serial, timer;
	unsigned waits; /* instances that have not answered */
	bool failed;
	char why[CREW_WHY_MAX];
	struct adoption *prev, *next;
};

/* Who is told when a release has gone from this worker. */
struct leaving {
	struct baton_release *release; /* a name */
	struct retired_mail *letter;
	struct baton_loop *back;
	struct leaving *prev, *next;
};

/* Tickets of adoptions: no actor's, whose numbers are small. */
#define ADOPTION_BIT (1ull << 63)
enum { MODULE_BITS = 12, MODULE_MASK = (1 << MODULE_BITS) - 1 };

/* --- back --- */

static void crew_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct crew *crew = (struct crew *)mail;

	if (loop)
		crew->order.then(crew->order.ud, crew->rc, crew->why, crew->turns);
	baton_release_unref(&crew->order.release);
	pthread_mutex_destroy(&crew->lock);
	baton_free(crew);
}

static void report(struct crew *crew, int rc, const char *why, uint64_t turns)
{
	pthread_mutex_lock(&crew->lock);
	if (rc < 0 && crew->rc == 0) {
		crew->rc = rc;
		snprintf(crew->why, sizeof(crew->why), "%s", why);
	}
	crew->turns += turns;
	bool last = --crew->left == 0;
	pthread_mutex_unlock(&crew->lock);
	if (last)
		baton_loop_post(crew->order.back, &crew->mail);
}

/* --- adopting --- */

static void adoption_end(struct adoption *adoption)
{
	struct worker *worker = adoption->worker;

	baton_loop_timer_stop(worker->loop, adoption->timer);
	DL_DELETE(worker->adoptions, adoption);
	report(adoption->crew, adoption->failed ? BATON_E_MODULE : BATON_OK, adoption->why, 0);
	baton_free(adoption);
}

static void adoption_fail(struct adoption *adoption, const char *module, const char *what)
{
	if (adoption->failed)
		return;
	adoption->failed = true;
	snprintf(adoption->why, sizeof(adoption->why), "module %s is not well: %s", module, what);
}

static void adoption_late(void *ud)
{
	struct adoption *adoption = ud;

	adoption->timer = 0;
	if (!adoption->failed)
		snprintf(adoption->why, sizeof(adoption->why),
			 "%u modules were not ready within %u ms (releases.yaml: health)",
			 adoption->waits, adoption->crew->order.health_ms);
	adoption->failed = true;
	/* Answers that still come find nobody: the release goes, and its instances with it. */
	adoption_end(adoption);
}

static void ask_one(struct adoption *adoption, size_t i)
{
	struct worker *worker = adoption->worker;
	struct baton_release *release = adoption->crew->order.release;
	struct baton_generation_view view;
	uint64_t ticket = ADOPTION_BIT | adoption->serial << MODULE_BITS | i;

	int rc = baton_rack_check(worker->rack, release, i, ticket, 0);
	if (rc == 0)
		adoption->waits++;
	if (rc == 0 || rc == BATON_E_UNSUPPORTED)
		return;
	baton_release_view(release, i, &view);
	adoption_fail(adoption, view.module, baton_error_info(rc)->text);
}

static void adopt(struct worker *worker, struct crew *crew)
{
	struct baton_release *release = crew->order.release;
	char why[CREW_WHY_MAX];
	int rc = baton_rack_adopt(worker->rack, release, why, sizeof(why));

	if (rc < 0) {
		report(crew, rc, why, 0);
		return;
	}
	struct adoption *adoption = baton_new(struct adoption);
	adoption->worker = worker;
	adoption->crew = crew;
	adoption->serial = ++worker->last_adoption;
	DL_APPEND(worker->adoptions, adoption);
	for (size_t i = 0; !crew->order.cold && i < baton_release_size(release); i++)
		if (!baton_release_shares(release, i, worker->live))
			ask_one(adoption, i);
	if (adoption->failed || adoption->waits == 0)
		adoption_end(adoption);
	else
		adoption->timer = baton_loop_timer(worker->loop, crew->order.health_ms,
						   adoption_late, adoption);
}

bool crew_heard(struct worker *worker, uint64_t ticket, const baton_error *error)
{
	struct adoption *adoption;

	if (!(ticket & ADOPTION_BIT))
		return false;
	DL_FOREACH(worker->adoptions, adoption)
		if (adoption->serial == (ticket & ~ADOPTION_BIT) >> MODULE_BITS)
			break;
	if (!adoption)
		return true;
	if (error) {
		struct baton_generation_view view;
		char what[256];

		baton_release_view(adoption->crew->order.release, ticket & MODULE_MASK, &view);
		snprintf(what, sizeof(what), "%.*s",
			 (int)(error->message.n < 255 ? error->message.n : 255),
			 error->message.n ? error->message.p : "it gave no reason");
		adoption_fail(adoption, view.module, what);
	}
	adoption->waits--;
	if (adoption->failed || adoption->waits == 0)
		adoption_end(adoption);
	return true;
}

/* --- the others --- */

static void set(struct baton_release **place, struct baton_release *release)
{
	struct baton_release *old = *place;

	*place = release ? baton_release_ref(release) : NULL;
	baton_release_unref(&old);
}

static void publish(struct worker *worker, struct crew *crew)
{
	uint64_t turns = worker->live ? baton_rack_pins(worker->rack, worker->live) : 0;

	baton_release_lives(crew->order.release);
	worker_desk_adopt(worker, crew->order.release);
	set(&worker->live, crew->order.release);
	if (worker->canary == crew->order.release)
		set(&worker->canary, NULL);
	report(crew, BATON_OK, "", turns);
}

static void canary(struct worker *worker, struct crew *crew)
{
	set(&worker->canary, crew->order.release);
	worker->canary_ppm = crew->order.ppm;
	report(crew, BATON_OK, "", 0);
}

static void leave(struct leaving *leaving)
{
	baton_loop_post(leaving->back, &leaving->letter->mail);
	baton_free(leaving);
}

static void retired_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct retired_mail *letter = (struct retired_mail *)mail;

	if (loop)
		letter->retired(letter->ud, letter->number);
	baton_free(letter);
}

static void retire(struct worker *worker, struct crew *crew)
{
	struct baton_release *release = crew->order.release;
	struct leaving *leaving = baton_new(struct leaving);

	leaving->letter = baton_new(struct retired_mail);
	*leaving->letter = (struct retired_mail){ .mail = { .deliver = retired_deliver },
						  .retired = crew->order.retired,
						  .ud = crew->order.ud,
						  .number = baton_release_number(release) };
	leaving->release = release;
	leaving->back = crew->order.back;
	uint64_t turns = baton_rack_pins(worker->rack, release);
	if (baton_rack_retire(worker->rack, release))
		DL_APPEND(worker->leaving, leaving);
	else
		leave(leaving);
	report(crew, BATON_OK, "", turns);
}

void crew_retired(struct worker *worker, struct baton_release *release)
{
	struct leaving *leaving, *after;

	DL_FOREACH_SAFE(worker->leaving, leaving, after)
	{
		if (leaving->release != release)
			continue;
		DL_DELETE(worker->leaving, leaving);
		leave(leaving);
	}
}

static void shut(struct worker *worker, struct crew *crew)
{
	uint64_t turns = baton_rack_pins(worker->rack, crew->order.release);

	baton_rack_shut(worker->rack, crew->order.release);
	report(crew, BATON_OK, "", turns);
}

static void order_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	static void (*const verbs[])(struct worker *, struct crew *) = {
		[CREW_ADOPT] = adopt,   [CREW_PUBLISH] = publish, [CREW_CANARY] = canary,
		[CREW_RETIRE] = retire, [CREW_SHUT] = shut,
	};
	struct order_mail *letter = (struct order_mail *)mail;

	if (loop && letter->worker->rack)
		verbs[letter->crew->order.verb](letter->worker, letter->crew);
	else
		report(letter->crew, BATON_E_CLOSED, "the server stops", 0);
	baton_free(letter);
}

void crew_order(struct baton_server *server, const struct crew_order *order)
{
	struct crew *crew = baton_new(struct crew);

	crew->mail.deliver = crew_deliver;
	crew->order = *order;
	if (order->release)
		crew->order.release = baton_release_ref(order->release);
	crew->left = server->n_workers;
	pthread_mutex_init(&crew->lock, NULL);
	for (unsigned i = 0; i < server->n_workers; i++) {
		struct order_mail *letter = baton_new(struct order_mail);

		letter->mail.deliver = order_deliver;
		letter->worker = &server->workers[i];
		letter->crew = crew;
		baton_loop_post(server->workers[i].loop, &letter->mail);
	}
}

void crew_done(struct worker *worker)
{
	struct leaving *leaving, *after;
	struct adoption *adoption, *next;

	DL_FOREACH_SAFE(worker->adoptions, adoption, next)
	{
		adoption_fail(adoption, "any", "the server stops");
		adoption_end(adoption);
	}
	DL_FOREACH_SAFE(worker->leaving, leaving, after)
	{
		DL_DELETE(worker->leaving, leaving);
		leave(leaving);
	}
	set(&worker->live, NULL);
	set(&worker->canary, NULL);
}
