/* SPDX-License-Identifier: Apache-2.0 */

/* The conversations of a drill: what is said, what is heard, and what became of each message.
 *
 * A conversation is followed with an agent's eyes, so that its samples know who was asked and why.
 * It ends as soon as its last message has an outcome, and says so to the server: a case that a
 * drill made is not left to the agents. Only what is kept until the trouble is over stays open. */

#include "core/cli/drill.h"

#include "core/base/errors.h"
#include "core/journal/journal.h"
#include "core/loop/loop.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static struct baton_drill_sample *sample_of(struct drill_run *run, const struct drill_talk *talk)
{
	return &run->samples[talk->sample];
}

static const struct baton_drill_talk *script_of(const struct drill_run *run,
						const struct drill_talk *talk)
{
	return &run->file->talks[talk->script];
}

static void begin_line(struct baton_buf *line, const struct drill_talk *talk)
{
	baton_buf_printf(line, "{\"key\":\"t%u\"", talk->number);
}

static void end_line(struct baton_buf *line, const struct drill_talk *talk)
{
	baton_buf_z(line, "}");
	drill_link_send(talk->link, line);
	baton_buf_done(line);
}

static void end_talk(struct drill_run *run, struct drill_talk *talk)
{
	struct baton_buf line = { NULL, 0, 0 };

	if (talk->state >= TALK_CLOSING)
		return;
	if (talk->sent > 0)
		sample_of(run, talk)->last = true;
	talk->state = TALK_CLOSING;
	begin_line(&line, talk);
	baton_buf_z(&line, ",\"close\":true");
	end_line(&line, talk);
}

static void talk_over(struct drill_run *run, struct drill_talk *talk)
{
	if (talk->state == TALK_OVER)
		return;
	talk->state = TALK_OVER;
	talk->link->n_talks--;
	run->n_open--;
}

/* --- saying --- */

static struct baton_drill_sample *add_sample(struct drill_run *run, struct drill_talk *talk)
{
	if (run->n_samples == run->cap_samples) {
		run->cap_samples = run->cap_samples ? run->cap_samples * 2 : 256;
		run->samples =
			baton_realloc(run->samples, sizeof(*run->samples) * run->cap_samples);
	}
	talk->sample = run->n_samples++;
	struct baton_drill_sample *sample = sample_of(run, talk);
	*sample = (struct baton_drill_sample){ .talk = talk->number,
					       .script = talk->script,
					       .concerned = true,
					       .sent_ms = drill_now(run) };
	return sample;
}

static void put_message(const struct drill_run *run, const struct drill_talk *talk)
{
	struct baton_buf line = { NULL, 0, 0 };

	begin_line(&line, talk);
	baton_buf_printf(&line, ",\"msg\":{\"id\":\"m%u\",\"text\":", talk->sent);
	baton_buf_json(&line, baton_str_of(script_of(run, talk)->messages[talk->sent - 1]));
	baton_buf_z(&line, "}");
	end_line(&line, talk);
}

static void say_next(struct drill_run *run, struct drill_talk *talk)
{
	if (talk->sent == script_of(run, talk)->n_messages || run->stage >= STAGE_CLOSING) {
		end_talk(run, talk);
		return;
	}
	(void)add_sample(run, talk);
	talk->sent++;
	talk->state = TALK_WAITING;
	talk->trouble = talk->reasoned = talk->unwell = false;
	talk->deadline_ms = drill_now(run) + DRILL_OUTCOME_MS;
	put_message(run, talk);
}

/* A connection with room, opened if need be; NULL: as many conversations as may be are open. */
static struct drill_link *link_with_room(struct drill_run *run)
{
	for (size_t i = 0; i < run->n_links; i++)
		if (run->links[i].n_talks < DRILL_LINK_TALKS)
			return &run->links[i];
	if (run->n_links == DRILL_LINKS_MAX ||
	    drill_link_open(run, &run->links[run->n_links]) != CLI_OK)
		return NULL;
	return &run->links[run->n_links++];
}

void drill_talk_begin(struct drill_run *run, uint16_t script)
{
	struct drill_link *link = link_with_room(run);
	struct baton_buf line = { NULL, 0, 0 };

	if (!link || run->n_talks == DRILL_TALKS_MAX) {
		run->skipped = true;
		return;
	}
	if (run->n_talks == run->cap_talks) {
		run->cap_talks = run->cap_talks ? run->cap_talks * 2 : 64;
		run->talks = baton_realloc(run->talks, sizeof(*run->talks) * run->cap_talks);
	}
	struct drill_talk *talk = &run->talks[run->n_talks];
	*talk = (struct drill_talk){ .number = (uint32_t)run->n_talks,
				     .script = script,
				     .link = link,
				     .deadline_ms = drill_now(run) + DRILL_ANSWER_MS };
	run->n_talks++;
	run->n_open++;
	link->n_talks++;
	baton_buf_printf(
		&line,
		"{\"do\":\"converse\",\"key\":\"t%u\",\"channel\":\"drill\",\"as\":\"agent\"",
		talk->number);
	if (script_of(run, talk)->tier[0]) {
		baton_buf_z(&line, ",\"customer_tier\":");
		baton_buf_json(&line, baton_str_of(script_of(run, talk)->tier));
	}
	end_line(&line, talk);
}

/* --- hearing --- */

static bool has_text(const struct baton_json *data, const char *member)
{
	struct baton_json value = baton_json_get(data, member);

	return value.type == BATON_JSON_STRING && value.raw.n > 2;
}

static bool is_true(const struct baton_json *data, const char *member)
{
	struct baton_json value = baton_json_get(data, member);

	return baton_json_bool(&value);
}

static uint64_t number_of(const struct baton_json *data, const char *member)
{
	struct baton_json value = baton_json_get(data, member);

	return baton_json_u64(&value, 0);
}

static void set_outcome(struct drill_run *run, struct drill_talk *talk, unsigned outcome)
{
	struct baton_drill_sample *sample = sample_of(run, talk);

	if (talk->state == TALK_KEPT) {
		/* What was kept has found its answer or its person. */
		sample->late_ms = drill_now(run);
		end_talk(run, talk);
		return;
	}
	if (talk->state != TALK_WAITING)
		return;
	sample->done_ms = drill_now(run);
	sample->outcome = outcome;
	sample->degraded |= talk->unwell || outcome == BATON_DRILL_CAPTURED;
	sample->primary = !sample->degraded &&
			  (outcome == BATON_DRILL_ANSWERED || outcome == BATON_DRILL_DRAFTED);
	if (outcome == BATON_DRILL_CAPTURED)
		talk->state = TALK_KEPT;
	else if (outcome == BATON_DRILL_ANSWERED)
		say_next(run, talk);
	else
		end_talk(run, talk);
}

static void on_answer(struct drill_run *run, struct drill_talk *talk, const struct baton_json *data)
{
	struct baton_drill_sample *sample = sample_of(run, talk);

	sample->cost_microusd += number_of(data, "cost_microusd");
	talk->unwell |= is_true(data, "substitute") || has_text(data, "mode");
	set_outcome(run, talk, BATON_DRILL_ANSWERED);
}

static void on_draft(struct drill_run *run, struct drill_talk *talk, const struct baton_json *data)
{
	sample_of(run, talk)->cost_microusd += number_of(data, "cost_microusd");
	talk->unwell |= is_true(data, "substitute") || has_text(data, "mode");
	set_outcome(run, talk, BATON_DRILL_DRAFTED);
}

static void on_escalation(struct drill_run *run, struct drill_talk *talk,
			  const struct baton_json *data)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json rule = baton_json_get(data, "rule");

	if (talk->state == TALK_WAITING)
		sample_of(run, talk)->cost_microusd += number_of(data, "cost_microusd");
	talk->reasoned = has_text(data, "reason") && has_text(data, "rule");
	talk->unwell |= !baton_report_rule_is_healthy(baton_json_text(&rule, &arena));
	baton_arena_done(&arena);
}

static void on_queued(struct drill_run *run, struct drill_talk *talk, const struct baton_json *data)
{
	if (talk->state == TALK_WAITING)
		sample_of(run, talk)->handoff_full = talk->reasoned && number_of(data, "upto") > 0;
	set_outcome(run, talk, BATON_DRILL_HANDED_OVER);
}

static void on_captured(struct drill_run *run, struct drill_talk *talk,
			const struct baton_json *data)
{
	sample_of(run, talk)->cost_microusd += number_of(data, "cost_microusd");
	set_outcome(run, talk, BATON_DRILL_CAPTURED);
}

static void on_route(struct drill_run *run, struct drill_talk *talk, const struct baton_json *data)
{
	sample_of(run, talk)->attempts++;
	talk->unwell |= has_text(data, "mode");
}

static void on_mode(struct drill_run *run, struct drill_talk *talk, const struct baton_json *data)
{
	(void)run;
	(void)data;
	talk->unwell = true;
}

static void on_failed(struct drill_run *run, struct drill_talk *talk, const struct baton_json *data)
{
	sample_of(run, talk)->failed++;
	sample_of(run, talk)->cost_microusd += number_of(data, "cost_microusd");
	talk->trouble = true;
}

static void on_intent(struct drill_run *run, struct drill_talk *talk, const struct baton_json *data)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json value = baton_json_get(data, "intent");
	baton_str intent = baton_json_text(&value, &arena);
	const char *wanted = script_of(run, talk)->intent;

	if (talk->sent == 1 && wanted[0] && !baton_str_is(intent, wanted) && !talk->misread) {
		talk->misread = true;
		run->misread++;
	}
	baton_arena_done(&arena);
}

static void hear_event(struct drill_run *run, struct drill_talk *talk,
		       const struct baton_json *event)
{
	static const struct {
		const char *type;
		void (*hear)(struct drill_run *, struct drill_talk *, const struct baton_json *);
	} table[] = {
		{ "answer_generated", on_answer }, { "draft_proposed", on_draft },
		{ "case_queued", on_queued },      { "message_captured", on_captured },
		{ "route_selected", on_route },    { "model_failed", on_failed },
		{ "intent_detected", on_intent },  { "escalation_triggered", on_escalation },
		{ "mode_entered", on_mode },
	};
	struct baton_arena arena = { NULL, 0 };
	struct baton_json type = baton_json_get(event, "type");
	struct baton_json data = baton_json_get(event, "data");
	baton_str name = baton_json_text(&type, &arena);

	for (size_t i = 0; talk->sent > 0 && i < sizeof(table) / sizeof(table[0]); i++)
		if (baton_str_is(name, table[i].type))
			table[i].hear(run, talk, &data);
	baton_arena_done(&arena);
}

static void hear_opened(struct drill_run *run, struct drill_talk *talk,
			const struct baton_json *object)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json ok = baton_json_get(object, "ok");
	struct baton_json session = baton_json_get(object, "session");

	if (!baton_json_bool(&ok) ||
	    baton_id_parse(baton_json_text(&session, &arena), &talk->session) < 0) {
		run->skipped = true;
		talk_over(run, talk);
	} else {
		say_next(run, talk);
	}
	baton_arena_done(&arena);
}

/* Said again with the same id, which the server knows if it did take it. */
static void hear_refused(struct drill_run *run, struct drill_talk *talk,
			 const struct baton_json *refused)
{
	if (is_true(refused, "retryable") && talk->state == TALK_WAITING &&
	    drill_now(run) < talk->deadline_ms)
		put_message(run, talk);
	else if (talk->state == TALK_WAITING)
		end_talk(run, talk); /* without an outcome: lost */
}

static struct drill_talk *talk_of(struct drill_run *run, const struct baton_json *object)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json key = baton_json_get(object, "key");
	baton_str text = baton_json_text(&key, &arena);
	unsigned long number =
		text.n > 1 && text.n < 12 ? strtoul(text.p + 1, NULL, 10) : ULONG_MAX;

	baton_arena_done(&arena);
	return number < run->n_talks ? &run->talks[number] : NULL;
}

void drill_talk_hear(struct drill_run *run, struct drill_link *link, baton_str line)
{
	struct baton_json object;
	struct drill_talk *talk;

	(void)link;
	if (baton_json_parse(line, &object) < 0)
		return;
	talk = talk_of(run, &object);
	if (!talk || talk->state == TALK_OVER)
		return;
	struct baton_json ok = baton_json_get(&object, "ok");
	struct baton_json event = baton_json_get(&object, "event");
	struct baton_json refused = baton_json_get(&object, "refused");
	struct baton_json closed = baton_json_get(&object, "closed");
	if (ok.type != BATON_JSON_NONE && talk->state == TALK_OPENING)
		hear_opened(run, talk, &object);
	else if (event.type == BATON_JSON_OBJECT)
		hear_event(run, talk, &event);
	else if (refused.type == BATON_JSON_OBJECT)
		hear_refused(run, talk, &refused);
	else if (baton_json_bool(&closed))
		talk_over(run, talk);
}

/* --- the clock --- */

uint64_t drill_talks_tick(struct drill_run *run)
{
	uint64_t now = drill_now(run), next = UINT64_MAX;

	for (size_t i = 0; run->n_open > 0 && i < run->n_talks; i++) {
		struct drill_talk *talk = &run->talks[i];

		if (talk->state != TALK_OPENING && talk->state != TALK_WAITING)
			continue;
		if (now >= talk->deadline_ms && talk->state == TALK_OPENING) {
			run->skipped = true;
			talk_over(run, talk);
		} else if (now >= talk->deadline_ms) {
			end_talk(run, talk);
		} else if (talk->deadline_ms < next) {
			next = talk->deadline_ms;
		}
	}
	return next;
}

void drill_talks_close_kept(struct drill_run *run)
{
	for (size_t i = 0; i < run->n_talks; i++)
		if (run->talks[i].state == TALK_KEPT)
			end_talk(run, &run->talks[i]);
}

/* --- what the journal has of them --- */

struct proof {
	const struct drill_run *run;
	const struct drill_talk *talk;
	unsigned found;
	bool good;
};

static bool prove_record(void *ud, const struct baton_id *session,
			 const struct baton_record *record)
{
	struct proof *proof = ud;
	struct baton_arena arena = { NULL, 0 };
	struct baton_event event = { .seq = record->seq };
	const struct baton_drill_talk *script = script_of(proof->run, proof->talk);
	char id[16];

	(void)session;
	if (record->type != BATON_EV_MESSAGE_RECEIVED)
		return true;
	snprintf(id, sizeof(id), "m%u", ++proof->found);
	proof->good = proof->good && proof->found <= proof->talk->sent &&
		      baton_event_parse(record->type, record->payload, &arena, &event) == 0 &&
		      baton_str_is(event.message_received.client_id, id) &&
		      baton_str_is(event.message_received.text, script->messages[proof->found - 1]);
	baton_arena_done(&arena);
	return proof->good;
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

int drill_talks_prove(struct drill_run *run)
{
	struct baton_lane_events events = { NULL, no_wake, no_commit };
	struct baton_journal *journal = NULL;
	struct baton_lane *lane = NULL;
	char path[4096], key[4096];
	struct baton_journal_options options = { .path = path, .key_path = key, .read_only = true };

	snprintf(path, sizeof(path), "%s/journal", run->options->data);
	snprintf(key, sizeof(key), "%s/master.key", run->options->data);
	int rc = baton_journal_open(&options, &journal);
	if (rc == 0)
		rc = baton_lane_open(journal, &events, &lane);
	for (size_t i = 0; rc == 0 && i < run->n_talks; i++) {
		struct proof proof = { run, &run->talks[i], 0, true };

		if (run->talks[i].sent == 0)
			continue;
		int64_t n = baton_lane_read(lane, &run->talks[i].session, 0, UINT64_MAX,
					    prove_record, &proof);
		run->preserved += n > 0 && proof.good && proof.found == run->talks[i].sent;
	}
	if (lane)
		baton_lane_close(&lane);
	if (journal)
		baton_journal_close(&journal);
	if (rc < 0)
		fprintf(stderr, "baton: the journal in %s cannot be read: %s\n", path,
			baton_error_info(rc)->text);
	return rc < 0 ? DRILL_NOT_RUN : 0;
}
