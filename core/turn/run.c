/* SPDX-License-Identifier: Apache-2.0 */

/* A run's beginning and end, and what is heard meanwhile. No decisions here: steps.c has them. */

#include "core/turn/inside.h"

#include "core/base/assert.h"
#include "core/observe/metrics.h"
#include "core/session/slots.h"
#include "core/turn/ground.h"

#include <stdlib.h>

/* Further intents that go on record: more is noise. */
enum { OTHERS_MAX = 4, OTHER_PPM_MIN = 20000 };

static baton_str keep(struct baton_run *run, baton_str s)
{
	return (baton_str){ baton_arena_dup(&run->arena, s.p, s.n), s.n };
}

static bool is_trial(const char *channel)
{
	return strcmp(channel, "drill") == 0 || strcmp(channel, "eval") == 0;
}

struct baton_run *baton_run_new(const struct baton_run_start *start)
{
	struct baton_run *run = baton_realloc(NULL, sizeof(*run));

	memset(run, 0, offsetof(struct baton_run, attempts));
	baton_arena_lend(&run->arena, run->words, sizeof(run->words));
	run->ops = start->ops;
	run->ud = start->ud;
	run->session = start->session;
	baton_id_text(&start->session->id, run->session_id);
	run->release = start->release;
	run->policy = start->policy;
	run->release_number = start->release_number;
	run->turn = start->session->last_message;
	run->epoch = start->session->epoch;
	run->message_ms = start->session->first_unanswered_ms;
	run->tier = BATON_TIER_AUTOMATED;
	run->origin = BATON_STR("ai");
	run->sentiment_ppm = 500000;
	run->started_ns = run->ops->now_ns(run->ud);
	run->deadline_ns = run->started_ns + BATON_TURN_TOTAL_MS * BATON_NS_PER_MS;
	run->purpose = start->purpose;
	/* What a drill plays or an evaluation tries is not done. */
	run->shadow = start->shadow || is_trial(start->session->channel);
	if (run->purpose == BATON_PURPOSE_ANSWER) {
		run->ops->count(run->ud, BATON_METRIC_TURNS, 1);
		return run;
	}
	if (run->purpose == BATON_PURPOSE_TOOL) {
		run->step = BATON_STEP_SETTLE;
		return run;
	}
	run->step = BATON_STEP_ASSIST;
	run->asked_by = keep(run, start->asked_by);
	run->package = keep(run, start->package);
	run->in_words = keep(run, start->in_words);
	run->about = start->about;
	run->begun_at = start->session->seq;
	run->ops->count(run->ud, BATON_METRIC_ASSISTS, 1);
	return run;
}

void baton_run_free(struct baton_run **run)
{
	if (!*run)
		return;
	run_settle(*run, false, true);
	baton_buf_done(&(*run)->answer);
	baton_buf_done(&(*run)->heard);
	baton_arena_done(&(*run)->arena);
	baton_free(*run);
	*run = NULL;
}

static void copy_name(char *to, size_t cap, baton_str from)
{
	baton_str cut = baton_str_clip(from, cap - 1);

	memcpy(to, cut.p ? cut.p : "", cut.n);
	to[cut.n] = '\0';
}

/* What the likeliest intent names counts most. One that is hardly likely names nothing: its pattern
 * may fit anything. */
static void hear_slots(struct baton_run *run, const baton_intents *intents)
{
	run->slots = BATON_STR("");
	for (uint32_t i = 0; i < intents->n; i++) {
		struct baton_buf merged = { NULL, 0, 0 };

		if (intents->v[i].entities_json.n <= sizeof("{}") - 1)
			continue; /* it names nothing */
		const struct baton_intent_def *def =
			baton_policy_intent(run->policy, intents->v[i].name);
		if (i > 0 && (!def || intents->v[i].confidence_ppm < def->min_confidence_ppm))
			continue;
		baton_slots_merge(run->slots, intents->v[i].entities_json, &merged);
		run->slots = run_keep_buf(run, &merged);
	}
}

static void hear_others(struct baton_run *run, const baton_intents *intents)
{
	struct baton_buf list = { NULL, 0, 0 };

	run->others = BATON_STR("");
	for (uint32_t i = 1; i < intents->n && i <= OTHERS_MAX; i++) {
		if (intents->v[i].confidence_ppm < OTHER_PPM_MIN)
			break;
		baton_buf_z(&list, i == 1 ? "[{\"intent\":" : ",{\"intent\":");
		baton_buf_json(&list, baton_str_clip(intents->v[i].name, BATON_NAME_BYTES_MAX));
		baton_buf_printf(&list, ",\"confidence_ppm\":%u}", intents->v[i].confidence_ppm);
	}
	if (list.n == 0)
		return;
	baton_buf_z(&list, "]");
	run->others = run_keep_buf(run, &list);
}

void baton_run_heard_intents(struct baton_run *run, const baton_intents *intents)
{
	run->out_of_scope_ppm = intents->out_of_scope_ppm;
	run->human_ppm = intents->human_ppm;
	hear_slots(run, intents);
	hear_others(run, intents);
	run->sentiment_ppm = intents->sentiment_ppm;
	run->sentiment_known = true;
	copy_name(run->language, sizeof(run->language), intents->language);
	if (intents->n == 0)
		return;
	copy_name(run->intent, sizeof(run->intent), intents->v[0].name);
	run->intent_ppm = intents->v[0].confidence_ppm;
}

void baton_run_heard_docs(struct baton_run *run, const baton_doc *docs, uint32_t n)
{
	if (n > BATON_DOCS_MAX)
		n = BATON_DOCS_MAX;
	run->docs = baton_arena_alloc(&run->arena, n * sizeof(*docs));
	run->n_docs = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (!run_may_show(run, &docs[i]))
			continue;
		baton_doc *doc = &run->docs[run->n_docs++];

		*doc = docs[i];
		doc->id = keep(run, docs[i].id);
		doc->title = keep(run, docs[i].title);
		doc->uri = keep(run, docs[i].uri);
		doc->snippet = keep(run, docs[i].snippet);
		doc->version = keep(run, docs[i].version);
	}
}

void baton_run_heard_result(struct baton_run *run, const baton_tool_result *result)
{
	run->result = baton_arena_alloc(&run->arena, sizeof(*result));
	*run->result = *result;
	run->result->json = keep(run, result->json);
	run->result->code = keep(run, result->code);
}

/* The customer sees text as it comes, but nothing before the first word: a lone line break or blank
 * would open an empty bubble. */
static void say_up_to(struct baton_run *run, size_t end)
{
	if (!run->speaks || run->muted || run->said >= end)
		return;
	baton_str text = { run->answer.p + run->said, end - run->said };
	run->ops->say(run->ud, run, text, run->said);
	run->said = end;
}

static void say_new(struct baton_run *run)
{
	if (run->speaks && !run->muted && run->said < run->answer.n)
		say_up_to(run, run_guard_grown(run));
}

/* If nothing of it has been shown, it comes with its event. */
void run_say_all(struct baton_run *run)
{
	if (run->said > 0)
		say_up_to(run, run->answer.n);
}

static void add_text(struct baton_run *run, baton_str text)
{
	if (run->answer.n == run->tools.lead)
		while (text.n > 0 &&
		       (*text.p == ' ' || *text.p == '\n' || *text.p == '\r' || *text.p == '\t')) {
			text.p++;
			text.n--;
		}
	if (text.n == 0)
		return;
	if (run->first_word_ns == 0)
		run->first_word_ns = run->ops->now_ns(run->ud);
	if (run->tools.lead > 0 && run->answer.n == run->tools.lead)
		baton_buf_z(&run->answer, "\n\n");
	baton_buf_str(&run->answer, text);
	say_new(run);
}

void run_say_blank(struct baton_run *run)
{
	if (run->marks.n == 1 && run->marks.held[0] == ' ')
		add_text(run, BATON_STR(" "));
	run->marks.n = 0;
}

static bool is_blank(baton_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!strchr(" \n\r\t", text.p[i]))
			return false;
	return true;
}

/* A mark is no word for the customer, but it is life. */
static void heard_text(struct baton_run *run, baton_str text)
{
	struct baton_buf raw = { NULL, 0, 0 };

	if (run->answer.n > 0 || !is_blank(text)) {
		run->last_token_ns = run->ops->now_ns(run->ud);
		if (run->first_token_ns == 0)
			run->first_token_ns = run->last_token_ns;
		run->deltas++;
	}
	baton_buf_reset(&run->heard);
	add_text(run, run_turn_back(run, run_ground_text(run, text, &run->heard), &raw));
	baton_buf_done(&raw);
}

/* The text is over: what might have become a mark is none. */
static void flush_marks(struct baton_run *run)
{
	struct baton_buf raw = { NULL, 0, 0 };

	if (run->marks.n == 0 && run->unveil.n == 0)
		return;
	baton_buf_reset(&run->heard);
	run_ground_text_end(run, &run->heard);
	baton_str said = run_turn_back(run, baton_buf_view(&run->heard), &raw);
	if (said.n > 0)
		add_text(run, said);
	baton_buf_reset(&raw);
	run_turn_back_end(run, &raw);
	if (raw.n > 0)
		add_text(run, baton_buf_view(&raw));
	baton_buf_done(&raw);
}

void baton_run_heard_delta(struct baton_run *run, uint32_t kind, baton_str data)
{
	if (run_fault_at_delta(run))
		return;
	switch (kind) {
	case BATON_DELTA_TEXT:
		heard_text(run, data);
		break;
	case BATON_DELTA_REASONING:
		/* Thinking is life, but no word for the customer. */
		run->last_token_ns = run->ops->now_ns(run->ud);
		break;
	case BATON_DELTA_CITATION:
		run_ground_citation(run, data);
		break;
	case BATON_DELTA_UNKNOWN:
		run->unknown = true;
		break;
	case BATON_DELTA_TOOL_CALL:
		run->last_token_ns = run->ops->now_ns(run->ud);
		if (run->purpose == BATON_PURPOSE_ANSWER)
			run_tool_wanted(run, data);
		break; /* who helps an agent was offered none */
	default:
		break;
	}
}

/* Nothing is gained by showing provisionally what is complete: it comes with its event, is never
 * withdrawn, and is sent once. What goes on from words shown before goes on being shown. */
void baton_run_heard_whole(struct baton_run *run, baton_str text)
{
	bool speaks = run->speaks;

	run->speaks = speaks && run->said > 0;
	baton_run_heard_delta(run, BATON_DELTA_TEXT, text);
	flush_marks(run);
	run->speaks = speaks;
}

void baton_run_heard_usage(struct baton_run *run, const baton_usage *usage)
{
	run->usage = *usage;
}

void baton_run_heard_end(struct baton_run *run, uint32_t reason)
{
	flush_marks(run);
	run->ticket = 0;
	run->heard_end = true;
	run->end_reason = reason;
}

void baton_run_heard_fail(struct baton_run *run, const baton_error *error)
{
	run->ticket = 0;
	run->heard_fail = true;
	if (run->tools.call && run->tools.invoked) {
		run->tools.error = *error;
		run->tools.error.code = keep(run, error->code);
		run->tools.error.message = keep(run, baton_str_clip(error->message, 500));
		return;
	}
	if (run->step != BATON_STEP_HEAR || run->n_attempts == 0)
		return; /* a classifier or a retriever: its step says so */
	struct baton_attempt *attempt = &run->attempts[run->n_attempts - 1];
	attempt->failed = true;
	attempt->fail = error->fail;
	attempt->scope = error->scope;
	attempt->not_again = (error->flags & BATON_ERROR_NOT_AGAIN) != 0;
	attempt->retry_after_ms = error->retry_after_ms;
	copy_name(attempt->code, sizeof(attempt->code), error->code);
	run->http_status = error->http_status;
	/* Some echo what they were asked. */
	run->fail_message = keep(run, run_veiled(run, baton_str_clip(error->message, 500)));
	run->fail_until_ms = error->until_unix_ms;
	run->fail_billed = (error->flags & BATON_ERROR_BILLED) != 0;
}

void baton_run_cancel(struct baton_run *run, uint32_t why)
{
	if (run->done)
		return;
	run->done = true;
	if (run->ticket != 0)
		run->ops->cancel(run->ud, run, why);
	run->ticket = 0;
	run_settle(run, false, true);
	if (run->purpose == BATON_PURPOSE_TOOL)
		return;
	run->ops->count(run->ud,
			run->purpose == BATON_PURPOSE_ANSWER ? BATON_METRIC_TURNS_CANCELLED
							     : BATON_METRIC_ASSISTS_CANCELLED,
			1);
}

struct baton_ev_answer_superseded baton_run_shown(const struct baton_run *run)
{
	return (struct baton_ev_answer_superseded){ .turn = run->turn,
						    .attempt = run->text_attempt,
						    .text = { run->answer.p, run->said } };
}
