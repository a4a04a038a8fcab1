/* SPDX-License-Identifier: Apache-2.0 */

/* What is said to both sides: a file of conversations, or those of the journal. Only customers'
 * words are taken: what they were answered is what is tried out. */

#include "core/cli/eval.h"

#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/base/table.h"
#include "core/journal/journal.h"
#include "core/session/event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1024 * 1024, READ_AT_ONCE = 4096 };

static baton_str keep(struct eval_set *set, baton_str text)
{
	return (baton_str){ baton_arena_dup(&set->arena, text.n ? text.p : "", text.n), text.n };
}

/* Room for EVAL_TURNS_MAX words; NULL: as many conversations as there may be. */
static struct eval_talk *add_talk(struct eval_set *set, baton_str name)
{
	if (set->n == EVAL_TALKS_MAX)
		return NULL;
	if (set->n == set->cap) {
		set->cap = set->cap ? set->cap * 2 : 64;
		set->talks = baton_realloc(set->talks, set->cap * sizeof(*set->talks));
	}
	struct eval_talk *talk = &set->talks[set->n++];
	*talk = (struct eval_talk){ .name = keep(set, name),
				    .said = baton_arena_alloc(&set->arena,
							      EVAL_TURNS_MAX * sizeof(baton_str)) };
	return talk;
}

static void add_words(struct eval_set *set, struct eval_talk *talk, baton_str text)
{
	if (talk->n < EVAL_TURNS_MAX && text.n > 0)
		talk->said[talk->n++] = keep(set, baton_str_clip(text, BATON_TEXT_BYTES_MAX));
}

void eval_set_done(struct eval_set *set)
{
	baton_free(set->talks);
	baton_arena_done(&set->arena);
	*set = (struct eval_set){ 0 };
}

/* --- a file --- */

static baton_str text_of(struct eval_set *set, const struct baton_json *object, const char *name)
{
	struct baton_json value = baton_json_get(object, name);

	return value.type == BATON_JSON_STRING ? baton_json_text(&value, &set->arena)
					       : BATON_STR("");
}

/* "" or what is wrong with the line. */
static const char *take_line(struct eval_set *set, baton_str line, unsigned number)
{
	struct baton_json object, turns, turn;
	size_t at = 0;
	char name[16];

	if (!baton_str_utf8_ok(line) || baton_json_parse(line, &object) < 0 ||
	    object.type != BATON_JSON_OBJECT)
		return "is no JSON object";
	turns = baton_json_get(&object, "turns");
	if (turns.type != BATON_JSON_ARRAY)
		return "has no list `turns` of what the customer says";
	baton_str id = text_of(set, &object, "id");
	snprintf(name, sizeof(name), "line %u", number);
	struct eval_talk *talk = add_talk(set, id.n ? id : baton_str_of(name));
	if (!talk)
		return "is one conversation too many; split the file";
	talk->tier = keep(set, text_of(set, &object, "customer_tier"));
	while (baton_json_element(&turns, &at, &turn)) {
		if (turn.type != BATON_JSON_STRING)
			return "has something in `turns` that is no text";
		add_words(set, talk, baton_json_text(&turn, &set->arena));
	}
	return talk->n > 0 ? "" : "has nothing in `turns`";
}

int eval_read_file(const char *path, struct eval_set *set)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc = CLI_OK;

	if (!file) {
		fprintf(stderr, "baton: %s: %s\n", path, strerrordesc_np(errno));
		return CLI_FAILED;
	}
	for (unsigned number = 1; rc == CLI_OK && (n = getline(&line, &cap, file)) > 0; number++) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		if (n == 0)
			continue;
		const char *wrong =
			n > LINE_MAX_BYTES ? "is longer than a megabyte"
					   : take_line(set, (baton_str){ line, (size_t)n }, number);
		if (wrong[0]) {
			fprintf(stderr, "baton: %s:%u: the line %s\n", path, number, wrong);
			rc = CLI_FAILED;
		}
	}
	free(line);
	(void)fclose(file);
	if (rc == CLI_OK && set->n == 0) {
		fprintf(stderr, "baton: %s: there is no conversation in it\n", path);
		rc = CLI_FAILED;
	}
	return rc;
}

/* --- the journal --- */

struct known {
	struct baton_id session;
	size_t talk;
	UT_hash_handle hh;
};

struct reading {
	struct eval_set *set;
	struct known *known;
	uint64_t since_ms, until_ms;
	bool full;
	struct baton_arena arena;
};

static void on_opened(struct reading *reading, const struct baton_id *session,
		      const struct baton_event *event)
{
	const struct baton_ev_session_opened *opened = &event->session_opened;
	char name[BATON_ID_TEXT + 1];

	/* Drills and other trials are no customers. */
	if (event->unix_ms < reading->since_ms || event->unix_ms > reading->until_ms ||
	    baton_str_is(opened->channel, "drill") || baton_str_is(opened->channel, "eval"))
		return;
	baton_id_text(session, name);
	struct eval_talk *talk = add_talk(reading->set, baton_str_of(name));
	reading->full = talk == NULL;
	if (!talk)
		return;
	talk->tier = keep(reading->set, opened->customer_tier);
	struct known *known = baton_alloc(sizeof(*known));
	*known = (struct known){ .session = *session, .talk = reading->set->n - 1 };
	HASH_ADD(hh, reading->known, session, sizeof(known->session), known);
}

static bool each(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct reading *reading = ud;
	struct baton_event event = { .seq = record->seq, .unix_ms = record->unix_ms };
	struct known *known = NULL;

	if (record->payload.n == 0 ||
	    (record->type != BATON_EV_SESSION_OPENED && record->type != BATON_EV_MESSAGE_RECEIVED))
		return true;
	if (baton_event_parse(record->type, record->payload, &reading->arena, &event) == 0) {
		if (record->type == BATON_EV_SESSION_OPENED)
			on_opened(reading, session, &event);
		else
			HASH_FIND(hh, reading->known, session, sizeof(*session), known);
		if (known)
			add_words(reading->set, &reading->set->talks[known->talk],
				  event.message_received.text);
	}
	baton_arena_done(&reading->arena);
	return !reading->full;
}

static int read_all(struct baton_journal *journal, struct reading *reading)
{
	uint64_t at = 0, end = baton_journal_last_position(journal);

	while (at < end && !reading->full) {
		uint64_t last = at;
		int64_t n = baton_journal_follow(journal, at, READ_AT_ONCE, each, reading, &last);

		if (n < 0 && (n != BATON_E_CORRUPT || last <= at))
			return (int)n;
		if (last <= at)
			break;
		at = last;
	}
	return 0;
}

/* Somebody who only looked has said nothing to try. */
static void drop_silent(struct eval_set *set)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		if (set->talks[i].n > 0)
			set->talks[n++] = set->talks[i];
	set->n = n;
}

int eval_read_journal(const char *data, uint64_t since_ms, uint64_t until_ms, struct eval_set *set)
{
	struct reading reading = { .set = set, .since_ms = since_ms, .until_ms = until_ms };
	struct baton_journal *journal = NULL;
	struct known *known, *next;
	char path[4096], key[4096];
	struct baton_journal_options options = { .path = path, .key_path = key, .read_only = true };

	snprintf(path, sizeof(path), "%s/journal", data);
	snprintf(key, sizeof(key), "%s/master.key", data);
	int rc = baton_journal_open(&options, &journal);
	if (rc == 0)
		rc = read_all(journal, &reading);
	if (journal)
		baton_journal_close(&journal);
	HASH_ITER(hh, reading.known, known, next) {
		HASH_DEL(reading.known, known);
		baton_free(known);
	}
	drop_silent(set);
	if (rc < 0)
		fprintf(stderr, "baton: the journal in %s cannot be read: %s\n", path,
			rc == BATON_E_NOTFOUND
				? "nothing was ever written to it; name its folder with --data"
				: baton_error_info(rc)->text);
	else if (set->n == 0)
		fprintf(stderr, "baton: nobody has said anything in that time; say another with "
				"--since, or name a file of conversations\n");
	return rc < 0 || set->n == 0 ? CLI_FAILED : CLI_OK;
}
