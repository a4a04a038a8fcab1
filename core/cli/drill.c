/* SPDX-License-Identifier: Apache-2.0 */

/* baton drill run FILE: the stages of a run and its end.
 *
 *   before   conversations on a good day, until each script has had one
 *   fault    the lease is taken: the file's own time runs, its faults come and go
 *   after    the faults are over; until the primary answers again, nothing that was kept waits,
 *            and each script has had one more
 *   closing  all conversations are ended, the lease is given back, the journal is compared with
 *            what was sent
 *
 * However this process ends, the fault does: the server takes the lease back at its time, and at
 * once when the connection that holds it is gone. */

#include "core/cli/drill.h"
#include "core/cli/report.h"

#include "core/loop/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static uint64_t monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t drill_now(const struct drill_run *run)
{
	return monotonic_ms() - run->begun_ms;
}

/* --- the file --- */

/* "SET/drills/NAME.yaml" into the set and the name; false if it is not so. */
static bool split_path(const char *path, char set[4096], char name[BATON_NAME_BYTES_MAX + 1])
{
	const char *file = strrchr(path, '/');
	size_t n = file ? strlen(file + 1) : 0;
	const char *folder = file ? file - strlen("/drills") : NULL;

	if (!file || folder < path || strncmp(folder, "/drills", 7) != 0 || n < 6 ||
	    n - 5 > BATON_NAME_BYTES_MAX || strcmp(file + 1 + n - 5, ".yaml") != 0)
		return false;
	int rc = snprintf(set, 4096, "%.*s", (int)(folder - path), path);
	snprintf(name, BATON_NAME_BYTES_MAX + 1, "%.*s", (int)(n - 5), file + 1);
	return rc > 0 && rc < 4096;
}

static int load_file(struct drill_run *run)
{
	const char *path = run->options->operand2;
	char set[4096], name[BATON_NAME_BYTES_MAX + 1];

	if (!split_path(path, set, name)) {
		fprintf(stderr,
			"baton: `%s` is no drill of a policy set: write policies/shop/drills/NAME.yaml\n",
			path);
		return DRILL_USAGE;
	}
	if (access(path, R_OK) != 0) {
		fprintf(stderr, "baton: %s: %s\n", path, strerror(errno));
		return DRILL_USAGE;
	}
	if (baton_policy_load(set, cli_tell_finding, NULL, &run->set) < 0) {
		fprintf(stderr, "baton: the set %s is refused; `baton check %s` says why\n", set,
			set);
		return DRILL_USAGE;
	}
	run->file = baton_policy_drill(run->set, baton_str_of(name));
	if (!run->file || run->file->n_talks == 0) {
		fprintf(stderr, "baton: %s %s\n", path,
			run->file ? "has no conversations: there would be nothing to report"
				  : "must have the name of its file");
		return DRILL_USAGE;
	}
	return 0;
}

/* --- the lease --- */

static uint64_t scaled(const struct drill_run *run, uint32_t ms)
{
	uint64_t less = (uint64_t)((double)ms / run->speed);

	return ms > 0 && less == 0 ? 1 : less;
}

static uint64_t duration(const struct drill_run *run)
{
	uint64_t ms = scaled(run, run->file->duration_ms);

	return ms < 1000 ? 1000 : ms;
}

/* The lease outlasts the faults: what the server has learned of the target for this drill's
 * sessions goes with the drill, and the way back is a part of what is measured. */
static uint64_t lease_ms(const struct drill_run *run)
{
	uint64_t ms = duration(run) + DRILL_AFTER_MS;

	return ms < BATON_DRILL_MS_MAX ? ms : BATON_DRILL_MS_MAX;
}

static void put_fault(const struct drill_run *run, const struct baton_drill_fault_def *fault,
		      struct baton_buf *line)
{
	uint64_t from = scaled(run, fault->at_ms);
	uint64_t to = fault->for_ms ? from + scaled(run, fault->for_ms) : duration(run);

	baton_buf_z(line, line->p[line->n - 1] == '[' ? "{\"target\":" : ",{\"target\":");
	baton_buf_json(line, baton_str_of(fault->target));
	baton_buf_printf(line, ",\"fault\":\"%s\",\"from_ms\":%llu,\"to_ms\":%llu",
			 baton_fault_name(fault->fault.type), (unsigned long long)from,
			 (unsigned long long)to);
	if (fault->fault.ms > 0)
		baton_buf_printf(line, ",\"ms\":%u", fault->fault.ms);
	if (fault->fault.deltas > 0)
		baton_buf_printf(line, ",\"deltas\":%u", fault->fault.deltas);
	baton_buf_z(line, "}");
}

/* When the first fault begins and the last one ends, within the drill. */
static void find_window(const struct drill_run *run, uint64_t *ret_from, uint64_t *ret_to)
{
	*ret_from = UINT64_MAX;
	*ret_to = 0;
	for (size_t i = 0; i < run->file->n_faults; i++) {
		const struct baton_drill_fault_def *fault = &run->file->faults[i];
		uint64_t from = scaled(run, fault->at_ms);
		uint64_t to = fault->for_ms ? from + scaled(run, fault->for_ms) : duration(run);

		*ret_from = from < *ret_from ? from : *ret_from;
		*ret_to = to > *ret_to ? to : *ret_to;
	}
	if (*ret_to > duration(run))
		*ret_to = duration(run);
}

static void fail(struct drill_run *run)
{
	run->failed = true;
	run->stage = STAGE_DONE;
}

static void begin_fault(struct drill_run *run)
{
	struct baton_buf line = { NULL, 0, 0 };
	uint64_t from, to, now;

	baton_buf_z(&line, "{\"do\":\"drill.start\",\"name\":");
	baton_buf_json(&line, baton_str_of(run->file->name));
	baton_buf_printf(&line,
			 ",\"for_ms\":%llu,\"share_ppm\":%u,\"labelled_only\":%s,"
			 "\"hold\":true,\"why\":\"baton drill run\",\"faults\":[",
			 (unsigned long long)lease_ms(run), run->file->share_ppm,
			 run->file->labelled_only ? "true" : "false");
	for (size_t i = 0; i < run->file->n_faults; i++)
		put_fault(run, &run->file->faults[i], &line);
	baton_buf_z(&line, "]}");
	run->fault_on = drill_link_ask(run, &line);
	baton_buf_done(&line);
	if (!run->fault_on) {
		fail(run);
		return;
	}
	now = drill_now(run);
	find_window(run, &from, &to);
	run->fault_ms = now + from;
	run->healed_ms = now + to;
	run->file_end_ms = now + duration(run);
	run->stage = STAGE_FAULT;
}

static void end_fault(struct drill_run *run)
{
	struct baton_buf line = { NULL, 0, 0 };

	if (!run->fault_on || run->failed)
		return; /* nothing to end, or nobody to ask: it ends with the connection */
	baton_buf_z(&line, "{\"do\":\"drill.stop\",\"name\":");
	baton_buf_json(&line, baton_str_of(run->file->name));
	baton_buf_z(&line, "}");
	/* Refused means that its time was up: then it has ended by itself. */
	(void)drill_link_ask(run, &line);
	baton_buf_done(&line);
	run->fault_on = false;
}

/* --- stages --- */

/* Has each script had an outcome for a message that was sent since? */
static bool each_had_one(const struct drill_run *run, uint64_t since_ms)
{
	for (size_t script = 0; script < run->file->n_talks; script++) {
		bool found = false;

		for (size_t i = run->n_samples; i-- > 0 && !found;)
			found = run->samples[i].script == script && run->samples[i].done_ms > 0 &&
				run->samples[i].sent_ms >= since_ms;
		if (!found)
			return false;
	}
	return true;
}

/* When the primary answered again for good (drill_sum.h); 0: not yet, or something kept waits. */
static uint64_t recovered_at(const struct drill_run *run)
{
	uint64_t at = 0, unwell = run->healed_ms;

	for (size_t i = 0; i < run->n_samples; i++) {
		const struct baton_drill_sample *sample = &run->samples[i];

		if ((sample->outcome & BATON_DRILL_CAPTURED) && sample->late_ms == 0)
			return 0;
		if (sample->degraded && sample->sent_ms >= unwell)
			unwell = sample->sent_ms + 1;
	}
	for (size_t i = 0; i < run->n_samples && at == 0; i++)
		if (run->samples[i].primary && run->samples[i].sent_ms >= unwell)
			at = run->samples[i].done_ms;
	return at;
}

static bool nobody_expects_the_primary(const struct drill_run *run)
{
	for (size_t i = 0; i < run->file->n_talks; i++) {
		unsigned outcomes = run->file->talks[i].expect.outcomes;
		if (outcomes == 0 || (outcomes & (BATON_DRILL_ANSWERED | BATON_DRILL_DRAFTED)))
			return false;
	}
	return true;
}

/* Does a message that met the fault still wait for its outcome? */
static bool some_are_open(const struct drill_run *run)
{
	for (size_t i = 0; i < run->n_talks; i++)
		if (run->talks[i].state == TALK_WAITING &&
		    run->samples[run->talks[i].sample].sent_ms < run->healed_ms)
			return true;
	return false;
}

static bool after_is_over(const struct drill_run *run, uint64_t now)
{
	const struct baton_drill_objectives *wanted = &run->file->objectives;
	uint64_t limit = DRILL_AFTER_MS, at = recovered_at(run);

	if (wanted->recover_ms + 10000ull > limit)
		limit = wanted->recover_ms + 10000ull;
	if (wanted->resume_ms + 10000ull > limit)
		limit = wanted->resume_ms + 10000ull;
	if (now >= run->healed_ms + limit)
		return true;
	if (some_are_open(run))
		return false;
	if (now < run->file_end_ms)
		return false;
	if (at == 0 && !nobody_expects_the_primary(run))
		return false;
	return each_had_one(run, at > run->healed_ms ? at : run->healed_ms);
}

/* Nobody finds back by himself from an account without credit: an operator pays and enables it. The
 * end of the drill, which forgets that it was closed, stands for that. */
static bool has_quota(const struct drill_run *run)
{
	for (size_t i = 0; i < run->file->n_faults; i++)
		if (run->file->faults[i].fault.type == BATON_FAULT_QUOTA)
			return true;
	return false;
}

static void move_on(struct drill_run *run, uint64_t now)
{
	switch (run->stage) {
	case STAGE_BEFORE:
		if (each_had_one(run, 0) || now >= DRILL_BEFORE_MS)
			begin_fault(run);
		break;
	case STAGE_FAULT:
		if (now < run->healed_ms + 200) /* the server's clock takes it back, not ours */
			break;
		run->stage = STAGE_AFTER;
		if (has_quota(run))
			end_fault(run);
		break;
	case STAGE_AFTER:
		if (!after_is_over(run, now))
			break;
		run->end_ms = now;
		run->stage = STAGE_CLOSING;
		break;
	case STAGE_CLOSING:
		/* No new message; what was said still gets its outcome. The kept waits no more. */
		drill_talks_close_kept(run);
		if (run->n_open == 0 || now >= run->end_ms + DRILL_OUTCOME_MS)
			run->stage = STAGE_DONE;
		break;
	case STAGE_DONE:
		break;
	}
}

/* A script without a beat begins one conversation in each stage. */
static uint64_t begin_due(struct drill_run *run, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < run->file->n_talks && run->stage < STAGE_CLOSING; i++) {
		uint64_t beat = scaled(run, run->file->talks[i].every_ms);

		if (beat == 0 && run->next_ms[i] <= (uint64_t)run->stage) {
			run->next_ms[i] = (uint64_t)run->stage + 1;
			drill_talk_begin(run, (uint16_t)i);
		}
		if (beat == 0)
			continue;
		if (now >= run->next_ms[i]) {
			run->next_ms[i] = now + (beat < 50 ? 50 : beat);
			drill_talk_begin(run, (uint16_t)i);
		}
		next = run->next_ms[i] < next ? run->next_ms[i] : next;
	}
	return next;
}

static void tell_stage(const struct drill_run *run, enum drill_stage was)
{
	static const char *const words[] = { "before the fault", "the drill is on, its faults come",
					     "the fault is over", "conversations end", "done" };

	if (run->stage != was)
		fprintf(stderr, "baton: %6.1f s  %s; %zu conversations so far\n",
			(double)drill_now(run) / 1000, words[run->stage], run->n_talks);
}

/* The server closes what is silent for ten minutes; with this connection the drill would end. */
static void keep_lease(struct drill_run *run)
{
	struct baton_buf line = { NULL, 0, 0 };

	if (!run->fault_on || drill_now(run) < run->next_ping_ms)
		return;
	run->next_ping_ms = drill_now(run) + DRILL_PING_MS;
	baton_buf_z(&line, "{\"do\":\"ping\"}");
	if (!drill_link_ask(run, &line))
		fail(run);
	baton_buf_done(&line);
}

static void play(struct drill_run *run)
{
	while (run->stage != STAGE_DONE) {
		uint64_t now = drill_now(run), wait = 100, next = begin_due(run, now);
		enum drill_stage was = run->stage;

		(void)drill_talks_tick(run);
		keep_lease(run);
		if (next > now && next - now < wait)
			wait = next - now;
		if (!drill_links_wait(run, wait) || interrupted) {
			run->interrupted = interrupted;
			break;
		}
		move_on(run, drill_now(run));
		tell_stage(run, was);
	}
	end_fault(run);
	if (run->end_ms == 0)
		run->end_ms = drill_now(run);
}

/* --- results --- */

/* What the fault cost above a good day: what its messages cost more than as many before it, and
 * people for the hand-overs it made. A case is taken for DRILL_CASE_MS of somebody's time, because
 * in a drill nobody takes it. */
static double extra_cost(const struct drill_run *run, const struct baton_drill_sum *sum)
{
	const struct baton_drill_counts *well = &sum->phases[BATON_PHASE_BEFORE];
	const struct baton_drill_counts *ill = &sum->phases[BATON_PHASE_FAULT];
	double labour = (double)run->options->labour_usd * 1e6 * DRILL_CASE_MS / 3600000;
	double usual = well->messages ? (double)well->cost_microusd / (double)well->messages : 0;

	return (double)ill->cost_microusd - usual * (double)ill->messages +
	       (double)sum->handoffs * labour;
}

static int show(struct drill_run *run)
{
	struct baton_drill_run figures = { .file = run->file,
					   .fault_ms = run->fault_ms,
					   .healed_ms = run->healed_ms,
					   .end_ms = run->end_ms,
					   .samples = run->samples,
					   .n_samples = run->n_samples,
					   .preserved = run->preserved };
	struct baton_drill_sum sum;
	struct baton_buf out = { NULL, 0, 0 };
	int rc = CLI_OK;

	for (size_t i = 0; i < run->n_talks; i++)
		figures.conversations += run->talks[i].sent > 0;
	baton_drill_add_up(&figures, &sum);
	struct drill_result result = { run, &figures, &sum, extra_cost(run, &sum) };
	if (run->options->html) {
		drill_show_page(&result, &out);
		rc = cli_write_file(run->options->html, baton_buf_view(&out));
		baton_buf_reset(&out);
	}
	if (run->options->json)
		drill_show_json(&result, &out);
	else
		drill_show_text(&result, &out);
	cli_write(STDOUT_FILENO, baton_buf_view(&out));
	baton_buf_done(&out);
	bool held = sum.held;
	baton_drill_sum_done(&sum);
	return rc != CLI_OK ? DRILL_NOT_RUN : held ? DRILL_HELD : DRILL_BROKEN;
}

/* Samples in the order of their conversations: those of one follow each other. */
static int by_talk(const void *a, const void *b)
{
	const struct baton_drill_sample *x = a, *y = b;

	if (x->talk != y->talk)
		return x->talk < y->talk ? -1 : 1;
	return x->sent_ms < y->sent_ms ? -1 : x->sent_ms > y->sent_ms;
}

static int run_and_show(struct drill_run *run)
{
	int rc;

	if (drill_link_open(run, &run->lease) != CLI_OK ||
	    drill_link_open(run, &run->links[0]) != CLI_OK)
		return DRILL_NOT_RUN;
	run->n_links = 1;
	play(run);
	if (run->interrupted || run->failed) {
		fprintf(stderr, "baton: the drill was not finished%s%s; no fault is left behind\n",
			run->why[0] ? ": " : "", run->why);
		return DRILL_NOT_RUN;
	}
	rc = drill_talks_prove(run);
	if (rc != 0)
		return rc;
	if (run->skipped)
		fprintf(stderr, "baton: the server was too busy for some of the conversations\n");
	qsort(run->samples, run->n_samples, sizeof(*run->samples), by_talk);
	return show(run);
}

int cli_drill_run(const struct cli_options *options)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct drill_run *run = baton_new(struct drill_run);

	if (!options->operand2) {
		fprintf(stderr, "baton drill run: the drill's file is missing\n");
		baton_free(run);
		return DRILL_USAGE;
	}
	run->options = options;
	run->lease.fd = -1;
	run->speed = options->speed ? options->speed : 1;
	int rc = load_file(run);
	if (rc == 0) {
		(void)sigaction(SIGINT, &action, NULL);
		(void)sigaction(SIGTERM, &action, NULL);
		run->next_ms = baton_alloc(sizeof(*run->next_ms) * run->file->n_talks);
		run->begun_ms = monotonic_ms();
		run->begun_unix_ms = baton_loop_unix_ms();
		rc = run_and_show(run);
	}
	drill_link_close(&run->lease);
	for (size_t i = 0; i < run->n_links; i++)
		drill_link_close(&run->links[i]);
	baton_free(run->next_ms);
	baton_free(run->samples);
	baton_free(run->talks);
	baton_policy_free(&run->set);
	baton_free(run);
	return rc;
}
