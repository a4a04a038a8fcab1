/* SPDX-License-Identifier: Apache-2.0 */

/* What the module wants done later: timers, posted functions, jobs on the helper thread. All
 * callbacks but a job's work run on the main thread. The helper is made when the first job
 * comes. */
#include "core/modhost/inside.h"

#include "core/base/errors.h"

enum { RUN_MAX = 1024, HELPER_STACK_BYTES = 2 * 1024 * 1024 };

/* --- timers ------------------------------------------------------------------------------ */

static int32_t too_early(const char *what)
{
	baton_house_say(BATON_LOG_WARN, "load: %s before there is a loop", what);
	return BATON_E_STATE;
}

/* Sorted; looked for from the end, where most new ones belong. */
static void insert(struct baton_house_timer *timer)
{
	struct baton_house_timer *first = baton_house.timers;
	struct baton_house_timer *at = first ? first->prev : NULL; /* utlist: the last */
	while (at && at->due_ns > timer->due_ns)
		at = at == first ? NULL : at->prev;
	if (at)
		DL_APPEND_ELEM(baton_house.timers, at, timer);
	else
		DL_PREPEND(baton_house.timers, timer);
}

static void drop(struct baton_house_timer *timer)
{
	DL_DELETE(baton_house.timers, timer);
	HASH_DEL(baton_house.timers_by_id, timer);
	timer->guest->timers--;
	baton_free(timer);
}

int32_t baton_guest_timer(baton_ctx *ctx, uint32_t ms, void (*fn)(void *user), void *user,
			  baton_timer *out)
{
	struct baton_guest *guest = baton_guest_of(ctx);
	if (!guest || !fn)
		return BATON_E_INVAL;
	if (!baton_house_is_main())
		return BATON_E_THREAD;
	if (guest == &baton_house.load)
		return too_early("a timer");
	if (guest->timers >= BATON_GUEST_TIMERS_MAX)
		return BATON_E_LIMIT;
	struct baton_house_timer *timer = baton_new(struct baton_house_timer);
	timer->id = ++baton_house.ids;
	timer->due_ns = baton_house_ns() + (uint64_t)ms * 1000000u;
	timer->guest = guest;
	timer->fn = fn;
	timer->user = user;
	HASH_ADD(hh, baton_house.timers_by_id, id, sizeof(timer->id), timer);
	insert(timer);
	guest->timers++;
	if (out)
		*out = timer->id;
	return BATON_OK;
}

int32_t baton_guest_timer_stop(baton_ctx *ctx, baton_timer id)
{
	const struct baton_guest *guest = baton_guest_of(ctx);
	struct baton_house_timer *timer;
	if (!guest || !baton_house_is_main())
		return guest ? BATON_E_THREAD : BATON_E_INVAL;
	HASH_FIND(hh, baton_house.timers_by_id, &id, sizeof(id), timer);
	if (!timer || timer->guest != guest)
		return BATON_E_STALE;
	drop(timer);
	return BATON_OK;
}

unsigned baton_later_clear(struct baton_guest *guest)
{
	unsigned n = 0;
	struct baton_house_timer *timer, *next;
	DL_FOREACH_SAFE(baton_house.timers, timer, next)
	{
		if (timer->guest != guest)
			continue;
		drop(timer);
		n++;
	}
	return n;
}

static void run_timers(uint64_t now)
{
	for (int i = 0; i < RUN_MAX && baton_house.timers; i++) {
		struct baton_house_timer timer = *baton_house.timers;
		if (timer.due_ns > now)
			return;
		drop(baton_house.timers);
		uint32_t was = baton_house_enter(BATON_PLACE_TIMER);
		timer.fn(timer.user);
		baton_house_leave(timer.guest, was);
	}
}

/* --- jobs -------------------------------------------------------------------------------- */

static void *helper(void *none)
{
	(void)none;
	(void)pthread_mutex_lock(&baton_house.lock);
	for (;;) {
		struct baton_house_job *job = baton_house.jobs;
		if (!job) {
			(void)pthread_cond_wait(&baton_house.work, &baton_house.lock);
			continue;
		}
		DL_DELETE(baton_house.jobs, job);
		(void)pthread_mutex_unlock(&baton_house.lock);
		atomic_store(&baton_house.beacon->job, 1);
		job->work(job->user);
		atomic_store(&baton_house.beacon->job, 0);
		(void)pthread_mutex_lock(&baton_house.lock);
		DL_APPEND(baton_house.done, job);
		baton_house_wake();
	}
	return NULL;
}

bool baton_later_helper(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	if (baton_house.has_thread)
		return true;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, HELPER_STACK_BYTES);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	baton_house.has_thread = pthread_create(&thread, &attr, helper, NULL) == 0;
	(void)pthread_attr_destroy(&attr);
	return baton_house.has_thread;
}

int32_t baton_guest_job(baton_ctx *ctx, void (*work)(void *user),
			void (*done)(void *user, int32_t status), void *user, baton_job *out)
{
	struct baton_guest *guest = baton_guest_of(ctx);
	if (!guest || !work)
		return BATON_E_INVAL;
	if (!baton_house_is_main())
		return BATON_E_THREAD;
	if (guest == &baton_house.load)
		return too_early("a job");
	if (guest->closing)
		return BATON_E_STATE;
	if (guest->jobs >= BATON_GUEST_JOBS_MAX)
		return BATON_E_LIMIT;
	struct baton_house_job *job = baton_new(struct baton_house_job);
	job->guest = guest;
	job->work = work;
	job->done = done;
	job->user = user;
	(void)pthread_mutex_lock(&baton_house.lock);
	bool good = baton_later_helper();
	if (good)
		DL_APPEND(baton_house.jobs, job);
	(void)pthread_cond_signal(&baton_house.work);
	(void)pthread_mutex_unlock(&baton_house.lock);
	if (!good) {
		baton_free(job);
		return BATON_E_AGAIN;
	}
	guest->jobs++;
	if (out)
		*out = ++baton_house.ids;
	return BATON_OK;
}

static void finish(struct baton_house_job *job)
{
	struct baton_guest *guest = job->guest;
	guest->jobs--;
	if (job->done) {
		uint32_t was = baton_house_enter(BATON_PLACE_JOB_DONE);
		job->done(job->user, BATON_OK);
		baton_house_leave(guest, was);
	}
	baton_free(job);
	baton_guest_close_if_idle(guest);
}

/* --- posts ------------------------------------------------------------------------------- */

int32_t baton_guest_post(baton_ctx *ctx, void (*fn)(void *user), void *user)
{
	struct baton_guest *guest = baton_guest_of(ctx);
	if (!guest || !fn)
		return BATON_E_INVAL;
	if (guest == &baton_house.load)
		return BATON_E_STATE;
	struct baton_house_post *post = baton_new(struct baton_house_post);
	post->guest = guest;
	post->fn = fn;
	post->user = user;
	(void)pthread_mutex_lock(&baton_house.lock);
	DL_APPEND(baton_house.posts, post);
	(void)pthread_mutex_unlock(&baton_house.lock);
	baton_house_wake();
	return BATON_OK;
}

static void deliver(struct baton_house_post *post)
{
	if (!post->guest->gone) {
		uint32_t was = baton_house_enter(BATON_PLACE_POST);
		post->fn(post->user);
		baton_house_leave(post->guest, was);
	}
	baton_free(post);
}

static void grant(struct baton_house_wish *wish)
{
	int32_t rc = wish->guest->gone ? BATON_E_STATE
				       : baton_guest_ask(wish->guest, &wish->frame, wish->reply);
	(void)pthread_mutex_lock(&baton_house.lock);
	wish->rc = rc;
	wish->done = true; /* from here on it is the other thread's stack again */
	(void)pthread_cond_broadcast(&baton_house.told);
	(void)pthread_mutex_unlock(&baton_house.lock);
}

/* --- all of it --------------------------------------------------------------------------- */

/* What other threads have left. Taken whole: what comes meanwhile waits for the next lap. */
static void run_letters(void)
{
	(void)pthread_mutex_lock(&baton_house.lock);
	struct baton_house_post *posts = baton_house.posts, *post, *next_post;
	struct baton_house_job *jobs = baton_house.done, *job, *next_job;
	struct baton_house_wish *wishes = baton_house.wishes, *wish, *next_wish;
	baton_house.posts = NULL;
	baton_house.done = NULL;
	baton_house.wishes = NULL;
	(void)pthread_mutex_unlock(&baton_house.lock);
	DL_FOREACH_SAFE(wishes, wish, next_wish)
	grant(wish);
	DL_FOREACH_SAFE(posts, post, next_post)
	deliver(post);
	DL_FOREACH_SAFE(jobs, job, next_job)
	finish(job);
}

int baton_later_run(void)
{
	uint64_t now = baton_house_ns();
	run_letters();
	run_timers(now);
	if (!baton_house.timers)
		return -1;
	now = baton_house_ns();
	uint64_t due = baton_house.timers->due_ns;
	return due <= now ? 0 : (int)((due - now) / 1000000u) + 1;
}
