/* SPDX-License-Identifier: Apache-2.0 */

/* Frames for people at the desk, for admins, and for the customer who waits for one of them. The
 * JSON inside overview, package, operations and done is made by whoever knows it, and passed on. */

#include "channels/chat/wire_put.h"

#include "core/base/errors.h"

void wire_desk(const struct teller *teller)
{
	put_u64(teller->to->out, "{\"t\":\"desk\",\"cases\":", teller->notice->seq);
	end_frame(teller, "}");
}

static const char *case_state(enum baton_case_state state)
{
	switch (state) {
	case BATON_CASE_NONE:
		return "gone";
	case BATON_CASE_WAITING:
		return "waiting";
	case BATON_CASE_CLAIMED:
		return "claimed";
	}
	return "gone";
}

/* Whom it is about. */
static void put_customer(struct baton_buf *out, const struct baton_case *kase)
{
	put_opt(out, ",\"tier\":", kase->customer_tier);
	put_opt(out, ",\"customer_name\":", kase->customer_name);
	put_opt(out, ",\"language\":", kase->language);
	put_yes(out, ",\"verified\":true", kase->verified);
	put_yes(out, ",\"present\":true", kase->present);
	put_yes(out, ",\"ticket\":true", kase->ticket);
	put_yes(out, ",\"abandoned\":true", kase->abandoned);
}

/* The clocks that run, and where it stands. */
static void put_clocks(struct baton_buf *out, const struct baton_case *kase)
{
	put_some(out, ",\"rank\":", kase->position);
	put_some(out, ",\"precedence\":", kase->precedence);
	put_some(out, ",\"due_ms\":", kase->due_ms);
	put_some(out, ",\"unanswered_ms\":", kase->unanswered_ms);
	put_some(out, ",\"queued_ms\":", kase->queued_ms);
	put_some(out, ",\"claimed_ms\":", kase->claimed_ms);
}

void wire_case(const struct teller *teller)
{
	const struct baton_case *kase = &teller->notice->kase;
	struct baton_buf *out = teller->to->out;

	put_id(out, "{\"t\":\"case\",\"session\":", &kase->session);
	put_str(out, ",\"state\":", baton_str_of(case_state(kase->state)));
	put_str(out, ",\"queue\":", kase->queue);
	put_u64(out, ",\"priority\":", kase->priority);
	put_str(out, ",\"reason\":", kase->reason);
	put_u64(out, ",\"waiting_since_ms\":", kase->waiting_since_ms);
	put_opt(out, ",\"agent\":", kase->agent);
	put_opt(out, ",\"agent_name\":", kase->agent_name);
	put_opt(out, ",\"to_agent\":", kase->to_agent);
	put_customer(out, kase);
	put_clocks(out, kase);
	put_some(out, ",\"tier_level\":", kase->tier);
	put_opt(out, ",\"intent\":", kase->intent);
	put_opt(out, ",\"rule\":", kase->rule);
	put_opt(out, ",\"preview\":", kase->preview);
	put_opt(out, ",\"mode\":", kase->mode);
	if (kase->tags.n > 0) {
		put_z(out, ",\"tags\":");
		baton_buf_str(out, kase->tags);
	}
	put_yes(out, ",\"claimable\":true", kase->claimable);
	put_yes(out, ",\"draft\":true", kase->has_draft);
	end_frame(teller, "}");
}

void wire_offer(const struct teller *teller)
{
	put_id(teller->to->out, "{\"t\":\"offer\",\"session\":", &teller->notice->session);
	put_u64(teller->to->out, ",\"until_ms\":", teller->notice->unix_ms);
	end_frame(teller, "}");
}

void wire_overview(const struct teller *teller)
{
	put_z(teller->to->out, "{\"t\":\"overview\",");
	baton_buf_str(teller->to->out, teller->notice->text);
	end_frame(teller, "}");
}

void wire_package(const struct teller *teller)
{
	put_id(teller->to->out, "{\"t\":\"package\",\"session\":", &teller->notice->session);
	put_z(teller->to->out, ",\"package\":");
	baton_buf_str(teller->to->out, teller->notice->text);
	end_frame(teller, "}");
}

void wire_operations(const struct teller *teller)
{
	put_z(teller->to->out, "{\"t\":\"operations\",\"status\":");
	baton_buf_str(teller->to->out, teller->notice->text);
	end_frame(teller, "}");
}

void wire_done(const struct teller *teller)
{
	struct baton_buf *out = teller->to->out;

	put_str(out, "{\"t\":\"done\",\"id\":", teller->notice->client_id);
	put_z(out, teller->notice->code < 0 ? ",\"ok\":false" : ",\"ok\":true");
	if (teller->notice->text.n > 0) {
		put_z(out, ",\"answer\":");
		baton_buf_str(out, teller->notice->text);
	}
	end_frame(teller, "}");
}

/* An AG-UI activity. Nothing is said that is not known: no expected wait without claims to
 * reckon from, no hour of opening where a queue is always open. */
void wire_place(const struct teller *teller)
{
	const struct baton_queue_place *place = &teller->notice->place;
	struct baton_buf *out = teller->to->out;

	put_z(out, "{\"t\":\"ev\"");
	if (teller->audience == BATON_AUDIENCE_AGENT)
		put_id(out, ",\"session\":", &teller->notice->session);
	put_z(out, ",\"ev\":{\"type\":\"ACTIVITY_SNAPSHOT\",\"messageId\":\"queue\","
		   "\"activityType\":\"QUEUE\",\"content\":{");
	put_u64(out, "\"position\":", place->position);
	put_u64(out, ",\"waiting\":", place->waiting);
	put_u64(out, ",\"agents\":", place->agents);
	put_z(out, place->open ? ",\"open\":true" : ",\"open\":false");
	put_some(out, ",\"wait_ms\":", place->wait_ms);
	put_some(out, ",\"opens_ms\":", place->opens_ms);
	end_frame(teller, "}}}");
}
