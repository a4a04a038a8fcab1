/* SPDX-License-Identifier: Apache-2.0 */

/* One thread's event loop: a mailbox, timers, jobs and watched descriptors over one uv_loop_t.
 *
 * The mailbox is a stack that any thread pushes on with one compare-and-swap; the loop takes the
 * whole of it at once and turns it round, which keeps the order of each sender. Only the push on an
 * empty stack wakes the loop, so a burst of letters costs one write to the wake-up descriptor.
 *
 * Surprising: libuv runs timers before it polls. A deadline that falls due while the loop stands
 * still would be over although what it waits for has long come; so timers that are late wait for a
 * poll. And libuv runs the callbacks of descriptors inside its wait, so the time between check and
 * prepare says nothing of lag. But its own clock, in milliseconds, is set when the wait is over.
 */
#include "core/loop/inside.h"
#include "core/loop/timer.h"

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include <utlist.h>

enum {
	NS_PER_MS = 1000000,
	NS_PER_US = 1000,
	HOOKS_MAX = 4,
	JOB_NICE = 5,
	CLOSE_LAPS_MAX = 1000,
	LATE_NS = 2 * NS_PER_MS, /* due for longer when it fires: the loop has stood still */
	LETTER_LAPS_MAX = 4 /* letters may bring letters; then the descriptors have their turn */
};

struct loop_hook {
	void (*fn)(void *ud);
	void *ud;
};

struct loop_job {
	uv_work_t work; /* first: uv hands back its address */
	struct baton_loop *loop;
	void (*run)(void *ud);
	void (*done)(void *ud);
	void *ud;
};

struct loop_watch {
	uv_poll_t poll; /* first */
	struct baton_loop *loop;
	void (*fn)(void *ud, bool readable, bool writable);
	void *ud;
};

struct baton_loop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_prepare_t prepare;
	uv_check_t polled; /* behind the callbacks of descriptors */
	uv_timer_t clock;  /* wakes the loop for the earliest of our own timers */
	uint64_t clock_due_ns;
	char name[16];

	pthread_t thread;
	_Atomic(struct baton_mail *) mail;
	atomic_uint posting; /* threads inside post or stop: free waits for them to leave */
	atomic_bool stopping;
	atomic_uint_fast64_t lag_us;

	struct baton_timers timers;
	struct baton_slots watches;
	struct loop_hook hooks[HOOKS_MAX];
	size_t n_hooks;
	struct baton_guest *guests;
	struct baton_http *http;
	unsigned jobs;

	uint64_t turn_ns, woke_ns;    /* when the last turn ended, and the wait behind it */
	uint64_t lap_ns, lap_unix_ms; /* what time it is in this lap; 0: nobody has asked */
	bool late;                    /* timers wait for this lap's poll */
};

/* --- time --- */

uint64_t baton_loop_now_ns(struct baton_loop *loop)
{
	(void)loop;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

uint64_t baton_loop_lap_ms(struct baton_loop *loop)
{
	return uv_now(&loop->uv);
}

uint64_t baton_loop_unix_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

uint64_t baton_loop_lap_ns(struct baton_loop *loop)
{
	if (!loop->lap_ns)
		loop->lap_ns = baton_loop_now_ns(loop);
	return loop->lap_ns;
}

uint64_t baton_loop_lap_unix_ms(struct baton_loop *loop)
{
	if (!loop->lap_unix_ms)
		loop->lap_unix_ms = baton_loop_unix_ms();
	return loop->lap_unix_ms;
}

uint64_t baton_loop_lag_us(struct baton_loop *loop)
{
	return atomic_exchange_explicit(&loop->lag_us, 0, memory_order_relaxed);
}

static void lag_measure(struct baton_loop *loop, uint64_t now)
{
	uint64_t begin = loop->woke_ns > loop->turn_ns ? loop->woke_ns : loop->turn_ns;
	loop->turn_ns = now;
	if (now <= begin)
		return;

	/* A reader may reset it at the same time; either way one of two true values stays. */
	uint64_t lag_us = (now - begin) / NS_PER_US;
	if (lag_us > atomic_load_explicit(&loop->lag_us, memory_order_relaxed))
		atomic_store_explicit(&loop->lag_us, lag_us, memory_order_relaxed);
}

/* --- mailbox --- */

void baton_loop_post(struct baton_loop *loop, struct baton_mail *mail)
{
	atomic_fetch_add_explicit(&loop->posting, 1, memory_order_acquire);

	struct baton_mail *top = atomic_load_explicit(&loop->mail, memory_order_relaxed);
	do
		mail->next = top;
	while (!atomic_compare_exchange_weak_explicit(&loop->mail, &top, mail, memory_order_release,
						      memory_order_relaxed));
	/* Our own thread is awake, and looks again before it waits. */
	if (!top && !pthread_equal(loop->thread, pthread_self()))
		uv_async_send(&loop->wake);

	atomic_fetch_sub_explicit(&loop->posting, 1, memory_order_release);
}

void baton_loop_stop(struct baton_loop *loop)
{
	atomic_fetch_add_explicit(&loop->posting, 1, memory_order_acquire);
	atomic_store_explicit(&loop->stopping, true, memory_order_release);
	uv_async_send(&loop->wake);
	atomic_fetch_sub_explicit(&loop->posting, 1, memory_order_release);
}

static void mail_deliver(struct baton_loop *loop, struct baton_loop *to)
{
	struct baton_mail *top = atomic_exchange_explicit(&loop->mail, NULL, memory_order_acquire);
	struct baton_mail *first = NULL;

	while (top) {
		struct baton_mail *older = top->next;
		top->next = first;
		first = top;
		top = older;
	}
	while (first) {
		struct baton_mail *mail = first;
		first = mail->next; /* deliver() may free the letter */
		mail->deliver(mail, to);
	}
}

static bool has_mail(struct baton_loop *loop)
{
	return atomic_load_explicit(&loop->mail, memory_order_relaxed) != NULL;
}

static void on_wake(uv_async_t *wake)
{
	struct baton_loop *loop = wake->data;
	mail_deliver(loop, loop);
	if (atomic_load_explicit(&loop->stopping, memory_order_acquire))
		uv_stop(&loop->uv);
}

/* --- timers --- */

uint64_t baton_loop_timer(struct baton_loop *loop, uint64_t delay_ms, void (*fn)(void *ud),
			  void *ud)
{
	uint64_t due = baton_loop_now_ns(loop);
	if (delay_ms < (UINT64_MAX - due) / NS_PER_MS)
		due += delay_ms * NS_PER_MS;
	else
		due = UINT64_MAX - 1;
	return baton_timers_set(&loop->timers, due, fn, ud);
}

bool baton_loop_timer_stop(struct baton_loop *loop, uint64_t timer)
{
	return baton_timers_stop(&loop->timers, timer);
}

/* For those who are told, the time is what their timers say it is. */
static void timers_fire(struct baton_loop *loop, uint64_t now)
{
	loop->lap_ns = now;
	baton_timers_fire(&loop->timers, now);
}

/* Everything that has come is told. */
static void tell_all(struct baton_loop *loop)
{
	struct baton_guest *guest, *next;

	for (unsigned lap = 0; lap < LETTER_LAPS_MAX && has_mail(loop); lap++)
		mail_deliver(loop, loop);
	LL_FOREACH_SAFE(loop->guests, guest, next)
	{
		if (guest->wants_turn) {
			guest->wants_turn = false;
			guest->turn(guest->ud);
		}
	}
	/* What the guests brought is told in this turn, too. */
	for (unsigned lap = 0; lap < LETTER_LAPS_MAX && has_mail(loop); lap++)
		mail_deliver(loop, loop);
}

static void on_polled(uv_check_t *polled)
{
	struct baton_loop *loop = polled->data;
	loop->woke_ns = uv_now(&loop->uv) * NS_PER_MS;
	if (!loop->late)
		return;
	loop->late = false;
	tell_all(loop);
	timers_fire(loop, baton_loop_now_ns(loop));
}

/* The prepare that follows sets the clock to what is due, which is now: the poll does not wait. */
static void on_clock(uv_timer_t *clock)
{
	struct baton_loop *loop = clock->data;
	uint64_t now = baton_loop_now_ns(loop), due = baton_timers_next(&loop->timers);
	loop->clock_due_ns = UINT64_MAX;
	if (due < now && now - due > LATE_NS)
		loop->late = true;
	else
		timers_fire(loop, now);
}

static bool guest_wants_turn(const struct baton_loop *loop)
{
	const struct baton_guest *guest;
	LL_FOREACH(loop->guests, guest)
		if (guest->wants_turn)
			return true;
	return false;
}

/* Before waiting, and only then, libuv's timer is set to the earliest of ours: however many were
 * set and stopped meanwhile. One that was stopped may wake the loop once in vain; that is cheaper
 * than moving the clock each time. */
static void clock_arm(struct baton_loop *loop, uint64_t now)
{
	uint64_t due = guest_wants_turn(loop) ? now : baton_timers_next(&loop->timers);
	if (due >= loop->clock_due_ns)
		return;

	loop->clock_due_ns = due;
	uint64_t wait_ns = due > now ? due - now : 0;
	uv_update_time(&loop->uv);
	/* Rounded up, so never early; but what is due now is due now and not in 1 ms. */
	uv_timer_start(&loop->clock, on_clock, (wait_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}

/* --- the end of a turn --- */

static void on_prepare(uv_prepare_t *prepare)
{
	struct baton_loop *loop = prepare->data;
	struct baton_guest *guest, *next;

	tell_all(loop);
	for (size_t i = 0; i < loop->n_hooks; i++)
		loop->hooks[i].fn(loop->hooks[i].ud);
	LL_FOREACH_SAFE(loop->guests, guest, next)
	guest->settle(guest->ud);

	if (has_mail(loop))
		uv_async_send(&loop->wake);
	uint64_t now = baton_loop_now_ns(loop);
	clock_arm(loop, now);
	lag_measure(loop, now);
	loop->lap_ns = loop->lap_unix_ms = 0;
}

void baton_loop_before_wait(struct baton_loop *loop, void (*fn)(void *ud), void *ud)
{
	baton_assert(loop->n_hooks < HOOKS_MAX);
	loop->hooks[loop->n_hooks++] = (struct loop_hook){ fn, ud };
}

void baton_loop_guest_add(struct baton_loop *loop, struct baton_guest *guest)
{
	LL_APPEND(loop->guests, guest);
}

void baton_loop_guest_remove(struct baton_loop *loop, struct baton_guest *guest)
{
	LL_DELETE(loop->guests, guest);
}

struct baton_http **baton_loop_http_place(struct baton_loop *loop)
{
	return &loop->http;
}

/* --- jobs --- */

/* Jobs give way to the loops: a module that learns must not keep a customer waiting on a machine
 * with few cores. */
static void give_way(void)
{
	static _Thread_local bool given;
	if (!given)
		(void)setpriority(PRIO_PROCESS, 0, JOB_NICE); /* of this thread alone, on Linux */
	given = true;
}

static void on_job_work(uv_work_t *work)
{
	give_way();
	struct loop_job *job = (struct loop_job *)(void *)work;
	job->run(job->ud);
}

static void on_job_done(uv_work_t *work, int status)
{
	(void)status; /* jobs are never cancelled */
	struct loop_job *job = (struct loop_job *)(void *)work;
	job->loop->jobs--;
	job->done(job->ud);
	baton_free(job);
}

int baton_loop_job(struct baton_loop *loop, void (*work)(void *ud), void (*done)(void *ud),
		   void *ud)
{
	if (loop->jobs >= BATON_JOBS_MAX)
		return BATON_E_AGAIN;

	struct loop_job *job = baton_new(struct loop_job);
	job->loop = loop;
	job->run = work;
	job->done = done;
	job->ud = ud;
	if (uv_queue_work(&loop->uv, &job->work, on_job_work, on_job_done) != 0) {
		baton_free(job);
		return BATON_E_AGAIN;
	}
	loop->jobs++;
	return BATON_OK;
}

/* --- descriptors --- */

static void on_watch(uv_poll_t *poll, int status, int events)
{
	struct loop_watch *watch = (struct loop_watch *)(void *)poll;
	/* An error or a hang-up is told as readable and writable: the read or write then says what
	 * it is. */
	bool broken = status < 0 || (events & UV_DISCONNECT);
	watch->fn(watch->ud, broken || (events & UV_READABLE), broken || (events & UV_WRITABLE));
}

static void on_watch_closed(uv_handle_t *handle)
{
	baton_free(handle);
}

uint64_t baton_loop_watch(struct baton_loop *loop, int fd, bool read, bool write,
			  void (*fn)(void *ud, bool readable, bool writable), void *ud)
{
	struct loop_watch *watch = baton_new(struct loop_watch);
	watch->loop = loop;
	watch->fn = fn;
	watch->ud = ud;
	if (uv_poll_init(&loop->uv, &watch->poll, fd) != 0) {
		baton_free(watch); /* a plain file, or a closed descriptor: 0 is no watch */
		return 0;
	}

	int events = (read ? UV_READABLE : 0) | (write ? UV_WRITABLE : 0);
	if (uv_poll_start(&watch->poll, events, on_watch) != 0) {
		uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
		return 0;
	}
	return baton_slots_put(&loop->watches, watch);
}

void baton_loop_watch_stop(struct baton_loop *loop, uint64_t watch)
{
	struct loop_watch *found = baton_slots_take(&loop->watches, watch);
	if (!found)
		return;
	uv_poll_stop(&found->poll); /* at once: the caller may close the descriptor now */
	uv_close((uv_handle_t *)&found->poll, on_watch_closed);
}

/* --- life --- */

void *baton_loop_uv(struct baton_loop *loop)
{
	return &loop->uv;
}

/* OpenSSL writes to sockets without MSG_NOSIGNAL: a peer that hangs up would end the process. */
static void sigpipe_block(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

struct baton_loop *baton_loop_new(const char *name)
{
	struct baton_loop *loop = baton_new(struct baton_loop);
	snprintf(loop->name, sizeof(loop->name), "%s", name);
	loop->thread = pthread_self();
	pthread_setname_np(loop->thread, loop->name);
	sigpipe_block();

	int rc = uv_loop_init(&loop->uv);
	rc = rc ? rc : uv_async_init(&loop->uv, &loop->wake, on_wake);
	rc = rc ? rc : uv_prepare_init(&loop->uv, &loop->prepare);
	rc = rc ? rc : uv_check_init(&loop->uv, &loop->polled);
	rc = rc ? rc : uv_timer_init(&loop->uv, &loop->clock);
	baton_assert(rc == 0); /* no descriptors left at start: nothing can run */

	loop->wake.data = loop->prepare.data = loop->clock.data = loop->polled.data = loop;
	loop->clock_due_ns = UINT64_MAX;
	uv_prepare_start(&loop->prepare, on_prepare);
	uv_check_start(&loop->polled, on_polled);
	return loop;
}

void baton_loop_run(struct baton_loop *loop)
{
	loop->turn_ns = baton_loop_now_ns(loop);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	atomic_store_explicit(&loop->stopping, false, memory_order_relaxed);
}

static void loop_close_handles(struct baton_loop *loop)
{
	uint32_t at = 0;
	struct loop_watch *watch;
	while ((watch = baton_slots_each(&loop->watches, &at)))
		uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->prepare, NULL);
	uv_close((uv_handle_t *)&loop->polled, NULL);
	uv_close((uv_handle_t *)&loop->clock, NULL);
}

void baton_loop_free(struct baton_loop **ploop)
{
	struct baton_loop *loop = *ploop;
	if (!loop)
		return;
	*ploop = NULL;

	struct baton_guest *guest, *next;
	LL_FOREACH_SAFE(loop->guests, guest, next)
	if (guest->end)
		guest->end(guest->ud);

	/* Jobs on pool threads cannot be called back; their ends may post and set timers. Nothing
	 * else runs any more: whoever set a timer or a hook is gone. */
	uv_prepare_stop(&loop->prepare);
	uv_check_stop(&loop->polled);
	uv_timer_stop(&loop->clock);
	while (loop->jobs)
		uv_run(&loop->uv, UV_RUN_ONCE);
	while (atomic_load_explicit(&loop->posting, memory_order_acquire))
		sched_yield();
	while (has_mail(loop))
		mail_deliver(loop, NULL);

	loop_close_handles(loop);
	int rc = UV_EBUSY;
	for (int i = 0; i < CLOSE_LAPS_MAX && rc == UV_EBUSY; i++) {
		uv_run(&loop->uv, UV_RUN_NOWAIT);
		rc = uv_loop_close(&loop->uv);
	}
	baton_timers_done(&loop->timers);
	baton_slots_done(&loop->watches);
	if (rc) {
		/* A foreign handle was left open; it points into the loop, so the loop stays. */
		baton_log(BATON_LOG_ERROR, "loop_left_open", "s", "loop", loop->name);
		return;
	}
	baton_free(loop);
}
