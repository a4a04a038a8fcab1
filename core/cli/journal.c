/* SPDX-License-Identifier: Apache-2.0 */

/* baton fsck, baton transcript and baton package: the journal from outside. */

#include "core/cli/cli.h"

#include "core/base/errors.h"
#include "core/journal/journal.h"
#include "core/server/operations.h"
#include "core/session/event.h"
#include "core/session/package.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct places {
	char journal[4096], key[4096];
	struct baton_journal_options options;
};

static void find_places(const struct cli_options *options, struct places *places)
{
	memset(places, 0, sizeof(*places));
	snprintf(places->journal, sizeof(places->journal), "%s/journal", options->data);
	snprintf(places->key, sizeof(places->key), "%s/master.key", options->data);
	places->options.path = places->journal;
	places->options.key_path = places->key;
}

static bool have_journal(const struct places *places)
{
	if (access(places->journal, R_OK) == 0)
		return true;
	fprintf(stderr, "baton: there is no journal in %s; name its folder with --data\n",
		places->journal);
	return false;
}

static void report(void *ud, bool is_error, const char *line)
{
	const struct cli_options *options = ud;

	if (!options->json || is_error)
		fprintf(stderr, "%s%s\n", is_error ? "error: " : "", line);
}

int cli_fsck(const struct cli_options *options)
{
	struct places places;
	struct baton_fsck_counts counts = { 0 };

	cli_log_to_stderr("error");
	find_places(options, &places);
	if (!have_journal(&places))
		return CLI_FAILED;
	union {
		const struct cli_options *view;
		void *ud;
	} to = { .view = options };
	int rc = baton_journal_fsck(&places.options, options->repair, report, to.ud, &counts);
	if (rc == BATON_E_STATE && !options->json)
		return CLI_FAILED; /* nothing was looked at; why has been told */
	if (options->json)
		printf("{\"ok\":%s,\"sessions\":%llu,\"records\":%llu,\"bytes\":%llu,\"erased\":%llu,\"errors\":%llu,"
		       "\"repaired\":%llu}\n",
		       rc == 0 ? "true" : "false", (unsigned long long)counts.sessions,
		       (unsigned long long)counts.records, (unsigned long long)counts.bytes,
		       (unsigned long long)counts.erased, (unsigned long long)counts.errors,
		       (unsigned long long)counts.repaired);
	else
		printf("%s: %llu sessions, %llu records, %llu errors, %llu repaired\n",
		       rc == 0 ? "ok" : "NOT ok", (unsigned long long)counts.sessions,
		       (unsigned long long)counts.records, (unsigned long long)counts.errors,
		       (unsigned long long)counts.repaired);
	if (rc < 0 && rc != BATON_E_CORRUPT && rc != BATON_E_STATE)
		fprintf(stderr, "baton: %s\n", baton_error_info(rc)->text);
	return rc == 0 ? CLI_OK : CLI_FAILED;
}

/* --- transcript --- */

static void print_time(uint64_t unix_ms)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm utc;
	char text[32];

	if (gmtime_r(&seconds, &utc) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &utc) > 0)
		printf("%s", text);
}

static const char *speaker(const struct baton_event *event)
{
	switch ((int)event->type) {
	case BATON_EV_MESSAGE_RECEIVED:
		return "customer";
	case BATON_EV_ANSWER_GENERATED:
		return "bot";
	case BATON_EV_HUMAN_MESSAGE:
		return "agent";
	default:
		return NULL;
	}
}

static baton_str spoken(const struct baton_event *event)
{
	switch ((int)event->type) {
	case BATON_EV_MESSAGE_RECEIVED:
		return event->message_received.text;
	case BATON_EV_ANSWER_GENERATED:
		return event->answer_generated.text;
	default:
		return event->human_message.text;
	}
}

static bool print_record(void *ud, const struct baton_id *session,
			 const struct baton_record *record)
{
	const struct cli_options *options = ud;
	const struct baton_event_info *info = baton_event_info(record->type);
	struct baton_arena arena = { NULL, 0 };
	struct baton_event event = { .seq = record->seq, .unix_ms = record->unix_ms };

	(void)session;
	if (options->json) {
		printf("{\"seq\":%llu,\"ts\":%llu,\"type\":\"%s\",\"data\":%.*s}\n",
		       (unsigned long long)record->seq, (unsigned long long)record->unix_ms,
		       info ? info->name : "unknown", (int)record->payload.n, record->payload.p);
		return true;
	}
	printf("%4llu  ", (unsigned long long)record->seq);
	print_time(record->unix_ms);
	if (baton_event_parse(record->type, record->payload, &arena, &event) == 0 &&
	    speaker(&event))
		printf("  %s: %.*s\n", speaker(&event), (int)spoken(&event).n, spoken(&event).p);
	else
		printf("  [%s] %.*s\n", info ? info->name : "unknown", (int)record->payload.n,
		       record->payload.p);
	baton_arena_done(&arena);
	return true;
}

static int print_session(const struct cli_options *options, struct baton_lane *lane,
			 const struct baton_id *id)
{
	uint64_t after = options->after ? strtoull(options->after, NULL, 10) : 0;
	union {
		const struct cli_options *view;
		void *ud;
	} to = { .view = options };
	int64_t n = baton_lane_read(lane, id, after, UINT64_MAX, print_record, to.ud);

	if (n < 0) {
		fprintf(stderr, "baton: %s\n", baton_error_info((int)n)->text);
		return CLI_FAILED;
	}
	return CLI_OK;
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

/* What is printed of a session, out of an open journal. */
typedef int print_fn(const struct cli_options *options, struct baton_lane *lane,
		     const struct baton_id *id);

static int with_session(const struct cli_options *options, const struct baton_id *id,
			print_fn *print)
{
	struct baton_lane_events events = { NULL, no_wake, no_commit };
	struct baton_journal *journal = NULL;
	struct baton_lane *lane = NULL;
	struct places places;

	find_places(options, &places);
	places.options.read_only = true; /* beside a running server, too */
	if (!have_journal(&places))
		return CLI_FAILED;
	int rc = baton_journal_open(&places.options, &journal);
	if (rc == 0)
		rc = baton_lane_open(journal, &events, &lane);
	if (rc < 0) {
		fprintf(stderr, "baton: the journal cannot be opened: %s\n",
			rc == BATON_E_NOTFOUND ? "nothing was ever written to it"
					       : baton_error_info(rc)->text);
	} else {
		rc = print(options, lane, id);
		baton_lane_close(&lane);
	}
	if (journal)
		baton_journal_close(&journal);
	return rc == CLI_OK ? CLI_OK : CLI_FAILED;
}

static int session_of(const char *said, struct baton_id *ret)
{
	if (strcmp(said, "operations") == 0) {
		*ret = BATON_OPERATIONS_ID;
	} else if (baton_id_parse(baton_str_of(said), ret) < 0) {
		fprintf(stderr,
			"baton: `%s` is not a session id; `operations` is the log of targets, modes and admins\n",
			said);
		return CLI_USAGE;
	}
	return CLI_OK;
}

/* All that stdin names, an id in each line, which is said again before what it holds. */
static int print_named(const struct cli_options *options, struct baton_lane *lane,
		       const struct baton_id *none)
{
	char line[64];
	int rc = CLI_OK;

	(void)none;
	while (rc == CLI_OK && fgets(line, sizeof(line), stdin)) {
		struct baton_id id;

		line[strcspn(line, "\n")] = '\0';
		rc = session_of(line, &id);
		if (rc != CLI_OK)
			break;
		if (options->json)
			printf("{\"session\":\"%s\"}\n", line);
		else
			printf("%s\n", line);
		rc = print_session(options, lane, &id);
	}
	return rc;
}

int cli_transcript(const struct cli_options *options)
{
	struct baton_id id = { 0 };

	cli_log_to_stderr("error");
	if (strcmp(options->operand, "-") == 0)
		return with_session(options, &id, print_named);
	int rc = session_of(options->operand, &id);
	return rc == CLI_OK ? with_session(options, &id, print_session) : rc;
}

/* --- the case package --- */

static bool add_record(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct baton_package *package = ud;
	struct baton_arena arena = { NULL, 0 };
	struct baton_event event = { .seq = record->seq, .unix_ms = record->unix_ms };

	(void)session;
	if (baton_event_parse(record->type, record->payload, &arena, &event) == 0)
		baton_package_add(package, &event);
	baton_arena_done(&arena);
	return true;
}

static int print_package(const struct cli_options *options, struct baton_lane *lane,
			 const struct baton_id *id)
{
	struct baton_package *package = baton_package_new(id);
	struct baton_buf out = { NULL, 0, 0 };
	int64_t n = baton_lane_read(lane, id, 0, UINT64_MAX, add_record, package);

	if (n <= 0)
		fprintf(stderr, "baton: %s\n",
			baton_error_info(n < 0 ? (int)n : BATON_E_NOTFOUND)->text);
	else if (options->json)
		baton_package_json(package, &out);
	else
		baton_package_text(package, &out);
	if (n > 0)
		printf("%.*s%s", (int)out.n, out.p, options->json ? "\n" : "");
	baton_buf_done(&out);
	baton_package_free(&package);
	return n > 0 ? CLI_OK : CLI_FAILED;
}

int cli_package(const struct cli_options *options)
{
	struct baton_id id;

	cli_log_to_stderr("error");
	if (baton_id_parse(baton_str_of(options->operand), &id) < 0) {
		fprintf(stderr, "baton: `%s` is not a session id\n", options->operand);
		return CLI_USAGE;
	}
	return with_session(options, &id, print_package);
}
