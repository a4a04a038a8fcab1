/* SPDX-License-Identifier: Apache-2.0 */

/* A turn on the bench whose prompts are kept in full, and that has articles, tools and events to look
 * at. */
#pragma once

#include "tests/unit/turn_bench.h"

enum { TALK_MSGS_MAX = 40 };

struct talk {
	struct bench bench; /* first: the ops take it for one */
	char text[TALK_MSGS_MAX][70000];
	uint32_t roles[TALK_MSGS_MAX], n_msgs;
	char tools[4096];
	uint64_t next_random;
	char hit[256], prompt[64], sources[512]; /* of guard_hit; of the answer or draft */
	char plans[2048];                        /* plan_made, one a line */
	bool unknown;
	struct baton_tool_def tool_defs[2];
	const struct baton_tool_def *tool_list[2];
	struct baton_lookup_def lookups[1];
	struct baton_policy_module modules[1];
	struct baton_prompt_def prompts[4];
};

static inline void talk_copy(char *to, size_t cap, baton_str from)
{
	snprintf(to, cap, "%.*s", (int)from.n, from.p ? from.p : "");
}

static inline uint64_t talk_random(void *ud)
{
	return ++((struct talk *)ud)->next_random;
}

static inline int talk_generate(void *ud, struct baton_run *run, const char *provider,
				const baton_prompt *prompt)
{
	struct talk *talk = ud;

	(void)run;
	note(talk->bench.asked, sizeof(talk->bench.asked), provider);
	if (prompt->prefill.n == 0)
		talk->bench.said[0] = '\0';
	assert_in_range(prompt->turn->n_msgs, 1, TALK_MSGS_MAX);
	talk->n_msgs = prompt->turn->n_msgs;
	for (uint32_t i = 0; i < talk->n_msgs; i++) {
		talk->roles[i] = prompt->turn->msgs[i].role;
		talk_copy(talk->text[i], sizeof(talk->text[i]), prompt->turn->msgs[i].text);
	}
	talk_copy(talk->tools, sizeof(talk->tools), prompt->tools_json);
	return 0;
}

static inline void talk_record(struct talk *talk, const struct baton_event *event)
{
	record(&talk->bench, event);
	if (event->type == BATON_EV_GUARD_HIT) {
		const struct baton_ev_guard_hit *hit = &event->guard_hit;

		snprintf(talk->hit, sizeof(talk->hit), "%.*s %.*s %.*s %.*s [%.*s]",
			 (int)hit->guard.n, hit->guard.p, (int)hit->type.n, hit->type.p,
			 (int)hit->action.n, hit->action.p, (int)hit->subject.n, hit->subject.p,
			 (int)hit->excerpt.n, hit->excerpt.p ? hit->excerpt.p : "");
	}
	if (event->type == BATON_EV_ANSWER_GENERATED) {
		talk_copy(talk->prompt, sizeof(talk->prompt), event->answer_generated.prompt);
		talk_copy(talk->sources, sizeof(talk->sources), event->answer_generated.sources);
		talk->unknown = event->answer_generated.unknown;
	}
	if (event->type == BATON_EV_DRAFT_PROPOSED) {
		talk_copy(talk->prompt, sizeof(talk->prompt), event->draft_proposed.prompt);
		talk_copy(talk->sources, sizeof(talk->sources), event->draft_proposed.sources);
		talk->unknown = event->draft_proposed.unknown;
	}
	if (event->type == BATON_EV_PLAN_MADE) {
		const struct baton_ev_plan_made *plan = &event->plan_made;
		size_t n = strlen(talk->plans);

		snprintf(talk->plans + n, sizeof(talk->plans) - n, "%llu %.*s %.*s %.*s\n",
			 (unsigned long long)plan->version, (int)plan->target.n, plan->target.p,
			 (int)plan->steps.n, plan->steps.p, (int)plan->failed.n,
			 plan->failed.p ? plan->failed.p : "");
	}
}

static inline int talk_emit(void *ud, struct baton_run *run, enum baton_verb verb,
			    const struct baton_event *events, size_t n)
{
	struct talk *talk = ud;

	(void)run;
	(void)verb;
	if (talk->bench.refuse)
		return talk->bench.refuse;
	for (size_t i = 0; i < n; i++)
		talk_record(talk, &events[i]);
	return 0;
}

static struct baton_run_ops talk_ops;

static inline int open_talk(void **state)
{
	static struct talk talk;
	void *opened;

	memset(&talk, 0, sizeof(talk));
	open_bench(&opened);
	talk.bench = *(struct bench *)opened;
	baton_run_free(&talk.bench.run);
	baton_board_free(&talk.bench.board);
	fill_policy(&talk.bench);
	talk_ops = bench_ops;
	talk_ops.random = talk_random;
	talk_ops.generate = talk_generate;
	talk_ops.emit = talk_emit;
	talk.bench.routes[1].grounding = BATON_GROUNDING_CITED;
	memcpy(talk.prompts, talk.bench.prompts, sizeof(talk.bench.prompts));
	talk.bench.policy.prompts = talk.prompts;
	talk.tool_defs[0] = (struct baton_tool_def){ .name = "order_status",
						     .title = "looks up the order",
						     .description = "The state of an order.",
						     .module = "shop",
						     .arguments_json = "{\"type\":\"object\"}",
						     .answer = "" };
	talk.tool_defs[1] = (struct baton_tool_def){ .name = "refund",
						     .title = "pays back",
						     .description = "",
						     .module = "shop",
						     .arguments_json = "{\"type\":\"object\"}",
						     .answer = "" };
	talk.tool_list[0] = &talk.tool_defs[0];
	talk.tool_list[1] = &talk.tool_defs[1];
	talk.bench.board = baton_board_new(nothing_happened, NULL);
	baton_board_adopt(talk.bench.board, bench_now(&talk.bench), &talk.bench.policy);
	*state = &talk;
	return 0;
}

static inline int close_talk(void **state)
{
	return close_bench(state);
}

static inline void say_line(struct talk *talk, enum baton_event_type type, baton_str text)
{
	struct baton_event event = { .type = type,
				     .seq = talk->bench.session.seq + 1,
				     .unix_ms = 5 };
	char id[24];

	snprintf(id, sizeof(id), "c%llu", (unsigned long long)event.seq);
	if (type == BATON_EV_MESSAGE_RECEIVED) {
		event.message_received.client_id = baton_str_of(id);
		event.message_received.text = text;
	} else {
		event.answer_generated.text = text;
		event.answer_generated.upto = talk->bench.session.seq;
		event.answer_generated.confidence_ppm = 900000;
	}
	baton_session_apply(&talk->bench.session, &event);
}

static inline const baton_doc *talk_docs(void)
{
	static const baton_doc docs[] = {
		{ .id = { "returns", 7 },
		  .title = { "Returns", 7 },
		  .uri = { "/r", 2 },
		  .version = { "2026-01-02", 10 },
		  .snippet = { "30 days.", 8 },
		  .score_ppm = 700000 },
		{ .id = { "fees", 4 },
		  .title = { "Fees", 4 },
		  .uri = { "/f", 2 },
		  .version = { "2020-01-01", 10 },
		  .snippet = { "None.", 5 },
		  .score_ppm = 600000,
		  .flags = BATON_DOC_STALE },
	};

	return docs;
}

/* To the point where the first provider has been asked, with `n` articles found. */
static inline void talk_ask_with(struct talk *talk, const baton_doc *docs, uint32_t n)
{
	baton_intent found = { .name = BATON_STR("shipping"), .confidence_ppm = 900000 };
	struct bench *bench = &talk->bench;

	bench->run = baton_run_new(&(struct baton_run_start){ .ops = &talk_ops,
							      .ud = talk,
							      .session = &bench->session,
							      .policy = &bench->policy });
	baton_run_go(bench->run);
	baton_run_heard_intents(bench->run, &(baton_intents){ .n = 1, .v = &found });
	hear_end(bench);
	baton_run_heard_docs(bench->run, docs, n);
	hear_end(bench);
}

static inline void talk_ask(struct talk *talk)
{
	talk_ask_with(talk, talk_docs(), 2);
}
