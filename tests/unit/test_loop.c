/* SPDX-License-Identifier: Apache-2.0 */

/* What a loop promises: letters in order and from any thread, timers that are never early, jobs
 * within a bound, flushing before each wait, and an end that loses nothing. Loops run for real, but
 * no test waits for a clock beyond a few milliseconds. */
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/loop/timer.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { SENDERS = 4, LETTERS = 20000 };

struct letter {
	struct baton_mail mail;
	struct inbox *inbox;
	unsigned sender, n;
};

struct inbox {
	unsigned next[SENDERS];
	unsigned total, unordered, undelivered;
};

struct sender {
	struct baton_loop *loop;
	struct inbox *inbox;
	unsigned id, letters;
};

static void on_letter(struct baton_mail *mail, struct baton_loop *loop)
{
	struct letter *letter = (struct letter *)(void *)mail;
	struct inbox *inbox = letter->inbox;

	if (inbox->next[letter->sender]++ != letter->n)
		inbox->unordered++;
	inbox->total++;
	if (!loop)
		inbox->undelivered++;
	else if (inbox->total == SENDERS * LETTERS)
		baton_loop_stop(loop);
	baton_free(letter);
}

static void *send_letters(void *ud)
{
	struct sender *sender = ud;
	for (unsigned i = 0; i < sender->letters; i++) {
		struct letter *letter = baton_new(struct letter);
		letter->mail.deliver = on_letter;
		letter->inbox = sender->inbox;
		letter->sender = sender->id;
		letter->n = i;
		baton_loop_post(sender->loop, &letter->mail);
	}
	return NULL;
}

static void letters_of_one_sender_arrive_in_order(void **state)
{
	(void)state;
	struct inbox inbox = { 0 };
	struct baton_loop *loop = baton_loop_new("test");
	struct sender senders[SENDERS];
	pthread_t threads[SENDERS];

	for (unsigned i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ loop, &inbox, i, LETTERS };
		assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &senders[i]), 0);
	}
	baton_loop_run(loop);
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	baton_loop_free(&loop);

	assert_null(loop);
	assert_int_equal(inbox.total, SENDERS * LETTERS);
	assert_int_equal(inbox.unordered, 0);
	assert_int_equal(inbox.undelivered, 0);
}

static void undelivered_letters_are_given_back_when_the_loop_ends(void **state)
{
	(void)state;
	struct inbox inbox = { 0 };
	struct baton_loop *loop = baton_loop_new("test");
	struct sender sender = { loop, &inbox, 0, 3 };

	send_letters(&sender);
	baton_loop_free(&loop);
	assert_int_equal(inbox.undelivered, 3);
	assert_int_equal(inbox.unordered, 0);
}

/* The loop ends on the last letter while its sender may still be inside post: no use after free. */
struct farewell {
	struct baton_mail mail;
};

static void on_farewell(struct baton_mail *mail, struct baton_loop *loop)
{
	baton_free(mail);
	if (loop)
		baton_loop_stop(loop);
}

static void *run_one_loop(void *ud)
{
	_Atomic(struct baton_loop *) *where = ud;
	struct baton_loop *loop = baton_loop_new("short-lived");
	atomic_store(where, loop);
	baton_loop_run(loop);
	baton_loop_free(&loop);
	return NULL;
}

static void a_loop_may_end_while_its_last_letter_is_being_posted(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		_Atomic(struct baton_loop *) where = NULL;
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, run_one_loop, &where), 0);
		while (!atomic_load(&where))
			sched_yield();

		struct farewell *letter = baton_new(struct farewell);
		letter->mail.deliver = on_farewell;
		baton_loop_post(atomic_load(&where), &letter->mail);
		pthread_join(thread, NULL);
	}
}

/* --- timers --- */

struct fired {
	struct baton_loop *loop;
	uint64_t start_ns, early;
	unsigned order[8], n;
};

struct timed {
	struct fired *fired;
	unsigned id;
	uint64_t delay_ms;
	bool last;
};

static void on_timed(void *ud)
{
	struct timed *timed = ud;
	struct fired *fired = timed->fired;

	if (baton_loop_now_ns(fired->loop) - fired->start_ns < timed->delay_ms * 1000000)
		fired->early++;
	fired->order[fired->n++] = timed->id;
	if (timed->last)
		baton_loop_stop(fired->loop);
}

static void timers_fire_in_order_and_never_early(void **state)
{
	(void)state;
	struct fired fired = { .loop = baton_loop_new("test") };
	struct timed timed[5] = { { &fired, 0, 6, true },
				  { &fired, 1, 2, false },
				  { &fired, 2, 2, false },
				  { &fired, 3, 0, false },
				  { &fired, 4, 1, false } };
	uint64_t numbers[5];

	fired.start_ns = baton_loop_now_ns(fired.loop);
	for (unsigned i = 0; i < 5; i++)
		numbers[i] = baton_loop_timer(fired.loop, timed[i].delay_ms, on_timed, &timed[i]);
	assert_true(baton_loop_timer_stop(fired.loop, numbers[4]));
	assert_false(baton_loop_timer_stop(fired.loop, numbers[4]));
	baton_loop_run(fired.loop);

	assert_int_equal(fired.n, 4);
	assert_int_equal(fired.early, 0);
	const unsigned expected[] = { 3, 1, 2, 0 };
	assert_memory_equal(fired.order, expected, sizeof(expected));
	assert_false(baton_loop_timer_stop(fired.loop, numbers[0]));
	assert_false(baton_loop_timer_stop(fired.loop, 0));
	assert_false(baton_loop_timer_stop(fired.loop, UINT64_MAX));
	baton_loop_free(&fired.loop);
}

/* A timer that is asked for the lap's time, holds the loop, and sets the next. */
struct lapping {
	struct baton_loop *loop;
	uint64_t due_ns, seen_ns[3], unix_ms;
	unsigned n;
};

static void on_lap(void *ud)
{
	struct lapping *lapping = ud;
	uint64_t lap_ns = baton_loop_lap_ns(lapping->loop);

	assert_true(lap_ns >= lapping->due_ns);
	assert_true(lap_ns <= baton_loop_now_ns(lapping->loop));
	lapping->seen_ns[lapping->n++] = lap_ns;
	lapping->unix_ms = baton_loop_lap_unix_ms(lapping->loop);
	while (baton_loop_now_ns(lapping->loop) < lap_ns + 3 * 1000000u)
		continue;
	assert_int_equal(baton_loop_lap_ns(lapping->loop), lap_ns);
	assert_int_equal(baton_loop_lap_unix_ms(lapping->loop), lapping->unix_ms);
	if (lapping->n == 3)
		baton_loop_stop(lapping->loop);
	lapping->due_ns = baton_loop_now_ns(lapping->loop);
	(void)baton_loop_timer(lapping->loop, 0, on_lap, lapping);
}

static void a_lap_has_one_time_and_the_next_a_later_one(void **state)
{
	struct lapping lapping = { .loop = baton_loop_new("test") };

	(void)state;
	(void)baton_loop_timer(lapping.loop, 0, on_lap, &lapping);
	baton_loop_run(lapping.loop);
	assert_int_equal(lapping.n, 3);
	assert_true(lapping.seen_ns[1] >= lapping.seen_ns[0] + 3 * 1000000u);
	assert_true(lapping.seen_ns[2] >= lapping.seen_ns[1] + 3 * 1000000u);
	baton_loop_free(&lapping.loop);
}

static void count_up(void *ud)
{
	(*(unsigned *)ud)++;
}

/* A descriptor's function holds the loop; meanwhile an answer comes, then its deadline is over. */
struct stall {
	struct baton_loop *loop;
	int busy[2], answer[2];
	uint64_t watches[2];
	bool answered, late;
};

static void on_busy(void *ud, bool readable, bool writable)
{
	struct stall *stall = ud;
	(void)readable, (void)writable;
	baton_loop_watch_stop(stall->loop, stall->watches[0]);
	assert_int_equal(write(stall->answer[1], "a", 1), 1);
	uint64_t until = baton_loop_now_ns(stall->loop) + 20 * 1000000;
	while (baton_loop_now_ns(stall->loop) < until)
		continue;
}

static void on_answered(void *ud, bool readable, bool writable)
{
	struct stall *stall = ud;
	(void)readable, (void)writable;
	baton_loop_watch_stop(stall->loop, stall->watches[1]);
	stall->answered = true;
}

static void on_deadline(void *ud)
{
	struct stall *stall = ud;
	stall->late = !stall->answered;
	baton_loop_stop(stall->loop);
}

static void what_has_come_is_told_before_a_deadline_is_over(void **state)
{
	(void)state;
	struct stall stall = { .loop = baton_loop_new("test") };
	assert_int_equal(pipe(stall.busy), 0);
	assert_int_equal(pipe(stall.answer), 0);
	stall.watches[0] =
		baton_loop_watch(stall.loop, stall.busy[0], true, false, on_busy, &stall);
	stall.watches[1] =
		baton_loop_watch(stall.loop, stall.answer[0], true, false, on_answered, &stall);
	assert_int_equal(write(stall.busy[1], "b", 1), 1);
	(void)baton_loop_timer(stall.loop, 5, on_deadline, &stall);
	baton_loop_run(stall.loop);
	baton_loop_free(&stall.loop);
	for (int i = 0; i < 2; i++) {
		(void)close(stall.busy[i]);
		(void)close(stall.answer[i]);
	}
	assert_true(stall.answered);
	assert_false(stall.late);
}

static void a_timer_number_is_never_used_again(void **state)
{
	(void)state;
	struct baton_timers timers = { 0 };
	unsigned fired = 0;

	uint64_t old = baton_timers_set(&timers, 10, count_up, &fired);
	assert_true(baton_timers_stop(&timers, old));
	for (int i = 0; i < 1000; i++) {
		uint64_t number = baton_timers_set(&timers, 10, count_up, &fired);
		assert_int_not_equal(number, old);
		assert_int_not_equal(number, 0);
		assert_false(baton_timers_stop(&timers, old));
		assert_true(baton_timers_stop(&timers, number));
	}
	baton_timers_fire(&timers, 10);
	assert_int_equal(fired, 0);
	baton_timers_done(&timers);
}

struct rearming {
	struct baton_timers *timers;
	unsigned fired;
};

static void rearm(void *ud)
{
	struct rearming *rearming = ud;
	rearming->fired++;
	baton_timers_set(rearming->timers, 0, rearm, rearming);
}

static void a_timer_that_sets_itself_again_cannot_hold_the_loop(void **state)
{
	(void)state;
	struct baton_timers timers = { 0 };
	struct rearming rearming = { &timers, 0 };

	baton_timers_set(&timers, 0, rearm, &rearming);
	baton_timers_fire(&timers, 5);
	assert_int_equal(rearming.fired, 1);
	baton_timers_fire(&timers, 5);
	assert_int_equal(rearming.fired, 2);
	baton_timers_done(&timers);
}

/* The heap against a plain array: random sets and stops, then everything that is due. */
enum { MODEL = 4000 };

struct model {
	uint64_t due[MODEL], number[MODEL], last_due;
	bool stopped[MODEL], fired[MODEL];
	unsigned wrong;
};

struct model_timer {
	struct model *model;
	unsigned i;
};

static void on_model(void *ud)
{
	struct model_timer *timer = ud;
	struct model *model = timer->model;

	if (model->fired[timer->i] || model->stopped[timer->i] ||
	    model->due[timer->i] < model->last_due)
		model->wrong++;
	model->fired[timer->i] = true;
	model->last_due = model->due[timer->i];
}

static void the_heap_agrees_with_a_plain_list(void **state)
{
	(void)state;
	static struct model model;
	static struct model_timer timer[MODEL];
	struct baton_timers timers = { 0 };
	uint32_t seed = 7;

	for (unsigned i = 0; i < MODEL; i++) {
		seed = seed * 1664525 + 1013904223;
		model.due[i] = seed >> 20;
		timer[i] = (struct model_timer){ &model, i };
		model.number[i] = baton_timers_set(&timers, model.due[i], on_model, &timer[i]);
		unsigned victim = (seed >> 8) % (i + 1);
		if (seed % 3 == 0 && !model.stopped[victim])
			model.stopped[victim] = baton_timers_stop(&timers, model.number[victim]);
	}
	baton_timers_fire(&timers, 2000);
	for (unsigned i = 0; i < MODEL; i++)
		assert_int_equal(model.fired[i], !model.stopped[i] && model.due[i] <= 2000);
	assert_true(baton_timers_next(&timers) > 2000);
	baton_timers_fire(&timers, UINT64_MAX);
	assert_int_equal(model.wrong, 0);
	assert_true(baton_timers_next(&timers) == UINT64_MAX);
	baton_timers_done(&timers);
}

/* --- jobs --- */

struct task {
	struct baton_loop *loop;
	pthread_t loop_thread;
	atomic_uint ran_elsewhere;
	unsigned done, stop_at;
};

static void task_work(void *ud)
{
	struct task *task = ud;
	if (!pthread_equal(pthread_self(), task->loop_thread))
		atomic_fetch_add(&task->ran_elsewhere, 1);
}

static void task_done(void *ud)
{
	struct task *task = ud;
	if (++task->done == task->stop_at)
		baton_loop_stop(task->loop);
}

static void jobs_run_on_other_threads_and_end_on_the_loop(void **state)
{
	(void)state;
	struct task task = { .loop = baton_loop_new("test"), .loop_thread = pthread_self() };
	task.stop_at = 50;
	for (int i = 0; i < 50; i++)
		assert_int_equal(baton_loop_job(task.loop, task_work, task_done, &task), 0);
	baton_loop_run(task.loop);
	assert_int_equal(task.done, 50);
	assert_int_equal(atomic_load(&task.ran_elsewhere), 50);
	baton_loop_free(&task.loop);
}

static void the_job_queue_has_a_bound_and_jobs_end_before_the_loop(void **state)
{
	(void)state;
	struct task task = { .loop = baton_loop_new("test"), .loop_thread = pthread_self() };
	for (int i = 0; i < BATON_JOBS_MAX; i++)
		assert_int_equal(baton_loop_job(task.loop, task_work, task_done, &task), 0);
	assert_int_equal(baton_loop_job(task.loop, task_work, task_done, &task), BATON_E_AGAIN);
	baton_loop_free(&task.loop);
	assert_int_equal(task.done, BATON_JOBS_MAX);
}

/* --- descriptors and hooks --- */

struct pipe_end {
	struct baton_loop *loop;
	int fd[2];
	uint64_t watch;
	unsigned reads, flushed, flushed_after_read;
};

static void on_pipe(void *ud, bool readable, bool writable)
{
	struct pipe_end *end = ud;
	char byte;
	assert_true(readable);
	assert_false(writable);
	assert_int_equal(read(end->fd[0], &byte, 1), 1);
	if (++end->reads == 2) {
		baton_loop_watch_stop(end->loop, end->watch);
		baton_loop_stop(end->loop);
	}
}

static void on_flush(void *ud)
{
	struct pipe_end *end = ud;
	end->flushed++;
	if (end->reads > end->flushed_after_read)
		end->flushed_after_read = end->reads;
}

static void a_watch_tells_and_what_it_caused_is_flushed_before_the_wait(void **state)
{
	(void)state;
	struct pipe_end end = { .loop = baton_loop_new("test") };
	assert_int_equal(pipe(end.fd), 0);
	end.watch = baton_loop_watch(end.loop, end.fd[0], true, false, on_pipe, &end);
	assert_int_not_equal(end.watch, 0);
	baton_loop_before_wait(end.loop, on_flush, &end);
	assert_int_equal(write(end.fd[1], "ab", 2), 2);
	baton_loop_run(end.loop);

	assert_int_equal(end.reads, 2);
	assert_int_equal(end.flushed_after_read, 2);
	baton_loop_watch_stop(end.loop, end.watch);
	assert_int_equal(baton_loop_watch(end.loop, -1, true, false, on_pipe, &end), 0);
	baton_loop_free(&end.loop);
	close(end.fd[0]);
	close(end.fd[1]);
}

static void an_open_watch_ends_with_the_loop(void **state)
{
	(void)state;
	struct pipe_end end = { .loop = baton_loop_new("test") };
	assert_int_equal(pipe(end.fd), 0);
	assert_int_not_equal(baton_loop_watch(end.loop, end.fd[0], true, false, on_pipe, &end), 0);
	baton_loop_free(&end.loop);
	assert_int_equal(end.reads, 0);
	close(end.fd[0]);
	close(end.fd[1]);
}

static void busy_for_3_ms(void *ud)
{
	struct baton_loop *loop = ud;
	uint64_t start = baton_loop_now_ns(loop);
	while (baton_loop_now_ns(loop) - start < 3000000)
		;
}

static void stop_loop(void *ud)
{
	baton_loop_stop(ud);
}

static void lag_is_the_time_the_loop_was_kept_and_not_the_time_it_slept(void **state)
{
	(void)state;
	struct baton_loop *loop = baton_loop_new("test");

	baton_loop_timer(loop, 0, busy_for_3_ms, loop);
	baton_loop_timer(loop, 20, stop_loop, loop);
	baton_loop_run(loop);
	uint64_t lag = baton_loop_lag_us(loop);
	assert_true(lag >= 3000);
	assert_int_equal(baton_loop_lag_us(loop), 0);
	baton_loop_free(&loop);
}

static void a_stop_before_the_run_is_kept(void **state)
{
	(void)state;
	struct baton_loop *loop = baton_loop_new("a name longer than a thread may have");
	baton_loop_stop(loop);
	baton_loop_run(loop);
	baton_loop_free(&loop);
	baton_loop_free(&loop);
	assert_null(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_of_one_sender_arrive_in_order),
		cmocka_unit_test(undelivered_letters_are_given_back_when_the_loop_ends),
		cmocka_unit_test(a_loop_may_end_while_its_last_letter_is_being_posted),
		cmocka_unit_test(timers_fire_in_order_and_never_early),
		cmocka_unit_test(a_lap_has_one_time_and_the_next_a_later_one),
		cmocka_unit_test(what_has_come_is_told_before_a_deadline_is_over),
		cmocka_unit_test(a_timer_number_is_never_used_again),
		cmocka_unit_test(a_timer_that_sets_itself_again_cannot_hold_the_loop),
		cmocka_unit_test(the_heap_agrees_with_a_plain_list),
		cmocka_unit_test(jobs_run_on_other_threads_and_end_on_the_loop),
		cmocka_unit_test(the_job_queue_has_a_bound_and_jobs_end_before_the_loop),
		cmocka_unit_test(a_watch_tells_and_what_it_caused_is_flushed_before_the_wait),
		cmocka_unit_test(an_open_watch_ends_with_the_loop),
		cmocka_unit_test(lag_is_the_time_the_loop_was_kept_and_not_the_time_it_slept),
		cmocka_unit_test(a_stop_before_the_run_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
