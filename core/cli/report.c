/* SPDX-License-Identifier: Apache-2.0 */

/* baton report: what happened, computed from the journal alone, beside a running server.
 *
 * The log is in the order of time but for moments, and records are found by number, so the
 * beginning of the window is looked for by halves. From there everything is read once. Of a
 * conversation that began earlier its own past is read as well; so is that of the cases that wait
 * but have no event in the window, which the index of open work names. */

#include "core/cli/report.h"

#include "core/base/errors.h"
#include "core/journal/journal.h"
#include "core/loop/loop.h"
#include "core/server/operations.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	CLOCK_SLACK_MS = 60000, /* how far a step of the clock may have put records out of order */
	READ_AT_ONCE = 4096,
	PROGRESS_MS = 2000
};

struct reading {
	struct baton_report *report;
	struct cli_report_about *about;
	struct baton_journal *journal;
	struct baton_lane *lane;
	struct baton_arena arena;
	uint64_t next_progress_ms;
};

static int each_past(struct reading *reading, const struct baton_id *session, uint64_t upto);

/* True with the event; false for one that cannot be read: erased, or of a newer server. */
static bool read_event(struct reading *reading, const struct baton_record *record,
		       struct baton_event *ret)
{
	*ret = (struct baton_event){ .seq = record->seq, .unix_ms = record->unix_ms };
	if (record->payload.n == 0) {
		reading->about->erased++;
		return false;
	}
	return baton_event_parse(record->type, record->payload, &reading->arena, ret) == 0;
}

static bool feed(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct reading *reading = ud;
	struct baton_event event;

	reading->about->read++;
	if (!read_event(reading, record, &event)) {
		/* Known or not, its number was used: no gap. */
		event.type = BATON_EV_NONE;
		if (record->payload.n == 0)
			return true;
	}
	if (baton_report_event(reading->report, session, &event) == BATON_E_AGAIN) {
		each_past(reading, session, record->seq);
		(void)baton_report_event(reading->report, session, &event);
	}
	baton_arena_done(&reading->arena);
	return true;
}

/* --- a conversation's own past --- */

struct past {
	struct reading *reading;
	struct baton_arena arena;
	uint64_t upto;
};

static bool prime(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct past *past = ud;
	struct baton_event event = { .seq = record->seq, .unix_ms = record->unix_ms };

	if (record->seq >= past->upto)
		return false;
	if (record->payload.n > 0)
		(void)baton_event_parse(record->type, record->payload, &past->arena, &event);
	baton_report_prime(past->reading->report, session, &event);
	baton_arena_done(&past->arena);
	return true;
}

static int each_past(struct reading *reading, const struct baton_id *session, uint64_t upto)
{
	struct past past = { reading, { NULL, 0 }, upto };
	int64_t n = baton_lane_read(reading->lane, session, 0, upto - 1, prime, &past);

	baton_arena_done(&past.arena);
	baton_report_primed(reading->report, session, upto);
	return n < 0 ? (int)n : 0;
}

/* Cases that wait, of which the window has seen nothing. */
static bool wait_on(void *ud, const struct baton_id *session, uint64_t seq, uint32_t marks)
{
	struct reading *reading = ud;

	(void)marks;
	if (!reading->report->options.only && !baton_report_knows(reading->report, session))
		each_past(reading, session, seq + 1);
	return true;
}

static bool feed_operations(void *ud, const struct baton_id *session,
			    const struct baton_record *record)
{
	struct reading *reading = ud;
	struct baton_event event;

	if (record->unix_ms >= reading->report->options.since_ms)
		return false; /* the log itself brings the rest, at its place among the others */
	if (read_event(reading, record, &event))
		(void)baton_report_event(reading->report, session, &event);
	baton_arena_done(&reading->arena);
	return true;
}

/* --- the log --- */

static bool look_at_time(void *ud, const struct baton_id *session,
			 const struct baton_record *record)
{
	uint64_t *unix_ms = ud;

	(void)session;
	*unix_ms = record->unix_ms;
	return false;
}

/* The last position whose record is older than the window. */
static uint64_t find_start(struct reading *reading)
{
	uint64_t low = 0, high = baton_journal_last_position(reading->journal);
	uint64_t since = reading->report->options.since_ms;

	since = since > CLOCK_SLACK_MS ? since - CLOCK_SLACK_MS : 0;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2, unix_ms = 0, last = 0;
		int64_t n = baton_journal_follow(reading->journal, middle, 1, look_at_time,
						 &unix_ms, &last);
		/* A damaged record says nothing: look to the left, where nothing is missed. */
		if (n == 1 && unix_ms < since)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void tell_progress(struct reading *reading, uint64_t at, uint64_t end)
{
	uint64_t now = baton_loop_unix_ms();

	if (reading->next_progress_ms == 0)
		reading->next_progress_ms = now + PROGRESS_MS;
	if (now < reading->next_progress_ms)
		return;
	reading->next_progress_ms = now + PROGRESS_MS;
	fprintf(stderr, "baton: read %llu events, %llu to go\n",
		(unsigned long long)reading->about->read, (unsigned long long)(end - at));
}

static int read_log(struct reading *reading)
{
	uint64_t at = find_start(reading), end = baton_journal_last_position(reading->journal);

	while (at < end) {
		uint64_t last = at;
		int64_t n = baton_journal_follow(reading->journal, at,
						 end - at < READ_AT_ONCE ? end - at : READ_AT_ONCE,
						 feed, reading, &last);
		if (n == BATON_E_CORRUPT && last > at)
			reading->about->damaged++;
		else if (n < 0)
			return (int)n;
		else if (n == 0)
			break;
		at = last;
		tell_progress(reading, at, end);
	}
	return baton_journal_work(reading->journal, BATON_MARK_CASE_WAITING, wait_on, reading);
}

static void no_wake(void *ud)
{
	(void)ud;
}

static void no_commit(void *ud, uint64_t ticket, int rc, uint64_t position)
{
	(void)ud;
	(void)ticket;
	(void)rc;
	(void)position;
}

int cli_report_read(const char *data, struct baton_report *report, struct cli_report_about *about)
{
	struct baton_lane_events events = { NULL, no_wake, no_commit };
	struct reading reading = { .report = report, .about = about };
	char path[4096], key[4096];
	struct baton_journal_options options = { .path = path, .key_path = key, .read_only = true };

	snprintf(path, sizeof(path), "%s/journal", data);
	snprintf(key, sizeof(key), "%s/master.key", data);
	int rc = baton_journal_open(&options, &reading.journal);
	if (rc == 0)
		rc = baton_lane_open(reading.journal, &events, &reading.lane);
	if (rc == 0) {
		(void)baton_lane_read(reading.lane, &report->options.operations, 0, UINT64_MAX,
				      feed_operations, &reading);
		rc = read_log(&reading);
		baton_lane_close(&reading.lane);
	}
	if (reading.journal)
		baton_journal_close(&reading.journal);
	baton_arena_done(&reading.arena);
	if (rc < 0)
		fprintf(stderr, "baton: the journal in %s cannot be read: %s\n", path,
			rc == BATON_E_NOTFOUND
				? "nothing was ever written to it; name its folder with --data"
				: baton_error_info(rc)->text);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}

/* --- the command --- */

static bool duration_ms(const char *text, uint64_t *ret)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 } };
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || n > 100000)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].unit) == 0) {
			*ret = n * units[i].ms;
			return true;
		}
	return false;
}

bool cli_report_when(const char *text, uint64_t now_ms, uint64_t *ret_ms)
{
	static const char *const formats[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ",
					       "%Y-%m-%d" };
	uint64_t ago;

	if (duration_ms(text, &ago)) {
		*ret_ms = now_ms > ago ? now_ms - ago : 0;
		return true;
	}
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm utc = { 0 };
		const char *end = strptime(text, formats[i], &utc);
		time_t seconds = end && *end == '\0' ? timegm(&utc) : -1;

		if (seconds < 0)
			continue;
		*ret_ms = (uint64_t)seconds * 1000;
		return true;
	}
	return false;
}

static int window_of(const struct cli_options *options, struct baton_report_options *window)
{
	uint64_t now = baton_loop_unix_ms();
	const char *since = options->since ? options->since : "24h";

	window->until_ms = now;
	if (options->until && !cli_report_when(options->until, now, &window->until_ms)) {
		fprintf(stderr, "baton: --until=%s is no time; write 2h or 2026-11-20T08:00Z\n",
			options->until);
		return CLI_USAGE;
	}
	if (!cli_report_when(since, now, &window->since_ms)) {
		fprintf(stderr, "baton: --since=%s is no time; write 24h or 2026-11-20T08:00Z\n",
			since);
		return CLI_USAGE;
	}
	if (window->since_ms > window->until_ms) {
		fprintf(stderr, "baton: --since lies behind --until\n");
		return CLI_USAGE;
	}
	return CLI_OK;
}

int cli_write_file(const char *path, baton_str text)
{
	char part[4096];
	int n = snprintf(part, sizeof(part), "%s.part", path);
	int fd = n < (int)sizeof(part) ? open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
				       : -1;

	if (fd >= 0) {
		ssize_t done = 0;
		while (text.n > 0 && (done = write(fd, text.p, text.n)) > 0) {
			text.p += done;
			text.n -= (size_t)done;
		}
		int rc = close(fd);
		if (rc == 0 && text.n == 0 && rename(part, path) == 0)
			return CLI_OK;
		unlink(part);
	}
	fprintf(stderr, "baton: cannot write %s: %s\n", path, strerror(errno));
	return CLI_FAILED;
}

static int show(const struct cli_options *options, const struct baton_report *report,
		const struct cli_report_about *about)
{
	struct baton_buf out = { NULL, 0, 0 };
	int rc = CLI_OK;

	if (options->html) {
		cli_report_page(report, about, &out);
		rc = cli_write_file(options->html, baton_buf_view(&out));
		baton_buf_reset(&out);
	}
	if (options->json)
		baton_report_json(report, &out);
	else
		cli_report_text(report, about, &out);
	cli_write(STDOUT_FILENO, baton_buf_view(&out));
	baton_buf_done(&out);
	return rc;
}

int cli_report(const struct cli_options *options)
{
	struct baton_report_options window = {
		.operations = BATON_OPERATIONS_ID,
		.drills = options->drills,
		.labour_microusd_per_hour = (uint64_t)options->labour_usd * 1000000,
	};
	struct cli_report_about about = { .title = "Report",
					  .labour_microusd_per_hour =
						  window.labour_microusd_per_hour };

	cli_log_to_stderr("error");
	int rc = window_of(options, &window);
	if (rc != CLI_OK)
		return rc;
	struct baton_report *report = baton_report_new(&window);
	rc = cli_report_read(options->data, report, &about);
	if (rc == CLI_OK) {
		baton_report_end(report);
		rc = show(options, report, &about);
	}
	baton_report_free(&report);
	return rc;
}
