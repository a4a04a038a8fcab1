/* SPDX-License-Identifier: Apache-2.0 */

/* A desk with a clock that the test sets, policies made by hand, and a diary of all that comes out of
 * it: one word for each thing, in order. */
#pragma once

#include "tests/unit/unit.h"

#include "core/base/buf.h"
#include "core/desk/desk.h"
#include "core/observe/metrics.h"

#include <stdio.h>
#include <string.h>

#define RIG __attribute__((unused)) static

enum { RIG_QUEUES = 4, RIG_AGENTS = 64 };

struct rig {
	struct baton_desk *desk;
	struct baton_now now;
	/* "7:c2w1" console 7, case of session 2, waiting, rank 1; c: claimed, g: gone; "7:o2" an offer
	 * of it, "7:x2" no more; "7:d3" the list of 3 begins; "r2:no_reply@4", "a2@4:5000": asked of
	 * session 2 with that epoch; "p2:1/3": its place. */
	struct baton_buf diary;
	bool quiet; /* cases are not written down */
	uint64_t counts[BATON_METRIC_COUNT];
	struct baton_queue_place place; /* told last */
	struct baton_case kase;         /* the same, without its words */
	char overview[8192];
	uint64_t notices, overviews;

	struct baton_policy policy;
	struct baton_queue_def queues[RIG_QUEUES];
	struct baton_agent_def agents[RIG_AGENTS];
	struct baton_customer_tier_def tiers[1];
};

RIG int rig_number(const struct baton_id *session)
{
	return session->b[0] << 8 | session->b[1];
}

RIG struct baton_id rig_session(int number)
{
	return (struct baton_id){ { (uint8_t)(number >> 8), (uint8_t)number } };
}

RIG void rig_case(struct rig *rig, baton_conn conn, const struct baton_notice *notice)
{
	static const char letters[] = { 'g', 'w', 'c' };

	rig->kase = notice->kase;
	if (rig->quiet)
		return;
	baton_buf_printf(&rig->diary, "%d:c%d%c", (int)conn, rig_number(&notice->session),
			 letters[notice->kase.state]);
	if (notice->kase.position > 0)
		baton_buf_printf(&rig->diary, "%d", (int)notice->kase.position);
	baton_buf_z(&rig->diary, " ");
}

RIG void rig_notify(void *ud, baton_conn conn, struct baton_notice *notice)
{
	struct rig *rig = ud;

	rig->notices++;
	if (notice->type == BATON_NOTE_CASE)
		rig_case(rig, conn, notice);
	else if (notice->type == BATON_NOTE_DESK && !rig->quiet)
		baton_buf_printf(&rig->diary, "%d:d%d ", (int)conn, (int)notice->seq);
	else if (notice->type == BATON_NOTE_OFFER)
		baton_buf_printf(&rig->diary, "%d:%c%d ", (int)conn, notice->unix_ms ? 'o' : 'x',
				 rig_number(&notice->session));
	else if (notice->type == BATON_NOTE_MORE)
		baton_buf_printf(&rig->diary, "%d:more%d ", (int)conn, (int)notice->seq);
	rig->overviews += notice->type == BATON_NOTE_OVERVIEW;
	if (notice->type == BATON_NOTE_OVERVIEW)
		(void)snprintf(rig->overview, sizeof(rig->overview), "{%.*s}", (int)notice->text.n,
			       notice->text.p);
}

RIG void rig_command(void *ud, const struct baton_id *session, const struct baton_command *command)
{
	struct rig *rig = ud;

	assert_int_equal(command->role, BATON_SELF);
	if (command->verb == BATON_CMD_RELEASE)
		baton_buf_printf(&rig->diary, "r%d:%.*s@%d ", rig_number(session),
				 (int)command->text.n, command->text.p, (int)command->epoch);
	else if (command->verb == BATON_CMD_ABANDON)
		baton_buf_printf(&rig->diary, "a%d@%d:%d ", rig_number(session),
				 (int)command->epoch, (int)command->about_seq);
	else
		fail_msg("verb %d", command->verb);
}

RIG void rig_place(void *ud, const struct baton_id *session, const struct baton_queue_place *place)
{
	struct rig *rig = ud;

	rig->place = *place;
	if (!rig->quiet)
		baton_buf_printf(&rig->diary, "p%d:%d/%d ", rig_number(session),
				 (int)place->position, (int)place->waiting);
}

RIG void rig_count(void *ud, unsigned metric, uint64_t add)
{
	((struct rig *)ud)->counts[metric] += add;
}

/* Two queues: 0 "general", 1 "billing". People: a and b on both. Nothing else is set. */
RIG void rig_begin(struct rig *rig)
{
	struct baton_desk_host host = { rig, rig_notify, rig_command, rig_place, rig_count };

	memset(rig, 0, sizeof(*rig));
	rig->now = (struct baton_now){ 1000000, 1795000000000 };
	rig->queues[0] = (struct baton_queue_def){ .name = "general", .title = "General" };
	rig->queues[1] = (struct baton_queue_def){ .name = "billing", .title = "Billing" };
	rig->agents[0] = (struct baton_agent_def){ .id = "a", .name = "Ann", .role = "agent" };
	rig->agents[1] = (struct baton_agent_def){ .id = "b", .name = "Bob", .role = "agent" };
	rig->tiers[0] = (struct baton_customer_tier_def){ .name = "vip" };
	rig->policy = (struct baton_policy){
		.default_queue = "general",
		.queues = rig->queues,
		.n_queues = 2,
		.agents = rig->agents,
		.n_agents = 2,
		.desk = { .capacity = 4, .tiers = rig->tiers, .n_tiers = 1 }
	};
	rig->desk = baton_desk_new(&host);
}

RIG void rig_adopt(struct rig *rig)
{
	baton_desk_policy(rig->desk, rig->now, &rig->policy);
}

RIG void rig_end(struct rig *rig)
{
	baton_desk_free(&rig->desk);
	assert_null(rig->desk);
	baton_buf_done(&rig->diary);
}

/* What has come out since the last look. */
#define rig_expect(rig, words)                                                    \
	do {                                                                      \
		assert_string_equal((rig)->diary.n ? (rig)->diary.p : "", words); \
		baton_buf_reset(&(rig)->diary);                                   \
	} while (0)
RIG void rig_forget(struct rig *rig)
{
	baton_buf_reset(&rig->diary);
}

/* Round by round, as a server does. */
RIG void rig_pass(struct rig *rig, uint64_t ms)
{
	while (ms > 0) {
		uint64_t step = ms < 100 ? ms : 100;

		rig->now.ms += step;
		rig->now.unix_ms += step;
		baton_desk_tick(rig->desk, rig->now);
		ms -= step;
	}
}

RIG void rig_watch(struct rig *rig, baton_conn conn, const char *agent)
{
	enum baton_role role = agent[0] == 's'   ? BATON_SUPERVISOR
			       : agent[0] == 'z' ? BATON_ADMIN
						 : BATON_AGENT;

	baton_desk_watch(
		rig->desk, rig->now,
		&(struct baton_desk_who){ conn, role, baton_str_of(agent), baton_str_of(agent) });
}

/* What a session tells. Whatever is not named is nothing; it waits since `waits_ms` ago. */
struct rig_told {
	enum baton_case_state state;
	uint64_t epoch, priority, waits_ms, unanswered_ms;
	const char *queue, *agent, *tier, *language, *to_agent, *rule, *reason, *mode;
	bool absent, ticket, abandoned;
};

RIG void rig_tell(struct rig *rig, int session, struct rig_told told)
{
	struct baton_id id = rig_session(session);
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_CASE, &id);
	struct baton_case *kase = &notice->kase;

	kase->session = id;
	kase->state = told.state;
	/* As in the life of a case: waits, is claimed, is no case any more. */
	static const uint64_t epochs[] = { 9, 1, 2 };
	kase->epoch = told.epoch ? told.epoch : epochs[told.state];
	kase->priority = told.priority ? told.priority : 5;
	kase->waiting_since_ms = rig->now.unix_ms - told.waits_ms;
	kase->unanswered_ms = told.unanswered_ms;
	kase->queue = baton_str_of(told.queue ? told.queue : "general");
	kase->agent = baton_str_of(told.agent);
	kase->customer_tier = baton_str_of(told.tier);
	kase->language = baton_str_of(told.language);
	kase->to_agent = baton_str_of(told.to_agent);
	kase->rule = baton_str_of(told.rule);
	kase->reason = baton_str_of(told.reason);
	kase->mode = baton_str_of(told.mode);
	kase->present = !told.absent;
	kase->ticket = told.ticket;
	kase->abandoned = told.abandoned;
	baton_desk_update(rig->desk, rig->now, notice);
	baton_notice_unref(&notice);
	assert_null(notice);
}

#define WAITS(...) ((struct rig_told){ .state = BATON_CASE_WAITING, __VA_ARGS__ })
#define CLAIMED(...) ((struct rig_told){ .state = BATON_CASE_CLAIMED, __VA_ARGS__ })
#define GONE(...) ((struct rig_told){ .state = BATON_CASE_NONE, __VA_ARGS__ })
