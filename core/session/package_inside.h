/* SPDX-License-Identifier: Apache-2.0 */

/* What the fold of the case package and its writer share. */
#pragma once

#include "core/session/package.h"

/* The lists of a package: their names in JSON, and how many of each are kept. */
#define PACKAGE_LISTS(LIST)            \
	LIST(QUESTIONS, questions, 10) \
	LIST(LOOKUPS, lookups, 8)      \
	LIST(SOURCES, sources, 12)     \
	LIST(LIMITS, limits, 12)       \
	LIST(NOTES, notes, 6)          \
	LIST(TRANSFERS, transfers, 10) \
	LIST(TOOLS, tools, 12)         \
	LIST(PROPOSALS, proposals, 8)  \
	LIST(GUARDS, guards, 8)        \
	LIST(ATTACHMENTS, attachments, 10)

enum package_list {
#define LIST(NAME, name, max) PACKAGE_##NAME,
	PACKAGE_LISTS(LIST)
#undef LIST
		PACKAGE_LISTS_N
};

enum {
	PACKAGE_ITEMS_MAX = 12, /* of the longest list */
	PACKAGE_TRIED_MAX = 12,
	PACKAGE_DRAFTS_MAX = 3,
	PACKAGE_LINE_BYTES = 200 /* of what is a remark, not a text */
};

/* Kept as it will be written, and in words for the write-up. */
struct package_item {
	uint64_t seq;
	baton_str json, words; /* owned */
	baton_str key; /* owned; what makes it the same thing again (a source's id), or none */
	bool used;     /* a source: an answer or a draft rests on it */
};

struct package_items {
	struct package_item items[PACKAGE_ITEMS_MAX];
	size_t n;
	uint64_t left_out;
};

enum package_outcome {
	PACKAGE_RUNNING,
	PACKAGE_ANSWERED,
	PACKAGE_DRAFTED,
	PACKAGE_FAILED,
	PACKAGE_GIVEN_UP /* the turn ended otherwise */
};

/* One attempt: who was asked, and what came of it. */
struct package_attempt {
	uint64_t seq, turn, attempt, http_status, fail_seq;
	enum package_outcome outcome;
	bool withdrawn;
	baton_str target, model, reason, trigger, mode, fail, message, drill; /* owned */
};

struct package_draft {
	uint64_t seq, review_seq, edit_ppm;
	baton_str json;          /* owned; an object without its closing brace */
	baton_str action, agent; /* of the review, owned; "" : not reviewed */
};

struct package_incident {
	bool is_on;
	uint64_t seq, since_ms, last_seq, http_status, failures;
	baton_str target, model, fail, scope, trigger, message, mode, drill; /* owned; newest */
};

struct baton_package {
	struct baton_id session;
	uint64_t seq, unix_ms; /* of the newest event */
	struct package_items lists[PACKAGE_LISTS_N];
	struct package_attempt tried[PACKAGE_TRIED_MAX];
	size_t n_tried;
	uint64_t tried_left_out;
	struct package_draft drafts[PACKAGE_DRAFTS_MAX];
	size_t n_drafts;
	uint64_t drafts_left_out;
	struct package_incident incident;

	/* All strings below are owned. */
	struct {
		uint64_t opened_ms, bot_answers, human_messages, reopened, ticket_seq;
		baton_str channel, locale, origin, customer, customer_tier, contact, mode;
		bool resolved, offered_human, abandoned;
	} about;
	struct {
		uint64_t seq, confidence_ppm, sentiment_ppm;
		baton_str intent, language;
	} heard;
	struct {
		uint64_t seq;
		baton_str customer, name, email, tier, attributes, key;
	} is_signed;
	struct {
		uint64_t seq;
		baton_str attributes;
	} claimed;
	struct {
		uint64_t seq;
		baton_str reason;
	} refused;
	struct {
		uint64_t seq, release, priority, turn;
		bool reversible;
		baton_str rule, reason, facts, when, resumes;
	} why;
	struct {
		uint64_t seq, epoch, priority, tier, upto, waiting_since_ms;
		baton_str owner; /* static words: bot, queue, agent */
		baton_str queue, agent, agent_name, to_agent;
	} kase;
	struct {
		uint64_t seq, about;
		baton_str text, origin, target, model, failed;
	} summary;
	struct {
		uint64_t seq;
		baton_str json;
	} tags, plan; /* plan: an object */
};

/* --- package.c: small parts --- */

/* An owned copy in the place of what was there. */
void package_set(baton_str *to, baton_str from, size_t bytes_max);
void package_set_name(baton_str *to, baton_str from);
baton_str package_take(struct baton_buf *buf);
/* A fresh item at the end of the list; the oldest goes if there is no room. */
struct package_item *package_add_item(struct baton_package *package, enum package_list which,
				      const struct baton_event *event);
/* {"seq":..,"at_ms":.. and then member after member; end_item() closes it and keeps it. */
void package_begin(struct baton_buf *json, const struct baton_event *event);
void package_member(struct baton_buf *json, const char *key, baton_str text, size_t bytes_max);
void package_name(struct baton_buf *json, const char *key, baton_str text);
void package_number(struct baton_buf *json, const char *key, uint64_t value);
void package_end_item(struct package_item *item, struct baton_buf *json);
void package_words_of(struct package_item *item, const char *before, baton_str text);
/* A JSON list of sources; returns how many. */
size_t package_add_sources(struct baton_package *package, const struct baton_event *event,
			   baton_str sources, bool used);

/* --- package_tools.c --- */

void package_on_called(struct baton_package *package, const struct baton_event *event);
void package_on_finished(struct baton_package *package, const struct baton_event *event);
void package_on_proposed(struct baton_package *package, const struct baton_event *event);
void package_on_decided(struct baton_package *package, const struct baton_event *event);
void package_on_guard(struct baton_package *package, const struct baton_event *event);
void package_on_plan(struct baton_package *package, const struct baton_event *event);

/* --- package_tried.c --- */

void package_drop_attempt(struct package_attempt *attempt);
void package_drop_draft(struct package_draft *draft);
/* The conversation changed hands: what still runs will not answer. */
void package_give_up(struct baton_package *package);
void package_on_policy(struct baton_package *package, const struct baton_event *event);
void package_on_mode_entered(struct baton_package *package, const struct baton_event *event);
void package_on_mode_left(struct baton_package *package, const struct baton_event *event);
void package_on_route(struct baton_package *package, const struct baton_event *event);
void package_on_failed(struct baton_package *package, const struct baton_event *event);
void package_on_superseded(struct baton_package *package, const struct baton_event *event);
void package_on_answer(struct baton_package *package, const struct baton_event *event);
void package_on_draft(struct baton_package *package, const struct baton_event *event);
void package_on_reviewed(struct baton_package *package, const struct baton_event *event);
