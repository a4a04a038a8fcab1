/* SPDX-License-Identifier: Apache-2.0 */

/* baton eval, inside: the same conversations held with two sets, each served by a server of its own
 * that forgets everything at the end. eval.c (both servers, one loop), eval_read.c (what is said),
 * eval_talk.c (one side's conversations), eval_sum.c (the two beside each other), eval_show.c. */
#pragma once

#include "core/base/mem.h"
#include "core/cli/child.h"
#include "core/module/scratch.h"

enum {
	EVAL_TALKS_MAX = 10000,
	EVAL_TURNS_MAX = 64,      /* of a conversation; what is said behind that is left out */
	EVAL_OPEN_MAX = 4,        /* conversations at once, each side */
	EVAL_ANSWER_MS = 10000,   /* until the server has opened a conversation */
	EVAL_OUTCOME_MS = 120000, /* a message without an outcome by then has none */
	EVAL_WORDS_PPM = 200000   /* more of the words than this are others: told as a difference */
};

enum eval_outcome { EVAL_NONE, EVAL_ANSWERED, EVAL_DRAFTED, EVAL_HANDED_OVER, EVAL_KEPT };
enum { EVAL_OUTCOMES = EVAL_KEPT + 1 };

/* What became of one message. Strings live in the side's arena. */
struct eval_turn {
	enum eval_outcome outcome;
	bool unknown; /* it says that it does not know */
	baton_str intent, rule, target, text;
	baton_str sources, tools, guards; /* names, with a comma between */
	uint64_t sent_ms, took_ms, cost_microusd;
	unsigned failed, called; /* attempts that failed, calls of tools */
};

/* What a customer says, in order. Strings live in the set's arena. */
struct eval_talk {
	baton_str name, tier;
	baton_str *said;
	size_t n;
};
struct eval_set {
	struct eval_talk *talks;
	size_t n, cap;
	struct baton_arena arena;
};

enum eval_state { EVAL_OPENING, EVAL_WAITING, EVAL_CLOSING, EVAL_OVER };

/* One conversation of one side. */
struct eval_held {
	enum eval_state state;
	struct eval_turn *turns; /* as many as the talk has */
	size_t sent;             /* messages so far; the last one is waited for */
	uint64_t deadline_ms;
};

struct eval_side {
	const struct eval_set *set;
	char policies[4096], data[BATON_SCRATCH_BYTES + 16];
	struct cli_child child;
	int fd; /* its control socket; -1: none */
	struct baton_buf in, out;
	struct eval_held *held; /* one for each talk */
	size_t next, open, over;
	bool gone; /* the server has ended */
	struct baton_arena arena;
};

/* --- eval_read.c --- CLI_OK, or CLI_FAILED with a line on stderr --- */
/* JSON Lines: {"id","customer_tier","turns":["..."]}; other members are left alone. */
int eval_read_file(const char *path, struct eval_set *set);
/* What customers have said, from the journal of `data`, in conversations that began in the window. */
int eval_read_journal(const char *data, uint64_t since_ms, uint64_t until_ms, struct eval_set *set);
void eval_set_done(struct eval_set *set);

/* --- eval_talk.c --- */
int eval_side_open(struct eval_side *side);
void eval_side_done(struct eval_side *side);
/* Begins conversations while there is room, and ends what waits too long. */
void eval_side_tick(struct eval_side *side);
/* Sends what is to be sent, or reads what has come; `events` are those of poll(). */
void eval_side_move(struct eval_side *side, short events);

/* --- eval_sum.c --- */
struct eval_figures {
	size_t outcomes[EVAL_OUTCOMES], unknown, failed, called, guarded;
	uint64_t p50_ms, p95_ms, cost_microusd;
};
struct eval_sum {
	size_t talks, messages; /* that were said on both sides */
	struct eval_figures old, now; /* of those messages */
	size_t changed;         /* messages of which anything but the words is another */
	size_t by_outcome, by_intent, by_rule, by_target, by_sources, by_tools, by_guards, by_words;
	struct eval_difference {
		size_t talk, turn;
		unsigned what; /* EVAL_BY_* */
		uint32_t words_ppm;
	} *differences;
	size_t n_differences;
};
enum {
	EVAL_BY_OUTCOME = 1,
	EVAL_BY_INTENT = 2,
	EVAL_BY_RULE = 4,
	EVAL_BY_TARGET = 8,
	EVAL_BY_SOURCES = 16,
	EVAL_BY_TOOLS = 32,
	EVAL_BY_GUARDS = 64,
	EVAL_BY_WORDS = 128
};
void eval_sum(const struct eval_set *set, const struct eval_side *old, const struct eval_side *now,
	      struct eval_sum *ret_sum);
void eval_sum_done(struct eval_sum *sum);

/* --- eval_show.c --- */
struct eval_result {
	const struct eval_set *set;
	const struct eval_side *old, *now;
	const struct eval_sum *sum;
};
const char *eval_outcome_name(enum eval_outcome outcome);
void eval_show_text(const struct eval_result *result, struct baton_buf *out);
void eval_show_json(const struct eval_result *result, struct baton_buf *out);
void eval_show_page(const struct eval_result *result, struct baton_buf *out);
