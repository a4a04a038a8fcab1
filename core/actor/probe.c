/* SPDX-License-Identifier: Apache-2.0 */

/* Asks a target for a word when the board wants to know whether it is well again and nobody else
 * asks it. One at a time per shard, begun and timed out by its sweep. Its ticket carries the
 * number of no actor, so that its end finds its way here. Nothing of it reaches a session.
 */

#include "core/actor/actor.h"

#include "core/base/log.h"

enum {
	PROBE_MS_MAX = BATON_FIRST_TOKEN_MS,
	PROBE_TOKENS = 16,
	SERIAL_MASK = (1 << ACTOR_TICKET_BITS) - 1
};
static const uint64_t NS_PER_MS = 1000000;

bool probe_is(const struct baton_shard *shard, uint64_t ticket)
{
	return shard->probe.ticket != 0 && shard->probe.ticket == ticket;
}

static uint64_t lasted_ms(const struct baton_shard *shard, uint64_t until_ns)
{
	return (until_ns - shard->probe.asked_ns) / NS_PER_MS;
}

static void settle(struct baton_shard *shard, struct baton_outcome *outcome)
{
	const struct baton_seam *seam = &shard->seam;
	struct probe *probe = &shard->probe;
	struct baton_now now;

	outcome->total_ms = lasted_ms(shard, seam->now_ns(seam->ud));
	outcome->cost_microusd = probe->cost_microusd;
	if (probe->words)
		outcome->first_token_ms = probe->first_ms;
	struct baton_board *board = seam->board(seam->ud, &now);
	baton_board_settle(board, now, probe->lease, outcome);
	seam->board_done(seam->ud);
	baton_log(BATON_LOG_INFO, "target_probed", "ss", "target", probe->target->name, "outcome",
		  outcome->answered    ? "well"
		  : outcome->cancelled ? "cancelled"
				       : baton_fail_name(outcome->fail));
	seam->release_unpin(seam->ud, probe->release);
	*probe = (struct probe){ .serial = probe->serial };
}

static void fail(struct baton_shard *shard, uint32_t class_, uint32_t scope)
{
	settle(shard, &(struct baton_outcome){ .fail = class_, .scope = scope });
}

static int ask(struct baton_shard *shard, const struct baton_target *target)
{
	const struct baton_seam *seam = &shard->seam;
	baton_msg hello = { .role = BATON_ROLE_CUSTOMER,
			    .text = BATON_STR("Are you there? Answer in one word.") };
	baton_turn turn = { .size = sizeof(turn),
			    .session_id = BATON_STR("probe"),
			    .turn_id = BATON_STR("probe"),
			    .channel = BATON_STR("probe"),
			    .msgs = &hello,
			    .n_msgs = 1,
			    .deadline_ns = shard->probe.asked_ns + PROBE_MS_MAX * NS_PER_MS };
	baton_prompt prompt = { .size = sizeof(prompt),
				.turn = &turn,
				.model = baton_str_of(target->model),
				.max_output_tokens = PROBE_TOKENS,
				.temperature_milli = target->temperature_milli };

	return seam->generate(seam->ud, shard->probe.release, shard->probe.ticket, target->provider,
			      &prompt);
}

static void begin(struct baton_shard *shard)
{
	const struct baton_seam *seam = &shard->seam;
	struct probe *probe = &shard->probe;
	struct baton_release *release = seam->release_pin(seam->ud, NULL);
	struct baton_probe_order order;
	struct baton_now now;

	struct baton_board *board = seam->board(seam->ud, &now);
	bool wanted = baton_board_probe(board, now, seam->policy(seam->ud, release), &order);
	seam->board_done(seam->ud);
	if (!wanted) {
		seam->release_unpin(seam->ud, release);
		return;
	}
	probe->serial = probe->serial % SERIAL_MASK + 1;
	probe->ticket = probe->serial; /* of actor number 0: nobody's */
	probe->lease = order.lease;
	probe->target = order.target;
	probe->release = release;
	probe->asked_ns = seam->now_ns(seam->ud);
	if (ask(shard, order.target) < 0) {
		probe->ticket = 0;
		fail(shard, BATON_FAIL_MODULE, BATON_SCOPE_PROVIDER);
	}
}

static void give_up(struct baton_shard *shard, uint32_t why)
{
	const struct baton_seam *seam = &shard->seam;

	seam->cancel(seam->ud, shard->probe.release, shard->probe.ticket, why);
	shard->probe.ticket = 0;
}

void probe_sweep(struct baton_shard *shard)
{
	const struct baton_seam *seam = &shard->seam;

	if (shard->probe.ticket == 0) {
		if (!shard->draining)
			begin(shard);
		return;
	}
	if (lasted_ms(shard, seam->now_ns(seam->ud)) < PROBE_MS_MAX)
		return;
	bool words = shard->probe.words;
	give_up(shard, BATON_CANCEL_DEADLINE);
	fail(shard, words ? BATON_FAIL_STALL : BATON_FAIL_FIRST_TOKEN, BATON_SCOPE_PROVIDER);
}

void probe_stop(struct baton_shard *shard)
{
	if (shard->probe.ticket == 0)
		return;
	give_up(shard, BATON_CANCEL_SHUTDOWN);
	settle(shard, &(struct baton_outcome){ .cancelled = true });
}

void probe_heard_delta(struct baton_shard *shard, uint32_t kind, baton_str data)
{
	const struct baton_seam *seam = &shard->seam;

	if (kind != BATON_DELTA_TEXT || data.n == 0 || shard->probe.words)
		return;
	shard->probe.words = true;
	shard->probe.first_ms = lasted_ms(shard, seam->now_ns(seam->ud));
}

void probe_heard_usage(struct baton_shard *shard, const baton_usage *usage)
{
	const struct baton_target *target = shard->probe.target;

	shard->probe.cost_microusd = usage->cost_microusd;
	if (usage->cost_microusd == 0)
		shard->probe.cost_microusd = (usage->in_tokens * target->in_microusd_per_mtok +
					      usage->out_tokens * target->out_microusd_per_mtok) /
					     1000000;
}

void probe_heard_end(struct baton_shard *shard)
{
	shard->probe.ticket = 0;
	if (shard->probe.words)
		settle(shard, &(struct baton_outcome){ .answered = true });
	else
		fail(shard, BATON_FAIL_EMPTY, BATON_SCOPE_MODEL);
}

void probe_heard_fail(struct baton_shard *shard, const baton_error *error)
{
	shard->probe.ticket = 0;
	settle(shard, &(struct baton_outcome){ .fail = error->fail,
					       .scope = error->scope,
					       .retry_after_ms = error->retry_after_ms,
					       .until_unix_ms = error->until_unix_ms });
}
